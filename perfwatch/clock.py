"""Time, as an argument: `SystemClock` in life, `perfwatch.testing.FakeClock` in tests."""

from __future__ import annotations

import threading
import time
from typing import Protocol

NS = 1_000_000_000
"""Nanoseconds in a second."""
TRIES = 3
"""So often two clocks are compared; the quickest try counts."""


class Wake:
    """Wakes one thread; a bare lock, because a Condition's Python costs too much at 100 polls a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Wake the thread that waits, or the next that will."""
        try:
            self._lock.release()
        except RuntimeError:  # set already
            return

    def wait(self, seconds: float) -> bool:
        """Wait to be woken, at most so long. Whether it was."""
        return self._lock.acquire(timeout=seconds)


class Clock(Protocol):
    """What perfwatch asks of time. Intervals use the monotonic clock, labels the wall clock."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC in nanoseconds: the clock of every recorded time."""
        ...

    def time_ns(self) -> int:
        """Wall time in nanoseconds since 1970 (UTC)."""
        ...

    def wait(self, wake: Wake, seconds: float) -> None:
        """Wait to be woken, at most so long."""
        ...


class SystemClock:
    """The machine's own clocks."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    time_ns = staticmethod(time.time_ns)

    def wait(self, wake: Wake, seconds: float) -> None:
        wake.wait(seconds)


def ahead_ns(clock: Clock) -> int:
    """What is added to wall time to get the monotonic one, now.

    A thread that has to wait between asking the one clock and the other sees them apart: of some tries the
    quickest is taken.
    """
    tries: list[tuple[int, int]] = []
    for _ in range(TRIES):
        before_ns = clock.monotonic_ns()
        wall_ns = clock.time_ns()
        took_ns = clock.monotonic_ns() - before_ns
        tries.append((took_ns, before_ns + took_ns // 2 - wall_ns))
    return min(tries)[1]
