"""Energy of a device in a window: tables worked by hand, faults of counters, gaps, and laws."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from derive.build import Session, every, message
from hypothesis import given, settings
from hypothesis import strategies as st
from sensors import Counter, Sensor, Wave, constant, device, polls, ramp, tape

from perfwatch.derive.conditions import highest_power_w
from perfwatch.derive.energy import device_energy
from perfwatch.derive.peak import max_power
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Method

PLAIN = POWER.observed(update_s=0.0, window_s=0.0)
"""A sensor of the instant: no lag, so that tables can be worked by hand."""
WHOLE = [Span(0.0, 10.0)]


def steady(watts, start=0, end=10, step=1):
    return [(float(t), watts) for t in range(start, end + 1, step)]


def counting(watts, start=0, end=10, step=1, offset=1000.0):
    return [(float(t), offset + watts * t) for t in range(start, end + 1, step)]


def codes(found):
    return [finding.code for finding in found.findings]


def test_a_device_that_tells_neither_power_nor_energy_has_none():
    assert device_energy(device(), WHOLE, interval_s=1.0) is None


def test_a_counter_alone():
    found = device_energy(device(energy=counting(300.0)), WHOLE, interval_s=1.0)
    assert found.joules == found.counter_joules == 3000.0
    assert (found.method, found.coverage, found.samples, found.mean_watts) == (Method.COUNTER, 1.0, 11, 300.0)
    assert found.integrated_joules is None
    assert found.max_watts is None
    assert found.findings == ()


def test_power_alone_worked_by_hand():
    power = [(0.0, 100.0), (1.0, 200.0), (3.0, 400.0), (4.0, 100.0)]
    found = device_energy(device(power, power_metric=PLAIN), [Span(0.5, 3.5)], interval_s=1.0)
    # 0.5 s from 150 to 200 W, 2 s from 200 to 400 W, 0.5 s from 400 to 250 W
    assert found.joules == pytest.approx(87.5 + 600.0 + 162.5)
    assert (found.method, found.coverage, found.samples) == (Method.INTEGRATED, 1.0, 2)
    assert found.mean_watts == pytest.approx(850.0 / 3.0)
    assert found.max_watts == 400.0
    assert found.largest_gap_s == 2.0


def test_uneven_readings_are_weighted_by_time():
    power = [(0.0, 100.0), (0.1, 100.0), (0.2, 100.0), (0.3, 100.0), (0.3, 500.0), (1.3, 500.0)]
    found = device_energy(device(power, power_metric=PLAIN), [Span(0.0, 1.3)], interval_s=1.0)
    assert found.joules == pytest.approx(30.0 + 500.0)


def test_readings_are_shifted_by_their_lag():
    """Power rises by 50 W a second; a reading is 0.55 s old (T 100 ms, W 1 s)."""
    wave = ramp(100.0, 600.0, 8.0, 18.0)
    times = [8.0 + 0.01 * i for i in range(1201)]
    found = device_energy(tape(wave, times, power=Sensor(0.1, 1.0)), [Span(9.0, 17.0)], interval_s=0.01)
    assert found.joules == pytest.approx(
        wave.energy(17.0) - wave.energy(9.0), abs=3.0
    )  # unshifted: 220 J less


def test_where_the_recording_ends_the_last_reading_is_held_for_its_lag_only():
    power = POWER.observed(update_s=0.2, window_s=0.2)
    found = device_energy(device(steady(300.0), power_metric=power), [Span(0.0, 12.0)], interval_s=1.0)
    assert found.joules == pytest.approx(3000.0)
    assert found.coverage == pytest.approx(10.0 / 12.0)


@pytest.mark.parametrize("late_s", [0.0, 0.00001, 0.02])
def test_the_reading_at_the_jobs_exit_closes_the_window_of_a_slow_sensor(late_s):
    """It comes a moment after that of another device, and the one before may be a second old."""
    power = POWER.observed(update_s=1.0, window_s=1.0)
    readings = [*steady(500.0), (10.9 + late_s, 500.0)]
    found = device_energy(
        device(readings, power_metric=power), [Span(0.0, 10.9)], interval_s=1.0, load_end=10.9
    )
    assert found.joules == pytest.approx(5450.0)
    assert found.coverage == pytest.approx(1.0)


def test_what_a_board_draws_at_rest_is_not_held_for_what_its_job_drew():
    power = POWER.observed(update_s=0.1, window_s=1.0)
    readings = [*steady(500.0), (10.004, 500.0), (10.4, 320.0)]
    found = device_energy(
        device(readings, power_metric=power), [Span(0.0, 10.0)], interval_s=1.0, load_end=10.0
    )
    assert found.joules == pytest.approx(5000.0)
    assert found.coverage == pytest.approx(1.0)


def test_the_counter_is_preferred_and_both_are_told():
    found = device_energy(device(steady(300.0), counting(301.0), power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (found.joules, found.method) == (3010.0, Method.COUNTER)
    assert found.integrated_joules == pytest.approx(3000.0)
    assert found.error == found.counter_error


def test_a_disagreement_is_reported_and_changes_nothing():
    found = device_energy(device(steady(300.0), counting(400.0), power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (found.joules, found.method) == (4000.0, Method.COUNTER)
    assert codes(found) == ["counter-disagrees"]
    assert "4.0 ± 0.2 kJ" in found.findings[0].message
    assert "3.000 ± 0.006 kJ" in found.findings[0].message
    assert found.findings[0].level == "warn"


def test_agreement_within_both_errors_is_no_finding():
    energy = ENERGY.observed(update_s=0.1)
    found = device_energy(
        device(steady(300.0), counting(302.0), power_metric=PLAIN, energy_metric=energy),
        WHOLE,
        interval_s=1.0,
    )
    assert found.counter_error.expanded() > 20.0
    assert found.findings == ()


def test_a_counter_that_stands_still_under_load_is_left():
    power = steady(50.0, 0, 2) + steady(300.0, 3, 10)
    energy = [(float(t), 1000.0 + 50.0 * min(t, 3)) for t in range(11)]
    found = device_energy(device(power, energy, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert found.method is Method.INTEGRATED
    assert found.joules == found.integrated_joules
    assert codes(found) == ["counter-disagrees"]
    assert "did not move for 7.0 s" in found.findings[0].message


def test_a_counter_that_stands_still_while_idle_or_shortly_is_kept():
    idle = [(float(t), 20.0 if t < 8 else 300.0) for t in range(11)]
    energy = [(float(t), 1000.0 + 300.0 * max(0, t - 8)) for t in range(11)]
    kept = device_energy(device(idle, energy, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert kept.method is Method.COUNTER
    brief = [(float(t), 1000.0 + 300.0 * (t if t < 3 or t > 6 else 3)) for t in range(11)]
    found = device_energy(device(steady(300.0), brief, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert found.method is Method.COUNTER


def test_a_counter_that_never_moved_is_not_taken_for_zero():
    energy = [(float(t), 1000.0) for t in range(11)]
    found = device_energy(device(steady(60.0), energy, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (found.joules, found.method) == (pytest.approx(600.0), Method.INTEGRATED)


def test_a_counter_that_implies_more_than_twice_the_limit_is_left():
    found = device_energy(
        device(steady(300.0), counting(900.0), power_metric=PLAIN), WHOLE, interval_s=1.0, limit_w=400.0
    )
    assert (found.joules, found.method) == (pytest.approx(3000.0), Method.INTEGRATED)
    assert "400 W" in found.findings[0].message
    by_fact = device(steady(300.0), counting(900.0), power_metric=PLAIN, facts={"power_limit_watts": 400.0})
    limit_w = highest_power_w(by_fact)
    assert device_energy(by_fact, WHOLE, interval_s=1.0, limit_w=limit_w).method is Method.INTEGRATED


def test_too_much_power_for_a_moment_is_not_judged():
    """Steps of 100 ms read 10 ms apart: 3000 W for 10 ms, 300 W over the second."""
    times = [i / 100 for i in range(1001)]
    energy = [(t, 1000.0 + 30.0 * int(t * 10)) for t in times]
    power = [(t, 300.0) for t in times]
    metric = ENERGY.observed(update_s=0.1)
    found = device_energy(
        device(power, energy, power_metric=PLAIN, energy_metric=metric), WHOLE, interval_s=0.01, limit_w=400.0
    )
    assert found.method is Method.COUNTER


def test_a_counter_that_restarts_leaves_its_place_to_the_integral():
    energy = counting(300.0, 0, 5) + [(float(t), 300.0 * (t - 6)) for t in range(6, 11)]
    found = device_energy(device(steady(300.0), energy, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (found.joules, found.method, found.coverage) == (pytest.approx(3000.0), Method.INTEGRATED, 1.0)
    assert [(finding.code, finding.level) for finding in found.findings] == [("counter-reset", "info")]


def test_without_power_a_restart_is_a_part_that_is_not_known():
    energy = counting(300.0, 0, 5) + [(float(t), 300.0 * (t - 6)) for t in range(6, 11)]
    found = device_energy(device(energy=energy), WHOLE, interval_s=1.0)
    assert (found.joules, found.coverage) == (2700.0, pytest.approx(0.9))
    assert found.mean_watts == pytest.approx(300.0)
    assert codes(found) == ["counter-reset"]


def test_a_declared_wrap_is_no_restart():
    metric = ENERGY.wrapping_at(2000.0)
    energy = [(t, value % 2000.0) for t, value in counting(300.0)]
    found = device_energy(
        device(steady(300.0), energy, power_metric=PLAIN, energy_metric=metric), WHOLE, interval_s=1.0
    )
    assert (found.joules, found.method, found.findings) == (3000.0, Method.COUNTER, ())


def test_a_wrap_that_would_be_more_than_any_device_draws_is_a_restart():
    metric = ENERGY.wrapping_at(4294967296.0)  # of microjoules, taken for joules
    energy = [(t, value % 2000.0) for t, value in counting(300.0)]
    alone = device_energy(device(energy=energy, energy_metric=metric), WHOLE, interval_s=1.0)
    assert alone.joules == pytest.approx(2400.0)
    assert "does not wrap at 4.29 GJ as declared" in alone.findings[0].message
    beside = device_energy(
        device(steady(300.0), energy, power_metric=PLAIN, energy_metric=metric), WHOLE, interval_s=1.0
    )
    assert (beside.joules, beside.method) == (pytest.approx(3000.0), Method.INTEGRATED)


def test_a_jump_that_no_device_can_have_used_is_a_fault_also_without_a_limit():
    energy = [(t, value + (8.6e9 if t > 5.0 else 0.0)) for t, value in counting(300.0)]
    found = device_energy(device(energy=energy), WHOLE, interval_s=1.0)
    assert found.joules is None
    assert "implies more than 100 MW, which no such device draws" in found.findings[0].message


def test_a_gap_is_left_out_of_the_integral_and_bridged_by_the_counter():
    times = [0, 1, 2, 7, 8, 9, 10]
    power = [(float(t), 300.0) for t in times]
    integrated = device_energy(device(power, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert integrated.joules == pytest.approx(1500.0)
    assert integrated.coverage == pytest.approx(0.5)
    assert integrated.mean_watts == pytest.approx(300.0)
    assert integrated.largest_gap_s == 5.0
    assert codes(integrated) == ["gap"]
    assert "5.0 s" in integrated.findings[0].message
    energy = [(float(t), 300.0 * t) for t in times]
    counted = device_energy(device(power, energy, power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (counted.joules, counted.coverage, counted.findings) == (3000.0, 1.0, ())


def test_three_seconds_or_three_periods_are_no_gap_yet():
    slow = device_energy(device(steady(300.0, step=5), power_metric=PLAIN), WHOLE, interval_s=2.0)
    assert (slow.coverage, slow.findings) == (1.0, ())
    power = [(0.0, 300.0), (3.0, 300.0), (10.0, 300.0)]
    assert device_energy(device(power, power_metric=PLAIN), WHOLE, interval_s=0.1).coverage == pytest.approx(
        0.3
    )


def test_missing_ends_are_missing_and_not_zero():
    found = device_energy(device(steady(300.0, 4, 10), power_metric=PLAIN), WHOLE, interval_s=1.0)
    assert (found.joules, found.coverage) == (pytest.approx(1800.0), pytest.approx(0.6))
    outside = device_energy(device(steady(300.0), power_metric=PLAIN), [Span(20.0, 30.0)], interval_s=1.0)
    assert (outside.joules, outside.error, outside.method, outside.coverage) == (None, None, None, 0.0)
    assert (outside.max_watts, outside.mean_watts) == (None, None)


def test_several_spans_are_summed_and_overlaps_count_once():
    made = device(steady(300.0), counting(300.0), power_metric=PLAIN)
    found = device_energy(made, [Span(1.0, 3.0), Span(2.0, 4.0), Span(6.0, 7.0)], interval_s=1.0)
    assert found.counter_joules == pytest.approx(1200.0)
    assert found.integrated_joules == pytest.approx(1200.0)
    assert found.coverage == 1.0


def test_readings_at_the_ends_make_the_default_interval_good_enough():
    """A job of 6 s from idle at 1 s: the counter within 0.5 %."""
    wave = Wave([(0.0, 60.0), (8.02, 60.0), (8.02, 500.0), (13.98, 500.0), (13.98, 60.0), (20.0, 60.0)])
    times = [8.0, 8.4, 9.4, 10.4, 11.4, 12.4, 13.4, 14.0]
    made = tape(wave, times, power=Sensor(0.1, 0.1, 0.3), counter=Counter(0.0, declared_s=0.1))
    found = device_energy(made, [Span(8.0, 14.0)], interval_s=1.0)
    true = wave.energy(14.0) - wave.energy(8.0)
    assert found.joules == pytest.approx(true, rel=0.005)
    assert found.method is Method.COUNTER
    assert abs(found.integrated_joules - true) <= found.integrated_error.expanded()


def test_an_end_between_two_counter_readings_costs_certainty():
    energy = ENERGY.observed(update_s=0.0)
    points = [(float(t), 100.0 * t if t < 5 else 400.0 + 500.0 * (t - 4)) for t in range(11)]
    made = device(energy=points, energy_metric=energy)
    at_readings = device_energy(made, [Span(2.0, 9.0)], interval_s=1.0)
    between = device_energy(made, [Span(4.5, 9.0)], interval_s=1.0)
    assert at_readings.error.expanded() == 0.0
    assert between.error.expanded() >= 500.0 * 0.25 * 0.5


def test_what_is_not_known_of_a_sensor_is_not_assumed():
    """Without T and W a reading may be of an instant: the error is larger than with them."""
    points = [(t / 10, 100.0 if t % 7 < 3 else 600.0) for t in range(101)]
    known = device(points, power_metric=POWER.observed(update_s=0.1, window_s=0.1))
    unknown = device_energy(device(points), WHOLE, interval_s=0.1)
    assert unknown.error.expanded() > device_energy(known, WHOLE, interval_s=0.1).error.expanded()


def test_constant_power_has_no_error_but_the_counters_own_and_that_of_its_sensor():
    made = tape(constant(400.0), polls(random.Random(1), 0.1, 8.0, 28.0), power=Sensor(0.1, 0.1))
    found = device_energy(made, [Span(8.0, 28.0)], interval_s=0.1)
    assert found.joules == pytest.approx(8000.0)
    # 400.0 W may be 399.5 to 400.5; and a tenth of it may come and go within an average.
    assert found.error.expanded() == pytest.approx(2.0 * 20.0 / math.sqrt(12.0), rel=0.2)


def test_an_estimate_is_labelled_wherever_it_comes_from():
    metric = replace(POWER, estimated=True)
    found = device_energy(
        device(steady(40.0), power_metric=metric, collector="cpu_estimate"), WHOLE, interval_s=1.0
    )
    assert (found.method, found.estimated, found.gain_ratio) == (Method.ESTIMATED, True, None)


def test_the_gain_of_known_sensors_stands_apart():
    assert device_energy(device(energy=counting(300.0)), WHOLE, interval_s=1.0).gain_ratio == 0.05


def test_the_largest_sum_is_of_simultaneous_readings():
    one = device([(0.0, 100.0), (1.0, 500.0), (2.0, 100.0)])
    two = device([(0.01, 400.0), (1.01, 100.0), (2.01, 300.0)])
    assert max_power([one, two], [Span(0.0, 3.0)]) == 600.0
    assert max_power([one], [Span(0.0, 3.0)]) == 500.0
    assert max_power([one, two], [Span(1.5, 3.0)]) == 400.0


def test_devices_that_are_polled_differently_are_joined_by_time():
    fast = device([(i / 10, 100.0 + i) for i in range(31)])
    slow = device([(0.05, 50.0), (1.05, 200.0), (2.05, 60.0)])
    assert max_power([fast, slow], [Span(0.0, 3.0)]) == 120.0 + 200.0


def test_readings_of_two_polls_are_never_added():
    """Two boards of 100 and 600 W in turn: never more than 700 W, whatever one of them missed."""

    def swinging(phase: int, missed: Sequence[int] = (), early: Sequence[float] = ()) -> DeviceTape:
        times = [*early, *(t for t in range(1, 30) if t not in missed)]
        return device([(t + 0.001 * phase, 600.0 if (int(t) + phase) % 2 else 100.0) for t in sorted(times)])

    whole = [Span(0.0, 30.0)]
    assert max_power([swinging(0), swinging(1)], whole) == 700.0
    assert max_power([swinging(0), swinging(1, missed=[20])], whole) == 700.0
    assert max_power([swinging(0), swinging(1, missed=[5, 6, 21])], whole) == 700.0
    assert max_power([swinging(0), swinging(1, early=[0.8])], whole) == 700.0
    assert max_power([swinging(0, early=[0.79]), swinging(1, early=[0.79, 1.2])], whole) == 700.0


def test_where_a_device_tells_no_power_there_is_no_largest_sum():
    counter_only = device(energy=counting(300.0))
    assert max_power([device(steady(300.0)), counter_only], WHOLE) is None
    assert max_power([], WHOLE) is None
    early, late = device(steady(300.0, 0, 3)), device(steady(300.0, 7, 10))
    assert max_power([early, late], WHOLE) is None


# Laws

watts = st.floats(0.0, 1e6).map(lambda value: round(value, 6))
readings = st.lists(st.tuples(st.floats(0.001, 10.0), watts), min_size=1, max_size=40)
sensors = st.sampled_from([(None, None), (0.1, 0.1), (0.1, 1.0), (0.02, 0.01), (0.1, None), (0.0, 0.0)])


def made_of(pairs, sensor, energies=()):
    t, power, energy, joules = 0.0, [], [], 0.0
    for (step, value), drop in zip(pairs, energies or [0.0] * len(pairs), strict=False):
        t += step
        joules = max(0.0, joules + step * value - drop)
        power.append((t, value))
        energy.append((t, joules))
    return device(power, energy, power_metric=POWER.observed(update_s=sensor[0], window_s=sensor[1]))


@settings(deadline=None)
@given(readings, sensors, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_windows_add_up(pairs, sensor, share, other):
    made = made_of(pairs, sensor)
    end = sum(step for step, _ in pairs)
    a, b = sorted((share * end, other * end))
    parts = [device_energy(made, [span], interval_s=1.0) for span in (Span(0.0, a), Span(a, b), Span(b, end))]
    whole = device_energy(made, [Span(0.0, end)], interval_s=1.0)
    for figure in ("counter_joules", "integrated_joules"):
        added = sum(getattr(part, figure) or 0.0 for part in parts)
        assert added == pytest.approx(getattr(whole, figure) or 0.0, rel=1e-6, abs=1e-3)


@settings(deadline=None)
@given(readings, sensors, st.sampled_from([0.001, 100.0]))
def test_other_units_of_power_change_nothing(pairs, sensor, factor):
    # Fine readings: whole watts would tell of a sensor's steps, which only watts do.
    pairs = [(step, value + 12.3456789) for step, value in pairs]
    window = [Span(0.0, 1e3)]
    found = device_energy(made_of(pairs, sensor), window, interval_s=1.0)
    scaled = device_energy(
        made_of([(step, value * factor) for step, value in pairs], sensor), window, interval_s=1.0
    )
    assert scaled.coverage == found.coverage
    if found.integrated_joules is not None:
        assert scaled.integrated_joules == pytest.approx(found.integrated_joules * factor, rel=1e-6, abs=1e-9)
        error = found.integrated_error.expanded() * factor
        assert scaled.integrated_error.expanded() == pytest.approx(error, rel=1e-3, abs=1e-6 * factor)


@settings(deadline=None)
@given(readings, sensors, st.floats(0.0, 300.0), st.floats(0.0, 100.0))
def test_nothing_is_extrapolated(pairs, sensor, start, length):
    made = made_of(pairs, sensor)
    span = Span(start, start + length)
    found = device_energy(made, [span], interval_s=1.0)
    lag_s = sum(value or 0.0 for value in sensor) / 2.0 + (0.5 if sensor[0] is None else 0.0)
    power = made.get("power_watts")
    seen_s = max(0.0, min(span.end, power.times[-1]) - max(span.start, power.times[0] - lag_s))
    if found.integrated_joules is not None:
        assert found.integrated_joules <= max(power.values) * (seen_s + 1e-9) * (1 + 1e-9)
    assert 0.0 <= found.coverage <= 1.0


@settings(deadline=None)
@given(readings, sensors, st.floats(0.0, 100.0), st.floats(0.01, 50.0), st.floats(0.0, 50.0))
def test_a_wider_window_never_has_less_covered_time(pairs, sensor, start, length, more):
    power = made_of(pairs, sensor).get("power_watts")
    made = device(list(zip(power.times, power.values, strict=True)), power_metric=power.metric)
    narrow, wide = Span(start, start + length), Span(start - more, start + length + more)
    covered = [
        device_energy(made, [span], interval_s=1.0).coverage * (span.end - span.start)
        for span in (narrow, wide)
    ]
    assert covered[1] >= covered[0] - 1e-9


@settings(max_examples=200, deadline=None)
@given(
    readings,
    sensors,
    st.lists(st.one_of(st.just(0.0), st.floats(0.0, 1e9)), min_size=40, max_size=40),
    st.one_of(st.none(), st.floats(1.0, 1000.0)),
    st.lists(st.tuples(st.floats(-10.0, 400.0), st.floats(0.0, 100.0)), max_size=4),
)
def test_no_series_of_numbers_is_an_error(pairs, sensor, drops, limit_w, starts):
    made = made_of(pairs, sensor, drops)
    spans = [Span(start, start + length) for start, length in starts]
    found = device_energy(made, spans, interval_s=1.0, limit_w=limit_w)
    assert (found.joules is None) == (found.error is None) == (found.method is None)
    assert found.joules is None or found.joules >= 0.0
    assert found.error is None or found.error.expanded() >= 0.0
    assert 0.0 <= found.coverage <= 1.0
    max_power([made, made], spans)


def gapped(counter_w, gap_w=900.0):
    """A board of 300 W whose readings stop from 10 to 20 s; the counter goes on through the gap."""
    times = [*range(11), *range(20, 31)]
    power = [(float(t), 300.0) for t in times]
    gap_j = 10 * gap_w
    energy = [(float(t), counter_w * t if t <= 10 else counter_w * (t - 10) + gap_j) for t in times]
    return device_energy(device(power, energy, power_metric=PLAIN), [Span(0.0, 30.0)], interval_s=1.0)


def test_what_a_device_used_while_nothing_was_read_is_no_disagreement():
    found = gapped(300.0)
    assert (found.counter_joules, found.integrated_joules) == (pytest.approx(15000.0), pytest.approx(6000.0))
    assert codes(found) == []
    assert found.integral_off_ratio == pytest.approx(0.0, abs=1e-9)


def test_counter_and_integral_that_left_out_different_times_are_not_compared():
    power = [(float(t), 300.0) for t in range(21)]
    energy = [(float(t), 300.0 * (t if t <= 10 else t - 11)) for t in range(21)]
    found = device_energy(device(power, energy, power_metric=PLAIN), [Span(0.0, 20.0)], interval_s=1.0)
    assert (found.counter_joules, found.integrated_joules) == (pytest.approx(5700.0), pytest.approx(6000.0))
    assert found.integral_off_ratio is None


def test_a_counter_that_disagrees_beside_a_gap_is_told_over_the_time_that_was_read():
    found = gapped(330.0)
    assert codes(found) == ["counter-disagrees"]
    assert found.integral_off_ratio == pytest.approx(6000 / 6600 - 1)
    assert "6.6 ± 0.5 kJ" in found.findings[0].message
    assert "6.000 ± 0.008 kJ" in found.findings[0].message


@pytest.mark.parametrize("metric", [ENERGY, ENERGY.observed(update_s=1.0), ENERGY.at_most_old(60.0)])
def test_a_counter_that_steps_between_two_quick_readings_says_nothing_of_power(metric):
    """A page of 140 W that is renewed every second, read twice within 4 ms at the start."""
    session = Session()
    number = session.device(metrics=(metric,))
    times = [1.998, 2.002, *every(1.0, 3.01, 14.0)]
    session.poll(number, times, lambda t: 140.0 * (t // 1.0))
    session.job(1.998, 14.0)
    found = session.summary(window="job")["energy"]
    assert found["joules"] == pytest.approx(140.0 * 12.0, rel=0.1)
    assert found["error_joules"] < 3.0 * 140.0


@pytest.mark.parametrize(("joules_per_s", "is_known"), [(0.0, False), (0.5, True)])
def test_a_processor_whose_counter_never_moves_has_no_energy_and_not_none_of_it(joules_per_s, is_known):
    session = Session()
    session.package(every(1.0, 0.0, 20.0), watts=joules_per_s)
    session.job(2.0, 18.0)
    summary = session.summary(window="job")
    (found,) = summary["energy"]["by_device"].values()
    assert (found["joules"] is not None) is is_known
    if not is_known:
        assert "did not move in 20 s, and there is power always; the energy is not known" in message(
            summary, "counter-disagrees"
        )
