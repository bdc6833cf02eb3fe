"""`perfwatch replay FILE`: a recorded session on the dashboard, as it was."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from perfwatch.cli import asking, results, standard, watching
from perfwatch.cli.feeds import OUTPUT_LINES
from perfwatch.errors import ConfigError, SessionError

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.frame import BinsWanted, Frame
    from perfwatch.playback.player import Player
    from perfwatch.playback.recording import Recording

HELP = """A recorded session on the dashboard, as it was: play and stand still (space), step ([ and ]), jump
to marks ({ and }), go to a time (g), faster and slower (< and >). A file that is still being written is
followed. FILE: a path, `-`, last, last~1, or a name or tag of a run. Without a terminal: its summary."""

SLOWEST, FASTEST = 0.1, 1000.0
PAUSE_S = 1.0
"""A pipe that brought nothing for so long has brought what there is."""
OUTPUT_BYTES = 1 << 20
"""So much of the end of a job's output is looked at."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="last", metavar="FILE", help="the session")
    parser.add_argument("--speed", metavar="N", default="1", help="play so fast, 0.1 to 1000 (default: 1)")
    parser.add_argument(
        "--at", metavar="PLACE", help="begin there: 1:23, 90s, 50%%, end, a mark or a phase (default: begin)"
    )
    parser.add_argument("--paused", action="store_true", help="stand still at first")
    watching.add_arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no notes")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    parser.add_argument("--no-color", action="store_true", help="no colours (also NO_COLOR)")
    parser.add_argument("--now", metavar="TIME", default="30s", help="span of the figures of now")
    parser.add_argument("--config", metavar="FILE", help="configuration file instead of the user's own")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.session.shelf import resolve
    from perfwatch.tui import glimpse

    speed = _speed(args.speed)
    config = load_config(args.config)
    watching.check(args, config)
    path = resolve(args.file)
    piped = _keep_what_is_piped() if path == "-" and standard.out().isatty() else None
    if not glimpse.can_draw(standard.out(), os.environ):
        from perfwatch.cli import main

        return main(["summary", args.file])
    return _show(args, config, path, speed, piped)


def _keep_what_is_piped() -> BinaryIO | None:
    """The session that comes through standard input, where the terminal's keys come from then.

    Raises:
        SessionError: nothing comes through it.
    """
    if sys.stdin.isatty():
        raise SessionError("standard input is the terminal: pipe a session into `perfwatch replay -`")
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    piped = os.fdopen(os.dup(0), "rb")
    os.dup2(terminal, 0)
    os.close(terminal)
    return piped


def _show(args: argparse.Namespace, config: Config, path: str, speed: float, piped: BinaryIO | None) -> int:
    from perfwatch.playback.player import Player
    from perfwatch.playback.reading import Reading
    from perfwatch.scene import Scene
    from perfwatch.tui import glimpse, lean, opening

    reading = Reading(path, piped)
    standard.keep_for_data()  # what anybody prints must not reach the screen
    glimpse.show(standard.out(), "reading the recording ...")
    lean.load_asyncio()
    appearance = watching.appearance(args, config)
    beside = watching.beside(args)

    def new_scene() -> Scene:
        scene = Scene(asking.now_s(args))
        scene.beside = beside
        return scene

    reading.start()
    player = Player(reading.recording, new_scene, speed=speed, playing=not args.paused)
    feed = ReplayFeed(player, path)
    try:
        if args.at:
            _wait_for(reading.recording, pauses=piped is not None)
            feed.go_to(args.at)
        player.start()
        opening.show(feed, standard.out(), **appearance)
    finally:
        player.stop()
        reading.stop()
    if reading.trouble:
        results.say(
            f"perfwatch replay: {reading.trouble}; what was read before it was shown", quiet=args.quiet
        )
    return 0


def _wait_for(recording: Recording, *, pauses: bool) -> None:
    """Until all is read that there is; a pipe does not tell that, unless it ends or pauses."""
    so_far = -1.0
    while not recording.is_up_to_date.wait(PAUSE_S):
        if pauses and recording.end_t == so_far:
            return
        so_far = recording.end_t


def _speed(text: str) -> float:
    try:
        speed = float(text.strip().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not SLOWEST <= speed <= FASTEST:
        raise ConfigError(f"cannot play {text!r} times as fast: --speed takes {SLOWEST:g} to {FASTEST:g}")
    return speed


def _output_of(recording: Path) -> tuple[str, ...]:
    """The newest lines of the job's output, which is kept beside its recording."""
    from perfwatch.job.pane import Pane
    from perfwatch.session.shelf import stem

    pane = Pane()
    try:
        with Path(f"{stem(str(recording))}.output").open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - OUTPUT_BYTES))
            pane.feed("output", stream.read(), 0)
    except OSError:
        return ()
    return pane.lines(OUTPUT_LINES)


class ReplayFeed:
    """A recording as the dashboard sees it.

    Args:
        player: what goes through it.
        path: of its file.
    """

    over = False

    def __init__(self, player: Player, path: str) -> None:
        self._player = player
        player.finish = self.with_output
        self._output: tuple[str, ...] | None = None
        self.recording: Path | None = None if path == "-" else Path(path)

    def ask(
        self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool | None = True
    ) -> Future[Frame]:
        """A frame of where the replay is."""
        return self._player.ask(wanted, figures=figures)

    def with_output(self, frame: Frame) -> Frame:
        """What the job printed: nothing tells when it did, so it is shown where the job has ended."""
        if "end" not in frame.job or self.recording is None:
            return frame
        if self._output is None:
            self._output = _output_of(self.recording)
        return replace(frame, output=self._output)

    @property
    def origin(self) -> float:
        """Times of the run are counted from here."""
        from perfwatch.playback.places import origin_of

        return origin_of(self._player.recording)

    def toggle(self) -> None:
        """Play, or stand still."""
        self._player.toggle()

    def change_speed(self, step: int) -> float:
        """Play faster or slower."""
        return self._player.change_speed(step)

    def step(self, steps: int) -> None:
        """One reading on, or back."""
        self._player.step(steps)

    def jump(self, steps: int) -> str:
        """To the next moment that has a name, or the one before."""
        from perfwatch.playback import moments

        there = self._player.recording
        find = moments.after if steps > 0 else moments.before
        found = find(there.moments, self._player.t)
        edge = there.end_t if steps > 0 else 0.0
        self._player.go_to(edge if found is None else found.t + moments.SEEN_S)
        return "" if found is None else found.name

    def seek(self, seconds: float) -> None:
        """So far on, or back."""
        self._player.go_to(self._player.t + seconds)

    def go_to(self, text: str) -> None:
        """Where a person says.

        Raises:
            ConfigError: it is no place.
        """
        from perfwatch.playback.places import place_of

        self._player.go_to(place_of(text, self._player.recording, self._player.t))

    def mark(self, name: str, edge: str, at_ns: int | None = None) -> None:
        """Nothing is added to what is recorded."""

    def interrupt(self) -> str:
        """There is no job."""
        return ""
