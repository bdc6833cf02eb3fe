"""How much energy readings of power add up to in a span: the trapezoid, its lag and its gaps.

A reading taken at `t` is on average (T + W) / 2 old, where the sensor renews its value every T seconds
(so that the value waits T / 2 for its reader) and averages over W (so that it stands for the middle of
that). Readings are shifted back by this lag; where the recording ends before the shifted span does, the
last reading is held, for the lag and not longer (measurement D.5, D.6).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import compress, repeat
from math import fsum
from operator import add, lt, mul, ne, sub
from typing import NamedTuple

from perfwatch.derive.counters import Cumulative
from perfwatch.derive.spans import Span
from perfwatch.model import Kind

UNKNOWN_REFRESH_CAP_S = 1.0
"""A sensor of unknown refresh is not taken for slower than this: its value may just not have changed."""
LOOK_AT = 5000
"""Readings from which an unknown refresh is found out."""


class Sensor(NamedTuple):
    """How a power sensor sees: renewed every `refresh_s`, averaged over `window_s` (0: an instant)."""

    refresh_s: float
    window_s: float

    @property
    def lag_s(self) -> float:
        """How old a reading is on average."""
        return (self.refresh_s + self.window_s) / 2.0


class Stretch(NamedTuple):
    """A covered part of a span.

    Args:
        span: on the session's clock.
        times, watts: the readings in it, shifted by the lag, with interpolated ones at both ends.
        held_s: how much of its end is held from the last reading.
        before_w, after_w: what the sensor told an average before it and after it; None where it told nothing.
    """

    span: Span
    times: array[float]
    watts: array[float]
    held_s: float
    before_w: float | None = None
    after_w: float | None = None

    @property
    def joules(self) -> float:
        """Energy, by the trapezoid rule."""
        steps = map(sub, self.times[1:], self.times)
        return fsum(map(mul, steps, map(add, self.watts[1:], self.watts))) / 2.0


class Integral(NamedTuple):
    """What the readings of one span gave: the covered stretches, and the gaps left out between them."""

    stretches: list[Stretch]
    gaps: list[Span]

    @property
    def joules(self) -> float:
        return fsum(stretch.joules for stretch in self.stretches)

    @property
    def covered_s(self) -> float:
        return fsum(stretch.span.duration_s for stretch in self.stretches)


def sensor_of(series: Cumulative) -> Sensor:
    """What is known of the sensor behind a series.

    An unknown refresh is the usual time between changes of the value, at most a second, or what its source is
    known to take at most (`oldest_s`); of an unknown averaging window nothing is assumed.
    """
    metric = series.metric
    refresh_s = _observed_refresh_s(series) if metric.update_s is None else metric.update_s
    return Sensor(max(0.0, refresh_s), max(0.0, metric.window_s or 0.0))


def integrate(series: Cumulative, span: Span, sensor: Sensor, *, longest_s: float) -> Integral:
    """The integral of power over a span; intervals longer than `longest_s` are left out."""
    times, lag_s = series.times, sensor.lag_s
    if not len(times) or span.end <= span.start:
        return Integral([], [])
    begin = max(span.start + lag_s, times[0])
    end = min(span.end + lag_s, times[-1] + lag_s)
    if end <= begin:
        return Integral([], [])
    first = bisect_right(times, begin) - 1
    last = min(bisect_left(times, end), len(times) - 1)
    holes = _holes(times, first, last, longest_s)
    edges = [begin, *(t for hole in holes for t in hole), end]
    stretches = [
        _stretch(series, max(begin, a), min(end, b), sensor)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if min(end, b) > max(begin, a)
    ]
    gaps = [Span(max(begin, a) - lag_s, min(end, b) - lag_s) for a, b in holes]
    return Integral(stretches, gaps)


def _holes(times: array[float], first: int, last: int, longest_s: float) -> list[tuple[float, float]]:
    """The intervals between readings `first` and `last` that are too long."""
    waits = map(sub, times[first + 1 : last + 1], times[first:last])
    long = compress(range(first, last), map(lt, repeat(longest_s), waits))
    return [(times[index], times[index + 1]) for index in long]


def _stretch(series: Cumulative, begin: float, end: float, sensor: Sensor) -> Stretch:
    """The readings between two times of reading, shifted, with both ends interpolated or held."""
    times, values = series.times, series.values
    lag_s, window_s = sensor.lag_s, sensor.window_s
    low, high = bisect_right(times, begin), bisect_left(times, end)
    shifted = array("d", [begin - lag_s])
    shifted.extend([t - lag_s for t in times[low:high]])
    shifted.append(end - lag_s)
    watts = array("d", [_power_at(times, values, begin)])
    watts.extend(values[low:high])
    watts.append(_power_at(times, values, end))
    held_s = max(0.0, end - max(begin, times[-1]))
    before_w = _power_at(times, values, begin - window_s) if times[0] < begin else None
    after_w = _power_at(times, values, end + window_s) if times[-1] > end else None
    return Stretch(Span(shifted[0], shifted[-1]), shifted, watts, held_s, before_w, after_w)


def _power_at(times: array[float], values: array[float], t: float) -> float:
    """The reading at a time of reading, interpolated; that of the last reading after it."""
    right = bisect_left(times, t)
    if right == len(times):
        return values[-1]
    if times[right] == t or right == 0:
        return values[right]
    left = right - 1
    return values[left] + (values[right] - values[left]) * (t - times[left]) / (times[right] - times[left])


def _observed_refresh_s(series: Cumulative) -> float:
    """The median time between two changes of the value, at most a second or as old as it may be.

    A counter that was not seen to move twice is taken to be as old as it may be; power may just rest.
    """
    between_s, oldest_s = between_changes_s(series), series.metric.oldest_s
    if between_s is not None:
        return min(between_s, max(UNKNOWN_REFRESH_CAP_S, oldest_s or 0.0))
    if oldest_s is not None and series.metric.kind is Kind.COUNTER:
        return oldest_s
    times = series.times[:LOOK_AT]
    return min(UNKNOWN_REFRESH_CAP_S, _median(list(map(sub, times[1:], times)), UNKNOWN_REFRESH_CAP_S))


def between_changes_s(series: Cumulative) -> float | None:
    """The median time between two changes of the value; None where it did not change twice."""
    times, values = series.times[:LOOK_AT], series.values[:LOOK_AT]
    changed = list(compress(times[1:], map(ne, values[1:], values)))
    return _median(list(map(sub, changed[1:], changed)), 0.0) if len(changed) >= 2 else None


def _median(values: Sequence[float], otherwise: float) -> float:
    return sorted(values)[len(values) // 2] if values else otherwise
