"""How are readings gathered into bins, and bins into coarser ones?"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from perfwatch.history.amounts import NAN


class Merged(NamedTuple):
    """Minimum, maximum, sum and number of readings; NaN, NaN, 0, 0 for none."""

    low: float
    high: float
    total: float
    n: int


NOTHING = Merged(NAN, NAN, 0.0, 0)


@dataclass(frozen=True)
class Size:
    """How wide the bins of a tier are, and how many of them are kept."""

    resolution_s: float
    bins: int


class Cell:
    """One metric in one tier: a value per bin of its minimum, maximum, sum and number of readings."""

    __slots__ = ("high", "low", "n", "total")

    def __init__(self, bins: int) -> None:
        nothing = array("d", [NAN]) * bins
        self.low, self.high = nothing[:], nothing[:]
        self.total = array("d", bytes(8 * bins))
        self.n = array("I", bytes(array("I").itemsize * bins))

    def arrays(self) -> tuple[array[Any], ...]:
        return (self.low, self.high, self.total, self.n)


class Tier:
    """Bins of one resolution, oldest first: when each one's first and last reading were, and its cells."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.resolution_s = size.resolution_s
        self.begins = array("d")
        self.ends = array("d")
        self.cells: dict[str, Cell] = {}
        self.pending = 0
        """So many of the newest bins are not in the next tier yet."""

    def arrays(self) -> Iterator[array[Any]]:
        yield from (self.begins, self.ends)
        for cell in self.cells.values():
            yield from cell.arrays()

    def declare(self, names: Iterable[str]) -> None:
        self.cells = {name: self.cells.get(name) or Cell(len(self.begins)) for name in names}

    def append(self, begin: float, end: float, found: Mapping[str, Merged]) -> None:
        self.begins.append(begin)
        self.ends.append(end)
        for name, cell in self.cells.items():
            low, high, total, n = found[name]
            cell.low.append(low)
            cell.high.append(high)
            cell.total.append(total)
            cell.n.append(n)
        self.pending += 1

    def append_reading(self, t: float, columns: Mapping[str, array[float]]) -> None:
        """The newest reading alone as a bin, as at a sampling period of a bin's width; NaN is none."""
        self.begins.append(t)
        self.ends.append(t)
        for name, cell in self.cells.items():
            value = columns[name][-1]
            is_known = value == value  # noqa: PLR0124 - NaN
            cell.low.append(value)
            cell.high.append(value)
            cell.total.append(value if is_known else 0.0)
            cell.n.append(is_known)
        self.pending += 1

    def cut(self, bins: int) -> None:
        """Forget the oldest bins beyond so many."""
        surplus = len(self.begins) - bins
        if surplus > 0:
            for one in self.arrays():
                del one[:surplus]

    def merge_by_two(self) -> None:
        """Halve the resolution."""
        self.resolution_s *= 2
        groups = list(_groups(self.begins, self.resolution_s))
        cells = {
            name: [merge_bins(cell, first, last) for first, last in groups]
            for name, cell in self.cells.items()
        }
        self.begins = array("d", [self.begins[first] for first, _ in groups])
        self.ends = array("d", [self.ends[last - 1] for _, last in groups])
        for name, cell in self.cells.items():
            cell.low = array("d", [merged.low for merged in cells[name]])
            cell.high = array("d", [merged.high for merged in cells[name]])
            cell.total = array("d", [merged.total for merged in cells[name]])
            cell.n = array("I", [merged.n for merged in cells[name]])


def merge_values(values: array[float]) -> Merged:
    """Readings as one bin; NaN are passed over."""
    if len(values) == 1:
        value = values[0]
        return NOTHING if value != value else Merged(value, value, value, 1)  # noqa: PLR0124 - NaN
    total = math.fsum(values)
    if math.isnan(total):  # one is missing: min and max would depend on where it stands
        values = array("d", [value for value in values if not math.isnan(value)])
        total = math.fsum(values)
    return Merged(min(values), max(values), total, len(values)) if len(values) else NOTHING


def merge_bins(cell: Cell, first: int, last: int) -> Merged:
    """The bins of a cell from `first` up to but not including `last` as one."""
    n = sum(cell.n[first:last])
    if not n:
        return NOTHING
    low, high = merge_values(cell.low[first:last]).low, merge_values(cell.high[first:last]).high
    return Merged(low, high, math.fsum(cell.total[first:last]), n)


def joined(parts: Iterable[Merged]) -> Merged:
    known = [part for part in parts if part.n]
    if not known:
        return NOTHING
    return Merged(
        min(part.low for part in known),
        max(part.high for part in known),
        math.fsum(part.total for part in known),
        sum(part.n for part in known),
    )


def _groups(begins: array[float], resolution_s: float) -> Iterator[tuple[int, int]]:
    """Runs of bins that fall into one bin of another resolution, as first and beyond last."""
    first = 0
    for index in range(1, len(begins) + 1):
        if index == len(begins) or begins[index] // resolution_s != begins[first] // resolution_s:
            yield first, index
            first = index
