"""How is a small file of /sys or /proc read, where any of them may be missing or refuse?"""

from __future__ import annotations

from pathlib import Path


def entries(directory: Path) -> list[Path]:
    """What is in a directory, by name; nothing if it cannot be read."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def read_text(file: Path, limit_bytes: int = 4096) -> str | None:
    """The text of a small file without blanks around it, or `None` if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(limit_bytes).decode("utf-8", "replace").strip()
    except OSError:
        return None


def read_number(file: Path) -> int | None:
    """The whole number in a small file, or `None` if there is none."""
    text = read_text(file)
    try:
        return int(text) if text else None
    except ValueError:
        return None
