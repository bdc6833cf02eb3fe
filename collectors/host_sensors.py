"""What do a machine's thermometers, CPU clocks and batteries say in sysfs?

Files and units: Documentation/hwmon/sysfs-interface.rst (m°C) and Documentation/ABI/testing/sysfs-class-power
(µW, µA, µV, percent) of the kernel. Every reader takes the root that stands before /sys and /proc.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from perfwatch_collectors.sysfs import entries, read_number, read_text

from perfwatch import metrics
from perfwatch.model import Kind, Metric, Unit

_SENSORS = 64
_CPU_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "x86_pkg_temp", "soc_thermal")
_LEFT_OUT = ("drivetemp",)
"""Reading it sends the disk a command."""
_ONE_CORE = re.compile(r"Core \d+$")
_INPUT = re.compile(r"temp(\d+)_input$")
_PLAUSIBLE_CELSIUS = (-40.0, 150.0)


class Thermometer(NamedTuple):
    """One sensor: its own metric, its file in m°C, whether it sits in a CPU, what says that it is broken."""

    metric: Metric
    file: Path
    of_cpu: bool
    fault: Path | None = None

    def celsius(self) -> float | None:
        """°C; None where none is told, or its driver calls it broken."""
        if self.fault is not None and read_number(self.fault):
            return None
        return _celsius(self.file)


class Thermometers:
    """Every labelled temperature of the machine; hwmon, and thermal zones where there is no hwmon.

    Cores one by one are left out: their package tells the hottest of them.
    """

    def __init__(self, root: Path) -> None:
        self._sensors = _named_once(_hwmon(root) or _thermal_zones(root))[:_SENSORS]
        self.metrics: tuple[Metric, ...] = ()
        if self._sensors:
            self.metrics = (metrics.TEMPERATURE, *(sensor.metric for sensor in self._sensors))

    def read(self) -> list[float | None]:
        """The hottest CPU sensor (of all, where none is a CPU's), then each one; °C."""
        values = [sensor.celsius() for sensor in self._sensors]
        of_cpu = [
            value
            for sensor, value in zip(self._sensors, values, strict=True)
            if sensor.of_cpu and value is not None
        ]
        known = of_cpu or [value for value in values if value is not None]
        return [max(known, default=None), *values]


def _hwmon(root: Path) -> list[Thermometer]:
    found = []
    for chip in entries(root / "sys/class/hwmon"):
        name = read_text(chip / "name") or chip.name
        if name in _LEFT_OUT:
            continue
        for file in entries(chip):
            place = _INPUT.match(file.name)
            if place is None:
                continue
            label = read_text(chip / f"temp{place.group(1)}_label") or f"temp{place.group(1)}"
            if not _ONE_CORE.match(label):
                fault = chip / f"temp{place.group(1)}_fault"
                found.append(
                    _thermometer(name, label, file)._replace(fault=fault if fault.exists() else None)
                )
    return found


def _thermal_zones(root: Path) -> list[Thermometer]:
    return [
        _thermometer(read_text(zone / "type") or zone.name, "", zone / "temp")
        for zone in entries(root / "sys/class/thermal")
        if zone.name.startswith("thermal_zone")
    ]


def _thermometer(chip: str, label: str, file: Path) -> Thermometer:
    name = re.sub(r"[^a-z0-9]+", "_", f"{chip} {label}".lower()).strip("_")[:64]
    text = re.sub(r"[^ -~]", "?", f"{chip} {label}".strip())[:64]
    metric = Metric(
        f"{name}_temperature_celsius", Unit.CELSIUS, Kind.GAUGE, f"Temperature that {text} tells."
    )
    return Thermometer(metric, file, chip in _CPU_CHIPS)


def _named_once(sensors: list[Thermometer]) -> list[Thermometer]:
    """Several chips of one kind get numbers: `nvme_composite`, `nvme_composite_2`."""
    taken: dict[str, int] = {}
    named = []
    for sensor in sensors:
        name = sensor.metric.name
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            stem = name.removesuffix("_temperature_celsius")
            renamed = f"{stem}_{taken[name]}_temperature_celsius"
            sensor = sensor._replace(  # noqa: PLW2901 - the same sensor under its own name
                metric=Metric(renamed, Unit.CELSIUS, Kind.GAUGE, sensor.metric.help)
            )
        named.append(sensor)
    return named


def _celsius(file: Path) -> float | None:
    """Some chips tell -128 or 255 °C of a sensor that is not there: not believed."""
    millidegrees = read_number(file)
    if millidegrees is None:
        return None
    lowest, highest = _PLAUSIBLE_CELSIUS
    celsius = millidegrees / 1000
    return celsius if lowest <= celsius <= highest else None


class Clocks:
    """The mean clock of the CPUs: cpufreq, and /proc/cpuinfo where that is missing (virtual machines)."""

    _MEGAHERTZ = re.compile(r"^cpu MHz\s*: *([0-9.]+)", re.MULTILINE)

    def __init__(self, root: Path) -> None:
        self._cpuinfo = root / "proc/cpuinfo"
        self._files = [
            file
            for cpu in entries(root / "sys/devices/system/cpu")
            if re.match(r"cpu\d+$", cpu.name) and (file := cpu / "cpufreq/scaling_cur_freq").is_file()
        ]

    def read_hz(self) -> float | None:
        """Mean over the CPUs that tell their clock, Hz."""
        hertz = [kilohertz * 1e3 for file in self._files if (kilohertz := read_number(file)) is not None]
        if not self._files:
            text = read_text(self._cpuinfo, limit_bytes=1 << 22) or ""
            hertz = [float(megahertz) * 1e6 for megahertz in self._MEGAHERTZ.findall(text)]
        return sum(hertz) / len(hertz) if hertz else None


class Batteries:
    """The batteries that feed this machine, together: a laptop's own wattmeter.

    Those of mice and the like (`scope` Device) are none of it.
    """

    def __init__(self, root: Path) -> None:
        supplies = entries(root / "sys/class/power_supply")
        self._mains = [supply for supply in supplies if read_text(supply / "type") in ("Mains", "USB")]
        self._batteries = [
            supply
            for supply in supplies
            if read_text(supply / "type") == "Battery" and read_text(supply / "scope") != "Device"
        ]
        self.metrics: tuple[Metric, ...] = ()
        if any(_tells_power(battery) for battery in self._batteries):
            self.metrics += (metrics.POWER,)
        if self._charge_ratio() is not None:
            self.metrics += (metrics.BATTERY_CHARGE,)

    @property
    def names(self) -> list[str]:
        return [battery.name for battery in self._batteries]

    def read(self) -> list[float | None]:
        """The values of `metrics`."""
        told = {metrics.POWER: self._power_w, metrics.BATTERY_CHARGE: self._charge_ratio}
        return [told[metric]() for metric in self.metrics]

    def _power_w(self) -> float | None:
        """What the batteries give, W; it is the machine's power only while nothing else feeds it."""
        if any(read_number(supply / "online") == 1 for supply in self._mains):
            return None
        states = [read_text(battery / "status") for battery in self._batteries]
        if "Charging" in states or "Discharging" not in states:
            return None
        powers_w = []
        for battery, state in zip(self._batteries, states, strict=True):
            power_w = _battery_power_w(battery)
            if state == "Discharging" and power_w is None:
                return None
            powers_w.append(power_w or 0.0)
        return sum(powers_w)

    def _charge_ratio(self) -> float | None:
        """Charge of all batteries over their capacity; the mean of the percentages where that is all."""
        for quantity in ("energy", "charge"):
            now = [read_number(battery / f"{quantity}_now") for battery in self._batteries]
            full = [read_number(battery / f"{quantity}_full") for battery in self._batteries]
            if now and None not in now and None not in full and sum(filter(None, full)) > 0:
                return min(1.0, sum(filter(None, now)) / sum(filter(None, full)))
        percents = [read_number(battery / "capacity") for battery in self._batteries]
        known = [percent for percent in percents if percent is not None]
        return sum(known) / len(known) / 100 if known else None


def _tells_power(battery: Path) -> bool:
    """Whether its files could tell power; while it rests some of them refuse."""
    return (battery / "power_now").exists() or (
        (battery / "current_now").exists() and (battery / "voltage_now").exists()
    )


def _battery_power_w(battery: Path) -> float | None:
    """µW, or µA times µV, as W. Some drivers give what flows out a negative sign."""
    power_uw = read_number(battery / "power_now")
    if power_uw is not None:
        return abs(power_uw) * 1e-6
    current_ua, voltage_uv = read_number(battery / "current_now"), read_number(battery / "voltage_now")
    if current_ua is None or voltage_uv is None:
        return None
    return abs(current_ua) * voltage_uv * 1e-12
