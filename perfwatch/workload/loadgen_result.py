"""What do LoadGen's logs say of a run: scenario, metric, verdict, and when power was to be measured?

`mlperf_log_detail.txt` holds it as records; round 0.5 has `"pid": 1, "tid": 1, "ts": 1ns : key : value`, and
the rest of it in `mlperf_log_summary.txt`. (Source: mlcommons/inference, loadgen/results.cc; which metric
counts: its submission checker. A directory's name says nothing: an inferred result is a copy.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from perfwatch.workload import mllog_lines
from perfwatch.workload.tally import clean_text

TIME_FORMATS = ("%m-%d-%Y %H:%M:%S.%f", "%m-%d-%Y %H:%M:%S")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ACCURACY_MODE, PERFORMANCE_MODE = "AccuracyOnly", "PerformanceOnly"
SCENARIOS = ("SingleStream", "MultiStream", "Server", "Interactive", "Offline")
_OLD_LINE = re.compile(r'"pid":\s*\d+,\s*"tid":\s*\d+,\s*"ts":\s*\d+ns\s*:\s*(?P<rest>.*)')
_OLD_POWER = re.compile(r'POWER_(?P<edge>BEGIN|END)\s*:.*"time"\s*:\s*(?P<time>[^,]+)')
_COMPLETED_FROM = (4, 1)
"""From this LoadGen on the metric of Server is what was completed, before it what was scheduled."""
_LAST = "num_errors"
"""What is written after a result."""
_NS = 1e9
_MOST = 1e15
"""No run has so many queries or samples: a result file that says so is damaged."""
_RATE_IN_WORDS = "QPS w/ loadgen overhead"


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


class Aim(NamedTuple):
    """When a run may end: after so many samples, and after so many seconds."""

    samples: int
    seconds: float

    def in_all(self, samples: int, elapsed_s: float) -> int:
        """So many samples it will do, at the pace so far; 0 if nothing tells."""
        pace = samples / elapsed_s if elapsed_s > 0.0 else 0.0
        return max(self.samples, round(min(pace * self.seconds, _MOST)))


class Result(NamedTuple):
    """One run; None is not told.

    Args:
        scenario: one of `SCENARIOS`.
        valid: LoadGen's own verdict.
        queries: queries that were completed: an `int` where they were counted, else by their rate.
        samples_per_query: of each of them.
        windows: when power was to be measured, begins and ends in seconds since 1970. The last is that of
            the result; before it come those of an accuracy run, or of a search for the peak.
        duration_s: of the part that counts.
        latency_s: mean and percentiles of a query by name; empty for Offline, whose latencies are since the
            start.
        settings: what else is a condition of the run, by name.
        aim: how far it has to go.
        started: when the logs say that it started, which tells one run from the next.
        is_over: everything that belongs to the result is there.
    """

    scenario: str
    metric: Metric | None
    valid: bool | None
    queries: float | None
    samples_per_query: int | None
    windows: tuple[tuple[float, float], ...]
    duration_s: float | None
    latency_s: Mapping[str, float]
    settings: Mapping[str, str]
    aim: Aim
    started: str
    is_over: bool

    @property
    def begin_s(self) -> float | None:
        """When the part that counts began, seconds since 1970."""
        return self.windows[-1][0] if self.windows else None

    @property
    def mode(self) -> str:
        """`PerformanceOnly`, `AccuracyOnly`, `SubmissionRun` or `FindPeakPerformance`."""
        return self.settings.get("mode", "").replace(" ", "")

    @property
    def samples(self) -> float | None:
        """Samples in the part that counts: an `int` where they were counted, else by their rate."""
        if self.queries is not None and self.samples_per_query is not None:
            return self.queries * self.samples_per_query
        return self._by_rate("samples/s")

    @property
    def tokens(self) -> float | None:
        """Generated tokens in the part that counts, by their rate, where the metric counts them."""
        return self._by_rate("tokens/s")

    def _by_rate(self, unit: str) -> float | None:
        """LoadGen tells six digits of a rate: what follows from it is no exact count."""
        if self.metric is None or self.duration_s is None or self.metric.unit != unit:
            return None
        return _rounded(self.metric.value * self.duration_s)

    def official(self) -> dict[str, Any]:
        """What LoadGen itself says, as the event `mlperf` of a session."""
        return {
            "scenario": self.scenario,
            "mode": self.mode or None,
            "valid": self.valid,
            "metric": None if self.metric is None else self.metric._asdict(),
            "queries": self.queries,
            "samples_per_query": self.samples_per_query if self.scenario != "Offline" else 1,
            "latency": dict(self.latency_s),
        }


def result(detail: Iterable[str], summary: Iterable[str]) -> Result | None:
    """What both files say; None where neither names a scenario.

    Args:
        detail: the lines of `mlperf_log_detail.txt`.
        summary: the lines of `mlperf_log_summary.txt`.
    """
    told_in_order = list(_detailed(detail))
    known, told = dict(told_in_order), _summarised(summary)
    scenario = str(known.get("effective_scenario") or told.get("Scenario") or "").replace(" ", "")
    if scenario not in SCENARIOS:
        return None
    counted = _whole(known.get("result_query_count"), least=0)
    windows = _windows(told_in_order)
    duration_s = windows[-1][1] - windows[-1][0] if windows else None
    metric = _metric(scenario, known, told)
    valid = _verdict(known.get("result_validity") or told.get("Result is"))
    is_over = valid is not None and (metric is not None or _LAST in known)
    return Result(
        scenario=scenario,
        metric=metric,
        valid=valid,
        queries=_queries(scenario, told, duration_s) if counted is None else counted,
        samples_per_query=_samples_per_query(scenario, known, told),
        windows=windows,
        duration_s=_duration(known, counted, is_over=is_over) if duration_s is None else duration_s,
        latency_s={} if scenario == "Offline" else _latencies(scenario, known, told),
        settings=_settings(known, told),
        aim=_aim(scenario, known),
        started=str(known.get("test_datetime") or known.get("Date + time of test") or ""),
        is_over=is_over,
    )


def _detailed(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Keys with their values, of either form, in the order in which they were written."""
    lines = list(lines)
    is_old = True
    for record in mllog_lines.records(lines):
        is_old = False
        yield str(record["key"]), record.get("value")
    for line in lines if is_old else ():
        power = _OLD_POWER.search(line)
        old = _OLD_LINE.search(line)
        if power is not None:
            yield f"power_{power['edge'].lower()}", power["time"]
        elif old is not None:
            key, colon, value = old["rest"].partition(" : ")
            if colon:
                yield key.strip(), value.strip().strip('"')


def _windows(told: Iterable[tuple[str, Any]]) -> tuple[tuple[float, float], ...]:
    """Each begin with the end that follows it."""
    found: list[tuple[float, float]] = []
    begin_s: float | None = None
    for key, value in told:
        if key == "power_begin":
            begin_s = utc_seconds(str(value))
        elif key == "power_end" and begin_s is not None:
            end_s = utc_seconds(str(value))
            if end_s is not None and end_s > begin_s:
                found.append((begin_s, end_s))
            begin_s = None
    return tuple(found)


def _samples_per_query(scenario: str, known: Mapping[str, Any], told: Mapping[str, str]) -> int | None:
    """Offline is a single query of all the samples that were generated; old logs do not tell how many."""
    if scenario == "Offline":
        return _whole(known.get("generated_samples_per_query"), least=1)
    return _whole(known.get("effective_samples_per_query") or told.get("samples_per_query"), least=1) or 1


def _queries(scenario: str, told: Mapping[str, str], duration_s: float | None) -> float | None:
    """Queries by their rate: old logs of SingleStream do not count them, and their summary tells the rate."""
    rate = _number(told.get(_RATE_IN_WORDS))
    if scenario != "SingleStream" or duration_s is None or rate is None or rate <= 0.0:
        return None
    return _rounded(rate * duration_s)


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


def _latencies(scenario: str, known: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, float]:
    """Seconds, of a query. MultiStream tells those of samples as well, under the names of the others."""
    by_query = scenario == "MultiStream"
    mean = "result_mean_query_latency_ns" if by_query else "result_mean_latency_ns"
    names = {"mean_s": (mean, "" if by_query else "Mean latency (ns)")}
    for percent, key in ((50, "p50_s"), (90, "p90_s"), (95, "p95_s"), (99, "p99_s")):
        of_query = "per_query_" if by_query else ""
        in_words = "" if by_query else f"{percent}.00 percentile latency (ns)"
        names[key] = (f"result_{percent}.00_percentile_{of_query}latency_ns", in_words)
    found = {key: _number(known.get(one, told.get(other))) for key, (one, other) in names.items()}
    return {key: value / _NS for key, value in found.items() if value is not None and value >= 0.0}


def _duration(known: Mapping[str, Any], queries: int | None, *, is_over: bool) -> float | None:
    """Without a power window: the queries over their rate, or the time that was generated for them."""
    rate = _number(known.get("result_qps_with_loadgen_overhead"))
    if rate and rate > 0.0 and queries:
        return queries / rate
    generated_ns = _number(known.get("generated_query_duration"))
    return generated_ns / _NS if generated_ns and generated_ns > 0.0 and is_over else None


def _aim(scenario: str, known: Mapping[str, Any]) -> Aim:
    """Offline is over with its one query, a run for accuracy with its set; others last both limits out."""
    if "accuracy" in str(known.get("effective_test_mode")).casefold():
        return Aim(_whole(known.get("effective_accuracy_sample_count"), least=1) or 0, 0.0)
    per_query = _whole(known.get("effective_samples_per_query"), least=1) or 1
    if scenario == "Offline":
        return Aim(per_query if per_query > 1 else 0, 0.0)
    least_ms = max(0.0, _number(known.get("effective_min_duration_ms")) or 0.0)
    return Aim(per_query * (_whole(known.get("effective_min_query_count"), least=1) or 0), least_ms / 1e3)


def _settings(known: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    pairs = {
        "sut": known.get("sut_name") or told.get("SUT name"),
        "qsl": known.get("qsl_name"),
        "mode": known.get("effective_test_mode") or told.get("Mode"),
        "loadgen": known.get("loadgen_version"),
        "target_qps": known.get("effective_target_qps"),
        "min_duration_ms": known.get("effective_min_duration_ms"),
    }
    return {name: clean_text(str(value), 200) for name, value in pairs.items() if value not in (None, "")}


def _verdict(text: object) -> bool | None:
    return None if text is None else str(text).strip().upper() == "VALID"


def _whole(value: object, *, least: int) -> int | None:
    """A count; None for what no run can have counted."""
    found = _number(value)
    return None if found is None or not least <= found <= _MOST else int(found)


def _rounded(count: float) -> float | None:
    """A count that was computed; None for what no run can have done."""
    return float(round(count)) if count <= _MOST else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    return number(str(value))
