"""Recorded runs beside this one on the screen of efficiency; those that cannot be compared say why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recorded import drawn

from perfwatch.frame import RunBeside
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
    assert "at the wall  cannot be compared: it measured wall" in text
    assert "training  cannot be compared: other work" in text
    assert text.count("◆") == 2  # in the plane, and before its figures


@pytest.mark.parametrize("size", [(40, 10), (80, 22), (200, 58)])
def test_every_size_takes_a_run_beside(size: tuple[int, int]) -> None:
    run = RunBeside("x\x1b[2J" * 9, "accelerator", 3000.0, {"generated_tokens": 9000.0})
    text = screen((run,) * 3, size, ascii=True)
    assert all(len(line) == size[0] for line in text.split("\n"))
    assert text.isascii()
    assert "\x1b" not in text
