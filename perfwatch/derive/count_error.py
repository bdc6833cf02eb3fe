"""How wrong may a polled count be at the ends of a window? docs/numbers.md explains the model.

A count that is read every h seconds is interpolated at an end that lies between two readings. Of N events
that fall anywhere in that interval, on their own, the part u has a variance of N u (1 - u); of what comes in
bursts it is more, of what comes evenly less. So N is replaced by what the readings themselves show: how much
their increments differ from one to the next. A counter that moves by g at a time (a server that answers in
batches: g divides every increment) is wrong by a part of g at each end, however even its increments are.
Where all increments are equal nothing tells a batch from a steady flow, and g is taken half way between.

A counter that moves by many at once and not at each reading (a page that is brought up to date every ten
seconds, tokens that are counted when a request ends) is late besides: at both ends by what it had not yet
told, and that is known no better than to a reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd, sqrt

SELDOM = 1.5
"""A counter whose moves are further apart than so many readings is told in steps, if those are large."""
MOSTLY = 0.5
"""One that mostly moves at one reading after the other is told at each, and rested in between."""
LARGE_STEP = 2.0
"""A mean step of so much is no single event."""
GRANULAR = 1.0 / 12.0
"""Variance of a whole count, or of a batch, cut at an instant between two readings."""
ENOUGH_MOVES = 4
"""From so many moves on their common divisor is taken for the size of a batch."""


@dataclass
class Flow:
    """How a counter came along: sums over its readings, so that a live fold can keep them.

    Args:
        seconds, amount: between the first reading and the last.
        steps, moves: how many intervals there were, and in how many of them it moved.
        running: in how many of those it had moved in the interval before as well.
        uneven: sum of the squared differences of neighbouring increments, each less what the mean rate so far
            makes of its interval.
        divisor: of all increments, where these are whole numbers; else 0.
    """

    seconds: float = 0.0
    amount: float = 0.0
    steps: int = 0
    moves: int = 0
    uneven: float = 0.0
    divisor: int = 0
    running: int = 0
    _whole: bool = True
    _varies: bool = False
    _before: tuple[float, float] | None = None
    _moved: bool = False

    def take(self, seconds: float, amount: float) -> None:
        """Add the next interval: how long it was and by how much the counter moved in it."""
        if seconds <= 0.0:
            return
        self.seconds += seconds
        self.amount += amount
        self.steps += 1
        self.moves += amount > 0.0
        self.running += self._moved and amount > 0.0
        self._moved = amount > 0.0
        self._varies |= self.divisor not in (0, amount)
        self._whole = self._whole and float(amount).is_integer()
        self.divisor = gcd(self.divisor, int(amount)) if self._whole else 0
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

    @property
    def batch(self) -> float:
        """By how much it moves at a time, at least."""
        if self.divisor <= 1 or self.moves < ENOUGH_MOVES:
            return 1.0
        return float(self.divisor) if self._varies else sqrt(self.divisor)

    def lateness(self, ages_s: Sequence[float]) -> float:
        """Variance from what it had not yet told at the two ends; 0 for one that tells each event.

        Args:
            ages_s: for how long it had not moved at either end; one that rests has nothing more to tell.
        """
        if not self.moves or self.amount < LARGE_STEP * self.moves:
            return 0.0
        apart_s, spacing_s = self.seconds / self.moves, self.seconds / self.steps
        if apart_s <= SELDOM * spacing_s or self.running >= MOSTLY * self.moves:
            return 0.0
        known = [age_s if age_s <= 2.0 * apart_s else 0.0 for age_s in ages_s]
        return self.rate**2 * ((max(known) - min(known)) ** 2 + spacing_s**2 / 6.0)

    def bridged(self, share: float, interval_s: float) -> float:
        """Variance of the count interpolated at `share` of an interval between two readings."""
        between = share * (1.0 - share)
        moves = self.rate * interval_s / self.batch
        return between * self.variance_per_s * interval_s + self.batch**2 * min(GRANULAR, moves * between)
