"""Counters that move in coarse steps, as those of plugs and management controllers do."""

from __future__ import annotations

import pytest
from derive.build import Session, every, message

from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import DeviceKind, Scope


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
