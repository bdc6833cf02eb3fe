"""Where does a run stand between published systems, and what of it may be compared at all?

Only results of one benchmark and one scenario are comparable, and strictly only those of one round. Published
energy is that of the whole machine at the wall: a run whose energy covers less is compared by speed alone.
What cannot be compared is refused with the reason; nothing is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.findings import INSUFFICIENT
from perfwatch.derive.numbers import number
from perfwatch.derive.official import ACCURACY_MODE
from perfwatch.errors import ConfigError
from perfwatch.model import Scope
from perfwatch.yardstick.table import TRAINING, Published, benchmark_of, find, in_order, scenario_of

Json = Mapping[str, Any]

TOO_LITTLE = ("short-window", "no-work")
"""Findings that make even a rate meaningless."""
PERCENTILE = {"SingleStream": "p90_s", "MultiStream": "p99_s"}
"""The percentile of a query's latency that is the result of a scenario."""
LEAST_S = 600.0
"""So long a measured run of inference takes at least. (Source: mlcommons/inference_policies.)"""
TOO_GOOD = 10.0
"""A training that is so much quicker than all published ones is hardly the same."""
SAMPLE_PER_QUERY = ("Server", "SingleStream")
"""Scenarios whose query is one sample."""


@dataclass(frozen=True)
class Figure:
    """One figure of the run in the table's unit, or why it has none.

    Args:
        value: `None` where it may not be compared.
        why_not: a sentence for people; empty where there is a value.
    """

    value: float | None
    why_not: str = ""


def against(summary: Json, *, benchmark: str | None = None, scenario: str | None = None) -> dict[str, Any]:
    """The run beside published systems, as the key `against` of the summary.

    Args:
        summary: of the run.
        benchmark, scenario: what it ran, as people call it; else its tags `benchmark` and `scenario`, and
            what LoadGen told.

    Raises:
        ConfigError: there is no such benchmark or scenario in the table.
    """
    tags = (summary.get("conditions") or {}).get("tags") or {}
    told = summary.get("mlperf") or {}
    own_scenario = told.get("scenario") or tags.get("scenario")
    ran, no_scenario = _named(scenario, own_scenario, scenario_of)
    named, no_benchmark = _named(benchmark, tags.get("benchmark"), lambda word: benchmark_of(word, ran))
    found: dict[str, Any] = {
        "source": "mlperf",
        "benchmark": named,
        "scenario": ran,
        "official": told.get("metric") is not None,
        "run": {"result": None, "unit": None, "per_joule": None, "watts": None},
        "refused": [],
        "notes": [],
        "rows": [],
    }
    refusal = (
        no_scenario
        or no_benchmark
        or _unknown(found)
        or _contradicted(found, tags, told)
        or _no_result(summary, found, told)
    )
    if refusal:
        return {**found, "refused": [refusal]}
    rows = find(found["benchmark"], found["scenario"])
    if not rows:
        return {**found, "refused": [_nothing_published(found)]}
    unit = rows[0].unit
    speed, per_joule = _speed(summary, rows[0]), _per_joule(summary, rows[0])
    found["run"] = {
        "result": speed.value,
        "unit": unit,
        "per_joule": per_joule.value,
        "watts": _watts(summary),
    }
    found["refused"] = list(_refusals(rows, speed, per_joule))
    if speed.value is None and per_joule.value is None:
        return found
    found["notes"] = list(_notes(summary, found, rows))
    found["rows"] = [_row(row, speed.value, per_joule.value) for row in in_order(rows)]
    return found


def _named(asked: str | None, told: object, look_up: Callable[[str], str]) -> tuple[str | None, str]:
    """The table's name of what was asked for, else of what the run says; and why it has none of the latter.

    Raises:
        ConfigError: the table has nothing of what was asked for.
    """
    if asked:
        return look_up(asked), ""
    if not told:
        return None, ""
    try:
        return look_up(str(told)), ""
    except ConfigError as error:
        return None, str(error)


def _notes(summary: Json, found: Json, rows: Sequence[Published]) -> Iterator[str]:
    """What does not forbid the comparison but weakens it."""
    duration_s = float((summary.get("window") or {}).get("duration_s") or 0.0)
    if found["scenario"] != TRAINING and duration_s < LEAST_S:
        yield (
            f"this run took {duration_s:.3g} s, published ones take {LEAST_S:g} s at least, in which chips "
            "become warm and slow down"
        )
    result = found["run"]["result"]
    times = [row.result for row in rows if row.is_time]
    if found["scenario"] == TRAINING and result is not None and times and result < min(times) / TOO_GOOD:
        yield (
            f"this run took {result:.3g} min, the quickest published one {min(times):.3g} min: did it train "
            "the same model on the same data to the same target?"
        )


def _unknown(found: Json) -> str:
    if found["benchmark"] is None:
        return "nothing tells which benchmark this run is"
    if found["scenario"] is None:
        return "nothing tells which scenario this run is (Offline, Server, SingleStream, MultiStream)"
    return ""


def _contradicted(found: Json, tags: Json, told: Json) -> str:
    """The run says of itself that it is something else: by what LoadGen ran, or by a tag."""
    tagged = tags.get("benchmark")
    if tagged and _name(str(tagged), found["scenario"]) != found["benchmark"]:
        return f"this run is {tagged} (its tag benchmark), not {found['benchmark']}"
    ran = told.get("scenario") or tags.get("scenario")
    if ran is None or scenario_of(str(ran)) == found["scenario"]:
        return ""
    return (
        f"this run is {ran}, not {found['scenario']}: the scenarios ask for different things (all at once, "
        "at random times, one after the other), so their figures do not compare"
    )


def _name(word: str, scenario: str) -> str:
    """A benchmark's own name; the word itself where the table has none of it."""
    try:
        return benchmark_of(word, scenario)
    except ConfigError:
        return word


def _no_result(summary: Json, found: Json, told: Json) -> str:
    """A run that failed, or that nothing can be quoted of, is no result."""
    session = summary.get("session") or {}
    if told.get("valid") is False:
        return "its own logs call this run invalid: it is no result"
    if told.get("mode") == ACCURACY_MODE:
        return "this was a run for accuracy, which no speed or energy is told of"
    if session.get("exit_status"):
        return f"the job failed (exit status {session['exit_status']}): it is no result"
    if found["scenario"] == TRAINING and not told:
        return (
            "the time to train is what a training log says from run_start to run_stop; import it "
            "(perfwatch import mllog)"
        )
    for finding in summary.get("quality") or []:
        if finding.get("level") == INSUFFICIENT and finding.get("code") in TOO_LITTLE:
            return f"this run is too little to be compared: {str(finding.get('message')).rstrip('.')}"
    return ""


def _nothing_published(found: Json) -> str:
    there = sorted({row.scenario for row in find(found["benchmark"])})
    return f"of {found['benchmark']} no {found['scenario']} result is published here, only {', '.join(there)}"


# The run's own figures, in the table's units


def _speed(summary: Json, like: Published) -> Figure:
    """The result of the run in the unit of the rows."""
    official = (summary.get("mlperf") or {}).get("metric")
    if official:
        return _official_speed(official, like)
    if like.unit == "ms":
        return _latency(summary, like)
    return _rate(summary, like)


def _official_speed(metric: Json, like: Published) -> Figure:
    """LoadGen's own metric: latencies in s, rates a second."""
    value, unit = number(metric.get("value")), str(metric.get("unit"))
    if value is None:
        return Figure(None, "LoadGen's logs tell no result")
    if like.unit == "min" and unit == "s":
        return Figure(value / 60.0)
    if like.unit == "ms":
        return (
            Figure(value * 1e3)
            if unit == "s"
            else Figure(None, f"its result is told in {unit}, not as a time")
        )
    return Figure(value) if _counted(unit, like) == like.unit else Figure(None, _other_unit(unit, like))


def _other_unit(unit: str, like: Published) -> str:
    return f"this run counts {unit.removesuffix('/s')}, published is {like.unit}"


def _rate(summary: Json, like: Published) -> Figure:
    name = _work_of(summary, like)
    if name is None:
        moved = [name for name, one in (summary.get("work") or {}).items() if one.get("count")]
        counted = ", ".join(moved) or "no work"
        return Figure(None, f"this run counts {counted.replace('_', ' ')}, published is {like.unit}")
    rate = number(summary["work"][name].get("rate_per_s"))
    return Figure(rate) if rate else Figure(None, "this run did no work that was counted")


def _work_of(summary: Json, like: Published) -> str | None:
    """Which counted work is what the rows count."""
    names = ["generated_tokens"] if like.unit == "tokens/s" else ["samples"]
    if names == ["samples"] and like.scenario in SAMPLE_PER_QUERY:
        names.append("queries")
    work = summary.get("work") or {}
    return next((name for name in names if (work.get(name) or {}).get("count")), None)


def _latency(summary: Json, like: Published) -> Figure:
    key = PERCENTILE.get(like.scenario, "p90_s")
    for timing in ("query", "request", "latency", *(summary.get("latency") or {})):
        value = number(((summary.get("latency") or {}).get(timing) or {}).get(key))
        if value is not None:
            return Figure(value * 1e3)
    return Figure(None, f"this run has no {key.removesuffix('_s')} of a query's latency")


def _per_joule(summary: Json, like: Published) -> Figure:
    """Work per joule at the wall."""
    energy = summary.get("energy") or {}
    if energy.get("joules") is None:
        return Figure(None, "this run tells no energy")
    if energy.get("scope") != Scope.WALL.value:
        return Figure(
            None,
            f"this run's energy is of scope {energy.get('scope')}, published energy is that of the whole "
            "machine at the wall, which is more",
        )
    name = _work_of(summary, like)
    found = number(((summary.get("efficiency") or {}).get(name or "") or {}).get("per_joule"))
    told = _official_per_joule(summary, like)
    if told is not None and (found is not None or name is None):
        return Figure(told)
    if found is not None:
        return Figure(found)
    return Figure(None, "this run has no work per joule to compare (see its quality)")


def _watts(summary: Json) -> float | None:
    """Mean power at the wall; by the logs' own rule where they tell it, as published power is."""
    if (summary.get("energy") or {}).get("scope") != Scope.WALL.value:
        return None
    official = number(((summary.get("mlperf") or {}).get("power") or {}).get("mean_watts"))
    return official if official is not None else number((summary.get("power") or {}).get("mean_watts"))


def _official_per_joule(summary: Json, like: Published) -> float | None:
    """By the logs' own rule, where they count what the rows count."""
    official = (summary.get("mlperf") or {}).get("efficiency") or {}
    wanted = "tokens/s" if like.unit == "tokens/s" else "samples/s"  # latencies are of queries of samples
    if wanted == "samples/s" and official.get("samples_per_joule") is not None:
        return number(official["samples_per_joule"])
    unit = str(official.get("unit"))
    counted = _counted(unit.removesuffix("/J") + "/s", like)
    return number(official.get("value")) if unit.endswith("/J") and counted == wanted else None


def _counted(unit: str, like: Published) -> str:
    """What a rate counts, in the table's words: where each query is one sample, queries are samples."""
    return {"queries/s": "samples/s"}.get(unit, unit) if like.scenario in SAMPLE_PER_QUERY else unit


def _refusals(rows: Sequence[Published], speed: Figure, per_joule: Figure) -> Iterator[str]:
    if speed.why_not:
        yield speed.why_not
    if per_joule.why_not and any(row.per_joule is not None for row in rows):
        yield per_joule.why_not + (": only speed is compared" if speed.value is not None else "")


# Beside each other


def _row(row: Published, result: float | None, per_joule: float | None) -> dict[str, Any]:
    """A published system, and how the run stands to it: above 1 the run is better."""
    speed = None
    if result:
        speed = row.result / result if row.is_time else result / row.result
    return {
        "round": row.round,
        "submitter": row.submitter,
        "system": row.system,
        "status": row.status or "available",
        "result": row.result,
        "unit": row.unit,
        "watts": row.watts,
        "per_joule": row.per_joule,
        "note": row.note or None,
        "speed_ratio": speed,
        "per_joule_ratio": per_joule / row.per_joule if per_joule and row.per_joule else None,
    }
