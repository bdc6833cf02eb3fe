"""How did the run go so far? Amounts of energy and work over time, and their rates by bins.

Points are cumulative, so that leaving some out loses nothing: a rate between any two that are left is right.
Old points are thinned by two when there are too many; the newest stay as they came.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from perfwatch.derive.spans import Span
from perfwatch.derive.standing import LEAST_COVERAGE, Standing

WORK_RATE, WATTS, PER_JOULE = "work_per_s", "watts", "work_per_joule"
POINTS = 8192
"""So many points are kept; at one a second the newest hour is among them as it came."""
SMOOTH_POINTS = 3
"""A rate of work is over at least so many distances of points: a query that ends now and then is no peak."""
LEAST_WORK_S, LEAST_POWER_S = 2.0, 1.0
"""And over so long; an energy counter that is renewed ten times a second is then right to some percent."""
GAPS = 200
LEAST_PACE_S, PACE_SHARE, LONGEST_PACE_S = 5.0, 0.05, 60.0
"""Over a share of the run, within these bounds, it is looked how fast work goes; loading foretells none."""

Bin = tuple[int, float | None, float | None, float | None]


class Amounts(NamedTuple):
    """What had accumulated at a time: energy in joules, seconds in which it was seen, and work."""

    joules: float
    seen_s: float
    work: float


class RunCourse:
    """Takes how the run stands now and then; tells rates over any stretch of it.

    Args:
        longest_gap_s: points further apart leave a gap.
    """

    def __init__(self, longest_gap_s: float = 3.0) -> None:
        # A device that falls silent holds the course up for one gap limit; that alone is no gap.
        self._least_gap_s = self._longest_gap_s = 2 * longest_gap_s
        self._about: object = None
        self._times = array("d")
        self._joules = array("d")
        self._seen_s = array("d")
        self._work = array("d")
        self._spacing_s = 1.0
        self._gaps: list[Span] = []
        self._breaks: list[Span] = []
        """Steps over which energy came in that was used long before: no rate goes over them."""
        self._silent: set[str] = set()
        self._unit: str | None = None
        self._resumed = False

    @property
    def gaps(self) -> tuple[Span, ...]:
        """When nothing told energy or nothing was read at all."""
        return tuple(self._gaps)

    def add(self, standing: Standing) -> None:
        """The next point. Other devices or another start begin a new course, another unit one of work."""
        run = standing.run
        self._longest_gap_s = max(self._least_gap_s, 2 * standing.gap_s)
        about = (standing.devices, standing.scope, run.span.start)
        joules = math.nan if run.joules is None else run.joules
        anew = about != self._about or bool(self._joules and joules < self._joules[-1])
        if anew:
            self._about = about
            self._begin(run.span.start)
        if standing.unit != self._unit:
            self._count_anew(standing.unit)
        if standing.t <= self._times[-1] or self._just_resumed(standing.t):
            return
        work = run.work.get(standing.unit or "")
        if work is not None and work < self._work[-1]:
            self._forget_work_above(work)
        if not anew or run.coverage < LEAST_COVERAGE:  # what was read before a new course is no gap
            self._note_gap(standing.t, joules)
        if not self._silent <= set(standing.silent):  # one is back, with what its counter counted meanwhile
            self._breaks.append(Span(self._times[-1], standing.t))
            del self._breaks[:-GAPS]
        self._silent = set(standing.silent)
        self._spacing_s = standing.t - self._times[-1]
        self._append(
            standing.t,
            Amounts(joules, run.coverage * run.span.duration_s, math.nan if work is None else work),
        )
        if len(self._times) > POINTS:
            self._thin()

    def _just_resumed(self, t: float) -> bool:
        """After a gap the sources are read one after another: the first point would compare new with old."""
        self._resumed = not self._resumed and t - self._times[-1] > self._longest_gap_s
        return self._resumed

    def _begin(self, start: float) -> None:
        for column in (self._times, self._joules, self._seen_s, self._work):
            del column[:]
        self._gaps.clear()
        self._breaks.clear()
        self._append(start, Amounts(0.0, 0.0, 0.0))

    def _count_anew(self, unit: str | None) -> None:
        """What was counted of this unit before is not known, unless nothing was counted at all."""
        unknown = 0.0 if self._unit is None else math.nan
        self._unit = unit
        self._work = array("d", [0.0, *[unknown] * (len(self._times) - 1)])

    def _forget_work_above(self, work: float) -> None:
        """Some of what was counted turned out to be another job's: how much there was then is not known."""
        self._work = array("d", [math.nan if before > work else before for before in self._work])

    def _append(self, t: float, amounts: Amounts) -> None:
        self._times.append(t)
        self._joules.append(amounts.joules)
        self._seen_s.append(amounts.seen_s)
        self._work.append(amounts.work)

    def _thin(self) -> None:
        half = len(self._times) // 2
        for column in (self._times, self._joules, self._seen_s, self._work):
            column[:half] = column[:half:2]

    def _note_gap(self, t: float, joules: float) -> None:
        """What draws power uses energy: where none was told, or nothing at all, there is a gap."""
        before = self._times[-1]
        passed_s = t - before
        if passed_s <= self._longest_gap_s and not joules <= self._joules[-1]:
            return
        if self._gaps and before - self._gaps[-1].end <= passed_s:
            self._gaps[-1] = Span(self._gaps[-1].start, t)
        else:
            self._gaps.append(Span(before, t))
            del self._gaps[:-GAPS]

    def bins(self, metric: str, width_s: float, first: int, last: int) -> list[Bin]:
        """Bins of one of the series, `first` to `last`; bin k covers [k, k + 1) times the width.

        The rates end where the bin does and are over some points at least: work per second, joules per
        second, work per joule. `None` before the run and where it is not known. Bins after the newest point
        are left out: they will be known later.
        """
        found: list[Bin] = []
        newest = self._times[-1] if self._times else 0.0
        holes = self._gaps if metric == WORK_RATE else [*self._gaps, *self._breaks]
        holes = sorted(holes, key=lambda hole: hole.start, reverse=True)
        for place in range(first, min(last, math.ceil(newest / width_s) - 1) + 1):
            value = self._value(metric, place * width_s, width_s, holes)
            found.append((place, value, value, value))
        return found

    def _value(self, metric: str, begin: float, width_s: float, holes: Sequence[Span]) -> float | None:
        if len(self._times) < 2 or begin >= self._times[-1] or begin + width_s <= self._times[0]:
            return None
        end = min(begin + width_s, self._times[-1])
        middle = (begin + end) / 2
        least_s = max(SMOOTH_POINTS * self._spacing_s, LEAST_WORK_S)
        if metric == WATTS:
            least_s = max(self._spacing_s, LEAST_POWER_S)
        start = max(self._times[0], end - max(width_s, least_s))
        for hole in holes:
            if hole.start < middle < hole.end:
                return None
            if start < hole.end < end:
                start = hole.end
        return rate(metric, self.at(start), self.at(end), end - start)

    def pace(self) -> float | None:
        """Work per second lately: over the last seconds of a short run, the last minute of a long one."""
        if len(self._times) < 2:
            return None
        end = self._times[-1]
        lately_s = min(max(LEAST_PACE_S, PACE_SHARE * (end - self._times[0])), LONGEST_PACE_S)
        start = max(self._times[0], end - lately_s)
        return rate(WORK_RATE, self.at(start), self.at(end), end - start)

    def at(self, t: float) -> Amounts:
        """The amounts at a time, interpolated; outside of what is known the nearest."""
        index = bisect_left(self._times, t)
        if index == 0:
            return self._point(0)
        if index == len(self._times):
            return self._point(-1)
        before, after = self._times[index - 1], self._times[index]
        share = (t - before) / (after - before)
        old, new = self._point(index - 1), self._point(index)
        return Amounts(*(a + share * (b - a) for a, b in zip(old, new, strict=True)))

    def _point(self, index: int) -> Amounts:
        return Amounts(self._joules[index], self._seen_s[index], self._work[index])


def rate(metric: str, before: Amounts, after: Amounts, passed_s: float) -> float | None:
    """One of the three rates between two points; a device that works never draws nothing."""
    joules, work = after.joules - before.joules, after.work - before.work
    if metric == WORK_RATE:
        value = work / passed_s if passed_s > 0.0 else math.nan
    elif metric == WATTS:
        value = joules / passed_s if passed_s > 0.0 and joules > 0.0 else math.nan
    else:
        seen = after.seen_s - before.seen_s >= LEAST_COVERAGE * passed_s
        value = work / joules if seen and joules > 0.0 else math.nan
    return value if math.isfinite(value) else None
