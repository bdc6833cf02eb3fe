"""Does each screen still show what it showed, at two sizes, of the recorded demo? Texts and styles.

`PERFWATCH_SNAPSHOTS=write pytest tests/tui/test_snapshots.py` writes them anew; the difference in git is then
to be read as any other change.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from itertools import groupby

import pytest
from recorded import DATA, drawn, mixed

from perfwatch.text import width
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.themes import ROLES
from perfwatch.tui.view import SCREENS, View

SIZES = ((80, 22), (120, 38))
"""Of terminals of 24 and 40 lines, of which the first and the last are not the screen's."""
VIEWS = {**{screen: View(screen) for screen in SCREENS}, "device": View("devices", zoom="simulated:6")}
IS_WRITING = os.environ.get("PERFWATCH_SNAPSHOTS") == "write"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1] + 2}")
@pytest.mark.parametrize("name", [*VIEWS, "mixed"])
def test_the_screen_shows_what_it_showed(name: str, size: tuple[int, int]) -> None:
    _, rows = mixed(size) if name == "mixed" else drawn(VIEWS[name], size)
    assert [sum(width(span.text) for span in row) for row in rows] == [size[0]] * size[1]
    file = DATA / f"{name}-{size[0]}x{size[1] + 2}.txt"
    now = _written(rows)
    if IS_WRITING:
        file.write_text(now, "utf-8")
    before = file.read_text("utf-8")
    if now != before:
        lines = difflib.unified_diff(
            before.splitlines(), now.splitlines(), "as kept", "as drawn", lineterm="", n=0
        )
        pytest.fail("\n".join(lines), pytrace=False)


@pytest.mark.parametrize("name", VIEWS)
def test_every_style_is_a_role_of_the_theme(name: str) -> None:
    _, rows = drawn(VIEWS[name], SIZES[1])
    assert {span.style for row in rows for span in row if not span.style.startswith("ansi:")} <= set(ROLES)


@pytest.mark.parametrize("name", VIEWS)
def test_ascii_alone_says_the_same_in_as_many_columns(name: str) -> None:
    _, rows = drawn(VIEWS[name].with_(ascii=True), SIZES[1])
    assert all(plain(row).isascii() for row in rows)
    assert [len(plain(row)) for row in rows] == [SIZES[1][0]] * SIZES[1][1]


def _written(rows: Sequence[Row]) -> str:
    """The texts, each line between bars; then the styles of each line and how many columns they have."""
    texts = [f"|{plain(row)}|" for row in rows]
    return "\n".join([*texts, "", *(_styles(row) for row in rows), ""])


def _styles(row: Row) -> str:
    runs = groupby((span for span in row if span.text), key=lambda span: span.style)
    return " ".join(f"{style}:{sum(width(span.text) for span in spans)}" for style, spans in runs)
