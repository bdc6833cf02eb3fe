"""How did one counter of one workload run: what did it count by a time, and how wrong may that be?"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from operator import sub
from types import MappingProxyType

from perfwatch.derive.bounces import Bounces
from perfwatch.derive.count_error import Flow
from perfwatch.derive.inherited import LATER, inherited
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series
from perfwatch.derive.uncertainty import COVERAGE_FACTOR

LATELY = 2
"""So many intervals tell how quickly work was done at the end; one that gives no answer for so long is
over."""

NO_SLOW_READS: Mapping[float, float] = MappingProxyType({})


class Course:
    """How one counter of one workload ran: its total since the first reading, restarts bridged.

    `held` says that a value holds until the next reading (own times); else it is interpolated.
    `unheard_s` is for how long before its end what was counted may be lacking. Where
    totals are `printed`, the work of earlier jobs that the first of them has in it is left out: `inherited`.
    """

    __slots__ = (
        *("before", "changes", "doubts", "exact", "held", "in_turn", "inherited", "job", "restarts"),
        *("slow_reads", "times", "totals", "unheard_s"),
    )

    def __init__(self, series: Series, *, held: bool, printed: bool = False, unheard_s: float = 0.0) -> None:
        self.times = series.times
        self.exact = series.exact
        self.held = held
        self.in_turn = 1
        """So many processes answer in turn, each for itself; at any time only one was just read."""
        self.slow_reads: Mapping[float, float] = NO_SLOW_READS
        """Readings that took long: their time -> how long, s. They may tell of any moment of it."""
        self.job: Span | None = None
        """When the job ran: before and after it there may be no work at all."""
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
        """Count from where the job went on; how much that was. What may be of earlier jobs is in doubt."""
        told = self.changes[: 1 + LATER]
        if not told:
            return 0.0
        first = bisect_left(self.times, told[0])
        found = inherited(self.times[first - 1], told, [self.at(t) for t in told])
        if found.unsure:
            self.doubts.append((told[0], found.unsure))
        for index in range(first, len(self.totals)):
            self.totals[index] -= found.left_out
        return found.left_out

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
        bridged = math.fsum(flow.bridged(*self._place_of(t)) for t in ends)
        ends_told = math.fsum(self._end_error(span, t) ** 2 for t in ends) / COVERAGE_FACTOR**2
        return late + self._unseen_variance(flow) + bridged + ends_told

    def _end_error(self, span: Span, t: float) -> float:
        """Expanded error of the count at an end: of which moment it is, and whether the job did it all."""
        index = bisect_right(self.times, t) - 1
        share, _ = self._place_of(t)
        moment = (1.0 - share) * self._told_while(index) + (
            share * self._told_while(index + 1) if share else 0.0
        )
        return moment + self._done_outside(span, t, index)

    def _told_while(self, index: int) -> float:
        """By how much a reading may differ with the moment of which it tells, where it took long.

        One that was over before the job began, or that began when it was over, tells of what was outside; and
        so does one at whose time it began or ended, which was taken for that.
        """
        took_s = self._took_s(index)
        if not took_s:
            return 0.0
        t, half_s = self.times[index], took_s / 2.0
        before = self.at(t) - self.at(t - half_s)
        after = self.at(t + half_s) - self.at(t)
        if self.job is not None and (t + half_s <= self.job.start or t == self.job.start):
            return before
        if self.job is not None and (t - half_s >= self.job.end or t == self.job.end):
            return after
        return max(before, after)

    def _took_s(self, index: int) -> float:
        """How long a reading took, if it was long; else 0."""
        return self.slow_reads.get(self.times[index], 0.0) if self.slow_reads and index >= 0 else 0.0

    def _done_outside(self, span: Span, t: float, index: int) -> float:
        """Of an interval in which the job begins or ends, all that was done may have been done by the job."""
        if self.job is None or (t, t) not in ((span.start, self.job.start), (span.end, self.job.end)):
            return 0.0
        before, after = self.totals[max(index, 0)], self.totals[min(index + 1, len(self.totals) - 1)]
        return self.at(t) - before if t == span.start else after - self.at(t)

    def _unseen_variance(self, flow: Flow) -> float:
        """What others of several that answer by chance did after they were read last, and before they were
        read first.

        Of n, each is out of sight for n - 1 intervals on average (n (n - 1) is the variance of a geometric
        distribution): at either end n - 1 intervals of all, and by chance the root of that more or less.
        """
        if self.in_turn < 2 or not flow.steps:
            return 0.0
        intervals = 2.0 * (self.in_turn - 1)
        most = (intervals + COVERAGE_FACTOR * math.sqrt(intervals)) * flow.amount / flow.steps
        return (most / COVERAGE_FACTOR) ** 2

    def unread_variance(self, end: float) -> float:
        """Squared standard error of what was done after the last reading: a server that ends with its job is
        not read at its end, and a recording that breaks off lacks the last events.
        """
        missing_s = end - self.times[-1]
        if missing_s <= 0.0 or len(self.times) < 2:
            return 0.0
        if self.held:
            return variance_up_to(self._as_much_before(missing_s))
        missing_s += self._took_s(len(self.times) - 1) / 2.0
        return variance_up_to(self._done_after(len(self.times) - 1, missing_s))

    def restart_variance(self, span: Span) -> float:
        """The same of what a server did between its last reading and its end, at each restart."""
        if self.held:
            return 0.0
        found = 0.0
        for t in self.restarts:
            if span.start < t <= span.end:
                last = bisect_left(self.times, t) - 1
                missing_s = t - self.times[last] + self._took_s(last) / 2.0
                found += variance_up_to(self._done_after(last, missing_s))
        return found

    def doubt(self, told: Series | None) -> None:
        """A source says itself of how much it is in doubt (`perfwatch.metrics.DOUBTED`)."""
        if told is not None:
            moved = zip(told.times[1:], map(sub, told.values[1:], told.values), strict=False)
            self.doubts.extend((t, amount) for t, amount in moved if amount > 0.0)

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
        missing_s += self._took_s(0) / 2.0
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


def variance_up_to(most: float) -> float:
    """Squared standard error of what may be missing: all on one side, so the expanded error is as much as is
    expected at most, and what chance adds to that.
    """
    return ((most + COVERAGE_FACTOR * math.sqrt(most)) / COVERAGE_FACTOR) ** 2
