"""Directories of the system in which each is a device, and the files in it are its fields (sysfs, hwmon).

A field is the path of a file below the directory, and may be a pattern: `hwmon/hwmon*/power1_input`. One that
begins with a slash is a file of the system (`/sys/bus/pci/devices/{busname}/numa_node`, in which other fields
are filled in), and `power*_input{label="Total*"}` is the file beside which a label says that. Another word in
place of `label` is the file beside it: `thermal_zone*/temp{type="gpu-thermal"}`. Names with an @ tell of the
directory itself: `@name`, `@path` (as it really is), and `@link:device` (the name of what a link points to,
such as a bus address).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perfwatch_collectors.described.records import Record, fits
from perfwatch_collectors.sysfs import read_text

from perfwatch.errors import Unavailable
from perfwatch.text import clean

FILE_BYTES = 65536
_LABELLED = re.compile(r'(?P<path>.+)\{(?P<by>\w+)="(?P<text>[^"]*)"\}')


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
        return [_Folder(path, self._root) for path in found]

    def close(self) -> None:
        """Nothing is held."""


class _Folder(Record):
    """The files of one directory, read when they are asked for."""

    def __init__(self, path: Path, root: Path) -> None:
        super().__init__({})
        self._path, self._root = path, root

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
        """What the files say; of a labelled one those whose label fits."""
        labelled = _LABELLED.fullmatch(name)
        if labelled is None:
            return [text for file in self._files(name) if (text := _text(file)) is not None]
        by, wanted = labelled["by"], [labelled["text"]]
        found = [file for file in self._files(labelled["path"]) if fits(_beside(file, by), wanted)]
        return [text for file in found if (text := _text(file)) is not None]

    def _files(self, name: str) -> Iterator[Path]:
        filled = self.filled(name) if "{" in name else name
        if filled is None:
            return
        place, below = (self._root, filled[1:]) if filled.startswith("/") else (self._path, filled)
        yield from sorted(place.glob(below)) if set(below) & set("*?[") else [place / below]


def _text(file: Path) -> str | None:
    return read_text(file, FILE_BYTES)


def _beside(file: Path, by: str) -> str | None:
    """What a file beside it says; what a driver calls `power1_input` stands in `power1_label`."""
    return _text(file.with_name(f"{file.name.rpartition('_')[0]}_label" if by == "label" else by))
