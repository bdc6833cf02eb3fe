"""What is known of a run only afterwards is written behind what was recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from perfwatch.errors import SessionError, reason_of
from perfwatch.session.format import event
from perfwatch.session.reader import open_session, raw_chunks, whole_lines
from perfwatch.session.writer import encoder, is_stream, packer

FRAME_BYTES = 1 << 20
"""So much text is one frame of a compressed file."""


def add_event(path: str, kind: str, fields: Mapping[str, Any]) -> None:
    """Write an event behind a session's last record; a line that was torn there is left out.

    The file is written anew beside its place and moved there: it is whole at any time.

    Raises:
        SessionError: it is no session, or cannot be written.
    """
    if path == "-" or is_stream(path):
        raise SessionError(f"cannot add to {path}: it is no file; name the session's file")
    place = Path(os.path.realpath(path))
    session = open_session(path)
    last_t = max((float(one["t"]) for one in session.records() if _is_time(one.get("t"))), default=0.0)
    line = encoder()(event(last_t, kind, dict(fields))) + b"\n"
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        mode = place.stat().st_mode & 0o777
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(fd, "wb") as stream:
            pack = packer() if place.name.endswith(".zst") else bytes
            for part in _parts(str(place), line):
                stream.write(pack(part))
        beside.replace(place)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SessionError(f"cannot write {path}: {reason_of(error)}") from error


def events_of(path: str, kind: str) -> list[Mapping[str, Any]]:
    """The events of a kind that a session holds already; none of a stream, which cannot be added to."""
    if path == "-" or is_stream(path):
        return []
    return [record for record in open_session(path).records() if record.get("event") == kind]


def _parts(path: str, line: bytes) -> Iterator[bytes]:
    """The lines in pieces of about a frame, and the new one."""
    waiting = bytearray()
    for each in whole_lines(path, raw_chunks(path)):
        waiting += each
        if len(waiting) >= FRAME_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting) + line


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
