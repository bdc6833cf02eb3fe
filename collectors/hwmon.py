"""Every power, energy, current, voltage and temperature sensor of the machine, with its label (Linux hwmon).

They are shown. What a sensor covers no driver tells: a rail of a board, a card, or all of it. So nothing is
summed before somebody names the rails and what they cover: `-c "hwmon:rails=ina3221/VDD_IN,scope=module"`.
Files and units: Documentation/hwmon/sysfs-interface.rst (uW, uJ, mA, mV, thousandths of a degree).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from perfwatch_collectors.sysfs import read_text

from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Kind, Metric, Reading, Sample, Scope, Unit
from perfwatch.text import clean

MOST_SENSORS = 64
"""So many of a chip are read; no chip has more."""
_FILE = re.compile(r"(?P<kind>power|energy|curr|in|temp)(?P<number>\d+)_(?P<what>input|average)\Z")


class _Quantity(NamedTuple):
    unit: Unit
    kind: Kind
    ending: str
    factor: float


_QUANTITIES = {
    "power": _Quantity(Unit.WATT, Kind.GAUGE, "watts", 1e-6),
    "energy": _Quantity(Unit.JOULE, Kind.COUNTER, "joules_total", 1e-6),
    "curr": _Quantity(Unit.AMPERE, Kind.GAUGE, "amperes", 1e-3),
    "in": _Quantity(Unit.VOLT, Kind.GAUGE, "volts", 1e-3),
    "temp": _Quantity(Unit.CELSIUS, Kind.GAUGE, "celsius", 1e-3),
}


@dataclass(frozen=True)
class HwmonOptions:
    """What is summed.

    Args:
        rails: `CHIP/LABEL` of the sensors of power or energy that make up what is measured.
        scope: what they cover together: accelerator, module, cpu, dram, node or wall.
        root: stands before /sys; another one reads a copied tree.
    """

    rails: tuple[str, ...] = ()
    scope: str = ""
    root: str = "/"


class Sensor(NamedTuple):
    """One file: what it tells, and under which label."""

    path: Path
    label: str
    quantity: _Quantity
    number: int
    is_average: bool

    def value(self) -> float | None:
        """In the unit of its quantity; None where the driver tells none now."""
        try:
            return int(self.path.read_bytes()) * self.quantity.factor
        except (OSError, ValueError):
            return None


class _Chip(NamedTuple):
    device: Device
    sensors: tuple[Sensor, ...]


class HwmonCollector(Collector):
    """A device for each chip with sensors, and one for the rails that were named.

    Raises:
        ConfigError: rails without a scope, or a scope that is none.
    """

    name = "hwmon"
    about = "every power, energy, current, voltage and temperature sensor of the machine (Linux hwmon)"
    floor_s = 0.1
    Options = HwmonOptions

    def __init__(self, options: HwmonOptions | None = None) -> None:
        super().__init__(options)
        scopes = {scope.value: scope for scope in Scope}
        if bool(self.options.rails) != bool(self.options.scope) or self.options.scope not in {"", *scopes}:
            raise ConfigError(
                "cannot set up hwmon: rails and scope go together, as in "
                f"-c 'hwmon:rails=ina3221/VDD_IN,scope=module'; scope is one of {', '.join(scopes)}"
            )
        self._scope = scopes.get(self.options.scope)
        self._chips: dict[str, _Chip] = {}
        self._rails: tuple[Sensor, ...] = ()

    def open(self) -> Sequence[Device]:
        """Find the chips.

        Raises:
            Unavailable: there is no sensor, or a rail that was named is not there.
        """
        found = [chip for folder in _folders(Path(self.options.root)) if (chip := _chip(folder)) is not None]
        if not found:
            raise Unavailable("no sensor of power, current, voltage or temperature in /sys/class/hwmon")
        self._chips = {chip.device.id: chip for chip in found}
        self._rails = self._named(found)
        devices = [chip.device for chip in found]
        return [*devices, self._sum()] if self._rails else devices

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Each sensor; the sum of the rails is unknown while one of them is."""
        for device in devices:
            chip = self._chips.get(device.id)
            if chip is not None:
                yield Sample(device.id, tuple(sensor.value() for sensor in chip.sensors))
            else:
                yield Sample(device.id, (_summed([sensor.value() for sensor in self._rails]),))

    def _named(self, chips: Sequence[_Chip]) -> tuple[Sensor, ...]:
        """The sensors of the named rails: energy where all of them have it, else power."""
        there = {
            (f"{chip.device.name}/{sensor.label}".casefold(), sensor.quantity.unit): sensor
            for chip in chips
            for sensor in chip.sensors
        }
        names = [rail.strip().casefold() for rail in self.options.rails]
        for unit in (Unit.JOULE, Unit.WATT):
            sensors = [there.get((name, unit)) for name in names]
            if names and None not in sensors:
                return tuple(sensor for sensor in sensors if sensor is not None)
        missing = [name for name in names if (name, Unit.WATT) not in there]
        if missing:
            known = sorted({name for name, unit in there if unit in (Unit.WATT, Unit.JOULE)})
            shown = ", ".join(clean(name, 60) for name in known[:8]) or "none"
            raise Unavailable(f"there is no rail {clean(missing[0], 60)}; rails there are: {shown}")
        return ()

    def _sum(self) -> Device:
        metric = ENERGY if self._rails[0].quantity.unit is Unit.JOULE else POWER
        return Device(
            id="hwmon-rails",
            name=" + ".join(sensor.label for sensor in self._rails),
            kind=DeviceKind.ACCELERATOR if self._scope is Scope.ACCELERATOR else DeviceKind.METER,
            index="rails",
            metrics=(metric,),
            scope=self._scope,
        )


def _summed(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None


def _folders(root: Path) -> list[Path]:
    """By their numbers: hwmon10 comes after hwmon9."""
    return sorted(root.glob("sys/class/hwmon/hwmon*"), key=lambda path: (len(path.name), path.name))


def _chip(folder: Path) -> _Chip | None:
    sensors = _sensors(folder)
    if not sensors:
        return None
    name = _text(folder / "name") or folder.name
    link = folder / "device"
    place = link.resolve().name if link.exists() else folder.name
    device = Device(
        id=f"{name}@{place}",
        name=name,
        kind=DeviceKind.METER,
        index=int(folder.name.removeprefix("hwmon") or 0),
        metrics=tuple(_metric(sensor, sensors) for sensor in sensors),
        facts={"place": place},
    )
    return _Chip(device, tuple(sensors))


def _sensors(folder: Path) -> list[Sensor]:
    """Those of a chip, in the order of their kinds and numbers; of a power the average, where it has both."""
    found: dict[tuple[str, int], Sensor] = {}
    for path in sorted(folder.glob("*_*")):
        match = _FILE.match(path.name)
        if match is None:
            continue
        kind, number = match["kind"], int(match["number"])
        label = _text(folder / f"{kind}{number}_label") or f"{kind}{number}"
        sensor = Sensor(path, label, _QUANTITIES[kind], number, match["what"] == "average")
        known = found.get((kind, number))
        if known is None or (sensor.is_average and kind == "power"):
            found[kind, number] = sensor
    kinds = list(_QUANTITIES)
    return [found[key] for key in sorted(found, key=lambda key: (kinds.index(key[0]), key[1]))][:MOST_SENSORS]


def _metric(sensor: Sensor, of: Sequence[Sensor]) -> Metric:
    """`power_watts` where a chip has one sensor of power, else each by its label: `vdd_in_watts`."""
    same = [one for one in of if one.quantity is sensor.quantity]
    known = {Unit.WATT: POWER, Unit.JOULE: ENERGY}.get(sensor.quantity.unit)
    if known is not None and len(same) == 1:
        return known
    word = re.sub(r"[^a-z0-9]+", "_", sensor.label.casefold()).strip("_") or "sensor"
    twice = sum(one.label == sensor.label for one in same) > 1
    name = f"{word}_{sensor.number}" if twice else word
    return Metric(
        f"{name}_{sensor.quantity.ending}", sensor.quantity.unit, sensor.quantity.kind, sensor.label
    )


def _text(path: Path) -> str:
    return clean(read_text(path) or "", 60)
