"""The first and the last line of every screen: what is watched and how it goes; which keys there are.

Where there is no room, what matters least gives way first; nothing but the command is ever cut, and nothing
overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfwatch.frame import Frame, Playback
from perfwatch.text import clean, width
from perfwatch.tui.draw import words
from perfwatch.tui.draw.row import Line, Row
from perfwatch.tui.keys import keys_of
from perfwatch.tui.view import SCREENS, View

LEAST_SUBJECT = 8
"""Columns below which a command says nothing any more."""
FILTER_SHOWN = 12
KEEP = ("help", "quit", "filter", "pause", "go_to", "mark", "sort", "span")
"""Actions whose keys the footer shows, the last to give way first."""
FOLLOWS_S = 2.0
"""What is recorded now comes into its file a second later: so near to its end a replay follows it."""
OFFER_WEIGHT = len(KEEP) - 2
"""An offer goes before all keys but those that help and leave."""


class Piece(NamedTuple):
    """A part of a line: texts with their styles, what a click on it does, and how long it stays."""

    spans: tuple[tuple[str, str], ...]
    weight: int = 0
    action: str = ""

    @property
    def columns(self) -> int:
        return sum(width(text) for text, _ in self.spans)


# The first line


def title(
    frame: Frame | None, view: View, columns: int, *, window_since: float | None = None, clock: str = ""
) -> Row:
    """Job or machine at the left; replay, window, pause, filter, screen and the time at the right.

    Args:
        frame: None while there is none yet.
        window_since: when the person's measured window began, seconds of the session; None if none is open.
        clock: what time it is; empty for how long the run has been going.
    """
    line = Line(columns)
    if frame is None:
        return line.put(" perfwatch ", "title").put(" looking for devices ...", "dim").row("title")
    left = [Piece(((" perfwatch ", "title"),), 20)]
    if frame.simulated:
        left.append(Piece(((" SIMULATED ", "simulated"),), 80))
    right = _right(frame, view, window_since, clock or words.clock(_elapsed(frame)))
    kept = _fitting([*left, *right], columns)
    for piece in left:
        _put(line, piece if piece in kept else None)
    behind = [piece for piece in right if piece in kept]
    room = line.room - sum(piece.columns for piece in behind) - 2
    if room >= LEAST_SUBJECT:
        line.put(" ", "title").foreign(_subject(frame), "title", columns=room).put(" ", "title")
    line.skip_to(columns - sum(piece.columns for piece in behind), "title")
    for piece in behind:
        _put(line, piece)
    return line.row("title")


def _right(frame: Frame, view: View, window_since: float | None, clock: str) -> list[Piece]:
    pieces = []
    if frame.playback is not None:
        pieces.append(Piece(((f" {_replay(frame.playback)} ", "mark"),), 90))
    if window_since is not None:
        pieces.append(Piece(((f" WINDOW since {words.clock(window_since)} ", "mark"),), 50))
    if view.paused_at is not None:
        pieces.append(Piece(((f" PAUSED at {words.clock(view.paused_at)} ", "warn"),), 60))
    if view.filter:
        pieces.append(Piece(((f" /{clean(view.filter, FILTER_SHOWN)} ", "accent"),), 40))
    pieces.append(Piece(((f" {view.screen} ", "title"),), 10))
    state = _job_state(frame)
    if state:
        pieces.append(Piece(((f" {state} ", "title"),), 45))
    pieces.append(Piece(((f" {clock} ", "title"),), 70))
    return pieces


def _replay(playback: Playback) -> str:
    """What a replay does: plays, stands still, is on its way, or shows what is being recorded now."""
    if playback.seen is not None:
        known = "follow" if playback.seen >= 1.0 else f"{words.percent(playback.seen)} worked out"
        return f"REPLAY totals {known}"
    if not playback.playing:
        return "REPLAY at the end" if playback.t >= playback.end else "REPLAY paused"
    if playback.grows and playback.t >= playback.end - FOLLOWS_S:
        return "REPLAY follows"
    return f"REPLAY {playback.speed:g}x"


def _subject(frame: Frame) -> str:
    command = frame.header.get("command")
    if command:
        return " ".join(str(word) for word in command)
    return str(frame.header.get("host", ""))


def _elapsed(frame: Frame) -> float:
    began, ended = frame.job.get("begin"), frame.job.get("end")
    if began is None:
        return frame.t
    return float(max(0.0, (frame.t if ended is None else min(ended, frame.t)) - began))


def _job_state(frame: Frame) -> str:
    if "end" not in frame.job:
        return ""
    status = frame.job.get("exit_status")
    return "ended" if status is None else f"ended, exit {status}"


# The last line


def footer(
    view: View, message: str, columns: int, *, offers: Sequence[str] = (), replay: bool = False
) -> Row:
    """The keys, or what there is to say."""
    line = Line(columns)
    if message:
        return line.put(" ", "title").foreign(message, "accent").row("title")
    left, right = _footer(view, columns, offers, replay=replay)
    for piece in left:
        _put(line, piece)
    line.skip_to(columns - sum(piece.columns for piece in right), "title")
    for piece in right:
        _put(line, piece)
    return line.row("title")


def action_at(
    view: View, message: str, columns: int, x: int, *, offers: Sequence[str] = (), replay: bool = False
) -> str:
    """What a click in that column of the footer does; empty for nothing."""
    if message:
        return ""
    left, right = _footer(view, columns, offers, replay=replay)
    for pieces, start in ((left, 0), (right, columns - sum(piece.columns for piece in right))):
        at = start
        for piece in pieces:
            if at <= x < at + piece.columns:
                return piece.action
            at += piece.columns
    return ""


def _footer(
    view: View, columns: int, offers: Sequence[str], *, replay: bool
) -> tuple[list[Piece], list[Piece]]:
    """The screens at the left; what is offered and the keys at the right. Names of screens stay while they
    leave room for help."""
    offered = [Piece(((f" {offer} ", "accent"),), OFFER_WEIGHT, "add_server") for offer in offers]
    keys = [*offered, *_keys(replay=replay)]
    needed = sum(piece.columns for piece in keys if piece in offered or piece.weight >= len(KEEP)) + 1
    screens = _screens(view, named=True)
    if sum(piece.columns for piece in screens) + needed > columns:
        screens = _screens(view, named=False)
    if sum(piece.columns for piece in screens) + needed + _columns_of(keys, "quit") > columns:
        keys = [_without_word(piece) if piece.action == "quit" else piece for piece in keys]
    kept = _fitting([*screens, *keys], columns - 1)
    return [piece for piece in screens if piece in kept], [piece for piece in keys if piece in kept]


def _columns_of(pieces: Sequence[Piece], action: str) -> int:
    return sum(piece.columns for piece in pieces if piece.action == action)


def _without_word(piece: Piece) -> Piece:
    """The key alone, where there is no room to say what it does."""
    return piece._replace(spans=piece.spans[:1])


def _screens(view: View, *, named: bool) -> list[Piece]:
    """The screens by number and, where there is room for all, by name; the present one always by name."""
    pieces = []
    for place, name in enumerate(SCREENS, 1):
        present = name == view.screen
        spans = [(f" {place}", "selected" if present else "key")]
        if named or present:
            spans.append((f" {name}", "selected" if present else "title"))
        pieces.append(Piece(tuple(spans), 100 if present else 50, f"screen('{name}')"))
    return pieces


def _keys(*, replay: bool) -> list[Piece]:
    pieces = []
    for key in keys_of(replay=replay):
        if key.shown:
            name, does = key.shown.split(" ", 1)
            weight = len(KEEP) - KEEP.index(key.action) if key.action in KEEP else 0
            pieces.append(Piece(((f" {name}", "key"), (f" {does}", "title")), weight, key.action))
    return pieces


# Both


def _fitting(pieces: Sequence[Piece], columns: int) -> list[Piece]:
    """The pieces that fit, those of the least weight left out first; of equals the last one."""
    kept = list(pieces)
    while kept and sum(piece.columns for piece in kept) > columns:
        lightest = min(piece.weight for piece in kept)
        place = max(at for at, piece in enumerate(kept) if piece.weight == lightest)
        del kept[place]
    return kept


def _put(line: Line, piece: Piece | None) -> None:
    for text, style in piece.spans if piece is not None else ():
        line.put(text, style)
