"""Standard output is for our data and the job's: a plugin and its libraries may print as they like."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from commandline import QUICK, perfwatch

LOUD = """
import ctypes, os, sys
from perfwatch.collector import Collector
from perfwatch.metrics import POWER
from perfwatch.model import Device, DeviceKind, Sample
libc = ctypes.CDLL(None)
def shout(where):
    print("NOISE of print in", where)
    sys.__stdout__.write("NOISE of the true sys.stdout\\n")
    os.write(1, b"NOISE of the descriptor\\n")
    libc.puts(b"NOISE of C, written at exit")
shout("import")
class Loud(Collector):
    name = "loud"
    about = "prints"
    def open(self):
        shout("open")
        return [Device("L-0", "Loud", DeviceKind.ACCELERATOR, metrics=(POWER,))]
    def read(self, devices):
        shout("read")
        return [Sample("L-0", (5.0,))]
    def close(self):
        shout("close")
"""


@pytest.fixture
def loud(tmp_path: Path) -> tuple[str, ...]:
    """Options by which a plugin takes part that prints in every way there is."""
    file = tmp_path / "loud.py"
    file.write_text(LOUD)
    return ("-c", str(file))


def heard(text: str) -> set[str]:
    """The ways of printing whose noise is in a text."""
    ways = ("print", "true sys.stdout", "descriptor", "C, written at exit")
    return {way for way in ways if f"NOISE of {way}" in text or f"NOISE of the {way}" in text}


def test_the_summary_of_a_run_is_alone_on_standard_output(loud: tuple[str, ...], tmp_path: Path) -> None:
    done = perfwatch("run", *QUICK, *loud, "--json", "--", "true", home=tmp_path)
    assert json.loads(done.stdout)["schema"].startswith("perfwatch.summary/")
    assert len(heard(done.stderr)) == 4


@pytest.mark.parametrize("word", ["snapshot", "doctor", "collectors"])
def test_what_a_command_tells_as_json_is_alone(word: str, loud: tuple[str, ...], tmp_path: Path) -> None:
    options = (loud[1],) if word == "collectors" else (*QUICK, *loud)
    done = perfwatch(word, "--json", *options, home=tmp_path)
    assert "loud" in str(json.loads(done.stdout))
    assert len(heard(done.stderr)) == 4


def test_a_stream_holds_records_alone(loud: tuple[str, ...], tmp_path: Path) -> None:
    done = perfwatch("stream", *QUICK, *loud, "-i", "50ms", "--duration", "300ms", home=tmp_path)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(record.get("c") == "loud" for record in records)
    assert records[-1]["event"] == "end"


@pytest.mark.parametrize("place", ["-", "/dev/stdout", "/dev/fd/1"])
def test_a_recording_to_standard_output_holds_records_alone(
    place: str, loud: tuple[str, ...], tmp_path: Path
) -> None:
    done = perfwatch("run", *QUICK, *loud, "-o", place, "--", "true", home=tmp_path)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[-1]["event"] == "end"
    done = perfwatch("run", *QUICK, *loud, "-q", "--summary-json", place, "--", "true", home=tmp_path)
    assert json.loads(done.stdout)["schema"].startswith("perfwatch.summary/")


@pytest.mark.parametrize("workload", [(), ("-w", "stdout=step {steps}")])
def test_the_job_writes_to_the_true_standard_output(
    workload: tuple[str, ...], loud: tuple[str, ...], tmp_path: Path
) -> None:
    """Inherited, and passed on by the ferry."""
    done = perfwatch("run", *QUICK, *loud, *workload, "--", "echo", "step 5", home=tmp_path)
    assert done.stdout == "step 5\n"


def test_standard_output_and_standard_error_are_the_jobs_own_files(
    loud: tuple[str, ...], tmp_path: Path
) -> None:
    look = "import os; os.write(2, str(os.fstat(1).st_ino).encode() + b' inode\\n')"
    with (tmp_path / "out").open("w") as out:
        done = perfwatch(
            "run", *QUICK, *loud, "-q", "--", sys.executable, "-c", look,
            home=tmp_path, capture_output=False, stdout=out, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert f"{(tmp_path / 'out').stat().st_ino} inode" in done.stderr.splitlines()
    assert (tmp_path / "out").read_text() == ""


def test_no_screen_is_drawn_where_standard_output_alone_is_a_file(tmp_path: Path) -> None:
    """Standard input and error are a terminal: what counts is where the job's output goes."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with (tmp_path / "out").open("w") as out:
        done = perfwatch(
            "run", *QUICK, "-q", "--", "echo", "through",
            home=tmp_path, extra={"TERM": "xterm"}, capture_output=False,
            stdin=terminal, stdout=out, stderr=terminal,
        )  # fmt: skip
    os.close(terminal)
    os.close(main)
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == "through\n"
