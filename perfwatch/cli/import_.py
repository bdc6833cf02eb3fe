"""`perfwatch import mlperf DIR`: what others recorded, as a session of ours."""

from __future__ import annotations

import argparse
import shlex

from perfwatch.cli import asking, results

HELP = """Make a session out of what others recorded: a directory of LoadGen's results
(mlperf_log_detail.txt, mlperf_log_summary.txt) with the power log of PTDaemon (spl.txt) beside them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=("mlperf",), help="mlperf: an inference result of LoadGen")
    parser.add_argument("place", metavar="DIR", help="the directory of results, or one above run_1")
    parser.add_argument("--power", metavar="FILE", help="the power log (default: spl.txt in that directory)")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="session log, .jsonl or .jsonl.zst (default: in the user's state directory)",
    )
    parser.add_argument("--name", help="name of the session (default: that of the directory)")
    parser.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], help="a condition of the work; repeatable"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing")


def run(args: argparse.Namespace) -> int:
    from perfwatch.imports import mlperf
    from perfwatch.sources.recording import Recording

    tags = asking.tags(args.tag)
    imported = mlperf.read(args.place, power=args.power, name=args.name, tags=tags)
    recording = Recording(imported.header["id"], output=args.output, keep=True, force=args.force)
    try:
        for record in (imported.header, *imported.records):
            recording.write(record)
    finally:
        recording.close()
    if recording.warning:
        results.say(f"perfwatch: {recording.warning}")
        return 1
    for note in imported.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    if recording.path is not None:
        name = "last" if args.output is None else shlex.quote(args.output)
        results.say(f"perfwatch: {recording.path}; next: perfwatch summary {name}", quiet=args.quiet)
    return 0
