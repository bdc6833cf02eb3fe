"""Percentiles, means and extremes of timings in a window."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from derive.build import Session, codes, every, histogram, message
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.latency import QUANTILES, merge, of_buckets, of_histogram, quantile_of_buckets, rank_of
from perfwatch.metrics import LATENCY, QUERIES
from perfwatch.model import Buckets, Kind, Metric, Unit
from perfwatch.session import format as fmt

PAGE = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.5, 1.0, 2.0))


def timed(rows: list, *, metric: Metric = LATENCY, work: str = "statsd") -> Session:
    """A job from 2 to 38 s measured from 10 to 30 s, with timings."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    session.workload(work, [metric], [(t, (value,)) for t, value in rows])
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    return session


def nearest_rank(values: list[float], part: int, whole: int) -> float:
    """The oracle: the value at the rank, from all observations."""
    return sorted(values)[-(-len(values) * part // whole) - 1]


def test_mean_count_and_extremes_are_exact():
    rows = [(12.0, histogram(0.125, 0.25)), (20.0, histogram(0.5, 1.0, 4.0))]
    latency = timed(rows).summary()["latency"]["latency"]
    assert latency["count"] == 5
    assert latency["mean_s"] == pytest.approx(1.175)
    assert (latency["min_s"], latency["max_s"]) == (0.125, 4.0)


def test_only_what_lies_in_the_window_counts_by_the_rule_of_the_work():
    rows = [
        (10.0, histogram(9.0)),
        (10.1, histogram(1.0)),
        (30.0, histogram(2.0)),
        (30.1, histogram(9.0)),
    ]
    session = timed(rows)
    inside = session.summary()["latency"]["latency"]
    assert (inside["count"], inside["min_s"], inside["max_s"]) == (2, 1.0, 2.0)
    whole = session.summary(window="job")["latency"]["latency"]
    assert (whole["count"], whole["max_s"]) == (4, 9.0)


def test_what_the_job_timed_counts_for_the_job_even_if_stamped_a_little_after_its_end():
    rows = [(20.0, histogram(1.0)), (38.03, histogram(3.0))]
    assert timed(rows).summary(window="job")["latency"]["latency"]["max_s"] == 3.0


def test_a_window_without_timings_knows_nothing_of_them():
    latency = timed([(5.0, histogram(1.0))]).summary()["latency"]["latency"]
    assert latency == {
        "count": 0,
        "mean_s": None,
        "min_s": None,
        **dict.fromkeys(QUANTILES),
        "max_s": None,
        "lower_limits": [],
        "buckets": {},
    }


@given(st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=300))
def test_every_percentile_is_within_half_a_percent_of_the_value_at_its_rank(values):
    latency = of_histogram(histogram(*values))
    for key, (part, whole) in QUANTILES.items():
        value = latency.percentiles[key]
        if len(values) * (whole - part) < whole:
            assert value is None
        else:
            assert value == pytest.approx(nearest_rank(values, part, whole), rel=0.005)


@given(st.lists(st.lists(st.floats(1e-3, 10.0), min_size=1, max_size=20), min_size=1, max_size=10))
def test_timings_may_come_in_any_portions(portions):
    merged = merge(histogram(*portion) for portion in portions)
    whole = histogram(*(value for portion in portions for value in portion))
    assert merged.buckets == whole.buckets
    assert (merged.n, merged.min, merged.max) == (whole.n, whole.min, whole.max)
    assert merged.sum == pytest.approx(whole.sum)


@pytest.mark.parametrize(
    ("n", "part", "whole", "rank"),
    [
        (1, 1, 2, None),  # half an observation beyond it
        (2, 1, 2, 1),
        (9, 9, 10, None),
        (10, 9, 10, 9),
        (100, 99, 100, 99),
        (99, 99, 100, None),
        (1000, 999, 1000, 999),
        (15, 9, 10, 14),
    ],
)
def test_a_percentile_needs_one_observation_beyond_it(n, part, whole, rank):
    assert rank_of(n, part, whole) == rank


def test_zeros_are_observations_too():
    latency = of_histogram(histogram(*([0.0] * 60), *([1.0] * 40)))
    assert latency.percentiles["p50_s"] == 0.0
    assert latency.percentiles["p90_s"] == pytest.approx(1.0, rel=0.005)
    assert latency.min_s == 0.0


def test_percentiles_stay_between_the_extremes():
    latency = of_histogram(histogram(*([0.1] * 20)))
    assert latency.percentiles["p50_s"] == 0.1
    assert latency.percentiles["p95_s"] == 0.1


def test_a_percentile_on_fewer_than_ten_observations_is_marked():
    random.seed(4)
    few = timed([(20.0, histogram(*(random.uniform(0.1, 0.2) for _ in range(300))))]).summary()
    assert "few-latencies" in codes(few, "info")
    assert message(few, "few-latencies") == "p99 of latency rests on fewer than ten of 300 observations."
    assert few["latency"]["latency"]["p999_s"] is None


def test_percentiles_on_ten_observations_are_not_marked():
    many = timed([(20.0, histogram(*([0.1] * 10_000)))]).summary()
    assert "few-latencies" not in codes(many)


# A server's page: cumulative counts by bound


def test_a_quantile_of_buckets_is_promqls():
    """ClickHouse's documentation of quantilePrometheusHistogram works this example."""
    assert quantile_of_buckets((0.0, 0.5, 1.0, math.inf), (6, 11, 14, 19), 9.5) == (
        pytest.approx(0.35),
        False,
    )


def test_a_quantile_beyond_the_highest_bound_is_a_lower_limit():
    latency = of_buckets((0.5, 1.0, math.inf), (10, 20, 100), 250.0)
    assert latency.percentiles["p50_s"] == 1.0
    assert "p50_s" in latency.lower_limits
    assert (latency.mean_s, latency.min_s, latency.max_s) == (2.5, None, None)


def test_a_quantile_in_a_bucket_wider_than_itself_is_told_as_that_bucket():
    """121 queries that waited 12 us each, told by a bucket of 0.3 s: interpolated they waited 150 ms."""
    waited = of_buckets((0.3, 0.5, math.inf), (121, 121, 121), 121 * 12e-6)
    assert waited.percentiles["p50_s"] == pytest.approx(0.15)
    assert waited.buckets == dict.fromkeys(("p50_s", "p90_s", "p95_s", "p99_s"), (0.0, 0.3))
    assert waited.mean_s == pytest.approx(12e-6)
    fine = of_buckets((0.1, 0.2, 0.3, math.inf), (0, 100, 300, 300), None)
    assert fine.buckets == {}
    assert of_buckets((0.1, 1.0, math.inf), (10, 100, 100), None).buckets["p50_s"] == (0.1, 1.0)


def test_pages_are_differenced_over_the_window():
    rows = [
        (10.0, Buckets((100, 100, 100, 100), 10.0)),
        (30.0, Buckets((100, 120, 120, 120), 25.0)),
    ]
    latency = timed(rows, metric=PAGE, work="page").summary()["latency"]["latency"]
    assert (latency["count"], latency["mean_s"]) == (20, 0.75)
    assert latency["p50_s"] == 0.75


def test_a_page_that_stood_still_between_two_records_grew_only_before_the_second():
    """Buckets are recorded when they changed; the polls between say that they had not."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    rows = [(t, (float(t >= 29.0), None)) for t in every(1.0, 0.0, 40.0)]
    changed = {0.0: Buckets((0, 0, 0, 0), 0.0), 29.0: Buckets((0, 40, 40, 40), 30.0)}
    rows = [(t, (count, changed.get(t))) for t, (count, _) in rows]
    session.workload("page", [QUERIES, PAGE], rows)
    session.mark("measure", 10.0, 28.0)
    session.mark("later", 28.5, 35.0)
    session.job(2.0, 38.0)
    assert session.summary()["latency"]["latency"]["count"] == 0
    assert session.summary(phase="later")["latency"]["latency"]["count"] == 20


def test_a_restarted_page_counts_from_zero():
    rows = [
        (10.0, Buckets((100, 100, 100, 100), 10.0)),
        (20.0, Buckets((110, 110, 110, 110), 14.0)),
        (30.0, Buckets((0, 5, 5, 5), 4.0)),
    ]
    latency = timed(rows, metric=PAGE, work="page").summary()["latency"]["latency"]
    assert (latency["count"], latency["mean_s"]) == (15, pytest.approx(8.0 / 15))


def test_servers_with_different_bounds_are_merged_by_the_bounds_they_share():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    other = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.25, 1.0, 2.0))
    session.workload(
        "page", [PAGE], [(10.0, (Buckets((0,) * 4, 0.0),)), (30.0, (Buckets((5, 10, 10, 10), 5.0),))]
    )
    session.workload(
        "page", [other], [(10.0, (Buckets((0,) * 4, 0.0),)), (30.0, (Buckets((4, 10, 10, 10), 5.0),))]
    )
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    latency = session.summary()["latency"]["latency"]
    assert latency["count"] == 20
    assert latency["p50_s"] == 0.5  # half of the twenty below the shared bound of 1 s, linear from 0


def test_percentiles_of_servers_that_share_no_bound_are_unknown_and_that_is_said():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    other = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.25, 0.75))
    session.workload("page", [PAGE], [(10.0, (Buckets((0,) * 4, 0.0),)), (30.0, (Buckets((5,) * 4, 5.0),))])
    session.workload("page", [other], [(10.0, (Buckets((0,) * 3, 0.0),)), (30.0, (Buckets((5,) * 3, 3.0),))])
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    summary = session.summary()
    latency = summary["latency"]["latency"]
    assert (latency["count"], latency["mean_s"], latency["p50_s"]) == (10, 0.8, None)
    assert "latency has no percentiles" in message(summary, "few-latencies")


def test_a_server_that_has_other_bounds_after_a_restart_goes_on_with_those_that_it_kept():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    number = session.workload(
        "page", [PAGE], [(10.0, (Buckets((0,) * 4, 0.0),)), (20.0, (Buckets((0, 50, 50, 50), 40.0),))]
    )
    cut = replace(PAGE, bounds=(1.0, 2.0))
    declared = session.tape().devices[number].device
    again = fmt.encode_device(number, "page", replace(declared, metrics=(cut,)))
    session.records.append({"t": 20.0, "device": again})
    session.sample(number, 20.0, Buckets((0, 0, 0), 0.0))
    session.sample(number, 30.0, Buckets((50, 50, 50), 10.0))
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    latency = session.summary()["latency"]["latency"]
    assert (latency["count"], latency["mean_s"], latency["p90_s"]) == (100, 0.5, 0.9)


def test_the_first_kind_of_source_times_what_several_time():
    session = timed([(20.0, histogram(1.0, 1.0))], work="statsd")
    session.workload("output", [LATENCY], [(20.0, (histogram(9.0),))])
    assert session.summary()["latency"]["latency"]["max_s"] == 1.0
