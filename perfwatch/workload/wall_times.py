"""A log's wall times on our monotonic clock, set right by the moments at which its lines arrive.

No line arrives before it was written, and in a log that is written line by line the quickest one arrives at
once. So the shortest time between a line's own and its arrival is the offset of the two clocks, unless it is
small and positive: then it is the line's way.
"""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.clock import NS, Clock, ahead_ns

AHEAD_S = 0.05
"""Logs tell milliseconds, and clocks are set a little."""
BEHIND_S = 1.0
"""Lines may be so long on their way: buffers, a look now and then."""


class Offset(NamedTuple):
    """What is added to the times of a log to set them right, s."""

    seconds: float
    error_s: float


class WallTimes:
    """The times of one log.

    Args:
        clock: ours.
        look_s: how exactly the arrival of a line is known.
    """

    def __init__(self, clock: Clock, look_s: float) -> None:
        self._clock = clock
        self._look_s = look_s
        self._opened_ns = clock.monotonic_ns()
        self._least_ns: int | None = None
        self._ahead_ns = ahead_ns(clock)

    def look(self) -> None:
        """See how far our two clocks are apart now: once for all lines that are read together."""
        self._ahead_ns = ahead_ns(self._clock)

    def hear(self, wall_s: float, arrived_ns: int) -> None:
        """A line with this time arrived then."""
        way_ns = arrived_ns - self._told(wall_s)
        self._least_ns = way_ns if self._least_ns is None else min(way_ns, self._least_ns)

    def on_our_clock(self, wall_s: float) -> int:
        """The time in ns of CLOCK_MONOTONIC; never one to come, nor one before the log was followed."""
        now_ns = self._clock.monotonic_ns()
        return min(max(self._told(wall_s) + self._shift_ns, self._opened_ns), now_ns)

    @property
    def offset(self) -> Offset | None:
        """How far the clocks are apart; None while nothing says that they are."""
        return Offset(self._shift_ns / NS, self._look_s) if self._shift_ns else None

    @property
    def _shift_ns(self) -> int:
        least_ns = self._least_ns or 0
        return 0 if -AHEAD_S * NS <= least_ns <= BEHIND_S * NS else least_ns

    def _told(self, wall_s: float) -> int:
        return round(wall_s * NS) + self._ahead_ns
