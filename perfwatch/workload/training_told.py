"""What do the lines of an MLPerf training log add to a run, each at its own time?

Records carry wall times; a clock that is not ours is set right by the arrival of their lines
(`perfwatch.workload.wall_times`). What they mean is in `perfwatch.workload.training_log`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from perfwatch.clock import Clock
from perfwatch.metrics import work_counter, work_gauge
from perfwatch.model import Event, Kind, Metric, Reading, Sample
from perfwatch.workload import mllog_lines
from perfwatch.workload.patterns import Finding, Match, Says
from perfwatch.workload.tally import whole
from perfwatch.workload.training_log import (
    ACCURACY,
    COUNTS,
    GOALS,
    MEASURE,
    Figures,
    Mark,
    TrainingLog,
    time_of,
)
from perfwatch.workload.wall_times import Offset, WallTimes

MLLOG = "mllog"
"""In the place of a pattern: the lines of such a log among others."""
MILLISECOND_NS = 1_000_000
"""So exact are the times of the log."""
METRICS: tuple[Metric, ...] = (
    *(work_counter(name) for name in COUNTS),
    ACCURACY,
    *(work_gauge(name) for name in GOALS.values()),
)


class LogLines:
    """What one line after another of a log tells, whenever it was."""

    def __init__(self) -> None:
        self._log = TrainingLog(several=True)
        self._settings: dict[str, str] = {}

    def search(self, line: str) -> Match | None:
        """The figures of a line; without any for one that is a mark or a setting, None for all others."""
        told = [said for record in mllog_lines.records([line]) for said in self._log.take(record)]
        figures = [one for one in told if not isinstance(one, Mark)]
        settings, self._settings = self._settings, dict(self._log.settings)
        if not told and settings == self._settings:
            return None
        return Match(tuple(finding for one in figures for finding in _findings(one)))


def _findings(figures: Figures) -> Iterator[Finding]:
    for metric, value in zip(METRICS, figures.values, strict=True):
        if value is not None:
            says = Says.TOTAL if metric.kind is Kind.COUNTER else Says.GAUGE
            yield Finding(metric.name.removesuffix("_total"), says, whole(value))


class TrainingTold:
    """The lines of one training.

    Args:
        device_id: of the workload, whose metrics are `METRICS`.
        source: who reads it, for events.
        clock: time.
        look_s: how exactly the arrival of a line is known.
    """

    def __init__(self, device_id: str, source: str, clock: Clock, look_s: float) -> None:
        self._device = device_id
        self._source = source
        self._clock = clock
        self._log = TrainingLog(several=True)
        self._times = WallTimes(clock, look_s)
        self._begun: set[int] = set()
        self._offset: Offset | None = None
        """Of the log's clock, as it was handed over."""
        self._last_ns = 0
        self._told: dict[str, str] = {}
        """Conditions of the run that were handed over."""

    def readings(self, lines: Iterable[tuple[int, str]], on_mark: Callable[[], None]) -> Iterator[Reading]:
        """What lines (arrival, text) add.

        Args:
            on_mark: called at each mark: whoever gives it has energy read out of turn.
        """
        records: list[Mapping[str, Any]] = []
        self._times.look()
        for at_ns, text in lines:
            for record in mllog_lines.records([text]):
                records.append(record)
                self._hear(record, at_ns)
        for record in records:
            yield from self._tell(record, on_mark)
        if self._times.offset != self._offset:
            self._offset = self._times.offset
            if self._offset is not None:
                yield self._event("clock_offset", {"source": self._source, **self._offset._asdict()})
        if self._log.settings != self._told:
            self._told = dict(self._log.settings)
            yield self._event("conditions", {"tags": self._told})

    def _hear(self, record: Mapping[str, Any], arrived_ns: int) -> None:
        wall_s = time_of(record)
        if wall_s is not None:
            self._times.hear(wall_s, arrived_ns)

    def _tell(self, record: Mapping[str, Any], on_mark: Callable[[], None]) -> Iterator[Reading]:
        began_s = self._log.began_s
        for told in self._log.take(record):
            if self._log.began_s != began_s:
                began_s = self._log.began_s
                self._begun.clear()
            if isinstance(told, Mark):
                on_mark()
                fields = {"name": told.name, "edge": told.edge, "origin": "mllog"}
                yield Event("mark", fields, self._mark_ns(told))
                if (told.name, told.edge) == (MEASURE, "end"):
                    yield self._event("mlperf", self._log.official())
            else:
                yield from self._begin_counts(told.values)
                yield self._sample([None if each is None else whole(each) for each in told.values], told.t_s)

    def _mark_ns(self, mark: Mark) -> int:
        """When it was; what was counted in the same millisecond belongs to what ends."""
        at_ns = self._times.on_our_clock(mark.t_s)
        same = mark.edge == "end" and 0 < self._last_ns - at_ns < MILLISECOND_NS
        return self._last_ns if same else at_ns

    def _begin_counts(self, values: Sequence[float | None]) -> Iterator[Sample]:
        """What is told for the first time was nothing when the run started."""
        new = [
            at
            for at, value in enumerate(values[: len(COUNTS)])
            if value is not None and at not in self._begun
        ]
        self._begun.update(new)
        if new and self._log.began_s is not None:
            yield self._sample([0 if at in new else None for at in range(len(values))], self._log.began_s)

    def _sample(self, values: Sequence[float | None], wall_s: float) -> Sample:
        """The counts at a time, and not before those that were told already."""
        self._last_ns = max(self._last_ns, self._times.on_our_clock(wall_s))
        return Sample(self._device, tuple(values), self._last_ns)

    def _event(self, kind: str, fields: Mapping[str, Any]) -> Event:
        return Event(kind, fields, self._clock.monotonic_ns())
