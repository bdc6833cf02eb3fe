"""Appends records to a session file so that a kill loses a second at most, and loses nothing silently.

Lines are gathered and written once a second: plain, or as one independent zstd frame when compressed.
When the file cannot take more (disk full, cap reached) the lines are kept compressed in memory, within a
bound, and written as soon as there is room again; `unwritten()` gives back what never found any.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from perfwatch.errors import SessionError
from perfwatch.session.stdout import true_fd, true_path

BACKLOG_BYTES = 32 * 1024 * 1024
"""How much is held in memory for a file that cannot take it."""
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/null")
_A_LINK = "is a symbolic link, which perfwatch does not follow; name the file itself"
FLUSH_NS = 1_000_000_000
TEXT_LENGTH = 500
"""An object that JSON does not know is recorded as so much of its text."""


def open_for_writing(path: str, *, force: bool = False, empty: bool = True) -> int:
    """A file descriptor for a session, private to the user, following no link and overwriting nothing.

    `-` is standard output; pipes, devices and /dev/fd/N are written as they are.

    Args:
        path: where to.
        force: take a file that exists.
        empty: and empty it; False leaves that to a writer that waits for its `begin`.

    Raises:
        SessionError: it cannot be created; says why and what to do.
    """
    if path == "-":
        return os.dup(true_fd())
    try:
        if is_stream(path):
            return os.open(true_path(path), os.O_WRONLY | os.O_APPEND)
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        existing = os.O_EXCL if not force else os.O_TRUNC if empty else 0
        return os.open(path, flags | existing, 0o600)
    except FileExistsError:
        if Path(path).is_symlink():
            raise SessionError(f"{path} {_A_LINK}") from None
        if Path(path).is_dir():
            raise SessionError(f"{path} is a directory; name a file in it") from None
        raise SessionError(f"{path} exists already; name another file or add --force") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SessionError(f"{path} {_A_LINK}") from error
        raise SessionError(f"cannot create {path}: {error.strerror}") from error


def is_stream(path: str) -> bool:
    """Whether a path is written as it is and cannot be read back: standard output, a pipe, a device."""
    if path == "-" or path.startswith(("/dev/fd/", "/proc/self/fd/")) or path in _STREAMS:
        return True
    try:
        mode = Path(path).lstat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


class Writer:
    """Writes records to a file descriptor, which it owns.

    Args:
        fd: where to.
        compress: write zstd frames.
        cap_bytes: the file takes no more than this; `None` for no cap.
        every_batch: write each record at once (a stream that somebody reads live).
        waits: leave the file as it is, and keep the records in memory, until `begin`.
    """

    def __init__(
        self,
        fd: int,
        *,
        compress: bool = False,
        cap_bytes: int | None = None,
        every_batch: bool = False,
        waits: bool = False,
    ) -> None:
        self._fd = fd
        self._waits = waits
        self._encode = encoder()
        self._pack = packer() if compress else bytes
        self._keep = packer() if _can_compress() else bytes
        self._cap_bytes = cap_bytes
        self._every_batch = every_batch
        self._lines: list[bytes] = []
        self._backlog: deque[tuple[bytes, int]] = deque()
        self._backlog_bytes = 0
        self._flushed_ns = 0
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self.written_bytes = 0
        self.lost_records = 0
        """Records that neither the file nor memory could take."""
        self.lost_because = ""
        self.trouble = ""
        """Why the file does not take records at present; empty while it does."""
        self._closed = False

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a record; it reaches the file with the next flush."""
        self._lines.append(self._encode(record))
        if self._every_batch:
            self.flush()

    def tick(self, now_ns: int) -> None:
        """Flush if a second has passed; called by the hub."""
        if now_ns - self._flushed_ns >= FLUSH_NS:
            self._flushed_ns = now_ns
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, older things first. Never raises for a file that cannot take it."""
        if self._waits:
            return
        lines, self._lines = self._lines, []
        if self._backlog:
            self._hold(lines)
            self._drain_backlog()
        elif lines and not self._append(self._pack(b"\n".join(lines) + b"\n")):
            self._hold(lines)

    @property
    def waits(self) -> bool:
        """Whether the file still is as it was found."""
        return self._waits

    def begin(self) -> None:
        """From now on the file is ours: empty it and write what waited with the next flush."""
        if self._waits:
            self._waits = False
            self._cut_back()

    def close(self) -> None:
        """Flush and close."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        try:
            os.close(self._fd)
        except OSError as error:
            self.trouble = self.trouble or (error.strerror or str(error))

    def unwritten(self) -> Iterator[bytes]:
        """The lines that the file never took, in order, as chunks of whole lines."""
        unpack = _unpacker() if _can_compress() else bytes
        for packed, _ in self._backlog:
            yield unpack(packed)

    @property
    def unwritten_records(self) -> int:
        """Records that memory holds for the file."""
        return sum(count for _, count in self._backlog)

    def _hold(self, lines: list[bytes]) -> None:
        if not lines:
            return
        packed = self._keep(b"\n".join(lines) + b"\n")
        if self._backlog_bytes + len(packed) > BACKLOG_BYTES:
            self.lost_records += len(lines)
            self.lost_because = self.trouble
            return
        self._backlog.append((packed, len(lines)))
        self._backlog_bytes += len(packed)

    def _drain_backlog(self) -> None:
        unpack = _unpacker() if _can_compress() else bytes
        while self._backlog:
            packed, _ = self._backlog[0]
            if not self._append(self._pack(unpack(packed))):
                return
            self._backlog.popleft()
            self._backlog_bytes -= len(packed)

    def _append(self, data: bytes) -> bool:
        """Write all of it or, as far as the file lets us, nothing."""
        if self._cap_bytes is not None and self.written_bytes + len(data) > self._cap_bytes:
            self.trouble = f"the file reached its cap of {self._cap_bytes / 1e6:.0f} MB"
            return False
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            self.trouble = error.strerror or str(error)
            self._cut_back()
            return False
        self.written_bytes += len(data)
        self.trouble = ""
        return True

    def _cut_back(self) -> None:
        """Take a half-written piece off the end again, so that it is not in the way of the next."""
        if self._regular:
            try:
                os.ftruncate(self._fd, self.written_bytes)
                os.lseek(self._fd, self.written_bytes, os.SEEK_SET)
            except OSError:
                return


def encoder() -> Callable[[Any], bytes]:
    """What makes JSON out of a record, whatever is in it."""
    try:
        import msgspec
    except ImportError:  # a carried copy on a machine with nothing installed
        return _encode_plainly
    quick = msgspec.json.Encoder().encode

    def encode(record: Any) -> bytes:
        try:
            return quick(record)
        except Exception:  # noqa: BLE001 - whatever a plugin handed over, the record must not be lost
            return _encode_plainly(record)

    return encode


def _encode_plainly(record: Any) -> bytes:
    return json.dumps(_plain(record), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    """The value as JSON knows it: other objects as their text, what is not finite as null."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return str(value)[:TEXT_LENGTH]


def _can_compress() -> bool:
    try:
        import zstandard  # noqa: F401
    except ImportError:
        return False
    return True


def packer() -> Callable[[bytes], bytes]:
    """What makes a zstd frame out of text."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=3)
    return lambda data: bytes(compressor.compress(data))


def _unpacker() -> Callable[[bytes], bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    return lambda data: bytes(decompressor.decompress(data))
