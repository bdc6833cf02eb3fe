"""Where do sorted devices stand? They change places every few seconds only, so that each can be read."""

from __future__ import annotations

from perfwatch.frame import Frame
from perfwatch.tui.screens import devices
from perfwatch.tui.view import View

EVERY_S = 5.0
"""So long does a device keep its place at least, whatever its values do."""


class Places:
    """Remembers when devices were put in order last."""

    def __init__(self) -> None:
        self._at = 0.0

    def settled(self, frame: Frame, view: View) -> View:
        """The view with the order of now where it is due; the selected device stays selected."""
        if view.screen != "devices" or not view.sort.get("devices"):
            return view
        if view.order and 0.0 <= frame.t - self._at < EVERY_S:
            return view
        self._at = frame.t
        before = devices.listed(frame, view)
        after = devices.listed(frame, view.with_(order=()))
        changed = view.with_(order=tuple(one.number for one in after))
        if view.zoom or not before:
            return changed
        chosen = before[min(view.selected, len(before) - 1)].number
        return changed.with_(selected=changed.order.index(chosen))
