"""What the user set up: the config file and the environment, every key checked once, frozen after.

Precedence: option, environment (`PERFWATCH_SECTION_KEY`), file, default. The file is `--config FILE`, else
`perfwatch/config.toml` in the user's configuration directory; never one of the working directory.

    [run]                          # like the options of the same name
    interval = "500ms"
    [cost]
    price = "0.12 $/kWh"
    rent = "2.5/h/device"
    [cost.purchase."*H100*"]       # pattern of the model name
    price = 30000
    lifetime_h = 35000
    utilization = 0.6
    [units]
    chat = { queries = 6 }
    [collectors.nvidia]            # options of a collector
    library = "/opt/nvml/libnvidia-ml.so.1"
    [ui]
    ascii = true
    theme = "light"
"""

from __future__ import annotations

import importlib
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwatch.collector import Collector
from perfwatch.derive.settings import SCOPES, WINDOWS, CostInputs, Purchase, Settings
from perfwatch.errors import ConfigError
from perfwatch.metrics import CATALOGUE
from perfwatch.options import (
    CollectorSpec,
    collector_options,
    option_names,
    parse_collector_spec,
    read_flag,
    read_list,
    read_text,
    wrong,
)
from perfwatch.prices import cost_changes
from perfwatch.text import clean, did_you_mean
from perfwatch.units import parse_duration

__all__ = [
    "CollectorSpec",
    "Config",
    "RunConfig",
    "UiConfig",
    "collector_options",
    "load_config",
    "parse_collector_spec",
    "parse_interval",
]

PREFIX = "PERFWATCH_"
SECTIONS = ("run", "cost", "units", "collectors", "ui")
SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.01, 60.0
MAX_FILE_BYTES = 1 << 20
"""A config file beyond this is not one."""


@dataclass(frozen=True)
class RunConfig:
    """[run]: defaults of the options of the same name; `None` or empty is not given."""

    interval_s: float | None = None
    devices: str | None = None
    workload: tuple[str, ...] = ()
    unit: str | None = None
    scope: str | None = None
    meter: str | None = None
    window: str | None = None
    warmup_s: float | None = None
    idle_baseline_s: float | None = None
    record: bool | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class UiConfig:
    """[ui]: how output looks; `None` is found out from the terminal."""

    ascii: bool | None = None
    color: bool | None = None
    theme: str | None = None


@dataclass(frozen=True)
class Config:
    """Everything that file and environment say.

    `path` is the file that was read, `None` without one; `themes` is where the user's own themes lie, beside
    the config file, whether either exists or not; `notes` are sentences for people about what could
    not be read, after which perfwatch went on with defaults.
    """

    path: Path | None = None
    run: RunConfig = field(default_factory=RunConfig)
    cost: CostInputs = field(default_factory=CostInputs)
    units: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    collectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ui: UiConfig = field(default_factory=UiConfig)
    notes: tuple[str, ...] = ()
    themes: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables `PERFWATCH_COLLECTORS_...`: which collector one belongs to is known with its options."""

    def settings(self) -> Settings:
        """What the config says of a summary; the command line's changes go over it."""
        return Settings(
            unit=self.run.unit,
            scope=self.run.scope,
            meter=self.run.meter,
            window=self.run.window,
            warmup_s=self.run.warmup_s or 0.0,
            devices=self.run.devices,
            units=self.units,
            cost=self.cost,
        )

    def options_for(self, cls: type[Collector], values: Mapping[str, Any] | None = None) -> Any:
        """The collector's options: `values` of the command line over environment over file."""
        prefix = f"{PREFIX}COLLECTORS_{cls.name.upper()}_"
        names = {prefix + name.upper(): name for name in option_names(cls)}
        from_environment = {
            names[variable]: value for variable, value in self.environ.items() if variable in names
        }
        from_file = self.collectors.get(cls.name, {})
        if from_file:  # said on its own, so that a message names the file
            collector_options(cls, from_file, f"[collectors.{cls.name}] of {self.path}")
        return collector_options(cls, {**from_file, **from_environment, **(values or {})})

    def check_collectors(self, known: Iterable[str]) -> None:
        """Refuse options of a collector that does not exist.

        Raises:
            ConfigError: naming the nearest one.
        """
        names = list(known)
        for name in self.collectors:
            if name not in names:
                raise ConfigError(
                    f"cannot set up [collectors.{clean(name)}] of {self.path}: there is no such collector; "
                    f"{did_you_mean(name, names)}"
                )


def load_config(path: str | None = None, *, environ: Mapping[str, str] | None = None) -> Config:
    """The config out of the file (`path`, if it was named explicitly) and the environment.

    Raises:
        ConfigError: the file is broken, a named one cannot be read, or a key or value is wrong.
    """
    environ = os.environ if environ is None else environ
    notes: list[str] = []
    file = Path(path).expanduser() if path is not None else _default_path(environ, notes)
    content = None if file is None else _read_file(file, explicit=path is not None, notes=notes)
    toml = None if content is None else _toml_reader(file, explicit=path is not None, notes=notes)
    tables = {} if content is None or toml is None else _parse(toml, content, file)
    read_from = file if toml is not None else None
    source = _Source(str(file))
    for section in tables:
        source.known_section(section)
    run = {**source.section("run", tables, _RUN), **_environment("run", environ, _RUN)}
    ui = {**source.section("ui", tables, _UI), **_environment("ui", environ, _UI)}
    return Config(
        path=read_from,
        run=RunConfig(**run),
        cost=_cost(source, tables, environ),
        units=_without_circles({**source.units(tables), **_units_of_environment(environ)}),
        collectors=source.collectors(tables),
        ui=UiConfig(**ui),
        notes=tuple(notes),
        themes=None if file is None else file.parent / "themes",
        environ={name: text for name, text in environ.items() if name.startswith(f"{PREFIX}COLLECTORS_")},
    )


def parse_interval(value: str | float, name: str = "--interval") -> float:
    """A sampling period, seconds: 0.01 to 60.

    Raises:
        ConfigError: no duration, or out of bounds.
    """
    try:
        interval_s = parse_duration(value)
    except ConfigError:
        raise wrong(name, value, "seconds, or a unit as in 500ms") from None
    if not SHORTEST_INTERVAL_S <= interval_s <= LONGEST_INTERVAL_S:
        raise wrong(name, value, "10ms to 60s")
    return interval_s


# The file


def _default_path(environ: Mapping[str, str], notes: list[str]) -> Path | None:
    directory = environ.get("XDG_CONFIG_HOME", "") or _usual_directory(environ)
    # XDG says that a relative path is to be ignored; without a home, `~` would stay as it is. Either would
    # be a file of the working directory.
    if not Path(directory).is_absolute():
        notes.append(
            f"cannot look for a config file: {clean(directory)!r} is no absolute path "
            "(is HOME or XDG_CONFIG_HOME set right?); going on with the defaults"
        )
        return None
    return Path(directory) / "perfwatch" / "config.toml"


def _usual_directory(environ: Mapping[str, str]) -> str:
    """The user's configuration directory where no variable names it."""
    try:
        import platformdirs
    except ImportError:  # a carried copy on a machine with nothing installed
        home = environ.get("HOME", "") or os.path.expanduser("~")  # noqa: PTH111 - leaves what has no answer
        return os.path.join(home, ".config")  # noqa: PTH118
    return platformdirs.user_config_dir()


def _read_file(file: Path, *, explicit: bool, notes: list[str]) -> bytes | None:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        if not explicit and isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return None
        sentence = f"cannot read config file {clean(file)}: {(error.strerror or str(error)).lower()}"
        if explicit:
            raise ConfigError(f"{sentence}; check the path given with --config") from error
        notes.append(f"{sentence}; going on with the defaults")
        return None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(
            f"cannot read config file {clean(file)}: it is larger than 1 MiB, this is no config"
        )
    return content


def _toml_reader(file: Path | None, *, explicit: bool, notes: list[str]) -> Any:
    """What reads TOML: of the standard library, before Python 3.11 a package that a carried copy may lack."""
    try:
        return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        sentence = f"cannot read config file {clean(file)}: this Python reads no TOML"
        remedy = "install tomli, or use Python 3.11 or later"
        if explicit:
            raise ConfigError(f"{sentence}; {remedy}") from error
        notes.append(f"{sentence}; going on with the defaults ({remedy})")
        return None


def _parse(toml: Any, content: bytes, file: Path | None) -> dict[str, Any]:
    where = f"cannot read config file {clean(file)}"
    try:
        tables: dict[str, Any] = toml.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{where}, line {line}: it is not UTF-8; save it as UTF-8") from error
    except toml.TOMLDecodeError as error:
        what, line = _place(str(error), content)
        raise ConfigError(f"{where}, line {line}: {clean(what)}; correct that line") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: it is nested too deeply, this is no config") from error
    return tables


def _place(message: str, content: bytes) -> tuple[str, int]:
    """The parser's message without its place, and the line."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL)
    if match:
        return match[1].lower(), int(match[2])
    return message.removesuffix(" (at end of document)").lower(), content.count(b"\n") + 1


class _Source:
    """The tables of one file, and how its places are named in messages."""

    def __init__(self, file: str) -> None:
        self.file = clean(file)

    def known_section(self, section: str) -> None:
        if section not in SECTIONS:
            raise ConfigError(
                f"cannot use [{clean(section)}] of {self.file}: there is no such section; "
                f"{did_you_mean(section, SECTIONS)}"
            )

    def table(self, section: str, tables: Mapping[str, Any]) -> dict[str, Any]:
        table = tables.get(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"cannot use {section} of {self.file}: it is a section, written as [{section}]")
        return table

    def section(self, section: str, tables: Mapping[str, Any], keys: Mapping[str, _Key]) -> dict[str, Any]:
        """The checked values of a section, under the names of their fields."""
        values = {}
        for key, value in self.table(section, tables).items():
            self.known(section, key, keys)
            values[keys[key].field] = keys[key].read(value, self.name(section, key))
        return values

    def name(self, section: str, key: str) -> str:
        return f"{clean(key, 60)} in [{section}] of {self.file}"

    def known(self, section: str, key: str, keys: Iterable[str]) -> None:
        if key not in (known := list(keys)):
            raise ConfigError(
                f"cannot use {self.name(section, key)}: there is no such key; {did_you_mean(key, known)}"
            )

    def units(self, tables: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        table = self.table("units", tables)
        return {unit: _unit(unit, parts, self.name("units", unit)) for unit, parts in table.items()}

    def collectors(self, tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        table = self.table("collectors", tables)
        for name, values in table.items():
            if not isinstance(values, dict):
                raise ConfigError(
                    f"cannot use {self.name('collectors', name)}: the options of a collector are a table, "
                    f"[collectors.NAME]"
                )
        return table

    def purchases(self, table: Mapping[str, Any]) -> tuple[Purchase, ...]:
        models = table.get("purchase", {})
        if not isinstance(models, dict) or not all(isinstance(values, dict) for values in models.values()):
            raise ConfigError(
                f"cannot use {self.name('cost', 'purchase')}: it takes a table for each model, "
                'as in [cost.purchase."*H100*"]'
            )
        return tuple(self._purchase(model, values) for model, values in models.items())

    def _purchase(self, model: str, values: Mapping[str, Any]) -> Purchase:
        section = f'cost.purchase."{clean(model, 60)}"'
        numbers = {}
        for key, value in values.items():
            self.known(section, key, _PURCHASE)
            numbers[key] = _PURCHASE[key](value, self.name(section, key))
        for key in ("price", "lifetime_h"):
            if key not in numbers:
                raise ConfigError(f"cannot use [{section}] of {self.file}: {key} is missing")
        return Purchase(model=model, **numbers)


# Keys


Read = Callable[[Any, str], Any]


@dataclass(frozen=True)
class _Key:
    """The field that a key fills, and how its value is read."""

    field: str
    read: Read


def _read_interval(value: Any, name: str) -> float:
    return parse_interval(value, name)


def _read_duration(value: Any, name: str) -> float:
    try:
        return parse_duration(value)
    except ConfigError:
        raise wrong(name, value, 'a duration, as in "10s"') from None


def _one_of(words: tuple[str, ...]) -> Read:
    def read(value: Any, name: str) -> str:
        if value not in words:
            raise wrong(name, value, f"one of {', '.join(words)}")
        return str(value)

    return read


def _number_in(least: float, most: float, expected: str, *, open_end: bool = False) -> Read:
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


_RUN = {
    "interval": _Key("interval_s", _read_interval),
    "devices": _Key("devices", read_text),
    "workload": _Key("workload", read_list),
    "unit": _Key("unit", read_text),
    "scope": _Key("scope", _one_of(SCOPES)),
    "meter": _Key("meter", read_text),
    "window": _Key("window", _one_of(WINDOWS)),
    "warmup": _Key("warmup_s", _read_duration),
    "idle_baseline": _Key("idle_baseline_s", _read_duration),
    "record": _Key("record", read_flag),
    "only": _Key("only", read_list),
    "without": _Key("without", read_list),
}
_UI = {
    "ascii": _Key("ascii", read_flag),
    "color": _Key("color", read_flag),
    "theme": _Key("theme", read_text),
}
_COST = ("price", "rent", "rent_excludes_power", "pue", "carbon", "currency", "scope", "purchase")
_PURCHASE: dict[str, Read] = {
    "price": _number_in(0, 1e12, "the price of one device, as in 30000"),
    "lifetime_h": _number_in(0, 1e7, "hours above 0, as in 35000", open_end=True),
    "utilization": _number_in(0, 1, "a share above 0 and up to 1, as in 0.6", open_end=True),
}
_unit_amount = _number_in(0, 1e15, "a number above 0, as in 6", open_end=True)


# Cost


def _cost(source: _Source, tables: Mapping[str, Any], environ: Mapping[str, str]) -> CostInputs:
    table = source.table("cost", tables)
    for key in table:
        source.known("cost", key, _COST)
    of_file = _cost_changes(table, lambda key: source.name("cost", key))
    of_file["purchases"] = source.purchases(table) or None
    variables = _variables("cost", environ, [key for key in _COST if key != "purchase"])
    of_environment = _cost_changes(variables, lambda key: _variable("cost", key))
    return CostInputs().merge(of_file).merge(of_environment)


def _cost_changes(values: Mapping[str, Any], name: Callable[[str], str]) -> dict[str, Any]:
    def text(key: str) -> str | None:
        value = values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
            raise wrong(name(key), value, 'a text, as in "0.12/kWh"' if key == "price" else "a text")
        return None if value is None else str(value)

    changes = cost_changes(
        price=text("price"),
        rent=text("rent"),
        pue=text("pue"),
        carbon=text("carbon"),
        currency=text("currency"),
        cost_scope=text("scope"),
        name=lambda option: name(option.removeprefix("cost-")),
    )
    if "rent_excludes_power" in values:
        changes["rent_excludes_power"] = read_flag(values["rent_excludes_power"], name("rent_excludes_power"))
    return changes


# Units


def _unit(unit: str, parts: Any, name: str) -> dict[str, float]:
    """What one of the user's unit is made of. The recorded names stay what they are."""
    if f"{unit}_total" in CATALOGUE:
        raise ConfigError(f"cannot define {name}: {unit} is counted by itself; choose another name")
    if not re.fullmatch(r"[^\W\d][\w.-]*", unit):
        raise ConfigError(f"cannot define {name}: a unit's name is one word, as in chat = {{ queries = 6 }}")
    if not isinstance(parts, dict) or not parts:
        raise wrong(name, parts, "what it is made of, as in chat = { queries = 6 }")
    return {str(part): _unit_amount(amount, name) for part, amount in parts.items()}


def _without_circles(units: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The units, none of which is made of itself, be it by way of others."""
    for unit, parts in units.items():
        reached, waiting = set[str](), list(parts)
        while waiting:
            part = waiting.pop()
            if part == unit:
                raise ConfigError(
                    f"cannot use the unit {clean(unit)} of [units]: in the end it is made of itself"
                )
            if part not in reached:
                reached.add(part)
                waiting += units.get(part, {})
    return units


def _units_of_environment(environ: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """`PERFWATCH_UNITS_CHAT="queries=6"`."""
    units = {}
    start = f"{PREFIX}UNITS_"
    for variable, text in environ.items():
        if variable.startswith(start) and len(variable) > len(start):
            unit = variable.removeprefix(start).lower()
            if not all("=" in part for part in text.split(",") if part.strip()):
                raise wrong(variable, text, 'what it is made of, as in "queries=6"')
            parts = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
            units[unit] = _unit(unit, parts, variable)
    return units


# Environment


def _variable(section: str, key: str) -> str:
    return f"{PREFIX}{section}_{key}".upper()


def _variables(section: str, environ: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """The values of a section's variables by key. An empty variable is not given."""
    known = {_variable(section, key): key for key in keys}
    start = f"{PREFIX}{section}_".upper()
    values = {}
    for variable, text in environ.items():
        if not variable.startswith(start):
            continue
        if variable not in known:
            raise ConfigError(
                f"cannot use environment variable {clean(variable, 80)}: there is no such setting; "
                f"{did_you_mean(variable, known)}"
            )
        if text:
            values[known[variable]] = text
    return values


def _environment(section: str, environ: Mapping[str, str], keys: Mapping[str, _Key]) -> dict[str, Any]:
    return {
        keys[key].field: keys[key].read(text, _variable(section, key))
        for key, text in _variables(section, environ, keys).items()
    }
