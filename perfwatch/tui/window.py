"""Where does a person's measured window stand? What `w` and `u` were pressed for so far."""

from __future__ import annotations

from typing import NamedTuple

MEASURE = "measure"
"""The mark that is the measured window."""
BEGIN, END, UNDO = "begin", "end", "undo"


class Edge(NamedTuple):
    """A begin or an end, and when it was, seconds of the session."""

    what: str
    t: float


class MeasuredWindow:
    """Begins and ends in turn; the last one can be taken back, and the one before it, and so on."""

    def __init__(self) -> None:
        self._edges: list[Edge] = []

    @property
    def since(self) -> float | None:
        """When the window began that is open now; None if none is."""
        return self._edges[-1].t if self._edges and self._edges[-1].what == BEGIN else None

    def turn(self, t: float) -> str:
        """Begin one, or end the one that is open; returns which."""
        what = BEGIN if self.since is None else END
        self._edges.append(Edge(what, t))
        return what

    def take_back(self) -> Edge | None:
        """Forget the last begin or end and return it; None if there is none."""
        return self._edges.pop() if self._edges else None
