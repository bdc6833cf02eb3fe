"""Gates in CI: what breaks a limit, what cannot be judged, and what a wrong path is answered."""

from __future__ import annotations

import copy

import pytest

from perfwatch.derive.gates import (
    BROKEN,
    NOT_MEASURED,
    PASSED,
    check,
    exit_status,
    judge,
    parse_gate,
    parse_requirements,
)
from perfwatch.errors import ConfigError

SUMMARY = {
    "schema": "perfwatch.summary/1",
    "window": {"kind": "marks", "duration_s": 61.8, "phase": None},
    "work": {"queries": {"count": 300, "rate_per_s": 4.85}, "my.unit": {"count": 3}, "errors": {"count": 0}},
    "unit": "queries",
    "energy": {
        "joules": 361e3,
        "method": "counter",
        "by_device": {"nvidia:0": {"joules": 45e3, "coverage": 1.0}},
        "by_scope": {},
    },
    "power": {"mean_watts": 5840.0, "max_watts": None},
    "efficiency": {
        "queries": {"per_joule": 0.00083, "joules_per": 1203.0},
        "my.unit": {"per_joule": None, "joules_per": None},
    },
    "cost": {"total": 0.343, "per": {"queries": 0.0011}, "assumptions": {"missing": []}},
    "carbon": None,
    "latency": {"latency": {"count": 300, "p99_s": 0.89}},
    "goodput": {"slo": {"latency": 0.5}, "count": 290, "of": 300},
    "also": {"job": {"energy": {"joules": 401e3}, "efficiency": {"queries": {"per_joule": 0.0007}}}},
}


def judged(text, summary=SUMMARY):
    return judge(parse_gate(text), summary)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("efficiency.queries.per_joule < 2.0", BROKEN),
        ("efficiency.queries.per_joule < 0.0005", PASSED),
        ("power.mean_watts > 5840", PASSED),
        ("power.mean_watts >= 5840", BROKEN),
        ("power.mean_watts <= 5839.9", PASSED),
        ("work.queries.count == 300", BROKEN),
        ("work.queries.count != 300", PASSED),
        ("work.my.unit.count<4", BROKEN),
        ("latency.latency.p99_s > 500ms", BROKEN),
        ("latency.latency.p99_s > 0.9", PASSED),
        ("energy.by_device.nvidia:0.coverage < 0.98", PASSED),
        ("cost.per.queries > 1e-3", BROKEN),
        ("also.job.efficiency.queries.per_joule < 0.001", BROKEN),
        ("also.job.energy.joules > 5e5", PASSED),
        ("window.kind != marks", PASSED),
        ("window.kind == 'marks'", BROKEN),
    ],
)
def test_a_limit_is_broken_when_its_comparison_is_true(text, status):
    assert judged(text).status == status


@pytest.mark.parametrize(
    "text",
    [
        "power.max_watts > 6000",
        "efficiency.my.unit.per_joule < 1",
        "carbon.grams > 5",
        "utilization.nvidia:0.mean < 0.5",
        "window.kind < 3",
        "also.work.energy.joules > 3",
        "observer.cpu_ratio > 0.01",
    ],
)
def test_what_was_not_measured_is_not_passed(text):
    verdict = judged(text)
    assert verdict.status == NOT_MEASURED
    assert "cannot be judged" in verdict.message


def test_a_name_near_one_that_is_there_is_a_slip():
    with pytest.raises(ConfigError, match=r"did you mean efficiency\.queries\.per_joule\?"):
        judged("efficiency.querys.per_joule < 2")


def test_a_job_that_counted_nothing_is_not_a_slip():
    idle = {**SUMMARY, "efficiency": {}, "work": {}}
    assert judged("efficiency.queries.per_joule < 2", idle).status == NOT_MEASURED


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("efficency.queries.per_joule < 2", r"did you mean efficiency\?"),
        ("efficiency.queries.per_jule < 2", r"did you mean per_joule\?"),
        ("efficiency.queries < 2", "add one of per_joule, per_joule_error, joules_per"),
        ("energy.joule < 2", r"did you mean joules\?"),
        ("energy < 2", "that is one value; add one of scope, joules"),
        ("energy.by_device < 2", "that is one value; add a name of the run"),
        ("energy.joules.x < 2", "joules is a value, nothing stands below it"),
        ("also.job.energie.joules < 2", r"did you mean energy"),
        ("energy.joules < -3%", "relative to another run"),
        ("energy.joules < much", "'much' is no number"),
        ("energy.joules < nan", "'nan' is no number"),
        ("energy.joules", "write PATH OPERATOR NUMBER"),
        ("energy.joules = 3", "write PATH OPERATOR NUMBER"),
        ("< 3", "write PATH OPERATOR NUMBER"),
        ("", "write PATH OPERATOR NUMBER"),
        ("1 < energy.joules < 3", "write PATH OPERATOR NUMBER"),
    ],
)
def test_a_wrong_gate_is_refused_before_the_job_runs(text, answer):
    with pytest.raises(ConfigError, match=answer):
        parse_gate(text)


def without(path):
    """The summary with null at a path."""
    summary = copy.deepcopy(SUMMARY)
    *parents, last = path.split(".")
    place = summary
    for key in parents:
        place = place[key]
    place[last] = None
    return summary


@pytest.mark.parametrize(
    ("word", "summary", "reason"),
    [
        ("energy", without("energy.joules"), "told its power or energy"),
        ("energy", {**SUMMARY, "energy": {"joules": 3.0, "method": "estimated"}}, "estimated by a model"),
        (
            "energy",
            {
                **SUMMARY,
                "energy": {"joules": 3.0, "method": "mixed", "error_joules": None},
                "quality": [{"code": "estimated", "level": "info", "message": "A part."}],
            },
            "a part of it was estimated",
        ),
        (
            "energy",
            {
                **SUMMARY,
                "quality": [{"code": "low-coverage", "level": "insufficient", "message": "Two thirds only."}],
            },
            "Two thirds only",
        ),
        (
            "work",
            {**SUMMARY, "work": {"queries": {"count": 0}, "errors": {"count": 5}}},
            "nothing counted work",
        ),
        ("work", {**SUMMARY, "work": {}}, "nothing counted work"),
        ("efficiency", without("efficiency.queries.per_joule"), "no work per joule"),
        ("latency", {**SUMMARY, "latency": {}}, "nothing timed"),
        ("goodput", without("goodput"), "--slo ttft=200ms"),
        ("goodput", without("goodput.count"), "nothing timed all"),
        ("cost", without("cost"), "--price 0.12/kWh"),
        ("cost", without("cost.total"), "--cost-scope energy"),
    ],
)
def test_what_is_required_must_have_been_measured(word, summary, reason):
    assert exit_status(check(SUMMARY, require=[word])) == 0
    verdicts = check(summary, require=[word])
    assert exit_status(verdicts) == 1
    assert reason in verdicts[0].message


def test_a_broken_limit_says_more_than_one_that_cannot_be_judged():
    gates = [parse_gate("power.max_watts > 1"), parse_gate("power.mean_watts > 1")]
    assert exit_status(check(SUMMARY, fail_on=gates[:1])) == 1
    assert exit_status(check(SUMMARY, fail_on=gates, require=["energy"])) == 3
    assert exit_status([]) == 0


def test_requirements_are_words_of_a_list():
    assert parse_requirements("energy, work,energy") == ("energy", "work")
    with pytest.raises(ConfigError, match=r"did you mean energy\?"):
        parse_requirements("enrgy")
    with pytest.raises(ConfigError, match="energy,work"):
        parse_requirements(" , ")


@pytest.mark.parametrize(
    ("device", "throttled", "status"),
    [
        ("nvidia:0", {"power": 0.52, "thermal": 0.09}, BROKEN),
        ("lab.org/nvidia:0", {"power": 0.52}, BROKEN),
        ("nvidia:0", {"thermal": 0.09}, PASSED),
        ("nvidia:0", {}, PASSED),
        ("nvidia:0", None, NOT_MEASURED),
    ],
)
def test_a_cause_that_never_held_has_a_share_of_nothing(device, throttled, status):
    summary = {"energy": {"by_device": {device: {"throttled": throttled}}}}
    assert judge(parse_gate(f"energy.by_device.{device}.throttled.power > 0.1"), summary).status == status


def test_the_window_that_is_the_main_one_can_be_named_as_one_beside_it():
    summary = {"window": {"kind": "job"}, "energy": {"joules": 12.0}, "also": {"work": {}}}
    assert judge(parse_gate("also.job.energy.joules < 10"), summary).status == PASSED
    assert judge(parse_gate("also.job.energy.joules > 10"), summary).status == BROKEN


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("mlperf.valid == false", BROKEN),
        ("mlperf.valid == true", PASSED),
        ("mlperf.metric.value < 100", BROKEN),
        ("mlperf.efficiency.value < 1", NOT_MEASURED),
    ],
)
def test_what_mlperf_says_of_a_run_can_be_a_limit(text, status):
    told = {"mlperf": {"valid": False, "metric": {"value": 98.5}, "efficiency": None}}
    assert judge(parse_gate(text), told).status == status
