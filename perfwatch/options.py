"""How a collector's options come out of text: `-c NAME:KEY=VALUE,...` and the tables of the config file.

A collector declares its options as a frozen dataclass (`Collector.Options`); the type of each field decides
how its value is read. A field whose name ends in `_s` takes a duration (`500ms`).
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from perfwatch.collector import Collector
from perfwatch.errors import ConfigError
from perfwatch.text import clean, did_you_mean
from perfwatch.units import parse_duration

TRUE = {"true", "yes", "on", "1"}
FALSE = {"false", "no", "off", "0"}

_PAIR = re.compile(r"""\s*(?P<key>[A-Za-z_][\w-]*)\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^,"']*)\s*(?:,|$)""")
_OPTIONS_OF_FILE = re.compile(r":(?=[A-Za-z_][\w-]*=)")
_FILE_START = ("./", "../", "/", "~/")
_FILE_END = (".py", ".toml")


class CollectorSpec(NamedTuple):
    """What `-c` names: a collector by `name`, or a plugin's file by `path`; and its options as texts."""

    name: str | None
    path: str | None
    values: dict[str, str]


def parse_collector_spec(text: str) -> CollectorSpec:
    """`nvidia`, `nvidia:library=/x/y.so`, `./chip.py:port="a,b"`; values may be quoted.

    Raises:
        ConfigError: no name, or something that is no KEY=VALUE.
    """
    if _is_file(text):
        path, values = _split_file(text)
        return CollectorSpec(None, path, _pairs(values, text))
    name, _, values = text.partition(":")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
        raise ConfigError(
            f"cannot add collector {clean(text)!r}: write its name, name:KEY=VALUE, or a file as ./chip.py"
        )
    return CollectorSpec(name, None, _pairs(values, text))


def _is_file(text: str) -> bool:
    return text.startswith(_FILE_START) or _split_file(text)[0].endswith(_FILE_END)


def _split_file(text: str) -> tuple[str, str]:
    """A file name may hold a colon; its options begin at the first one that a `KEY=` follows."""
    colon = _OPTIONS_OF_FILE.search(text)
    return (text, "") if colon is None else (text[: colon.start()], text[colon.end() :])


def _pairs(text: str, whole: str) -> dict[str, str]:
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            raise ConfigError(
                f"cannot read the options of collector {clean(whole)!r} at {clean(text[at:], 40)!r}: "
                "write KEY=VALUE,KEY=VALUE, with quotes round a value that holds a comma"
            )
        value = pair["value"]
        values[pair["key"].replace("-", "_")] = value[1:-1] if value[:1] in ("'", '"') else value.strip()
        at = pair.end()
    return values


def option_names(cls: type[Collector]) -> list[str]:
    """The options that a collector takes."""
    if not dataclasses.is_dataclass(cls.Options):
        return []
    return [item.name for item in dataclasses.fields(cls.Options) if item.init and item.name[0] != "_"]


def collector_options(cls: type[Collector], values: Mapping[str, Any], where: str = "") -> Any:
    """An instance of the collector's `Options`, out of texts (`-c`, environment) or TOML values.

    Args:
        where: for messages, where the values stand: `-c`, or a table of the config file.

    Raises:
        ConfigError: an unknown option, a value of the wrong type, one that the collector refuses.
    """
    names = option_names(cls)
    hints = _hints(cls)
    given: dict[str, Any] = {}
    for key, value in values.items():
        name = f"option {clean(key, 60)} of collector {cls.name}{' in ' + where if where else ''}"
        if key not in names:
            known = did_you_mean(key, names) if names else "it takes no options"
            raise ConfigError(f"cannot set {name}: there is no such option; {known}")
        given[key] = _read(value, hints[key], key, name)
    try:
        return cls.Options(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"cannot set up collector {cls.name}: {clean(error)}") from error


def _hints(cls: type[Collector]) -> dict[str, Any]:
    if not dataclasses.is_dataclass(cls.Options):
        return {}
    try:
        return typing.get_type_hints(cls.Options)
    except NameError:  # a plugin's annotation that can only be resolved inside its file
        return {item.name: type(item.default) for item in dataclasses.fields(cls.Options)}


def _read(value: Any, hint: Any, key: str, name: str) -> Any:
    """The value as the field's type."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _read_union(value, typing.get_args(hint), key, name)
    if origin is tuple:
        return _read_tuple(value, typing.get_args(hint), key, name)
    if hint in (int, float) and key.endswith("_s"):
        seconds = _read_duration(value, name)
        return int(seconds) if hint is int and seconds.is_integer() else seconds
    if hint not in _READERS:
        raise ConfigError(f"cannot set {name}: it is not meant to be set from outside")
    return _READERS[hint](value, name)


def _read_union(value: Any, kinds: tuple[Any, ...], key: str, name: str) -> Any:
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) < len(kinds) and str not in others and str(value).casefold() == "none":
        return None
    for kind in others[:-1]:
        try:
            return _read(value, kind, key, name)
        except ConfigError:
            continue
    return _read(value, others[-1], key, name)


def _read_tuple(value: Any, kinds: tuple[Any, ...], key: str, name: str) -> tuple[Any, ...]:
    if len(kinds) != 2 or kinds[1] is not Ellipsis or typing.get_origin(kinds[0]) is not None:
        raise ConfigError(f"cannot set {name}: it is not meant to be set from outside")
    return tuple(_read(item, kinds[0], key, name) for item in read_list(value, name))


def read_flag(value: Any, name: str) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word not in TRUE | FALSE:
        raise wrong(name, value, "true or false")
    return word in TRUE


def read_text(value: Any, name: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(name, value, "a text")
    return value.strip()


def read_list(value: Any, name: str) -> tuple[str, ...]:
    """Texts out of a TOML list, or out of one text with commas."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise wrong(name, value, 'a list, as in ["one", "two"]')
    return tuple(read_text(item, name) for item in items)


def _read_duration(value: Any, name: str) -> float:
    try:
        return parse_duration(value)
    except ConfigError:
        raise wrong(name, value, "a duration, as in 500ms or 10s") from None


def _read_int(value: Any, name: str) -> int:
    try:
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
    except ValueError:
        pass
    raise wrong(name, value, "a whole number, as in 8")


def _read_float(value: Any, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise wrong(name, value, "a number, as in 65 or 0.5")
    return number


_READERS: dict[Any, Callable[[Any, str], Any]] = {
    bool: read_flag,
    int: _read_int,
    float: _read_float,
    str: read_text,
}


def wrong(name: str, value: Any, expected: str) -> ConfigError:
    """The error for a value of the wrong type."""
    return ConfigError(f"cannot set {name} to {clean(repr(value), 80)}: it takes {expected}")
