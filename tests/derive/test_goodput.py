"""Goodput: the share of queries that keep to objectives, exact from events, bounded from buckets."""

from __future__ import annotations

from typing import Any

import pytest
from derive.build import Session, every, histogram
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.settings import CostInputs
from perfwatch.derive.within import in_buckets, in_exponential, in_histogram
from perfwatch.metrics import LATENCY
from perfwatch.model import Buckets, DeviceKind, Kind, Metric, Unit
from perfwatch.objectives import GOOD, JUDGED, JUDGED_GOOD

TTFT, ITL = "time_to_first_token", "inter_token_latency"
BOUNDS = (0.1, 0.2, 0.5)


def paged(
    readings: dict[str, list[tuple[float, ...]]], *, queries: int = 100, bounds: tuple[float, ...] = BOUNDS
) -> Session:
    """A page that is read at 0, 10 and 30 s: all that it tells comes from 10 to 30 s, the window."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    metrics = [Metric("queries_total", Unit.COUNT, Kind.COUNTER)]
    metrics += [Metric(f"{name}_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=bounds) for name in readings]
    zero = [0, *(Buckets((0,) * (len(bounds) + 1), 0.0) for _ in readings)]
    end = [queries, *(Buckets(tuple(counts), None) for (counts,) in readings.values())]
    session.workload("page", metrics, [(0.0, zero), (10.0, zero), (30.0, end), (40.0, end)])
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    return session


def test_a_limit_at_an_edge_of_the_buckets_is_exact_for_one_objective():
    told = paged({TTFT: [(60, 90, 95, 100)]}).summary(slo={TTFT: 0.2})["goodput"]
    assert (told["count"], told["at_least"], told["at_most"], told["of"]) == (90, 90, 90, 100)
    assert (told["share_at_least"], told["share_at_most"], told["exact"]) == (0.9, 0.9, False)
    assert told["source"] == "page"


def test_a_limit_inside_a_bucket_is_bounded_by_it():
    summary = paged({TTFT: [(60, 90, 95, 100)]}).summary(slo={TTFT: 0.15})
    told = summary["goodput"]
    assert (told["at_least"], told["at_most"], told["count"]) == (60, 90, 75)
    assert summary["work"][GOOD] | {"others": 0} == {
        "count": 75,
        "error": pytest.approx(15.0),
        "rate_per_s": 3.75,
        "source": "page",
        "others": 0,
    }


def test_beyond_the_last_edge_nothing_is_known_but_that_they_are_there():
    told = paged({TTFT: [(60, 90, 95, 100)]}).summary(slo={TTFT: 0.6})["goodput"]
    assert (told["at_least"], told["at_most"]) == (95, 100)


def test_two_timings_that_were_gathered_apart_are_bounded_together():
    """90 keep to the one and 80 to the other: at least 70 to both, at most 80."""
    session = paged({TTFT: [(60, 90, 95, 100)], "latency": [(10, 50, 80, 100)]})
    told = session.summary(slo={TTFT: 0.2, "latency": 0.5})["goodput"]
    assert (told["at_least"], told["at_most"], told["of"]) == (70, 80, 100)
    assert told["objectives"][TTFT] == {
        "limit_s": 0.2,
        "timing": TTFT,
        "at_least": 90,
        "at_most": 90,
        "of": 100,
    }


def test_late_tokens_spoil_a_query_each_at_most_and_may_be_those_of_none_that_counts():
    """Of 5000 times between tokens 30 are late: 30 queries at most, or those of one that was given up."""
    session = paged({ITL: [(4970, 4990, 5000, 5000)], TTFT: [(100, 100, 100, 100)]})
    told = session.summary(slo={TTFT: 0.1, ITL: 0.1})["goodput"]
    assert (told["at_least"], told["at_most"]) == (70, 100)
    alone = session.summary(slo={ITL: 0.1})["goodput"]
    assert (alone["at_least"], alone["at_most"], alone["of"]) == (70, 100, 100)


def test_what_nobody_timed_is_no_number():
    summary = paged({TTFT: [(60, 90, 95, 100)]}).summary(slo={TTFT: 0.2, "latency": 1.0})
    told = summary["goodput"]
    assert (told["count"], told["at_least"], told["objectives"]["latency"]["timing"]) == (None, None, None)
    assert summary["work"][GOOD]["count"] is None
    assert summary["efficiency"][GOOD]["per_joule"] is None


def test_without_objectives_there_is_no_goodput():
    summary = paged({TTFT: [(60, 90, 95, 100)]}).summary()
    assert summary["goodput"] is None
    assert GOOD not in summary["work"]


def test_good_queries_have_energy_cost_and_rate_beside_the_plain_ones():
    summary = paged({TTFT: [(60, 80, 95, 100)]}).summary(slo={TTFT: 0.2}, cost=CostInputs(price_per_kwh=0.36))
    joules = summary["energy"]["joules"]
    assert summary["efficiency"][GOOD]["joules_per"] == pytest.approx(joules / 80)
    assert summary["cost"]["per"][GOOD] == pytest.approx(summary["cost"]["per"]["queries"] / 0.8)
    assert summary["work"][GOOD]["rate_per_s"] == pytest.approx(4.0)
    assert summary["unit"] == "queries"
    assert summary["also"]["job"]["goodput"]["count"] == 80


def test_of_a_job_that_tells_its_timings_alone_the_good_queries_are_the_work():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    took = [(t, (histogram(0.1, 0.1, 0.3),)) for t in every(1.0, 6.0, 30.0)]
    session.workload("statsd", [LATENCY], took)
    session.job(2.0, 38.0)
    good = session.summary(slo={"latency": 0.2})
    assert (good["unit"], good["work"][GOOD]["count"]) == (GOOD, 50)
    assert good["efficiency"][GOOD]["joules_per"] == pytest.approx(good["energy"]["joules"] / 50)
    assert "no-work" not in [finding["code"] for finding in good["quality"]]
    assert "no-work" in [finding["code"] for finding in session.summary()["quality"]]


def judged(recorded: dict[str, float], *, of: int = 20, **asked: Any) -> dict[str, Any]:
    """A run whose queries were judged as they were told, by these objectives: 17 of 20."""
    session = Session(settings={"slo": recorded})
    session.board(every(1.0, 0.0, 40.0))
    told = [Metric("queries_total", Unit.COUNT, Kind.COUNTER), LATENCY]
    names = (JUDGED_GOOD, JUDGED) if recorded else (GOOD,)
    told += [Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER) for name in names]
    took = [(0.1, 0.3)] * 8 + [(0.1, 0.5), (0.5, 0.5)]
    rows = [
        (t, (2 * n, histogram(*took[n - 1]), *(min(2 * n, 17), min(2 * n, of))[: len(names)]))
        for n, t in enumerate(every(2.0, 10.0, 28.0), 1)
    ]
    session.workload("statsd", told, [(5.0, (0, None, *(0,) * len(names))), *rows])
    session.mark("measure", 6.0, 30.0)
    session.job(2.0, 38.0)
    return session.summary(**asked)


def test_queries_that_were_judged_one_by_one_are_counted_exactly():
    told = judged({"latency": 0.3}, slo={"latency": 0.3})["goodput"]
    assert (told["count"], told["of"], told["exact"], told["source"]) == (17, 20, True, "statsd")


def test_what_was_not_judged_is_known_by_its_timings_as_far_as_these_tell():
    """Of eighteen that were judged seventeen are good; by the timings no other of the twenty is."""
    told = judged({"latency": 0.3}, of=18, slo={"latency": 0.3})["goodput"]
    assert (told["at_least"], told["at_most"], told["of"]) == (17, 17, 20)
    assert JUDGED not in judged({"latency": 0.3}, slo={"latency": 0.3})["work"]


def test_other_objectives_than_those_of_the_run_are_taken_from_its_timings():
    summary = judged({"latency": 0.3}, slo={"latency": 0.2})
    told = summary["goodput"]
    assert (told["count"], told["at_least"], told["at_most"], told["exact"]) == (9, 9, 9, False)
    assert summary["work"][GOOD]["count"] == 9


def test_a_job_that_counts_good_queries_by_its_own_rule_is_not_touched():
    summary = judged({}, slo={})
    assert summary["goodput"] is None
    assert summary["work"][GOOD]["count"] == 17


def test_all_of_an_empty_window_is_no_number():
    summary = paged({TTFT: [(60, 90, 95, 100)]}).summary(slo={TTFT: 0.2}, warmup_s=100.0)
    assert summary["work"][GOOD]["count"] is None


times = st.floats(min_value=1e-4, max_value=10.0)


@given(st.lists(times, min_size=1, max_size=60), times)
def test_what_buckets_say_holds_the_truth(values, limit_s):
    truth = sum(one <= limit_s for one in values)
    told = histogram(*values)
    known = in_histogram(told, limit_s)
    assert known.at_least <= truth <= known.at_most
    cumulative = [sum(one <= bound for one in values) for bound in BOUNDS] + [len(values)]
    page = in_buckets((*BOUNDS, float("inf")), cumulative, limit_s)
    assert page.at_least <= truth <= page.at_most
    coarse: dict[int, float] = {}
    for place, count in told.buckets.items():
        coarse[place >> 2] = coarse.get(place >> 2, 0.0) + count
    rough = in_exponential(coarse, limit_s, per_doubling=32)
    assert rough.at_least <= truth <= rough.at_most


@given(st.lists(st.tuples(times, times), min_size=1, max_size=60), times, times)
def test_the_bounds_of_two_objectives_hold_the_truth(queries, first_s, second_s):
    counts = [
        [sum(query[at] <= bound for query in queries) for bound in BOUNDS] + [len(queries)] for at in (0, 1)
    ]
    session = paged({TTFT: [tuple(counts[0])], "latency": [tuple(counts[1])]}, queries=len(queries))
    told = session.summary(slo={TTFT: first_s, "latency": second_s})["goodput"]
    truth = sum(one <= first_s and other <= second_s for one, other in queries)
    assert told["at_least"] <= truth <= told["at_most"]


# -- whom timings cover --------------------------------------------------------------------------------


def served(answered: int, failed: int, timings: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """The goodput of a page that counts answers and failures, with 0.1 s as the limit of each timing."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    metrics = [Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER) for name in ("queries", "errors")]
    metrics += [Metric(f"{name}_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=BOUNDS) for name in timings]
    zero = [0, 0, *(Buckets((0,) * 4, 0.0) for _ in timings)]
    end = [answered, failed, *(Buckets(counts, None) for counts in timings.values())]
    session.workload("page", metrics, [(0.0, zero), (10.0, zero), (30.0, end), (40.0, end)])
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    found = session.summary(slo=dict.fromkeys(timings, 0.1))["goodput"]
    assert found["share_at_most"] <= 1.0
    return dict(found)


@pytest.mark.parametrize(
    ("answered", "failed", "timed", "bounds", "of"),
    [
        (10, 100, (100, 100, 100, 110), (0, 10), 110),  # quick failures are no good queries
        (10, 20, (20, 20, 20, 30), (0, 10), 30),
        (10, 10, (10, 10, 10, 10), (10, 10), 20),  # failures that are not timed are queries all the same
        (50, 0, (30, 30, 40, 40), (30, 40), 50),  # of ten nothing is known
        (50, 0, (49, 49, 49, 49), (49, 49), 49),  # one more was answered at an end of the window
        (0, 5, (5, 5, 5, 5), (0, 0), 5),
    ],
)
def test_failures_are_never_good_and_always_queries(answered, failed, timed, bounds, of):
    told = served(answered, failed, {"latency": timed})
    assert (told["at_least"], told["at_most"], told["of"]) == (*bounds, of)


def test_times_between_tokens_bound_from_below_alone():
    """Nine queries of one token, one of eleven with five late: nine keep to it."""
    told = served(10, 0, {ITL: (5, 5, 5, 10)})
    assert (told["at_least"], told["at_most"], told["of"]) == (5, 10, 10)


def test_several_servers_are_bounded_one_by_one():
    """On the one server every first token is late, on the other every query: none is good, whichever meet."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    late, quick = Buckets((0, 0, 50, 50), None), Buckets((50, 50, 50, 50), None)
    for name, (ttft, latency) in {"a": (late, quick), "b": (quick, late)}.items():
        metrics = [Metric("queries_total", Unit.COUNT, Kind.COUNTER)]
        metrics += [
            Metric(f"{timing}_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=BOUNDS)
            for timing in (TTFT, "latency")
        ]
        number = session.device(
            "page", metrics=metrics, kind=DeviceKind.WORKLOAD, scope=None, uuid=name, work="page"
        )
        zero = (0, Buckets((0,) * 4, 0.0), Buckets((0,) * 4, 0.0))
        for t, values in (
            (0.0, zero),
            (10.0, zero),
            (30.0, (50, ttft, latency)),
            (40.0, (50, ttft, latency)),
        ):
            session.sample(number, t, *values)
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    told = session.summary(slo={TTFT: 0.1, "latency": 0.1})["goodput"]
    assert (told["at_least"], told["at_most"], told["of"]) == (0, 0, 100)
