"""The ferry: output gets through unchanged, whatever state perfwatch is in, and a copy is reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CARRY = """
import os, sys, subprocess, time
from perfwatch.job.ferry import Ferry
ferry = Ferry({"stdout": 1})
came, missed = [], []
job = subprocess.Popen(sys.argv[2:], stdout=ferry.passages[0].child_fd)
ferry.start(lambda name, data, at_ns: came.append((name, data, at_ns)), missed.append)
job.wait()
ferry.drain(30.0)
pieces = b"".join(data for _, data, _ in came)
times = [at_ns for _, _, at_ns in came]
assert times == sorted(times) and times[-1] <= time.monotonic_ns()
open(sys.argv[1], "wb").write(pieces)
sys.stderr.write(f"{len([1 for _, data, _ in came if not data])} ends, {sum(missed)} missed\\n")
"""


def carry(tmp_path: Path, *job: str) -> tuple[subprocess.CompletedProcess[bytes], bytes]:
    """A job whose output goes through a ferry: what came out behind it, and what was reported."""
    reported = tmp_path / "reported"
    done = subprocess.run(
        [sys.executable, "-c", CARRY, str(reported), *job], capture_output=True, check=False, timeout=60
    )
    return done, reported.read_bytes()


def test_what_is_printed_arrives_and_is_reported_to_the_last_byte(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(3_000_000))
    done, reported = carry(tmp_path, "cat", str(noise))
    assert done.stdout == noise.read_bytes()
    assert reported == noise.read_bytes()
    assert done.stderr == b"1 ends, 0 missed\n"


def test_what_was_printed_is_through_although_another_process_holds_the_stream(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    script = f"echo first; (read x < {go}; echo late) & echo last"
    with subprocess.Popen(
        [sys.executable, "-c", CARRY, str(tmp_path / "reported"), "sh", "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.wait(timeout=30) == 0
        assert (tmp_path / "reported").read_bytes() == b"first\nlast\n"
        go.write_text("on\n")
        assert running.stdout is not None
        assert running.stdout.read() == b"first\nlast\nlate\n"


def test_a_reader_that_has_enough_ends_the_job_as_it_would_without_us(tmp_path: Path) -> None:
    line = [sys.executable, "-c", CARRY, str(tmp_path / "reported"), "sh", "-c", "yes; echo $? >&2"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"y\n"
        running.stdout.close()
        assert running.wait(timeout=30) == 0


@pytest.mark.parametrize("fate", ["os.kill(os.getpid(), 9)", "reader_that_fails = 1 / 0"])
def test_without_anybody_to_report_to_the_output_still_gets_through(fate: str, tmp_path: Path) -> None:
    """Far more than the pipe of the reports holds."""
    script = (
        "import os, sys, subprocess\n"
        "from perfwatch.job.ferry import Ferry\n"
        "ferry = Ferry({'stdout': 1})\n"
        "def fail(*_):\n"
        f"    {fate}\n"
        "job = subprocess.Popen(['head', '-c', '20000000', '/dev/zero'], stdout=ferry.passages[0].child_fd)\n"
        "ferry.start(fail, fail)\n"
        "job.wait()\n"
        "ferry.drain(30.0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout is not None
        assert len(running.stdout.read()) == 20_000_000
