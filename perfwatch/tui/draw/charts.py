"""What did a series do lately, as a chart that scrolls? Levels are kept between frames, so that a frame costs
only its newest dots.

Time is cut into bins that begin at whole multiples of their width on the session's clock, two bins to a
character. So a character, once its time is over, never changes: the picture moves by whole characters, and
between two moves only the last column is drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from perfwatch.derive.spans import gap_limit_s
from perfwatch.frame import Bin, BinsWanted, Frame
from perfwatch.model import Device
from perfwatch.tui.draw import braille

LATE_S = 1.5
"""A reading may come so late into its bin."""
KEPT = 4096
"""So many bins of a series are remembered."""
_TOPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Series(NamedTuple):
    """One metric of one device, and how wide its bins are, s. Negative numbers are series of the run."""

    number: int
    metric: str
    width_s: float

    @property
    def unsettled(self) -> int:
        """So many of the newest bins can still change: they are not over, or a reading comes late."""
        return 1 + math.ceil(LATE_S / self.width_s)


@dataclass(frozen=True)
class Span:
    """The stretch of time that a chart shows: the bins from `first` to `last`, both included."""

    width_s: float
    first: int
    last: int

    def held(self, frame: Frame, device: Device) -> int:
        """For so many bins a reading of a device stands: until it counts as stale."""
        period_s = max(float(frame.header.get("interval_s", 1.0)), device.period_s or 0.0)
        return int(gap_limit_s(period_s) / self.width_s)

    @staticmethod
    def ending(t: float, span_s: float, columns: int) -> Span:
        """The bins of a chart of so many characters, the newest one holding `t`."""
        return _span_ending(t, span_s, columns)


@lru_cache(maxsize=16)  # the charts of one picture have few widths
def _span_ending(t: float, span_s: float, columns: int) -> Span:
    bins = max(2, 2 * columns)
    width_s = span_s / bins
    last = int(t / width_s) | 1  # a character's right half
    return Span(width_s, last - bins + 1, last)


class Scale(NamedTuple):
    """How values become dots.

    Args:
        height: text rows.
        low: the value at the bottom.
        high: the value at the top.
        peak: show the largest value of each bin (a short burst stays seen); else its mean.
        ascii_only: no braille.
        held: a reading stands for so many bins behind its own that have none.
    """

    height: int
    low: float
    high: float
    peak: bool = True
    ascii_only: bool = False
    held: int = 0


class _Known:
    """The bins of one series that are known: from `oldest` to `newest`, without a hole."""

    def __init__(self, unsettled: int) -> None:
        self.unsettled = unsettled
        self.bins: dict[int, Bin] = {}
        self.oldest = self.newest = 0
        self.epoch = 0
        """Counts changes of bins that were thought to be over, and older bins that became known."""

    def take(self, bins: Sequence[Bin]) -> None:
        if not bins:
            return
        over = self.newest - self.unsettled
        first, last = bins[0][0], bins[-1][0]
        older = not self.bins or first < self.oldest
        if older or any(one[0] <= over and self.bins.get(one[0]) != one for one in bins):
            self.epoch += 1
        self.oldest = min(self.oldest, first) if self.bins else first
        self.newest = max(self.newest, last) if self.bins else last
        self.bins.update((one[0], one) for one in bins)
        if len(self.bins) > 2 * KEPT:
            self.oldest = self.newest - KEPT
            self.bins = {at: one for at, one in self.bins.items() if at >= self.oldest}


class Book:
    """The charts of a screen: what is known of each series, what is still to be asked, and what was drawn."""

    def __init__(self) -> None:
        self._known: dict[Series, _Known] = {}
        self._asked: dict[Series, BinsWanted] = {}
        self._drawn: dict[tuple[Series, Scale, int], _Drawn] = {}

    def ask(self, number: int, metric: str, span: Span) -> Mapping[int, Bin]:
        """The bins known of a series; what is missing will be asked with the next frame."""
        return self._ask(Series(number, metric, span.width_s), span).bins

    def chart(self, number: int, metric: str, span: Span, scale: Scale) -> list[str]:
        """The rows of a filled chart, top first; what is not known is asked with the next frame."""
        series = Series(number, metric, span.width_s)
        known = self._ask(series, span)
        key = series, scale, span.last - span.first
        drawn = self._drawn.get(key)
        if drawn is None or drawn.epoch != known.epoch or not drawn.first <= span.first <= drawn.last:
            drawn = self._drawn[key] = _Drawn.whole(known, span, scale)
        else:
            drawn.go_on(known, span, scale)
        return drawn.rows

    def _ask(self, series: Series, span: Span) -> _Known:
        known = self._known.get(series)
        if known is None:
            known = self._known[series] = _Known(series.unsettled)
        first = span.first
        if known.bins and known.oldest <= span.first <= known.newest:
            # The newest bins are asked again: they were not over, and readings come late.
            first = max(span.first, min(known.newest, span.last) - known.unsettled + 1)
        self._asked[series] = BinsWanted(*series, first, span.last)
        return known

    def wanted(self) -> tuple[BinsWanted, ...]:
        """What the charts drawn last need; series that were not drawn are forgotten."""
        if len(self._known) != len(self._asked):
            self._known = {series: known for series, known in self._known.items() if series in self._asked}
        if len(self._drawn) > 2 * len(self._asked) + 16:
            self._drawn.clear()
        wanted, self._asked = tuple(self._asked.values()), {}
        return wanted

    @property
    def unknown(self) -> frozenset[Series]:
        """Series that were asked for and never answered."""
        return frozenset(series for series in self._asked if not self._known[series].bins)

    def learn(self, found: Mapping[BinsWanted, Sequence[Bin]]) -> None:
        """Take the answers."""
        for wanted, bins in found.items():
            known = self._known.get(Series(wanted.number, wanted.metric, wanted.width_s))
            if known is not None:
                known.take(bins)


class _Drawn:
    """A chart as it was drawn last, so that the next one costs its newest dots only."""

    def __init__(self, span: Span, epoch: int, levels: list[int], rows: list[str]) -> None:
        self.first, self.last, self.epoch = span.first, span.last, epoch
        self.levels, self.rows = levels, rows

    @classmethod
    def whole(cls, known: _Known, span: Span, scale: Scale) -> _Drawn:
        levels = _levels(known.bins, span.first, span.last, scale)
        return cls(span, known.epoch, levels, braille.rows(levels, scale.height, ascii_only=scale.ascii_only))

    def go_on(self, known: _Known, span: Span, scale: Scale) -> None:
        """Move on to a later span of the same length."""
        moved = span.first - self.first
        begin = max(span.first, (self.last - known.unsettled) & ~1)  # a character's left half
        newest = _levels(known.bins, begin, span.last, scale)
        place = begin - span.first
        if not moved and self.levels[place:] == newest:
            return
        self.first, self.last = span.first, span.last
        self.levels = [*self.levels[moved : moved + place], *newest]
        tails = braille.rows(newest, scale.height, ascii_only=scale.ascii_only)
        shift = moved // 2
        self.rows = [
            row[shift : shift + place // 2] + tail for row, tail in zip(self.rows, tails, strict=True)
        ]


def _levels(bins: Mapping[int, Bin], first: int, last: int, scale: Scale) -> list[int]:
    place = 3 if scale.peak else 2
    height, low, high = scale.height, scale.low, scale.high
    levels = []
    standing, until = 0, first - 1
    is_read = first in bins and bins[first][place] is not None
    begin = first if is_read else first - scale.held  # what stands at the first bin began before it
    for at in range(begin, last + 1):
        value = bins[at][place] if at in bins else None
        if value is not None:
            standing, until = braille.level(value, low, high, height), at + scale.held
        if at >= first:
            levels.append(standing if at <= until else 0)
    return levels


def chart(
    known: Mapping[int, Bin],
    span: Span,
    height: int,
    low: float,
    high: float,
    *,
    peak: bool = True,
    ascii_only: bool = False,
    held: int = 0,
) -> list[str]:
    """The rows of a filled chart, top first.

    Args:
        peak: show the largest value of each bin (a short burst stays seen); else its mean.
        held: a reading stands for so many bins behind its own that have none.
    """
    levels = _levels(known, span.first, span.last, Scale(height, low, high, peak, held=held))
    return braille.rows(levels, height, ascii_only=ascii_only)


def largest(known: Mapping[int, Bin], span: Span) -> float | None:
    """The largest value in sight."""
    values = [
        high for at in range(span.first, span.last + 1) if at in known and (high := known[at][3]) is not None
    ]
    return max(values, default=None)


def ceiling(value: float | None, least: float = 0.0) -> float:
    """A round number at or above the value, not so far that a third of the chart stays empty."""
    wanted = max(value or 0.0, least)
    if wanted <= 0.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((power * top for top in _TOPS if power * top >= wanted * 0.999999), 10.0 * power)
