"""How is one key of the file or one variable of the environment read, and what is said of a wrong one?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfwatch.errors import ConfigError
from perfwatch.options import wrong
from perfwatch.text import clean, did_you_mean
from perfwatch.units import parse_duration

PREFIX = "PERFWATCH_"
SECTIONS = ("run", "cost", "units", "collectors", "ui")
OTHER_VARIABLES = ("PERFWATCH_STATSD", "PERFWATCH_SLO", "PERFWATCH_RUN", "PERFWATCH_TRACEBACK")
"""Variables of ours that are no settings: perfwatch itself sets them, or a developer."""

Read = Callable[[Any, str], Any]


@dataclass(frozen=True)
class Key:
    """The field that a key fills, and how its value is read."""

    field: str
    read: Read


def read_duration(value: Any, name: str) -> float:
    """Seconds."""
    try:
        return parse_duration(value)
    except ConfigError:
        raise wrong(name, value, 'a duration, as in "10s"') from None


def one_of(words: tuple[str, ...]) -> Read:
    """Reads one of these words."""

    def read(value: Any, name: str) -> str:
        if value not in words:
            raise wrong(name, value, f"one of {', '.join(words)}")
        return str(value)

    return read


def number_in(least: float, most: float, expected: str, *, open_end: bool = False) -> Read:
    """Reads a number within bounds; with an open end the least is out of them."""

    def read(value: Any, name: str) -> float:
        number = math.nan
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            try:
                number = float(value)
            except ValueError:
                number = math.nan
        if not least <= number <= most or (open_end and number == least):
            raise wrong(name, value, expected)
        return number

    return read


class Source:
    """The tables of one file, and how its places are named in messages."""

    def __init__(self, file: str) -> None:
        self.file = clean(file)
        self.folder = Path(file).parent

    def known_section(self, section: str) -> None:
        """Refuse a section that does not exist."""
        if section not in SECTIONS:
            raise ConfigError(
                f"cannot use [{clean(section)}] of {self.file}: there is no such section; "
                f"{did_you_mean(section, SECTIONS)}"
            )

    def table(self, section: str, tables: Mapping[str, Any]) -> dict[str, Any]:
        """A section, empty where it is not given."""
        table = tables.get(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"cannot use {section} of {self.file}: it is a section, written as [{section}]")
        return table

    def section(self, section: str, tables: Mapping[str, Any], keys: Mapping[str, Key]) -> dict[str, Any]:
        """The checked values of a section, under the names of their fields."""
        values = {}
        for key, value in self.table(section, tables).items():
            self.known(section, key, keys)
            values[keys[key].field] = keys[key].read(value, self.name(section, key))
        return values

    def name(self, section: str, key: str) -> str:
        """How a key is called in messages."""
        return f"{clean(key, 60)} in [{section}] of {self.file}"

    def known(self, section: str, key: str, keys: Iterable[str]) -> None:
        """Refuse a key that does not exist."""
        if key not in (known := list(keys)):
            raise ConfigError(
                f"cannot use {self.name(section, key)}: there is no such key; {did_you_mean(key, known)}"
            )


def variable(section: str, key: str) -> str:
    """The environment variable of a key."""
    return f"{PREFIX}{section}_{key}".upper()


def variables(section: str, environ: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """The values of a section's variables by key. An empty variable is not given."""
    known = {variable(section, key): key for key in keys}
    start = f"{PREFIX}{section}_".upper()
    values = {}
    for given, text in environ.items():
        if not given.startswith(start):
            continue
        if given not in known:
            raise ConfigError(
                f"cannot use environment variable {clean(given, 80)}: there is no such setting; "
                f"{did_you_mean(given, known)}"
            )
        if text:
            values[known[given]] = text
    return values


def of_environment(section: str, environ: Mapping[str, str], keys: Mapping[str, Key]) -> dict[str, Any]:
    """The checked values of a section's variables, under the names of their fields."""
    return {
        keys[key].field: keys[key].read(text, variable(section, key))
        for key, text in variables(section, environ, keys).items()
    }


def strange_variables(environ: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """A sentence for each variable that begins like ours and belongs to no section: it has no effect.

    Args:
        known: keys of the sections as variables, to find the one that was meant.
    """
    sections = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    names = list(known)
    return [
        f"environment variable {clean(name, 80)} has no effect: there is no such setting; "
        f"{did_you_mean(name, names)}"
        for name in environ
        if name.startswith(PREFIX) and not name.startswith(sections) and name not in OTHER_VARIABLES
    ]
