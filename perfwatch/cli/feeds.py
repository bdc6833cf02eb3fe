"""Where does the dashboard of this machine get its frames from, and what happens to what it asks for?"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch.text import clean

if TYPE_CHECKING:
    import threading

    from perfwatch.frame import BinsWanted, Frame
    from perfwatch.job.pane import Pane
    from perfwatch.scene import Scene
    from perfwatch.sources.found import Finder
    from perfwatch.sources.live import LiveSource

OUTPUT_LINES = 1000
"""So many of a job's newest lines can be scrolled through."""


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

    def ask(
        self, wanted: Sequence[BinsWanted], at: float | None, *, figures: bool | None = True
    ) -> Future[Frame]:
        """A frame, computed on the hub's thread."""
        if wanted:  # there are charts on the screen already
            self._live.shown.set()
        if at is None:
            return self._live.hub.ask(lambda: self._frame(wanted, figures))
        return self._live.hub.ask(lambda: self._scene.as_of(self._frame(wanted, figures), at))

    def _frame(self, wanted: Sequence[BinsWanted], figures: bool | None) -> Frame:
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

    def mark(self, name: str, edge: str, at_ns: int | None = None) -> None:
        """Record a mark."""
        self._live.request_readings()
        self._live.hub.event("mark", {"name": clean(name, 64), "edge": edge, "origin": "person"}, at_ns)

    def interrupt(self) -> str:
        """There is no job."""
        return ""


class JobFeed(LiveFeed):
    """This machine with a job that prints and comes to its end.

    Args:
        pane: what the job printed.
        done: set when it is over.
        stays: whether the dashboard stays then.
    """

    def __init__(
        self,
        live: LiveSource,
        scene: Scene,
        pane: Pane,
        done: threading.Event,
        *,
        stays: bool,
        finder: Finder | None = None,
    ) -> None:
        super().__init__(live, scene, finder)
        self._pane = pane
        self._done = done
        self._stays = stays

    @property
    def over(self) -> bool:  # type: ignore[override]
        """The dashboard closes with the job, unless it was told to stay."""
        return self._done.is_set() and not self._stays

    def _frame(self, wanted: Sequence[BinsWanted], figures: bool | None) -> Frame:
        return replace(super()._frame(wanted, figures), output=self._pane.lines(OUTPUT_LINES))


class RunFeed(JobFeed):
    """A run as the dashboard sees it."""

    wording = OUR_JOB
    _interrupts = 0

    def interrupt(self) -> str:
        """Do as ctrl-C does; the signal goes the way of every other."""
        if self._done.is_set():
            return ""
        self._interrupts += 1
        os.kill(os.getpid(), signal.SIGINT)
        return self.wording.interrupted if self._interrupts == 1 else self.wording.again
