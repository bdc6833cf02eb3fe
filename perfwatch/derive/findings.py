"""Findings: what a reader must know about the figures; codes, levels and sentences.

The table of codes is printed in docs/numbers.md (a test compares them). A finding of level
`insufficient` takes the ratios away; `warn` and `info` stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

WARN = "warn"
INSUFFICIENT = "insufficient"
INFO = "info"
LEVELS = (INSUFFICIENT, WARN, INFO)

LOW_COVERAGE, TOO_LOW_COVERAGE = 0.98, 0.90
"""Of a window that was read, or counted: less is warned of, and less than the second gives no ratio."""
"""The most serious first."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about a result. `message` is a sentence for people."""

    code: str
    level: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "level": self.level, "message": self.message}


CODES: dict[str, str] = {
    "short-window": "The window is short: warn under 10 s; insufficient under 1 s, or under ten "
    "update periods of the energy source.",
    "too-few-samples": "Energy was integrated from few power readings: warn under 20, insufficient under 5.",
    "large-error": "The error of the energy is large: warn above 5 %, insufficient above 20 %; or that of "
    "the count: warn above 20 %.",
    "low-coverage": "Part of the window has no reading, or no count: warn under 98 %, insufficient under "
    "90 % of any device of the run.",
    "clock-offset": "The clocks of two hosts, or of a log and this machine, differ: warn above 1 % of the "
    "window, insufficient above 10 %.",
    "no-power": "No device of the run told its power or energy.",
    "no-work": "Nothing counted work.",
    "gap": "Readings are missing for a while; nothing was invented for it.",
    "counter-disagrees": "A device's energy counter and the integral of its power differ by more than both "
    "errors.",
    "late-samples": "More than 5 % of the readings came late by over half a period.",
    "stale-workload": "No work counter moved in the last third of the window.",
    "stale-device": "A device of the run gave nothing for three periods.",
    "lost-counts": "Datagrams with counts were dropped or could not be read, a process that counted was "
    "killed, a log was overwritten, or a progress bar could not be read; the work is a lower bound.",
    "work-disagrees": "Two sources count the same work and differ by more than 1 %.",
    "counted-twice": "Two workloads of one kind, which are added, counted nearly alike (within 2 %): they "
    "may be the same work.",
    "shared-device": "Other processes used a device of the run; its energy is not the job's alone.",
    "throttled": "A device ran with reduced clocks for part of the window; by which cause, and how long.",
    "devices-guessed": "Which devices the job used could not be seen.",
    "completion-counted": "Tokens are counted when a query ends: what is in work at the ends of the window "
    "counts too late.",
    "few-latencies": "A percentile rests on fewer than ten observations beyond it, or cannot be told, as "
    "histograms share no bound.",
    "late-source": "A source began to tell after the job had started, or one that was asked for was silent.",
    "counter-reset": "A counter restarted: what it counted between two readings is not known; or it "
    "began with earlier jobs' work.",
    "estimated": "A figure comes from a model, not from a sensor.",
    "open-window": "A measured window was left open and ends with the job.",
    "cost-partial": "The cost leaves something out.",
    "meter-wider-than-run": "A meter covers devices outside the run as well.",
    "odd-device": "A device departs from its like in clock, power, temperature or utilization.",
    "steady-from": "Work and power became steady some time after the window began.",
}
"""Every code of the table, with what it says."""

_ALWAYS_INSUFFICIENT = frozenset({"no-power", "no-work"})
_ALWAYS_INFO = frozenset(
    {
        "few-latencies",
        "late-source",
        "counter-reset",
        "estimated",
        "open-window",
        "cost-partial",
        "meter-wider-than-run",
        "odd-device",
        "steady-from",
    }
)


def level_of(code: str) -> str:
    """The level of a code where nothing but the code is known."""
    if code in _ALWAYS_INSUFFICIENT:
        return INSUFFICIENT
    return INFO if code in _ALWAYS_INFO else WARN
