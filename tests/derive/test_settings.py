"""Settings survive the header of a session, and what is said later goes over what was recorded."""

from __future__ import annotations

import json

import pytest

from perfwatch.derive.settings import CostInputs, Purchase, Settings, common_currency
from perfwatch.errors import ConfigError

FULL = Settings(
    unit="queries@statsd",
    scope="node",
    meter="rack-3",
    window="marks",
    warmup_s=10.0,
    devices="nvidia:0-3",
    phase="load",
    units={"chat": {"queries": 6.0}},
    cost=CostInputs(
        price_per_kwh=0.12,
        rent_per_hour=2.5,
        rent_basis="node",
        rent_excludes_power=True,
        purchases=(Purchase("*H100*", 30000.0, 35040.0, 0.6),),
        pue=1.2,
        carbon_g_per_kwh=430.0,
        currency="USD",
        cost_scope="energy",
    ),
)


def test_settings_come_back_from_a_header_as_they_were():
    assert Settings.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL


def test_settings_that_were_not_given_take_no_room_in_the_header():
    assert Settings().to_json() == {}
    assert Settings.from_json({}) == Settings()


def test_keys_of_a_later_version_are_ignored():
    assert Settings.from_json({"unit": "steps", "mood": 3, "cost": {"pue": 1.5, "tax": 2}}) == Settings(
        unit="steps", cost=CostInputs(pue=1.5)
    )


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        "text",
        {"unit": 3, "window": "sideways", "warmup_s": float("nan"), "cost": 7, "units": []},
        {"warmup_s": -1, "cost": {"price_per_kwh": float("inf"), "pue": 0.5, "rent_basis": "rack"}},
        {"warmup_s": True, "units": {"chat": 6}, "cost": {"purchases": {"model": "x"}}},
        {"cost": {"purchases": [{"model": "x", "price": 1, "lifetime_h": 0}, {"price": 1}, None]}},
    ],
)
def test_a_malformed_header_counts_as_not_given(record):
    assert Settings.from_json(record) == Settings()


def test_what_is_said_later_goes_over_what_was_recorded_and_leaves_the_rest():
    later = FULL.merge(
        {"unit": "steps", "window": None, "units": {"epoch": {"steps": 100}}, "cost": {"pue": 1.4}}
    )
    assert later.unit == "steps"
    assert later.window == "marks"
    assert later.units == {"chat": {"queries": 6.0}, "epoch": {"steps": 100}}
    assert later.cost.pue == 1.4
    assert later.cost.price_per_kwh == 0.12


def test_a_rent_that_is_said_later_takes_the_place_of_a_purchase():
    bought = CostInputs(purchases=(Purchase("*", 1000.0, 1000.0),), currency="EUR")
    rented = bought.merge({"rent_per_hour": 2.0, "currency": "USD"})
    assert rented.purchases == ()
    assert rented.currency == "USD"


def test_a_second_currency_beside_amounts_in_the_first_is_refused():
    inputs = CostInputs(price_per_kwh=0.3, rent_per_hour=2.0, currency="EUR")
    with pytest.raises(ConfigError, match="electricity in EUR"):
        inputs.merge({"rent_per_hour": 2.5, "currency": "USD"})
    with pytest.raises(ConfigError, match="electricity and a rent in EUR"):
        inputs.merge({"currency": "USD"})
    assert inputs.merge({"price_per_kwh": 0.1, "rent_per_hour": 1.0, "currency": "USD"}).currency == "USD"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("$", "CAD", "CAD"),
        ("CAD", "$", "CAD"),
        ("¥", "JPY", "JPY"),
        ("$", "$", "$"),
        ("$", "EUR", None),
        ("USD", "CAD", None),
    ],
)
def test_a_shared_sign_agrees_with_each_of_its_currencies(one, other, same):
    assert common_currency(one, other) == same


def test_a_currency_labels_bare_amounts():
    assert CostInputs(price_per_kwh=0.1).merge({"currency": "USD"}).currency == "USD"
