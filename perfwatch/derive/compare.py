"""Runs beside each other: what differs in their conditions, and then by how much each figure does.

The object `perfwatch.compare/1`, a pure function of the summaries and of the scatter within each session.
docs/comparing.md says what it means.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.compare_change import CANNOT_TELL, Change, change
from perfwatch.derive.compare_conditions import Condition, differing, gain_of, same_sensors
from perfwatch.derive.compare_figures import (
    COST,
    EFFICIENCY,
    ENERGY,
    PERFORMANCE,
    POWER,
    TOPICS,
    Figure,
    Json,
    Reading,
    Run,
    figures_of,
    read,
)
from perfwatch.derive.scatter import FEWEST_SLICES, LEAST_SLICE_S, Scatter

SCHEMA = "perfwatch.compare/1"
SAME_WORK_RATIO = 0.01
"""Runs whose amounts of work differ by less did the same work."""
_TAKES_AWAY = {
    "no-power": (POWER, ENERGY, EFFICIENCY, COST),
    "too-few-samples": (POWER, ENERGY, EFFICIENCY, COST),
    "large-error": (POWER, ENERGY, EFFICIENCY, COST),
    "no-work": (PERFORMANCE, EFFICIENCY, COST),
}
"""What an insufficient finding says nothing good about; any other is about all of it."""

SCATTER_NOT_KEPT = (
    "neither summary tells how power scatters over time; --summary-json (not --json) writes one that does"
)
"""Their errors alone would call runs different that differ by chance."""


@dataclass(frozen=True)
class Group:
    """Runs that are taken for repetitions of each other.

    Args:
        label: `A`, `B`, ...
        called: what the person called them.
    """

    label: str
    called: str
    runs: tuple[Run, ...]


def compare(groups: Sequence[Group], *, vary: Iterable[str] = ()) -> dict[str, Any]:
    """The comparison of every group with the first, as an object for JSON.

    Args:
        vary: tags that are what is compared, though they say what the work is.
    """
    wanted = tuple(vary)
    return {
        "schema": SCHEMA,
        "unit": groups[0].runs[0].unit,
        "groups": [_group(group, groups) for group in groups],
        "runs": [run.summary for group in groups for run in group.runs],
        "comparisons": [_comparison(groups[0], group, wanted) for group in groups[1:]],
    }


def _group(group: Group, groups: Sequence[Group]) -> dict[str, Any]:
    before = sum(len(other.runs) for other in groups[: groups.index(group)])
    return {
        "label": group.label,
        "called": group.called,
        "runs": list(range(before, before + len(group.runs))),
        "slices": [_slices(run) for run in group.runs],
        "findings": _findings(group),
    }


def _slices(run: Run) -> int | None:
    """By how many slices the scatter of its figures was told at most; None where it was not."""
    told = [Scatter.from_json(one) for one in run.part("scatter").values()]
    return max((one.slices for one in told if one is not None), default=None)


def _findings(group: Group) -> list[dict[str, Any]]:
    """What stands against the runs of a group, each sentence once: insufficient and warn, and failed jobs."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in group.runs:
        for finding in (*_failed(run), *_doubts(run)):
            key = (str(finding.get("code")), str(finding.get("message")))
            found.setdefault(key, {name: str(finding.get(name)) for name in ("code", "level", "message")})
    return list(found.values())


def _doubts(run: Run) -> list[Json]:
    told = run.summary.get("quality")
    findings = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    return [finding for finding in findings if finding.get("level") in ("insufficient", "warn")]


def _failed(run: Run) -> list[Json]:
    status = run.part("session").get("exit_status")
    if not status or run.part("session").get("time_limit_s"):
        return []
    return [{"code": "job-failed", "level": "warn", "message": f"The job failed, exit {status}."}]


def _comparison(before: Group, after: Group, vary: Sequence[str]) -> dict[str, Any]:
    labels = (before.label, after.label)
    conditions = differing(before.runs, after.runs, labels, vary=vary)
    figures = figures_of([*before.runs, *after.runs])
    return {
        "group": after.label,
        "against": before.label,
        "conditions": [condition.to_json() for condition in conditions],
        "figures": {
            figure.path: found
            for figure in figures
            if (found := _figure(figure, before, after, conditions)) is not None
        },
    }


def _figure(
    figure: Figure, before: Group, after: Group, conditions: Sequence[Condition]
) -> dict[str, Any] | None:
    """A figure in both groups; None where neither knows it."""
    readings = [[read(figure, run) for run in group.runs] for group in (before, after)]
    if all(reading.value is None for side in readings for reading in side):
        return None
    found = _change(figure, before, after, readings, conditions)
    return {
        "kind": figure.kind,
        "name": figure.name,
        "better": figure.better,
        "values": [_mean(side) for side in readings],
        "spread": [_spread(side) for side in readings],
        "change": found.ratio,
        "low": found.low,
        "high": found.high if found.high is not None and math.isfinite(found.high) else None,
        "verdict": found.verdict,
        "because": found.because or None,
        "blocked_by": found.blocked_by or None,
        "rests_on": list(found.rests_on),
    }


def _change(
    figure: Figure,
    before: Group,
    after: Group,
    readings: Sequence[Sequence[Reading]],
    conditions: Sequence[Condition],
) -> Change:
    blocked = next((one for one in conditions if figure.topic in one.blocks), None)
    if blocked is not None:
        return Change(CANNOT_TELL, blocked.message, blocked_by=blocked.key)
    unfit = _unfit(figure, before) or _unfit(figure, after)
    if unfit:
        return Change(CANNOT_TELL, unfit)
    for group, side in zip((before, after), readings, strict=True):
        if any(reading.value is None for reading in side):
            return Change(CANNOT_TELL, f"{group.label} does not tell it")
        if any(reading.value is not None and reading.value <= 0 for reading in side):
            return Change(CANNOT_TELL, f"of {group.label} it is not above zero")
    if figure.of_equal_work and (unlike := _unlike_work(before, after)):
        return Change(CANNOT_TELL, unlike)
    gains = None if same_sensors(before.runs, after.runs) else (gain_of(before.runs), gain_of(after.runs))
    found = change(figure, readings[0], readings[1], gains=gains)
    lacks = figure.topic in (POWER, ENERGY) and _lacks_scatter(before) and _lacks_scatter(after)
    return Change(CANNOT_TELL, SCATTER_NOT_KEPT, found.ratio) if lacks and not found.because else found


def _unfit(figure: Figure, group: Group) -> str:
    """Why a group's figure is not to be quoted; empty where it is."""
    for run in group.runs:
        for finding in _doubts(run):
            takes = _TAKES_AWAY.get(str(finding.get("code")), TOPICS)
            if finding.get("level") == "insufficient" and figure.topic in takes:
                return f"{group.label}: {str(finding.get('message')).rstrip('.')}"
    return ""


def _lacks_scatter(group: Group) -> bool:
    """Whether it is one run, long enough to tell how its power scatters, whose summary did not keep that."""
    run = group.runs[0]
    long_enough = (run.number("window", "duration_s") or 0.0) >= FEWEST_SLICES * LEAST_SLICE_S
    return len(group.runs) == 1 and long_enough and not isinstance(run.summary.get("scatter"), Mapping)


def _unlike_work(before: Group, after: Group) -> str:
    """Why the runs did not do the same work, which alone makes a total better or worse; else empty."""
    unit = before.runs[0].unit
    counts = [[run.number("work", unit or "", "count") for run in group.runs] for group in (before, after)]
    known = [count for side in counts for count in side if count]
    if not known:
        commands = [run.part("session").get("command") for group in (before, after) for run in group.runs]
        same = all(command and command == commands[0] for command in commands)
        return "" if same else "nothing says that they did the same work"
    if len(known) < len(before.runs) + len(after.runs):
        return "not of all runs is it known how much they did"
    if max(known) > (1 + SAME_WORK_RATIO) * min(known):
        return "they did not do the same amount of work"
    return ""


def _mean(side: Sequence[Reading]) -> float | None:
    values = [reading.value for reading in side if reading.value is not None]
    return math.fsum(values) / len(values) if values and len(values) == len(side) else None


def _spread(side: Sequence[Reading]) -> float | None:
    """The standard deviation between the runs of a group."""
    mean = _mean(side)
    values = [reading.value for reading in side if reading.value is not None]
    if mean is None or len(values) < 2:
        return None
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
