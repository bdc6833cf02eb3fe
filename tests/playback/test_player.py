"""Does a replay show what the live view showed, wherever one goes, and however one came there?"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from playback.demo import folded, lines_of, pictures, recording_of

from perfwatch.frame import Frame
from perfwatch.playback import scout
from perfwatch.playback.player import Player
from perfwatch.scene import Scene
from perfwatch.tui import screens
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.view import View

LIMIT_S = 20.0
TICK_S = 0.5
"""The demo was read so often."""


@pytest.fixture
def player(monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """One that stands still at the begin; its scout keeps many places."""
    monkeypatch.setattr(scout, "APART_S", 0.01)
    made = Player(recording_of(lines_of()), Scene, playing=False)
    made.start()
    yield made
    made.stop()
    made.join(LIMIT_S)
    assert not made.is_alive()


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.005)


def frame_of(player: Player) -> Frame:
    """The frame of where it is, once all is known of it."""
    while (frame := player.ask(()).result(LIMIT_S)).playback is None or frame.playback.seen is not None:
        time.sleep(0.005)
    return frame


def test_every_screen_is_what_the_live_view_showed_wherever_one_goes(player: Player) -> None:
    chance = random.Random(3)
    for t in [0.0, *(round(chance.uniform(0.0, player.recording.end_t), 3) for _ in range(8)), 53.0, 12.0]:
        player.go_to(t)
        frame_of(player)
        shown = pictures(lambda wanted: replace(player.ask(wanted).result(LIMIT_S), playback=None), t)
        live = folded(t)
        assert shown == pictures(partial(live.frame, t), t)


def test_to_go_back_it_begins_where_the_scout_was(player: Player) -> None:
    until(lambda: player._scout.is_done)
    assert len(player._scout._kept) > 3
    player.go_to(50.0)
    frame_of(player)
    player.go_to(30.0)
    assert frame_of(player).t == 30.0
    kept = player._scout.nearest(30.0)
    assert kept is not None
    assert 0.0 < kept.t <= 30.0


def test_before_the_scout_has_come_there_devices_are_shown_and_no_totals() -> None:
    recording = recording_of(lines_of())
    recording.is_up_to_date.clear()  # the scout waits for that
    player = Player(recording, Scene, playing=False)
    player.start()
    try:
        player.go_to(53.0)
        frame = player.ask(()).result(LIMIT_S)
        exact = folded(53.0).frame(53.0)
        assert frame.playback is not None
        assert frame.playback.seen == 0.0
        assert (frame.t, frame.standing, frame.run.error_j) == (53.0, None, None)
        assert exact.standing is not None
        assert (frame.run.phases, frame.run.marks) == (exact.run.phases, exact.run.marks)
        assert [one.values for one in frame.devices] == [one.values for one in exact.devices]
        assert [one.state for one in frame.devices] == [one.state for one in exact.devices]
        shown = "\n".join(plain(row) for row in screens.draw(frame, View(screen="run"), (80, 24), Book()))
        assert "its totals are worked out: 0 % so far" in shown
        assert "nothing here tells power" not in shown
    finally:
        player.stop()
        player.join(LIMIT_S)


def test_it_plays_to_the_end_and_from_the_begin_again(player: Player) -> None:
    for _ in range(20):
        speed = player.change_speed(1)
    assert speed == 1000.0
    player.toggle()
    until(lambda: not player.is_playing)
    assert player.t == player.recording.end_t
    player.toggle()
    assert player.is_playing
    assert player.t < player.recording.end_t
    player.stand_still()


def test_slower_has_an_end_too(player: Player) -> None:
    assert min(player.change_speed(-1) for _ in range(20)) == 0.1


def test_at_the_begin_it_is_called_simulated_and_nothing_is_said_to_be_missing(player: Player) -> None:
    player.go_to(0.0)
    frame = frame_of(player)
    assert not frame.devices
    assert frame.simulated
    shown = "\n".join(plain(row) for row in screens.draw(frame, View(screen="run"), (80, 24), Book()))
    assert "nothing was read yet; ] goes on" in shown
    assert "doctor" not in shown


def test_steps_go_from_reading_to_reading_and_back(player: Player) -> None:
    player.go_to(20.1)
    there = [player.step(1) for _ in range(4)]
    assert all(0.05 < after - before < 2 * TICK_S for before, after in pairwise(there))
    back = [player.step(-1) for _ in range(4)]
    assert back[:3] == there[2::-1]
    player.go_to(player.recording.end_t)
    assert player.step(1) == player.recording.end_t
    player.go_to(0.0)
    assert player.step(-1) == 0.0


def test_who_asks_for_what_cannot_be_gets_the_error_and_the_next_one_an_answer(player: Player) -> None:
    with pytest.raises(TypeError):
        player.ask(7).result(LIMIT_S)  # type: ignore[arg-type]
    assert player.ask(()).result(LIMIT_S).t == 0.0


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    player = Player(recording_of(lines_of()), Scene)
    player.start()
    player.ask(()).result(LIMIT_S)
    player.stop()
    player.join(LIMIT_S)
    until(lambda: threading.active_count() <= before)
