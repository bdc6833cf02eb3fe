"""What a page said before it is known whether it counts the job's work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from perfwatch.errors import TryAgain
from perfwatch.model import Reading, Sample

KEPT = 600
"""So many readings are kept; beyond, every second one goes."""


class Held:
    """Stands before the `read` of the collector of a page, and holds back what it read until it is let go.

    Args:
        page: the collector; its `read` is replaced.
    """

    def __init__(self, page: Any) -> None:
        self._read = page.read
        self._kept: list[Reading] = []
        self._last: Sample | None = None
        self._is_free = False
        self._began_ns = 0
        self.works = False
        """Whether anything that was read moved."""
        page.read = self._hold

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
            yield from self._read(devices)
            return
        try:
            readings = list(self._read(devices))
        except TryAgain:
            return  # of a server that nobody named, nobody wants to know how it is
        for one in readings:
            if isinstance(one, Sample):
                self.works = self.works or (self._last is not None and _moved(self._last, one))
                self._last = one
        self._kept += readings
        if len(self._kept) > KEPT:
            self._kept = _thinned(self._kept)


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


def _moved(before: Sample, now: Sample) -> bool:
    return len(before.values) == len(now.values) and list(before.values) != list(now.values)


def _thinned(readings: Sequence[Reading]) -> list[Reading]:
    """Every second sample less, but for those beside something else: what a declaration says stays."""
    return [
        one
        for index, one in enumerate(readings)
        if index % 2 == 0 or not all(isinstance(near, Sample) for near in readings[index - 1 : index + 2])
    ]
