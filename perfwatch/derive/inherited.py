"""How much of the first total that a job prints is the work of earlier jobs, which it goes on from?

A job that goes on from a checkpoint prints its steps as if it had done them all. What it does itself shows in
the totals that follow: in equal steps, or in far smaller ones, and at a pace at which it cannot have done the
first in the time that it had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from perfwatch.model import Device

LATER = 3
"""So many increments after the first total tell; two do where they are equal, or the first is far larger."""
FAR_MORE, VERY_FAR_MORE = 5, 10
"""A first total is another job's where it is so many times each of these, and what their pace allows."""
REGULAR_FAR_MORE = 2
"""The same of what the pace allows where a job tells each so many steps, and at first more than these."""
STRIDES = 8
"""A job that tells each so many steps has told none of its first strides: from so many on, at any pace."""
LINES_APART_S = 0.2
"""Quicker lines are joined, and a first total may be of many."""
BEYOND_DOUBT = 50
"""Below so many times it may have been quick at first (what was cached, what is short) and slow later."""
_EQUAL = 1e-6
_STRIDE = 1.5


def is_printed(device: Device, name: str) -> bool:
    """Whether a job prints a count of this bare name as its running total."""
    return name in str(device.facts.get("totals", "")).split(",")


class Inherited(NamedTuple):
    """Of a first total.

    Args:
        left_out: so much is taken for earlier jobs'.
        unsure: so much may be, or may not be, and too little was told since to know.
    """

    left_out: float = 0.0
    unsure: float = 0.0


NOTHING = Inherited()


def inherited(since: float, times: Sequence[float], totals: Sequence[float]) -> Inherited:
    """What of the first total is of earlier jobs.

    Args:
        since: when nothing was done yet.
        times, totals: the first values and when they were told; those beyond `1 + LATER` are not looked at.
    """
    early = _judged(since, times[:LATER], totals[:LATER])
    return early if early.left_out else _judged(since, times[: LATER + 1], totals[: LATER + 1])


class FirstTotals:
    """The first totals of a counter that is read live, until it is known whose work they are."""

    __slots__ = ("_since", "_times", "_totals", "is_settled")

    def __init__(self) -> None:
        self._since = 0.0
        self._times: list[float] = []
        self._totals: list[float] = []
        self.is_settled = False
        """Whether further ones can change nothing."""

    @property
    def began(self) -> float:
        """When the first was told."""
        return self._times[0]

    def take(self, t: float, total: float, before_t: float) -> float:
        """Another total; how much of the first is of earlier jobs, 0 as long as that is not known.

        Args:
            before_t: of the reading before.
        """
        if not self._times:
            self._since = before_t
        self._times.append(t)
        self._totals.append(total)
        left_out = inherited(self._since, self._times, self._totals).left_out
        self.is_settled = bool(left_out) or len(self._times) > LATER
        return left_out


def _judged(since: float, times: Sequence[float], totals: Sequence[float]) -> Inherited:
    if len(times) < 2 or times[-1] <= times[0]:
        return NOTHING
    steps = [after - before for before, after in pairwise(totals)]
    at_its_pace = (times[0] - since) * (totals[-1] - totals[0]) / (times[-1] - times[0])
    if len(steps) > 1 and all(math.isclose(step, steps[0], rel_tol=_EQUAL) for step in steps):
        are_lines = min(after - before for before, after in pairwise(times)) >= LINES_APART_S
        return _of_strides(totals[0], steps[0], at_its_pace, are_lines=are_lines)
    far_more = FAR_MORE if len(steps) >= LATER else VERY_FAR_MORE
    if len(steps) > 1 and totals[0] > far_more * max(*steps, at_its_pace):
        is_clear = totals[0] > BEYOND_DOUBT * max(*steps, at_its_pace)
        return Inherited(totals[0], 0.0 if is_clear else totals[0])
    return Inherited(unsure=totals[0]) if totals[0] > FAR_MORE * at_its_pace else NOTHING


def _of_strides(first: float, stride: float, at_its_pace: float, *, are_lines: bool) -> Inherited:
    """The same where each of the totals that follow is more by as much."""
    rest = first - stride
    if first < _STRIDE * stride:
        return NOTHING
    if rest > REGULAR_FAR_MORE * at_its_pace or (are_lines and first >= STRIDES * stride):
        return Inherited(left_out=rest)
    return Inherited(unsure=rest) if are_lines else NOTHING
