"""What MLPerf publishes of a run: its metric, and efficiency or energy by its own rule.

Training: the time to train and the energy of the run as MLCommons' summarizer has it; both were worked out
when the logs were imported (perfwatch.imports.mllog). Inference: LoadGen's metric, and what follows.

The checker takes the plain mean of the meter's samples strictly between power_begin and power_end that are
above zero. Offline, Server, Interactive: performance / mean watts. SingleStream, MultiStream: mean watts x
duration / queries, in millijoules a query. (Source: mlcommons/inference, submission_checker, power_check.py.)
Our own energy weighs by time and stands beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.derive.numbers import number
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Event, Tape
from perfwatch.metrics import POWER
from perfwatch.model import Scope
from perfwatch.text import clean

ACCURACY_MODE = "AccuracyOnly"
"""LoadGen's mode in which answers are judged, and no speed."""
PER_QUERY = ("SingleStream", "MultiStream")
"""Scenarios whose efficiency is told as energy of a query."""
EVALUATED = ("eval_accuracy", "eval_accuracy_goal")
"""What a training reached, and is to reach, as its log has them (of a language model that may be a loss)."""
LONGEST_REASON = 300
"""So much of what a session says is shown."""


def official(tape: Tape) -> dict[str, Any] | None:
    """The `mlperf` object of the summary; None for a session that holds no MLPerf result."""
    events = tape.of_kind("mlperf")
    evaluated = _evaluated(tape)
    if not events and not evaluated:
        return None
    told = {**evaluated, **(events[-1].fields if events else {"scenario": "Training"})}
    runs = _runs(events)
    judged = [each["valid"] for each in runs if each["mode"] != ACCURACY_MODE]
    valid, metric = _verdict(judged or [told.get("valid")]), told.get("metric")
    found: dict[str, Any] = {
        "scenario": str(told.get("scenario")),
        "valid": valid,
        "metric": _metric(metric) if isinstance(metric, Mapping) else None,
        "runs": runs,
        "mode": str(told["mode"]) if told.get("mode") else None,
        "latency": _numbers(told.get("latency")),
        "queries": number(told.get("queries")),
        "samples_per_query": number(told.get("samples_per_query")),
        "power": None,
        "efficiency": None,
        "energy_joules": number(told.get("energy_joules")),
        **{key: number(told.get(key)) for key in EVALUATED},
    }
    window = _window(tape)
    watts = [] if window is None else _samples(tape, window)
    if window is None or not watts:
        return found
    mean_w = statistics.fmean(watts)
    found["power"] = {"mean_watts": mean_w, "samples": len(watts), "duration_s": window.end - window.start}
    found["efficiency"] = _efficiency(found, mean_w, window.end - window.start)
    return found


def _runs(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each of several runs of LoadGen that a job started, as it was told last; nothing of one alone."""
    numbered = [event.fields for event in events if number(event.fields.get("run")) is not None]
    newest = {(str(told.get("source")), number(told.get("run"))): told for told in numbered}
    if len(newest) < 2:
        return []
    return [
        {
            "place": str(told.get("place") or ""),
            "mode": str(told["mode"]) if told.get("mode") else None,
            "valid": _verdict([told.get("valid")]),
            "metric": _metric(metric) if isinstance(metric := told.get("metric"), Mapping) else None,
            "queries": number(told.get("queries")),
        }
        for told in newest.values()
    ]


def _verdict(told: Sequence[object]) -> bool | None:
    """Of several: no better than the worst of them."""
    verdicts = [each if isinstance(each, bool) else None for each in told]
    return False if False in verdicts else None if None in verdicts else True


def _evaluated(tape: Tape) -> dict[str, float]:
    """What a training that never said its end told of its accuracy last."""
    logs = [one for one in tape.devices.values() if one.device.facts.get("work") == "mlperf"]
    told = {key: series for one in logs for key in EVALUATED if (series := one.get(key)) is not None}
    return {key: series.values[-1] for key, series in told.items()} if EVALUATED[0] in told else {}


def energy_lacks(tape: Tape) -> str:
    """What the importer found missing for an energy of the whole run; empty where nothing is."""
    events = tape.of_kind("mlperf")
    return clean(events[-1].fields.get("energy_lacks") or "", LONGEST_REASON) if events else ""


def _numbers(told: object) -> dict[str, float] | None:
    """Latencies of a query by name, s; None where none is told."""
    found = {str(name): number(value) for name, value in told.items()} if isinstance(told, Mapping) else {}
    return {name: value for name, value in found.items() if value is not None} or None


def _metric(told: Mapping[str, Any]) -> dict[str, Any] | None:
    value = number(told.get("value"))
    if value is None:
        return None
    return {"name": str(told.get("name")), "value": value, "unit": str(told.get("unit"))}


def _window(tape: Tape) -> Span | None:
    edges = {
        event.fields.get("edge"): event.t
        for event in tape.of_kind("mark")
        if event.fields.get("origin") == "loadgen" and event.fields.get("name") == "measure"
    }
    if "begin" not in edges or "end" not in edges or edges["end"] <= edges["begin"]:
        return None
    return Span(edges["begin"], edges["end"])


def _samples(tape: Tape, window: Span) -> list[float]:
    """The wall meter's readings that the checker takes, W."""
    for device in tape.devices.values():
        if device.device.scope is Scope.WALL and device.device.parent is None:
            series = device.series.get(POWER.name)
            readings = zip(*series.within(window), strict=True) if series is not None else ()
            return [value for t, value in readings if window.start < t < window.end and value > 0.0]
    return []


def _efficiency(found: Mapping[str, Any], mean_w: float, duration_s: float) -> dict[str, Any] | None:
    if found["scenario"] in PER_QUERY:
        queries = found["queries"]
        if not queries or queries < 0:
            return None
        per_query_mj = mean_w * duration_s * 1000.0 / queries
        return {
            "value": per_query_mj,
            "unit": "mJ/query",
            "samples_per_joule": (found["samples_per_query"] or 1) * 1000.0 / per_query_mj,
        }
    metric = found["metric"]
    if metric is None or not metric["value"]:
        return None
    unit = metric["unit"].removesuffix("/s")
    return {"value": metric["value"] / mean_w, "unit": f"{unit}/J"}
