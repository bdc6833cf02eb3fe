"""What is kept of one device? Its newest samples as they came, and tiers of ever coarser bins behind them.

A counter is kept as the amount by which it moved since its first reading: such an amount only grows, so that
the minimum and maximum of a bin are its exact first and last, and energy over any kept span stays right
however coarse the bins are.

Inside, a missing value is a NaN; outside it is `None`.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from perfwatch.derive.inherited import FirstTotals, is_printed
from perfwatch.history.amounts import NAN, Known, Total, interpolated, known_after, known_before
from perfwatch.history.tiers import Merged, Size, Tier, joined, merge_bins, merge_values
from perfwatch.model import Device, DeviceKind, Kind

RAW_SAMPLES = 8192
"""Newest samples kept as they came, where the budget allows it."""
TIERS = ((1.0, 3600), (10.0, 2160), (60.0, 2880))
"""Resolution in seconds and number of bins, where the budget allows it: an hour, six hours, two days."""
SLACK = 1.25
"""An array grows so far beyond its size before its oldest part is cut off, so that cutting is rare."""
GROWTH = 1.0625
"""What the interpreter allocates ahead for an array that is appended to."""
ARRAY_BYTES = sys.getsizeof(array("d")) + 64
_NUMBERS = (float, int)
_LARGEST = 1e300
"""What is beyond this is no reading; sums stay finite."""
Extent = tuple[float | None, float | None, float | None]
"""Low, mean and high of a place on a chart; of a counter all three are its rate per second."""
_NOTHING: Extent = (None, None, None)


class Kept:
    """What is kept of one device. The oldest parts of `times` and columns are cut off now and then."""

    def __init__(self, collector: str, device: Device, longest_gap_s: float) -> None:
        self.collector = collector
        self.device = device
        self.times = array("d")
        self._columns: dict[str, array[float]] = {}
        self._tiers = [Tier(Size(*size)) for size in TIERS]
        self._raw = RAW_SAMPLES
        self._pending = 0
        """So many of the newest samples are not in the first tier yet."""
        self._totals: dict[str, Total] = {}
        self._firsts: dict[str, FirstTotals] = {}
        """Of counters that a job prints, until it is known whether earlier jobs' work is in the first."""
        self._longest_gap_s = longest_gap_s
        self._writers: list[tuple[int, array[float], Callable[[float], float] | None]] = []
        self.declare(device)

    def declare(self, device: Device) -> None:
        """Take the metrics of a declaration; those that were there before keep their columns."""
        self._follow_the_firsts(device)
        self.device = device
        wanted = {metric.name: metric for metric in device.metrics if metric.kind is not Kind.HISTOGRAM}
        self._totals = {
            name: self._totals.get(name) or Total(metric, counts_from_zero=device.kind is DeviceKind.WORKLOAD)
            for name, metric in wanted.items()
            if metric.kind is Kind.COUNTER
        }
        self._columns = {
            name: self._columns.get(name) or array("d", [NAN]) * len(self.times) for name in wanted
        }
        for tier in self._tiers:
            tier.declare(list(wanted))
        self._writers = [
            (place, self._columns[metric.name], self._counted(metric.name))
            for place, metric in enumerate(device.metrics)
            if metric.name in wanted
        ]

    def _follow_the_firsts(self, device: Device) -> None:
        for metric in device.metrics:
            name = metric.name
            is_work = metric.kind is Kind.COUNTER and device.kind is DeviceKind.WORKLOAD
            if is_work and name not in self._totals and is_printed(device, name.removesuffix("_total")):
                self._firsts[name] = FirstTotals()

    def _counted(self, name: str) -> Callable[[float], float] | None:
        total = self._totals.get(name)
        return None if total is None else total.take

    # -- size --------------------------------------------------------------------------------------

    def most_bytes(self, level: int) -> int:
        """What all arrays take when they are as long as they may become at this level."""
        rows = math.ceil((RAW_SAMPLES >> level) * SLACK)
        bins = sum(math.ceil((size >> level) * SLACK) for _, size in TIERS)
        columns = len(self._columns)
        values = 8 * (rows * (1 + columns) + bins * (2 + 3 * columns)) + 4 * bins * columns
        arrays = 1 + columns + len(TIERS) * (2 + 4 * columns)
        return math.ceil(values * GROWTH) + arrays * ARRAY_BYTES

    def bytes_used(self) -> int:
        own = sum(map(sys.getsizeof, (self.times, *self._columns.values())))
        return own + sum(sys.getsizeof(one) for tier in self._tiers for one in tier.arrays())

    def limit(self, level: int) -> None:
        """Keep so much as this level allows."""
        self._raw = RAW_SAMPLES >> level
        self._cut_raw(self._raw)
        for tier, (resolution_s, bins) in zip(self._tiers, TIERS, strict=True):
            tier.size = replace(Size(resolution_s, bins), bins=bins >> level)
            self._shorten(tier)

    def _cut_raw(self, samples: int) -> None:
        surplus = len(self.times) - samples
        if surplus > 0:
            self._fold_raw_if(self._pending > samples)
            del self.times[:surplus]
            for column in self._columns.values():
                del column[:surplus]

    def _shorten(self, tier: Tier) -> None:
        if tier is self._tiers[-1]:
            while len(tier.begins) > tier.size.bins:
                tier.merge_by_two()
        else:
            tier.cut(max(tier.size.bins, tier.pending))

    # -- taking samples ----------------------------------------------------------------------------

    def take(self, t: float, values: Sequence[Any]) -> None:
        """Add a sample. A time before the last one is taken for the last one."""
        times = self.times
        if times and t < times[-1]:
            t = times[-1]
        self._fold_raw_if(self._pending >= self._raw // 2 or self._is_new_bin(t))
        known = len(values)
        times.append(t)
        for place, column, counted in self._writers:
            value = values[place] if place < known else None
            if value.__class__ not in _NUMBERS or not -_LARGEST < value < _LARGEST:
                column.append(NAN)
            elif counted is None:
                column.append(value)
            else:
                column.append(counted(value))
        self._pending += 1
        if self._firsts:
            self._leave_out_earlier_jobs()
        if len(times) > self._raw * SLACK - 1:
            self._cut_raw(self._raw)

    def _leave_out_earlier_jobs(self) -> None:
        """What a job prints first may be what it goes on from: that is no work at that time."""
        if len(self.times) < 2:
            return
        for name, firsts in list(self._firsts.items()):
            before, now = self._columns[name][-2:]
            if not now > before:
                continue
            left_out = firsts.take(self.times[-1], now, self.times[-2])
            if firsts.is_settled:
                del self._firsts[name]
            if left_out:
                self._lift(name, firsts.began, left_out)

    def _lift(self, name: str, until: float, amount: float) -> None:
        """A counter stood so much higher before a time: its course from there on keeps its shape."""
        _raise(self._columns[name], bisect_left(self.times, until), amount)
        for tier in self._tiers:
            _raise(tier.cells[name].low, bisect_left(tier.begins, until), amount)
            _raise(tier.cells[name].high, bisect_left(tier.ends, until), amount)

    def _is_new_bin(self, t: float) -> bool:
        resolution_s = self._tiers[0].resolution_s
        return self._pending > 0 and t // resolution_s != self.times[-1] // resolution_s

    def _fold_raw_if(self, due: bool) -> None:
        """Put the newest samples into the first tier, and what became whole there into the next."""
        if not due or not self._pending:
            return
        first, last = len(self.times) - self._pending, len(self.times)
        self._pending = 0
        if last - first == 1:
            tier = self._with_room(0, self.times[first])
            tier.append_reading(self.times[first], self._columns)
            self._shorten_if_long(tier)
            return
        found = {name: merge_values(column[first:last]) for name, column in self._columns.items()}
        self._append(0, self.times[first], self.times[last - 1], found)

    def _append(self, level: int, begin: float, end: float, found: Mapping[str, Merged]) -> None:
        tier = self._with_room(level, begin)
        tier.append(begin, end, found)
        self._shorten_if_long(tier)

    def _with_room(self, level: int, begin: float) -> Tier:
        """The tier, once what is whole in it before a bin that begins there is in the next one."""
        tier = self._tiers[level]
        if level + 1 < len(self._tiers) and tier.pending:
            resolution_s = self._tiers[level + 1].resolution_s
            whole = begin // resolution_s != tier.begins[-tier.pending] // resolution_s
            if whole or tier.pending >= tier.size.bins // 2:
                self._fold(level)
        return tier

    def _shorten_if_long(self, tier: Tier) -> None:
        if len(tier.begins) > tier.size.bins * SLACK - 1:
            self._shorten(tier)

    def _fold(self, level: int) -> None:
        tier = self._tiers[level]
        first, last = len(tier.begins) - tier.pending, len(tier.begins)
        found = {name: merge_bins(cell, first, last) for name, cell in tier.cells.items()}
        tier.pending = 0
        self._append(level + 1, tier.begins[first], tier.ends[last - 1], found)

    # -- what is asked -----------------------------------------------------------------------------

    def has(self, metric: str) -> bool:
        return metric in self._columns

    def is_counter(self, metric: str) -> bool:
        return metric in self._totals

    def level(self, metric: str, start: float, stop: float) -> Extent:
        """A gauge from `start` up to but not including `stop`."""
        low, high, total, n = self._merged(metric, start, stop)
        return (low, total / n, high) if n else _NOTHING

    def rate_in_bin(self, metric: str, start: float, stop: float) -> Extent:
        """A counter's rate per second in what lies between its own first and last reading."""
        before, after = self._around(metric, start)
        if after is None or self._is_hole(metric, start, stop, before, after):
            return _NOTHING
        last_before, last_after = self._around(metric, stop)
        begin = start if before is not None else after[0]
        end = stop if last_after is not None or last_before is None else last_before[0]
        low, high = interpolated(before, after, begin), interpolated(last_before, last_after, end)
        if end <= begin or low is None or high is None:
            return _NOTHING
        per_s = (high - low) / (end - begin)
        return per_s, per_s, per_s

    def _is_hole(self, metric: str, start: float, stop: float, before: Known, after: Known) -> bool:
        """Whether a device was not read for too long to tell a rate. Work is told when there is some."""
        if before is None or after is None or self.device.kind is DeviceKind.WORKLOAD:
            return False
        if after[0] - before[0] <= self._longest_gap_s:
            return False
        return not self._merged(metric, start, stop).n

    def moved(self, metric: str, start: float, end: float) -> float | None:
        """How far a counter moved in what was seen of the span."""
        oldest = self._oldest()
        if not self.has(metric) or oldest is None:
            return None
        start, end = max(start, oldest), min(end, self.times[-1])
        if end <= start:
            return None
        before, after = self._total_at(metric, start), self._total_at(metric, end)
        return None if before is None or after is None else after - before

    def _oldest(self) -> float | None:
        starts = [tier.begins[0] for tier in self._tiers if tier.begins]
        return min([*starts, *self.times[:1]], default=None)

    def _merged(self, metric: str, start: float, stop: float) -> Merged:
        """The readings from `start` up to but not including `stop`, from the finest tier that has them."""
        first, last = bisect_left(self.times, start), bisect_left(self.times, stop)
        newest = merge_values(self._columns[metric][first:last])
        finer_from = self.times[0] if self.times else math.inf
        if start >= finer_from:  # what charts ask for in each frame
            return newest
        parts = [newest]
        for tier in self._tiers:
            if start >= finer_from:
                break
            # A bin that begins where the finer tier does is in that tier already.
            last = bisect_left(tier.begins, min(stop, finer_from))
            first = bisect_left(tier.ends, start)
            parts.append(merge_bins(tier.cells[metric], first, last))
            finer_from = min([finer_from, *tier.begins[:1]])
        return joined(parts)

    def _total_at(self, metric: str, t: float) -> float | None:
        """The amount of a counter at a time, interpolated between what is known around it."""
        return interpolated(*self._around(metric, t), t)

    def _around(self, metric: str, t: float) -> tuple[Known, Known]:
        """The nearest amounts at or before a time, and at or after it."""
        if not self.times or t < self.times[0]:
            return self._known_around(metric, t)
        column = self._columns[metric]
        before = known_before(self.times, column, bisect_right(self.times, t) - 1)
        return before, known_after(self.times, column, bisect_left(self.times, t))

    def _known_around(self, metric: str, t: float) -> tuple[Known, Known]:
        """The nearest amounts before and after a time that is older than the raw samples."""
        after = known_after(self.times, self._columns[metric], 0)
        before: Known = None
        for tier in self._tiers:
            if not tier.begins:
                continue
            cell = tier.cells[metric]
            index = bisect_right(tier.begins, t) - 1
            following = known_after(tier.begins, cell.low, max(index + 1, 0))
            # A bin that begins among the raw samples is known better there.
            if following is not None and following[0] < self.times[0]:
                after = min(following, after or following)
            if index < 0:
                continue
            if t <= tier.ends[index] and cell.n[index]:
                return (tier.begins[index], cell.low[index]), (tier.ends[index], cell.high[index])
            before = known_before(tier.ends, cell.high, index)
            break
        return before, after


def _raise(values: array[float], until: int, amount: float) -> None:
    """Add to those before an index."""
    for index in range(until):
        values[index] += amount
