"""Signals as a queue: the main thread waits for them and learns who sent each.

A terminal sends ctrl-C and ctrl-Z to the whole foreground group, the job included; somebody's `kill`
reaches perfwatch alone and must be passed on. The kernel tells the two apart (`si_code`), Python's signal
handlers do not; so the signals are blocked and taken with sigtimedwait. What was ignored when we started
(nohup, a shell's background job) stays ignored, for us and for the job.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

WANTED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGTSTP,
    signal.SIGCHLD,
    signal.SIGQUIT,
)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""They end what perfwatch does."""
SI_KERNEL = 0x80
"""`si_code` of a signal that the kernel sent: here, the terminal's driver."""


_screen_stops: Callable[[], bool] | None = None


def let_screen_stop(stop: Callable[[], bool] | None) -> None:
    """While a dashboard has the terminal and the main thread, it is the one that stops the process.

    Args:
        stop: gives the terminal back, stops, takes it again when we are continued; False: it has gone.
    """
    global _screen_stops  # noqa: PLW0603 - a process has one main thread
    _screen_stops = stop


class Arrival(NamedTuple):
    """A signal that came. `from_terminal`: the job's process group got it as well."""

    number: signal.Signals
    from_terminal: bool


class SignalQueue:
    """Takes the process' signals while it is open. To be opened before other threads start."""

    def __init__(self) -> None:
        self._waiting: set[signal.Signals] = set()
        self._before: Any = None
        self._handlers: dict[int, Any] = {}
        self._caught: list[Arrival] = []

    def open(self) -> None:
        """Block the signals that were not ignored."""
        self._waiting = {one for one in WANTED if signal.getsignal(one) is not signal.SIG_IGN}
        self._waiting.add(signal.SIGCHLD)
        for one in self._waiting:
            handler: Any = signal.SIG_DFL if one == signal.SIGCHLD else self._note
            self._handlers[one] = signal.signal(one, handler)
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, self._waiting)

    def close(self) -> None:
        """Give the signals back as they were; what came meanwhile and was not taken is forgotten."""
        while self.wait(0.0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """While a child is started: it must not inherit the blocked signals."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, self._waiting)

    def stop_here(self) -> None:
        """Stop as ctrl-Z does, until somebody continues us.

        Not by SIGSTOP: where nobody could continue us (a group without a shell, as in a container) the
        kernel leaves a process running that leaves SIGTSTP to it.
        """
        if threading.current_thread() is not threading.main_thread():  # a dashboard has or had it
            if (_screen_stops is None or not _screen_stops()) and _has_a_shell():
                os.kill(os.getpid(), signal.SIGSTOP)
            return
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])
        signal.signal(signal.SIGTSTP, handler)

    def wait(self, timeout_s: float) -> Arrival | None:
        """The next signal, or None after so long."""
        if self._caught:
            return self._caught.pop(0)
        return _wait(self._waiting, timeout_s)

    def _note(self, number: int, _frame: object) -> None:
        self._caught.append(Arrival(signal.Signals(number), from_terminal=False))


def _wait_with_sender(wanted: set[signal.Signals], timeout_s: float) -> Arrival | None:
    try:
        info = signal.sigtimedwait(wanted, max(0.0, timeout_s))
    except InterruptedError:
        return None
    # CPython (seen with 3.11) gives an unfilled structure when it was stopped beyond the timeout: no signal.
    if info is None or info.si_signo not in wanted:
        return None
    return Arrival(signal.Signals(info.si_signo), info.si_code == SI_KERNEL)


def _wait_by_polling(wanted: set[signal.Signals], timeout_s: float) -> Arrival | None:
    """Without sigtimedwait (macOS): who sent it is guessed from whether we hold the terminal."""
    until = time.monotonic() + timeout_s
    while True:
        pending = signal.sigpending() & wanted
        if pending:
            number = signal.Signals(signal.sigwait(pending))
            return Arrival(number, _in_foreground())
        if time.monotonic() >= until:
            return None
        time.sleep(min(0.01, timeout_s))


def _has_a_shell() -> bool:
    """Whether somebody of our session, in another group, could continue us: what the kernel asks as well."""
    try:
        group, pid = os.getpgrp(), os.getppid()
        while os.getpgid(pid) == group:
            pid = _parent(pid)
        return os.getsid(pid) == os.getsid(0)
    except (OSError, ValueError, IndexError):
        return False


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(stat.rpartition(")")[2].split()[1])


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


_wait: Callable[[set[signal.Signals], float], Arrival | None] = (
    _wait_with_sender if hasattr(signal, "sigtimedwait") else _wait_by_polling
)
