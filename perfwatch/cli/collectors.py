"""`perfwatch collectors`: which collectors there are, built in and installed, and what can be set up."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from perfwatch.cli import results, standard
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch.plugins import Plugin

ASKED_FOR_BY = {
    "statsd": "-w statsd=ADDR",
    "output": "-w stdout=PATTERN",
    "page": "-w prometheus=URL",
    "log": "-w log=PATH:PATTERN",
    "jsonl": "-w jsonl=PATH",
}
"""What asks for a collector whose options `-c` cannot give."""
_TYPES = {
    "tuple[str, ...]": "list",
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
}
HELP = """The collectors there are, built in and installed: what each reads, whether it takes part unasked,
and its options with their defaults (set with -c NAME:OPTION=VALUE)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="*",
        metavar="NAME",
        help="these alone; also ./chip.py, ./chip.toml. `check FILE` shows what a file of your own reads "
        "here, and holds it against the contract (options as after -c: ./chip.toml:url=URL); `new NAME` "
        "writes a starter with its test",
    )
    parser.add_argument(
        "--python", action="store_true", help="new: a starter in Python, where a description is not enough"
    )
    parser.add_argument(
        "--sample", metavar="OUTPUT", help="check: what it reads of this captured output (or copied tree)"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")


def asked_for_by(name: str, path: str | None = None) -> str:
    """What to add to a command so that a collector takes part that does not do so unasked."""
    return ASKED_FOR_BY.get(name) or f"-c {path or name}"


def run(args: argparse.Namespace) -> int:
    if args.name[:1] == ["check"]:
        from perfwatch.cli import collectors_check

        return collectors_check.run(args, args.name[1:])
    if args.name[:1] == ["new"]:
        from perfwatch.cli import collectors_new

        return collectors_new.run(args, args.name[1:])
    if args.sample is not None:
        raise ConfigError(
            "cannot use --sample without check: perfwatch collectors check FILE --sample OUTPUT"
        )
    found = _found(args.name)
    for said in _clashes():
        results.say(f"perfwatch collectors: {said}")
    if args.json:
        standard.out().write(json.dumps(found, indent=2) + "\n")
    else:
        standard.out().write("\n".join(line for one in found for line in _lines(one)) + "\n")
    for one in found:
        if one["error"]:
            results.say(f"perfwatch collectors: {one['error']}")
    return 1 if any(one["error"] for one in found) else 0


def _found(names: Sequence[str]) -> list[dict[str, Any]]:
    """The collectors of these names, as data; without names all that there are."""
    from perfwatch import plugins
    from perfwatch.config.file import default_path, own_collectors

    known = plugins.every(own_collectors(default_path(os.environ, [])))
    if not names:
        return [_installed(plugin) for plugin in known.values()]
    return [_described(name, known) for name in names]


def _clashes() -> list[str]:
    from perfwatch import plugins
    from perfwatch.config.file import default_path, own_collectors

    return plugins.clashes(own_collectors(default_path(os.environ, [])))


def _described(name: str, known: Mapping[str, Plugin]) -> dict[str, Any]:
    """One collector that was named: a file, or one of those that are known."""
    from perfwatch import plugins
    from perfwatch.options import parse_collector_spec

    path = parse_collector_spec(name).path
    if path is None:
        return _installed(plugins.named(name, known))
    loaded = plugins.load_file(path)
    record = {"name": loaded.name, "origin": "a file", "default": False, "target": None, "path": path}
    return {**record, **_class(loaded)}


def _installed(plugin: Plugin) -> dict[str, Any]:
    """One that cannot be loaded has an `error` and no options."""
    from perfwatch import plugins

    record = {
        "name": plugin.name,
        "origin": plugin.origin,
        "default": plugin.default,
        "target": plugin.target,
        "needs": list(plugin.needs),
        "unasked": plugin.unasked,
    }
    try:
        return {**record, **_class(plugins.load(plugin))}
    except ConfigError as error:
        return {**record, "about": plugin.about, "floor_s": None, "options": [], "error": str(error)}


def _class(loaded: type[Collector]) -> dict[str, Any]:
    return {
        "about": loaded.about,
        "floor_s": loaded.floor_s,
        "options": [
            {"name": item.name, "type": _type(item), "default": _default(item)}
            for item in _fields(loaded)
            if item.name not in loaded.idle_options
        ],
        "error": None,
    }


def _fields(loaded: type[Collector]) -> Sequence[dataclasses.Field[Any]]:
    from perfwatch.options import option_names

    names = option_names(loaded)
    return [item for item in dataclasses.fields(loaded.Options) if item.name in names] if names else []


def _type(item: dataclasses.Field[Any]) -> str:
    return item.type if isinstance(item.type, str) else getattr(item.type, "__name__", str(item.type))


def _default(item: dataclasses.Field[Any]) -> Any:
    if item.default_factory is not dataclasses.MISSING:
        return _plain(item.default_factory())
    return None if item.default is dataclasses.MISSING else _plain(item.default)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


def _lines(one: dict[str, Any]) -> list[str]:
    from perfwatch.text import clean

    asked = asked_for_by(one["name"], one.get("path"))
    part = "takes part" if one["default"] else f"on request: {clean(asked)}"
    if one.get("needs") and one.get("unasked") and not one["default"]:
        part = f"takes part where {' or '.join(map(clean, one['needs']))} is there"
    lines = [f"{clean(one['name'])}  ({clean(one['origin'])}; {part})", f"    {clean(one['about'])}"]
    if one["name"] not in ASKED_FOR_BY:
        lines += map(_option, one["options"])
    return [line.rstrip() for line in lines if line.strip()]


def _option(option: dict[str, Any]) -> str:
    from perfwatch.text import clean

    kind = option["type"].removesuffix(" | None")
    said = clean(_TYPES.get(kind, kind))
    if option["default"] is None:
        return f"    {clean(option['name'])}  ({said}; not set)"
    return f"    {clean(option['name'])}={_spoken(option['default'])}  ({said})"


def _spoken(default: Any) -> str:
    from perfwatch.text import clean

    if isinstance(default, bool):
        return "true" if default else "false"
    if isinstance(default, list):
        return clean(",".join(map(str, default))) or '""'
    return clean(default) or '""'
