"""How does the dashboard open and close? Its look, the app, what was printed behind it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from perfwatch.errors import ConfigError
from perfwatch.tui import glimpse
from perfwatch.tui.feed import Feed
from perfwatch.tui.outlet import write_at_once

if TYPE_CHECKING:
    from perfwatch.tui.look import Look

PAINT_S = 1.0
"""Paint period unless another one is chosen, s."""

HELD_BYTES = 1 << 16
"""So much of what was printed behind the screen is shown afterwards."""


def show(
    feed: Feed,
    stream: TextIO,
    *,
    theme: str | None = None,
    themes: Path | None = None,
    ascii_only: bool = False,
    no_color: bool = False,
    paint_s: float | None = None,
) -> bool:
    """Show the dashboard on a terminal until it is closed. Returns False if the terminal went away.

    What libraries print meanwhile is held back and goes to standard error afterwards. What nobody said here
    is as it was chosen with a key the last time.

    Args:
        feed: where the frames come from.
        stream: the terminal.
        theme: name of a theme.
        themes: where the user's own themes lie.
        ascii_only: draw with ASCII only, whatever the terminal can show.
        no_color: no colors, whatever the terminal can show.
        paint_s: paint period, s.

    Raises:
        ConfigError: there is no such theme.
    """
    glimpse.show(stream)
    gc.disable()  # some 10 ms of the start; the imports make no garbage
    try:
        from perfwatch.tui import settings
        from perfwatch.tui.app import Dashboard
        from perfwatch.tui.look import wants_ascii
        from perfwatch.tui.view import View

        file = settings.settings_file()
        kept, note = settings.load(file)
        look, broken = _look(theme, kept.theme, themes, stream, no_color=no_color)
        app = Dashboard(
            feed,
            look,
            kept.over(View(ascii=wants_ascii(os.environ, stream, ascii_only or None))),
            stream=stream,
            paint_s=paint_s or kept.paint_s or PAINT_S,
            themes=themes,
            kept=kept,
            note=" ".join(filter(None, (note, broken))),
        )
    finally:
        gc.enable()
    gc.freeze()
    glimpse.taken()
    app.look_ahead()
    with _held_back():
        app.run(mouse=True)
    if app.kept != kept:
        sys.stderr.write("".join(f"perfwatch: {why}\n" for why in [settings.save(app.kept, file)] if why))
    return not app.gone


def _look(
    named: str | None, kept: str | None, themes: Path | None, stream: TextIO, *, no_color: bool
) -> tuple[Look, str]:
    """The colors to begin with, and a note: a kept theme that cannot be used any more is nobody's error."""
    from perfwatch.tui.look import look_for

    note = ""
    if named is None and kept is not None:
        try:
            return look_for(kept, os.environ, stream, no_color=no_color, directory=themes), note
        except ConfigError as error:
            note = f"the theme of last time is left out: {error}"
    return look_for(named, os.environ, stream, no_color=no_color, directory=themes), note


@contextmanager
def _held_back() -> Iterator[None]:
    """Keep what anybody prints on descriptors 1 and 2 off the screen."""
    sys.stderr.flush()
    held = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, after it was read
    before = [os.dup(fd) for fd in (1, 2)]
    try:
        for fd in (1, 2):
            os.dup2(held.fileno(), fd)
        yield
    finally:
        sys.stderr.flush()
        for fd, old in zip((1, 2), before, strict=True):
            os.dup2(old, fd)
            os.close(old)
        held.seek(max(0, held.tell() - HELD_BYTES))
        said = held.read()
        held.close()
        with suppress(OSError):  # the terminal is gone, and with it who would read this
            write_at_once(2, said)
