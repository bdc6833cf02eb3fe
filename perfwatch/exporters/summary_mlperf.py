"""Which row tells what MLPerf itself publishes of a run, beside our figures?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.derive.official import ACCURACY_MODE
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.units import format_quantity, significant

NAMED = 8
"""So many runs of one job are named."""
DIGITS = 6
"""A published metric is compared with published ones: it keeps its digits."""


def rows(parts: Parts) -> Iterator[Row]:
    """One row, where the session holds a result of MLPerf."""
    told = parts.summary.get("mlperf")
    if told:
        own = (parts.summary.get("latency") or {}).get("latency")
        yield Row(f"MLPerf {told.get('scenario')}", None, "; ".join(_told(told, has_latency=bool(own))))
        if told.get("runs"):
            yield Row("its runs", None, _each_run(told["runs"]))


def _told(told: Json, *, has_latency: bool) -> Iterator[str]:
    metric, power, efficiency = told.get("metric"), told.get("power"), told.get("efficiency")
    if metric:
        yield glued(_metric(metric, is_training=told.get("scenario") == "Training"))
    valid = told.get("valid")
    good, bad = ("converged", "ABORTED") if told.get("scenario") == "Training" else ("VALID", "INVALID")
    if told.get("mode") == ACCURACY_MODE:
        yield "a run for accuracy"
    else:
        yield "no verdict" if valid is None else good if valid else bad
    if told.get("eval_accuracy") is not None:
        yield _evaluated(told)
    if not has_latency and (latencies := _latencies(told.get("latency") or {})):
        yield latencies
    if told.get("energy_joules") is not None:
        yield f"{glued(format_quantity(told['energy_joules'], 'J', digits=4))} by the summarizer's rule"
    if efficiency:
        ratio = f"{significant(efficiency['value'], DIGITS)} {efficiency['unit']}"
        yield f"{glued(ratio)} by the checker's rule"
    if power:
        mean = format_quantity(power["mean_watts"], "W")
        yield f"plain mean of {power['samples']} samples {glued(mean)}"


def _each_run(runs: Sequence[Json]) -> str:
    """The verdict of each; of many only those that are not valid."""
    named = list(enumerate(runs, 1))
    if len(runs) > NAMED:
        named = [(number, run) for number, run in named if run.get("valid") is not True]
    told = [_one_run(run, number) for number, run in named[:NAMED]]
    left_out = len(runs) - len(told)
    more = f"{left_out} more" if len(named) > NAMED else f"{left_out} VALID" if left_out else ""
    return "; ".join(filter(None, [*told, more]))


def _one_run(run: Json, number: int) -> str:
    valid, metric = run.get("valid"), run.get("metric")
    verdict = "no verdict" if valid is None else "VALID" if valid else "INVALID"
    if run.get("mode") == ACCURACY_MODE:
        verdict = "for accuracy"
    figure = "" if not metric else f" {_metric(metric, is_training=False)}"
    return glued(f"{run.get('place') or f'run {number}'}{figure} {verdict}")


def _evaluated(told: Json) -> str:
    """As the log has it: a share, or the loss of a language model."""
    goal = told.get("eval_accuracy_goal")
    target = "" if goal is None else f" (target {goal:.{DIGITS}g})"
    return glued(f"eval accuracy {told['eval_accuracy']:.{DIGITS}g}") + target


def _latencies(told: Json) -> str:
    """LoadGen's own percentiles, where nobody else timed the queries."""
    names = [name for name in ("p50_s", "p90_s", "p99_s") if told.get(name) is not None]
    figures = [f"{name.removesuffix('_s')} {format_quantity(told[name], 's')}" for name in names]
    return "latency " + ", ".join(map(glued, figures)) if figures else ""


def _metric(metric: Json, *, is_training: bool) -> str:
    value, unit = metric["value"], metric["unit"]
    if is_training and unit == "s":
        return f"{significant(value / 60.0, DIGITS)} min to train"
    value, unit = (value * 1e3, "ms") if unit == "s" else (value, unit)
    return f"{significant(value, DIGITS)} {unit}"
