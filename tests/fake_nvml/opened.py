"""An NVIDIA collector opened on a fake machine, for tests inside one process.

Each fake has its own copy of the library and the collector gives a library named by its option a pynvml of
its own, so nothing of one test is still mapped in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwatch_collectors.nvidia import NvidiaCollector, NvidiaOptions

from fake_nvml import FakeNvml
from perfwatch.model import Appeared, Device, Event, Gone, Reading, Sample, Table
from perfwatch.testing import FakeClock


@dataclass
class Watched:
    """A collector, the devices as a runner would hold them, and what the last poll gave."""

    fake: FakeNvml
    collector: NvidiaCollector
    clock: FakeClock
    devices: list[Device] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def poll(self, after_s: float = 0.0) -> list[Reading]:
        """Read once, as a runner does; what comes and goes is taken into `devices`."""
        self.clock.advance(after_s)
        self.readings = []
        for reading in self.collector.read(tuple(self.devices)):
            self.readings.append(reading)
            if isinstance(reading, Gone):
                self.devices = [device for device in self.devices if device.id != reading.device_id]
            elif isinstance(reading, Appeared):
                self.devices = [device for device in self.devices if device.id != reading.device.id]
                self.devices.append(reading.device)
        return self.readings

    def of(self, kind: type[Any]) -> list[Any]:
        """The readings of one kind that the last poll gave."""
        return [reading for reading in self.readings if isinstance(reading, kind)]

    def sampled(self) -> list[str]:
        """Ids of the devices of which the last poll gave a sample, in order."""
        return [sample.device_id for sample in self.of(Sample)]

    def value(self, device: int, metric: str) -> Any:
        """A value of the last poll, by the name of its metric."""
        declared = next(found for found in self.devices if found.id == self.fake.uuid(device))
        sample = next(found for found in self.of(Sample) if found.device_id == declared.id)
        return sample.values[[known.name for known in declared.metrics].index(metric)]

    def metrics(self, device: int) -> list[str]:
        """Names of the metrics that a device declares."""
        declared = next(found for found in self.devices if found.id == self.fake.uuid(device))
        return [metric.name for metric in declared.metrics]

    def unread(self) -> list[dict[str, Any]]:
        """What the last poll's notes say of boards that are there and cannot be read."""
        return [event.fields["unread"] for event in self.of(Event) if "unread" in event.fields]

    def notes(self) -> list[str]:
        """Texts of the notes of the last poll."""
        return [event.fields["text"] for event in self.of(Event) if event.kind == "note"]

    def tables(self) -> list[Table]:
        """Tables of the last poll."""
        return self.of(Table)


def collector_of(fake: FakeNvml, clock: FakeClock | None = None) -> NvidiaCollector:
    """A collector that will load the fake's library."""
    options = NvidiaOptions(library=str(fake.library))
    return NvidiaCollector(options, sysfs=Path("/nonexistent"), clock=clock or FakeClock())


@contextmanager
def opened(devices: int | Sequence[Any] = 1, **settings: Any) -> Iterator[Watched]:
    """A fake machine and a collector opened on it; both are closed at the end."""
    with FakeNvml(devices, **settings) as fake:
        clock = FakeClock()
        collector = collector_of(fake, clock)
        try:
            yield Watched(fake, collector, clock, list(collector.open()))
        finally:
            collector.close()
