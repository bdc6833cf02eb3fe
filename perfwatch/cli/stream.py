"""`perfwatch stream`: readings as they come, one JSON line each, on standard output."""

from __future__ import annotations

import argparse
import errno
import os

from perfwatch.cli import asking, results, standard

HELP = """Write a header and then every reading as it comes to standard output, one JSON line each, until
ctrl-C, --duration, or the reader has enough. The format is that of session files, so that
`ssh host perfwatch stream > run.jsonl` records another machine."""
TAGS_HELP = "a condition of the work; repeatable"
PROMPT_S = 0.1
"""Whoever reads a stream looks at it now: a reading waits no longer than this."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser)
    group = parser.add_argument_group("the stream")
    group.add_argument("--duration", metavar="TIME", help="end after so long")
    group.add_argument("--name", help="name of the session")
    group.add_argument("--tag", metavar="KEY=VALUE", action="append", default=[], help=TAGS_HELP)
    group.add_argument("-q", "--quiet", action="store_true", help="no notes on standard error")


def run(args: argparse.Namespace) -> int:
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.cli.until import status_of, wait_for_the_end
    from perfwatch.config import load_config
    from perfwatch.exporters.outlet import Outlet
    from perfwatch.job.signals import SignalQueue
    from perfwatch.sources import choose
    from perfwatch.sources.conditions import conditions
    from perfwatch.sources.live import LiveSource

    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    duration_s = asking.duration(args.duration, "--duration")
    header = {"name": asking.name(args), "tags": asking.tags(args.tag), "conditions": conditions()}
    chosen, interval_s = chosen_collectors(args, config), choose.interval(args, config)
    signals = SignalQueue()
    signals.open()  # before any thread starts, so that none of them takes a signal
    try:
        outlet = Outlet(os.dup(standard.out().fileno()))
        live = LiveSource(chosen, [outlet], interval_s=interval_s, header=header, turn_s=PROMPT_S)
        live.start()
        ending = wait_for_the_end(signals, duration_s, outlet.closed.is_set)
        live.stop()
        outlet.close()
    finally:
        signals.close()
    if outlet.trouble and outlet.trouble != os.strerror(errno.EPIPE):
        results.say(f"perfwatch stream: cannot write to standard output: {outlet.trouble}")
        return 1
    return status_of(ending)
