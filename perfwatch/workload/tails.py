"""How much may a job have done after the last line that told a total, before it began anew or ended?

A line each hundred steps leaves up to ninety-nine untold, and a bar that is not left on the screen what it
did since it was drawn last: as much as the pace of the last lines allows for the time that passed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from perfwatch.workload.tally import Number

HASTE = 2.0
"""The end may have been so many times as quick as the lines before."""
TOTALS = 10_000
"""So many are remembered."""
AGAIN_NS = 50_000_000
"""A bar that stands at its begin and is drawn within such a time is the same."""
_DIGITS = re.compile(r"\d+")

Key = tuple[str, str]
"""A total: its name, and of which series."""


class _Last(NamedTuple):
    """A total as it was told last.

    Args:
        value, at_ns: what it was, and when.
        step, took_ns: by how much it had grown then, and in which time; 0 where it was told once.
        length: how far it is to go; None where that is not told.
        coarse: to so much the text tells it.
    """

    value: Number
    at_ns: int
    step: Number
    took_ns: int
    length: Number | None
    coarse: Number


class Tails:
    """What is not told of the totals of one account."""

    def __init__(self) -> None:
        self._last: dict[Key, _Last] = {}
        self._left: dict[Key, tuple[str, Number]] = {}
        """Of bars that another of their kind took over from: it, and what they may have done after all."""

    def take(self, key: Key, value: Number, at_ns: int, length: Number | None, coarse: Number = 0) -> None:
        """A total is told. A bar that is drawn again has not ended."""
        before = self._last.pop(key, None)
        self._left.pop(key, None)
        step, took_ns = 0, 0
        if before is not None and value > before.value:
            step, took_ns = value - before.value, at_ns - before.at_ns  # type: ignore[assignment]
        elif before is not None and value == before.value:
            step, took_ns = before.step, before.took_ns  # type: ignore[assignment]
        self._last[key] = _Last(value, at_ns, step, took_ns, length, coarse)
        if len(self._last) > TOTALS:
            oldest = next(iter(self._last))
            del self._last[oldest]
            self._left.pop(oldest, None)

    def end(self, key: Key) -> None:
        """A total was told at its end."""
        self._last.pop(key, None)
        self._left.pop(key, None)

    def of(self, key: Key, at_ns: int) -> Number:
        """How much more it may have been by then."""
        last = self._last.get(key)
        if last is None:
            return 0
        most = last.length - last.value if last.length is not None else last.step - 1
        rounded = last.coarse / 2
        if most <= 0:
            return rounded
        if last.took_ns <= 0:
            return most + rounded
        return min(most, HASTE * last.step * (at_ns - last.at_ns) / last.took_ns) + rounded

    def is_drawn_again(self, key: Key, value: Number, at_ns: int) -> bool:
        """Whether a bar stands there still, and nothing was done since."""
        last = self._last.get(key)
        return last is not None and last.value == value and at_ns - last.at_ns < AGAIN_NS

    def take_over(self, key: Key, description: str, at_ns: int) -> list[Number]:
        """A bar begins; what is in doubt of those of its kind that ended before the one before it.

        Args:
            description: of the bar; `Epoch 2/4` is of a kind with `Epoch 1/4`.
        """
        kind = _DIGITS.sub("#", description)
        ended: list[Number] = []
        if key in self._last and self._last[key].step > 0:  # else several are made before any is drawn
            over = [each for each, (of_kind, _) in self._left.items() if of_kind == kind]
            ended = [self._left.pop(each)[1] for each in over]
            for each in over:
                self._last.pop(each, None)
        if (left := self.of(key, at_ns)) > 0:
            self._left[key] = kind, left
        return ended

    def at_the_end(self, at_ns: int) -> list[tuple[str, Number]]:
        """What is in doubt of each when the job ends: by name."""
        ended = [(key[0], amount) for key, (_, amount) in self._left.items()]
        going = [(key[0], self.of(key, at_ns)) for key in self._last if key not in self._left]
        return [each for each in (*ended, *going) if each[1] > 0]
