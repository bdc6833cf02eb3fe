"""What has one workload done so far, and which samples say so?

A tally keeps cumulative totals since it was opened, gauges, and timings since the last sample; each
`sample` turns what was told since the last one into readings. Names come from outside: they are cleaned,
shortened and limited in number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from perfwatch import metrics
from perfwatch.model import Appeared, Device, Histogram, Kind, Metric, Reading, Sample, Unit, Value
from perfwatch.objectives import JUDGED, JUDGED_GOOD, NOBODY, Judge
from perfwatch.workload.histogram import Observations
from perfwatch.workload.lines import ENDINGS

NAME_LENGTH = 128
NAMES = 1000
"""So many names are kept for one workload; what is told under further ones is dropped and counted. For the
names of the catalogue (queries, samples, latency, ...) there is always room."""
LARGEST = 1e18
"""Beyond this no figure is believed; neither does the runner."""

Number = int | float


def clean_text(text: str, length: int = NAME_LENGTH) -> str:
    """Text from outside, safe to record and to show: no control characters, not too long."""
    if not text.isprintable():
        text = text.rstrip(ENDINGS)
        text = "".join(letter if letter.isprintable() else "_" for letter in text)
    return text[:length]


def whole(value: float) -> Number:
    """The value as an int where it is a whole number that a float still counts exactly."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


class Tally:
    """The totals of one device of kind workload.

    Args:
        device: the device without metrics; they are declared as names appear.
        opened_ns: when counting began; every counter was 0 then.
        judge: says which timings are those of good queries, where one alone tells.
    """

    def __init__(self, device: Device, opened_ns: int, judge: Judge = NOBODY) -> None:
        self.device = device
        self.judge = judge
        self._judged_as = ""
        self.last_ns = opened_ns
        """Time of the latest sample, or of the opening."""
        self.dropped = 0
        """Statements under names beyond the limit."""
        self.dropped_first = ""
        """The first of these names."""
        self.beyond = 0
        """Those whose total became unbelievable."""
        self._places: dict[tuple[str, str], int] = {}
        self._taken: set[str] = set()
        self._metrics: list[Metric] = []
        self._values: list[Value] = []
        self._timings: dict[int, Observations] = {}
        self._declared = 0
        self._told = False

    @property
    def reached_too_far(self) -> str:
        """A sentence, where a total would have become too large to be believed; else nothing."""
        return f"a figure went beyond {LARGEST:.0e}; what would add to it is dropped" if self.beyond else ""

    def count(self, name: str, amount: Number) -> None:
        """Add to a counter. The amount is finite and not negative."""
        place = self._place("counter", name)
        if place is None:
            return
        total = self._values[place] + amount  # type: ignore[operator]
        if total > LARGEST:
            self.beyond += 1
            return
        self._values[place] = total
        self._told = True

    def doubt(self, name: str, amount: Number) -> None:
        """So much of what is counted under a name may not have been done, or so much more may."""
        if amount > 0:
            self.count(f"{name}{metrics.DOUBTED}", amount)

    def gauge(self, name: str, value: Number) -> bool:
        """Set a gauge; whether there is room for its name."""
        place = self._place("gauge", name)
        if place is None:
            return False
        self._values[place] = value
        self._told = True
        return True

    def timing(self, name: str, seconds: float, times: int = 1) -> None:
        """Add a timing, in seconds, that was seen so many times."""
        if seconds >= 0:  # what took less than no time was not measured
            self._observe("timing", name, seconds, times)
            if self.judge.alone is not None:
                self._judge(name, [seconds], times)

    def many_timings(self, name: str, seconds: Sequence[float]) -> None:
        """Add timings, in seconds, each seen once."""
        place = self._place("timing", name)
        if place is not None:
            self._timings[place].observe_all(seconds)
            self._told = True
            if self.judge.alone is not None:
                self._judge(name, seconds)

    def size(self, name: str, value: float, times: int = 1) -> None:
        """Add an observation that has no unit."""
        self._observe("size", name, value, times)

    def timings(self, name: str, observed: Histogram) -> None:
        """Add timings, in seconds, that were gathered elsewhere."""
        place = self._place("timing", name)
        if place is not None:
            self._timings[place].merge(observed)
            self._told = True

    def sample(self, at_ns: int) -> list[Reading]:
        """What was told since the last sample, as of a time; nothing if nothing was told.

        New names are declared first, and new counters get a sample with 0 at the time of the sample
        before (or of the opening), so that the difference over any stretch of time is right.
        """
        if not self._told:
            return []
        readings: list[Reading] = []
        if self._declared < len(self._metrics):
            readings += self._declare()
        for place, observations in self._timings.items():
            self._values[place] = observations.take()
        readings.append(Sample(self.device.id, tuple(self._values), at_ns))
        self.last_ns = at_ns
        self._told = False
        return readings

    def total(self, name: str) -> Number | None:
        """What a counter stands at, by its bare name; None if nothing was counted under it."""
        place = self._places.get(("counter", name))
        return None if place is None else self._values[place]  # type: ignore[return-value]

    def _judge(self, name: str, seconds: Sequence[float], times: int = 1) -> None:
        """Count the good ones among timings; of several names of one thing only the first that was told."""
        good = [one for one in (self.judge.of_timing(name, each) for each in seconds) if one is not None]
        if good and self._judged_as in ("", name):
            self._judged_as = name
            self.count_judged(times * sum(good), times * len(good))

    def count_judged(self, good: Number, of: Number) -> None:
        """So many queries were judged, and so many of them are good."""
        self.count(JUDGED, of)
        self.count(JUDGED_GOOD, good)

    def _observe(self, says: str, name: str, value: float, times: int) -> None:
        place = self._place(says, name)
        if place is not None:
            self._timings[place].observe(value, times)
            self._told = True

    def _declare(self) -> list[Reading]:
        self.device = replace(self.device, metrics=tuple(self._metrics))
        zeros: list[Value] = [None] * len(self._metrics)
        for place in range(self._declared, len(self._metrics)):
            if self._metrics[place].kind is Kind.COUNTER:
                zeros[place] = 0
        self._declared = len(self._metrics)
        readings: list[Reading] = [Appeared(self.device)]
        if any(zero is not None for zero in zeros):
            readings.append(Sample(self.device.id, tuple(zeros), self.last_ns))
        return readings

    def _place(self, says: str, name: str) -> int | None:
        place = self._places.get((says, name))
        return place if place is not None else self._new_place(says, name)

    def _new_place(self, says: str, name: str) -> int | None:
        cleaned = clean_text(name)
        bare = cleaned.removesuffix(_SAYS[says].suffix) or cleaned
        known = self._places.get((says, bare))
        if known is None:
            if len(self._metrics) >= NAMES and not _is_standard(says, bare):
                self.dropped += 1
                self.dropped_first = self.dropped_first or bare
                return None
            known = self._places[(says, bare)] = self._add(says, bare)
        return known

    def _add(self, says: str, bare: str) -> int:
        way = _SAYS[says]
        metric = way.metric(bare)
        if metric.kind is not way.kind or metric.name in self._taken:
            # Another kind has this name already (in the catalogue, or told by the same job); and somebody may
            # use the name that it gets instead.
            further = (f"{bare}_{says}" + (f"_{n}" if n > 1 else "") for n in range(1, NAMES + 2))
            metrics_ = (replace(way.metric(name), kind=way.kind) for name in further)
            metric = next(one for one in metrics_ if one.name not in self._taken)
        self._taken.add(metric.name)
        self._metrics.append(metric)
        self._values.append(0 if way.kind is Kind.COUNTER else None)
        if way.kind is Kind.HISTOGRAM:
            self._timings[len(self._metrics) - 1] = Observations()
        return len(self._metrics) - 1


class _Way(NamedTuple):
    """How a kind of statement becomes a metric: the suffix that its name gets, and the metric."""

    kind: Kind
    suffix: str
    metric: Callable[[str], Metric]


def _size(bare: str) -> Metric:
    return Metric(bare, Unit.COUNT, Kind.HISTOGRAM, f"{bare}, as the job observes it.")


_SAYS = {
    "counter": _Way(Kind.COUNTER, "_total", metrics.work_counter),
    "gauge": _Way(Kind.GAUGE, "", metrics.work_gauge),
    "timing": _Way(Kind.HISTOGRAM, "_seconds", metrics.work_timing),
    "size": _Way(Kind.HISTOGRAM, "", _size),
}


def _is_standard(says: str, bare: str) -> bool:
    """Whether the catalogue has it, or we count it ourselves."""
    return _SAYS[says].metric(bare).name in metrics.CATALOGUE or bare in (JUDGED, JUDGED_GOOD)


def believable(value: float) -> bool:
    """Whether a figure from outside may enter a sum."""
    return math.isfinite(value) and abs(value) <= LARGEST
