"""How many joules a device used in a window, by which method, and how sure that is.

Both methods are worked out where a device offers both: the difference of its energy counter, and the
integral of its power. The counter is preferred and left only when it is itself at fault (design 5.3).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import fsum

from perfwatch.derive import counters, integral, uncertainty
from perfwatch.derive.carried import at_begin, at_end, carried_on
from perfwatch.derive.counter_ends import ends_error
from perfwatch.derive.counter_fault import fault_of, frozen, too_coarse
from perfwatch.derive.counter_step import last_digit_of, step_error, step_of
from perfwatch.derive.findings import INFO, WARN, Finding
from perfwatch.derive.plausible import Limits, most_w
from perfwatch.derive.spans import Span, gap_limit_s, total, union, without
from perfwatch.derive.staleness import age_of, stale_error
from perfwatch.derive.tape import DeviceTape, Series
from perfwatch.derive.uncertainty import Error
from perfwatch.metrics import TELL_ENERGY
from perfwatch.model import Device, DeviceKind, Method
from perfwatch.units import format_quantity

GAIN_RATIOS = {"nvidia": 0.05}
"""Gain error of a collector's sensors as a ratio of the energy, by the collector's name.

NVIDIA boards: -6.2 % to +5 % against external meters, typically within 5 % (measurement A.1, D.6).
"""

SAME_TIME = 0.01
"""Two figures whose covered times differ by no more than this share of them are of the same time."""
TOO_FEW_SAMPLES = 5
"""An integral of fewer readings of power is not to be quoted, and says nothing against a counter."""
ALL_DIGITS = 7
"""Of two figures that are equal in as many digits as people are told."""
ENOUGH_READINGS = 32
"""From how many readings, at least, it is learnt how power wanders, where a recording has them."""

APART = 0.5
"""Readings closer together than this share of the sampling period were taken out of turn."""


_NEVER_AT_REST = (DeviceKind.CPU, DeviceKind.MEMORY)


@dataclass(frozen=True)
class DeviceEnergy:
    """Energy of one device over a window: the union of its spans.

    Args:
        joules, error, method: the figure to quote; `None` where no part of the window was measured.
        counter_joules, counter_error: by the difference of the energy counter.
        integrated_joules, integrated_error: by integrating power.
        integral_off_ratio: how far the integral is above the counter as a share of the counter, over the time
            in which power was read; `None` where the two were not read over the same time.
        mean_watts: `joules` over the time that was covered; unknown of a counter of steps that stood.
        max_watts: the largest power reading in the window; `None` where only a counter exists.
        samples: readings in the window behind `joules`.
        coverage: covered time over the window's.
        largest_gap_s: the longest time in the window without such a reading.
        gain_ratio: gain error of the sensor; `None` if it is not known. It stands apart from `error`.
        estimated: the figure comes from a model, not from a sensor.
        findings: `gap`, `counter-reset`, `counter-disagrees`.
        counter_fault: why its counter was left, in words; None where it was not.
        counter_step_j: by how much its counter moves at a time, where that is in `joules`; else 0.
        age_s: how old its readings of power may be beyond what is usual, where they are in `joules`; else 0.
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
    counter_fault: str | None = None
    counter_step_j: float = 0.0
    age_s: float = 0.0


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
    wraps_at: float | None = None
    age_s: float = 0.0


def device_energy(
    tape: DeviceTape,
    spans: Sequence[Span],
    *,
    interval_s: float,
    limit_w: float | None = None,
    until: float | None = None,
    load_end: float | None = None,
) -> DeviceEnergy | None:
    """Energy of a device over the union of spans; `None` if it tells neither power nor energy.

    Args:
        interval_s: the sampling period, which tells a gap from a pause between readings.
        limit_w: the highest power limit of the device, if one is known.
        until: readings after this time are left out: their averages reach into what is another load.
        load_end: when the job ended. Readings of power soon after it average over what came then, often a
            board at rest: where they do not go on long enough for that to come out even, those after the
            first are left out.
    """
    power, counter = (_up_to(tape.get(name), until) for name in TELL_ENERGY)
    if power is None and counter is None:
        return None
    its_own = _of_the_load(power, load_end)
    window = union(spans)
    may = Limits(limit_w, most_w(tape.device))
    step_j = step_of(counter) if counter is not None else 0.0
    counted = _by_counter(counter, power, window, may, step_j) if counter is not None else None
    integrated = _by_power(its_own, counter, window, interval_s) if its_own is not None else None
    fault = None
    if counter is not None:
        used_j = integrated.joules if integrated is not None else 0.0
        coarse = too_coarse(_declared_s(counter), step_j, used_j, total(window))
        fault = coarse or fault_of(counter, power, window, may)
        if fault is None and (power is None or used_j > 0.0):
            fault = frozen(counter, step_j, draws_always=tape.device.kind in _NEVER_AT_REST)
    chosen = _choose(counted, integrated, fault)
    compared = None
    if counter is not None and its_own is not None and counted is not None and integrated is not None:
        compared = (counted, integrated)
        if integrated.gaps:
            read = _read_time(window, integrated.gaps, integral.sensor_of(its_own).lag_s)
            compared = _both(
                _by_counter(counter, power, read, may, step_j),
                _by_power(its_own, counter, read, interval_s),
            )
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
        mean_watts=_mean_watts(chosen, step_j if chosen is counted else 0.0),
        max_watts=_max_watts(power, window) if power is not None else None,
        samples=chosen.samples if chosen else 0,
        coverage=min(1.0, chosen.covered_s / duration_s) if chosen and duration_s > 0.0 else 0.0,
        largest_gap_s=_largest_gap_s(chosen, window) if chosen else duration_s,
        gain_ratio=gain_of(tape.device, tape.collector),
        estimated=chosen.estimated if chosen else False,
        findings=(
            *_lost_count(tape.label, counter if counted is None else None, window, may),
            *_findings(tape.label, counted, compared, fault, chosen),
        ),
        counter_fault=fault,
        counter_step_j=step_j if chosen is not None and chosen is counted else 0.0,
        age_s=chosen.age_s if chosen else 0.0,
    )


def _mean_watts(chosen: _Figure | None, step_j: float) -> float | None:
    """Of a counter that stood less than a step was used: how much power that was, nobody knows."""
    if chosen is None or (step_j > 0.0 and not chosen.joules):
        return None
    return chosen.joules / chosen.covered_s


def _declared_s(counter: Series) -> float:
    """How often a counter is renewed, as its source declares, or lets it be at most."""
    metric = counter.metric
    if metric.update_s is None and metric.oldest_s is not None:
        return integral.sensor_of(counter).refresh_s
    return metric.update_s or 0.0


def gain_of(device: Device, collector: str) -> float | None:
    """The gain of a device's sensors, the largest of its power's and energy's; None where none was stated."""
    stated = [one.gain_ratio for one in device.metrics if one.name in TELL_ENERGY]
    known = [gain for gain in stated if gain is not None]
    return max(known) if known else GAIN_RATIOS.get(collector)


def _up_to(series: Series | None, until: float | None) -> Series | None:
    return series if series is None or until is None else series.up_to(until)


def _of_the_load(power: Series | None, load_end: float | None) -> Series | None:
    """Without what came after its reading at the job's exit, a moment after that of other devices."""
    if power is None or load_end is None:
        return power
    at_the_exit = bisect_left(power.times, load_end)
    goes_on = power.times[-1] >= load_end + integral.sensor_of(power).lag_s
    return power if goes_on or at_the_exit >= len(power) else power.up_to(power.times[at_the_exit])


def _error_of(chosen: _Figure | None) -> Error | None:
    """Unknown for an estimate: how far a model is off does not show in its readings."""
    return None if chosen is None or chosen.estimated else chosen.error


# The two methods


def _by_counter(
    counter: Series, power: Series | None, window: Sequence[Span], may: Limits, step_j: float
) -> _Figure | None:
    """What the counter tells; `None` if it tells nothing of the window."""
    grown = [
        (span, counters.growth(counter, span, limit_per_s=may.limit_w, most_per_s=may.most_w))
        for span in window
    ]
    known = [(span, growth, growth.amount) for span, growth in grown if growth.amount is not None]
    if not known:
        return None
    trued = [
        _trued(counter, power, span, growth, limit_w=may.limit_w, step_j=step_j) for span, growth, _ in known
    ]
    update_s = integral.sensor_of(counter).refresh_s
    return _Figure(
        joules=fsum(joules for joules, _ in trued),
        error=uncertainty.over_spans(
            (error for _, error in trued), uncertainty.in_step_with(window, update_s)
        ),
        covered_s=fsum(growth.covered_s for _, growth, _ in known),
        method=Method.COUNTER,
        estimated=counter.metric.estimated,
        samples=sum(growth.readings for _, growth in grown),
        times=counter.times,
        restarts=sum(growth.restarts for _, growth in grown),
        wraps_at=counter.metric.wraps_at,
    )


def _trued(
    counter: Series,
    power: Series | None,
    span: Span,
    growth: counters.Growth,
    *,
    limit_w: float | None,
    step_j: float,
) -> tuple[float, Error]:
    """How far a counter moved over a span, carried on to both ends of it where steps were caught."""
    amount = growth.amount or 0.0
    if counter.times[0] <= span.start and span.end <= counter.times[-1] and not growth.restarts:
        begin, end = at_begin(counter, power, span.start), at_end(counter, power, span.end)
        if begin is not None and end is not None:
            most_j = None if limit_w is None else counters.PLAUSIBLE * limit_w * span.duration_s
            error = uncertainty.combine([begin.error, end.error])
            return carried_on(amount, begin, end, most_j), error
    late = ends_error(counter, power, span, integral.sensor_of(counter).refresh_s)
    stepped = step_error(step_j, amount, last_digit_of(counter.values))
    return amount, max(late, stepped, key=uncertainty.Error.expanded)


def _by_power(
    power: Series, counter: Series | None, window: Sequence[Span], interval_s: float
) -> _Figure | None:
    """What the power readings add up to; `None` if there are none for the window."""
    sensor = integral.sensor_of(power)
    longest_s = gap_limit_s(interval_s)
    found = [(span, integral.integrate(power, span, sensor, longest_s=longest_s)) for span in window]
    stretches = [stretch for _, part in found for stretch in part.stretches]
    if not stretches:
        return None
    age_s = age_of(power, counter, uncertainty.polling_of(power.times, interval_s))
    errors = [
        _integral_error(power, span, part.stretches, age_s, interval_s)
        for span, part in found
        if part.stretches
    ]
    return _Figure(
        joules=fsum(part.joules for _, part in found),
        error=uncertainty.over_spans(errors, uncertainty.in_step_with(window, sensor.refresh_s)),
        covered_s=fsum(part.covered_s for _, part in found),
        method=Method.INTEGRATED,
        estimated=power.metric.estimated,
        samples=sum(len(power.within(span)[0]) for span in window),
        times=power.times,
        gaps=tuple(gap for _, part in found for gap in part.gaps),
        age_s=age_s,
    )


def _integral_error(
    power: Series,
    span: Span,
    stretches: Sequence[integral.Stretch],
    age_s: float,
    interval_s: float,
) -> Error:
    """The error of the integral over one span."""
    sensor = integral.sensor_of(power)
    times, watts = _in_and_around(power, span, interval_s)
    polling = uncertainty.polling_of(times, interval_s)
    wander = uncertainty.wander_of(watts, sensor, polling.spacing_s)
    found = [uncertainty.integral_error(stretch, sensor, wander, polling) for stretch in stretches]
    return uncertainty.over_spans([*found, stale_error(watts, age_s, span.duration_s)])


def _in_and_around(power: Series, span: Span, interval_s: float) -> tuple[array[float], array[float]]:
    """The readings in a span, and enough around it where it has few.

    Of those that were taken densely before a job and after it only some are taken: they tell nothing of how
    densely the span was read.
    """
    first, last = bisect_left(power.times, span.start), bisect_right(power.times, span.end)
    wanted = (max(0, ENOUGH_READINGS - (last - first)) + 1) // 2
    begin, end = (power.times[first], power.times[last - 1]) if first < last else span
    before = _apart(power.times, range(first - 1, -1, -1), begin, wanted, interval_s)
    after = _apart(power.times, range(last, len(power.times)), end, wanted, interval_s)
    before.reverse()
    times, watts = (
        _picked(column, before) + column[first:last] + _picked(column, after)
        for column in (power.times, power.values)
    )
    return times, watts


def _picked(column: array[float], indices: Sequence[int]) -> array[float]:
    return array("d", (column[index] for index in indices))


def _apart(times: array[float], indices: range, since: float, wanted: int, interval_s: float) -> list[int]:
    """Of these readings, so many that are about an interval apart."""
    chosen: list[int] = []
    for index in indices:
        if len(chosen) == wanted:
            break
        if abs(times[index] - since) >= APART * interval_s:
            chosen.append(index)
            since = times[index]
    return chosen


def _read_time(window: Sequence[Span], gaps: Sequence[Span], lag_s: float) -> list[Span]:
    """The time in which both methods can be compared: from the first reading after each gap on.

    The counter goes on through a gap in the readings and the integral leaves it out: what was used
    meanwhile is no disagreement.
    """
    return without(window, [Span(gap.start, gap.end + lag_s) for gap in gaps])


def _both(counted: _Figure | None, integrated: _Figure | None) -> tuple[_Figure, _Figure] | None:
    return None if counted is None or integrated is None else (counted, integrated)


def _max_watts(power: Series, window: Sequence[Span]) -> float | None:
    return max(chain.from_iterable(power.within(span)[1] for span in window), default=None)


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


# What a reader must know


def _lost_count(label: str, counter: Series | None, window: Sequence[Span], may: Limits) -> Iterator[Finding]:
    """Why a counter that was read tells nothing of the window."""
    if counter is None:
        return
    if any(
        counters.growth(counter, span, limit_per_s=may.limit_w, most_per_s=may.most_w).restarts
        for span in window
    ):
        yield Finding(
            "counter-reset",
            INFO,
            f"{label}: between readings the energy counter restarted, or may have wrapped more than once: "
            "what it counted is not known.",
        )


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
        used = "The counter is used." if chosen is counted else "The integral is used."
        yield Finding("counter-disagrees", WARN, f"{_disagreement(label, *compared)} {used}")
    if chosen is not None and chosen.gaps:
        yield Finding("gap", WARN, _gap_message(label, chosen.gaps))


def _disagree(counted: _Figure, integrated: _Figure) -> bool:
    """The two differ by more than both errors, and by more than what only one of them covered."""
    if integrated.samples < TOO_FEW_SAMPLES:
        return False  # nobody knows what came between them
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
    by_counter, by_power = _joules(counted), _joules(integrated)
    if by_counter == by_power:  # both errors are far below what is written
        by_counter, by_power = (
            format_quantity(one.joules, "J", digits=ALL_DIGITS) for one in (counted, integrated)
        )
    return (
        f"{label}: the energy counter says {by_counter}, the integral of power {by_power}: "
        "they differ by more than both errors."
    )


def _joules(figure: _Figure) -> str:
    return format_quantity(figure.joules, "J", figure.error.expanded())


def _reset_message(label: str, counted: _Figure, chosen: _Figure | None) -> str:
    times = "once" if counted.restarts == 1 else f"{counted.restarts} times"
    instead = "" if chosen is counted else "; the energy is integrated from power readings instead"
    if counted.wraps_at:
        times += f", or does not wrap at {format_quantity(counted.wraps_at, 'J')} as declared"
    return f"{label}: the energy counter restarted {times}; what it counted meanwhile is not known{instead}."


def _gap_message(label: str, gaps: Sequence[Span]) -> str:
    longest = max(gaps, key=lambda gap: gap.duration_s)
    where = f"no power reading for {longest.duration_s:.1f} s from {longest.start:.1f} s of the session on"
    if len(gaps) > 1:
        where += f", and {len(gaps) - 1} more such gaps, {total(gaps):.1f} s in all"
    return f"{label}: {where}; left out of the energy."


def _largest_gap_s(chosen: _Figure, window: Sequence[Span]) -> float:
    return max(counters.largest_gap_s(chosen.times, span) for span in window)
