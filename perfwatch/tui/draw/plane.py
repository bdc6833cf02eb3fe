"""How does a path in a plane become characters? Dots on a grid of two by four to a character, and scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Braille's bits by column and row from the top."""


MARGIN = 1.3
"""So much more and less than the values a logarithmic axis holds."""


@dataclass(frozen=True)
class Scale:
    """One axis: what stands at its ends, and where its ticks are."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """What stands at a share of the axis."""
        return self.low + share * (self.high - self.low)


@dataclass(frozen=True)
class LogScale(Scale):
    """An axis on which equal distances are equal ratios; what is not above zero lies below it."""

    def share(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low) if value > 0.0 else -1.0

    def at(self, share: float) -> float:
        return self.low * float((self.high / self.low) ** share)


def log_scale_of(values: Sequence[float], ticks: int) -> LogScale:
    """An axis of ratios around values above zero, with ticks at round multiples of powers of ten."""
    low, high = min(values) / MARGIN, max(values) * MARGIN
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for parts in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [part * 10.0**decade for decade in decades for part in parts]
        found = [tick for tick in found if low <= tick <= high]
        if len(found) <= max(2, ticks):
            break
    return LogScale(low, high, tuple(found))


def scale_of(values: Sequence[float], ticks: int) -> Scale:
    """An axis around the values with about so many round ticks; from zero where they come near it."""
    low, high = min(values), max(values)
    if low < high / 2 or low <= 0.0:
        low = min(0.0, low)
    step = _round_step((high - low or abs(high) or 1.0) / max(1, ticks))
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return Scale(first * step, last * step, tuple(place * step for place in range(first, last + 1)))


def _round_step(wanted: float) -> float:
    """1, 2 or 5 times a power of ten, at least as large as wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(power * part for part in (1.0, 2.0, 5.0, 10.0) if power * part >= wanted * 0.999999)


class Plane:
    """A grid of characters that takes dots and signs; what is put later lies above.

    Args:
        columns: characters across.
        height: characters down.
    """

    def __init__(self, columns: int, height: int, x: Scale, y: Scale, *, ascii_only: bool = False) -> None:
        self._columns, self._height = columns, height
        self._x, self._y = x, y
        self._ascii = ascii_only
        self._bits = [[0] * columns for _ in range(height)]
        self._styles = [["text"] * columns for _ in range(height)]
        self._signs: dict[tuple[int, int], tuple[str, str]] = {}

    @property
    def columns(self) -> int:
        """Characters across."""
        return self._columns

    def dot(self, x: float, y: float, style: str) -> None:
        """One dot at a place of the plane; outside of it there is none."""
        across = round(self._x.share(x) * (2 * self._columns - 1))
        up = round(self._y.share(y) * (4 * self._height - 1))
        if not 0 <= across < 2 * self._columns or not 0 <= up < 4 * self._height:
            return
        down = 4 * self._height - 1 - up
        cell_y, cell_x = down // 4, across // 2
        if self._styles[cell_y][cell_x] != style:
            self._bits[cell_y][cell_x], self._styles[cell_y][cell_x] = 0, style
        self._bits[cell_y][cell_x] |= _DOTS[across % 2][down % 4]

    def path(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """A line through the points."""
        for a, b in pairwise(points):
            steps = max(
                1,
                round(abs(self._x.share(b[0]) - self._x.share(a[0])) * 2 * self._columns),
                round(abs(self._y.share(b[1]) - self._y.share(a[1])) * 4 * self._height),
            )
            for step in range(steps + 1):
                share = step / steps
                self.dot(a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]), style)
        if len(points) == 1:
            self.dot(*points[0], style)

    def ray(self, at_zero: float, slope: float, style: str) -> tuple[int, int] | None:
        """A thin straight line y = at_zero + slope * x; where its last character lies, if it has any."""
        last = None
        for across in range(0, 2 * self._columns, 3):
            x = self._x.at(across / (2 * self._columns - 1))
            share = self._y.share(at_zero + slope * x)
            if 0.0 <= share <= 1.0:
                self.dot(x, at_zero + slope * x, style)
                last = (self._height - 1 - int(share * (self._height - 0.001)), across // 2)
        return last

    def sign(self, x: float, y: float, sign: str, style: str) -> None:
        """A character at a place of the plane, above all dots."""
        across = round(self._x.share(x) * (self._columns - 1))
        down = self._height - 1 - round(self._y.share(y) * (self._height - 1))
        if 0 <= across < self._columns and 0 <= down < self._height:
            self._signs[down, across] = (sign, style)

    def text(self, down: int, across: int, text: str, style: str) -> bool:
        """A text in the grid, where there is room and none yet."""
        cells = [(down, across + at) for at in range(-1, len(text) + 1)]
        if across < 0 or across + len(text) > self._columns or not 0 <= down < self._height:
            return False
        if any(cell in self._signs for cell in cells):
            return False
        for at, character in enumerate(text):
            self._signs[down, across + at] = (character, style)
        return True

    def rows(self) -> list[list[tuple[str, str]]]:
        """Each row as texts with their styles, top first."""
        return [
            [
                ("".join(text for text, _ in group), style)
                for style, group in groupby(
                    (self._cell(down, across) for across in range(self._columns)), key=lambda cell: cell[1]
                )
            ]
            for down in range(self._height)
        ]

    def _cell(self, down: int, across: int) -> tuple[str, str]:
        sign = self._signs.get((down, across))
        if sign is not None:
            return sign
        bits, style = self._bits[down][across], self._styles[down][across]
        if not bits:
            return " ", "text"
        if self._ascii:
            return ("." if style == "border" else "o"), style
        return chr(0x2800 + bits), style
