"""Does every key do what the table says, on the running dashboard?"""

from __future__ import annotations

import csv
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from stub import StubFeed, act, boards, lines, press, settled

from perfwatch.tui import opening, settings
from perfwatch.tui.app import Dashboard
from perfwatch.tui.keys import KEYS, keys_of, spoken
from perfwatch.tui.overlays.help import Help
from perfwatch.tui.overlays.prompt import Prompt
from perfwatch.tui.overlays.themes import ThemePicker
from perfwatch.tui.view import SCREENS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def feed(count: int = 4, **more: Any) -> StubFeed:
    return StubFeed(boards(count), **more)


def test_no_key_does_two_things_and_every_action_is_there() -> None:
    for replay in (False, True):
        names = [name for key in keys_of(replay=replay) for name in key.keys.split(",")]
        assert len(names) == len(set(names))
    for key in KEYS:
        assert hasattr(Dashboard, f"action_{key.action.split('(')[0]}"), key.action


def test_every_function_key_has_a_letter_too() -> None:
    for key in KEYS:
        names = key.keys.split(",")
        assert not all(re.fullmatch(r"f\d+", name) for name in names)


def test_the_page_of_the_dashboard_lists_the_keys_of_the_table() -> None:
    text = (DOCS / "dashboard.md").read_text("utf-8")
    listed = re.findall(r"^\| `([^|]*)` \| ([^|]*) \|$", text, re.MULTILINE)
    others = [(spoken(key.keys), key.words) for key in KEYS if key.group != "screens"]
    others.sort(
        key=lambda pair: pair in [(spoken(key.keys), key.words) for key in KEYS if key.group == "replay"]
    )
    assert [pair for pair in listed if pair in others] == others


def test_the_numbers_go_to_the_screens() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        for place, name in enumerate(SCREENS, 1):
            await press(app, pilot, str(place))
            assert app.view.screen == name

    act(feed(), steps)


def test_tab_goes_round_the_screens() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "1", "shift+tab")
        assert app.view.screen == SCREENS[-1]
        await press(app, pilot, "tab")
        assert app.view.screen == SCREENS[0]

    act(feed(), steps)


def test_the_selection_moves_and_stays_among_the_devices() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "down", "j", "k")
        assert app.view.selected == 1
        await press(app, pilot, "pagedown")
        assert app.view.selected == 3
        await press(app, pilot, "home")
        assert app.view.selected == 0
        await press(app, pilot, "G", "up")
        assert app.view.selected == 2
        await press(app, pilot, "pageup")
        assert app.view.selected == 0

    act(feed(), steps)


def test_enter_shows_the_selected_device_alone_and_escape_brings_all_back() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "down", "enter")
        assert app.view.zoom == "nvidia:1"
        assert not any("nvidia:0" in line for line in lines(app))
        await press(app, pilot, "escape")
        assert app.view.zoom == ""

    act(feed(), steps)


def test_a_filter_is_typed_and_taken_away() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "slash")
        assert isinstance(app.screen, Prompt)
        await press(app, pilot, *"nvidia:2", "enter")
        assert [one.label for one in app.listed_devices()] == ["nvidia:2"]
        assert "/nvidia:2" in lines(app)[0]
        await press(app, pilot, "escape")
        assert len(app.listed_devices()) == 4

    act(feed(), steps)


def test_escape_leaves_a_filter_as_it_was() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "slash", *"x", "escape")
        assert app.view.filter == ""

    act(feed(), steps)


def test_s_goes_through_the_orders_and_shift_s_turns_one_round() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "S")
        assert "choose an order first" in lines(app)[-1]
        await press(app, pilot, "s", "s")
        assert next(one.label for one in app.listed_devices()) == "nvidia:3"
        await press(app, pilot, "S")
        assert next(one.label for one in app.listed_devices()) == "nvidia:0"

    act(feed(), steps)


def test_space_freezes_the_view_and_the_recording_goes_on() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "space")
        stub.t = 125.0
        app.tick()
        await settled(app, pilot)
        assert "PAUSED at 02:00" in lines(app)[0]
        assert app.frame is not None
        assert app.frame.t == 120.0
        await press(app, pilot, "space")
        assert app.frame.t == 125.0
        assert "PAUSED" not in lines(app)[0]

    act(stub, steps)


def test_figures_are_computed_for_the_screens_that_show_them_and_for_a_pause() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert isinstance(app.feed, StubFeed)
        await press(app, pilot, "1")
        assert app.feed.figures[-1]
        await press(app, pilot, "2")
        app.feed.figures.clear()
        app.tick()
        await settled(app, pilot)
        assert app.feed.figures
        assert not any(app.feed.figures)
        await press(app, pilot, "space")
        assert any(app.feed.figures), "another screen may be looked at while it is paused"

    act(feed(), steps)


def test_while_paused_left_and_right_go_through_time_with_values_of_then() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "z", "z", "z")  # 1 min: a step is 3 s
        assert app.view.span_s == 60.0
        await press(app, pilot, "space", *["left"] * 10)
        assert "PAUSED at 01:30" in lines(app)[0]
        assert app.frame is not None
        watts = app.frame.devices[0].watts
        assert watts is not None
        assert abs(watts - 90.0) <= 3.0
        await press(app, pilot, *["l"] * 20)
        assert app.view.paused_at == 120.0
        assert app.frame.devices[0].value("power_watts") == 120.0

    act(feed(1), steps)


def test_the_time_of_a_pause_is_never_before_the_start() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "space", *["h"] * 30)
        assert app.view.paused_at == 0.0

    act(feed(1), steps)


def test_left_says_what_to_do_where_nothing_is_paused() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "left")
        assert "space pauses" in lines(app)[-1]

    act(feed(), steps)


def test_z_goes_through_the_spans_and_they_are_remembered() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "z")
        assert (app.view.span_s, app.kept.span) == (3600.0, 3600.0)
        assert "charts show 1 h" in lines(app)[-1]
        await press(app, pilot, "z")
        assert (app.view.span_s, app.kept.span) == (None, "all")
        assert "the whole session" in lines(app)[-1]

    act(feed(), steps)


def test_plus_and_minus_change_the_paint_rate_and_nothing_else() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "plus")
        assert "painting every 2 s; sampling stays as it is" in lines(app)[-1]
        await press(app, pilot, "minus")
        assert app.kept.paint_s == 5.0

    act(feed(), steps)


def test_a_theme_is_shown_while_it_is_chosen_and_kept_when_it_was() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "t")
        assert isinstance(app.screen, ThemePicker)
        await press(app, pilot, "down")
        assert app.look.theme.name == "light"
        await press(app, pilot, "enter")
        assert (app.look.theme.name, app.kept.theme) == ("light", "light")

    act(feed(), steps)


def test_a_theme_that_was_only_looked_at_is_not_kept() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "t", "down", "escape")
        assert (app.look.theme.name, app.kept.theme) == ("dark", None)

    act(feed(), steps)


def test_own_themes_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_text('kind = "dark"\n')

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "t", "end", "enter")
        assert app.look.theme.name == "night"

    act(feed(), steps, themes=tmp_path)


def test_m_asks_for_a_name_and_marks() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "m", *"load", "enter")
        assert "mark load" in lines(app)[-1]

    act(stub, steps)
    assert stub.marks == [("load", "point")]


def test_w_begins_and_ends_the_window_and_u_takes_back_what_was_last() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "w")
        assert "WINDOW since 02:00" in lines(app)[0]
        assert "it is not kept" in lines(app)[-1]
        await press(app, pilot, "w")
        assert "WINDOW" not in lines(app)[0]
        await press(app, pilot, "u")
        assert "WINDOW since 02:00" in lines(app)[0]
        assert "the end of the measured window at 02:00 is taken back" in lines(app)[-1]
        await press(app, pilot, "u", "u")
        assert "there is no begin or end" in lines(app)[-1]

    act(stub, steps)
    assert [edge for name, edge in stub.marks if name == "measure"] == ["begin", "end", "undo", "undo"]


def test_e_saves_the_view_beside_the_recording_and_never_over_another_file(tmp_path: Path) -> None:
    stub = feed(recording=tmp_path / "run.jsonl.zst")
    (tmp_path / "run.devices-1.svg").write_text("mine")

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "e")
        assert f"saved run.devices-2.txt, .svg and .csv in {tmp_path}" in lines(app)[-1]

    act(stub, steps, size=(200, 40))
    assert (tmp_path / "run.devices-1.svg").read_text() == "mine"
    made = sorted(tmp_path.glob("run.devices-2.*"))
    assert [path.suffix for path in made] == [".csv", ".svg", ".txt"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}
    text = (tmp_path / "run.devices-2.txt").read_text("utf-8")
    assert "nvidia:3" in text
    assert "\x1b" not in text
    picture = (tmp_path / "run.devices-2.svg").read_text("utf-8")
    assert "nvidia:3" in picture
    assert "@font-face" not in picture
    rows = list(csv.DictReader((tmp_path / "run.devices-2.csv").read_text().splitlines()))
    power = [row for row in rows if (row["device"], row["metric"]) == ("nvidia:0", "power_watts")]
    assert power[-1]["unit"] == "W"
    assert all(float(row["start_s"]) >= 0 for row in rows)
    known = [row for row in power if row["mean"]]
    assert float(known[-1]["most"]) == 120.0
    assert float(known[-1]["start_s"]) <= 120.0 < float(known[-1]["end_s"])


def test_a_view_that_cannot_be_saved_says_why(tmp_path: Path) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "e")
        assert "cannot save the view" in lines(app)[-1]
        assert "no such file or directory" in lines(app)[-1]

    act(feed(recording=tmp_path / "gone" / "run.jsonl"), steps, size=(200, 40))


def test_without_a_recording_the_view_is_saved_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "e")

    act(feed(), steps)
    assert len(list(tmp_path.glob("perfwatch-devices-1.*"))) == 3


def test_a_server_that_was_found_is_offered_and_added_with_a() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "a")
        assert "no server of yours" in lines(app)[-1]
        app.say("")
        stub.offer = "http://127.0.0.1:8000/metrics"
        await press(app, pilot, "1")
        assert "a count 127.0.0.1:8000" in lines(app)[-1]
        await press(app, pilot, "a")
        assert "counting the work of http://127.0.0.1:8000/metrics" in lines(app)[-1]

    act(stub, steps)
    assert stub.taken == "http://127.0.0.1:8000/metrics"


def test_help_lies_over_the_screen_and_goes_away_again() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "question_mark")
        assert isinstance(app.screen, Help)
        await press(app, pilot, "escape")
        assert not isinstance(app.screen, Help)

    act(feed(), steps)


def test_the_palette_does_what_is_chosen_in_it() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "ctrl+p", *"freeze")
        await app.workers.wait_for_complete()
        await press(app, pilot, "down", "enter")
        await settled(app, pilot)
        assert app.view.paused_at == 120.0

    act(feed(), steps)


def test_ctrl_c_ends_the_job_and_not_the_dashboard() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "ctrl+c")
        assert app.is_running
        assert "SIGINT sent" in lines(app)[-1]

    act(stub, steps)
    assert stub.interrupts == 1


def test_q_closes_the_dashboard() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running or app._exit

    act(feed(), steps)


@pytest.mark.parametrize("height", [2, 4, 7])
def test_in_a_few_lines_simulated_and_paused_are_said_all_the_same(height: int) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert len(lines(app)) == height
        assert "SIMULATED" in lines(app)[0]
        await press(app, pilot, "space")
        assert "PAUSED at 02:00" in lines(app)[0]
        assert len(lines(app)) == height

    act(StubFeed(boards(2, collector="simulated")), steps, size=(60, height))


def test_in_a_few_lines_the_screen_has_all_of_them_and_a_message_one() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert "perfwatch" not in lines(app)[0]
        await press(app, pilot, "z")
        assert "charts show 1 h" in lines(app)[-1]

    act(feed(), steps, size=(60, 5))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 3), (300, 4)])
def test_a_tiny_terminal_is_no_error(size: tuple[int, int]) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, *"1234567", "space", "w", "left", "z")
        assert len(lines(app)) == size[1]

    act(feed(), steps, size=size)


# -- the mouse -----------------------------------------------------------------------------------------


def test_a_click_on_a_screens_name_goes_there() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        x = lines(app)[-1].index("hosts")
        await pilot.click(offset=(x, 29))
        await settled(app, pilot)
        assert app.view.screen == "hosts"

    act(feed(), steps)


def test_a_click_on_a_key_of_the_footer_presses_it() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await pilot.click(offset=(lines(app)[-1].index("help"), 29))
        await settled(app, pilot)
        assert isinstance(app.screen, Help)

    act(feed(), steps)


@pytest.mark.parametrize(("count", "size"), [(2, (80, 24)), (4, (160, 50)), (16, (100, 24)), (64, (80, 24))])
def test_a_click_on_a_device_selects_it(count: int, size: tuple[int, int]) -> None:
    """Where a device is drawn is seen in what changes when it is selected."""

    async def steps(app: Dashboard, pilot: Any) -> None:
        for place in (0, count // 2, count - 1):
            app.look_at(selected=place)
            rows = app.rows()[1:-1]
            y = next(y for y, row in enumerate(rows, 1) if any(span.style == "selected" for span in row))
            x, at = 0, 0
            for span in app.rows()[y]:
                if span.style == "selected":
                    x = at
                    break
                at += len(span.text)
            app.look_at(selected=(place + 1) % count)
            await pilot.click(offset=(x + 1, y))
            await settled(app, pilot)
            assert app.view.selected == place

    act(feed(count), steps, size=size)


def test_the_wheel_moves_the_selection() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        app._canvas.on_mouse_scroll_down()
        app._canvas.on_mouse_scroll_down()
        app._canvas.on_mouse_scroll_up()
        await settled(app, pilot)
        assert app.view.selected == 1

    act(feed(), steps)


# -- what is remembered --------------------------------------------------------------------------------


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "state" / "dashboard.json"
    kept = settings.Settings("light", "all", {"devices": "-power"}, 0.25)
    assert settings.save(kept, file) == ""
    assert settings.load(file) == (kept, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_without_a_file_nothing_is_kept_and_nothing_said(tmp_path: Path) -> None:
    assert settings.load(tmp_path / "none.json") == (settings.Settings(), "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "their file is damaged"),
        ("[" * 50_000, "their file is damaged"),
        ("[]", "it holds no settings"),
        ('{"theme": 3}', "its theme is none that there is"),
        ('{"span_s": 17}', "its span_s is none that there is"),
        ('{"span_s": [1]}', "its span_s is none that there is"),
        ('{"sort": {"devices": 1}}', "its sort is none that there is"),
        ('{"paint_s": 1e-9}', "its paint_s is none that there is"),
        ('{"paint_s": true}', "its paint_s is none that there is"),
    ],
)
def test_a_damaged_file_is_ignored_with_a_note(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "dashboard.json"
    file.write_text(content)
    found, note = settings.load(file)
    assert found == settings.Settings()
    assert said in note
    assert str(file) in note


def test_settings_that_cannot_be_kept_say_why(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    assert "cannot keep the dashboard's settings" in settings.save(
        settings.Settings("light"), tmp_path / "state" / "dashboard.json"
    )


class _Terminal:
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_what_was_said_goes_before_the_theme_of_last_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal: Any = _Terminal()
    assert opening._look("light", "dark", None, terminal, no_color=False)[0].theme.name == "light"
    assert opening._look(None, "light", None, terminal, no_color=False)[0].theme.name == "light"
    look, note = opening._look(None, "gone", None, terminal, no_color=True)
    assert (look.theme.name, look.system) == ("dark", "none")
    assert "the theme of last time is left out" in note


def test_a_note_of_the_start_is_shown() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert "settings are ignored" in lines(app)[-1]

    act(feed(), steps, note="settings are ignored")
