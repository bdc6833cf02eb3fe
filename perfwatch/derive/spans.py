"""Which stretches of a session a figure covers: spans of time, joined, cut and added up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from perfwatch.model import Device

NOW_S = 30.0
"""The span of *now* unless another was asked for."""
GAP_PERIODS = 3.0
GAP_AT_LEAST_S = 3.0
LEAST_SILENCE_S = 0.5
"""Three periods of a fast poll are too short to call a source silent: the runner waits as long."""
LONGEST_PERIOD_S = 3600.0
"""No source is read more seldom."""


class Span(NamedTuple):
    """A stretch of time, in seconds on the session's clock."""

    start: float
    end: float

    @property
    def duration_s(self) -> float:
        """How long it lasts; 0 for one that ends before it begins."""
        return max(0.0, self.end - self.start)


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order; spans that touch become one, empty ones vanish."""
    joined: list[Span] = []
    for span in sorted(span for span in spans if span.end > span.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(Span(*span))
    return joined


def total(spans: Iterable[Span]) -> float:
    """Seconds covered by the spans together; time that two of them share counts once."""
    return math.fsum(span.duration_s for span in union(spans))


def cut(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """What of the spans lies between two times."""
    return union(Span(max(span.start, start), min(span.end, end)) for span in spans)


def without(spans: Iterable[Span], gaps: Iterable[Span]) -> list[Span]:
    """What of the time of the spans lies in none of the gaps."""
    apart = union(gaps)
    left = []
    for span in union(spans):
        start = span.start
        for gap in apart:
            if start < gap.end and gap.start < span.end:
                left.append(Span(start, gap.start))
                start = gap.end
        left.append(Span(start, span.end))
    return union(left)


def period_of(device: Device, interval_s: float) -> float:
    """How often a device is read: as the session, or more seldom, as it was declared."""
    return max(interval_s, min(device.period_s or 0.0, LONGEST_PERIOD_S))


def gap_limit_s(interval_s: float) -> float:
    """Readings further apart than this leave a gap: three periods, at least 3 s (design 5.1)."""
    return max(GAP_AT_LEAST_S, GAP_PERIODS * interval_s)
