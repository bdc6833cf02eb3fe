"""Which collectors take part: the default ones, what was added or set up, what was left out."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence, Set
from typing import Any

from perfwatch import plugins
from perfwatch.collector import Collector
from perfwatch.config import CollectorSpec, Config, parse_collector_spec, parse_interval
from perfwatch.errors import ConfigError, PerfwatchError
from perfwatch.model import Device, Reading
from perfwatch.plugins import Plugin
from perfwatch.sources.live import Chosen
from perfwatch.text import clean

DEFAULT_INTERVAL_S = 1.0
_INTERVAL_HELP = (
    "sampling period of device collectors: seconds, or with a unit (500ms); 0.01 s to 60 s (default: 1 s)"
)


def add_arguments(parser: argparse.ArgumentParser, *, once: bool = False) -> None:
    """The options that say what is watched and how often.

    Args:
        once: the command reads once; it takes `-i`, as they all do, and does not speak of it.
    """
    group = parser.add_argument_group("what is watched")
    group.add_argument(
        "-i",
        "--interval",
        metavar="TIME",
        help=argparse.SUPPRESS if once else _INTERVAL_HELP,
    )
    group.add_argument(
        "-c",
        "--collector",
        metavar="NAME[:KEY=VALUE,...]",
        action="append",
        default=[],
        help="add a collector, or set one up; a meter of the machine or the wall: shelly:url=URL, "
        "redfish:url=https://BMC (docs/meters.md); also a file of your own (./chip.py); repeatable; "
        "`perfwatch collectors` lists them and their KEYs, `perfwatch doctor -c ...` tries one",
    )
    group.add_argument(
        "--only",
        metavar="LIST",
        help="only these collectors and those of -c take part "
        "(default: host, rapl, nvidia and installed ones)",
    )
    group.add_argument(
        "--no-collector",
        metavar="NAME",
        action="append",
        default=[],
        help="leave a collector out; repeatable",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="configuration file (default: perfwatch/config.toml in the user's configuration directory)",
    )


def interval(args: argparse.Namespace, settings: Config) -> float:
    """The sampling period that was asked for, in seconds; 1 s if none was.

    Raises:
        ConfigError: it is no time, or out of bounds.
    """
    if args.interval is not None:
        return parse_interval(args.interval)
    return settings.run.interval_s or DEFAULT_INTERVAL_S


def choose(args: argparse.Namespace, settings: Config) -> list[Chosen]:
    """The collectors of this command line, set up and ready to open.

    Raises:
        ConfigError: a name or an option is wrong, or what was asked for by name cannot be loaded.
    """
    known = plugins.every(settings.own_collectors)
    asked = _told_apart(
        [_asked_for(parse_collector_spec(text), known, settings) for text in dict.fromkeys(args.collector)]
    )
    without = {*settings.run.without, *_names(args.no_collector)}
    for name in without:
        plugins.named(name, known)
    chosen: dict[str, Collector] = {}
    replaced = {name for collector in asked for name in collector.instead_of}
    for plugin in _unasked(known, args, settings, {collector.name for collector in asked}, replaced):
        if plugin.name not in without:
            chosen[plugin.name] = _unless_broken(plugin, settings, asked_for=args.only is not None)
    chosen.update((collector.name, collector) for collector in asked)
    settings.check_collectors([*known, *chosen])
    named = {*(collector.name for collector in asked), *_names([args.only or ""])}
    return [
        Chosen(collector, _period(collector, args, settings), asked=name in named)
        for name, collector in chosen.items()
    ]


def _period(collector: Collector, args: argparse.Namespace, settings: Config) -> float:
    """What was asked for; without a wish a collector that likes to be slower stays at its own default."""
    wished = args.interval is not None or settings.run.interval_s is not None
    period_s = interval(args, settings)
    return period_s if wished else max(period_s, collector.period_s)


def _names(texts: Sequence[str]) -> list[str]:
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def _unasked(
    known: Mapping[str, Plugin],
    args: argparse.Namespace,
    settings: Config,
    asked: Set[str],
    replaced: Set[str],
) -> list[Plugin]:
    """Those that take part beside the `asked` ones (-c), which --only may name as well.

    Of those that the asked ones stand for (`replaced`) only what was named.
    """
    only = _names([args.only]) if args.only is not None else list(settings.run.only)
    if only or args.only is not None:
        return [plugins.named(name, known) for name in only if name not in asked]
    left_out = asked | replaced
    return [plugin for plugin in known.values() if plugin.default and plugin.name not in left_out]


def _asked_for(spec: CollectorSpec, known: Mapping[str, Plugin], settings: Config) -> Collector:
    """A collector that was named: what is wrong with it is the person's to know now."""
    if spec.path is not None:
        loaded = plugins.load_file(spec.path)
    else:
        loaded = plugins.load(plugins.named(str(spec.name), known))
    return _made(loaded, settings.options_for(loaded, spec.values))


def _told_apart(asked: Sequence[Collector]) -> list[Collector]:
    """Several of a kind, such as the controllers of two machines: `redfish`, `redfish-2`."""
    counts: dict[str, int] = {}
    for collector in asked:
        name = collector.name
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > 1:
            collector.name = f"{name}-{counts[name]}"  # type: ignore[misc]  # each instance reads its own
    return list(asked)


def _made(loaded: type[Collector], options: Any) -> Collector:
    """The collector with its options, checked before anything starts.

    Raises:
        ConfigError: it does not take them, or cannot be made at all.
    """
    try:
        return loaded(options)
    except PerfwatchError:
        raise
    except Exception as error:
        raise ConfigError(
            f"collector {loaded.name} cannot be set up: {type(error).__name__}: {clean(error)}"
        ) from error


def _unless_broken(plugin: Plugin, settings: Config, *, asked_for: bool) -> Collector:
    """A collector of the default set: one that cannot even be imported is `failed`; the others start."""
    try:
        loaded = plugins.load(plugin)
    except ConfigError as error:
        if asked_for:
            raise
        return Broken(plugin.name, error)
    options = settings.options_for(loaded)
    try:
        return _made(loaded, options)
    except ConfigError as error:
        if asked_for or plugin.name in settings.collectors:
            raise
        return Broken(plugin.name, error)


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
