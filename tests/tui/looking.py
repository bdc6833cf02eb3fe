"""What tests of a screen share: records into a scene, a screen out of it, and what a person reads there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from perfwatch.frame import Frame
from perfwatch.model import Device
from perfwatch.scene import Scene
from perfwatch.session import format as fmt
from perfwatch.text import width
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.view import View

SIZES = ((40, 12), (80, 24), (120, 40), (200, 60))
ODD_SIZES = ((0, 0), (1, 1), (2, 3), (13, 2), (39, 1), (400, 5))

Draw = Callable[[Frame, View, tuple[int, int], Book], "list[Row]"]


def scene(*records: dict[str, Any], host: str = "lab1") -> Scene:
    made = Scene()
    made.write(
        fmt.header(session_id="s", monotonic_ns=0, time_ns=0, host=host, perfwatch="0", interval_s=1.0)
    )
    for record in records:
        made.write(record)
    return made


def declared(number: int, collector: str, device: Device, **more: Any) -> dict[str, Any]:
    return {"t": 0.0, "device": {**fmt.encode_device(number, collector, device), **more}}


def sample(number: int, t: float, *values: Any) -> dict[str, Any]:
    return fmt.batch(t, "test", 0.001, [[number, t, [fmt.encode_value(value) for value in values]]])


def look(
    draw: Draw,
    seen: Scene,
    t: float,
    size: tuple[int, int] = (80, 24),
    *,
    output: Sequence[str] = (),
    **view: Any,
) -> list[str]:
    """The screen's lines, without a margin that all have, its charts filled; every width is checked."""
    book, looked = Book(), View(**view)
    draw(replace(seen.frame(t), output=tuple(output)), looked, size, book)
    frame = replace(seen.frame(t, book.wanted()), output=tuple(output))
    book.learn(frame.bins)
    drawn = draw(frame, looked, size, book)
    columns, lines = size
    assert len(drawn) == lines
    for row in drawn:
        assert sum(width(span.text) for span in row) == columns, plain(row)
        assert plain(row).isprintable()
    if looked.ascii:
        assert all(plain(row).isascii() for row in drawn)
    lines_of = [plain(row).rstrip() for row in drawn]
    margin = all(line.startswith(" ") for line in lines_of if line)
    return [line[1:] if margin else line for line in lines_of]


def line_with(lines: Sequence[str], text: str) -> str:
    """The first line that holds a text."""
    return next(line for line in lines if text in line)


def fits_everywhere(draw: Draw, seen: Scene, t: float, **more: Any) -> None:
    """`look` checks the widths; here every size, with signs and with ASCII alone."""
    for size in (*SIZES, *ODD_SIZES):
        for ascii_only in (False, True):
            look(draw, seen, t, size, ascii=ascii_only, **more)
