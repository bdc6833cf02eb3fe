"""Is an energy counter itself at fault: does it stand under load, or move faster than its device can draw?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress, groupby, repeat
from operator import gt, mul, ne, sub

from perfwatch.derive.integral import between_changes_s
from perfwatch.derive.plausible import Limits
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series
from perfwatch.units import format_quantity

STUCK_S = 5.0
"""A counter that does not move for so long while power is drawn is at fault."""
STUCK_UPDATES = 3.0
"""One that is renewed more rarely has so many update periods."""
LEAST_SHARE_S = 0.2
"""A stretch that reaches into a window by less does not spoil it."""
IDLE_SEEN = 1.5
"""Idle was seen where the highest reading of a recording is so many times the lowest."""
ABOVE_IDLE = 1.1
"""Power is above idle when it is so many times the lowest reading."""
COARSE = 1.0
"""Steps of less than a second, or a joule, are those of a board; what is too short for them is no run."""
EXCESS = 2.0
"""A counter that implies more than this many times the power limit is at fault ..."""
EXCESS_S = 1.0
EXCESS_UPDATES = 10.0
"""... over at least a second and ten update periods; shorter stretches are never judged."""


def fault_of(counter: Series, power: Series | None, window: Sequence[Span], may: Limits) -> str | None:
    """What is wrong with the counter itself in the window, in words; `None` if nothing is.

    A restart is no such fault: what it hid leaves the coverage, by which the method is chosen.
    """
    for span in window:
        stuck = _stuck(counter, power, span) if power is not None else None
        if stuck is not None:
            return f"did not move for {stuck.duration_s:.1f} s while power was above idle"
        if _exceeds(counter, span, may.limit_w or may.most_w):
            return may.exceeded
    return None


def frozen(counter: Series, step_j: float, *, draws_always: bool) -> str | None:
    """Whether a counter never moved at all and could be frozen, in words; `None` where it can be believed.

    That nothing was used it does not say: one in kWh stands for hours. Where its step is known and is not
    small, less than that was used.

    Args:
        step_j: by how much it moves at a time, as far as that is known.
        draws_always: it is that of a processor or a memory, which draws power always.
    """
    lasted_s = counter.times[-1] - counter.times[0]
    if lasted_s <= 0.0 or not is_unmoved(min(counter.values), max(counter.values), step_j):
        return None
    why = "there is power always" if draws_always else "by how much it moves at a time nobody tells"
    return f"did not move in {lasted_s:.3g} s, and {why}"


def is_unmoved(lowest_j: float, highest_j: float, step_j: float) -> bool:
    """Whether a counter that was only ever between these tells nothing: not even that less was used."""
    return lowest_j == highest_j and step_j < COARSE


def too_coarse(update_s: float, step_j: float, used_j: float, window_s: float) -> str | None:
    """Whether a counter moves in steps of at least what was used, in words; `None` where it is fine enough.

    Args:
        update_s: how often it is renewed.
        step_j: by how much it moves at a time, as declared or seen.
        used_j: by the integral of power.
    """
    by_time_j = used_j * update_s / window_s if window_s > 0.0 else 0.0
    if not 0.0 < used_j <= max(step_j, by_time_j) or max(step_j, update_s) < COARSE:
        return None
    steps = format_quantity(step_j, "J") if step_j >= used_j else f"{update_s:g} s"
    return f"moves in steps of {steps}, and about {format_quantity(used_j, 'J')} were used"


def _update_s(counter: Series) -> float:
    """How often it is renewed, as declared, else as seen where its source may be slow; else 0."""
    metric = counter.metric
    if metric.update_s is not None or metric.oldest_s is None:
        return metric.update_s or 0.0
    return between_changes_s(counter) or 0.0


def _stuck(counter: Series, power: Series, span: Span) -> Span | None:
    """The first stretch that reaches into the span and in which the counter stood still under load too long.

    Where it began and ended does not matter: what it stood still for is missing from the span, and what it
    made up for at once may have been used before it.
    """
    update_s = _update_s(counter)
    patience_s = max(STUCK_S, STUCK_UPDATES * update_s)
    still = [
        one
        for one in _still(counter, patience_s)
        if min(one.end, span.end) - max(one.start, span.start) > max(LEAST_SHARE_S, STUCK_UPDATES * update_s)
    ]
    idle_w = _idle_watts(counter, power) if still else 0.0
    return next((loaded for part in still for loaded in _above(power, part, idle_w, patience_s)), None)


def _still(counter: Series, least_s: float) -> list[Span]:
    """Where the counter did not move for so long."""
    times, values = counter.times, counter.values
    moved = list(compress(range(1, len(values)), map(ne, values[1:], values)))
    firsts, lasts = (0, *moved), (*(index - 1 for index in moved), len(times) - 1)
    ends = ((times[first], times[last]) for first, last in zip(firsts, lasts, strict=True))
    return [Span(start, end) for start, end in ends if end - start >= least_s]


def _above(power: Series, span: Span, idle_w: float, least_s: float) -> Iterator[Span]:
    """Where in the span power readings stay above a level for long enough."""
    begin = bisect_left(power.times, span.start)
    times = power.times[begin : bisect_right(power.times, span.end)]
    for above, run in groupby(range(len(times)), lambda index: power.values[begin + index] > idle_w):
        indexes = list(run)
        if above and times[indexes[-1]] - times[indexes[0]] >= least_s:
            yield Span(times[indexes[0]], times[indexes[-1]])


def _idle_watts(counter: Series, power: Series) -> float:
    """Power above this is more than idle.

    The lowest reading tells it, if the recording saw load and idle. A recording without both, or one in
    which the counter never moved, takes any power for a reason to move.
    """
    low, high = min(power.values), max(power.values)
    if high < IDLE_SEEN * low or min(counter.values) == max(counter.values):
        return 0.0
    return ABOVE_IDLE * low


def _exceeds(counter: Series, span: Span, limit_w: float) -> bool:
    """Somewhere in the span, over a stretch long enough to judge, the counter implies too much power."""
    times, values = counter.within(span)
    allowed_j = map(mul, map(sub, times[1:], times), repeat(EXCESS * limit_w))
    if not any(map(gt, map(sub, values[1:], values), allowed_j)):
        return False
    least_s = max(EXCESS_S, EXCESS_UPDATES * (counter.metric.update_s or 0.0))
    for begin, t in enumerate(times):
        end = bisect_left(times, t + least_s)
        if end == len(times):
            return False
        if values[end] - values[begin] > EXCESS * limit_w * (times[end] - t):
            return True
    return False
