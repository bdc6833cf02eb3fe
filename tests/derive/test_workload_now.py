"""What each workload does now: rates, totals and percentiles over time."""

from __future__ import annotations

import random
import sys

import pytest

from perfwatch import metrics as m
from perfwatch.derive.latency import merge, of_histogram
from perfwatch.derive.timings import SIZES, Timing
from perfwatch.derive.workload_now import WorkloadFigures
from perfwatch.model import Buckets, Device, DeviceKind, Histogram, Kind, Metric, Unit
from perfwatch.session import format as fmt
from perfwatch.workload.histogram import Observations


def observed(values: list[float]) -> Histogram:
    gathered = Observations()
    gathered.observe_all(values)
    taken = gathered.take()
    assert taken is not None
    return taken


def declared(*metrics: Metric, work: str = "page") -> dict[str, object]:
    device = Device("w", "server", DeviceKind.WORKLOAD, 0, metrics, facts={"work": work})
    return {"t": 0.0, "device": fmt.encode_device(0, "page", device)}


def sample(t: float, *values: object) -> dict[str, object]:
    return {"t": t, "c": "page", "took": 0.001, "s": [[0, t, list(values)]]}


def figures(*records: dict[str, object], now_s: float = 30.0) -> WorkloadFigures:
    folded = WorkloadFigures(now_s)
    for record in records:
        folded.write(record)
    return folded


def test_a_polled_counter_has_a_rate_between_its_readings_and_a_total_since_the_first():
    folded = figures(declared(m.QUERIES), *(sample(float(t), 100 + 5 * t) for t in range(61)))
    (queries,) = folded.figures(60.4)[0].counted
    assert queries.name == "queries"
    assert queries.total == 300
    assert queries.per_s == pytest.approx(5.0)


def test_the_rate_is_of_the_last_seconds_only():
    slow_then_fast = [sample(float(t), t if t < 50 else 50 + 10 * (t - 50)) for t in range(81)]
    (queries,) = figures(declared(m.QUERIES), *slow_then_fast).figures(80.0)[0].counted
    assert queries.per_s == pytest.approx(10.0)


def test_a_rate_that_rests_on_one_reading_or_on_old_ones_is_unknown():
    folded = figures(declared(m.QUERIES), sample(1.0, 7))
    assert folded.figures(1.0)[0].counted[0].per_s is None
    folded.write(sample(3.0, 9))
    assert folded.figures(3.0)[0].counted[0].per_s == pytest.approx(1.0)
    assert folded.figures(50.0)[0].counted[0].per_s is None


def test_a_source_with_its_own_times_that_says_nothing_does_nothing():
    folded = figures(declared(m.QUERIES, work="statsd"), sample(0.0, 0), sample(10.0, 60))
    assert folded.figures(20.0)[0].counted[0].per_s == pytest.approx(3.0)
    assert folded.figures(100.0)[0].counted[0].per_s == 0.0


def test_a_counter_that_restarts_counts_its_new_value():
    folded = figures(declared(m.QUERIES), sample(0.0, 90), sample(1.0, 100), sample(2.0, 4))
    assert folded.figures(2.0)[0].counted[0].total == 14


def test_the_percentiles_of_everything_are_those_of_the_summary():
    rng = random.Random(3)
    parts = [observed([rng.lognormvariate(-2, 0.5) for _ in range(40)]) for _ in range(50)]
    timing = Timing(m.LATENCY)
    for second, part in enumerate(parts):
        timing.take(float(second), fmt.encode_value(part))
    assert timing.whole() == of_histogram(merge(parts))


def test_a_stretch_holds_only_its_own_queries():
    timing = Timing(m.LATENCY)
    for second in range(100):
        timing.take(second + 0.5, fmt.encode_value(observed([0.1 if second < 60 else 0.4] * 10)))
    late, early = timing.between(70.0, 100.0), timing.between(0.0, 30.0)
    assert (early.count, late.count) == (300, 300)
    assert early.percentiles["p99_s"] == pytest.approx(0.1, rel=0.005)
    assert late.percentiles["p50_s"] == pytest.approx(0.4, rel=0.005)


def test_a_chart_shows_a_percentile_only_where_enough_queries_tell_it():
    timing = Timing(m.LATENCY)
    for second in range(30):
        timing.take(second + 0.5, fmt.encode_value(observed([0.2] * 5)))
    medians = timing.bins("p50_s", 1.0, 0, 34)
    assert medians[29][2] == pytest.approx(0.2, rel=0.005)
    assert timing.bins("p99_s", 1.0, 29, 29)[0][2] is None  # 50 queries in 10 s
    assert timing.bins("p99_s", 30.0, 0, 0)[0][2] == pytest.approx(0.2, rel=0.005)
    assert timing.bins("p50_s", 1.0, 45, 45)[0][2] is None


def test_a_chart_of_hours_is_right_to_a_few_percent_and_takes_little_memory():
    rng = random.Random(5)
    timing = Timing(m.LATENCY)
    for second in range(3 * 3600):
        timing.take(second + 0.5, fmt.encode_value(observed([rng.uniform(0.05, 0.5) for _ in range(20)])))
    (old,) = timing.bins("p50_s", 120.0, 5, 5)
    assert old[2] == pytest.approx(0.275, rel=0.05)
    kept = sum(sys.getsizeof(one) for tier in timing._tiers for one in tier._bins.values())
    assert kept < 2e6
    assert all(len(tier._bins) <= size for tier, (_, size, _) in zip(timing._tiers, SIZES, strict=True))


PAGE_LATENCY = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.1, 0.2, 0.4))


def test_buckets_of_a_page_count_what_they_grew_by_and_bridge_a_restart():
    timing = Timing(PAGE_LATENCY)
    for t, counts in ((0.0, (500, 900, 1000, 1000)), (1.0, (510, 920, 1020, 1020)), (2.0, (5, 10, 10, 10))):
        timing.take(t, fmt.encode_value(Buckets(counts, None)))
    whole = timing.whole()
    assert whole.count == 30
    assert whole.percentiles["p50_s"] == pytest.approx(0.1)
    assert timing.between(2.0, 3.0).count == 10


def test_a_percentile_beyond_the_last_bound_says_that_it_is_a_lower_limit():
    timing = Timing(PAGE_LATENCY)
    timing.take(0.0, fmt.encode_value(Buckets((0, 0, 0, 0), 0.0)))
    timing.take(1.0, fmt.encode_value(Buckets((1, 1, 1, 10), 9.0)))
    assert timing.whole().lower_limits == ("p50_s", "p90_s")
    assert timing.whole().mean_s == pytest.approx(0.9)


@pytest.mark.parametrize("nonsense", [None, 5, {"n": "x"}, {"counts": [1]}, {"counts": [1, 2, "x", 3]}, []])
def test_nonsense_in_a_record_changes_nothing(nonsense):
    for metric in (m.LATENCY, PAGE_LATENCY):
        timing = Timing(metric)
        timing.take(1.0, nonsense)
        assert timing.whole().count == 0


def test_what_is_left_up_to_a_goal_is_told_by_the_pace_so_far():
    steps, goal = m.work_counter("steps"), m.work_gauge("steps_goal")
    told = figures(
        declared(steps, goal, work="output"), *(sample(float(t), 2 * t, 500) for t in range(0, 101, 10))
    )
    (found,) = told.figures(104.0)[0].goals
    assert (found.name, found.reached, found.goal) == ("steps", 200, 500)
    assert found.left_s == pytest.approx(150.0 - 4.0)


def test_what_earlier_jobs_did_of_a_goal_is_done_and_tells_no_pace():
    """Goes on at 200 of 250: ten steps in 30 s, 40 to go."""
    names = m.work_counter("steps"), m.work_gauge("steps_goal"), m.work_gauge("steps_before")
    told = figures(declared(*names, work="statsd"), *(sample(float(3 * t), t, 250, 200) for t in range(11)))
    (found,) = told.figures(30.0)[0].goals
    assert (found.reached, found.goal) == (210, 250)
    assert found.left_s == pytest.approx(120.0)


def test_an_accuracy_is_carried_on_along_its_last_two_evaluations():
    accuracy, goal = m.work_gauge("eval_accuracy"), m.work_gauge("eval_accuracy_goal")
    said = [(10.0, 0.5), (20.0, 0.6), (30.0, 0.6), (40.0, 0.65)]
    told = figures(declared(accuracy, goal, work="mlperf"), *(sample(t, value, 0.75) for t, value in said))
    (found,) = told.figures(50.0)[0].goals
    assert (found.reached, found.goal) == (0.65, 0.75)
    assert found.left_s == pytest.approx(2 * 20.0 - 10.0)


@pytest.mark.parametrize(("values", "left_s"), [([5, 5, 5], None), ([0, 10, 20], 0.0), ([0], None)])
def test_without_a_pace_or_beyond_the_goal_nothing_is_guessed(values, left_s):
    steps, goal = m.work_counter("steps"), m.work_gauge("steps_goal")
    goals = 15 if values[-1] > 15 else 100
    told = figures(declared(steps, goal), *(sample(float(t), value, goals) for t, value in enumerate(values)))
    (found,) = told.figures(float(len(values)))[0].goals
    assert found.left_s == left_s
