"""How does a file get into its place whole? Written beside, then moved over what was there."""

from __future__ import annotations

import os
from pathlib import Path


def is_one_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file, which must not be overwritten while it is read."""
    try:
        return Path(one).is_file() and Path(one).samefile(other)
    except OSError:
        return False


def put_in_place(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that whoever opens the path finds the old content or all of the new.

    Args:
        path: its place; what is there is replaced.
        content: all of it.
        mode: permissions of the file, from which the umask takes away.

    Raises:
        OSError: it cannot be written; what was there is still there, and nothing lies beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
