"""Which sensors does somebody mean who names rails: `ina3221/VDD_IN`, `ina226@1-0040/power1`?

A rail is a sensor of power or energy. Its chip is named as its driver calls it, where that is one chip alone;
else with its place, the bus address of its device. The sensor is named by its label, or as its file is.
What could mean two sensors is refused, and so is what would be counted twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from perfwatch_collectors.hwmon_sensors import Chip, Sensor, known_of

from perfwatch.errors import ConfigError, Unavailable
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Metric, Scope, Unit
from perfwatch.text import clean

SHOWN = 8
_SUMMED = (Unit.JOULE, Unit.WATT)
"""What can be summed; an energy counter is better than power."""
_QUOTES = ",'\""
"""A label with one of these cannot be written in a list of rails on a command line."""


class Rail(NamedTuple):
    """A sensor of a chip."""

    chip: Chip
    sensor: Sensor


def named_rails(names: Sequence[str], chips: Sequence[Chip]) -> tuple[Rail, ...]:
    """The sensors of the named rails: energy where all of them have it, else power.

    Raises:
        Unavailable: a rail is not there, could be two, is named twice, or tells energy alone where another
            tells power alone.
    """
    found = [_told_by(name.strip(), chips) for name in names]
    for unit in _SUMMED:
        rails = [told[unit] for told in found if unit in told]
        if len(rails) == len(found):
            _refuse_twice(rails, names)
            return tuple(rails)
    energy, power = (
        next(name for name, told in zip(names, found, strict=True) if other not in told)
        for other in reversed(_SUMMED)
    )
    raise Unavailable(
        f"the rails {clean(energy, 60)}, which tells energy alone, and {clean(power, 60)}, which tells power "
        "alone, have no sum: name rails of one kind"
    )


def scope_of(rails: Sequence[str], named: str, collector: str) -> Scope | None:
    """What rails cover together; None where none are named.

    Raises:
        ConfigError: rails without a scope, or a scope that is none.
    """
    scopes = {scope.value: scope for scope in Scope}
    if bool(rails) != bool(named) or named not in {"", *scopes}:
        raise ConfigError(
            f"cannot set up {collector}: rails and scope go together, as in "
            "rails=ina3221/VDD_IN,scope=module, several rails in quotes: "
            f'rails="ina3221/VDD_GPU,ina3221/VDD_CPU"; scope is one of {", ".join(scopes)}'
        )
    return scopes.get(named)


def sum_of(rails: Sequence[Rail], value_of: Callable[[Sensor], float | None]) -> float | None:
    """What they tell together; unknown while one of them is."""
    return known_of(math.fsum, [value_of(rail.sensor) for rail in rails])


def metric_of(rails: Sequence[Rail], stated: float | None) -> Metric:
    """What their sum is, and how it sees: as its slowest rail; accurate as stated, else as its least one."""
    sensors = [rail.sensor for rail in rails]
    metric = ENERGY if sensors[0].quantity.unit is Unit.JOULE else POWER
    told = known_of(max, [sensor.gain_ratio for sensor in sensors])
    return metric.observed(
        update_s=known_of(max, [sensor.update_s for sensor in sensors]),
        window_s=known_of(max, [sensor.window_s for sensor in sensors]),
    ).accurate_to(told if stated is None else stated)


def title_of(rails: Sequence[Rail]) -> str:
    """Their labels; where two are the same, with the chips."""
    labels = [rail.sensor.label for rail in rails]
    if len(set(labels)) == len(labels):
        return " + ".join(labels)
    return " + ".join(f"{rail.chip.id}/{rail.sensor.label}" for rail in rails)


def rails_of(chip: Chip, chips: Sequence[Chip]) -> list[str]:
    """How each rail of a chip is named, as short as it is clear."""
    return [_name_of(rail, chips) for rail in _rails([chip])]


def _told_by(name: str, chips: Sequence[Chip]) -> dict[Unit, Rail]:
    """The sensors of one name, by what they count.

    Raises:
        Unavailable: there is none, or there are several of one unit.
    """
    there = list(_rails(chips))
    told: dict[Unit, Rail] = {}
    for rail in there:
        if not _is_called(rail, name):
            continue
        unit = rail.sensor.quantity.unit
        if unit in told:
            one, other = (_name_of(each, chips) for each in (told[unit], rail))
            raise Unavailable(f"the rail {clean(name, 60)} is there twice: write {one} or {other}")
        told[unit] = rail
    if not told:
        raise Unavailable(f"there is no rail {clean(name, 60)}; rails there are: {_shown(there, chips)}")
    return told


def _rails(chips: Sequence[Chip]) -> Iterator[Rail]:
    for chip in chips:
        for sensor in chip.sensors:
            if sensor.quantity.unit in _SUMMED:
                yield Rail(chip, sensor)


def _is_called(rail: Rail, name: str) -> bool:
    chip, _, sensor = name.casefold().partition("/")
    chips = (rail.chip.name, rail.chip.id, rail.chip.place, rail.chip.folder)
    sensors = (rail.sensor.label, rail.sensor.name)
    return chip in map(str.casefold, chips) and sensor in map(str.casefold, sensors)


def _name_of(rail: Rail, chips: Sequence[Chip]) -> str:
    """What names this rail and no other: the chip with its place where it is one of several of its name, the
    sensor as its file is called where it shares its label."""
    alike = [chip for chip in chips if chip.name.casefold() == rail.chip.name.casefold()]
    sensor = rail.sensor
    twins = [
        one
        for one in rail.chip.sensors
        if one.label.casefold() == sensor.label.casefold() and one.quantity is sensor.quantity
    ]
    chip = rail.chip.name if len(alike) == 1 else rail.chip.id
    is_clear = len(twins) == 1 and not set(sensor.label) & set(_QUOTES)
    return f"{chip}/{sensor.label if is_clear else sensor.name}"


def _refuse_twice(rails: Sequence[Rail], names: Sequence[str]) -> None:
    seen: list[Rail] = []
    for rail, name in zip(rails, names, strict=True):
        if rail in seen:
            raise Unavailable(f"the rail {clean(name, 60)} is named twice, and would be counted twice")
        seen.append(rail)


def _shown(rails: Sequence[Rail], chips: Sequence[Chip]) -> str:
    names = list(dict.fromkeys(_name_of(rail, chips) for rail in rails))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more or "none"
