"""The ferry: output gets through unchanged, whatever state perfwatch is in, and a copy is reported."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from perfwatch.errors import SessionError
from perfwatch.job.ferry import Ferry

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


def test_a_process_left_behind_that_never_stops_printing_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """What the job itself wrote is through after as much as a pipe holds."""
    patient = CARRY.replace("ferry.drain(30.0)", "ferry.drain(1e6)")
    line = [sys.executable, "-c", patient, str(tmp_path / "reported"), "sh", "-c", "echo first; yes &"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        reading = threading.Thread(target=read_until_closed, args=(running.stdout.fileno(),), daemon=True)
        reading.start()
        try:
            assert running.wait(timeout=60) == 0
        finally:
            running.kill()
            with (tmp_path / "enough").open("w") as nothing:
                os.dup2(nothing.fileno(), running.stdout.fileno())
            reading.join(30)
    assert (tmp_path / "reported").read_bytes().startswith(b"first\n")


def read_until_closed(fd: int) -> None:
    """Read from a descriptor until its number stands for something that can only be written."""
    try:
        while os.read(fd, 65536):
            pass
    except OSError:
        return


def test_streams_with_high_numbers_are_passed_on(tmp_path: Path) -> None:
    """Whoever started us may have left us many descriptors; select takes none from 1024 on."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("this user may not open so many files")
    crowded = "import os\nmany = [os.dup(0) for _ in range(1100)]\n" + CARRY
    done = subprocess.run(
        [sys.executable, "-c", crowded, str(tmp_path / "reported"), "echo", "through"],
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"through\n", b"1 ends, 0 missed\n")


def test_our_stream_may_be_one_that_does_not_wait(tmp_path: Path) -> None:
    """Somebody else who holds the pipe may have set it so; what does not fit is written later."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    line = [sys.executable, "-c", CARRY, str(tmp_path / "reported"), "head", "-c", "5000000", "/dev/zero"]
    with subprocess.Popen(line, stdout=writing, stderr=subprocess.DEVNULL) as running:
        os.close(writing)
        with os.fdopen(reading, "rb") as ours:
            assert len(ours.read()) == 5_000_000
        assert running.wait(timeout=30) == 0


def test_the_jobs_terminal_has_the_size_of_ours_and_no_echo(tmp_path: Path) -> None:
    main, ours = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    look = "import os, sys; size = os.get_terminal_size(1); print(size.columns, size.lines, os.isatty(1))"
    line = [sys.executable, "-c", CARRY, str(tmp_path / "reported"), sys.executable, "-c", look]
    with subprocess.Popen(line, stdout=ours, stderr=subprocess.DEVNULL) as running:
        assert running.wait(timeout=30) == 0
    os.close(ours)
    assert os.read(main, 4096) == b"77 33 True\r\n"
    assert (tmp_path / "reported").read_bytes() == b"77 33 True\n"
    os.close(main)


def test_its_memory_and_time_are_told_also_when_it_has_ended(tmp_path: Path) -> None:
    told = CARRY + "sys.stderr.write(f'{ferry.own_memory_bytes()} {ferry.cpu_s()}')\n"
    noise = tmp_path / "noise"
    noise.write_bytes(bytes(50_000_000))
    done = subprocess.run(
        [sys.executable, "-c", told, str(tmp_path / "reported"), "cat", str(noise)],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    memory_bytes, cpu_s = done.stderr.splitlines()[-1].split()
    assert 0 < int(memory_bytes) < 1 << 30
    assert float(cpu_s) > 0.0


def test_a_system_that_is_full_of_processes_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    with pytest.raises(SessionError, match="passes the job's output on: Resource temporarily unavailable"):
        Ferry({})
