"""How many queries kept to the service level objectives (`--slo`)? Exactly from events, bounded from buckets.

Where each query was judged as it was told, with all its timings, the count is exact. Otherwise each timing
was gathered by itself. Of N queries, of which n_i keep to objective i, between max(0, sum n_i - (k - 1) N)
and min n_i keep to all k (Frechet's bounds); where a limit lies inside a bucket n_i has bounds itself. Of a
timing that a query has many times, as of its tokens, each late one may be that of another query, or all of
them that of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, hypot
from typing import Any, NamedTuple

from perfwatch.derive.latency import Latency
from perfwatch.derive.work import Counted
from perfwatch.objectives import GOOD, Slo, is_of_a_token, told_as


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
        of: so many queries were timed.
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
    slo: Slo, timings: Mapping[str, Latency], work: Mapping[str, Counted], *, judged: bool
) -> Goodput | None:
    """The goodput of a window; None without objectives.

    Args:
        timings: with `within` of the limits (`limits_of`).
        work: what was counted.
        judged: what stands there as good queries was judged by these objectives.
    """
    if not slo:
        return None
    objectives = tuple(_met(objective, limit_s, timings) for objective, limit_s in slo.items())
    queries = _queries(objectives, work)
    exact = work.get(GOOD) if judged else None  # a job's own count of that name was made by its own rule
    if exact is not None and exact.count is not None:
        of = max(queries or 0.0, exact.count)
        return Goodput(objectives, of, exact.count, exact.count, True, exact.source)
    names = [one.timing for one in objectives if one.timing is not None]
    source = timings[names[0]].source if names else None
    if len(names) < len(objectives) or queries is None:
        return Goodput(objectives, queries, None, None, False, source)
    ranges = [_in_queries(one, queries) for one in objectives]
    at_least = max(0.0, fsum(low for low, _ in ranges) - (len(ranges) - 1) * queries)
    at_most = min(high for _, high in ranges)
    return Goodput(objectives, queries, min(at_least, at_most), at_most, False, source)


def _met(objective: str, limit_s: float, timings: Mapping[str, Latency]) -> Met:
    for name in told_as(objective):
        told = timings.get(name)
        if told is not None and told.count and limit_s in told.within:
            within = told.within[limit_s]
            return Met(objective, limit_s, name, told.count, within.at_least, within.at_most)
    return Met(objective, limit_s, None, 0.0, 0.0, 0.0)


def _queries(objectives: tuple[Met, ...], work: Mapping[str, Counted]) -> float | None:
    """So many queries were timed; those that were counted where a query has many of each timing."""
    timed = [one.of for one in objectives if one.timing is not None and not is_of_a_token(one.timing)]
    if timed:
        return max(timed)
    counted = work.get("queries")
    return counted.count if counted is not None else None


def _in_queries(one: Met, queries: float) -> tuple[float, float]:
    """How many queries keep to an objective, at least and at most."""
    late_at_least, late_at_most = one.of - one.at_most, one.of - one.at_least
    if one.of > queries:  # many of a query
        return max(0.0, queries - late_at_most), queries - min(1.0, late_at_least)
    return one.at_least, one.at_most + queries - one.of


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
    return None if part is None or not of else min(1.0, part / of)
