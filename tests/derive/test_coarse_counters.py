"""Counters that move in coarse steps, as those of plugs and management controllers do."""

from __future__ import annotations

import pytest
from derive.build import Clock, Session, codes, every, message

from perfwatch.derive.live_amounts import RunningEnergy
from perfwatch.derive.live_error import LiveErrors
from perfwatch.derive.spans import Span
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Scope


def metered(update_s: float | None, step_j: float | None, watts: float = 61.0) -> Session:
    """A job of 12 s beside a meter of the wall: constant power, and a counter that moves by such steps."""
    session = Session()
    session.board(every(1.0, 0.0, 30.0), watts=50.0)
    counter = ENERGY.observed(update_s=update_s).stepping_by(step_j)
    number = session.device(
        "shelly", metrics=(POWER.observed(update_s=1.0), counter), kind=DeviceKind.METER, scope=Scope.WALL
    )
    step = step_j or watts * (update_s or 1.0)
    session.poll(
        number, every(1.0, 0.0, 30.0), lambda t: watts, lambda t: step * ((400.0 + watts * t) // step)
    )
    session.job(10.0, 22.0)
    return session


@pytest.mark.parametrize(
    ("update_s", "step_j", "said"),
    [
        (None, 3600.0, "moves in steps of 3.60 kJ, and about 732 J were used"),
        (60.0, None, "moves in steps of 60 s, and about 732 J were used"),
    ],
)
def test_a_counter_whose_step_is_more_than_a_run_used_is_left_for_the_power(update_s, step_j, said):
    summary = metered(update_s, step_j).summary(scope="wall")
    energy = summary["energy"]
    assert (energy["method"], energy["joules"]) == ("integrated", pytest.approx(732.0, rel=0.01))
    assert said in message(summary, "counter-disagrees")
    beside = metered(update_s, step_j).summary()["energy"]["by_scope"]["wall"]
    assert beside["joules"] == pytest.approx(732.0, rel=0.01)
    assert any(said in note for note in beside["notes"])


def test_a_counter_with_fine_steps_is_kept_and_its_steps_are_in_its_error():
    energy = metered(None, 60.0).summary(scope="wall")["energy"]
    assert energy["method"] == "counter"
    assert abs(energy["joules"] - 732.0) <= energy["error_joules"]
    assert energy["error_joules"] == pytest.approx(2 * 60.0 / 6**0.5, rel=0.2)


def finer() -> Device:
    """The same meter with finer steps."""
    counter = ENERGY.stepping_by(360.0)
    return Device("PLUG-0-uuid", "Board", DeviceKind.METER, metrics=(counter,), scope=Scope.WALL)


def counted_only(step_j: float | None, told: Clock, *, update_s: float | None = None) -> Session:
    """A job of 20 s beside a meter that tells its counter alone."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0), watts=50.0)
    counter = ENERGY.observed(update_s=update_s).stepping_by(step_j)
    number = session.device("plug", metrics=(counter,), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(number, every(1.0, 0.0, 40.0), told)
    session.job(10.0, 30.0)
    return session


@pytest.mark.parametrize("declared", [3.6e6, None])
def test_one_step_of_a_counter_without_power_is_uncertain_by_its_step(declared):
    summary = counted_only(declared, lambda t: 4e9 + 3.6e6 * (t > 20.5)).summary(scope="wall")
    energy = summary["energy"]
    assert energy["error_joules"] == pytest.approx(2 * 3.6e6 / 6**0.5)
    assert "large-error" in codes(summary, "insufficient")
    assert "the counter of plug:0 moves in steps of 3.60 MJ" in message(summary, "large-error")


def test_a_counter_that_did_not_move_says_only_that_less_than_a_step_was_used():
    summary = counted_only(3.6e6, lambda t: 4442400000.0).summary(scope="wall")
    assert (summary["energy"]["joules"], summary["energy"]["error_joules"]) == (0.0, 3.6e6)
    assert "large-error" in codes(summary, "insufficient")


@pytest.mark.parametrize("declared", [None, 1e-6])
def test_a_counter_that_did_not_move_and_whose_steps_nobody_tells_says_nothing(declared):
    """One in kWh stands for hours: that is no energy of 0 J with the error of its last digit."""
    session = counted_only(declared, lambda t: 4442400000.0)
    summary = session.summary(scope="wall")
    assert (summary["energy"]["joules"], summary["power"]["mean_watts"]) == (None, None)
    said = "plug:0: the energy counter did not move in 40 s, and by how much it moves at a time nobody tells"
    assert message(summary, "counter-disagrees") == f"{said}; the energy is not known."
    note, *_ = session.summary()["energy"]["by_scope"]["wall"]["notes"]
    assert note.endswith("nobody tells: its energy is not known")


@pytest.mark.parametrize("watts", [700.0, 0.0])
def test_power_beside_a_counter_that_did_not_move_is_integrated_at_once(watts):
    """Also in a run that is too short to call the counter stuck; of no power both say the same."""
    session = Session()
    number = session.device("meter", metrics=(POWER, ENERGY), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(number, every(0.5, 0.0, 8.0), lambda t: watts, lambda t: 4442400000.0)
    session.job(2.0, 6.0)
    summary = session.summary(scope="wall")
    assert summary["energy"]["joules"] == pytest.approx(4.0 * watts, rel=0.02)


def test_the_live_figure_of_a_counter_that_never_moved_is_unknown_until_it_does():
    running = RunningEnergy(ENERGY, None, 30.0, 3.0)
    running.begin(0.0)
    for t in range(10):
        running.take(float(t), None, 4e9)
    assert running.between(Span(0.0, 9.0)).seen_s == 0.0
    for t in range(10, 20):
        running.take(float(t), None, 4e9 + 700.0 * (t - 9))
    amount = running.between(Span(0.0, 19.0))
    assert (amount.amount, amount.seen_s) == (pytest.approx(7000.0), 19.0)


def test_a_counter_that_moves_at_each_reading_has_no_steps_to_be_seen():
    energy = counted_only(None, lambda t: 60.0 * t, update_s=0.01).summary(scope="wall")["energy"]
    assert energy["error_joules"] < 1.0


def test_a_step_that_was_not_declared_and_that_no_power_explains_is_left_for_the_power():
    session = Session()
    number = session.device(
        "meter", metrics=(POWER.observed(update_s=1.0), ENERGY), kind=DeviceKind.METER, scope=Scope.WALL
    )
    session.poll(number, every(1.0, 0.0, 30.0), lambda t: 700.0, lambda t: 4e9 + 3.6e6 * (t > 16.5))
    session.job(10.0, 22.0)
    summary = session.summary(scope="wall")
    assert summary["energy"]["joules"] == pytest.approx(8400.0, rel=0.01)
    assert "moves in steps of 3.60 MJ, and about 8.40 kJ were used" in message(summary, "counter-disagrees")


def test_the_live_figure_of_a_coarse_counter_is_the_integral_and_has_its_steps_in_its_error():
    running = RunningEnergy(ENERGY, None, 30.0, 3.0, POWER)
    running.begin(0.0)
    for t in range(20):
        running.take(float(t), 700.0, 4e9 + 3.6e6 * (t > 12))
    assert running.between(Span(0.0, 19.0)).amount == pytest.approx(13300.0, rel=0.01)
    errors = LiveErrors()
    session = counted_only(3.6e6, lambda t: 4e9 + 3.6e6 * (t > 20.5))
    by_time = sorted(session.records, key=lambda record: float(record["t"]))
    for record in (session.header, *(record for record in by_time if record["t"] <= 30.0)):
        errors.take(record)
    assert errors.expanded_j([1], 30.0) == pytest.approx(2 * 3.6e6 / 6**0.5)
    session = counted_only(3.6e6, lambda t: 4e9 + 360.0 * t)
    session.declare("plug", finer())
    errors = LiveErrors()
    for record in (session.header, *sorted(session.records, key=lambda record: float(record["t"]))):
        errors.take(record)
    assert (errors.expanded_j([1], 40.0) or 1e6) < 1000.0


def test_finer_steps_that_a_device_declares_later_hold_of_all_that_it_told():
    session = counted_only(3.6e6, lambda t: 4e9 + 360.0 * t)
    session.declare("plug", finer())
    session.sample(1, 41.0, 4e9 + 360.0 * 41)
    assert session.summary(scope="wall")["energy"]["error_joules"] < 1000.0


def test_the_power_of_a_counter_that_has_not_stepped_is_not_known_and_not_zero():
    summary = counted_only(3.6e6, lambda t: 4e9).summary(scope="wall")
    assert summary["energy"]["joules"] == 0.0
    assert summary["power"]["mean_watts"] is None
