"""Which differing conditions are said, and which forbid a verdict?"""

from __future__ import annotations

from typing import Any

import pytest
from derive.compared import conditions, figures, summary

from perfwatch.derive.compare_figures import COST, EFFICIENCY, ENERGY, PERFORMANCE, POWER, TOPICS

WORK = {PERFORMANCE, ENERGY, EFFICIENCY, COST}
RATE, POWER_PATH, PER_JOULE = "work.queries.rate_per_s", "power.mean_watts", "efficiency.queries.per_joule"


def test_under_the_same_conditions_nothing_is_said() -> None:
    assert conditions(summary(), summary(rate=120.0)) == {}


def test_another_scope_may_not_be_compared_in_energy() -> None:
    found = conditions(summary(), summary(scope="wall"))["scope"]
    assert found["message"] == (
        "may NOT be compared in energy: A is 1 × Board, B is the wall; --scope takes one for both."
    )
    assert set(found["blocks"]) == {POWER, ENERGY, EFFICIENCY, COST}
    told = figures(summary(), summary(scope="wall", rate=150.0))
    assert told[RATE]["verdict"] == "better"
    assert (told[PER_JOULE]["verdict"], told[PER_JOULE]["blocked_by"]) == ("cannot tell", "scope")
    assert told[PER_JOULE]["change"] is None


def test_components_of_other_parts_are_another_scope() -> None:
    a, b = summary(), summary()
    for one, scopes in ((a, ("accelerator", "cpu")), (b, ("cpu",))):
        device = one["energy"]["by_device"]["nvidia:0"]
        one["energy"]["scope"] = "components"
        one["energy"]["by_device"] = {scope: {**device, "scope": scope} for scope in scopes}
    assert "A is accelerator + cpu, B is cpu" in conditions(a, b)["scope"]["message"]


def test_another_unit_is_other_work() -> None:
    found = conditions(summary(), summary(unit="samples"))["unit"]
    assert set(found["blocks"]) == WORK
    assert "A counts queries, B counts samples" in found["message"]


def test_the_whole_job_is_not_compared_with_its_working_part() -> None:
    found = conditions(summary(), summary(kind="job"))["window"]
    assert found["blocks"] == list(TOPICS)
    assert "A was taken over while working, B over the whole job" in found["message"]
    assert "window" not in conditions(summary(kind="marks"), summary(kind="work"))


@pytest.mark.parametrize("key", ["model", "precision", "dataset", "accuracy"])
def test_a_tag_of_the_work_forbids_unless_it_is_what_is_compared(key: str) -> None:
    a, b = summary(tags={key: "one"}), summary(tags={key: "two"}, rate=150.0)
    found = conditions(a, b)[f"tags.{key}"]
    assert set(found["blocks"]) == WORK
    assert f"--vary {key}" in found["message"]
    varied = conditions(a, b, vary=(key,))[f"tags.{key}"]
    assert (varied["blocks"], varied["varied"]) == ([], True)
    assert figures(a, b, vary=(key,))[RATE]["verdict"] == "better"


def test_a_tag_of_one_run_alone_is_said() -> None:
    found = conditions(summary(tags={"model": "llama"}), summary())["tags.model"]
    assert found["blocks"] == []
    assert found["message"] == "The tag model: llama in A, not known in B."


@pytest.mark.parametrize(
    ("changed", "key", "message"),
    [
        ({"driver": "560"}, "driver", "The driver: 550 in A, 560 in B."),
        ({"tags": {"batch": 8}}, "tags.batch", "The tag batch: not known in A, 8 in B."),
        ({"host": "lab2"}, "hosts", "The host: lab1 in A, lab2 in B."),
    ],
)
def test_what_may_be_compared_is_said(changed: dict[str, Any], key: str, message: str) -> None:
    found = conditions(summary(), summary(**changed))
    assert found[key]["message"] == message
    assert all(not one["blocks"] for one in found.values())


def test_a_power_limit_is_told_in_watts() -> None:
    capped = summary()
    capped["conditions"]["devices"]["Board"]["power_limit_watts"] = 300.0
    assert conditions(summary(), capped)["power_limit_watts"]["message"] == (
        "The power limit: 400 W in A, 300 W in B."
    )


def test_clocks_that_wander_are_the_same() -> None:
    def at(hertz: float) -> dict[str, Any]:
        one = summary()
        one["conditions"]["devices"]["Board"]["at_start"] = {"sm_clock_hertz": hertz}
        return one

    assert conditions(at(1.98e9), at(1.95e9)) == {}
    assert conditions(at(1.98e9), at(1.2e9))["clock"]["values"] == ["1980 MHz", "1200 MHz"]


def test_simulated_is_not_compared_with_measured() -> None:
    simulated = summary()
    simulated["conditions"]["devices"]["Board"]["simulated"] = True
    found = conditions(summary(), simulated)["simulated"]
    assert found["blocks"] == list(TOPICS)
    assert found["message"] == "may NOT be compared: A is measured, B is SIMULATED."


def priced(currency: str | None = "USD", basis: str = "total", **more: Any) -> dict[str, Any]:
    assumptions = {"basis": basis, "contains": ["machine", "electricity"], **more}
    cost = {"currency": currency, "total": 3.0, "energy": 1.0, "error": 0.01, "assumptions": assumptions}
    return summary() | {"cost": cost}


def test_currencies_and_what_a_cost_contains_forbid_the_cost_alone() -> None:
    assert conditions(priced(), priced("EUR"))["currency"]["blocks"] == [COST]
    assert conditions(priced(), priced(None))["currency"]["values"] == ["USD", "no named currency"]
    assert conditions(priced(), priced(basis="energy"))["cost basis"]["blocks"] == [COST]
    assert conditions(priced(pue=1.0), priced(pue=1.3))["cost.pue"]["blocks"] == []


def test_different_sensors_are_named_with_their_gain() -> None:
    found = conditions(summary(), summary(uuid="package-0"))["sensors"]
    assert "they may be off by ±5 % and ±5 % is in the intervals" in found["message"]
    assert "is not stated" in conditions(summary(), summary(uuid="x", gain=None))["sensors"]["message"]


def test_good_queries_by_other_limits_are_other_work() -> None:
    a, b = ({"goodput": {"slo": {"latency": limit_s}}} for limit_s in (0.1, 0.2))
    assert (
        set(conditions(summary(unit="good_queries", **a), summary(unit="good_queries", **b))["slo"]["blocks"])
        == WORK
    )
    said = conditions(summary(**a), summary(**b))["slo"]
    assert (said["blocks"], said["values"]) == ([], ["latency 0.1 s", "latency 0.2 s"])
    assert conditions(summary(**a), summary())["slo"]["values"] == ["latency 0.1 s", "no limits"]


def test_another_mode_of_mlperf_is_another_benchmark() -> None:
    a, b = ({"mlperf": {"mode": mode, "scenario": "Offline"}} for mode in ("PerformanceOnly", "AccuracyOnly"))
    found = conditions(summary(**a), summary(**b))
    assert set(found["mlperf.mode"]["blocks"]) == WORK
    assert "mlperf.scenario" not in found


def test_what_differs_within_a_group_is_said() -> None:
    a = [summary(driver="550"), summary(driver="560")]
    assert conditions(a, a)["driver"]["message"] == "The driver differs from run to run: 550 or 560."
    assert conditions(a, summary())["driver"]["message"] == "The driver: 550 or 560 in A, 550 in B."


def test_longer_queries_are_said() -> None:
    a, b = summary(), summary()
    a["conditions"]["per_query"], b["conditions"]["per_query"] = (
        {"generated_tokens": n} for n in (200.0, 100.0)
    )
    assert conditions(a, b)["per_query.generated_tokens"]["values"] == ["200", "100"]


def test_what_forbids_comes_first() -> None:
    b = summary(driver="560", scope="wall", tags={"batch": 2})
    assert next(iter(conditions(summary(tags={"batch": 1}), b))) == "scope"


def test_a_recording_of_the_demo_without_a_device_is_not_called_measured() -> None:
    empty = summary(tags={"data": "SIMULATED"}, energy=None, power=None, unit=None, work={})
    empty["conditions"]["devices"] = {}
    assert "A is SIMULATED, B is measured" in conditions(empty, summary())["simulated"]["message"]
    simulated = summary()
    simulated["conditions"]["devices"]["Board"]["simulated"] = True
    nothing = empty | {"conditions": {"devices": {}}}
    found = conditions(nothing, simulated)
    assert "A is nothing that was measured, B is SIMULATED" in found["simulated"]["message"]
    assert "A counts no work, B counts queries" in found["unit"]["message"]
    assert "simulated" not in conditions(nothing, summary())


def test_a_summary_without_a_window_says_so_in_words() -> None:
    message = conditions(summary(window=None), summary())["window"]["message"]
    assert "A was taken over a window that is not known, B over while working" in message
