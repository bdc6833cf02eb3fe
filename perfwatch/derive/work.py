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
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from perfwatch.derive.bounces import Bounces
from perfwatch.derive.count_error import Flow
from perfwatch.derive.job import job_of
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Series, Tape
from perfwatch.derive.uncertainty import COVERAGE_FACTOR
from perfwatch.metrics import WORK_UNITS
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
LATER = 3
"""So many increments after the first value tell whether a job can have done what that says."""
FAR_MORE = 5
"""A first total is another job's where it is so many times each of those, and what their pace allows."""
UNHEARD = 2.0
"""A recording that breaks off may lack the events of so many intervals: they are written together."""
LATELY = 2
"""So many intervals tell how quickly work was done at the end; one that gives no answer for so long is
over."""
_NOT_A_DEFAULT_UNIT = (ERRORS, "prompt_tokens", GOOD)
_NO_WORK = (JUDGED, JUDGED_GOOD)
"""Counters that say how good work was, and are none themselves."""


class Course:
    """How one counter of one workload ran: its total since the first reading, restarts bridged.

    `held` says that a value holds until the next reading (own times); else it is interpolated.
    `unheard_s` is for how long before its end a recording that breaks off may lack what was counted. Where
    totals are `printed`, the work of earlier jobs that the first of them has in it is left out: `inherited`.
    """

    __slots__ = (
        *("before", "changes", "doubts", "exact", "held", "in_turn", "inherited", "restarts", "times"),
        *("totals", "unheard_s"),
    )

    def __init__(self, series: Series, *, held: bool, printed: bool = False, unheard_s: float = 0.0) -> None:
        self.times = series.times
        self.exact = series.exact
        self.held = held
        self.in_turn = 1
        """So many processes answer in turn, each for itself; at any time only one was just read."""
        self.unheard_s = unheard_s
        self.before = series.values[0]
        """What was counted before its first reading, whenever that was."""
        self.totals = array("d", [0.0])
        self.changes: array[float] = array("d")
        """When the counter moved, as it was seen."""
        self.restarts: list[float] = []
        self.doubts: list[tuple[float, float]] = []
        """When, and how much of, what it moved may never have been done (`derive.bounces`)."""
        self._add_up(series.values)
        self.inherited = self._leave_out_the_inherited() if printed else 0.0

    def _add_up(self, values: Sequence[float]) -> None:
        total = 0.0
        previous = values[0]
        bounces, told_anew = Bounces(), False
        for index in range(1, len(values)):
            value = values[index]
            if value != previous:
                passed_s = self.times[index] - self.times[index - 1]
                doubt = 0.0 if self.held else bounces.take(previous, value, passed_s=passed_s)
                if doubt:
                    self.doubts.append((self.times[index], doubt))
                if value >= previous:
                    total += value - previous
                else:
                    total += value
                    if value < 0.0:
                        self._take_back(total)
                    elif passed_s > 0.0:
                        self.restarts.append(self.times[index])
                    told_anew = passed_s <= 0.0 <= value
                self.changes.append(self.times[index])
                previous = value
            if told_anew and self.times[index] > self.times[index - 1]:
                self.restarts.append(self.times[index])
                told_anew = False
            self.totals.append(total)

    def _take_back(self, total: float) -> None:
        """What was counted of a process that turned out to be no restarted one was never done: page.py."""
        if self.restarts:
            self.restarts.pop()
        for index in range(len(self.totals) - 1, -1, -1):
            if self.totals[index] <= total:
                break
            self.totals[index] = total

    def _leave_out_the_inherited(self) -> float:
        """Count from the first value on, where that is another job's; how much it was."""
        told = self.changes[: 1 + LATER]
        firsts = [self.at(t) for t in told]
        if not is_inherited(self.times[0], told, firsts):
            return 0.0
        for index in range(bisect_left(self.times, told[0]), len(self.totals)):
            self.totals[index] -= firsts[0]
        return firsts[0]

    @property
    def tells(self) -> bool:
        """Whether it tells an amount: one reading of a counter that is polled tells none."""
        return self.held or len(self.times) > 1

    def at(self, t: float) -> float:
        """The total at a time; before the first reading and after the last that reading's."""
        index = bisect_right(self.times, t) - 1
        if index < 0:
            return self.totals[0]
        if self.held or index + 1 == len(self.times):
            return self.totals[index]
        before, after = self.times[index], self.times[index + 1]
        share = (t - before) / (after - before)
        return self.totals[index] + share * (self.totals[index + 1] - self.totals[index])

    def moved_in(self, span: Span, *, to_the_last: bool = False) -> float:
        """How far the counter moved in a span. `to_the_last`: what own times put after its end counts too."""
        end = self.totals[-1] if to_the_last and self.held else self.at(span.end)
        return end - self.at(span.start)

    def variance_in(self, span: Span) -> float:
        """Squared standard uncertainty of `moved_in`; 0 where events tell their own time."""
        if self.held:
            return 0.0
        flow = self._flow(span)
        ends = (span.start, span.end)
        late = flow.lateness([self._age_at(t) for t in ends])
        return late + self._unseen_variance(flow) + math.fsum(flow.bridged(*self._place_of(t)) for t in ends)

    def _unseen_variance(self, flow: Flow) -> float:
        """What others of several that answer in turn did after they were read last, and before they were read
        first: together as much as all did in one interval, for each but one.
        """
        if self.in_turn < 2 or not flow.steps:
            return 0.0
        return _variance_up_to((self.in_turn - 1) * flow.amount / flow.steps)

    def unread_variance(self, end: float) -> float:
        """Squared standard error of what was done after the last reading: a server that ends with its job is
        not read at its end, and a recording that breaks off lacks the last events.
        """
        missing_s = end - self.times[-1]
        if missing_s <= 0.0 or len(self.times) < 2:
            return 0.0
        if self.held:
            return _variance_up_to(self._as_much_before(missing_s))
        return _variance_up_to(self._done_after(len(self.times) - 1, missing_s))

    def restart_variance(self, span: Span) -> float:
        """The same of what a server did between its last reading and its end, at each restart."""
        if self.held:
            return 0.0
        found = 0.0
        for t in self.restarts:
            if span.start < t <= span.end:
                last = bisect_left(self.times, t) - 1
                found += _variance_up_to(self._done_after(last, t - self.times[last]))
        return found

    def doubt_in(self, span: Span) -> float:
        """How much of `moved_in` may never have been done."""
        return math.fsum(amount for t, amount in self.doubts if span.start < t <= span.end)

    def missed_at_begin(self, begin: float) -> float:
        """How much may have been done before the first reading, of a server that could not be read from the
        begin on: as much as at the quicker of the first two intervals, and no more than it ever counted.
        """
        missing_s = self.times[0] - begin
        if self.held or missing_s <= 0.0 or len(self.times) < 2:
            return 0.0
        quickest = self._quickest(range(1, min(1 + LATELY, len(self.times))))
        return min(self.before, quickest * missing_s)

    def _as_much_before(self, missing_s: float) -> float:
        """What came in as long before the last event, for as long as events may be unheard."""
        last_t = self.times[-1]
        return self.totals[-1] - self.at(last_t - min(missing_s, self.unheard_s))

    def _done_after(self, last: int, missing_s: float) -> float:
        """What may have been done in the seconds after a reading: at the quicker of the two intervals before
        it, for twice the last one at most; what gives no answer for longer is over.
        """
        while last > 0 and self.times[last - 1] == self.times[last]:
            last -= 1  # a source's own word that it began anew, as of the same reading
        if last < 1:
            return 0.0
        last_s = self.times[last] - self.times[last - 1]
        quickest = self._quickest(range(max(1, last + 1 - LATELY), last + 1))
        return quickest * min(missing_s, LATELY * last_s)

    def _quickest(self, readings: range) -> float:
        """The highest rate among the intervals that end with these readings, 1/s."""
        rates = (
            (self.totals[index] - self.totals[index - 1]) / (self.times[index] - self.times[index - 1])
            for index in readings
            if self.times[index] > self.times[index - 1]
        )
        return max(rates, default=0.0)

    def cut_variance(self, t: float) -> float:
        """What a cut at a time makes a count by events wrong by, squared: which part of the next is after it.

        An increment g is counted whole where its event is; of the work in it any part was done on the other
        side, so it is wrong by up to g: g^2 / 3 in the mean square.
        """
        index = bisect_right(self.changes, t)
        if not self.held or index == len(self.changes):
            return 0.0
        return (self.at(self.changes[index]) - self.at(t)) ** 2 / 3.0

    def _flow(self, span: Span) -> Flow:
        first = max(bisect_right(self.times, span.start) - 1, 0)
        last = min(bisect_left(self.times, span.end), len(self.times) - 1)
        flow = Flow()
        for index in range(first, last):
            flow.take(self.times[index + 1] - self.times[index], self.totals[index + 1] - self.totals[index])
        return flow

    def _place_of(self, t: float) -> tuple[float, float]:
        """Where a time lies between two readings, as a share of their interval, and that interval, s."""
        index = bisect_right(self.times, t) - 1
        if index < 0 or index + 1 == len(self.times):
            return 0.0, 0.0
        interval_s = self.times[index + 1] - self.times[index]
        return (t - self.times[index]) / interval_s, interval_s

    def _age_at(self, t: float) -> float:
        """For how long it had not moved, s; infinite before it moved at all."""
        index = bisect_right(self.changes, t) - 1
        return t - self.changes[index] if index >= 0 else math.inf

    def changes_in(self, span: Span) -> Sequence[float]:
        """The times after the span's start and up to its end at which the counter was seen to move."""
        return self.changes[bisect_right(self.changes, span.start) : bisect_right(self.changes, span.end)]


def is_inherited(begin: float, times: Sequence[float], totals: Sequence[float]) -> bool:
    """Whether a job's first total is of earlier jobs, which it goes on from by a checkpoint.

    Args:
        begin: since when it could count.
        times, totals: its first values and when they were told; `LATER` after the first are needed.
    """
    if len(times) <= LATER or times[-1] <= times[0]:
        return False
    steps = [after - before for before, after in pairwise(totals)]
    at_its_pace = (times[0] - begin) * (totals[-1] - totals[0]) / (times[-1] - times[0])
    return totals[0] > FAR_MORE * max(*steps, at_its_pace)


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
    return bare_name(metric_name) in str(device.device.facts.get("totals", "")).split(",")


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
    return name not in _NO_WORK


def every_course_of(tape: Tape, only: Sequence[DeviceTape] | None = None) -> Courses:
    """The same with the counters of the queries that were judged (`perfwatch.objectives`)."""
    found: dict[str, dict[str, list[Course]]] = {}
    unheard_s = UNHEARD * tape.interval_s if job_of(tape).cut_off else 0.0
    for device in workloads(tape) if only is None else only:
        kind = source_kind(device)
        for metric_name, series in device.series.items():
            if series.metric.kind is not Kind.COUNTER or not len(series):
                continue
            course = Course(
                series, held=kind in OWN_TIMES, printed=prints_total(device, metric_name), unheard_s=unheard_s
            )
            course.in_turn = in_turn(device)
            found.setdefault(bare_name(metric_name), {}).setdefault(kind, []).append(course)
    return {
        name: {kind: tuple(courses) for kind, courses in found[name].items()}
        for name in sorted(found, key=lambda name: _appearance(name, found[name]))
    }


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
        inner += math.fsum(_variance_up_to(course.missed_at_begin(begin)) for course in courses)
    if spans and spans[-1].end >= last_end:
        inner += math.fsum(course.unread_variance(last_end) for course in courses)
    cut = math.fsum(course.cut_variance(t) for course in courses for t in cuts)
    doubt = math.fsum(course.doubt_in(span) for course in courses for span in spans)
    return doubt + COVERAGE_FACTOR * math.sqrt(inner + cut)


def _variance_up_to(most: float) -> float:
    """Squared standard error of what may be missing: all on one side, so the expanded error is as much as is
    expected at most, and what chance adds to that.
    """
    return ((most + COVERAGE_FACTOR * math.sqrt(most)) / COVERAGE_FACTOR) ** 2


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
