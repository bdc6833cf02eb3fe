"""What is there to go to in a recording: begins and ends, marks, what went wrong?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from perfwatch.text import clean

NAMED = 64
"""So many characters of a name are kept."""
TOGETHER_S = 0.5
"""What happens within so little time is one moment to jump to."""
SEEN_S = 0.05
"""So long after it a moment is seen: what was read meanwhile comes before it in the recording."""
_ODD_STATES = ("stale", "retrying", "gone", "failed")


class Moment(NamedTuple):
    """A time of the session, and what one calls it."""

    t: float
    name: str


def moment_of(record: Mapping[str, Any]) -> Moment | None:
    """The moment that an event is, if one may want to go to it."""
    t, kind = record.get("t"), record.get("event")
    if not isinstance(t, (int, float)) or not isinstance(kind, str):
        return None
    name = _name(kind, record)
    return Moment(float(t), clean(name, NAMED)) if name else None


def _name(kind: str, record: Mapping[str, Any]) -> str:
    if kind == "mark":
        edge = str(record.get("edge", ""))
        return str(record.get("name", "")) + ("" if edge == "point" else f" {edge}")
    if kind == "job":
        return f"job {record.get('what', '')}"
    if kind == "gone":
        return "device gone"
    if kind == "status" and record.get("state") in _ODD_STATES:
        return f"{record.get('device_id') or record.get('collector', '')} {record['state']}"
    return "lost counts" if kind == "lost" else ""


def after(moments: Sequence[Moment], t: float) -> Moment | None:
    """The next moment behind a time that is not the same one."""
    later = [one for one in moments if one.t > t + TOGETHER_S]
    return min(later, key=lambda one: one.t, default=None)


def before(moments: Sequence[Moment], t: float) -> Moment | None:
    """The last moment before a time."""
    earlier = [one for one in moments if one.t < t - TOGETHER_S]
    return max(earlier, key=lambda one: one.t, default=None)


def called(moments: Sequence[Moment], name: str, t: float) -> Moment | None:
    """The next moment of that name behind a time, else the first one: `epoch 3` finds `epoch 3 begin`."""
    wanted = name.casefold()
    exact = [
        one for one in moments if wanted in (one.name.casefold(), one.name.casefold().removesuffix(" begin"))
    ]
    found = exact or [one for one in moments if one.name.casefold().startswith(wanted)]
    later = [one for one in found if one.t > t + TOGETHER_S]
    return min(later or found, key=lambda one: one.t, default=None)
