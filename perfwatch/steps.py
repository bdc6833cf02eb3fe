"""How often were the energy counters of a collector's devices seen to step?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from perfwatch.derive.carried import may_be_carried
from perfwatch.metrics import ENERGY
from perfwatch.model import Device


class CounterSteps:
    """Watches the counters of the devices that have one which moves in steps."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._values: dict[str, Any] = {}
        self._seen: dict[str, int] = {}
        self._periods: dict[str, float] = {}

    @property
    def longest_s(self) -> float:
        """The longest update period among them; 0 without any."""
        return max(list(self._periods.values()), default=0.0)

    def declare(self, devices: Iterable[Device]) -> None:
        """These are read from now on."""
        for device in devices:
            for place, metric in enumerate(device.metrics):
                if metric.name == ENERGY.name and may_be_carried(metric.update_s):
                    self._places[device.id] = place
                    self._periods[device.id] = metric.update_s or 0.0

    def forget(self, device_id: str) -> None:
        """It is gone: nobody waits for its steps."""
        for kept in (self._places, self._periods, self._values, self._seen):
            kept.pop(device_id, None)

    def take(self, device_id: str, values: Sequence[Any]) -> None:
        """A sample of a device."""
        place = self._places.get(device_id)
        if place is None or place >= len(values) or values[place] is None:
            return
        before = self._values.get(device_id)
        if before is not None and values[place] != before:
            self._seen[device_id] = self._seen.get(device_id, 0) + 1
        self._values[device_id] = values[place]

    def counts(self) -> dict[str, int]:
        """How often each was seen to step so far, of those that told a value at all."""
        return {device_id: self._seen.get(device_id, 0) for device_id in list(self._values)}
