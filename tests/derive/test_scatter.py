"""How much a run scatters over its time: slices, and what is drawn of them."""

from __future__ import annotations

import math
import random
import statistics
from itertools import islice

import pytest
from derive.build import Session, every, steps
from derive.compared import noisy_session
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.scatter import Scatter, ratio_scatter, scatter_of, slices_of
from perfwatch.derive.spans import Span
from perfwatch.derive.student import draws, factor, freedom_of_sum
from perfwatch.metrics import ENERGY


def test_a_long_window_has_twenty_slices_and_a_short_one_five() -> None:
    counts = {
        seconds: len(slices_of([Span(3.0, 3.0 + seconds)])) for seconds in (4, 5, 20, 55, 130, 200, 7200)
    }
    assert counts == {4: 0, 5: 5, 20: 5, 55: 5, 130: 13, 200: 20, 7200: 20}


@given(st.lists(st.floats(0.5, 400.0), min_size=1, max_size=5))
def test_slices_are_of_one_length_and_together_the_window(lengths: list[float]) -> None:
    spans = [Span(1000.0 * at, 1000.0 * at + length) for at, length in enumerate(lengths)]
    slices = slices_of(spans)
    if math.fsum(lengths) < 5.0:
        assert not slices
        return
    each = [math.fsum(part.duration_s for part in one) for one in slices]
    assert each == pytest.approx([math.fsum(lengths) / len(slices)] * len(slices), rel=1e-6)
    assert math.fsum(each) == pytest.approx(math.fsum(lengths))


def test_slices_of_independent_noise_tell_the_error_of_their_mean() -> None:
    """A hundred runs of twenty slices that scatter by 5 %: their means scatter by 5 % / sqrt(20)."""
    chance = random.Random(1)
    found = [
        ratio_scatter([(chance.gauss(100.0, 5.0), 1.0) for _ in range(20)], seed=seed) for seed in range(100)
    ]
    assert statistics.fmean(one.standard_ratio for one in found if one) == pytest.approx(0.0112, rel=0.1)


def test_a_drift_is_wider_than_as_much_noise() -> None:
    drifting = [(100.0 + at, 1.0) for at in range(20)]
    mixed = [drifting[7 * at % 20] for at in range(20)]
    one, other = ratio_scatter(drifting), ratio_scatter(mixed)
    assert one is not None
    assert other is not None
    assert one.expanded_ratio > 1.3 * other.expanded_ratio


def test_the_same_slices_give_the_same_digits() -> None:
    told = [(float(at % 7), 2.0) for at in range(20)]
    assert ratio_scatter(told) == ratio_scatter(told)


@pytest.mark.parametrize("told", [[], [(1.0, 1.0)] * 4, [(0.0, 1.0)] * 20, [(1.0, 0.0)] * 20])
def test_too_few_slices_or_none_of_a_figure_tell_nothing(told: list[tuple[float, float]]) -> None:
    assert ratio_scatter(told) is None


def test_a_steady_run_does_not_scatter() -> None:
    session = Session(command=["job"])
    session.board(every(1.0, 0.0, 222.0))
    session.job(1.0, 221.0)
    session.counter(steps(1.0, 221.0, 2201, 2201))
    session.records.sort(key=lambda record: record["t"])
    found = scatter_of(session.tape())
    assert set(found) == {"power.mean_watts", "work.queries.rate_per_s", "efficiency.queries.per_joule"}
    assert all(one.expanded_ratio < 1e-3 for one in found.values())


def test_the_scatter_of_a_session_is_that_of_its_noise() -> None:
    found = scatter_of(noisy_session(random.Random(5), memory=0.0).tape())
    assert found["power.mean_watts"].standard_ratio == pytest.approx(0.05 / math.sqrt(218), rel=0.5)
    assert found["work.queries.rate_per_s"].standard_ratio == pytest.approx(0.1 / math.sqrt(218), rel=0.5)


def test_a_counter_in_coarse_steps_tells_no_scatter() -> None:
    """A house meter's kWh is in one slice or the next by chance."""
    session = Session(command=["job"])
    meter = session.device(metrics=(ENERGY.observed(update_s=1.0),))
    session.poll(meter, every(1.0, 0.0, 222.0), lambda t: 60_000.0 * (t // 60))
    session.job(1.0, 221.0)
    session.records.sort(key=lambda record: record["t"])
    assert "power.mean_watts" not in scatter_of(session.tape())


def test_what_is_written_is_read_again() -> None:
    scatter = Scatter(0.01, 20, 14.0)
    assert Scatter.from_json(scatter.to_json()) == scatter
    for damaged in (None, 3, {}, {"standard_ratio": -1.0, "freedom": 3.0}, {"standard_ratio": "x"}):
        assert Scatter.from_json(damaged) is None


# Student's t


@pytest.mark.parametrize(
    ("freedom", "true"),
    [(1, 12.706), (2, 4.303), (4, 2.776), (7, 2.365), (12, 2.179), (25, 2.060), (45, 2.014)],
)
def test_the_factor_is_students(freedom: float, true: float) -> None:
    assert factor(freedom) == pytest.approx(true, rel=0.004)


def test_known_errors_have_the_factor_of_all_of_perfwatch() -> None:
    assert factor(math.inf) == 2.0
    assert factor(0.3) == factor(1.0)


def test_two_alike_have_twice_the_freedom() -> None:
    assert freedom_of_sum(iter([(0.1, 4.0), (0.1, 4.0)])) == pytest.approx(8.0)
    assert freedom_of_sum(iter([(0.1, 4.0), (0.0, 2.0)])) == pytest.approx(4.0)
    assert freedom_of_sum(iter([(0.0, 4.0), (0.0, 2.0)])) == math.inf


def test_draws_are_even_and_the_same_for_the_same_seed() -> None:
    first = list(islice(draws(7, 10), 5000))
    assert set(first) == set(range(10))
    assert all(400 < first.count(value) < 600 for value in range(10))
    assert first == list(islice(draws(7, 10), 5000))
    assert first[:50] != list(islice(draws(8, 10), 50))
