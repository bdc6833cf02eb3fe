"""Which of the powers in an old Redfish document is that of the whole chassis?

DMTF Power schema: each member of `PowerControl` has a power, and they may overlap (CPU Sub-system, Server).
Which is the whole is told by its PhysicalContext, by its Name, or by its RelatedItem, as far as a controller
fills them in. A single member is the chassis' own, whatever its name.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from perfwatch.text import clean

_WHOLE = re.compile(r"\s*(server|system|chassis|node|machine|total|input|wall)\b", re.IGNORECASE)
_PART = re.compile(
    r"cpu|processor|memory|dimm|dram|gpu|accelerator|fan|storage|drive|disk|pci|network|sub-?\s?system|board",
    re.IGNORECASE,
)
_WHOLE_CONTEXTS = ("Chassis", "PowerSubsystem")
_WHOLE_PLACES = re.compile(r"/(Chassis|Systems)/[^/]+/?\Z")


class Chosen(NamedTuple):
    """The member that is the whole; `doubt` says why that is not sure, and is empty where it says so."""

    member: dict[str, Any]
    doubt: str = ""


def whole_of(controls: Any) -> Chosen | None:
    """The member of `PowerControl` that is the whole chassis; None where there is none that could be."""
    members = [one for one in controls if isinstance(one, dict)] if isinstance(controls, list) else []
    members = [one for one in members if "PowerConsumedWatts" in one]
    if len(members) <= 1:
        return Chosen(members[0]) if members else None
    possible = [one for one in members if not _is_part(one)]
    for says_so in (_by_context, _by_name, _by_related):
        told = [one for one in possible if says_so(one)]
        if told:
            return Chosen(told[0])
    if len(possible) == 1:
        return Chosen(possible[0])
    if not possible:
        return None
    return Chosen(possible[0], _doubt(possible))


def _doubt(possible: list[dict[str, Any]]) -> str:
    names = [clean(one.get("Name") or f"member {at}", 40) for at, one in enumerate(possible)]
    return (
        f"the controller tells {len(names)} powers ({', '.join(names[:4])}), and of none "
        "that it is the whole: the first is taken"
    )


def _is_part(member: dict[str, Any]) -> bool:
    context = member.get("PhysicalContext")
    if context in _WHOLE_CONTEXTS:
        return False
    if isinstance(context, str) and _PART.search(context):
        return True
    name = member.get("Name")
    return isinstance(name, str) and _PART.search(name) is not None


def _by_context(member: dict[str, Any]) -> bool:
    return member.get("PhysicalContext") in _WHOLE_CONTEXTS


def _by_name(member: dict[str, Any]) -> bool:
    name = member.get("Name")
    return isinstance(name, str) and _WHOLE.match(name) is not None


def _by_related(member: dict[str, Any]) -> bool:
    related = member.get("RelatedItem")
    listed = related if isinstance(related, list) else []
    places = [one.get("@odata.id") for one in listed if isinstance(one, dict)]
    return any(isinstance(place, str) and _WHOLE_PLACES.search(place) for place in places)
