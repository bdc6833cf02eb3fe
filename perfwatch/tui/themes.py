"""What does a theme say, and can it be used? Themes are small files; each is checked when it is loaded.

A theme names its colours, and builds every role of the screen from them:

    name = "night"                # as the file, night.toml
    kind = "dark"                 # what is not said here is as in the built-in theme of this kind
    [colors]
    blue = "#77aef2"
    orange = { rgb = "#eb9f5f", ansi = "yellow" }   # `ansi`: on terminals with 16 colours
    background = "default"        # the terminal's own
    [roles]
    selected = "bright on surface bold"
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from perfwatch.errors import ConfigError, reason_of
from perfwatch.text import clean, did_you_mean
from perfwatch.toml import tables_of

BUILTIN = ("dark", "light", "high-contrast", "color-blind-safe", "monochrome", "terminal")
"""In the order in which people are shown them; the first is the default."""
DEFAULT = BUILTIN[0]
KINDS = ("dark", "light")
ANSI = (
    *("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"),
    *(f"bright-{name}" for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")),
)
"""The terminal's own colours, by their numbers."""
OWN = "default"
"""The terminal's own foreground or background."""
COLORS = (
    *("background", "surface", "line", "muted", "text", "bright"),
    *("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"),
)
ROLES = (
    *("text", "dim", "title", "label", "value", "unit", "good", "warn", "bad", "stale", "gone", "accent"),
    *("border", "key", "selected", "mark", "phase", "gap", "throttle", "simulated", "work", "power"),
    *("efficiency", "utilization", "memory", "temperature", "clock"),
    *("load-low", "load-medium", "load-high"),
)
ATTRIBUTES = ("bold", "dim", "underline", "reverse")
MAX_FILE_BYTES = 1 << 16
"""A theme beyond this is not one."""

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Color:
    """One colour of a theme.

    Args:
        rgb: red, green, blue, 0 to 255; None where the terminal's own colour is meant.
        ansi: which of the terminal's 16 colours stands for it, 0 to 15; None to choose the nearest one, or,
            without `rgb`, the terminal's own foreground or background.
    """

    rgb: RGB | None = None
    ansi: int | None = None


@dataclass(frozen=True)
class Style:
    """How a role looks: colours by name, and attributes. Without `on` it stands on the background."""

    color: str
    on: str = "background"
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Theme:
    """A theme that was checked: every colour of `COLORS` and every role of `ROLES` is there."""

    name: str
    kind: str
    colors: Mapping[str, Color] = field(default_factory=dict)
    roles: Mapping[str, Style] = field(default_factory=dict)

    @property
    def is_dark(self) -> bool:
        return self.kind == "dark"


def theme_names(directory: Path | None = None) -> tuple[str, ...]:
    """The built-in themes, then the user's own files, by name.

    Args:
        directory: `themes` beside the config file; it need not exist.
    """
    try:
        own = sorted(file.stem for file in directory.glob("*.toml")) if directory is not None else []
    except OSError:
        own = []
    return (*BUILTIN, *(name for name in own if name not in BUILTIN))


def load_theme(name: str = DEFAULT, directory: Path | None = None) -> Theme:
    """The theme of that name. A file of the user's goes before a built-in theme of the same name.

    Raises:
        ConfigError: there is none of that name, or its file says something wrong; names file and key.
    """
    names = theme_names(directory)
    if name not in names:
        raise ConfigError(
            f"cannot use theme {clean(name, 60)}: there is no such theme; {did_you_mean(name, names)}"
        )
    own = directory / f"{name}.toml" if directory is not None else None
    if own is not None and own.exists():
        return _load(own)
    return _load(_builtin(name))


def _builtin(name: str) -> Path:
    package = importlib.import_module("perfwatch_themes")
    return Path(str(package.__file__)).with_name(f"{name}.toml")


def _load(file: Path) -> Theme:
    source = _Source(file)
    content = source.content()
    name, kind = source.name(content), source.kind(content)
    base = None if file == _builtin(DEFAULT) else _base(kind, file)
    colors = {**(base.colors if base else {}), **source.colors(content)}
    roles = {**(base.roles if base else {}), **source.roles(content)}
    return Theme(name, kind, colors, roles)


def _base(kind: str, file: Path) -> Theme:
    """What a theme need not say: as in the built-in theme of its kind; `light` rests on `dark`."""
    base = _builtin(kind)
    return _load(_builtin(DEFAULT) if file == base else base)


class _Source:
    """One file, and how its places are named in messages."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._called = clean(file)

    def content(self) -> dict[str, Any]:
        where = f"cannot read theme {self._called}"
        try:
            with self._file.open("rb") as stream:
                raw = stream.read(MAX_FILE_BYTES + 1)
            if len(raw) > MAX_FILE_BYTES:
                raise ConfigError(f"{where}: it is larger than 64 KiB, this is no theme")
            text = raw.decode("utf-8")
        except OSError as error:
            raise ConfigError(f"{where}: {reason_of(error)}; check the file") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{where}: it is not UTF-8; save it as UTF-8") from error
        content = tables_of(text, where)
        for key in content:
            self._known("key", key, ("name", "kind", "colors", "roles"), "")
        return content

    def name(self, content: Mapping[str, Any]) -> str:
        name = content.get("name", self._file.stem)
        if name != self._file.stem:
            self._wrong("name", name, f"the file's own name, {clean(self._file.stem)!r}")
        return self._file.stem

    def kind(self, content: Mapping[str, Any]) -> str:
        kind = content.get("kind", KINDS[0])
        if kind not in KINDS:
            self._wrong("kind", kind, "dark or light")
        return str(kind)

    def colors(self, content: Mapping[str, Any]) -> dict[str, Color]:
        table = self._table(content, "colors")
        for name in table:
            self._known("color", name, COLORS, " in [colors]")
        return {name: self._color(f"{name} in [colors]", value) for name, value in table.items()}

    def roles(self, content: Mapping[str, Any]) -> dict[str, Style]:
        table = self._table(content, "roles")
        for name in table:
            self._known("role", name, ROLES, " in [roles]")
        return {name: self._style(f"{name} in [roles]", value) for name, value in table.items()}

    def _table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = content.get(key, {})
        if not isinstance(table, dict):
            raise ConfigError(
                f"cannot use {key} of theme {self._called}: it is a section, written as [{key}]"
            )
        return table

    def _color(self, where: str, value: object) -> Color:
        if isinstance(value, str):
            return self._ansi(where, value) if value in (OWN, *ANSI) else Color(self._rgb(where, value))
        if not isinstance(value, dict):
            self._wrong(where, value, "a color such as '#77aef2', 'bright-blue' or 'default'")
        for key in value:
            self._known("key", key, ("rgb", "ansi"), f" of {where}")
        if "rgb" not in value:
            raise ConfigError(
                f"cannot use {where} of theme {self._called}: it has no rgb; add rgb = '#77aef2'"
            )
        ansi = self._ansi(where, value["ansi"]).ansi if "ansi" in value else None
        return Color(self._rgb(where, value["rgb"]), ansi)

    def _rgb(self, where: str, value: object) -> RGB:
        if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            self._wrong(where, value, "a color such as '#77aef2', 'bright-blue' or 'default'")
        number = int(value[1:], 16)
        return number >> 16, number >> 8 & 255, number & 255

    def _ansi(self, where: str, value: object) -> Color:
        if value == OWN:
            return Color()
        if value not in ANSI:
            near = did_you_mean(str(value), ANSI)
            raise ConfigError(
                f"cannot use ansi {clean(value, 60)!r} of {where} of theme {self._called}: {near}"
            )
        return Color(None, ANSI.index(str(value)))

    def _style(self, where: str, value: object) -> Style:
        if not isinstance(value, str) or not value.split():
            self._wrong(where, value, "words such as 'bright on surface bold'")
        words = value.split()
        on = "background"
        if "on" in words:
            at = words.index("on")
            if at != 1 or len(words) < 3:
                self._wrong(where, value, "words such as 'bright on surface bold'")
            on = self._known("color", words[2], COLORS, f", used by {where}")
            del words[1:3]
        color = self._known("color", words[0], COLORS, f", used by {where}")
        for word in words[1:]:
            self._known("attribute", word, ATTRIBUTES, f", used by {where}")
        return Style(color, on, tuple(name for name in ATTRIBUTES if name in words[1:]))

    def _known(self, what: str, name: str, known: tuple[str, ...], where: str) -> str:
        if name not in known:
            raise ConfigError(
                f"cannot use {clean(name, 60)}{where} of theme {self._called}: there is no such {what}; "
                f"{did_you_mean(name, known)}"
            )
        return name

    def _wrong(self, where: str, value: object, wanted: str) -> NoReturn:
        raise ConfigError(f"cannot use {where} of theme {self._called}: {clean(value, 60)!r} is not {wanted}")
