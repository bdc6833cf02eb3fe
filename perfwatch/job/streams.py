"""The ends of a stream that is read on its way: a pseudo-terminal where ours is a terminal, else a pipe.

So the job prints as it always does. What comes is written on by the ferry (`perfwatch.job.ferry`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios

PIPE_BYTES = 1 << 20
"""As large as an ordinary user may make a pipe: the job seldom waits for whoever reads it."""


KEPT_BYTES = 64 << 20
"""So much of each stream is kept in the file of a dashboard."""


class Passage:
    """One output stream of the job on its way through us.

    Args:
        name: `stdout` or `stderr`.
        own_fd: our stream, on which the output is written on.
        size: columns and lines of the terminal that the job gets where `own_fd` is none (a dashboard's pane,
            whose output is kept in a file).
    """

    def __init__(self, name: str, own_fd: int, size: tuple[int, int] | None = None) -> None:
        self.name = name
        self.own_fd = own_fd
        self.is_terminal = size is not None or os.isatty(own_fd)
        self.read_fd, self.child_fd = _open_terminal(own_fd) if self.is_terminal else wide_pipe()
        self._room_bytes: int | None = None
        if size is not None:
            _set_size(self.read_fd, *size)
            self._room_bytes = KEPT_BYTES

    def kept(self, data: bytes) -> bytes:
        """What of a piece is written on: all of it, except where a file is full enough."""
        if self._room_bytes is None:
            return data
        kept = data[: self._room_bytes]
        if len(kept) < len(data) and self._room_bytes:
            kept += b"\n[perfwatch keeps no more of the job's output]\n"
            self._room_bytes = 0
        self._room_bytes = max(0, self._room_bytes - len(kept))
        return kept

    def resize(self) -> None:
        """Our terminal changed its size; so does the job's."""
        if self.is_terminal:
            _copy_size(self.own_fd, self.read_fd)


def wide_pipe() -> tuple[int, int]:
    """A pipe that holds much: its reading and its writing end."""
    reading, writing = os.pipe()
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux
    if set_size is not None:
        with contextlib.suppress(OSError):  # the user's pipes hold enough together; the usual size does
            fcntl.fcntl(writing, set_size, PIPE_BYTES)
    return reading, writing


def _open_terminal(own_fd: int) -> tuple[int, int]:
    import pty

    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST  # our own terminal ends lines; twice would be wrong
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    _copy_size(own_fd, master)
    return master, slave


def _set_size(fd: int, columns: int, lines: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _copy_size(source_fd: int, target_fd: int) -> None:
    try:
        size = fcntl.ioctl(source_fd, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        fcntl.ioctl(target_fd, termios.TIOCSWINSZ, size)
    except OSError:
        return
