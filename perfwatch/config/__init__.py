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

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwatch.collector import Collector
from perfwatch.config.cost import KEYS as COST_KEYS
from perfwatch.config.cost import cost_of
from perfwatch.config.file import default_path, own_collectors, read_tables
from perfwatch.config.keys import (
    PREFIX,
    Key,
    Source,
    of_environment,
    one_of,
    read_duration,
    strange_variables,
    variable,
)
from perfwatch.config.units import units_of
from perfwatch.derive.settings import SCOPES, WINDOWS, CostInputs, Settings
from perfwatch.errors import ConfigError
from perfwatch.objectives import parse_slo
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

SHORTEST_INTERVAL_S, LONGEST_INTERVAL_S = 0.01, 60.0


@dataclass(frozen=True)
class RunConfig:
    """[run]: defaults of the options of the same name; `None` or empty is not given."""

    interval_s: float | None = None
    devices: str | None = None
    workload: tuple[str, ...] = ()
    unit: str | None = None
    slo: Mapping[str, float] = field(default_factory=dict)
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
    own_collectors: Path | None = None
    """Where the user's own collectors lie (`perfwatch.config.file.own_collectors`)."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables `PERFWATCH_COLLECTORS_...`: which collector one belongs to is known with its options."""

    def settings(self) -> Settings:
        """What the config says of a summary; the command line's changes go over it."""
        return Settings(
            unit=self.run.unit,
            slo=self.run.slo,
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
    file = Path(path).expanduser() if path is not None else default_path(environ, notes)
    found = None if file is None else read_tables(file, explicit=path is not None, notes=notes)
    tables = found or {}
    source = Source(str(file))
    for section in tables:
        source.known_section(section)
    keys = {"run": list(RUN_KEYS), "ui": list(UI_KEYS), "cost": list(COST_KEYS)}
    notes += strange_variables(environ, [variable(part, key) for part, own in keys.items() for key in own])
    run = {**source.section("run", tables, RUN_KEYS), **of_environment("run", environ, RUN_KEYS)}
    ui = {**source.section("ui", tables, UI_KEYS), **of_environment("ui", environ, UI_KEYS)}
    notes += _clashes(own_collectors(file))
    return Config(
        path=None if found is None else file,
        run=RunConfig(**run),
        cost=cost_of(source, tables, environ),
        units=units_of(source, tables, environ),
        collectors=_collectors(source, tables),
        ui=UiConfig(**ui),
        notes=tuple(notes),
        themes=None if file is None else file.parent / "themes",
        own_collectors=own_collectors(file),
        environ={name: text for name, text in environ.items() if name.startswith(f"{PREFIX}COLLECTORS_")},
    )


def _clashes(folder: Path | None) -> list[str]:
    """What is worth saying of the names of the user's own collectors; without any nothing is loaded."""
    if folder is None or not folder.is_dir():
        return []
    from perfwatch import plugins

    return plugins.clashes(folder)


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


def _collectors(source: Source, tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    table = source.table("collectors", tables)
    for name, values in table.items():
        if not isinstance(values, dict):
            raise ConfigError(
                f"cannot use {source.name('collectors', name)}: the options of a collector are a table, "
                f"[collectors.NAME]"
            )
    return table


def _read_interval(value: Any, name: str) -> float:
    return parse_interval(value, name)


RUN_KEYS = {
    "interval": Key("interval_s", _read_interval),
    "devices": Key("devices", read_text),
    "workload": Key("workload", read_list),
    "unit": Key("unit", read_text),
    "slo": Key("slo", parse_slo),
    "scope": Key("scope", one_of(SCOPES)),
    "meter": Key("meter", read_text),
    "window": Key("window", one_of(WINDOWS)),
    "warmup": Key("warmup_s", read_duration),
    "idle_baseline": Key("idle_baseline_s", read_duration),
    "record": Key("record", read_flag),
    "only": Key("only", read_list),
    "without": Key("without", read_list),
}
UI_KEYS = {
    "ascii": Key("ascii", read_flag),
    "color": Key("color", read_flag),
    "theme": Key("theme", read_text),
}
