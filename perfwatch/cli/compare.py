"""`perfwatch compare A B [C...]`: what differs between runs, by how much, and whether that is shown."""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perfwatch.cli import asking, results, standard, summary_files
from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.compare import Group
    from perfwatch.derive.compare_figures import Run

HELP = """Compare runs; the first is the baseline. RUN: a path, `-`, last, last~1, a name or tag (all runs
that have it), or a file that --summary-json wrote; A,B,C with commas are repetitions of one."""
MOST_GROUPS = 26


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="RUN", help="two or more; A1,A2,A3 are one, repeated")
    asking.add_summary_arguments(parser)
    asking.add_phase_argument(parser)
    parser.set_defaults(since=None, until=None)  # times of one session's clock mean nothing in another's
    parser.add_argument(
        "--vary",
        metavar="TAGS",
        action="append",
        default=[],
        help="these tags are what is compared, as model,precision: they forbid no verdict",
    )
    _add_output_arguments(parser)
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="the comparison as JSON on standard output")
    group.add_argument("--to", choices=("md",), help="md: as Markdown tables")
    group.add_argument(
        "--require",
        metavar="LIST",
        help="exit 1 unless each run measured these: energy, work, efficiency, latency, goodput, cost",
    )
    group.add_argument(
        "--fail-on",
        metavar="LIMIT",
        action="append",
        default=[],
        help="exit 3 if a change is past this and no chance: 'efficiency.queries.per_joule < -3%%'",
    )
    group.add_argument(
        "--strict", action="store_true", help="--fail-on also where a change past it may be chance or unknown"
    )
    asking.add_look_arguments(group)
    group.add_argument("-q", "--quiet", action="store_true", help="no text for people, no notes")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.derive.compare import compare
    from perfwatch.derive.gates import parse_requirements
    from perfwatch.derive.relative_gates import check_comparison, parse_relative_gate

    gc.disable()  # records hold no cycles, and a day of them is looked through again and again
    _check(args)
    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    limits = [parse_relative_gate(text) for text in args.fail_on]
    required = parse_requirements(args.require) if args.require is not None else ()
    comparison = compare(list(_groups(args, config)), vary=_tags(args.vary))
    _show(args, config, comparison)
    verdicts = check_comparison(comparison, fail_on=limits, require=required, strict=args.strict)
    return results.told_status(verdicts)


def _check(args: argparse.Namespace) -> None:
    """Refuse what means nothing, before a long recording is read.

    Raises:
        ConfigError: it means nothing.
    """
    if len(args.files) < 2:
        raise ConfigError(
            f"cannot compare {args.files[0]} with nothing: name another run, "
            "as in `perfwatch compare last~1 last`"
        )
    if len(args.files) > MOST_GROUPS:
        raise ConfigError(f"cannot compare {len(args.files)} runs: {MOST_GROUPS} at most")
    if args.json and args.to:
        raise ConfigError(f"--json and --to {args.to} both say what to print; give one of them")
    if args.strict and not args.fail_on:
        raise ConfigError("--strict sharpens --fail-on, and there is none")


def _tags(texts: list[str]) -> list[str]:
    return [key.strip() for text in texts for key in text.split(",") if key.strip()]


def _show(args: argparse.Namespace, config: Config, comparison: dict[str, Any]) -> None:
    """Print the comparison as asked."""
    if args.json:
        results.write_json(comparison)
        return
    stream = standard.out()
    if args.to == "md":
        from perfwatch.exporters.compare_markdown import markdown

        stream.write(markdown(comparison, ascii=results.look(args, config, stream)["ascii"]) + "\n")
    elif not args.quiet:
        from perfwatch.exporters.compare_text import render

        stream.write(render(comparison, **results.look(args, config, stream)) + "\n")


# Which runs are meant


def _groups(args: argparse.Namespace, config: Config) -> Iterator[Group]:
    from perfwatch.derive.compare import Group

    read: dict[str, Run] = {}
    for place, word in enumerate(args.files):
        paths = list(_paths_of(word))
        for path in paths:
            if path == "-" and path in read:
                raise ConfigError("cannot read standard input twice: `-` stands for one run")
            if path not in read:
                read[path] = _read(path, args, config)
        yield Group(chr(ord("A") + place), word, tuple(read[path] for path in paths))


def _paths_of(word: str) -> Iterator[str]:
    """The files that a word means: with commas several, of a name or tag all runs that have it."""
    from perfwatch.session.shelf import resolve_all

    parts = [word] if os.path.lexists(word) else [part.strip() for part in word.split(",") if part.strip()]
    if not parts:
        raise ConfigError(f"cannot compare {word!r}: it names no run")
    yield from dict.fromkeys(path for part in parts for path in resolve_all(part))


def _read(path: str, args: argparse.Namespace, config: Config) -> Run:
    """A run out of its session or its summary file."""
    from perfwatch.derive.compare_figures import Run

    found = summary_files.read_summary(path)
    if found is not None:
        return Run(summary_files.as_asked(found, args, path))
    tape, _ = results.load(path)
    try:
        settings = asking.settings_of_session(args, tape.header, config.units)
        return Run(results.summarise(tape, settings, scatter=True))
    except ConfigError as error:  # of several runs it must be said in which
        raise ConfigError(f"{path}: {error}") from error
