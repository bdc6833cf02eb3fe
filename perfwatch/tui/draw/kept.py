"""How many queries keep to the objectives of `--slo`, lately and over the run so far, one line each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfwatch.derive.latency import Latency
from perfwatch.derive.work import rank_of
from perfwatch.derive.workload_now import Timed, WorkloadNow
from perfwatch.exporters.words import spoken
from perfwatch.tui.draw import words
from perfwatch.tui.draw.row import Line, Row
from perfwatch.units import DASH, format_latency

Within = tuple[float, float, float]
"""How many keep to an objective at least, at most, and of how many."""


def lines(works: Sequence[WorkloadNow], columns: int, indent: str = "") -> list[Row]:
    """Of one workload, or of several together: each objective, then all where a query was judged whole.

    Of several, those tell a timing whose kind is believed before the others that do: a client and the page of
    its server time the same queries.
    """
    found = []
    for name, limit_s in _objectives(works):
        timings = _believed(works, name, limit_s)
        now = _share([_within(each.now, limit_s) for each in timings])
        run = _share([_within(each.run, limit_s) for each in timings])
        found.append(_line(f"{indent}{spoken(name)} ≤ {format_latency(limit_s)} ", now, run, columns))
    judged = [work.judged for work in works if work.judged is not None]
    of = sum(all_.total for all_, _ in judged)
    if of > 0 and len(found) != 1:
        good = sum(good.total for _, good in judged)
        rate, good_rate = (sum(one.per_s or 0.0 for one in each) for each in zip(*judged, strict=True))
        now = words.percent(good_rate / rate) if rate > 0 else DASH
        found.append(_line(f"{indent}all objectives ", now, words.percent(good / of), columns))
    return found


def _objectives(works: Iterable[WorkloadNow]) -> list[tuple[str, float]]:
    each = [
        (timed.name, limit_s)
        for work in works
        for timed in work.timed
        if timed.run.count
        for limit_s in timed.run.within
    ]
    return list(dict.fromkeys(each))


def _believed(works: Iterable[WorkloadNow], name: str, limit_s: float) -> list[Timed]:
    told = [
        (rank_of(work.kind), timed)
        for work in works
        for timed in work.timed
        if timed.name == name and timed.run.count and limit_s in timed.run.within
    ]
    best = min(rank for rank, _ in told)
    return [timed for rank, timed in told if rank == best]


def _within(latency: Latency, limit_s: float) -> Within:
    least, most = latency.within.get(limit_s, (0.0, latency.count))
    return least, most, latency.count


def _share(told: Sequence[Within]) -> str:
    """`93 %`, or its bounds where a bucket leaves it open."""
    least, most, of = (sum(column) for column in zip(*told, strict=True))
    if of <= 0:
        return DASH
    low, high = (words.percent(min(1.0, part / of)) for part in (least, most))
    return high if low == high else f"{low.removesuffix(' %')}-{high}"


def _line(name: str, now: str, run: str, columns: int) -> Row:
    """`latency ≤ 15.0 ms 93 %, run 95 %`."""
    line = Line(columns).foreign(name, "text").put(now, "value")
    told = f", run {run}"
    return (line.put(", run ", "dim").put(run, "value") if line.room >= len(told) else line).row()
