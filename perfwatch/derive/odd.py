"""Which device departs from its like, in what, by how much, since when? One rule, live and in the summary.

Devices of one model do the same work in one run; where one is slower or hotter, the rest waits for it or soon
will. Each is compared with the median of the others, by clock, power, temperature and utilization, slice by
slice (perfwatch.derive.sliced). A short dip, a slow start, an idle device, and a pair that differs from the
other pair are no departure. docs/numbers.md has the limits in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum
from statistics import median
from typing import NamedTuple

from perfwatch.derive.alike import ALIKE, QUANTITIES, Quantity, Row, departing
from perfwatch.derive.sliced import Means
from perfwatch.metrics import POWER, UTILIZATION

SMOOTHED = 5
"""A device is judged by its mean over so many slices: from one to the next all of them differ."""
LEAST_KNOWN = 3
"""Of which so many must be known."""

WORKING = 0.10
"""Devices are compared while the median of them is busy for this share of the time;"""
WORKING_POWER = 0.25
"""or, where none tells that, draws this share of its power limit."""
UNUSED = 0.02
"""A device that was never busier than this in the window is not used, and is compared with nothing;"""
UNUSED_POWER = 0.25
"""or, where it does not tell that, one that never drew this share of what its like do at most."""

LASTING_S = 8.0
"""A departure that still lasts is told after this time,"""
ENDED_S, ENDED_SHARE = 10.0, 0.10
"""and one that ended if it took this long and this share of the time worked."""
EARLY_S, EARLY_LASTING_S, EARLY_ENDED_SHARE = 10.0, 20.0, 0.50
"""What begins so early is mostly a slow start: it is told after this time, and if it ended, by this share."""
LEAST_SLICES = 3
"""In wide slices a departure takes so many."""
_AT_THE_END = 3
"""It still lasts if one of so many last slices shows it."""


@dataclass(frozen=True)
class Board:
    """A device of the run.

    Args:
        label: what people call it.
        model: only devices of one model are compared.
        means: of each slice, by the metrics of the quantities; those of all devices are the same slices.
        limit_w: its power limit.
    """

    label: str
    model: str
    means: Mapping[str, Means]
    limit_w: float | None = None


@dataclass(frozen=True)
class Departure:
    """In what a device departs.

    Args:
        value: its mean while it does.
        others: the mean of the others' medians then.
        since: when it began, seconds of the session.
        lasts_s: for how long, of the time in which the devices worked.
        ended: whether it is over.
        all_along: whether it began as soon as anything was told.
    """

    quantity: Quantity
    value: float
    others: float
    since: float
    lasts_s: float
    ended: bool = False
    all_along: bool = False

    @property
    def weight(self) -> float:
        """How far beyond the limit it is."""
        return abs(self.value - self.others) / self.quantity.limit(self.others)

    def __str__(self) -> str:
        """`clock 0.9 GHz, the others 1.9 GHz`."""
        told = self.quantity.told
        return f"{self.quantity.word} {told(self.value)}, the others {told(self.others)}"


@dataclass(frozen=True)
class Odd:
    """A device that departs from its like, and in what: what lasts and what weighs most comes first."""

    label: str
    departures: tuple[Departure, ...]


class Slicing(NamedTuple):
    """When the first slice began, seconds of the session, and how wide they are."""

    start: float
    width_s: float

    def begin_of(self, place: int) -> float:
        return self.start + place * self.width_s

    def least(self, seconds: float) -> float:
        """A time, but no less than some slices."""
        return max(seconds, LEAST_SLICES * self.width_s)


def odd_ones(boards: Iterable[Board], slicing: Slicing) -> list[Odd]:
    """The devices that depart from their like, those that still do first."""
    groups: dict[str, list[Board]] = {}
    for board in boards:
        groups.setdefault(board.model, []).append(board)
    found = [odd for group in groups.values() for odd in _odd_in(_used(group), slicing)]
    return sorted(found, key=lambda odd: _rank(odd.departures[0]))


def _rank(departure: Departure) -> tuple[bool, float]:
    return departure.ended, -departure.weight


def _odd_in(group: Sequence[Board], slicing: Slicing) -> Iterator[Odd]:
    """The odd ones of a model."""
    if len(group) <= ALIKE:
        return
    working = _working(group)
    if not working:
        return
    found: dict[str, list[Departure]] = {}
    for quantity in QUANTITIES:
        telling = [board for board in group if quantity.metric in board.means]
        rows = list(zip(*(board.means[quantity.metric] for board in telling), strict=True))
        for board, trail in zip(telling, _trails(quantity, rows, working), strict=True):
            departure = _departure(quantity, trail, working, slicing)
            if departure is not None:
                found.setdefault(board.label, []).append(departure)
    for label, departures in found.items():
        yield Odd(label, tuple(sorted(departures, key=_rank)))


# Who is compared, and when


def _used(group: Sequence[Board]) -> list[Board]:
    """The devices that did anything in the window."""
    most_w = [top for board in group if (top := _highest(board, POWER.name)) is not None]
    least_w = UNUSED_POWER * median(most_w) if most_w else 0.0
    return [board for board in group if _is_used(board, least_w)]


def _is_used(board: Board, least_w: float) -> bool:
    busiest = _highest(board, UTILIZATION.name)
    if busiest is not None:
        return busiest > UNUSED
    most_w = _highest(board, POWER.name)
    return most_w is None or most_w > least_w


def _highest(board: Board, metric: str) -> float | None:
    return max((value for value in board.means.get(metric, ()) if value is not None), default=None)


def _working(group: Sequence[Board]) -> list[bool]:
    """In which slices the devices were read and did work."""
    busy = _medians(group, UTILIZATION.name)
    if busy:
        return [value is not None and value >= WORKING for value in busy]
    limits_w = [board.limit_w for board in group if board.limit_w is not None]
    watts = _medians(group, POWER.name)
    if watts:
        least_w = WORKING_POWER * median(limits_w) if limits_w else 0.0
        return [value is not None and value >= least_w for value in watts]
    columns = [means for board in group for means in board.means.values()]
    return [any(value is not None for value in row) for row in zip(*columns, strict=True)]


def _medians(group: Sequence[Board], metric: str) -> Means:
    """The median of the devices in each slice; empty if none tells the metric."""
    columns = [_smoothed(board.means[metric]) for board in group if metric in board.means]
    rows = ([value for value in row if value is not None] for row in zip(*columns, strict=True))
    return [median(row) if row else None for row in rows]


def _smoothed(means: Sequence[float | None], least: int = 1) -> Means:
    """The mean of each slice and those before it, where so many of them are known."""
    sums = [0.0, *accumulate(value or 0.0 for value in means)]
    counts = [0, *accumulate(value is not None for value in means)]
    # Differences of sums: a mean a slice would take most of the time that all of this takes.
    befores = [*[0] * (SMOOTHED - 1), *range(len(means) - SMOOTHED + 1)][: len(means)]
    known = [counts[end] - counts[before] for end, before in enumerate(befores, 1)]
    return [
        (sums[end] - sums[before]) / count if count >= least else None
        for end, (before, count) in enumerate(zip(befores, known, strict=True), 1)
    ]


# Since when


@dataclass
class _Stretch:
    """From one slice to another, both included."""

    first: int
    last: int


class _Trail:
    """What one device did, slice by slice."""

    def __init__(self) -> None:
        self.first_known: int | None = None
        self.stretches: list[_Stretch] = []
        self.seen: dict[int, tuple[float, float]] = {}
        """Its value and the median of the others, in the slices in which it departs."""
        self.is_odd = False
        self._alone: list[int] = []
        """The slices that show it by themselves."""

    def take(self, place: int, *, alone: bool, smoothed: bool) -> None:
        """One slice more: whether it departs in it, and in the mean of the last ones."""
        if self.first_known is None:
            self.first_known = place
        if alone:
            self._alone.append(place)
        if smoothed and not self.is_odd:
            self.stretches.append(_Stretch(self._onset(place), place))
        if smoothed and alone:
            self.stretches[-1].last = place
        self.is_odd = smoothed

    def _onset(self, place: int) -> int:
        """A mean tells it later than it began."""
        after = self.stretches[-1].last if self.stretches else -1
        lately = max(after, place - SMOOTHED)
        return next((one for one in self._alone[-SMOOTHED:] if one > lately), place)


def _trails(quantity: Quantity, rows: Sequence[Row], working: Sequence[bool]) -> list[_Trail]:
    """The trail of each device that tells the quantity."""
    columns = [_smoothed(column, LEAST_KNOWN) for column in zip(*rows, strict=True)]
    trails = [_Trail() for _ in columns]
    if len(trails) <= ALIKE:
        return trails
    for place, (row, means) in enumerate(zip(rows, zip(*columns, strict=True), strict=True)):
        if not working[place] or len(row) - row.count(None) <= ALIKE:
            continue
        alone, smoothed = departing(row, quantity), departing(means, quantity)
        for at, (value, trail) in enumerate(zip(row, trails, strict=True)):
            if value is not None:
                trail.take(place, alone=at in alone, smoothed=at in smoothed)
                if trail.is_odd or at in alone:
                    trail.seen[place] = value, _median_of_others(row, at)
    return trails


def _median_of_others(row: Row, at: int) -> float:
    return median(other for place, other in enumerate(row) if place != at and other is not None)


def _departure(
    quantity: Quantity, trail: _Trail, working: Sequence[bool], slicing: Slicing
) -> Departure | None:
    """What is told of a trail: what lasts, else what took a good part of the time."""
    early = (trail.first_known or 0) + EARLY_S / slicing.width_s
    over = list(trail.stretches)
    if trail.is_odd and sum(working[over[-1].last :]) <= _AT_THE_END:
        lasting = over.pop()
        least_s = LASTING_S if lasting.first >= early else EARLY_LASTING_S
        if _lasted_s([lasting], working, slicing) >= slicing.least(least_s):
            return _told(quantity, trail, [lasting], working, slicing)
    worked_s = sum(working) * slicing.width_s
    late = [one for one in over if one.first >= early]
    for stretches, least_s in (
        (late, max(ENDED_S, ENDED_SHARE * worked_s)),
        (over, max(EARLY_LASTING_S, EARLY_ENDED_SHARE * worked_s)),
    ):
        if stretches and _lasted_s(stretches, working, slicing) >= slicing.least(least_s):
            return _told(quantity, trail, stretches, working, slicing, ended=True)
    return None


def _lasted_s(stretches: Iterable[_Stretch], working: Sequence[bool], slicing: Slicing) -> float:
    """How long stretches were together, of the time in which the devices worked."""
    return sum(sum(working[one.first : one.last + 1]) for one in stretches) * slicing.width_s


def _told(
    quantity: Quantity,
    trail: _Trail,
    stretches: Sequence[_Stretch],
    working: Sequence[bool],
    slicing: Slicing,
    *,
    ended: bool = False,
) -> Departure:
    places = [place for one in stretches for place in range(one.first, one.last + 1)]
    seen = [trail.seen[place] for place in places if place in trail.seen]
    first = stretches[0].first
    return Departure(
        quantity,
        value=fsum(value for value, _ in seen) / len(seen),
        others=fsum(others for _, others in seen) / len(seen),
        since=slicing.begin_of(first),
        lasts_s=_lasted_s(stretches, working, slicing),
        ended=ended,
        all_along=not ended and first <= (trail.first_known or 0),
    )
