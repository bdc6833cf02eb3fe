"""What is said where a ratio cannot be shown: how to tell work, and whether a finding takes ratios away."""

from __future__ import annotations

from perfwatch.derive.findings import INSUFFICIENT
from perfwatch.frame import Frame
from perfwatch.text import clean

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


def ratios_shown(frame: Frame) -> bool:
    """Whether no finding takes the ratios away (that nothing counts work does so by itself)."""
    return not any(one.level == INSUFFICIENT and one.code != "no-work" for one in frame.run.findings)
