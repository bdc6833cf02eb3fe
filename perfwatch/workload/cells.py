"""Which arrivals become one sample?

A job may tell its work 100,000 times a second; a recording of it needs to be exact where somebody looks:
at the first and last change, and at marks. So arrivals are joined into cells of at most 50 ms, each
stamped with its *last* arrival, except that the first arrival after a silence stands alone and no cell
reaches over a mark. Arrivals rarer than a cell is long are never joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

CELL_NS = 50_000_000
"""Length of a cell, ns; also the silence after which an arrival stands alone."""
APART_NS = 1_000
"""What came after a mark is at least this much later: the recording keeps microseconds."""


class Arrival(NamedTuple):
    """Something that the job said, with its time (CLOCK_MONOTONIC). A mark splits cells."""

    at_ns: int
    what: Any
    is_mark: bool = False


class Cell(NamedTuple):
    """What was said within one cell, in order, or (alone) a mark."""

    at_ns: int
    said: list[Any]
    is_mark: bool = False


class Cells:
    """Joins arrivals; remembers from one batch to the next when the last one was.

    Args:
        opened_ns: when listening began.
    """

    def __init__(self, opened_ns: int) -> None:
        self._opened_ns = opened_ns
        self._last_ns = opened_ns - CELL_NS - 1

    def join(self, arrivals: Iterable[Arrival]) -> Iterator[Cell]:
        """The cells of one batch, in time order.

        Arrivals are given in the order in which they came in; those of equal time keep it. What comes
        later than a cell that was handed over before, with an earlier time, gets that cell's time.
        """
        earliest_ns = mark_ns = self._opened_ns
        began_ns, alone = 0, False
        said: list[Any] = []
        for own_ns, what, is_mark in sorted(arrivals, key=_time):
            if is_mark:
                if said:
                    yield Cell(self._last_ns, said)
                    said = []
                mark_ns = max(own_ns, mark_ns)
                earliest_ns = mark_ns + APART_NS
                yield Cell(mark_ns, [what], is_mark=True)
                continue
            earliest_ns = mark_ns = max(own_ns, earliest_ns)
            at_ns = max(earliest_ns, self._last_ns)
            silence = at_ns - self._last_ns > CELL_NS
            if said and (silence or at_ns - began_ns > CELL_NS or (alone and at_ns > began_ns)):
                yield Cell(self._last_ns, said)
                said = []
            if not said:
                began_ns, alone = at_ns, silence
            said.append(what)
            self._last_ns = at_ns
        if said:
            yield Cell(self._last_ns, said)


def _time(arrival: Arrival) -> int:
    return arrival.at_ns
