"""How is a row written where the terminal has ASCII only? Each text by its plain form, then measured."""

from __future__ import annotations

from perfwatch.text import pad, shorten, to_ascii, width
from perfwatch.tui.draw.row import Line
from perfwatch.tui.view import View


class PlainLine(Line):
    """A row in ASCII."""

    def put(self, text: str, style: str = "text") -> Line:
        """Append a text in ASCII, cut with dots where it does not fit."""
        text = to_ascii(text)
        if width(text) > self.room:
            text = shorten(text, self.room, "...") if self.room > 3 else text[: self.room]
        return super().put(text, style)

    def cell(self, text: str, columns: int, style: str = "text", *, right: bool = True) -> Line:
        """Append a text in ASCII in a field of fixed width."""
        return self.put(pad(shorten(to_ascii(text), columns, "."), columns, right=right), style)


def line(columns: int, view: View) -> Line:
    """An empty row, in ASCII if the view is."""
    return PlainLine(columns) if view.ascii else Line(columns)
