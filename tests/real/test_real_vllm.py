"""vLLM on processors, asked by its own benchmark, by Locust and by AIPerf: what they counted beside ours."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real.comparing import Comparison, bucket_edges
from real.places import PROGRAMS, Place, place, vllm
from real.processes import answering, fetched, free_ports, server
from real.running import Run, joined, watched

pytestmark = pytest.mark.real

VARIABLES = {
    "VLLM_TARGET_DEVICE": "cpu",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
"""One thread, for a server that takes all cores keeps its clients from seeing what it sent."""
RANDOM = ("--dataset-name", "random", "--random-input-len", "900", "--random-output-len", "24")
COUNTS = {
    "queries": "completed",
    "prompt_tokens": "total_input_tokens",
    "generated_tokens": "total_output_tokens",
}
TIMES = {
    "time_to_first_token": ("ttft", "vllm:time_to_first_token_seconds"),
    "inter_token_latency": ("itl", "vllm:inter_token_latency_seconds"),
    "latency": ("e2el", "vllm:e2e_request_latency_seconds"),
}
"""Our name of a timing, that of the benchmark, and the server's histogram."""
USERS, EACH = 3, 25
"""Of Locust, and how often each of them asks."""
SHORT, LONG = 4, 500
"""Generated tokens of queries that are far below the limit of a second, and far above it."""


@dataclass(frozen=True)
class Served:
    """A server that answers, and with what model."""

    place: Place
    url: str
    model: Path

    def page(self) -> str:
        return fetched(f"{self.url}/metrics") or ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found, where = vllm(), tmp_path_factory.mktemp("vllm")
    model, (port,) = where / "tiny", free_ports(1)
    subprocess.run([found.python, PROGRAMS / "tiny_hf.py", model], capture_output=True, check=True)
    options = (
        "--max-model-len",
        "1024",
        "--enforce-eager",
        "--dtype",
        "float32",
        "--no-enable-prefix-caching",
    )
    command = (found.program("vllm"), "serve", str(model), "--served-model-name", "tiny", *options)
    url = f"http://127.0.0.1:{port}"
    with server(
        *(*command, "--host", "127.0.0.1", "--port", str(port)),
        ready=answering(f"{url}/health"),
        log=where / "server.log",
        extra=VARIABLES,
    ):
        warm = Served(found, url, model)
        subprocess.run(
            [*asking(warm), *RANDOM, "--num-prompts", "24", "--max-concurrency", "8"],
            env={**os.environ, **VARIABLES},
            capture_output=True,
            check=True,
        )
        yield warm


def asking(served: Served) -> tuple[str, ...]:
    """The server's own benchmark."""
    to = ("--backend", "vllm", "--base-url", served.url, "--model", "tiny", "--ignore-eos")
    return (served.place.program("vllm"), "bench", "serve", *to, "--tokenizer", str(served.model))


def bench(served: Served, home: Path, *options: str, watch: tuple[str, ...] = ()) -> tuple[Run, Path]:
    """`vllm bench serve` under perfwatch, and the file that it left."""
    result = home / "bench.json"
    saving = ("--save-result", "--result-dir", str(home), "--result-filename", result.name)
    run = watched(
        *(*asking(served), *saving, "--percentile-metrics", "ttft,tpot,itl,e2el", *options),
        home=home,
        options=("-w", served.url, *watch),
        extra=VARIABLES,
    )
    return run, result


def test_counts_and_medians_of_its_own_benchmark(
    served: Served, tmp_path: Path, compared: Callable[[str], Comparison]
) -> None:
    run, result = bench(served, tmp_path, *RANDOM, "--num-prompts", "60", "--max-concurrency", "2")
    theirs, page = json.loads(result.read_text()), served.page()
    with compared(f"vLLM {served.place.version('vllm')}, vllm bench serve") as table:
        for ours, name in COUNTS.items():
            table.equal(ours, theirs[name], run.count(ours))
        for ours, (name, series) in TIMES.items():
            median_s = theirs[f"median_{name}_ms"] / 1000.0
            table.bucket(f"{ours}, p50, s", median_s, run.quantile(ours, "p50_s"), bucket_edges(page, series))
        compare_joined(table, joined(run, result), "vllm bench serve")


def compare_joined(table: Comparison, run: Run, tool: str) -> None:
    """`perfwatch import result`: the client's counts stand beside ours, and nothing disagrees."""
    (told,) = run.summary["client_results"]
    table.equal("import result: whose", tool, told["tool"])
    for name in ("queries", "generated_tokens", "prompt_tokens"):
        if name in told["work"]:
            table.equal(f"import result: {name}", told["work"][name], run.count(name))
    table.equal("import result: work-disagrees", False, "work-disagrees" in run.findings())


def test_its_count_of_good_queries_lies_within_ours(
    served: Served, tmp_path: Path, compared: Callable[[str], Comparison]
) -> None:
    """Half of them are far below the limit of a second, half far above: no clock's place decides."""
    asked = tmp_path / "asked.jsonl"
    lines = [
        json.dumps({"prompt": f"weigh {n}", "output_tokens": LONG if n % 2 else SHORT}) for n in range(40)
    ]
    asked.write_text("\n".join(lines) + "\n")
    run, result = bench(
        *(served, tmp_path, "--dataset-name", "custom", "--dataset-path", str(asked), "--skip-chat-template"),
        *("--custom-output-len", "-1", "--num-prompts", "40", "--max-concurrency", "8"),
        *("--goodput", "ttft:2500", "e2el:1000"),
        watch=("--slo", "ttft=2500ms,latency=1000ms"),
    )
    theirs, ours = json.loads(result.read_text()), run.whole["goodput"]
    with compared(f"vLLM {served.place.version('vllm')}, vllm bench serve --goodput") as table:
        good = round(theirs["request_goodput"] * theirs["duration"])
        table.equal("queries", theirs["completed"], ours["of"])
        assert 0 < good < len(lines), "the limit does not part them: the load is not what it was meant to be"
        table.inside("good queries", good, ours["at_least"], ours["at_most"])
        compare_joined(table, joined(run, result), "vllm bench serve")


def test_locust(served: Served, tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    """The server is found by itself (`-w auto`), by the job's connections to it."""
    locust = place("locust", "locust", "locust")
    body = {"model": "tiny", "prompt": "count the queries", "max_tokens": 16, "ignore_eos": True}
    asking = {"LOCUST_PATH": "/v1/completions", "LOCUST_BODY": json.dumps(body), "LOCUST_EACH": str(EACH)}
    users = ("--headless", "--users", str(USERS), "--spawn-rate", str(USERS), "--stop-timeout", "60")
    where = ("--host", served.url, "--csv", "asked")
    run = watched(
        *(locust.program("locust"), "-f", str(PROGRAMS / "locust_asks.py"), *users, *where),
        home=tmp_path,
        options=("-w", "auto"),
        extra=asking,
        directory=tmp_path,
    )
    joint = joined(run, tmp_path / "asked_stats.csv")
    (told,) = joint.summary["client_results"]
    median_s, edges = told["latency"]["latency"]["p50_s"], bucket_edges(served.page(), TIMES["latency"][1])
    with compared(f"vLLM, Locust {locust.version('locust')}, -w auto") as table:
        table.equal("queries", USERS * EACH, run.count("queries"))
        table.equal("generated_tokens, as asked for", USERS * EACH * 16, run.count("generated_tokens"))
        table.bucket("latency, p50, s", median_s, run.quantile("latency", "p50_s"), edges)
        compare_joined(table, joint, "locust")


def test_aiperf(served: Served, tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    """One query after another: its many processes would keep each other waiting on few cores.

    Even so tokens reach it late there, and many at once, so that its time to the first is a bound alone.
    """
    aiperf, left = place("aiperf", "aiperf", "aiperf"), tmp_path / "left"
    to = ("--model", "tiny", "--url", served.url, "--endpoint-type", "completions", "--streaming")
    load = ("--concurrency", "1", "--request-count", "25", "--synthetic-input-tokens-mean", "32")
    exact = ("--output-tokens-mean", "64", "--extra-inputs", "ignore_eos:true")
    where = ("--tokenizer", str(served.model), "--artifact-dir", str(left), "--ui", "none")
    run = watched(
        *(aiperf.program("aiperf"), "profile", *to, *load, *exact, *where),
        home=tmp_path / "home",
        options=("-w", served.url),
    )
    (file,) = left.rglob("profile_export_aiperf.json")
    theirs: dict[str, Any] = json.loads(file.read_text())
    joint, page = joined(run, file), served.page()
    with compared(f"vLLM, AIPerf {aiperf.version('aiperf')}") as table:
        table.equal("queries", theirs["request_count"]["avg"], run.count("queries"))
        first_s = theirs["time_to_first_token"]["p50"] / 1000.0
        table.not_above("time_to_first_token, p50, s", first_s, run.quantile("time_to_first_token", "p50_s"))
        median_s, edges = theirs["request_latency"]["p50"] / 1000.0, bucket_edges(page, TIMES["latency"][1])
        table.bucket("latency, p50, s", median_s, run.quantile("latency", "p50_s"), edges)
        compare_joined(table, joint, "AIPerf")
