"""Do help, prompt, theme list and palette fit every screen, and go away without a trace?"""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text
from stub import StubFeed, act, boards, press, settled
from textual.filter import NoColor
from textual.widgets import Input, OptionList

from perfwatch.tui.app import Dashboard
from perfwatch.tui.commands import Commands
from perfwatch.tui.draw.row import Span
from perfwatch.tui.keys import keys_of, spoken
from perfwatch.tui.look import Look
from perfwatch.tui.overlays.help import Help, help_text
from perfwatch.tui.themes import load_theme

SIZES = ((40, 12), (80, 24), (200, 60))


def feed() -> StubFeed:
    return StubFeed(boards(3))


def on_screen(app: Dashboard) -> list[str]:
    """What Textual shows, overlays included."""
    height = app.screen.size.height
    lines = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in lines][:height]


def test_textual_paints_what_was_painted_past_it_and_not_what_it_painted_last() -> None:
    """A second change of size, or a box that closes, has Textual paint the canvas once more."""

    async def steps(app: Dashboard, pilot: Any) -> None:
        assert "Board" in "".join(on_screen(app))
        app._canvas.hold([(Span(f"row {y}"),) for y in range(app.size.height)])
        assert on_screen(app) == [f"row {y}" for y in range(app.size.height)]

    act(feed(), steps)


@pytest.mark.parametrize("replay", [False, True])
def test_help_has_every_key_with_its_words(*, replay: bool) -> None:
    said = help_text(replay=replay)
    assert isinstance(said, Text)
    for key in keys_of(replay=replay):
        (line,) = [
            line for line in said.plain.splitlines() if line.strip().startswith(f"{spoken(key.keys)} ")
        ]
        assert key.words in line


@pytest.mark.parametrize("size", SIZES)
def test_help_fits_and_scrolls_where_it_is_longer_than_the_screen(size: tuple[int, int]) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "question_mark")
        lines = on_screen(app)
        assert any("screens" in line for line in lines)
        await press(app, pilot, "end")
        assert any("never changes" in line for line in on_screen(app))
        box = app.screen.query_one("VerticalScroll")
        assert box.region.right <= size[0]
        assert box.region.bottom <= size[1]
        assert box.max_scroll_x == 0

    act(feed(), steps, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_the_prompt_is_the_last_line_and_keeps_what_was_typed_before(size: tuple[int, int]) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "slash", *"nv", "enter", "slash")
        line = app.screen.query_one(Input)
        assert line.value == "nv"
        assert line.region.y == size[1] - 1

    act(feed(), steps, size=size)


@pytest.mark.parametrize("size", SIZES)
def test_the_list_of_themes_fits_and_begins_at_the_present_one(size: tuple[int, int]) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "t")
        options = app.screen.query_one(OptionList)
        assert options.region.right <= size[0]
        assert options.region.bottom <= size[1]
        assert options.highlighted == 0

    act(feed(), steps, size=size)


def test_a_theme_that_cannot_be_read_is_said_and_the_last_one_stays(tmp_path: Any) -> None:
    (tmp_path / "zebra.toml").write_text('kind = "striped"\n')

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "t", "end")
        assert app.look.theme.name == "dark"
        assert "zebra.toml" in app._message

    act(feed(), steps, themes=tmp_path)


def test_without_colours_the_chosen_command_is_seen_by_its_attributes() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        app.look = Look(load_theme("monochrome"), "truecolor")
        await press(app, pilot, "ctrl+p", "down")
        strips = [app.screen._compositor.render_strips()[y] for y in range(app.size.height)]
        chosen = [segment for strip in strips for segment in strip if segment.style and segment.style.reverse]
        assert any(segment.text.strip() for segment in chosen)

    act(feed(), steps)


def test_the_palette_offers_every_key_in_words_and_a_mark_first() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        hits = [hit async for hit in Commands(app.screen).discover()]
        offered = [str(hit.text).casefold() for hit in hits]
        live = keys_of(replay=False)
        wanted = {key.words.casefold() for key in live if key.action not in ("command_palette", "close")}
        assert set(offered) == wanted
        assert offered[0] == "put a mark into the run"

    act(feed(), steps)


def test_a_screens_key_leaves_the_help_for_that_screen() -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "question_mark", "4")
        await settled(app, pilot)
        assert len(app.screen_stack) == 1
        assert app.view.screen == "processes"

    act(feed(), steps)


def test_keys_of_the_dashboard_do_nothing_under_an_overlay() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "question_mark", "w", "m", "space")
        assert isinstance(app.screen, Help)
        assert app.view.paused_at is None

    act(stub, steps)
    assert stub.marks == []


def test_frames_go_on_under_an_overlay_and_are_there_when_it_is_gone() -> None:
    stub = feed()

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, "question_mark")
        stub.t = 130.0
        app.tick()
        await settled(app, pilot)
        await press(app, pilot, "escape")
        assert "02:10" in on_screen(app)[0]

    act(stub, steps)


@pytest.mark.parametrize(("theme", "system"), [("dark", "none"), ("monochrome", "truecolor")])
def test_overlays_have_no_color_where_the_screen_has_none(theme: str, system: str) -> None:
    app = Dashboard(feed(), Look(load_theme(theme), system))
    assert any(isinstance(one, NoColor) for one in app.get_line_filters())
    app.look = Look(load_theme("dark"), "truecolor")
    assert not any(isinstance(one, NoColor) for one in app.get_line_filters())
