"""Directories of the system in which each is a device, and the files in it are its fields (sysfs, hwmon).

A field is the path of a file below the directory, and may be a pattern: `hwmon/hwmon*/power1_input`. Names
with an @ tell of the directory itself: `@name`, `@path` (as it really is), and `@link:device` (the name of
what a link points to, such as a bus address).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perfwatch_collectors.described.records import Record

from perfwatch.errors import Unavailable
from perfwatch.text import clean

FILE_BYTES = 65536


class Directories:
    """The directories that a pattern finds.

    Args:
        root: what stands before it.
        pattern: as in `/sys/class/hwmon/hwmon*`.
        remedy: what to do where there are none.
    """

    def __init__(self, root: Path, pattern: str, remedy: str) -> None:
        self._root = root
        self._pattern = pattern.lstrip("/")
        self.shown = clean(pattern, 200)
        self._remedy = remedy

    def records(self) -> list[Record]:
        """One for each directory.

        Raises:
            Unavailable: there are none.
        """
        found = sorted(path for path in self._root.glob(self._pattern) if path.is_dir())
        if not found:
            raise Unavailable(f"{self.shown} is not there", self._remedy)
        return [_Folder(path) for path in found]

    def close(self) -> None:
        """Nothing is held."""


class _Folder(Record):
    """The files of one directory, read when they are asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__({})
        self._path = path

    def values(self, name: str) -> list[Any]:
        """The text of a file, of each that a pattern finds."""
        if name not in self.fields:
            self.fields[name] = self._about(name) if name.startswith("@") else self._read(name)
        return list(self.fields[name])

    def _about(self, name: str) -> list[str]:
        if name == "@name":
            return [self._path.name]
        if name == "@path":
            return [str(self._path.resolve())]
        link = self._path / name.removeprefix("@link:")
        return [link.resolve().name] if name.startswith("@link:") and link.exists() else []

    def _read(self, name: str) -> list[str]:
        texts = []
        for file in sorted(self._path.glob(name)) if set(name) & set("*?[") else [self._path / name]:
            try:
                with file.open("rb") as stream:
                    texts.append(stream.read(FILE_BYTES).decode("utf-8", "replace").strip("\0\n "))
            except OSError:
                continue  # a sensor that is switched off, or that only root may read: nothing is known
        return texts
