"""What histograms does a page have under one name, and which bounds do all of them share?"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping

from perfwatch.workload.exposition import Page, count_of, remember, sorted_labels, without_label
from perfwatch.workload.quantities import Quantity
from perfwatch.workload.tally import Number

_NO_NUMBER = math.nan
"""One object, so that a dict finds it among its keys."""


class PageHistogram:
    """One series of a histogram: cumulative counts by bound, and the sum."""

    def __init__(self, counts: Mapping[float, Number], total: Number | None) -> None:
        self.counts = counts
        self.sum = total


class PageHistograms:
    """The histograms of one quantity.

    Args:
        series_of: by what a series is known that has these labels.
    """

    def __init__(self, quantity: Quantity, series_of: Callable[[bytes], bytes | None]) -> None:
        self._quantity = quantity
        self._series_of = series_of
        self._buckets: dict[bytes, tuple[bytes, float | None]] = {}

    def on(self, page: Page, name: str) -> Iterator[tuple[bytes, PageHistogram]]:
        """The histograms under one name, by their labels."""
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
            if math.inf in by_bound and _NO_NUMBER not in by_bound:
                yield labels, PageHistogram(by_bound, sums.get(labels))

    def _bucket(self, labels: bytes) -> tuple[bytes, float | None]:
        """Of which series a line is a bucket, and up to where; None if it does not count.

        A page has the same lines each time, so they are remembered.
        """
        raw, text = without_label(labels, "le")
        own = sorted_labels(raw)
        bound = None if text is None or not self._quantity.takes(own) else _bound(text)
        remember(self._buckets, labels, (own, bound))
        return own, bound


def common_bounds(histograms: Collection[PageHistogram]) -> tuple[float, ...]:
    """The finite bounds that all have."""
    common = set.intersection(*(set(one.counts) for one in histograms))
    return tuple(sorted(common - {math.inf}))


def _bound(text: str) -> float:
    try:
        bound = float(text)
    except ValueError:
        return _NO_NUMBER
    return _NO_NUMBER if math.isnan(bound) else bound
