"""The error model: formulas by hand, and how often the truth lies within what is stated."""

from __future__ import annotations

import math
import random
from array import array

import pytest
from sensors import Counter, Sensor, Wave, constant, polls, square, tape, telegraph

from perfwatch.derive import integral, uncertainty
from perfwatch.derive.energy import device_energy
from perfwatch.derive.spans import Span
from perfwatch.derive.uncertainty import (
    Error,
    bridge_error,
    combine,
    counter_error,
    over_spans,
    polling_of,
    wander_of,
)


def test_common_errors_add_over_devices_and_independent_ones_in_quadrature():
    both = combine([Error(3.0, 3.0), Error(4.0, 4.0)])
    assert both == Error(7.0, 5.0)
    assert both.expanded() == pytest.approx(2.0 * math.sqrt(49.0 + 25.0))
    assert combine([]) == Error(0.0, 0.0)


def test_errors_of_separate_spans_have_nothing_in_common():
    assert over_spans([Error(3.0, 0.0), Error(4.0, 1.0)]) == Error(5.0, 1.0)


@pytest.mark.parametrize(("first_w", "last_w"), [(100.0, 100.0), (100.0, 600.0), (0.0, 300.0), (450.0, 20.0)])
def test_the_counters_error_is_that_of_two_ages_between_0_and_an_update(first_w, last_w):
    """The formula against the mean square of Pa a - Pb b over a fine grid of both ages."""
    update_s, n = 0.1, 200
    ages = [(i + 0.5) / n * update_s for i in range(n)]
    square_j = sum((first_w * a - last_w * b) ** 2 for a in ages for b in ages) / n**2
    assert counter_error(first_w, last_w, update_s).common_j == pytest.approx(math.sqrt(square_j), rel=1e-4)


def test_for_even_power_the_counters_error_is_the_rule_of_thumb():
    assert counter_error(300.0, 300.0, 0.1).common_j == pytest.approx(0.41 * 300.0 * 0.1, rel=0.01)


def test_the_error_of_an_interpolated_end_is_that_of_a_step_anywhere_in_the_interval():
    share, step_w, interval_s, n = 0.3, 500.0, 2.0, 20_000
    wrong = [step_w * interval_s * (min(share, f) - share * f) for f in ((i + 0.5) / n for i in range(n))]
    expected = math.sqrt(sum(joules**2 for joules in wrong) / n)
    assert bridge_error(step_w, interval_s, share) == pytest.approx(expected, rel=1e-3)
    assert bridge_error(step_w, interval_s, 0.0) == 0.0


def test_wandering_tells_noise_from_jumps_and_ramps():
    rng = random.Random(1)
    sensor = integral.Sensor(0.1, 0.0)
    noise = wander_of(array("d", [rng.gauss(300.0, 50.0) for _ in range(2000)]), sensor, 0.1)
    jump = wander_of(array("d", [100.0] * 500 + [600.0] * 500), sensor, 0.1)
    ramp = wander_of(array("d", [float(i) for i in range(2000)]), sensor, 0.1)
    assert noise.independence > 0.9
    assert noise.squared_w == pytest.approx(2.0 * 50.0**2, rel=0.1)
    assert noise.exponent < 0.1
    assert jump.independence == 0.0
    assert jump.exponent == pytest.approx(1.0)
    assert jump.at(0.05) == pytest.approx(jump.at(0.1) / 2.0)
    assert ramp.exponent > 1.9
    assert ramp.roughness < 0.1


def test_a_jump_at_the_very_end_of_the_readings_is_no_noise():
    """A job that starts right after the window's first reading: 100 W, then 600 W."""
    found = wander_of(array("d", [100.0] + [600.0] * 6), integral.Sensor(0.1, 0.1), 1.0)
    assert found.independence == pytest.approx(0.0, abs=0.05)


def test_polling_is_the_usual_spacing_whatever_the_ends():
    times = array("d", [0.0, 0.003] + [0.003 + 0.1 * i for i in range(1, 100)] + [9.95])
    found = polling_of(times, 5.0)
    assert found.spacing_s == pytest.approx(0.1)
    assert found.jitter_s == pytest.approx(0.0, abs=1e-9)
    assert polling_of(array("d", [1.0]), 5.0).spacing_s == 5.0


def _outcomes(name, wave, sensor_s, window_s, interval_s, duration_s, trials, counter=None):
    """True error and stated error of `integrated_joules` (or of the counter), over seeded trials."""
    rng = random.Random(name)
    outcomes = []
    for _ in range(trials):
        load, start, end = wave(rng), 8.0, 8.0 + duration_s
        times = polls(rng, interval_s, start, end, jitter_s=rng.uniform(0.0001, 0.0005))
        device = tape(load, times, power=Sensor(sensor_s, window_s, rng.random()), counter=counter)
        found = device_energy(device, [Span(start, end)], interval_s=interval_s)
        true = load.energy(end) - load.energy(start)
        outcomes.append((found.joules - true, found.error.expanded(), true))
    return outcomes


def _judge(outcomes):
    """Share of the truths inside the stated error; mean stated error over RMS of the true ones."""
    n = len(outcomes)
    rms = math.sqrt(sum(error**2 for error, _, _ in outcomes) / n)
    inside = sum(abs(error) <= stated for error, stated, _ in outcomes) / n
    return inside, sum(stated for _, stated, _ in outcomes) / n / rms


@pytest.mark.parametrize("period_s", [0.5, 3.0])
@pytest.mark.parametrize("interval_s", [0.1, 0.01])
def test_the_truth_of_a_square_wave_is_within_the_stated_error_which_is_not_too_large(period_s, interval_s):
    """100/600 W, random phase, 20 s; a sensor that sees all the time (T = W = 100 ms)."""
    outcomes = _outcomes(
        f"square {period_s} {interval_s}",
        lambda rng: square(100.0, 600.0, period_s, rng.random()),
        0.1,
        0.1,
        interval_s,
        20.0,
        trials=120,
    )
    inside, ratio = _judge(outcomes)
    assert inside >= 36 / 40
    assert 1.0 < ratio <= 4.0


@pytest.mark.parametrize(
    ("mean_s", "refresh_s", "window_s", "interval_s", "duration_s"),
    [
        (0.5, 0.1, 0.1, 1.0, 20.0),  # polled rarely: most is not seen
        (3.0, 0.1, 0.1, 1.0, 20.0),
        (0.5, 0.1, 1.0, 1.0, 20.0),  # averages over the whole period
        (3.0, 0.1, 1.0, 0.1, 20.0),
        (0.5, 0.1, 0.025, 0.1, 20.0),  # looks a quarter of the time
        (3.0, 0.02, 0.01, 1.0, 20.0),
        (0.5, 0.1, 0.1, 0.1, 2.0),  # short
    ],
)
def test_random_loads_are_within_the_stated_error_too(mean_s, refresh_s, window_s, interval_s, duration_s):
    inside, ratio = _judge(
        _outcomes(
            f"random {mean_s} {refresh_s} {window_s} {interval_s} {duration_s}",
            lambda rng: telegraph(rng, (100.0, 300.0, 500.0, 600.0), mean_s),
            refresh_s,
            window_s,
            interval_s,
            duration_s,
            trials=200,
        )
    )
    assert inside >= 0.9
    assert 1.0 < ratio <= 4.0


@pytest.mark.parametrize("duration_s", [5.0, 20.0])
@pytest.mark.parametrize(("period_s", "duty"), [(0.5, 0.5), (0.7, 0.5), (0.5, 0.3)])
def test_a_load_in_step_with_its_readings_has_an_error_that_says_so(period_s, duty, duration_s):
    """A sensor of the instant, polled every 100 ms: the same few places of each period are seen."""
    outcomes = _outcomes(
        f"in step {period_s} {duration_s}",
        lambda rng: square(100.0, 600.0, period_s, rng.random(), duty),
        0.02,
        0.0,
        0.1,
        duration_s,
        trials=120,
    )
    inside, ratio = _judge(outcomes)
    assert inside >= 0.9
    assert ratio <= 4.0


@pytest.mark.parametrize(
    ("pattern", "times"),
    [
        ([100.0, 600.0, 600.0, 100.0, 600.0], 40),  # comes again after five readings
        ([100.0, 600.0], 1),  # its second half is its first turned round
        ([300.0], 1),
    ],
)
def test_a_pattern_in_step_is_found_where_readings_miss_a_part_of_it(pattern, times):
    watts = array("d", pattern * (200 // len(pattern)))
    polling = polling_of(array("d", [0.1 * i for i in range(200)]), 0.1)
    seen = uncertainty.times_in_step(watts, len(watts), integral.Sensor(0.02, 0.0), polling)
    assert seen == pytest.approx(times)
    assert uncertainty.times_in_step(watts, len(watts), integral.Sensor(0.1, 0.1), polling) == 1.0


def test_chance_and_a_drifting_pattern_are_not_in_step():
    rng, polling = random.Random(3), polling_of(array("d", [0.1 * i for i in range(400)]), 0.1)
    sensor = integral.Sensor(0.02, 0.0)
    chance = array("d", [rng.choice([100.0, 300.0, 600.0]) for _ in range(400)])
    drifting = array("d", [100.0 if (0.1 * i / 0.517) % 1.0 < 0.5 else 600.0 for i in range(400)])
    slow = array("d", [100.0 if i // 40 % 2 else 600.0 for i in range(400)])
    for watts in (chance, drifting, slow):
        assert uncertainty.times_in_step(watts, len(watts), sensor, polling) == 1.0


@pytest.mark.parametrize("update_s", [0.0, 0.01])
@pytest.mark.parametrize("period_s", [0.5, 3.0])
def test_a_fine_counter_is_right_within_a_thousandth(update_s, period_s):
    outcomes = _outcomes(
        f"counter {update_s} {period_s}",
        lambda rng: square(100.0, 600.0, period_s, rng.random()),
        0.1,
        0.1,
        0.1,
        20.0,
        trials=40,
        counter=Counter(update_s, 0.37),
    )
    assert max(abs(error) / true for error, _, true in outcomes) < 0.001


def test_a_counter_of_100_ms_is_within_its_stated_error():
    outcomes = _outcomes(
        "coarse",
        lambda rng: telegraph(rng, (100.0, 600.0), 0.5),
        0.1,
        0.1,
        0.1,
        10.0,
        trials=200,
        counter=Counter(0.1, 0.37),
    )
    inside, ratio = _judge(outcomes)
    assert inside >= 0.9
    assert ratio <= 4.0


@pytest.mark.parametrize("boards", [1, 8])
@pytest.mark.parametrize(("window_s", "interval_s"), [(0.1, 1.0), (0.1, 0.1), (1.0, 1.0), (1.0, 0.1)])
@pytest.mark.parametrize("of_the_work", [True, False])
def test_a_load_from_idle_to_idle_is_within_the_error_whatever_the_window_and_however_many_boards(
    boards: int, window_s: float, interval_s: float, of_the_work: bool
) -> None:
    """What a window of work or of a phase is made for begins and ends with it, on all boards at once."""
    rng = random.Random(f"{boards}/{window_s}/{interval_s}/{of_the_work}")
    inside = 0
    for _ in range(60):
        begin, end = 8.0 + rng.uniform(0.05, 1.5), 48.0 - rng.uniform(0.05, 1.0)
        low, high = rng.uniform(40.0, 110.0), rng.uniform(200.0, 600.0)
        wave = Wave([(0.0, low), (begin, low), (begin, high), (end, high), (end, low), (90.0, low)])
        span = Span(begin, end) if of_the_work else Span(8.0, 48.0)
        times = polls(rng, interval_s, 8.0, 48.0, before_s=3.0 * interval_s)
        found = [
            device_energy(
                tape(wave, times, power=Sensor(0.1, window_s, phase=rng.random())),
                [span],
                interval_s=interval_s,
            )
            for _ in range(boards)
        ]
        joules = sum(one.joules for one in found)
        error = combine([one.error for one in found]).expanded()
        truth = boards * (wave.energy(span.end) - wave.energy(span.start))
        inside += abs(joules - truth) <= error
    assert inside >= 0.8 * 60


@pytest.mark.parametrize("on_s", [0.05, 0.15])
@pytest.mark.parametrize("every_s", [0.2, 0.3])
def test_spans_in_step_with_a_counter_make_the_same_error_again_and_again(
    every_s: float, on_s: float
) -> None:
    rng = random.Random(f"{every_s}/{on_s}")
    inside = 0
    for _ in range(100):
        begin = 8.0 + rng.random()
        spans = [Span(begin + n * every_s, begin + n * every_s + on_s) for n in range(40)]
        times = sorted({*polls(rng, 0.5, 8.0, 22.0), *(t for span in spans for t in span)})
        source = tape(constant(400.0), times, counter=Counter(0.1, rng.random()))
        found = device_energy(source, spans, interval_s=0.5)
        assert found is not None
        assert found.joules is not None
        assert found.error is not None
        inside += abs(found.joules - 400.0 * 40 * on_s) <= found.error.expanded()
    assert inside >= 90


def test_spans_at_any_time_are_in_step_with_nothing() -> None:
    rng = random.Random(4)
    spans = [Span(t, t + 0.05 + rng.random()) for t in (2.0 * n + rng.random() for n in range(40))]
    assert uncertainty.in_step_with(spans, 0.1) < 0.1
    assert uncertainty.in_step_with([Span(n, n + 0.05) for n in range(40)], 0.1) == pytest.approx(1.0)
    assert uncertainty.in_step_with(spans[:1], 0.1) == uncertainty.in_step_with(spans, 0.0) == 0.0


@pytest.mark.parametrize(
    ("readings", "step_w"),
    [
        ([300.0] * 50, 1.0),
        ([300.4] * 50, 0.1),
        ([2.1] * 50, 0.1),
        ([100.0, 600.0] * 50, 1.0),
        ([300.0, 301.0] * 50, 1.0),
        ([300.0, 301.0, 305.0] * 50, 1.0),
        ([300.0, 300.1, 303.4] * 50, 0.1),
        ([300.0, 300.01, 303.44] * 50, 0.01),
        ([2.1, 2.2, 2.4] * 50, 0.1),
        ([23400.0, 23410.0, 23460.0] * 50, 10.0),
        ([300.0, 300.123456, 303.4] * 50, 0.0003034),
        ([0.0] * 50, 0.0),
    ],
)
def test_the_steps_of_a_sensor_are_seen_in_its_readings(readings: list[float], step_w: float) -> None:
    assert uncertainty.step_of(readings) == pytest.approx(step_w)


@pytest.mark.parametrize("step_w", [1.0, 0.1])
@pytest.mark.parametrize("wanders_w", [0.0, 0.3, 1.0, 3.0, 40.0])
def test_rounded_readings_are_in_the_error(step_w: float, wanders_w: float) -> None:
    """Power that drifts slowly about some level, told in steps: the truth is within the error."""
    chance = random.Random(11)
    within, runs = 0, 200
    for _ in range(runs):
        level = chance.uniform(50.0, 400.0)
        truth = [level + wanders_w * math.sin(n / 40.0) for n in range(121)]
        told = array("d", [round(watts / step_w) * step_w for watts in truth])
        times = array("d", [float(n) for n in range(121)])
        stretch = integral.Stretch(Span(0.0, 120.0), times, told, 0.0)
        sensor = integral.Sensor(0.0, 0.0)
        wander = uncertainty.wander_of(told, sensor, 1.0)
        error = uncertainty.integral_error(stretch, sensor, wander, uncertainty.Polling(1.0, 0.0))
        exact = stretch._replace(watts=array("d", truth))
        within += abs(stretch.joules - exact.joules) <= error.expanded()
    assert within >= 0.9 * runs
