"""What so much work a day takes, worked by hand, and laws that hold for every run."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.projection import DAYS_PER_MONTH, Demand, project, rate_per_price
from perfwatch.errors import ConfigError

RENTED = {
    "rent_per_hour": 2.5,
    "rented": 8,
    "rent_contains_electricity": True,
    "price_per_kwh": 0.1,
    "pue": 1.2,
}
BOUGHT = {
    "purchases": [{"price": 30000.0, "lifetime_h": 30000.0, "utilization": 0.5, "devices": 8}],
    "price_per_kwh": 0.1,
    "pue": 1.2,
}


def measured(
    cost: dict[str, Any] | None = None,
    *,
    rate: float = 10.0,
    joules: float = 360.0,
    idle_w: float | None = None,
    idle_error_w: float | None = None,
) -> dict[str, Any]:
    """A summary of eight devices that do 10 queries a second for 360 J each."""
    return {
        "unit": "queries",
        "quality": [],
        "window": {"kind": "work"},
        "devices": {"ids": [f"nvidia:{n}" for n in range(8)]},
        "work": {"queries": {"rate_per_s": rate}},
        "energy": {"scope": "accelerator", "idle_watts": idle_w, "idle_watts_error": idle_error_w},
        "efficiency": {
            "queries": {"per_joule": 1 / joules, "per_joule_error": 0.01 / joules, "joules_per": joules}
        },
        "cost": None if cost is None else {"currency": "EUR", "assumptions": {"missing": [], **cost}},
        "carbon": {"assumptions": {"g_per_kwh": 400.0}},
    }


def test_a_day_of_a_rented_machine() -> None:
    found = project(measured(RENTED), Demand(432_000.0, peak=3.0))
    # 5 a second, 15 at the peak: two machines of 10 a second, busy a quarter of the time.
    assert (found["machines"], found["devices_each"], found["load"]) == (2, 8, pytest.approx(0.25))
    day = found["per_day"]
    assert day["kwh"] == pytest.approx(432_000 * 360 / 3.6e6 * 1.2)
    assert day["kwh_error"] == pytest.approx(day["kwh"] * 0.01)
    assert day["energy"] == pytest.approx(day["kwh"] * 0.1)
    assert day["machine"] == pytest.approx(2.5 * 8 * 2 * 24)
    assert day["total"] == day["machine"]  # the rent contains electricity
    assert day["carbon_grams"] == pytest.approx(day["kwh"] * 400)
    assert found["per_month"]["total"] == pytest.approx(day["total"] * DAYS_PER_MONTH)
    assert found["per_unit"]["total"] == pytest.approx(day["total"] / 432_000)


def test_a_meter_at_the_wall_is_no_device() -> None:
    summary = measured(RENTED)
    summary["devices"]["ids"] = ["spl:0"]
    summary["energy"]["by_device"] = {"spl:0": {"scope": "wall"}}
    assert project(summary, Demand(432_000.0, peak=3.0))["devices_each"] == 0


def test_a_bought_machine_is_paid_for_while_it_waits_too() -> None:
    day = project(measured(BOUGHT), Demand(86_400.0))["per_day"]
    assert day["machine"] == pytest.approx(8 * 24.0)  # 1 an hour each, whatever it does
    assert day["total"] == pytest.approx(day["machine"] + day["energy"])


def test_a_baseline_that_was_not_at_rest_tells_nothing_of_waiting_machines() -> None:
    summary = {**measured(RENTED, idle_w=5000.0), "power": {"mean_watts": 3600.0}}
    found = project(summary, Demand(432_000.0))
    assert found["per_day"]["idle_kwh"] is None
    assert found["assumptions"]["idle_watts"] is None
    assert not found["assumptions"]["idle_included"]


def test_what_waiting_machines_draw_is_in_where_it_was_measured() -> None:
    found = project(measured(RENTED, idle_w=1000.0), Demand(432_000.0))  # half busy
    assert found["per_day"]["idle_kwh"] == pytest.approx(1000 * 0.5 * 24 / 1000 * 1.2)
    assert found["per_day"]["kwh"] == pytest.approx(432_000 * 360 / 3.6e6 * 1.2 + 14.4)
    assert found["assumptions"]["idle_included"]


def test_the_error_of_the_energy_is_that_of_the_waiting_too() -> None:
    """Half of a day at 1000 W that may be wrong by 30 W, and 1 % of the work's energy."""
    demand = Demand(432_000.0)
    working = 432_000 * 360 / 3.6e6 * 1.2 * 0.01
    day = project(measured(RENTED, idle_w=1000.0, idle_error_w=30.0), demand)["per_day"]
    assert day["kwh_error"] == pytest.approx(math.hypot(working, 30 * 0.5 * 24 / 1000 * 1.2))
    unknown = project(measured(RENTED, idle_w=1000.0), demand)
    assert unknown["per_day"]["kwh_error"] is None
    assert unknown["per_month"]["kwh_error"] is None
    without_waiting = project(measured(RENTED, idle_w=1000.0), Demand(864_000.0))["per_day"]
    assert without_waiting["kwh_error"] == pytest.approx(2 * working)


def test_a_projection_of_an_estimate_says_so() -> None:
    sensed, model, mixed = (measured(RENTED) for _ in range(3))
    sensed["energy"]["method"], model["energy"]["method"] = "counter", "estimated"
    mixed["energy"] |= {"method": "mixed", "by_device": {"rapl:0": {"in_run": True, "method": "estimated"}}}
    assumed = [project(one, Demand(1000.0))["assumptions"] for one in (sensed, model, mixed)]
    assert [one["estimated"] for one in assumed] == [False, True, True]
    assert [one["method"] for one in assumed] == ["counter", "estimated", "mixed"]


def test_demand_that_fits_exactly_needs_no_further_machine() -> None:
    assert project(measured(rate=0.1 + 0.2), Demand(0.3 * 86400))["machines"] == 1
    assert project(measured(), Demand(10.0 * 86400 * 1.001))["machines"] == 2


def test_without_a_price_there_is_no_money_and_without_energy_no_energy() -> None:
    summary = measured()
    summary["efficiency"], summary["carbon"] = {}, None
    day = project(summary, Demand(1000.0))["per_day"]
    assert set(day.values()) == {None}


def test_a_machine_of_which_a_part_has_no_price_has_none() -> None:
    cost = {**BOUGHT, "missing": ["machine (Other)"]}
    day = project(measured(cost), Demand(1000.0))["per_day"]
    assert (day["machine"], day["total"]) == (None, None)
    assert day["energy"] is not None
    assert rate_per_price(measured(cost)) is None


def test_electricity_alone_can_be_the_whole_cost() -> None:
    day = project(measured({**BOUGHT, "cost_scope": "energy"}), Demand(1000.0))["per_day"]
    assert day["total"] == day["energy"]


def test_the_rate_for_the_price_of_the_devices() -> None:
    assert rate_per_price(measured(BOUGHT)) == pytest.approx(10.0 / 240_000)
    assert rate_per_price(measured(RENTED)) is None


def test_what_cannot_be_quoted_is_not_projected() -> None:
    summary = measured()
    summary["quality"] = [
        {"code": "short-window", "level": "insufficient", "message": "half a second is too short"}
    ]
    with pytest.raises(ConfigError, match="not to be quoted: half a second"):
        project(summary, Demand(1000.0))
    with pytest.raises(ConfigError, match="how much work"):
        project({**measured(), "work": {}}, Demand(1000.0))


amounts = st.floats(1e-3, 1e9)


@given(amounts, st.floats(1.0, 50.0), st.floats(1e-3, 1e4), st.floats(0.0, 1e4))
def test_machines_suffice_at_the_peak_and_none_is_too_many(
    per_day: float, peak: float, rate: float, idle_w: float
) -> None:
    found = project(measured(RENTED, rate=rate, idle_w=idle_w), Demand(per_day, peak))
    at_peak = per_day / 86400 * peak
    assert found["machines"] * rate >= at_peak * (1 - 1e-6)
    assert found["machines"] == 1 or (found["machines"] - 1) * rate < at_peak
    assert 0.0 < found["load"] <= 1.0 + 1e-6
    assert found["per_day"]["idle_kwh"] >= 0.0


@given(amounts, st.integers(2, 1000))
def test_more_work_never_costs_less_and_energy_grows_with_it(per_day: float, times: int) -> None:
    one, more = (project(measured(BOUGHT), Demand(per_day * n)) for n in (1, times))
    assert more["per_day"]["kwh"] == pytest.approx(one["per_day"]["kwh"] * times)
    assert more["per_day"]["total"] >= one["per_day"]["total"]
