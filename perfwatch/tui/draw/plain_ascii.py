"""How does a row look where there is ASCII only? Each character by a plain one of the same width."""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch.text import to_ascii, width
from perfwatch.tui.draw.row import Row, Span

_OURS = str.maketrans(
    {
        "…": "~",
        "°": " ",
        "±": "+",
        "→": ">",
        "≥": ">",
        "≤": "<",
        "─": "-",
        "━": "-",
        "═": "-",
        "│": "|",
        "┃": "|",
        "║": "|",
        "├": "|",
        "└": "`",
        "╰": "`",
        "╭": ".",
        "╮": ".",
        "╯": "'",
        "█": "#",
        "▉": "#",
        "▊": "#",
        "▋": "#",
        "▌": "#",
        "▍": "+",
        "▎": "-",
        "▏": "-",
        "▓": "#",
        "▒": "+",
        "░": ".",
        "•": "*",
        "●": "*",
        "○": "o",
        "✓": "+",
        "✗": "x",
        "▸": ">",
        "€": "E",
    }
)
"""Signs for which `to_ascii` has several characters, or none."""


def ascii_text(text: str) -> str:
    """The text in ASCII, as wide as before."""
    if text.isascii():
        return text
    return "".join(map(_ascii_character, text.translate(_OURS)))


def _ascii_character(character: str) -> str:
    if character.isascii():
        return character
    columns = width(character)
    return to_ascii(character)[:columns].ljust(columns)


def ascii_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows in ASCII, as wide as before."""
    return [tuple(Span(ascii_text(span.text), span.style) for span in row) for row in rows]
