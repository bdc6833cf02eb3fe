"""Which device departs from its like, since when, and which only seems to? Live and summary must agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from derive.build import Session, every
from hypothesis import given, settings
from hypothesis import strategies as st

from perfwatch.derive.live import LiveFigures
from perfwatch.derive.live_run import LiveRun
from perfwatch.derive.quality_odd import said_of
from perfwatch.metrics import ENERGY, POWER, SM_CLOCK, TEMPERATURE, UTILIZATION

Told = Callable[[int, float], float | None]
"""What a board tells at a time of the run."""

USUAL: dict[str, Told] = {
    "watts": lambda board, t: 300.0,
    "clock": lambda board, t: 1.9e9,
    "heat": lambda board, t: 60.0,
    "busy": lambda board, t: 0.97,
}
METRICS = {"watts": POWER, "clock": SM_CLOCK, "heat": TEMPERATURE, "busy": UTILIZATION}


def run_of(
    seconds: float = 60.0, boards: int = 4, *, only: str = "", step_s: float = 1.0, **told: Told
) -> Session:
    """A job of 2 s on, on boards of one model that are alike but for what is given; times are the run's."""
    session = Session(interval_s=step_s, command=["train"])
    session.job(2.0, 2.0 + seconds)
    columns = {name: tell for name, tell in {**USUAL, **told}.items() if name in (only or name).split()}
    metrics = [METRICS[name] for name in columns]
    for board in range(boards):
        number = session.device(metrics=metrics, power_limit_watts=300.0)
        for t in every(step_s, 0.0, seconds + 4.0):
            session.sample(number, t, *(tell(board, t - 2.0) for tell in columns.values()))
    return session


def said(session: Session) -> list[str]:
    """What the summary of the whole job says of odd devices."""
    quality = session.summary(window="job")["quality"]
    return [each["message"] for each in quality if each["code"] == "odd-device"]


def said_live(session: Session) -> list[str]:
    """What was said when the job had ended."""
    figures = LiveFigures()
    run = LiveRun(figures)
    declared = [record for record in session.records if "device" in record]
    others = sorted((one for one in session.records if "device" not in one), key=lambda one: one["t"])
    for record in [session.header, *declared, *others]:
        figures.take(record)
        run.take(record)
    labels = {number: f"nvidia:{number}" for number in range(len(declared))}
    odd = run.so_far(figures.standing(), labels).odd
    return [f"{one.label} {said_of(one.departures, 2.0)}." for one in odd]


def but(wanted: int, tell: Callable[[float], float | None], name: str) -> dict[str, Any]:
    """One board that tells something else."""
    return {name: lambda board, t: tell(t) if board == wanted else USUAL[name](board, t)}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            but(2, lambda t: 1.9e9 if t < 30.0 else 0.9e9, "clock"),
            "nvidia:2 departs from its like since 30 s of the run: clock 900 MHz, the others 1.90 GHz.",
        ),
        (
            but(1, lambda t: 60.0 if t < 12.0 else 95.0, "heat"),
            "nvidia:1 departs from its like since 12 s of the run: temperature 95 °C, the others 60 °C.",
        ),
        (
            but(3, lambda t: 0.05, "busy"),
            "nvidia:3 departs from its like all along: utilization 5 %, the others 97 %.",
        ),
        (
            but(1, lambda t: 300.0 if t < 50.0 else 60.0, "watts"),
            "nvidia:1 departs from its like since 50 s of the run: power 60.0 W, the others 300 W.",
        ),
        (
            but(0, lambda t: 0.97 if t < 30.0 else 0.0, "busy"),
            "nvidia:0 departs from its like since 30 s of the run: utilization 0 %, the others 97 %.",
        ),
        (
            but(0, lambda t: 0.9e9 if 20.0 <= t < 35.0 else 1.9e9, "clock"),
            (
                "nvidia:0 departed from its like for 15 s from 20 s of the run on: "
                "clock 900 MHz, the others 1.90 GHz."
            ),
        ),
        (
            but(0, lambda t: 0.9e9 if t < 40.0 else 1.9e9, "clock"),
            (
                "nvidia:0 departed from its like for 40 s from the start of the run on: "
                "clock 900 MHz, the others 1.90 GHz."
            ),
        ),
        (
            {
                **but(2, lambda t: 1.9e9 if t < 30.0 else 1.2e9, "clock"),
                **but(2, lambda t: 60.0 if t < 20.0 else 90.0, "heat"),
            },
            (
                "nvidia:2 departs from its like since 30 s of the run: clock 1.20 GHz, the others 1.90 GHz; "
                "temperature 90 °C, the others 60 °C (since 20 s of the run)."
            ),
        ),
    ],
)
def test_it_is_said_in_what_by_how_much_and_since_when(told: dict[str, Any], message: str) -> None:
    session = run_of(**told)
    assert said(session) == [message]
    assert said_live(session) == [message]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"only": "watts", "watts": lambda board, t: 100.0 if board < 2 else 300.0},
        {"only": "watts", "boards": 8, "watts": lambda board, t: 100.0 if board < 3 else 300.0},
        {"boards": 3, **but(2, lambda t: 0.9e9, "clock")},
        but(2, lambda t: 2.4e9, "clock"),  # faster than its like is no trouble
        but(2, lambda t: 30.0, "heat"),  # nor is a cooler one
        but(2, lambda t: 74.9, "heat"),
        but(2, lambda t: 0.73, "busy"),
        but(2, lambda t: 1.72e9, "clock"),
        but(2, lambda t: 0.9e9 if 20.0 <= t < 25.0 else 1.9e9, "clock"),  # a short dip
        but(2, lambda t: None, "clock"),
        but(2, lambda t: 300.0 if t >= 15.0 else 20.0 * t, "watts"),  # a slow start
        but(2, lambda t: 0.97 if t >= 18.0 else 0.0, "busy"),
        but(2, lambda t: 0.0, "busy"),  # it is not used
        {"only": "watts", **but(2, lambda t: 40.0, "watts")},
        {"only": "busy", "boards": 8, "busy": lambda board, t: 0.97 if board < 3 else 0.0},
        {"busy": lambda board, t: 0.01, "heat": lambda board, t: 30.0 + 25.0 * (board == 1)},  # all are idle
        {"only": "watts", "watts": lambda board, t: 20.0 + 45.0 * (board == 1)},
        {"seconds": 15.0, **but(2, lambda t: 0.9e9, "clock")},
    ],
)
def test_what_is_no_departure(told: dict[str, Any]) -> None:
    session = run_of(**told)
    assert said(session) == []
    assert said_live(session) == []


def test_two_of_eight_can_be_odd_and_only_they_are_named() -> None:
    session = run_of(boards=8, clock=lambda board, t: 1.0e9 if board in (2, 5) else 1.9e9)
    assert [message.split()[0] for message in said(session)] == ["nvidia:2", "nvidia:5"]


def test_where_all_of_them_vary_none_is_odd() -> None:
    clocks_hz = (1.2e9, 1.05e9, 1.3e9, 0.944e9, 1.15e9, 1.25e9, 1.1e9, 1.35e9)
    assert said(run_of(boards=8, clock=lambda board, t: clocks_hz[board])) == []


def test_only_devices_of_one_model_are_compared() -> None:
    session = run_of(boards=3)
    other = session.device(metrics=[SM_CLOCK], name="Another")
    session.poll(other, every(1.0, 0.0, 64.0), lambda t: 0.9e9)
    assert said(session) == []


def test_power_is_that_of_the_counter_where_no_power_is_told() -> None:
    session = Session()
    session.job(2.0, 62.0)
    for watts in (300.0, 300.0, 300.0, 150.0):
        number = session.device(metrics=[ENERGY.observed(update_s=0.01)])
        session.poll(number, every(1.0, 0.0, 64.0), lambda t, watts=watts: watts * t)
    (message,) = said(session)
    assert message == "nvidia:3 departs from its like all along: power 150 W, the others 300 W."
    assert said_live(session) == [message]


def test_a_window_within_the_run_tells_times_of_the_run() -> None:
    session = run_of(90.0, **but(2, lambda t: 1.9e9 if t < 50.0 else 0.9e9, "clock"))
    session.mark("measure", 22.0, 80.0)
    (message,) = [each["message"] for each in session.summary()["quality"] if each["code"] == "odd-device"]
    assert "since 50 s of the run" in message


def test_a_run_of_an_hour_is_told_in_wider_slices_and_as_the_summary_tells_it() -> None:
    session = run_of(3600.0, **but(1, lambda t: 60.0 if t < 2400.0 else 90.0, "heat"))
    (message,) = said(session)
    assert "since 40 min 00 s of the run: temperature 90 °C, the others 60 °C" in message
    assert said_live(session) == [message]


def test_while_it_runs_a_departure_is_told_some_seconds_after_it_began() -> None:
    def at(seconds: float) -> list[str]:
        return said_live(run_of(seconds, **but(2, lambda t: 1.9e9 if t < 30.0 else 0.9e9, "clock")))

    assert at(37.0) == []
    assert at(39.0) == [
        "nvidia:2 departs from its like since 30 s of the run: clock 900 MHz, the others 1.90 GHz."
    ]


levels = st.sampled_from([0.3, 0.6, 1.0, None])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 90), levels), max_size=4), min_size=4, max_size=6),
    st.sampled_from([0.5, 1.0, 2.5]),
    st.floats(20.0, 90.0),
)
def test_live_and_summary_agree(
    changes: list[list[tuple[int, float | None]]], step_s: float, seconds: float
) -> None:
    def level(board: int, t: float) -> float | None:
        return next((one for begin, one in sorted(changes[board], key=lambda c: -c[0]) if begin <= t), 1.0)

    def times(factor: float) -> Told:
        return lambda board, t: None if (one := level(board, t)) is None else factor * one

    session = run_of(
        round(seconds / step_s) * step_s,
        len(changes),
        step_s=step_s,
        clock=times(1.9e9),
        watts=lambda board, t: 300.0 * (level(board, t) or 0.0),
        busy=times(1.0),
    )
    assert said_live(session) == said(session)
