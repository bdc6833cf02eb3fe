"""A recording from elsewhere: whatever its records hold, a replay shows screens and no traceback."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from playback.demo import SIZE, lines_of, recording_of

from perfwatch.playback.stand import Stand
from perfwatch.scene import Scene
from perfwatch.text import width
from perfwatch.tui import screens
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.view import SCREENS, View

ODD: tuple[Any, ...] = (
    *(None, "x", "", -1, 0, 1e999, float("nan"), [], {}, [[]], True, 10**40, 2**63, "9" * 500),
    *("\x1b[31m<b>", {"a": {"b": []}}, json.loads("[" * 60 + "]" * 60)),
)
HEADER = ("settings", "command", "host", "interval_s", "devices", "tags", "id")
FOREVER = float("inf")


def changed(value: Any, chance: random.Random) -> Any:
    """The value with something odd at one place in it, or in its stead."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return {**value, key: changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], changed(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD)


@pytest.mark.parametrize("seed", range(12))
def test_every_screen_is_drawn_whatever_a_recording_holds(seed: int) -> None:
    chance = random.Random(seed)
    records = [json.loads(line) for line in lines_of()]
    for _ in range(12):
        place = chance.randrange(1, len(records) if chance.random() < 0.6 else 30)
        records[place] = changed(records[place], chance)
    if seed % 3 == 0:
        records[0] = {**records[0], chance.choice(HEADER): chance.choice(ODD)}
    recording = recording_of([json.dumps(record).encode() for record in records])
    stand = Stand(recording, Scene())
    for t in (12.0, 43.0, recording.end_t):
        stand.come_to(t, FOREVER)
        for name in SCREENS:
            book = Book()
            screens.draw(stand.scene.frame(min(t, 1e6)), View(screen=name), SIZE, book)
            frame = stand.scene.frame(min(t, 1e6), book.wanted())
            book.learn(frame.bins)
            for row in screens.draw(frame, View(screen=name), SIZE, book):
                assert plain(row).isprintable()
                assert sum(width(span.text) for span in row) == SIZE[0]
