"""Which colours? A list of themes; each is shown on the real screen while it is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult


class ThemePicker(ModalScreen[str | None]):
    """Gives the theme that was chosen; None if it was left with escape.

    Args:
        names: what there is.
        present: the one in use.
        preview: shows one.
    """

    CSS = """
    ThemePicker { align: right top; background: transparent; }
    ThemePicker OptionList { width: 28; height: auto; max-height: 100%; margin: 1 1;
                             border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,t", "dismiss(None)", "leave it")]

    def __init__(self, names: Sequence[str], present: str, preview: Callable[[str], None]) -> None:
        super().__init__()
        self._names, self._present, self._preview = list(names), present, preview

    def compose(self) -> ComposeResult:
        """The list."""
        yield OptionList(*self._names)

    def on_mount(self) -> None:
        """Begin at the present one."""
        options = self.query_one(OptionList)
        if self._present in self._names:
            options.highlighted = self._names.index(self._present)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show it."""
        self._preview(self._names[event.option_index])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take it."""
        self.dismiss(self._names[event.option_index])
