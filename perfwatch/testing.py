"""Fakes and the contract check, for our tests and for plugin authors'."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from perfwatch.clock import Wake
from perfwatch.collector import Collector
from perfwatch.errors import Unavailable
from perfwatch.metrics import CATALOGUE
from perfwatch.model import Device, Reading, Sample, Unit


class FakeClock:
    """A clock that stands still until it is told to move.

    `advance` moves it at once. `run` lets one runner's thread live through a stretch of time: each of its
    waits ends immediately and moves the clock by as much, until the stretch is over.
    """

    def __init__(self, monotonic_ns: int = 1_000_000_000, time_ns: int = 1_700_000_000_000_000_000) -> None:
        self._monotonic_ns = monotonic_ns
        self._time_ns = time_ns
        self._horizon_ns = monotonic_ns
        self._settled = threading.Event()
        self._lock = threading.Lock()

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def time_ns(self) -> int:
        return self._time_ns

    def advance(self, seconds: float) -> None:
        """Let both clocks move on."""
        self._move(round(seconds * 1e9))
        self._horizon_ns = self._monotonic_ns

    def run(self, seconds: float) -> None:
        """Let the one thread that waits on this clock live through so many seconds."""
        with self._lock:
            self._settled.clear()
            self._horizon_ns += round(seconds * 1e9)
        assert self._settled.wait(30.0), "the runner did not come back to its wait"

    def wait(self, wake: Wake, seconds: float) -> None:
        """A runner waits: its time passes at once, up to where `run` said."""
        with self._lock:
            left_ns = self._horizon_ns - self._monotonic_ns
            if left_ns > 0:
                self._move(min(left_ns, max(1, round(seconds * 1e9))))
                return
            self._settled.set()
        wake.wait(0.001)

    def _move(self, step_ns: int) -> None:
        self._monotonic_ns += step_ns
        self._time_ns += step_ns

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock as an administrator or NTP would; the monotonic one does not notice."""
        self._time_ns += round(seconds * 1e9)


class StubCollector(Collector):
    """A collector that hands over what a test lays into `devices` and `polls`.

    Each entry of `polls` is what one `read` yields, or an exception for it to raise; the last one repeats.
    """

    name = "stub"

    def __init__(self, devices: Sequence[Device] = (), polls: Sequence[Any] = ()) -> None:
        super().__init__()
        self.devices = tuple(devices)
        self.polls = list(polls)
        self.reads = 0
        self.closed = 0

    def open(self) -> Sequence[Device]:
        if not self.devices:
            raise Unavailable("the stub has no devices")
        return self.devices

    def read(self, devices: Sequence[Device]) -> Sequence[Reading]:
        poll = self.polls[min(self.reads, len(self.polls) - 1)] if self.polls else []
        self.reads += 1
        if isinstance(poll, BaseException):
            raise poll
        return list(poll)

    def close(self) -> None:
        self.closed += 1


def check_contract(collector: Collector, *, polls: int = 2) -> str:
    """Hold a collector against the contract of docs/writing-a-collector.md.

    Returns:
        `"absent"` if it found nothing to read here, else `"ok"`.

    Raises:
        AssertionError: it broke the contract; the message says how.
    """
    started = time.monotonic()
    try:
        devices = list(collector.open())
    except Unavailable as absent:
        assert time.monotonic() - started < 2.0, f"{collector.name}: open() took long to find nothing"
        assert str(absent), f"{collector.name}: Unavailable without a reason"
        collector.close()
        collector.close()
        return "absent"
    try:
        known = {device.id: device for device in devices}
        assert len(known) == len(devices), f"{collector.name}: two devices have one id"
        for device in devices:
            _check_device(collector, device)
        for _ in range(polls):
            for reading in collector.read(devices):
                if type(reading).__name__ == "Appeared":
                    _check_device(collector, reading.device)  # type: ignore[union-attr]
                    known[reading.device.id] = reading.device  # type: ignore[union-attr]
                elif isinstance(reading, Sample):
                    _check_sample(collector, known, reading)
    finally:
        collector.close()
        collector.close()
    return "ok"


def _check_device(collector: Collector, device: Device) -> None:
    where = f"{collector.name}: {device.id}"
    assert device.id and device.name, f"{where}: a device needs an id and a name"
    names = [metric.name for metric in device.metrics]
    assert len(set(names)) == len(names), f"{where}: a metric is declared twice: {names}"
    for metric in device.metrics:
        known = CATALOGUE.get(metric.name)
        if known is not None:
            assert metric.unit == known.unit, (
                f"{where}: {metric.name} is in {known.unit.value}, not {metric.unit.value}"
            )
            assert metric.kind == known.kind, f"{where}: {metric.name} is a {known.kind.value}"


def _check_sample(collector: Collector, known: dict[str, Device], sample: Sample) -> None:
    where = f"{collector.name}: {sample.device_id}"
    assert sample.device_id in known, f"{where}: a sample of a device that was not declared"
    metrics = known[sample.device_id].metrics
    assert len(sample.values) == len(metrics), (
        f"{where}: {len(sample.values)} values for {len(metrics)} metrics"
    )
    for metric, value in zip(metrics, sample.values, strict=True):
        assert metric.unit is Unit.COUNT or not isinstance(value, (str, bytes)), (
            f"{where}: {metric.name} is in {metric.unit.value}, and {value!r} is no number"
        )
