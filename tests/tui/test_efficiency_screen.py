"""What a person reads on the screen Efficiency."""

from __future__ import annotations

import math

import pytest
from derive.build import Session, every
from story import PRICES, line_with, run_of, shown, styles_of, text_of

from perfwatch.frame import Frame
from perfwatch.metrics import ENERGY, POWER, QUERIES
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.plane import Plane, Scale, scale_of
from perfwatch.tui.draw.row import plain
from perfwatch.tui.screens.efficiency import draw
from perfwatch.tui.view import View

SIZES = [(40, 10), (80, 22), (120, 38), (200, 58)]


def swinging(prices: dict[str, object] | None = None) -> Session:
    """A board between 200 and 400 W that does one query for two joules."""
    session = Session(command=["serve"], settings=prices or {})
    session.job(0.0, None)
    times = every(1.0, 0.0, 120.0)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER))
    joules = [300.0 * t - 100.0 * 20.0 * (math.cos(t / 20.0) - 1.0) for t in times]
    for t, energy in zip(times, joules, strict=True):
        session.sample(number, t, energy, 300.0 + 100.0 * math.sin(t / 20.0))
    session.workload(
        "page", [QUERIES], [(t, (round(energy / 2),)) for t, energy in zip(times, joules, strict=True)]
    )
    return session


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_present_point_axes_and_a_line_of_equal_efficiency_are_seen(
    size: tuple[int, int], ascii_only: bool
) -> None:
    rows = shown(swinging(), draw, size, ascii=ascii_only)
    text = text_of(rows)
    assert text.count("@" if ascii_only else "●") == 2  # in the plane, and before the figures of now
    assert "queries/J" in text
    assert "200 W" in text
    assert "400 W" in text
    assert text.isascii() == ascii_only


def test_a_run_of_constant_efficiency_moves_along_its_line() -> None:
    """Where the run is, its line of work per joule goes through it: both are straight through the origin."""
    rows = shown(swinging(), draw, (120, 38))
    label = next(plain(row) for row in rows if "0.5 queries/J" in plain(row))
    assert label.index("0.5 queries/J") > 60


def test_electricity_alone_gives_each_line_a_cost_too() -> None:
    """One query takes two joules, at 0.36 a kWh 2e-7: 0.200 for a million."""
    rows = shown(swinging(PRICES), draw, (120, 38))
    assert "0.200 $/M queries" in line_with(rows, "0.5 queries/J")


def test_a_rented_machine_has_lines_of_equal_cost_of_its_own() -> None:
    rows = shown(swinging({"cost": {"rent_per_hour": 3.6, "currency": "EUR"}}), draw, (120, 38))
    assert "clock" in styles_of(rows, "€/M queries")


@pytest.mark.parametrize("size", SIZES)
def test_without_work_it_says_how_to_tell_it_and_shows_power(size: tuple[int, int]) -> None:
    session = Session(command=["serve"])
    session.board(every(1.0, 0.0, 60.0), watts=200.0)
    text = text_of(shown(session, draw, size))
    assert "200 W" in text
    assert "12.0 kJ" in text
    assert "-w output='{queries} queries'" in text
    assert "PERFWATCH_STATSD" in text


def test_with_nothing_read_it_says_so_in_one_line() -> None:
    rows = draw(Frame(t=0.0, header={}), View(), (80, 22), Book())
    assert len([row for row in rows if plain(row).strip()]) == 1


@pytest.mark.parametrize("size", [(1, 1), (12, 4), (33, 7), (34, 9), (300, 4)])
def test_no_size_is_too_odd(size: tuple[int, int]) -> None:
    shown(run_of(), draw, size)


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [5.0], [1e-9, 2e-9], [3.0, 1e12], [99.0, 101.0]])
def test_an_axis_holds_its_values_between_round_ticks(values: list[float]) -> None:
    scale = scale_of(values, 4)
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert scale.low < scale.high
    assert scale.ticks[0] == scale.low
    assert scale.ticks[-1] == pytest.approx(scale.high)
    assert 2 <= len(scale.ticks) <= 8


def test_a_dot_lies_where_its_values_say() -> None:
    axis = Scale(0.0, 10.0, (0.0, 10.0))
    plane = Plane(5, 3, axis, axis)
    plane.dot(0.0, 0.0, "work")
    plane.dot(10.0, 10.0, "power")
    rows = plane.rows()
    assert rows[2][0] == ("⡀", "work")
    assert rows[0][-1] == ("⠈", "power")
    plane.dot(11.0, 5.0, "bad")
    assert plane.rows() == rows
