"""A table of a description: values are taken out by type; what is wrong with one is said with its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.formats import PATHS, PROMETHEUS
from perfwatch_collectors.described.pages import family_of
from perfwatch_collectors.described.patterns import compiled
from perfwatch_collectors.described.records import bare_path, said, steps_of

from perfwatch.errors import ConfigError
from perfwatch.text import clean, did_you_mean
from perfwatch.units import parse_duration

if TYPE_CHECKING:
    from perfwatch_collectors.described.formats import Read


class Table:
    """A table of the file, whose values are taken out by type, and its place for messages."""

    def __init__(self, values: Mapping[str, Any], where: str, name: str) -> None:
        self.values, self.where, self.name = values, where, name

    def wrong(self, key: str, value: Any, takes: str) -> ConfigError:
        place = f"{key} in [{self.name}]" if self.name else key
        return ConfigError(f"cannot use {place} of {self.where} ({clean(repr(value), 60)}): it takes {takes}")

    def unusable(self, key: str, why: object) -> ConfigError:
        place = f"{key} in [{self.name}]" if self.name else key
        return ConfigError(f"cannot use {place} of {self.where}: {why}")

    def missing(self, key: str) -> ConfigError:
        place = f"[{self.name}] of {self.where}" if self.name else self.where
        return ConfigError(f"cannot use {place}: {key} is missing")

    def knows(self, *keys: str) -> None:
        for key in self.values:
            if key not in keys:
                place = f"[{self.name}] of {self.where}" if self.name else self.where
                raise ConfigError(f"cannot use {clean(key, 40)} in {place}: {did_you_mean(key, keys)}")

    def table(self, key: str) -> Table:
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise ConfigError(f"cannot use {self.where}: it has no [{key}]")
        return Table(value, self.where, key)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.missing(key)
        if not isinstance(value, str):
            raise self.wrong(key, value, "a text")
        return value

    def word(self, key: str) -> str:
        value = self.text(key)
        if not value.replace("_", "").replace("-", "").isalnum() or not value[0].isalpha():
            raise self.wrong(key, value, "one word of letters, digits, - and _")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, value, "true or false")
        return value

    def seconds(self, key: str, default: float | None) -> float | None:
        value = self.values.get(key)
        if value is None:
            return default
        try:
            return parse_duration(value)
        except ConfigError:
            raise self.wrong(key, value, 'a duration, as in "500ms" or "5s"') from None

    def number(self, key: str, default: float) -> float:
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise self.wrong(key, value, "a number")
        return float(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, [])
        value = [value] if isinstance(value, (str, int, float)) else value
        if not isinstance(value, list) or not all(isinstance(one, (str, int, float)) for one in value):
            raise self.wrong(key, value, "a text, or a list of them")
        return tuple(map(said, value))

    def pattern(self, key: str) -> re.Pattern[str] | None:
        """A regular expression; None where none is given."""
        text = self.text(key, "")
        try:
            return compiled(text) if text else None
        except ValueError as error:
            raise self.unusable(key, error) from error

    def check(self, key: str, read: Callable[[str], object], text: str) -> None:
        """Have what stands there read as a path or a family."""
        try:
            read(text)
        except ValueError as error:
            raise self.unusable(key, error) from error

    def choice(self, key: str, known: Mapping[str, Any], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            raise self.wrong(key, value, f"one of {', '.join(known)}")
        return value

    def mapping(self, key: str) -> dict[str, tuple[str, ...]]:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, value, 'a table, as in { state = "ready" }')
        inner = Table(value, self.where, f"{self.name}.{key}")
        return {name: inner.texts(name) for name in value}


def check_field(table: Table, key: str, names: str, read: Read) -> None:
    for name in names.split("|"):
        if read.format in PATHS and not name.startswith("@"):
            table.check(key, steps_of, bare_path(name))
        if read.format == PROMETHEUS:
            table.check(key, family_of, name)
