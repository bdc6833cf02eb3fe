"""Reads a session's file into a recording, on a thread, and goes on with it while it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from perfwatch.errors import SessionError
from perfwatch.playback.recording import Recording
from perfwatch.session.format import Record, check_header
from perfwatch.session.reader import LINE_BYTES, ZSTD_MAGIC, decoder

LOOK_S = 0.25
"""How often is looked whether a file has grown."""
WRITTEN_S = 10.0
"""A file without an end that nobody wrote to for so long is not being written any more."""
CHUNK_BYTES = 1 << 20
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
        self._path = None if stream is not None else path
        self._name = "standard input" if stream is not None else path
        self._stream = _opened(path) if stream is None else stream
        self._lines = _batches(self._stream, self._name)
        self._stopping = threading.Event()
        self.trouble = ""
        """Why not everything could be read."""
        try:
            first = next(self._lines, [])
            self._first = first[1:]
            self.recording = Recording(self._header(first))
        except BaseException:
            self._stream.close()
            raise

    def _header(self, lines: list[bytes]) -> Record:
        if not lines:
            raise SessionError(f"{self._name} is empty: nothing was recorded in it")
        try:
            return check_header(decoder()(lines[0]), self._name)
        except (ValueError, RecursionError) as error:
            raise SessionError(
                f"{self._name} is not a perfwatch session: its first line is no JSON object"
            ) from error

    def run(self) -> None:
        """Read to the end, and on while the file is being written."""
        try:
            self._take(self._first)
            for lines in self._lines:
                self._take(lines)
                if self._stopping.is_set() or (not lines and self._is_over()):
                    break
                if not lines:
                    self.recording.is_up_to_date.set()
                    self._stopping.wait(LOOK_S)
        except SessionError as error:
            self.trouble = str(error)
        finally:
            self.recording.is_whole = True
            self.recording.is_up_to_date.set()
            self._stream.close()

    def _take(self, lines: list[bytes]) -> None:
        self.recording.add(lines)
        if lines and _END in lines[-1]:
            self._stopping.set()

    def _is_over(self) -> bool:
        """Whether nobody writes any more: what comes through a pipe ends, a file falls silent."""
        if self._path is None:
            return True
        try:
            return time.time() - Path(self._path).stat().st_mtime > WRITTEN_S
        except OSError:
            return True

    def stop(self) -> None:
        """Read no more."""
        self._stopping.set()


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise SessionError(f"cannot read {path}: {error.strerror}") from error


def _batches(stream: BinaryIO, name: str) -> Iterator[list[bytes]]:
    """Whole lines as they can be read; an empty list where there are no more for now."""
    rest, unpack = b"", _unpacker(b"")
    first = True
    while True:
        try:
            read = stream.read1(CHUNK_BYTES) if hasattr(stream, "read1") else stream.read(CHUNK_BYTES)
        except OSError as error:
            raise SessionError(f"cannot read {name}: {error.strerror}") from error
        if not read:
            yield []
            continue
        if first:
            unpack, first = _unpacker(read), False
        *lines, rest = (rest + unpack(read)).split(b"\n")
        found = [line for line in lines if line]
        if found:
            yield found
        if len(rest) > LINE_BYTES:
            raise SessionError(f"{name} has a line of over {LINE_BYTES >> 20} MB; that is no session")


def _unpacker(head: bytes) -> Callable[[bytes], bytes]:
    """What makes text of the bytes of a file that begins so; frames that are torn or damaged end it."""
    if not head.startswith(ZSTD_MAGIC):
        return lambda read: read
    try:
        import zstandard
    except ImportError as error:
        raise SessionError("it is compressed; install the Python package zstandard to read it") from error
    frames: list[Any] = [zstandard.ZstdDecompressor().decompressobj()]

    def unpack(read: bytes) -> bytes:
        found = []
        while read:
            try:
                found.append(frames[0].decompress(read))
            except zstandard.ZstdError:
                return b"".join(found)  # what came before it stands
            read = frames[0].unused_data if frames[0].eof else b""
            if frames[0].eof:
                frames[0] = zstandard.ZstdDecompressor().decompressobj()
        return b"".join(found)

    return unpack
