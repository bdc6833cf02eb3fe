"""`perfwatch` alone: the dashboard of this machine, until `q`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from perfwatch.cli import asking, results
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.scene import BinsWanted, Frame, Scene
    from perfwatch.sources.live import LiveSource

HELP = """The dashboard of this machine, until `q`. On something that is no terminal: one reading, as a table
(`perfwatch snapshot`)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser)
    add_view_arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no notes")
    parser.add_argument("--now", metavar="TIME", default="30s", help="span of the figures of now")


def add_view_arguments(parser: argparse.ArgumentParser) -> None:
    """How the dashboard looks, for every command that shows one."""
    group = parser.add_argument_group("the dashboard")
    group.add_argument("--theme", metavar="NAME", help="colours; t chooses and shows them")
    group.add_argument("--refresh", metavar="TIME", help="paint period (default: 1 s); + and - change it")


def run(args: argparse.Namespace) -> int:
    from perfwatch.tui import opening

    if not opening.can_draw(sys.stdout, os.environ):
        from perfwatch.cli import _run

        return _run("snapshot", sys.argv[1:])
    opening.glimpse("looking for devices ...")
    from perfwatch.config import load_config
    from perfwatch.scene import Scene
    from perfwatch.sources import choose
    from perfwatch.sources.live import LiveSource

    config = load_config(args.config)
    scene = Scene(asking.duration(args.now, "--now") or 30.0)
    live = LiveSource(
        choose.choose(args, config),
        [scene],
        interval_s=choose.interval(args, config),
        header={"settings": config.settings().to_json()},
    )
    live.start()
    try:
        opening.show(LiveFeed(live, scene), args.theme, paint_s=asking.duration(args.refresh, "--refresh") or 1.0)
    finally:
        live.stop()
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    return 0


class LiveFeed:
    """This machine as the dashboard sees it, without a job."""

    over = False

    def __init__(self, live: LiveSource, scene: Scene) -> None:
        self._live = live
        self._scene = scene

    def ask(self, wanted: Sequence[BinsWanted], at: float | None) -> Future[Frame]:
        hub, scene, clock = self._live.hub, self._scene, self._live.clock
        return hub.ask(lambda: scene.frame(hub.seconds(clock.monotonic_ns()) if at is None else at, wanted))

    def mark(self, name: str, edge: str) -> None:
        self._live.hub.event("mark", {"name": clean(name, 64), "edge": edge, "origin": "perfwatch"})

    def interrupt(self) -> str:
        return ""
