"""What `--slo` takes, and who is judged by it."""

from __future__ import annotations

import pytest

from perfwatch import client
from perfwatch.errors import ConfigError
from perfwatch.model import Device, DeviceKind
from perfwatch.objectives import JUDGED, JUDGED_GOOD, Judge, parse_slo, told_as
from perfwatch.workload.tally import Tally


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ttft=200ms,itl=50ms", {"time_to_first_token": 0.2, "inter_token_latency": 0.05}),
        ("latency=15ms", {"latency": 0.015}),
        (" E2EL = 2s , TPOT=40ms", {"latency": 2.0, "time_per_output_token": 0.04}),
        ("time_to_first_token=1m", {"time_to_first_token": 60.0}),
        ("render_seconds=0.25s", {"render": 0.25}),
        ("latency=350ms", {"latency": 0.35}),
        ("latency=5us", {"latency": 5e-6}),
    ],
)
def test_objectives_have_the_names_of_the_field(text, found):
    assert parse_slo(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latency=1e-3", "say its unit, as in latency=1e-3ms"),
        ("latency=1,5s", "a comma parts objectives; write a time with a point"),
        ("latency=15", "say its unit, as in latency=15ms"),
        ("latency", "as in --slo ttft=200ms,itl=50ms"),
        ("", "as in --slo ttft=200ms,itl=50ms"),
        ("=15ms", "as in --slo"),
        ("latency<15ms", "as in --slo"),
        ("latency=15parsec", "cannot read '15parsec' as a duration"),
        ("latency=0ms", "more than 0 and up to a day"),
        ("latency=-1s", "cannot read '-1s' as a duration"),
        ("latency=3d", "more than 0 and up to a day"),
        ("latency=25h", "more than 0 and up to a day"),
        ("latency=1s,e2e=2s", "it has latency twice"),
        ("tfft=200ms", "did you mean ttft?"),
        ("itl=1ms,time_to_frist_token=1s", "did you mean time_to_first_token?"),
        (",".join(f"t{n}=1s" for n in range(17)), "it takes 16 timings at most"),
    ],
)
def test_what_is_no_objective_is_answered_in_a_sentence(text, said):
    with pytest.raises(ConfigError) as caught:
        parse_slo(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["my_latency", "latency_of_db", "decode", "tfft_seconds", "prefill"])
def test_an_own_timing_may_have_any_other_name(name):
    assert parse_slo(f"{name}=1s") == {name.removesuffix("_seconds"): 1.0}


def test_one_objective_of_a_query_is_judged_timing_by_timing():
    judge = Judge({"latency": 0.015})
    assert [judge.of_timing("latency", s) for s in (0.014, 0.015, 0.0151)] == [True, True, False]
    assert judge.of_timing("e2el_seconds", 0.01) is True
    assert judge.of_timing("queue_time", 0.01) is None
    assert judge.of_line({"latency": 0.01}) is None, "it was judged alone"


def test_several_objectives_are_judged_where_one_line_tells_them_all():
    judge = Judge({"time_to_first_token": 0.2, "latency": 1.0})
    assert judge.of_timing("latency", 0.5) is None
    assert judge.of_line({"ttft": 0.2, "latency": 1.0}) is True
    assert judge.of_line({"ttft": 0.21, "latency": 0.5}) is False
    assert judge.of_line({"ttft": 0.1}) is None


def test_the_tokens_of_a_query_do_not_tell_alone_whether_it_was_good():
    judge = Judge({"inter_token_latency": 0.05})
    assert judge.of_timing("itl", 0.01) is None
    assert judge.of_line({"itl": 0.05}) is True


def test_a_time_per_output_token_may_stand_for_itself_and_times_between_tokens_for_it():
    judge = Judge({"time_per_output_token": 0.05})
    assert judge.of_timing("tpot", 0.05) is True
    assert judge.of_timing("itl", 0.05) is None
    assert judge.of_line({"itl": 0.04}) is True
    assert told_as("time_per_output_token")[:2] == ("time_per_output_token", "tpot")


def test_without_objectives_nobody_is_judged():
    assert Judge({}).of_line({"latency": 1.0}) is None
    assert Judge({}).to_environment() == ""


@pytest.mark.parametrize(
    "slo",
    [
        {"latency": 0.015},
        {"inter_token_latency": 0.05},
        {"time_per_output_token": 0.05},
        {"time_to_first_token": 0.2, "latency": 1.0},
        {},
    ],
)
def test_the_client_judges_by_the_same_rules(slo):
    """Its file stands alone and repeats them."""
    judge = Judge(slo)
    theirs = client._Objectives(judge.to_environment())
    lines = [
        {"latency": 0.01},
        {"latency": 0.02, "ttft": 0.1},
        {"latency": 0.5, "time_to_first_token": 0.2},
        {"ttft": 0.3, "latency": 0.1},
        {"itl": 0.05},
        {"tpot": 0.06},
        {"latency": -1.0, "ttft": -1.0},
        {"latency": float("nan"), "ttft": 0.1},
        {},
    ]
    for line in lines:
        assert theirs.of_query(line) == judge.of_line(line)
        for name, seconds in line.items():
            if not seconds >= 0:
                continue  # such a timing is refused before
            good = judge.of_timing(name, seconds)
            assert theirs.good_of(name, [seconds]) == (None if good is None else int(good))


def test_of_several_names_of_one_thing_the_first_that_was_told_counts():
    theirs = client._Objectives("latency,e2e=0.1")
    assert theirs.good_of("e2e", [0.02, 0.5]) == 1
    assert theirs.good_of("latency", [0.01]) is None
    tally = Tally(Device("w", "w", DeviceKind.WORKLOAD), 0, Judge({"latency": 0.1}))
    tally.timing("latency", 0.01)
    tally.timing("e2e", 0.02)
    assert (tally.total(JUDGED), tally.total(JUDGED_GOOD)) == (1, 1)
