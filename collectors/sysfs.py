"""How is a small file of /sys or /proc read, where any of them may be missing or refuse?"""

from __future__ import annotations

import string
from pathlib import Path

_AROUND = string.whitespace + "\0"
"""What a driver puts around a text; a device tree ends its texts with NUL."""


def entries(directory: Path) -> list[Path]:
    """What is in a directory, by name; nothing if it cannot be read."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def read_text(file: Path, limit_bytes: int = 4096) -> str | None:
    """The text of a small file without blanks around it, or `None` if it cannot be read.

    It may be missing, of a sensor that is switched off, or root's alone: then nothing is known.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(limit_bytes).decode("utf-8", "replace").strip(_AROUND)
    except OSError:
        return None


def read_number(file: Path) -> int | None:
    """The whole number in a small file, or `None` if there is none."""
    text = read_text(file)
    try:
        return int(text) if text else None
    except ValueError:
        return None
