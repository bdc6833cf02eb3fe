"""Servers of models of any kind: what a client counted and timed beside what their pages say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from real.comparing import Comparison, bucket_edges
from real.places import PROGRAMS, place
from real.processes import answering, fetched, free_ports, server
from real.running import Run, watched

pytestmark = pytest.mark.real

ASKED, TO_FAIL = 200, 7


def ask(tmp_path: Path, url: str, body: str, failing: str, page: str, moved: tuple[str, int]) -> Run:
    """A client of our own under perfwatch, which waits until the page tells all that it asked."""
    series, number = moved
    return watched(
        *(sys.executable, str(PROGRAMS / "ask.py"), url, body, str(ASKED), "--fail", failing, str(TO_FAIL)),
        *("--until", page, series, str(number)),
        home=tmp_path / "home",
        options=("-w", page),
    )


def compare(table: Comparison, run: Run, edges: list[float]) -> None:
    """Answers, failures, and the time that an answer took.

    MLServer's page has no buckets but a mean. Ray's sums are made of the middles of its buckets, so its mean
    is none.
    """
    theirs = json.loads(run.printed.splitlines()[-1])
    assert (theirs["answered"], theirs["failed"]) == (ASKED, TO_FAIL)
    table.equal("queries", theirs["answered"], run.count("queries"))
    table.equal("errors", theirs["failed"], run.count("errors"))
    if edges:
        table.bucket("latency, p50, s", theirs["p50_s"], run.quantile("latency", "p50_s"), edges)
    else:
        table.not_above("latency, mean, s", theirs["mean_s"], run.quantile("latency", "mean_s"))


def warm_up(url: str, page: str, series: str) -> None:
    """Ray's page has no counter of Serve's before some seconds after the first query."""
    command = (sys.executable, str(PROGRAMS / "ask.py"), url, '{"n": 100}', "3", "--until", page, series, "3")
    subprocess.run(command, capture_output=True, check=True)


def test_ray_serve(tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    ray, (port, metrics_port) = place("ray", "ray", "ray[serve]"), free_ports(2)
    log, page = tmp_path / "server.log", f"http://127.0.0.1:{metrics_port}/metrics"
    with server(
        *(ray.python, str(PROGRAMS / "ray_app.py"), str(port), str(metrics_port)),
        ready=lambda: "serving" in log.read_text(errors="replace").split() and fetched(page) is not None,
        log=log,
        extra={"RAY_USAGE_STATS_ENABLED": "0"},
    ):
        url, series = f"http://127.0.0.1:{port}/", ("ray_serve_num_http_requests_total", ASKED + TO_FAIL)
        warm_up(url, page, series[0])
        run = ask(tmp_path, url, '{"n": 100}', '{"n": -1}', page, series)
        edges = bucket_edges(fetched(page) or "", "ray_serve_http_request_latency_ms", per_second=1000.0)
    with compared(f"Ray Serve {ray.version('ray')}") as table:
        compare(table, run, edges)


def test_bentoml(tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    bentoml, (port,) = place("bentoml", "bentoml", "bentoml", "numpy"), free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with server(
        *(bentoml.program("bentoml"), "serve", "bento_app:Adder", "--host", "127.0.0.1", "-p", str(port)),
        ready=answering(f"{url}/readyz"),
        log=tmp_path / "server.log",
        extra={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path / "bentoml")},
        directory=PROGRAMS,
    ):
        series = ("bentoml_service_request_total", ASKED + TO_FAIL)
        run = ask(tmp_path, f"{url}/predict", '{"n": 100}', '{"n": -1}', f"{url}/metrics", series)
        edges = bucket_edges(fetched(f"{url}/metrics") or "", "bentoml_service_request_duration_seconds")
    with compared(f"BentoML {bentoml.version('bentoml')}") as table:
        compare(table, run, edges)


def test_mlserver(tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    mlserver, (port, grpc_port, metrics_port) = place("mlserver", "mlserver", "mlserver"), free_ports(3)
    ports = {"http_port": port, "grpc_port": grpc_port, "metrics_port": metrics_port}
    settings = {**ports, "host": "127.0.0.1", "parallel_workers": 0}
    model = {"name": "adder", "implementation": "mlserver_app.Adder"}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    (tmp_path / "model-settings.json").write_text(json.dumps(model))
    url, page = f"http://127.0.0.1:{port}/v2", f"http://127.0.0.1:{metrics_port}/metrics"
    with server(
        *(mlserver.program("mlserver"), "start", str(tmp_path)),
        ready=answering(f"{url}/models/adder/ready"),
        log=tmp_path / "server.log",
        extra={"PYTHONPATH": str(PROGRAMS)},
        directory=tmp_path,
    ):
        series = ("model_infer_request_success_total", ASKED)
        run = ask(tmp_path, f"{url}/models/adder/infer", number(100), number(-1), page, series)
    with compared(f"MLServer {mlserver.version('mlserver')}") as table:
        compare(table, run, edges=[])


def number(n: int) -> str:
    """A question for it in the protocol of MLServer."""
    return json.dumps({"inputs": [{"name": "n", "shape": [1], "datatype": "INT64", "data": [n]}]})
