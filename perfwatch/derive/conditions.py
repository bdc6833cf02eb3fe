"""Under which conditions a run was made: its tags, its devices' models and facts, the system's versions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Series, Tape
from perfwatch.derive.work import Counted
from perfwatch.metrics import MEMORY_CLOCK, POWER_LIMIT, SM_CLOCK
from perfwatch.model import Device

_PER_QUERY = ("prompt_tokens", "generated_tokens")
_SETTINGS = (POWER_LIMIT, SM_CLOCK, MEMORY_CLOCK)
"""What may be set anew while a job runs, and is told as it was at both ends of the window."""
_ALWAYS = ("driver", "firmware", "power_limit_watts")


def conditions(
    tape: Tape, devices: Sequence[DeviceTape], window: Span, work: Mapping[str, Counted]
) -> dict[str, Any]:
    """The `conditions` object of the summary; what is not known is `None`.

    Args:
        window: from the begin of the first span to the end of the last.
    """
    recorded = _mapping(tape.header.get("conditions"))
    return {
        "tags": _tags(tape),
        "os": recorded.get("os"),
        "devices": _models(devices, window),
        "versions": _versions(tape, _mapping(recorded.get("versions"))),
        "git_commit": recorded.get("git_commit"),
        "per_query": {name: _per_query(work, name) for name in _PER_QUERY},
    }


def _tags(tape: Tape) -> dict[str, Any]:
    """What the job's own logs told of its conditions, and over it what the user said."""
    told = [_mapping(event.fields.get("tags")) for event in tape.of_kind("conditions")]
    return {key: value for tags in (*told, _mapping(tape.header.get("tags"))) for key, value in tags.items()}


def _versions(tape: Tape, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Versions of what the job runs on, as they were found out while it ran."""
    told = [_mapping(event.fields.get("versions")) for event in tape.of_kind("conditions")]
    return {name: version for versions in (recorded, *told) for name, version in versions.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    """A header may come from elsewhere: what is no mapping says nothing."""
    return value if isinstance(value, Mapping) else {}


def _per_query(work: Mapping[str, Counted], name: str) -> float | None:
    queries, counted = work.get("queries"), work.get(name)
    if queries is None or counted is None or not queries.count or counted.count is None:
        return None
    return counted.count / queries.count


def _models(devices: Sequence[DeviceTape], window: Span) -> dict[str, dict[str, Any]]:
    """Per model how many there are and which facts they share; a fact in which they differ is a list."""
    groups: dict[str, list[DeviceTape]] = {}
    for device in devices:
        groups.setdefault(device.device.name, []).append(device)
    return {
        model: {
            "count": len(group),
            **_shared_facts([_facts(device, window) for device in group]),
            "at_start": _settings_at(group, window.start),
            "at_end": _settings_at(group, window.end),
        }
        for model, group in groups.items()
    }


def _settings_at(devices: Sequence[DeviceTape], t: float) -> dict[str, Any]:
    """Cap and clocks as they were read last up to a time; the lowest and the highest where devices differ."""
    found: dict[str, Any] = {}
    for metric in _SETTINGS:
        told = [_last(device.get(metric.name), t) for device in devices]
        known = sorted({value for value in told if value is not None})
        found[metric.name] = known[0] if len(known) == 1 else [known[0], known[-1]] if known else None
    return found


def _last(series: Series | None, t: float) -> float | None:
    """The last reading up to a time; the first one where it is later."""
    if series is None or not len(series.times):
        return None
    return series.values[max(0, bisect_right(series.times, t) - 1)]


def _facts(device: DeviceTape, window: Span) -> dict[str, Any]:
    facts = {
        name: value
        for name, value in device.device.facts.items()
        if isinstance(value, (str, int, float, bool))
    }
    return {**facts, "power_limit_watts": power_limit_w(device, window)}


def _shared_facts(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys([*_ALWAYS, *(name for each in facts for name in each)])
    shared: dict[str, Any] = {}
    for name in names:
        values = list(dict.fromkeys(each.get(name) for each in facts))
        if len(values) == 1:
            shared[name] = values[0]
        elif name in _ALWAYS:
            shared[name] = values
    return shared


def highest_power_w(device: DeviceTape) -> float | None:
    """More than this the device does not draw for long: its highest limit in the session, W.

    A limit may be changed while we watch, and a CPU package may draw its short-term limit for a while.
    """
    series = device.get(POWER_LIMIT.name)
    return _highest_of([max(series.values) if series is not None else None, declared_power_w(device.device)])


def declared_power_w(device: Device) -> float | None:
    """The highest limit that a device declares, W."""
    return _highest_of([device.facts.get(name) for name in ("power_limit_watts", "peak_power_watts")])


def _highest_of(limits: Iterable[object]) -> float | None:
    """The highest of those that are limits, W."""
    known = (float(limit) for limit in limits if isinstance(limit, (int, float)) and limit > 0)
    return max(known, default=None)


def power_limit_w(device: DeviceTape, window: Span) -> float | None:
    """The power limit in force at the end of a window: the last reading of it, else the declared one, W."""
    told = _last(device.get(POWER_LIMIT.name), window.end)
    if told is not None:
        return told
    declared = device.device.facts.get("power_limit_watts")
    return float(declared) if isinstance(declared, (int, float)) else None
