"""Does ctrl-Z stop the dashboard as it stops any program, and does it come back as it was?"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from cli.commandline import command, environment, sessions
from fake_nvml import FakeNvml
from terminal import Terminal, assert_clean, children

CTRL_Z = "\x1a"
LONG_ENOUGH_S = 0.2
"""A run that stood still for less is not said to have been stopped."""
SHOWN = "NVIDIA Fake T4"
ALONE = command("dashboard", "--only", "nvidia")


@pytest.fixture
def fake() -> Iterator[FakeNvml]:
    with FakeNvml(2) as boards:
        yield boards


def repainted(terminal: Terminal, since: int) -> bool:
    """Whether the screen was taken again and everything painted since then."""
    _, taken, after = bytes(terminal.raw[since:]).partition(b"\x1b[?1049h")
    return bool(taken) and SHOWN.encode() in after


def assert_given_back(terminal: Terminal) -> None:
    """The program stopped, and the terminal is the shell's."""
    terminal.wait_stopped()
    terminal.until(lambda: not terminal.modes()["1049"], "the screen given back")
    assert_clean(terminal)


def stop_and_go_on(terminal: Terminal) -> None:
    """A look at the terminal once it stopped, then `fg`."""
    assert_given_back(terminal)
    before = terminal.written
    terminal.foreground()
    terminal.until(lambda: repainted(terminal, before), "the screen painted again")


def test_ctrl_z_gives_the_terminal_back_and_fg_paints_it_again(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), shell=True) as terminal:
        terminal.wait_for(SHOWN)
        for _ in range(2):
            terminal.type(CTRL_Z)
            stop_and_go_on(terminal)
        terminal.type("?")
        terminal.wait_for("shift+tab")
        terminal.type("\x1b")
        terminal.wait_without("shift+tab")
        terminal.type("q")
        assert terminal.wait() == 0
        assert_clean(terminal)


def test_sigtstp_from_elsewhere_does_the_same(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), shell=True) as terminal:
        terminal.wait_for(SHOWN)
        (pid,) = children(terminal.process.pid)
        os.kill(pid, signal.SIGTSTP)
        stop_and_go_on(terminal)
        terminal.type("q")
        assert terminal.wait() == 0


def test_after_a_sigstop_the_screen_is_taken_and_painted_again(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), shell=True) as terminal:
        terminal.wait_for(SHOWN)
        (pid,) = children(terminal.process.pid)
        os.kill(pid, signal.SIGSTOP)
        terminal.wait_stopped()
        before = terminal.written
        terminal.foreground()
        terminal.until(lambda: repainted(terminal, before), "the screen painted again")
        terminal.type("q")
        assert terminal.wait() == 0
        assert_clean(terminal)


def test_where_no_shell_could_continue_it_ctrl_z_stops_nothing(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env())) as terminal:
        terminal.wait_for(SHOWN)
        before = terminal.written
        terminal.type(CTRL_Z)
        terminal.until(lambda: repainted(terminal, before), "the screen painted again")
        terminal.type("q")
        assert terminal.wait() == 0
        assert_clean(terminal)


def state_of(pid: int) -> str:
    """A process' state as the kernel tells it: `T` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_ctrl_z_stops_a_run_with_its_job_and_fg_continues_both(fake: FakeNvml, tmp_path: Path) -> None:
    told, pid_file = tmp_path / "told", tmp_path / "pid"
    job = (
        "import os, time\n"
        f"open({str(tmp_path / 'pid.new')!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(tmp_path / 'pid.new')!r}, {str(pid_file)!r})\n"
        f"while not os.path.exists({str(told)!r}): time.sleep(0.02)\n"
    )
    argv = command("run", "--only", "nvidia", "--", sys.executable, "-c", job)
    with Terminal(argv, environment(tmp_path, fake.env()), shell=True) as terminal:
        terminal.wait_for("2 devices")
        terminal.until(pid_file.exists, "the job")
        terminal.type("2")
        terminal.wait_for(SHOWN)
        terminal.type(CTRL_Z)
        assert_given_back(terminal)
        job_pid = int(pid_file.read_text())
        terminal.until(lambda: state_of(job_pid) == "T", "the job to stop")
        stopped_s = time.monotonic()
        terminal.until(lambda: time.monotonic() > stopped_s + LONG_ENOUGH_S, "a gap that is worth a note")
        before = terminal.written
        terminal.foreground()
        terminal.until(lambda: repainted(terminal, before), "the screen painted again")
        terminal.until(lambda: state_of(job_pid) != "T", "the job to go on")
        told.touch()
        assert terminal.wait() == 0
        assert_clean(terminal)
    (path,) = sessions(tmp_path)
    with zstandard.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    notes = [record for record in records if record.get("event") == "note" and record.get("code") == "gap"]
    assert len(notes) == 1
    assert records[-1]["event"] == "end"


def test_ctrl_z_stops_a_run_whose_screen_is_closed(fake: FakeNvml, tmp_path: Path) -> None:
    told = tmp_path / "told"
    job = f"import os, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.02)\n"
    argv = command("run", "--only", "nvidia", "--", sys.executable, "-c", job)
    with Terminal(argv, environment(tmp_path, fake.env()), shell=True) as terminal:
        terminal.wait_for("2 devices")
        terminal.type("q")
        terminal.wait_for("the run goes on")
        terminal.type(CTRL_Z)
        terminal.wait_stopped()
        terminal.foreground()
        told.touch()
        assert terminal.wait() == 0
        assert_clean(terminal)


def test_where_no_shell_could_continue_it_ctrl_z_leaves_a_run_running(fake: FakeNvml, tmp_path: Path) -> None:
    told = tmp_path / "told"
    job = f"import os, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.02)\n"
    argv = command("run", "--only", "nvidia", "--", sys.executable, "-c", job)
    with Terminal(argv, environment(tmp_path, fake.env())) as terminal:
        terminal.wait_for("2 devices")
        before = terminal.written
        terminal.type(CTRL_Z)
        terminal.until(lambda: b"\x1b[?1049h" in terminal.raw[before:], "the screen taken again")
        terminal.type("q")
        terminal.wait_for("the run goes on")
        terminal.type(CTRL_Z)
        told.touch()
        assert terminal.wait() == 0
        assert_clean(terminal)
