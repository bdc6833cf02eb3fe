"""Is what the terminal shows what was meant, whatever lay over it and however its size changed?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

import pytest
from terminal import Terminal, assert_clean

STAGE = Path(__file__).with_name("terminal_stage.py")
HOW = pytest.mark.parametrize("how", ["direct", "ahead", "composed"])


@contextmanager
def staged(directory: Path, how: str, size: tuple[int, int] = (100, 30)) -> Iterator[Terminal]:
    """A dashboard whose frames change ten times a second."""
    with Terminal([sys.executable, str(STAGE), str(directory), how], dict(os.environ), size) as terminal:
        terminal.wait_for("Board")
        yield terminal
        terminal.type("q")
        assert terminal.wait() == 0
        assert_clean(terminal)


def assert_as_meant(terminal: Terminal, directory: Path) -> None:
    """Let the frames stand still: each cell shows what the last of them says; then let them go on."""
    (directory / "still").touch()
    terminal.until(lambda: as_meant(terminal, directory), f"the picture of {directory / 'meant'}")
    (directory / "still").unlink()


def as_meant(terminal: Terminal, directory: Path) -> bool:
    """Whether the terminal shows the picture of its own size that was written down last."""
    try:
        meant = json.loads((directory / "meant").read_text())
    except FileNotFoundError:  # the first picture is painted before it is written down
        return False
    _, lines = terminal.size
    return len(meant) == lines and terminal.lines == [normalize("NFC", line) for line in meant]


@HOW
def test_every_screen_is_shown_as_meant(how: str, tmp_path: Path) -> None:
    with staged(tmp_path, how) as terminal:
        for key in "1234567":
            terminal.type(key)
            assert_as_meant(terminal, tmp_path)


@HOW
def test_after_each_change_of_size_all_is_as_meant(how: str, tmp_path: Path) -> None:
    with staged(tmp_path, how) as terminal:
        for size in [(130, 45), (60, 15), (1, 1), (40, 12), (200, 60), (2, 3), (100, 30)]:
            terminal.resize(*size)
            assert_as_meant(terminal, tmp_path)


@HOW
def test_a_storm_of_changes_of_size_ends_as_meant(how: str, tmp_path: Path) -> None:
    with staged(tmp_path, how) as terminal:
        for step in range(50):
            terminal.resize(20 + 3 * (step * 7 % 50), 5 + step * 11 % 40)
        terminal.resize(90, 25)
        assert_as_meant(terminal, tmp_path)


@HOW
@pytest.mark.parametrize(
    ("opens", "shows"),
    [("?", "shift+tab"), ("t", "monochrome"), ("/", "empty shows all"), ("\x10", "Search")],
    ids=["help", "themes", "filter", "palette"],
)
def test_what_was_covered_is_as_meant_again(how: str, opens: str, shows: str, tmp_path: Path) -> None:
    with staged(tmp_path, how) as terminal:
        terminal.type(opens)
        terminal.wait_for(shows)
        terminal.resize(110, 33)
        terminal.wait_for(shows)
        terminal.type("\x1b")
        terminal.wait_without(shows)
        assert_as_meant(terminal, tmp_path)
        terminal.type("1")
        assert_as_meant(terminal, tmp_path)


@HOW
def test_a_filter_that_was_typed_is_shown_as_meant(how: str, tmp_path: Path) -> None:
    with staged(tmp_path, how) as terminal:
        terminal.type("/")
        terminal.wait_for("empty shows all")
        terminal.type("nothing has this\r")
        terminal.wait_for("/nothing has")
        assert_as_meant(terminal, tmp_path)
