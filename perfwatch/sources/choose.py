"""Which collectors take part: the default ones, what was added or set up, what was left out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch import config, plugins
from perfwatch.collector import Collector
from perfwatch.config import Config
from perfwatch.errors import ConfigError
from perfwatch.model import Device, Reading
from perfwatch.plugins import Plugin
from perfwatch.sources.live import Chosen
from perfwatch.units import parse_duration

INTERVAL_S = (0.01, 60.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say what is watched and how often."""
    group = parser.add_argument_group("what is watched")
    group.add_argument(
        "-i",
        "--interval",
        metavar="TIME",
        help="sampling period of device collectors: seconds, or with a unit (500ms); 0.01 s to 60 s",
    )
    group.add_argument(
        "-c",
        "--collector",
        metavar="NAME[:KEY=VALUE,...]",
        action="append",
        default=[],
        help="add or set up a collector (also ./chip.py); repeatable",
    )
    group.add_argument("--only", metavar="LIST", help="take part: these collectors and those of -c alone")
    group.add_argument(
        "--no-collector",
        metavar="NAME",
        action="append",
        default=[],
        help="leave a collector out; repeatable",
    )
    group.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def interval(args: argparse.Namespace, settings: Config) -> float:
    """The sampling period that was asked for, in seconds.

    Raises:
        ConfigError: it is no time, or out of bounds.
    """
    if args.interval is None:
        return settings.interval_s
    try:
        value = parse_duration(args.interval)
    except ConfigError as error:
        raise ConfigError(f"-i {args.interval}: {error}") from error
    low, high = INTERVAL_S
    if not low <= value <= high:
        raise ConfigError(f"-i {args.interval}: the sampling period must be from {low:g} s to {high:g} s")
    return value


def choose(args: argparse.Namespace, settings: Config) -> list[Chosen]:
    """The collectors of this command line, set up and ready to open.

    Raises:
        ConfigError: a name or an option is wrong, or what was asked for by name cannot be loaded.
    """
    period_s = interval(args, settings)
    asked = [config.parse_collector_spec(text) for text in args.collector]
    chosen: dict[str, Collector] = {}
    left_out = _names(args.no_collector)
    for name in left_out:
        plugins.find(name)
    for plugin in _unasked(args.only):
        if plugin.name not in left_out and plugin.name not in {name for name, _ in asked}:
            chosen[plugin.name] = _quietly(plugin, settings, asked_for=args.only is not None)
    for name, values in asked:
        collector = _asked_for(name, values, settings)
        chosen[collector.name] = collector
    return [Chosen(collector, _period(collector, args, period_s)) for collector in chosen.values()]


def _period(collector: Collector, args: argparse.Namespace, period_s: float) -> float:
    """What was asked for; without a wish a collector that likes to be slower stays at its own default."""
    return period_s if args.interval is not None else max(period_s, collector.period_s)


def _names(texts: Sequence[str]) -> set[str]:
    return {word.strip() for text in texts for word in text.split(",") if word.strip()}


def _unasked(only: str | None) -> list[Plugin]:
    if only is None:
        return [plugin for plugin in plugins.every().values() if plugin.default]
    return [plugins.find(name) for name in sorted(_names([only]))]


def _asked_for(name: str, values: Mapping[str, str], settings: Config) -> Collector:
    """A collector that was named: what is wrong with it is the person's to know now."""
    if name.endswith((".py", ".toml")) or "/" in name:
        loaded = plugins.load_file(name)
    else:
        loaded = plugins.load(plugins.find(name))
    return _build(loaded, {**settings.collectors.get(loaded.name, {}), **values})


def _quietly(plugin: Plugin, settings: Config, *, asked_for: bool) -> Collector:
    """A collector of the default set: one that cannot even be imported is `failed`; the others start."""
    try:
        return _build(plugins.load(plugin), settings.collectors.get(plugin.name, {}))
    except ConfigError as error:
        if asked_for or plugin.name in settings.collectors:
            raise
        return Broken(plugin.name, error)


def _build(loaded: type[Collector], values: Mapping[str, Any]) -> Collector:
    return loaded(config.collector_options(loaded, values))


class Broken(Collector):
    """Stands for a collector that cannot be loaded, so that its reason is recorded and shown."""

    name = "broken"

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__()
        self.name = name  # type: ignore[misc]  # each instance stands for another
        self._error = error

    def open(self) -> Sequence[Device]:
        raise self._error

    def read(self, devices: Sequence[Device]) -> Sequence[Reading]:
        raise self._error
