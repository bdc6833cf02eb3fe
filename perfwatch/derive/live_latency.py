"""How long do queries take, lately and over the run so far? Timings folded as they come, in bounded memory.

The run's figures are the summary's (perfwatch.derive.latency): increments are merged, cumulative buckets
subtracted, and percentiles computed of what results. Of *now* increments of one second stay together, so
that its beginning is right to a second.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.latency import Latency, merge, of_buckets, of_histogram
from perfwatch.derive.work import rank_of
from perfwatch.model import Buckets, DeviceKind, Histogram, Kind, Metric, Unit
from perfwatch.session import format as fmt

STEP_S = 1.0
MOST = 64
"""So many timings are followed; a source that names more is not believed to mean it."""
_NOTHING = Histogram(0, 0.0, math.inf, -math.inf, {})


@dataclass(frozen=True)
class Timing:
    """One timing by its bare name, in the last seconds and over the run."""

    name: str
    now: Latency
    run: Latency


class LiveLatencies:
    """Folds the histograms of a session's workloads.

    Args:
        now_s: the span of *now*.
    """

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self._places: dict[int, list[tuple[int, Metric]]] = {}
        self._kinds: dict[int, str] = {}
        self._followed: dict[tuple[int, str], _Increments | _Cumulative] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; what is malformed is passed over."""
        try:
            if "s" in record:
                for number, t, values in record["s"]:
                    for place, metric in self._places.get(number, ()):
                        self._take_value(number, metric, float(t), values[place])
            elif "device" in record:
                self._declare(record["device"])
            elif record.get("event") == "job" and record.get("what") == "begin":
                for one in self._followed.values():
                    one.begin()
        except (KeyError, IndexError, TypeError, ValueError):
            return

    def _declare(self, declaration: Mapping[str, Any]) -> None:
        number, collector, device = fmt.decode_device(declaration)
        if device.kind is not DeviceKind.WORKLOAD:
            return
        self._kinds[number] = str(device.facts.get("work") or collector)
        self._places[number] = [
            (place, metric)
            for place, metric in enumerate(device.metrics)
            if metric.kind is Kind.HISTOGRAM
            and metric.unit is Unit.SECOND
            and metric.name.endswith("_seconds")
        ]
        for _, metric in self._places[number]:
            followed = self._followed.get((number, metric.name))
            if isinstance(followed, _Cumulative) and metric.bounds is not None:
                followed.cut(metric.bounds)

    def _take_value(self, number: int, metric: Metric, t: float, value: Any) -> None:
        if not isinstance(value, Mapping):
            return
        key = number, metric.name
        one = self._followed.get(key)
        if one is None:
            if len(self._followed) >= MOST:
                return
            one = (
                _Increments(self._now_s) if metric.bounds is None else _Cumulative(self._now_s, metric.bounds)
            )
            self._followed[key] = one
        if isinstance(one, _Increments):
            one.take(t, fmt.decode_histogram(value))
        else:
            one.take(t, fmt.decode_buckets(value))

    def timings(self, t: float) -> tuple[Timing, ...]:
        """Every timing as it stands at `t`; the source that is believed first tells it."""
        groups: dict[str, list[tuple[int, int]]] = {}
        for number, name in self._followed:
            groups.setdefault(name, []).append((rank_of(self._kinds[number]), number))
        return tuple(
            timing
            for name, group in sorted(groups.items())
            if (timing := self._timing(name, group, t)) is not None
        )

    def _timing(self, name: str, group: Sequence[tuple[int, int]], t: float) -> Timing | None:
        best = min(rank for rank, _ in group)
        sources = [self._followed[number, name] for rank, number in group if rank == best]
        bare = name.removesuffix("_seconds")
        increments = [one for one in sources if isinstance(one, _Increments)]
        if increments:
            return Timing(
                bare,
                of_histogram(merge(part for one in increments for part in one.since(t - self._now_s))),
                of_histogram(merge(one.total for one in increments)),
            )
        pages = [one for one in sources if isinstance(one, _Cumulative)]
        same = [one for one in pages if one.bounds == pages[0].bounds]
        if len(same) < len(pages):  # servers with other bounds: the summary joins them
            return None
        return Timing(
            bare,
            _of_grown(pages[0].bounds, [one.since(t - self._now_s) for one in pages]),
            _of_grown(pages[0].bounds, [one.total for one in pages]),
        )


class _Increments:
    """Timings in exponential buckets: what the run holds, and what came lately, by seconds."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self.total = _NOTHING
        self._lately: deque[tuple[float, Histogram]] = deque()

    def begin(self) -> None:
        """The run begins: what came before is none of it."""
        self.total = _NOTHING
        self._lately.clear()

    def take(self, t: float, histogram: Histogram) -> None:
        self.total = merge([self.total, histogram])
        if self._lately and t - self._lately[-1][0] < STEP_S:
            self._lately[-1] = (self._lately[-1][0], merge([self._lately[-1][1], histogram]))
        else:
            self._lately.append((t, histogram))
        while self._lately and self._lately[0][0] < t - self._now_s:
            self._lately.popleft()

    def since(self, t: float) -> list[Histogram]:
        return [histogram for at, histogram in self._lately if at >= t]


class _Cumulative:
    """Timings as a page gives them: rows of cumulative counts, restarts bridged, their sum at the end."""

    def __init__(self, now_s: float, bounds: Sequence[float]) -> None:
        self.bounds = (*bounds, math.inf)
        self._now_s = now_s
        self._last: Buckets | None = None
        self.total: tuple[float, ...] = (0.0,) * (len(self.bounds) + 1)
        self._lately: deque[tuple[float, tuple[float, ...]]] = deque()

    def begin(self) -> None:
        self.total = (0.0,) * len(self.total)
        self._lately.clear()

    def cut(self, finite: Sequence[float]) -> None:
        """Go on with these bounds; of others than it had it knows nothing, and begins anew."""
        bounds = (*finite, math.inf)
        if bounds == self.bounds:
            return
        lately, total = self._lately, self.total
        known = set(bounds) <= set(self.bounds)
        columns = [self.bounds.index(bound) for bound in bounds] if known else []
        self.bounds, self._last, self._lately = bounds, None, deque()
        self.total = (*(total[at] for at in columns), total[-1]) if known else (0.0,) * (len(bounds) + 1)
        if known:
            self._lately.extend((t, (*(row[at] for at in columns), row[-1])) for t, row in lately)

    def take(self, t: float, buckets: Buckets) -> None:
        if len(buckets.counts) != len(self.bounds):
            return
        before, self._last = self._last, buckets
        if before is None:
            self._lately.append((t, self.total))
            return
        fell = any(new < old for old, new in zip(before.counts, buckets.counts, strict=True))
        old_row = (0.0,) * len(self.total) if fell else (*before.counts, before.sum or 0.0)
        new_row = (*buckets.counts, buckets.sum or 0.0)
        self.total = tuple(
            total + new - old for total, old, new in zip(self.total, old_row, new_row, strict=True)
        )
        if not self._lately or t - self._lately[-1][0] >= STEP_S:
            self._lately.append((t, self.total))
        while len(self._lately) > 1 and self._lately[1][0] <= t - self._now_s:
            self._lately.popleft()

    def since(self, t: float) -> tuple[float, ...]:
        """How far the counts grew since a time, or since the first row that is known."""
        before = next((row for at, row in reversed(self._lately) if at <= t), None)
        if before is None:
            before = self._lately[0][1] if self._lately else self.total
        return tuple(new - old for old, new in zip(before, self.total, strict=True))


def _of_grown(bounds: Sequence[float], grown: Sequence[tuple[float, ...]]) -> Latency:
    rows = [math.fsum(column) for column in zip(*grown, strict=True)]
    return of_buckets(bounds, rows[:-1], rows[-1])
