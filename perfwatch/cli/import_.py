"""`perfwatch import`: MLPerf's logs as sessions; what a benchmark client found out, into a session."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch.cli import asking, results
from perfwatch.errors import ConfigError, SessionError
from perfwatch.exporters.words import spoken
from perfwatch.text import clean
from perfwatch.units import format_count

if TYPE_CHECKING:
    from perfwatch.imports.files import Imported

HELP = """Make sessions out of what others recorded. mlperf: a directory of LoadGen's results
(mlperf_log_detail.txt, mlperf_log_summary.txt) with the power log of PTDaemon (spl.txt) beside them.
mllog: a training log (result_0.txt), or a directory of them, with the power logs of its nodes
(power/result_0/node_0.txt).
result: what a benchmark client found out itself joins the session of its run (--into), so that its counts and
percentiles stand beside ours: a result file of vllm bench serve, SGLang, AIPerf, genai-perf, trtllm-bench,
llama-bench, locust; or what wrk or hey printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "kind",
        choices=("mlperf", "mllog", "result"),
        help="mlperf: an inference result; mllog: a training log; result: of a benchmark client",
    )
    parser.add_argument(
        "place", metavar="PATH", help="the directory of results, the training log, or the client's result"
    )
    parser.add_argument(
        "--into", metavar="FILE", help="result: the session of the run (a path, last, a name; default: last)"
    )
    parser.add_argument(
        "--power",
        metavar="PATH",
        help="mlperf: the power log (default: spl.txt in that directory); mllog: the directory of node_*.txt "
        "(default: power/result_N beside the log)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="session log, .jsonl or .jsonl.zst (default: in the user's state directory)",
    )
    parser.add_argument("--name", help="name of the session (default: that of the directory or the log)")
    parser.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], help="a condition of the work; repeatable"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="overwrite a file that exists; result: add one whose counts are there already",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")


def run(args: argparse.Namespace) -> int:
    if args.kind == "result":
        return _join(args)
    if args.into is not None:
        raise ConfigError(f"--into is for import result: import {args.kind} makes a session of its own (-o)")
    imported, lost = (_inference(args), 0) if args.kind == "mlperf" else _training(args)
    for place, one in enumerate(imported, start=1):
        if not _keep(args, one, is_last=place == len(imported)):
            return 1
    if args.kind == "mllog" and len(imported) + lost > 1:
        _tell_score(args, imported, lost)
    return 1 if lost else 0


def _join(args: argparse.Namespace) -> int:
    """A client's result into the session of its run."""
    from perfwatch.imports import clients
    from perfwatch.session import amend, shelf

    for option in ("output", "name", "power"):
        if getattr(args, option) is not None:
            raise ConfigError(f"--{option} is not for import result, which adds to a session: --into FILE")
    result = clients.read(Path(args.place))
    path = shelf.resolve(args.into or "last")
    fields = {**result.fields(), "file": Path(args.place).name}
    known = [one for one in amend.events_of(path, "client_result") if result.is_told_by(one)]
    if known and not args.force:
        file = clean(known[0].get("file"))
        raise ConfigError(
            f"cannot add {args.place} to {path}: this result is in it already, from {file} "
            f"(the same counts of {result.tool}); --force adds that of another run"
        )
    amend.add_event(path, "client_result", fields)
    told = ", ".join(f"{format_count(count)} {spoken(name)}" for name, count in result.work.items())
    results.say(
        f"perfwatch: {result.tool} counted {told}; added to {path}; "
        f"next: perfwatch summary {shlex.quote(args.into or 'last')}",
        quiet=args.quiet,
    )
    return 0


def _inference(args: argparse.Namespace) -> list[Imported]:
    from perfwatch.imports import mlperf

    return [mlperf.read(args.place, power=args.power, name=asking.name(args), tags=asking.tags(args.tag))]


def _training(args: argparse.Namespace) -> tuple[list[Imported], int]:
    """The runs of a log or of a directory, and how many logs of it hold no whole run."""
    from perfwatch.imports import mllog

    files = mllog.results_of(Path(args.place))
    if len(files) > 1 and (args.output or args.power):
        option = "-o" if args.output else "--power"
        raise ConfigError(f"cannot use {option} for the {len(files)} logs of a directory: import one of them")
    power = None if args.power is None else Path(args.power)
    imported: list[Imported] = []
    refused: list[SessionError] = []
    for file in files:
        try:
            imported.append(mllog.read(file, power=power, name=asking.name(args), tags=asking.tags(args.tag)))
        except SessionError as error:
            refused.append(error)
    if not imported:
        raise refused[0]
    for one in refused:
        results.say(f"perfwatch import: {one}")
    return imported, len(refused)


def _keep(args: argparse.Namespace, imported: Imported, *, is_last: bool) -> bool:
    """Write one session; whether it could be."""
    from perfwatch.sources.recording import Recording

    recording = Recording(imported.header["id"], output=args.output, keep=True, force=args.force)
    try:
        for record in (imported.header, *imported.records):
            recording.write(record)
    finally:
        recording.close()
    if recording.warning:
        results.say(f"perfwatch: {recording.warning}")
        return False
    for note in imported.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    if recording.path is not None:
        name = "last" if args.output is None and is_last else shlex.quote(recording.path)
        results.say(f"perfwatch: {recording.path}; next: perfwatch summary {name}", quiet=args.quiet)
    return True


def _tell_score(args: argparse.Namespace, imported: list[Imported], lost: int) -> None:
    """What MLPerf publishes of several runs."""
    from perfwatch.imports.mllog import score
    from perfwatch.units import format_quantity, significant

    found = score(imported, lost=lost)
    if found is None:
        results.say(
            "perfwatch: no score: too few of these runs converged for an Olympic mean", quiet=args.quiet
        )
        return
    energy = "" if found.joules is None else f", {format_quantity(found.joules, 'J', digits=4)}"
    results.say(
        f"perfwatch: Olympic mean of {found.runs} runs, best and worst left out: "
        f"{significant(found.minutes, 5)} min to train{energy}",
        quiet=args.quiet,
    )
