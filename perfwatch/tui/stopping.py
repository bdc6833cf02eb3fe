"""How does the dashboard end with SIGTERM, stop with ctrl-Z, and go on? With the terminal given back.

Where a run takes the signals itself they are blocked here: it asks us to stop (`perfwatch.job.signals`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress

from perfwatch.job import signals

LOOK_S = 0.5
"""How often whoever waits for us looks whether we are there at all."""


class Stopping:
    """Args:
    leave: ends the dashboard.
    give_back: gives the terminal back as it was.
    take: takes it again and paints everything.
    """

    def __init__(
        self, leave: Callable[[], None], give_back: Callable[[], None], take: Callable[[], None]
    ) -> None:
        self._leave = leave
        self._give_back = give_back
        self._take = take
        self._over = False
        self._ours: list[signal.Signals] = []

    def begin(self) -> None:
        """Take the signals that nobody else takes. On the event loop, which is the main thread's."""
        self._loop = asyncio.get_running_loop()
        actions: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGTERM: self._leave,
            signal.SIGTSTP: self.stop,
            signal.SIGCONT: self._continued,
        }
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        for number, action in actions.items():
            if number not in blocked and signal.getsignal(number) is not signal.SIG_IGN:
                with suppress(NotImplementedError, ValueError, RuntimeError):
                    self._loop.add_signal_handler(number, action)
                    self._ours.append(number)
        signals.let_screen_stop(self.stop_from_elsewhere)

    def end(self) -> None:
        """Let go of the signals."""
        self._over = True
        signals.let_screen_stop(None)
        for number in self._ours:
            self._loop.remove_signal_handler(number)
        self._ours = []

    def asked(self) -> None:
        """ctrl-Z was pressed: who takes the signals decides what stops."""
        if signal.SIGTSTP in self._ours:
            self.stop()
        else:
            os.kill(os.getpid(), signal.SIGTSTP)

    def stop(self) -> None:
        """Stop, with all of our process group, until somebody continues it. On the event loop."""
        self._give_back()
        try:
            _stop_group()
        finally:
            self._take()

    def stop_from_elsewhere(self) -> bool:
        """The same for another thread, which waits. False if there is no dashboard any more."""
        done = threading.Event()

        def stop() -> None:
            try:
                self.stop()
            finally:
                done.set()

        try:
            self._loop.call_soon_threadsafe(stop)
        except RuntimeError:  # the loop is closed
            return False
        while not done.wait(LOOK_S):
            if self._over:
                return False
        return True

    def _continued(self) -> None:
        """Somebody had stopped us without asking (SIGSTOP): who had the terminal meanwhile is not known."""
        self._give_back()
        self._take()


def _stop_group() -> None:
    """As the terminal does for ctrl-Z: the kernel lets a group run on that no shell could continue."""
    numbers = [signal.SIGTSTP, signal.SIGCONT]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
    try:
        os.killpg(os.getpgrp(), signal.SIGTSTP)  # here we stand still
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
