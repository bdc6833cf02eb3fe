"""Do two workloads of a run count the same work, which then is added to itself?

Sources of one kind add up. Where a gateway and the server behind it are both named, or two patterns find the
same steps, they tell (nearly) the same count at the same time. So do replicas of one server that share the
load evenly, and ranks that each write a log: these are two, but for what ranks make together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from perfwatch.derive.course import Course
from perfwatch.derive.evidence import Evidence, listed
from perfwatch.derive.findings import WARN, Finding
from perfwatch.derive.job import job_of
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.work import Counted, changes_of, count_work, courses_of, source_kind, workloads
from perfwatch.units import format_count

ALIKE = 0.02
"""Counts that differ by no more than this share of the larger one may be of one work."""
LEAST = 10
"""Fewer are alike by chance."""
_TOGETHER = ("steps", "epochs", "iterations")
"""What ranks make together: each tells all of it."""


class _Told(NamedTuple):
    """What one workload counted in the window, and when."""

    tape: DeviceTape
    work: Mapping[str, Counted]
    courses: Mapping[str, Sequence[Course]]


def counted_twice(evidence: Evidence) -> Iterator[Finding]:
    """The finding `counted-twice`, once for each kind of source."""
    by_kind: dict[str, list[DeviceTape]] = {}
    for tape in workloads(evidence.tape):
        by_kind.setdefault(source_kind(tape), []).append(tape)
    for kind, tapes in by_kind.items():
        if len(tapes) < 2:
            continue
        used = [name for name, counted in evidence.work.items() if counted.source == kind]
        told = [_told_by(tape, evidence) for tape in tapes]
        for one, other in combinations(told, 2):
            names = [name for name in used if _may_be_one(name, one, other, evidence.window.spans)]
            if names:
                yield Finding("counted-twice", WARN, _sentence(names, one, other))
                break


def _told_by(tape: DeviceTape, evidence: Evidence) -> _Told:
    courses = courses_of(evidence.tape, only=[tape])
    last_end = job_of(evidence.tape).span.end
    work = count_work(courses, evidence.window.spans, last_end=last_end)
    return _Told(tape, work, {name: [*kinds[source_kind(tape)]] for name, kinds in courses.items()})


def _may_be_one(name: str, one: _Told, other: _Told, spans: Sequence[Span]) -> bool:
    counts = [told.work[name].count for told in (one, other) if name in told.work]
    known = [count for count in counts if count is not None]
    return (
        len(known) > 1
        and min(known) >= max(LEAST, (1.0 - ALIKE) * max(known))
        and _is_likely(name, one.tape, other.tape)
        and _at_one_time(
            *(changes_of(told.courses[name], Span(spans[0].start, spans[-1].end)) for told in (one, other))
        )
    )


def _is_likely(name: str, one: DeviceTape, other: DeviceTape) -> bool:
    """Whether two that count alike are rather one work than replicas or ranks."""
    if one.collector == other.collector == "output":
        return True
    if source_kind(one) == "page":
        return one.device.facts.get("server") != other.device.facts.get("server")
    return name in _TOGETHER


def _at_one_time(changes: Sequence[float], others: Sequence[float]) -> bool:
    """Whether both moved meanwhile; runs that followed each other did not."""
    return bool(changes and others) and max(changes[0], others[0]) <= min(changes[-1], others[-1])


def _sentence(names: Sequence[str], one: _Told, other: _Told) -> str:
    name = names[0]
    counts = [format_count(told.work[name].count or 0) for told in (one, other)]
    who = [f"{told.tape.collector} {_place(told.tape)}" for told in (one, other)]
    return (
        f"{who[0]} and {who[1]} counted {listed(names)} nearly alike ({counts[0]} and {counts[1]} {name}), "
        "and are added: if it is the same work (a gateway and the server behind it, two patterns for one "
        "thing), it counts twice; name one of them alone with -w."
    )


def _place(tape: DeviceTape) -> str:
    facts = tape.device.facts
    return str(facts.get("pattern") or facts.get("url") or facts.get("reads") or tape.device.name)
