"""Which row tells how many queries kept to the service level objectives, and what a good one costs?"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor

from perfwatch.exporters import words
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_costs import unit_cost
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.objectives import GOOD
from perfwatch.units import DASH, format_count, format_latency, format_percent, format_quantity

_NEARLY_ALL = "> 99.9 %"
_HARDLY_ANY = "< 0.1 %"
_POLLED = 0.05
"""Counts that are interpolated between two readings are off by fractions."""
_WELL_KNOWN = 0.1
"""A count with a larger error, as a share of it, makes no figure of a good query."""


def rows(parts: Parts) -> Iterator[Row]:
    """The share of good queries in each column; none without `--slo`."""
    told = parts.main.part("goodput")
    if not told:
        return
    yield parts.row(
        "goodput",
        lambda column: share_text(column.part("goodput")),
        "; ".join(filter(None, (_kept(told), _each(parts)))),
    )


def share_text(told: Json) -> str:
    """`93 %`, or `91 to 95 %` where buckets leave it open; of a goodput object. A dash where all is open."""
    least, most = told.get("share_at_least"), told.get("share_at_most")
    if least is None or most is None or (least <= 0.0 and most >= 1.0):
        return DASH
    low, high = _percent(least), _percent(most)
    return glued(high if low == high else f"{low.removesuffix(' %')} to {high}")


def _percent(share: float) -> str:
    """A share that is not all never reads as all, nor one that is not nothing as nothing."""
    if 0.999 < share < 1.0:
        return _NEARLY_ALL
    return _HARDLY_ANY if 0.0 < share < 0.001 else format_percent(share)


def _kept(told: Json) -> str:
    """`381 of 412 queries keep to TTFT ≤ 200 ms, ITL ≤ 50 ms`, or what is not timed."""
    objectives: Json = told.get("objectives") or {}
    missing = [_name(name) for name, one in objectives.items() if one.get("timing") is None]
    if missing:
        return f"nothing timed {' or '.join(missing)}"
    limits = [glued(f"{_name(name)} ≤ {format_latency(one['limit_s'])}") for name, one in objectives.items()]
    if told.get("at_least") is None or not told.get("of"):
        return f"no query was counted to hold against {', '.join(limits)}"
    if told["at_least"] <= 0.0 and told["at_most"] >= told["of"]:
        return f"what is timed leaves {', '.join(limits)} open: a mean alone, or a bucket that wide"
    least, most = (
        format_count(floor(told["at_least"] + _POLLED)),
        format_count(ceil(told["at_most"] - _POLLED)),
    )
    count = least if least == most else f"{least} to {most}"
    of = format_count(round(told["of"]))
    return f"{glued(f'{count} of {of} queries')} keep to {', '.join(limits)}"


def _name(objective: str) -> str:
    return objective if objective == "latency" else words.timing(objective)


def _is_known(counted: Json) -> bool:
    """Whether the count is known well enough to be divided by."""
    count, error = counted.get("count"), counted.get("error")
    return count is not None and count > 0.0 and error is not None and error <= _WELL_KNOWN * count


def _each(parts: Parts) -> str:
    """What a good query took and cost; nothing where good queries have rows of their own."""
    if parts.unit == GOOD or not _is_known(parts.main.part("work").get(GOOD) or {}):
        return ""
    ratio = (parts.main.part("efficiency").get(GOOD) or {}).get("joules_per")
    each = [f"{format_quantity(ratio, 'J')}/{words.singular(GOOD)}"] if ratio is not None else []
    paid = "" if parts.main.why_not else unit_cost(parts.main.part("cost"), GOOD)
    return ", ".join(map(glued, [*each, *([paid] if paid else [])]))
