"""What number a text of an output means: units, spellings of nothing, limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perfwatch_collectors.described.values import FACTORS, Reading, combined, factor_of

from perfwatch.model import Unit


@pytest.mark.parametrize(
    ("unit", "told", "text", "value"),
    [
        (Unit.WATT, "", "226 W", 226.0),
        (Unit.WATT, "uW", "37257088uW", 37.257088),
        (Unit.WATT, "uW", "37257088", 37.257088),
        (Unit.WATT, "mW", "12.5 W", 12.5),
        (Unit.WATT, "", "12479mW", 12.479),
        (Unit.WATT, "", " 16.0", 16.0),
        (Unit.WATT, "", "173 Watts", 173.0),
        (Unit.WATT, "", "1.2e3", 1200.0),
        (Unit.WATT, "", "0x10", 16.0),
        (Unit.WATT, "", 42, 42.0),
        (Unit.WATT, "", "1,250.5 W", 1250.5),
        (Unit.WATT, "uW", "41,250,000", 41.25),
        (Unit.CELSIUS, "", "55 degC", 55.0),
        (Unit.CELSIUS, "degC", "55", 55.0),
        (Unit.JOULE, "mJ", "5000", 5.0),
        (Unit.JOULE, "", "2 kWh", 7.2e6),
        (Unit.JOULE, "uJ", 7, 7e-6),
        (Unit.JOULE, "kwh", "2", 7.2e6),
        (Unit.JOULE, "", "1.5 KWH", 5.4e6),
        (Unit.JOULE, "wh", "1", 3600.0),
        (Unit.JOULE, "kj", "3", 3000.0),
        (Unit.JOULE, "MJ", "3", 3e6),
        (Unit.JOULE, "mJ", "3", 3e-3),
        (Unit.BYTE, "", "768MiB", 768 * 2**20),
        (Unit.BYTE, "", "512Mib", 512 * 2**20),
        (Unit.BYTE, "", "3.5GiB", 3.5 * 2**30),
        (Unit.BYTE, "", "32692 MB", 32692e6),
        (Unit.BYTE, "KiB", "100", 102400.0),
        (Unit.HERTZ, "", "1330MHz", 1330e6),
        (Unit.HERTZ, "MHz", "825", 825e6),
        (Unit.CELSIUS, "", "40.98°C", 40.98),
        (Unit.CELSIUS, "", "29C", 29.0),
        (Unit.CELSIUS, "mC", "51312", 51.312),
        (Unit.CELSIUS, "", "-5 C", -5.0),
        (Unit.RATIO, "%", "99.96", 0.9996),
        (Unit.RATIO, "", "98%", 0.98),
        (Unit.RATIO, "‰", "774", 0.774),
        (Unit.RATIO, "", "0.5", 0.5),
        (Unit.COUNT, "", "3 errors", 3.0),
        (Unit.COUNT, "", True, 1.0),
    ],
)
def test_a_text_is_a_number_in_the_unit_of_its_metric(unit, told, text, value):
    assert Reading(unit, told).value(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "-",
            "--",
            "N/A",
            "n/a",
            "[N/A]",
            "[Not Supported]",
            "Not Supported",
            "None",
            "null",
            "nan",
        ),
        *(
            "ERR!",
            "[Unknown Error]",
            "unknown",
            None,
            [],
            {},
            "off",
            "12 V",
            "12 XW",
            "12,5 W",
            "0,250 W",
            "1,250 W",
            "1,25,000 W",
            True,
            "107 W/ 250 W",
        ),
        *("inf", "-inf", "1e999", "5 C", "12 W 3"),
    ],
)
def test_what_is_not_known_or_in_another_unit_is_no_number(text):
    assert Reading(Unit.WATT).value(text) is None


def test_what_a_description_calls_missing_is_missing():
    reading = Reading(Unit.WATT, missing=frozenset({"9223372036854775794", "-1", "off"}), least=-math.inf)
    assert [reading.value(text) for text in ("9223372036854775794", "-1", "-1 W", "off")] == [None] * 4
    assert reading.value("-2") == -2.0


def test_a_zero_may_be_a_failed_reading():
    assert Reading(Unit.WATT).value("0 W") == 0.0
    assert Reading(Unit.WATT, zero_is_missing=True).value("0.0 W") is None


def test_beyond_its_limits_nothing_is_believed():
    reading = Reading(Unit.WATT, least=1.0, most=1000.0)
    assert [reading.value(text) for text in ("0.5", "1", "1000", "1000.1")] == [None, 1.0, 1000.0, None]


def test_a_factor_comes_on_top_of_the_unit():
    assert Reading(Unit.WATT, "mW", factor=10.0).value("250") == 2.5


@pytest.mark.parametrize(
    ("how", "value"), [("first", 3.0), ("sum", None), ("mean", 2.0), ("max", 3.0), ("min", 1.0)]
)
def test_one_value_is_made_of_several(how, value):
    assert combined([None, 3.0, 1.0, 2.0], how) == value
    assert combined([3.0, 1.0, 2.0], "sum") == 6.0
    assert combined([None, None], how) is None
    assert combined([], how) is None


def test_units_of_other_quantities_are_never_taken():
    for unit, words in FACTORS.items():
        for other in set(FACTORS) - {unit}:
            for word in words:
                if factor_of(word, other) is not None:
                    assert word in ("", "1"), f"{word!r} is of {unit.value} and of {other.value}"


@given(st.floats(min_value=0, max_value=1e9), st.sampled_from(["W", "mW", "uW", "kW"]))
def test_a_written_number_comes_back_whatever_the_description_says(number, word):
    told = Reading(Unit.WATT, "uW").value(f"{number!r} {word}")
    assert told == pytest.approx(number * FACTORS[Unit.WATT][word])


@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    value = Reading(Unit.BYTE, least=-math.inf).value(text)
    assert value is None or math.isfinite(value)


@pytest.mark.parametrize(
    ("comma", "text", "value"),
    [
        ("decimal", "0,250 W", 0.25),
        ("decimal", "1.234,5 W", 1234.5),
        ("decimal", "12 W", 12.0),
        ("decimal", "12.5 W", None),
        ("thousands", "1,250 W", 1250.0),
        ("thousands", "12.5 W", 12.5),
        ("thousands", "12,5 W", None),
    ],
)
def test_what_a_comma_is_may_be_said(comma, text, value):
    assert Reading(Unit.WATT, comma=comma).value(text) == value
