"""How does a run look on a terminal? The run goes on in a thread of its own while the dashboard is shown.

The screen can be closed, stopped or lost at any time: the run does not notice. What the job prints is shown,
kept beside the recording, and its end is printed when the screen is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from perfwatch.cli import asking, results, standard
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.job.pane import Pane
    from perfwatch.scene import BinsWanted, Frame, Scene
    from perfwatch.sources.found import Finder
    from perfwatch.sources.live import LiveSource

LAST_LINES = 40
"""So much of the job's output is printed when the screen is gone."""
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How the dashboard looks, for every command that shows one."""
    group = parser.add_argument_group(
        "the dashboard",
        "shown on a terminal; ? lists its keys, q closes it; --ascii and --no-color reach it too",
    )
    group.add_argument(
        "--theme",
        metavar="NAME",
        help="colours: one of ours or of yours (default: as the key t chose it last)",
    )
    group.add_argument(
        "--refresh",
        metavar="TIME",
        help="paint period (default: 1 s, or as the keys + and - left it); sampling is --interval",
    )


class Appearance(TypedDict):
    """How the dashboard is to look, as `perfwatch.tui.opening.show` takes it."""

    theme: str | None
    themes: Path | None
    ascii_only: bool
    no_color: bool
    paint_s: float | None


def appearance(args: argparse.Namespace, config: Config) -> Appearance:
    """What the command line says of the dashboard's look, else the config.

    Raises:
        ConfigError: the theme or the paint period cannot be used; said before anything is started.
    """
    from perfwatch.tui.themes import load_theme

    theme = args.theme or config.ui.theme
    if theme is not None:
        load_theme(theme, config.themes)
    return Appearance(
        theme=theme,
        themes=config.themes,
        ascii_only=bool(args.ascii or config.ui.ascii),
        no_color=bool(args.no_color or config.ui.color is False),
        paint_s=asking.duration(args.refresh, "--refresh"),
    )


def finder_for(args: argparse.Namespace) -> Finder | None:
    """What looks for a server to count the work of; None where the person said what counts it."""
    if getattr(args, "workload", None):
        return None
    from perfwatch.sources.found import Finder

    finder = Finder()
    finder.start()
    return finder


def wants_screen(args: argparse.Namespace) -> bool:
    """Whether this command line gets a dashboard: a terminal, and nothing that asks for less."""
    from perfwatch.tui import glimpse

    if args.headless or args.plain or args.json or args.output == "-":
        return False
    return glimpse.can_draw(standard.out(), os.environ)


@dataclass(frozen=True)
class Wording:
    """What is said when the screen was closed, and when ctrl-C was pressed in it: once, and once more."""

    closed: str
    interrupted: str
    again: str


OUR_JOB = Wording(
    "the screen is closed, the run goes on; ctrl-C ends the job",
    "SIGINT sent to the job; ctrl-C once more kills it",
    "job killed",
)
ATTACHED = Wording(
    "the screen is closed, the watching goes on; ctrl-C ends it, not what is watched",
    "the watching ends; what is watched goes on",
    "the watching ends; what is watched goes on",
)


class Screen:
    """The dashboard of one run, and what it needs of it.

    Args:
        args: the command line.
        config: what the user set up.
        wording: what it says of the job.

    Raises:
        ConfigError: it asks for a theme that cannot be used.
    """

    def __init__(self, args: argparse.Namespace, config: Config, wording: Wording = OUR_JOB) -> None:
        from perfwatch.job.pane import Pane
        from perfwatch.scene import Scene
        from perfwatch.tui import lean

        lean.load_asyncio()
        self._args = args
        self._wording = wording
        self._appearance = appearance(args, config)
        self.pane: Pane = Pane()
        self.scene: Scene = Scene(asking.duration(args.now, "--now") or 30.0)
        columns, lines = os.get_terminal_size(standard.out().fileno())
        self.size = max(columns, 20), max(lines - 2, 4)
        """Columns and lines of the pane: the job's terminal."""
        self.output_path = ""
        self._recording: Path | None = None

    def open_output(self, session_path: str | None) -> int:
        """A descriptor for the job's output: a file beside the recording, private; without one nowhere."""
        self._recording = None if session_path is None else Path(session_path)
        if session_path is None:
            return os.open(os.devnull, os.O_WRONLY)
        path = Path(f"{session_path.removesuffix('.zst').removesuffix('.jsonl')}.output")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
        try:
            fd = os.open(path, flags, 0o600)
        except OSError:
            return os.open(os.devnull, os.O_WRONLY)
        self.output_path = str(path)
        return fd

    def show(self, live: LiveSource, run: Callable[[], T]) -> T:
        """Show the run until the screen is closed, then wait for its end; raises what `run` raises."""
        work = _Work(run)
        work.start()
        finder = finder_for(self._args)
        feed = RunFeed(live, self.scene, self.pane, work, stays=self._args.stay, finder=finder)
        feed.recording = self._recording
        feed.wording = self._wording
        try:
            self._show(feed)
        finally:
            if finder is not None:
                finder.stop()
        if not work.done.is_set():
            results.say(f"perfwatch: {self._wording.closed}")
        self._print_last_lines()
        answer: T = work.result()
        return answer

    def _show(self, feed: RunFeed) -> None:
        from perfwatch.tui import opening

        opening.show(feed, standard.out(), **self._appearance)

    def _print_last_lines(self) -> None:
        """The newest of the job's output, and then whatever it still prints, as without a screen."""
        stream = standard.out()
        stream.flush()
        self.pane.hand_over(LAST_LINES, lambda data: _write(stream.fileno(), data))
        if self.pane.lines(1):
            _write(stream.fileno(), b"\x1b[0m")
        if self.output_path:
            results.say(f"perfwatch: the job's output is kept in {self.output_path}", quiet=self._args.quiet)


def _write(fd: int, data: bytes) -> None:
    """Write all of it; a terminal that is gone is no trouble of the job's."""
    view = memoryview(data)
    with contextlib.suppress(OSError):
        while view:
            view = view[os.write(fd, view) :]


class _Work(threading.Thread):
    """The run, on a thread of its own."""

    def __init__(self, run: Callable[[], Any]) -> None:
        super().__init__(name="perfwatch-run", daemon=True)
        self._run_it = run
        self._answer: Any = None
        self._error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._answer = self._run_it()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            self.done.set()

    def result(self) -> Any:
        """What the run gave, once it is over."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._answer


class LiveFeed:
    """This machine as the dashboard sees it, without a job."""

    over = False
    recording: Path | None = None
    """Where the recording lies."""

    def __init__(self, live: LiveSource, scene: Scene, finder: Finder | None = None) -> None:
        self._live = live
        self._scene = scene
        self._finder = finder
        self._taken = False

    def ask(self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool = True) -> Future[Frame]:
        """A frame, computed on the hub's thread."""
        if wanted:  # there are charts on the screen already
            self._live.shown.set()
        if at is None:
            return self._live.hub.ask(lambda: self._frame(wanted, figures))
        return self._live.hub.ask(lambda: self._scene.as_of(self._frame(wanted, figures), at))

    def _frame(self, wanted: Sequence[BinsWanted], figures: bool) -> Frame:
        hub = self._live.hub
        now_ns = self._live.clock.monotonic_ns() if hub.ended_ns is None else hub.ended_ns
        frame = self._scene.frame(hub.seconds(now_ns), wanted, figures=figures)
        if self._finder is not None and frame.counts_work:
            self._finder.stop()
            self._taken = True
        return frame

    @property
    def offer(self) -> str:
        """A server of this user's whose work nobody counts yet; empty if none was found."""
        return "" if self._finder is None or self._taken else self._finder.found

    def take_offer(self) -> str:
        """Count what that server tells, from now on."""
        from perfwatch.job import workloads
        from perfwatch.sources.live import Chosen

        url = self.offer
        if url:
            self._taken = True
            collector = workloads.polled(workloads.parse([url]))[0]
            self._live.add(Chosen(collector, collector.period_s))
            self._live.hub.event("note", {"source": "page", "text": f"a person added {url}"})
        return url

    def mark(self, name: str, edge: str) -> None:
        """Record a mark."""
        self._live.request_readings()
        self._live.hub.event("mark", {"name": clean(name, 64), "edge": edge, "origin": "person"})

    def interrupt(self) -> str:
        """There is no job."""
        return ""


class RunFeed(LiveFeed):
    """A run as the dashboard sees it."""

    wording = OUR_JOB

    def __init__(
        self,
        live: LiveSource,
        scene: Scene,
        pane: Pane,
        work: _Work,
        *,
        stays: bool,
        finder: Finder | None = None,
    ) -> None:
        super().__init__(live, scene, finder)
        self._pane = pane
        self._work = work
        self._stays = stays
        self._interrupts = 0

    @property
    def over(self) -> bool:  # type: ignore[override]
        """The dashboard closes with the run, unless it was told to stay."""
        return self._work.done.is_set() and not self._stays

    def _frame(self, wanted: Sequence[BinsWanted], figures: bool) -> Frame:
        return replace(super()._frame(wanted, figures), output=self._pane.lines(1000))

    def interrupt(self) -> str:
        """Do as ctrl-C does; the signal goes the way of every other."""
        if self._work.done.is_set():
            return ""
        self._interrupts += 1
        os.kill(os.getpid(), signal.SIGINT)
        return self.wording.interrupted if self._interrupts == 1 else self.wording.again
