"""`perfwatch summary FILE`: a recorded session's summary, the same to the last digit as after the run."""

from __future__ import annotations

import argparse
import gc

from perfwatch.cli import asking, results

HELP = "The summary of a recorded run. FILE: a path, `-`, last, last~1, or a name or tag of a run."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="last", metavar="FILE", help="the session")
    asking.add_summary_arguments(parser)
    asking.add_output_arguments(parser)
    asking.add_window_arguments(parser)
    parser.add_argument(
        "--against",
        metavar="mlperf[/BENCHMARK/SCENARIO]",
        help="put the run beside published results of its benchmark and scenario; its tags or logs name both",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config

    gc.disable()  # records hold no cycles, and a day of them is looked through again and again
    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    gates = results.Gates.parse(args)
    results.check_summary_file(args)
    tape, path = results.load(args.file)
    summary = results.summarise(tape, asking.settings_of(args, config, tape.header))
    if args.against is not None:
        from perfwatch.derive.against import against

        summary["against"] = against(summary, **asking.published(args.against))
    results.show(args, config, summary, log_path=None if path == "-" else path, called=args.file)
    return gates.judge(summary, otherwise=0)
