"""How long queries took in a window: count, mean, extremes and percentiles of each timing.

Timings that perfwatch took itself are increments in exponential buckets (`perfwatch.model.Histogram`):
mean, minimum and maximum are exact, percentiles right to 0.5 %. A server's page gives cumulative counts by
bound: its percentiles are interpolated in a bucket as PromQL's `histogram_quantile` does, and its extremes
are unknown. Buckets are merged first; percentiles are never averaged.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.within import Within, added, in_buckets, in_histogram
from perfwatch.derive.work import OWN_TIMES, source_kind, workloads
from perfwatch.model import Buckets, Histogram, Unit

QUANTILES = {"p50_s": (1, 2), "p90_s": (9, 10), "p95_s": (19, 20), "p99_s": (99, 100), "p999_s": (999, 1000)}
"""Key of the summary -> the quantile as a fraction of whole numbers, so that ranks are exact."""
FEW = 10
"""A percentile with fewer observations beyond it is marked."""
NO_LIMITS: Mapping[str, Sequence[float]] = MappingProxyType({})

_BUCKETS_PER_DOUBLING = 128
_FARTHEST = 1000 * _BUCKETS_PER_DOUBLING
"""Buckets farther out than a floating-point number reaches hold nothing that was ever timed."""


@dataclass(frozen=True)
class Latency:
    """One timing in one window; `None` is unknown.

    Args:
        count: observations (whole, except where a page's counts are interpolated).
        percentiles: by the keys of `QUANTILES`.
        lower_limits: those of `percentiles` that lie above the highest bound of a page's buckets: the
            value is that bound, the truth is larger.
        buckets: of those of `percentiles` that lie in a bucket wider than themselves, its bounds: the value
            is a guess, the truth is anywhere in it.
        within: how many keep to the limits, s, that were asked about.
        source: the kind of source that tells it.
        share_no_bound: no percentile is known, as the buckets of several servers have no bound in common.
    """

    count: float
    mean_s: float | None
    min_s: float | None
    max_s: float | None
    percentiles: Mapping[str, float | None]
    lower_limits: tuple[str, ...] = ()
    buckets: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    within: Mapping[float, Within] = field(default_factory=dict)
    source: str | None = None
    share_no_bound: bool = False

    def few(self) -> list[str]:
        """The percentiles that rest on fewer than ten observations beyond them."""
        return [
            key
            for key, (part, whole) in QUANTILES.items()
            if self.percentiles[key] is not None and self.count * (whole - part) < FEW * whole
        ]


def latencies(
    tape: Tape,
    spans: Sequence[Span],
    *,
    last_end: float,
    only: Sequence[DeviceTape] | None = None,
    limits: Mapping[str, Sequence[float]] = NO_LIMITS,
) -> dict[str, Latency]:
    """Every timing of a session in a window, by bare name (`latency` for `latency_seconds`).

    Where several kinds of source time the same thing, the first in the order of
    `perfwatch.derive.work.KINDS` is used.

    Args:
        only: these workloads; all that there are by default.
        limits: times, s, of which `within` is wanted, by bare name.
    """
    found: dict[str, tuple[str, list[DeviceTape]]] = {}
    for device in workloads(tape) if only is None else only:
        kind = source_kind(device)
        for metric in (*device.histograms, *device.buckets):
            if metric.endswith("_seconds"):
                first_kind, group = found.setdefault(metric, (kind, []))
                if first_kind == kind and not any(known is device for known in group):
                    group.append(device)
    told = {}
    for metric, (kind, group) in sorted(found.items()):
        bare = metric.removesuffix("_seconds")
        latency = _latency(metric, group, spans, last_end, limits.get(bare, ()))
        told[bare] = replace(latency, source=kind)
    return told


def _latency(
    metric: str,
    devices: Sequence[DeviceTape],
    spans: Sequence[Span],
    last_end: float,
    limits: Sequence[float],
) -> Latency:
    if any(metric in device.histograms for device in devices):
        increments = [
            histogram
            for device in devices
            for histogram in _increments(device, metric, spans, last_end)
            if _plausible(histogram)
        ]
        within = {s: added(in_histogram(each, s) for each in increments) for s in limits}
        return replace(of_histogram(merge(increments)), within=within)
    grown = [each for device in devices for each in _growth(device, metric, spans, last_end)]
    within = {s: added(in_buckets(each.bounds, each.counts, s) for each in grown) for s in limits}
    counted = [each for each in grown if each.counts[-1] > 0.0] or grown
    merged = _merge_buckets(counted)
    share_none = len(merged[0]) == 1 and any(len(each.bounds) > 1 for each in counted)
    return replace(of_buckets(*merged), within=within, share_no_bound=share_none)


def _increments(
    device: DeviceTape, metric: str, spans: Sequence[Span], last_end: float
) -> Iterable[Histogram]:
    """The increments stamped after a span's start and up to its end; see `course.Course.moved_in`."""
    samples = device.histograms.get(metric, [])
    times = [t for t, _ in samples]
    held = source_kind(device) in OWN_TIMES
    for span in spans:
        to_the_last = held and span.end >= last_end
        upto = len(samples) if to_the_last else bisect_right(times, span.end)
        for _, histogram in samples[bisect_right(times, span.start) : upto]:
            yield histogram


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Histograms added up, in their order."""
    n, zero, sums = 0, 0, []
    low, high = math.inf, -math.inf
    buckets: dict[int, int] = {}
    for histogram in histograms:
        if not _plausible(histogram):
            continue
        n += histogram.n
        zero += histogram.zero
        sums.append(histogram.sum)
        low, high = min(low, histogram.min), max(high, histogram.max)
        for index, count in histogram.buckets.items():
            buckets[index] = buckets.get(index, 0) + count
    return Histogram(n, math.fsum(sums), low, high, dict(sorted(buckets.items())), zero)


def _plausible(histogram: Histogram) -> bool:
    """Whether it holds observations, and only such as a time can be: a session may come from elsewhere."""
    finite = math.isfinite(histogram.sum) and math.isfinite(histogram.min) and math.isfinite(histogram.max)
    if histogram.n <= 0 or not finite:
        return False
    return not histogram.buckets or (
        min(histogram.buckets) > -_FARTHEST and max(histogram.buckets) < _FARTHEST
    )


def of_histogram(histogram: Histogram) -> Latency:
    """The figures of an exponential histogram."""
    if not histogram.n:
        return Latency(0, None, None, None, dict.fromkeys(QUANTILES))
    ranks = {key: rank_of(histogram.n, *quantile) for key, quantile in QUANTILES.items()}
    values = {key: None if rank is None else _value_of(histogram, rank) for key, rank in ranks.items()}
    return Latency(histogram.n, histogram.sum / histogram.n, histogram.min, histogram.max, values)


def rank_of(n: int, part: int, whole: int) -> int | None:
    """The rank (from 1) of the quantile part/whole among n observations.

    `None` where fewer than one observation lies beyond it: then the largest would be told as a percentile.
    """
    if n * (whole - part) < whole:
        return None
    return -(-n * part // whole)


def _value_of(histogram: Histogram, rank: int) -> float:
    """The value at a rank: the geometric middle of its bucket, within 0.3 % of the truth."""
    value = 0.0
    seen = histogram.zero
    for index in sorted(histogram.buckets):
        if seen >= rank:
            break
        seen += histogram.buckets[index]
        value = 2.0 ** ((index + 0.5) / _BUCKETS_PER_DOUBLING)
    return min(max(value, histogram.min), histogram.max)


class _Grown(NamedTuple):
    """How far cumulative buckets grew in a window: counts by upper bound (the last is infinity)."""

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    sum: float | None


def _growth(device: DeviceTape, metric: str, spans: Sequence[Span], last_end: float) -> Iterator[_Grown]:
    """How far they grew, once for each cut that the bounds had."""
    declared = next((item for item in device.device.metrics if item.name == metric), None)
    if declared is None or declared.unit is not Unit.SECOND:
        return
    for finite, samples in device.cuts(metric):
        bounds = (*finite, math.inf)
        course = _BucketCourse(device, samples, len(bounds))
        parts = [course.between(span, last_end) for span in spans]
        counts = tuple(math.fsum(part[column] for part in parts) for column in range(len(bounds)))
        sums = [part[-1] for part in parts]
        yield _Grown(bounds, counts, math.fsum(sums) if course.has_sum else None)


class _BucketCourse:
    """The cumulative buckets of one device over time, restarts bridged: a row is its counts, then its sum."""

    def __init__(self, device: DeviceTape, samples: Sequence[tuple[float, Buckets]], columns: int) -> None:
        readings = [(t, buckets) for t, buckets in samples if len(buckets.counts) == columns]
        self.has_sum = all(buckets.sum is not None for _, buckets in readings)
        self.held = source_kind(device) in OWN_TIMES
        self.times = [t for t, _ in readings]
        self.polls = device.times
        self.rows = [(0.0,) * (columns + 1)]
        for (_, before), (_, after) in pairwise(readings):
            self.rows.append(_added(self.rows[-1], before, after))
            if after.counts[-1] < 0.0:
                self._take_back()

    def _take_back(self) -> None:
        """What was counted of a process that turned out to be no restarted one was never observed."""
        last = self.rows[-1]
        for index in range(len(self.rows) - 2, -1, -1):
            if self.rows[index][-2] <= last[-2]:
                break
            self.rows[index] = tuple(map(min, self.rows[index], last))

    def between(self, span: Span, last_end: float) -> tuple[float, ...]:
        to_the_last = self.held and span.end >= last_end
        end = self.rows[-1] if to_the_last else self._at(span.end)
        return tuple(after - before for before, after in zip(self._at(span.start), end, strict=True))

    def _at(self, t: float) -> tuple[float, ...]:
        index = bisect_right(self.times, t) - 1
        if index < 0:
            return self.rows[0]
        if self.held or index + 1 == len(self.times):
            return self.rows[index]
        # Buckets are recorded only when they changed: until the poll before the next record they stood still.
        following = self.times[index + 1]
        before = max(self.times[index], self.polls[max(bisect_left(self.polls, following) - 1, 0)])
        share = max(0.0, (t - before) / (following - before))
        return tuple(
            old + share * (new - old) for old, new in zip(self.rows[index], self.rows[index + 1], strict=True)
        )


def _added(row: tuple[float, ...], before: Buckets, after: Buckets) -> tuple[float, ...]:
    """The row after another reading; buckets that fell were restarted and count from zero."""
    restarted = any(new < old for old, new in zip(before.counts, after.counts, strict=True))
    old = (0.0,) * len(row) if restarted else (*before.counts, before.sum or 0.0)
    new = (*after.counts, after.sum or 0.0)
    return tuple(total + grown - was for total, grown, was in zip(row, new, old, strict=True))


def _merge_buckets(grown: Sequence[_Grown]) -> tuple[tuple[float, ...], tuple[float, ...], float | None]:
    """Several servers' buckets by the bounds that all of them have: counts at a common bound are exact."""
    if not grown:
        return (math.inf,), (0.0,), None
    common = sorted(set(grown[0].bounds).intersection(*(each.bounds for each in grown[1:])))
    by_bound = [dict(zip(each.bounds, each.counts, strict=True)) for each in grown]
    counts = tuple(math.fsum(counts[bound] for counts in by_bound) for bound in common)
    sums = [each.sum for each in grown if each.sum is not None]
    return tuple(common), counts, math.fsum(sums) if len(sums) == len(grown) else None


def of_buckets(bounds: Sequence[float], counts: Sequence[float], total_s: float | None) -> Latency:
    """The figures of cumulative counts by upper bound; the last bound is infinity."""
    n = counts[-1]
    if n <= 0:
        return Latency(0, None, None, None, dict.fromkeys(QUANTILES))
    percentiles: dict[str, float | None] = {}
    limits, wide = [], {}
    for key, (part, whole) in QUANTILES.items():
        value, is_limit = None, False
        if n * (whole - part) >= whole:
            value, is_limit = quantile_of_buckets(bounds, counts, n * part / whole)
        percentiles[key] = value
        if is_limit:
            limits.append(key)
        elif value is not None and (bucket := _wide_bucket(bounds, value)) is not None:
            wide[key] = bucket
    count = int(n) if float(n).is_integer() else n
    mean_s = total_s / n if total_s is not None else None
    return Latency(count, mean_s, None, None, percentiles, tuple(limits), wide)


def _wide_bucket(bounds: Sequence[float], value: float) -> tuple[float, float] | None:
    """The bucket that a value lies in, where that is wider than the value."""
    index = bisect_left(bounds, value)
    upper, lower = bounds[index], bounds[index - 1] if index else 0.0
    return (lower, upper) if upper - lower > value else None


def quantile_of_buckets(
    bounds: Sequence[float], counts: Sequence[float], rank: float
) -> tuple[float | None, bool]:
    """The value at a rank, as PromQL has it, and whether it is only a lower limit.

    Linear inside the first bucket whose cumulative count reaches the rank; that of the lowest bucket
    begins at zero. Beyond the highest finite bound that bound is the answer.
    """
    index = bisect_left(counts, rank)
    if index >= len(counts) - 1:
        return (bounds[-2], True) if len(bounds) > 1 else (None, False)
    upper, count = bounds[index], counts[index]
    if index == 0 and upper <= 0:
        return upper, False
    lower, below = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0.0)
    if count == below:
        return upper, False
    return lower + (upper - lower) * (rank - below) / (count - below), False
