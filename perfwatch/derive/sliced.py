"""What was a gauge on average, slice by slice of a window? So much and no more is kept of a run.

Slices have one width from the window's start on. It is a power of two times the least one, so that a long run
has no more of them than a short one; the tape's slices and those of a fold over records are the same.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series

MOST = 480
"""So many slices at most: at one a second those of eight minutes, of an hour those of 8 s."""
LEAST_S = 1.0
"""None is narrower, however often a device is read."""

Means = list["float | None"]
"""The mean of each slice; None where nothing was read."""


def least_width_s(period_s: float) -> float:
    """The width of the slices of a short window, of a device that is read so often."""
    return max(LEAST_S, period_s)


def width_for(duration_s: float, least_s: float) -> float:
    """How wide the slices of a window are."""
    width_s = least_s
    while duration_s >= MOST * width_s:
        width_s *= 2.0
    return width_s


def whole_slices(duration_s: float, width_s: float) -> int:
    """How many slices a window has; what is left at its end is none."""
    return int(duration_s / width_s + 1e-9)


class Slices:
    """Folds the readings of a gauge, in the order of their times.

    Args:
        start: where the first slice begins.
        width_s: how wide they are, until there are too many.
    """

    __slots__ = ("_counts", "_start", "_sums", "width_s")

    def __init__(self, start: float, width_s: float) -> None:
        self._start = start
        self.width_s = width_s
        self._sums = array("d")
        self._counts = array("d")

    def take(self, t: float, value: float) -> None:
        """Add a reading; what was before the start is left out."""
        if t < self._start:
            return
        while t >= self._start + MOST * self.width_s:
            self._widen()
        place = self._place(t)
        while len(self._sums) <= place:
            self._sums.append(0.0)
            self._counts.append(0.0)
        self._sums[place] += value
        self._counts[place] += 1.0

    def means(self, width_s: float, count: int) -> Means:
        """The means of so many slices, as wide as these or a power of two wider."""
        together = round(width_s / self.width_s)
        sums, counts = _joined(self._sums, together), _joined(self._counts, together)
        found: Means = [total / n if n else None for total, n in zip(sums, counts, strict=True)]
        return [*found[:count], *[None] * (count - len(found))]

    def _place(self, t: float) -> int:
        """In which slice a time is, by its edges as `slices_of` reckons them and not by a quotient."""
        place = int((t - self._start) / self.width_s)
        if t < self._start + place * self.width_s:
            return place - 1
        return place + (t >= self._start + (place + 1) * self.width_s)

    def _widen(self) -> None:
        self.width_s *= 2.0
        self._sums = array("d", _joined(self._sums, 2))
        self._counts = array("d", _joined(self._counts, 2))


def _joined(column: Sequence[float], together: int) -> Iterator[float]:
    """So many neighbours added up to one."""
    return (sum(column[place : place + together]) for place in range(0, len(column), together))


def slices_of(
    times: Sequence[float], values: Sequence[float], start: float, width_s: float, count: int
) -> Means:
    """The means of readings that are all there, in so many slices."""
    edges = [bisect_left(times, start + place * width_s) for place in range(count + 1)]
    return [
        sum(values[first:last]) / (last - first) if last > first else None for first, last in pairwise(edges)
    ]


def within(series: Series, spans: Sequence[Span]) -> tuple[array[float], array[float]]:
    """Times and values of the readings of a window."""
    times, values = array("d"), array("d")
    for span in spans:
        more_times, more_values = series.within(span)
        times.extend(more_times)
        values.extend(more_values)
    return times, values


def rates(times: Sequence[float], totals: Sequence[float]) -> tuple[array[float], array[float]]:
    """What a counter tells of its rate, at the end of each step; a step down tells nothing."""
    steps = zip(pairwise(times), pairwise(totals), strict=True)
    known = [
        (end, (after - before) / (end - begin)) for (begin, end), (before, after) in steps if end > begin
    ]
    rising = [(t, rate) for t, rate in known if rate >= 0.0]
    return array("d", [t for t, _ in rising]), array("d", [rate for _, rate in rising])
