"""Which sensors does node_exporter's page tell of (`node_hwmon_...`), and what does each tell now?

They are those of the collector hwmon, read on another machine: the same labels, the same rails. Names:
prometheus/node_exporter, collector/hwmon_linux.go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfwatch_collectors.hwmon_devices import RAILS, device_of, sum_device
from perfwatch_collectors.hwmon_rails import named_rails, sum_of
from perfwatch_collectors.hwmon_sensors import (
    QUANTITIES,
    Chip,
    Sensor,
    factor_of,
    is_channel,
    products,
)

from perfwatch.errors import Unavailable
from perfwatch.model import Appeared, Device, Gone, Reading, Sample, Scope
from perfwatch.text import clean
from perfwatch.workload.exposition import Page, labels_of

FAMILIES = {
    "node_hwmon_power_input_watt": "power",
    "node_hwmon_power_watt": "power",
    "node_hwmon_power_average_watt": "power",
    "node_hwmon_energy_joule_total": "energy",
    "node_hwmon_curr_amps": "curr",
    "node_hwmon_in_volts": "in",
    "node_hwmon_temp_celsius": "temp",
}
"""Of several that tell one sensor's power the last: an average is better than an instant."""
CHIP_NAMES, LABELS = "node_hwmon_chip_names", "node_hwmon_sensor_label"
INTERVAL = "node_hwmon_power_average_interval_seconds"
MOST_CHIPS = 256
_POWER_METER = re.compile(r"power_meter|.*acpi000d", re.IGNORECASE)
"""ACPI's meters, by their driver or their device: one alone measures the machine, several its parts."""
_NUMBER = re.compile(r"\d+\Z")

Place = tuple[str, str]
"""A chip and its sensor, as the page calls them: `platform_i2c_1`, `power1`."""


@dataclass(frozen=True)
class Rails:
    """What is summed: the names of rails, and what they cover."""

    names: tuple[str, ...] = ()
    scope: Scope | None = None


class HwmonPart:
    """The chips of a page, and the sum of the rails that were named.

    Args:
        rails: what is summed.
        host: whose they are, where that is not this machine.
        stated: how accurate their power and energy are, where somebody said so.
    """

    def __init__(self, rails: Rails, host: str, stated: float | None) -> None:
        self._rails = rails
        self._host, self._stated = host, stated
        self._known: dict[str, Device] = {}

    def open(self, page: Page) -> list[Device]:
        """The chips that are there.

        Raises:
            Unavailable: there is none, or a rail that was named is not there or not clear.
        """
        chips = _Told(page).chips()
        if not chips:
            raise Unavailable("the page tells of no sensor")
        self._known = {device.id: device for device in self._devices(chips)}
        return list(self._known.values())

    def read(self, page: Page) -> Iterator[Reading]:
        """What they tell now; a chip that came, that tells something else or that is gone is said."""
        told = _Told(page)
        chips = told.chips()
        now = {device.id: device for device in self._devices(chips)}
        yield from (Appeared(device) for key, device in now.items() if self._known.get(key) != device)
        yield from (Gone(key, "the page does not tell of it any more") for key in self._known.keys() - now)
        self._known = now
        for chip in chips:
            yield Sample(chip.id, tuple(told.value_of(sensor) for sensor in chip.sensors))
        if self._rails.names:
            yield Sample(RAILS, (sum_of(named_rails(self._rails.names, chips), told.value_of),))

    def _devices(self, chips: Sequence[Chip]) -> Iterator[Device]:
        meters = [chip.id for chip in chips if any(map(_POWER_METER.match, (chip.name, chip.place)))]
        for chip in chips:
            device = device_of(chip, chips, self._stated)
            is_of_all = meters == [chip.id]
            yield self._on_host(replace(device, scope=Scope.NODE) if is_of_all else device)
        if self._rails.names:
            rails = named_rails(self._rails.names, chips)
            yield self._on_host(sum_device(rails, self._rails.scope, self._stated))

    def _on_host(self, device: Device) -> Device:
        return replace(device, facts={**device.facts, "host": self._host}) if self._host else device


def sensors_on(page: Page) -> int:
    """How many families of sensors a page has."""
    return sum(bool(page.texts(family)) for family in FAMILIES)


@dataclass
class _Told:
    """What a page tells of sensors.

    Args:
        page: the page.
        values: what each tells, by the family and the place where it stands.
    """

    page: Page
    values: dict[Path, float | None] = field(default_factory=dict)

    def chips(self) -> list[Chip]:
        """The chips that it tells of, with the names and labels that it gives them."""
        named = {one.get("chip", ""): one.get("chip_name", "") for one, _ in self._series(CHIP_NAMES)}
        found: dict[str, dict[tuple[str, int], Sensor]] = {}
        for family, kind in FAMILIES.items():
            broken = {_place(one) for one, value in self._series(f"node_hwmon_{kind}_fault") if value}
            for one, value in self._series(family):
                place = _place(one)
                name = clean(named.get(place[0]) or place[0], 60)
                sensor = self._sensor(Path(family, *place), kind, place, name)
                self.values[sensor.files[0]] = (
                    None if place in broken or value is None else value * sensor.factor
                )
                found.setdefault(place[0], {})[kind, sensor.number] = sensor
        return [
            _chip(clean(named.get(place) or place, 60), clean(place, 60), sensors)
            for place, sensors in list(found.items())[:MOST_CHIPS]
        ]

    def value_of(self, sensor: Sensor) -> float | None:
        """In its unit; of a power that is volts times amperes their product. None where one is not told."""
        told = [self.values.get(place) for place in sensor.files]
        known = [value for value in told if value is not None]
        return math.prod(known) if len(known) == len(told) else None

    def _sensor(self, at: Path, kind: str, place: Place, chip: str) -> Sensor:
        number = int(found[0]) if (found := _NUMBER.search(place[1])) else 0
        label = self._labels.get(place, "")
        if not label and kind == "curr" and is_channel(chip, number):
            label = self._labels.get((place[0], f"in{number}"), "")
        window_s = self._intervals.get(place) if at.parts[0].endswith("average_watt") else None
        return Sensor(
            kind,
            number,
            clean(label or place[1], 60),
            (at,),
            is_average=window_s is not None,
            update_s=window_s,
            window_s=window_s,
            factor=factor_of(chip, kind, number),
        )

    def _series(self, family: str) -> Iterator[tuple[Mapping[str, str], float | None]]:
        return ((labels_of(line.labels), line.value) for line in self.page.lines(family))

    def __post_init__(self) -> None:
        self._labels = {_place(one): one.get("label", "") for one, _ in self._series(LABELS)}
        self._intervals = {_place(one): value for one, value in self._series(INTERVAL)}


def _place(labels: Mapping[str, str]) -> Place:
    return labels.get("chip", ""), labels.get("sensor", "")


def _chip(name: str, place: str, sensors: Mapping[tuple[str, int], Sensor]) -> Chip:
    kinds = list(QUANTITIES)
    every = [*sensors.values(), *products(sensors, name)]
    return Chip(name, place, place, tuple(sorted(every, key=lambda one: (kinds.index(one.kind), one.number))))
