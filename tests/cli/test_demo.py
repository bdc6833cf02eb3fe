"""`perfwatch demo`: the story, its summary, and that nobody can take it for a measurement."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commandline import command, environment, perfwatch, sessions
from perfwatch_collectors.simulated import SimulatedCollector, SimulatedOptions

from perfwatch.cli.demo_job import cues_of

BRIEF = ("--duration", "2s")


def demo(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return perfwatch("demo", *BRIEF, *options, home=home)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A brief demo whose summary is for people."""
    return demo(tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """A brief demo that is recorded and gives JSON: recording, summary, what the benchmark printed."""
    home = tmp_path_factory.mktemp("kept")
    file = home / "demo.jsonl"
    done = demo(home, "--json", "-o", str(file), "--price", "0.30/kWh")
    assert done.returncode == 0, done.stderr
    return file, json.loads(done.stdout), done.stderr


def test_the_benchmark_prints_and_the_summary_follows(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].startswith("SIMULATED benchmark:")
    assert lines[-1] == "done"
    assert "finished, exit 0" in told.stderr
    assert "while working" in told.stderr


def test_the_summary_says_that_it_is_simulated(told: subprocess.CompletedProcess[str]) -> None:
    header = told.stderr.split("duration")[0]
    assert "simulated-benchmark" in header
    assert "8 × SIMULATED accelerator" in header
    assert "data=SIMULATED" in header


def test_every_plain_line_says_that_it_is_simulated(tmp_path: Path) -> None:
    done = demo(tmp_path, "--plain", "--quiet")
    lines = done.stderr.splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("SIMULATED  00:0") for line in lines)


def test_no_colours_go_to_a_file(told: subprocess.CompletedProcess[str]) -> None:
    assert "\x1b" not in told.stdout + told.stderr
    assert "lost its device" in told.stdout


def test_the_json_says_that_it_is_simulated(kept: tuple[Path, dict[str, Any], str]) -> None:
    _, summary, _ = kept
    assert summary["session"]["name"] == "SIMULATED demo"
    assert summary["conditions"]["tags"] == {"data": "SIMULATED"}
    assert summary["conditions"]["devices"]["SIMULATED accelerator"]["simulated"] is True
    assert summary["conditions"]["git_commit"] is None


def test_the_summary_counts_what_the_benchmark_counted(kept: tuple[Path, dict[str, Any], str]) -> None:
    _, summary, printed = kept
    found = re.search(r"measured (\d+) queries", printed)
    assert found is not None
    assert summary["window"]["kind"] == "marks"
    assert summary["work"]["queries"]["count"] == pytest.approx(int(found[1]), abs=4)


def test_the_energy_is_what_the_devices_counted_between_the_marks(
    kept: tuple[Path, dict[str, Any], str],
) -> None:
    file, summary, _ = kept
    records = [json.loads(line) for line in file.read_text().splitlines()]
    place = {one["device"]["n"]: one["device"] for one in records if "device" in one}
    marks = [one["t"] for one in records if one.get("event") == "mark" and one["name"] == "measure"]
    joules = 0.0
    for number, device in place.items():
        if device["kind"] != "accelerator":
            continue
        at = [metric["name"] for metric in device["metrics"]].index("energy_joules_total")
        rows = [row for one in records for row in one.get("s", ()) if row[0] == number]
        counted = {round(t, 4): values[at] for _, t, values in rows}
        first, last = (min(counted, key=lambda t: abs(t - mark)) for mark in marks)
        assert abs(first - marks[0]) < 0.01
        joules += counted[last] - counted[first]
    assert summary["energy"]["joules"] == pytest.approx(joules, rel=0.01)


def test_every_part_of_the_story_is_recorded(kept: tuple[Path, dict[str, Any], str]) -> None:
    file, summary, _ = kept
    records = [json.loads(line) for line in file.read_text().splitlines()]
    events = [one for one in records if "event" in one]
    marks = [(one["name"], one["edge"]) for one in events if one["event"] == "mark"]
    assert marks == [(name, edge) for name in ("warmup", "measure") for edge in ("begin", "end")]
    assert [one["n"] for one in events if one["event"] == "gone"] == [2]
    assert [one["device"]["n"] for one in records if "device" in one].count(2) == 2
    codes = {finding["code"] for finding in summary["quality"]}
    assert "throttled" in codes


def test_a_recorded_demo_is_summarised_as_it_was(
    kept: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    file, summary, _ = kept
    again = perfwatch("summary", str(file), "--json", home=tmp_path)
    assert json.loads(again.stdout) == summary


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert demo(tmp_path, "--quiet").returncode == 0
    assert sessions(tmp_path) == []


def test_two_demos_tell_the_same(tmp_path: Path) -> None:
    first, second = (demo(tmp_path, "--seed", "7").stdout for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("devices", "shown"), [("1", "SIMULATED accelerator"), ("64", "64 × SIMULATED accelerator")]
)
def test_a_demo_has_as_many_devices_as_asked_for(devices: str, shown: str, tmp_path: Path) -> None:
    done = demo(tmp_path, "--devices", devices)
    assert done.returncode == 0
    assert shown in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--devices", "0"), "from 1 to 64"),
        (("--devices", "65"), "from 1 to 64"),
        (("--duration", "1s"), "from 2 s to 24 h"),
        (("--duration", "2d"), "--duration"),
        (("--json", "-o", "-"), "both write to standard output"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = perfwatch("demo", *options, home=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_a_signal_ends_the_story_with_the_summary_so_far(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    with subprocess.Popen(
        command("demo", "--duration", "1h"),
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("SIMULATED benchmark:")
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == status
    assert "SIMULATED accelerator" in said
    assert "whole job" in said


def test_the_benchmark_acts_in_order_and_says_what_the_server_counts() -> None:
    story = SimulatedCollector(SimulatedOptions(story_s=120.0)).story
    assert story is not None
    cues = cues_of(story)
    assert [cue.at_s for cue in cues] == sorted(cue.at_s for cue in cues)
    assert {cue.edge for cue in cues if cue.mark == "measure"} == {"begin", "end"}
    told = [re.search(r"(\d+) queries  ", cue.text) for cue in cues]
    counted = [int(found[1]) for found in told if found]
    assert counted == sorted(counted)
    assert counted[3] == story.server.queries_by(40.0)
