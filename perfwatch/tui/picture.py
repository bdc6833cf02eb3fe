"""How does a picture get onto the terminal? Past Textual, or by it while an overlay lies over the picture.

While the terminal takes no bytes nothing is painted and nothing is kept for later.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from textual.app import App, ComposeResult
from textual.filter import LineFilter, NoColor

from perfwatch.tui.canvas import Canvas
from perfwatch.tui.driver import TerminalDriver
from perfwatch.tui.stopping import Stopping
from perfwatch.tui.wire import Wire

if TYPE_CHECKING:
    from rich.style import Style
    from textual.geometry import Size
    from textual.screen import Screen

    from perfwatch.tui.draw.row import Row
    from perfwatch.tui.look import Look

OPENING_S = 0.3
"""So long does Textual paint anew, several times, what its widgets show first."""
SYNC_BEGIN, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"


class Picture(App[None]):
    """Shows rows.

    Args:
        look: colours.
        stream: the terminal to write to; None for Textual's own choice.
        direct: paint changed cells past Textual's compositor while nothing lies over the canvas.
    """

    CSS = "Screen { overflow: hidden; background: transparent; }"
    ALLOW_SELECT = False

    def __init__(self, look: Look, *, stream: TextIO | None = None, direct: bool = True) -> None:
        super().__init__(driver_class=TerminalDriver, ansi_color=True)
        self.stream = stream
        """The terminal to write to; None for Textual's own choice."""
        self.look = look
        self.gone = False
        """Whether the terminal went away."""
        self._direct = direct
        self._wire = Wire(self._codes)
        self._canvas = Canvas(self._style, self._resized, self.click, self.action_move)
        self._painted_until = 0.0
        self._painted_size: Size | None = None
        self._owes = False
        self._stopping = Stopping(self.exit, self._give_back, self._take_again)

    # -- what is shown -----------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """The whole picture of now, as large as `room`; none while there is no room."""
        raise NotImplementedError

    def click(self, x: int, y: int) -> None:
        """A click on the picture."""

    def action_move(self, step: int) -> None:
        """The mouse's wheel over the picture: so many lines down."""

    # -- the life of the app -----------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """One widget shows everything."""
        yield self._canvas

    def open_picture(self) -> None:
        """Take the keys, and the signals: end cleanly when told to."""
        self._canvas.focus()
        self._stopping.begin()

    def close_picture(self) -> None:
        """Leave the signals to others."""
        self._stopping.end()

    def terminal_gone(self) -> None:
        """The terminal went away: leave, so that nothing spins on a dead line."""
        self.gone = True
        self.exit()

    def action_stop(self) -> None:
        """ctrl-Z."""
        self._stopping.asked()

    def _give_back(self) -> None:
        if self._driver is not None:
            self._driver.suspend_application_mode()

    def _take_again(self) -> None:
        if self._driver is not None:
            self._driver.resume_application_mode()
            self._paint_everything()

    # -- painting ----------------------------------------------------------------------------------

    @property
    def room(self) -> Size:
        """The size of the picture; before its first layout the terminal's, which the canvas will fill."""
        return self._canvas.room or self.size

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken the last picture yet."""
        return isinstance(self._driver, TerminalDriver) and self._driver.is_behind()

    def caught_up(self) -> None:
        """The terminal has taken what it was behind with: paint what it missed, once."""
        if self._owes:
            self.redraw()

    def redraw(self) -> None:
        """Paint what changed."""
        self._owes = self.is_behind
        if self._owes and self._wire.height:  # the first picture waits for nothing
            return
        rows = self.rows()
        if not rows:
            return
        if not self._paints_directly():
            self._painted_until = 0.0
            self._canvas.show(rows)
            self._wire.shows(rows)
            return
        self._canvas.hold(rows)
        text = self._wire.paint(rows)
        if text and isinstance(self._driver, TerminalDriver):
            self._driver.write_frame(f"{SYNC_BEGIN}{text}{SYNC_END}" if self._sync_available else text)

    def repaint(self) -> None:
        """Have everything painted anew by Textual: another theme, a screen that was covered."""
        self._painted_until = 0.0
        self._wire.forget_styles()
        rows = self.rows()
        self._canvas.hold(rows)
        self._wire.shows(rows)
        self._canvas.refresh()

    def look_at_terminal(self) -> None:
        """See whether it has another size, or lost what was written."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.look_at_size(self.screen.size)
            if self._driver.lost:
                self._driver.found()
                self._paint_everything()

    def first_is_painted(self) -> None:
        """Leave out what Textual paints at its start, if the terminal shows our picture already."""
        self._painted_until = time.monotonic() + OPENING_S if self._wire.height else 0.0
        self._painted_size = self.size

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if time.monotonic() >= self._painted_until or not self._paints_directly():
            super()._display(screen, renderable)

    def _resized(self) -> None:
        if self._canvas.room != self._painted_size:
            self._painted_until = 0.0  # no longer the first picture
        self.redraw()

    def _paints_directly(self) -> bool:
        return (
            self._direct
            and len(self.screen_stack) == 1
            and isinstance(self._driver, TerminalDriver)
            and self._wire.height in (0, self.room.height)
        )

    def _paint_everything(self) -> None:
        """Nothing is known of what the terminal shows."""
        self.repaint()
        self.refresh(layout=True)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What Textual paints itself, the overlays, has no colors either where the look has none."""
        filters = super().get_line_filters()
        return [*filters, NoColor()] if self.look.is_plain else filters

    def _codes(self, style: str) -> str:
        return self.look.codes(style)

    def _style(self, style: str) -> Style:
        return self.look.rich_style(style)

    # -- overlays ----------------------------------------------------------------------------------

    def cover(self, screen: Screen[Any], then: Any) -> None:
        """Lay an overlay over the picture."""
        self.dress()
        self.push_screen(screen, then)

    def uncover(self) -> None:
        """Paint everything once what lies over the picture is gone."""
        self.call_after_refresh(self.repaint)

    def dress(self) -> None:
        """Have overlays wear the theme."""
        from perfwatch.tui.overlays.dress import dress

        dress(self, self.look)
