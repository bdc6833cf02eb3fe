"""What would a terminal show of a line that a job wrote? Its text and colours, and nothing that moves about.

Colours and attributes (SGR of ECMA-48, 38;5 and 38;2 of xterm) become styles named `ansi:PARAMETERS`, as in
`ansi:1;31`. Within its line the job may do as in a terminal: return to the line's begin (progress bars),
erase, step back, tabulate. Every other sequence is removed: cursor moves, titles, links, the clipboard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from perfwatch.text import clean, width
from perfwatch.tui.draw.row import Span

PREFIX = "ansi:"
MOST_COLUMNS = 2000
"""A longer line is cut: nobody reads it here, and it may be a file without line ends."""
_TAB = 8

_PIECE = re.compile(
    r"""
    (?P<sgr> \x1b\[ [0-9;:]* m )
    | (?P<erase> \x1b\[ [012]? K )
    | (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]
    | (?: \x1b\] | \x9d ) [^\x07\x1b\x9c]* (?: \x07 | \x1b\\ | \x9c )?
    | \x1b [PX^_] [^\x1b]* (?: \x1b\\ )?
    | \x1b [ -/]* [0-~]
    | (?P<control> [\r\b\t] )
    | (?P<text> [^\x00-\x1f\x7f-\x9f]+ )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)

_MOVING = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|[^\r]*\r(?=[^\r\n])"
)
"""Escape sequences, and what a return to the line's begin lets be written over."""


@dataclass(frozen=True)
class Pen:
    """What SGR set so far: attributes by their numbers, and colours as parameters (`31`, `38;5;208`)."""

    attributes: tuple[int, ...] = ()
    foreground: str = ""
    background: str = ""

    @property
    def style(self) -> str:
        """The name of the style; that of plain text where nothing is set."""
        parts = [*map(str, self.attributes), self.foreground, self.background]
        parameters = ";".join(part for part in parts if part)
        return f"{PREFIX}{parameters}" if parameters else "text"


PLAIN = Pen()
_ATTRIBUTES = (1, 2, 3, 4, 7, 9)
"""Bold, dim, italic, underlined, reversed, struck out. Blinking and hidden text is shown as it is."""
_ENDED_BY = {22: (1, 2), 23: (3,), 24: (4,), 27: (7,), 29: (9,)}


@lru_cache(maxsize=512)
def shown(line: str, pen: Pen = PLAIN) -> tuple[tuple[Span, ...], Pen]:
    """The line as spans, and the pen with which the next one begins.

    Args:
        line: as the job wrote it, without its line end.
        pen: what the line before left.
    """
    cells = _Cells()
    for piece in _PIECE.finditer(line[: 8 * MOST_COLUMNS].rstrip("\r\n")):
        kind = piece.lastgroup
        if kind == "sgr":
            pen = _after(pen, piece[0][2:-1])
        elif kind == "erase":
            cells.erase(piece[0][2:-1])
        elif kind == "control":
            cells.move(piece[0])
        elif kind == "text":
            for character in clean(piece[0], 8 * MOST_COLUMNS):
                cells.write(character, pen.style)
    return cells.spans(), pen


@lru_cache(maxsize=4096)
def searched(line: str) -> str:
    """The line's text for a search, without its colours and what was written over."""
    return _MOVING.sub("", line[: 8 * MOST_COLUMNS]) if "\x1b" in line or "\r" in line else line


class _Cells:
    """One line of a terminal: a character and its style a column; an empty text behind a wide one."""

    def __init__(self) -> None:
        self._cells: list[tuple[str, str]] = []
        self._at = 0

    def write(self, character: str, style: str) -> None:
        columns = width(character)
        if self._at + columns > MOST_COLUMNS:
            return
        if columns == 0:
            self._combine(character)
            return
        self._fill(self._at)
        for at in (self._at, self._at + columns):
            self._split(at)
        self._cells[self._at : self._at + columns] = [(character, style), *[("", style)] * (columns - 1)]
        self._at += columns

    def _combine(self, mark: str) -> None:
        at = self._at - 1
        while 0 <= at < len(self._cells) and not self._cells[at][0]:
            at -= 1
        if 0 <= at < len(self._cells) and len(self._cells[at][0]) < 8:
            self._cells[at] = (self._cells[at][0] + mark, self._cells[at][1])

    def _fill(self, upto: int) -> None:
        self._cells += [(" ", "text")] * (upto - len(self._cells))

    def _split(self, at: int) -> None:
        """A wide character loses its other half when one of its columns is written over."""
        if 0 < at < len(self._cells) and not self._cells[at][0]:
            self._cells[at - 1 : at + 1] = [(" ", "text")] * 2

    def move(self, control: str) -> None:
        if control == "\r":
            self._at = 0
        elif control == "\b":
            self._at = max(0, self._at - 1)
        else:
            self._at = min(MOST_COLUMNS, (self._at // _TAB + 1) * _TAB)

    def erase(self, which: str) -> None:
        """EL: from the cursor on (0), up to it (1), all of it (2)."""
        upto = len(self._cells) if which == "2" else min(self._at + 1, len(self._cells))
        if which in ("1", "2"):
            self._split(upto)
            self._cells[:upto] = [(" ", "text")] * upto
        else:
            self._split(self._at)
            del self._cells[self._at :]

    def spans(self) -> tuple[Span, ...]:
        runs: list[tuple[list[str], str]] = []
        for character, style in self._cells:
            if runs and runs[-1][1] == style:
                runs[-1][0].append(character)
            else:
                runs.append(([character], style))
        return tuple(Span("".join(characters), style) for characters, style in runs)


def _after(pen: Pen, parameters: str) -> Pen:
    """The pen after an SGR sequence; what is not known is passed over."""
    given = [part.split(":") for part in parameters.split(";")]
    at = 0
    while at < len(given):
        number = _number(given[at][0])
        if number in (38, 48):
            color, at = _extended(given, at)
            if color and number == 38:
                pen = replace(pen, foreground=f"38;{color}")
            elif color:
                pen = replace(pen, background=f"48;{color}")
            continue
        pen = _with(pen, number)
        at += 1
    return pen


def _with(pen: Pen, number: int) -> Pen:
    attributes, foreground, background = pen.attributes, pen.foreground, pen.background
    if number == 0:
        return PLAIN
    if number in _ATTRIBUTES:
        attributes = tuple(sorted({*attributes, number}))
    elif number in _ENDED_BY:
        attributes = tuple(one for one in attributes if one not in _ENDED_BY[number])
    elif 30 <= number <= 37 or 90 <= number <= 97 or number == 39:
        foreground = "" if number == 39 else str(number)
    elif 40 <= number <= 47 or 100 <= number <= 107 or number == 49:
        background = "" if number == 49 else str(number)
    return Pen(attributes, foreground, background)


def _extended(given: list[list[str]], at: int) -> tuple[str, int]:
    """The colour behind 38 or 48 (`5;208`, `2;10;20;30`), and where the next parameter stands."""
    if len(given[at]) > 1:  # 38:5:208, or 38:2::10:20:30 with a colour space that nobody uses
        parts = given[at][1:]
        if parts[0] == "2" and len(parts) > 4:
            parts = [parts[0], *parts[2:5]]
        return _color(parts), at + 1
    mode = given[at + 1][0] if at + 1 < len(given) else ""
    length = {"5": 2, "2": 4}.get(mode, 1)
    return _color([part[0] for part in given[at + 1 : at + 1 + length]]), at + 1 + length


def _color(parts: list[str]) -> str:
    numbers = [_number(part) for part in parts]
    right = (len(numbers) == 2 and numbers[0] == 5) or (len(numbers) == 4 and numbers[0] == 2)
    if not right or any(not 0 <= number <= 255 for number in numbers):
        return ""
    return ";".join(map(str, numbers))


def _number(text: str) -> int:
    """An absent parameter is 0; one of many digits is none that means anything."""
    return int(text or 0) if len(text) <= 4 else -1
