"""Reads a session into a recording, on a thread, and goes on with it while its file grows."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from perfwatch.errors import SessionError
from perfwatch.playback.recording import Recording
from perfwatch.session.format import Record, check_header
from perfwatch.session.reader import LINE_BYTES, chunks_of, decoder

LOOK_S = 0.25
"""How often is looked whether a file has grown."""
WRITTEN_S = 10.0
"""A file without an end that nobody wrote to for so long is not being written any more."""
HEADER_S = 1.5
"""And one without its first line is none that is being begun: lines are written once a second."""
_END = b'"event":"end"'


class Reading(threading.Thread):
    """Fills `recording` from a session.

    Args:
        path: of its file.
        stream: what it comes through instead, such as standard input.

    Raises:
        SessionError: it cannot be read, or is no session.
    """

    def __init__(self, path: str, stream: BinaryIO | None = None) -> None:
        super().__init__(name="perfwatch-reading", daemon=True)
        self._name = path if stream is None else "standard input"
        self._source = _Growing(path) if stream is None else None
        self._lines = _batches(chunks_of(stream or cast("BinaryIO", self._source), self._name), self._name)
        self.trouble = ""
        """Why not everything could be read."""
        self._first: list[bytes] = []
        try:
            self._first = next(self._lines, [])
            self.recording = Recording(self._header())
        except BaseException:
            self._lines.close()
            raise

    def _header(self) -> Record:
        if not self._first:
            raise SessionError(f"{self._name} has no whole line of a session: nothing was recorded in it")
        try:
            return check_header(decoder()(self._first[0]), self._name)
        except (ValueError, RecursionError) as error:
            raise SessionError(
                f"{self._name} is not a perfwatch session: its first line is no JSON object"
            ) from error

    def run(self) -> None:
        """Read to the end, and on while the file is being written."""
        if self._source is not None:
            self._source.begin(self.recording.is_up_to_date.set)
        try:
            self.recording.add(self._first[1:])
            for lines in self._lines:
                self.recording.add(lines)
                if _END in lines[-1]:
                    break
        except SessionError as error:
            self.trouble = str(error)
        finally:
            self._lines.close()
            self.recording.is_whole = True
            self.recording.is_up_to_date.set()

    def stop(self) -> None:
        """Read no more."""
        if self._source is not None:
            self._source.stop()


class _Growing(io.RawIOBase):
    """A file that waits at its end for what is written to it, for as long as somebody seems to write."""

    def __init__(self, path: str) -> None:
        super().__init__()
        try:
            self._stream = Path(path).open("rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise SessionError(f"cannot read {path}: {error.strerror}") from error
        self._path = Path(path)
        self._stopping = threading.Event()
        self._at_end: Callable[[], object] = bool
        self._patience_s = HEADER_S

    def begin(self, at_end: Callable[[], object]) -> None:
        """It is a session: be patient with it from now on.

        Args:
            at_end: called when everything was read that there was.
        """
        self._at_end, self._patience_s = at_end, WRITTEN_S

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """What can be had; nothing when it is over."""
        while not (read := self._stream.read(size)):
            self._at_end()
            if self._is_over() or self._stopping.wait(LOOK_S):
                return b""
        return read

    def _is_over(self) -> bool:
        try:
            return time.time() - self._path.stat().st_mtime > self._patience_s
        except OSError:
            return True

    def stop(self) -> None:
        """Wait for nothing any more."""
        self._stopping.set()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _batches(chunks: Iterator[bytes], name: str) -> Generator[list[bytes], None, None]:
    """Whole lines as they come, those of a piece together; a torn last one is left out."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        found = [line for line in lines if line]
        if found:
            yield found
        if len(rest) > LINE_BYTES:
            raise SessionError(f"{name} has a line of over {LINE_BYTES >> 20} MB; that is no session")
