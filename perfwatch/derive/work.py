"""How much work was counted in a window, and by whom.

A workload's counters are cumulative. Kinds that know the time of each event (`OWN_TIMES`) are counted by
it, as whole numbers: the value at or before the end of a span less the value at or before its begin. Kinds
that are polled are interpolated between the two readings around an end and never extrapolated. A counter
that falls was restarted; its new value is the increment (as PromQL has it).

Sources of one kind add. Different kinds count the same work, so they never add: for each name the first
kind in `KINDS` is used and the others stand beside it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from perfwatch.derive.course import Course, variance_up_to
from perfwatch.derive.inherited import is_printed
from perfwatch.derive.job import Job, job_of
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.uncertainty import COVERAGE_FACTOR
from perfwatch.metrics import DOUBTED, WORK_UNITS
from perfwatch.model import DeviceKind, Kind
from perfwatch.objectives import GOOD, JUDGED, JUDGED_GOOD

KINDS = ("statsd", "output", "jsonl", "mlperf", "page", "simulated")
"""Which kind of source is believed first; other kinds come after, in order of appearance."""
OWN_TIMES = frozenset({"statsd", "output", "jsonl", "mlperf"})
"""Kinds whose samples carry the time of the events themselves."""
ERRORS = "errors"
"""Failed queries: shown with the work, but no work."""

NO_ERRORS: Mapping[str, float] = MappingProxyType({})
"""Of counts that are exact."""

LONGEST_NUMBER = 6
"""No fact of a device that is a number has so many digits."""
UNHEARD = 2.0
"""A recording that breaks off may lack the events of so many intervals: they are written together."""
UNSENT_S = 0.1
"""So long a job that counts (`statsd`) keeps what it counted to itself, and a signal may end it then."""
_NOT_A_DEFAULT_UNIT = (ERRORS, "prompt_tokens", GOOD)
_NO_WORK = (JUDGED, JUDGED_GOOD)
"""Counters that say how good work was, and are none themselves."""


@dataclass(frozen=True)
class Other:
    """What another kind of source counted under the same name."""

    source: str
    count: float


@dataclass(frozen=True)
class Counted:
    """How much of one unit of work a window holds. `count` is an `int` where it is exact.

    `error` is its expanded uncertainty: 0 where events tell their own time. `made_of` is the counted unit
    that a user's own unit was made of; None for one that was counted.
    """

    count: float | None
    source: str | None
    others: tuple[Other, ...] = ()
    made_of: str | None = None
    error: float = 0.0


Courses = Mapping[str, Mapping[str, tuple[Course, ...]]]
"""Name of the work -> kind of source -> one course a device; names and kinds in order."""


def source_kind(tape: DeviceTape) -> str:
    """The kind of source that a workload device is, as `source` and `NAME@KIND` say it."""
    return str(tape.device.facts.get("work") or tape.collector)


def prints_total(device: DeviceTape, metric_name: str) -> bool:
    """Whether a job prints this counter as its running total; it may go on from where another job was."""
    return is_printed(device.device, bare_name(metric_name))


def in_turn(device: DeviceTape) -> int:
    """How many processes answer in turn for a page, as far as it tells them apart."""
    told = str(device.device.facts.get("processes", ""))
    return int(told) if told.isdecimal() and len(told) < LONGEST_NUMBER else 1


def rank_of(kind: str) -> int:
    """Where a kind stands in the order in which sources are believed."""
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def workloads(tape: Tape) -> list[DeviceTape]:
    """The workload devices of a session, in the order in which their kinds are believed."""
    found = [device for device in tape.devices.values() if device.device.kind is DeviceKind.WORKLOAD]
    return sorted(found, key=lambda device: rank_of(source_kind(device)))


def courses_of(tape: Tape, only: Sequence[DeviceTape] | None = None) -> Courses:
    """Every counter of work in a session: standard names first, then the user's in order of appearance.

    Args:
        only: these workloads; all that there are by default.
    """
    return {name: kinds for name, kinds in every_course_of(tape, only).items() if is_work(name)}


def is_work(name: str) -> bool:
    """Whether a counter of this bare name counts work."""
    return name not in _NO_WORK and not name.endswith(DOUBTED)


def every_course_of(tape: Tape, only: Sequence[DeviceTape] | None = None) -> Courses:
    """The same with the counters of the queries that were judged (`perfwatch.objectives`)."""
    found: dict[str, dict[str, list[Course]]] = {}
    job = job_of(tape)
    for device in workloads(tape) if only is None else only:
        kind = source_kind(device)
        for metric_name, series in device.series.items():
            if series.metric.kind is not Kind.COUNTER or not len(series):
                continue
            course = Course(
                series,
                held=kind in OWN_TIMES,
                printed=prints_total(device, metric_name),
                unheard_s=_unheard_s(job, kind, tape.interval_s),
            )
            course.in_turn = in_turn(device)
            course.slow_reads = device.slow_reads
            course.job = job.span if job.found and not job.attached else None
            course.doubt(device.get(f"{bare_name(metric_name)}{DOUBTED}_total"))
            found.setdefault(bare_name(metric_name), {}).setdefault(kind, []).append(course)
    return {
        name: {kind: tuple(courses) for kind, courses in found[name].items()}
        for name in sorted(found, key=lambda name: _appearance(name, found[name]))
    }


def _unheard_s(job: Job, kind: str, interval_s: float) -> float:
    """For how long before the end events may be missing: of a recording that breaks off what was not written,
    of a job that was killed what it had not sent.
    """
    if job.cut_off:
        return UNHEARD * interval_s
    return UNSENT_S if job.was_killed and kind == "statsd" else 0.0


def bare_name(metric_name: str) -> str:
    """What people call a counter of work: `queries` for `queries_total`."""
    return metric_name.removesuffix("_total")


def _appearance(name: str, kinds: Mapping[str, Sequence[Course]]) -> tuple[int, float]:
    if name in WORK_UNITS:
        return WORK_UNITS.index(name), 0.0
    if name in _NOT_A_DEFAULT_UNIT:
        return len(WORK_UNITS) + _NOT_A_DEFAULT_UNIT.index(name), 0.0
    courses = [course for group in kinds.values() for course in group]
    moved = [course.changes[0] for course in courses if len(course.changes)]
    first = min(moved) if moved else float("inf")
    return len(WORK_UNITS) + len(_NOT_A_DEFAULT_UNIT), first


def split_unit(unit: str | None) -> tuple[str | None, str | None]:
    """`queries@page` as name and kind of source."""
    if unit is None:
        return None, None
    name, _, kind = unit.partition("@")
    return name, kind or None


def default_unit(courses: Courses, job: Span) -> str | None:
    """The first standard unit that moves during the job, else the user's own that moved first."""
    for name, kinds in courses.items():
        if name not in _NOT_A_DEFAULT_UNIT and _moves(next(iter(kinds.values())), job):
            return name
    return None


def _moves(courses: Sequence[Course], job: Span) -> bool:
    """Whether any moves during the job; what own times put a little after its end was sent before it."""
    late = any(course.held and course.moved_in(job, to_the_last=True) for course in courses)
    return late or bool(changes_of(courses, job))


def changes_of(courses: Iterable[Course], span: Span) -> list[float]:
    """When any of the courses moved within a span, in order."""
    return sorted(t for course in courses for t in course.changes_in(span))


def chosen_courses(courses: Courses, unit: str, kind: str | None) -> tuple[Course, ...]:
    """The courses that count a unit: those of the kind asked for, else of the first kind that has it."""
    kinds = courses.get(unit, {})
    return next(iter(kinds.values()), ()) if kind is None else kinds.get(kind, ())


def count_work(
    courses: Courses,
    spans: Sequence[Span],
    *,
    last_end: float,
    unit: str | None = None,
    derived: Mapping[str, Mapping[str, float]] | None = None,
    cuts: Sequence[float] = (),
) -> dict[str, Counted]:
    """The work of a window by name.

    Args:
        spans: the window.
        last_end: the end of the job; what a source with own times put after it belongs to the span that
            ends there, since the job sent it before it ended.
        unit: as the user gave it; `NAME@KIND` chooses the source of that name, or of what it is made of.
        derived: the user's units: name -> how much of which counted unit makes one.
        cuts: ends of the window that were told by a time, wherever the work stood then.
    """
    wanted, wanted_kind = split_unit(unit)
    picked = {wanted, *(derived or {}).get(wanted or "", ())} if wanted_kind else set()
    work: dict[str, Counted] = {}
    for name, kinds in courses.items():
        told = {kind: group for kind, group in kinds.items() if _tell(group)}
        by_kind = {kind: _sum(group, spans, last_end) for kind, group in told.items()}
        used = wanted_kind if name in picked and wanted_kind else next(iter(by_kind or kinds))
        others = tuple(Other(kind, count) for kind, count in by_kind.items() if kind != used)
        error = _expanded(kinds.get(used, ()), spans, cuts, last_end)
        work[name] = Counted(by_kind.get(used), used, others, error=error)
    for name, parts in (derived or {}).items():
        made = _derive(work, parts)
        if made is not None:
            work[name] = made
    if wanted is not None and wanted not in work:
        work[wanted] = Counted(None, wanted_kind)
    return work


def _tell(courses: Sequence[Course]) -> bool:
    return any(course.tells for course in courses)


def _sum(courses: Sequence[Course], spans: Sequence[Span], last_end: float) -> float:
    moved = math.fsum(
        course.moved_in(span, to_the_last=span.end >= last_end) for course in courses for span in spans
    )
    return _whole(moved) if all(course.exact for course in courses) else moved


def _expanded(
    courses: Sequence[Course], spans: Sequence[Span], cuts: Sequence[float], last_end: float
) -> float:
    """Expanded uncertainty of what the courses counted in the spans."""
    inner = math.fsum(
        course.variance_in(span) + course.restart_variance(span) for course in courses for span in spans
    )
    if spans:
        begin = spans[0].start
        inner += math.fsum(variance_up_to(course.missed_at_begin(begin)) for course in courses)
    if spans:
        end = min(spans[-1].end, last_end)
        unread = [course for course in courses if end >= last_end or not course.held]
        inner += math.fsum(course.unread_variance(end) for course in unread)
    cut = math.fsum(course.cut_variance(t) for course in courses for t in cuts)
    doubt = math.fsum(course.doubt_in(span) for course in courses for span in spans)
    return doubt + COVERAGE_FACTOR * math.sqrt(inner + cut)


def _whole(amount: float) -> float:
    """An `int` where the amount is one, so that a count is printed and recorded as a count."""
    return int(amount) if amount.is_integer() else amount


def _derive(work: Mapping[str, Counted], parts: Mapping[str, float]) -> Counted | None:
    """A user's unit out of counted ones: as many as the scarcest of its parts is enough for."""
    quotients = []
    for part, needed in parts.items():
        counted = work.get(part)
        if counted is None or counted.count is None or needed <= 0:
            return None
        quotients.append((counted.count / needed, part, counted, needed))
    if not quotients:
        return None
    amount, part, scarcest, needed = min(quotients, key=lambda quotient: quotient[0])
    exact = isinstance(scarcest.count, int)
    others = tuple(Other(other.source, other.count / needed) for other in scarcest.others)
    error = scarcest.error / needed
    return Counted(_whole(amount) if exact else amount, scarcest.source, others, part, error)


def inherited_of(courses: Courses) -> dict[str, float]:
    """How much of each work was told first and is left out, as earlier jobs'; only where there is such."""
    found = {
        name: math.fsum(course.inherited for group in kinds.values() for course in group)
        for name, kinds in courses.items()
    }
    return {name: amount for name, amount in found.items() if amount}


def restarts_in(courses: Courses, spans: Sequence[Span]) -> dict[str, int]:
    """How often the counters of each name restarted within a window; names without a restart are left out."""
    found = {
        name: sum(
            bisect_right(course.restarts, span.end) - bisect_right(course.restarts, span.start)
            for group in kinds.values()
            for course in group
            for span in spans
        )
        for name, kinds in courses.items()
    }
    return {name: count for name, count in found.items() if count}
