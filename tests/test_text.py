"""Text from outside on a terminal: harmless, bounded, measured in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.text import GLUE, clean, pad, shorten, to_ascii, width, wrap


@pytest.mark.parametrize(
    ("outside", "safe"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("a\nb\tc\rd", "a b c d"),
        ("bell\x07null\x00", "bell?null?"),
        ("right\u202eleft", "right?left"),
        ("zero\u200bwidth", "zero?width"),
        ("half \ud800 pair", "half ? pair"),
        ("가속기", "가속기"),
        (42, "42"),
    ],
)
def test_a_text_from_outside_cannot_steer_the_terminal(outside, safe):
    assert clean(outside) == safe


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_cleaned_text_is_printable_and_bounded(text, limit):
    safe = clean(text, limit)
    assert len(safe) <= limit
    assert "\x1b" not in safe
    assert all(character.isprintable() for character in safe)
    assert "\n" not in safe


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("리벨리온", 8), ("e\u0301", 1), ("±–µ", 3), ("", 0)]
)
def test_width_counts_terminal_columns(text, columns):
    assert width(text) == columns


def test_padding_goes_by_columns():
    assert pad("리벨", 6) == "리벨  "
    assert pad("12", 4, right=True) == "  12"
    assert pad("long", 2) == "long"


def test_what_is_too_long_ends_in_an_ellipsis():
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("리벨리온", 5) == "리벨…"
    assert shorten("abc", 3) == "abc"
    assert shorten("abc", 0) == ""


def test_lines_break_at_blanks_and_never_inside_what_is_glued():
    assert wrap("one two three", 8) == ["one two", "three"]
    assert wrap(f"max 6.1{GLUE}kW there", 8) == ["max", "6.1 kW", "there"]
    assert wrap("one two three", 8, first=3) == ["one", "two", "three"]
    assert wrap(f"at 30{GLUE}000{GLUE}kWh", 6) == ["at", "30 000", "kWh"]
    assert wrap(f"19 / 68{GLUE}912{GLUE}tokens", 12) == ["19 / 68 912", "tokens"]
    assert wrap("abcdefgh ij", 3) == ["abc", "def", "gh", "ij"]
    assert wrap("", 8) == []


@given(st.text(alphabet="ab 리\u0301", max_size=80), st.integers(min_value=2, max_value=20))
def test_wrapping_loses_nothing_and_keeps_to_the_width(text, columns):
    lines = wrap(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= columns for line in lines)


def test_ascii_keeps_the_sense_of_our_own_signs():
    assert to_ascii("361 ± 2 kJ – 8 × 2.50 €, µs, café, 리") == "361 +- 2 kJ - 8 x 2.50 EUR, us, cafe, ?"
