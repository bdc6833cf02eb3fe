"""How wrong is the difference of an energy counter, by what its two ends do not show?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from perfwatch.derive import counters, uncertainty
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series
from perfwatch.derive.uncertainty import Error


def ends_error(counter: Series, power: Series | None, span: Span, update_s: float) -> Error:
    """The error of the counter's difference over one span, J; `update_s` is how often it is renewed, s."""
    start, end = max(span.start, counter.times[0]), min(span.end, counter.times[-1])
    bridged = [_bridge_error(counter, power, t, update_s) for t in (start, end)]
    first_w, last_w = (_power_near(counter, power, t, update_s) for t in (start, end))
    return uncertainty.counter_error(first_w, last_w, update_s, bridged)


def _bridge_error(counter: Series, power: Series | None, t: float, update_s: float) -> float:
    """The error of the counter interpolated at `t`; 0 at a reading.

    How far power may have stepped meanwhile is seen from the counter's slopes around the interval, and
    from the power readings in and beside it.
    """
    right = bisect_left(counter.times, t)
    if right == 0 or right == len(counter.times) or counter.times[right] == t:
        return 0.0
    begin, end = counter.times[right - 1], counter.times[right]
    seen = [_slope(counter, index, update_s) for index in (right - 2, right - 1, right)]
    if power is not None:
        first = max(0, bisect_right(power.times, begin) - 2)
        seen += power.values[first : bisect_left(power.times, end) + 2]
    told = [watts for watts in seen if watts is not None]
    if not told:
        return 0.0
    step_w = max(told) - min(told)
    return uncertainty.bridge_error(step_w, end - begin, (t - begin) / (end - begin))


def _slope(counter: Series, index: int, least_s: float) -> float | None:
    """Mean power by the counter between reading `index` and the next, or over `least_s` around them."""
    last = len(counter.times) - 1
    if not 0 <= index < last:
        return None
    first, then = index, index + 1
    while counter.times[then] - counter.times[first] < least_s and (first, then) != (0, last):
        first, then = (first, then + 1) if then < last else (first - 1, then)
    elapsed_s = counter.times[then] - counter.times[first]
    moved = counters.difference(counter.values[first], counter.values[then], counter.metric.wraps_at)
    return moved / elapsed_s if moved is not None and elapsed_s > 0.0 else None


def _power_near(counter: Series, power: Series | None, t: float, update_s: float) -> float:
    """Power at a time as well as it is known: by power readings, else by the counter's slope there.

    Between two readings that are closer than its update period a counter moved by all of that period or not
    at all: what it moved by meanwhile is no power.
    """
    if power is not None and power.times[0] <= t <= power.times[-1]:
        right = bisect_left(power.times, t)
        return power.values[right]
    right = min(max(bisect_left(counter.times, t), 1), len(counter.times) - 1)
    near = (_slope(counter, index, update_s) for index in (right - 1, right))
    return next((watts for watts in near if watts), 0.0)
