"""Charts on one time axis: what has a time stands in its column, and a picture of any size fits."""

from __future__ import annotations

from functools import cache

import pytest
from derive.build import every
from hypothesis import given
from hypothesis import strategies as st
from story import run_of, scene_of

from perfwatch.derive.live_course import WATTS
from perfwatch.frame import Frame
from perfwatch.text import width
from perfwatch.tui.draw.charts import Book, Span
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.draw.timeline import GUTTER, Band, Drawn, Timeline, Track
from perfwatch.tui.screens import efficiency, run
from perfwatch.tui.view import View

COLUMNS = 100
SPAN = Span(0.5, 0, 2 * COLUMNS - 1)
"""One second a column."""
FULL = Track("power", "power", {at: (at, 1.0, 1.0, 1.0) for at in range(2 * COLUMNS)}, 1.0, "1 W")
EMPTY = Track("power", "power", {}, 1.0, "1 W")


def timeline(drawn: Drawn, **view: object) -> Timeline:
    return Timeline(SPAN, COLUMNS + GUTTER, View(**view), drawn)  # type: ignore[arg-type]


def places(row: Row, style: str) -> list[int]:
    """The columns of the chart that have a style."""
    styles = [span.style for span in row for _ in span.text]
    return [at - GUTTER for at, one in enumerate(styles) if one == style and at >= GUTTER]


def test_a_throttle_colours_its_columns_and_is_named_below() -> None:
    time = timeline(Drawn(throttles=(Band("thermal", 30.0, 59.9),)))
    assert places(time.chart(FULL, 2)[0], "throttle") == list(range(30, 60))
    (events,) = time.lanes()
    assert places(events, "throttle") == list(range(30, 60))
    assert " thermal " in plain(events)


def test_a_gap_is_dashed_at_the_bottom_and_only_where_nothing_is_known() -> None:
    drawn = Drawn(gaps=(Band("no readings", 10.0, 19.9),))
    top, bottom = timeline(drawn).chart(EMPTY, 2)
    assert places(top, "gap") == []
    assert places(bottom, "gap") == list(range(10, 20))
    assert places(timeline(drawn).chart(FULL, 1)[0], "gap") == []


def test_marks_and_phases_are_upright_lines_behind_the_charts() -> None:
    drawn = Drawn(phases=(Band("warmup", 5.0, 40.0), Band("measure", 40.0)), marks=(("half", 70.0),))
    (row,) = timeline(drawn).chart(EMPTY, 1)
    assert places(row, "phase") == [5, 40]
    assert places(row, "mark") == [70]
    (full,) = timeline(drawn).chart(FULL, 1)
    assert places(full, "mark") == [70]
    assert places(full, "value") == [5, 40]


def test_what_lies_outside_of_the_span_is_not_drawn() -> None:
    drawn = Drawn(
        phases=(Band("old", -50.0, -20.0),),
        marks=(("late", 500.0), ("early", -1.0)),
        gaps=(Band("g", -9.0, -5.0),),
    )
    time = timeline(drawn)
    rows = [*time.chart(EMPTY, 2), *time.lanes()]
    assert [places(row, style) for row in rows for style in ("phase", "mark", "gap")] == [[]] * (
        3 * len(rows)
    )


@pytest.mark.parametrize("span_s", [60.0, 300.0, None])
def test_the_span_grows_in_few_steps_and_holds_all_it_should(span_s: float | None) -> None:
    view = View(span_s=span_s)
    shown = [view.seconds(t) for t in every(1.0, 0.0, 3600.0)]
    for t, seconds in enumerate(shown):
        assert seconds == span_s or seconds >= t
    assert len(set(shown)) <= 20


def test_the_axis_counts_back_from_now() -> None:
    text = plain(timeline(Drawn()).axis())
    assert text.endswith("now")
    assert text.index("-1 min") == GUTTER + COLUMNS - 1 - 60
    assert plain(timeline(Drawn(), paused_at=9.0).axis()).endswith("paused")


@cache
def _frame() -> Frame:
    session = run_of(60.0, prices=True)
    session.mark("warm ─ 测量 \x1b[2J", 1.0, 30.0)
    return scene_of(session)[0].frame(60.0)


@given(st.integers(1, 230), st.integers(1, 70), st.booleans(), st.sampled_from([run.draw, efficiency.draw]))
def test_every_row_has_the_width_and_every_screen_the_height(
    columns: int, height: int, ascii_only: bool, draw: object
) -> None:
    rows = draw(_frame(), View(ascii=ascii_only), (columns, height), Book())  # type: ignore[operator]
    assert len(rows) == height
    assert {sum(width(span.text) for span in row) for row in rows} == {columns}


def test_series_of_the_run_are_asked_once_and_then_only_where_they_are_new() -> None:
    session = run_of(100.0)
    scene, t = scene_of(session)
    book = Book()
    run.draw(scene.frame(t), View(), (120, 38), book)
    first = book.wanted()
    frame = scene.frame(t, first)
    book.learn(frame.bins)
    run.draw(frame, View(), (120, 38), book)
    (whole,) = [one for one in first if one.metric == WATTS]
    (again,) = [one for one in book.wanted() if one.metric == WATTS]
    assert whole.last - whole.first > 100
    assert again.last - again.first <= 6
