"""What does each workload do now? Rates and totals of its counters, its gauges, how long its queries take.

A fold over the records as they come, in bounded memory. The rules are those of perfwatch.derive.work: a
counter that falls was restarted and its new value is the increment; sources that know the time of each event
are counted by it, sources that are polled are interpolated between two readings and never extrapolated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from perfwatch.derive.goodput import limits_of
from perfwatch.derive.inherited import FirstTotals
from perfwatch.derive.latency import QUANTILES, Latency
from perfwatch.derive.settings import Settings
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.timings import Bin, Timing
from perfwatch.derive.work import OWN_TIMES, prints_total, source_kind
from perfwatch.metrics import DOUBTED
from perfwatch.model import DeviceKind, Kind, Metric
from perfwatch.objectives import JUDGED, JUDGED_GOOD
from perfwatch.session import format as fmt

MOST_TIMINGS = 64
"""So many timings are kept over time, of all workloads together; each takes at most some megabytes."""
LEAST_S = 0.5
"""A rate over less than this would be noise."""
GOAL = "_goal"
"""How the name of a gauge ends that tells how far something is to go."""
EXPECTED = "_expected"
"""A gauge `steps_expected` tells how many steps there will be."""
BEFORE = "_before"
"""A gauge `steps_before` tells what earlier jobs did of the steps of a goal, where `steps` has none of it."""
_MOST_READINGS = 4096


class Counted(NamedTuple):
    """One counter of a workload.

    Args:
        name: as people say it: `queries`.
        metric: its name in the stream.
        total: how far it moved since it was seen first.
        per_s: its rate over the span of *now*; None until two readings tell it, or when they are old.
    """

    name: str
    metric: str
    total: float
    per_s: float | None


class Timed(NamedTuple):
    """One timing of a workload: over the span of *now*, and over everything so far."""

    name: str
    metric: str
    now: Latency
    run: Latency


class Goal(NamedTuple):
    """How far something has come that is known to go so far.

    Args:
        name: as people say it: `steps`.
        reached: it stands at this.
        goal: it will go up to this, or so far at most.
        left_s: how long that takes at the pace so far; None where that is not known.
    """

    name: str
    reached: float
    goal: float
    left_s: float | None


@dataclass(frozen=True)
class WorkloadNow:
    """One workload.

    Args:
        kind: the kind of source: `statsd`, `output`, `page` ...
        counted: its counters, in order of declaration.
        timed: its timings, in order of declaration.
        goals: what it tells a goal of (a gauge `steps_goal` or `steps_expected` beside `steps`), in order of
            declaration.
        judged: its counters of the queries that were held against `--slo`, and of the good ones among them.
    """

    kind: str
    counted: tuple[Counted, ...] = ()
    timed: tuple[Timed, ...] = ()
    goals: tuple[Goal, ...] = ()
    judged: tuple[Counted, Counted] | None = None


class WorkloadFigures:
    """Folds the records of a session; `figures` tells how each workload stands.

    Args:
        now_s: the span of *now*, s.
    """

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s
        self._kept: dict[int, _Workload] = {}
        self._limits: Mapping[str, Sequence[float]] = {}

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record of the session."""
        if "s" in record:
            for number, t, values in record["s"]:
                kept = self._kept.get(number)
                if kept is not None:
                    kept.take(t, values)
        elif "format" in record:
            self._limits = limits_of(Settings.from_json(record.get("settings")).slo)
        elif "device" in record:
            number, collector, device = fmt.decode_device(record["device"])
            if device.kind is DeviceKind.WORKLOAD:
                kept = self._kept.setdefault(number, _Workload(self._now_s, self._limits))
                room = MOST_TIMINGS - sum(len(one.timings) for one in self._kept.values())
                kept.declare(DeviceTape(number, collector, device, ""), max(0, room))

    def figures(self, t: float) -> dict[int, WorkloadNow]:
        """How each workload stands at `t`, seconds of the session, by its number."""
        return {number: kept.now(t) for number, kept in self._kept.items()}

    def bins(self, number: int, metric: str, width_s: float, first: int, last: int) -> list[Bin] | None:
        """A percentile over time; `metric` is a timing and a quantile, as in `latency_seconds:p99_s`.

        None where no such percentile is kept.
        """
        name, _, quantile = metric.partition(":")
        kept = self._kept.get(number)
        timing = kept.timings.get(name) if kept is not None else None
        if timing is None or quantile not in QUANTILES:
            return None
        return timing.bins(quantile, width_s, first, last)


class _Workload:
    def __init__(self, now_s: float, limits: Mapping[str, Sequence[float]]) -> None:
        self._now_s = now_s
        self._limits = limits
        self._kind = ""
        self._metrics: tuple[Metric, ...] = ()
        self._counters: dict[str, _Counter] = {}
        self._goals: dict[str, float] = {}
        self._before: dict[str, float] = {}
        """By the name of what a goal is told of: what was there before this job."""
        self._levels: dict[str, _Level] = {}
        """Of gauges that a goal is told of."""
        self.timings: dict[str, Timing] = {}

    def declare(self, device: DeviceTape, room: int) -> None:
        self._kind = source_kind(device)
        self._metrics = metrics = tuple(device.device.metrics)
        for metric in metrics:
            if metric.kind is Kind.COUNTER and metric.name not in self._counters:
                self._counters[metric.name] = _Counter(
                    self._now_s, held=self._kind in OWN_TIMES, printed=prints_total(device, metric.name)
                )
            elif metric.kind is Kind.HISTOGRAM and self._is_new(metric, room):
                limits = self._limits.get(metric.name.removesuffix("_seconds"), ())
                room -= metric.name not in self.timings
                self.timings[metric.name] = Timing(metric, limits)
            elif metric.kind is Kind.GAUGE and f"{metric.name}{GOAL}" in {one.name for one in metrics}:
                self._levels.setdefault(metric.name, _Level())

    def _is_new(self, metric: Metric, room: int) -> bool:
        """Whether a timing begins with this; what was gathered in other buckets cannot be gone on with."""
        known = self.timings.get(metric.name)
        return room > 0 if known is None else known.metric.bounds != metric.bounds

    def take(self, t: float, values: Sequence[Any]) -> None:
        for metric, value in zip(self._metrics, values, strict=False):
            if value is None:
                continue
            if metric.kind is Kind.COUNTER:
                if isinstance(value, (int, float)):
                    self._counters[metric.name].take(t, value)
            elif metric.kind is Kind.HISTOGRAM and metric.name in self.timings:
                self.timings[metric.name].take(t, value)
            elif metric.kind is Kind.GAUGE and isinstance(value, (int, float)):
                name = metric.name.rpartition("_")[0]
                if metric.name.endswith((GOAL, EXPECTED)):
                    self._goals[name] = value
                elif metric.name.endswith(BEFORE):
                    self._before[name] = value
                elif metric.name in self._levels:
                    self._levels[metric.name].take(t, value)

    def now(self, t: float) -> WorkloadNow:
        counted = {
            name: Counted(name, metric.name, counter.total, counter.per_s(t))
            for metric in self._metrics
            if (counter := self._counters.get(metric.name)) is not None and counter.seen
            for name in [metric.name.removesuffix("_total")]
            if not name.endswith(DOUBTED)
        }
        of, good = counted.pop(JUDGED, None), counted.pop(JUDGED_GOOD, None)
        timed = [
            Timed(
                metric.name.removesuffix("_seconds"),
                metric.name,
                timing.between(t - self._now_s, t),
                timing.whole(),
            )
            for metric in self._metrics
            if (timing := self.timings.get(metric.name)) is not None
        ]
        return WorkloadNow(
            self._kind,
            tuple(counted.values()),
            tuple(timed),
            tuple(self._reached(t)),
            None if of is None else (of, good or Counted(JUDGED_GOOD, "", 0.0, 0.0)),
        )

    def _reached(self, t: float) -> Iterator[Goal]:
        for name, goal in self._goals.items():
            one = self._counters.get(f"{name}_total") or self._levels.get(name)
            stands = None if one is None else one.stands
            before = max(0.0, self._before.get(name, 0.0))
            if one is not None and stands is not None and goal > 0.0:
                yield Goal(name, before + stands, goal, one.left_s(goal - before, t))


class _Counter:
    """The amounts of a counter over the last seconds.

    Args:
        now_s: so many.
        held: an amount holds until the next reading.
        printed: a job prints it as its running total, in which earlier jobs' work may be.
    """

    def __init__(self, now_s: float, *, held: bool, printed: bool) -> None:
        self._now_s = now_s
        self._held = held
        self._before: float | None = None
        self._first_t: float | None = None
        self.total = 0.0
        self._amounts: deque[tuple[float, float]] = deque(maxlen=_MOST_READINGS)
        self._firsts = FirstTotals() if printed else None

    @property
    def seen(self) -> bool:
        return self._before is not None

    @property
    def stands(self) -> float | None:
        """The newest value, as it was told."""
        return self._before

    def left_s(self, goal: float, t: float) -> float | None:
        """How long it takes up to a goal at the pace since it was seen first."""
        if self._first_t is None or self._before is None or not self._amounts:
            return None
        last_t = self._amounts[-1][0]
        return _left_s(self.total, last_t - self._first_t, goal - self._before, t - last_t)

    def take(self, t: float, value: float) -> None:
        before, self._before = self._before, value
        if self._first_t is None:
            self._first_t = t
        if before is not None and value != before:
            self.total += value - before if value >= before else value
            if self._firsts is not None:
                self._leave_out_another_jobs(self._firsts, t)
        amounts = self._amounts
        amounts.append((t, self.total))
        while len(amounts) > 2 and amounts[1][0] <= t - self._now_s:
            amounts.popleft()

    def _leave_out_another_jobs(self, firsts: FirstTotals, t: float) -> None:
        left_out = firsts.take(t, self.total, self._amounts[-1][0])
        if firsts.is_settled:
            self._firsts = None
        if left_out:
            self.total -= left_out
            self._amounts = deque(
                ((at, amount - left_out if at >= firsts.began else amount) for at, amount in self._amounts),
                maxlen=_MOST_READINGS,
            )

    def per_s(self, t: float) -> float | None:
        """The rate up to `t`, or up to the last reading of a source that is polled."""
        if not self._amounts:
            return None
        last_t = self._amounts[-1][0]
        end = max(t, last_t) if self._held else last_t
        start = max(end - self._now_s, self._amounts[0][0])
        if end - start < LEAST_S or (t - last_t > self._now_s and not self._held):
            return None
        return (self.total - self._at(start)) / (end - start)

    def _at(self, t: float) -> float:
        before_t, before = self._amounts[0]
        for after_t, after in self._amounts:
            if after_t > t:
                if self._held:
                    return before
                return before + (after - before) * (t - before_t) / (after_t - before_t)
            before_t, before = after_t, after
        return before


class _Level:
    """A gauge that is to come up to a goal, such as the accuracy of evaluations: its last two values."""

    def __init__(self) -> None:
        self._before: tuple[float, float] | None = None
        self._newest: tuple[float, float] | None = None

    @property
    def stands(self) -> float | None:
        """The newest value."""
        return None if self._newest is None else self._newest[1]

    def take(self, t: float, value: float) -> None:
        """Add a reading; one that repeats the value before is none."""
        if self._newest is None or value != self._newest[1]:
            self._before, self._newest = self._newest, (t, value)

    def left_s(self, goal: float, t: float) -> float | None:
        """Along a straight line through the last two values."""
        if self._before is None or self._newest is None:
            return None
        (t0, before), (t1, now) = self._before, self._newest
        return _left_s(now - before, t1 - t0, goal - now, t - t1)


def _left_s(amount: float, took_s: float, missing: float, since_s: float) -> float | None:
    """How long what is missing takes at this pace, less the time since the pace was seen."""
    if missing <= 0.0:
        return 0.0
    if amount <= 0.0 or took_s <= 0.0:
        return None
    return max(0.0, missing / amount * took_s - max(0.0, since_s))
