"""Do sessions of every released format still open, with the figures that they had?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli.commandline import perfwatch

from perfwatch.playback.reading import Reading
from perfwatch.playback.stand import Stand
from perfwatch.scene import Scene

SESSIONS = Path(__file__).resolve().parent.parent / "data" / "sessions"
FOREVER = float("inf")
FIGURES = {"version-1": {"joules": 15455.21, "generated_tokens": 28001, "queries": 133}}
WHOLE_JOB = {"version-1": 18758.4716}
"""The energy of the whole job, J."""


@pytest.mark.parametrize("name", FIGURES)
def test_its_summary_is_what_it_was(name: str, tmp_path: Path) -> None:
    done = perfwatch("summary", str(SESSIONS / f"{name}.jsonl.zst"), "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    work = {unit: summary["work"][unit]["count"] for unit in ("generated_tokens", "queries")}
    assert {"joules": round(summary["energy"]["joules"], 3), **work} == FIGURES[name]


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_exported(name: str, tmp_path: Path) -> None:
    done = perfwatch("export", str(SESSIONS / f"{name}.jsonl.zst"), "--to", "csv", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "power_watts" in done.stdout


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_replayed_to_its_end(name: str) -> None:
    reading = Reading(str(SESSIONS / f"{name}.jsonl.zst"))
    reading.start()
    reading.join(20.0)
    stand = Stand(reading.recording, Scene())
    assert stand.come_to(reading.recording.end_t, FOREVER)
    frame = stand.scene.frame(reading.recording.end_t)
    assert frame.standing is not None
    assert frame.job["exit_status"] == 0
    assert frame.standing.run.joules == pytest.approx(WHOLE_JOB[name], rel=1e-6)
