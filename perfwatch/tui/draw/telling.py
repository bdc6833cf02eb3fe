"""What is said where a ratio cannot be shown: how to tell work, and whether a finding takes ratios away."""

from __future__ import annotations

from perfwatch.derive.findings import INSUFFICIENT
from perfwatch.frame import Frame

TELL_WORK = (
    "no work is counted: -w output='{queries} queries' reads what the job prints,",
    "or let it send StatsD lines (queries:1|c) to the address in PERFWATCH_STATSD",
)
TELL_WORK_BRIEFLY = (
    "work: -w output='{queries} queries'",
    "or send StatsD to PERFWATCH_STATSD",
)
"""The same for 40 columns."""


def ratios_shown(frame: Frame) -> bool:
    """Whether no finding takes the ratios away (that nothing counts work does so by itself)."""
    return not any(one.level == INSUFFICIENT and one.code != "no-work" for one in frame.run.findings)
