"""How text is made safe for a terminal and measured in its columns.

Text from outside (names, paths, messages) is data: it never moves the cursor, colours or reorders what
stands beside it, and it cannot grow without bound.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator

GLUE = "\N{NO-BREAK SPACE}"
"""A blank at which `wrap` does not break; it comes out as a plain one."""
_NOT_IN_NUMBERS = re.compile(rf"(?<!\d){GLUE}|{GLUE}(?!\d)")
"""Glue between words; that between groups of digits holds."""

_TRANSLATED = {
    "–": "-",
    "—": "-",
    "±": "+-",
    "°": "",
    "×": "x",
    "·": "*",
    "µ": "u",
    "μ": "u",
    "…": "...",
    "’": "'",
    "“": '"',
    "”": '"',
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₩": "KRW",
    "₹": "INR",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    GLUE: " ",
}
_ASCII = str.maketrans(_TRANSLATED)
_NARROW = re.compile("[\x20-\x7e\xa0-\xac\xae-\u02ff\u2013-\u2026\u2190-\u2193\u2500-\u259f\u2800-\u28ff]*")
"""Signs of one column each that a screen is full of: Latin, dashes, arrows, boxes, blocks, braille."""
_ESCAPE_SEQUENCE = re.compile(
    r"""
    (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]          # CSI: colours, cursor
    | (?: \x1b\] | \x9d ) [^\x07\x1b\x9c]* (?: \x07 | \x1b\\ | \x9c )?   # OSC: titles, links, clipboard
    | \x1b [PX^_] [^\x1b]* (?: \x1b\\ )?             # DCS, SOS, PM, APC
    | \x1b [ -/]* [0-~]                              # two-character escapes
    """,
    re.VERBOSE,
)


def clean(text: object, limit: int = 500) -> str:
    """One safe line of a text from outside, at most `limit` characters long.

    Escape sequences are removed, line ends and tabs become blanks, and whatever cannot be printed
    (controls, invisible and direction-changing characters, halves of pairs) becomes `?`.
    """
    raw = str(text)
    if raw.isascii() and raw.isprintable() and len(raw) <= limit:
        return raw
    safe = _ESCAPE_SEQUENCE.sub("", raw[: limit * 4])
    safe = "".join(_safe(character) for character in safe)
    return safe if len(safe) <= limit else safe[: max(limit - 1, 0)] + "…"


def from_system(text: str) -> str:
    """A text of the command line or the environment as Unicode: bytes that are no UTF-8 become U+FFFD.

    Python hides such bytes in halves of surrogate pairs, which no file and no terminal takes.
    """
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "replace")


def _safe(character: str) -> str:
    if character.isspace():
        return " "
    return character if character.isprintable() else "?"


def to_ascii(text: str) -> str:
    """The text in ASCII: our own signs by their plain forms, accents dropped, the rest as `?`."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKD", text.translate(_ASCII))
    text = "".join(character for character in text if not unicodedata.combining(character))
    # Composed again, so that a Korean syllable is one `?` and not one for each of its letters.
    return unicodedata.normalize("NFC", text).encode("ascii", "replace").decode("ascii")


def width(text: str) -> int:
    """Terminal columns of a text: East Asian wide characters take two, combining ones none."""
    if text.isascii() or is_narrow(text):
        return len(text)
    return sum(_columns(character) for character in text)


def is_narrow(text: str) -> bool:
    """Whether each character surely takes one column; other texts may have wide and combining ones."""
    return text.isascii() or _NARROW.fullmatch(text) is not None


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled with blanks to so many columns, on its right side or (`right`) on its left."""
    blanks = " " * max(columns - width(text), 0)
    return blanks + text if right else text + blanks


def shorten(text: str, columns: int, ellipsis: str = "…") -> str:
    """The text cut to so many columns, an ellipsis at its end where something was cut."""
    if width(text) <= columns:
        return text
    room = columns - width(ellipsis)
    return _head(text, room) + ellipsis if room >= 0 else _head(text, max(columns, 0))


def wrap(text: str, columns: int, *, first: int | None = None) -> list[str]:
    """Lines of at most so many columns; a longer word is split. `GLUE` holds words together.

    Args:
        first: columns of the first line, where it has fewer.
    """
    lines: list[str] = []
    room = columns if first is None else first
    line = ""
    for word in _words(text, columns):
        joined = f"{line} {word}" if line else word
        if width(joined) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
            room = columns
        *full, line = _pieces(word, room, columns)
        lines += full
        room = columns if full else room
    if line:
        lines.append(line)
    return [line.replace(GLUE, " ") for line in lines]


def _words(text: str, columns: int) -> Iterator[str]:
    """What is kept on one line; words glued to more than a line are separate ones, but never a number."""
    for word in filter(None, text.split(" ")):
        yield from filter(None, _NOT_IN_NUMBERS.split(word)) if width(word) > columns else (word,)


def _pieces(word: str, first: int, columns: int) -> list[str]:
    """A word cut so that its first piece has so many columns and the others fit a line."""
    pieces = []
    room = first
    while width(word) > room:
        head = _head(word, room) or word[0]
        pieces.append(head)
        word = word[len(head) :]
        room = columns
    return [*pieces, word]


def _head(text: str, columns: int) -> str:
    taken = 0
    for at, character in enumerate(text):
        taken += _columns(character)
        if taken > columns:
            return text[:at]
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest right one, else what there is."""
    there = {name.casefold(): name for name in sorted(known)}
    near = difflib.get_close_matches(word.casefold(), there, n=1, cutoff=0.6)
    if near:
        return f"did you mean {there[near[0]]}?"
    return f"there is {', '.join(there.values())}" if there else "there is none"
