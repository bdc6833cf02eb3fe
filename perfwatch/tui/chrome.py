"""The first and the last line of every screen: what is watched and how it goes; which keys there are."""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch.scene import Frame
from perfwatch.tui.draw import words
from perfwatch.tui.draw.row import Line, Row, Span
from perfwatch.tui.keys import KEYS
from perfwatch.tui.view import SCREENS, View


def title(frame: Frame | None, view: View, columns: int) -> Row:
    """Job or machine at the left; screens, pause and the time at the right."""
    line = Line(columns)
    line.put(" perfwatch ", "title")
    if frame is None:
        return line.put(" looking for devices ...", "dim").row("title")
    if frame.simulated:
        line.put(" SIMULATED ", "simulated")
    right = _right(frame, view)
    line.put(" ", "title")
    room = line.room - sum(len(span.text) for span in right) - 1
    line.foreign(_subject(frame), "title", columns=max(0, room))
    return line.right(right, "title").row("title")


def _subject(frame: Frame) -> str:
    command = frame.header.get("command")
    if command:
        return " ".join(str(word) for word in command)
    return str(frame.header.get("host", ""))


def _right(frame: Frame, view: View) -> list[Span]:
    spans = []
    if view.paused_at is not None:
        spans.append(Span(f" PAUSED at {words.clock(view.paused_at)} ", "warn"))
    if view.filter:
        spans.append(Span(f" /{view.filter[:12]} ", "accent"))
    spans.append(Span(f" {view.screen} ", "title"))
    state = _job_state(frame)
    spans.append(Span(f" {state}{words.clock(_elapsed(frame))} ", "title"))
    return spans


def _elapsed(frame: Frame) -> float:
    began, ended = frame.job.get("begin"), frame.job.get("end")
    if began is None:
        return frame.t
    return float((frame.t if ended is None else ended) - began)


def _job_state(frame: Frame) -> str:
    if "end" in frame.job:
        status = frame.job.get("exit_status")
        return f"ended, exit {status} " if status is not None else "ended "
    return ""


def footer(view: View, message: str, columns: int, *, offers: Sequence[str] = ()) -> Row:
    """The keys, or what there is to say."""
    line = Line(columns)
    if message:
        return line.put(" ", "title").foreign(message, "accent").row("title")
    for offer in offers:
        line.put(f" {offer} ", "accent")
    for place, name in enumerate(SCREENS, 1):
        if line.room < len(name) + 4:
            break
        style = "selected" if name == view.screen else "title"
        line.put(f" {place}", "key" if name != view.screen else style).put(f" {name}", style)
    right = [
        Span(part, style)
        for key in KEYS
        if key.shown
        for part, style in (
            (f" {key.shown.split(' ', 1)[0]}", "key"),
            (f" {key.shown.split(' ', 1)[1]}", "title"),
        )
    ]
    while right and sum(len(span.text) for span in right) + 2 > line.room:
        right = right[2:]
    return line.right([*right, Span(" ", "title")], "title").row("title")
