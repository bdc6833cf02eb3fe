"""What a gauge did in a window: its mean weighted by time, its maximum, how long its values stood."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, compress, islice, repeat
from operator import add, le, mul, sub
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
    for times, values in _inside(series, spans):
        largest.append(max(values))
        steps_s = list(map(sub, islice(times, 1, None), times))
        known = list(map(le, steps_s, repeat(longest_step_s)))
        doubled = map(mul, steps_s, map(add, islice(values, 1, None), values))
        area.append(math.fsum(compress(doubled, known)) / 2)
        covered.append(math.fsum(compress(steps_s, known)))
    if not largest:
        return Level(None, None)
    covered_s = math.fsum(covered)
    return Level(math.fsum(area) / covered_s if covered_s else max(largest), max(largest))


def held_by_value(series: Series, spans: Sequence[Span], *, longest_step_s: float) -> dict[float, float]:
    """For how long each value of a gauge stood in a window, s; values are few, as those of bit masks are.

    A reading stands for the time until the next one, at most `longest_step_s`, and for what is left of its
    span. Before the first reading in a span the reading before it stands.
    """
    stood: dict[float, list[float]] = {}
    for span in spans:
        held_s, values = _held(series, span, longest_step_s)
        for value in set(values):
            stood.setdefault(value, []).append(math.fsum(compress(held_s, map(value.__eq__, values))))
    return {value: math.fsum(times_s) for value, times_s in stood.items()}


def _held(series: Series, span: Span, longest_step_s: float) -> tuple[list[float], array[float]]:
    """For how long each reading stands within a span, and the readings."""
    first, last = _first(series, span), bisect_left(series.times, span.end)
    times, values = series.times[first:last], series.values[first:last]
    if not len(times):
        return [], values
    held_s = list(map(min, map(sub, chain(times[1:], [span.end]), times), repeat(longest_step_s)))
    held_s[0] = max(0.0, held_s[0] - max(0.0, span.start - times[0]))
    return held_s, values


def _first(series: Series, span: Span) -> int:
    """The place of the reading that stands at the begin of a span, or of the first one in it."""
    return max(bisect_right(series.times, span.start) - 1, 0)


def _inside(series: Series, spans: Sequence[Span]) -> Iterator[tuple[array[float], array[float]]]:
    """Times and values of the readings that lie in each span; empty ones are left out."""
    for span in spans:
        first, last = bisect_left(series.times, span.start), bisect_right(series.times, span.end)
        if last > first:
            yield series.times[first:last], series.values[first:last]
