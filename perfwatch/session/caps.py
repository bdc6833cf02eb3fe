"""How long may a line of a session become that a plugin fills? So long as docs/session-format.md says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import islice
from typing import Any

TEXT_CHARACTERS = 1000
"""A text that is longer is cut, and ends in an ellipsis."""
TRACEBACK_CHARACTERS = 4000
TABLE_ROWS = 4096
TABLE_COLUMNS = 256
ENTRIES = 4096
"""Of a list or an object inside an event, or inside a cell of a table."""
DEPTH = 8
"""Lists and objects that are nested deeper are recorded as their text."""


def capped_text(text: str, most: int = TEXT_CHARACTERS) -> str:
    """The text as a plain string of at most so many characters."""
    if len(text) <= most:
        return str.__getitem__(text, slice(None))
    return str.__getitem__(text, slice(most - 1)) + "…"


def capped(value: Any, depth: int = DEPTH) -> Any:
    """A value of an event or a table: long texts and long lists are cut, what JSON does not know is text."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return capped_text(value)
    if depth > 0 and isinstance(value, Mapping):
        pairs = islice(value.items(), ENTRIES)
        return {capped_text(str(key)): capped(one, depth - 1) for key, one in pairs}
    if depth > 0 and isinstance(value, (list, tuple, Set)):
        return [capped(one, depth - 1) for one in islice(value, ENTRIES)]
    return capped_text(str(value))


def capped_row(row: Iterable[Any]) -> list[Any]:
    """A row of a table, or its columns."""
    return [capped(cell) for cell in islice(row, TABLE_COLUMNS)]


def capped_rows(rows: Iterable[Iterable[Any]]) -> tuple[list[list[Any]], bool]:
    """The rows of a table, and whether there were more of them."""
    left = iter(rows)
    taken = [capped_row(row) for row in islice(left, TABLE_ROWS)]
    return taken, next(left, None) is not None
