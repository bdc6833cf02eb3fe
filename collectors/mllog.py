"""What does a training log of MLPerf say while the training goes on? Its marks, phases, work and accuracy.

The file is followed from its present end (`perfwatch.workload.tail`); what its records mean is in
`perfwatch.workload.training_log`. Records carry wall times; they are believed as far as they agree with the
arrival of their lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.metrics import work_counter
from perfwatch.model import Device, DeviceKind, Event, Reading, Sample
from perfwatch.text import from_system
from perfwatch.workload import mllog_lines
from perfwatch.workload.followed import LOOK_S
from perfwatch.workload.lines import Lines
from perfwatch.workload.tail import Tail
from perfwatch.workload.tally import clean_text
from perfwatch.workload.training_log import ACCURACY, COUNTS, Mark, TrainingLog, whole

TOLERATED_S = 0.05
"""Logs tell milliseconds, and clocks are set a little."""
OFF_S = 60.0
"""A record whose time is further off the arrival of its line was written by another clock."""


@dataclass(frozen=True)
class MllogOptions:
    """`path`: the training log, which may be missing so far; `index`: the number among several of one run."""

    path: str = ""
    index: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> MllogOptions:
        """The options that `-w mllog=PATH` means."""
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
        self._log = TrainingLog()
        self._device = ""
        self._begun: set[int] = set()
        self._is_off = self._said_off = False
        self._ahead_ns = self._ahead_told_ns = 0
        """By so much the log told of a time that was not yet; and what was handed over of it."""
        self._told: dict[str, str] = {}
        """Conditions of the run that were handed over."""
        self.on_mark: Callable[[], None] = _do_nothing
        """Called when a mark is found: whoever sets it has energy read out of turn."""

    def open(self) -> Sequence[Device]:
        path, index = self.options.path, self.options.index
        if not path:
            raise Unavailable("no training log is named", "perfwatch run -w mllog=PATH -- CMD")
        self.close()
        self._tail, self._lines, self._log = Tail(path, self._clock), Lines(), TrainingLog()
        self._begun, self._told = set(), {}
        self._tail.begin()  # what was logged before is another run's
        self._device = f"mllog-{index}" if index else "mllog"
        name = clean_text(from_system(path), 200)
        metrics = (*(work_counter(name) for name in COUNTS), ACCURACY)
        facts = {"work": "mlperf", "reads": name}
        return [Device(self._device, name, DeviceKind.WORKLOAD, index, metrics, facts=facts)]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._tail is None:
            raise TryAgain("the training log is not open")
        for piece in self._tail.read():
            for at_ns, text in self._lines.feed(piece.data, piece.at_ns):
                for record in mllog_lines.records([text]):
                    yield from self._tell(record, at_ns)
        if TOLERATED_S * 1e9 < self._ahead_ns <= OFF_S * 1e9 and self._ahead_ns > self._ahead_told_ns:
            self._ahead_told_ns = self._ahead_ns
            fields = {"source": self.name, "seconds": round(self._ahead_ns / 1e9, 6)}
            yield Event("clock_offset", fields, self._clock.monotonic_ns())
        if self._log.settings != self._told:
            self._told = dict(self._log.settings)
            yield Event("conditions", {"tags": self._told}, self._clock.monotonic_ns())

    def _tell(self, record: Mapping[str, Any], arrived_ns: int) -> Iterator[Reading]:
        for told in self._log.take(record):
            at_ns = self._when(told.t_s, arrived_ns)
            if isinstance(told, Mark):
                self.on_mark()
                fields = {"name": told.name, "edge": told.edge, "origin": "mllog"}
                yield Event("mark", fields, at_ns)
            else:
                values = (told.samples, told.steps, told.epochs, told.eval_accuracy)
                yield from self._begin_counts(values, arrived_ns)
                yield Sample(
                    self._device, tuple(None if value is None else whole(value) for value in values), at_ns
                )
            if self._is_off and not self._said_off:
                self._said_off = True
                text = "the training log's clock is not this machine's: its lines count when they arrive"
                yield Event("note", {"source": "mllog", "text": text}, arrived_ns)

    def _begin_counts(self, values: Sequence[float | None], arrived_ns: int) -> Iterator[Sample]:
        """What is told for the first time was nothing when the run started."""
        new = [
            at
            for at, value in enumerate(values[: len(COUNTS)])
            if value is not None and at not in self._begun
        ]
        self._begun.update(new)
        if new and self._log.began_s is not None:
            zeros = tuple(0 if at in new else None for at in range(len(values)))
            yield Sample(self._device, zeros, self._when(self._log.began_s, arrived_ns))

    def _when(self, wall_s: float, arrived_ns: int) -> int:
        at_ns = self._clock.monotonic_ns() + round(wall_s * 1e9) - self._clock.time_ns()
        self._ahead_ns = max(self._ahead_ns, at_ns - self._clock.monotonic_ns())
        if abs(at_ns - arrived_ns) <= OFF_S * 1e9:
            return min(at_ns, self._clock.monotonic_ns())
        self._is_off = True
        return arrived_ns

    def close(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None


def _do_nothing() -> None:
    return
