"""Are the devices of an output told apart? Two records of one id would be one device, half the power lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from perfwatch_collectors.described.formats import BY_LINE, PATHS, PROMETHEUS
from perfwatch_collectors.described.records import SHOWN

from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

MOST_SAID = 3
_OF_A_MOMENT = frozenset({*PATHS, PROMETHEUS, "directory", "lastline"})
"""Formats of which all records are of one moment, also of a stream: of one document, or one line."""
WHAT_TO_DO = "put into id of [device] what tells them apart"


def are_readings(of: Description) -> bool:
    """Whether records may be readings of a device one after the other, of which the newest counts."""
    return of.read.newest or (of.source.stream and of.read.format not in _OF_A_MOMENT)


def said_twice(ids: Sequence[str], of: Description) -> Iterator[str]:
    """Records of one moment that have one id, as sentences.

    Args:
        ids: of each record, in the order of the output.
    """
    if are_readings(of):
        return
    or_newest = "; or say newest = true in [read], if they are readings one after the other"
    instead = or_newest if of.read.format in BY_LINE else ""
    for key, count in Counter(ids).most_common(MOST_SAID):
        if count > 1:
            yield f"{count} records have the id {clean(key, SHOWN)!r}: {WHAT_TO_DO}{instead}"


def doubted(ids: Sequence[str], of: Description) -> Iterator[str]:
    """Of readings one after the other: records in a row that may be two devices, for there are others."""
    if not are_readings(of) or len(set(ids)) < 2:
        return
    in_a_row = Counter(one for one, other in pairwise(ids) if one == other)
    for key, _ in in_a_row.most_common(MOST_SAID):
        yield (
            f"records in a row have the id {clean(key, SHOWN)!r}, and the newest counts: if they are two "
            f"devices, {WHAT_TO_DO}"
        )
