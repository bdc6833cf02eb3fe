"""What is declared of a chip with sensors, and of rails that are summed?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from perfwatch_collectors.hwmon_rails import Rail, metric_of, rails_of, title_of

from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Metric, Scope, Unit

if TYPE_CHECKING:
    from perfwatch_collectors.hwmon_sensors import Chip, Sensor

RAILS = "hwmon-rails"
"""The id of the sum."""


def device_of(chip: Chip, chips: Sequence[Chip], stated: float | None) -> Device:
    """A chip; its rails as they are named, and its place in its name where others have the same.

    Args:
        stated: how accurate power and energy are, where somebody said so.
    """
    is_alone = sum(one.name == chip.name for one in chips) == 1
    rails = rails_of(chip, chips)
    return Device(
        id=chip.id,
        name=chip.name if is_alone else chip.id,
        kind=DeviceKind.METER,
        index=_index_of(chip),
        metrics=tuple(_observed(sensor, chip.sensors, stated) for sensor in chip.sensors),
        facts={"place": chip.place, **({"rails": ", ".join(rails)} if rails else {})},
    )


def sum_device(rails: Sequence[Rail], scope: Scope | None, stated: float | None) -> Device:
    """What rails tell together."""
    return Device(
        id=RAILS,
        name=title_of(rails),
        kind=DeviceKind.ACCELERATOR if scope is Scope.ACCELERATOR else DeviceKind.METER,
        index="rails",
        metrics=(metric_of(rails, stated),),
        scope=scope,
    )


def _index_of(chip: Chip) -> int | str:
    number = chip.folder.removeprefix("hwmon")
    return int(number) if number.isdigit() else chip.folder


def _observed(sensor: Sensor, of: Sequence[Sensor], stated: float | None) -> Metric:
    metric = _metric(sensor, of).observed(update_s=sensor.update_s, window_s=sensor.window_s)
    if sensor.quantity.unit not in (Unit.WATT, Unit.JOULE):
        return metric
    return metric.accurate_to(sensor.gain_ratio if stated is None else stated)


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
