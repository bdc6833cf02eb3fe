"""A clock that goes on by hand."""

from __future__ import annotations

WALL_S = 1_900_000_000.0
"""Wall time at 0 s of the monotonic clock."""
BEGAN_S = 500.0
"""Monotonic time when a test begins."""


class StillClock:
    """Stands at `s` seconds of the monotonic clock, and at the wall time that belongs to them."""

    def __init__(self) -> None:
        self.s = BEGAN_S

    def monotonic_ns(self) -> int:
        return round(self.s * 1e9)

    def time_ns(self) -> int:
        return round((WALL_S + self.s) * 1e9)

    def wait(self, wake: object, seconds: float) -> None: ...
