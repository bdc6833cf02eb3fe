"""A training log followed while it grows: marks, phases, work, and a clock that is not ours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.commandline import perfwatch
from perfwatch_collectors.mllog import MllogCollector, MllogOptions
from still import WALL_S, StillClock

from perfwatch.errors import Unavailable
from perfwatch.model import Event, Reading, Sample


def line(key: str, at_s: float, value: Any = None, **metadata: Any) -> str:
    told = {"time_ms": round((WALL_S + at_s) * 1000), "key": key, "value": value}
    return f"0: :::MLLOG {json.dumps({**told, 'namespace': '', 'event_type': '', 'metadata': metadata})}\n"


def told(readings: Iterator[Reading]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for one in readings:
        if isinstance(one, Event):
            text = one.fields.get("text", "")
            found.append((one.at_ns / 1e9, one.fields.get("name", text), one.fields.get("edge")))
        elif isinstance(one, Sample):
            found.append((one.at_ns / 1e9, *one.values))
    return found


def append(log: Path, clock: StillClock, at_s: float, *lines: str) -> None:
    """Lines that are written now, by the clock of the test."""
    clock.s = at_s
    with log.open("a") as file:
        file.write("".join(lines))
    os.utime(log, ns=(clock.time_ns(), clock.time_ns()))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "result_0.txt"
    path.write_text(line("run_start", 1.0) + line("run_stop", 2.0, status="success"))
    return path


def test_it_is_followed_from_its_end_with_the_times_of_its_records(log: Path) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    assert device.facts["work"] == "mlperf"
    assert told(iter(collector.read([device]))) == []
    begun = line("train_samples", 500.5, 1000) + line("run_start", 501.0) + line("epoch_start", 501.0)
    done = line("epoch_stop", 503.0) + line("eval_accuracy", 503.5, 0.71)
    append(log, clock, 504.0, begun, done, "noise\n:::MLLOG {torn")
    found = told(iter(collector.read([device])))
    assert found == [
        (pytest.approx(501.0), "measure", "begin"),
        (pytest.approx(501.0), "epoch", "begin"),
        (pytest.approx(503.0), "epoch", "end"),
        (pytest.approx(501.0), 0, None, 0, None, None, None),
        (pytest.approx(503.0), 1000, None, 1, None, None, None),
        (pytest.approx(503.5), 1000, None, 1, 0.71, None, None),
    ]
    collector.close()


def test_a_log_that_another_clock_wrote_counts_when_its_lines_arrive(log: Path) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    append(log, clock, 510.0, line("run_start", 90_000.0), line("run_stop", 90_001.0))
    found = told(iter(collector.read([device])))
    marks = [one for one in found if one[1] == "measure"]
    assert marks == [(pytest.approx(509.0), "measure", "begin"), (pytest.approx(510.0), "measure", "end")]
    collector.close()


@pytest.mark.parametrize("off_s", [-30.0, -2.0, 0.5, 30.0])
def test_a_clock_that_is_off_is_set_right_by_the_arrival_of_lines(log: Path, off_s: float) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    found, offsets = [], []
    for step in range(1, 20):
        at_s = 500.0 + step / 4
        key = {1: "run_start", 19: "run_stop"}.get(step, "tracked_stats")
        append(log, clock, at_s, line(key, at_s + off_s, None, samples_count=10 * step))
        readings = list(collector.read([device]))
        found += told(iter(readings))
        offsets += [one.fields for one in readings if isinstance(one, Event) and one.kind == "clock_offset"]
    marks = [one for one in found if one[1] == "measure"]
    assert [at_s for at_s, _, _ in marks] == pytest.approx([500.25, 504.75], abs=0.02)
    times = [one[0] for one in found if one[1] not in ("measure", None, "")]
    assert times == sorted(times)
    assert offsets[0]["seconds"] == pytest.approx(-off_s, abs=0.02)
    assert offsets[0]["error_s"] == 0.25


def test_a_second_training_has_a_window_of_its_own_and_adds_up(log: Path) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    found: list[tuple[Any, ...]] = []
    for begin_s in (501.0, 511.0):
        run = line("run_start", begin_s) + line("tracked_stats", begin_s + 4.0, samples_count=100)
        append(log, clock, begin_s + 5.0, run, line("run_stop", begin_s + 5.0, status="success"))
        readings = list(collector.read([device]))
        found += told(iter(readings))
        (official,) = [one.fields for one in readings if isinstance(one, Event) and one.kind == "mlperf"]
        assert official["valid"] is True
        assert official["metric"]["value"] == pytest.approx(5.0)
    assert [one[0] for one in found if one[1] == "measure"] == pytest.approx([501.0, 506.0, 511.0, 516.0])
    counts = [one[1] for one in found if isinstance(one[1], int)]
    assert counts == [0, 100, 0, 100], "a counter that begins anew adds up"
    collector.close()


def test_a_log_that_is_a_little_ahead_says_by_how_much(log: Path) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    append(log, clock, 510.0, line("submission_benchmark", 509.0, "resnet"), line("run_start", 510.5))
    asked: list[float] = []
    collector.on_mark = lambda: asked.append(clock.s)
    events = {one.kind: one.fields for one in collector.read([device]) if isinstance(one, Event)}
    assert events["clock_offset"] == {
        "source": "mllog",
        "seconds": pytest.approx(-0.5, abs=0.02),
        "error_s": 0.25,
    }
    assert events["conditions"] == {"tags": {"benchmark": "resnet"}}
    assert asked == [510.0], "energy is read out of turn at a mark"
    collector.close()


def test_what_was_counted_in_the_millisecond_of_the_end_belongs_to_the_run(log: Path) -> None:
    clock = StillClock()
    collector = MllogCollector(MllogOptions.of(str(log)), clock=clock)  # type: ignore[arg-type]
    (device,) = collector.open()
    append(log, clock, 510.0, line("run_start", 505.0), line("tracked_stats", 509.5, samples_count=64))
    counted = [one for one in collector.read([device]) if isinstance(one, Sample)]
    drifted = clock.time_ns  # the clocks never go quite alike
    clock.time_ns = lambda: drifted() + 3_000  # type: ignore[method-assign]
    append(log, clock, 510.5, line("run_stop", 509.5, status="success"))
    marks = [one for one in collector.read([device]) if isinstance(one, Event) and one.kind == "mark"]
    ends = [one.at_ns for one in marks if one.fields["edge"] == "end"]
    assert ends
    assert min(ends) >= max(one.at_ns for one in counted)
    collector.close()


def test_without_a_path_it_says_how_to_name_one() -> None:
    with pytest.raises(Unavailable, match="no training log"):
        MllogCollector().open()


JOB = """
import json, sys, time
def say(key, value=None, **metadata):
    told = {"time_ms": int(time.time() * 1000), "key": key, "value": value, "metadata": metadata}
    with open(sys.argv[1], "a") as file:
        file.write(":::MLLOG " + json.dumps(told) + chr(10))
say("init_start"); time.sleep(0.3); say("init_stop")
say("run_start")
for step in range(1, 16):
    time.sleep(0.1)
    say("tracked_stats", None, step_num=step, samples_count=step * 64)
if sys.argv[2:]:
    say("target_accuracy", 0.75); say("eval_accuracy", 0.5); say("eval_accuracy", 0.625)
    time.sleep(0.3); sys.exit(sys.argv[2])
say("run_stop", None, status="success")
time.sleep(0.3)
"""


def test_a_run_is_measured_from_run_start_to_run_stop(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    job = ["--", sys.executable, "-c", JOB, str(log)]
    done = perfwatch("run", "--only", "simulated", "--json", "-w", f"mllog={log}", *job, home=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["window"]["kind"] == "marks"
    assert found["window"]["because"] == "the training log says when the run started and stopped"
    assert found["window"]["duration_s"] == pytest.approx(1.5, abs=0.4)
    assert found["work"]["samples"]["count"] == 960
    assert found["work"]["samples"]["source"] == "mlperf"
    assert found["work"]["steps"]["count"] == 15
    assert found["mlperf"]["valid"] is True
    assert found["mlperf"]["metric"]["name"] == "time_to_train"


def test_the_accuracy_that_a_training_reached_is_told_though_it_broke_off(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    job = ["--", sys.executable, "-c", JOB, str(log), "it broke off"]
    options = ["--summary-json", str(tmp_path / "summary.json")]
    done = perfwatch("run", "--only", "simulated", *options, "-w", f"mllog={log}", *job, home=tmp_path)
    assert done.returncode == 1, done.stderr
    found = json.loads((tmp_path / "summary.json").read_text())["mlperf"]
    assert (found["scenario"], found["metric"]) == ("Training", None)
    assert (found["eval_accuracy"], found["eval_accuracy_goal"]) == (0.625, 0.75)
    assert "no verdict; eval accuracy 0.625 (target 0.75)" in " ".join(done.stderr.split())
