"""How often does a stream print? What it told last is half as old as that on average: the error has it."""

from __future__ import annotations

from statistics import median

ENOUGH = 5
"""So many intervals tell the period; it is then kept, for a device is declared by it."""
APART_S = 0.02
"""What comes in a shorter time belongs together: a document of many lines, a row for each device."""
LONGEST_S = 3600.0


class StreamPeriod:
    """Learns from the times at which pieces come."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._began_s: float | None = None
        self._intervals: list[float] = []
        self.seconds: float | None = None
        """The period, s, once it is known."""

    def arrived(self, t: float) -> None:
        """Something came at a time (monotonic, s)."""
        is_new = self._last_s is None or t - self._last_s > APART_S
        self._last_s = t
        if self.seconds is not None or not is_new:
            return
        if self._began_s is not None:
            self._intervals.append(t - self._began_s)
        self._began_s = t
        if len(self._intervals) >= ENOUGH:
            self.seconds = min(float(f"{median(self._intervals):.2g}"), LONGEST_S)
