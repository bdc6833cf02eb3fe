"""What was written to a file since it was last looked at, over rotation, truncation and absence?

A file that is there at the first look is read from its end then; one that comes later from its beginning.
Renamed and made anew (logrotate), it is read to its end and then the new one from its beginning; cut
(copytruncate), from its beginning. What was written and cut away again between two looks is not seen.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from perfwatch.clock import Clock, SystemClock
from perfwatch.errors import TryAgain, reason_of
from perfwatch.text import clean

PIECE_BYTES = 256 * 1024
BEFORE_BYTES = 256 * 1024
"""So much of what was there already is looked at, for totals that go on."""
MOST_BYTES = 64 * 2**20
"""So much is read at one look, the rest at the next: somebody may write faster than we read."""
TICK_NS = 10_000_000
"""The kernel stamps a file with the time of its last tick (Linux: CONFIG_HZ is 100 or more)."""
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class Piece(NamedTuple):
    """Some bytes with the time of their arrival (CLOCK_MONOTONIC). `ends`: nothing follows in this file."""

    data: bytes
    at_ns: int
    ends: bool = False


class Tail:
    """Follows one file.

    Args:
        path: may be missing so far.
        clock: tells the times.
    """

    def __init__(self, path: str, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._fd: int | None = None
        self._identity = (0, 0)
        self._position = 0
        self._looked_ns: int | None = None
        self.is_missing = True
        """Nothing was there at the last look."""

    def begin(self) -> bytes:
        """Take the first look. Returns the last complete lines that were there already.

        A line that is half written now is read with its rest.

        Raises:
            TryAgain: the file cannot be read.
        """
        self._looked_ns = self._clock.monotonic_ns()
        if not self._open():
            return b""
        assert self._fd is not None
        size = os.fstat(self._fd).st_size
        start = max(0, size - BEFORE_BYTES)
        before = os.pread(self._fd, BEFORE_BYTES, start)
        complete = max(before.rfind(b"\n"), before.rfind(b"\r")) + 1
        self._position = start + (complete if complete or not start else len(before))
        first = 0 if not start else before.find(b"\n") + 1
        return before[first:complete]

    def read(self) -> Iterator[Piece]:
        """What came since the last look.

        Raises:
            TryAgain: the file cannot be read; says why. What was read before was handed over.
        """
        since_ns = self._looked_ns
        self._looked_ns = now_ns = self._clock.monotonic_ns()
        since_ns = now_ns if since_ns is None else since_ns
        left = MOST_BYTES
        while left > 0:
            if self._fd is None and not self._open():
                return
            for piece in self._rest(since_ns, now_ns, left):
                left -= len(piece.data)
                yield piece
            if left <= 0 or not self._was_replaced():
                return
            # What was written between our last read and the rename is in the old file only.
            yield from self._rest(since_ns, now_ns, left)
            yield Piece(b"", now_ns, ends=True)
            self.close()

    def close(self) -> None:
        """Give the file back; a second call changes nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> bool:
        """Open the file of this path, at its beginning; False if there is none."""
        try:
            # First: to open a FIFO, and to close it again, would end the program that writes to it.
            status = os.stat(self._path)  # noqa: PTH116 - the path may hold what is no text
            self._refuse_what_is_no_file(status)
            self._fd = os.open(self._path, _FLAGS)
            status = os.fstat(self._fd)
            self._refuse_what_is_no_file(status)
        except FileNotFoundError:
            self.is_missing = True
            return False
        except OSError as error:
            self.close()
            reason = reason_of(error)
            raise TryAgain(
                f"cannot read {self.shown}: {reason}; make it readable or name another", 1.0
            ) from None
        except TryAgain:
            self.close()
            raise
        self.is_missing = False
        self._identity = (status.st_dev, status.st_ino)
        self._position = 0
        return True

    @property
    def shown(self) -> str:
        """The path, safe to show."""
        return clean(self._path, 200)

    def _refuse_what_is_no_file(self, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            return
        kinds = ((stat.S_ISDIR, "a directory"), (stat.S_ISFIFO, "a pipe (FIFO)"), (stat.S_ISSOCK, "a socket"))
        kind = next((word for test, word in kinds if test(status.st_mode)), "a device")
        raise TryAgain(
            f"cannot read {self.shown}: it is {kind}, and only a file can be followed; name one", 1.0
        )

    def _rest(self, since_ns: int, now_ns: int, most: int) -> Iterator[Piece]:
        """The file from where we are to its end, as far as `most` bytes go."""
        assert self._fd is not None
        try:
            status = os.fstat(self._fd)
            if status.st_size < self._position:
                yield Piece(b"", now_ns, ends=True)
                self._position = 0
            while most > 0 and (data := os.pread(self._fd, min(PIECE_BYTES, most), self._position)):
                self._position += len(data)
                most -= len(data)
                yield Piece(data, arrival_ns(self._clock, os.fstat(self._fd).st_mtime_ns, since_ns))
        except OSError as error:
            self.close()
            reason = reason_of(error)
            raise TryAgain(f"cannot read {self.shown} any more: {reason}", 1.0) from None

    def _was_replaced(self) -> bool:
        """Whether the path names another file by now; the old one is read on while it names none."""
        try:
            status = os.stat(self._path)  # noqa: PTH116
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != self._identity


def arrival_ns(clock: Clock, mtime_ns: int, since_ns: int) -> int:
    """When what was read of a file was written, between the last look and now, and never too early.

    The wall clock is asked first: where this thread has to wait in between, the time becomes later.

    Args:
        mtime_ns: of the file, as it was after the read.
        since_ns: of the last look (CLOCK_MONOTONIC, as the answer).
    """
    ago_ns = clock.time_ns() - mtime_ns - TICK_NS
    now_ns = clock.monotonic_ns()
    return min(max(now_ns - ago_ns, since_ns), now_ns)
