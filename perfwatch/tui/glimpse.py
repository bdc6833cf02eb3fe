"""What is seen first? The other screen with a word on it, before the libraries for more are loaded.

Nothing heavy is imported here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

_shown_on: TextIO | None = None


def can_draw(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether a dashboard can be shown: a terminal that moves its cursor and has a size, keys to read."""
    if environ.get("TERM", "dumb") in ("dumb", "", "unknown"):
        return False
    try:
        if stream is None or sys.stdin is None or not (stream.isatty() and sys.stdin.isatty()):
            return False
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return False
    return columns > 0 and lines > 0


def show(stream: TextIO, text: str = "looking for devices ...") -> None:
    """Show the word, once."""
    global _shown_on  # noqa: PLW0603 - a process has one terminal
    if _shown_on is None:
        _shown_on = stream
        stream.write(f"\x1b[?1049h\x1b[2J\x1b[H\x1b[7m perfwatch \x1b[0m {text}")
        stream.flush()


def taken() -> None:
    """The dashboard has the screen now, and gives it back itself."""
    global _shown_on  # noqa: PLW0603 - as above
    _shown_on = None


def hide() -> None:
    """Back to the screen that was there, where no dashboard came; what went wrong is said on that one."""
    global _shown_on  # noqa: PLW0603 - as above
    if _shown_on is not None:
        _shown_on.write("\x1b[0m\x1b[?1049l\x1b[?25h")
        _shown_on.flush()
        _shown_on = None
