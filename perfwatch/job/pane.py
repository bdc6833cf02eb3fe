"""What did the job print lately? The lines that the dashboard shows, and that are printed when it is gone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

LINES = 2000
"""So many lines are kept for the screen; the file beside the session has more."""
LINE_BYTES = 4096
"""A longer line is cut."""


class Pane:
    """Takes pieces of output from the thread that reads them, and gives lines to whoever draws.

    Lines keep their carriage returns and escape sequences; what is done with those is the drawer's matter.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[bytes] = deque(maxlen=LINES)
        self._open: dict[str, bytes] = {}
        self._onward: Callable[[bytes], object] | None = None

    def feed(self, stream: str, data: bytes, at_ns: int) -> None:
        """Take a piece of a stream; an empty one is its end."""
        with self._lock:
            if self._onward is not None and data:
                self._onward(data)
            pieces = (self._open.pop(stream, b"") + data).split(b"\n")
            rest = pieces.pop()
            self._lines.extend(piece[-LINE_BYTES:] for piece in pieces)
            if data:
                self._open[stream] = _newest_state(rest)
            elif rest:
                self._lines.append(rest[-LINE_BYTES:])

    def hand_over(self, most: int, onward: Callable[[bytes], object]) -> None:
        """Nobody draws any more: `onward` gets the newest lines, and all that comes from now on."""
        with self._lock:
            for line in list(self._lines)[-most:]:
                onward(line + b"\n")
            for rest in self._open.values():
                onward(rest)
            self._onward = onward

    def lines(self, most: int = LINES) -> tuple[str, ...]:
        """The newest lines, the unfinished ones last."""
        with self._lock:
            found = [*self._lines, *(rest for rest in self._open.values() if rest)]
        return tuple(line.decode("utf-8", "replace") for line in found[-most:])


def _newest_state(rest: bytes) -> bytes:
    """An unfinished line without what a progress bar has overwritten already."""
    _, carriage, last = rest.rstrip(b"\r").rpartition(b"\r")
    kept = last if carriage else rest
    return kept[-LINE_BYTES:] + (b"\r" if carriage and rest.endswith(b"\r") else b"")
