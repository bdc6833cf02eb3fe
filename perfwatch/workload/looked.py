"""What does a page say of one quantity, and how far has that moved since the first page?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from perfwatch import metrics
from perfwatch.model import Buckets, Kind, Metric, Value
from perfwatch.workload.exposition import (
    SERIES,
    Line,
    Page,
    count_of,
    labels_of,
    sorted_labels,
    without_label,
)
from perfwatch.workload.growth import Growing
from perfwatch.workload.patterns import Says
from perfwatch.workload.quantities import Quantity
from perfwatch.workload.tally import Number, whole

REMEMBERED = SERIES
"""So many lines of a histogram are known by their labels; beyond, all are looked at anew."""
REMEMBERED_BYTES = 1024
"""Labels that are longer are looked at each time: those that change with every page would fill the memory."""


class Looked:
    """One quantity that is looked for, and how far it moved."""

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity
        self.metric = _metric(quantity)
        self._growing = Growing()
        self._taken = Growing()
        """How many took the time, where a timing is told as a sum alone."""
        self._bounds: tuple[float, ...] = ()
        self._buckets: dict[bytes, tuple[bytes, float | None]] = {}
        self._wanted: dict[bytes, bytes | None] = {}
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
            told = [row[0] for row in rows.values()]
            return sum(told) / (len(told) if self.quantity.mean else 1) if told else None
        rows = {key: row for key, row in rows.items() if row[0] >= 0}
        self.no_count = name if name and not rows and self._has_any(page, name) else ""
        if rows:
            return self._take(rows)[0]
        if self._growing.seen or (self.quantity.asked and self.quantity.only):
            return None
        if self.no_count:
            return None
        names = (*self.quantity.series, *self.quantity.plus)
        announced = name or any(page.declares(each) for each in names)
        return 0 if announced else None

    def _has_any(self, page: Page, name: str) -> bool:
        return any(self._series_of(labels) is not None for labels, _ in page.lines(name))

    def _take(self, rows: Mapping[bytes, Sequence[Number]]) -> tuple[Number, ...]:
        restarted, self._restarted = self._restarted, False
        return self._growing.take(rows, restarted=restarted)

    def labelled(self, label: str) -> list[str]:
        """The values that a label has among the series that count."""
        found = (labels_of(series).get(label) for series in self._growing.series)
        return sorted({value for value in found if value})

    @property
    def falls(self) -> tuple[int, int]:
        """How often some of what it adds up began anew, and how often of these its sum does not show it."""
        return self._growing.falls, self._growing.hidden

    def zero(self) -> Value:
        """Where it began, if it is cumulative."""
        if self.quantity.says is Says.TOTAL:
            return 0
        if self.quantity.says is Says.TIMING:
            return Buckets((0,) * (len(self._bounds) + 1), 0.0)
        return None

    def _rows(self, page: Page) -> tuple[str, dict[bytes, tuple[Number]]]:
        """The series that count, by their labels, and the name under which the page has any."""
        found, rows = "", dict[bytes, tuple[Number]]()
        for name in self.quantity.series:
            lines = list(page.lines(name))
            if lines or page.declares(name):  # what is announced has counted nothing yet
                found, rows = name if lines else "", self._of_lines(lines)
                break
        for more in self.quantity.plus:
            lines = list(page.lines(more))
            found = found or (more if lines else "")
            rows.update({b"%s %s" % (more.encode(), own): row for own, row in self._of_lines(lines).items()})
        return found, rows

    def _of_lines(self, lines: Iterable[Line]) -> dict[bytes, tuple[Number]]:
        known = ((self._series_of(labels), value) for labels, value in lines)
        return {series: (value,) for series, value in known if value is not None and series is not None}

    def _series_of(self, labels: bytes) -> bytes | None:
        """By what a series is known; None if it does not count. A page has the same ones each time, so it is
        remembered.
        """
        if labels in self._wanted:
            return self._wanted[labels]
        found = sorted_labels(labels) if self.quantity.takes(labels) else None
        _remember(self._wanted, labels, found)
        return found

    def _timings(self, page: Page) -> Buckets | None:
        for name in self.quantity.series:
            by_series = {} if self.quantity.of else dict(self._histograms(page, name))
            if by_series:
                return self._added(by_series)
            if not self._bounds and (told := self._sums(page, name)) is not None:
                return told
        return None

    def _sums(self, page: Page, name: str) -> Buckets | None:
        """A timing without buckets: a summary's sum and count, or a counter of time and one of what took it.

        Its mean is exact, and no percentile is known; those of a summary are of its whole life.
        """
        of = self.quantity.of
        names = (name, of) if of else (f"{name}_sum", f"{name}_count")
        sums, counts = (
            {labels: row for labels, row in self._of_lines(page.lines(each)).items() if row[0] >= 0}
            for each in names
        )
        if not sums or not counts:
            return None
        restarted = self._restarted
        count = self._taken.take(counts, restarted=restarted)[0]
        if self.metric.bounds is None:
            self.metric, self._has_sum = replace(self.metric, bounds=()), True
        return Buckets((count,), self._take(sums)[0] * self.quantity.factor)

    def _histograms(self, page: Page, name: str) -> Iterator[tuple[bytes, _Histogram]]:
        """The histograms under one name by their labels: cumulative counts by bound, and the sum."""
        counts: dict[bytes, dict[float, Number]] = {}
        known = self._buckets
        for labels, text in page.texts(f"{name}_bucket"):
            own, bound = known.get(labels) or self._bucket(labels)
            if bound is None or (count := count_of(text)) < 0.0:
                continue
            if own in counts:
                counts[own][bound] = count
            else:
                counts[own] = {bound: count}
        sums = {self._series_of(labels): value for labels, value in page.lines(f"{name}_sum")}
        for labels, by_bound in counts.items():
            if math.inf in by_bound and not any(map(math.isnan, by_bound)):
                yield labels, _Histogram(by_bound, sums.get(labels))

    def _bucket(self, labels: bytes) -> tuple[bytes, float | None]:
        """Of which series a line is a bucket, and up to where; None if it does not count.

        A page has the same lines each time, so they are remembered.
        """
        raw, text = without_label(labels, "le")
        own = sorted_labels(raw)
        bound = None if text is None or not self.quantity.takes(own) else _bound(text)
        _remember(self._buckets, labels, (own, bound))
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


def _remember(known: dict[bytes, Any], labels: bytes, what: Any) -> None:
    if len(labels) <= REMEMBERED_BYTES:
        if len(known) >= REMEMBERED:
            known.clear()
        known[labels] = what


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
