"""Recorded runs beside this one on the screen of efficiency; those that cannot be compared say why."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from derive.build import Session, every
from recorded import drawn
from story import scene_of

from perfwatch import metrics as m
from perfwatch.cli.watching import published
from perfwatch.errors import ConfigError
from perfwatch.frame import RunBeside
from perfwatch.model import DeviceKind, Scope
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import plain
from perfwatch.tui.screens import efficiency
from perfwatch.tui.view import View


def screen(beside: tuple[RunBeside, ...], size: tuple[int, int], **view: bool) -> str:
    looked = View("efficiency", **view)  # type: ignore[arg-type]
    frame, _ = drawn(looked, size)
    book = Book()
    efficiency.draw(frame, looked, size, book)
    frame, _ = drawn(looked, size)
    shown = replace(frame, beside=beside)
    book.learn(shown.bins)
    return "\n".join(plain(row) for row in efficiency.draw(shown, looked, size, book))


def test_a_run_that_can_be_compared_stands_in_the_plane_and_others_say_why_not() -> None:
    good = RunBeside("yesterday", "accelerator", 3000.0, {"generated_tokens": 9000.0})
    scope = RunBeside("at the wall", "wall", 4000.0, {"generated_tokens": 9000.0})
    work = RunBeside("training", "accelerator", 4000.0, {"steps": 2.0})
    text = screen((good, scope, work), (120, 38))
    assert "yesterday  9 000/s  3.00 kW  3.00 tok/J" in text
    assert "at the wall  cannot be compared: measured at wall, this run at accelerator" in text
    assert "training  cannot be compared: other work" in text
    assert text.count("◆") == 2  # in the plane, and before its figures


@pytest.mark.parametrize("size", [(40, 10), (80, 22), (200, 58)])
def test_every_size_takes_a_run_beside(size: tuple[int, int]) -> None:
    run = RunBeside("x\x1b[2J" * 9, "accelerator", 3000.0, {"generated_tokens": 9000.0})
    text = screen((run,) * 3, size, ascii=True)
    assert all(len(line) == size[0] for line in text.split("\n"))
    assert text.isascii()
    assert "\x1b" not in text


def at_the_wall(size: tuple[int, int], beside: tuple[RunBeside, ...]) -> str:
    """A run of 7,000 samples a second at a wall meter's 400 W."""
    session = Session(settings={"scope": "wall"})
    session.job(0.0, None)
    times = every(1.0, 0.0, 60.0)
    meter = session.device(metrics=(m.POWER,), kind=DeviceKind.METER, scope=Scope.WALL)
    session.poll(meter, times, lambda t: 400.0 + 10.0 * (t % 3))
    session.counter([(t, round(7000 * t)) for t in times], name="samples")
    scene, t = scene_of(session)
    looked, book = View("efficiency"), Book()
    efficiency.draw(scene.frame(t), looked, size, book)
    frame = replace(scene.frame(t, book.wanted()), beside=beside)
    book.learn(frame.bins)
    return "\n".join(plain(row) for row in efficiency.draw(frame, looked, size, book))


def test_published_systems_stand_in_the_plane_of_a_run_at_the_wall() -> None:
    text = at_the_wall((120, 40), tuple(published("mlperf/resnet50/offline")))
    assert "◆ UntetherAI 3x speedAI240 Slim, v4.1  168 720/s  398 W  424 samples/J" in text
    assert "and 1 more" in text
    assert text.count("▲") == 2, "each has its sign in the plane: axes of ratios hold them all"
    assert "cannot be compared" not in text


def test_published_systems_are_refused_in_one_line_where_the_run_is_not_at_the_wall() -> None:
    text = screen(tuple(published("mlperf/llama2-70b/offline")), (120, 38))
    assert text.count("cannot be compared: measured at wall, this run at accelerator") == 1


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("mlperf", "say which benchmark and scenario"),
        ("mlperf/resnet50", "say which benchmark and scenario"),
        ("mlperf/resnt50/offline", "did you mean resnet50?"),
        ("mlperf/resnet50/sideways", "there is no scenario 'sideways'"),
        ("mlperf/bert/training", "tells its power"),
    ],
)
def test_what_is_not_published_is_said(word: str, why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)):
        published(word)
