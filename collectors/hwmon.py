"""Every power, energy, current, voltage and temperature sensor of the machine, with its label (Linux hwmon).

They are shown. What a sensor covers no driver tells: a rail of a board, a card, or all of it. So nothing is
summed before somebody names the rails and what they cover: `-c "hwmon:rails=ina3221/VDD_IN,scope=module"`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwatch_collectors.hwmon_devices import device_of, sum_device
from perfwatch_collectors.hwmon_rails import Rail, named_rails, scope_of, sum_of
from perfwatch_collectors.hwmon_sensors import Chip, Sensor, chips_in

from perfwatch.collector import Collector
from perfwatch.errors import Unavailable
from perfwatch.model import Device, Reading, Sample
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
        self._scope = scope_of(self.options.rails, self.options.scope, self.name)
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
        devices = [device_of(chip, chips, self._gain_ratio) for chip in chips]
        if not self._rails:
            return devices
        return [*devices, sum_device(self._rails, self._scope, self._gain_ratio)]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Each sensor; the sum of the rails is unknown while one of them is."""
        for device in devices:
            chip = self._chips.get(device.id)
            if chip is not None:
                yield Sample(device.id, tuple(sensor.value() for sensor in chip.sensors))
            else:
                yield Sample(device.id, (sum_of(self._rails, Sensor.value),))
