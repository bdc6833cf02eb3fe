"""Sources that repeat a value for long: what their readings may miss is in the error."""

from __future__ import annotations

from array import array

import pytest
from derive.build import Session, codes, every, message

from perfwatch.derive.staleness import age_of
from perfwatch.derive.tape import Series
from perfwatch.derive.uncertainty import Polling
from perfwatch.metrics import ENERGY, POWER

PAGE = POWER.at_most_old(60.0)
TIMES = every(1.0, 0.0, 29.0)


def load(t: float) -> float:
    """An invented job of 500 W from 2 s on, between idle times of 100 W."""
    return 500.0 if 2.0 <= t < 28.0 else 100.0


def used(t: float) -> float:
    return 100.0 * t + 400.0 * min(max(t - 2.0, 0.0), 26.0)


def told_every(period_s: float, first: float = 0.0):
    """When a source read last, that renews its values every so often."""
    return lambda t: first + (t - first) // period_s * period_s


def energy(metrics, *columns, end: float = 28.0, times=TIMES, **device):
    session = Session()
    session.poll(session.device(metrics=metrics, **device), times, *columns)
    session.job(2.0, end)
    summary = session.summary(window="job")
    return summary, summary["energy"]


def test_a_page_that_never_changed_is_to_be_quoted_with_its_age():
    summary, found = energy((PAGE,), lambda t: 500.0)
    assert found["joules"] == pytest.approx(13_000.0)
    assert found["error_joules"] == pytest.approx(13_000.0 / 8, rel=0.01)
    assert "large-error" in codes(summary, "warn")
    assert "readings of nvidia:0 may be 60 s old" in message(summary, "large-error")


def test_a_page_that_changed_once_in_its_age_is_not_to_be_quoted():
    old = told_every(20.0)
    summary, found = energy((PAGE,), lambda t: load(old(t)))
    assert abs(found["joules"] - 13_000.0) < found["error_joules"]
    assert "large-error" in codes(summary, "insufficient")


def test_power_and_a_counter_of_a_page_that_both_stand_are_old():
    summary, found = energy((PAGE, ENERGY.at_most_old(30.0)), lambda t: 500.0, lambda t: 7.0)
    assert found["joules"] == pytest.approx(13_000.0)
    assert found["error_joules"] == pytest.approx(13_000.0 / 8, rel=0.01)
    assert "large-error" in codes(summary, "warn")


def series(metric, column):
    made = Series(metric)
    made.times, made.values = array("d", TIMES), array("d", map(column, TIMES))
    return made


def test_a_page_that_renews_its_metrics_a_moment_apart_is_no_newer():
    power = series(PAGE, told_every(10.0))
    counter = series(ENERGY.at_most_old(60.0), told_every(10.0, 1.0))
    assert age_of(power, counter, Polling(1.0, 0.0)) == 10.0


def test_a_counter_that_moves_says_that_steady_power_beside_it_is_new():
    _, found = energy((PAGE,), lambda t: 500.0 if t < 40.0 else 0.0)
    assert found["error_joules"] >= 0.1 * found["joules"]
    session = Session()
    number = session.device(metrics=(PAGE, ENERGY.at_most_old(60.0)))
    session.poll(number, TIMES, lambda t: 500.0, lambda t: 500.0 * t)
    session.job(2.0, 28.0)
    found = session.summary(window="job")["energy"]["by_device"]["nvidia:0"]
    assert found["method"] == "counter"
    assert found["error_joules"] < 0.05 * found["joules"]


def test_a_page_whose_power_changes_with_each_reading_is_new():
    _, found = energy((PAGE,), lambda t: 500.0 + 3.0 * (t % 2))
    assert found["error_joules"] < 0.02 * found["joules"]


def test_a_gauge_that_changes_every_ten_seconds_is_taken_to_be_so_old():
    times = every(1.0, 0.0, 65.0)
    old = told_every(10.0, 0.5)
    values = {0: 100.0, 1: 500.0, 2: 480.0, 3: 500.0, 4: 470.0, 5: 120.0, 6: 100.0}
    summary, found = energy((POWER,), lambda t: values[int(max(0.0, old(t)) // 10)], end=48.0, times=times)
    assert found["error_joules"] > 0.5 * 400.0 * 10.0 / 2.0
    assert "large-error" in codes(summary)


def test_a_source_without_a_word_whose_power_and_counter_both_stand_is_old():
    """Its counter moves by 7.5 kJ every 30 s; power of 400 and of 100 W takes turns every 10 s."""

    def watts(t: float) -> float:
        return 400.0 if t % 20.0 < 10.0 else 100.0

    def joules(t: float) -> float:
        whole, rest = divmod(t, 20.0)
        return 5000.0 * whole + 400.0 * min(rest, 10.0) + 100.0 * max(rest - 10.0, 0.0)

    old = told_every(30.0)
    times = every(1.0, 0.0, 45.0)
    summary, found = energy(
        (POWER, ENERGY), lambda t: watts(old(t)), lambda t: joules(old(t)), end=26.0, times=times
    )
    assert abs(found["joules"] - (joules(26.0) - joules(2.0))) < found["error_joules"]
    assert "large-error" in codes(summary, "insufficient")


@pytest.mark.parametrize("metric", [POWER.observed(update_s=0.1, window_s=0.1), POWER.observed(update_s=1.0)])
def test_a_driver_and_a_plug_that_declare_how_often_they_look_may_rest(metric):
    """A plug that tells whole watts of an idle machine."""
    _, found = energy((metric,), lambda t: 3.0)
    assert found["error_joules"] < 0.25 * found["joules"]


def test_a_long_window_of_a_steady_page_is_good():
    times = every(1.0, 0.0, 1205.0)
    _, found = energy((PAGE,), lambda t: 400.0, end=1202.0, times=times)
    assert found["error_joules"] < 0.01 * found["joules"]
