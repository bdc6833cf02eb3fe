"""A counter that falls and is back at once: was that a restart, or another process that answered?

A server that restarts counts up from there, step by step. Where several answer for one address in turn and do
not say which is which, the counter falls to what another has counted and is back where it was in one step:
nothing of what either adds is known to have been done.
"""

from __future__ import annotations

import math

AT_ONCE = 0.5
"""A step that makes up for so much of a fall is no work that was done."""


class Bounces:
    """Takes the readings of one counter, in order."""

    __slots__ = ("_added", "_fell_from", "_fell_to", "_seen", "_step")

    def __init__(self) -> None:
        self._fell_from: float | None = None
        self._fell_to = self._added = self._step = 0.0
        self._seen = False
        """Whether it was back at once before: every fall is in doubt then."""

    def take(self, before: float, value: float, *, passed_s: float) -> float:
        """How much of what the counter moved, up to this reading, is in doubt because of it.

        Args:
            passed_s: since the reading before; 0 for a source's own word that it began anew.
        """
        if value < before:
            return self._fall(before, value, told=passed_s <= 0.0 or value < 0.0)
        step = value - before
        if self._fell_from is None or value < self._fell_from:
            self._step = max(self._step, 0.0 if self._fell_from is not None else step)
            return 0.0
        fall, self._fell_from = self._fell_from - self._fell_to, None
        return step + self._all_before(fall) if step >= AT_ONCE * fall else self._none_before()

    def _fall(self, before: float, value: float, *, told: bool) -> float:
        if told:
            self._fell_from = None
            return self._none_before()
        self._fell_from, self._fell_to = before, value
        self._added += value
        return self._all_before(math.inf) if self._seen else 0.0

    def _all_before(self, fall: float) -> float:
        """What is in doubt with it: what was added at the falls, and the step that led up to the first."""
        led_up = self._step if self._step >= AT_ONCE * fall else 0.0
        added, self._seen = self._added + led_up, True
        return added + self._none_before()

    def _none_before(self) -> float:
        self._added = self._step = 0.0
        return 0.0
