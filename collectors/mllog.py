"""What does a training log of MLPerf say while the training goes on? Its marks, phases, work and accuracy.

The file is followed from its present end (`perfwatch.workload.tail`); what its records mean is in
`perfwatch.workload.training_log`. Records carry wall times; a clock that is not ours is set right
by the arrival of their lines (`perfwatch.workload.wall_times`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.metrics import work_counter
from perfwatch.model import Device, DeviceKind, Event, Reading, Sample
from perfwatch.text import from_system
from perfwatch.workload import mllog_lines
from perfwatch.workload.followed import LOOK_S
from perfwatch.workload.lines import Lines
from perfwatch.workload.tail import Tail
from perfwatch.workload.tally import clean_text, whole
from perfwatch.workload.training_log import ACCURACY, COUNTS, MEASURE, Mark, TrainingLog, time_of
from perfwatch.workload.wall_times import Offset, WallTimes

MILLISECOND_NS = 1_000_000
"""So exact are the times of the log."""


@dataclass(frozen=True)
class MllogOptions:
    """`path`: the training log, which may be missing so far; `index`: the number among several of one run."""

    path: str = ""
    index: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> MllogOptions:
        """The options that `-w mllog=PATH` means.

        Raises:
            ConfigError: a directory is named.
        """
        if Path(spec).is_dir():
            shown = clean_text(from_system(spec), 200)
            raise ConfigError(f"cannot follow {shown!r}: it is a directory; name the training log in it")
        return cls(spec, index)


class MllogCollector(Collector):
    """Follows one training log; one device of kind workload."""

    name = "mllog"
    about = "work, phases and marks of an MLPerf training log: -w mllog=PATH"
    period_s = LOOK_S
    Options = MllogOptions

    def __init__(self, options: MllogOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._tail: Tail | None = None
        self._lines = Lines()
        self._log = TrainingLog(several=True)
        self._device = ""
        self._begun: set[int] = set()
        self._times = WallTimes(self._clock, LOOK_S)
        self._offset: Offset | None = None
        """Of the log's clock, as it was handed over."""
        self._last_ns = 0
        self._told: dict[str, str] = {}
        """Conditions of the run that were handed over."""
        self.on_mark: Callable[[], None] = lambda: None
        """Called when a mark is found: whoever sets it has energy read out of turn."""

    def open(self) -> Sequence[Device]:
        path, index = self.options.path, self.options.index
        if not path:
            raise Unavailable("no training log is named", "perfwatch run -w mllog=PATH -- CMD")
        self.close()
        self._tail, self._lines = Tail(path, self._clock), Lines()
        self._log, self._times = TrainingLog(several=True), WallTimes(self._clock, LOOK_S)
        self._begun, self._told, self._offset, self._last_ns = set(), {}, None, 0
        self._tail.begin()  # what was logged before is another run's
        self._device = f"mllog-{index}" if index else "mllog"
        name = clean_text(from_system(path), 200)
        metrics = (*(work_counter(name) for name in COUNTS), ACCURACY)
        facts = {"work": "mlperf", "reads": name}
        return [Device(self._device, name, DeviceKind.WORKLOAD, index, metrics, facts=facts)]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._tail is None:
            raise TryAgain("the training log is not open")
        records: list[Mapping[str, Any]] = []
        self._times.look()
        for piece in self._tail.read():
            for at_ns, text in self._lines.feed(piece.data, piece.at_ns):
                for record in mllog_lines.records([text]):
                    records.append(record)
                    self._hear(record, at_ns)
        for record in records:
            yield from self._tell(record)
        if self._times.offset != self._offset:
            self._offset = self._times.offset
            if self._offset is not None:
                yield self._event("clock_offset", {"source": self.name, **self._offset._asdict()})
        if self._log.settings != self._told:
            self._told = dict(self._log.settings)
            yield self._event("conditions", {"tags": self._told})

    def _hear(self, record: Mapping[str, Any], arrived_ns: int) -> None:
        wall_s = time_of(record)
        if wall_s is not None:
            self._times.hear(wall_s, arrived_ns)

    def _tell(self, record: Mapping[str, Any]) -> Iterator[Reading]:
        began_s = self._log.began_s
        for told in self._log.take(record):
            if self._log.began_s != began_s:
                began_s = self._log.began_s
                self._begun.clear()
            if isinstance(told, Mark):
                self.on_mark()
                fields = {"name": told.name, "edge": told.edge, "origin": "mllog"}
                yield Event("mark", fields, self._mark_ns(told))
                if (told.name, told.edge) == (MEASURE, "end"):
                    yield self._event("mlperf", self._log.official())
            else:
                values = (told.samples, told.steps, told.epochs, told.eval_accuracy)
                yield from self._begin_counts(values)
                yield self._sample([None if value is None else whole(value) for value in values], told.t_s)

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

    def close(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None
