"""The language: what a TOML file says of a family of devices, checked word by word.

Whatever is wrong is one sentence that names the file, the place in it and what it takes.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from perfwatch_collectors.described.description import Description, Devices
from perfwatch_collectors.described.formats import BY_LINE, FORMATS, PATHS, PROMETHEUS, ROWS, Read
from perfwatch_collectors.described.records import fields_of, steps_of
from perfwatch_collectors.described.said_of_metrics import metrics_of
from perfwatch_collectors.described.said_of_source import DIRECTORY, source_of
from perfwatch_collectors.described.tables import Table, check_field

from perfwatch.errors import ConfigError, reason_of
from perfwatch.model import DeviceKind, Scope
from perfwatch.text import clean
from perfwatch.toml import tables_of

FILE_BYTES = 2**20


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
    top = Table(tables_of(text, f"cannot read {where}"), where, "")
    top.knows("name", "about", "instead", "source", "read", "device", "metrics")
    read = _read(top.table("read"))
    device = _device(top.table("device"), read)
    metrics = metrics_of(top.table("metrics"), read, device.scope)
    names = tuple(name for told in metrics for name in told.sources)
    read = replace(read, families=names) if read.format == PROMETHEUS else replace(read, names=names)
    return Description(
        name=top.word("name"),
        about=top.text("about", ""),
        source=source_of(top.table("source"), read),
        read=read,
        device=device,
        metrics=metrics,
        instead=top.texts("instead"),
    )


def _read(table: Table) -> Read:
    table.knows(*(item.name for item in fields(Read) if item.name not in ("families", "names")))
    known = {**FORMATS, PROMETHEUS: None, DIRECTORY: None}
    widths = table.values.get("widths", [])
    if not isinstance(widths, list) or not all(isinstance(one, int) and one > 0 for one in widths):
        raise table.wrong("widths", widths, "a list of whole numbers above 0")
    read = Read(
        format=table.choice("format", known),
        each="|".join(_from_the_top(path) for path in table.text("each", "").split("|")),
        pattern=table.text("pattern", ""),
        begins=table.text("begins", ""),
        separator=table.text("separator", ""),
        columns=table.texts("columns"),
        widths=tuple(widths),
        titles=table.text("titles", ""),
        join=table.text("join", ""),
        no_device=table.texts("no_device"),
        newest=table.flag("newest"),
        decimal=table.choice("decimal", _SIGNS, "."),
        thousands=table.choice("thousands", _SIGNS, ""),
    )
    if read.newest and read.format not in BY_LINE:
        raise table.wrong("newest", True, f"a format of rows or blocks: {', '.join(sorted(BY_LINE))}")
    if read.no_device and read.format not in ROWS:
        raise table.wrong("no_device", list(read.no_device), f"a format of rows: {', '.join(sorted(ROWS))}")
    if read.decimal == read.thousands == ",":
        raise table.wrong("decimal", ",", "another sign than thousands")
    pattern, _ = table.pattern("pattern"), table.pattern("begins")
    if read.format in ("regex", "lastline") and (pattern is None or not pattern.groupindex):
        raise table.wrong(
            "pattern", read.pattern, r"a pattern with named groups, as in 'power (?P<watts>\S+) W'"
        )
    if read.format in PATHS:
        for path in read.each.split("|"):
            table.check("each", steps_of, "" if path.strip() == "." else path.strip())
    return read


def _from_the_top(path: str) -> str:
    """A path of the whole document as others write it: `$.cards[*]`, `$`."""
    bare = path.strip()
    return bare[1:].removeprefix(".") or "." if bare.startswith("$") else path


_SIGNS = {",": None, ".": None, "": None}
"""What may part a number."""


def _device(table: Table, read: Read) -> Devices:
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
            check_field(table, key, name, read)
    for key, names in (("only", device.only), ("skip", device.skip)):
        for name in names:
            check_field(table, key, name, read)
    return device
