"""Which of several progress bars of one length drew this line?

A bar says its length and a description, and neither is a name: two bars may be equally long, and the
description of one may change with every step ("Processing b.txt", "loss 0.31"). So a bar is found by its
description, where that was seen before; else it is the bar drawn last that goes on from where it stood. tqdm
draws every bar once at zero when it is made, which begins one; so does a value far below the last.
"""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.workload.tally import Number

RESTARTS_BELOW = 0.5
"""A total that falls to less of what it was was restarted. One that falls by less is told by several
processes that print the same without saying who they are, and counts where it is farthest."""
BARS = 100
"""So many bars of one length are told apart; then the one longest silent is forgotten."""


class _Bar(NamedTuple):
    """A bar as it was drawn last.

    Args:
        number: which it is.
        stands_at: its value.
        began: at which line it was made, or began anew.
        drawn: at which line it was drawn last.
    """

    number: int
    stands_at: Number
    began: int
    drawn: int


class Bars:
    """The bars of one length.

    Args:
        name: of these among others.
        length: None where they do not tell it.
    """

    def __init__(self, name: str = "", length: Number | None = None) -> None:
        self.name = name
        self.length = length
        self._bars: dict[str, _Bar] = {}
        """By their descriptions; the one drawn last is last."""
        self._made = self._lines = 0

    def number(self, description: str, value: Number) -> int:
        """Which bar stands at this value now; they are numbered as they appear."""
        self._lines += 1
        bar = self._known(description, value) or self._renamed(value) or self._new()
        began = self._lines if value < bar.stands_at else bar.began
        self._bars.pop(description, None)
        self._bars[description] = _Bar(bar.number, value, began, self._lines)
        if len(self._bars) > BARS:
            del self._bars[next(iter(self._bars))]
        return bar.number

    def goes_beyond(self, description: str, value: Number) -> bool:
        """Whether a bar of this description may be one of these, beyond the length that it was to have."""
        bar = self._bars.get(description)
        return bar is not None and self.length is not None and self.length < value and bar.stands_at <= value

    def _known(self, description: str, value: Number) -> _Bar | None:
        """The bar of this description, unless another one has it now.

        A description of an earlier bar (drawn last before the latest bar began) at a value that is
        not beyond it, is come upon again: "loss 0.1" at 100 of 100, and at 40 or 100 of the next epoch.
        """
        bar = self._bars.get(description)
        if bar is None or value <= 0 or value > bar.stands_at:
            return bar
        if value == bar.stands_at != self.length:
            return bar  # drawn again as it was
        latest_name, latest = next(reversed(self._bars.items()))
        if latest.began > bar.drawn and latest.stands_at <= value:
            return self._bars.pop(latest_name)
        return bar

    def _renamed(self, value: Number) -> _Bar | None:
        """The bar drawn last that this value goes on from, under a description that is gone now."""
        if value <= 0:
            return None
        for description in reversed(self._bars):
            if self._bars[description].stands_at * RESTARTS_BELOW < value:
                return self._bars.pop(description)
        return None

    def _new(self) -> _Bar:
        self._made += 1
        return _Bar(self._made, 0, self._lines, self._lines)
