"""Time, as an argument: `SystemClock` in life, `perfwatch.testing.FakeClock` in tests."""

from __future__ import annotations

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


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def time_ns(self) -> int:
        return time.time_ns()
