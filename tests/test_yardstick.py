"""Is the table of published results sound, and is a run put beside it by the right figures, or refused?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from perfwatch.derive.against import against
from perfwatch.errors import ConfigError
from perfwatch.exporters.layout import Paint
from perfwatch.exporters.yardstick_text import against_lines
from perfwatch.yardstick.table import (
    SCENARIOS,
    benchmark_of,
    benchmarks,
    find,
    in_order,
    published,
    scenario_of,
)

OFFLINE = {"benchmark": "resnet50", "scenario": "offline"}
SHORT = {"code": "short-window", "level": "insufficient"}


def summary(
    *,
    work: str = "samples",
    count: float = 1000.0,
    rate: float = 7000.0,
    scope: str | None = "wall",
    per_joule: float | None = 17.5,
    latency: dict[str, Any] | None = None,
    mlperf: dict[str, Any] | None = None,
    **tags: str,
) -> dict[str, Any]:
    return {
        "conditions": {"tags": tags},
        "work": {work: {"count": count, "rate_per_s": rate}},
        "energy": {"scope": scope, "joules": None if scope is None else 100.0},
        "power": {"mean_watts": None if scope is None else 400.0},
        "efficiency": {work: {"per_joule": per_joule}},
        "latency": latency or {},
        "session": {"exit_status": 0},
        "quality": [],
        "mlperf": mlperf,
    }


# -- the table ---------------------------------------------------------------------------------------


def test_efficiencies_are_results_over_watts() -> None:
    """The checker's rule: performance over mean watts, and for single queries time times watts."""
    with_power = [row for row in published() if row.watts is not None]
    assert len(with_power) >= 15
    for row in with_power:
        assert row.per_joule is not None
        if row.unit == "ms":  # the result is a percentile; the energy is that of the mean, a little less
            assert row.watts * row.result == pytest.approx(row.efficiency, rel=0.1)
        else:
            assert row.result / row.watts == pytest.approx(row.efficiency, rel=3e-3)


def test_every_row_is_whole() -> None:
    for row in published():
        assert row.scenario in SCENARIOS
        assert row.unit in ("samples/s", "tokens/s", "ms", "min")
        assert (row.watts is None) == (row.efficiency is None)
        assert row.result > 0.0
        assert row.submitter
        assert row.system
        assert row.round.startswith("v")


def test_the_rows_of_one_list_have_one_unit_and_the_newest_round_comes_first() -> None:
    for benchmark, scenarios in benchmarks().items():
        for scenario in scenarios:
            rows = in_order(find(benchmark, scenario))
            assert len({row.unit for row in rows}) == 1
            rounds = [float(row.round.removeprefix("v")) for row in rows]
            assert rounds == sorted(rounds, reverse=True)


@pytest.mark.parametrize(
    ("word", "scenario", "name"),
    [
        ("ResNet-50", None, "resnet50"),
        ("resnet50", "Training", "resnet"),
        ("bert", "Offline", "bert-99"),
        ("bert", None, "bert"),
        ("Llama-2-70B", None, "llama2-70b-99"),
        ("gptj", None, "gptj-99"),
    ],
)
def test_benchmarks_are_known_by_what_people_call_them(word: str, scenario: str | None, name: str) -> None:
    assert benchmark_of(word, scenario) == name


def test_an_unknown_benchmark_or_scenario_is_answered_with_a_near_one_or_with_all() -> None:
    with pytest.raises(ConfigError, match="did you mean resnet50"):
        benchmark_of("resnet51")
    with pytest.raises(ConfigError, match="there are resnet50, bert-99"):
        benchmark_of("unheard of")
    assert scenario_of("single-stream") == "SingleStream"
    with pytest.raises(ConfigError, match="there are Offline"):
        scenario_of("sideways")


# -- a run beside it ---------------------------------------------------------------------------------


def test_a_run_at_the_wall_is_compared_by_speed_and_by_work_per_joule() -> None:
    found = against(summary(benchmark="resnet50", scenario="offline"))
    assert found["refused"] == []
    assert found["run"] == {"result": 7000.0, "unit": "samples/s", "per_joule": 17.5, "watts": 400.0}
    orin = next(row for row in found["rows"] if "Orin" in row["system"])
    assert orin["speed_ratio"] == pytest.approx(7000.0 / 3463.11)
    assert orin["per_joule_ratio"] == pytest.approx(17.5 / 152.8)
    assert found["official"] is False


@pytest.mark.parametrize("scope", ["accelerator", "components", "node"])
def test_a_run_that_measured_less_than_the_wall_is_compared_by_speed_alone(scope: str) -> None:
    found = against(summary(scope=scope, benchmark="resnet50", scenario="Offline"))
    assert f"of scope {scope}" in found["refused"][0]
    assert found["refused"][0].endswith("only speed is compared")
    assert found["run"]["watts"] is None, "what was measured is not the whole machine"
    assert all(row["per_joule_ratio"] is None for row in found["rows"])
    assert all(row["speed_ratio"] for row in found["rows"])


def training(minutes: float, *, valid: bool = True) -> dict[str, Any]:
    metric = {"name": "time_to_train", "value": 60.0 * minutes, "unit": "s"}
    return {"scenario": "Training", "valid": valid, "metric": metric}


def test_less_time_is_more_speed() -> None:
    """31.5 % less time is 46 % more speed."""
    found = against(summary(benchmark="resnet", mlperf=training(19.635)))
    dgx = next(row for row in found["rows"] if row["submitter"] == "NVIDIA")
    assert 1.0 - 1.0 / dgx["speed_ratio"] == pytest.approx(0.315, abs=5e-4)
    assert dgx["speed_ratio"] == pytest.approx(1.46, abs=5e-3)


def test_a_training_of_seconds_is_asked_whether_it_is_the_same() -> None:
    (said,) = against(summary(benchmark="resnet", mlperf=training(0.25)))["notes"]
    assert "did it train the same model on the same data" in said
    assert against(summary(benchmark="resnet", mlperf=training(19.635)))["notes"] == []


def test_the_latency_of_a_query_is_the_result_of_a_single_stream() -> None:
    found = against(
        summary(
            work="queries",
            latency={"query": {"p90_s": 0.0005}},
            benchmark="resnet50",
            scenario="singlestream",
        )
    )
    assert found["run"]["result"] == pytest.approx(0.5)
    assert found["run"]["per_joule"] == 17.5, "a query is a sample"
    atom = next(row for row in found["rows"] if row["submitter"] == "Rebellions")
    assert atom["speed_ratio"] == pytest.approx(0.238835 / 0.5)


def test_loadgens_own_figures_come_before_ours() -> None:
    told = {
        "scenario": "Offline",
        "valid": True,
        "metric": {"name": "result_tokens_per_second", "value": 20000.0, "unit": "tokens/s"},
        "efficiency": {"value": 3.5, "unit": "tokens/J"},
        "power": {"mean_watts": 5714.0},
    }
    found = against(summary(work="generated_tokens", mlperf=told), benchmark="llama2-70b")
    assert found["run"] == {"result": 20000.0, "unit": "tokens/s", "per_joule": 3.5, "watts": 5714.0}
    assert found["official"] is True


@pytest.mark.parametrize(
    ("benchmark", "counted", "efficiency"),
    [("llama2-70b", "samples", "samples/J"), ("bert-99", "generated_tokens", "tokens/J")],
)
def test_work_per_joule_of_something_else_is_not_compared(
    benchmark: str, counted: str, efficiency: str
) -> None:
    unit = efficiency.replace("/J", "/s")
    told = {
        "scenario": "Offline",
        "valid": True,
        "metric": {"name": "result", "value": 20.0, "unit": unit},
        "efficiency": {"value": 3.5, "unit": efficiency},
    }
    found = against(summary(work=counted, mlperf=told), benchmark=benchmark)
    assert found["run"]["result"] is None
    assert found["run"]["per_joule"] is None
    assert found["rows"] == []
    assert len(found["refused"]) == 2


def test_nothing_is_called_compared_where_neither_speed_nor_energy_is() -> None:
    """Other work, and energy of boards alone."""
    told = summary(work="generated_tokens", scope="accelerator", benchmark="resnet50", scenario="offline")
    found = against(told)
    assert len(found["refused"]) == 2
    assert not any("only speed is compared" in sentence for sentence in found["refused"])


def test_the_power_of_a_run_at_the_wall_stands_in_its_row() -> None:
    found = against(summary(benchmark="resnet50", scenario="offline"))
    lines = list(against_lines(found, 110, Paint(color=False, ascii_only=False)))
    own = next(line for line in lines if line.strip().startswith("this run"))
    assert own.split()[2:] == ["7", "000", "400", "17.50"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (summary(), "which benchmark"),
        (summary(benchmark="resnet50"), "which scenario"),
        (summary(benchmark="bert-99", scenario="server"), "no Server result is published here, only Off"),
        (summary(benchmark="resnet50", scenario="interactive"), "no Interactive result is published here"),
        (summary(benchmark="resnet50", scenario="foo"), "there is no scenario 'foo'"),
        (summary(benchmark="mine", scenario="offline"), "for the benchmark 'mine'"),
        (
            summary(work="generated_tokens", benchmark="resnet50", scenario="offline"),
            "counts generated tokens",
        ),
        (summary(work="queries", benchmark="resnet50", scenario="offline"), "counts queries"),
        (summary(count=0, rate=0, benchmark="resnet50", scenario="offline"), "counts no work"),
        (summary(benchmark="resnet", scenario="training"), "import mllog"),
        (summary(benchmark="resnet", mlperf=training(5.0, valid=False)), "call this run invalid"),
        (
            {**summary(benchmark="resnet50", scenario="offline"), "session": {"exit_status": 3}},
            "the job failed",
        ),
        (
            {
                **summary(benchmark="resnet50", scenario="offline"),
                "quality": [
                    {"code": "short-window", "level": "insufficient", "message": "0.5 s are too short"}
                ],
            },
            "too little to be compared: 0.5 s are too short",
        ),
        (summary(benchmark="resnet50", scenario="singlestream"), "no p90 of a query's latency"),
        (summary(scope=None, benchmark="resnet50", scenario="offline"), "tells no energy"),
        (summary(per_joule=None, benchmark="resnet50", scenario="offline"), "no work per joule"),
    ],
)
def test_what_may_not_be_compared_is_refused_with_the_reason(given: dict[str, Any], why: str) -> None:
    assert any(why in sentence for sentence in against(given)["refused"])


def test_what_the_run_says_of_itself_is_not_overruled() -> None:
    tagged = summary(benchmark="resnet50", scenario="offline")
    assert "not bert-99" in against(tagged, benchmark="bert-99")["refused"][0]
    assert "not Server" in against(tagged, scenario="server")["refused"][0]
    assert against(tagged, benchmark="ResNet-50", scenario="Offline")["rows"]


def test_what_loadgen_ran_as_another_scenario_is_not_compared() -> None:
    found = against(
        summary(mlperf={"scenario": "SingleStream", "valid": True, "metric": None}),
        benchmark="resnet50",
        scenario="Offline",
    )
    assert "not Offline" in found["refused"][0]
    assert found["rows"] == []


def test_the_object_is_json() -> None:
    json.dumps(against(summary(benchmark="resnet50", scenario="offline")), allow_nan=False)
