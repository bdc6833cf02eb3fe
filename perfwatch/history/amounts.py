"""How far had a counter moved by a time?"""

from __future__ import annotations

import math
from array import array

from perfwatch.derive import counters
from perfwatch.model import Metric

NAN = math.nan


class Total:
    """How far a counter moved since its first reading.

    What it did over a restart is not known and left out; of work it is at least the new value, and that
    counts (as everywhere: perfwatch/derive/work.py).
    """

    __slots__ = ("_before", "_counts_from_zero", "_total", "_wraps_at")

    def __init__(self, metric: Metric, *, counts_from_zero: bool) -> None:
        self._wraps_at = metric.wraps_at
        self._counts_from_zero = counts_from_zero
        self._before: float | None = None
        self._total = 0.0

    def take(self, value: float) -> float:
        """Add a reading; returns the total."""
        before, self._before = self._before, value
        if before is not None:
            self._total += value - before if value >= before else self._over_the_fall(before, value)
        return self._total

    def _over_the_fall(self, before: float, value: float) -> float:
        moved = counters.difference(before, value, self._wraps_at)
        if moved is None:
            return value if self._counts_from_zero else 0.0
        return moved


Known = tuple[float, float] | None
"""A time and an amount."""


def known_before(times: array[float], amounts: array[float], index: int) -> Known:
    """The last amount at `index` or before it."""
    while index >= 0 and math.isnan(amounts[index]):
        index -= 1
    return (times[index], amounts[index]) if index >= 0 else None


def known_after(times: array[float], amounts: array[float], index: int) -> Known:
    """The first amount at `index` or after it."""
    while index < len(amounts) and math.isnan(amounts[index]):
        index += 1
    return (times[index], amounts[index]) if index < len(amounts) else None


def interpolated(before: Known, after: Known, t: float) -> float | None:
    """The amount at `t`; where only one side is known, that one."""
    if before is None or after is None:
        known = before or after
        return None if known is None else known[1]
    if after[0] <= before[0]:
        return before[1]
    share = min(1.0, max(0.0, (t - before[0]) / (after[0] - before[0])))
    return before[1] + share * (after[1] - before[1])
