"""`perfwatch snapshot`: one reading of this machine, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING, TextIO

from perfwatch.cli import results, standard

if TYPE_CHECKING:
    from perfwatch.config import Config

HELP = """One reading of this machine, as a table or as JSON: its accelerators, its energy meters, itself.
Exits with 1 if nothing at all could be read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser, once=True)
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="machine-readable; what is not known is null")
    group.add_argument("--ascii", action="store_true", help="ASCII only")
    for look in (
        "--theme",
        "--refresh",
        "--beside",
    ):  # of the dashboard, which `perfwatch` shows on a terminal
        group.add_argument(look, help=argparse.SUPPRESS)
    for look in ("--no-color", "--quiet", "-q"):
        group.add_argument(look, action="store_true", help=argparse.SUPPRESS)
    group.add_argument("--once", action="store_true", help=argparse.SUPPRESS)  # its other name


def run(args: argparse.Namespace) -> int:
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.config import load_config
    from perfwatch.derive.snapshot import snapshot
    from perfwatch.sources.once import read_once

    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}")
    read = read_once(chosen_collectors(args, config))
    found = snapshot(read.tape, read.states)
    if args.json:
        standard.out().write(json.dumps(found, indent=2, allow_nan=False) + "\n")
    else:
        standard.out().write(_text(found, args, config) + "\n")
    return 0 if any(device["age_s"] is not None for device in found["devices"].values()) else 1


def _text(found: dict[str, object], args: argparse.Namespace, config: Config) -> str:
    from perfwatch.exporters.snapshot_text import render

    ascii_only = args.ascii or bool(config.ui.ascii) or not _takes_unicode(standard.out())
    return render(found, width=_width(standard.out()), ascii=ascii_only)


def _takes_unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "ascii").lower().startswith("utf")


def _width(stream: TextIO) -> int | None:
    """Columns of the terminal; None where the output is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
