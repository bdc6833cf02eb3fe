"""What do people call the devices of a session, and which of them does a list name?"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.unread import unread_of
from perfwatch.errors import ConfigError
from perfwatch.model import DeviceKind

_RANGE = re.compile(r"(\d+)-(\d+)\Z")
_LEAST_UUID = 4
"""Fewer characters of a UUID than this are no name."""


def labels_of(tape: Tape) -> dict[int, str]:
    """What people call each device, by its number: `nvidia:0`, with several hosts `host/nvidia:0`."""
    several = len({device.host for device in tape.devices.values()}) > 1
    labels: dict[int, str] = {}
    taken: set[str] = set()
    for number, device in tape.devices.items():
        label = f"{device.host}/{device.label}" if several else device.label
        if label in taken:
            label = f"{label}#{number}"
        taken.add(label)
        labels[number] = label
    return labels


def resolve_devices(text: str, tape: Tape) -> list[DeviceTape]:
    """The devices that a list names, in the session's order.

    Names are `nvidia:0`, `rapl:package-0`, `nvidia:0-3`, `nvidia` (all of them), with `host/` in front where
    there are several hosts, a UUID's beginning, or a bare index or range where one accelerator family exists.

    Raises:
        ConfigError: a name fits nothing, or more than one device where it must fit one.
    """
    candidates = {
        number: device
        for number, device in tape.devices.items()
        if device.device.kind is not DeviceKind.WORKLOAD
    }
    chosen: set[int] = set()
    for word in (part.strip() for part in text.split(",")):
        if word:
            chosen.update(_resolve_word(word, candidates, labels_of(tape), unread_of(tape)))
    if not chosen:
        raise ConfigError(
            "cannot choose devices: --devices names none; give a list such as nvidia:0,nvidia:1"
        )
    return [device for number, device in candidates.items() if number in chosen]


def _resolve_word(
    word: str, candidates: Mapping[int, DeviceTape], labels: Mapping[int, str], unread: Mapping[str, str]
) -> list[int]:
    by_label = {labels[number]: number for number in candidates}
    wanted = _expand(word, candidates)
    numbers = [_labelled(name, by_label, candidates) for name in wanted]
    found = [number for number in numbers if number is not None]
    if found and len(found) == len(numbers):
        return found
    family = [number for number, device in candidates.items() if device.collector == word]
    if family:
        return family
    by_id = _by_beginning_of_id(word, candidates)
    if len(by_id) == 1:
        return by_id
    name = next((name for name, number in zip(wanted, numbers, strict=True) if number is None), word)
    if name in unread:
        raise ConfigError(f"cannot choose device {name!r}: it is there, but it {unread[name]}")
    raise ConfigError(_not_found(name, by_label, several=len(by_id) > 1))


def _labelled(name: str, by_label: Mapping[str, int], candidates: Mapping[int, DeviceTape]) -> int | None:
    """The device of this label, with or without its host where only one host has such."""
    if name in by_label:
        return by_label[name]
    there = {number: label for label, number in by_label.items() if candidates[number].label == name}
    if len(there) > 1:
        raise ConfigError(
            f"cannot choose device {name!r}: several hosts have one; say which of {', '.join(there.values())}"
        )
    return next(iter(there), None)


def _by_beginning_of_id(word: str, candidates: Mapping[int, DeviceTape]) -> list[int]:
    """Those whose id (a UUID) begins so."""
    beginning = word.casefold()
    if len(beginning) < _LEAST_UUID:
        return []
    return [number for number, one in candidates.items() if one.device.id.casefold().startswith(beginning)]


def _expand(word: str, candidates: Mapping[int, DeviceTape]) -> list[str]:
    """`nvidia:0-3` as four names; a bare index or range belongs to the only accelerator family."""
    family, colon, index = word.rpartition(":")
    if not colon:
        families = {
            device.collector for device in candidates.values() if device.device.kind is DeviceKind.ACCELERATOR
        }
        if len(families) != 1 or not (word.isdigit() or _RANGE.match(word)):
            return [word]
        family, index = families.pop(), word
    between = _RANGE.match(index)
    if between is None:
        return [f"{family}:{index}"]
    low, high = int(between[1]), int(between[2])
    if not low <= high < low + 10_000:
        raise ConfigError(
            f"cannot choose devices {word!r}: the range runs backwards; write {family}:{high}-{low}"
        )
    return [f"{family}:{number}" for number in range(low, high + 1)]


def _not_found(name: str, labels: Iterable[str], *, several: bool) -> str:
    there = list(labels)
    known = f"there is {', '.join(there)}" if there else "the session has no device"
    if several:
        return f"cannot choose device {name!r}: several devices begin so; {known}"
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"cannot choose device {name!r}: no such device; {known}{hint}"
