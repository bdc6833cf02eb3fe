"""Which of the chassis that tell power is the machine, which is a part of one, which holds several machines?

DMTF Chassis schema: `Links.ContainedBy` and `Links.Contains` say the same from both sides, and a controller
may fill only one of them; `ChassisType` says what a chassis is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from perfwatch.model import Scope

Documents = Mapping[str, dict[str, Any]]
"""The chassis by their addresses."""

_RACKS = frozenset({"Rack", "RackGroup", "Pod", "Row"})
"""These hold machines, whatever their machines call themselves."""
_ENCLOSURES = frozenset({"Enclosure", "Shelf", "Drawer"})
"""These may hold machines, and may be the case of one."""
_MACHINES = frozenset({"RackMount", "StandAlone", "Blade", "Sled"})
_PARTS = frozenset({"Card", "Cartridge", "Component", "Expansion", "IPBasedDrive", "Module", "Zone"})


class Place(NamedTuple):
    """Where a chassis stands among the others that tell power.

    Args:
        inside: the nearest chassis around it that tells power; empty where none does.
        scope: `node` of a machine; None of a part of one, and of what holds several.
        doubt: why its power is in no sum, where that is not plain; empty where it is.
    """

    inside: str
    scope: Scope | None
    doubt: str = ""


def place_of(path: str, documents: Documents, telling: Collection[str]) -> Place:
    """Where one of the chassis that tell power stands.

    Args:
        documents: every chassis, also those that tell no power: what lies in them may.
        telling: the addresses of those that do.
    """
    around = [each for each in _around(path, documents) if each in telling]
    inside = around[0] if around else ""
    if _holds_machines(path, documents, telling):
        return Place(inside, None, "it holds machines that tell their own power: it is shown, and in no sum")
    if _holds_silent_machines(path, documents):
        return Place(inside, None, "it holds several machines, and none of them tells its own power")
    is_machine = all(_holds_machines(each, documents, telling) for each in around)
    is_part = bool(around) and _type(documents[path]) in _PARTS
    return Place(inside, Scope.NODE if is_machine and not is_part else None)


def _holds_machines(path: str, documents: Documents, telling: Collection[str]) -> bool:
    """Whether it is a rack or an enclosure in which there are machines that tell their power themselves."""
    outer = _type(documents[path])
    inner = [_type(documents[each]) for each in telling if path in _around(each, documents)]
    if outer in _RACKS:
        return any(each not in _PARTS for each in inner)
    return outer in _ENCLOSURES and any(each in _MACHINES for each in inner)


def _holds_silent_machines(path: str, documents: Documents) -> bool:
    """Whether it is a rack or an enclosure of several machines: some controllers call their one server so."""
    if _type(documents[path]) not in _RACKS | _ENCLOSURES:
        return False
    inner = [each for each in documents if _type(documents[each]) in _MACHINES]
    return sum(path in _around(each, documents) for each in inner) > 1


def _around(path: str, documents: Documents) -> list[str]:
    """The chassis that a chassis lies in, from the nearest on."""
    found: list[str] = []
    outer = _container(path, documents)
    while outer and outer != path and outer not in found:
        found.append(outer)
        outer = _container(outer, documents)
    return found


def _container(path: str, documents: Documents) -> str:
    """The chassis around one, by its own word, else by that of the other; empty where there is none."""
    own = next(_places(_links(documents[path]).get("ContainedBy")), "")
    if own in documents:
        return own
    return next(
        (
            outer
            for outer, document in documents.items()
            if outer != path and path in _places(_links(document).get("Contains"))
        ),
        "",
    )


def _links(document: Mapping[str, Any]) -> Mapping[str, Any]:
    links = document.get("Links")
    return links if isinstance(links, dict) else {}


def _places(links: Any) -> Iterator[str]:
    """Where a link or a list of them leads."""
    listed: Iterable[Any] = links if isinstance(links, list) else [links]
    places = (one.get("@odata.id") for one in listed if isinstance(one, dict))
    return (place for place in places if isinstance(place, str))


def _type(document: Mapping[str, Any]) -> str:
    told = document.get("ChassisType")
    return told if isinstance(told, str) else ""
