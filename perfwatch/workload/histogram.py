"""How are single observations gathered into the exponential buckets of `model.Histogram`?

Bucket `i` holds values in (2^(i/128), 2^((i+1)/128)]: OpenTelemetry's exponential histogram of scale 7
(its data model, "Exponential Scale"). The middle of a bucket is within 0.28 % of everything in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from perfwatch.model import Histogram

PER_OCTAVE = 128
"""Buckets per doubling."""


def bucket_of(value: float) -> int:
    """The index of the bucket that holds a positive finite value."""
    return math.ceil(math.log2(value) * PER_OCTAVE) - 1


def bounds_of(index: int) -> tuple[float, float]:
    """Lower bound (not included) and upper bound (included) of a bucket."""
    return 2.0 ** (index / PER_OCTAVE), 2.0 ** ((index + 1) / PER_OCTAVE)


class Observations:
    """What was observed since it was last taken. Values are finite, in the unit of their metric."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.n = 0
        self.sum = 0.0
        self.min = math.inf
        self.max = -math.inf
        self.zero = 0
        self.buckets: dict[int, int] = {}

    def observe(self, value: float, times: int = 1) -> None:
        """Add a value that was observed so many times."""
        self.n += times
        self.sum += value * times
        self.min = min(self.min, value)
        self.max = max(self.max, value)
        if value <= 0.0:
            self.zero += times
            return
        index = bucket_of(value)
        self.buckets[index] = self.buckets.get(index, 0) + times

    def observe_all(self, values: Sequence[float]) -> None:
        """Add values, each observed once; four times as fast as one by one."""
        if not values:
            return
        self.n += len(values)
        self.sum += math.fsum(values)
        lowest, highest = min(values), max(values)
        self.min = min(self.min, lowest)
        self.max = max(self.max, highest)
        ceil, log2 = math.ceil, math.log2
        indices = Counter([ceil(log2(value) * PER_OCTAVE) - 1 for value in values if value > 0.0])
        self.zero += len(values) - indices.total()
        add_buckets(self.buckets, indices)

    def merge(self, other: Histogram) -> None:
        """Add observations that were gathered elsewhere."""
        if not other.n:
            return
        self.n += other.n
        self.sum += other.sum
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)
        self.zero += other.zero
        add_buckets(self.buckets, other.buckets)

    def take(self) -> Histogram | None:
        """What was observed since the last call, or None if nothing was."""
        if not self.n:
            return None
        taken = Histogram(self.n, self.sum, self.min, self.max, self.buckets, self.zero)
        self._clear()
        return taken


def add_buckets(into: dict[int, int], more: Mapping[int, int]) -> None:
    """Add bucket counts to others, index by index."""
    for index, count in more.items():
        into[index] = into.get(index, 0) + count
