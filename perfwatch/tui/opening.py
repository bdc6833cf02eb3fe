"""How does the dashboard open and close? Its look, the app, what was printed behind it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from perfwatch.tui import glimpse
from perfwatch.tui.feed import Feed

HELD_BYTES = 1 << 16
"""So much of what was printed behind the screen is shown afterwards."""


def show(
    feed: Feed, stream: TextIO, *, theme: str | None = None, ascii_only: bool = False, paint_s: float = 1.0
) -> bool:
    """Show the dashboard on a terminal until it is closed. Returns False if the terminal went away.

    What libraries print meanwhile is held back and goes to standard error afterwards.

    Raises:
        ConfigError: there is no such theme.
    """
    glimpse.show(stream)
    gc.disable()  # some 10 ms of the start; the imports make no garbage
    try:
        from perfwatch.tui.app import Dashboard
        from perfwatch.tui.look import look_for, wants_ascii
        from perfwatch.tui.view import View

        look = look_for(theme, os.environ, stream)
        view = View(ascii=wants_ascii(os.environ, stream, ascii_only or None))
        app = Dashboard(feed, look, view, stream=stream, paint_s=paint_s)
    finally:
        gc.enable()
    gc.freeze()
    glimpse.taken()
    with _held_back():
        app.run(mouse=True)
    return not app.gone


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
        if said:
            os.write(2, said)
