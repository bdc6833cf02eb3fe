"""What does every run do around its job, whoever started that: open, wait, stop with ctrl-Z, ask the hub?"""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from perfwatch.clock import NS
from perfwatch.job.opening import Opening
from perfwatch.job.signals import ENDING, SignalQueue
from perfwatch.sources.live import OPEN_WAIT_S, LiveSource

START_READING_S = 0.3
"""A run's begin waits for the readings before it at most this long."""
END_READING_S, LEAST_READING_S = 2.0, 0.2
"""The readings after its end are waited for at most this long in all; the last of them a little at least."""
LOOK_S = 0.02
"""How soon a signal is seen while collectors open."""
STOPPED_S = 0.05
"""Shorter is no stop: the kernel stops nothing that nobody could continue."""
HUB_S = 3.0
"""The hub answers at once, unless the recording's disk hangs."""
T = TypeVar("T")


class Watch:
    """A live source under the eyes of the thread that takes the signals.

    Args:
        live: this machine's collectors and hub.
        signals: open already, so that no other thread takes one.
    """

    def __init__(self, live: LiveSource, signals: SignalQueue) -> None:
        self._live = live
        self._signals = signals
        self.told_by: signal.Signals | None = None
        """The signal that ended us before there was a job."""

    def wait_open(self) -> list[str] | None:
        """Wait for the collectors' `open()`. Returns those that are late; None if we are told to end."""
        until_ns = self.now_ns() + round(OPEN_WAIT_S * NS)
        while True:
            late = self._live.wait_open(LOOK_S)
            if self.told_to_end(0.0):
                return None
            if not late or self.now_ns() >= until_ns:
                return late

    def told_to_end(self, timeout_s: float) -> bool:
        """Whether a signal ends us before there is a job; takes signals for so long at most."""
        arrival = self._signals.wait(timeout_s)
        while arrival is not None:
            if arrival.number in ENDING:
                self.told_by = arrival.number
                return True
            if arrival.number is signal.SIGTSTP:
                self.stop_ourselves()
            arrival = self._signals.wait(0.0)
        return False

    def stop_ourselves(self) -> None:
        """Stop until somebody continues us. What was not seen meanwhile is a gap."""
        began_ns = self.now_ns()
        self._signals.stop_here()
        stopped_s = (self.now_ns() - began_ns) / NS
        if stopped_s < STOPPED_S:
            return
        text = f"The run was stopped for {stopped_s:.1f} s (ctrl-Z): nothing was read meanwhile."
        self._live.hub.event("note", {"code": "gap", "text": text})

    def tell_late(self, names: set[str]) -> None:
        """Record which sources were not ready when the run began."""
        for name in sorted(names):
            self._live.hub.event("late_source", {"collector": name})

    def answer(self, question: Callable[[], T], *, otherwise: Callable[[], T]) -> T:
        """The hub's answer after all that was posted; a disk that hangs must not hold up the job."""
        try:
            return self._live.hub.ask(question).result(HUB_S)
        except futures.TimeoutError:
            return otherwise()

    def check(self, opening: Opening) -> None:
        """Whether the devices and the meter that were asked for are there.

        Raises:
            ConfigError: one is not; says which, why, and what there is.
        """
        self._live.read_now(START_READING_S)  # with it comes what a collector says of devices it cannot read
        self.answer(opening.check, otherwise=lambda: None)

    def rest_s(self, began_ns: int) -> float:
        """What is left of the time for the readings after the end; a little is left to each of them."""
        return max(END_READING_S - (self.now_ns() - began_ns) / NS, LEAST_READING_S)

    def now_ns(self) -> int:
        """The live source's monotonic clock."""
        return self._live.clock.monotonic_ns()
