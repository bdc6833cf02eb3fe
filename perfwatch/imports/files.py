"""What every importer does: it reads log files of others and gives a session with notes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.errors import SessionError, reason_of
from perfwatch.text import clean

MAX_BYTES = 1 << 30
"""No more of a log is read."""

Record = dict[str, Any]


class Imported(NamedTuple):
    """A session, and sentences about what could not be read."""

    header: Record
    records: list[Record]
    notes: list[str]


def read_lines(path: Path) -> list[str]:
    """The lines of a log; none where there is no such file.

    Raises:
        SessionError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SessionError(f"cannot read {clean(path)}: {reason_of(error)}") from error
    return content.decode("utf-8", "replace").splitlines()
