"""Is a difference between runs shown or not? Laws, tables, and how often equal runs are called different."""

from __future__ import annotations

import random
from typing import Any

import pytest
from derive.compared import compared, figures, noisy_summary, summary, timing
from hypothesis import given
from hypothesis import strategies as st

RATE, POWER, ENERGY = "work.queries.rate_per_s", "power.mean_watts", "energy.joules"
PER_JOULE, JOULES_PER = "efficiency.queries.per_joule", "efficiency.queries.joules_per"

rates, ratios = st.floats(1.0, 1000.0), st.floats(1e-6, 0.5)


def any_run() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(summary, rate=rates, watts=rates, error_ratio=ratios)


# Laws


@given(st.lists(any_run(), min_size=1, max_size=3))
def test_runs_against_themselves_show_no_difference(side: list[dict[str, Any]]) -> None:
    for figure in figures(side, side).values():
        if figure["because"] == "they did not do the same amount of work":  # among themselves
            assert len(side) > 1
            continue
        assert figure["change"] == pytest.approx(0.0, abs=1e-12)
        assert figure["verdict"] == "no difference shown"


@given(st.lists(any_run(), min_size=1, max_size=3), st.lists(any_run(), min_size=1, max_size=3))
def test_the_other_way_round_is_the_mirror(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    mirrored = {"better": "worse", "worse": "better"}
    there, back = figures(a, b), figures(b, a)
    assert there.keys() == back.keys()
    for path, figure in there.items():
        other = back[path]
        assert other["verdict"] == mirrored.get(figure["verdict"], figure["verdict"])
        if figure["low"] is not None:
            assert 1 + other["change"] == pytest.approx(1 / (1 + figure["change"]), rel=1e-6)
            assert 1 + other["low"] == pytest.approx(1 / (1 + figure["high"]), rel=1e-6)


@given(any_run(), any_run())
def test_the_change_lies_within_its_interval(a: dict[str, Any], b: dict[str, Any]) -> None:
    for figure in figures(a, b).values():
        if figure["low"] is not None:
            assert figure["low"] <= figure["change"] <= figure["high"]


def test_the_same_comes_of_the_same() -> None:
    a, b = summary(), summary(rate=103.0)
    assert compared(a, b) == compared(a, b)


# Verdicts


@pytest.mark.parametrize(
    ("changed", "verdicts"),
    [
        (
            {"rate": 110.0},
            {RATE: "better", POWER: "no difference shown", PER_JOULE: "better", JOULES_PER: "better"},
        ),
        (
            {"watts": 330.0},
            {RATE: "no difference shown", POWER: "worse", ENERGY: "worse", PER_JOULE: "worse"},
        ),
        ({"rate": 100.9}, {RATE: "no difference shown", PER_JOULE: "no difference shown"}),
    ],
)
def test_which_way_is_better(changed: dict[str, float], verdicts: dict[str, str]) -> None:
    found = figures(summary(), summary(**changed))  # type: ignore[arg-type]
    assert {path: found[path]["verdict"] for path in verdicts} == verdicts


def test_errors_of_both_add_in_quadrature() -> None:
    figure = figures(summary(error_ratio=0.03, scatter={}), summary(error_ratio=0.04, scatter={}))[POWER]
    assert (figure["low"], figure["high"]) == pytest.approx((-0.0488, 0.0513), abs=1e-3)


def test_the_wider_of_errors_and_scatter_is_taken() -> None:
    told = {POWER: {"standard_ratio": 0.05, "slices": 20, "freedom": 1000.0}}
    wide = figures(summary(scatter=told), summary(scatter=told))[POWER]
    assert wide["rests_on"] == ["scatter"]
    assert wide["high"] == pytest.approx(0.152, abs=1e-3)
    narrow = figures(summary(error_ratio=0.2, scatter=told), summary(error_ratio=0.2, scatter=told))[POWER]
    assert narrow["rests_on"] == ["errors"]


def test_without_scatter_a_count_is_one_of_chance_events() -> None:
    one = summary(scatter={}, rate=1.0)
    figure = figures(one, one)[RATE]
    assert figure["high"] == pytest.approx(0.327, abs=1e-3)  # exp(sqrt(2) * 2 / sqrt(100)) - 1


def test_tokens_come_by_the_query() -> None:
    work = {
        name: {"count": count, "error": 0.0, "rate_per_s": count / 100}
        for name, count in (("generated_tokens", 10_000), ("queries", 100))
    }
    one = summary(scatter={}, unit="generated_tokens") | {"work": work}
    assert figures(one, one)["work.generated_tokens.rate_per_s"]["high"] == pytest.approx(0.327, abs=1e-3)


def test_totals_are_judged_of_equal_work_alone() -> None:
    found = figures(summary(), summary(duration_s=150.0))
    for path in (ENERGY, "window.duration_s"):
        assert found[path]["verdict"] == "cannot tell"
        assert found[path]["because"] == "they did not do the same amount of work"
    slower = figures(summary(), summary(duration_s=150.0, rate=100.0 / 1.5))
    assert slower["window.duration_s"]["verdict"] == "worse"
    assert slower[ENERGY]["verdict"] == "worse"


def test_jobs_that_count_nothing_are_judged_if_they_are_the_same() -> None:
    bare = {"work": {}, "unit": None, "efficiency": {}}
    a, b = summary() | bare, summary(watts=350.0) | bare
    assert figures(a, b)[ENERGY]["verdict"] == "worse"
    b["session"] = {**b["session"], "command": ["other"]}
    assert figures(a, b)[ENERGY]["because"] == "nothing says that they did the same work"


def test_an_insufficient_finding_tells_why_there_is_no_verdict() -> None:
    short = {"code": "short-window", "level": "insufficient", "message": "0.3 s are too short."}
    found = figures(summary(), summary(rate=200.0, quality=[short]))
    assert all(figure["because"] == "B: 0.3 s are too short" for figure in found.values())
    power = {"code": "no-power", "level": "insufficient", "message": "No power."}
    found = figures(summary(), summary(rate=200.0, quality=[power]))
    assert found[RATE]["verdict"] == "better"
    assert found[POWER]["because"] == "B: No power"


def test_what_one_run_does_not_tell_cannot_be_told() -> None:
    without = summary() | {"power": {"mean_watts": None}}
    assert figures(summary(), without)[POWER]["because"] == "B does not tell it"
    assert figures(without, summary())[POWER]["because"] == "A does not tell it"
    assert POWER not in figures(without, without)


def test_an_estimate_without_an_error_is_judged_by_its_scatter() -> None:
    model = summary() | {"energy": {**summary()["energy"], "error_joules": None, "method": "estimated"}}
    assert figures(model, model)[POWER]["rests_on"] == ["scatter"]
    assert (
        figures(model | {"scatter": None}, model)[POWER]["because"] == "nothing tells how far it may be off"
    )


# Sensors


def test_the_gain_cancels_on_one_board_and_counts_between_two() -> None:
    a, b = summary(), summary(watts=318.0)
    assert figures(a, b)[POWER]["verdict"] == "worse"
    for other in (summary(watts=318.0, uuid="GPU-11111111-2222-3333-4444-555555555555"), _by_power(b)):
        found = figures(a, other)
        assert found[POWER]["verdict"] == "no difference shown"
        assert found[POWER]["high"] == pytest.approx(0.14, abs=0.01)
        assert found[RATE]["high"] == figures(a, b)[RATE]["high"]


def _by_power(one: dict[str, Any]) -> dict[str, Any]:
    """The same board, its power integrated."""
    device = {**one["energy"]["by_device"]["nvidia:0"], "method": "integrated"}
    return one | {"energy": {**one["energy"], "by_device": {"nvidia:0": device}}}


def test_a_uuid_is_the_same_board_on_any_host() -> None:
    assert figures(summary(), summary(watts=318.0, host="lab2"))[POWER]["verdict"] == "worse"
    here, there = (summary(uuid="package-0", host=host) for host in ("lab1", "lab2"))
    assert figures(here, there)[POWER]["high"] > 0.07


def test_two_meters_of_unknown_gain_tell_no_difference() -> None:
    a, b = summary(gain=None), summary(gain=None, uuid="other", watts=400.0)
    assert "how exact they are is not stated" in figures(a, b)[POWER]["because"]
    assert figures(a, b)[RATE]["verdict"] == "no difference shown"


# Times


def timed(found: dict[str, Any]) -> dict[str, Any]:
    return summary() | {"latency": {"latency": found}}


def test_times_are_judged_by_what_chance_does_to_ranks() -> None:
    slower = figures(timed(timing(count=10_000)), timed(timing(1.2, count=10_000)))
    assert slower["latency.latency.p50_s"]["verdict"] == "worse"
    few = figures(timed(timing(count=40)), timed(timing(1.2, count=40)))
    assert few["latency.latency.p50_s"]["verdict"] == "no difference shown"


def test_bounds_of_buckets_count_in_full() -> None:
    bucket = timing(count=10**6, buckets={"p50_s": [0.05, 0.2]})
    found = figures(timed(bucket), timed(bucket))["latency.latency.p50_s"]
    assert found["low"] < -0.74
    assert found["high"] > 2.9
    beyond = timing(count=10**6, lower_limits=["p99_s"])
    assert figures(timed(timing()), timed(beyond))["latency.latency.p99_s"]["high"] is None


def test_percentiles_of_equal_queues_differ_by_chance_as_often_as_is_said() -> None:
    chance = random.Random(4)

    def run() -> dict[str, Any]:
        times = sorted(chance.lognormvariate(-2.0, 0.5) for _ in range(400))
        told = {
            key: times[int(share * 400)] for key, share in (("p50_s", 0.5), ("p90_s", 0.9), ("p95_s", 0.95))
        }
        return timed(
            {"count": 400, "mean_s": sum(times) / 400, "min_s": times[0], "max_s": times[-1], **told}
        )

    pairs = [figures(run(), run()) for _ in range(400)]
    for key in ("mean_s", "p50_s", "p90_s"):
        same = sum(found[f"latency.latency.{key}"]["verdict"] == "no difference shown" for found in pairs)
        assert same >= 0.93 * len(pairs), key


# How often equal runs are called different


def test_equal_runs_are_rarely_called_different() -> None:
    chance = random.Random(11)
    pairs = [figures(*(noisy_summary(chance, seconds=130) for _ in range(2))) for _ in range(100)]
    same = {
        path: sum(found[path]["verdict"] == "no difference shown" for found in pairs) / len(pairs)
        for path in (RATE, POWER, PER_JOULE)
    }
    assert min(same.values()) >= 0.93, same
    assert min(same.values()) < 1.0, same


@pytest.mark.parametrize("runs_each", [(2, 2), (3, 3), (5, 3), (1, 4)])
def test_equal_repetitions_are_rarely_called_different(runs_each: tuple[int, int]) -> None:
    """Runs scatter by 2 % from day to day; within each of them nothing shows it."""
    chance = random.Random(13)

    def side(count: int) -> list[dict[str, Any]]:
        return [summary(rate=100.0 * chance.gauss(1.0, 0.02), error_ratio=1e-4) for _ in range(count)]

    trials = 1500
    same = sum(
        figures(side(runs_each[0]), side(runs_each[1]))[RATE]["verdict"] == "no difference shown"
        for _ in range(trials)
    )
    assert 0.93 * trials <= same <= 0.999 * trials


def test_a_difference_of_the_truth_is_found() -> None:
    chance = random.Random(12)
    found = figures(noisy_summary(chance), noisy_summary(chance, rate=46.0, watts=280.0))
    assert {path: found[path]["verdict"] for path in (RATE, POWER, PER_JOULE)} == dict.fromkeys(
        (RATE, POWER, PER_JOULE), "better"
    )


def test_groups_are_compared_by_their_means() -> None:
    a = [summary(rate=rate) for rate in (99.0, 100.0, 101.0)]
    b = [summary(rate=rate) for rate in (119.0, 120.0, 121.0)]
    figure = figures(a, b)[RATE]
    assert figure["values"] == pytest.approx([100.0, 120.0])
    assert figure["spread"] == pytest.approx([1.0, 1.0])
    assert figure["rests_on"] == ["runs"]
    assert figure["verdict"] == "better"


def test_each_group_is_compared_with_the_first() -> None:
    found = compared(summary(), summary(rate=120.0), summary(rate=80.0))
    assert [(one["group"], one["against"]) for one in found["comparisons"]] == [("B", "A"), ("C", "A")]
    assert [one["figures"][RATE]["verdict"] for one in found["comparisons"]] == ["better", "worse"]
    assert [group["runs"] for group in found["groups"]] == [[0], [1], [2]]


def test_what_stands_against_a_run_is_beside() -> None:
    warned = {"code": "throttled", "level": "warn", "message": "Hot."}
    info = {"code": "odd-device", "level": "info", "message": "Odd."}
    failed = summary(quality=[warned, info])
    failed["session"]["exit_status"] = 3
    found = compared(summary(), [failed, failed])["groups"]
    assert found[0]["findings"] == []
    assert [one["code"] for one in found[1]["findings"]] == ["job-failed", "throttled"]


# What comes from elsewhere


@pytest.mark.parametrize(
    "value",
    [None, "x", [], -3, {"a": 1}, True, 10**400, 1e300, 1e-300],
    ids=lambda value: str(value)[:9],
)
def test_a_summary_may_hold_anything(value: Any) -> None:
    for key in summary():
        compared(summary() | {key: value}, summary())
        compared(summary(), summary() | {key: value})
    for key in ("work", "efficiency", "latency", "scatter"):
        compared(summary() | {key: {"queries": value, RATE: value}}, summary())
    energy = {**summary()["energy"], "by_device": {"nvidia:0": value}, "joules": value}
    compared(summary() | {"energy": energy}, summary())
    devices = {"tags": {"model": value}, "devices": {"Board": value}, "versions": {"torch": value}}
    compared(summary() | {"conditions": devices}, summary())


# A summary that did not keep its scatter, as `summary --json` writes it


def test_power_is_not_judged_by_the_errors_alone() -> None:
    bare = {"scatter": None, "error_ratio": 1e-5}
    found = figures(summary(**bare), summary(watts=301.0, **bare))
    for path in (POWER, ENERGY):
        assert found[path]["verdict"] == "cannot tell"
        assert "--summary-json" in found[path]["because"]
        assert found[path]["change"] == pytest.approx(1 / 300)


def test_a_run_whose_scatter_is_not_known_scatters_as_the_other() -> None:
    bare, told = summary(scatter=None, error_ratio=1e-5), summary(watts=302.0, error_ratio=0.01)
    for found in (figures(bare, told), figures(told, bare)):
        assert found[POWER]["verdict"] == "no difference shown"
        assert found[POWER]["rests_on"] == ["scatter"]
    alike = figures(summary(error_ratio=0.01), summary(watts=302.0, error_ratio=0.01))
    assert figures(bare, told)[POWER]["high"] >= alike[POWER]["high"]


def test_a_short_run_is_judged_by_its_errors() -> None:
    short = {"duration_s": 4.0, "scatter": None}
    found = figures(summary(**short), summary(watts=400.0, **short))
    assert found[POWER]["verdict"] == "worse"
