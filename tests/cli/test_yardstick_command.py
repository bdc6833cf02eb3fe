"""`perfwatch yardstick` and `summary --against`: published results alone, and a run beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commandline import perfwatch
from derive.build import Session, every

from perfwatch.exporters.layout import Paint
from perfwatch.exporters.yardstick_text import against_lines
from perfwatch.metrics import POWER
from perfwatch.model import DeviceKind, Scope


def recorded(path: Path, *, scope: Scope = Scope.WALL, **tags: str) -> str:
    """A run of 7,000 samples a second at 400 W."""
    session = Session(command=["bench"], settings={"scope": scope.value}, tags=tags)
    times = every(1.0, 0.0, 62.0)
    kind = DeviceKind.METER if scope is Scope.WALL else DeviceKind.ACCELERATOR
    number = session.device(metrics=(POWER,), kind=kind, scope=scope)
    session.poll(number, times, lambda t: 400.0)
    session.counter([(t, round(7000 * t)) for t in times if t <= 61.0], name="samples")
    session.job(1.0, 61.0)
    session.records.sort(key=lambda record: record["t"])
    path.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    return str(path)


def test_the_table_is_shown_without_a_session(tmp_path: Path) -> None:
    done = perfwatch("yardstick", "resnet50", "--scenario", "offline", home=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "resnet50, Offline"
    assert "samples/s  W at the wall  samples/J" in lines[1]
    assert "bert" not in done.stdout
    everything = perfwatch("yardstick", "--json", home=tmp_path)
    rows = json.loads(everything.stdout)["rows"]
    assert {row["benchmark"] for row in rows} >= {"resnet50", "bert-99", "llama2-70b-99", "resnet", "bert"}


def test_a_narrow_terminal_gets_names_on_lines_of_their_own(tmp_path: Path) -> None:
    done = perfwatch("yardstick", "resnet50", "--ascii", home=tmp_path, extra={"COLUMNS": "50"})
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["resnt50"], "did you mean resnet50?"),
        (["--scenario", "sideways"], "there is no scenario 'sideways'"),
        (["bert-99", "--scenario", "multi-stream"], "no MultiStream result is published here"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(tmp_path: Path, words: list[str], why: str) -> None:
    done = perfwatch("yardstick", *words, home=tmp_path)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_stands_between_published_systems(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl", benchmark="resnet50", scenario="offline")
    done = perfwatch("summary", run, "--against", "mlperf", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "beside MLPerf: resnet50, Offline" in done.stdout
    assert "This run is faster than 4 of 18 published systems." in done.stdout
    assert "This run is no result verified by MLCommons" in done.stdout
    assert "take with care: this run took" in done.stdout
    found = json.loads(perfwatch("summary", run, "--against", "mlperf", "--json", home=tmp_path).stdout)[
        "against"
    ]
    assert found["run"]["per_joule"] == pytest.approx(17.5, rel=1e-3)
    assert len(found["rows"]) == 18


def test_a_run_whose_energy_is_not_the_walls_is_refused_that_comparison(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl", scope=Scope.ACCELERATOR)
    done = perfwatch("summary", run, "--against", "mlperf/resnet50/offline", home=tmp_path)
    assert "may NOT all be compared: this run's energy is of scope accelerator" in done.stdout
    assert "more efficient than" not in done.stdout


def test_the_table_fits_the_terminal(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl", benchmark="resnet50", scenario="singlestream")
    for name in ("resnet50/singlestream", "resnet50/offline"):
        told = perfwatch("summary", run, "--against", f"mlperf/{name}", "--json", home=tmp_path).stdout
        found = json.loads(told)["against"]
        for columns in (50, 60, 80, 120):
            lines = list(against_lines(found, columns, Paint(color=False, ascii_only=False)))
            assert max(map(len, lines)) <= columns, lines


def test_without_a_benchmark_it_says_how_to_name_it(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run.jsonl")
    done = perfwatch("summary", run, "--against", "mlperf", home=tmp_path)
    assert done.returncode == 0
    assert "nothing tells which benchmark this run is" in done.stdout
    assert "--against mlperf/resnet50/offline" in done.stdout
    wrong = perfwatch("summary", run, "--against", "geekbench", home=tmp_path)
    assert wrong.returncode == 2
    assert "it takes mlperf" in wrong.stderr
