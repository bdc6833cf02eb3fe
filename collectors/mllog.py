"""What does a training log of MLPerf say while the training goes on? Its marks, phases, work and accuracy.

The file is followed from its present end (`perfwatch.workload.tail`); what its lines add is in
`perfwatch.workload.training_told`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.model import Device, DeviceKind, Reading
from perfwatch.text import from_system
from perfwatch.workload.followed import LOOK_S, facts_of_place, refuse_directory
from perfwatch.workload.lines import Lines
from perfwatch.workload.tail import Tail
from perfwatch.workload.tally import clean_text
from perfwatch.workload.training_told import METRICS, TrainingTold


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
        refuse_directory(spec, "name the training log in it")
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
        self._told: TrainingTold | None = None
        self.on_mark: Callable[[], None] = lambda: None
        """Called when a mark is found: whoever sets it has energy read out of turn."""

    def open(self) -> Sequence[Device]:
        path, index = self.options.path, self.options.index
        if not path:
            raise Unavailable("no training log is named", "perfwatch run -w mllog=PATH -- CMD")
        self.close()
        self._tail, self._lines = Tail(path, self._clock), Lines()
        self._tail.begin()  # what was logged before is another run's
        device_id = f"mllog-{index}" if index else "mllog"
        self._told = TrainingTold(device_id, self.name, self._clock, LOOK_S)
        name = clean_text(from_system(path), 200)
        facts = {"work": "mlperf", **facts_of_place(path)}
        return [Device(device_id, name, DeviceKind.WORKLOAD, index, METRICS, facts=facts)]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._tail is None or self._told is None:
            raise TryAgain("the training log is not open")
        lines = (line for piece in self._tail.read() for line in self._lines.feed(piece.data, piece.at_ns))
        yield from self._told.readings(lines, self.on_mark)

    def close(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None
