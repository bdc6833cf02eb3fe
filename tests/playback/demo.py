"""The recorded demo as a replay gets it, and what a screen would show of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perfwatch.frame import Frame
from perfwatch.playback.recording import Recording, told_at
from perfwatch.scene import Scene
from perfwatch.session.reader import open_session, raw_chunks
from perfwatch.tui import screens
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.view import SCREENS, View

DEMO = Path(__file__).resolve().parent.parent / "data" / "tui" / "demo.jsonl.zst"
SIZE = 120, 40


def lines_of(path: Path = DEMO) -> list[bytes]:
    return b"".join(raw_chunks(str(path))).splitlines()


def recording_of(lines: Sequence[bytes]) -> Recording:
    """All of it at once, as after a file was read."""
    import json

    made = Recording(json.loads(lines[0]))
    made.add(lines[1:])
    made.is_whole = True
    made.is_up_to_date.set()
    return made


def folded(t: float) -> Scene:
    """A scene as the live view had it at a time: fed with all that was told by then."""
    session, scene, reached = open_session(str(DEMO)), Scene(), 0.0
    scene.write(session.header)
    for record in session.records():
        reached = max(reached, told_at(record, reached))
        if reached > t:
            break
        scene.write(record)
    return scene


def pictures(ask: Any, t: float) -> list[str]:
    """Every screen of a moment as a person reads it, its charts filled. `ask` gives frames."""
    found = []
    for name in SCREENS:
        view, book = View(screen=name), Book()
        frame: Frame = ask(())
        assert frame.t == t
        screens.draw(frame, view, SIZE, book)
        frame = ask(book.wanted())
        book.learn(frame.bins)
        found.append("\n".join(plain(row) for row in screens.draw(frame, view, SIZE, book)))
    return found
