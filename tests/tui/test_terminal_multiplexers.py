"""Does it behave in a real tmux and a real screen: shown, stalled, hung up, and while a call hangs?"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from cli.commandline import command, environment, sessions
from fake_nvml import FakeNvml, Square
from terminal import LIMIT_S, Terminal

SHOWN = "NVIDIA Fake T4"
ALONE = command("dashboard", "--only", "nvidia")
STALLED_S = 4.0


@pytest.fixture
def fake() -> Iterator[FakeNvml]:
    with FakeNvml(2) as boards:
        yield boards


class Tmux:
    """A tmux server of its own with one pane, 120x40, in which a shell runs one command after the other."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._socket = folder / "tmux.socket"
        self._env = {key: value for key, value in env.items() if key not in ("TMUX", "STY", "COLORTERM")}
        self("new-session", "-d", "-x", "120", "-y", "40", "env PS1='ready> ' sh")
        self.wait_for("ready>")

    def __call__(self, *words: str) -> str:
        argv = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        done = subprocess.run(
            argv, env=self._env, capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        return done.stdout

    @property
    def text(self) -> str:
        """What the pane shows."""
        return self("capture-pane", "-p")

    @property
    def server(self) -> int:
        """The process that reads what is written to the pane."""
        return int(self("display-message", "-p", "#{pid}"))

    def run(self, argv: list[str], before: str = "") -> None:
        """Type a command into the pane's shell."""
        self("send-keys", "-l", f"{before}{shlex.join(argv)}")
        self("send-keys", "Enter")

    def wait_for(self, what: str) -> None:
        until(lambda: what in self.text, f"{what!r} in the pane")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            self("kill-server")


def until(holds: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
    """Wait for a condition."""
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, f"waited {limit_s:g} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def tmux(fake: FakeNvml, tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux")
    pane = Tmux(tmp_path, environment(tmp_path, fake.env()))
    try:
        yield pane
    finally:
        pane.close()


def pid_in(pane: Tmux) -> int:
    """The process that the pane's shell runs in the foreground."""
    shell = int(pane("display-message", "-p", "#{pane_pid}"))
    found: list[int] = []

    def started() -> bool:
        found[:] = [int(pid) for pid in Path(f"/proc/{shell}/task/{shell}/children").read_text().split()]
        return bool(found)

    until(started, "a process in the pane")
    return found[0]


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_in_tmux_it_is_shown_at_each_size_and_leaves_a_clean_pane(tmux: Tmux) -> None:
    tmux.run(ALONE)
    tmux.wait_for(SHOWN)
    for columns, lines in ((80, 24), (40, 12), (200, 60)):
        tmux("resize-window", "-x", str(columns), "-y", str(lines))
        tmux.wait_for("60.0 W")
    tmux("send-keys", "q")
    tmux.wait_for("ready>")
    assert SHOWN not in tmux.text
    tmux.run(["echo", "typed"])
    tmux.wait_for("typed")
    assert tmux("display-message", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}").split() == [
        "0", "0", "1",
    ]  # fmt: skip


def test_in_tmux_q_leaves_while_a_call_of_the_vendors_library_hangs(fake: FakeNvml, tmux: Tmux) -> None:
    tmux.run(ALONE)
    tmux.wait_for(SHOWN)
    fake.hang(0)
    until(lambda: fake.waiting(0) > 0, "a call that hangs")
    tmux("send-keys", "q")
    tmux.wait_for("ready>")
    fake.release(0)


def test_in_tmux_the_others_go_on_while_a_device_hangs(fake: FakeNvml, tmux: Tmux) -> None:
    tmux.run([*ALONE, "-i", "200ms", "--refresh", "200ms"])
    tmux.wait_for(SHOWN)
    fake.hang(0)
    tmux.wait_for("stale")
    fake.set(1, temperature=77)
    tmux.wait_for("77")
    assert fake.waiting(0) > 0
    fake.release(0)
    until(lambda: "stale" not in tmux.text, "the device back")
    tmux("send-keys", "q")
    tmux.wait_for("ready>")


@pytest.mark.parametrize("ignores_it", [False, True], ids=["SIGHUP", "nohup"])
def test_a_pane_that_is_killed_leaves_no_process_behind(tmux: Tmux, *, ignores_it: bool) -> None:
    tmux.run(ALONE, before="trap '' HUP; " if ignores_it else "")
    tmux.wait_for(SHOWN)
    pid = pid_in(tmux)
    tmux("kill-server")
    until(lambda: not is_alive(pid), "the end of perfwatch")


def test_a_tmux_that_stands_still_holds_up_no_sampling_and_shows_the_present_at_once(
    fake: FakeNvml, tmux: Tmux, tmp_path: Path
) -> None:
    for device in range(2):
        fake.set_wave(device, Square(100.0, 600.0, 0.37))
    told = tmp_path / "told"
    job = [
        sys.executable,
        "-c",
        f"import os, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.02)",
    ]
    tmux.run(command("run", "--only", "nvidia", "-i", "100ms", "--refresh", "100ms", "--", *job))
    tmux.wait_for("2 devices")
    tmux("send-keys", "2")
    tmux.wait_for(SHOWN)
    server, calls = tmux.server, fake.calls(0)
    os.kill(server, signal.SIGSTOP)
    try:
        stopped_s = time.monotonic()
        until(lambda: time.monotonic() > stopped_s + STALLED_S, "a pane that nobody reads")
        assert fake.calls(0) > calls + 10
    finally:
        os.kill(server, signal.SIGCONT)
    fake.set(0, temperature=78)
    tmux.wait_for("78")
    told.touch()
    tmux.wait_for("ready>")
    (path,) = sessions(tmp_path)
    with zstandard.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    times = sorted(record["t"] for record in records if "s" in record)
    assert max(later - earlier for earlier, later in pairwise(times)) < 2.0


@pytest.mark.skipif(shutil.which("screen") is None, reason="there is no screen")
def test_in_screen_it_is_shown_and_leaves_a_clean_window(fake: FakeNvml, tmp_path: Path) -> None:
    folder = tmp_path / "screen"
    folder.mkdir(mode=0o700)
    shell = 'echo before; "$@"; echo after $?; read line'
    argv = ["screen", "-c", "/dev/null", "-S", tmp_path.name[-20:], "sh", "-c", shell, "sh", *ALONE]
    with Terminal(argv, {**environment(tmp_path, fake.env()), "SCREENDIR": str(folder)}) as terminal:
        terminal.wait_for(SHOWN)
        terminal.resize(80, 24)
        terminal.wait_for("60.0 W")
        terminal.type("q")
        terminal.wait_for("after 0")
        assert SHOWN not in terminal.text
        terminal.type("\n")
        assert terminal.wait() == 0
