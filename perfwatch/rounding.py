"""The one place where a collector's numbers are checked and rounded, once, before anything else sees them.

Everything later (recorder, live figures, summary) uses the same digits; the writer rounds nothing. It is the
runner's work, and done in two steps: `plain` on the collector's thread, the rest when the hub takes a batch
(docs/decisions/0005).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


_PLAIN = frozenset({float, int, type(None), str, Histogram, Buckets})
"""Types that hold their value; to ask any other one for it runs code of a stranger."""


def plain(values: Sequence[Any]) -> tuple[Any, ...]:
    """The values of a sample, copied (a collector may fill one list again and again), as types of our own.

    What is like a number (numpy's, a tensor's, a Decimal) is asked for it here, on the collector's thread,
    because the answer can take its time; NaN stands for what is none.
    """
    copied = values if type(values) is tuple else tuple(values)
    if _PLAIN.issuperset(map(type, copied)):
        return copied
    return tuple(value if type(value) in _PLAIN else _plain(value) for value in copied)


def _plain(value: Any) -> float | int | str:
    if isinstance(value, str):
        return str(value)
    try:
        if not isinstance(value, bytes) and hasattr(value, "__index__"):
            return int(value)
        if hasattr(value, "__float__"):
            return float(value)
    except (ArithmeticError, TypeError, ValueError):
        pass  # what cannot be converted is no number
    return math.nan


class Rounding:
    """Rounds the values of one collector. `rejected` counts those that were no believable numbers."""

    def __init__(self) -> None:
        self.rejected = 0
        self._before: dict[str, tuple[tuple[Any, ...], list[Any]]] = {}

    def values(self, sample: Sample) -> list[Any]:
        """The sample's values as they are recorded: rounded, histograms as objects, nonsense as None.

        The sample's values are `plain`. What a collector repeats (the same object as in its last sample) is
        not looked at again.
        """
        raw = tuple(sample.values)
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
        if kind is float or kind is int:
            if -PLAUSIBLE < value < PLAUSIBLE:
                return value if kind is int else round(value, DIGITS)
            self.rejected += 1  # not finite, or the all-ones by which libraries say "not available"
            return None
        if kind is str:
            return value[:TEXT_CHARACTERS]
        if kind is Histogram:
            value = value._replace(
                sum=round(value.sum, TIMING_DIGITS),
                min=round(value.min, TIMING_DIGITS),
                max=round(value.max, TIMING_DIGITS),
            )
        return None if value is None else encode_value(value)
