"""The figures of a run, folded from its records: how it stands, what happened, what each workload does.

Apart from the scene, because the first picture of devices needs none of it, and to load it takes time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.derive.live import LiveFigures, standing_or_none
from perfwatch.derive.live_run import LiveRun
from perfwatch.derive.workload_now import WorkloadFigures
from perfwatch.frame import RUN, Bin, DeviceNow, FiguresNow


class FigureFolds:
    """Folds the records of a session.

    Args:
        now_s: the span of *now*.
    """

    def __init__(self, now_s: float) -> None:
        self._live = LiveFigures(now_s)
        self._work = WorkloadFigures(now_s)
        self._run = LiveRun(self._live, now_s)

    def take(self, record: Mapping[str, Any]) -> None:
        """Take one record of the session."""
        self._live.take(record)
        self._work.write(record)
        self._run.take(record)

    def at(self, t: float, devices: Sequence[DeviceNow]) -> FiguresNow:
        """All figures as they stand; `devices` are those and the workloads at that time."""
        standing = standing_or_none(self._live)
        labels = {one.number: one.label for one in devices}
        run = self._run.so_far(standing, labels)
        return FiguresNow(t, standing, run, self._work.figures(t))

    def bins(self, number: int, metric: str, width_s: float, first: int, last: int) -> Sequence[Bin] | None:
        """Bins of a series of the run or of a workload's timing; None for what the history has."""
        if number == RUN:
            return self._run.bins(metric, width_s, first, last)
        return self._work.bins(number, metric, width_s, first, last)
