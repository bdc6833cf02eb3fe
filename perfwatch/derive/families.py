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


def _quality(device: DeviceTape) -> tuple[bool, float, int]:
    """A counter goes before power, what is renewed more often before the rest, then what was there first."""
    series = device.get(ENERGY.name) or device.get(POWER.name)
    update_s = (series.metric.update_s or series.metric.oldest_s) if series is not None else None
    return device.get(ENERGY.name) is not None, -(math.inf if update_s is None else update_s), -device.number


def _family(device: DeviceTape) -> tuple[str, str]:
    """The collector, however many of its kind there are (`hwmon` and `hwmon-2`), and whose page it reads."""
    return _SEVERAL.sub("", device.collector), str(device.device.facts.get("page", ""))
