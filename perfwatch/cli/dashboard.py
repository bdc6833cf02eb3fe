"""`perfwatch` alone: the dashboard of this machine, until `q`."""

from __future__ import annotations

import argparse
import gc
import os

from perfwatch.cli import asking, results, standard, watching
from perfwatch.cli.feeds import LiveFeed

LEAVE_S = 0.2
"""Nothing is recorded: nobody waits for a call that hangs."""

HELP = """The dashboard of this machine, until `q`. On something that is no terminal: one reading, as a table
(`perfwatch snapshot`)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser)
    watching.add_arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no notes")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    parser.add_argument("--no-color", action="store_true", help="no colours (also NO_COLOR)")
    parser.add_argument("--now", metavar="TIME", default="30s", help="span of the figures of now")


def run(args: argparse.Namespace) -> int:
    from perfwatch.tui import glimpse

    if not glimpse.can_draw(standard.out(), os.environ):
        from perfwatch.cli import main

        return main(["snapshot"])
    gc.disable()  # until the screen is there: imports make no garbage, and looking for some takes 10 ms
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.config import load_config
    from perfwatch.scene import Scene
    from perfwatch.sources import choose
    from perfwatch.sources.live import LiveSource
    from perfwatch.tui import lean, opening

    standard.keep_for_data()  # what plugins print must not reach the screen
    glimpse.show(standard.out())
    lean.load_asyncio()
    config = load_config(args.config)
    appearance = watching.appearance(args, config)
    scene = Scene(asking.now_s(args))
    scene.beside = watching.beside(args)
    live = LiveSource(
        chosen_collectors(args, config),
        [scene],
        interval_s=choose.interval(args, config),
        header={"settings": config.settings().to_json()},
        at_once=True,
    )
    live.start(later=("host", "rapl"))
    finder = watching.finder_for(args)
    try:
        opening.show(
            LiveFeed(live, scene, finder),
            standard.out(),
            **appearance,
        )
    finally:
        if finder is not None:
            finder.stop()
        live.stop(LEAVE_S)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    return 0
