"""Who departs from its like at one time? In what devices are compared, the limits, who must agree."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from perfwatch.metrics import POWER, SM_CLOCK, TEMPERATURE, UTILIZATION
from perfwatch.units import format_quantity

ALIKE = 3
"""So many others of its model are needed: of three that differ nobody can say which is odd."""
AGREEING = 0.75
"""This share of the others at least must agree; so at most a quarter of a model can be odd."""
SPREADS = 3.0
"""They agree that lie nearer to the median than the odd one by this factor."""

Row = tuple["float | None", ...]
"""What the devices of a model told of one quantity; None for one that told nothing."""


class Quantity(NamedTuple):
    """In what devices are compared. A departure is larger than `share` of the median and than `least`."""

    metric: str
    word: str
    unit: str
    share: float
    least: float
    below: bool
    above: bool

    def limit(self, middle: float) -> float:
        """Departures from such a median up to this are none."""
        return max(self.least, self.share * middle)

    def counts(self, value: float, middle: float) -> bool:
        """Whether a value departs from the median by more than the limit, and in a way that is trouble."""
        wanted = self.above if value > middle else self.below
        return wanted and abs(value - middle) > self.limit(middle)

    def told(self, value: float) -> str:
        """A value for people."""
        if self.unit == "Cel":
            return f"{value:.0f} °C"
        return f"{100.0 * value:.0f} %" if self.unit == "1" else format_quantity(value, self.unit)


QUANTITIES = (
    Quantity(SM_CLOCK.name, "clock", "Hz", 0.10, 0.0, below=True, above=False),  # a faster one is no trouble
    Quantity(POWER.name, "power", "W", 0.25, 20.0, below=True, above=True),
    Quantity(TEMPERATURE.name, "temperature", "Cel", 0.0, 15.0, below=False, above=True),  # nor a cooler one
    Quantity(UTILIZATION.name, "utilization", "1", 0.0, 0.25, below=True, above=True),
)


def departing(row: Row, quantity: Quantity) -> set[int]:
    """The places of those that depart from the median of the others, who agree among themselves."""
    known = sorted((value, place) for place, value in enumerate(row) if value is not None)
    if len(known) <= ALIKE or known[-1][0] - known[0][0] <= quantity.limit(known[0][0]):
        return set()
    values = [value for value, _ in known]
    return {
        place
        for at, (value, place) in enumerate(known)
        if quantity.counts(value, middle := _median_without(values, at))
        and _agree(values, middle, abs(value - middle))
    }


def _median_without(values: Sequence[float], at: int) -> float:
    """The median of values in order, one of them left out."""
    lower, upper = (len(values) - 2) // 2, (len(values) - 1) // 2
    return (values[lower + (lower >= at)] + values[upper + (upper >= at)]) / 2.0


def _agree(values: Sequence[float], middle: float, departure: float) -> bool:
    """Whether enough of the others are near their median; the one that departs is not among those."""
    near = departure / SPREADS
    agreeing = bisect_left(values, middle + near) - bisect_right(values, middle - near)
    return agreeing >= ceil(AGREEING * (len(values) - 1))
