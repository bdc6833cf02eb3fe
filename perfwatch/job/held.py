"""What a page said before it is known whether it counts the job's work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from perfwatch.errors import TryAgain
from perfwatch.model import Appeared, Kind, Reading, Sample

KEPT = 600
"""So many readings are kept; beyond, every second one goes."""


class Held:
    """Stands before the `read` of the collector of a page, and holds back what it read until it is let go.

    Args:
        page: the collector; its `read` is replaced.
        is_free: nothing is held back, and it is only seen how it moves.
    """

    def __init__(self, page: Any, *, is_free: bool = False) -> None:
        self._read = page.read
        self._kept: list[Reading] = []
        self._names: tuple[str, ...] = ()
        """Of the counters among the values; empty for what else is told."""
        self._first: dict[str, float] = {}
        self._newest: dict[str, float] = {}
        self._is_free = is_free
        self._began_ns = 0
        self.moves = 0
        """At how many readings a counter had moved."""
        page.read = self._hold

    def growth(self) -> dict[str, float]:
        """How far each counter moved since it was read first, also after it was let go."""
        return {name: value - self._first[name] for name, value in self._newest.items()}

    def let_go(self, began_ns: int) -> None:
        """With the next reading comes what was held back, each at its own time.

        Args:
            began_ns: when the job began. It was read just then, before or after: it stood at what was read
                nearest to it, for others may use the server too.
        """
        self._began_ns = began_ns
        self._is_free = True

    def _hold(self, devices: Sequence[Any]) -> Iterator[Reading]:
        if self._is_free:
            kept, self._kept = self._kept, []
            yield from _as_of(self._began_ns, kept)
            for one in self._read(devices):
                self._look_at(one)
                yield one
            return
        try:
            readings = list(self._read(devices))
        except TryAgain:
            return  # of a server that nobody named, nobody wants to know how it is
        for one in readings:
            self._look_at(one)
        self._kept += readings
        if len(self._kept) > KEPT:
            self._kept = _thinned(self._kept)

    def _look_at(self, one: Reading) -> None:
        if isinstance(one, Appeared):
            kinds = [(metric.name, metric.kind) for metric in one.device.metrics]
            self._names = tuple(name if kind is Kind.COUNTER else "" for name, kind in kinds)
        elif isinstance(one, Sample):
            pairs = zip(self._names, one.values, strict=False)
            told = {name: value for name, value in pairs if name and isinstance(value, (int, float))}
            self.moves += any(value != self._newest.get(name, value) for name, value in told.items())
            self._newest.update(told)
            self._first = {**told, **self._first}


def _as_of(began_ns: int, readings: Sequence[Reading]) -> Iterator[Reading]:
    """The readings, and the one that is nearest to a moment (of one width with those around) at that
    moment."""
    told = [one for one in readings if isinstance(one, Sample) and one.at_ns is not None]
    before = [one for one in told if (one.at_ns or 0) <= began_ns][-1:]
    after = [one for one in told if (one.at_ns or 0) > began_ns][:1]
    nearest = min([*before, *after], key=lambda one: abs((one.at_ns or 0) - began_ns), default=None)
    if nearest is None or not before or nearest.at_ns == began_ns:
        yield from readings
        return
    for one in readings:
        if after and one is after[0] and nearest is one:
            yield one._replace(at_ns=began_ns)
        yield one
        if one is before[0] and nearest is one:
            yield one._replace(at_ns=began_ns)


def _thinned(readings: Sequence[Reading]) -> list[Reading]:
    """Every second sample less, but for those beside something else: what a declaration says stays."""
    return [
        one
        for index, one in enumerate(readings)
        if index % 2 == 0 or not all(isinstance(near, Sample) for near in readings[index - 1 : index + 2])
    ]
