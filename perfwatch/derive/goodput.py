"""How many queries kept to the service level objectives (`--slo`)? Exactly from events, bounded from buckets.

Where each query was judged as it was told, with all its timings, the count is exact. Otherwise each timing
was gathered by itself. Of N queries, of which n_i keep to objective i, between max(0, sum n_i - (k - 1) N)
and min n_i keep to all k (Frechet's bounds); where a limit lies inside a bucket n_i has bounds itself.

Of a timing that a query has many times, as of its tokens, each late one spoils one query at most, and may be
that of a query that is not counted; and a mean over a query's tokens may bear late ones. So it bounds from
below alone.

Whom a timing covers no source says. Where there are more timings than queries that were answered, those that
failed are among them, and a failure is no good query; where there are fewer, some were not timed, and of
these nothing is known. Failures count as queries that did not keep to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import fsum, hypot
from typing import Any, NamedTuple

from perfwatch.derive.latency import Latency
from perfwatch.derive.work import ERRORS, Counted
from perfwatch.objectives import Slo, is_of_a_token, told_as

SKEW, SKEW_RATIO = 2.0, 0.01
"""A query that ends at an end of a window may be counted in it and not timed in it; so many may."""


class Judged(NamedTuple):
    """Queries that were judged as they were told."""

    good: float
    of: float
    source: str | None


class Met(NamedTuple):
    """One objective: its timing (None: nothing tells it), and how many of its observations keep to it."""

    objective: str
    limit_s: float
    timing: str | None
    of: float
    at_least: float
    at_most: float


@dataclass(frozen=True)
class Goodput:
    """Of the queries of a window those that kept to all objectives; None where that is not known.

    Args:
        of: so many queries were answered, or failed.
        exact: each query was judged as it was told.
    """

    objectives: tuple[Met, ...]
    of: float | None
    at_least: float | None
    at_most: float | None
    exact: bool
    source: str | None

    @property
    def count(self) -> float | None:
        """The middle of what is possible, whole where it is known to be."""
        if self.at_least is None or self.at_most is None:
            return None
        middle = (self.at_least + self.at_most) / 2.0
        return int(middle) if self.at_least == self.at_most and middle.is_integer() else middle

    def counted(self, queries: Counted | None) -> Counted:
        """As work. What is bounded is off by half of its range at most, and as uncertain as the queries."""
        count = self.count
        if count is None or self.at_least is None or self.at_most is None:
            return Counted(None, self.source)
        polled = queries.error * min(1.0, count / queries.count) if queries and queries.count else 0.0
        return Counted(count, self.source, error=hypot((self.at_most - self.at_least) / 2.0, polled))


def limits_of(slo: Slo) -> dict[str, tuple[float, ...]]:
    """What has to be known of which timings: limits, s, by bare name."""
    found: dict[str, tuple[float, ...]] = {}
    for objective, limit_s in slo.items():
        for name in told_as(objective):
            found[name] = (*found.get(name, ()), limit_s)
    return found


def goodput(
    slo: Slo, timings: Mapping[str, Latency], work: Mapping[str, Counted], judged: Judged | None = None
) -> Goodput | None:
    """The goodput of a window; None without objectives.

    Args:
        timings: with `within` of the limits (`limits_of`).
        work: what was counted.
        judged: the queries that were judged by these objectives as they were told.
    """
    if not slo:
        return None
    objectives = tuple(_met(objective, limit_s, timings) for objective, limit_s in slo.items())
    source = next((timings[one.timing].source for one in objectives if one.timing is not None), None)
    covered = _Covered.of(objectives, work, judged, source)
    if covered is None:
        return Goodput(objectives, None, None, None, exact=False, source=source)
    bounds = _bounded(objectives, covered)
    if judged is not None:
        bounds = _narrowed(bounds, _by_judgement(judged, covered))
    if bounds is None:
        return Goodput(objectives, covered.queries, None, None, exact=False, source=source)
    at_least, at_most = bounds
    exact = judged is not None and at_least == at_most == judged.good
    told_by = judged.source if judged is not None and exact else source
    return Goodput(objectives, covered.queries, at_least, at_most, exact=exact, source=told_by)


def added(whole: Goodput, parts: Iterable[Goodput | None]) -> Goodput:
    """The goodput of several servers, by the sum of theirs where that is narrower.

    What is good on the one and what is good on the other cannot meet in one query.
    """
    each = list(parts)
    if whole.exact or len(each) < 2 or any(one is None or one.at_least is None for one in each):
        return whole
    low = fsum(one.at_least or 0.0 for one in each if one is not None)
    high = fsum(one.at_most or 0.0 for one in each if one is not None)
    bounds = None if whole.at_least is None or whole.at_most is None else (whole.at_least, whole.at_most)
    narrowed = _narrowed(bounds, (low, high))
    return whole if narrowed is None else replace(whole, at_least=narrowed[0], at_most=narrowed[1])


class _Covered(NamedTuple):
    """Whom the timings cover: `timed` queries, of which `failed` failed; `untimed` were answered as well."""

    timed: float
    failed: float
    untimed: float
    queries: float

    @classmethod
    def of(
        cls,
        objectives: Iterable[Met],
        work: Mapping[str, Counted],
        judged: Judged | None,
        source: str | None,
    ) -> _Covered | None:
        """None where nothing tells how many queries there were."""
        told = [one.of for one in objectives if one.timing is not None and not is_of_a_token(one.timing)]
        answered, failed = (_count_of(work, name, source) for name in ("queries", ERRORS))
        timed = max([*told, judged.of if judged is not None else 0.0])
        if not told and (judged is None or not judged.of):
            return None if answered is None else cls(answered, 0.0, 0.0, answered + (failed or 0.0))
        failed = failed or 0.0
        among = min(failed, timed if answered is None else max(0.0, timed - answered))
        untimed = 0.0 if answered is None else answered - (timed - among)
        untimed = untimed if untimed > max(SKEW, SKEW_RATIO * timed) else 0.0
        return cls(timed, among, untimed, timed + untimed + failed - among)


def _count_of(work: Mapping[str, Counted], name: str, source: str | None) -> float | None:
    """What the source of the timings counted under a name."""
    counted = work.get(name)
    if counted is None:
        return None
    if source is None or counted.source == source:
        return counted.count
    return next((other.count for other in counted.others if other.source == source), None)


def _met(objective: str, limit_s: float, timings: Mapping[str, Latency]) -> Met:
    for name in told_as(objective):
        told = timings.get(name)
        if told is not None and told.count and limit_s in told.within:
            within = told.within[limit_s]
            return Met(objective, limit_s, name, told.count, within.at_least, within.at_most)
    return Met(objective, limit_s, None, 0.0, 0.0, 0.0)


def _bounded(objectives: tuple[Met, ...], covered: _Covered) -> tuple[float, float] | None:
    """At least and at most so many kept to all of them; None where one of them was not timed."""
    if any(one.timing is None for one in objectives):
        return None
    ranges = [_in_queries(one, covered) for one in objectives]
    low = fsum(low for low, _ in ranges) - (len(ranges) - 1) * covered.timed
    high = min(high for _, high in ranges)
    return _among_answered(max(0.0, low), high, covered)


def _in_queries(one: Met, covered: _Covered) -> tuple[float, float]:
    """How many of the timed queries keep to an objective, at least and at most."""
    if is_of_a_token(one.timing or ""):
        return max(0.0, covered.timed - (one.of - one.at_least)), covered.timed
    return one.at_least, one.at_most + covered.timed - one.of


def _by_judgement(judged: Judged, covered: _Covered) -> tuple[float, float]:
    """Those that were judged good, and at most those that were not judged besides."""
    return _among_answered(judged.good, judged.good + max(0.0, covered.timed - judged.of), covered)


def _among_answered(low: float, high: float, covered: _Covered) -> tuple[float, float]:
    """Without those that failed, with those that nobody timed."""
    most = min(high, covered.timed - covered.failed)
    return min(max(0.0, low - covered.failed), most), most + covered.untimed


def _narrowed(
    one: tuple[float, float] | None, other: tuple[float, float] | None
) -> tuple[float, float] | None:
    """What both allow; the first where they contradict each other."""
    if one is None or other is None:
        return one or other
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high else one


def as_json(found: Goodput | None) -> dict[str, Any] | None:
    """As it stands in the summary."""
    if found is None:
        return None
    return {
        "slo": {one.objective: one.limit_s for one in found.objectives},
        "count": found.count,
        "at_least": found.at_least,
        "at_most": found.at_most,
        "of": found.of,
        "share_at_least": _share(found.at_least, found.of),
        "share_at_most": _share(found.at_most, found.of),
        "exact": found.exact,
        "source": found.source,
        "objectives": {
            one.objective: {
                "limit_s": one.limit_s,
                "timing": one.timing,
                "at_least": one.at_least if one.timing else None,
                "at_most": one.at_most if one.timing else None,
                "of": one.of if one.timing else None,
            }
            for one in found.objectives
        },
    }


def _share(part: float | None, of: float | None) -> float | None:
    return None if part is None or not of else part / of
