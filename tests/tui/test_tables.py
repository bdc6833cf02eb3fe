"""Columns that give way, rows in sight, labels in little room, and ASCII of the same width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.text import width
from perfwatch.tui.draw.labels import labels_in
from perfwatch.tui.draw.plain_ascii import ascii_text
from perfwatch.tui.draw.row import Span, plain
from perfwatch.tui.draw.table import Column, heading, ordered, placed, row, window

COLUMNS = (
    Column("a", "A", 5, right=False, most=9),
    Column("b", "B", 5, rank=2),
    Column("c", "C", 5, rank=1),
    Column("d", "D", 5, right=False, most=30),
)


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        (10, {"a": 5, "d": 5}),
        (17, {"a": 5, "c": 5, "d": 5}),
        (23, {"a": 5, "b": 5, "c": 5, "d": 5}),
        (26, {"a": 8, "b": 5, "c": 5, "d": 5}),
        (40, {"a": 9, "b": 5, "c": 5, "d": 18}),
        (90, {"a": 9, "b": 5, "c": 5, "d": 30}),
    ],
)
def test_the_least_important_columns_give_way_and_the_rest_grows(room, widths):
    assert {column.key: columns for column, columns in placed(COLUMNS, room)} == widths


def test_numbers_stand_under_the_right_end_of_their_title():
    columns = placed(COLUMNS, 23)
    cells = {"a": Span("x\x1b[2J"), "b": Span("12"), "c": Span("1234567"), "d": Span("日本語日本語")}
    assert plain(heading(columns, 23, "-b")) == "A        B▴     C D    "
    assert plain(row(columns, 23, cells)) == "x        12 1234… 日本…"


def test_the_rows_in_sight_hold_the_selected_one():
    assert window(5, 4, 10) == (0, 5)
    assert window(100, 0, 10) == (0, 10)
    assert window(100, 50, 10) == (41, 51)
    assert window(100, 999, 10) == (90, 100)
    assert window(3, 1, 0)[0] == window(3, 1, 0)[1]


def test_what_is_unknown_comes_last_either_way():
    def itself(value: int | None) -> int | None:
        return value

    assert ordered([2, None, 3], itself, largest_first=True, turned=False) == [3, 2, None]
    assert ordered([2, None, 3], itself, largest_first=True, turned=True) == [2, 3, None]


def test_labels_become_shorter_with_the_room():
    labels = [f"nvidia:{number}" for number in (0, 1, 2, 5)]
    assert labels_in(labels, 30) == "nvidia:0-2, nvidia:5"
    assert labels_in(labels, 12) == "4 devices"
    assert labels_in(labels, 5) == "4 dev"


@given(st.text(alphabet="aé日▁█…°±µ├─│⣿\u0301–", max_size=20))
def test_ascii_is_as_wide_as_what_it_stands_for(text):
    plainly = ascii_text(text)
    assert plainly.isascii()
    assert len(plainly) == width(text)
