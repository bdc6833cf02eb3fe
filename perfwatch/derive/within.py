"""How many observations of a histogram keep to a limit? At least and at most: buckets hold no times."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from perfwatch.model import Histogram

PER_DOUBLING = 128
"""Buckets of `perfwatch.model.Histogram` in a doubling of time."""


class Within(NamedTuple):
    """How many observations keep to a limit; between the two bounds it is not known."""

    at_least: float
    at_most: float


def in_histogram(histogram: Histogram, limit_s: float) -> Within:
    """Of observations in exponential buckets, whose least and largest are known as they are."""
    if limit_s >= histogram.max:
        return Within(histogram.n, histogram.n)
    if limit_s < histogram.min:
        return Within(0, 0)
    known = in_exponential(histogram.buckets, limit_s)
    at_least, at_most = (histogram.zero + each for each in known)
    # The least of them keeps to the limit, the largest does not.
    return Within(max(at_least, min(1, histogram.n)), max(1, min(at_most, histogram.n - 1)))


def in_exponential(
    counts: Mapping[int, float], limit_s: float, *, per_doubling: float = PER_DOUBLING
) -> Within:
    """Of counts by place: place i holds what lies in (2^(i/n), 2^((i+1)/n)], n places in a doubling."""
    edge = math.log2(limit_s) * per_doubling
    at_least = sum(count for place, count in counts.items() if place + 1 <= edge)
    return Within(at_least, sum(count for place, count in counts.items() if place < edge))


def in_buckets(bounds: Sequence[float], counts: Sequence[float], limit_s: float) -> Within:
    """Of cumulative counts by upper bound (included, as Prometheus has it); the last bound is infinity."""
    below = bisect_right(bounds, limit_s)
    at_least = counts[below - 1] if below else 0.0
    return Within(at_least, max(at_least, counts[bisect_left(bounds, limit_s)]))


def added(parts: Iterable[Within]) -> Within:
    """Of several histograms together."""
    each = list(parts)
    return Within(sum(one.at_least for one in each), sum(one.at_most for one in each))
