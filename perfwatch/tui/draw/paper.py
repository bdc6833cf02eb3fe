"""What is drawn: a frame, how it is looked at, and the charts that are known so far."""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.frame import Frame
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.view import View


class Paper(NamedTuple):
    """What the parts of a screen are drawn from."""

    frame: Frame
    view: View
    book: Book

    @property
    def t(self) -> float:
        """The moment that is shown, seconds of the session."""
        return self.view.moment(self.frame.t)
