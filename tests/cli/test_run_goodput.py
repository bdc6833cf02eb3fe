"""`--slo`: good queries of jobs that tell their timings in each of the ways that there are."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from commandline import PYTHON, perfwatch, sessions

sys.path.append(str(Path(__file__).parent.parent / "collectors"))
from serving import page, serving

BOTH = "latency=15ms,ttft=200ms"


def run(home: Path, slo: str, code: str, *options: str) -> dict[str, Any]:
    """The goodput of the whole job of a Python text."""
    done = perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "--json", "--slo", slo),
        *(*options, "--", PYTHON, "-c", code),
        home=home,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    column = summary if summary["window"]["kind"] == "job" else summary["also"]["job"]
    assert (summary["work"].get("good_queries") or {}).get("count") is not None
    return dict(column["goodput"])


TIMED = """
from perfwatch import client
for n in range(1000):
    {}
"""


@pytest.mark.parametrize(
    ("slo", "told", "good"),
    [
        ("latency=15ms", "client.timing('latency', 0.001 * (n % 20 + 1))", 750),
        ("latency=15ms", "client.query(latency=0.001 * (n % 20 + 1))", 750),
        (BOTH, "client.query(latency=0.001 * (n % 20 + 1), ttft=0.1 * (n % 2 + 1) + 0.05)", 400),
        ("itl=15ms", "client.query(itl=0.001 * (n % 20 + 1))", 750),
        ("render=15ms", "client.timing('render', 0.001 * (n % 20 + 1))", 750),
    ],
)
def test_the_client_counts_good_queries_exactly(tmp_path: Path, slo: str, told: str, good: int) -> None:
    found = run(tmp_path, slo, TIMED.format(told))
    assert (found["count"], found["of"], found["exact"]) == (good, 1000, True)


def test_forked_workers_add_up(tmp_path: Path) -> None:
    code = (
        "import os\nfrom perfwatch import client\n"
        "for worker in range(3):\n"
        "    if os.fork() == 0:\n"
        "        for n in range(100): client.query(latency=0.01 if n < 60 else 0.02)\n"
        "        client._finish(); os._exit(0)\n"
        "for worker in range(3): os.wait()\n"
    )
    found = run(tmp_path, "latency=15ms", code)
    assert (found["count"], found["of"]) == (180, 300)


def test_statsd_lines_of_another_client_are_judged_one_by_one(tmp_path: Path) -> None:
    code = (
        "import os, socket\n"
        "place = os.environ['PERFWATCH_STATSD']\n"
        "host, _, port = place.removeprefix('udp://').rpartition(':')\n"
        "out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for n in range(200): out.sendto(b'latency:%d|ms' % (n % 20 + 1), (host, int(port)))\n"
        "out.sendto(b'latency:3|ms|@0.1\\nlatency:30|ms|@0.1', (host, int(port)))\n"
    )
    found = run(tmp_path, "latency=15ms", code)
    assert (found["count"], found["of"], found["exact"]) == (160, 220, True)


PRINTS = "for n in range(40): print(f'done {n % 20 + 1} ms, first {100 + 200 * (n % 2)} ms', flush=True)"


@pytest.mark.parametrize(("slo", "good"), [("latency=15ms", 30), (BOTH, 16)])
def test_a_line_tells_all_timings_of_its_query(tmp_path: Path, slo: str, good: int) -> None:
    found = run(tmp_path, slo, PRINTS, "-w", "stdout=done {latency__ms} ms, first {ttft__ms} ms")
    assert (found["count"], found["of"], found["exact"]) == (good, 40, True)


@pytest.mark.parametrize(("slo", "good"), [("latency=15ms", 30), (BOTH, 16)])
def test_a_record_of_a_file_does_so_too(tmp_path: Path, slo: str, good: int) -> None:
    log = tmp_path / "queries.jsonl"
    code = (
        f"import json\nlog = open({str(log)!r}, 'a')\n"
        "for n in range(40):\n"
        "    told = {'took': n % 20 + 1, 'first': 100 + 200 * (n % 2)}\n"
        "    log.write(json.dumps(told) + '\\n'); log.flush()\n"
    )
    found = run(tmp_path, slo, code, "-w", f"jsonl={log}:latency__ms=took,ttft__ms=first")
    assert (found["count"], found["of"], found["exact"]) == (good, 40, True)


def test_a_servers_buckets_bound_it(tmp_path: Path) -> None:
    """Every page tells 100 queries more: 60 up to 0.1 s, 90 up to 0.5 s."""
    asked = [0]
    lock = threading.Lock()

    def answer(connection: Any) -> None:
        with lock:
            n = asked[0] = asked[0] + 100
        body = f"vllm:request_success_total {n}\n"
        for bound, part in (("0.1", 0.6), ("0.5", 0.9), ("+Inf", 1.0)):
            body += f'vllm:e2e_request_latency_seconds_bucket{{le="{bound}"}} {int(n * part)}\n'
        page(body + f"vllm:e2e_request_latency_seconds_sum {n * 0.2}\n")(connection)

    with serving(answer) as server:
        found = run(tmp_path, "latency=200ms", "import time; time.sleep(2.5)", "-w", server.url, "-i", "0.5")
        exact = perfwatch("summary", sessions(tmp_path)[0], "--slo", "latency=0.5s", "--json", home=tmp_path)
    assert found["of"] >= 100
    assert found["at_least"] == pytest.approx(0.6 * found["of"], abs=1)
    assert found["at_most"] == pytest.approx(0.9 * found["of"], abs=1)
    assert not found["exact"]
    again = json.loads(exact.stdout)["goodput"]
    assert again["at_least"] == again["at_most"] == pytest.approx(0.9 * again["of"], abs=1)


def test_the_config_may_hold_the_objectives_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    config = tmp_path / "perfwatch.toml"
    config.write_text('[run]\nslo = "latency=15ms"\n')
    code = TIMED.format("client.query(latency=0.001 * (n % 20 + 1))")
    done = perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "--config", str(config), "--json"),
        *("--", PYTHON, "-c", code),
        home=tmp_path,
    )
    assert json.loads(done.stdout)["goodput"]["slo"] == {"latency": 0.015}
    config.write_text('[run]\nslo = "latency=15"\n')
    done = perfwatch("run", "--config", str(config), "--", "true", home=tmp_path)
    assert done.returncode == 2
    assert f"slo in [run] of {config} latency=15: say its unit" in done.stderr


def test_a_limit_may_be_set_on_it(tmp_path: Path) -> None:
    code = TIMED.format("client.query(latency=0.001 * (n % 20 + 1))")
    done = perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "--slo", "latency=15ms"),
        *("--fail-on", "goodput.share_at_least < 0.9", "--", PYTHON, "-c", code),
        home=tmp_path,
    )
    assert done.returncode == 3
    assert "goodput.share_at_least < 0.9" in done.stderr


@pytest.mark.parametrize("number", ["Odd(0.5)", "True", "Decimal('0.5')"])
def test_a_number_by_another_name_is_one(tmp_path: Path, number: str) -> None:
    """As numpy's are: they write themselves in their own way."""
    code = (
        "from decimal import Decimal\n"
        "from perfwatch import client\n"
        "class Odd(float):\n"
        "    def __repr__(self): return f'odd.float({float(self)})'\n"
        "for n in range(10): client.timing('latency', 0.02)\n"
        f"client.timing('latency', {number})\n"
        "for n in range(10): client.timing('latency', 0.02)\n"
        "client.timing('latency', 'none')\n"
    )
    found = run(tmp_path, "latency=100ms", code)
    assert (found["count"], found["of"], found["exact"]) == (20, 21, True)


def test_a_job_that_counts_under_the_same_name_is_not_mixed_in(tmp_path: Path) -> None:
    code = TIMED.format("client.query(latency=0.001 * (n % 20 + 1)); client.count('good_queries')")
    found = run(tmp_path, "latency=15ms", code)
    assert (found["count"], found["of"], found["exact"]) == (750, 1000, True)


def test_what_failed_is_a_query_that_did_not_keep_to_it(tmp_path: Path) -> None:
    code = (
        "import contextlib\nfrom perfwatch import client\n"
        "for n in range(20):\n"
        "    with contextlib.suppress(ValueError), client.timed('latency', 'queries'):\n"
        "        if n % 2: raise ValueError\n"
    )
    found = run(tmp_path, "latency=1s", code)
    assert (found["count"], found["of"], found["share_at_most"]) == (10, 20, 0.5)


def test_a_forked_child_does_not_end_its_parents_phase(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom perfwatch import client\n"
        "with client.phase('measure'):\n"
        "    pid = os.fork()\n"
        "    if pid == 0: sys.exit(0)\n"
        "    os.waitpid(pid, 0)\n"
        "    for n in range(100): client.query(latency=0.01)\n"
        "    time.sleep(0.3)\n"
    )
    done = perfwatch(
        *("run", "--only", "simulated", "--no-collector", "simulated", "--json", "--", PYTHON, "-c", code),
        home=tmp_path,
    )
    told = json.loads(done.stdout)
    assert told["window"]["kind"] == "marks"
    assert told["work"]["queries"]["count"] == 100
