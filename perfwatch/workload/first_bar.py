"""Which of several bars is the training's, where only its own steps count (Hugging Face's Trainer)?

The bar that is drawn first, and no other while it goes on: evaluations draw theirs in between. When it is at
its end the next one may be of another training (a fold; the first was of something before it), or of the last
evaluation: it is another training's if a loss is printed while it is drawn.
"""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.workload.tally import Number


class Told(NamedTuple):
    """What is to be booked: a total of a series, and how much of what was booked was of no training."""

    series: str
    total: Number
    in_doubt: Number = 0


class FirstBar:
    """Follows the training's bar."""

    def __init__(self) -> None:
        self._series: str | None = None
        self._stands_at: Number = 0
        self._length: Number | None = None
        self._has_loss = False
        self._next: tuple[str, Number, Number | None] | None = None
        """The bar that is drawn since this one is at its end."""

    def take(self, series: str, total: Number, length: Number | None) -> Told | None:
        """A bar stands at a total; what of that is to be booked."""
        if self._series is None:
            self._series = series
        if series == self._series:
            self._stands_at, self._length, self._next = total, length, None
            return Told(series, total)
        if self._length is not None and self._stands_at >= self._length:
            self._next = series, total, length
        return None

    def loss(self) -> Told | None:
        """A loss was printed: the bar that is drawn is a training's."""
        if self._next is None:
            self._has_loss = True
            return None
        in_doubt = 0 if self._has_loss else self._stands_at
        self._series, self._stands_at, self._length = self._next
        self._next, self._has_loss = None, True
        return Told(self._series, self._stands_at, in_doubt)
