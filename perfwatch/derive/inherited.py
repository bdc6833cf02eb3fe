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

LATER = 3
"""So many increments after the first total tell; two do where they are equal, or the first is far larger."""
FAR_MORE, VERY_FAR_MORE = 5, 10
"""A first total is another job's where it is so many times each of these, and what their pace allows."""
REGULAR_FAR_MORE = 2
"""The same of what the pace allows where a job tells each so many steps, and at first more than these."""
_EQUAL = 1e-6
_STRIDE = 1.5


class Inherited(NamedTuple):
    """Of a first total.

    Args:
        left_out: so much is taken for earlier jobs'.
        unsure: so much may be, and too little was told since to know.
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
    for few in range(3, LATER + 1):
        found = _judged(since, times[:few], totals[:few])
        if found.left_out:
            return found
    return _judged(since, times[: LATER + 1], totals[: LATER + 1])


def is_settled(found: Inherited, told: int) -> bool:
    """Whether further totals can change nothing, after so many."""
    return bool(found.left_out) or told > LATER


def _judged(since: float, times: Sequence[float], totals: Sequence[float]) -> Inherited:
    if len(times) < 2 or times[-1] <= times[0]:
        return NOTHING
    steps = [after - before for before, after in pairwise(totals)]
    at_its_pace = (times[0] - since) * (totals[-1] - totals[0]) / (times[-1] - times[0])
    if len(steps) > 1 and all(math.isclose(step, steps[0], rel_tol=_EQUAL) for step in steps):
        rest = totals[0] - steps[0]
        is_more = totals[0] >= _STRIDE * steps[0] and rest > REGULAR_FAR_MORE * at_its_pace
        return Inherited(left_out=rest) if is_more else NOTHING
    far_more = FAR_MORE if len(steps) >= LATER else VERY_FAR_MORE
    if len(steps) > 1 and totals[0] > far_more * max(*steps, at_its_pace):
        return Inherited(left_out=totals[0])
    return Inherited(unsure=totals[0]) if totals[0] > FAR_MORE * at_its_pace else NOTHING
