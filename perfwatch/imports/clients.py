"""What did a benchmark client find out itself, by the result file that it left?

Each reader below knows one program's file by what stands in it. All give the same: counts under our names,
how long it took, and the percentiles that the client tells, in seconds. Sources: vllm/benchmarks/serve.py
and sglang/bench_serving.py (result dict); aiperf/common/models/export_models.py, whose form is genai-perf's;
tensorrt_llm/bench/dataclasses/reporting.py; llama.cpp tools/llama-bench; locust/stats.py (CSV); wrk's and
hey's summaries.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwatch.errors import SessionError, reason_of
from perfwatch.imports.files import MAX_BYTES
from perfwatch.text import clean
from perfwatch.workload.training_log import finite

KNOWN = (
    "vllm bench serve, sglang.bench_serving, AIPerf, genai-perf, trtllm-bench, llama-bench (JSON), "
    "locust (--csv: PREFIX_stats.csv), wrk and hey (what they print)"
)
STATISTICS = ("mean_s", "min_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s")
MILLI = 1e-3

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ClientResult:
    """What a client says of its run.

    Args:
        tool: what it is called. work: counts by our names: `queries` that were answered, `errors`,
        `generated_tokens`, `prompt_tokens`. duration_s: how long it took. latency: by our names, of each
        what it tells out of `STATISTICS`.
    """

    tool: str
    work: Mapping[str, float]
    duration_s: float | None = None
    latency: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """As the event of a session has it."""
        return {
            "tool": self.tool,
            "work": dict(self.work),
            "duration_s": self.duration_s,
            "latency": {name: dict(found) for name, found in self.latency.items()},
        }


def read(path: Path) -> ClientResult:
    """The result in a file.

    Raises:
        SessionError: it cannot be read, or is none that is known.
    """
    text = _text(path)
    for reader in (_of_json, _of_locust, _of_wrk, _of_hey):
        found = reader(text)
        if found is not None and found.work:
            return found
    raise SessionError(f"cannot import {clean(path)}: it is no result of a client that is known ({KNOWN})")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise SessionError(f"cannot read {clean(path)}: {reason_of(error)}") from error


# -- JSON


def _of_json(text: str) -> ClientResult | None:
    for told in _objects(text):
        for reader in (_of_bench_serving, _of_aiperf, _of_trtllm, _of_llama_bench):
            found = reader(told)
            if found is not None:
                return found
    return None


def _objects(text: str) -> Iterator[Json]:
    """The one that the file is. Of lines or of a list the last, for a file is written on; llama-bench's lines
    are its tests, and belong together.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        lines = list(_lines(text))
        told = lines if _is_llama_bench(lines) else lines[-1] if lines else None
    if isinstance(told, list):
        told = {"runs": told} if _is_llama_bench(told) else (told[-1] if told else None)
    if isinstance(told, dict):
        yield {"runs": [told]} if _is_llama_bench([told]) else told


def _lines(text: str) -> Iterator[Any]:
    """The lines that are JSON."""
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _of_bench_serving(told: Json) -> ClientResult | None:
    """`vllm bench serve --save-result`, and SGLang's bench_serving, which came of it."""
    if "completed" not in told or "request_throughput" not in told:
        return None
    names = {
        "ttft": "time_to_first_token",
        "tpot": "time_per_output_token",
        "itl": "inter_token_latency",
        "e2el": "latency",
        "e2e": "latency",
    }
    latency: dict[str, dict[str, float]] = {}
    for key, value in told.items():
        parts = re.fullmatch(r"(mean|median|p\d+)_(ttft|tpot|itl|e2el|e2e)(?:_latency)?_ms", key)
        number = finite(value)
        if parts and number is not None:
            statistic = "p50_s" if parts[1] == "median" else f"{parts[1]}_s"
            if statistic in STATISTICS:
                latency.setdefault(names[parts[2]], {})[statistic] = number * MILLI
    counts = {
        "queries": told.get("completed"),
        "errors": told.get("failed"),
        "generated_tokens": told.get("total_output_tokens"),
        "prompt_tokens": told.get("total_input_tokens"),
    }
    tool = "vllm bench serve" if "backend" in told and "num_prompts" in told else "bench_serving"
    return ClientResult(tool, _numbers(counts), finite(told.get("duration")), latency)


_AIPERF_TIMES = {
    "time_to_first_token": "time_to_first_token",
    "inter_token_latency": "inter_token_latency",
    "request_latency": "latency",
}
_PER_SECOND = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9, "s": 1.0, "sec": 1.0, "seconds": 1.0}


def _of_aiperf(told: Json) -> ClientResult | None:
    """`profile_export_aiperf.json`, and genai-perf's, whose form it has."""
    if not isinstance(told.get("request_throughput"), Mapping) or "request_latency" not in told:
        return None
    latency = {}
    for theirs, ours in _AIPERF_TIMES.items():
        found = told.get(theirs)
        factor = _PER_SECOND.get(str(found.get("unit"))) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and factor is not None:
            keys = {
                "mean_s": "avg",
                "min_s": "min",
                "max_s": "max",
                **{f"p{n}_s": f"p{n}" for n in (50, 90, 95, 99)},
            }
            latency[ours] = {
                name: number * factor
                for name, key in keys.items()
                if (number := finite(found.get(key))) is not None
            }
    queries = _average(told, "request_count")
    counts = {
        "queries": queries,
        "errors": _average(told, "error_request_count"),
        "generated_tokens": _average(told, "total_output_tokens")
        or _of_each(told, "output_sequence_length", queries),
        "prompt_tokens": _average(told, "total_isl") or _of_each(told, "input_sequence_length", queries),
    }
    tool = "AIPerf" if "benchmark_duration" in told or "schema_version" in told else "genai-perf"
    duration = told.get("benchmark_duration")
    factor = _PER_SECOND.get(str(duration.get("unit")), 1.0) if isinstance(duration, Mapping) else 1.0
    took = _average(told, "benchmark_duration")
    return ClientResult(tool, _numbers(counts), None if took is None else took * factor, latency)


def _average(told: Json, key: str) -> float | None:
    found = told.get(key)
    return finite(found.get("avg")) if isinstance(found, Mapping) else None


def _of_each(told: Json, key: str, queries: float | None) -> float | None:
    """A sum: told, else the mean times the number."""
    found = told.get(key)
    if not isinstance(found, Mapping):
        return None
    total, mean = finite(found.get("sum")), finite(found.get("avg"))
    if total is not None or mean is None or queries is None:
        return total
    return float(round(mean * queries))


def _of_trtllm(told: Json) -> ClientResult | None:
    """`trtllm-bench throughput --report_json`."""
    performance, request = told.get("performance"), told.get("request_info")
    if not isinstance(performance, Mapping) or "request_throughput_req_s" not in performance:
        return None
    took_s = _scaled(performance.get("total_latency_ms"), MILLI)
    info = request if isinstance(request, Mapping) else {}
    queries = finite(info.get("num_requests"))
    outputs = finite(info.get("avg_num_output_tokens") or info.get("avg_output_length"))
    inputs = finite(info.get("avg_num_input_tokens") or info.get("avg_input_length"))
    counts = {
        "queries": queries,
        "generated_tokens": None if queries is None or outputs is None else float(round(queries * outputs)),
        "prompt_tokens": None if queries is None or inputs is None else float(round(queries * inputs)),
    }
    return ClientResult("trtllm-bench", _numbers(counts), took_s, _times_of_trtllm(told))


_TRTLLM_TIMES = (
    ("performance", "request_latency_percentiles_ms", "latency"),
    ("streaming_metrics", "ttft_percentiles", "time_to_first_token"),
    ("streaming_metrics", "tpot_percentiles", "time_per_output_token"),
)
_TRTLLM_STATISTICS = {"average": "mean_s", "minimum": "min_s", "maximum": "max_s"}
"""Its percentiles have the names of ours, `p50` to `p99`; all are in ms."""


def _times_of_trtllm(told: Json) -> dict[str, dict[str, float]]:
    latency = {}
    for part, key, name in _TRTLLM_TIMES:
        section = told.get(part)
        found = section.get(key) if isinstance(section, Mapping) else None
        statistics = found.items() if isinstance(found, Mapping) else ()
        ours = {_TRTLLM_STATISTICS.get(str(one), f"{one}_s"): finite(value) for one, value in statistics}
        known = {one: value * MILLI for one, value in ours.items() if value is not None and one in STATISTICS}
        if known:
            latency[name] = known
    return latency


def _is_llama_bench(told: Sequence[Any]) -> bool:
    return bool(told) and all(
        isinstance(one, dict) and {"avg_ts", "n_gen", "n_prompt"} <= one.keys() for one in told
    )


def _of_llama_bench(told: Json) -> ClientResult | None:
    """`llama-bench -o json`: tokens of all repetitions of all its tests; warm-ups are not told."""
    runs = told.get("runs")
    if not isinstance(runs, list) or not _is_llama_bench(runs):
        return None
    generated = prompted = took_ns = 0.0
    for run in runs:
        samples = run.get("samples_ns")
        times = len(samples) if isinstance(samples, list) else 1
        generated += times * (finite(run.get("n_gen")) or 0.0)
        prompted += times * (finite(run.get("n_prompt")) or 0.0)
        took_ns += times * (finite(run.get("avg_ns")) or 0.0)
    counts = {"generated_tokens": generated or None, "prompt_tokens": prompted or None}
    return ClientResult("llama-bench", _numbers(counts), took_ns * 1e-9 or None)


# -- text


def _of_locust(text: str) -> ClientResult | None:
    """`locust --csv PREFIX`: PREFIX_stats.csv, its row of everything."""
    if not text.startswith("Type,Name,Request Count"):
        return None
    row = next((row for row in csv.DictReader(io.StringIO(text)) if row.get("Name") == "Aggregated"), None)
    if row is None:
        return None
    asked, failed = _number(row.get("Request Count")), _number(row.get("Failure Count"))
    keys = {
        "mean_s": "Average Response Time",
        "min_s": "Min Response Time",
        "max_s": "Max Response Time",
        **{f"p{n}_s": f"{n}%" for n in (50, 90, 95, 99)},
    }
    latency = {
        name: value * MILLI for name, key in keys.items() if (value := _number(row.get(key))) is not None
    }
    per_s = _number(row.get("Requests/s"))
    counts = {"queries": None if asked is None else asked - (failed or 0.0), "errors": failed}
    took_s = asked / per_s if asked and per_s else None
    return ClientResult("locust", _numbers(counts), took_s, {"latency": latency})


def _of_wrk(text: str) -> ClientResult | None:
    """What wrk prints: `12345 requests in 10.00s, 1.5MB read`; errors of sockets and other answers."""
    asked = re.search(r"^\s*(\d+) requests in ([\d.]+)(us|ms|s|m|h),", text, re.MULTILINE)
    if asked is None or "Requests/sec:" not in text:
        return None
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    wrong = int(bad[1]) if bad else 0
    failed = wrong + (sum(map(int, sockets.groups())) if sockets else 0)
    latency = {}
    mean = re.search(rf"^\s*Latency\s+{_TIME}\s", text, re.MULTILINE)
    if mean:
        latency["mean_s"] = _seconds(mean[1], mean[2])
    for share, number, unit in re.findall(rf"^\s*(50|90|99)%\s+{_TIME}\s*$", text, re.MULTILINE):
        latency[f"p{share}_s"] = _seconds(number, unit)
    counts = {"queries": float(int(asked[1]) - wrong), "errors": float(failed)}
    return ClientResult("wrk", _numbers(counts), _seconds(asked[2], asked[3]), {"latency": latency})


_TIME = r"([\d.]+)(us|ms|s|m|h)"
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _seconds(number: str, unit: str) -> float:
    return float(number) * _UNITS[unit]


def _of_hey(text: str) -> ClientResult | None:
    """What hey prints: a table of status codes, which alone tells what was answered."""
    if "Status code distribution:" not in text and "Error distribution:" not in text:
        return None
    codes = {int(code): int(n) for code, n in re.findall(r"\[(\d{3})\]\s+(\d+) responses", text)}
    broken = sum(
        int(n)
        for n in re.findall(r"^\s*\[(\d+)\]\s+\D", text.partition("Error distribution:")[2], re.MULTILINE)
    )
    fine = sum(n for code, n in codes.items() if code < 400)
    latency: dict[str, float] = {}
    for name, words in {"mean_s": "Average", "min_s": "Fastest", "max_s": "Slowest"}.items():
        found = re.search(rf"{words}:\s+([\d.]+) secs", text)
        if found:
            latency[name] = float(found[1])
    for share, number in re.findall(r"(50|90|95|99)% in ([\d.]+) secs", text):
        latency[f"p{share}_s"] = float(number)
    total = re.search(r"Total:\s+([\d.]+) secs", text)
    counts = {"queries": float(fine), "errors": float(sum(codes.values()) - fine + broken)}
    return ClientResult("hey", _numbers(counts), float(total[1]) if total else None, {"latency": latency})


# -- numbers


def _numbers(counts: Mapping[str, Any]) -> dict[str, float]:
    """What is told, as whole numbers where it is whole."""
    found = {name: finite(value) for name, value in counts.items()}
    return {
        name: int(value) if value.is_integer() else value
        for name, value in found.items()
        if value is not None and value >= 0.0
    }


def _number(text: str | None) -> float | None:
    try:
        return finite(float(text or ""))
    except ValueError:
        return None


def _scaled(value: Any, factor: float) -> float | None:
    number = finite(value)
    return None if number is None else number * factor
