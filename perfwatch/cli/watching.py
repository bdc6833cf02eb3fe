"""How does a run look on a terminal? The run goes on in a thread of its own while the dashboard is shown.

The screen can be closed, stopped or lost at any time: the run does not notice. What the job prints is shown,
kept beside the recording, and its end is printed when the screen is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from perfwatch.cli import asking, results, standard
from perfwatch.cli.feeds import OUR_JOB, RunFeed, Wording
from perfwatch.errors import ConfigError
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.frame import RunBeside
    from perfwatch.job.pane import Pane
    from perfwatch.scene import Scene
    from perfwatch.sources.found import Finder
    from perfwatch.sources.live import LiveSource
    from perfwatch.tui.feed import Feed

FASTEST_S, SLOWEST_S = 0.05, 60.0
"""Paint periods."""
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
    add_beside_argument(group)


def add_beside_argument(group: argparse._ArgumentGroup) -> None:
    """Recorded runs on the screen of efficiency."""
    group.add_argument(
        "--beside",
        metavar="FILE",
        action="append",
        default=[],
        help="a recorded run to show beside this one on screen 5 (a path, last, a name), or published "
        "systems: mlperf/resnet50/offline; repeatable",
    )


def beside(args: argparse.Namespace) -> tuple[RunBeside, ...]:
    """The runs of `--beside`.

    Raises:
        SessionError: one of them cannot be read.
        ConfigError: one of them tells no power or no work.
    """
    return tuple(chain.from_iterable(_beside(file) for file in args.beside))


def _beside(file: str) -> list[RunBeside]:
    from perfwatch.frame import RunBeside

    if file.partition("/")[0].casefold() == "mlperf":
        return published(file)
    tape, _ = results.load(file)
    summary = results.summarise(tape, None)
    watts = summary["power"]["mean_watts"]
    rates = {name: work["rate_per_s"] for name, work in summary["work"].items() if work["rate_per_s"]}
    if watts is None or not rates:
        lacks = "work" if watts else "power"
        raise ConfigError(f"cannot show {clean(file)} beside this run: it tells no {lacks}")
    return [RunBeside(Path(file).name, str(summary["energy"]["scope"]), watts, rates)]


def published(word: str) -> list[RunBeside]:
    """Published systems of one benchmark and scenario whose power is known: `mlperf/resnet50/offline`.

    Raises:
        ConfigError: there are none.
    """
    from perfwatch.frame import RunBeside
    from perfwatch.yardstick.table import benchmark_of, find, in_order, scenario_of

    named = asking.published(word)
    if len(named) < 2:
        raise ConfigError(
            f"cannot show {clean(word, 60)!r} beside this run: say which benchmark and scenario, as in "
            "mlperf/resnet50/offline"
        )
    scenario = scenario_of(named["scenario"])
    rows = in_order(find(benchmark_of(named["benchmark"], scenario), scenario))
    found = [
        RunBeside(f"{row.submitter} {row.system}, {row.round}", "wall", row.watts, row.rates)
        for row in rows
        if row.watts is not None and row.rates
    ]
    if not found:
        raise ConfigError(f"cannot show {clean(word, 60)!r} beside this run: no such result tells its power")
    return found


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
        paint_s=_paint_s(args.refresh),
    )


def check(args: argparse.Namespace, config: Config) -> None:
    """What only a screen needs is checked where there is none too: a script's mistake is not kept for later.

    Raises:
        SessionError, ConfigError: the theme, the paint period or a run to show beside cannot be used.
    """
    appearance(args, config)
    if args.beside and not wants_screen(args):
        beside(args)


def _paint_s(text: str | None) -> float | None:
    """The paint period, s; no faster than a terminal shows, no slower than one notices that it lives."""
    period_s = asking.duration(text, "--refresh")
    if period_s is not None and not FASTEST_S <= period_s <= SLOWEST_S:
        raise ConfigError(f"cannot use --refresh {clean(text, 60)!r}: it takes 50ms to 60s, as in 500ms")
    return period_s


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


class Screen:
    """A dashboard, and what it needs: what is known, what a job printed, how it looks.

    Args:
        args: the command line.
        config: what the user set up.

    Raises:
        ConfigError: it asks for a theme that cannot be used.
    """

    def __init__(self, args: argparse.Namespace, config: Config) -> None:
        from perfwatch.job.pane import Pane
        from perfwatch.scene import Scene
        from perfwatch.tui import lean

        lean.load_asyncio()
        self._args = args
        self._appearance = appearance(args, config)
        self.pane: Pane = Pane()
        self.scene: Scene = Scene(asking.now_s(args))
        self.scene.beside = beside(args)

    def open(self, feed: Feed) -> None:
        """Show it until it is closed."""
        from perfwatch.tui import opening

        opening.show(feed, standard.out(), **self._appearance)


class RunScreen(Screen):
    """The dashboard of one run.

    Args:
        wording: what it says of the job.
    """

    def __init__(self, args: argparse.Namespace, config: Config, wording: Wording = OUR_JOB) -> None:
        super().__init__(args, config)
        self._wording = wording
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
        from perfwatch.session.shelf import stem

        path = Path(f"{stem(session_path)}.output")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
        try:
            fd = os.open(path, flags, 0o600)
        except OSError:
            return os.open(os.devnull, os.O_WRONLY)
        self.output_path = str(path)
        return fd

    def discard_output(self) -> None:
        """There was no job: its output is none."""
        if self.output_path:
            with contextlib.suppress(OSError):
                Path(self.output_path).unlink()

    def show(self, live: LiveSource, run: Callable[[], T]) -> T:
        """Show the run until the screen is closed, then wait for its end; raises what `run` raises."""
        work = _Work(run)
        work.start()
        finder = finder_for(self._args)
        feed = RunFeed(live, self.scene, self.pane, work.done, stays=self._args.stay, finder=finder)
        feed.recording = self._recording
        feed.wording = self._wording
        try:
            self.open(feed)
        finally:
            if finder is not None:
                finder.stop()
        if not work.done.is_set():
            results.say(f"perfwatch: {self._wording.closed}")
        self._print_last_lines()
        answer: T = work.result()
        return answer

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
