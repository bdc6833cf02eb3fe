"""What do the keys of a replay do?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playback.demo import DEMO, lines_of, recording_of
from stub import Steps, StubFeed, boards, lines, press, settled

from perfwatch.cli.replay import ReplayFeed
from perfwatch.playback.player import Player
from perfwatch.scene import Scene
from perfwatch.tui.app import Dashboard
from perfwatch.tui.keys import KEYS, keys_of
from perfwatch.tui.look import Look
from perfwatch.tui.themes import load_theme

LIMIT_S = 20.0


@pytest.fixture
def player() -> Iterator[Player]:
    made = Player(recording_of(lines_of()), Scene, playing=False)
    made.start()
    yield made
    made.stop()
    made.join(LIMIT_S)


def act(player: Player, steps: Steps, size: tuple[int, int] = (120, 40)) -> Dashboard:
    import asyncio

    app = Dashboard(ReplayFeed(player, str(DEMO)), Look(load_theme("dark"), "truecolor"), paint_s=60.0)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            await steps(app, pilot)

    asyncio.run(run())
    return app


def test_the_title_says_that_it_is_a_replay_where_it_is_and_how_much_there_is(player: Player) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert "REPLAY paused" in lines(app)[0]
        assert lines(app)[0].endswith("00:00 / 01:00")
        await press(app, pilot, "right_square_bracket")
        player.go_to(45.2)
        await press(app, pilot, "2")
        assert lines(app)[0].endswith("00:45 / 01:00")
        await press(app, pilot, "space")
        assert "REPLAY 1x" in lines(app)[0]
        await press(app, pilot, "greater_than_sign", "greater_than_sign", "space")
        assert "REPLAY paused" in lines(app)[0]
        assert "plays 4x" in lines(app)[-1]

    act(player, steps)


def test_jumps_name_where_they_lead(player: Player) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        seen = []
        for _ in range(4):
            await press(app, pilot, "right_curly_bracket")
            seen.append((lines(app)[-1].strip(), player.t))
        names = [name for name, _ in seen]
        assert "measure begin" in names
        assert [t for _, t in seen] == sorted(t for _, t in seen)
        await press(app, pilot, "left_curly_bracket")
        assert lines(app)[-1].strip() == names[2]
        player.go_to(player.recording.end_t)
        await press(app, pilot, "right_curly_bracket")
        assert lines(app)[-1].strip() == "the end"

    act(player, steps)


async def go_to(app: Dashboard, pilot: Any, text: str) -> None:
    await pilot.press("g")
    await pilot.pause()
    await pilot.press(
        *("colon" if letter == ":" else "space" if letter == " " else letter for letter in text)
    )
    await pilot.press("enter")
    await settled(app, pilot)


def test_g_goes_to_a_time_or_a_name_and_says_what_is_none(player: Player) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await go_to(app, pilot, "0:30")
        assert lines(app)[0].endswith("00:30 / 01:00")
        await go_to(app, pilot, "measure")
        assert app.frame is not None
        assert "measure" in [one.name for one in app.frame.run.phases]
        before = player.t
        await go_to(app, pilot, "nowhere")
        assert "there is no 'nowhere' to go to" in lines(app)[-1]
        assert player.t == before

    act(player, steps)


def test_left_and_right_move_by_a_part_of_the_charts(player: Player) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        player.go_to(30.0)
        await press(app, pilot, "2", "right", "right")
        assert 33.0 < player.t < 40.0
        await press(app, pilot, "left")
        assert 31.0 < player.t < 36.0

    act(player, steps)


@pytest.mark.parametrize("key", ["m", "w", "u", "a"])
def test_nothing_is_added_to_what_is_recorded(player: Player, key: str) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, key)
        assert "nothing is added to what is recorded" in lines(app)[-1]
        assert len(app.screen_stack) == 1

    act(player, steps)


@pytest.mark.parametrize("key", ["g", "left_square_bracket", "right_curly_bracket", "greater_than_sign"])
def test_what_goes_on_now_is_not_replayed(key: str) -> None:
    import stub

    async def steps(app: Dashboard, pilot: Any) -> None:
        await press(app, pilot, key)
        assert "in a replay it goes through what is recorded" in lines(app)[-1]

    stub.act(StubFeed(boards(1)), steps)


def test_each_kind_of_dashboard_offers_its_own_keys() -> None:
    live, replay = keys_of(replay=False), keys_of(replay=True)
    assert {key.action for key in KEYS} == {key.action for key in [*live, *replay]}
    for keys in (live, replay):
        told = [key for one in keys for key in one.keys.split(",")]
        assert len(told) == len(set(told))
    assert "mark" not in {key.action for key in replay}
    assert "go_to" not in {key.action for key in live}


def test_the_footer_offers_what_a_replay_has(player: Player) -> None:
    async def steps(app: Dashboard, pilot: Any) -> None:
        assert "space play" in lines(app)[-1]
        assert "g go to" in lines(app)[-1]
        assert "m mark" not in lines(app)[-1]

    act(player, steps, (160, 40))
