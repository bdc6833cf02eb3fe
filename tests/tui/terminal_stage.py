"""A dashboard that tells what it means to show: run on a terminal by test_terminal_picture.py.

    python terminal_stage.py DIRECTORY direct|composed

Each picture's text is written to DIRECTORY/meant as JSON. The frames change while DIRECTORY/still is missing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from derive.build import Session, every
from story import boards, queries, scene_of

from perfwatch.frame import BinsWanted, Frame
from perfwatch.tui.app import Dashboard
from perfwatch.tui.draw.row import plain
from perfwatch.tui.look import Look
from perfwatch.tui.themes import load_theme
from perfwatch.tui.view import View

NAME = "加速器 e\u0301a\u0308 Board"


def scene_until(seconds: float) -> tuple[object, float]:
    """Two boards with a name of wide and combining characters, until that time."""
    session = Session(settings={}, command=["serve", "漢字"])
    times = every(1.0, 0.0, seconds)
    session.job(0.0, None)
    boards(session, times, watts=100.0 + seconds, model=NAME)
    queries(session, times, per_s=50.0 + seconds)
    return scene_of(session)


class Stage:
    """A feed of a few frames, round and round."""

    over = False

    def __init__(self, still: Path) -> None:
        self._still = still
        self._scenes = [scene_until(seconds) for seconds in (30.0, 33.0, 41.0)]
        self._asked = 0

    def ask(
        self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool | None = True
    ) -> Future[Frame]:
        if not self._still.exists():
            self._asked += 1
        scene, t = self._scenes[self._asked % len(self._scenes)]
        answer: Future[Frame] = Future()
        answer.set_result(scene.frame(t, wanted, figures=figures))
        return answer

    def mark(self, name: str, edge: str, at_ns: int | None = None) -> None: ...

    def interrupt(self) -> str:
        return ""


class Telling(Dashboard):
    """Writes down what it means to show."""

    meant: Path

    def redraw(self) -> None:
        super().redraw()
        if not self._owes:
            self._tell()

    def repaint(self) -> None:
        super().repaint()
        self._tell()

    def _tell(self) -> None:
        new = self.meant.with_suffix(".new")
        new.write_text(json.dumps([plain(row).rstrip() for row in self.rows()]))
        new.replace(self.meant)


if __name__ == "__main__":
    directory, how = Path(sys.argv[1]), sys.argv[2]
    app = Telling(
        Stage(directory / "still"),
        Look(load_theme("dark")),
        View(),
        stream=sys.stdout,
        paint_s=0.1,
        direct=how != "composed",
        first_screen="devices",
    )
    app.meant = directory / "meant"
    if how == "ahead":
        app.look_ahead()
    app.run(mouse=True)
