"""The results of benchmark clients that are JSON.

Each reader knows one program's file by what stands in it. Sources: vllm/benchmarks/serve.py and
sglang/bench_serving.py (result dict); aiperf/common/models/export_models.py, whose form is genai-perf's;
tensorrt_llm/bench/dataclasses/reporting.py; llama.cpp tools/llama-bench; locust/stats.py
(StatsEntry.serialize).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perfwatch.imports.client_result import MILLI, STATISTICS, ClientResult, known_counts
from perfwatch.objectives import GOOD
from perfwatch.workload.training_log import finite

Json = Mapping[str, Any]

_LLAMA_BENCH = {"avg_ts", "n_gen", "n_prompt"}
_LOCUST = {"num_requests", "num_failures", "response_times"}
"""What each of several objects has that together are one result."""
_SHARES = {"p50_s": 0.5, "p90_s": 0.9, "p95_s": 0.95, "p99_s": 0.99}


def of_json(text: str) -> ClientResult | None:
    for told in _objects(text):
        for reader in (_of_bench_serving, _of_aiperf, _of_trtllm, _of_llama_bench, _of_locust):
            found = reader(told)
            if found is not None:
                return found
    return None


def _objects(text: str) -> Iterator[Json]:
    """The one that the file is. Of lines or of a list the last, for a file is written on; those of
    llama-bench are its tests, and locust's its addresses, which belong together.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = list(_lines(text))
    every = told if isinstance(told, list) else [told]
    for key, is_part in (("runs", _LLAMA_BENCH), ("addresses", _LOCUST)):
        if every and all(isinstance(one, dict) and is_part <= one.keys() for one in every):
            yield {key: every}
            return
    if every and isinstance(every[-1], dict):
        yield every[-1]


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
        GOOD: _whole(
            # Earlier versions wrote the colon of their table into the key.
            _first(told, "request_goodput", "request_goodput:"),
            finite(told.get("duration")),
        ),
    }
    tool = "vllm bench serve" if "backend" in told and "num_prompts" in told else "bench_serving"
    return ClientResult(tool, known_counts(counts), finite(told.get("duration")), latency)


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
        "generated_tokens": _known(
            _average(told, "total_output_tokens"), _of_each(told, "output_sequence_length", queries)
        ),
        "prompt_tokens": _known(
            _average(told, "total_isl"), _of_each(told, "input_sequence_length", queries)
        ),
        GOOD: _known(_average(told, "good_request_count"), _good_of_genai_perf(told, queries)),
    }
    tool = "AIPerf" if "benchmark_duration" in told or "schema_version" in told else "genai-perf"
    duration = told.get("benchmark_duration")
    factor = _PER_SECOND.get(str(duration.get("unit")), 1.0) if isinstance(duration, Mapping) else 1.0
    took = _average(told, "benchmark_duration")
    return ClientResult(tool, known_counts(counts), None if took is None else took * factor, latency)


def _good_of_genai_perf(told: Json, queries: float | None) -> float | None:
    """genai-perf tells no time: its good queries are as many of all as their rate is of that of all."""
    per_s, good_per_s = _average(told, "request_throughput"), _average(told, "request_goodput")
    return _whole(good_per_s, queries / per_s if queries is not None and per_s else None)


def _known(*values: float | None) -> float | None:
    """The first that is told; 0 is."""
    return next((value for value in values if value is not None), None)


def _first(told: Json, *keys: str) -> float | None:
    """The first of these keys that has a number."""
    return _known(*(finite(told.get(key)) for key in keys))


def _whole(per_s: float | None, took_s: float | None) -> float | None:
    """A count that is told as a rate alone."""
    return None if per_s is None or took_s is None else float(round(per_s * took_s))


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
    outputs = _first(info, "avg_num_output_tokens", "avg_output_length")
    inputs = _first(info, "avg_num_input_tokens", "avg_input_length")
    counts = {
        "queries": queries,
        "generated_tokens": None if queries is None or outputs is None else float(round(queries * outputs)),
        "prompt_tokens": None if queries is None or inputs is None else float(round(queries * inputs)),
    }
    return ClientResult("trtllm-bench", known_counts(counts), took_s, _times_of_trtllm(told))


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


def _of_llama_bench(told: Json) -> ClientResult | None:
    """`llama-bench -o json`: tokens of all repetitions of all its tests; warm-ups are not told."""
    runs = told.get("runs")
    if not isinstance(runs, list):
        return None
    generated = prompted = took_ns = 0.0
    for run in runs:
        samples = run.get("samples_ns")
        times = len(samples) if isinstance(samples, list) else 1
        generated += times * (finite(run.get("n_gen")) or 0.0)
        prompted += times * (finite(run.get("n_prompt")) or 0.0)
        took_ns += times * (finite(run.get("avg_ns")) or 0.0)
    counts = {"generated_tokens": generated or None, "prompt_tokens": prompted or None}
    return ClientResult("llama-bench", known_counts(counts), took_ns * 1e-9 or None)


def _of_locust(told: Json) -> ClientResult | None:
    """`locust --json-file`: of each address how many requests took how many (rounded) milliseconds."""
    addresses = told.get("addresses")
    if not isinstance(addresses, list):
        return None
    asked, failed, took_ms = (
        sum(finite(one.get(key)) or 0.0 for one in addresses)
        for key in ("num_requests", "num_failures", "total_response_time")
    )
    began, ended = (
        [at for one in addresses if (at := finite(one.get(key))) is not None]
        for key in ("start_time", "last_request_timestamp")
    )
    least, most = (
        [ms for one in addresses if (ms := finite(one.get(key))) is not None]
        for key in ("min_response_time", "max_response_time")
    )
    latency = {"mean_s": took_ms / asked * MILLI} if asked else {}
    latency |= {"min_s": min(least) * MILLI} if least else {}
    latency |= {"max_s": max(most) * MILLI} if most else {}
    latency |= _percentiles(_times_of_locust(addresses))
    took_s = max(ended) - min(began) if began and ended else None
    counts = {"queries": asked - failed, "errors": failed}
    return ClientResult("locust", known_counts(counts), took_s, {"latency": latency})


def _times_of_locust(addresses: Sequence[Json]) -> dict[float, float]:
    """How many requests took so many seconds."""
    times: dict[float, float] = {}
    for one in addresses:
        told = one.get("response_times")
        for text, count in told.items() if isinstance(told, Mapping) else ():
            number = finite(count)
            try:
                took_s = float(text) * MILLI
            except ValueError:
                continue
            if number is not None and number > 0.0:
                times[took_s] = times.get(took_s, 0.0) + number
    return times


def _percentiles(times: Mapping[float, float]) -> dict[str, float]:
    """Each the observation at its rank, as ours are."""
    total = sum(times.values())
    found: dict[str, float] = {}
    for name, share in _SHARES.items():
        seen = 0.0
        for took_s in sorted(times):
            seen += times[took_s]
            if seen >= share * total:
                found[name] = took_s
                break
    return found


def _scaled(value: Any, factor: float) -> float | None:
    number = finite(value)
    return None if number is None else number * factor
