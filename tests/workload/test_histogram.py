from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch import client
from perfwatch.model import Histogram
from perfwatch.workload.histogram import Observations, bounds_of, bucket_of

durations = st.floats(min_value=1e-7, max_value=1e5)


def middle(index: int) -> float:
    low, high = bounds_of(index)
    return math.sqrt(low * high)


def percentile(histogram: Histogram, q: float) -> float:
    """The value at rank ceil(q * n), told by its bucket's middle."""
    rank, seen = max(1, math.ceil(q * histogram.n)), histogram.zero
    for index in sorted(histogram.buckets):
        seen += histogram.buckets[index]
        if seen >= rank:
            return middle(index)
    raise AssertionError("the buckets hold fewer than n")


@given(durations)
def test_a_value_lies_in_its_bucket(value: float) -> None:
    low, high = bounds_of(bucket_of(value))
    assert low * (1 - 1e-12) < value <= high * (1 + 1e-12)


def test_buckets_are_open_below_and_closed_above() -> None:
    assert bucket_of(1.0) == -1
    assert bucket_of(2.0) == 127
    assert bucket_of(2.0001) == 128


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_within_half_a_percent(values: list[float], q: float) -> None:
    observations = Observations()
    observations.observe_all(values)
    taken = observations.take()
    assert taken is not None
    true = sorted(values)[max(1, math.ceil(q * len(values))) - 1]
    assert percentile(taken, q) == pytest.approx(true, rel=0.005)


@given(st.lists(st.one_of(durations, st.just(0.0), st.just(-1.0)), max_size=50))
def test_one_by_one_and_all_at_once_give_the_same(values: list[float]) -> None:
    single, together = Observations(), Observations()
    for value in values:
        single.observe(value)
    together.observe_all(values)
    one, all_ = single.take(), together.take()
    if not values:
        assert one is None
        assert all_ is None
        return
    assert one is not None
    assert all_ is not None
    assert one._replace(sum=0.0) == all_._replace(sum=0.0)
    assert one.sum == pytest.approx(all_.sum, rel=1e-12, abs=1e-12)
    assert one.zero == sum(value <= 0 for value in values)


@given(st.lists(durations, min_size=1, max_size=50), st.integers(0, 50))
def test_parts_merge_into_the_whole(values: list[float], cut: int) -> None:
    whole, first, second = Observations(), Observations(), Observations()
    whole.observe_all(values)
    first.observe_all(values[:cut])
    second.observe_all(values[cut:])
    merged = Observations()
    for part in (first.take(), second.take()):
        if part is not None:
            merged.merge(part)
    expected, got = whole.take(), merged.take()
    assert expected is not None
    assert got is not None
    assert got._replace(sum=0.0) == expected._replace(sum=0.0)
    assert got.sum == pytest.approx(expected.sum)


def test_taking_begins_anew() -> None:
    observations = Observations()
    observations.observe(0.25, times=3)
    taken = observations.take()
    assert taken == Histogram(3, 0.75, 0.25, 0.25, {bucket_of(0.25): 3}, 0)
    assert observations.take() is None
    observations.observe(1.0)
    again = observations.take()
    assert again is not None
    assert (again.n, again.min, again.max) == (1, 1.0, 1.0)


def test_the_client_has_the_same_buckets() -> None:
    """The client's file stands alone and repeats the formula."""
    timed = client._Timed()
    values = [10 ** (power / 7) for power in range(-40, 20)]
    timed.add("latency", client.deque(values))
    mine = Observations()
    mine.observe_all(values)
    assert timed.buckets == mine.buckets
