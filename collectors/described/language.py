"""The language: what a TOML file says of a family of devices, checked word by word.

Whatever is wrong is one sentence that names the file, the place in it and what it takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from perfwatch_collectors.described.description import Description, Devices, Source, Told
from perfwatch_collectors.described.formats import (
    AS_ONE_TEXT,
    BY_LINE,
    FORMATS,
    PATHS,
    PROMETHEUS,
    Read,
    compiled,
)
from perfwatch_collectors.described.limits import limits_of
from perfwatch_collectors.described.names import UNITS, meant_by, metric_named
from perfwatch_collectors.described.pages import family_of
from perfwatch_collectors.described.records import bare_path, fields_of, steps_of
from perfwatch_collectors.described.values import COMBINED, Reading, factor_of, units_like, units_of
from perfwatch_collectors.fetching import checked_url, shown

from perfwatch import metrics as catalogue
from perfwatch.errors import ConfigError, reason_of
from perfwatch.model import DeviceKind, Kind, Metric, Scope, Unit
from perfwatch.text import clean, did_you_mean
from perfwatch.toml import tables_of
from perfwatch.units import parse_accuracy, parse_duration

FILE_BYTES = 2**20
DIRECTORY = "directory"
TOOL_S, PAGE_S = 5.0, 2.0
"""How long a tool, and a page, is waited for where nothing is said."""
_GROWS = {
    Unit.RATIO: Unit.SECOND,
    Unit.WATT: Unit.JOULE,
    Unit.BYTE_PER_SECOND: Unit.BYTE,
    Unit.HERTZ: Unit.COUNT,
}
"""What a total counts of which a `rate` is the growth in a second."""
_OF_A_METER = (catalogue.POWER.name, catalogue.ENERGY.name, catalogue.POWER_LIMIT.name)
"""What devices that share a meter tell once, together."""


def load(path: str | Path) -> Description:
    """The description in a file.

    Raises:
        ConfigError: it cannot be read, or says something that it cannot say.
    """
    where = clean(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {where}: {reason_of(error)}") from error
    if len(content) > FILE_BYTES:
        raise ConfigError(f"cannot read {where}: it is larger than 1 MiB, this is no description of a chip")
    return parse(content.decode("utf-8", "replace"), where)


def parse(text: str, where: str) -> Description:
    """The description in a text; `where` names it in messages.

    Raises:
        ConfigError: it says something that it cannot say.
    """
    top = _Table(tables_of(text, f"cannot read {where}"), where, "")
    top.knows("name", "about", "instead", "source", "read", "device", "metrics")
    read = _read(top.table("read"))
    device = _device(top.table("device"), read)
    metrics = _metrics(top.table("metrics"), read, device.scope)
    names = tuple(name for told in metrics for name in told.sources)
    read = replace(read, families=names) if read.format == PROMETHEUS else replace(read, names=names)
    return Description(
        name=top.word("name"),
        about=top.text("about", ""),
        source=_source(top.table("source"), read),
        read=read,
        device=device,
        metrics=metrics,
        instead=top.texts("instead"),
    )


class _Table:
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

    def table(self, key: str) -> _Table:
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise ConfigError(f"cannot use {self.where}: it has no [{key}]")
        return _Table(value, self.where, key)

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
        return tuple(map(str, value))

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
        inner = _Table(value, self.where, f"{self.name}.{key}")
        return {name: inner.texts(name) for name in value}


def _source(table: _Table, read: Read) -> Source:
    table.knows(*_PLACES, *_OF_A_PAGE, *_OF_A_SOURCE)
    named = [key for key in _PLACES if table.values.get(key)]
    if len(named) != 1:
        raise ConfigError(
            f"cannot use [source] of {table.where}: it takes one of {', '.join(_PLACES)}, and has "
            f"{' and '.join(named) or 'none'}"
        )
    if (named[0] == DIRECTORY) != (read.format == DIRECTORY):
        raise ConfigError(
            f'cannot use {table.where}: a directory has the format "directory", and nothing else has'
        )
    period_s, floor_s = table.seconds("period", 1.0), table.seconds("fastest", 0.1)
    timeout_s = table.seconds("timeout", PAGE_S if named[0] == "url" else TOOL_S)
    stream = table.flag("stream")
    if stream and named[0] != "command":
        raise table.wrong("stream", True, "a command, which is started once and prints on and on")
    also = _commands(table, "also")
    alone = bool(also) and not read.join and read.format not in AS_ONE_TEXT
    if alone or (read.join and not also) or (also and (stream or named[0] != "command")):
        raise ConfigError(
            f"cannot use [source] of {table.where}: also takes a second command, beside command, and join in "
            "[read], the field in which both say the same device; without join both are read as one text, as "
            f"{' or '.join(AS_ONE_TEXT)}"
        )
    if named[0] == "url":
        _check_url(table)
    return Source(
        commands=_commands(table, "command"),
        also=also,
        also_once=table.flag("also_once"),
        needs=table.text("needs", ""),
        stream=stream,
        file=table.text("file", ""),
        directory=table.text("directory", ""),
        url=table.text("url", ""),
        user=table.text("user", ""),
        password=table.text("password", ""),
        token=table.text("token", ""),
        verify=table.flag("verify", default=True),
        period_s=max(period_s or 1.0, floor_s or 0.0),
        floor_s=floor_s or 0.01,
        timeout_s=timeout_s or TOOL_S,
        remedy=table.text("remedy", ""),
        if_failing=table.text("if_failing", ""),
        unasked=table.flag("unasked", default=True),
    )


def _check_url(table: _Table) -> None:
    """A wrong address is said without the password that may stand in it."""
    url = table.text("url")
    try:
        checked_url(url)
    except ConfigError as error:
        raise table.unusable("url", f"{shown(url)!r} is no address; write http://HOST:PORT/PATH") from error


_PLACES = ("command", "file", "directory", "url")
_OF_A_PAGE = ("user", "password", "token", "verify")
_OF_A_SOURCE = (
    "also",
    "also_once",
    "needs",
    "stream",
    "period",
    "fastest",
    "timeout",
    "remedy",
    "if_failing",
    "unasked",
)


def _commands(table: _Table, key: str) -> tuple[tuple[str, ...], ...]:
    """`["tool", "-j"]`, or a list of such lists, of which the first that is there is run."""
    value = table.values.get(key, [])
    takes = 'a program and its arguments, as in ["tool", "--json"], or a list of such lists'
    if isinstance(value, str) or not isinstance(value, list):
        raise table.wrong(key, value, takes)
    each = value if value and all(isinstance(one, list) for one in value) else [value] if value else []
    if not all(one and all(isinstance(word, str) and word for word in one) for one in each):
        raise table.wrong(key, value, takes)
    return tuple(tuple(one) for one in each)


def _read(table: _Table) -> Read:
    table.knows(*(item.name for item in fields(Read) if item.name not in ("families", "names")))
    known = {**FORMATS, PROMETHEUS: None, DIRECTORY: None}
    widths = table.values.get("widths", [])
    if not isinstance(widths, list) or not all(isinstance(one, int) and one > 0 for one in widths):
        raise table.wrong("widths", widths, "a list of whole numbers above 0")
    read = Read(
        format=table.choice("format", known),
        each=table.text("each", ""),
        pattern=table.text("pattern", ""),
        begins=table.text("begins", ""),
        separator=table.text("separator", ""),
        columns=table.texts("columns"),
        widths=tuple(widths),
        titles=table.text("titles", ""),
        join=table.text("join", ""),
        newest=table.flag("newest"),
    )
    if read.newest and read.format not in BY_LINE:
        raise table.wrong("newest", True, f"a format of rows or blocks: {', '.join(sorted(BY_LINE))}")
    pattern, _ = table.pattern("pattern"), table.pattern("begins")
    if read.format in ("regex", "lastline") and (pattern is None or not pattern.groupindex):
        raise table.wrong(
            "pattern", read.pattern, r"a pattern with named groups, as in 'power (?P<watts>\S+) W'"
        )
    if read.format in PATHS:
        for path in read.each.split("|"):
            table.check("each", steps_of, "" if path.strip() == "." else path.strip())
    return read


def _device(table: _Table, read: Read) -> Devices:
    table.knows(*(item.name for item in fields(Devices)))
    scopes = {scope.value: scope for scope in Scope}
    facts = table.values.get("facts", {})
    if not isinstance(facts, dict) or not all(isinstance(one, str) for one in facts.values()):
        raise table.wrong("facts", facts, 'a table of templates, as in { firmware = "{fw_ver}" }')
    kinds = {kind.value: kind for kind in DeviceKind if kind is not DeviceKind.WORKLOAD}
    device = Devices(
        id=table.text("id"),
        name=table.text("name", ""),
        index=table.text("index", ""),
        kind=kinds[table.choice("kind", kinds, DeviceKind.ACCELERATOR.value)],
        scope=scopes[table.choice("scope", scopes)] if "scope" in table.values else None,
        shares=table.text("shares", ""),
        facts=dict(facts),
        only=table.mapping("only"),
        skip=table.mapping("skip"),
    )
    templates = {"id": device.id, "name": device.name, "index": device.index, "shares": device.shares}
    templates |= {f"facts.{name}": template for name, template in device.facts.items()}
    for key, template in templates.items():
        for name in fields_of(template):
            _check_field(table, key, name, read)
    for key, names in (("only", device.only), ("skip", device.skip)):
        for name in names:
            _check_field(table, key, name, read)
    return device


def _check_field(table: _Table, key: str, names: str, read: Read) -> None:
    for name in names.split("|"):
        if read.format in PATHS and not name.startswith("@"):
            table.check(key, steps_of, bare_path(name))
        if read.format == PROMETHEUS:
            table.check(key, family_of, name)


def _metrics(table: _Table, read: Read, scope: Scope | None) -> tuple[Told, ...]:
    if not table.values:
        raise ConfigError(f"cannot use {table.where}: [metrics] says of no metric where it stands")
    return tuple(_told(name, value, table, read, scope) for name, value in table.values.items())


def _told(name: str, value: Any, table: _Table, read: Read, scope: Scope | None) -> Told:
    given = {"from": value} if isinstance(value, (str, list)) else value
    if not isinstance(given, dict):
        raise table.wrong(
            name, value, 'a field, as in "power", or a table, as in { from = "power", unit = "mW" }'
        )
    own = _Table(given, table.where, f"metrics.{name}")
    own.knows(*METRIC_KEYS)
    metric = _metric(name, own)
    sources = own.texts("from")
    if not sources:
        raise own.missing("from")
    minus, times, over, only = own.texts("minus"), own.texts("times"), own.texts("over"), own.mapping("only")
    named = {"from": sources, "minus": minus, "times": times, "over": over, "only": only}
    for key, names in named.items():
        for field in names:
            _check_field(own, key, field, read)
    unit = own.text("unit", "")
    is_rate = own.flag("rate")
    if is_rate and metric.unit not in _GROWS:
        raise own.wrong("rate", True, f"a metric in {', '.join(unit.value for unit in _GROWS)}")
    read_as = _GROWS[metric.unit] if is_rate else metric.unit
    if unit and factor_of(unit, read_as) is None:
        raise own.wrong("unit", unit, _units_for(unit, read_as))
    least, most = limits_of(metric, scope)
    limits = {"least": own.number("least", least), "most": own.number("most", most)}
    return Told(
        metric=metric,
        sources=sources,
        reading=Reading(
            unit=read_as,
            told=unit,
            factor=own.number("factor", 1.0),
            missing=frozenset(own.texts("missing")),
            zero_is_missing=own.flag("zero_is_missing"),
            **({} if is_rate else limits),
        ),
        combine=own.choice("combine", dict.fromkeys(COMBINED), "first"),
        minus=minus,
        times=times,
        over=over,
        only=only,
        empty=own.number("empty", 0.0) if "empty" in given else None,
        find=own.pattern("find"),
        shared=own.flag("shared") if "shared" in given else name in _OF_A_METER,
        board=own.choice("board", dict.fromkeys(COMBINED)) if "board" in given else "",
        is_rate=is_rate,
        widest=most,
        **limits,
    )


def _units_for(text: str, unit: Unit) -> str:
    """What a metric takes in place of a unit that is none of it."""
    like = units_like(text, unit)
    if like:
        return f"{' or '.join(like)}: large and small letters differ"
    return f"a unit of it: {', '.join(units_of(unit))}"


METRIC_KEYS = (
    *("from", "unit", "factor", "missing", "zero_is_missing", "least", "most", "combine", "shared"),
    *("minus", "times", "over", "only", "empty"),
    *("find", "board", "rate", "update", "window", "step", "wraps_at", "accuracy"),
)


def _metric(name: str, own: _Table) -> Metric:
    """The metric of the catalogue, or one of the description's own, by the end of its name."""
    if not name.replace("_", "").isalnum() or name != name.casefold():
        raise own.wrong("its name", name, "small letters, digits and _")
    meant = meant_by(name)
    if meant is not None:
        raise ConfigError(
            f"cannot use {clean(name, 60)} in [metrics] of {own.where}: did you mean {meant}? The name of a "
            f"metric of your own ends in its unit ({', '.join(UNITS)})"
        )
    metric = metric_named(name)
    if metric.kind is Kind.HISTOGRAM:
        raise own.wrong("its name", name, "a gauge or a counter; a histogram cannot be described")
    step = own.number("step", 0.0)
    if step > 0.0:
        metric = metric.stepping_by(step)
    metric = metric.observed(update_s=own.seconds("update", None), window_s=own.seconds("window", None))
    metric = metric.accurate_to(parse_accuracy(own.text("accuracy", "")))
    wraps_at = own.number("wraps_at", 0.0)
    return metric.wrapping_at(wraps_at) if wraps_at > 0.0 else metric
