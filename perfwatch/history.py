"""What happened lately, for charts? Columns of recent values per device, in bounded memory for any length.

Each device keeps its newest samples as they came (raw), and bins of 1, 10 and 60 s with minimum, maximum
and mean behind them; when the last tier is full its bins are merged by two, so that the whole session stays
in view at a falling resolution. A counter is kept as the amount by which it moved since its first reading:
such an amount only grows, so that the minimum and maximum of a bin are its exact first and last, and energy
over any kept span stays right however coarse the bins are. For a device that tells power, the integral of
it is kept in the same way.

Inside, a missing value is a NaN; outside it is `None`. All times are seconds on the session's clock.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

from perfwatch.derive import counters
from perfwatch.derive.integral import gap_limit_s
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Kind, Metric
from perfwatch.session import format as fmt

NAN = math.nan
BUDGET_BYTES = 64 * 1024 * 1024
RAW_SAMPLES = 8192
"""Newest samples kept as they came, where the budget allows it."""
TIERS = ((1.0, 3600), (10.0, 2160), (60.0, 2880))
"""Resolution in seconds and number of bins, where the budget allows it: an hour, six hours, two days."""
LEAST_LEVEL = 6
"""To keep the budget all of this is halved, at most so often; then devices that are gone are forgotten."""
SLACK = 1.25
"""An array grows so far beyond its size before its oldest part is cut off, so that cutting is rare."""
GROWTH = 1.0625
"""What the interpreter allocates ahead for an array that is appended to."""
ARRAY_BYTES = sys.getsizeof(array("d")) + 64

INTEGRAL = "(integral of power)"
"""The column of joules integrated from power; no metric is called so."""


_NUMBERS = (float, int)
_LARGEST = 1e300
"""What is beyond this is no reading; sums stay finite."""


class Point(NamedTuple):
    """One place of a chart: the values from `t` on; `None` where nothing was read.

    For a counter all three are its rate per second.
    """

    t: float
    low: float | None
    mean: float | None
    high: float | None


class History:
    """A sink of the hub that keeps what charts need.

    Args:
        budget_bytes: what all arrays together may take, whatever comes.

    `left_out` counts devices for which there was no room at all.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._interval_s = 1.0
        self._level = 0
        self._kept: dict[int, _Kept] = {}
        self._gone: dict[int, None] = {}
        self.left_out = 0

    # -- taking records ----------------------------------------------------------------------------

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record of the session; what is malformed is passed over."""
        try:
            self._take(record)
        except (KeyError, TypeError, ValueError):
            return

    def tick(self, now_ns: int) -> None:
        """Nothing is due by the clock."""

    def _take(self, record: Mapping[str, Any]) -> None:
        if "s" in record:
            for number, t, values in record["s"]:
                kept = self._kept.get(number)
                if kept is not None and math.isfinite(t) and isinstance(values, (list, tuple)):
                    kept.take(float(t), values)
        elif "device" in record:
            number, collector, device = fmt.decode_device(record["device"])
            self._declare(number, collector, device)
        elif record.get("event") == "gone":
            self._gone[int(record["n"])] = None
        elif record.get("format") == fmt.FORMAT:
            self._interval_s = float(record["interval_s"])

    def _declare(self, number: int, collector: str, device: Device) -> None:
        self._gone.pop(number, None)
        kept = self._kept.get(number)
        if kept is not None:
            kept.declare(device)
        else:
            self._kept[number] = _Kept(collector, device, gap_limit_s(self._interval_s))
        self._keep_the_budget(number)

    def _keep_the_budget(self, newest: int) -> None:
        """Halve capacities until everything fits; forget what is gone, and at last the newest device."""
        while self._most_bytes() > self._budget_bytes:
            if self._level < LEAST_LEVEL:
                self._level += 1
            elif self._gone:
                longest_gone = next(iter(self._gone))
                del self._gone[longest_gone]
                self._kept.pop(longest_gone, None)
            else:
                del self._kept[newest]
                self.left_out += 1
                break
        for kept in self._kept.values():
            kept.limit(self._level)

    def _most_bytes(self) -> int:
        """What the arrays take when they are full."""
        return sum(kept.most_bytes(self._level) for kept in self._kept.values())

    # -- what is asked -----------------------------------------------------------------------------

    @property
    def devices(self) -> dict[int, tuple[str, Device]]:
        """Collector and device by number in the stream."""
        return {number: (kept.collector, kept.device) for number, kept in self._kept.items()}

    @property
    def bytes_used(self) -> int:
        """What the arrays take now."""
        return sum(kept.bytes_used() for kept in self._kept.values())

    def latest(self, number: int, metric: str) -> tuple[float, float] | None:
        """Time and value of the newest reading of a gauge (of a counter: how far it moved so far)."""
        kept = self._kept.get(number)
        return None if kept is None else kept.latest(metric)

    def extremes(self, number: int, metric: str, start: float, end: float) -> tuple[float, float] | None:
        """Smallest and largest reading of a gauge from `start` to `end`.

        What is older than the raw samples is known to its tier's resolution: readings up to one bin
        before and after the span can be among them.
        """
        kept = self._kept.get(number)
        if kept is None or not kept.has(metric):
            return None
        low, high, _, n = kept.merged(metric, start, end, closed=True)
        return (low, high) if n else None

    def moved(self, number: int, metric: str, start: float, end: float) -> float | None:
        """How far a counter moved from `start` to `end`, as far as it was seen; `None` if it was not.

        Exact between readings; inside a coarse bin it is interpolated.
        """
        kept = self._kept.get(number)
        return None if kept is None else kept.moved(metric, start, end)

    def energy(self, number: int, start: float, end: float) -> float | None:
        """Joules of a device from `start` to `end`: by its counter, else by the integral of its power."""
        by_counter = self.moved(number, ENERGY.name, start, end)
        return by_counter if by_counter is not None else self.moved(number, INTEGRAL, start, end)

    def values(self, number: int) -> dict[str, float | None]:
        """The newest row by metric (of a counter: how far it moved so far); empty before the first."""
        kept = self._kept.get(number)
        return {} if kept is None else kept.newest()

    def last_t(self, number: int) -> float | None:
        """When a device was read last."""
        kept = self._kept.get(number)
        return kept.times[-1] if kept is not None and kept.times else None

    def bins(
        self, number: int, metric: str, width_s: float, first: int, last: int
    ) -> list[tuple[int, float | None, float | None, float | None]]:
        """Low, mean and high of a metric in the bins `first` to `last`, both included.

        Bin k holds the readings from `k * width_s` up to but not including `(k + 1) * width_s`: a bin stays
        the same from one question to the next. Of a counter all three are its rate per second. `None` where
        nothing was read.
        """
        kept = self._kept.get(number)
        if kept is None or not kept.has(metric):
            return [(k, None, None, None) for k in range(first, last + 1)]
        ask = kept.rate_in_bin if kept.is_counter(metric) else kept.level
        points = (ask(metric, k * width_s, (k + 1) * width_s) for k in range(first, last + 1))
        return [(first + place, *point[1:]) for place, point in enumerate(points)]

    def window(
        self, number: int, metric: str, span_s: float, points: int, end: float | None = None
    ) -> list[Point]:
        """The last `span_s` seconds of a metric (up to `end`), as so many points of equal width."""
        kept = self._kept.get(number)
        if kept is None or not kept.has(metric) or points < 1 or not kept.times:
            return []
        until = kept.times[-1] if end is None else end
        edges = [until - span_s + span_s * place / points for place in range(points + 1)]
        if kept.is_counter(metric):
            return [kept.rate(metric, start, stop) for start, stop in pairwise(edges)]
        # The last point takes the newest reading in, which lies on its edge.
        edges[-1] = math.nextafter(edges[-1], math.inf)
        return [kept.level(metric, start, stop) for start, stop in pairwise(edges)]


class _Cell:
    """One metric in one tier: a value per bin of its minimum, maximum, sum and number of readings."""

    __slots__ = ("high", "low", "n", "total")

    def __init__(self, bins: int) -> None:
        nothing = array("d", [NAN]) * bins
        self.low, self.high = nothing[:], nothing[:]
        self.total = array("d", bytes(8 * bins))
        self.n = array("I", bytes(array("I").itemsize * bins))

    def arrays(self) -> tuple[array[Any], ...]:
        return (self.low, self.high, self.total, self.n)


@dataclass(frozen=True)
class _Size:
    resolution_s: float
    bins: int


class _Tier:
    """Bins of one resolution, oldest first: when each one's first and last reading were, and its cells."""

    def __init__(self, size: _Size) -> None:
        self.size = size
        self.resolution_s = size.resolution_s
        self.begins = array("d")
        self.ends = array("d")
        self.cells: dict[str, _Cell] = {}
        self.pending = 0
        """So many of the newest bins are not in the next tier yet."""

    def arrays(self) -> Iterator[array[Any]]:
        yield from (self.begins, self.ends)
        for cell in self.cells.values():
            yield from cell.arrays()

    def declare(self, names: Iterable[str]) -> None:
        self.cells = {name: self.cells.get(name) or _Cell(len(self.begins)) for name in names}

    def append(self, begin: float, end: float, found: Mapping[str, _Merged]) -> None:
        self.begins.append(begin)
        self.ends.append(end)
        for name, cell in self.cells.items():
            low, high, total, n = found[name]
            cell.low.append(low)
            cell.high.append(high)
            cell.total.append(total)
            cell.n.append(n)
        self.pending += 1

    def cut(self, bins: int) -> None:
        """Forget the oldest bins beyond so many."""
        surplus = len(self.begins) - bins
        if surplus > 0:
            for one in self.arrays():
                del one[:surplus]

    def merge_by_two(self) -> None:
        """Halve the resolution."""
        self.resolution_s *= 2
        groups = list(_groups(self.begins, self.resolution_s))
        cells = {
            name: [_merge_bins(cell, first, last) for first, last in groups]
            for name, cell in self.cells.items()
        }
        self.begins = array("d", [self.begins[first] for first, _ in groups])
        self.ends = array("d", [self.ends[last - 1] for _, last in groups])
        for name, cell in self.cells.items():
            cell.low = array("d", [merged.low for merged in cells[name]])
            cell.high = array("d", [merged.high for merged in cells[name]])
            cell.total = array("d", [merged.total for merged in cells[name]])
            cell.n = array("I", [merged.n for merged in cells[name]])


class _Merged(NamedTuple):
    """Minimum, maximum, sum and number of readings; NaN, NaN, 0, 0 for none."""

    low: float
    high: float
    total: float
    n: int


_NONE = _Merged(NAN, NAN, 0.0, 0)


class _Kept:
    """What is kept of one device. The oldest parts of `times` and columns are cut off now and then."""

    def __init__(self, collector: str, device: Device, longest_gap_s: float) -> None:
        self.collector = collector
        self.device = device
        self.times = array("d")
        self._columns: dict[str, array[float]] = {}
        self._tiers = [_Tier(_Size(*size)) for size in TIERS]
        self._raw = RAW_SAMPLES
        self._pending = 0
        """So many of the newest samples are not in the first tier yet."""
        self._totals: dict[str, _Total] = {}
        self._longest_gap_s = longest_gap_s
        self._integral = _Integral(longest_gap_s)
        self._writers: list[tuple[int, array[float], Callable[[float], float] | None]] = []
        self.declare(device)

    def declare(self, device: Device) -> None:
        """Take the metrics of a declaration; those that were there before keep their columns."""
        self.device = device
        wanted = {metric.name: metric for metric in device.metrics if metric.kind is not Kind.HISTOGRAM}
        self._totals = {
            name: self._totals.get(name)
            or _Total(metric, counts_from_zero=device.kind is DeviceKind.WORKLOAD)
            for name, metric in wanted.items()
            if metric.kind is Kind.COUNTER
        }
        names = [*wanted, *([INTEGRAL] if POWER.name in wanted else [])]
        self._columns = {
            name: self._columns.get(name) or array("d", [NAN]) * len(self.times) for name in names
        }
        for tier in self._tiers:
            tier.declare(names)
        self._writers = [
            (place, self._columns[metric.name], self._counted(metric.name))
            for place, metric in enumerate(device.metrics)
            if metric.name in wanted
        ]

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
            tier.size = replace(_Size(resolution_s, bins), bins=bins >> level)
            self._shorten(tier)

    def _cut_raw(self, samples: int) -> None:
        surplus = len(self.times) - samples
        if surplus > 0:
            self._fold_raw_if(self._pending > samples)
            del self.times[:surplus]
            for column in self._columns.values():
                del column[:surplus]

    def _shorten(self, tier: _Tier) -> None:
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
        if INTEGRAL in self._columns:
            self._columns[INTEGRAL].append(self._integral.take(t, self._columns[POWER.name][-1]))
        self._pending += 1
        if len(times) > self._raw * SLACK - 1:
            self._cut_raw(self._raw)

    def _is_new_bin(self, t: float) -> bool:
        resolution_s = self._tiers[0].resolution_s
        return self._pending > 0 and t // resolution_s != self.times[-1] // resolution_s

    def _fold_raw_if(self, due: bool) -> None:
        """Put the newest samples into the first tier, and what became whole there into the next."""
        if not due or not self._pending:
            return
        first, last = len(self.times) - self._pending, len(self.times)
        found = {name: _merge_values(column[first:last]) for name, column in self._columns.items()}
        self._pending = 0
        self._append(0, self.times[first], self.times[last - 1], found)

    def _append(self, level: int, begin: float, end: float, found: Mapping[str, _Merged]) -> None:
        tier = self._tiers[level]
        if level + 1 < len(self._tiers) and tier.pending:
            resolution_s = self._tiers[level + 1].resolution_s
            whole = begin // resolution_s != tier.begins[-tier.pending] // resolution_s
            if whole or tier.pending >= tier.size.bins // 2:
                self._fold(level)
        tier.append(begin, end, found)
        if len(tier.begins) > tier.size.bins * SLACK - 1:
            self._shorten(tier)

    def _fold(self, level: int) -> None:
        tier = self._tiers[level]
        first, last = len(tier.begins) - tier.pending, len(tier.begins)
        found = {name: _merge_bins(cell, first, last) for name, cell in tier.cells.items()}
        tier.pending = 0
        self._append(level + 1, tier.begins[first], tier.ends[last - 1], found)

    # -- what is asked -----------------------------------------------------------------------------

    def has(self, metric: str) -> bool:
        return metric in self._columns

    def is_counter(self, metric: str) -> bool:
        return metric in self._totals or metric == INTEGRAL

    def latest(self, metric: str) -> tuple[float, float] | None:
        column = self._columns.get(metric)
        if column is None:
            return None
        for index in range(len(column) - 1, -1, -1):
            if not math.isnan(column[index]):
                return self.times[index], column[index]
        return None

    def newest(self) -> dict[str, float | None]:
        """The last row by metric."""
        if not self.times:
            return {}
        row = ((name, column[-1]) for name, column in self._columns.items() if name != INTEGRAL)
        return {name: None if math.isnan(value) else value for name, value in row}

    def level(self, metric: str, start: float, stop: float) -> Point:
        """A gauge from `start` up to but not including `stop`."""
        low, high, total, n = self.merged(metric, start, stop, closed=False)
        return Point(start, low, total / n, high) if n else Point(start, None, None, None)

    def rate(self, metric: str, start: float, stop: float) -> Point:
        """A counter's rate per second between two times."""
        moved, seen_s = self._moved_and_seen_s(metric, start, stop)
        per_s = None if moved is None or seen_s <= 0.0 else moved / seen_s
        return Point(start, per_s, per_s, per_s)

    def rate_in_bin(self, metric: str, start: float, stop: float) -> Point:
        """A counter's rate per second in what lies between its own first and last reading."""
        nothing = Point(start, None, None, None)
        before, after = self._around(metric, start)
        if after is None or self._is_hole(metric, start, stop, before, after):
            return nothing
        last_before, last_after = self._around(metric, stop)
        begin = start if before is not None else after[0]
        end = stop if last_after is not None or last_before is None else last_before[0]
        low, high = _interpolated(before, after, begin), _interpolated(last_before, last_after, end)
        if end <= begin or low is None or high is None:
            return nothing
        per_s = (high - low) / (end - begin)
        return Point(start, per_s, per_s, per_s)

    def _is_hole(self, metric: str, start: float, stop: float, before: _Known, after: _Known) -> bool:
        """Whether a device was not read for too long to tell a rate. Work is told when there is some."""
        if before is None or after is None or self.device.kind is DeviceKind.WORKLOAD:
            return False
        if after[0] - before[0] <= self._longest_gap_s:
            return False
        return not self.merged(metric, start, stop, closed=False).n

    def moved(self, metric: str, start: float, end: float) -> float | None:
        """How far a counter moved in what was seen of the span."""
        return self._moved_and_seen_s(metric, start, end)[0]

    def _moved_and_seen_s(self, metric: str, start: float, end: float) -> tuple[float | None, float]:
        oldest = self._oldest()
        if not self.has(metric) or oldest is None:
            return None, 0.0
        start, end = max(start, oldest), min(end, self.times[-1])
        if end <= start:
            return None, 0.0
        before, after = self._total_at(metric, start), self._total_at(metric, end)
        return (None if before is None or after is None else after - before), end - start

    def _oldest(self) -> float | None:
        starts = [tier.begins[0] for tier in self._tiers if tier.begins]
        return min([*starts, *self.times[:1]], default=None)

    def merged(self, metric: str, start: float, stop: float, *, closed: bool) -> _Merged:
        """The readings from `start` to `stop`, each from the finest tier that still has it."""
        find_last = bisect_right if closed else bisect_left
        first, last = bisect_left(self.times, start), find_last(self.times, stop)
        parts = [_merge_values(self._columns[metric][first:last])]
        finer_from = self.times[0] if self.times else math.inf
        for tier in self._tiers:
            if start >= finer_from:
                break
            # A bin that begins where the finer tier does is in that tier already.
            last = find_last(tier.begins, stop) if stop < finer_from else bisect_left(tier.begins, finer_from)
            first = bisect_left(tier.ends, start)
            parts.append(_merge_bins(tier.cells[metric], first, last))
            finer_from = min([finer_from, *tier.begins[:1]])
        return _joined(parts)

    def _total_at(self, metric: str, t: float) -> float | None:
        """The amount of a counter at a time, interpolated between what is known around it."""
        return _interpolated(*self._around(metric, t), t)

    def _around(self, metric: str, t: float) -> tuple[_Known, _Known]:
        """The nearest amounts at or before a time, and at or after it."""
        if not self.times or t < self.times[0]:
            return self._known_around(metric, t)
        column = self._columns[metric]
        before = _known_before(self.times, column, bisect_right(self.times, t) - 1)
        return before, _known_after(self.times, column, bisect_left(self.times, t))

    def _known_around(self, metric: str, t: float) -> tuple[_Known, _Known]:
        """The nearest amounts before and after a time that is older than the raw samples."""
        after = _known_after(self.times, self._columns[metric], 0)
        before: _Known = None
        for tier in self._tiers:
            if not tier.begins:
                continue
            cell = tier.cells[metric]
            index = bisect_right(tier.begins, t) - 1
            following = _known_after(tier.begins, cell.low, max(index + 1, 0))
            # A bin that begins among the raw samples is known better there.
            if following is not None and following[0] < self.times[0]:
                after = min(following, after or following)
            if index < 0:
                continue
            if t <= tier.ends[index] and cell.n[index]:
                return (tier.begins[index], cell.low[index]), (tier.ends[index], cell.high[index])
            before = _known_before(tier.ends, cell.high, index)
            break
        return before, after


_Known = tuple[float, float] | None
"""A time and an amount."""


def _known_before(times: array[float], amounts: array[float], index: int) -> _Known:
    while index >= 0 and math.isnan(amounts[index]):
        index -= 1
    return (times[index], amounts[index]) if index >= 0 else None


def _known_after(times: array[float], amounts: array[float], index: int) -> _Known:
    while index < len(amounts) and math.isnan(amounts[index]):
        index += 1
    return (times[index], amounts[index]) if index < len(amounts) else None


def _interpolated(before: _Known, after: _Known, t: float) -> float | None:
    if before is None or after is None:
        known = before or after
        return None if known is None else known[1]
    if after[0] <= before[0]:
        return before[1]
    share = min(1.0, max(0.0, (t - before[0]) / (after[0] - before[0])))
    return before[1] + share * (after[1] - before[1])


def _merge_values(values: array[float]) -> _Merged:
    total = math.fsum(values)
    if math.isnan(total):  # one is missing: min and max would depend on where it stands
        values = array("d", [value for value in values if not math.isnan(value)])
        total = math.fsum(values)
    return _Merged(min(values), max(values), total, len(values)) if len(values) else _NONE


def _merge_bins(cell: _Cell, first: int, last: int) -> _Merged:
    n = sum(cell.n[first:last])
    if not n:
        return _NONE
    low, high = _merge_values(cell.low[first:last]).low, _merge_values(cell.high[first:last]).high
    return _Merged(low, high, math.fsum(cell.total[first:last]), n)


def _joined(parts: Iterable[_Merged]) -> _Merged:
    known = [part for part in parts if part.n]
    if not known:
        return _NONE
    return _Merged(
        min(part.low for part in known),
        max(part.high for part in known),
        math.fsum(part.total for part in known),
        sum(part.n for part in known),
    )


def _groups(begins: array[float], resolution_s: float) -> Iterator[tuple[int, int]]:
    """Runs of bins that fall into one bin of another resolution, as first and beyond last."""
    first = 0
    for index in range(1, len(begins) + 1):
        if index == len(begins) or begins[index] // resolution_s != begins[first] // resolution_s:
            yield first, index
            first = index


class _Total:
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
        before, self._before = self._before, value
        if before is not None:
            self._total += value - before if value >= before else self._over_the_fall(before, value)
        return self._total

    def _over_the_fall(self, before: float, value: float) -> float:
        moved = counters.difference(before, value, self._wraps_at)
        if moved is None:
            return value if self._counts_from_zero else 0.0
        return moved


class _Integral:
    """Joules from readings of power, by the trapezoid rule; a gap is left out."""

    __slots__ = ("_joules", "_longest_gap_s", "_t", "_watts")

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._joules = 0.0
        self._t: float | None = None
        self._watts = 0.0

    def take(self, t: float, watts: float) -> float:
        if math.isnan(watts):
            return NAN
        if self._t is not None and t - self._t <= self._longest_gap_s:
            self._joules += (watts + self._watts) / 2 * (t - self._t)
        self._t, self._watts = t, watts
        return self._joules
