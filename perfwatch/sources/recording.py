"""Where a session goes: a file that was named, the user's state directory, or a private temporary file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from perfwatch.derive.tape import Tape
from perfwatch.errors import SessionError
from perfwatch.exporters.outlet import Outlet
from perfwatch.session import shelf
from perfwatch.session.reader import raw_chunks, session_of_chunks
from perfwatch.session.writer import Writer, is_stream, open_for_writing

OPEN_FILES = "/proc/self/fd"
CAP_BYTES = 2_000_000_000
"""A run's file in the state directory takes no more than this."""


class Recording:
    """A sink that writes the session and can fold it afterwards.

    Args:
        session_id: of the session.
        output: a file that was named, `-` or a pipe; None for the state directory.
        keep: False: only a private temporary file, which is removed.
        force: overwrite the named file.

    Raises:
        SessionError: the named file cannot be created.
    """

    def __init__(self, session_id: str, *, output: str | None, keep: bool, force: bool = False) -> None:
        self.path: str | None = None
        """Where the session can be found afterwards; None if it is not kept."""
        self.warning = ""
        """Why the run is not kept, before it starts; after `close`, why the pipe did not take all of it."""
        self._temporary: Path | None = None
        self._held: int | None = None
        self._also: Outlet | None = None
        self._output = output
        self._cap_bytes: int | None = None
        replaces = force and output is not None and not is_stream(output) and Path(output).exists()
        fd, self._fold_path = self._open(session_id, output, keep, force)
        self._writer = Writer(
            fd,
            compress=self._held is not None or self._fold_path.endswith(".zst"),
            cap_bytes=self._cap_bytes,
            waits=replaces,
        )

    def _open(self, session_id: str, output: str | None, keep: bool, force: bool) -> tuple[int, str]:
        if output is not None:
            if not is_stream(output):
                self.path = output
                return open_for_writing(output, force=force, empty=False), output
            self._also = Outlet(_opener(output), compress=output.endswith(".zst"))
        elif keep:
            try:
                path = str(shelf.new_path(session_id))
                fd = open_for_writing(path)
            except (OSError, SessionError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                self.warning = (
                    f"this run is not kept: cannot write to {shelf.state_directory()} ({reason}); "
                    "name a file with -o"
                )
            else:
                self.path, self._cap_bytes = path, CAP_BYTES
                return fd, path
        return self._open_private(session_id)

    def _open_private(self, session_id: str) -> tuple[int, str]:
        """A file that nobody else sees: one without a name where the system can, so that none is left."""
        if Path(OPEN_FILES).is_dir():
            fd = _nameless()
            self._held = os.dup(fd)
            return fd, f"{OPEN_FILES}/{self._held}"
        path = str(shelf.private_path(session_id))
        self._temporary = Path(path).parent
        return open_for_writing(path), path

    def write(self, record: Mapping[str, Any]) -> None:
        self._writer.write(record)
        if self._writer.waits and _replaces_another(record):
            self._writer.begin()
        if self._also is not None:
            self._also.write(record)

    def tick(self, now_ns: int) -> None:
        self._writer.tick(now_ns)

    def close(self) -> None:
        """Write what is left and close; to be called when the hub has stopped."""
        self._writer.close()
        if self._also is not None:
            self._also.close()
            if self._also.trouble:
                self.warning = f"the session written to {self._output} is not complete: {self._also.trouble}"

    def tape(self) -> Tape:
        """The recorded stream, laid out for arithmetic: the file, then what only memory holds."""
        session = session_of_chunks(self._fold_path, self._text())
        tape = Tape.of(session.header, session.records())
        missing = self._missing()
        if missing is not None:
            tape.take({"t": tape.last_t, "event": "missing", **missing})
        return tape

    def discard(self, *, everything: bool = False) -> None:
        """Remove the private temporary file, if there is one; with `everything` the kept file as well."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
        elif self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
        elif everything and not self._writer.waits:
            Path(self._fold_path).unlink(missing_ok=True)

    def _text(self) -> Iterator[bytes]:
        return chain(raw_chunks(self._fold_path), self._writer.unwritten())

    def _missing(self) -> dict[str, Any] | None:
        """What the file lacks, why, and how much of it the figures lack as well."""
        writer = self._writer
        reason = writer.trouble or writer.lost_because
        if not reason:
            return None
        records = writer.lost_records + writer.unwritten_records
        return {"records": records, "lost": writer.lost_records, "reason": reason, "file": self._shown_path()}

    def _shown_path(self) -> str:
        return "its temporary file" if self._held is not None else self._fold_path


def _replaces_another(record: Mapping[str, Any]) -> bool:
    """Whether there is now something for which an older file may go: a job that began, or no job at all."""
    if "format" in record:
        return not record.get("command")
    return record.get("event") == "job"


def _nameless() -> int:
    """A temporary file without a name, or, where there is no room for one, memory."""
    try:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    except OSError:
        return os.memfd_create("perfwatch")


def _opener(output: str) -> int | Callable[[], int]:
    """A named pipe is opened when it has a reader; everything else at once, so that its trouble is told."""
    if Path(output).is_fifo():
        return lambda: open_for_writing(output)
    return open_for_writing(output)
