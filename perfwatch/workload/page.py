"""What do the pages of one server, one after the other, add up to?

Metrics are declared as they are seen on a page. A family that a page has for the first time, when the page
before was there without it, began at zero then: servers show many counters only once they counted something.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from perfwatch import metrics
from perfwatch.model import Appeared, Buckets, Device, Kind, Metric, Reading, Sample, Value
from perfwatch.workload.exposition import SERIES, Page, count_of, without_label
from perfwatch.workload.growth import Growing
from perfwatch.workload.patterns import Says
from perfwatch.workload.quantities import STARTED, Quantity
from perfwatch.workload.tally import Number, whole

REMEMBERED = SERIES
"""So many lines of a histogram are known by their labels; beyond, all are looked at anew."""


class PageTally:
    """The totals of one server's page.

    Args:
        device: the device without metrics.
        quantities: what to look for; of several with one name the first that is found is used.
    """

    def __init__(self, device: Device, quantities: Sequence[Quantity]) -> None:
        self.device = device
        self._looked_for = [_Looked(quantity) for quantity in quantities]
        self._declared: dict[str, _Looked] = {}
        self._started: Number | None = None
        self._last_ns: int | None = None

    def readings(self, page: Page, at_ns: int) -> list[Reading]:
        """What a page says, read at a time; nothing if it has none of what is looked for."""
        restarted = self._began_anew(page)
        values = {id(one): one.value(page, restarted=restarted) for one in self._looked_for}
        fresh = [one for one in self._looked_for if values[id(one)] is not None and self._is_new(one)]
        for one in fresh:
            self._declared.setdefault(one.metric.name, one)
        readings = self._declare(fresh) if fresh else []
        self._last_ns = at_ns
        if self._declared:
            row = tuple(values[id(one)] for one in self._declared.values())
            if any(value is not None for value in row):
                readings.append(Sample(self.device.id, row, at_ns))
        return readings

    def unknown(self, at_ns: int) -> list[Reading]:
        """The page cannot be read: nothing is known now; a family that comes with the next is no news."""
        was_known, self._last_ns = self._last_ns is not None, None
        if not self._declared or not was_known:
            return []
        return [Sample(self.device.id, (None,) * len(self._declared), at_ns)]

    def missing(self) -> list[str]:
        """The series that a person named and no page had so far."""
        return [
            one.quantity.series[0]
            for one in self._looked_for
            if one.quantity.asked and one not in self._declared.values()
        ]

    def no_counts(self) -> list[str]:
        """The series that the last page had, but with no value that is a count."""
        return [one.no_count for one in self._looked_for if one.no_count]

    def _is_new(self, one: _Looked) -> bool:
        return one.metric.name not in self._declared

    def _began_anew(self, page: Page) -> bool:
        told = [line.value for line in page.lines(STARTED.series[0])]
        if len(told) != 1 or told[0] is None:
            return False
        before, self._started = self._started, told[0]
        return before is not None and before != self._started

    def _declare(self, fresh: Sequence[_Looked]) -> list[Reading]:
        found = tuple(one.metric for one in self._declared.values())
        self.device = replace(self.device, metrics=found)
        readings: list[Reading] = [Appeared(self.device)]
        zeros = tuple(one.zero() if one in fresh else None for one in self._declared.values())
        if self._last_ns is not None and any(zero is not None for zero in zeros):
            readings.append(Sample(self.device.id, zeros, self._last_ns))
        return readings


class _Looked:
    """One quantity that is looked for, and how far it moved."""

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity
        self.metric = _metric(quantity)
        self._growing = Growing()
        self._bounds: tuple[float, ...] = ()
        self._buckets: dict[bytes, tuple[bytes, float | None]] = {}
        self._has_sum = False
        self._restarted = False
        self.no_count = ""
        """The series, where the last page had it with nothing but NaN, infinity or less than zero."""

    def value(self, page: Page, *, restarted: bool) -> Value:
        """What the page says of it now; None if it says nothing."""
        self._restarted |= restarted  # until a page has the series again
        if self.quantity.says is Says.TIMING:
            return self._timings(page)
        name, rows = self._rows(page)
        if self.quantity.says is Says.GAUGE:
            return sum(row[0] for row in rows.values()) if rows else None
        rows = {key: row for key, row in rows.items() if row[0] >= 0}
        self.no_count = name if name and not rows and self._has_any(page, name) else ""
        if rows:
            return self._take(rows)[0]
        if self._growing.seen or (self.quantity.asked and self.quantity.only):
            return None
        if self.no_count:
            return None
        announced = name or any(page.declares(each) for each in self.quantity.series)
        return 0 if announced else None

    def _has_any(self, page: Page, name: str) -> bool:
        takes = self.quantity.takes
        return any(takes(labels) for labels, _ in page.lines(name))

    def _take(self, rows: Mapping[bytes, Sequence[Number]]) -> tuple[Number, ...]:
        restarted, self._restarted = self._restarted, False
        return self._growing.take(rows, restarted=restarted)

    def zero(self) -> Value:
        """Where it began, if it is cumulative."""
        if self.quantity.says is Says.TOTAL:
            return 0
        if self.quantity.says is Says.TIMING:
            return Buckets((0,) * (len(self._bounds) + 1), 0.0)
        return None

    def _rows(self, page: Page) -> tuple[str, dict[bytes, tuple[Number]]]:
        """The series that count, by their labels, and the name under which the page has any."""
        for name in self.quantity.series:
            lines = list(page.lines(name))
            if lines:
                takes = self.quantity.takes
                return name, {
                    labels: (value,) for labels, value in lines if value is not None and takes(labels)
                }
        return "", {}

    def _timings(self, page: Page) -> Buckets | None:
        for name in self.quantity.series:
            by_series = dict(self._histograms(page, name))
            if by_series:
                return self._added(by_series)
        return None

    def _histograms(self, page: Page, name: str) -> Iterator[tuple[bytes, _Histogram]]:
        """The histograms under one name by their labels: cumulative counts by bound, and the sum."""
        counts: dict[bytes, dict[float, Number]] = {}
        known = self._buckets
        for labels, text in page.texts(f"{name}_bucket"):
            own, bound = known.get(labels) or self._bucket(labels)
            count = -1.0 if bound is None else count_of(text)
            if bound is not None and count >= 0.0:
                counts.setdefault(own, {})[bound] = count
        sums = dict(page.lines(f"{name}_sum"))
        for labels, by_bound in counts.items():
            if math.inf in by_bound and not any(map(math.isnan, by_bound)):
                yield labels, _Histogram(by_bound, sums.get(labels))

    def _bucket(self, labels: bytes) -> tuple[bytes, float | None]:
        """Of which series a line is a bucket, and up to where; None if it does not count.

        A page has the same lines each time, so they are remembered.
        """
        own, text = without_label(labels, "le")
        bound = None if text is None or not self.quantity.takes(own) else _bound(text)
        if len(self._buckets) >= REMEMBERED:
            self._buckets.clear()
        self._buckets[labels] = own, bound
        return own, bound

    def _added(self, by_series: Mapping[bytes, _Histogram]) -> Buckets | None:
        """All series by the bounds that every one of them has: counts at a common bound are exact."""
        if not self._bounds:
            common = set.intersection(*(set(one.counts) for one in by_series.values()))
            self._bounds = tuple(sorted(common - {math.inf}))
            scaled = tuple(bound * self.quantity.factor for bound in self._bounds)
            self.metric = replace(self.metric, bounds=scaled)
            self._has_sum = all(one.sum is not None for one in by_series.values())
        columns = (math.inf, *self._bounds)
        rows: dict[bytes, tuple[Number, ...]] = {}
        for labels, one in by_series.items():
            if not all(bound in one.counts for bound in columns) or (self._has_sum and one.sum is None):
                return None  # another version of the server cuts otherwise: not comparable with what was
            own_sum = one.sum if self._has_sum and one.sum is not None else 0.0
            rows[labels] = (*(one.counts[bound] for bound in columns), own_sum)
        total = tuple(map(whole, map(float, self._take(rows))))
        return Buckets((*total[1:-1], total[0]), total[-1] * self.quantity.factor if self._has_sum else None)


class _Histogram:
    """One series of a histogram."""

    def __init__(self, counts: Mapping[float, Number], total: Number | None) -> None:
        self.counts = counts
        self.sum = total


def _bound(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _metric(quantity: Quantity) -> Metric:
    if quantity.says is Says.TOTAL:
        return _of_kind(metrics.work_counter(quantity.name), Kind.COUNTER)
    if quantity.says is Says.GAUGE:
        return _of_kind(metrics.work_gauge(quantity.name), Kind.GAUGE)
    return metrics.work_timing(quantity.name)


def _of_kind(metric: Metric, kind: Kind) -> Metric:
    """A name that the catalogue has for something else is used beside it."""
    if metric.kind is kind:
        return metric
    return replace(metrics.work_counter(f"{metric.name}_{kind.value}"), kind=kind)
