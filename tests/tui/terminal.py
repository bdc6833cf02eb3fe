"""A person's terminal, for tests: a pty with a program on it, drawn by pyte, that answers what is asked.

    with Terminal(command("--only", "nvidia"), env) as terminal:
        terminal.wait_for("NVIDIA Fake T4")
        terminal.type("q")
        assert terminal.wait() == 0

Waiting is for a condition and has a limit; nothing sleeps for luck.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

from perfwatch.text import width

LIMIT_S = 20.0
"""A machine that has other work must not fail a test; what is promised in time is measured apart."""

_QUERIES = {
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b[>q": b"\x1bP>|pretended(1)\x1b\\",
    b"\x1b[?u": b"\x1b[?0u",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[5n": b"\x1b[0n",
}
_QUERY = re.compile(b"|".join(re.escape(one) for one in _QUERIES))
_UNKNOWN_TO_PYTE = re.compile(
    rb"\x1b\[[<>=?][0-9;]*[\$]?[pu]|\x1b\[[<>][0-9;]*[a-zA-Z]|\x1bP[^\x1b]*\x1b\\\\"
)
_UNFINISHED = re.compile(rb"\x1b(\[[0-9;<>=?$]*)?$")
_OF_THE_DEVELOPER = ("COLORTERM", "NO_COLOR", "TMUX", "STY", "TERM_PROGRAM", "LINES", "COLUMNS")

# A shell as far as it matters: the program is a job of its own in the foreground, its stops are told on
# one descriptor, and a line on the other lets it go on in the foreground.
_SHELL = """
import fcntl, os, signal, sys, termios
told, go = int(sys.argv[1]), int(sys.argv[2])
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.close(told), os.close(go)
    os.execvp(sys.argv[3], sys.argv[3:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status) & 255)
    os.write(told, b"stopped\\n")
    if not os.read(go, 100):
        os.killpg(pid, signal.SIGKILL)
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
"""
_ALONE = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Terminal:
    """A program on a terminal.

    Args:
        argv: the program and its arguments.
        env: its environment, but for what belongs to the developer's own terminal.
        variables: changes of it; None: unset.
        size: columns and lines.
        answers: whether the terminal answers queries.
        nohup: the program starts with SIGHUP ignored.
        shell: the program is a job of a shell, which can let it go on after ctrl-Z.
        stderr: where the program's standard error goes; the terminal where it is None.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        size: tuple[int, int] = (100, 30),
        *,
        answers: bool = True,
        nohup: bool = False,
        shell: bool = False,
        stderr: Path | None = None,
        **variables: str | None,
    ) -> None:
        self.size = size
        self.answers = answers
        self.raw = bytearray()
        """Everything that was written, as it came."""
        self.resumed_raw_at = 0
        self._screen = pyte.Screen(*_drawable(size))
        self._stream = pyte.ByteStream(self._screen)
        self._rest = b""
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._reading = threading.Event()
        self._reading.set()
        self._closing = False
        self.master, slave = os.openpty()
        self._set_size(size)
        self.before = termios.tcgetattr(slave)
        """The terminal's settings before the program changed them."""
        self._slave = slave
        self._stops_read, stops_write = os.pipe()
        go_read, self._go_write = os.pipe()
        given = {**env, "TERM": "xterm-256color", **dict.fromkeys(_OF_THE_DEVELOPER), **variables}
        ends = (stops_write, go_read) if shell else ()
        start = [_SHELL, *map(str, ends)] if shell else [_ALONE, "nohup" if nohup else "plain"]
        with contextlib.ExitStack() as files:
            errors: Any = slave if stderr is None else files.enter_context(stderr.open("wb"))
            self.process = subprocess.Popen(
                [sys.executable, "-ISc", *start, *argv],
                stdin=slave, stdout=slave, stderr=errors, start_new_session=True,
                pass_fds=ends,
                env={key: value for key, value in given.items() if value is not None},
            )  # fmt: skip
        os.close(stops_write)
        os.close(go_read)
        self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._thread.start()

    # -- looking -----------------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """What the terminal shows now."""
        with self._lock:
            columns, lines = self._screen.columns, self._screen.lines
            return [_line(self._screen.buffer[y], columns).rstrip() for y in range(lines)]

    @property
    def text(self) -> str:
        """What it shows, in one piece."""
        return "\n".join(self.lines)

    @property
    def written(self) -> int:
        """So many bytes came from the program."""
        with self._lock:
            return len(self.raw)

    def modes(self) -> dict[str, bool]:
        """Private modes as the program left them, by number."""
        with self._lock:
            return modes_of(bytes(self.raw))

    def until(self, holds: Callable[[], bool], what: str, limit_s: float = LIMIT_S) -> None:
        """Wait until something holds; a failure says what and shows the screen."""
        end = time.monotonic() + limit_s
        while not holds():
            left = end - time.monotonic()
            assert left > 0, f"waited {limit_s:g} s for {what}; the terminal shows:\n{self.text}"
            with self._news:
                self._news.wait(min(0.05, left))

    def wait_for(self, text: str, limit_s: float = LIMIT_S) -> None:
        """Wait until the terminal shows a text."""
        self.until(lambda: text in self.text, repr(text), limit_s)

    def wait_without(self, text: str, limit_s: float = LIMIT_S) -> None:
        """Wait until the terminal shows a text no more."""
        self.until(lambda: text not in self.text, f"{text!r} to go", limit_s)

    def settings(self) -> list[Any]:
        """The terminal's settings now (termios)."""
        return termios.tcgetattr(self._slave)

    # -- doing -------------------------------------------------------------------------------------

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the window's size; the program gets SIGWINCH."""
        with self._lock:
            self.size = (columns, lines)
            self._screen.resize(*reversed(_drawable(self.size)))
        self._set_size((columns, lines))

    def _set_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def stall(self) -> None:
        """Read nothing any more, as a line that hangs."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self.resumed_raw_at = self.written
        self._reading.set()

    def hang_up(self) -> None:
        """The terminal is gone: its window was closed, the line died."""
        self._closing = True
        self._reading.set()
        self._thread.join()
        os.close(self._slave)
        os.close(self.master)
        self._slave = self.master = -1

    def wait_stopped(self, limit_s: float = LIMIT_S) -> None:
        """Wait until the shell sees that its job stopped."""
        ready, _, _ = select.select([self._stops_read], [], [], limit_s)
        assert ready, f"the program did not stop; the terminal shows:\n{self.text}"
        assert os.read(self._stops_read, 100) == b"stopped\n"

    def foreground(self) -> None:
        """`fg`."""
        os.write(self._go_write, b"fg\n")

    def wait(self, limit_s: float = LIMIT_S) -> int:
        """Wait for the program's end; its exit status. What it wrote last is on the screen then."""
        status = self.process.wait(limit_s)
        if self.master != -1 and self._reading.is_set():
            self._drained()
        return status

    def _drained(self) -> None:
        end = time.monotonic() + LIMIT_S
        while select.select([self.master], [], [], 0)[0] and time.monotonic() < end:
            with self._news:
                self._news.wait(0.01)

    # -- the terminal's own thread -----------------------------------------------------------------

    def _read(self) -> None:
        while not self._closing:
            self._reading.wait()
            ready, _, _ = select.select([self.master], [], [], 0.02)
            if not ready or not self._reading.is_set():
                continue
            with self._news:
                try:
                    data = os.read(self.master, 65536)
                except OSError:
                    return
                self.raw += data
                answers = self._take(data)
                self._news.notify_all()
            if self.answers and answers:
                with contextlib.suppress(OSError):
                    os.write(self.master, answers)

    def _take(self, data: bytes) -> bytes:
        data = self._rest + data
        found = _UNFINISHED.search(data)
        data, self._rest = (data[: found.start()], data[found.start() :]) if found else (data, b"")
        answers = b"".join(_QUERIES[query] for query in _QUERY.findall(data))
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data))
        return answers

    def close(self) -> None:
        """End the program, whatever it does."""
        self._closing = True
        self._reading.set()
        with contextlib.suppress(ProcessLookupError):
            if self.process.poll() is None:
                self._kill_all()
        self.process.wait(LIMIT_S)
        self._thread.join()
        for fd in (self.master, self._slave, self._stops_read, self._go_write):
            if fd != -1:
                os.close(fd)

    def _kill_all(self) -> None:
        """The program and, with a shell, its job."""
        for pid in [*children(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _line(cells: Any, columns: int) -> str:
    """The text of a line; of a wide character of which one half was painted over a blank is left."""
    text = ""
    for x in range(columns):
        data = cells[x].data
        is_wide = bool(data) and width(data) == 2
        if data == "":
            behind = cells[x - 1].data if x else ""
            text += "" if behind and width(behind) == 2 else " "
        elif is_wide and x + 1 < columns and cells[x + 1].data != "":
            text += " "
        else:
            text += data
    return text


def _drawable(size: tuple[int, int]) -> tuple[int, int]:
    return max(1, size[0]), max(1, size[1])


def modes_of(raw: bytes) -> dict[str, bool]:
    """Which private modes a program has set and reset, by number: `1049` is the other screen."""
    modes: dict[str, bool] = {}
    for numbers, letter in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", raw):
        for number in numbers.split(b";"):
            modes[number.decode()] = letter == b"h"
    return modes


def children(pid: int) -> list[int]:
    """Processes that a process started and that still run."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def assert_clean(terminal: Terminal) -> None:
    """The terminal is as it was: screen, cursor, mouse, paste, echo."""
    modes = terminal.modes()
    assert modes.pop("25", True), "the cursor is hidden"
    assert modes.pop("7", True), "lines are not wrapped"
    left_on = sorted(number for number, on in modes.items() if on)
    assert left_on == [], f"modes left on: {left_on}"
    assert terminal.settings() == terminal.before
    pushed = terminal.raw.count(b"\x1b[>") - terminal.raw.count(b"\x1b[>q")
    assert pushed <= terminal.raw.count(b"\x1b[<u"), "the keyboard's protocol was not given back"
