"""How do texts get to a terminal that may take none for a while? By a thread of their own, and droppably.

Whoever writes never waits: a line that hangs must hold up neither the event loop nor the end.
"""

from __future__ import annotations

import os
import select
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

MOST_CHARACTERS = 1 << 19
"""More than this is not kept for a terminal that takes nothing: some of the largest screens."""
CHUNK_BYTES = 4096
LOOK_S = 0.25
"""How often the thread looks whether it is to give up."""
PATIENCE_S = 0.15
"""So long the end waits for a terminal that takes nothing, twice."""
FULL_S = 0.01
"""A terminal that had room and takes nothing all the same is asked again after so long."""


class Outlet:
    """Writes to a terminal.

    Args:
        fd: the terminal.
        encoding: how it takes text; what has no place in it becomes `?`.
        gone: called once, on the thread of the outlet, when the terminal is not there any more.
    """

    def __init__(self, fd: int, encoding: str, gone: Callable[[], None]) -> None:
        self._given_fd = fd
        self._fd = _opened_anew(fd)
        self._encoding = encoding
        self._gone = gone
        self._news = threading.Condition()
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._sending = False
        self._tell: Callable[[], None] | None = None
        self._is_farewell = self._farewell = False
        self._unsent = b""
        self._ending = False
        self._give_up = False
        self.lost = False
        """Whether something was thrown away: what the terminal shows is not known then."""
        self._thread = threading.Thread(target=self._run, name="perfwatch-outlet", daemon=True)
        self._thread.start()

    @property
    def behind(self) -> bool:
        """Whether the terminal has not taken everything yet."""
        return self._sending or bool(self._waiting)

    def tell_when_taken(self, taken: Callable[[], None]) -> bool:
        """Whether the terminal is behind; `taken` is called, on the thread of the outlet, when it is not."""
        with self._news:
            if self.behind:
                self._tell = taken
            return self.behind

    def write(self, text: str) -> None:
        """Have a text written; of too much that waits nothing is kept."""
        with self._news:
            if self._characters + len(text) > MOST_CHARACTERS:
                self._forget()
            self._waiting.append(text)
            self._characters += len(text)
            self._news.notify_all()

    def drop(self) -> None:
        """What waits is of no interest any more: only what is written from now on, the farewell."""
        with self._news:
            self._waiting.clear()
            self._characters = 0
            self._farewell = True

    def stop(self) -> None:
        """Have the rest written, and end: soon, even if the terminal takes nothing.

        What the kernel holds for it is thrown away then, so that the farewell has room.
        """
        with self._news:
            self._ending = True
            self._news.notify_all()
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self._give_up = True
            with suppress(termios.error):
                termios.tcflush(self._fd, termios.TCOFLUSH)
            self._thread.join(PATIENCE_S)
            self._say_farewell()
        if self._fd != self._given_fd and not self._thread.is_alive():
            os.close(self._fd)

    def _say_farewell(self) -> None:
        """Once, and only where it goes without waiting."""
        begun = self._unsent if self._is_farewell else b""
        data = begun + "".join(self._waiting).encode(self._encoding, "replace")
        if not self._thread.is_alive() and _takes_more(self._fd, 0.0):
            with suppress(OSError):
                os.write(self._fd, data[:CHUNK_BYTES])

    def _forget(self) -> None:
        self._waiting.clear()
        self._characters = 0
        self.lost = True

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._news:
                self._sending = False
                if self._tell is not None and not self._waiting:
                    self._tell()
                    self._tell = None
                while not self._waiting:
                    if self._ending:
                        return
                    self._news.wait()
                data = "".join(self._waiting).encode(self._encoding, "replace")
                self._waiting.clear()
                self._characters = 0
                self._sending, self._is_farewell = True, self._farewell
            if not self._send(data):
                return

    def _send(self, data: bytes) -> bool:
        """Write it; False if we gave up or the terminal is gone."""
        at = 0
        while at < len(data):
            self._unsent = data[at:]
            if self._give_up:
                return False
            try:
                if _takes_more(self._fd, LOOK_S):
                    at += os.write(self._fd, data[at : at + CHUNK_BYTES])
            except BlockingIOError:
                time.sleep(FULL_S)
            except OSError:
                self._end_of_line()
                return False
        self._unsent = b""
        return True

    def _end_of_line(self) -> None:
        with self._news:
            self._ending = True
        self._gone()


def write_at_once(fd: int, data: bytes) -> None:
    """Write to what may be a terminal that takes nothing: what has no room there soon is left out."""
    if not data:  # even nothing waits for whoever is writing to the terminal
        return
    if not os.isatty(fd):
        os.write(fd, data)
        return
    own = _opened_anew(fd)
    try:
        while data and _takes_more(own, PATIENCE_S):
            data = data[os.write(own, data[:CHUNK_BYTES]) :]
    except BlockingIOError:
        return
    finally:
        if own != fd:
            os.close(own)


def _opened_anew(fd: int) -> int:
    """The same terminal without waiting in writes; the same descriptor where that cannot be had.

    A terminal that has room for some bytes holds up a write of more, and O_NONBLOCK belongs to the open file:
    set on the one we were given, it would change the writes of the shell and the job too.
    """
    try:
        return os.open(os.ttyname(fd), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no terminal, or it has no name here: its owner lives in another container
        return fd


def _takes_more(fd: int, timeout_s: float) -> bool:
    """Whether a terminal takes some bytes; True also if it is gone, which writing tells."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(timeout_s * 1000))
