"""How much work is it that a job tells as a rate, line by line?

A rate is integrated: it is of the time since the line before, which the line does not tell. Where lines come
evenly, one that comes far later follows a pause (an evaluation, a checkpoint) of which it tells nothing: it
counts as long as the others. What the first line tells is taken to be as long as the second's time.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from perfwatch.workload.tally import Number

USUAL = 7
"""So many of the latest times between lines tell the usual one."""
KNOWN = 4
"""So many are needed, each up to `EVEN` times the usual one: then lines come evenly."""
EVEN = 1.5
PAUSE = 5.0
"""A line that is so many times later than usual follows a pause."""
SELDOMER = 3
"""So many of these in a row are none: lines come seldomer from now on."""


class Rate:
    """One rate that is told again and again.

    Args:
        opened_ns: nothing was done before (CLOCK_MONOTONIC).
    """

    def __init__(self, opened_ns: int) -> None:
        self._told_ns = opened_ns
        self._first: tuple[Number, float] | None = None
        """The first rate, and for how long it may have held, until the second is told."""
        self._lasted_s: deque[float] = deque(maxlen=USUAL)
        self._is_told = False
        self._pauses = 0

    def take(self, per_s: Number, at_ns: int) -> tuple[float, float]:
        """A line tells so much a second: how much was done, and how much of it is in doubt.

        A line that waited for its end may be earlier than one of another stream that was booked before.
        """
        passed_s = max(0.0, (at_ns - self._told_ns) / 1e9)
        self._told_ns = max(at_ns, self._told_ns)
        if not self._is_told:
            self._is_told, self._first = True, (per_s, passed_s)
            return 0.0, 0.0
        done, in_doubt = self._since_the_line_before(per_s, passed_s)
        if self._first is not None:
            rate, held_s = self._first
            self._first = None
            first = rate * min(passed_s, held_s)
            return done + first, in_doubt + first
        return done, in_doubt

    def _since_the_line_before(self, per_s: Number, passed_s: float) -> tuple[float, float]:
        usual_s = self._usual_s()
        if usual_s is not None and passed_s > PAUSE * usual_s:
            self._pauses += 1
            if self._pauses < SELDOMER:
                return per_s * usual_s, per_s * usual_s
            self._lasted_s.clear()
        self._pauses = 0
        self._lasted_s.append(passed_s)
        return per_s * passed_s, 0.0

    def _usual_s(self) -> float | None:
        """The time between lines; None where they do not come evenly."""
        if len(self._lasted_s) < KNOWN:
            return None
        usual_s = median(self._lasted_s)
        is_even = usual_s / EVEN <= min(self._lasted_s) and max(self._lasted_s) <= EVEN * usual_s
        return usual_s if is_even and usual_s > 0.0 else None
