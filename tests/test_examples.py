"""Does the example run, and do perfwatch's figures agree with those of whoever asks the questions?"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from fake_nvml import FakeNvml

ROOT = Path(__file__).resolve().parent.parent


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_example(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "examples/run_example.py", "--seconds", "2", *arguments],
        cwd=ROOT,
        env={**environment, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )


def count_line(output: str) -> list[str]:
    (line,) = [line for line in output.splitlines() if line.startswith("queries ")]
    return line.split()


def test_the_plain_loop_and_perfwatch_agree(tmp_path: Path) -> None:
    done = run_example(tmp_path, "--plain", "--tdp", "65")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a plain timed loop asks for 2 s" in done.stdout
    assert "ESTIMATED from a TDP of 65 W" in done.stdout
    _, own, ours, verdict = count_line(done.stdout)
    assert int(own) == int(ours) > 0
    assert verdict == "equal"


def test_loadgen_and_perfwatch_count_the_same(tmp_path: Path) -> None:
    """The percentile is not judged here: over 2 s on a busy machine a call into Python may take long."""
    pytest.importorskip("mlperf_loadgen", reason="MLPerf's LoadGen is not installed here (`make run` does)")
    done = run_example(tmp_path, "--tdp", "65")
    assert "LoadGen       perfwatch" in done.stdout, done.stdout + done.stderr
    assert count_line(done.stdout)[3] == "equal"


def test_an_accelerator_is_watched_and_is_no_part_of_the_run(tmp_path: Path) -> None:
    with FakeNvml(1) as fake:
        done = run_example(tmp_path, "--plain", "--tdp", "65", **fake.env())
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("also watched")]
    assert "nvidia:0" in line
    watts = float(line.split(": ")[2].split(" W")[0])  # its counter moves in steps: 2 s are not quite 60 W
    assert watts == pytest.approx(60.0, rel=0.1)


SUMMARY = {"work": {"queries": {"count": 1000}}, "latency": {"latency": {"p90_s": 0.01}}}


@pytest.mark.parametrize(
    ("queries", "p90_s", "agree"),
    [(1000, 0.01, True), (1000, 0.01009, True), (999, 0.01, False), (1000, 0.0102, False)],
)
def test_a_different_count_or_percentile_is_no_agreement(queries: int, p90_s: float, agree: bool) -> None:
    own = {"asked_by": "LoadGen", "queries": queries, "p90_s": p90_s}
    assert load("run_example").compare(SUMMARY, own) is agree


def test_a_summary_without_queries_is_no_agreement(capsys: pytest.CaptureFixture[str]) -> None:
    own = {"asked_by": "LoadGen", "queries": 5, "p90_s": 0.01}
    assert load("run_example").compare({"work": {}, "latency": {}}, own) is False
    assert "told no queries" in capsys.readouterr().out


def test_loadgens_plain_percentile_is_read_not_its_early_stopping_estimate(tmp_path: Path) -> None:
    """Invented lines in the layout of LoadGen 6."""
    log = tmp_path / "mlperf_log_detail.txt"
    log.write_text(
        ':::MLLOG {"key": "result_query_count", "value": 1394}\n'
        ':::MLLOG {"key": "early_stopping_latency_ss", "value": 8323334}\n'
        ':::MLLOG {"key": "result_90.00_percentile_latency_ns", "value": 8245830}\n'
    )
    figures = load("loadgen_classifier").figures_of_log(log)
    assert (figures["queries"], figures["p90_s"]) == (1394, 0.00824583)
