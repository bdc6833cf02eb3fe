"""`perfwatch summary`: the same digits out of every form of one session, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from commandline import perfwatch, run_job
from derive.build import Session, codes, every, steps


def recorded() -> list[str]:
    """A job of 20 s on one board that told 200 queries, as lines."""
    session = Session(command=["job"])
    session.board(every(1.0, 0.0, 22.0), watts=123.4567)
    session.job(1.0, 21.0)
    session.counter(steps(2.0, 20.0, 200, 20))
    session.records.sort(key=lambda record: record["t"])
    return [json.dumps(record) for record in (session.header, *session.records)]


def summary(file: str, home: Path, *options: str, **more: Any) -> dict[str, Any]:
    done = perfwatch("summary", file, "--json", *options, home=home, **more)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_every_form_of_a_session_gives_the_same_digits(tmp_path: Path) -> None:
    text = "\n".join(recorded()) + "\n"
    plain, packed = tmp_path / "run.jsonl", tmp_path / "run.jsonl.zst"
    plain.write_text(text)
    half = text.index("\n", len(text) // 2) + 1
    frames = (zstandard.compress(part.encode()) for part in (text[:half], text[half:]))
    packed.write_bytes(b"".join(frames))
    expected = summary(str(plain), tmp_path)
    assert expected["energy"]["joules"] == pytest.approx(123.4567 * 18.0)
    assert summary(str(packed), tmp_path) == expected
    assert summary("-", tmp_path, input=text) == expected


def test_a_session_cut_off_in_a_line_is_summarised_up_to_there(tmp_path: Path) -> None:
    text = "\n".join(recorded())
    (tmp_path / "cut.jsonl").write_text(text[: 2 * len(text) // 3])
    found = summary(str(tmp_path / "cut.jsonl"), tmp_path)
    assert found["session"]["exit_status"] is None
    assert 5.0 < found["window"]["end_s"] < 21.0
    assert "gap" in codes(found, "warn")


def test_lines_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    lines = recorded()
    (tmp_path / "odd.jsonl").write_text("\n".join([*lines[:9], "{no json", *lines[9:]]) + "\n")
    found = summary(str(tmp_path / "odd.jsonl"), tmp_path)
    (gap,) = [finding for finding in found["quality"] if finding["code"] == "gap"]
    assert gap["message"] == "1 record of the session could not be read: the rest is counted."


def test_what_was_asked_of_the_run_can_be_asked_anew(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_text("\n".join(recorded()) + "\n")
    file = str(tmp_path / "run.jsonl")
    found = summary(file, tmp_path, "--window", "job", "--warmup", "5s", "--rent", "3.6/h/device")
    assert found["window"]["spans"] == [[6.0, 21.0]]
    assert found["cost"]["total"] == pytest.approx(0.015)
    assert found["cost"]["per"]["queries"] == pytest.approx(0.0001)


def test_the_next_command_names_the_session_as_the_person_did(tmp_path: Path) -> None:
    (tmp_path / "my run.jsonl").write_text("\n".join(recorded()) + "\n")
    shown = perfwatch("summary", "my run.jsonl", home=tmp_path, cwd=tmp_path).stdout
    assert shown.splitlines()[-1] == (
        "next:  perfwatch replay 'my run.jsonl' | perfwatch export 'my run.jsonl' --to csv"
    )
    piped = perfwatch("summary", "-", home=tmp_path, input="\n".join(recorded()) + "\n").stdout
    assert "next:" not in piped


def test_after_a_run_the_next_commands_name_its_file_or_last(tmp_path: Path) -> None:
    named = run_job("true", home=tmp_path, options=("-o", "mine.jsonl"), cwd=tmp_path).stderr
    assert "next:  perfwatch replay mine.jsonl | perfwatch summary mine.jsonl" in named
    first = run_job("true", home=tmp_path).stderr
    assert "next:  perfwatch replay last | perfwatch summary last" in first
    second = run_job("true", home=tmp_path).stderr
    assert "next:  perfwatch replay last | perfwatch compare last~1 last" in second
    assert "next:" not in run_job("true", home=tmp_path, options=("--no-record",)).stderr


def test_a_recorded_warm_up_cuts_no_window_that_is_asked_for(tmp_path: Path) -> None:
    session = Session(command=["job"], settings={"warmup_s": 2.0})
    session.board(every(1.0, 0.0, 22.0))
    session.job(1.0, 21.0)
    session.mark("load", 5.0, 15.0)
    session.records.sort(key=lambda record: record["t"])
    log = tmp_path / "run.jsonl"
    log.write_text("".join(json.dumps(record) + "\n" for record in (session.header, *session.records)))
    spans = [
        summary(str(log), tmp_path, *options)["window"]["spans"]
        for options in (
            (),
            ("--from", "4", "--to", "10"),
            ("--phase", "load"),
            ("--from", "4", "--warmup", "1"),
        )
    ]
    assert spans == [[[3.0, 21.0]], [[4.0, 10.0]], [[5.0, 15.0]], [[5.0, 21.0]]]
