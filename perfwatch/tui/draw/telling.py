"""What is said where figures are missing: how to tell work, who is silent, whether ratios are shown."""

from __future__ import annotations

from perfwatch.derive.asked import asked_for
from perfwatch.derive.findings import INSUFFICIENT
from perfwatch.frame import Frame
from perfwatch.model import Scope
from perfwatch.text import clean, wrap
from perfwatch.tui.draw.row import Line, Row

_HOW = (
    "no work is counted: -w output='{queries} queries' reads what the job prints,",
    "or let it send StatsD lines (queries:1|c) to the address in PERFWATCH_STATSD",
)
_HOW_BRIEFLY = (
    "work: -w output='{queries} queries'",
    "or send StatsD to PERFWATCH_STATSD",
)
"""The same for 40 columns."""
_ALWAYS_THERE = "statsd"


def work_hint(frame: Frame, *, briefly: bool = False) -> list[str]:
    """What is missing where nothing counts work yet: what somebody asked for, or how to ask."""
    asked = [one for one in frame.workloads if one.collector != _ALWAYS_THERE]
    if not asked:
        return list(_HOW_BRIEFLY if briefly else _HOW)
    if briefly:
        return ["no work is told yet"]
    patterns = [str(one.device.facts["pattern"]) for one in asked if one.device.facts.get("pattern")]
    names = clean(", ".join(one.device.name for one in asked))
    if not patterns:
        return [f"no work is told yet: waiting for {names}"]
    return [
        f"no work is told yet: waiting for {names}",
        clean(f"to match {' or '.join(patterns)} (perfwatch try SPEC < FILE tries a pattern)"),
    ]


_SILENT = ("absent", "retrying", "stale", "failed")


def silent_rows(frame: Frame, columns: int, most: int = 4) -> list[Row]:
    """Why collectors that somebody asked for tell nothing, in at most so many lines."""
    rows: list[Row] = []
    for name in asked_for(frame.header):
        state, why = frame.collectors.get(name, ("", ""))
        if state in _SILENT:
            said = clean(f"{name} tells nothing: {why}" if why else f"{name} tells nothing")
            rows += [Line(columns).put(f" {text}", "warn").row() for text in wrap(said, max(10, columns - 2))]
    return rows[:most]


_METERED = (Scope.NODE, Scope.WALL)


def metered_hint(frame: Frame) -> list[str]:
    """How a meter becomes the headline where no device of the run tells power, and meters do."""
    there = [one for one in frame.devices if one.device.scope in _METERED and one.watts is not None]
    said = []
    for scope in _METERED:
        labels = [clean(one.label) for one in there if one.device.scope is scope]
        if labels:
            option = f"--scope {scope.value}" if len(labels) == 1 else "--meter NAME"
            measure = "measures" if len(labels) == 1 else "measure"
            said.append(f"{', '.join(labels)} {measure} the {scope.value}: {option} makes that the headline")
    return said


def ratios_shown(frame: Frame) -> bool:
    """Whether no finding takes the ratios away (that nothing counts work does so by itself)."""
    return not any(one.level == INSUFFICIENT and one.code != "no-work" for one in frame.run.findings)
