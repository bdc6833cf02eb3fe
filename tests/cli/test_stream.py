"""`perfwatch stream`: a session on standard output, as it happens, until somebody has enough."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commandline import QUICK, command, environment, perfwatch

from perfwatch.derive.tape import Tape
from perfwatch.session.reader import open_session


@contextmanager
def streaming(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command("stream", *QUICK, "-i", "50ms", *arguments),
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_stream_is_a_session_that_can_be_read_back(tmp_path: Path) -> None:
    done = perfwatch(
        "stream", *QUICK, "-i", "50ms", "--duration", "500ms", "--name", "n", "--tag", "a=b", home=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    file = tmp_path / "s.jsonl"
    file.write_text(done.stdout)
    session = open_session(str(file))
    assert session.header["name"] == "n"
    assert session.header["tags"] == {"a": "b"}
    tape = Tape.of(session.header, session.records())
    assert tape.damaged == 0
    assert len(tape.devices[0].times) >= 5
    assert tape.events[-1].kind == "end"


def test_lines_come_while_it_runs(tmp_path: Path) -> None:
    with streaming(tmp_path) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["format"] == "perfwatch.session"
        records = (json.loads(line) for line in process.stdout)
        times = [record["t"] for record, _ in zip((r for r in records if "s" in r), range(5), strict=False)]
        assert times == sorted(times)
        assert process.poll() is None


def test_a_reader_that_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    with streaming(tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_after_the_last_record(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with streaming(tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b'"s":' not in process.stdout.readline():
            pass
        process.send_signal(number)
        lines = process.stdout.read().splitlines()
        assert process.wait(30) == status
        assert json.loads(lines[-1])["event"] == "end"
        assert process.stderr.read() == b""


def test_a_full_device_is_said_in_a_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = perfwatch(
            "stream", *QUICK, home=tmp_path, capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr == ("perfwatch stream: cannot write to standard output: No space left on device\n")


@pytest.mark.parametrize("wrong", [["--duration", "soon"], ["-i", "1h"], ["--tag", "x"]])
def test_a_wrong_value_is_answered_before_anything_is_written(tmp_path: Path, wrong: list[str]) -> None:
    done = perfwatch("stream", *QUICK, *wrong, home=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
