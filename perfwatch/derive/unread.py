"""Which devices are there, as their collector knows, and cannot be read?

A collector says so in a note (key `unread`: `collector`, `index`, `reason`); a device that is declared with
that index afterwards, or was before, is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfwatch.derive.tape import Tape


def unread_of(tape: Tape) -> dict[str, str]:
    """Why each of them cannot be read, by what people call it (`nvidia:1`)."""
    found: dict[str, str] = {}
    for event in tape.of_kind("note"):
        told = named(event.fields)
        if told is not None:
            found[told[0]] = told[1]
    known = {device.label for device in tape.devices.values()}
    return {label: reason for label, reason in found.items() if label not in known}


def named(note: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a note says of such a device: what people call it, and why; None if it is of none."""
    told = note.get("unread")
    if not isinstance(told, Mapping) or told.get("collector") is None or told.get("index") is None:
        return None
    return f"{told['collector']}:{told['index']}", str(told.get("reason", ""))
