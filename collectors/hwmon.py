"""Every power, energy, current, voltage and temperature sensor of the machine, with its label (Linux hwmon).

They are shown. What a sensor covers no driver tells: a rail of a board, a card, or all of it. So nothing is
summed before somebody names the rails and what they cover: `-c "hwmon:rails=ina3221/VDD_IN,scope=module"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwatch_collectors.hwmon_rails import Rail, metric_of, named_rails, rails_of, sum_of, title_of
from perfwatch_collectors.hwmon_sensors import Chip, Sensor, chips_in

from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Metric, Reading, Sample, Scope, Unit
from perfwatch.units import parse_accuracy


@dataclass(frozen=True)
class HwmonOptions:
    """What is summed.

    Args:
        rails: `CHIP/LABEL` of the sensors of power or energy that make up what is measured, with the place of
            the chip where there are several of its name: `CHIP@PLACE/LABEL`.
        scope: what they cover together: accelerator, module, cpu, dram, node or wall.
        accuracy: of power and energy, as the maker states it: `1%`.
        root: stands before /sys; another one reads a copied tree.
    """

    rails: tuple[str, ...] = ()
    scope: str = ""
    accuracy: str = ""
    root: str = "/"


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
                "-c 'hwmon:rails=ina3221/VDD_IN,scope=module', several rails in quotes: "
                f'rails="ina3221/VDD_GPU,ina3221/VDD_CPU"; scope is one of {", ".join(scopes)}'
            )
        self._scope = scopes.get(self.options.scope)
        self._gain_ratio = parse_accuracy(self.options.accuracy)
        self._chips: dict[str, Chip] = {}
        self._rails: tuple[Rail, ...] = ()

    def open(self) -> Sequence[Device]:
        """Find the chips.

        Raises:
            Unavailable: there is no sensor, or a rail that was named is not there or not clear.
        """
        chips = chips_in(Path(self.options.root))
        if not chips:
            raise Unavailable("no sensor of power, current, voltage or temperature in /sys/class/hwmon")
        self._chips = {chip.id: chip for chip in chips}
        self._rails = named_rails(self.options.rails, chips) if self.options.rails else ()
        devices = [self._device(chip, chips) for chip in chips]
        return [*devices, self._sum()] if self._rails else devices

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Each sensor; the sum of the rails is unknown while one of them is."""
        for device in devices:
            chip = self._chips.get(device.id)
            if chip is not None:
                yield Sample(device.id, tuple(sensor.value() for sensor in chip.sensors))
            else:
                yield Sample(device.id, (sum_of(self._rails),))

    def _device(self, chip: Chip, chips: Sequence[Chip]) -> Device:
        is_alone = sum(one.name == chip.name for one in chips) == 1
        rails = rails_of(chip, chips)
        return Device(
            id=chip.id,
            name=chip.name if is_alone else chip.id,
            kind=DeviceKind.METER,
            index=int(chip.folder.removeprefix("hwmon") or 0),
            metrics=tuple(self._metric(sensor, chip.sensors) for sensor in chip.sensors),
            facts={"place": chip.place, **({"rails": ", ".join(rails)} if rails else {})},
        )

    def _metric(self, sensor: Sensor, of: Sequence[Sensor]) -> Metric:
        metric = _metric(sensor, of).observed(update_s=sensor.update_s, window_s=sensor.window_s)
        if sensor.quantity.unit not in (Unit.WATT, Unit.JOULE):
            return metric
        return metric.accurate_to(sensor.gain_ratio if self._gain_ratio is None else self._gain_ratio)

    def _sum(self) -> Device:
        return Device(
            id="hwmon-rails",
            name=title_of(self._rails),
            kind=DeviceKind.ACCELERATOR if self._scope is Scope.ACCELERATOR else DeviceKind.METER,
            index="rails",
            metrics=(metric_of(self._rails, self._gain_ratio),),
            scope=self._scope,
        )


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
