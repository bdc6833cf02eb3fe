"""What do LoadGen's logs say of a run: scenario, metric, verdict, and when power was to be measured?

`mlperf_log_detail.txt` holds it as records; round 0.5 has `"pid": 1, "tid": 1, "ts": 1ns : key : value`, and
the rest of it in `mlperf_log_summary.txt`. (Source: mlcommons/inference, loadgen/results.cc; which metric
counts: its submission checker. A directory's name says nothing: an inferred result is a copy.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from perfwatch.workload import mllog_lines

TIME_FORMATS = ("%m-%d-%Y %H:%M:%S.%f", "%m-%d-%Y %H:%M:%S")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SCENARIOS = ("SingleStream", "MultiStream", "Server", "Interactive", "Offline")
_OLD_LINE = re.compile(r'"pid":\s*\d+,\s*"tid":\s*\d+,\s*"ts":\s*\d+ns\s*:\s*(?P<rest>.*)')
_OLD_POWER = re.compile(r'POWER_(?P<edge>BEGIN|END)\s*:.*"time"\s*:\s*(?P<time>[^,]+)')
_COMPLETED_FROM = (4, 1)
"""From this LoadGen on the metric of Server is what was completed, before it what was scheduled."""
_NS = 1e9


def utc_seconds(text: str) -> float | None:
    """Seconds since 1970 of `MM-DD-YYYY HH:MM:SS.mmm` in UTC; None for anything else."""
    for form in TIME_FORMATS:
        try:
            moment = datetime.strptime(text.strip(), form).replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        return (moment - EPOCH).total_seconds()
    return None


def number(text: str) -> float | None:
    """A finite number; None for any other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Metric(NamedTuple):
    """The official metric: the key it was read from, its value and its unit."""

    name: str
    value: float
    unit: str


class Result(NamedTuple):
    """One run; None is not told.

    Args:
        scenario: one of `SCENARIOS`.
        valid: LoadGen's own verdict.
        queries: queries that were completed.
        samples_per_query: of each of them.
        begin_s: when power was to be measured, seconds since 1970.
        duration_s: of the part that counts.
        latency_s: mean and percentiles of a query by name; empty for Offline, whose latencies are since the
            start.
        settings: what else is a condition of the run, by name.
    """

    scenario: str
    metric: Metric | None
    valid: bool | None
    queries: int | None
    samples_per_query: int
    begin_s: float | None
    duration_s: float | None
    latency_s: Mapping[str, float]
    settings: Mapping[str, str]

    @property
    def samples(self) -> float | None:
        """Samples in the part that counts."""
        if self.scenario == "Offline":
            if self.metric is None or self.duration_s is None or self.metric.unit != "samples/s":
                return None
            return round(self.metric.value * self.duration_s)
        return None if self.queries is None else self.queries * self.samples_per_query

    @property
    def tokens(self) -> float | None:
        """Generated tokens in the part that counts, where the metric counts them."""
        if self.metric is None or self.duration_s is None or self.metric.unit != "tokens/s":
            return None
        return round(self.metric.value * self.duration_s)


def result(detail: Iterable[str], summary: Iterable[str]) -> Result | None:
    """What both files say; None where neither names a scenario.

    Args:
        detail: the lines of `mlperf_log_detail.txt`.
        summary: the lines of `mlperf_log_summary.txt`.
    """
    known = _detailed(detail)
    told = _summarised(summary)
    scenario = str(known.get("effective_scenario") or told.get("Scenario") or "").replace(" ", "")
    if scenario not in SCENARIOS:
        return None
    begin_s, end_s = (_moment(known.get(f"power_{edge}")) for edge in ("begin", "end"))
    metric = _metric(scenario, known, told)
    queries = _whole(known.get("result_query_count"))
    per_query = _whole(known.get("effective_samples_per_query") or told.get("samples_per_query")) or 1
    duration_s = None if begin_s is None or end_s is None or end_s <= begin_s else end_s - begin_s
    return Result(
        scenario=scenario,
        metric=metric,
        valid=_verdict(known.get("result_validity") or told.get("Result is")),
        queries=queries,
        samples_per_query=per_query if scenario != "Offline" else 1,
        begin_s=begin_s,
        duration_s=duration_s if duration_s is not None else _duration(known, queries),
        latency_s={} if scenario == "Offline" else _latencies(known, told),
        settings=_settings(known, told),
    )


def _detailed(lines: Iterable[str]) -> dict[str, Any]:
    """The values by key, of either form; of a key that comes again the last."""
    lines = list(lines)
    found = {str(record["key"]): record.get("value") for record in mllog_lines.records(lines)}
    for line in lines if not found else ():
        power = _OLD_POWER.search(line)
        old = _OLD_LINE.search(line)
        if power is not None:
            found[f"power_{power['edge'].lower()}"] = power["time"]
        elif old is not None:
            key, colon, value = old["rest"].partition(" : ")
            if colon:
                found[key.strip()] = value.strip().strip('"')
    return found


def _summarised(lines: Iterable[str]) -> dict[str, str]:
    """`key : value`, parted at the last colon that has a blank or nothing behind it."""
    found: dict[str, str] = {}
    for line in lines:
        at = max(line.rfind(": "), len(line.rstrip()) - 1 if line.rstrip().endswith(":") else -1)
        if at > 0:
            found.setdefault(line[:at].strip(), line[at + 1 :].strip())
    return found


def _metric(scenario: str, known: Mapping[str, Any], told: Mapping[str, str]) -> Metric | None:
    """The first key of the scenario that has a value above zero."""
    for name, unit in _candidates(scenario, known):
        value = _number(known.get(name, told.get(name)))
        if value is not None and value > 0.0:
            return Metric(name, value / _NS, unit) if unit == "s" else Metric(name, value, unit)
    return None


def _candidates(scenario: str, known: Mapping[str, Any]) -> list[tuple[str, str]]:
    completed = _version(known.get("loadgen_version")) >= _COMPLETED_FROM
    if scenario == "Offline":
        tokens = ("result_tokens_per_second", "result_inferred_tokens_per_second")
        whole = ("result_samples_per_second", "Samples per second")
        return [*((name, "tokens/s") for name in tokens), *((name, "samples/s") for name in whole)]
    if scenario in ("Server", "Interactive"):
        tokens = ("result_completed_tokens_per_second", "result_inferred_completed_tokens_per_second")
        done, planned = "result_completed_samples_per_sec", "result_scheduled_samples_per_sec"
        first = (done, planned) if completed else (planned, done)
        samples = (*first, "Scheduled samples per second", "Completed samples per second")
        return [*((name, "tokens/s") for name in tokens), *((name, "samples/s") for name in samples)]
    if scenario == "MultiStream":
        names = (
            "early_stopping_latency_ms",
            "result_99.00_percentile_per_query_latency_ns",
            "99th percentile latency (ns)",
        )
    else:
        names = (
            "early_stopping_latency_ss",
            "result_90.00_percentile_latency_ns",
            "90th percentile latency (ns)",
        )
    return [(name, "s") for name in names]


def _version(text: object) -> tuple[int, ...]:
    """`4.1 @ abcdef`: (4, 1); nothing known is the oldest."""
    found = re.match(r"\s*v?(\d+)\.(\d+)", str(text or ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _latencies(known: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, float]:
    """Seconds, of a query."""
    names = {"mean_s": ("result_mean_latency_ns", "Mean latency (ns)")}
    for percent, key in ((50, "p50_s"), (90, "p90_s"), (95, "p95_s"), (99, "p99_s")):
        names[key] = (f"result_{percent}.00_percentile_latency_ns", f"{percent}.00 percentile latency (ns)")
    found = {key: _number(known.get(one, told.get(other))) for key, (one, other) in names.items()}
    return {key: value / _NS for key, value in found.items() if value is not None}


def _duration(known: Mapping[str, Any], queries: int | None) -> float | None:
    """Without a power window: the queries over their rate, or the time that was generated for them."""
    rate = _number(known.get("result_qps_with_loadgen_overhead"))
    if rate and queries:
        return queries / rate
    generated_ns = _number(known.get("generated_query_duration"))
    return generated_ns / _NS if generated_ns else None


def _settings(known: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    pairs = {
        "sut": known.get("sut_name") or told.get("SUT name"),
        "qsl": known.get("qsl_name"),
        "mode": known.get("effective_test_mode") or told.get("Mode"),
        "loadgen": known.get("loadgen_version"),
        "target_qps": known.get("effective_target_qps"),
    }
    return {name: str(value) for name, value in pairs.items() if value not in (None, "")}


def _moment(text: object) -> float | None:
    return utc_seconds(str(text)) if text is not None else None


def _verdict(text: object) -> bool | None:
    return None if text is None else str(text).strip().upper() == "VALID"


def _whole(value: object) -> int | None:
    found = _number(value)
    return None if found is None else int(found)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return number(str(value))
