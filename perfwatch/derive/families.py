"""Which of two collectors counts where both tell of the same parts of a machine, such as its packages?

A page of the machine (an exporter's) repeats what is read there directly: the energy is there once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from perfwatch.metrics import ENERGY, POWER

if TYPE_CHECKING:
    from perfwatch.derive.tape import DeviceTape

_SEVERAL = re.compile(r"-\d+\Z")


def of_one_family(devices: Sequence[DeviceTape]) -> list[DeviceTape]:
    """Of each host those of the family of collectors that tells energy best: two tell the same joules.

    Two pages of one exporter tell of the same parts by the same ids.
    """
    best: dict[str, DeviceTape] = {}
    for device in devices:
        known = best.setdefault(device.host, device)
        if _quality(device) > _quality(known):
            best[device.host] = device
    once: dict[tuple[str, str], DeviceTape] = {}
    for device in devices:
        key = (device.host, device.device.id)
        if _family(device) == _family(best[device.host]):
            once[key] = max(once.get(key, device), device, key=_quality)
    return list(once.values())


def again_of(devices: Sequence[DeviceTape]) -> list[tuple[DeviceTape, list[DeviceTape]]]:
    """The devices that stand back, each with the one of its host that counts for it.

    That is the one with its id or index; where names differ, the first of the family that counts.
    """
    counted = of_one_family(devices)
    found: dict[int, tuple[DeviceTape, list[DeviceTape]]] = {}
    for device in devices:
        if device in counted:
            continue
        here = [one for one in counted if one.host == device.host]
        named = [one for one in here if _is_called_alike(one, device)]
        for one in (named or here)[:1]:
            found.setdefault(one.number, (one, []))[1].append(device)
    return list(found.values())


def _is_called_alike(one: DeviceTape, other: DeviceTape) -> bool:
    return one.device.id == other.device.id or str(one.device.index) == str(other.device.index)


def _quality(device: DeviceTape) -> tuple[bool, float, int]:
    """A counter goes before power, what is renewed more often before the rest, then what was there first."""
    series = device.get(ENERGY.name) or device.get(POWER.name)
    update_s = (series.metric.update_s or series.metric.oldest_s) if series is not None else None
    return device.get(ENERGY.name) is not None, -(math.inf if update_s is None else update_s), -device.number


def _family(device: DeviceTape) -> tuple[str, str]:
    """The collector, however many of its kind there are (`hwmon` and `hwmon-2`), and whose page it reads."""
    return _SEVERAL.sub("", device.collector), str(device.device.facts.get("page", ""))
