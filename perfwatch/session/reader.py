"""Reads a session: any path, `-` for standard input, plain or zstd; tolerant of a torn end.

What was written whole is given; a torn last line or frame is left out. Sizes are capped, because a
session may come from anywhere.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from perfwatch.errors import SessionError
from perfwatch.session.format import Record, check_header

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
CHUNK_BYTES = 1 << 18
LINE_BYTES = 16 * 1024 * 1024
"""A longer line is no record of ours."""


class Session:
    """A session being read: its header, then its records, once.

    `torn` says afterwards that the end was cut off; `damaged` counts lines inside that were no JSON.
    """

    def __init__(self, name: str, chunks: Iterable[bytes]) -> None:
        self.name = name
        self.torn = False
        self.damaged = 0
        self._decode = decoder()
        self._chunks = iter(chunks)
        self._lines = self._split(self._chunks)
        try:
            self.header: Record = self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file; reading to the end does so as well."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def records(self) -> Iterator[Record]:
        """The records after the header, in recorded order."""
        for line in self._lines:
            try:
                record = self._decode(line)
            except (ValueError, RecursionError):
                self.damaged += 1
                continue
            if isinstance(record, dict):
                yield record
            else:
                self.damaged += 1

    def _read_header(self) -> Record:
        line = next(self._lines, None)
        if line is None:
            raise SessionError(
                f"{self.name} is not a perfwatch session: it has no whole line; name a session log (.jsonl)"
                if self.torn
                else f"{self.name} is empty: nothing was recorded in it"
            )
        try:
            return check_header(self._decode(line), self.name)
        except (ValueError, RecursionError) as error:
            raise SessionError(
                f"{self.name} is not a perfwatch session: its first line is no JSON object"
            ) from error

    def _split(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        rest = b""
        for chunk in chunks:
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if len(rest) > LINE_BYTES:
                raise SessionError(
                    f"{self.name} has a line of over {LINE_BYTES >> 20} MB; that is no session"
                )
            yield from (line for line in lines if line)
        if rest:
            self.torn = True


def open_session(path: str) -> Session:
    """Open a session by path, or standard input for `-`.

    Raises:
        SessionError: it cannot be opened or is no session; says which and why.
    """
    if path == "-":
        return Session("standard input", chunks_of(sys.stdin.buffer, "standard input"))
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - closed by chunks_of when it is read to its end
    except FileNotFoundError:
        raise SessionError(
            f"there is no file {path}; name a session file, or `last` for the last run"
        ) from None
    except OSError as error:
        raise SessionError(f"cannot read {path}: {error.strerror}") from error
    return Session(path, chunks_of(stream, path))


def session_of_chunks(name: str, chunks: Iterable[bytes]) -> Session:
    """A session out of pieces of its text, not compressed (a file's and what memory still holds)."""
    return Session(name, chunks)


def raw_chunks(path: str) -> Iterator[bytes]:
    """The text of a session file in pieces, decompressed if need be."""
    with Path(path).open("rb") as stream:
        yield from chunks_of(stream, path)


def whole_lines(name: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a session's text with their line ends; one that was torn at the end is left out.

    Raises:
        SessionError: a line is too long for a session.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LINE_BYTES:
            raise SessionError(f"{name} has a line of over {LINE_BYTES >> 20} MB; that is no session")
        for line in whole:
            if line:
                yield line + b"\n"


def chunks_of(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """The text that comes through a stream, in pieces of bounded size, unpacked if need be; closes it.

    Raises:
        SessionError: it cannot be read.
    """
    with stream:
        try:
            head = stream.read(len(ZSTD_MAGIC))
            if head == ZSTD_MAGIC:
                yield from _decompressed(stream, head, name)
                return
            yield head
            read = getattr(stream, "read1", stream.read)  # what a pipe has, and not until it has that much
            while chunk := read(CHUNK_BYTES):
                yield chunk
        except IsADirectoryError:
            raise SessionError(f"{name} is a directory, not a session file") from None
        except OSError as error:
            raise SessionError(f"cannot read {name}: {error.strerror}") from error


def _decompressed(stream: BinaryIO, head: bytes, name: str) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError as error:
        raise SessionError(
            f"{name} is compressed; install the Python package zstandard to read it"
        ) from error
    source = zstandard.ZstdDecompressor().stream_reader(
        _Joined(head, stream),  # type: ignore[arg-type]  # it asks for `read` alone
        read_across_frames=True,
    )
    while True:
        try:
            chunk = source.read1(CHUNK_BYTES)  # what can be had now: a file may still grow
        except zstandard.ZstdError:
            return  # a torn or damaged frame: what came before it stands
        if not chunk:
            return
        yield chunk


class _Joined(io.RawIOBase):
    """The first bytes, then the rest of a stream."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._stream.read(size)


def decoder() -> Callable[[bytes], Any]:
    """What makes an object of a line, as quickly as it can be had here."""
    try:
        import msgspec
    except ImportError:
        return json.loads
    return msgspec.json.Decoder().decode
