"""What happened, in plain words? One line an event, with a sign and a style for its weight."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any, NamedTuple

from perfwatch.derive.live_watch import Stretch
from perfwatch.frame import Frame, Happening
from perfwatch.units import format_count, format_duration


class Told(NamedTuple):
    """One event as people read it. `sign` says its weight where colours do not."""

    t: float
    sign: str
    style: str
    text: str


BAD, WARN, GOOD, MARK, PLAIN = ("✗", "bad"), ("!", "warn"), ("✓", "good"), ("▸", "mark"), ("·", "text")
_QUIET = ("·", "dim")

COMES_AND_GOES_S = 10.0
"""A throttle that ended and begins again within this time went on."""

_STATES = {
    "absent": (_QUIET, "is not there"),
    "stale": (WARN, "does not answer"),
    "retrying": (WARN, "did not answer and is tried again"),
    "gone": (WARN, "is gone"),
    "failed": (BAD, "failed"),
}


def told(frame: Frame) -> list[Told]:
    """The events of a frame in their order; what says nothing new is left out."""
    labels = {one.number: one.label for one in (*frame.devices, *frame.workloads)}
    ids = {(one.collector, one.device.id): one.label for one in (*frame.devices, *frame.workloads)}
    teller = _Teller(labels, ids)
    found = [line for event in frame.events if (line := teller.tell(event)) is not None]
    return sorted([*found, *_throttles(frame)], key=lambda one: one.t)


def _throttles(frame: Frame) -> list[Told]:
    """When the devices of the run ran with reduced clocks; what comes and goes is one event."""
    lines: list[Told] = []
    for (label, reason), times in groupby(frame.run.throttles, key=lambda one: (one.origin, one.name)):
        whole: list[Stretch] = []
        for one in times:
            if whole and whole[-1].end is not None and one.start - whole[-1].end < COMES_AND_GOES_S:
                whole[-1] = replace(whole[-1], end=one.end)
            else:
                whole.append(one)
        for one in whole:
            lines.append(Told(one.start, *WARN, f"{label} is throttled: {reason}"))
            if one.end is not None:
                lasted = format_duration(one.end - one.start)
                lines.append(Told(one.end, *GOOD, f"{label} is throttled no more, after {lasted}"))
    return lines


class _Teller:
    def __init__(self, labels: Mapping[int, str], ids: Mapping[tuple[str, str], str]) -> None:
        self._labels = labels
        self._ids = ids
        self._troubled: set[str] = set()
        self._began: float | None = None

    def tell(self, event: Happening) -> Told | None:
        tell = _KINDS.get(event.kind)
        found = tell(self, event) if tell is not None else _any(event)
        if found is None:
            return None
        (sign, style), text = found
        return Told(event.t, sign, style, text)

    def status(self, event: Happening) -> _Found:
        fields = event.fields
        collector, state = str(fields.get("collector", "")), str(fields.get("state", ""))
        device_id = fields.get("device_id")
        who = collector if device_id is None else self._ids.get((collector, str(device_id)), str(device_id))
        if state in _STATES:
            weight, words = _STATES[state]
            self._troubled.add(who)
            return weight, _because(f"{who} {words}", fields.get("reason"))
        if state == "ok" and who in self._troubled:
            self._troubled.discard(who)
            return GOOD, f"{who} answers again"
        return None

    def gone(self, event: Happening) -> _Found:
        return WARN, _because(f"{self._device(event)} is gone", event.fields.get("reason"))

    def _device(self, event: Happening) -> str:
        number = event.fields.get("n")
        return self._labels.get(number, f"device {number}") if isinstance(number, int) else "a device"

    def back(self, event: Happening) -> _Found:
        return GOOD, f"{self._device(event)} is back"

    def job(self, event: Happening) -> _Found:
        fields = event.fields
        if fields.get("what") == "begin":
            self._began = event.t
            return PLAIN, f"the job began (pid {fields.get('pid', 'unknown')})"
        lasted = "" if self._began is None else f" after {format_duration(event.t - self._began)}"
        if fields.get("goes_on"):
            return PLAIN, _because(f"watching ended{lasted}, the job goes on", fields.get("because"))
        limit_s = fields.get("time_limit_s")
        if isinstance(limit_s, (int, float)):
            return PLAIN, f"the time limit of {format_duration(limit_s)} ended the job"
        if fields.get("signal") is not None:
            return BAD, f"the job was ended by {_signal_name(fields['signal'])}{lasted}"
        status = fields.get("exit_status")
        if status is None:
            return PLAIN, f"the job ended{lasted}"
        return (GOOD if status == 0 else BAD), f"the job ended{lasted} with exit status {status}"

    def mark(self, event: Happening) -> _Found:
        fields = event.fields
        name, edge = str(fields.get("name", "")).replace("_", " "), fields.get("edge")
        told = {
            "begin": f"{name} begins",
            "end": f"{name} ends",
            "undo": f"{name}: last begin or end taken back",
        }
        words = told.get(str(edge), f"mark: {name}")
        origin = fields.get("origin")
        return MARK, words if origin in (None, "job") else f"{words} (from {origin})"

    def lost(self, event: Happening) -> _Found:
        fields = event.fields
        source = fields.get("source", "a source")
        if "lines" in fields:
            return WARN, f"{_amount(fields['lines'], 'line')} to {source} could not be read"
        return BAD, f"{_amount(fields.get('datagrams'), 'message')} of {source} were lost: counts are too low"

    def missing(self, event: Happening) -> _Found:
        records = _amount(event.fields.get("records"), "record")
        return BAD, _because(f"{records} could not be kept", event.fields.get("reason"))

    def late_source(self, event: Happening) -> _Found:
        return WARN, f"{event.fields.get('collector', 'a source')} was not ready when the job began"

    def left_behind(self, event: Happening) -> _Found:
        processes = [one for one in event.fields.get("processes", ()) if isinstance(one, (list, tuple))]
        names = ", ".join(f"{one[1]} ({one[0]})" for one in processes if len(one) > 1)
        return WARN, f"processes of the job go on: {names}"

    def devices(self, event: Happening) -> _Found:
        ids = [self._name_of(str(one)) for one in event.fields.get("ids") or ()]
        used = ", ".join(ids) if ids else "no device"
        return PLAIN, _because(f"the job uses {used}", event.fields.get("because"), joint=" because ")

    def neighbour(self, event: Happening) -> _Found:
        return (
            WARN,
            f"{self._device(event)} is used by pid {event.fields.get('pid')} too, which is not of the job",
        )

    def _name_of(self, device_id: str) -> str:
        return next((label for (_, known), label in self._ids.items() if known == device_id), device_id)

    def clients(self, event: Happening) -> _Found:
        """Processes come and go; what their silence means is known at the job's end."""
        return None

    def note(self, event: Happening) -> _Found:
        text = str(event.fields.get("text", ""))
        serious = event.fields.get("code") in ("gap", "left-out", "sink-failed")
        return (WARN if serious else PLAIN), text


_Found = tuple[tuple[str, str], str] | None
_KINDS: Mapping[str, Callable[[_Teller, Happening], _Found]] = {
    "status": _Teller.status,
    "gone": _Teller.gone,
    "back": _Teller.back,
    "job": _Teller.job,
    "mark": _Teller.mark,
    "lost": _Teller.lost,
    "missing": _Teller.missing,
    "late_source": _Teller.late_source,
    "left_behind": _Teller.left_behind,
    "devices": _Teller.devices,
    "neighbour": _Teller.neighbour,
    "clients": _Teller.clients,
    "note": _Teller.note,
}


def _any(event: Happening) -> _Found:
    """A kind of a later version, as it stands."""
    rest = ", ".join(_pairs((key, value) for key, value in event.fields.items() if key not in ("t", "event")))
    return PLAIN, _because(event.kind.replace("_", " "), rest)


def _pairs(items: Iterable[tuple[str, Any]]) -> Iterable[str]:
    return (f"{key} {value}" for key, value in items)


def _because(text: str, reason: object, *, joint: str = ": ") -> str:
    return f"{text}{joint}{reason}" if reason else text


def _signal_name(number: object) -> str:
    try:
        return signal.Signals(int(str(number))).name
    except ValueError:
        return f"signal {number}"


def _amount(number: object, thing: str) -> str:
    if not isinstance(number, (int, float)):
        return f"some {thing}s"
    return f"{format_count(number)} {thing}{'' if number == 1 else 's'}"
