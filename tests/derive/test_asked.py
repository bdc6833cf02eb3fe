"""What was asked for and is silent is named with its cause; what takes part unasked is not."""

from __future__ import annotations

import pytest
from derive.build import Session, every, message

from perfwatch.derive.findings import INFO
from perfwatch.metrics import POWER
from perfwatch.model import DeviceKind, Scope

REASON = "the page http://plug/status answers with status 404; is the path right?"
PLUG = {"collector": "shelly", "kind": DeviceKind.METER, "scope": Scope.WALL, "name": "plug"}


def run(*asked: str) -> Session:
    session = Session(**({"asked": list(asked)} if asked else {}))
    session.board(every(1.0, 0.0, 34.0))
    session.job(2.0, 32.0)
    return session


def said(session: Session) -> list[str]:
    quality = session.summary(window="job")["quality"]
    return [each["message"] for each in quality if each["code"] == "late-source" and each["level"] == INFO]


@pytest.mark.parametrize("state", ["retrying", "absent", "failed"])
def test_a_meter_that_never_answered_is_named_with_what_it_said(state: str) -> None:
    session = run("shelly")
    session.event(0.1, "status", collector="shelly", state=state, reason=f"{REASON}; next try in 4 s")
    assert said(session) == [f"shelly told nothing of this run: {REASON}"]


def test_what_can_be_done_about_it_is_said_as_well() -> None:
    session = run("redfish")
    session.event(0.1, "status", collector="redfish", state="absent", reason="no user", remedy="export IT=1")
    assert said(session) == ["redfish told nothing of this run: no user (export IT=1)."]


def test_a_collector_that_nobody_asked_for_is_not_named() -> None:
    session = run()
    session.event(0.1, "status", collector="shelly", state="retrying", reason=REASON)
    assert said(session) == []


def test_its_cause_is_told_once_where_no_device_tells_energy_either() -> None:
    session = Session(asked=["shelly"])
    session.event(0.1, "status", collector="shelly", state="absent", reason=REASON)
    session.event(0.1, "status", collector="rapl", state="absent", reason="no powercap")
    session.job(2.0, 32.0)
    assert said(session) == [f"shelly told nothing of this run: {REASON}"]
    assert REASON not in message(session.summary(window="job"), "no-power")
    assert "no powercap" in message(session.summary(window="job"), "no-power")


def test_a_source_that_is_late_and_silent_says_why() -> None:
    session = run("shelly")
    session.event(2.5, "late_source", collector="shelly")
    session.event(4.0, "status", collector="shelly", state="retrying", reason=REASON)
    assert said(session) == [f"shelly told nothing of this run: {REASON}"]


def metered(times: list[float], *values: float | None) -> Session:
    session = run("shelly")
    number = session.device(metrics=(POWER,), **PLUG)
    for at, t in enumerate(times):
        session.sample(number, t, values[at] if values else 180.0)
    return session


def test_a_meter_that_fell_silent_beside_the_headline_is_named() -> None:
    session = metered(every(1.0, 0.0, 10.0))
    session.event(11.0, "status", collector="shelly", state="retrying", reason=f"{REASON}; next try in 1 s")
    (one,) = said(session)
    assert one.startswith("shelly:0 gave nothing in the last 22 s: shelly could not read and tried again: ")
    assert REASON.rstrip("?") in one
    assert "next try" not in one


def test_a_meter_that_goes_on_is_not_named() -> None:
    assert said(metered(every(1.0, 0.0, 34.0))) == []


def test_a_meter_that_answers_without_a_number_is_named() -> None:
    times = every(1.0, 0.0, 34.0)
    assert said(metered(times, *[None] * len(times))) == ["shelly:0 gave no number for power_watts."]
