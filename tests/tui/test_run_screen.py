"""What a person reads on the screen Run, at each size."""

from __future__ import annotations

import pytest
from derive.build import Session, every
from story import THERMAL, boards, line_with, queries, run_of, shown, styles_of, text_of

from perfwatch.frame import Frame
from perfwatch.metrics import QUERIES
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.screens.run import draw
from perfwatch.tui.view import View

SIZES = [(40, 10), (80, 22), (120, 38), (200, 58)]
NARROW, WIDE = (80, 22), (120, 38)


@pytest.mark.parametrize("size", SIZES)
def test_work_power_efficiency_and_energy_are_read_at_every_size(size: tuple[int, int]) -> None:
    text = text_of(shown(run_of(), draw, size))
    for value in ("50.0 queries/s", "200 W", "0.250 queries/J", "01:40"):
        assert value in text, value
    assert "20.00" in text or "20.0 kJ" in text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_row_is_as_wide_as_the_screen_and_plain_where_it_must(
    size: tuple[int, int], ascii_only: bool
) -> None:
    session = run_of(prices=True)
    session.mark("messung ─ 测量", 10.0)
    session.event(50.0, "mark", name="half ±", edge="point", origin="job")
    rows = shown(session, draw, size, ascii=ascii_only)
    assert text_of(rows).isascii() == ascii_only


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (20, 5), (39, 8), (66, 16), (66, 15), (65, 40), (300, 3)])
def test_no_size_is_too_odd(size: tuple[int, int]) -> None:
    shown(run_of(), draw, size)


def test_now_and_run_stand_in_columns_with_their_right_edges_in_line() -> None:
    rows = shown(run_of(), draw, NARROW)
    wanted = (" power   ", " efficiency", " energy / query", "now, 30")
    lines = [next(plain(row) for row in rows if word in plain(row)) for word in wanted]
    assert len({len(line.partition("±")[0].rstrip()) for line in lines}) == 1
    assert len({line.index("±") for line in lines if "±" in line}) == 1


def test_now_is_of_the_last_seconds_and_run_of_all() -> None:
    session = Session(command=["serve"])
    times = every(1.0, 0.0, 100.0)
    session.job(0.0, None)
    boards(session, times, 1)
    rows = [(t, (round(10 * min(t, 50.0) + 30 * max(t - 50.0, 0.0)),)) for t in times]
    session.workload("page", [QUERIES], rows)
    line = line_with(shown(session, draw, NARROW), " queries ")
    assert line.split()[1:5] == ["30.0", "queries/s", "20.0", "queries/s"]


def test_the_energy_of_the_run_has_its_error_and_that_of_now_has_none() -> None:
    line = line_with(shown(run_of(), draw, NARROW), " energy  ")
    assert "6 kJ" in line.replace("6.00", "6")
    assert line.split("kJ")[-1].strip() == "±0.08 %"
    assert "±" not in line.split("kJ")[1]


def test_without_a_price_one_line_says_what_to_type() -> None:
    rows = shown(run_of(), draw, WIDE)
    assert "--price 0.12/kWh" in line_with(rows, "no price")
    assert "cost" not in text_of(rows)


def test_electricity_cost_and_carbon_follow_from_the_energy() -> None:
    """20 kJ at 0.36 a kWh are 0.002, and at 360 g a kWh 2 g; 5000 queries share it."""
    rows = shown(run_of(prices=True), draw, WIDE)
    assert "0.00200 $ ±0.08 %" in line_with(rows, "electricity")
    assert "2.00 g ±0.08 %" in line_with(rows, "CO2")
    assert "0.400 $ ±0.08 %" in line_with(rows, "cost / M queries")


@pytest.mark.parametrize("size", SIZES)
def test_without_work_it_says_how_to_tell_it_and_shows_power_and_energy(size: tuple[int, int]) -> None:
    session = Session(command=["serve"])
    session.job(0.0, None)
    boards(session, every(1.0, 0.0, 60.0))
    text = text_of(shown(session, draw, size))
    assert "-w output='{queries} queries'" in text
    assert "PERFWATCH_STATSD" in text
    assert "200 W" in text
    assert "kJ" in text
    assert "queries/J" not in text


@pytest.mark.parametrize("size", SIZES)
def test_with_nothing_at_all_it_says_what_to_do_in_a_few_words(size: tuple[int, int]) -> None:
    rows = draw(Frame(t=0.0, header={}), View(), size, Book())
    said = [plain(row).strip() for row in rows if plain(row).strip()]
    assert len(said) == 4
    assert "PERFWATCH_STATSD" in said[2]
    assert "doctor" in said[3]


def test_at_first_it_waits_for_readings_and_later_says_what_to_do() -> None:
    def said(seconds: float) -> str:
        session = Session(command=["serve"])
        session.job(0.0, None)
        session.board([0.0])
        session.event(seconds, "note", text="later")
        return text_of(shown(session, draw, NARROW))

    assert "waiting" in said(1.0)
    assert "PERFWATCH_STATSD" not in said(1.0)
    assert "PERFWATCH_STATSD" in said(9.0)


def test_the_charts_are_filled_where_the_run_was_and_empty_before() -> None:
    session = Session(command=["serve"])
    times = every(1.0, 200.0, 300.0)
    session.job(200.0, None)
    boards(session, times, 1)
    queries(session, times)
    rows = shown(session, draw, WIDE, span_s=300.0)
    place = next(at for at, row in enumerate(rows) if plain(row).startswith(" power      "))
    bottom = plain(next(row for row in rows[place:] if plain(row)[:17].strip() == "0"))[17:]
    filled = [at for at, sign in enumerate(bottom) if sign != " "]
    assert filled[0] == pytest.approx(2 * len(bottom) / 3, abs=2)
    assert filled == list(range(filled[0], filled[-1] + 1))


def test_phases_marks_and_throttles_are_named_below_the_charts() -> None:
    session = run_of()
    session.mark("warmup", 1.0, 40.0)
    session.mark("measure", 40.0)
    session.event(60.0, "mark", name="checkpoint", edge="point", origin="job")
    rows = shown(session, draw, WIDE)
    phases = line_with(rows, "phases")
    assert phases.index("warmup") < phases.index("measure")
    assert "checkpoint" in line_with(rows, "events")
    assert "01:00" in line_with(rows, "phase measure")


def test_a_gap_is_drawn_and_told() -> None:
    session = Session(command=["serve"])
    session.job(0.0, None)
    times = [t for t in every(1.0, 0.0, 100.0) if not 40 < t < 60]
    boards(session, times)
    queries(session, times)
    rows = shown(session, draw, WIDE)
    assert styles_of(rows, "╌") == {"gap"}
    assert "readings are missing for 2" in text_of(rows)
    assert "quote with care" in text_of(rows)


def test_a_good_run_says_so_and_a_short_one_what_it_would_take() -> None:
    assert styles_of(shown(run_of(), draw, NARROW), "good to quote so far") == {"good"}
    assert "measure 10 s at least" in text_of(shown(run_of(5.0), draw, NARROW))


def test_too_short_a_run_shows_dashes_for_ratios_and_the_seconds_it_takes() -> None:
    session = Session(interval_s=0.1, command=["serve"])
    session.job(0.0, None)
    times = every(0.1, 0.0, 0.5)
    boards(session, times)
    queries(session, times)
    rows = shown(session, draw, NARROW)
    assert line_with(rows, "efficiency").split()[1:] == ["–", "–"]
    assert "from 1 s on ratios are shown" in text_of(rows)


def test_a_device_that_fell_silent_is_named_and_takes_the_ratio_away() -> None:
    session = Session(command=["serve"])
    session.job(0.0, None)
    boards(session, every(1.0, 0.0, 100.0), 1)
    boards(session, every(1.0, 0.0, 50.0), 1)
    queries(session, every(1.0, 0.0, 100.0))
    rows = shown(session, draw, WIDE)
    beside = " ".join(plain(row)[62:].strip() for row in rows)
    assert "(nvidia:1 gives nothing); from 90 % on it is shown" in beside
    assert line_with(rows, "efficiency").split()[1:3] == ["–", "–"]


def test_the_odd_one_out_is_told_with_its_reason_and_since_when() -> None:
    session = Session(command=["serve"])
    session.job(10.0, None)
    times = every(1.0, 0.0, 100.0)
    slow = lambda number, t: number == 5 and t >= 70  # noqa: E731
    boards(
        session,
        times,
        8,
        clock_hz=lambda number, t: 1.2e9 if slow(number, t) else 1.9e9,
        reasons=lambda number, t: THERMAL if slow(number, t) else 0,
    )
    queries(session, times)
    rows = shown(session, draw, (100, 40))
    assert line_with(rows, "the others").strip() == (
        "nvidia:5 clock 1.20 GHz, the others 1.90 GHz: thermal, since 01:00"
    )
    assert "nvidia:5 ran with reduced clocks" in text_of(rows)


def test_percentiles_of_now_and_of_the_run_stand_side_by_side() -> None:
    rows = shown(run_of(), draw, NARROW)
    (line,) = [plain(row) for row in rows if plain(row).startswith(" query  ")]
    assert line.split()[1:] == ["10.0", "ms"] * 6


def test_progress_and_its_end_are_told_where_a_workload_tells_a_total() -> None:
    session = Session(command=["serve"])
    session.job(0.0, None)
    times = every(1.0, 0.0, 100.0)
    boards(session, times)
    queries(session, times, queries_expected=10_000.0)
    line = line_with(shown(session, draw, WIDE), "ends in")
    assert "50 %" in line
    assert "ends in 01:40" in line


def test_names_from_outside_cannot_move_the_cursor() -> None:
    session = run_of()
    session.mark("\x1b[2Jboo\x07[red]", 10.0)
    session.event(60.0, "mark", name="a\x1b]0;b\x07\nc", edge="point", origin="job")
    text = text_of(shown(session, draw, WIDE))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "boo" in text


def test_a_paused_view_stands_still() -> None:
    frames = [shown(run_of(seconds), draw, WIDE, paused_at=80.0, span_s=60.0) for seconds in (100.0, 130.0)]
    charts = [[plain(row) for row in rows if set(plain(row)) & set("⣿⣀⣤⣶")] for rows in frames]
    assert all(charts)
    assert charts[0] == charts[1]
    assert "paused" in text_of(frames[0])


def test_the_watts_say_what_they_are_of() -> None:
    status = "2 GPUs: nvidia:0-1; not in ±: sensor gain, about 5 %"
    assert plain(shown(run_of(), draw, NARROW)[0]).strip() == status
    session = Session(command=["serve"])
    session.job(0.0, None)
    times = every(1.0, 0.0, 30.0)
    session.package(times)
    queries(session, times)
    assert plain(shown(session, draw, NARROW)[0]).strip() == "CPU: rapl:package-0"


def test_a_window_that_a_person_measures_is_no_phase_of_the_job() -> None:
    session = run_of()
    session.mark("warmup", 40.0)
    session.event(90.0, "mark", name="measure", edge="begin", origin="person")
    assert "phase warmup" in text_of(shown(session, draw, WIDE))


def test_where_nothing_tells_power_the_work_stands_alone() -> None:
    session = Session(command=["serve"])
    times = every(1.0, 0.0, 60.0)
    session.job(0.0, None)
    queries(session, times)
    said = text_of(shown(session, draw, WIDE))
    assert "no device tells its power" in said
    assert "components" not in said
    assert " work " in said
    assert "work/J" not in said
    assert "W " not in said.replace("WORK", "")
