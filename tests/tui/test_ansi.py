"""The job's own colours, and nothing else that it sends to a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.text import width
from perfwatch.tui.draw.ansi import MOST_COLUMNS, PLAIN, searched, shown
from perfwatch.tui.draw.row import Span


def text(line: str) -> str:
    return "".join(span.text for span in shown(line)[0])


def spans(line: str) -> list[tuple[str, str]]:
    return [tuple(span) for span in shown(line)[0]]


def test_colours_become_styles_named_by_their_parameters():
    assert spans("a \x1b[1;31mred\x1b[0m b") == [("a ", "text"), ("red", "ansi:1;31"), (" b", "text")]


@pytest.mark.parametrize(
    ("sequence", "style"),
    [
        ("\x1b[38;5;208m", "ansi:38;5;208"),
        ("\x1b[38:5:208m", "ansi:38;5;208"),
        ("\x1b[38;2;1;2;3m", "ansi:38;2;1;2;3"),
        ("\x1b[38:2::1:2:3m", "ansi:38;2;1;2;3"),
        ("\x1b[48;5;4;1m", "ansi:1;48;5;4"),
        ("\x1b[97;44m", "ansi:97;44"),
        ("\x1b[1m\x1b[22;4m", "ansi:4"),
        ("\x1b[31;42m\x1b[39m", "ansi:42"),
        ("\x1b[31m\x1b[m", "text"),
        ("\x1b[5;8m", "text"),  # blinking and hidden
        ("\x1b[38;5;999m", "text"),
        ("\x1b[38m", "text"),
        ("\x1b[99999999999999999999m", "text"),
    ],
)
def test_the_sequence_gives_the_style(sequence, style):
    assert shown(f"{sequence}x")[0] == (Span("x", style),)


def test_a_colour_goes_on_in_the_next_line_until_it_is_ended():
    _, pen = shown("\x1b[32mfirst")
    rest, pen = shown("second\x1b[0m", pen)
    assert rest == (Span("second", "ansi:32"),)
    assert pen == PLAIN


def test_a_progress_bar_shows_its_last_state():
    assert text("  1%|#     |\r 50%|###   |\r100%|######|\r\n") == "100%|######|"


def test_what_a_shorter_overwrite_leaves_stays_unless_it_was_erased():
    assert text("downloading\rdone") == "doneloading"
    assert text("downloading\r\x1b[Kdone") == "done"
    assert text("abc\x1b[2K\rx") == "x  "
    assert text("abc\b\bX") == "aXc"


def test_tabs_stop_at_every_eighth_column():
    assert text("a\tb") == "a       b"


def test_a_wide_character_that_is_half_overwritten_leaves_a_blank():
    assert text("日本\rx") == "x 本"
    assert width(text("日本\rx")) == 4


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b]0;title\x07",
        "\x1b]52;c;ZXZpbA==\x1b\\",
        "\x1b]8;;http://example.org\x1b\\",
        "\x1b[2J\x1b[H",
        "\x1b[10A",
        "\x1b[?1049h",
        "\x1bc",
        "\x1bPq#0\x1b\\",
        "\x9b2J",
        "\x07\x00",
    ],
)
def test_everything_else_of_escapes_is_removed(hostile):
    assert text(f"a{hostile}b") == "ab"


def test_invisible_and_direction_changing_characters_are_shown_as_such():
    assert text("a\u202eb") == "a?b"


def test_a_line_without_end_is_cut():
    assert width(text("x" * 100_000)) <= MOST_COLUMNS


@given(st.text(alphabet="ab日é\u0301\r\b\t\x1b[];0123456789mKH\x9b\x07\u202e", max_size=60))
def test_whatever_comes_no_control_character_is_left_and_styles_hold_digits_alone(line):
    for span in shown(line)[0]:
        assert span.text.isprintable()
        assert span.style == "text" or set(span.style.removeprefix("ansi:")) <= set("0123456789;")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m rose", "red rose"),
        (" 1%|#  |\r99%|###|\r\n", "99%|###|"),
        ("\x1b]0;title\x07text", "text"),
    ],
)
def test_a_search_sees_the_text_without_its_escapes(line, found):
    assert searched(line).strip() == found.strip()
