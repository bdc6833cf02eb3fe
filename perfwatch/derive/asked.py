"""Which collectors did somebody ask for by name, and what did those say that told nothing?

The header has their names (`asked`), so that a replay says the same. What takes part unasked is on most
machines not there, which is no news; what was asked for and is silent is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perfwatch.derive.scopes import ids_of
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.model import DeviceKind, State

_NEXT_TRY = re.compile(r"; next try in [\d.]+ s\Z")
_IN_TROUBLE = (State.FAILED.value, State.RETRYING.value, State.ABSENT.value, State.STALE.value)


def asked_for(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Their names, as the stream has them (`shelly`, `redfish-2`)."""
    return ids_of(header.get("asked"))


def reason_in(status: Mapping[str, Any]) -> str:
    """Why a collector is not well, without when it tries again: that is over when somebody reads it."""
    return _NEXT_TRY.sub("", str(status.get("reason") or "")).rstrip(".")


def why_silent(tape: Tape, collector: str) -> str:
    """What a collector said last of why it tells nothing; empty where it said nothing."""
    said = ""
    for event in tape.of_kind("status"):
        fields = event.fields
        if fields.get("collector") == collector and fields.get("device_id") is None:
            said = with_remedy(fields) if fields.get("state") in _IN_TROUBLE else ""
    return said


def with_remedy(status: Mapping[str, Any]) -> str:
    """The reason, and what can be done about it where that is one line."""
    reason, remedy = reason_in(status), str(status.get("remedy") or "").strip()
    return f"{reason} ({remedy})" if reason and remedy and "\n" not in remedy else reason


def devices_of(tape: Tape, collector: str) -> list[DeviceTape]:
    """What a collector reads, apart from workloads, which have findings of their own."""
    return [
        device
        for device in tape.devices.values()
        if device.collector == collector and device.device.kind is not DeviceKind.WORKLOAD
    ]
