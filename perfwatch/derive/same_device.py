"""Which devices that several collectors tell of are one: a GPU by its driver and by an exporter's page?

Each names it in its own way: by UUID, serial number or bus address. What one uses as the id another has
among its facts, so any of them that is equal joins two devices of one host. Dies of a board share its serial
number: what is not one device's alone within a collector tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from perfwatch.derive.tape import DeviceTape
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import DeviceKind

_IDENTIFYING = ("uuid", "serial", "bus", "pci")
_PCI = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])\Z")
_LEAST_LENGTH = 4
"""Shorter texts are numbers, which others have as well."""

_Key = tuple[str, str, str]


def each_once(devices: Iterable[DeviceTape]) -> dict[DeviceTape, list[DeviceTape]]:
    """The devices, each by the collector that tells its energy best, and those that tell it again."""
    groups: dict[int, list[DeviceTape]] = {}
    every = list(devices)
    for device in every:
        groups[device.number] = [device]
    for one, other in _pairs(every):
        mine, others = groups[one.number], groups[other.number]
        if mine is not others:
            mine.extend(others)
            groups.update((device.number, mine) for device in others)
    found: dict[DeviceTape, list[DeviceTape]] = {}
    for group in {id(group): group for group in groups.values()}.values():
        if len(group) == 1:
            found[group[0]] = []
            continue
        first = max(sorted(group, key=lambda one: one.number), key=tells_how_well)
        found[first] = [device for device in group if device is not first]
    return dict(sorted(found.items(), key=lambda pair: pair[0].number))


def tells_how_well(device: DeviceTape) -> tuple[bool, bool, bool, bool, float]:
    """A counter goes before power, and that before neither: by what was told, then by what was declared.

    Of two that tell as much it is the one whose readings are newer.
    """
    declared = {metric.name for metric in device.device.metrics}
    told = {name for name in (ENERGY.name, POWER.name) if device.get(name) is not None}
    ages = [
        metric.update_s or metric.oldest_s or 0.0 for metric in device.device.metrics if metric.name in told
    ]
    tells = (ENERGY.name in told, POWER.name in told, ENERGY.name in declared, POWER.name in declared)
    return *tells, -max(ages, default=0.0)


def _pairs(devices: Iterable[DeviceTape]) -> Iterable[tuple[DeviceTape, DeviceTape]]:
    """Two at a time that are one."""
    by_key: dict[_Key, list[DeviceTape]] = {}
    for device in _told_by_several(devices):
        for key in _keys(device):
            by_key.setdefault(key, []).append(device)
    for named in by_key.values():
        collectors = [device.collector for device in named]
        if len(set(collectors)) == len(collectors):
            yield from pairwise(named)


def _told_by_several(devices: Iterable[DeviceTape]) -> Iterator[DeviceTape]:
    """Those of a kind of which several collectors tell, seldom any: this is asked once a second."""
    kinds: dict[DeviceKind, list[DeviceTape]] = {}
    for device in devices:
        kinds.setdefault(device.device.kind, []).append(device)
    for those in kinds.values():
        if len({device.collector for device in those}) > 1:
            yield from (device for device in those if any(tells_how_well(device)[:4]))


def _keys(device: DeviceTape) -> set[_Key]:
    """By what it is known, on its host and among its kind."""
    told = device.device
    names = {told.id.strip().casefold()}
    if told.parent is None:
        names |= set(_names(told.facts))
        names.add(_unified(told.id))
    return {(device.host, told.kind.value, name) for name in names}


def _names(facts: Mapping[str, object]) -> Iterable[str]:
    for fact in _IDENTIFYING:
        text = _unified(str(facts.get(fact) or ""))
        if len(text) >= _LEAST_LENGTH and text.strip("0x-:."):
            yield text


@lru_cache(4096)
def _unified(text: str) -> str:
    """One way to write it: `00000000:C1:00.0`, `0000:c1:00.0` and `C1:00.0` are one address."""
    text = text.strip().casefold()
    address = _PCI.match(text)
    if address is None:
        return text.removeprefix("0x")
    return f"{(address[1] or '0')[-4:]:0>4}:{address[2]}"
