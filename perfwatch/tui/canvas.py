"""The widget that shows rows: one for the whole screen, since each widget costs its own work in a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from perfwatch.tui.draw.row import Row
from perfwatch.tui.keys import KEYS

if TYPE_CHECKING:
    from rich.style import Style
    from textual.events import Click


class Canvas(Widget):
    """Shows rows of spans.

    Args:
        style_of: Rich's style of a role.
        resized: called when the size changed.
        clicked: called with column and line of a click.
        wheel: called with 1 for a turn down, -1 for one up.
    """

    can_focus = True
    BINDINGS: ClassVar[list[BindingType]] = [  # else Textual takes these keys to go from widget to widget
        Binding(key.keys, f"app.{key.action}", key.words, show=False) for key in KEYS if "tab" in key.keys
    ]
    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"

    def __init__(
        self,
        style_of: Callable[[str], Style],
        resized: Callable[[], None],
        clicked: Callable[[int, int], None],
        wheel: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._style_of = style_of
        self._resized = resized
        self._clicked = clicked
        self._wheel = wheel
        self._rows: Sequence[Row] = ()
        self.room = Size()
        """Its size; the widget's own `size` is worked out anew each time."""

    def hold(self, rows: Sequence[Row]) -> None:
        """Take rows that are on the terminal already: a full repaint by Textual will show them.

        Textual keeps the lines that it painted last, and would paint those again.
        """
        self._rows = rows
        self._styles_cache.clear()

    def show(self, rows: Sequence[Row]) -> None:
        """Have Textual paint the rows that changed."""
        before, self._rows = self._rows, rows
        for y, row in enumerate(rows):
            if y >= len(before) or (row is not before[y] and row != before[y]):
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line for Textual's compositor."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width, self._style_of("text"))
        segments = [Segment(span.text, self._style_of(span.style)) for span in self._rows[y]]
        return Strip(segments).adjust_cell_length(self.size.width, self._style_of("text"))

    def on_resize(self) -> None:
        """Rows of another size are needed."""
        self.room = self.size
        self._resized()

    def on_click(self, event: Click) -> None:
        """A button of the mouse."""
        self._clicked(event.x, event.y)

    def on_mouse_scroll_down(self) -> None:
        """The wheel, towards the person."""
        self._wheel(1)

    def on_mouse_scroll_up(self) -> None:
        """The wheel, away from the person."""
        self._wheel(-1)
