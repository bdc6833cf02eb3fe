"""What is one line of the screen? Spans of text, each with the name of a style, exactly as wide as asked.

Rows are plain tuples, so that two of them are compared in no time: what did not change is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from perfwatch.text import clean, pad, shorten, width


class Span(NamedTuple):
    """A piece of text in one style. `style` is a role of the theme, such as `value` or `warn`."""

    text: str
    style: str = "text"


Row = tuple[Span, ...]
MARGINS_FROM = 60
"""From so many columns on, a screen has margins."""


class Line:
    """Builds one row from left to right; what has no room is cut off.

    Args:
        columns: the row's width in terminal columns.
    """

    def __init__(self, columns: int) -> None:
        self._columns = max(0, columns)
        self._spans: list[Span] = []
        self._used = 0

    @property
    def room(self) -> int:
        """Columns that are still free."""
        return self._columns - self._used

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was put so far."""
        return tuple(self._spans)

    @property
    def used(self) -> int:
        """Columns that are filled."""
        return self._used

    def put(self, text: str, style: str = "text") -> Line:
        """Append a text of our own, cut with an ellipsis where it does not fit."""
        room = self._columns - self._used
        if not text or room <= 0:
            return self
        columns = width(text)
        if columns > room:
            text = shorten(text, room)
            columns = width(text)
        self._spans.append(Span(text, style))
        self._used += columns
        return self

    def foreign(self, text: object, style: str = "text", *, columns: int | None = None) -> Line:
        """Append a text from outside, made harmless; at most (and, padded, exactly) so many columns."""
        safe = clean(text)
        return self.put(safe if columns is None else pad(shorten(safe, columns), columns), style)

    def cell(self, text: str, columns: int, style: str = "text", *, right: bool = True) -> Line:
        """Append a text in a field of fixed width, right aligned as numbers are."""
        return self.put(pad(shorten(text, columns), columns, right=right), style)

    def skip_to(self, column: int, style: str = "text") -> Line:
        """Fill with blanks up to a column."""
        return self.put(" " * min(column - self._used, self.room), style) if column > self._used else self

    def right(self, spans: Sequence[Span], style: str = "text") -> Line:
        """Fill up and put these at the right edge, if they fit behind what is there."""
        columns = sum(width(span.text) for span in spans)
        if columns > self.room:
            return self
        self.skip_to(self._columns - columns, style)
        for span in spans:
            self.put(span.text, span.style)
        return self

    def row(self, style: str = "text") -> Row:
        """The row, filled to its width."""
        self.skip_to(self._columns, style)
        return tuple(self._spans)


def blank(columns: int) -> Row:
    """A row of blanks."""
    return (Span(" " * columns),) if columns > 0 else ()


def beside(parts: Iterable[tuple[int, Sequence[Row]]], height: int) -> list[Row]:
    """Blocks of rows side by side, each filled up to its own width and to the common height."""
    blocks = [[*rows[:height], *[blank(columns)] * (height - len(rows))] for columns, rows in parts]
    return [tuple(chain.from_iterable(block[y] for block in blocks)) for y in range(height)]


def plain(row: Row) -> str:
    """The row's text alone."""
    return "".join(span.text for span in row)


def fitted(rows: Sequence[Row], columns: int, height: int) -> list[Row]:
    """Exactly so many rows: cut below, or filled with blanks."""
    return [*rows[:height], *[blank(columns)] * max(0, height - len(rows))]


def inside(columns: int) -> int:
    """How many columns of a screen are left between its margins; a narrow one has none."""
    return columns - 2 if columns >= MARGINS_FROM else columns


def with_margins(rows: Iterable[Row], columns: int) -> list[Row]:
    """Rows of `inside(columns)` with a blank column at either edge, where there is room."""
    if inside(columns) == columns:
        return list(rows)
    edge = Span(" ")
    return [(edge, *row, edge) for row in rows]
