"""How many joules a device used in a window, by which method, and how sure that is.

Both methods are worked out where a device offers both: the difference of its energy counter, and the
integral of its power. The counter is preferred and left only when it is itself at fault (design 5.3).
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress, groupby, repeat
from math import fsum, inf
from operator import gt, mul, ne, sub

from perfwatch.derive import counters, integral, uncertainty
from perfwatch.derive.findings import INFO, WARN, Finding
from perfwatch.derive.spans import Span, total, union, without
from perfwatch.derive.tape import DeviceTape, Series
from perfwatch.derive.uncertainty import Error
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Method

GAIN_RATIOS = {"nvidia": 0.05}
"""Gain error of a collector's sensors as a ratio of the energy, by the collector's name.

NVIDIA boards: -6.2 % to +5 % against external meters, typically within 5 % (measurement A.1, D.6).
"""

STUCK_S = 5.0
"""A counter that does not move for so long while power is drawn is at fault."""
STUCK_UPDATES = 3.0
"""One that is renewed more rarely has so many update periods."""
IDLE_SEEN = 1.5
"""Idle was seen where the highest reading of a recording is so many times the lowest."""
ABOVE_IDLE = 1.1
"""Power is above idle when it is so many times the lowest reading."""
EXCESS = 2.0
"""A counter that implies more than this many times the power limit is at fault ..."""
EXCESS_S = 1.0
EXCESS_UPDATES = 10.0
"""... over at least a second and ten update periods; shorter stretches are never judged."""
SAME_TIME = 0.01
"""Two figures whose covered times differ by no more than this share of them are of the same time."""
ENOUGH_READINGS = 32
"""From how many readings, at least, it is learnt how power wanders, where a recording has them."""


@dataclass(frozen=True)
class DeviceEnergy:
    """Energy of one device over a window: the union of its spans.

    Args:
        joules, error, method: the figure to quote; `None` where no part of the window was measured.
        counter_joules, counter_error: by the difference of the energy counter.
        integrated_joules, integrated_error: by integrating power.
        integral_off_ratio: how far the integral is above the counter as a share of the counter, over the time
            in which power was read; `None` where the two were not read over the same time.
        mean_watts: `joules` over the time that was covered.
        max_watts: the largest power reading in the window; `None` where only a counter exists.
        samples: readings in the window behind `joules`.
        coverage: covered time over the window's.
        largest_gap_s: the longest time in the window without such a reading.
        gain_ratio: gain error of the sensor; `None` if it is not known. It stands apart from `error`.
        estimated: the figure comes from a model, not from a sensor.
        findings: `gap`, `counter-reset`, `counter-disagrees`.
    """

    joules: float | None
    error: Error | None
    method: Method | None
    counter_joules: float | None
    counter_error: Error | None
    integrated_joules: float | None
    integrated_error: Error | None
    integral_off_ratio: float | None
    mean_watts: float | None
    max_watts: float | None
    samples: int
    coverage: float
    largest_gap_s: float
    gain_ratio: float | None
    estimated: bool
    findings: tuple[Finding, ...]


UNKNOWN_ENERGY = DeviceEnergy(
    joules=None,
    error=None,
    method=None,
    counter_joules=None,
    counter_error=None,
    integrated_joules=None,
    integrated_error=None,
    integral_off_ratio=None,
    mean_watts=None,
    max_watts=None,
    samples=0,
    coverage=0.0,
    largest_gap_s=0.0,
    gain_ratio=None,
    estimated=False,
    findings=(),
)
"""Of a device that tells neither power nor energy."""


@dataclass(frozen=True)
class _Figure:
    """What one method found."""

    joules: float
    error: Error
    covered_s: float
    method: Method
    estimated: bool
    samples: int
    times: array[float]
    gaps: tuple[Span, ...] = ()
    restarts: int = 0


def device_energy(
    tape: DeviceTape, spans: Sequence[Span], *, interval_s: float, limit_w: float | None = None
) -> DeviceEnergy | None:
    """Energy of a device over the union of spans; `None` if it tells neither power nor energy.

    Args:
        interval_s: the sampling period, which tells a gap from a pause between readings.
        limit_w: the highest power limit of the device, if one is known.
    """
    power, counter = tape.get(POWER.name), tape.get(ENERGY.name)
    if power is None and counter is None:
        return None
    window = union(spans)
    counted = _by_counter(counter, power, window, limit_w) if counter is not None else None
    integrated = _by_power(power, window, interval_s) if power is not None else None
    fault = _fault(counter, power, window, limit_w) if counter is not None else None
    chosen = _choose(counted, integrated, fault)
    compared = None
    if counter is not None and power is not None and counted is not None and integrated is not None:
        compared = (counted, integrated)
        if integrated.gaps:
            read = _read_time(window, integrated.gaps, integral.sensor_of(power).lag_s)
            compared = _both(_by_counter(counter, power, read, limit_w), _by_power(power, read, interval_s))
    duration_s = total(window)
    return DeviceEnergy(
        joules=chosen.joules if chosen else None,
        error=_error_of(chosen),
        method=_method(chosen),
        counter_joules=counted.joules if counted else None,
        counter_error=counted.error if counted else None,
        integrated_joules=integrated.joules if integrated else None,
        integrated_error=integrated.error if integrated else None,
        integral_off_ratio=_off_ratio(*compared) if compared else None,
        mean_watts=chosen.joules / chosen.covered_s if chosen else None,
        max_watts=_max_watts(power, window) if power is not None else None,
        samples=chosen.samples if chosen else 0,
        coverage=min(1.0, chosen.covered_s / duration_s) if chosen and duration_s > 0.0 else 0.0,
        largest_gap_s=_largest_gap_s(chosen, window) if chosen else duration_s,
        gain_ratio=GAIN_RATIOS.get(tape.collector),
        estimated=chosen.estimated if chosen else False,
        findings=tuple(_findings(tape.label, counted, compared, fault, chosen)),
    )


def _error_of(chosen: _Figure | None) -> Error | None:
    """Unknown for an estimate: how far a model is off does not show in its readings."""
    return None if chosen is None or chosen.estimated else chosen.error


def max_power(devices: Sequence[DeviceTape], spans: Sequence[Span]) -> float | None:
    """The largest sum of simultaneous power readings of the devices, in watts.

    `None` where a device tells no power, or never all of them at once. Readings count as simultaneous
    while none is older than one and a half of its device's usual intervals.
    """
    told = [power for device in devices if (power := device.get(POWER.name)) is not None]
    if not told or len(told) < len(devices):
        return None
    sums = [best for span in union(spans) if (best := _max_sum(told, span)) is not None]
    return max(sums, default=None)


# The two methods


def _by_counter(
    counter: Series, power: Series | None, window: Sequence[Span], limit_w: float | None
) -> _Figure | None:
    """What the counter tells; `None` if it tells nothing of the window."""
    grown = [(span, counters.growth(counter, span, limit_per_s=limit_w)) for span in window]
    known = [(span, growth, growth.amount) for span, growth in grown if growth.amount is not None]
    if not known:
        return None
    update_s = integral.sensor_of(counter).refresh_s
    return _Figure(
        joules=fsum(amount for _, _, amount in known),
        error=uncertainty.over_spans(_counter_error(counter, power, span, update_s) for span, _, _ in known),
        covered_s=fsum(growth.covered_s for _, growth, _ in known),
        method=Method.COUNTER,
        estimated=counter.metric.estimated,
        samples=sum(growth.readings for _, growth in grown),
        times=counter.times,
        restarts=sum(growth.restarts for _, growth in grown),
    )


def _counter_error(counter: Series, power: Series | None, span: Span, update_s: float) -> Error:
    """The error of the counter's difference over one span."""
    start, end = max(span.start, counter.times[0]), min(span.end, counter.times[-1])
    bridged = [_bridge_error(counter, power, t) for t in (start, end)]
    return uncertainty.counter_error(
        _power_near(counter, power, start), _power_near(counter, power, end), update_s, bridged
    )


def _bridge_error(counter: Series, power: Series | None, t: float) -> float:
    """The error of the counter interpolated at `t`; 0 at a reading.

    How far power may have stepped meanwhile is seen from the counter's slopes around the interval, and
    from the power readings in and beside it.
    """
    right = bisect_left(counter.times, t)
    if right == 0 or right == len(counter.times) or counter.times[right] == t:
        return 0.0
    begin, end = counter.times[right - 1], counter.times[right]
    seen = [_slope(counter, index) for index in (right - 2, right - 1, right)]
    if power is not None:
        first = max(0, bisect_right(power.times, begin) - 2)
        seen += power.values[first : bisect_left(power.times, end) + 2]
    told = [watts for watts in seen if watts is not None]
    if not told:
        return 0.0
    step_w = max(told) - min(told)
    return uncertainty.bridge_error(step_w, end - begin, (t - begin) / (end - begin))


def _slope(counter: Series, index: int) -> float | None:
    """Mean power between reading `index` and the next, by the counter."""
    if not 0 <= index < len(counter.times) - 1:
        return None
    elapsed_s = counter.times[index + 1] - counter.times[index]
    moved = counters.difference(counter.values[index], counter.values[index + 1], counter.metric.wraps_at)
    return moved / elapsed_s if moved is not None and elapsed_s > 0.0 else None


def _power_near(counter: Series, power: Series | None, t: float) -> float:
    """Power at a time as well as it is known: by the power readings, else by the counter's slope there."""
    if power is not None and power.times[0] <= t <= power.times[-1]:
        right = bisect_left(power.times, t)
        return power.values[right]
    right = min(max(bisect_left(counter.times, t), 1), len(counter.times) - 1)
    return _slope(counter, right - 1) or _slope(counter, right) or 0.0


def _by_power(power: Series, window: Sequence[Span], interval_s: float) -> _Figure | None:
    """What the power readings add up to; `None` if there are none for the window."""
    sensor = integral.sensor_of(power)
    longest_s = integral.gap_limit_s(interval_s)
    found = [(span, integral.integrate(power, span, sensor, longest_s=longest_s)) for span in window]
    stretches = [stretch for _, part in found for stretch in part.stretches]
    if not stretches:
        return None
    errors = [
        _integral_error(power, span, part.stretches, sensor, interval_s)
        for span, part in found
        if part.stretches
    ]
    return _Figure(
        joules=fsum(part.joules for _, part in found),
        error=uncertainty.over_spans(errors),
        covered_s=fsum(part.covered_s for _, part in found),
        method=Method.INTEGRATED,
        estimated=power.metric.estimated,
        samples=sum(len(_inside(power, span)) for span in window),
        times=power.times,
        gaps=tuple(gap for _, part in found for gap in part.gaps),
    )


def _integral_error(
    power: Series,
    span: Span,
    stretches: Sequence[integral.Stretch],
    sensor: integral.Sensor,
    interval_s: float,
) -> Error:
    """The error of the integral over one span."""
    first, last = bisect_left(power.times, span.start), bisect_right(power.times, span.end)
    missing = max(0, ENOUGH_READINGS - (last - first))
    first, last = max(0, first - (missing + 1) // 2), last + (missing + 1) // 2
    polling = uncertainty.polling_of(power.times[first:last], interval_s)
    wander = uncertainty.wander_of(power.values[first:last], sensor, polling.spacing_s)
    return uncertainty.over_spans(
        uncertainty.integral_error(stretch, sensor, wander, polling) for stretch in stretches
    )


def _read_time(window: Sequence[Span], gaps: Sequence[Span], lag_s: float) -> list[Span]:
    """The time in which both methods can be compared: from the first reading after each gap on.

    The counter goes on through a gap in the readings and the integral leaves it out: what was used
    meanwhile is no disagreement.
    """
    return without(window, [Span(gap.start, gap.end + lag_s) for gap in gaps])


def _both(counted: _Figure | None, integrated: _Figure | None) -> tuple[_Figure, _Figure] | None:
    return None if counted is None or integrated is None else (counted, integrated)


def _inside(series: Series, span: Span) -> array[float]:
    """The values read in a span."""
    return series.values[bisect_left(series.times, span.start) : bisect_right(series.times, span.end)]


def _max_watts(power: Series, window: Sequence[Span]) -> float | None:
    return max(chain.from_iterable(_inside(power, span) for span in window), default=None)


# Which method


def _choose(counted: _Figure | None, integrated: _Figure | None, fault: str | None) -> _Figure | None:
    if fault is not None or counted is None:
        return integrated
    if integrated is None:
        return counted
    restarted = counted.restarts > 0 and integrated.covered_s > counted.covered_s
    return integrated if restarted else counted


def _method(chosen: _Figure | None) -> Method | None:
    if chosen is None:
        return None
    return Method.ESTIMATED if chosen.estimated else chosen.method


def _fault(
    counter: Series, power: Series | None, window: Sequence[Span], limit_w: float | None
) -> str | None:
    """What is wrong with the counter itself in the window, in words; `None` if nothing is.

    A restart is no such fault: what it hid leaves the coverage, and `_choose` looks at that.
    """
    for span in window:
        stuck = _stuck(counter, power, span) if power is not None else None
        if stuck is not None:
            return f"did not move for {stuck.duration_s:.1f} s while power was above idle"
        if limit_w is not None and _exceeds(counter, span, limit_w):
            return f"implies more than twice the power limit of {limit_w:.0f} W"
    return None


def _stuck(counter: Series, power: Series, span: Span) -> Span | None:
    """The first stretch in which the counter stood still too long while power was above idle."""
    patience_s = max(STUCK_S, STUCK_UPDATES * (counter.metric.update_s or 0.0))
    first, last = bisect_left(counter.times, span.start), bisect_right(counter.times, span.end)
    times, values = counter.times[first:last], counter.values[first:last]
    if not len(times) or times[-1] - times[0] < patience_s:
        return None
    moves = [times[0], *compress(times[1:], map(ne, values[1:], values)), times[-1]]
    if max(map(sub, moves[1:], moves)) < patience_s:
        return None
    moved = list(compress(range(1, len(values)), map(ne, values[1:], values)))
    begins = [times[index] for index in (0, *moved)]
    ends = [times[index] for index in (*(index - 1 for index in moved), len(times) - 1)]
    still = [Span(a, b) for a, b in zip(begins, ends, strict=True) if b - a >= patience_s]
    idle_w = _idle_watts(counter, power) if still else 0.0
    return next((loaded for part in still for loaded in _above(power, part, idle_w, patience_s)), None)


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
    first, last = bisect_left(counter.times, span.start), bisect_right(counter.times, span.end)
    times, values = counter.times[first:last], counter.values[first:last]
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


# What a reader must know


def _findings(
    label: str,
    counted: _Figure | None,
    compared: tuple[_Figure, _Figure] | None,
    fault: str | None,
    chosen: _Figure | None,
) -> Iterator[Finding]:
    if counted is not None and counted.restarts:
        yield Finding("counter-reset", INFO, _reset_message(label, counted, chosen))
    if fault is not None:
        instead = "is integrated from its power readings instead" if chosen else "is not known"
        yield Finding(
            "counter-disagrees", WARN, f"{label}: the energy counter {fault}; the energy {instead}."
        )
    elif compared is not None and _disagree(*compared):
        yield Finding("counter-disagrees", WARN, _disagreement(label, *compared))
    if chosen is not None and chosen.gaps:
        yield Finding("gap", WARN, _gap_message(label, chosen.gaps))


def _disagree(counted: _Figure, integrated: _Figure) -> bool:
    """The two differ by more than both errors, and by more than what only one of them covered."""
    allowed = counted.error.expanded() + integrated.error.expanded()
    watts = max(counted.joules / counted.covered_s, integrated.joules / integrated.covered_s)
    allowed += watts * abs(counted.covered_s - integrated.covered_s)
    return abs(counted.joules - integrated.joules) > allowed


def _off_ratio(counted: _Figure, integrated: _Figure) -> float | None:
    """How far the integral is above the counter; `None` where one of them left out what the other has."""
    if counted.joules <= 0.0 or abs(counted.covered_s - integrated.covered_s) > SAME_TIME * counted.covered_s:
        return None
    return (integrated.joules - counted.joules) / counted.joules


def _disagreement(label: str, counted: _Figure, integrated: _Figure) -> str:
    return (
        f"{label}: the energy counter says {_joules(counted)}, the integral of power {_joules(integrated)}: "
        "they differ by more than both errors. The counter is used."
    )


def _joules(figure: _Figure) -> str:
    return f"{figure.joules:.4g} ± {figure.error.expanded():.2g} J"


def _reset_message(label: str, counted: _Figure, chosen: _Figure | None) -> str:
    times = "once" if counted.restarts == 1 else f"{counted.restarts} times"
    instead = "" if chosen is counted else "; the energy is integrated from power readings instead"
    return f"{label}: the energy counter restarted {times}; what it counted meanwhile is not known{instead}."


def _gap_message(label: str, gaps: Sequence[Span]) -> str:
    longest = max(gaps, key=lambda gap: gap.duration_s)
    where = f"no power reading for {longest.duration_s:.1f} s from {longest.start:.1f} s of the session on"
    if len(gaps) > 1:
        where += f", and {len(gaps) - 1} more such gaps, {total(gaps):.1f} s in all"
    return f"{label}: {where}; left out of the energy."


def _largest_gap_s(chosen: _Figure, window: Sequence[Span]) -> float:
    return max(counters.largest_gap_s(chosen.times, span) for span in window)


# Several devices


def _max_sum(told: Sequence[Series], span: Span) -> float | None:
    """The largest sum of simultaneous readings in one span."""
    parts = [(_times_inside(power, span), _inside(power, span)) for power in told]
    if any(not len(times) for times, _ in parts):
        return None
    if len(parts) == 1:
        return max(parts[0][1])
    ages = [1.5 * uncertainty.polling_of(times, inf).spacing_s for times, _ in parts]
    common = _without_odd_edges(parts, min(ages) / 3.0)
    if len(common[0][0]) and _in_step(common, min(ages) / 3.0):
        return max(map(sum, zip(*(watts for _, watts in common), strict=True)))
    return _max_merged(parts, ages)


def _times_inside(series: Series, span: Span) -> array[float]:
    return series.times[bisect_left(series.times, span.start) : bisect_right(series.times, span.end)]


def _without_odd_edges(
    parts: Sequence[tuple[array[float], array[float]]], within_s: float
) -> list[tuple[array[float], array[float]]]:
    """Without the readings at the edges that only some devices have: nothing is simultaneous there."""
    first = max((times[0] for times, _ in parts if len(times)), default=0.0) - within_s
    last = min((times[-1] for times, _ in parts if len(times)), default=0.0) + within_s
    kept = []
    for times, watts in parts:
        begin, end = bisect_left(times, first), bisect_right(times, last)
        kept.append((times[begin:end], watts[begin:end]))
    return kept


def _in_step(parts: Sequence[tuple[array[float], array[float]]], within_s: float) -> bool:
    """The devices were read in the same polls: reading for reading at nearly one time."""
    first = parts[0][0]
    return all(
        len(times) == len(first) and max(map(abs, map(sub, times, first))) < within_s
        for times, _ in parts[1:]
    )


def _max_merged(parts: Sequence[tuple[array[float], array[float]]], ages: Sequence[float]) -> float | None:
    """The largest sum of the newest readings, going through all of them in order of time."""
    best: float | None = None
    newest: list[tuple[float, float]] = [(-inf, 0.0)] * len(parts)
    streams = [
        zip(times, [number] * len(times), watts, strict=True) for number, (times, watts) in enumerate(parts)
    ]
    for t, number, watts in heapq.merge(*streams):
        newest[number] = (t, watts)
        if all(t - read <= age for (read, _), age in zip(newest, ages, strict=True)):
            added = fsum(power for _, power in newest)
            best = added if best is None else max(best, added)
    return best
