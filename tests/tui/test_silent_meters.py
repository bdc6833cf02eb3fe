"""The screens say why a collector that somebody asked for tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from derive.build import Session, every
from story import boards, shown, text_of

from perfwatch.metrics import POWER
from perfwatch.model import DeviceKind, Scope
from perfwatch.tui.screens import devices, run

if TYPE_CHECKING:
    from looking import Draw

REASON = "the page http://plug/status answers with status 404; is the path right?"
SAID = f"shelly tells nothing: {REASON}"


def silent(*asked: str, state: str = "retrying", count: int = 0) -> Session:
    session = Session(command=["serve"], **({"asked": list(asked)} if asked else {}))
    session.job(0.0, None)
    session.event(0.1, "status", collector="shelly", state=state, reason=REASON)
    if count:
        boards(session, every(1.0, 0.0, 30.0), count)
    else:
        session.event(30.0, "note", text="on and on")
    return session


@pytest.mark.parametrize("draw", [run.draw, devices.draw])
@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("state", ["retrying", "absent", "failed"])
def test_a_silent_collector_is_named_with_its_cause(draw: Draw, count: int, state: str) -> None:
    assert SAID in text_of(shown(silent("shelly", state=state, count=count), draw, (120, 40)))


@pytest.mark.parametrize("draw", [run.draw, devices.draw])
def test_on_a_narrow_screen_it_takes_two_lines(draw: Draw) -> None:
    words = text_of(shown(silent("shelly", count=2), draw, (70, 30))).split()
    assert SAID in " ".join(words)


@pytest.mark.parametrize("draw", [run.draw, devices.draw])
def test_one_that_nobody_asked_for_is_not(draw: Draw) -> None:
    assert "shelly tells" not in text_of(shown(silent(count=2), draw, (120, 40)))


@pytest.mark.parametrize("draw", [run.draw, devices.draw])
def test_one_that_answers_again_is_not(draw: Draw) -> None:
    session = silent("shelly", count=2)
    session.event(2.0, "status", collector="shelly", state="ok", reason="")
    assert "shelly tells" not in text_of(shown(session, draw, (120, 40)))


def metered(*scopes: Scope, boards_too: bool = False) -> Session:
    session = Session(command=["serve"])
    session.job(0.0, None)
    times = every(1.0, 0.0, 30.0)
    for number, scope in enumerate(scopes):
        session.board(times, collector=f"plug{number}", kind=DeviceKind.METER, scope=scope)
    if boards_too:
        boards(session, times, 2)
    return session


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        ([Scope.WALL], "plug0:0 measures the wall: --scope wall makes that the headline"),
        ([Scope.NODE], "plug0:0 measures the node: --scope node makes that the headline"),
        ([Scope.WALL] * 2, "plug0:0, plug1:0 measure the wall: --meter NAME makes that the headline"),
    ],
)
def test_where_only_meters_tell_power_the_screen_run_says_how_to_choose_one(
    scopes: list[Scope], said: str
) -> None:
    assert said in text_of(shown(metered(*scopes), run.draw, (120, 40)))
    assert "the headline" not in text_of(shown(metered(*scopes, boards_too=True), run.draw, (120, 40)))


def test_the_gain_of_the_sensors_is_said_not_to_be_in_the_error() -> None:
    session = Session(command=["serve"], settings={"scope": "wall"})
    session.job(0.0, None)
    power = POWER.observed(update_s=0.01).accurate_to(0.01)
    plug = session.device("plug", metrics=(power,), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(plug, every(1.0, 0.0, 30.0), lambda t: 180.0)
    status = text_of(shown(session, run.draw, (120, 40))).splitlines()[0]
    assert "plug:0; not in ±: sensor gain, about 1 %" in status
