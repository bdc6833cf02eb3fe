"""What becomes of the values that a collector hands over: numbers, what is like one, and what is none."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from perfwatch.model import Buckets, Histogram, Sample
from perfwatch.rounding import TEXT_CHARACTERS, Rounding, plain


def rounded(value: Any) -> tuple[Any, int]:
    """What is recorded for one value, and how many were rejected."""
    rounding = Rounding()
    (found,) = rounding.values(Sample("a", plain((value,))))
    return found, rounding.rejected


class Watts(float):
    """Like numpy.float64: a float of another type."""


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        (1.23456789, 1.234568),
        (Watts(1.23456789), 1.234568),
        (Decimal("42.5"), 42.5),
        (Fraction(1, 4), 0.25),
        (7, 7),
        (True, 1),
        (None, None),
        ("P0", "P0"),
    ],
)
def test_a_number_is_taken_whatever_its_type(value: Any, recorded: Any) -> None:
    assert rounded(value) == (recorded, 0)
    assert type(rounded(value)[0]) is type(recorded)


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -1e18,
        2**64 - 1,
        -(2**70),
        b"42",
        object(),
        [42.0],
        Decimal("sNaN"),
        Decimal("1e30"),
    ],
)
def test_what_is_no_believable_number_is_null_and_counted(value: Any) -> None:
    assert rounded(value) == (None, 1)


def test_a_text_is_cut_so_that_no_line_of_the_session_is_too_long_to_be_read() -> None:
    found, _ = rounded("x" * 50_000_000)
    assert found == "x" * TEXT_CHARACTERS


def test_histograms_are_recorded_as_objects() -> None:
    found, rejected = rounded(Histogram(n=1, sum=0.1234567891, min=0.1, max=0.1, buckets={-5: 1}))
    assert (found["sum"], found["b"], rejected) == (0.123456789, [[-5, 1]], 0)
    assert rounded(Buckets(counts=(0, 5), sum=1.25)) == ({"counts": [0, 5], "sum": 1.25}, 0)
