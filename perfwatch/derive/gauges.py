"""What a gauge did in a window: its mean weighted by time, its maximum, the share of time bits were set."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series


class Level(NamedTuple):
    """Mean and maximum of a gauge, in its unit; `None` where it was not read in the window."""

    mean: float | None
    max: float | None


def level(series: Series, spans: Sequence[Span], *, longest_step_s: float) -> Level:
    """The time-weighted mean (trapezoids between readings) and the largest reading of a window.

    Times between readings that are further apart than `longest_step_s` are left out: nothing is known
    about them.
    """
    area, covered, largest = [], [], []
    for first, last in _inside(series, spans):
        largest.append(max(series.values[first:last]))
        for index in range(first + 1, last):
            step = series.times[index] - series.times[index - 1]
            if step <= longest_step_s:
                area.append(step * (series.values[index] + series.values[index - 1]) / 2)
                covered.append(step)
    if not covered:
        return Level(max(largest, default=None), max(largest, default=None))
    return Level(math.fsum(area) / math.fsum(covered), max(largest))


def share_with_bits(series: Series, spans: Sequence[Span], bits: int, *, longest_step_s: float) -> float:
    """The share of the window's known time in which any of the bits was set, 0 to 1.

    A reading stands for the time until the next one, at most `longest_step_s`, and for what is left of its
    span. Before the first reading in a span the reading before it stands.
    """
    with_bits, known = [], []
    for span in spans:
        first, last = bisect_left(series.times, span.start), bisect_right(series.times, span.end)
        first = max(first - 1, 0) if first == len(series) or series.times[first] > span.start else first
        for index in range(first, last):
            begin = max(series.times[index], span.start)
            end = series.times[index + 1] if index + 1 < len(series) else math.inf
            held = min(end, span.end, series.times[index] + longest_step_s) - begin
            if held > 0:
                known.append(held)
                if int(series.values[index]) & bits:
                    with_bits.append(held)
    return math.fsum(with_bits) / math.fsum(known) if known else 0.0


def _inside(series: Series, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """The ranges of readings that lie in each span; empty ones are left out."""
    for span in spans:
        first, last = bisect_left(series.times, span.start), bisect_right(series.times, span.end)
        if last > first:
            yield first, last
