"""Which bytes turn the picture that the terminal shows into the next one? Only the cells that changed.

The screen is painted by its rows, past Textual's compositor, while nothing lies over it: a region of the
compositor is sent from its left edge, a changed dot at the right edge of a chart with the whole row
(docs/decisions/0006).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perfwatch.text import is_narrow, width
from perfwatch.tui.draw.row import Row, Span

GAP = 6
"""Unchanged cells between two changed ones that cost no more than a new cursor position."""


class Wire:
    """Remembers what the terminal shows.

    Args:
        codes: the SGR parameters of a style (`1;32`), empty for the terminal's own.
    """

    def __init__(self, codes: Callable[[str], str]) -> None:
        self._codes = codes
        self._shown: list[Row] = []
        self._sgr: dict[str, str] = {}

    @property
    def height(self) -> int:
        """How many rows the terminal shows."""
        return len(self._shown)

    def forget_styles(self) -> None:
        """The theme changed."""
        self._sgr.clear()

    def shows(self, rows: Sequence[Row]) -> None:
        """The terminal shows these rows now; somebody else painted them."""
        self._shown = list(rows)

    def paint(self, rows: Sequence[Row]) -> str:
        """What to write so that the terminal shows these rows; empty if it does already."""
        pen = _Pen(self._sequence)
        for y, row in enumerate(rows):
            before = self._shown[y] if y < len(self._shown) else ()
            if row is not before and row != before:
                _paint_row(pen, y, before, row)
        self._shown = list(rows)
        return pen.end()

    def _sequence(self, style: str) -> str:
        known = self._sgr.get(style)
        if known is None:
            codes = self._codes(style)
            known = self._sgr[style] = f"\x1b[0;{codes}m" if codes else "\x1b[0m"
        return known


class _Pen:
    """Writes runs of cells, moving the cursor and changing the style only where it must."""

    def __init__(self, sequence: Callable[[str], str]) -> None:
        self._sequence = sequence
        self._parts: list[str] = []
        self._at: tuple[int, int] | None = None
        self._style: str | None = None

    def write(self, y: int, x: int, text: str, style: str, columns: int) -> None:
        if self._at != (y, x):
            if self._at is not None and self._at[0] == y and x > self._at[1]:
                self._parts.append(f"\x1b[{x - self._at[1]}C")
            else:
                self._parts.append(f"\x1b[{y + 1};{x + 1}H")
        if style != self._style:
            self._parts.append(self._sequence(style))
            self._style = style
        self._parts.append(text)
        self._at = (y, x + columns)

    def end(self) -> str:
        if not self._parts:
            return ""
        self._parts.append("\x1b[0m")
        return "".join(self._parts)


def _paint_row(pen: _Pen, y: int, before: Row, row: Row) -> None:
    """Spans that lie where they lay are compared as texts; from the first that does not, cell by cell."""
    x, index = 0, 0
    for old, new in zip(before, row, strict=False):
        columns = len(new.text) if new.text.isascii() else width(new.text)
        old_columns = len(old.text) if old.text.isascii() else width(old.text)
        if columns != old_columns:
            break
        if old.style != new.style:
            pen.write(y, x, new.text, new.style, columns)
        elif old.text != new.text:
            _paint_span(pen, (y, x), old, new)
        x += columns
        index += 1
    else:
        if len(before) == len(row):
            return
    _paint_rest(pen, y, x, before[index:], row[index:])


def _paint_span(pen: _Pen, at: tuple[int, int], old: Span, new: Span) -> None:
    (y, x) = at
    if not (is_narrow(old.text) and is_narrow(new.text)):  # wide or combining characters: all of it
        pen.write(y, x, new.text, new.style, width(new.text))
        return
    for first, last in _changed(old.text, new.text):
        pen.write(y, x + first, new.text[first:last], new.style, last - first)


def _changed(old: str, new: str) -> list[tuple[int, int]]:
    """The stretches in which two texts of one length differ; small gaps between them are taken in."""
    found: list[tuple[int, int]] = []
    for at, (a, b) in enumerate(zip(old, new, strict=True)):
        if a != b:
            if found and at - found[-1][1] <= GAP:
                found[-1] = (found[-1][0], at + 1)
            else:
                found.append((at, at + 1))
    return found


def _paint_rest(pen: _Pen, y: int, x: int, before: Row, row: Row) -> None:
    """Rows whose spans begin at different places: each cell's text and style is looked at."""
    old, new = _cells(before), _cells(row)
    start: int | None = None
    for at, cell in enumerate([*new, None]):
        if cell is not None and not cell[0]:  # behind a wide one: painted with it or not at all
            continue
        same = cell is None or (at < len(old) and old[at] == cell)
        if start is not None and (same or cell is None or cell[1] != new[start][1]):
            pen.write(y, x + start, "".join(text for text, _ in new[start:at]), new[start][1], at - start)
            start = None
        if not same and start is None:
            start = at


def _cells(row: Row) -> list[tuple[str, str]]:
    """One entry a column: the character that begins there with its marks; an empty text behind a wide one."""
    cells: list[tuple[str, str]] = []
    begun = 0
    for text, style in row:
        for character in text:
            columns = 1 if character.isascii() else width(character)
            if columns == 0 and cells:
                cells[begun] = (cells[begun][0] + character, cells[begun][1])
                continue
            begun = len(cells)
            cells.append((character, style))
            cells += [("", style)] * (columns - 1)
    return cells
