"""Builds tapes by hand: a session of chosen devices, work and marks, through the format's own records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perfwatch.derive.settings import Settings
from perfwatch.derive.summary import summarise
from perfwatch.derive.tape import Tape
from perfwatch.metrics import ENERGY, POWER, THROTTLE_REASONS, UTILIZATION
from perfwatch.model import Buckets, Device, DeviceKind, Histogram, Kind, Metric, Scope, Unit
from perfwatch.session import format as fmt

Clock = Callable[[float], float]
"""A quantity as a function of the session's time."""


class Session:
    """A session in the making; `tape()` folds it. Times are seconds of the session."""

    def __init__(self, *, interval_s: float = 1.0, host: str = "here", **header: Any) -> None:
        self.interval_s = interval_s
        self.header = fmt.header(
            session_id="a1",
            monotonic_ns=5_000_000_000,
            time_ns=1_700_000_000_123_456_789,
            host=host,
            perfwatch="0.1.0",
            interval_s=interval_s,
            **header,
        )
        self.records: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}
        self._index: dict[str, int] = {}

    # -- devices -----------------------------------------------------------------------------------

    def declare(self, collector: str, device: Device, *, host: str | None = None) -> int:
        """Declare a device; returns its number."""
        number = self._numbers.setdefault(f"{host}/{collector}/{device.id}", len(self._numbers))
        record = fmt.encode_device(number, collector, device)
        if host is not None:
            record["host"] = host
        self.records.append({"t": 0.0, "device": record})
        return number

    def device(
        self,
        collector: str = "nvidia",
        *,
        metrics: Sequence[Metric],
        kind: DeviceKind = DeviceKind.ACCELERATOR,
        scope: Scope | None = Scope.ACCELERATOR,
        name: str = "Board",
        index: int | str | None = None,
        uuid: str | None = None,
        parent: str | None = None,
        host: str | None = None,
        **facts: Any,
    ) -> int:
        """Declare a device of some family; the index counts up by itself."""
        place = f"{host}/{collector}"
        if index is None:
            index = self._index.get(place, 0)
            self._index[place] = index + 1
        device = Device(
            id=uuid or f"{collector.upper()}-{index}-uuid",
            name=name,
            kind=kind,
            index=index,
            metrics=tuple(metrics),
            scope=scope,
            parent=parent,
            facts=facts,
        )
        return self.declare(collector, device, host=host)

    def sample(self, number: int, t: float, *values: Any) -> None:
        """One sample; histograms may be given as they are."""
        self.records.append(fmt.batch(t, "any", 0.001, [[number, t, [fmt.encode_value(v) for v in values]]]))

    def poll(self, number: int, times: Sequence[float], *columns: Clock) -> None:
        """Samples at the times, a function a metric."""
        for t in times:
            self.sample(number, t, *(column(t) for column in columns))

    def board(
        self,
        times: Sequence[float],
        *,
        watts: float = 100.0,
        counter: bool = True,
        power: bool = True,
        **device: Any,
    ) -> int:
        """An accelerator that draws constant power and tells it by counter, by power, or by both."""
        metrics: list[Metric] = []
        columns: list[Clock] = []
        if counter:
            metrics.append(ENERGY.observed(update_s=0.01))
            columns.append(lambda t: round(watts * t, 6))
        if power:
            metrics.append(POWER.observed(update_s=0.01, window_s=0.01))
            columns.append(lambda t: watts)
        number = self.device(metrics=metrics, **device)
        self.poll(number, times, *columns)
        return number

    def busy_board(self, times: Sequence[float], busy: Clock, reasons: Clock) -> int:
        """An accelerator of 100 W that also tells its utilization and its throttle reasons."""
        number = self.device(metrics=(ENERGY.observed(update_s=0.01), UTILIZATION, THROTTLE_REASONS))
        self.poll(number, times, lambda t: 100.0 * t, busy, reasons)
        return number

    def package(self, times: Sequence[float], *, watts: float = 50.0, **device: Any) -> int:
        """A CPU package with an energy counter."""
        given = {"collector": "rapl", "index": "package-0", "name": "CPU package"} | device
        given.setdefault("kind", DeviceKind.CPU)
        given.setdefault("scope", Scope.CPU)
        number = self.device(metrics=(ENERGY.observed(update_s=0.001),), **given)
        self.poll(number, times, lambda t: round(watts * t, 6))
        return number

    # -- work --------------------------------------------------------------------------------------

    def counter(
        self, readings: Sequence[tuple[float, float]], *, name: str = "queries", work: str = "statsd"
    ) -> int:
        """A workload that tells one counter."""
        metric = Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER)
        return self.workload(work, [metric], [(t, (value,)) for t, value in readings])

    def workload(
        self,
        work: str,
        metrics: Sequence[Metric],
        rows: Sequence[tuple[float, Sequence[Any]]],
        **facts: Any,
    ) -> int:
        """A workload of a kind of source with any metrics."""
        number = self.device(
            collector=work,
            metrics=metrics,
            kind=DeviceKind.WORKLOAD,
            scope=None,
            name=work,
            work=work,
            **facts,
        )
        for t, values in rows:
            self.sample(number, t, *values)
        return number

    # -- events ------------------------------------------------------------------------------------

    def event(self, t: float, kind: str, **fields: Any) -> None:
        self.records.append(fmt.event(t, kind, fields))

    def job(self, begin: float, end: float | None, status: int | None = 0, **more: Any) -> None:
        self.event(begin, "job", what="begin", pid=4711)
        if end is not None:
            self.event(end, "job", what="end", exit_status=status, **more)

    def mark(self, name: str, begin: float, end: float | None = None, *, origin: str = "job") -> None:
        self.event(begin, "mark", name=name, edge="begin", origin=origin)
        if end is not None:
            self.event(end, "mark", name=name, edge="end", origin=origin)

    # -- results -----------------------------------------------------------------------------------

    def tape(self) -> Tape:
        tape = Tape.of(self.header, self.records)
        assert tape.damaged == 0, "the builder wrote a record that the tape does not take"
        return tape

    def summary(self, **settings: Any) -> dict[str, Any]:
        return summarise(self.tape(), Settings(**settings))


def every(step: float, begin: float, end: float) -> list[float]:
    """Times from begin to end, both included."""
    count = round((end - begin) / step)
    return [round(begin + index * step, 6) for index in range(count + 1)]


def steps(begin: float, end: float, amount: float, moves: int) -> list[tuple[float, float]]:
    """Readings of a counter that stands at 0 at time 0 and moves at equal distances from begin to end."""
    distance = (end - begin) / (moves - 1)
    return [
        (0.0, 0),
        *((round(begin + index * distance, 6), int(amount * (index + 1) / moves)) for index in range(moves)),
    ]


def histogram(*values: float) -> Histogram:
    """Observations as an increment."""
    import math

    buckets: dict[int, int] = {}
    positive = [value for value in values if value > 0]
    for value in positive:
        index = math.ceil(math.log2(value) * 128) - 1
        buckets[index] = buckets.get(index, 0) + 1
    return Histogram(
        len(values), math.fsum(values), min(values), max(values), buckets, len(values) - len(positive)
    )


def codes(summary: dict[str, Any], level: str | None = None) -> set[str]:
    """The codes of the findings of a summary."""
    return {each["code"] for each in summary["quality"] if level in (None, each["level"])}


def message(summary: dict[str, Any], code: str) -> str:
    """The sentence of the only finding with a code."""
    (only,) = [each["message"] for each in summary["quality"] if each["code"] == code]
    return only


__all__ = ["Buckets", "Session", "codes", "every", "histogram", "message", "steps"]
