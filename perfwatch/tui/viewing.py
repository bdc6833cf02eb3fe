"""What does the dashboard show, and when? A feed's frames, painted at their rate.

A frame is asked for at the paint rate and computed on the hub's thread; meanwhile the event loop is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TextIO

from perfwatch.frame import DeviceNow, Frame
from perfwatch.tui import chrome
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Row, fitted
from perfwatch.tui.feed import Feed, Offers
from perfwatch.tui.look import Look
from perfwatch.tui.pace import Pace
from perfwatch.tui.pause import Pause
from perfwatch.tui.picture import Picture
from perfwatch.tui.places import Places
from perfwatch.tui.replaying import Plays, Replaying
from perfwatch.tui.screens import WITH_FIGURES, devices
from perfwatch.tui.screens import draw as draw_screen
from perfwatch.tui.settings import Settings
from perfwatch.tui.view import View
from perfwatch.tui.window import MeasuredWindow

FIRST_S, FIRST_LOOK_S = 2.0, 0.03
"""For so long after the start frames are asked for as often as this, until one has readings."""
LEAST_WITH_CHROME = 8
"""Lines of a terminal that has room for title and footer."""
ON_ITS_WAY_S = 0.1
"""A replay that is not yet where it goes to is looked at again after so long."""
MESSAGE_S = 4.0
"""How long the footer says something."""


class Viewing(Picture):
    """Shows a feed.

    Args:
        feed: where frames come from.
        look: colours.
        view: what to show first.
        stream: the terminal to write to.
        paint_s: how often to paint, s.
        direct: paint changed cells past Textual's compositor while nothing lies over the canvas.
        first_screen: the screen to begin with; chosen by what there is where it is empty.
        themes: where the user's own themes lie.
        kept: what is remembered from the last time; keys change it.
        note: what to say at the start.
    """

    def __init__(
        self,
        feed: Feed,
        look: Look,
        view: View | None = None,
        *,
        stream: TextIO | None = None,
        paint_s: float = 1.0,
        direct: bool = True,
        first_screen: str = "",
        themes: Path | None = None,
        kept: Settings | None = None,
        note: str = "",
    ) -> None:
        super().__init__(look, stream=stream, direct=direct)
        self.feed = feed
        self._offering = feed if isinstance(feed, Offers) else None  # asked once: a protocol answers slowly
        self._replay = Replaying(feed, self.say) if isinstance(feed, Plays) else None
        self.view = view or View()
        self.frame: Frame | None = None
        self.dropped = 0
        """Frames that were not painted because the terminal had not taken the last one."""
        self._pace = Pace(paint_s, self._on_time, self._handle_exception)
        self._first_screen = first_screen
        self._themes = themes
        self.kept = kept or Settings()
        """What is to be remembered for the next time."""
        self._note = note
        self._pause = Pause()
        self._window = MeasuredWindow()
        self._places = Places()
        self._again = False
        self._book = Book()
        self._asking: Future[Frame] | None = None
        self._ahead: Future[Frame] | None = None
        self._message = ""
        self._quiet_at = 0.0

    # -- the life of the app -----------------------------------------------------------------------

    def look_ahead(self) -> None:
        """Ask for a frame before there is a screen, so that its first picture has values already."""
        self._ahead = self.feed.ask((), None, figures=None)

    def on_mount(self) -> None:
        """Begin to paint."""
        self.open_picture()
        if self._ahead is not None and self._ahead.done():
            self._got(self._ahead)
            self.first_is_painted()
        self._pace.start()
        self._look_for_the_first(time.monotonic() + FIRST_S)

    def _on_time(self) -> None:
        if self.is_running:
            self.tick()

    def _look_for_the_first(self, until_s: float) -> None:
        """Do not wait for the paint clock until the first readings are there."""
        self.tick()
        known = self.frame is not None and any(one.t is not None for one in measured(self.frame))
        if not known and time.monotonic() < until_s:
            self.set_timer(FIRST_LOOK_S, lambda: self._look_for_the_first(until_s))

    def on_unmount(self) -> None:
        """Paint no more."""
        self._pace.stop()
        self.close_picture()

    def tick(self) -> None:
        """Ask for a frame, unless one is on its way or the terminal is behind."""
        if self.feed.over:
            self.exit()
            return
        if self.is_behind:
            self.dropped += 1
            return
        self.look_at_terminal()
        self.ask()

    def ask(self) -> None:
        """Ask for a frame now."""
        if self._asking is not None and not self._asking.done():
            self._again = True
            return
        self._again = False
        loop = asyncio.get_running_loop()
        figures = None if self.frame is None else self.view.screen in WITH_FIGURES
        self._asking = self.feed.ask(self._book.wanted(), self.view.paused_at, figures=figures)
        self._asking.add_done_callback(lambda answer: hand_over(loop, self._got, answer))

    def _got(self, answer: Future[Frame]) -> None:
        """Take a frame. What goes wrong here is said as Textual says it, not lost in the event loop."""
        if not self.is_running or answer.cancelled():
            return
        try:
            self._take(answer.result())
        except Exception as error:  # noqa: BLE001 - see above
            self._handle_exception(error)

    def _take(self, frame: Frame) -> None:
        first = self.frame is None
        self._follow_playback(frame)
        self.frame = self._pause.shown(frame, self.view.paused_at, self.frame)
        self._book.learn(frame.bins)
        if first:
            self._begin_with(frame)
        if self._message and time.monotonic() >= self._quiet_at:
            self._message = ""
        self.view = self._places.settled(self.frame, self.view)
        unknown = self._book.unknown
        self.redraw()
        if self._again or self._book.unknown - unknown:  # charts that are new: ask for their past at once
            self.ask()

    def _follow_playback(self, frame: Frame) -> None:
        """Of a replay that went elsewhere the charts are drawn anew; of one on its way ask again soon."""
        before, now = None if self.frame is None else self.frame.playback, frame.playback
        if now is None:
            return
        if before is not None and now.jumps != before.jumps:
            self._book = Book()
        if now.seen is not None:
            asyncio.get_running_loop().call_later(ON_ITS_WAY_S, self._ask_again)

    def _ask_again(self) -> None:
        if self.is_running:
            self.ask()

    def _begin_with(self, frame: Frame) -> None:
        self.view = self.view.with_(screen=self._first_screen or first_screen(frame))
        if self._note:
            self._message, self._quiet_at = self._note, time.monotonic() + 2 * MESSAGE_S

    @property
    def replays(self) -> bool:
        """Whether it shows what is recorded."""
        return self._replay is not None

    # -- painting ----------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The whole picture of now."""
        columns, height = self.room
        if columns < 1 or height < 1:
            return []
        if self.frame is None:
            return fitted([chrome.title(None, self.view, columns)], columns, height)
        top, bottom = self._chrome(height)
        size = columns, height - top - bottom
        rows = draw_screen(self.frame, self.view, size, self._book)
        if top:
            rows = [self._title(self.frame, columns), *rows]
        if bottom:
            rows = [*rows, chrome.footer(self.view, self._message, columns, **self._footer_has())]
        return ascii_rows(rows) if self.view.ascii else rows

    def _chrome(self, height: int) -> tuple[bool, bool]:
        """Whether there is a title and a footer. In a few lines only for what must be said there."""
        if height >= LEAST_WITH_CHROME or self.frame is None:
            return True, True
        special = self.frame.simulated or self.view.paused_at is not None or self._window.since is not None
        return height > 1 and special, height > 2 and bool(self._message)

    def _title(self, frame: Frame, columns: int) -> Row:
        at = "" if self._replay is None or frame.playback is None else self._replay.clock(frame.playback)
        return chrome.title(frame, self.view, columns, window_since=self._window.since, clock=at)

    def _footer_has(self) -> dict[str, Any]:
        """What the footer offers beside the keys, a server that was found; and whether it is a replay's."""
        url = self._offering.offer if self._offering is not None else ""
        offers = [f"a count {url.removeprefix('http://').removesuffix('/metrics')}"] if url else []
        return {"offers": offers, "replay": self.replays}

    def say(self, text: str) -> None:
        """Say something in the footer for a while."""
        self._message = text
        self._quiet_at = time.monotonic() + MESSAGE_S
        self.redraw()

    def look_at(self, **changes: object) -> None:
        """Change the view and show it at once."""
        self.view = self.view.with_(**changes)
        self.redraw()
        self.ask()


def hand_over(loop: asyncio.AbstractEventLoop, take: Any, answer: Future[Frame]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: we are leaving
        loop.call_soon_threadsafe(take, answer)


def measured(frame: Frame) -> list[DeviceNow]:
    """What a person waits to see: anything but the host, where there is anything."""
    return [one for one in frame.devices if one.device.kind in devices.MEASURED]


def first_screen(frame: Frame) -> str:
    """Run where there is a job, begun or not, or work is known; else the devices."""
    return "run" if frame.counts_work or frame.job or frame.header.get("command") else "devices"
