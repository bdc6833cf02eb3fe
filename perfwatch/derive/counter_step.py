"""By how much does an energy counter move at a time: as declared, as seen, or at least by its last digit?

What was used since its last step, a counter does not tell: at both ends of a window it is behind by up to a
step, evenly spread, so that a difference is wrong by q / sqrt(6) in the mean square.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from math import inf, sqrt
from operator import ne, sub

from perfwatch.derive.counters import Cumulative
from perfwatch.derive.uncertainty import Error
from perfwatch.model import Metric

STANDS_S = 1.0
"""A counter that was seen to stand for so long moves in steps; less is its update period's."""
STANDS_UPDATES = 3.0
"""The same in update periods, where they are declared."""
FINEST_DIGITS = 6
"""Readings are recorded to a microjoule."""


def step_of(counter: Cumulative) -> float:
    """By how many joules a counter moves at a time; 0 for one that was never seen to stand."""
    return max(counter.metric.step or 0.0, _seen(counter))


def step_error(step_j: float, amount_j: float, last_digit_j: float) -> Error:
    """The error that steps leave in a difference.

    A counter that did not move says that less than a step was used, or less than a unit of its last digit.
    """
    if amount_j > 0.0:
        return Error(0.0, step_j / sqrt(6.0))
    return Error(0.0, max(step_j, last_digit_j) / 2.0)


def last_digit_of(values: Sequence[float]) -> float:
    """A unit of the last digit that readings have, J; of whole ones a joule."""
    few = (values[0], values[-1])
    places = (place for place in range(FINEST_DIGITS) if all(round(one, place) == one for one in few))
    return float(10.0 ** -next(places, FINEST_DIGITS))


def stands_s(metric: Metric) -> float:
    """From when on a counter that does not move is one that moves in steps."""
    return max(STANDS_S, STANDS_UPDATES * (metric.update_s or 0.0))


def _seen(counter: Cumulative) -> float:
    """The smallest move of a counter that was seen to stand; else 0."""
    times, values = counter.times, counter.values
    moves = list(map(sub, values[1:], values))
    if 0.0 not in moves:
        return 0.0
    moved = [0, *compress(range(1, len(values)), map(ne, values[1:], values))]
    lasts = (*(index - 1 for index in moved[1:]), len(times) - 1)
    longest_s = max(times[last] - times[first] for first, last in zip(moved, lasts, strict=True))
    return (
        min((move for move in moves if move > 0.0), default=0.0)
        if longest_s >= stands_s(counter.metric)
        else 0.0
    )


class SeenStep:
    """The same as readings come."""

    def __init__(self, metric: Metric) -> None:
        self._declared = metric.step or 0.0
        self._stands_s = stands_s(metric)
        self._since: float | None = None
        self._value = 0.0
        self._least = inf
        self._stood = False

    def declare(self, metric: Metric) -> None:
        """What its source shows of its steps later holds of all that it told."""
        self._declared = metric.step or 0.0

    def take(self, t: float, value: float) -> None:
        """Add a reading of the counter."""
        if self._since is not None and value == self._value:
            self._stood = self._stood or t - self._since >= self._stands_s
            return
        if self._since is not None and value > self._value:
            self._least = min(self._least, value - self._value)
        self._since, self._value = t, value

    @property
    def joules(self) -> float:
        """By how much it moves at a time; 0 where it was never seen to stand."""
        return max(self._declared, self._least if self._stood and self._least < inf else 0.0)
