"""A counter that moves in steps, carried on to the ends of the window where its steps were caught."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from sensors import Counter, Sensor, Wave, constant, device, polls, ramp, square, tape, telegraph

from perfwatch.derive.energy import DeviceEnergy, device_energy
from perfwatch.derive.spans import Span
from perfwatch.metrics import ENERGY

UPDATE_S = 0.1
INSTANT = (0.1, 0.025)


def densely(rng: random.Random, start: float, end: float, gap_s: float) -> list[float]:
    """When a run reads out of turn: for 2.3 update periods before the start and after the end."""
    times = []
    t = start - 2.3 * UPDATE_S
    while t < start:
        times.append(t)
        t += gap_s * rng.uniform(0.9, 1.3)
    t = end
    while t < end + 2.3 * UPDATE_S:
        t += gap_s * rng.uniform(0.9, 1.3)
        times.append(t)
    return times


def measured(
    rng: random.Random,
    wave: Wave,
    window: Span,
    *,
    gap_s: float = 0.004,
    sensor: tuple[float, float] | None = INSTANT,
    steps_s: float = UPDATE_S,
    declared_s: float = UPDATE_S,
    interval_s: float = 0.5,
    dense: bool = True,
) -> DeviceEnergy:
    times = polls(rng, interval_s, *window)
    if dense:
        times = sorted({*times, *densely(rng, *window, gap_s)})
    power = None if sensor is None else Sensor(*sensor, phase=rng.random())
    counter = Counter(steps_s, rng.random(), declared_s=declared_s)
    found = device_energy(tape(wave, times, power=power, counter=counter), [window], interval_s=interval_s)
    assert found is not None
    return found


def test_a_window_of_milliseconds_uses_no_less_than_nothing_and_no_more_than_the_board_can() -> None:
    rng = random.Random(2)
    for _ in range(60):
        wave, window = constant(300.0), Span(20.0, 20.002)
        times = sorted({*polls(rng, 0.5, *window), *densely(rng, *window, 0.004)})
        source = tape(
            wave, times, power=Sensor(*INSTANT, phase=rng.random()), counter=Counter(UPDATE_S, rng.random())
        )
        found = device_energy(source, [window], interval_s=0.5, limit_w=350.0)
        assert found is not None
        assert found.joules is not None
        assert found.error is not None
        assert 0.0 <= found.joules <= 2.0 * 350.0 * window.duration_s
        assert abs(found.joules - 300.0 * window.duration_s) <= 2.0 * found.error.expanded()


@pytest.mark.parametrize("sensor", [None, INSTANT, (0.1, 1.0)])
@pytest.mark.parametrize("steps_s", [0.02, 0.05, 0.1])
def test_even_power_is_right_to_the_readings_whatever_the_steps(
    steps_s: float, sensor: tuple[float, float] | None
) -> None:
    rng = random.Random(f"even {steps_s} {sensor}")
    for _ in range(20):
        window = Span(8.0, 9.0 + rng.uniform(0.0, 0.3))
        found = measured(rng, constant(400.0), window, steps_s=steps_s, sensor=sensor)
        assert found.joules == pytest.approx(400.0 * window.duration_s, abs=400.0 * 0.012)


def test_without_the_dense_readings_a_window_of_a_second_is_uncertain_by_a_step() -> None:
    rng = random.Random("sparse")
    window = Span(8.0, 9.07)
    sparse = measured(rng, constant(400.0), window, dense=False)
    dense = measured(rng, constant(400.0), window)
    assert sparse.error is not None
    assert dense.error is not None
    assert sparse.error.expanded() == pytest.approx(2 * 0.408 * 400.0 * UPDATE_S, rel=0.01)
    assert dense.error.expanded() < sparse.error.expanded() / 4


def job(rng: random.Random, window: Span) -> Wave:
    """Idle, busy some time after the start, idle again at the end or a little before."""
    begin, end = window.start + rng.uniform(0.0, 0.5), window.end - rng.choice([0.0, rng.uniform(0.0, 0.4)])
    return Wave([(-10.0, 80.0), (begin, 80.0), (begin, 500.0), (end, 500.0), (end, 80.0), (80.0, 80.0)])


LOADS = {
    "even": lambda _, __: constant(350.0),
    "idle, job, idle": job,
    "0.5 s square": lambda rng, _: square(100.0, 600.0, 0.5, rng.random()),
    "3 s square": lambda rng, _: square(100.0, 600.0, 3.0, rng.random()),
    "jumps": lambda rng, _: telegraph(rng, (100.0, 300.0, 600.0), 0.3),
    "ramp": lambda _, window: ramp(100.0, 600.0, window.start - 1.0, window.end + 1.0),
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("steps_s", [0.0, 0.02, 0.1])
def test_the_truth_is_within_an_error_that_is_not_too_wide(steps_s: float, load: str) -> None:
    rng = random.Random(f"law {steps_s} {load}")
    outcomes = []
    for _ in range(120):
        start = 8.0 + rng.random()
        window = Span(start, start + rng.choice([1.0, 2.0, 5.0]))
        wave = LOADS[load](rng, window)
        found = measured(
            rng,
            wave,
            window,
            steps_s=steps_s,
            gap_s=rng.choice([0.004, 0.008, 0.02]),
            sensor=rng.choice([INSTANT, (0.1, 0.1)]),
        )
        assert found.joules is not None
        assert found.error is not None
        truth = wave.energy(window.end) - wave.energy(window.start)
        outcomes.append((found.joules - truth, found.error.expanded()))
    inside = sum(abs(error) <= stated for error, stated in outcomes) / len(outcomes)
    mean_square = sum(error**2 for error, _ in outcomes) / len(outcomes)
    assert inside >= 0.9
    if steps_s:  # of a counter that moves at each reading nobody sees that it is not late at all
        assert sum(stated for _, stated in outcomes) / len(outcomes) <= 4.0 * mean_square**0.5


@pytest.mark.parametrize(("declared_s", "gap_s"), [(1.0, 0.004), (0.001, 0.004), (UPDATE_S, 0.06)])
def test_what_was_not_caught_is_told_as_it_was_counted(declared_s: float, gap_s: float) -> None:
    """Nobody waits for slow counters, quick ones need it not, and readings may be too far apart to tell."""
    window = Span(8.0, 9.07)
    rng = random.Random("uncaught")
    steps_s = max(declared_s, 0.02)
    found = measured(rng, constant(400.0), window, gap_s=gap_s, declared_s=declared_s, steps_s=steps_s)
    assert found.error is not None
    assert found.error.expanded() == pytest.approx(2 * 0.408 * 400.0 * declared_s, rel=0.01)


def test_a_counter_that_begins_anew_in_the_job_is_not_carried_over_that() -> None:
    """It stood at 1 GJ; between the reading at the begin and the next one it was reset."""
    begin, end = 8.003, 10.0
    dense = [7.77 + 0.004 * k for k in range(58)] + [end + 0.004 * k for k in range(60)]
    times = sorted({8.0, 8.5, 9.0, 9.5, *(round(t, 6) for t in dense)})

    def joules(t: float) -> float:
        counted = 30.0 * math.floor(t * 10.0)
        return 1e9 + counted if t <= 8.1 else counted

    found = device_energy(
        device(energy=[(t, joules(t)) for t in times], energy_metric=ENERGY.observed(update_s=UPDATE_S)),
        [Span(begin, end)],
        interval_s=0.5,
    )
    assert found is not None
    assert found.joules == pytest.approx(300.0 * 1.5, abs=40.0), "what came before the first reading after it"


def test_a_counter_that_begins_anew_in_the_job_is_uncertain_by_its_steps() -> None:
    """At both sides of the restart nothing tells how old the counter was."""
    begin, end = 8.003, 10.5
    dense = [7.77 + 0.004 * k for k in range(59)] + [end + 0.004 * k for k in range(60)]
    times = sorted({begin, 8.5, 9.0, 9.5, 10.0, *(round(t, 6) for t in dense)})
    found = device_energy(
        device(
            energy=[(t, 30.0 * math.floor(t * 10.0) + (1e9 if t <= 8.6 else 0.0)) for t in times],
            energy_metric=ENERGY.observed(update_s=UPDATE_S),
        ),
        [Span(begin, end)],
        interval_s=0.5,
    )
    assert found is not None
    assert found.error is not None
    assert found.error.expanded() >= 0.8 * 300.0 * UPDATE_S


@pytest.mark.parametrize("busy_s", [0.08, 0.15, 0.3])
def test_a_job_of_a_step_or_so_is_measured_by_what_was_counted_after_it(busy_s: float) -> None:
    """The steps before it are those of a board at rest."""
    rng = random.Random(f"short {busy_s}")
    inside = 0
    for _ in range(40):
        window = Span(8.0, 8.0 + busy_s)
        wave = Wave(
            [(-10.0, 60.0), (8.0, 60.0), (8.0, 600.0), (window.end, 600.0), (window.end, 60.0), (80.0, 60.0)]
        )
        found = measured(rng, wave, window)
        assert found.joules is not None
        assert found.error is not None
        inside += abs(found.joules - 600.0 * busy_s) <= found.error.expanded()
    assert inside >= 32


def test_a_window_of_ones_own_is_as_it_was_counted() -> None:
    """Its ends are not where steps were caught."""
    rng = random.Random("own")
    times = sorted({*polls(rng, 0.5, 8.0, 13.0), *densely(rng, 8.0, 13.0, 0.004)})
    board = tape(constant(400.0), times, power=Sensor(*INSTANT), counter=Counter(UPDATE_S, 0.3))
    found = device_energy(board, [Span(9.3, 11.3)], interval_s=0.5)
    assert found is not None
    assert found.error is not None
    assert found.error.expanded() >= 2 * 0.408 * 400.0 * UPDATE_S


def test_dense_readings_around_a_window_say_nothing_of_how_densely_it_was_read() -> None:
    """The integral's error is that of a window which is read each half second."""
    errors: list[Sequence[float]] = []
    for dense in (False, True):
        rng = random.Random("polling")
        found = [
            measured(rng, square(100.0, 600.0, 0.7, 0.1 * k), Span(8.0, 13.0), dense=dense) for k in range(10)
        ]
        errors.append([one.integrated_error.expanded() for one in found if one.integrated_error is not None])
    sparse, dense_j = (sum(each) / len(each) for each in errors)
    assert dense_j == pytest.approx(sparse, rel=0.35)
