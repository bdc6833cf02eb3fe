"""Several servers on one host: each alone with its devices, and never both with all the power."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import command, environment
from fake_nvml import Constant, FakeDevice, FakeNvml

SERVER = """
import http.server, sys, threading, time
per_s, began = float(sys.argv[1]), time.monotonic()


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        n = int(per_s * (time.monotonic() - began))
        name = "vllm:generation_tokens_total"
        told = f'# TYPE {name} counter\\n{name}{{model="m"}} {n}\\n'
        for bound, count in (("0.1", n * (0.5 if per_s < 100 else 0.9)), ("+Inf", n)):
            told += f'vllm:e2e_request_latency_seconds_bucket{{le="{bound}"}} {int(count)}\\n'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True)
server.serve_forever()
"""

Serve = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that does so many tokens a second; the process and its address."""
    started = []

    def start(per_s: float, **variables: str) -> tuple[subprocess.Popen[str], str]:
        one = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(per_s)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(Path("/nonexistent"), variables),
        )
        started.append(one)
        assert one.stdout is not None
        return one, f"http://127.0.0.1:{one.stdout.readline().strip()}"

    yield start
    for one in started:
        one.kill()
        one.communicate()


def run(fake: FakeNvml, home: Path, urls: list[str]) -> tuple[dict[str, Any], str]:
    """The summary of some seconds beside these servers, as an object and as text."""
    named = [word for url in urls for word in ("-w", url)]
    log = home / "run.jsonl"
    done = subprocess.run(
        command(
            "run", "--only", "nvidia", "--json", "-o", str(log), "--force", *named, "--", "sleep", "3.5"
        ),
        env=environment(home, fake.env()), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = subprocess.run(
        command("summary", str(log)), env=environment(home), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), text.stdout


def test_each_of_two_servers_has_the_energy_of_its_own_devices(tmp_path: Path, serve: Serve) -> None:
    """100 W at 50 a second, and 400 W at 400: 0.5 and 1 a joule, 0.9 together."""
    slow, fast = serve(50.0), serve(400.0)
    with FakeNvml([FakeDevice(wave=Constant(watts)) for watts in (100.0, 150.0, 250.0, 700.0)]) as fake:
        fake.set_processes(0, [(slow[0].pid, 100.0, "compute")])
        for device in (1, 2):
            fake.set_processes(device, [(fast[0].pid, 100.0, "compute")])
        summary, text = run(fake, tmp_path, [slow[1], fast[1]])
    first, second = summary["by_server"]
    assert [one["devices"] for one in (first, second)] == [["nvidia:0"], ["nvidia:1", "nvidia:2"]]
    assert [one["shared"] for one in (first, second)] == [{}, {}]
    assert first["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(0.5, rel=0.05)
    assert second["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(1.0, rel=0.05)
    assert second["efficiency"]["generated_tokens"]["per_joule_error"] > 0.0
    assert summary["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(0.9, rel=0.05)
    assert summary["energy"]["joules"] == pytest.approx(first["joules"] + second["joules"])
    work = summary["work"]["generated_tokens"]["count"]
    assert work == pytest.approx(sum(one["work"]["generated_tokens"]["count"] for one in (first, second)))
    assert f"{first['name'].removeprefix('http://127.0.0.1').removesuffix('/metrics')} vLLM" in text
    assert "on nvidia:1, nvidia:2" in " ".join(text.split())


def test_servers_that_share_a_device_have_no_ratio_of_their_own(tmp_path: Path, serve: Serve) -> None:
    one, two = serve(50.0), serve(400.0)
    with FakeNvml([FakeDevice(wave=Constant(100.0)), FakeDevice(wave=Constant(100.0))]) as fake:
        fake.set_processes(0, [(one[0].pid, 100.0, "compute"), (two[0].pid, 100.0, "compute")])
        fake.set_processes(1, [(two[0].pid, 100.0, "compute")])
        summary, text = run(fake, tmp_path, [one[1], two[1]])
    first, second = summary["by_server"]
    assert first["shared"] == {"nvidia:0": [second["name"]]}
    assert second["shared"] == {"nvidia:0": [first["name"]]}
    for server in (first, second):
        assert server["joules"] is None
        assert server["efficiency"]["generated_tokens"]["per_joule"] is None
    assert summary["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(450.0 / 200.0, rel=0.05)
    assert "no ratio of its own: nvidia:0 is also used by :" in " ".join(text.split())


def test_where_no_process_is_seen_on_a_device_the_servers_environment_tells(
    tmp_path: Path, serve: Serve
) -> None:
    one = serve(50.0, CUDA_VISIBLE_DEVICES="1")
    two = serve(400.0, CUDA_VISIBLE_DEVICES="0")
    with FakeNvml([FakeDevice(wave=Constant(100.0)), FakeDevice(wave=Constant(300.0))]) as fake:
        summary, _ = run(fake, tmp_path, [one[1], two[1]])
    assert [server["devices"] for server in summary["by_server"]] == [["nvidia:1"], ["nvidia:0"]]


def test_one_server_is_the_run_itself(tmp_path: Path, serve: Serve) -> None:
    one = serve(50.0)
    with FakeNvml([FakeDevice(wave=Constant(100.0))]) as fake:
        fake.set_processes(0, [(one[0].pid, 100.0, "compute")])
        summary, _ = run(fake, tmp_path, [one[1]])
    assert summary["by_server"] == []


def test_a_server_whose_devices_are_not_seen_has_its_work_and_no_ratio(tmp_path: Path, serve: Serve) -> None:
    one, two = serve(50.0), serve(400.0)
    with FakeNvml([FakeDevice(wave=Constant(100.0)), FakeDevice(wave=Constant(100.0))]) as fake:
        fake.set_processes(1, [(two[0].pid, 100.0, "compute")])
        summary, text = run(fake, tmp_path, [one[1], two[1]])
    first, second = summary["by_server"]
    assert first["devices"] == []
    assert first["work"]["generated_tokens"]["rate_per_s"] == pytest.approx(50.0, rel=0.05)
    assert first["efficiency"]["generated_tokens"]["per_joule"] is None
    assert second["devices"] == ["nvidia:1"]
    assert "its devices were not seen" in " ".join(text.split())


def test_each_of_several_servers_has_its_own_share_of_good_queries(tmp_path: Path, serve: Serve) -> None:
    """A half of the queries of the slow one, and nine tenths of the other's, took 0.1 s at most."""
    slow, fast = serve(50.0), serve(400.0)
    with FakeNvml([FakeDevice(wave=Constant(100.0))]) as fake:
        run(fake, tmp_path, [slow[1], fast[1]])
    asked = command("summary", str(tmp_path / "run.jsonl"), "--slo", "latency=100ms")
    told = json.loads(subprocess.check_output([*asked, "--json"], env=environment(tmp_path), text=True))
    for server, share in zip(told["by_server"], (0.5, 0.9), strict=True):
        assert server["goodput"]["share_at_least"] == pytest.approx(share, abs=0.02)
        assert server["work"]["good_queries"]["count"] == pytest.approx(server["goodput"]["count"])
    assert told["goodput"]["count"] == pytest.approx(
        sum(one["goodput"]["count"] for one in told["by_server"])
    )
    text = " ".join(subprocess.check_output(asked, env=environment(tmp_path), text=True).split())
    shares = [int(share) for share in re.findall(r"(\d+) % good", text)]
    assert shares == [pytest.approx(50, abs=2), pytest.approx(90, abs=2)]
