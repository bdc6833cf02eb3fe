"""How rows of figures and sentences are laid out in so many columns of a terminal.

A row has a label, a value for each column of figures (right-aligned) and a note. Colours are put on after
everything was measured, so they move nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfwatch.text import GLUE, clean, pad, shorten, to_ascii, width, wrap

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"
GAP = 2
NARROWEST_NOTE = 24
"""A note with less room than this beside the figures goes below them."""
NOTE_INDENT = 4
NARROWEST_LABEL = 8


@dataclass(frozen=True)
class Row:
    """A label, its figures, and a note. `values` of `None` leaves the figures' room to the note."""

    label: str
    values: tuple[str, ...] | None
    note: str = ""


class Paint:
    """Text as this terminal takes it: cleaned, in ASCII if need be, coloured or not."""

    def __init__(self, *, color: bool, ascii_only: bool) -> None:
        self._color = color
        self._ascii_only = ascii_only

    def tidy(self, text: str) -> str:
        """Made safe; the blanks that hold words together stay."""
        safe = GLUE.join(clean(part, 2000) for part in text.split(GLUE))
        return GLUE.join(to_ascii(part) for part in safe.split(GLUE)) if self._ascii_only else safe

    def line(self, text: str) -> str:
        """Made safe, and a line of its own: nothing holds its words together any more."""
        return _plain(self.tidy(text))

    def cut(self, text: str, columns: int) -> str:
        """A line of its own of at most so many columns."""
        return shorten(self.line(text), columns, "..." if self._ascii_only else "…")

    def style(self, text: str, code: str) -> str:
        """The text in a colour or weight."""
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and text.strip() else text


def table(rows: Sequence[Row], titles: Sequence[str], columns: int, paint: Paint) -> list[str]:
    """The rows below their titles. Where the columns do not fit side by side they stand one below another."""
    rows = [_tidied(row, paint) for row in rows]
    titles = [paint.tidy(title) for title in titles]
    label_room = max((width(row.label) for row in rows), default=0)
    rooms = _rooms(rows, titles)
    figures = sum(rooms) + GAP * len(rooms)
    if len(titles) == 1:
        label_room = min(label_room, max(columns - figures, NARROWEST_LABEL))
    if len(titles) > 1 and label_room + figures > columns:
        lines = []
        for at, title in enumerate(titles):
            single = [_only(row, at) for row in rows if row.values is not None or at == 0]
            lines += table(single, [title], columns, paint)
        return lines
    heading = " " * label_room + _figures(titles, rooms)
    lines = [paint.style(_plain(heading).rstrip(), DIM)]
    for row in rows:
        lines += _row_lines(row, label_room, rooms, columns, paint)
    return lines


def _tidied(row: Row, paint: Paint) -> Row:
    values = None if row.values is None else tuple(paint.tidy(value) for value in row.values)
    return Row(paint.tidy(row.label), values, paint.tidy(row.note))


def _rooms(rows: Sequence[Row], titles: Sequence[str]) -> list[int]:
    texts = [row.values for row in rows if row.values is not None]
    return [
        max(width(text) for text in (title, *(values[at] for values in texts)))
        for at, title in enumerate(titles)
    ]


def _only(row: Row, at: int) -> Row:
    """The row with one of its figures. A note belongs to the first column."""
    return Row(row.label, None if row.values is None else (row.values[at],), row.note if at == 0 else "")


def _figures(texts: Sequence[str], rooms: Sequence[int]) -> str:
    return "".join(" " * GAP + pad(text, room, right=True) for text, room in zip(texts, rooms, strict=True))


def _row_lines(row: Row, label_room: int, rooms: Sequence[int], columns: int, paint: Paint) -> list[str]:
    label = pad(paint.cut(row.label, label_room), label_room)
    if row.values is None:
        return hanging(row.note, columns, label + " " * GAP, paint=paint)
    figures = _figures(row.values, rooms)
    left = label + figures
    room = columns - width(left) - GAP
    if not row.note:
        return [_plain(left).rstrip()]
    if room >= NARROWEST_NOTE or width(row.note) <= room:
        first, *more = wrap(row.note, room)
        indent = " " * (width(left) + GAP)
        shown = [_plain(left) + " " * GAP + paint.style(first, DIM)]
        return shown + [indent + paint.style(line, DIM) for line in more]
    below = wrap(row.note, max(columns - NOTE_INDENT, NARROWEST_NOTE))
    return [_plain(left).rstrip(), *(" " * NOTE_INDENT + paint.style(line, DIM) for line in below)]


def hanging(text: str, columns: int, first: str, *, paint: Paint, code: str = "") -> list[str]:
    """A text behind `first`, its further lines indented to the same column (where that leaves room)."""
    text = paint.tidy(text)
    first = paint.tidy(first)
    indent = width(first)
    if columns - indent < NARROWEST_NOTE:
        indent = NOTE_INDENT
    lines = wrap(text, max(columns - indent, 1), first=max(columns - width(first), 1))
    begin = paint.style(_plain(first), code) if code else _plain(first)
    if not lines:
        return [begin.rstrip()]
    return [begin + lines[0], *(" " * indent + line for line in lines[1:])]


def _plain(text: str) -> str:
    return text.replace(GLUE, " ")
