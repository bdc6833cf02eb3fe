"""Quantities as people write and read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.errors import ConfigError
from perfwatch.text import to_ascii
from perfwatch.units import (
    currency_sign,
    format_count,
    format_duration,
    format_latency,
    format_memory,
    format_money,
    format_percent,
    format_quantity,
    format_rate,
    parse_accuracy,
    parse_duration,
    significant,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10.0),
        ("2m", 120.0),
        ("1h30m", 5400.0),
        ("1m 30s", 90.0),
        ("250 us", 250e-6),
        ("250µs", 250e-6),
        ("1", 1.0),
        (".5", 0.5),
        ("1e-1", 0.1),
        (" 3 s ", 3.0),
        ("0", 0.0),
        (5, 5.0),
        (0.25, 0.25),
        ("2d", 172800.0),
    ],
)
def test_a_duration_is_seconds_or_has_a_unit(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "5x",
        "-1",
        "1 2",
        "10s5",
        "nan",
        "inf",
        "1e400",
        "s",
        "1,5s",
        "٣s",
        True,
        None,
        -1.0,
        math.nan,
    ],
)
def test_what_is_no_duration_is_answered_with_an_example(text):
    with pytest.raises(ConfigError, match="500ms, 10s, 2m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "unit", "error", "text"),
    [
        (5840, "W", None, "5.84 kW"),
        (361_234, "J", 2_100, "361 ± 2 kJ"),
        (401_234, "J", 15_123, "401 ± 15 kJ"),
        (0.334123, "tok/J", 0.0021, "0.334 ± 0.002 tok/J"),
        (99_960, "J", 90, "99.96 ± 0.09 kJ"),
        (999.6, "W", None, "1.00 kW"),
        (999_960, "J", 90, "999.96 ± 0.09 kJ"),
        (999_999, "J", 90, "1.00000 ± 0.00009 MJ"),
        (12, "J", 30, "10 ± 30 J"),
        (0.8, "J", 3, "0.8 ± 3.0 J"),
        (1_234_567, "J", 0.001, "1.23 MJ"),
        (361_234, "J", 1e-28, "361 kJ"),
        (0.334, "tok/J", 1e-31, "0.334 tok/J"),
        (100, "J", 0.0, "100 J"),
        (100, "J", math.nan, "100 J"),
        (0, "W", None, "0 W"),
        (0.012, "W", None, "12.0 mW"),
        (0.00012, "queries/J", None, "0.000120 queries/J"),
        (123_456, "queries/J", None, "123 456 queries/J"),
        (-5.2, "W", None, "-5.20 W"),
        (850e6, "Hz", None, "850 MHz"),
        (999_400, "g", None, "999 kg"),
        (1.42e6, "g", None, "1.42 t"),
        (999_999, "g", None, "1.00 t"),
        (3.2e9, "g", 1e8, "3.20 ± 0.10 kt"),
        (None, "W", None, "–"),
        (math.nan, "W", None, "–"),
        (math.inf, "W", None, "–"),
    ],
)
def test_a_quantity_is_rounded_to_its_error_else_to_three_digits(value, unit, error, text):
    assert format_quantity(value, unit, error) == text


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_quantity_is_written_within_half_a_percent_and_never_as_zero(value):
    number, unit = format_quantity(value, "J").rsplit(" ", 1)
    factor = {"TJ": 1e12, "GJ": 1e9, "MJ": 1e6, "kJ": 1e3, "J": 1, "mJ": 1e-3, "µJ": 1e-6, "nJ": 1e-9}[unit]
    assert float(number.replace(" ", "")) * factor == pytest.approx(value, rel=0.0051)


@given(
    st.floats(min_value=-1e300, max_value=1e300),
    st.floats(min_value=0.0, max_value=1e300),
)
def test_a_quantity_with_any_error_can_be_written(value, error):
    assert format_quantity(value, "J", error).endswith("J")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (120_481, "120 481"),
        (120_481.5, "120 482"),
        (3.5, "3.5"),
        (0, "0"),
        (1e9, "1 000 000 000"),
        (None, "–"),
    ],
)
def test_counts_set_thousands_apart(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1949.2, "1 949 /s"), (3.333, "3.33 /s"), (0.0, "0 /s"), (1e-9, "1.00e-09 /s"), (None, "–")],
)
def test_rates_keep_three_digits_and_whole_thousands(value, text):
    assert format_rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0002388, "239 µs"),
        (0.5, "500 ms"),
        (1.234, "1.23 s"),
        (61.8, "61.8 s"),
        (119.94, "119.9 s"),
        (119.96, "2 min 00 s"),
        (723, "12 min 03 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (180_000, "2 d 2 h"),
        (0.0, "0 s"),
        (None, "–"),
    ],
)
def test_durations_are_written_as_people_say_them(value, text):
    assert format_duration(value) == text


def test_a_short_latency_never_reads_as_zero():
    assert format_latency(0.2388e-3) == "239 µs"
    assert format_latency(1e-6) == "1.00 µs"
    assert format_latency(0.212) == "212 ms"
    assert format_latency(1.35) == "1.35 s"
    assert format_latency(150.0) == "2 min 30 s"
    assert format_latency(None) == "–"


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (0.343, "USD", "0.343 $"),
        (2.85, "$", "2.85 $"),
        (0.00113, "EUR", "0.00113 €"),
        (7.97e-7, "EUR", "< 0.000001 €"),
        (1e-6, "EUR", "0.00000100 €"),
        (9.9999e-7, "EUR", "< 0.000001 €"),
        (1234.5, "EUR", "1 234.50 €"),
        (9.996, "CHF", "10.00 CHF"),
        (1343.4, "KRW", "1 343 ₩"),
        (0.02, "JPY", "< 1 ¥"),
        (0.0, "KRW", "0 ₩"),
        (2.85, None, "2.85"),
        (None, "USD", "–"),
    ],
)
def test_won_and_yen_have_no_decimals_and_small_amounts_are_not_zero(value, currency, text):
    assert format_money(value, currency) == text


def test_percentages_of_little_are_not_zero():
    assert [format_percent(ratio) for ratio in (0.004, 0.167, 0.9999, 1.0, 0.0, 0.00001, None)] == [
        "0.4 %",
        "17 %",
        "100 %",
        "100 %",
        "0 %",
        "0.001 %",
        "–",
    ]


def test_all_of_it_has_a_plain_ascii_form():
    texts = [
        format_quantity(361_234, "J", 2_100),
        format_latency(0.0002388),
        format_money(343.4, "KRW"),
        format_money(1.5, "EUR"),
        format_count(None),
        currency_sign("JPY"),
    ]
    assert [to_ascii(text) for text in texts] == ["361 +- 2 kJ", "239 us", "343 KRW", "1.50 EUR", "-", "JPY"]


def test_a_number_far_out_of_range_is_written_in_powers_of_ten():
    assert significant(1.5e15) == "1.50e+15"
    assert significant(1.2e-7) == "1.20e-07"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1023, "1023 B"),
        (512 << 20, "512 MiB"),
        (1023 << 20, "1023 MiB"),
        (85_520_809_984, "79.6 GiB"),  # an H100 80GB, which nvitop shows as 79.65GiB
        (3 << 39, "1.50 TiB"),
    ],
)
def test_memory_is_counted_in_powers_of_1024(value: float | None, shown: str) -> None:
    assert format_memory(value) == shown


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.96838, 0.0001, "1.9684 ± 0.0001"),  # a second digit of the error would be a sixth of the value
        (1.96838, 0.00001, "1.97"),
        (0.000615, 0.000002, "0.000615 ± 0.000002"),
    ],
)
def test_an_error_does_not_bury_the_value(value, error, text):
    assert format_quantity(value, "", error) == text


@pytest.mark.parametrize(
    ("text", "ratio"), [("1%", 0.01), ("0.5 %", 0.005), ("0.02", 0.02), ("", None), (" ", None)]
)
def test_an_accuracy_is_a_share(text, ratio):
    assert parse_accuracy(text) == (None if ratio is None else pytest.approx(ratio))


@pytest.mark.parametrize("text", ["1", "100%", "-1%", "1%%", "one", "nan", "1% of it"])
def test_what_is_no_accuracy_is_answered_with_one(text):
    with pytest.raises(ConfigError, match=r"write it as 1% or 0\.01"):
        parse_accuracy(text)
