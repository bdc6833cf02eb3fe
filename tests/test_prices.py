"""The texts of the cost options, right ones and such that belong elsewhere."""

from __future__ import annotations

import pytest

from perfwatch.errors import ConfigError
from perfwatch.prices import cost_changes, parse_carbon, parse_currency, parse_price, parse_pue, parse_rent


@pytest.mark.parametrize(
    ("text", "per_kwh", "currency"),
    [
        ("0.12/kWh", 0.12, None),
        ("0.12 $ / kWh", 0.12, "$"),
        ("$0.12/kWh", 0.12, "$"),
        ("€ 0.30/kwh", 0.30, "EUR"),
        ("USD 0.12/kWh", 0.12, "USD"),
        ("usd0.12/kWh", 0.12, "USD"),
        ("120 EUR/MWh", 0.12, "EUR"),
        ("0.00012/Wh", 0.12, None),
        ("150 won/kWh", 150.0, "KRW"),
        ("0/kWh", 0.0, None),
    ],
)
def test_a_price_has_a_unit_and_may_have_a_currency(text, per_kwh, currency):
    price = parse_price(text)
    assert price.per_kwh == pytest.approx(per_kwh)
    assert price.currency == currency


@pytest.mark.parametrize(
    ("text", "per_hour", "basis", "currency"),
    [
        ("2.5/h/device", 2.5, "device", None),
        ("20/h/node", 20.0, "node", None),
        ("$2.5/gpu/h", 2.5, "device", "$"),
        ("60 €/day/node", 2.5, "node", "EUR"),
    ],
)
def test_a_rent_says_per_what(text, per_hour, basis, currency):
    assert parse_rent(text) == (pytest.approx(per_hour), basis, currency)


@pytest.mark.parametrize(
    ("parse", "text", "answer"),
    [
        (parse_price, "2.5/h/device", "is a rent: --rent 2.5/h/device"),
        (parse_price, "20/node/h", "is a rent: --rent 20/h/node"),
        (parse_price, "2.5/h", "is a rent: --rent 2.5/h/device"),
        (parse_price, "430 g/kWh", "is a carbon intensity: --carbon 430"),
        (parse_rent, "0.12 $/kWh", r"is a price of electricity: --price 0.12\$/kWh"),
        (parse_rent, "430 g/kWh", "is a carbon intensity: --carbon 430"),
        (
            parse_carbon,
            "430/kWh",
            "is a price of electricity: --price 430/kWh; for grams write --carbon 430",
        ),
        (parse_carbon, "2/h/node", "is a rent: --rent 2/h/node"),
    ],
)
def test_a_text_of_another_option_is_answered_with_that_option(parse, text, answer):
    with pytest.raises(ConfigError, match=answer):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "text", "answer"),
    [
        (parse_price, "0.12", "does not say per what: write 0.12/kWh"),
        (parse_price, "0.12/m2", "has a unit that does not fit"),
        (parse_price, "12ct/kWh", "whole units of money"),
        (parse_price, "0,12/kWh", "decimal point"),
        (parse_price, "-1/kWh", "not negative"),
        (parse_price, "1e400/kWh", "finite"),
        (parse_price, "$1 USD/kWh", "two currencies"),
        (parse_price, "cheap", "as in --price 0.12/kWh"),
        (parse_price, "", "as in --price 0.12/kWh"),
        (parse_price, "1" * 100, "as in --price 0.12/kWh"),
        (parse_price, 0.12, "as in --price 0.12/kWh"),
        (parse_rent, "2.5", "does not say per hour of what: write 2.5/h/device or 2.5/h/node"),
        (parse_rent, "2.5/h", "does not say per hour of what"),
        (parse_rent, "2.5/device", "does not say per hour of what"),
        (parse_rent, "2.5/decade/device", "does not fit"),
        (parse_pue, "0.9", "at least 1"),
        (parse_pue, "120%", "as in --pue 1.2"),
        (parse_pue, "nan", "as in --pue 1.2"),
        (parse_price, "1e300/kWh", r"1e\+300 a kWh, over 1e\+09"),
        (parse_rent, "1e300/h/device", r"1e\+300 an hour, over 1e\+09"),
        (parse_pue, "1e300", "at most 10"),
        (parse_pue, "120", "at most 10"),
        (parse_carbon, "1e300", "over 10000"),
        (parse_carbon, "430 kg/kWh", "430000 g/kWh, over 10000"),
        (parse_carbon, "430mg/kWh", "it takes g/kWh or kg/kWh, as in --carbon 430"),
        (parse_carbon, "1lb/kWh", "it takes g/kWh or kg/kWh"),
        (parse_carbon, "1 lbs/MWh", "it takes g/kWh or kg/kWh"),
        (parse_carbon, "-4", "as in --carbon 430"),
        (
            parse_carbon,
            "much",
            "write grams of CO2 equivalent per kWh, as in --carbon 430, or name a .csv file",
        ),
        (parse_price, "much", "write a number and its unit, as in --price 0.12/kWh, or name a .csv file"),
        (parse_rent, "much", "as in --rent 2.5/h/device$"),
        (parse_currency, "12", "as in --currency USD"),
        (parse_currency, "cent", "as in --currency USD"),
        (parse_currency, "", "as in --currency USD"),
    ],
)
def test_a_wrong_text_is_answered_with_what_to_write(parse, text, answer):
    with pytest.raises(ConfigError, match=answer):
        parse(text)


@pytest.mark.parametrize(
    ("value", "grams"),
    [("430", 430.0), (430, 430.0), ("430 g/kWh", 430.0), ("0.43 kg/kWh", 430.0), ("0", 0.0)],
)
def test_carbon_is_grams_per_kwh(value, grams):
    assert parse_carbon(value) == pytest.approx(grams)


@pytest.mark.parametrize(
    ("text", "currency"), [("USD", "USD"), ("usd", "USD"), ("€", "EUR"), ("$", "$"), ("credits", "credits")]
)
def test_a_currency_is_a_code_or_a_sign(text, currency):
    assert parse_currency(text) == currency


def test_the_options_together_become_changes_of_the_inputs():
    assert cost_changes(price="$0.12/kWh", rent="2.5/h/device", pue="1.2", carbon="430", currency="CAD") == {
        "price_per_kwh": pytest.approx(0.12),
        "rent_per_hour": 2.5,
        "rent_basis": "device",
        "pue": 1.2,
        "carbon_g_per_kwh": 430.0,
        "currency": "CAD",
    }
    assert cost_changes() == {}
    assert cost_changes(price="0.12/kWh") == {"price_per_kwh": pytest.approx(0.12)}
    assert cost_changes(cost_scope="energy") == {"cost_scope": "energy"}


def test_prices_in_two_currencies_are_not_added():
    with pytest.raises(ConfigError, match=r"in EUR and in \$"):
        cost_changes(price="€0.30/kWh", rent="$2/h/device")
    with pytest.raises(ConfigError, match="in CHF and in EUR"):
        cost_changes(price="€0.30/kWh", currency="CHF")


def test_a_cost_scope_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="--cost-scope 'power': it takes energy"):
        cost_changes(cost_scope="power")
