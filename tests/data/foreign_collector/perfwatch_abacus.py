"""Reads an abacus that draws a constant 3.5 W. Invented: it stands for a stranger's collector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfwatch.collector import Collector
from perfwatch.metrics import POWER
from perfwatch.model import Device, DeviceKind, Reading, Sample, Scope

ABACUS = Device(
    id="ABACUS-1",
    name="Wooden abacus",
    kind=DeviceKind.ACCELERATOR,
    metrics=(POWER,),
    scope=Scope.ACCELERATOR,
)


class AbacusCollector(Collector):
    name = "abacus"
    about = "one abacus, by looking at it"

    def open(self) -> Sequence[Device]:
        return [ABACUS]

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:
        return [Sample(device.id, (3.5,)) for device in devices]
