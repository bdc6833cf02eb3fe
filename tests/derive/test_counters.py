"""Differences and growth of counters, by tables worked by hand and by laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sensors import series

from perfwatch.derive.counters import difference, examine, growth, largest_gap_s
from perfwatch.derive.spans import Span, cut, total, union


@pytest.mark.parametrize(
    ("before", "after", "wraps_at", "amount"),
    [
        (10.0, 25.0, None, 15.0),
        (10.0, 10.0, None, 0.0),
        (99.0, 1.0, 100.0, 2.0),  # 99, 0, 1: the counter never shows 100
        (99.0, 99.0, 100.0, 0.0),
        (99.0, 1.0, None, None),
        (120.0, 1.0, 100.0, None),  # beyond where it should wrap: not the counter that was declared
    ],
)
def test_difference_of_two_readings(before, after, wraps_at, amount):
    assert difference(before, after, wraps_at) == amount


def test_a_wrap_that_means_more_power_than_possible_is_a_restart():
    # 262,144 J range; 10 J -> 5 J within a second would be 262,139 W
    assert examine(10.0, 5.0, 262_144.0, elapsed_s=1.0, limit_per_s=300.0).kind == "restarted"
    assert examine(262_000.0, 100.0, 262_144.0, elapsed_s=1.0, limit_per_s=300.0) == (244.0, "wrapped")


def test_after_so_long_that_it_may_have_wrapped_twice_nothing_is_known():
    assert examine(10.0, 500.0, 1000.0, elapsed_s=11.0, limit_per_s=100.0).kind == "ambiguous"
    assert examine(500.0, 10.0, 1000.0, elapsed_s=11.0, limit_per_s=100.0).kind == "ambiguous"
    assert examine(10.0, 500.0, 1000.0, elapsed_s=9.0, limit_per_s=100.0) == (490.0, "plain")
    assert examine(10.0, 500.0, None, elapsed_s=11.0, limit_per_s=100.0) == (490.0, "plain")


def test_growth_worked_by_hand():
    counter = series([(0.0, 0.0), (1.0, 100.0), (2.0, 300.0), (10.0, 1100.0)])
    whole = growth(counter, Span(0.0, 10.0))
    assert (whole.amount, whole.covered_s, whole.readings) == (1100.0, 10.0, 4)
    assert largest_gap_s(counter.times, Span(0.0, 10.0)) == 8.0
    inside = growth(counter, Span(0.5, 6.0))
    assert inside.amount == pytest.approx(50.0 + 200.0 + 400.0)
    assert inside.covered_s == 5.5


def test_growth_counts_only_between_the_first_and_the_last_reading():
    counter = series([(2.0, 0.0), (3.0, 50.0)])
    late = growth(counter, Span(0.0, 5.0))
    assert (late.amount, late.covered_s) == (50.0, 1.0)
    assert largest_gap_s(counter.times, Span(0.0, 5.0)) == 2.0
    assert growth(counter, Span(4.0, 5.0)).amount is None
    assert growth(counter, Span(0.0, 1.0)).covered_s == 0.0
    assert growth(series([(2.0, 0.0)]), Span(0.0, 5.0)).amount is None
    assert growth(series([]), Span(0.0, 5.0)).amount is None


def test_a_gap_in_the_readings_is_bridged_exactly():
    counter = series([(0.0, 0.0), (1.0, 100.0), (3601.0, 360_100.0)])
    bridged = growth(counter, Span(0.0, 3601.0))
    assert (bridged.amount, bridged.covered_s) == (360_100.0, 3601.0)


def test_a_counter_that_restarts_leaves_a_gap():
    counter = series([(0.0, 500.0), (1.0, 600.0), (2.0, 30.0), (3.0, 130.0)])
    found = growth(counter, Span(0.0, 3.0))
    assert (found.amount, found.covered_s, found.restarts) == (200.0, 2.0, 1)
    half = growth(counter, Span(0.0, 1.5))
    assert (half.amount, half.covered_s) == (100.0, 1.0)
    assert growth(counter, Span(1.25, 1.75)).amount is None


def test_a_counter_that_wraps_goes_on():
    counter = series([(0.0, 70.0), (1.0, 90.0), (2.0, 10.0), (3.0, 40.0)], wraps_at=100.0)
    found = growth(counter, Span(0.0, 3.0))
    assert (found.amount, found.covered_s, found.wraps, found.restarts) == (70.0, 3.0, 1, 0)
    assert growth(counter, Span(1.5, 3.0)).amount == pytest.approx(10.0 + 30.0)


def test_an_implausible_wrap_is_left_out_of_the_growth():
    counter = series([(0.0, 10.0), (1.0, 20.0), (2.0, 5.0), (3.0, 15.0)], wraps_at=1e6)
    assert growth(counter, Span(0.0, 3.0), limit_per_s=100.0) == (20.0, 2.0, 0, 1, 4)


def test_out_of_sight_for_longer_than_a_wrap_takes_is_unknown():
    counter = series([(0.0, 10.0), (1.0, 20.0), (100.0, 400.0), (101.0, 410.0)], wraps_at=1000.0)
    assert growth(counter, Span(0.0, 101.0), limit_per_s=50.0).covered_s == pytest.approx(2.0)
    assert growth(counter, Span(0.0, 101.0), limit_per_s=5.0).amount == pytest.approx(400.0)


steps = st.lists(st.tuples(st.floats(0.001, 100.0), st.floats(0.0, 1e6)), min_size=2, max_size=40)


def _series(pairs, wraps_at=None):
    t, points = 0.0, []
    for step, value in pairs:
        t += step
        points.append((t, value))
    return series(points, wraps_at=wraps_at)


@settings(deadline=None)
@given(steps, st.one_of(st.none(), st.floats(1.0, 2e6)), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_growth_of_adjoining_spans_adds_up(pairs, wraps_at, share, other):
    counter = _series(pairs, wraps_at)
    end = counter.times[-1]
    a, b = sorted((share * end, other * end))
    parts = [growth(counter, span) for span in (Span(0.0, a), Span(a, b), Span(b, end))]
    whole = growth(counter, Span(0.0, end))
    assert math.fsum(part.amount or 0.0 for part in parts) == pytest.approx(whole.amount or 0.0, abs=1e-3)
    assert math.fsum(part.covered_s for part in parts) == pytest.approx(whole.covered_s, abs=1e-6)


@settings(deadline=None)
@given(steps, st.floats(-50.0, 2000.0), st.floats(0.0, 2000.0))
def test_growth_never_covers_more_than_was_read(pairs, start, length):
    counter = _series(pairs)
    span = Span(start, start + length)
    found = growth(counter, span)
    read = max(0.0, min(span.end, counter.times[-1]) - max(span.start, counter.times[0]))
    assert 0.0 <= found.covered_s <= read + 1e-9
    assert found.amount is None or 0.0 <= found.amount <= 1e6 * len(pairs)
    wider = growth(counter, Span(span.start - 1.0, span.end + 1.0))
    assert wider.covered_s >= found.covered_s - 1e-9


def test_spans_are_joined_cut_and_added():
    spans = [Span(5.0, 6.0), Span(0.0, 2.0), Span(1.0, 3.0), Span(3.0, 4.0), Span(8.0, 8.0)]
    assert union(spans) == [Span(0.0, 4.0), Span(5.0, 6.0)]
    assert total(spans) == 5.0
    assert cut(spans, 3.5, 5.5) == [Span(3.5, 4.0), Span(5.0, 5.5)]
    assert total([]) == 0.0
