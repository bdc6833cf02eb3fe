"""What did a series do lately, as a chart that scrolls? Levels are kept between frames, so that a frame costs
only its newest dots.

Time is cut into bins that begin at whole multiples of their width on the session's clock, two bins to a
character. So a character, once its time is over, never changes: the picture moves by whole characters, and
between two moves only the last column is drawn anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perfwatch.scene import Bin, BinsWanted
from perfwatch.tui.draw import braille

KEPT = 4096
"""So many bins of a series are remembered."""


class Series(NamedTuple):
    """One metric of one device, and how wide its bins are, s. Negative numbers are series of the run."""

    number: int
    metric: str
    width_s: float


@dataclass(frozen=True)
class Span:
    """The stretch of time that a chart shows: the bins from `first` to `last`, both included."""

    width_s: float
    first: int
    last: int

    @classmethod
    def ending(cls, t: float, span_s: float, columns: int) -> Span:
        """The bins of a chart of so many characters, the newest one holding `t`."""
        bins = max(2, 2 * columns)
        width_s = span_s / bins
        last = int(t / width_s) | 1  # a character's right half
        return cls(width_s, last - bins + 1, last)


class Book:
    """The charts of a screen: what is known of each series, and what is still to be asked."""

    def __init__(self) -> None:
        self._known: dict[Series, dict[int, Bin]] = {}
        self._asked: dict[Series, BinsWanted] = {}

    def ask(self, number: int, metric: str, span: Span) -> Mapping[int, Bin]:
        """The bins known of a series; what is missing will be asked with the next frame."""
        series = Series(number, metric, span.width_s)
        known = self._known.setdefault(series, {})
        newest = max(known, default=span.first - 1)
        oldest = min(known, default=span.first)
        # The newest known bin is asked again: it was not over, and readings come late.
        first = span.first if oldest > span.first else max(span.first, newest - 2)
        self._asked[series] = BinsWanted(number, metric, span.width_s, first, span.last)
        return known

    def wanted(self) -> tuple[BinsWanted, ...]:
        """What the charts drawn last need; series that were not drawn are forgotten."""
        self._known = {series: known for series, known in self._known.items() if series in self._asked}
        wanted, self._asked = tuple(self._asked.values()), {}
        return wanted

    @property
    def unknown(self) -> frozenset[Series]:
        """Series that were asked for and never answered."""
        return frozenset(series for series in self._asked if not self._known.get(series))

    def learn(self, found: Mapping[BinsWanted, Sequence[Bin]]) -> None:
        """Take the answers."""
        for wanted, bins in found.items():
            known = self._known.get(Series(wanted.number, wanted.metric, wanted.width_s))
            if known is None:
                continue
            known.update((one[0], one) for one in bins)
            if len(known) > 2 * KEPT:
                for at in sorted(known)[:-KEPT]:
                    del known[at]


def chart(
    known: Mapping[int, Bin],
    span: Span,
    height: int,
    low: float,
    high: float,
    *,
    peak: bool = True,
    ascii_only: bool = False,
) -> list[str]:
    """The rows of a filled chart, top first.

    Args:
        peak: show the largest value of each bin (a short burst stays seen); else its mean.
    """
    place = 3 if peak else 2
    levels = [
        braille.level(known[at][place] if at in known else None, low, high, height)
        for at in range(span.first, span.last + 1)
    ]
    return braille.rows(levels, height, ascii_only=ascii_only)


def largest(known: Mapping[int, Bin], span: Span) -> float | None:
    """The largest value in sight."""
    values = [
        high for at in range(span.first, span.last + 1) if at in known and (high := known[at][3]) is not None
    ]
    return max(values, default=None)


def ceiling(value: float | None, least: float = 0.0) -> float:
    """A round number at or above the value, for the top of an axis: 1, 2 or 5 times a power of ten."""
    wanted = max(value or 0.0, least)
    if wanted <= 0.0:
        return 1.0
    step = 1.0
    while step < wanted:
        step *= 10
    while step / 10 >= wanted:
        step /= 10
    return next(step * part for part in (0.1, 0.2, 0.5, 1.0) if step * part >= wanted * 0.999999)
