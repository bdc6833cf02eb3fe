"""What did one device use, and one counter of work count, until now? Kept as the readings come."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from perfwatch.derive import counters
from perfwatch.derive.bounces import Bounces
from perfwatch.derive.carried import Carried, carried_on
from perfwatch.derive.count_error import Flow
from perfwatch.derive.counter_fault import (
    ABOVE_IDLE,
    COARSE,
    EXCESS_S,
    IDLE_SEEN,
    STUCK_S,
    STUCK_UPDATES,
    is_unmoved,
)
from perfwatch.derive.counter_step import SeenStep
from perfwatch.derive.course import LATELY, Course
from perfwatch.derive.inherited import FirstTotals
from perfwatch.derive.live_carried import CarriedEnds
from perfwatch.derive.live_trace import Amount, Point, Trace
from perfwatch.derive.spans import Span
from perfwatch.metrics import POWER
from perfwatch.model import Metric


class RunningEnergy:
    """The energy of one device, by its counter and by its power; `trace` is the one to believe."""

    def __init__(
        self,
        counter: Metric | None,
        limit_w: float | None,
        now_s: float,
        longest_gap_s: float,
        power: Metric | None = None,
        *,
        most_w: float | None = None,
    ) -> None:
        self._counter = counter
        self._limit_w = limit_w
        self._most_w = most_w
        self._longest_gap_s = longest_gap_s
        self._counted = Trace(now_s, longest_gap_s)
        self._integrated = Trace(now_s, longest_gap_s)
        self._count: _Step = _Step()
        self._power: _Step = _Step()
        self._lag_s = 0.0 if power is None else _lag_s(power)
        self._power_pins: list[float] = []
        """Times between readings at which the integral is wanted exactly."""
        self._ended: float | None = None
        self._moved: Point | None = None
        """When the counter moved last, and what the integral was then."""
        self._low_w, self._high_w = math.inf, 0.0
        self._at_fault = False
        self._steps = None if counter is None else SeenStep(counter)
        self._power_before_j = 0.0
        """The integral when the job began."""
        self._ends = None if counter is None else CarriedEnds.of(counter, power or POWER)
        self.samples = 0
        """Readings of power, since the run began."""

    def declare(self, counter: Metric | None) -> None:
        """The counter is declared anew, as with finer steps."""
        if counter is not None and self._steps is not None:
            self._steps.declare(counter)

    @property
    def trace(self) -> Trace:
        """The counter's, unless it is at fault and power was read."""
        return self._integrated if self.is_integrated else self._counted

    @property
    def is_integrated(self) -> bool:
        """Whether the integral of power is the one to believe."""
        if self._counted.last_t is None:
            return True
        return self._integrated.last_t is not None and (
            self._at_fault or self._is_too_coarse() or (self._is_frozen() and self._power.total > 0.0)
        )

    def _is_frozen(self) -> bool:
        """Whether the counter never moved and tells nothing, as in the summary."""
        step_j = 0.0 if self._steps is None else self._steps.joules
        return not self._at_fault and is_unmoved(0.0, self._count.total, step_j)

    def _is_too_coarse(self) -> bool:
        """Whether the counter moves in steps of at least what the run used so far, by its power."""
        step_j = 0.0 if self._steps is None else self._steps.joules
        return step_j >= COARSE and 0.0 < self._power.total - self._power_before_j <= step_j

    def pin(self, t: float) -> None:
        """Remember the amounts at this time for good."""
        self._counted.pin(t)
        self._integrated.pin(t + self._lag_s)
        self._power_pins.append(t + self._lag_s)

    def begin(self, t: float) -> None:
        """The job began."""
        self.samples = 0
        self._power_before_j = self._power.total
        self.pin(t)
        if self._ends is not None:
            self._ends.begin(t)

    def end(self, t: float) -> None:
        """The job ended."""
        self.pin(t)
        self._ended = t
        if self._ends is not None:
            self._ends.end(t)

    def between(self, span: Span, *, whole_job: bool = False) -> Amount:
        """What was used in a span; of the whole job as the summary has it, carried on to both ends of it."""
        if not self.is_integrated and self._is_frozen():
            return Amount(0.0, 0.0)
        amount = self._by_power(span) if self.is_integrated else self._counted.between(span)
        ends = self.carried() if whole_job else None
        if ends is None:
            return amount
        begin, end = ends
        limit_w, duration_s = self._limit_w, span.duration_s
        most_j = None if limit_w is None else counters.PLAUSIBLE * limit_w * duration_s
        return Amount(carried_on(amount.amount, begin, end, most_j), amount.seen_s)

    def _by_power(self, span: Span) -> Amount:
        """As the summary integrates: readings are old by their lag, and for so long the last one is held."""
        read = Span(span.start + self._lag_s, span.end + self._lag_s)
        amount, last_t = self._integrated.between(read), self._integrated.last_t
        if last_t is None:
            return amount
        held_s = max(0.0, min(read.end, last_t + self._lag_s) - max(read.start, last_t))
        return Amount(amount.amount + held_s * self._power.value, amount.seen_s + held_s)

    def is_below_a_step(self, amount: Amount) -> bool:
        """Whether a counter of coarse steps did not move, so that its power is not known."""
        return (
            not amount.amount
            and not self.is_integrated
            and self._steps is not None
            and self._steps.joules > 0.0
        )

    def carried(self) -> tuple[Carried, Carried] | None:
        """The counter carried on to the job's begin and to its end; `None` where it is told as it counted."""
        as_counted = self.is_integrated or self._at_fault
        return None if as_counted or self._ends is None else self._ends.both()

    def allow(self, limit_w: float | None) -> None:
        """The device may draw so much from now on; the highest limit counts, as in the summary."""
        if limit_w is not None and limit_w > (self._limit_w or 0.0):
            self._limit_w = limit_w

    def take(self, t: float, watts: float | None, joules: float | None) -> None:
        """Add a reading of power, of the counter, or of both."""
        if watts is not None:
            self._take_power(t, watts)
        if joules is not None and self._counter is not None:
            self._take_count(t, joules, self._counter)
            if self._ends is not None:
                self._ends.take(t, joules, watts)

    def _take_power(self, t: float, watts: float) -> None:
        step = self._power
        if self._ended is not None and step.t is not None and step.t >= self._ended:
            return  # of a board at rest; the first after the end closes the job, as in the summary
        self.samples += 1
        self._settle_pins(t, watts)
        if step.t is not None and t - step.t <= self._longest_gap_s:
            step.total += (watts + step.value) / 2 * (t - step.t)
            step.seen_s += t - step.t
        step.t, step.value = t, watts
        self._low_w, self._high_w = min(self._low_w, watts), max(self._high_w, watts)
        self._integrated.add(t, step.total, step.seen_s)

    def _settle_pins(self, t: float, watts: float) -> None:
        """What the integral is at the times before a reading that are wanted: power runs straight up to
        it."""
        step = self._power
        due, self._power_pins = (
            [pin for pin in self._power_pins if pin <= t],
            [pin for pin in self._power_pins if pin > t],
        )
        if step.t is None or not 0.0 < t - step.t <= self._longest_gap_s:
            return
        for pin in due:
            passed_s = pin - step.t
            if passed_s >= 0.0:
                reached_w = step.value + (watts - step.value) * passed_s / (t - step.t)
                joules = (step.value + reached_w) / 2 * passed_s
                self._integrated.pin_at((pin, step.total + joules, step.seen_s + passed_s))

    def _take_count(self, t: float, joules: float, counter: Metric) -> None:
        step = self._count
        if self._steps is not None:
            self._steps.take(t, joules)
        if step.t is not None and t > step.t:
            moved = counters.examine(
                step.value,
                joules,
                counter.wraps_at,
                elapsed_s=t - step.t,
                limit_per_s=self._limit_w,
                most_per_s=self._most_w,
            )
            if moved.known and self._can_be(moved.amount, t - step.t):
                step.total += moved.amount
                step.seen_s += t - step.t
            elif moved.kind != counters.AMBIGUOUS:
                self._at_fault = True
        if self._moved is None or joules != step.value:
            self._moved = (t, self._power.total, self._power.seen_s)
        elif self._is_stuck(t, counter, self._moved):
            self._at_fault = True
        step.t, step.value = t, joules
        self._counted.add(t, step.total, step.seen_s)

    def _can_be(self, joules: float, passed_s: float) -> bool:
        """Whether a device may use that; a shorter time than a second is not judged, as in the summary."""
        most_w = self._most_w
        return most_w is None or joules <= counters.PLAUSIBLE * most_w * max(passed_s, EXCESS_S)

    def _is_stuck(self, t: float, counter: Metric, moved: Point) -> bool:
        if t - moved[0] < max(STUCK_S, STUCK_UPDATES * (counter.update_s or 0.0)):
            return False
        seen_s = self._power.seen_s - moved[2]
        idle_seen = self._high_w >= IDLE_SEEN * self._low_w and self._count.total > 0.0
        idle_w = ABOVE_IDLE * self._low_w if idle_seen else 0.0
        return seen_s > 0.0 and (self._power.total - moved[1]) / seen_s > idle_w


def _lag_s(power: Metric) -> float:
    """How old a reading is on average, s, as far as the sensor declares it."""
    return ((power.update_s or 0.0) + (power.window_s or 0.0)) / 2.0


class RunningWork(Course):
    """One counter of work as it runs: a course that remembers what *now* and *run* need and no more."""

    __slots__ = (
        *(
            "_before_t",
            "_bounces",
            "_doubt",
            "_doubted",
            "_told_doubts",
            "_first_rates",
            "_first_t",
            "_firsts",
        ),
        *("_flow_so_far", "_step", "_newest_took_s", "trace"),
    )

    def __init__(self, now_s: float, head_s: float, *, held: bool, printed: bool = False) -> None:
        self.held = held
        self.in_turn = 1
        self.inherited = 0.0
        self._firsts = FirstTotals() if printed else None
        self.exact = True
        self.changes = array("d")
        self.trace = Trace(now_s, head_s)
        self._step = _Step()
        self.before = 0.0
        self._first_t = -math.inf
        self._first_rates: list[float] = []
        self._before_t = -math.inf
        self._flow_so_far = Flow()
        self._bounces = Bounces()
        self._doubt = 0.0
        self._doubted = Trace(now_s, head_s)
        self._told_doubts: RunningWork | None = None
        self._newest_took_s = 0.0

    def take(self, t: float, value: float, *, exact: bool, took_s: float = 0.0) -> None:
        """Add a reading. A counter that fell was restarted: its new value is the increment."""
        step = self._step
        self._newest_took_s = took_s
        if step.t is None:
            self.before, self._first_t = value, t
        else:
            moved = value - step.value if value >= step.value else value
            if len(self._first_rates) < LATELY and t > step.t:
                self._first_rates.append(moved / (t - step.t))
            if moved:
                step.total += moved
                self.changes[:] = array("d", [t])
                if self._firsts is not None:
                    self._leave_out_another_jobs(self._firsts, t, step.t)
            if not self.held:
                self._doubt += self._bounces.take(step.value, value, passed_s=t - step.t)
                self._doubted.add(t, self._doubt, 0.0)
                self._flow_so_far.take(t - step.t, moved)
                self._before_t = step.t
        self.exact = self.exact and exact
        step.t, step.value = t, value
        self.trace.add(t, step.total, 0.0)

    def _leave_out_another_jobs(self, firsts: FirstTotals, t: float, before_t: float) -> None:
        """The first values tell whether a job goes on from a checkpoint, and where its own work begins."""
        left_out = firsts.take(t, self._step.total, before_t)
        if firsts.is_settled:
            self._firsts = None
        if left_out:
            self.inherited = left_out
            self.trace.lift(firsts.began, left_out)

    @property
    def tells(self) -> bool:
        """A run that goes on begins at the first reading: nothing was missed."""
        return True

    def changes_in(self, span: Span) -> Sequence[float]:
        """When it was seen to move last, whatever the span: that it moves makes it a unit."""
        return self.changes

    def moved_in(self, span: Span, *, to_the_last: bool = False) -> float:
        """How far it moved in a span that is *now* or *run*."""
        return self.trace.between(span).amount

    def doubt_in(self, span: Span) -> float:
        """How much of it may never have been done."""
        seen = self._doubted.between(span).amount if self._doubt else 0.0
        return seen + (self._told_doubts.moved_in(span) if self._told_doubts is not None else 0.0)

    def doubt_as(self, told: RunningWork | None) -> None:
        """Its source says itself of how much it is in doubt (`perfwatch.metrics.DOUBTED`)."""
        self._told_doubts = told

    def restart_variance(self, span: Span) -> float:
        """Restarts are bridged and not remembered: what they add is small, and in the summary."""
        return 0.0

    def unread_variance(self, end: float) -> float:
        """What was done since the newest reading comes with the next one; the summary tells the rest."""
        return 0.0

    def missed_at_begin(self, begin: float) -> float:
        """How much may have been done before the first reading."""
        missing_s = self._first_t - begin
        if self.held or missing_s <= 0.0:
            return 0.0
        return min(self.before, max(self._first_rates, default=0.0) * missing_s)

    def _flow(self, span: Span) -> Flow:
        """Since it was read first: how a counter comes along does not change with the span."""
        return self._flow_so_far

    def _end_error(self, span: Span, t: float) -> float:
        """That of the newest reading at either end: readings of a source take alike."""
        return self._flow_so_far.rate * self._newest_took_s / 2.0

    def _place_of(self, t: float) -> tuple[float, float]:
        """Only the newest interval is known; a run begins at a reading taken for it."""
        last_t = self._step.t
        if last_t is None or not self._before_t < t < last_t:
            return 0.0, 0.0
        interval_s = last_t - self._before_t
        return (t - self._before_t) / interval_s, interval_s


class _Step:
    """The last reading, and what was added up until then."""

    __slots__ = ("seen_s", "t", "total", "value")

    def __init__(self) -> None:
        self.t: float | None = None
        self.value = 0.0
        self.total = 0.0
        self.seen_s = 0.0
