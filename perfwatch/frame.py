"""What does a screen see? One frozen frame: devices, the run, events, and what it asked for of the past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from perfwatch.derive.run_so_far import RunSoFar
from perfwatch.model import Device, State

if TYPE_CHECKING:
    from perfwatch.derive.standing import Standing
    from perfwatch.derive.workload_now import WorkloadNow

Bin = tuple[int, float | None, float | None, float | None]
RUN = -1
"""The number under which the bins of the run itself are asked for."""


class BinsWanted(NamedTuple):
    """Bins of one metric that a chart needs: `first` to `last`, both included (see `History.bins`).

    The number `RUN` asks for a series of the run (see `RunCourse.bins`), a metric `latency_seconds:p99_s` for
    a percentile of a workload's timing (see `WorkloadFigures.bins`).
    """

    number: int
    metric: str
    width_s: float
    first: int
    last: int


@dataclass(frozen=True)
class DeviceNow:
    """One device or workload as it stands.

    Args:
        number: its number in the stream.
        label: what people call it, `nvidia:0`.
        host: where it is.
        device: its declaration.
        collector: who reads it.
        values: newest values by metric; None where unknown.
        watts: power now: its sensor's, else how fast its energy counter moved; None if unknown.
        t: when it was read last, seconds of the session; None if never.
        state: ok, stale, gone, retrying or failed.
        reason: why it is not ok.
    """

    number: int
    label: str
    host: str
    device: Device
    collector: str
    values: Mapping[str, Any]
    t: float | None
    state: State
    reason: str = ""
    watts: float | None = None

    def value(self, name: str) -> float | None:
        """A number, or None."""
        found = self.values.get(name)
        return found if isinstance(found, (int, float)) else None

    def age_s(self, now: float) -> float | None:
        """How old its newest reading is, s."""
        return None if self.t is None else max(0.0, now - self.t)


class Happening(NamedTuple):
    """One line of the events: when, what kind, in words, and its fields."""

    t: float
    kind: str
    fields: Mapping[str, Any]


class Processes(NamedTuple):
    """A table of processes: of one device, or (`number` None) of the host."""

    number: int | None
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class FiguresNow(NamedTuple):
    """What is computed over spans, and when that was."""

    t: float
    standing: Standing | None
    run: RunSoFar
    work: Mapping[int, WorkloadNow]


class RunBeside(NamedTuple):
    """A recorded run to compare with: scope and mean of its power, W, and its rates by unit while working."""

    name: str
    scope: str
    watts: float | None
    rates: Mapping[str, float]


class Playback(NamedTuple):
    """Where a replay is.

    Args:
        t: seconds of the session that are shown.
        end: up to where it is recorded.
        speed: how fast it plays; 1 is as it was.
        playing: whether it does, or stands still.
        grows: whether it is still being recorded.
        jumps: how often it went elsewhere than on.
        seen: where what adds up over the run is still being worked out, how much of the recording was gone
            through for that, 0 to 1; None where everything is known.
        simulated: whether anything in the recording is simulated, be it later than this.
    """

    t: float
    end: float
    speed: float
    playing: bool
    grows: bool
    jumps: int
    seen: float | None = None
    simulated: bool = False


@dataclass(frozen=True)
class Frame:
    """Everything one screen needs, of one moment.

    Args:
        t: now, seconds of the session.
        header: the session's header.
        devices: what has telemetry, in order of appearance.
        workloads: what counts work.
        standing: how the run stands; None until something was read twice.
        run: what else is known of the run.
        job: the fields of the job's begin, and those of its end once it ended.
        tables: processes.
        events: the newest last.
        observer: perfwatch's own cost as it was recorded last.
        collectors: state and reason of each collector.
        bins: what was asked for.
        work: what each workload does now, by its number.
        beside: recorded runs that were asked for, to compare with.
        output: the job's newest lines as it wrote them, colours and all; whoever shows the frame adds them.
        playback: where a replay is; None of what goes on now.
    """

    t: float
    header: Mapping[str, Any]
    devices: tuple[DeviceNow, ...] = ()
    workloads: tuple[DeviceNow, ...] = ()
    standing: Standing | None = None
    run: RunSoFar = field(default_factory=RunSoFar)
    job: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[Processes, ...] = ()
    events: tuple[Happening, ...] = ()
    observer: Mapping[str, Any] = field(default_factory=dict)
    collectors: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    bins: Mapping[BinsWanted, Sequence[Bin]] = field(default_factory=dict)
    work: Mapping[int, WorkloadNow] = field(default_factory=dict)
    beside: tuple[RunBeside, ...] = ()
    output: tuple[str, ...] = ()
    playback: Playback | None = None

    @property
    def simulated(self) -> bool:
        """Whether any device is played and not real."""
        ahead = self.playback is not None and self.playback.simulated
        return ahead or any(one.collector == "simulated" for one in (*self.devices, *self.workloads))

    @property
    def counts_work(self) -> bool:
        """Whether anything counts work and has told some."""
        return counts_work(self.workloads)


def counts_work(workloads: Iterable[DeviceNow]) -> bool:
    """Whether any of them has told some work."""
    return any(value for one in workloads for value in one.values.values() if value)
