"""The one place where numbers are checked and rounded, before the hub sees them.

Everything later (recorder, live figures, summary) uses the same digits; the writer rounds nothing.
"""

from __future__ import annotations

from typing import Any

from perfwatch.model import Buckets, Histogram, Sample
from perfwatch.session.format import encode_value

PLAUSIBLE = 1e18
"""A magnitude beyond which no reading is believed."""
DIGITS = 6
"""A microjoule, a microwatt."""
TEXT_CHARACTERS = 1000
"""A text that is longer is cut: a line of the session has its bounds."""
TIMING_DIGITS = 9
"""A nanosecond, for what a histogram tells."""


class Rounding:
    """Rounds the values of one collector. `rejected` counts those that were no believable numbers."""

    def __init__(self) -> None:
        self.rejected = 0
        self._before: dict[str, tuple[tuple[Any, ...], list[Any]]] = {}

    def values(self, sample: Sample) -> list[Any]:
        """The sample's values as they are recorded: rounded, histograms as objects, nonsense as None.

        What a collector repeats (the same object as in its last sample) is not looked at again.
        """
        raw = tuple(sample.values)  # a copy: a collector may fill one list again and again
        before = self._before.get(sample.device_id)
        if before is not None and len(before[0]) == len(raw):
            done = [
                known if value is last else self._value(value)
                for value, last, known in zip(raw, *before, strict=True)
            ]
        else:
            done = [self._value(value) for value in raw]
        self._before[sample.device_id] = (raw, done)
        return done

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if value is None:
            return None
        if kind is float or kind is int:
            if -PLAUSIBLE < value < PLAUSIBLE:
                return round(value, DIGITS)
            self.rejected += 1  # not finite, or the all-ones by which libraries say "not available"
            return None
        if kind is Histogram:
            value = value._replace(
                sum=round(value.sum, TIMING_DIGITS),
                min=round(value.min, TIMING_DIGITS),
                max=round(value.max, TIMING_DIGITS),
            )
        if kind is Histogram or kind is Buckets:
            return encode_value(value)
        return value[:TEXT_CHARACTERS] if isinstance(value, str) else self._value(self._number(value))

    def _number(self, value: Any) -> float | int | None:
        """The number in what is like one (numpy's, a Decimal, a subclass of float); None if there is none."""
        try:
            if not isinstance(value, bytes) and hasattr(value, "__index__"):
                return int(value)
            if hasattr(value, "__float__"):
                return float(value)
        except (ArithmeticError, TypeError, ValueError):
            pass  # what cannot be converted is no number
        self.rejected += 1
        return None
