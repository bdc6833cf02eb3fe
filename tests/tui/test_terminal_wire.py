"""Do the bytes of the wire turn one picture into the next, on a terminal that pyte plays?"""

from __future__ import annotations

import pyte
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfwatch.text import width
from perfwatch.tui.draw.row import Row, Span
from perfwatch.tui.wire import Wire

COLUMNS, LINES = 24, 3
CODES = {"text": "", "warn": "1;31", "value": "32", "title": "7", "selected": "44;4"}
PIECES = ["a", "b", " ", "7", "⣿", "│", "é", "漢", "字", "Ａ", "e\u0301", "a\u0308\u0323", "漢\u0301", "한"]

texts = st.lists(st.sampled_from(PIECES), min_size=0, max_size=12).map("".join)
spans = st.builds(Span, texts, st.sampled_from(sorted(CODES)))


def _row(parts: list[Span]) -> Row:
    """Exactly as wide as the terminal, as every screen's rows are."""
    room, kept = COLUMNS, []
    for text, style in parts:
        fits = ""
        for character in text:
            if width(fits + character) > room:
                break
            fits += character
        if fits:
            kept.append(Span(fits, style))
            room -= width(fits)
    return (*kept, Span(" " * room, "text")) if room else tuple(kept)


def _changed(row: Row, at: int, text: str) -> Row:
    """The same row with one span's text replaced: what a frame most often does."""
    parts = list(row)
    place = at % len(parts)
    parts[place] = Span(text, parts[place].style)
    return _row(parts)


rows = st.lists(spans, max_size=5).map(_row)
pictures = st.lists(rows, min_size=LINES, max_size=LINES)


@st.composite
def _successors(draw: st.DrawFn) -> list[list[Row]]:
    """A picture and some that follow it: rows that stay, rows of which a span changes, new ones."""
    shown = [draw(pictures)]
    for _ in range(draw(st.integers(1, 3))):
        following = []
        for row in shown[-1]:
            kind = draw(st.sampled_from(["same", "span", "new"]))
            if kind == "same":
                following.append(row)
            elif kind == "span":
                following.append(_changed(row, draw(st.integers(0, 9)), draw(texts)))
            else:
                following.append(draw(rows))
        shown.append(following)
    return shown


def _screen() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(COLUMNS, LINES)
    screen.reset_mode(pyte.modes.DECAWM)  # the driver turns wrapping off
    return screen, pyte.Stream(screen)


def _cells(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    return [[tuple(screen.buffer[y][x]) for x in range(COLUMNS)] for y in range(LINES)]


def _painted_anew(picture: list[Row]) -> list[list[tuple[object, ...]]]:
    """The picture written span by span, without anything clever."""
    screen, stream = _screen()
    for y, row in enumerate(picture):
        stream.feed(f"\x1b[{y + 1};1H")
        for text, style in row:
            stream.feed(f"\x1b[0m\x1b[{CODES[style] or 0}m{text}")
    return _cells(screen)


def _row_of(*parts: tuple[str, str]) -> Row:
    return _row([Span(*part) for part in parts])


@settings(max_examples=400, deadline=None)
@given(_successors())
@example([[_row_of(("漢漢", "text"))] * LINES, [_row_of((" 漢 ", "text"))] * LINES])
@example(
    [[_row_of(("ab", "text"), ("漢", "warn"))] * LINES, [_row_of(("a", "text"), ("漢b", "warn"))] * LINES]
)
@example([[_row_of(("e\u0301x", "text"))] * LINES, [_row_of(("ex", "text"))] * LINES])
@example([[_row_of(("x" * COLUMNS, "text"))] * LINES, [_row_of(("x" * (COLUMNS - 1) + "y", "text"))] * LINES])
def test_the_bytes_turn_each_picture_into_the_next_styles_included(shown: list[list[Row]]) -> None:
    wire = Wire(CODES.__getitem__)
    screen, stream = _screen()
    for picture in shown:
        stream.feed(wire.paint(picture))
        assert _cells(screen) == _painted_anew(picture)


@given(pictures)
def test_the_same_picture_again_costs_no_byte(picture: list[Row]) -> None:
    wire = Wire(CODES.__getitem__)
    wire.paint(picture)
    assert wire.paint([tuple(Span(*span) for span in row) for row in picture]) == ""


def test_one_changed_digit_costs_a_cursor_position_and_little_more() -> None:
    wire = Wire(CODES.__getitem__)
    wire.paint([_row_of(("power 61.0 W", "value"))])
    text = wire.paint([_row_of(("power 61.5 W", "value"))])
    assert text == "\x1b[1;10H\x1b[0;32m5\x1b[0m"


def test_a_style_without_codes_gets_the_terminals_own_back() -> None:
    wire = Wire(CODES.__getitem__)
    wire.paint([_row_of(("hot", "warn"))])
    screen, stream = _screen()
    stream.feed(wire.paint([_row_of(("hot", "text"))]))
    assert [screen.buffer[0][x].fg for x in range(3)] == ["default"] * 3
