"""Do devices of a page repeat one power, as dies of a card do where the page does not tell them apart?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.metrics import POWER
from perfwatch.model import Device, Event, Reading, Sample
from perfwatch.units import format_quantity

ENOUGH = 3
"""So many readings in a row in which two devices tell the same watts are no chance."""


class Alike:
    """Watches the powers of devices that are no parts of a board.

    Args:
        collector: its name, for people.
        devices: those that may be dies of one card.
    """

    def __init__(self, collector: str, devices: Sequence[Device] = ()) -> None:
        self._collector = collector
        self._places = {
            device.id: place
            for device in devices
            if device.parent is None
            for place, metric in enumerate(device.metrics)
            if metric.name == POWER.name
        }
        self._watts: dict[str, float] = {}
        self._times = 0
        self._has_said = False

    def take(self, reading: Reading) -> None:
        """Note what a device tells."""
        if isinstance(reading, Sample) and reading.device_id in self._places:
            value = reading.values[self._places[reading.device_id]]
            if isinstance(value, (int, float)):
                self._watts[reading.device_id] = value

    def said(self) -> Iterator[Event]:
        """After each reading of the page: once, that several told the same."""
        watts, self._watts = list(self._watts.values()), {}
        most = max(map(watts.count, watts), default=0)
        self._times = self._times + 1 if most > 1 else 0
        if self._times < ENOUGH or self._has_said:
            return
        self._has_said = True
        told = format_quantity(max(watts, key=watts.count), "W")
        text = (
            f"{self._collector}: {most} devices tell the same power each time ({told} now). Dies of one card "
            "repeat that of their card, and this page does not tell which belong together: it may be counted "
            "several times. --devices chooses one die of each card."
        )
        yield Event("note", {"code": "shared-device", "text": text})
