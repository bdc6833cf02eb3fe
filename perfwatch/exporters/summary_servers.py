"""Which rows tell what each of several servers did alone?"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.exporters import words
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_goodput import share_text
from perfwatch.exporters.summary_parts import Json, Parts, glued, with_error
from perfwatch.units import format_count, format_latency, format_quantity, format_rate

MOST_SERVERS = 16
"""The others stand in the JSON."""


def rows(parts: Parts) -> Iterator[Row]:
    """One row a server; none where there is only one."""
    servers = parts.summary.get("by_server") or []
    labels = [_label(one) for one in servers]
    for one, label in zip(servers[:MOST_SERVERS], labels, strict=False):
        yield Row(label, None, "; ".join(filter(None, _told(one, parts.unit))))
    if len(servers) > MOST_SERVERS:
        yield Row("", None, f"and {len(servers) - MOST_SERVERS} more servers")


def _label(one: Json) -> str:
    """`:8001 vLLM`."""
    place, software = words.place_of(str(one.get("name"))), one.get("server")
    return f"{place} {software}" if software else place


def _told(one: Json, unit: str | None) -> Iterator[str]:
    counted = (one.get("work") or {}).get(unit or "") or {}
    if unit is not None and counted.get("count") is not None:
        word = words.singular(unit) if counted["count"] == 1 else words.spoken(unit)
        yield glued(f"{format_count(counted['count'])} {word}, {format_rate(counted.get('rate_per_s'))}")
    failed = ((one.get("work") or {}).get("errors") or {}).get("count")
    if failed:
        yield glued(f"{format_count(failed)} failed")
    yield _times(one.get("latency") or {})
    if one.get("goodput"):
        yield f"{share_text(one['goodput'])} good"
    yield _energy(one, unit)


def _times(timings: Json) -> str:
    """The first of what people ask for first."""
    for name in ("time_to_first_token", "latency"):
        timing = timings.get(name) or {}
        if timing.get("p50_s") is not None:
            tail = "" if timing.get("p99_s") is None else f", p99 {format_latency(timing['p99_s'])}"
            return glued(f"{words.timing(name)} p50 {format_latency(timing['p50_s'])}{tail}")
        if timing.get("mean_s") is not None:
            return glued(f"{words.timing(name)} mean {format_latency(timing['mean_s'])}")
    return ""


def _energy(one: Json, unit: str | None) -> str:
    devices, shared = one.get("devices"), one.get("shared") or {}
    if not devices:
        return "its devices were not seen"
    if shared:
        others = dict.fromkeys(words.place_of(str(name)) for names in shared.values() for name in names)
        return f"no ratio of its own: {_some(list(shared))} is also used by {_some(list(others))}"
    ratio = (one.get("efficiency") or {}).get(unit or "") or {}
    told = []
    if unit is not None and ratio.get("per_joule") is not None:
        told.append(with_error(ratio["per_joule"], words.per_joule_unit(unit), ratio.get("per_joule_error")))
    elif one.get("joules") is not None:
        told.append(format_quantity(one["joules"], "J"))
    return " ".join([*map(glued, told), f"on {_some(devices)}"])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
