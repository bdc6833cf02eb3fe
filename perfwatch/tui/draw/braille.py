"""How does a series become a chart? Filled columns of dots, two by four to a character, or plain ASCII.

A chart is drawn from levels: one small number per dot column, 0 (nothing) to 4 dots a text row. Strings are
made by table; a row's characters depend only on the levels clipped to that row.
"""

from __future__ import annotations

from collections.abc import Sequence

DOTS = 4
"""Dot rows in a character."""
_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_BRAILLE = tuple(
    tuple(chr(0x2800 + left + right) if left + right else " " for right in _RIGHT) for left in _LEFT
)
_ASCII = tuple(tuple(" .:|#"[max(left, right)] for right in range(5)) for left in range(5))


def level(value: float | None, low: float, high: float, height: int) -> int:
    """How many dots high a value stands in a chart of so many text rows; a known value has at least one.

    `None` has none: what was not read is empty, what is at the bottom is not.
    """
    if value is None:
        return 0
    share = (value - low) / (high - low) if high > low else 0.0
    return max(1, min(DOTS * height, round(share * DOTS * height)))


def rows(levels: Sequence[int], height: int, *, ascii_only: bool = False) -> list[str]:
    """The chart's text rows, top first. `levels` has two entries for each character column."""
    table = _ASCII if ascii_only else _BRAILLE
    left, right = levels[::2], levels[1::2]
    drawn = []
    for row in range(height - 1, -1, -1):
        base = row * DOTS
        drawn.append(
            "".join(
                [
                    table[min(4, max(0, a - base))][min(4, max(0, b - base))]
                    for a, b in zip(left, right, strict=True)
                ]
            )
        )
    return drawn
