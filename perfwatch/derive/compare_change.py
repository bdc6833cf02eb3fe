"""By how much does a figure differ between two groups of runs, between which bounds, and is that shown?

Everything is done with ratios: B / A - 1, and its interval from the logarithm, so that A against B is exactly
the reverse of B against A.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from perfwatch.derive.compare_figures import HIGHER, Figure, Reading
from perfwatch.derive.student import factor, freedom_of_sum
from perfwatch.derive.uncertainty import COVERAGE_FACTOR

BETTER, WORSE, NO_DIFFERENCE, CANNOT_TELL = "better", "worse", "no difference shown", "cannot tell"
ERRORS, SCATTER, RUNS = "errors", "scatter", "runs"
"""What an interval rests on: the measurement's errors, the scatter within a run, that between runs."""
GAIN_NOT_STATED = (
    "two different sensors tell it, and how exact they are is not stated (of a meter: -c NAME:accuracy=1%)"
)

_LARGEST_HALF = 300.0
"""The exponential of more is no number any more."""


@dataclass(frozen=True)
class Change:
    """What came of one figure.

    Args:
        ratio: B / A - 1; None where it is not known or means nothing.
        low, high: its interval, 95 %; `high` is inf where nothing bounds it.
        verdict: one of the four words.
        because: why it cannot be told; else empty.
        blocked_by: the condition that forbids a verdict; else empty.
        rests_on: what the interval of each group rests on.
    """

    verdict: str
    because: str = ""
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    rests_on: tuple[str, ...] = ()
    blocked_by: str = ""


@dataclass(frozen=True)
class Group:
    """One figure over the runs of a group.

    Args:
        spread: the standard deviation between runs over the mean; None of a single run.
        standard: the standard uncertainty of the mean over the mean; None where nothing tells it.
        freedom: its degrees of freedom.
        rests_on: what that is made of.
        scatters: whether it is known how it scatters over the time of a single run.
        bounds: lowest and highest share of the value that buckets leave open.
    """

    value: float
    count: int
    spread: float | None
    standard: float | None
    freedom: float
    rests_on: str
    bounds: tuple[float, float]
    sensed_ratio: float
    scatters: bool = False

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Group:
        """The group of readings that all have a value above 0."""
        values = [reading.value for reading in readings if reading.value is not None]
        mean = math.fsum(values) / len(values)
        spread = _spread(values, mean) if len(values) > 1 else None
        standard, freedom, rests_on = _widest(readings, spread)
        return cls(
            value=mean,
            count=len(values),
            spread=spread,
            standard=standard,
            freedom=freedom,
            rests_on=rests_on,
            bounds=_open_shares(readings),
            sensed_ratio=max(reading.sensed_ratio for reading in readings),
            scatters=len(readings) == 1 and readings[0].scatter is not None,
        )

    def beside(self, other: Group) -> Group:
        """A single run is taken to scatter as the other group: from day to day as its runs do.

        Or over time as its one run does, where nothing tells how this one does.
        """
        if self.count > 1:
            return self
        if other.spread is None:
            lends = other.rests_on == SCATTER and not self.scatters and self.standard is not None
            if not lends or self._is_wider_than(other):
                return self
            return replace(self, standard=other.standard, freedom=other.freedom, rests_on=SCATTER)
        if self.standard is not None and factor(self.freedom) * self.standard > (
            factor(other.freedom) * other.spread
        ):
            return self
        return Group(
            self.value,
            self.count,
            None,
            other.spread,
            float(other.count - 1),
            RUNS,
            self.bounds,
            self.sensed_ratio,
        )

    def _is_wider_than(self, other: Group) -> bool:
        widths = [factor(group.freedom) * (group.standard or 0.0) for group in (self, other)]
        return widths[0] > widths[1]


def _spread(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)) / mean


def _widest(readings: Sequence[Reading], spread: float | None) -> tuple[float | None, float, str]:
    """Standard uncertainty, degrees of freedom and name of what leaves a group's mean most uncertain.

    Errors are not divided by the number of runs: a sensor that lags does so in each of them.
    """
    told: list[tuple[float, float, str]] = []
    errors = [reading.error_ratio for reading in readings if reading.error_ratio is not None]
    if len(errors) == len(readings):
        told.append((math.fsum(errors) / len(errors) / COVERAGE_FACTOR, math.inf, ERRORS))
    if spread is not None:
        told.append((spread / math.sqrt(len(readings)), float(len(readings) - 1), RUNS))
    elif readings[0].scatter is not None:
        scatter = readings[0].scatter
        told.append((scatter.standard_ratio, scatter.freedom, SCATTER))
    if not told:
        return None, math.inf, ""
    return max(told, key=lambda one: factor(one[1]) * one[0])


def _open_shares(readings: Sequence[Reading]) -> tuple[float, float]:
    lowest, highest = 1.0, 1.0
    for reading in readings:
        if reading.bounds is not None and reading.value:
            lowest = min(lowest, reading.bounds[0] / reading.value)
            highest = max(highest, reading.bounds[1] / reading.value)
    return lowest, highest


def change(
    figure: Figure,
    before: Sequence[Reading],
    after: Sequence[Reading],
    *,
    gains: tuple[float | None, float | None] | None,
) -> Change:
    """The difference of `after` to `before`.

    Args:
        before, after: the figure in each run of the two groups; all above 0.
        gains: of both sensors, where they are two; None where the same sensors told both.
    """
    a, b = Group.of(before), Group.of(after)
    a, b = a.beside(b), b.beside(a)
    ratio = b.value / a.value
    if a.standard is None or b.standard is None:
        return Change(CANNOT_TELL, "nothing tells how far it may be off", ratio - 1)
    sensed = max(a.sensed_ratio, b.sensed_ratio)
    gain = 0.0
    if gains is not None and sensed > 0:
        known = [one for one in gains if one is not None]
        if len(known) < len(gains):
            return Change(CANNOT_TELL, GAIN_NOT_STATED, ratio - 1)
        gain = sensed * math.hypot(*known)
    half = math.hypot(_half(a, b), gain)
    half = min(half, _LARGEST_HALF)
    low = _share(b.bounds[0], a.bounds[1]) * math.exp(-half)
    high = _share(b.bounds[1], a.bounds[0]) * math.exp(half)
    rests_on = tuple(dict.fromkeys((a.rests_on, b.rests_on)))
    found = Change(NO_DIFFERENCE, "", ratio - 1, ratio * low - 1, ratio * high - 1, rests_on)
    return _judged(found, figure)


def _half(a: Group, b: Group) -> float:
    """The expanded uncertainty of the logarithm of the quotient, without the sensors' gain."""
    parts = [(group.standard or 0.0, group.freedom) for group in (a, b)]
    freedom = freedom_of_sum(iter(parts))
    if RUNS in (a.rests_on, b.rests_on) and min(a.count, b.count) == 1 < max(a.count, b.count):
        freedom = min(part[1] for part in parts)  # both are the one scatter that the group shows
    elif SCATTER in (a.rests_on, b.rests_on) and a.scatters != b.scatters:
        freedom = min(part[1] for part in parts)  # or that of the one run that tells it
    return factor(freedom) * math.hypot(*(standard for standard, _ in parts))


def _share(above: float, below: float) -> float:
    """A quotient of open shares: where nothing bounds it from below it is 0, from above inf."""
    if below <= 0:
        return math.inf
    return 0.0 if math.isinf(below) else above / below


def _judged(found: Change, figure: Figure) -> Change:
    assert found.low is not None
    assert found.high is not None
    if found.low <= 0 <= found.high:
        return found
    verdict = BETTER if (found.low > 0) == (figure.better == HIGHER) else WORSE
    return Change(verdict, "", found.ratio, found.low, found.high, found.rests_on)
