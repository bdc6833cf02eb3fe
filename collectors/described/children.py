"""Tools that are started and read: in a process group of their own, and none of them is left running.

A tool that has ended is done, whatever it left behind that holds its output. What it left is ended with its
group; what left the group is known by a mark in its environment, and is looked for where it still holds the
output, where the tool had to be ended, and where it was a stream. What gave the output back and made itself a
daemon is left by a tool that ended by itself.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import select
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from perfwatch_collectors.described.guard import MARK, guard, spawned

PIECE_BYTES = 65536
ERROR_BYTES = 4096
END_S = 1.0
LOOK_S = 0.02
"""Where a system does not tell when a child ends it is asked so often."""
HELD_S = 0.05
"""So long after its group was ended somebody else who holds an output is waited for."""
_FIRST_FD = 3
_numbers = count(1)


class Said(NamedTuple):
    """What a tool printed; `is_whole` says that it ended by itself in time."""

    output: bytes
    errors: bytes
    is_whole: bool


class Child:
    """A tool that runs.

    Args:
        argv: the program with its whole path, and its arguments.
        environment: its whole environment.
        lasting: it prints on and on; what it says on standard error is not read.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], *, lasting: bool = False) -> None:
        self.returncode: int | None = None
        self._took_s: float | None = None
        """CPU time that it took, once it is reaped."""
        self._lock = threading.Lock()
        self._mark = f"{guard.mark}.{next(_numbers)}."
        self._end_fd: int | None = None
        self._is_lasting = lasting
        self.stdout, writing = _pipe()
        self.stderr: int | None
        errors: int | None
        self.stderr, errors = (None, None) if lasting else _pipe()
        null = _above(os.open(os.devnull, os.O_RDWR))
        outputs = [(null, 0), (writing, 1), (null if errors is None else errors, 2)]
        try:
            self.pid = spawned(list(argv), {**environment, MARK: self._mark}, outputs)
        except OSError:
            self.close()
            raise
        finally:
            for fd in (null, writing, errors):
                if fd is not None:
                    os.close(fd)
        self._end_fd = _end_fd(self.pid)
        guard.watch(self.pid)
        _running.add(self)

    @property
    def cpu_s(self) -> float:
        """CPU time that it took so far, and those of its children that it waited for once it ended, s."""
        with self._lock:
            if self._took_s is None and self.returncode is None:
                with contextlib.suppress(OSError, OverflowError):
                    return time.clock_gettime(_cpu_clock_of(self.pid))
            return self._took_s or 0.0

    def has_ended(self) -> bool:
        """Whether it has; it is not reaped by that, so that its number stays its own."""
        with self._lock:
            if self.returncode is None and hasattr(os, "waitid"):
                try:
                    return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
                except ChildProcessError:
                    self.returncode = 0  # nobody is told of children's ends here
        if self.returncode is None:  # a system that cannot be asked without reaping
            self._reap()
        return self.returncode is not None

    def wait(self, fds: Sequence[int], timeout_s: float) -> None:
        """Wait until one of its outputs can be read, or it has ended."""
        poll = select.poll()
        for fd in (*fds, *([] if self._end_fd is None else [self._end_fd])):
            poll.register(fd, select.POLLIN)
        most_s = timeout_s if self._end_fd is not None else min(timeout_s, LOOK_S)
        poll.poll(max(0.0, most_s) * 1000.0)

    def end(self) -> None:
        """End it with its group, reap it, and end what of it left the group. Its output stays open."""
        _running.discard(self)
        was_running = not self.has_ended()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        until_s = time.monotonic() + END_S
        while not self.has_ended() and time.monotonic() < until_s:
            self.wait((), until_s - time.monotonic())
        if not self.has_ended():
            return  # in a call of its driver that no signal ends; its thread goes on without it
        self._reap()
        guard.forget(self.pid)
        if was_running or self._is_lasting or self._is_held():
            _end_marked(self._mark)

    def close(self) -> None:
        """Give its output back; to be called once, by who reads it."""
        for fd in (self.stdout, self.stderr, self._end_fd):
            if fd is not None:
                os.close(fd)

    def _is_held(self) -> bool:
        """Whether somebody outside of its group still holds its output."""
        until_s = time.monotonic() + HELD_S
        poll = select.poll()
        poll.register(self.stdout, select.POLLIN)
        while (left_s := until_s - time.monotonic()) > 0.0:
            if poll.poll(left_s * 1000.0) and read_of(self.stdout) == b"":
                return False
        return True

    def _reap(self) -> None:
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status, usage = os.wait4(self.pid, os.WNOHANG)
                except ChildProcessError:
                    self.returncode = 0
                else:
                    if pid:
                        self.returncode = os.waitstatus_to_exitcode(status)
                        self._took_s = usage.ru_utime + usage.ru_stime


def collected(child: Child, until_s: float, most_bytes: int) -> Said:
    """What a child prints up to its end, or up to a time. Both pipes are emptied: none of them blocks it."""
    assert child.stderr is not None
    found = {child.stdout: bytearray(), child.stderr: bytearray()}
    output, errors = found.values()
    unread = [*found]
    is_whole = False
    while not is_whole and len(output) <= most_bytes and time.monotonic() < until_s:
        has_ended = child.has_ended()  # asked first: what it printed before is in the pipes
        unread = [fd for fd in unread if not _emptied(fd, found[fd], most_bytes)]
        del errors[:-ERROR_BYTES]
        is_whole = has_ended
        if not is_whole and len(output) <= most_bytes:
            child.wait(unread, until_s - time.monotonic())
    return Said(bytes(output), bytes(errors), is_whole)


def read_of(fd: int) -> bytes | None:
    """A piece of an output; empty at its end, None where there is none now."""
    try:
        return os.read(fd, PIECE_BYTES)
    except BlockingIOError:
        return None


def _emptied(fd: int, into: bytearray, most_bytes: int) -> bool:
    """Take what there is; whether that was the end."""
    while (piece := read_of(fd)) is not None:
        if not piece:
            return True
        into += piece
        if len(into) > most_bytes:
            return False
    return False


def _pipe() -> tuple[int, int]:
    """Both ends; ours does not block."""
    reading, writing = map(_above, os.pipe())
    os.set_blocking(reading, False)
    return reading, writing


def _above(fd: int) -> int:
    """The same beyond the standard streams, where one of ours was closed."""
    if fd >= _FIRST_FD:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FD)
    os.close(fd)
    return moved


def _cpu_clock_of(pid: int) -> int:
    """The clock of a process's CPU time (clock_getcpuclockid(3) of Linux)."""
    return (~pid << 3) | 2


def _end_fd(pid: int) -> int | None:
    """What can be read when it ends; None on a system that has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _end_marked(mark: str) -> None:
    """End the processes that have a mark in their environment; of what they start meanwhile too."""
    for _ in range(3):
        found = list(_marked(f"{MARK}={mark}".encode()))
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _marked(mark: bytes) -> Iterator[int]:
    """Processes of this user that have it; on Linux."""
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in place.read_bytes():
                yield int(place.parent.name)


_running: set[Child] = set()
"""Children that were not ended yet: who leaves does not wait for the threads that would end them."""


@atexit.register
def _end_all() -> None:
    while _running:
        _running.pop().end()
