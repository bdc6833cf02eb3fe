"""A counter carried on to both ends of the job as readings come: the summary's figure in bounded memory."""

from __future__ import annotations

from array import array
from collections import deque

from perfwatch.derive.carried import Carried, at_begin, at_end, may_be_carried
from perfwatch.metrics import POWER
from perfwatch.model import Metric

AROUND = 256
"""So many readings are kept before an end, and after it: those of two steps, read every few milliseconds."""


class _Readings:
    """A series of a few readings."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.times, self.values = array("d"), array("d")

    def add(self, t: float, value: float) -> None:
        self.times.append(t)
        self.values.append(value)


class CarriedEnds:
    """The readings of one device around the job's start and end.

    Args:
        power: the metric of its power readings.
    """

    def __init__(self, counter: Metric, power: Metric) -> None:
        self._counter, self._power = counter, power
        self._newest: deque[tuple[float, float, float | None]] = deque(maxlen=AROUND)
        self._start: list[tuple[float, float, float | None]] = []
        self._end: list[tuple[float, float, float | None]] = []
        self._began: float | None = None
        self._ended: float | None = None
        self._both: tuple[Carried, Carried] | None = None
        self._looked_at = 0
        """So many readings around the end were looked at: nothing is found anew without a new one."""

    @classmethod
    def of(cls, counter: Metric, power: Metric = POWER) -> CarriedEnds | None:
        """None for a counter that is told as it was counted."""
        return cls(counter, power) if may_be_carried(counter.update_s) else None

    def take(self, t: float, joules: float, watts: float | None) -> None:
        """Add a reading of the counter, and of power where it was read too."""
        reading = (t, joules, watts)
        self._newest.append(reading)
        if self._began is not None and self._start and self._start[-1][0] <= self._began:
            self._start.append(reading)
        if self._ended is not None and len(self._end) < 2 * AROUND:
            self._end.append(reading)

    def begin(self, t: float) -> None:
        """The job began; the reading at that time was the last one."""
        self._began, self._start = t, list(self._newest)

    def end(self, t: float) -> None:
        """The job ended."""
        self._ended, self._end = t, list(self._newest)

    def both(self) -> tuple[Carried, Carried] | None:
        """At the start and at the end; `None` until both are known."""
        if self._both is None and self._looked_at < len(self._end):
            self._looked_at = len(self._end)
            self._both = self._look()
        return self._both

    def _look(self) -> tuple[Carried, Carried] | None:
        if self._began is None or self._ended is None:
            return None
        begin = at_begin(*self._series(self._start), self._began) if self._start else None
        end = at_end(*self._series(self._end), self._ended) if self._end else None
        return None if begin is None or end is None else (begin, end)

    def _series(
        self, readings: list[tuple[float, float, float | None]]
    ) -> tuple[_Readings, _Readings | None]:
        counter, power = _Readings(self._counter), _Readings(self._power)
        for at, joules, watts in readings:
            counter.add(at, joules)
            if watts is not None:
                power.add(at, watts)
        return counter, power if len(power.times) else None
