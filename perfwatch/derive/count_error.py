"""How wrong may a polled count be at the ends of a window? docs/numbers.md explains the model.

A count that is read every h seconds is interpolated at an end that lies between two readings. Of N events
that fall anywhere in that interval, on their own, the part u has a variance of N u (1 - u); of what comes in
bursts it is more, of what comes evenly less. So N is replaced by what the readings themselves show: how much
their increments differ from one to the next. A counter that moves by many at once and not at each reading
(a server that updates its page every ten seconds, tokens that are counted when a request ends) is late
besides: at both ends by as much as it had not yet told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SELDOM = 1.5
"""A counter whose moves are further apart than so many readings is told in steps, if those are large."""
LARGE_STEP = 2.0
"""A mean step of so much is no single event."""
GRANULAR = 1.0 / 12.0
"""Variance of a whole count cut at an instant between two readings."""


@dataclass
class Flow:
    """How a counter came along: sums over its readings, so that a live fold can keep them.

    Args:
        seconds, amount: between the first reading and the last.
        steps, moves: how many intervals there were, and in how many of them it moved.
        uneven: sum of the squared differences of neighbouring increments, each less what the mean rate so far
            makes of its interval.
    """

    seconds: float = 0.0
    amount: float = 0.0
    steps: int = 0
    moves: int = 0
    uneven: float = 0.0
    _before: tuple[float, float] | None = None

    def take(self, seconds: float, amount: float) -> None:
        """Add the next interval: how long it was and by how much the counter moved in it."""
        if seconds <= 0.0:
            return
        self.seconds += seconds
        self.amount += amount
        self.steps += 1
        self.moves += amount > 0.0
        if self._before is not None:
            before_s, before = self._before
            self.uneven += (amount - before - self.rate * (seconds - before_s)) ** 2
        self._before = seconds, amount

    @property
    def rate(self) -> float:
        """Work per second; 0 before anything was read."""
        return self.amount / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def variance_per_s(self) -> float:
        """Variance of the amount in an interval, per second of it."""
        return self.uneven / (2.0 * self.seconds) if self.seconds > 0.0 else 0.0

    def late_s(self, ages_s: Sequence[float]) -> float:
        """By how much the counter's lateness at the two ends differs, s; 0 for one that tells each event.

        Args:
            ages_s: for how long it had not moved at either end; one that rests has nothing more to tell.
        """
        if not self.moves or self.amount < LARGE_STEP * self.moves:
            return 0.0
        apart_s = self.seconds / self.moves
        if apart_s <= SELDOM * self.seconds / self.steps:
            return 0.0
        known = [age_s if age_s <= 2.0 * apart_s else 0.0 for age_s in ages_s]
        return max(known) - min(known)

    def bridged(self, share: float, interval_s: float) -> float:
        """Variance of the count interpolated at `share` of an interval between two readings."""
        between = share * (1.0 - share)
        return between * self.variance_per_s * interval_s + GRANULAR if between > 0.0 else 0.0
