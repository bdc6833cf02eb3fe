"""What does a page say of one quantity, and how far has that moved since the first page?

A page is looked at first (`look`), so that what some of it says of restarts can be applied to all of it; then
its counters are taken (`take`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TypeVar

from perfwatch import metrics
from perfwatch.model import Buckets, Kind, Metric, Value
from perfwatch.workload.exposition import Line, Page, labels_of, remember, sorted_labels
from perfwatch.workload.growth import Growing, Row, Totals
from perfwatch.workload.page_histograms import PageHistogram, PageHistograms, common_bounds
from perfwatch.workload.patterns import Says
from perfwatch.workload.processes import Processes, Turn
from perfwatch.workload.quantities import Quantity
from perfwatch.workload.tally import Number, whole

KEPT_RANKS = 5_000
"""Of so many series it is kept which of several ranks tells them."""
Rows = Mapping[bytes, Row]
One = TypeVar("One")


class Looked:
    """One quantity that is looked for, and how far it moved."""

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity
        self.metric = _metric(quantity)
        self._growing = Growing()
        self._taken = Growing()
        """How many took the time, where a timing is told as a sum alone."""
        self._told: Number = 0
        """What was told of it last, where something is taken off."""
        self._histograms = PageHistograms(quantity, self._series_of)
        self._bounds: tuple[float, ...] | None = None
        self._wanted: dict[bytes, bytes | None] = {}
        self._ranks: dict[bytes, tuple[int, ...]] = {}
        self._has_sum = False
        self._now: Value = None
        self._parts: list[tuple[Growing, Rows]] = []
        self.fallen: list[tuple[Growing, Rows, list[bytes]]] = []
        """Its counters with their series on the newest page, and which of these are below what they were."""
        self._cut_otherwise: set[bytes] = set()
        """Series of a histogram that have other bounds than before: those of another version, begun anew."""
        self._taken_back: frozenset[bytes] = frozenset()
        self.first: Value = None
        """What is to be told as of the page before, so that the newest value says that it began anew."""
        self.recut = False
        """Whether the newest page has the metric with other bounds."""
        self.no_count = ""
        """The series, where the last page had it with nothing but NaN, infinity or less than zero."""

    # -- looking at a page -----------------------------------------------------------------------------

    def look(self, page: Page, processes: Processes) -> None:
        """Find what a page says of it."""
        self._now, self._parts, self.first, self.no_count = None, [], None, ""
        self._cut_otherwise, self.recut = set(), False
        if self.quantity.says is Says.TIMING:
            self._look_for_timings(page, processes)
        elif self.quantity.says is Says.GAUGE:
            told = [row[0] for row in self._rows(page)[1].values()]
            self._now = sum(told) / (len(told) if self.quantity.mean else 1) if told else None
        else:
            self._look_for_counts(page, processes)
        self.fallen = [(growing, rows, growing.fell(rows)) for growing, rows in self._parts]

    def _look_for_counts(self, page: Page, processes: Processes) -> None:
        name, told = self._rows(page)
        rows: dict[bytes, Row] = {key: row for key, row in told.items() if row[0] >= 0}
        self.no_count = name if name and not rows and self._has_any(page, name) else ""
        if rows and self.quantity.less:
            rows = {key: (*row, 0) for key, row in rows.items()}
            rows.update({key: (0, *row) for key, row in self._more(page, self.quantity.less).items()})
        if rows:
            self._parts = [(self._growing, processes.all_named(rows))]
        elif not (self._growing.seen or self.no_count or (self.quantity.asked and self.quantity.only)):
            self._now = 0 if name or any(page.declares(each) for each in self.names) else None

    def _has_any(self, page: Page, name: str) -> bool:
        return any(self._series_of(labels) is not None for labels, _ in page.lines(name))

    def _rows(self, page: Page) -> tuple[str, dict[bytes, tuple[Number]]]:
        """The series that count, by their labels, and the name under which the page has any."""
        found, rows = "", dict[bytes, tuple[Number]]()
        for name in self.quantity.series:
            lines = list(page.lines(name))
            if not lines and f"{name}_total" in self.quantity.series:  # announced as X, told as X_total
                name = f"{name}_total"  # noqa: PLW2901
                lines = list(page.lines(name))
            if lines or page.declares(name):  # what is announced has counted nothing yet
                found, rows = name if lines else "", self._of_lines(lines)
                break
        if self.quantity.plus:
            rows.update(self._more(page, self.quantity.plus))
            found = found or next((name for name in self.quantity.plus if any(page.lines(name))), "")
        return found, rows

    def _more(self, page: Page, names: Iterable[str]) -> dict[bytes, tuple[Number]]:
        """Further series, by their names and labels."""
        return {
            b"%s %s" % (name.encode(), own): row
            for name in names
            for own, row in self._of_lines(page.lines(name)).items()
        }

    def _of_lines(self, lines: Iterable[Line]) -> dict[bytes, tuple[Number]]:
        known = ((self._series_of(labels), value) for labels, value in lines)
        rows = {series: (value,) for series, value in known if value is not None and series is not None}
        return self._once(rows) if self.quantity.first else rows

    def _series_of(self, labels: bytes) -> bytes | None:
        """By what a series is known; None if it does not count. A page has the same ones each time, so it is
        remembered.
        """
        if labels in self._wanted:
            return self._wanted[labels]
        found = sorted_labels(labels) if self.quantity.takes(labels) else None
        remember(self._wanted, labels, found)
        return found

    def _once(self, rows: Mapping[bytes, One]) -> dict[bytes, One]:
        """Of series that tell the same, each by a rank of its own, the one of the lowest rank."""
        by_rank = {key: self.quantity.told_once(key) for key in rows}
        for same, rank in sorted(by_rank.values()):
            if len(self._ranks) < KEPT_RANKS:
                self._ranks.setdefault(same, rank)
        return {key: rows[key] for key, (same, rank) in by_rank.items() if self._ranks.get(same) == rank}

    def _look_for_timings(self, page: Page, processes: Processes) -> None:
        for name in self.quantity.series:
            found = {} if self.quantity.of else dict(self._histograms.on(page, name))
            if found:
                self._look_at_histograms(self._once(found) if self.quantity.first else found, processes)
                return
            if self._bounds is None and (told := self._sums(page, name)) is not None:
                counts, sums = map(processes.all_named, told)
                self._parts = [(self._taken, counts), (self._growing, sums)]
                if self.metric.bounds is None:
                    self.metric, self._has_sum = replace(self.metric, bounds=()), True
                return
            if not self.no_count and not self._growing.seen and any(page.texts(f"{name}_bucket")):
                self.no_count = name

    def _sums(self, page: Page, name: str) -> tuple[Rows, Rows] | None:
        """A timing without buckets: a summary's sum and count, or a counter of time and one of what took it.

        Its mean is exact, and no percentile is known; those of a summary are of its whole life.
        """
        of = self.quantity.of
        names = (name, of) if of else (f"{name}_sum", f"{name}_count")
        sums, counts = (
            {labels: row for labels, row in self._of_lines(page.lines(each)).items() if row[0] >= 0}
            for each in names
        )
        return (counts, sums) if sums and counts else None

    def _look_at_histograms(self, found: Mapping[bytes, PageHistogram], processes: Processes) -> None:
        """All series by the bounds that every one of them has: counts at a common bound are exact."""
        if self._bounds is None:
            self._has_sum = all(one.sum is not None for one in found.values())
            self._cut(common_bounds(found.values()))
        elif self._has_sum and any(one.sum is None for one in found.values()):
            return
        bounds = self._bounds or ()
        wanted = frozenset(bounds)
        lacking = {key for key, one in found.items() if not one.counts.keys() >= wanted}
        if lacking:
            self._cut_otherwise = {processes.named(key) for key in lacking}
            kept = set(common_bounds([found[key] for key in lacking]))
            self._cut(tuple(bound for bound in bounds if bound in kept))
        counts_of = itemgetter(math.inf, math.inf, *(self._bounds or ()))  # of two and more: a tuple
        rows = {
            key: (*counts_of(one.counts)[1:], (one.sum or 0.0) if self._has_sum else 0.0)
            for key, one in found.items()
        }
        self._parts = [(self._growing, processes.all_named(rows))]

    def _cut(self, bounds: tuple[float, ...]) -> None:
        """From now on it has these bounds, which are among those that it had."""
        if self._bounds is not None:
            self.recut = True
            kept = [1 + self._bounds.index(bound) for bound in bounds]
            self._growing.narrow([0, *kept, 1 + len(self._bounds)])
        self._bounds = bounds
        self.metric = replace(self.metric, bounds=tuple(bound * self.quantity.factor for bound in bounds))

    # -- taking what was found -------------------------------------------------------------------------

    def take(self, turn: Turn, anew: Collection[bytes], processes: Processes) -> Value:
        """What the page that was looked at says of it; None if it says nothing.

        Args:
            anew: the labels of those processes that began anew, all of them.
        """
        self._taken_back |= turn.taken_back  # until a page has the series again
        if not self._parts:
            return self._now
        fell = [{*each, *self._cut_otherwise} for _, _, each in self.fallen]
        if anew:
            for place, (_, rows) in enumerate(self._parts):
                fell[place].update(key for key in rows if processes.group(key) in anew)
        totals = [
            growing.take(
                rows,
                anew=fell[place],
                from_now=turn.from_now,
                taken_back=self._taken_back,
                forgotten=turn.forgotten,
                restarted=any(fell) or self.recut,
                shown=self.recut,
            )
            for place, (growing, rows) in enumerate(self._parts)
        ]
        self._taken_back = frozenset()
        firsts = [growing.first for growing, _ in self._parts]
        if self.quantity.less:
            return self._less(totals[0], firsts[0])
        self.first = self._value(firsts)
        return self._value(totals)

    def _value(self, totals: Sequence[Totals | None]) -> Value:
        """Totals as they are recorded; of what is told as two sums the count says whether it began anew."""
        if totals[0] is None:
            return None
        if self.quantity.says is Says.TOTAL:
            return totals[0][0]
        numbers = tuple(map(whole, map(float, totals[0])))
        if len(totals) > 1:
            took = totals[1][0] if totals[1] is not None else 0.0
            return Buckets((numbers[0],), took * self.quantity.factor)
        told_sum = numbers[-1] * self.quantity.factor if self._has_sum else None
        return Buckets((*numbers[1:-1], numbers[0]), told_sum)

    def _less(self, total: Totals, first: Totals | None) -> Value:
        """A total off which something is taken later (what was accepted, and then failed).

        It never falls for that alone, which would look like a restart: it waits for the next ones.
        """
        told = total[0] - total[1]
        if not self._growing.began_anew:
            self._told = max(self._told, told)
            return self._told
        before, self._told = self._told, max(0, told)
        if self._told >= before or first is not None:
            self.first = first[0] - first[1] if first is not None else 0
        return self._told

    # -- what is asked ---------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it may have on a page."""
        return (*self.quantity.series, *self.quantity.plus)

    @property
    def falls(self) -> tuple[int, int]:
        """At how many pages some of what it adds up had begun anew, and at how many of these not all."""
        return self._growing.falls, self._growing.in_part

    @property
    def lacks_bounds(self) -> bool:
        """Whether its histograms have no finite bound in common, so that no percentile can be told."""
        return self._bounds == ()

    def labelled(self, label: str) -> list[str]:
        """The values that a label has among the series that count."""
        found = (labels_of(series).get(label) for series in self._growing.series)
        return sorted({value for value in found if value})

    def zero(self) -> Value:
        """Where it began, if it is cumulative."""
        if self.quantity.says is Says.TOTAL:
            return 0
        if self.quantity.says is Says.TIMING:
            return Buckets((0,) * (len(self._bounds or ()) + 1), 0.0)
        return None


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
