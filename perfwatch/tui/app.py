"""The dashboard: what its keys do. What is drawn is decided in screens/, what is shown when in viewing.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from perfwatch.errors import ConfigError, reason_of
from perfwatch.frame import DeviceNow, Frame
from perfwatch.tui import chrome
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row
from perfwatch.tui.draw.source_list import SOURCES
from perfwatch.tui.draw.words import clock
from perfwatch.tui.feed import Kept
from perfwatch.tui.keys import KEYS
from perfwatch.tui.look import Look
from perfwatch.tui.pause import STEPS
from perfwatch.tui.replaying import NO_REPLAY, RECORDED
from perfwatch.tui.screens import EVENTS, WITH_FIGURES, devices, module_of, sorts
from perfwatch.tui.screens import draw as draw_screen
from perfwatch.tui.settings import WHOLE
from perfwatch.tui.view import SCREENS, SPANS_S
from perfwatch.tui.viewing import Viewing, hand_over
from perfwatch.tui.window import BEGIN, MEASURE, UNDO

if TYPE_CHECKING:
    from textual.command import Provider

SPANS_IN_WORDS = {60.0: "1 min", 300.0: "5 min", 3600.0: "1 h", None: "the whole session"}


def _palette() -> type[Provider]:
    """Loaded when the palette is opened first."""
    from perfwatch.tui.commands import Commands

    return Commands


class Dashboard(Viewing):
    """Takes keys and clicks."""

    TITLE = "perfwatch"
    COMMANDS: ClassVar[Any] = {_palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=keys == "ctrl+c")
        for keys, action in dict.fromkeys((key.keys, key.action) for key in KEYS)
    ]

    def action_screen(self, name: str) -> None:
        self.look_at(screen=name, selected=0, zoom="")

    def action_next_screen(self, step: int) -> None:
        place = (SCREENS.index(self.view.screen) + step) % len(SCREENS)
        self.action_screen(SCREENS[place])

    def action_move(self, step: int) -> None:
        if self.view.screen == "output":  # counted back from the newest line
            step = -step
        self.look_at(selected=max(0, min(self.view.selected + step, self._rows_there() - 1)))

    def _rows_there(self) -> int:
        if self.frame is None:
            return 1
        if self.view.screen == "devices":
            return 1_000_000 if self.view.zoom else max(1, len(self.listed_devices()))
        count = getattr(module_of(self.view.screen), "rows", None)
        return 1_000_000 if count is None else max(1, count(self.frame, self.view))

    def listed_devices(self) -> Sequence[DeviceNow]:
        """The devices on the screen, in its order."""
        return () if self.frame is None else devices.listed(self.frame, self.view)

    def action_zoom(self) -> None:
        alone = {"run": SOURCES, "output": EVENTS}.get(self.view.screen)
        if alone is not None:
            self.look_at(zoom="" if self.view.zoom else alone, selected=0)
            return
        if self.view.screen != "devices":
            return
        listed = self.listed_devices()
        if self.view.zoom or not listed:
            self.look_at(zoom="", selected=0)
        else:
            self.look_at(zoom=listed[min(self.view.selected, len(listed) - 1)].label, selected=0)

    def action_close(self) -> None:
        """Close what is open, the innermost first."""
        if self.view.zoom:
            self.look_at(zoom="")
        elif self.view.filter:
            self.look_at(filter="")
        elif self.view.paused_at is not None:
            self._go_on()

    def action_pause(self) -> None:
        if self._replay is not None:
            self._replay.toggle()
            self.ask()
        elif self.view.paused_at is not None:
            self._go_on()
        elif self.frame is not None:
            self._pause.begin(self.frame)
            self._ask_for_figures()
            self.look_at(paused_at=self.frame.t)

    def _ask_for_figures(self) -> None:
        """Have the figures of the pause too, where the screen shows none: another may while it is paused."""
        if self.view.screen in WITH_FIGURES:
            return
        loop = asyncio.get_running_loop()
        self.feed.ask((), None).add_done_callback(lambda answer: hand_over(loop, self._add_figures, answer))

    def _add_figures(self, answer: Future[Frame]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self._pause.add_figures(answer.result())
            self.redraw()

    def _go_on(self) -> None:
        self._pause.end()
        self._message = ""  # what was said of then
        self.look_at(paused_at=None)

    def action_back_in_time(self, step: int) -> None:
        stopped = self._pause.frame
        if self._replay is not None:
            self._seek(step)
            return
        if self.view.paused_at is None or stopped is None:
            self.say("space pauses the view; then left and right go through time")
            return
        self.look_at(paused_at=self._pause.moved(self.view.paused_at, step, self.view.seconds(stopped.t)))
        if self.view.paused_at != stopped.t:
            self.say("charts, devices and events of then; totals of the pause")

    def action_span(self) -> None:
        spans = list(SPANS_S)
        span = spans[(spans.index(self.view.span_s) + 1) % len(spans)] if self.view.span_s in spans else 300.0
        self.look_at(span_s=span)
        self.kept = self.kept.with_(span=WHOLE if span is None else span)
        young = self.frame is not None and span is not None and span > self.frame.t
        there = f"; there are {clock(self.frame.t)} so far" if self.frame is not None and young else ""
        self.say(f"charts show {SPANS_IN_WORDS.get(span, f'{span} s')}{there}")

    def action_rate(self, step: int) -> None:
        self._pace.step(step)
        self.kept = self.kept.with_(paint_s=self._pace.period_s)
        self.say(f"painting every {self._pace.period_s:g} s; sampling stays as it is")

    def action_sort(self) -> None:
        orders = ["", *sorts(self.view.screen)]
        if len(orders) == 1:
            self.say("this screen has one order")
            return
        present = self.view.sort.get(self.view.screen, "").lstrip("-")
        order = orders[(orders.index(present) + 1) % len(orders)] if present in orders else ""
        self._sort_by(order)
        self.say(f"sorted by {order or 'place'}")

    def action_reverse(self) -> None:
        order = self.view.sort.get(self.view.screen, "")
        if not order:
            self.say("choose an order first: s")
            return
        turned = order[1:] if order.startswith("-") else f"-{order}"
        self._sort_by(turned)

    def _sort_by(self, order: str) -> None:
        self.look_at(sort={**self.view.sort, self.view.screen: order}, order=())
        self.kept = self.kept.with_(sort=self.view.sort)

    def _seek(self, step: int) -> None:
        if self._replay is not None and self.frame is not None:
            self._replay.seek(step * self.view.seconds(self.frame.t) / STEPS)
            self.ask()

    def action_replay(self, what: str, amount: int) -> None:
        if self._replay is None:
            self.say(NO_REPLAY)
            return
        self._replay.do(what, amount)
        self.ask()

    def action_go_to(self) -> None:
        from perfwatch.tui.overlays.prompt import Prompt

        if self._replay is None:
            self.say(NO_REPLAY)
            return
        self.cover(Prompt("go to", "", "1:23, 90s, 50%, +30s, end, a mark, a phase"), self._went_to)

    def _went_to(self, text: str | None) -> None:
        self.uncover()
        if self._replay is not None:
            self._replay.go_to(text)
            self.ask()

    def action_filter(self) -> None:
        from perfwatch.tui.overlays.prompt import Prompt

        self.cover(
            Prompt("filter", self.view.filter, "text that a row contains; empty shows all"), self._filtered
        )

    def _filtered(self, text: str | None) -> None:
        self.uncover()
        if text is not None:
            self.look_at(filter=text.strip(), selected=0)

    def _only_replays(self) -> bool:
        """Whether nothing can be added to what is shown; says so."""
        if self.replays:
            self.say(RECORDED)
        return self.replays

    def action_mark(self) -> None:
        if self._only_replays():
            return
        from perfwatch.tui.overlays.prompt import Prompt

        at_ns = time.monotonic_ns()  # of the key, not of the name that is typed then
        question = "mark now as"
        self.cover(Prompt(question, "mark", "its name"), lambda text: self._marked(text, at_ns))

    def _marked(self, text: str | None, at_ns: int) -> None:
        self.uncover()
        if text and text.strip():
            self.feed.mark(text.strip(), "point", at_ns)
            self.say(f"mark {text.strip()}{self._where_it_stays()}")

    def action_window(self) -> None:
        if self._only_replays() or self.frame is None:
            return
        what = self._window.turn(self.frame.t)
        self.feed.mark(MEASURE, what)
        counts = (self.frame.header.get("settings") or {}).get("window") == "marks"
        does = "w ends it, u takes it back" if what == BEGIN else "u takes the end back"
        counting = "" if counts else "; it counts with --window marks"
        self.say(f"measured window {what}s; {does}{self._where_it_stays() or counting}")

    def _where_it_stays(self) -> str:
        """That nothing is recorded, where nothing is."""
        stays = self.frame is not None and bool(self.frame.header.get("command"))
        return "" if stays else "; it is not kept: only perfwatch run, attach and record write a log"

    def action_undo_window(self) -> None:
        if self._only_replays():
            return
        edge = self._window.take_back()
        if edge is None:
            self.say("there is no begin or end of a measured window to take back; w begins one")
            return
        self.feed.mark(MEASURE, UNDO)
        self.say(f"the {edge.what} of the measured window at {clock(edge.t)} is taken back")

    def action_add_server(self) -> None:
        if self._only_replays():
            return
        url = self._offering.take_offer() if self._offering is not None else ""
        if url:
            self.say(f"counting the work of {url}; 3 shows it")
        else:
            self.say("no server of yours with a metrics page was found here; -w URL names one")

    def action_export(self) -> None:
        """Save the view and the data of its charts, once these have come."""
        if self.frame is None:
            return
        frame, view, rows = self.frame, self.view, self.rows()
        columns, height = self.room
        book = Book()  # a new one asks for all that is in sight
        draw_screen(frame, view, (columns, height - sum(self._chrome(height))), book)
        loop = asyncio.get_running_loop()
        answer = self.feed.ask(book.wanted(), view.paused_at)
        answer.add_done_callback(
            lambda done: hand_over(loop, lambda known: self._export(frame, rows, known), done)
        )

    def _export(self, frame: Frame, rows: list[Row], answer: Future[Frame]) -> None:
        from perfwatch.tui import saving

        try:
            contents = {
                "txt": saving.text_of(rows),
                "svg": saving.picture_of(rows, self._style, "perfwatch"),
                "csv": saving.data_of(frame, answer.result().bins),
            }
            recording = self.feed.recording if isinstance(self.feed, Kept) else None
            paths = saving.save(contents, saving.place_for(self.view.screen, recording))
        except OSError as error:
            why = reason_of(error)
            self.say(f"cannot save the view to {error.filename or Path.cwd()}: {why}")
            return
        except Exception as error:  # noqa: BLE001 - said as Textual says it, not lost in the event loop
            self._handle_exception(error)
            return
        self.say(f"saved {paths[0].name}, .svg and .csv in {paths[0].parent}")

    def click(self, x: int, y: int) -> None:
        """A click: a name or key in the footer does what it says, a device or a process is selected."""
        columns, height = self.room
        top, bottom = self._chrome(height)
        if bottom and y == height - 1:
            action = chrome.action_at(self.view, self._message, columns, x, **self._footer_has())
            if action:
                self.call_next(self.run_action, action)
        elif self.frame is not None and not self.view.zoom:
            size = columns, height - top - bottom
            place = None
            if self.view.screen == "devices":
                place = devices.place_at(self.frame, self.view, size, x, y - top)
            elif self.view.screen == "processes":
                place = module_of("processes").place_at(self.frame, self.view, size, y - top)
            if place is not None:
                self.look_at(selected=place)

    def action_theme(self) -> None:
        from perfwatch.tui.overlays.themes import ThemePicker
        from perfwatch.tui.themes import theme_names

        before = self.look

        def chosen(name: str | None) -> None:
            if name is None:
                self.look = before
            else:
                self.kept = self.kept.with_(theme=name)
                self.say(f"theme {name}; kept for the next time, unless --theme or [ui] theme says another")
            self.uncover()

        self.cover(ThemePicker(theme_names(self._themes), self.look.theme.name, self._preview), chosen)

    def _preview(self, name: str) -> None:
        from perfwatch.tui.themes import load_theme

        try:
            self.look = Look(load_theme(name, self._themes), self.look.system)
        except ConfigError as error:
            self.say(str(error))
        self.dress()
        self.repaint()

    def action_help(self) -> None:
        from perfwatch.tui.overlays.help import Help

        self.cover(Help(replay=self.replays), self._helped)

    def _helped(self, screen: str | None) -> None:
        self.uncover()
        if screen is not None:
            self.action_screen(screen)

    def action_command_palette(self) -> None:
        self.dress()
        super().action_command_palette()

    def action_quit(self) -> None:  # type: ignore[override]
        self.exit()

    def action_interrupt(self) -> None:
        said = self.feed.interrupt()
        if said:
            self.say(said)
        else:
            self.exit()
