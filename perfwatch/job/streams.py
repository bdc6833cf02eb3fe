"""The job's output streams: inherited, or passed through us where a pattern reads them.

A stream that is read goes through a pseudo-terminal where our own stream is a terminal (so that the job
prints as it always does), else through a pipe. What comes is written on at once and unchanged.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import threading
import time
from collections.abc import Callable

Feed = Callable[[str, bytes, int], None]
"""Takes a stream's name, a piece of its output (empty at its end), and its CLOCK_MONOTONIC time in ns."""
CHUNK_BYTES = 65536


class Tap:
    """One output stream of the job on its way through us.

    Args:
        name: `stdout` or `stderr`.
        own_fd: our stream, on which the output is written on.
        feed: who reads along.
    """

    def __init__(self, name: str, own_fd: int, feed: Feed) -> None:
        self.name = name
        self.is_terminal = os.isatty(own_fd)
        self._own_fd = own_fd
        self._feed = feed
        self._read_fd, self.child_fd = _open_terminal(own_fd) if self.is_terminal else os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._pump, name=f"perfwatch-{name}", daemon=True)

    def start(self) -> None:
        """To be called when the child has its end: close ours of it and begin to pass on."""
        os.close(self.child_fd)
        self._thread.start()

    def resize(self) -> None:
        """Our terminal changed its size; so does the job's."""
        if self.is_terminal:
            _copy_size(self._own_fd, self._read_fd)

    def drain(self, timeout_s: float) -> None:
        """The job is over: pass on what is still in the pipe, then stop (others may hold it open)."""
        os.write(self._wake_write, b"x")
        self._thread.join(timeout_s)

    def _pump(self) -> None:
        try:
            self._pass_on_until_the_end()
        finally:
            self._feed(self.name, b"", time.monotonic_ns())

    def _pass_on_until_the_end(self) -> None:
        ending = False
        while True:
            ready, _, _ = select.select([self._read_fd, self._wake_read], [], [], 0 if ending else None)
            if self._wake_read in ready:
                ending = True
                os.read(self._wake_read, 1)
            if self._read_fd in ready:
                try:
                    data = os.read(self._read_fd, CHUNK_BYTES)
                except OSError:  # a pseudo-terminal's other end is closed
                    return
                if not data:
                    return
                self._feed(self.name, data, time.monotonic_ns())
                if not self._write_on(data):
                    os.close(self._read_fd)  # nobody reads us: the job learns it as it would without us
                    return
            elif ending:
                return

    def _write_on(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._own_fd, view) :]
            except BlockingIOError:
                select.select([], [self._own_fd], [])
            except OSError:
                return False
        return True


def _open_terminal(own_fd: int) -> tuple[int, int]:
    import pty

    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST  # our own terminal ends lines; twice would be wrong
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    _copy_size(own_fd, master)
    return master, slave


def _copy_size(source_fd: int, target_fd: int) -> None:
    try:
        size = fcntl.ioctl(source_fd, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
        fcntl.ioctl(target_fd, termios.TIOCSWINSZ, size)
    except OSError:
        return
