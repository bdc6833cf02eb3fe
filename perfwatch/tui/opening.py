"""How does the screen open and close? Whether there is one to draw on, the first glimpse, the app, the end."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from perfwatch.tui.feed import Feed

LEAST_COLUMNS, LEAST_LINES = 1, 1


def can_draw(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether a dashboard can be shown: a terminal that moves its cursor and has a size, keys to read."""
    if environ.get("TERM", "dumb") in ("dumb", "", "unknown"):
        return False
    try:
        if not (stream.isatty() and sys.stdin is not None and sys.stdin.isatty()):
            return False
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return False
    return columns >= LEAST_COLUMNS and lines >= LEAST_LINES


def glimpse(text: str) -> None:
    """Show something before the libraries for more are loaded: the other screen, and what is coming."""
    sys.stdout.write(f"\x1b[?1049h\x1b[2J\x1b[H\x1b[7m perfwatch \x1b[0m {text}")
    sys.stdout.flush()


def show(feed: Feed, theme: str | None = None, **options: Any) -> bool:
    """Show the dashboard until it is closed. Returns False if the terminal went away.

    Raises:
        ConfigError: there is no such theme.
    """
    gc.disable()  # some 10 ms of the start; the imports make no garbage
    try:
        from perfwatch.tui.app import Dashboard
        from perfwatch.tui.look import look_for

        app = Dashboard(feed, look_for(theme, os.environ, sys.stdout), **options)
    except BaseException:
        close_glimpse()
        raise
    finally:
        gc.enable()
    gc.freeze()
    app.run(mouse=True)
    return not app.gone


def close_glimpse() -> None:
    """Back to the screen that was there, where the dashboard could not open."""
    sys.stdout.write("\x1b[0m\x1b[?1049l\x1b[?25h")
    sys.stdout.flush()
