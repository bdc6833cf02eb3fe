"""`perfwatch import result`: a client's own counts and percentiles beside ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commandline import PYTHON, perfwatch

from perfwatch.errors import SessionError
from perfwatch.imports.clients import read

DATA = Path(__file__).resolve().parents[1] / "data/clients"
JOB = "import time\nfor n in range(60): print('done', flush=True); time.sleep(0.02)"

AIPERF = {
    "schema_version": "1.4",
    "request_count": {"unit": "requests", "avg": 20},
    "error_request_count": {"unit": "requests", "avg": 2},
    "request_throughput": {"unit": "requests/sec", "avg": 4.0},
    "request_latency": {"unit": "ms", "avg": 250.0, "p50": 240.0, "p99": 400.0, "min": 200, "max": 410},
    "time_to_first_token": {"unit": "ms", "avg": 31.5, "p50": 30.0},
    "output_sequence_length": {"unit": "tokens", "avg": 24.0, "sum": 480},
    "input_sequence_length": {"unit": "tokens", "avg": 32.05},
    "benchmark_duration": {"unit": "sec", "avg": 5.0},
}
GENAI_PERF = {
    "request_throughput": {"unit": "requests/sec", "avg": 4.0},
    "request_latency": {"unit": "ms", "avg": 250.0},
    "request_count": {"unit": "count", "avg": 20},
    "output_sequence_length": {"unit": "tokens", "avg": 24.0},
}
SGLANG = {
    "completed": 10,
    "request_throughput": 2.0,
    "duration": 5.0,
    "total_input_tokens": 320,
    "total_output_tokens": 240,
    "mean_e2e_latency_ms": 400.0,
    "median_ttft_ms": 30.0,
}
TRTLLM = {
    "engine": {},
    "request_info": {"num_requests": 100, "avg_num_output_tokens": 128.0, "avg_num_input_tokens": 64.0},
    "performance": {
        "request_throughput_req_s": 10.0,
        "total_latency_ms": 10_000.0,
        "request_latency_percentiles_ms": {"p50": 800.0, "p99": 1200.0, "average": 810.0, "maximum": 1300.0},
    },
    "streaming_metrics": {"ttft_percentiles": {"p50": 40.0, "p95": 60.0}, "tpot_percentiles": {"p50": 6.0}},
}
LLAMA = [
    {"n_prompt": 512, "n_gen": 0, "avg_ns": 1e9, "avg_ts": 512.0, "samples_ns": [1e9] * 5},
    {"n_prompt": 0, "n_gen": 128, "avg_ns": 2e9, "avg_ts": 64.0, "samples_ns": [2e9] * 5},
]
WRK = """Running 10s test @ http://127.0.0.1:8000/
  2 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.25ms  120.00us   9.00ms   90.00%
    Req/Sec     1.50k   100.00     1.70k    70.00%
  Latency Distribution
     50%    1.20ms
     75%    1.30ms
     90%    1.50ms
     99%    2.50ms
  30000 requests in 10.05s, 4.50MB read
  Socket errors: connect 0, read 3, write 0, timeout 2
  Non-2xx or 3xx responses: 100
Requests/sec:   2985.07
Transfer/sec:    458.50KB
"""
HEY = """
Summary:
  Total:\t2.0000 secs
  Slowest:\t0.0500 secs
  Fastest:\t0.0010 secs
  Average:\t0.0100 secs
  Requests/sec:\t75.5

Latency distribution:
  50% in 0.0090 secs
  99% in 0.0400 secs

Status code distribution:
  [200]\t140 responses
  [500]\t10 responses

Error distribution:
  [1]\tGet "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused
"""


@pytest.mark.parametrize(
    ("content", "tool", "work", "duration_s"),
    [
        (AIPERF, "AIPerf", (20, 2, 480, 641), 5.0),
        (GENAI_PERF, "genai-perf", (20, None, 480, None), None),
        (SGLANG, "bench_serving", (10, None, 240, 320), 5.0),
        (TRTLLM, "trtllm-bench", (100, None, 12_800, 6400), 10.0),
        (LLAMA, "llama-bench", (None, None, 640, 2560), 15.0),
        (WRK, "wrk", (29_900, 105, None, None), 10.05),
        (HEY, "hey", (140, 11, None, None), 2.0),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 20 else "",
)
def test_what_each_client_wrote_is_understood(
    tmp_path: Path, content: Any, tool: str, work: tuple[float | None, ...], duration_s: float | None
) -> None:
    file = tmp_path / "result"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    found = read(file)
    names = ("queries", "errors", "generated_tokens", "prompt_tokens")
    assert found.tool == tool
    assert found.duration_s == (None if duration_s is None else pytest.approx(duration_s))
    assert found.work == {name: n for name, n in zip(names, work, strict=True) if n is not None}


def test_percentiles_are_in_seconds_under_our_names(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(AIPERF))
    found = read(file).latency
    assert found["time_to_first_token"] == {"mean_s": 0.0315, "p50_s": 0.03}
    assert found["latency"]["p99_s"] == pytest.approx(0.4)
    file.write_text(WRK)
    assert read(file).latency["latency"] == pytest.approx(
        {"mean_s": 0.00125, "p50_s": 0.0012, "p90_s": 0.0015, "p99_s": 0.0025}
    )


def test_a_clients_own_good_queries_are_told(tmp_path: Path) -> None:
    file = tmp_path / "result"
    file.write_text(json.dumps({**SGLANG, "request_goodput": 1.4}))
    assert read(file).work["good_queries"] == 7
    file.write_text(json.dumps({**SGLANG, "request_goodput:": 1.2}))
    assert read(file).work["good_queries"] == 6
    file.write_text(json.dumps({**SGLANG, "request_goodput": None}))
    assert "good_queries" not in read(file).work
    file.write_text(json.dumps({**AIPERF, "good_request_count": {"unit": "requests", "avg": 17}}))
    assert read(file).work["good_queries"] == 17


@pytest.mark.parametrize(
    ("told", "good"),
    [
        ({**SGLANG, "request_goodput": 0.0}, 0),
        ({**SGLANG, "request_goodput": 0.0, "request_goodput:": 1.2}, 0),
        ({**GENAI_PERF, "request_goodput": {"unit": "requests/sec", "avg": 3.0}}, 15),
        ({**GENAI_PERF, "request_goodput": {"unit": "requests/sec", "avg": 0.0}}, 0),
        ({**AIPERF, "good_request_count": {"unit": "requests", "avg": 0}}, 0),
    ],
)
def test_no_good_query_is_told_as_none_was_and_rates_alone_are_made_counts(
    tmp_path: Path, told: dict[str, Any], good: int
) -> None:
    file = tmp_path / "result"
    file.write_text(json.dumps(told))
    assert read(file).work["good_queries"] == good


def test_no_tokens_at_all_are_none(tmp_path: Path) -> None:
    file = tmp_path / "result"
    none = {**TRTLLM["request_info"], "avg_num_output_tokens": 0, "avg_output_length": 7}  # type: ignore[dict-item]
    file.write_text(json.dumps({**TRTLLM, "request_info": none}))
    assert read(file).work["generated_tokens"] == 0
    file.write_text(json.dumps({**AIPERF, "total_output_tokens": {"unit": "tokens", "avg": 0.0}}))
    assert read(file).work["generated_tokens"] == 0


def test_the_percentiles_of_wrk2_are_read(tmp_path: Path) -> None:
    file = tmp_path / "result"
    file.write_text(
        WRK.replace("Latency Distribution", "Latency Distribution (HdrHistogram - Recorded Latency)")
        .replace("     50%    1.20ms\n     75%    1.30ms\n     90%    1.50ms\n     99%    2.50ms\n", "")
        .replace(
            "Latency)\n",
            "Latency)\n 50.000%    1.20ms\n 75.000%    1.30ms\n 90.000%    1.50ms\n 99.000%    2.50ms\n"
            " 99.900%    4.00ms\n100.000%    9.00ms\n\n",
        )
    )
    assert read(file).latency["latency"] == pytest.approx(
        {"mean_s": 0.00125, "p50_s": 0.0012, "p90_s": 0.0015, "p99_s": 0.0025, "max_s": 0.009}
    )


def test_real_files_are_read() -> None:
    bench = read(DATA / "vllm-bench-0.32.json")
    assert bench.tool == "vllm bench serve"
    assert bench.work == {"queries": 60, "errors": 0, "generated_tokens": 1440, "prompt_tokens": 1942}
    assert bench.latency["time_to_first_token"]["p50_s"] == pytest.approx(0.035352, rel=1e-4)
    locust = read(DATA / "locust-2.47_stats.csv")
    assert (locust.tool, locust.work) == ("locust", {"queries": 58, "errors": 0})
    assert locust.latency["latency"]["p99_s"] == pytest.approx(0.97)
    assert locust.duration_s == pytest.approx(4.95, abs=0.01)


def test_the_json_of_locust_adds_up_its_addresses() -> None:
    whole = read(DATA / "locust-2.47.json")
    assert (whole.tool, whole.work) == ("locust", {"queries": 201, "errors": 71})
    assert whole.duration_s == pytest.approx(4.844, abs=0.001)
    latency = whole.latency["latency"]
    assert latency["mean_s"] == pytest.approx((528.0057 + 248.5656) / 272 / 1000, rel=1e-6)
    assert (latency["min_s"], latency["max_s"]) == pytest.approx((0.00103364, 0.03117947), rel=1e-5)
    shown = {name: value for name, value in latency.items() if name.startswith("p")}
    assert shown == pytest.approx({"p50_s": 0.002, "p90_s": 0.004, "p95_s": 0.004, "p99_s": 0.02})


def test_of_lines_the_last_counts(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("".join(json.dumps({**SGLANG, "completed": n}) + "\n" for n in (5, 7)) + '{"torn')
    assert read(file).work["queries"] == 7


NO_RESULTS = (
    "", "{}", "[]", "null", "[1, 2]", '{"completed": 1}', "no result", "[" * 100_000, "\x00\xff",
    '{"request_throughput": {}, "request_latency": 3}', "Type,Name,Request Count\n",
    '{"completed": "x", "request_throughput": 1}',
    '[{"num_requests": 0, "num_failures": 0, "response_times": {"x": "y"}}]' * 2,
)  # fmt: skip


@pytest.mark.parametrize("content", NO_RESULTS)
def test_what_is_no_result_is_one_sentence(tmp_path: Path, content: str) -> None:
    file = tmp_path / "result.json"
    file.write_text(content)
    with pytest.raises(SessionError, match="it is no result of a client that is known"):
        read(file)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A home with one run, of sixty queries."""
    done = perfwatch(
        "run", "--only", "simulated", "--no-collector", "simulated", "-w", "stdout=done",
        "--", PYTHON, "-c", JOB, home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tmp_path


def summary(home: Path, word: str = "last") -> dict[str, Any]:
    done = perfwatch("summary", word, "--json", home=home)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def result(home: Path, queries: int) -> Path:
    file = home / "bench.json"
    file.write_text(json.dumps({**SGLANG, "completed": queries}) + "\n")
    return file


def test_it_joins_the_newest_run_and_stands_in_its_summary(recorded: Path) -> None:
    before = summary(recorded)
    assert before["client_results"] == []
    done = perfwatch("import", "result", str(result(recorded, 60)), home=recorded)
    assert done.returncode == 0, done.stderr
    assert "bench_serving counted 60 queries" in done.stderr
    after = summary(recorded)
    (told,) = after["client_results"]
    assert (told["tool"], told["file"], told["work"]["queries"]) == ("bench_serving", "bench.json", 60)
    for key in ("session", "window", "work", "energy", "also"):
        assert after[key] == before[key]
    text = perfwatch("summary", "last", home=recorded).stdout
    assert "bench_serving" in text
    assert "it counted 60 queries" in " ".join(text.split())


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.zst"])
def test_a_file_that_was_cut_off_takes_it_too_and_keeps_its_mode(tmp_path: Path, name: str) -> None:
    log = tmp_path / name
    options = ("run", "--only", "simulated", "--no-collector", "simulated", "-q")
    done = perfwatch(*options, "-o", str(log), "-w", "stdout=done", "--", PYTHON, "-c", JOB, home=tmp_path)
    assert done.returncode == 0, done.stderr
    whole = summary(tmp_path, str(log))["work"]["lines"]["count"]
    with log.open("ab") as stream:
        stream.write(b'{"t": 99, "ev' if name.endswith("l") else b"\x28\xb5\x2f\xfdtorn")
    log.chmod(0o640)
    done = perfwatch("import", "result", str(result(tmp_path, 60)), "--into", str(log), home=tmp_path)
    assert done.returncode == 0, done.stderr
    told = summary(tmp_path, str(log))
    assert told["work"]["lines"]["count"] == whole
    assert len(told["client_results"]) == 1
    assert log.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".run")] == []


def test_counts_that_disagree_are_a_finding(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    job = (
        "from perfwatch import client\nimport time\n"
        "for _ in range(60): client.count('queries'); time.sleep(0.02)"
    )
    done = perfwatch(
        "run", "--only", "simulated", "--no-collector", "simulated", "-q", "-o", str(log),
        "--", PYTHON, "-c", job, home=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for queries, disagrees in ((60, False), (50, True)):
        perfwatch("import", "result", str(result(tmp_path, queries)), "--into", str(log), home=tmp_path)
        told = summary(tmp_path, str(log))
        messages = [one["message"] for one in told["quality"] if one["code"] == "work-disagrees"]
        assert bool(messages) is disagrees
    assert "bench_serving counted 110 queries of its own and we 60 in the whole job" in messages[0]


@pytest.mark.parametrize(
    ("words", "says", "status"),
    [
        (("import", "result", "no-such-file"), "cannot read no-such-file: no such file or directory", 1),
        (("import", "result", "RESULT", "--into", "nowhere"), "no recorded run called 'nowhere'", 1),
        (("import", "result", "RESULT", "--into", "-"), "it is no file", 1),
        (("import", "result", "RESULT", "-o", "x.jsonl"), "--output is not for import result", 2),
        (("import", "mllog", "RESULT", "--into", "last"), "--into is for import result", 2),
        (("import", "result", "RESULT", "--into", "RESULT"), "is not a perfwatch session", 1),
    ],
)
def test_what_cannot_be_joined_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], says: str, status: int
) -> None:
    file = str(result(tmp_path, 60))
    done = perfwatch(*(file if word == "RESULT" else word for word in words), home=tmp_path)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_percentiles_of_trtllm_bench_and_the_tests_of_llama_bench_in_lines_are_read(
    tmp_path: Path,
) -> None:
    file = tmp_path / "result"
    file.write_text(json.dumps(TRTLLM))
    assert read(file).latency == {
        "latency": {"p50_s": 0.8, "p99_s": 1.2, "mean_s": 0.81, "max_s": 1.3},
        "time_to_first_token": {"p50_s": 0.04, "p95_s": 0.06},
        "time_per_output_token": {"p50_s": 0.006},
    }
    file.write_text("".join(f"{json.dumps(one)}\n" for one in LLAMA))
    assert read(file).work == {"generated_tokens": 640, "prompt_tokens": 2560}


def test_a_result_is_joined_once(tmp_path: Path) -> None:
    log, result = tmp_path / "run.jsonl", tmp_path / "result.json"
    perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "-o", str(log), "--", "true"),
        home=tmp_path,
    )
    result.write_text(json.dumps(SGLANG))
    first, again = (
        perfwatch("import", "result", str(result), "--into", str(log), home=tmp_path) for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert (again.returncode, "this result is in it already" in again.stderr) == (2, True)


def test_the_same_counts_of_one_client_are_one_result_whatever_its_file_is_called(tmp_path: Path) -> None:
    """Another name, and another form: locust writes JSON and CSV of one run."""
    log = str(tmp_path / "run.jsonl")
    perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "-o", log, "--", "true"), home=tmp_path
    )
    table = tmp_path / "stats.csv"
    told = read(DATA / "locust-2.47.json").work
    asked = told["queries"] + told["errors"]
    table.write_text(
        "Type,Name,Request Count,Failure Count,Average Response Time,Requests/s\n"
        f",Aggregated,{asked},{told['errors']},10.0,5.0\n"
    )
    names = (str(DATA / "locust-2.47.json"), str(table))
    first, again = (perfwatch("import", "result", name, "--into", log, home=tmp_path) for name in names)
    assert first.returncode == 0, first.stderr
    assert again.returncode == 2
    assert "this result is in it already, from locust-2.47.json (the same counts of locust)" in again.stderr
    assert len(summary(tmp_path, log)["client_results"]) == 1
    forced = perfwatch("import", "result", names[1], "--into", log, "--force", home=tmp_path)
    assert forced.returncode == 0, forced.stderr
    assert len(summary(tmp_path, log)["client_results"]) == 2
