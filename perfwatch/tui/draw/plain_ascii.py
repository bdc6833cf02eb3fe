"""How does a row look where there is ASCII only? Each character by a plain one of the same width."""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch.text import to_ascii, width
from perfwatch.tui.draw.row import Row, Span

_OURS = str.maketrans(
    {
        "…": "~",
        "°": " ",
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
        "▔": "-",
        "▁": "_",
        "🔎": "> ",
    }
)
"""Signs for which `to_ascii` has several characters where one is wanted, or none."""


def ascii_text(text: str) -> str:
    """The text in ASCII, as wide as before: a longer form takes the blanks beside it, or is cut."""
    if text.isascii():
        return text
    text = text.translate(_OURS)
    found = "".join(_as_wide(character) for character in text)
    longer = to_ascii(text).replace("+- ", "+-") if any(sign in text for sign in _LONGER) else found
    spare = len(longer) - len(found)
    if spare == 0 or (spare > 0 and longer.startswith(" " * (spare + 1))):
        return longer[spare:]
    return longer + " " * -spare if spare < 0 else found


def _as_wide(character: str) -> str:
    if character.isascii():
        return character
    columns = width(character)
    return to_ascii(character)[:columns].ljust(columns)


_LONGER = "±€£¥₩₹≥≤→"
"""Signs that are several characters in ASCII."""


def ascii_rows(rows: Sequence[Row]) -> list[Row]:
    """The rows in ASCII, as wide as before."""
    return [tuple(Span(ascii_text(span.text), span.style) for span in row) for row in rows]
