"""Cost and carbon of a window, by tables worked by hand and by published figures."""

from __future__ import annotations

import math

import pytest

from perfwatch.derive.cost import CostDevice, carbon, cost, idle_share
from perfwatch.derive.settings import CostInputs, Purchase

H100 = "NVIDIA H100 80GB HBM3"
EIGHT = [CostDevice(f"nvidia:{n}", H100) for n in range(8)]
ONE = EIGHT[:1]


def priced(inputs, *, joules=3.6e6, duration_s=3600.0, devices=ONE, work=None, **more):
    work = {"queries": 100} if work is None else work
    more = {"working_s": None, "job_s": None, **more}
    result = cost(inputs, joules=joules, duration_s=duration_s, devices=devices, work=work, **more)
    assert result is not None
    return result


def test_a_rented_machine_at_85_tokens_a_second_costs_what_is_published():
    """2.00 $/h at 85 tok/s is 6.54 $ per million tokens."""
    result = priced(CostInputs(rent_per_hour=2.0), work={"generated_tokens": 85 * 3600}, joules=None)
    assert result["per_million"]["generated_tokens"] == pytest.approx(6.54, abs=0.005)


def test_electricity_per_million_tokens_follows_from_tokens_per_joule():
    """0.30 $/kWh and 4.1057 tok/J are 0.0203 $ per million tokens."""
    tokens = 4.1057 * 3.6e6
    result = priced(CostInputs(price_per_kwh=0.30), work={"generated_tokens": tokens})
    assert result["per_million"]["generated_tokens"] == pytest.approx(0.0203, abs=0.00005)


def test_the_energy_of_a_query_from_device_seconds_is_what_is_published():
    """1.01 device-seconds at 1071 W, PUE contained, are 0.301 Wh (1.01 is rounded): at 1/kWh 0.000301."""
    joules = 1.01 * 1275 * 0.7
    result = priced(CostInputs(price_per_kwh=1.0, pue=1.2), joules=joules, work={"queries": 1})
    assert result["per"]["queries"] == pytest.approx(0.301e-3, abs=1.5e-6)


@pytest.mark.parametrize(
    ("inputs", "energy", "machine", "total", "basis"),
    [
        # One hour, 1 kWh, eight devices.
        (CostInputs(price_per_kwh=0.12), 0.12, None, None, "energy"),
        (CostInputs(price_per_kwh=0.12, pue=1.5), 0.18, None, None, "energy"),
        (CostInputs(price_per_kwh=0.12, cost_scope="energy"), 0.12, None, 0.12, "total"),
        (CostInputs(rent_per_hour=2.5), None, 20.0, 20.0, "total"),
        (CostInputs(rent_per_hour=20.0, rent_basis="node"), None, 20.0, 20.0, "total"),
        (CostInputs(rent_per_hour=2.5, price_per_kwh=0.12), 0.12, 20.0, 20.0, "total"),
        (
            CostInputs(rent_per_hour=2.5, price_per_kwh=0.12, rent_excludes_power=True),
            0.12,
            20.0,
            20.12,
            "total",
        ),
        (
            CostInputs(purchases=(Purchase("*h100*", 30000.0, 30000.0, 0.5),), price_per_kwh=0.12),
            0.12,
            16.0,
            16.12,
            "total",
        ),
    ],
)
def test_rent_contains_electricity_and_a_purchase_does_not(inputs, energy, machine, total, basis):
    result = priced(inputs, devices=EIGHT)
    divided = energy if total is None else total
    assert result["energy"] == pytest.approx(energy)
    assert result["machine"] == pytest.approx(machine)
    assert result["total"] == pytest.approx(total)
    assert result["assumptions"]["basis"] == basis
    assert result["per"]["queries"] == pytest.approx(divided / 100)
    assert result["per_million"]["queries"] == pytest.approx(divided / 100 * 1e6)


def test_a_rent_without_the_electricity_that_it_excludes_gives_no_total():
    result = priced(CostInputs(rent_per_hour=2.5, rent_excludes_power=True))
    assert result["machine"] == pytest.approx(2.5)
    assert result["total"] is None
    assert result["per"] == {"queries": None}
    assert result["assumptions"]["missing"] == ["electricity"]


def test_a_run_without_a_wattage_has_no_electricity_cost_but_its_rent():
    result = priced(CostInputs(rent_per_hour=2.5, price_per_kwh=0.12), joules=None)
    assert result["energy"] is None
    assert result["total"] == pytest.approx(2.5)


def test_one_device_without_a_price_leaves_the_machine_unpriced():
    inputs = CostInputs(purchases=(Purchase("*H100*", 30000.0, 30000.0),), price_per_kwh=0.12)
    result = priced(inputs, devices=[*ONE, CostDevice("nvidia:1", "NVIDIA L4")])
    assert result["machine"] is None
    assert result["total"] is None
    assert result["assumptions"]["missing"] == ["machine (NVIDIA L4)"]
    assert result["assumptions"]["basis"] == "energy"


def test_each_bought_model_has_its_own_price():
    inputs = CostInputs(purchases=(Purchase("*H100*", 30000.0, 30000.0), Purchase("*L4*", 2500.0, 25000.0)))
    result = priced(inputs, devices=[*ONE, CostDevice("nvidia:1", "NVIDIA L4")])
    assert result["machine"] == pytest.approx(1.1)
    assert [used["devices"] for used in result["assumptions"]["purchases"]] == [1, 1]


@pytest.mark.parametrize(
    "inputs",
    [
        CostInputs(),
        CostInputs(pue=1.2, carbon_g_per_kwh=430.0, currency="USD"),
        CostInputs(cost_scope="energy"),
        CostInputs(purchases=(Purchase("*TPU*", 1.0, 1.0),)),
    ],
)
def test_without_any_price_there_is_no_cost(inputs):
    assert cost(inputs, joules=1.0, duration_s=1.0, devices=ONE, work={}, working_s=1, job_s=1) is None


def test_no_work_is_not_divided_by():
    result = priced(CostInputs(rent_per_hour=2.5), work={"queries": 0, "steps": None})
    assert result["per"] == {"queries": None, "steps": None}
    assert result["per_million"] == {"queries": None, "steps": None}


def test_a_finding_that_takes_the_ratios_away_leaves_the_amounts():
    result = priced(CostInputs(rent_per_hour=2.5), ratios=False)
    assert result["total"] == pytest.approx(2.5)
    assert result["per"] == {"queries": None}


def test_a_rent_by_the_device_without_a_device_prices_no_machine():
    result = priced(CostInputs(rent_per_hour=2.5, price_per_kwh=0.12), devices=[])
    assert result["machine"] is None
    assert result["assumptions"]["missing"] == ["machine"]


def test_a_rent_by_the_node_counts_hosts():
    result = priced(CostInputs(rent_per_hour=20.0, rent_basis="node"), devices=EIGHT, hosts=2)
    assert result["machine"] == pytest.approx(40.0)


def test_the_assumptions_stand_beside_the_figure():
    said = priced(CostInputs(rent_per_hour=2.5, price_per_kwh=0.12, pue=1.2, currency="USD"), devices=EIGHT)[
        "assumptions"
    ]
    assert said == {
        "basis": "total",
        "currency": "USD",
        "price_per_kwh": 0.12,
        "price_by_time": False,
        "price_range": None,
        "pue": 1.2,
        "rent_per_hour": 2.5,
        "rent_basis": "device",
        "rented": 8,
        "rent_contains_electricity": True,
        "purchases": [],
        "cost_scope": None,
        "contains": ["machine", "electricity"],
        "missing": [],
    }


def test_electricity_alone_says_what_is_missing():
    said = priced(CostInputs(price_per_kwh=0.12))["assumptions"]
    assert said["contains"] == ["electricity"]
    assert said["missing"] == ["machine"]


@pytest.mark.parametrize(
    ("working_s", "job_s", "share"),
    [(61.8, 74.2, 12.4 / 74.2), (None, 74.2, None), (5.0, 0.0, None), (5.0, None, None), (7.0, 6.0, 0.0)],
)
def test_idle_is_the_share_of_the_job_without_work(working_s, job_s, share):
    assert idle_share(working_s, job_s) == pytest.approx(share)


def test_carbon_takes_the_same_facility_energy_as_the_cost():
    result = carbon(
        CostInputs(carbon_g_per_kwh=430.0, pue=1.2), joules=1.8e6, work={"queries": 100, "steps": 0}
    )
    assert result == {
        "grams": pytest.approx(258.0),
        "error": None,
        "per": {"queries": pytest.approx(2.58), "steps": None},
        "per_error": {"queries": None, "steps": None},
        "assumptions": {"g_per_kwh": 430.0, "pue": 1.2},
    }


def test_carbon_without_an_intensity_or_an_energy_is_unknown():
    assert carbon(CostInputs(), joules=1.0, work={}) is None
    assert carbon(CostInputs(carbon_g_per_kwh=430.0), joules=None, work={"queries": 1}) == {
        "grams": None,
        "error": None,
        "per": {"queries": None},
        "per_error": {"queries": None},
        "assumptions": {"g_per_kwh": 430.0, "pue": 1.0},
    }


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        (CostInputs(price_per_kwh=0.5), 0.5 * 0.04),
        (CostInputs(price_per_kwh=0.5, pue=1.2), 0.5 * 1.2 * 0.04),
        (CostInputs(price_per_kwh=0.5, cost_scope="energy", rent_per_hour=2.0), 0.5 * 0.04),
        (CostInputs(price_per_kwh=0.5, rent_per_hour=2.0, rent_excludes_power=True), 0.5 * 0.04),
        # A rent that contains electricity does not change with it.
        (CostInputs(price_per_kwh=0.5, rent_per_hour=2.0), 0.0),
        (CostInputs(rent_per_hour=2.0), 0.0),
    ],
)
def test_the_error_of_a_cost_is_that_of_the_electricity_in_it(inputs, error):
    result = priced(inputs, joules=3.6e6, error_joules=0.04 * 3.6e6, count_errors={"queries": 3.0})
    assert result["error"] == pytest.approx(error)
    amount = result["energy"] if result["total"] is None else result["total"]
    relative = math.hypot(error / amount, 3.0 / 100.0)
    assert result["per_error"]["queries"] == pytest.approx(result["per"]["queries"] * relative)


def test_the_error_of_carbon_is_that_of_the_energy():
    result = carbon(
        CostInputs(carbon_g_per_kwh=400.0), joules=3.6e6, work={"queries": 100}, error_joules=0.02 * 3.6e6
    )
    assert result["error"] == pytest.approx(8.0)
    assert result["per_error"]["queries"] == pytest.approx(0.08)


def test_where_the_error_of_the_energy_is_unknown_so_is_that_of_its_cost():
    result = priced(CostInputs(price_per_kwh=0.5), joules=3.6e6)
    assert result["error"] is None
    assert result["per_error"] == {"queries": None}
