"""How does a table fit a narrow screen? Columns of fixed width, of which the least important give way.

Fields do not jump: a column is as wide as the room says, never as its texts say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from perfwatch.text import clean
from perfwatch.tui.draw.row import Line, Row, Span

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        key: the name under which a row gives its cell.
        title: what stands above it.
        width: columns of the terminal that it needs.
        rank: 0 stays always; of the others the highest rank gives way first.
        right: numbers are right aligned, words are not.
        most: it may grow to this width where there is room; 0 for never.
    """

    key: str
    title: str
    width: int
    rank: int = 0
    right: bool = True
    most: int = 0


Placed = tuple[tuple[Column, int], ...]
"""The columns that are shown, with their widths."""


def placed(columns: Sequence[Column], room: int) -> Placed:
    """The columns that fit, one blank between two. Those that may grow share what is left, in order."""
    kept = list(columns)
    while _needed(kept) > room:
        weakest = max(kept, key=lambda one: one.rank)
        if weakest.rank == 0:
            break
        kept.remove(weakest)
    left = max(0, room - _needed(kept))
    widths = []
    for one in kept:
        more = min(left, max(0, one.most - one.width))
        left -= more
        widths.append((one, one.width + more))
    return tuple(widths)


def _needed(columns: Sequence[Column]) -> int:
    return sum(one.width for one in columns) + len(columns) - 1


def heading(columns: Placed, room: int, sorted_by: str = "", *, ascii_only: bool = False) -> Row:
    """The titles; an arrow says by which column rows are sorted, and which way."""
    line = Line(room)
    key = sorted_by.lstrip("-")
    down, up = ("v", "^") if ascii_only else ("▾", "▴")
    arrow = up if sorted_by.startswith("-") else down
    for at, (column, width) in enumerate(columns):
        if at:
            line.put(" ")
        here = column.key == key
        title = column.title + (arrow if here and len(column.title) < width else "")
        line.cell(title, width, "accent" if here else "label", right=column.right)
    return line.row()


def row(columns: Placed, room: int, cells: Mapping[str, Span], style: str = "") -> Row:
    """One row. Texts may come from outside: they are made harmless. `style` replaces the cells' own."""
    line = Line(room)
    for at, (column, width) in enumerate(columns):
        if at:
            line.put(" ", style or "text")
        text, own = cells.get(column.key, Span(""))
        if column.right:
            line.cell(clean(text), width, style or own)
        else:
            line.foreign(text, style or own, columns=width)
    return line.row(style or "text")


def ordered(rows: Sequence[T], key: Callable[[T], Any], *, largest_first: bool, turned: bool) -> list[T]:
    """The rows by what `key` says of them; those of which it is not known (None) come last, either way."""
    known = [one for one in rows if key(one) is not None]
    unknown = [one for one in rows if key(one) is None]
    return [*sorted(known, key=key, reverse=largest_first != turned), *unknown]


def window(count: int, selected: int, height: int) -> tuple[int, int]:
    """Which rows are in sight so that the selected one is: the first, and the one beyond the last."""
    selected = max(0, min(selected, count - 1))
    first = max(0, min(selected - height + 1, count - height)) if selected >= height else 0
    return first, min(count, first + max(0, height))
