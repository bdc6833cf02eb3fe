"""Which sensors does this machine have (Linux hwmon), under which labels, and what does each tell now?

Files and units: Documentation/hwmon/sysfs-interface.rst (uW, uJ, mA, mV, thousandths of a degree).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from perfwatch_collectors.sysfs import read_number, read_text
from perfwatch_collectors.told_accuracy import gain_told

from perfwatch.model import Kind, Unit
from perfwatch.text import clean

MOST_SENSORS = 64
"""So many of a chip are read; no chip has more."""
CHANNELS = {"ina3221": range(1, 4)}
"""Chips whose voltage and current of these numbers are of one channel, and that tell no power.
Documentation/hwmon/ina3221.rst: in1 to in3 and curr1 to curr3, the labels at the voltages alone; curr4 is the
sum of the currents, and in4 to in7 are voltages of the shunts, which it tells in uV and not in mV."""
SHUNT_FACTOR = 1e-3
_FILE = re.compile(r"(?P<kind>power|energy|curr|in|temp)(?P<number>\d+)_(?P<what>input|average)\Z")


class Quantity(NamedTuple):
    """What a kind of sensor counts, how metrics of it end, and the factor to its unit."""

    unit: Unit
    kind: Kind
    ending: str
    factor: float


QUANTITIES = {
    "power": Quantity(Unit.WATT, Kind.GAUGE, "watts", 1e-6),
    "energy": Quantity(Unit.JOULE, Kind.COUNTER, "joules_total", 1e-6),
    "curr": Quantity(Unit.AMPERE, Kind.GAUGE, "amperes", 1e-3),
    "in": Quantity(Unit.VOLT, Kind.GAUGE, "volts", 1e-3),
    "temp": Quantity(Unit.CELSIUS, Kind.GAUGE, "celsius", 1e-3),
}


@dataclass(frozen=True)
class Sensor:
    """One quantity of a chip.

    Args:
        kind, number: as its files are called: `power`, 1.
        label: as the driver calls it.
        files: the one that tells it; of a power that is volts times amperes both.
        faults: the driver's files that say whether it is broken; such a sensor tells nothing.
        is_average: of a power: averaged by the chip.
        update_s, window_s: how often it is renewed, over what time it is averaged, where that is told.
        gain_ratio: how accurate it is, where the device itself tells that.
        factor: what it tells is multiplied by, besides what its kind asks for.
    """

    kind: str
    number: int
    label: str
    files: tuple[Path, ...]
    faults: tuple[Path, ...] = ()
    is_average: bool = False
    update_s: float | None = None
    window_s: float | None = None
    gain_ratio: float | None = None
    factor: float = 1.0

    @property
    def name(self) -> str:
        """What the files call it: `power1`."""
        return f"{self.kind}{self.number}"

    @property
    def quantity(self) -> Quantity:
        """What it counts."""
        return QUANTITIES[self.kind]

    def value(self) -> float | None:
        """In the unit of its quantity; None where the driver tells none now, or says that it is broken."""
        if any(read_number(fault) not in (None, 0) for fault in self.faults):
            return None
        try:
            # The product of mV and mA is uW: one factor holds for a file of power, and for two.
            told = math.prod(int(file.read_bytes()) for file in self.files)
        except (OSError, ValueError):
            return None
        return told * self.quantity.factor * self.factor


class Chip(NamedTuple):
    """A chip with sensors.

    Args:
        name: its driver's.
        place: the bus address of its device, which is the same after the next boot; else its folder's name.
        folder: `hwmon3`, whose number is another one after a boot.
    """

    name: str
    place: str
    folder: str
    sensors: tuple[Sensor, ...]

    @property
    def id(self) -> str:
        """Stable across runs: `ina3221@1-0040`."""
        return f"{self.name}@{self.place}" if self.name != self.place else self.name


def chips_in(root: Path) -> list[Chip]:
    """The chips of a machine that have sensors, by the numbers of their folders: hwmon10 after hwmon9."""
    folders = sorted(root.glob("sys/class/hwmon/hwmon*"), key=lambda path: (len(path.name), path.name))
    return [chip for folder in folders if (chip := _chip(folder)).sensors]


def _chip(folder: Path) -> Chip:
    name = _text(folder / "name") or folder.name
    link = folder / "device"
    place = clean(link.resolve().name, 60) if link.exists() else folder.name
    found = _sensors(folder, name)
    kinds = list(QUANTITIES)
    ordered = sorted(found, key=lambda one: (kinds.index(one.kind), one.number))[:MOST_SENSORS]
    return Chip(name, place, folder.name, tuple(ordered))


def _sensors(folder: Path, chip: str) -> list[Sensor]:
    """Those of a chip; of a power the average, where it has both."""
    found: dict[tuple[str, int], Sensor] = {}
    for path in sorted(folder.glob("*_*")):
        match = _FILE.match(path.name)
        if match is None:
            continue
        kind, number = match["kind"], int(match["number"])
        sensor = _sensor(path, kind, number, chip)
        known = found.get((kind, number))
        if known is None or (sensor.is_average and kind == "power"):
            found[kind, number] = sensor
    return [*found.values(), *products(found, chip)]


def _sensor(path: Path, kind: str, number: int, chip: str) -> Sensor:
    folder = path.parent
    is_average = path.name.endswith("_average")
    fault = folder / f"{kind}{number}_fault"
    told_ms = read_number(folder / (f"power{number}_average_interval" if is_average else "update_interval"))
    update_s = told_ms / 1000.0 if told_ms is not None and told_ms > 0 else None
    return Sensor(
        kind,
        number,
        _label(folder, kind, number, chip),
        (path,),
        faults=(fault,) if fault.exists() else (),
        is_average=is_average,
        update_s=update_s,
        window_s=update_s if is_average or chip.startswith("ina") else None,  # an INA averages all the time
        gain_ratio=gain_told(_text(folder / f"power{number}_accuracy")) if kind == "power" else None,
        factor=factor_of(chip, kind, number),
    )


def _label(folder: Path, kind: str, number: int, chip: str) -> str:
    """The driver's; else what the firmware says (ACPI's meters, such as NVIDIA Grace's), or the channel's."""
    named = [f"{kind}{number}_label"]
    if kind == "power":
        named.append(f"power{number}_oem_info")
    if kind == "curr" and is_channel(chip, number):
        named.append(f"in{number}_label")
    return next((text for name in named if (text := _text(folder / name))), f"{kind}{number}")


def products(found: Mapping[tuple[str, int], Sensor], chip: str) -> list[Sensor]:
    """The power of channels that tell volts and amperes alone.

    Only where both are known to be of one channel: by the chip, or because the driver labels them alike.
    Elsewhere `in1` and `curr1` may be input and output of a converter.
    """
    powers = []
    for (kind, number), amperes in found.items():
        volts = found.get(("in", number))
        if kind != "curr" or volts is None or ("power", number) in found:
            continue
        is_labelled = volts.label == amperes.label
        if is_labelled or is_channel(chip, number):
            label = amperes.label if is_labelled else f"power{number}"
            powers.append(_product(volts, amperes, label))
    return powers


def is_channel(chip: str, number: int) -> bool:
    """Whether voltage and current of this number are of one channel, though no label says so."""
    return number in CHANNELS.get(chip, ())


def factor_of(chip: str, kind: str, number: int) -> float:
    """What is told is multiplied by, besides what its kind asks for."""
    return SHUNT_FACTOR if kind == "in" and chip in CHANNELS and number not in CHANNELS[chip] else 1.0


def _product(volts: Sensor, amperes: Sensor, label: str) -> Sensor:
    return Sensor(
        "power",
        amperes.number,
        label,
        (*volts.files, *amperes.files),
        faults=(*volts.faults, *amperes.faults),
        update_s=known_of(max, (volts.update_s, amperes.update_s)),
        window_s=known_of(max, (volts.window_s, amperes.window_s)),
    )


def known_of(of: Callable[[Sequence[float]], float], values: Sequence[float | None]) -> float | None:
    """One value of several; None where one of them is not known."""
    known = [value for value in values if value is not None]
    return of(known) if known and len(known) == len(values) else None


def _text(path: Path) -> str:
    return clean(read_text(path) or "", 60)
