"""Time, as an argument: `SystemClock` in life, `perfwatch.testing.FakeClock` in tests."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What perfwatch asks of time. Intervals use the monotonic clock, labels the wall clock."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC in nanoseconds: the clock of every recorded time."""
        ...

    def time_ns(self) -> int:
        """Wall time in nanoseconds since 1970 (UTC)."""
        ...

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a condition that the caller holds, at most so long."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def time_ns(self) -> int:
        return time.time_ns()

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        condition.wait(seconds)
