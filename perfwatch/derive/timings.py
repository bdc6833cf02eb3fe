"""How long did queries take over time? Percentiles of one timing in any stretch of a session, in few bytes.

Observations are kept by bins of 1 s for five minutes, of 10 s for an hour and of 60 s for a day. The finest
bins have the full resolution of `perfwatch.model.Histogram`; in the others four buckets are one, which is
right to 1.1 % and enough for a chart. Bins are merged before a percentile is taken; percentiles are never
averaged.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from perfwatch.derive.latency import QUANTILES, Latency, merge, of_buckets, of_histogram, rank_of
from perfwatch.derive.within import in_buckets, in_exponential, in_histogram
from perfwatch.model import Buckets, Histogram, Metric
from perfwatch.session import format as fmt

SIZES = ((1.0, 300, 0), (10.0, 360, 2), (60.0, 1440, 2))
"""Width of a bin in seconds, so many of them, and by how many bits its buckets are coarser."""
WINDOW_S = 10.0
"""A point of a chart tells the queries of so many seconds before it, at least: few queries have no p99."""

MOST_TOLD = 2048
"""So many stretches are remembered until the next reading."""
_PER_OCTAVE = 128
_ZERO = -(2**20)
"""The place of observations at or below zero, before every bucket."""

Bin = tuple[int, float | None, float | None, float | None]


class Timing:
    """One histogram metric of one workload.

    Args:
        metric: its declaration; with `bounds` its readings are cumulative, else they are increments.
        limits: times, s, of which it is told how many observations keep to them.
    """

    def __init__(self, metric: Metric, limits: Sequence[float] = ()) -> None:
        self.metric = metric
        self._limits = tuple(limits)
        self._bounds = None if metric.bounds is None else (*metric.bounds, math.inf)
        self._before: Buckets | None = None
        self._all: dict[int, float] = {}
        self._sum_s: float | None = 0.0
        self._least_s, self._most_s = math.inf, -math.inf
        # A page's buckets are few and stay as they are.
        self._tiers = [
            _Tier(width_s, bins, bits if metric.bounds is None else 0) for width_s, bins, bits in SIZES
        ]
        self._whole: Latency | None = None
        self._told: dict[tuple[float, int, int], Latency] = {}
        """What stretches were asked for since the last reading: charts ask for each percentile by itself."""

    # -- taking readings ---------------------------------------------------------------------------

    def take(self, t: float, value: Any) -> None:
        """Add a reading as it stands in a record; what is malformed is passed over."""
        try:
            found = self._increment(value) if self._bounds is None else self._growth(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        if not found:
            return
        _add(self._all, found)
        for tier in self._tiers:
            tier.add(t, found)
        self._whole = None
        self._told.clear()

    def _increment(self, value: Any) -> dict[int, float]:
        histogram = merge([fmt.decode_histogram(value)])
        if not histogram.n:
            return {}
        self._sum_s = (self._sum_s or 0.0) + histogram.sum
        self._least_s = min(self._least_s, histogram.min)
        self._most_s = max(self._most_s, histogram.max)
        found: dict[int, float] = dict(histogram.buckets)
        if histogram.zero:
            found[_ZERO] = histogram.zero
        return found

    def _growth(self, value: Any) -> dict[int, float]:
        """What each bucket grew by; buckets that fell were restarted and count from zero."""
        buckets = fmt.decode_buckets(value)
        assert self._bounds is not None
        if len(buckets.counts) != len(self._bounds) or not all(map(math.isfinite, buckets.counts)):
            return {}
        before, self._before = self._before, buckets
        if before is None:
            return {}
        restarted = any(new < old for old, new in zip(before.counts, buckets.counts, strict=True))
        old_counts = (0.0,) * len(buckets.counts) if restarted else before.counts
        self._add_sum(0.0 if restarted else before.sum, buckets.sum)
        grown = [new - old for old, new in zip(old_counts, buckets.counts, strict=True)]
        single = [after - below for below, after in zip([0.0, *grown], grown, strict=False)]
        return {place: count for place, count in enumerate(single) if count > 0}

    def _add_sum(self, before_s: float | None, after_s: float | None) -> None:
        known = self._sum_s is not None and before_s is not None and after_s is not None
        self._sum_s = self._sum_s + after_s - before_s if known else None  # type: ignore[operator]

    # -- what is asked -----------------------------------------------------------------------------

    def whole(self) -> Latency:
        """Everything so far."""
        if self._whole is None:
            self._whole = self._everything()
        return self._whole

    def _everything(self) -> Latency:
        if self._bounds is not None:
            return self._of_page(self._all, self._sum_s)
        buckets = {place: int(count) for place, count in self._all.items() if place != _ZERO}
        n, zero = int(sum(self._all.values())), int(self._all.get(_ZERO, 0))
        whole = Histogram(n, self._sum_s or 0.0, self._least_s, self._most_s, buckets, zero)
        return replace(of_histogram(whole), within={s: in_histogram(whole, s) for s in self._limits})

    def between(self, start: float, stop: float) -> Latency:
        """From the bin that holds `start` up to `stop`, s. Only count and percentiles are known of it."""
        return self._stretch(start, stop)

    def bins(self, quantile: str, width_s: float, first: int, last: int) -> list[Bin]:
        """One percentile (a key of `QUANTILES`) over time, at bins of a chart.

        A bin tells the queries that ended in it and in the `WINDOW_S` before its end; None where they were
        too few for that percentile.
        """
        found: list[Bin] = []
        for at in range(first, last + 1):
            stop = (at + 1) * width_s
            value = self._stretch(stop - max(width_s, WINDOW_S), stop).percentiles[quantile]
            found.append((at, value, value, value))
        return found

    def _stretch(self, start: float, stop: float) -> Latency:
        """The observations of a stretch, from the finest tier that still has its begin."""
        tier = next((one for one in self._tiers if one.has(start)), self._tiers[-1])
        span = (tier.width_s, int(start // tier.width_s), math.ceil(stop / tier.width_s))
        told = self._told.get(span)
        if told is None:
            if len(self._told) > MOST_TOLD:
                self._told.clear()
            told = self._told[span] = self._latency(tier.merged(span[1], span[2]), tier.bits)
        return told

    def _latency(self, counts: Mapping[int, float], bits: int) -> Latency:
        if self._bounds is not None:
            return self._of_page(counts, None)
        per_doubling = _PER_OCTAVE / (1 << bits)
        within = {s: in_exponential(counts, s, per_doubling=per_doubling) for s in self._limits}
        return replace(_of_exponential(counts, bits), within=within)

    def _of_page(self, counts: Mapping[int, float], sum_s: float | None) -> Latency:
        assert self._bounds is not None
        cumulative = self._cumulative(counts)
        within = {s: in_buckets(self._bounds, cumulative, s) for s in self._limits}
        return replace(of_buckets(self._bounds, cumulative, sum_s), within=within)

    def _cumulative(self, counts: Mapping[int, float]) -> list[float]:
        assert self._bounds is not None
        return list(accumulate(counts.get(place, 0.0) for place in range(len(self._bounds))))


class _Tier:
    """Bins of one width: the newest `size` of them, counts by bucket, packed."""

    def __init__(self, width_s: float, size: int, bits: int) -> None:
        self.width_s = width_s
        self.bits = bits
        self._size = size
        self._bins: dict[int, array[float]] = {}
        self._newest = -1
        self._cut_before = -1
        """Bins before this one are not kept any more."""

    def has(self, t: float) -> bool:
        return t // self.width_s >= self._cut_before

    def add(self, t: float, found: Mapping[int, float]) -> None:
        at = int(t // self.width_s)
        if at < self._cut_before:
            return
        counts = _unpacked(self._bins.get(at))
        _add(counts, _coarse(found, self.bits) if self.bits else found)
        self._bins[at] = _packed(counts)
        if at > self._newest:
            self._newest = at
            self._cut()

    def _cut(self) -> None:
        self._cut_before = max(self._cut_before, self._newest - self._size + 1)
        while (oldest := next(iter(self._bins))) < self._cut_before:
            del self._bins[oldest]

    def merged(self, first: int, beyond: int) -> dict[int, float]:
        counts: dict[int, float] = {}
        # The stretch may be far wider than what is kept.
        for at in range(max(first, self._cut_before, 0), min(beyond, self._newest + 1)):
            packed = self._bins.get(at)
            if packed is not None:
                _add(counts, _unpacked(packed))
        return counts


def _packed(counts: Mapping[int, float]) -> array[float]:
    """Bucket and count in turn; four bytes each hold both exactly up to 16 million."""
    return array("f", [number for pair in counts.items() for number in pair])


def _unpacked(packed: array[float] | None) -> dict[int, float]:
    return {} if packed is None else dict(zip(map(int, packed[::2]), packed[1::2], strict=True))


def _add(into: dict[int, float], more: Mapping[int, float]) -> None:
    for place, count in more.items():
        into[place] = into.get(place, 0.0) + count


def _coarse(counts: Mapping[int, float], bits: int) -> dict[int, float]:
    found: dict[int, float] = {}
    for place, count in counts.items():
        coarse = place if place == _ZERO else place >> bits
        found[coarse] = found.get(coarse, 0.0) + count
    return found


def _of_exponential(counts: Mapping[int, float], bits: int) -> Latency:
    """Each percentile is the geometric middle of its bucket; None where too few lie beyond it."""
    places = sorted(counts)
    below = list(accumulate(counts[place] for place in places))
    n = int(below[-1]) if below else 0
    percentiles: dict[str, float | None] = {}
    for key, quantile in QUANTILES.items():
        rank = rank_of(n, *quantile) if n else None
        percentiles[key] = None if rank is None else _middle(places[bisect_left(below, rank)], bits)
    return Latency(n, None, None, None, percentiles)


def _middle(place: int, bits: int) -> float:
    return 0.0 if place == _ZERO else float(2.0 ** ((place + 0.5) * (1 << bits) / _PER_OCTAVE))
