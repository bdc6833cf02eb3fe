"""Help: every key with what it does, made from the table of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from perfwatch.tui.keys import keys_of, spoken
from perfwatch.tui.view import SCREENS

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Help(ModalScreen[str | None]):
    """Closed by any of the keys that open or close things; gives the screen whose key was pressed."""

    CSS = """
    Help { align: center middle; background: transparent; }
    Help VerticalScroll { width: 64; max-width: 100%; height: auto; max-height: 100%; border: round $accent;
                          padding: 0 1; background: $background; border-subtitle-align: right; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss(None)", "close"),
        *(Binding(str(place), f"leave_for('{name}')", name) for place, name in enumerate(SCREENS, 1)),
    ]

    def __init__(self, *, replay: bool = False) -> None:
        super().__init__()
        self._replay = replay

    def compose(self) -> ComposeResult:
        """One text."""
        with VerticalScroll() as frame:
            frame.border_subtitle = "esc closes"
            yield Static(help_text(replay=self._replay))

    def action_leave_for(self, name: str) -> None:
        """A key of a screen does here what it does elsewhere."""
        self.dismiss(name)


def help_text(*, replay: bool = False) -> Text:
    """All keys by group."""
    text, keys = Text(), keys_of(replay=replay)
    groups = list(dict.fromkeys(key.group for key in keys))
    for group in groups:
        text.append(f"{group}\n", "bold")
        for key in keys:
            if key.group == group:
                text.append(f"  {spoken(key.keys):<14}", "cyan")
                text.append(f"{key.words}\n")
    if not replay:
        text.append(
            "perfwatch never changes the sampling from here, and sends no process a signal but the job."
        )
    return text
