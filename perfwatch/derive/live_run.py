"""What does the dashboard tell of the run beyond its standing? Course, timings, phases, verdict, odd ones.

One fold over the records of a session, in bounded memory; `so_far` answers with one frozen object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from perfwatch.derive.live import LiveFigures, standing_or_none
from perfwatch.derive.live_course import Bin, RunCourse
from perfwatch.derive.live_error import LiveErrors
from perfwatch.derive.live_latency import LiveLatencies, Timing
from perfwatch.derive.live_odd import OddWatch
from perfwatch.derive.live_watch import RunWatch, Stretch
from perfwatch.derive.run_so_far import RunSoFar
from perfwatch.derive.spans import NOW_S, gap_limit_s
from perfwatch.derive.standing import Standing

LEAST_POINTS_S = 0.25
"""The course of the run gets a point at most so often."""
TIMINGS_S = 1.0
"""Percentiles are computed at most so often."""


class LiveRun:
    """Folds the records of a session.

    Args:
        figures: how the run stands; folded by the owner, before this.
        now_s: the span of *now*.
    """

    def __init__(self, figures: LiveFigures, now_s: float = NOW_S) -> None:
        self._figures = figures
        self._course = RunCourse()
        self._watch = RunWatch()
        self._odd = OddWatch()
        self._errors = LiveErrors()
        self._latencies = LiveLatencies(now_s)
        self._interval_s = 1.0
        self._next_point = 0.0
        self._timings: tuple[float, tuple[Timing, ...]] | None = None

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; what is malformed is passed over."""
        self._watch.take(record)
        self._odd.take(record)
        self._errors.take(record)
        self._latencies.take(record)
        if "format" in record:
            self._begin(record)
        t = record.get("t")
        if "s" in record and isinstance(t, (int, float)) and t >= self._next_point:
            self._next_point = t + max(self._interval_s, LEAST_POINTS_S)
            standing = standing_or_none(self._figures, brief=True)
            if standing is not None:
                self._course.add(standing)

    def _begin(self, header: Mapping[str, Any]) -> None:
        interval_s = header.get("interval_s")
        if isinstance(interval_s, (int, float)) and interval_s > 0:
            self._interval_s = float(interval_s)
            self._course = RunCourse(gap_limit_s(self._interval_s))

    def bins(self, metric: str, width_s: float, first: int, last: int) -> Sequence[Bin]:
        """Bins of a series of the run (see `RunCourse.bins`)."""
        return self._course.bins(metric, width_s, first, last)

    def so_far(
        self, standing: Standing | None, labels: Mapping[int, str], *, compare: bool = True
    ) -> RunSoFar:
        """Everything as it stands.

        Args:
            labels: what each device is called, by its number.
            compare: look for devices that depart from their like; in a long run it takes some ms a second.
        """
        watch = self._watch
        known = RunSoFar(began=watch.began, phases=_copied(watch.phases), marks=tuple(watch.marks))
        if standing is None:
            return known
        from perfwatch.derive.live_verdict import live_findings  # late: a start has nothing to judge

        wanted = set(standing.devices)
        mine = {number: label for number, label in labels.items() if label in wanted}
        alike = {n: label for n, label in labels.items() if label in wanted.union(standing.accelerators)}
        error_j = None
        if len(mine) == len(wanted) and not standing.estimated:  # what a model may be wrong by is not known
            integrated = [number for number, label in mine.items() if label in standing.integrated]
            carried = self._figures.carried_errors()
            error_j = self._errors.expanded_j(mine, standing.t, integrated, carried)
        gaps = self._course.gaps
        throttles = [
            replace(one, origin=label) for number, label in mine.items() for one in watch.throttles(number)
        ]
        return replace(
            known,
            error_j=error_j,
            numbers=tuple(mine),
            timings=self._timings_at(standing.t),
            pace=self._course.pace(),
            findings=live_findings(standing, watch, labels=mine, gaps=gaps, error_j=error_j),
            throttles=tuple(throttles),
            gaps=gaps,
            odd=self._odd.odd(alike, standing.t) if compare else (),
        )

    def _timings_at(self, t: float) -> tuple[Timing, ...]:
        if self._timings is None or abs(t - self._timings[0]) >= TIMINGS_S:
            self._timings = t, self._latencies.timings(t)
        return self._timings[1]


def _copied(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """A frame is frozen: what still lasts is closed in the fold, not in the frame."""
    return tuple(replace(one) for one in stretches)
