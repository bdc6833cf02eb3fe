"""How do Textual's own widgets, of which overlays are made, come to wear the colours of our theme?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

    from perfwatch.tui.look import Look


_WITHOUT_COLORS = Theme(
    "perfwatch-plain",
    primary="#808080",
    variables=dict.fromkeys(("block-cursor-text-style", "block-cursor-blurred-text-style"), "bold reverse"),
)
"""Where colours are taken away, the line that is chosen must be seen by its attributes."""
_TERMINALS_OWN = ("ansi-dark", "textual-ansi")
"""Textual's theme of the terminal's own colours, as newer and older versions call it."""


def dress(app: App[None], look: Look) -> None:
    """Have overlays look like the rest; where the terminal's own colours are meant, as Textual has it."""
    colors = {
        name: "#{:02x}{:02x}{:02x}".format(*color.rgb)
        for name, color in look.theme.colors.items()
        if color.rgb is not None
    }
    if look.is_plain:
        app.register_theme(_WITHOUT_COLORS)
        app.theme = _WITHOUT_COLORS.name
        return
    needed = ("background", "surface", "text", "blue", "yellow", "red", "green")
    if look.system == "16" or any(name not in colors for name in needed):
        app.theme = next((own for own in _TERMINALS_OWN if own in app.available_themes), app.theme)
        return
    name = f"perfwatch-{look.theme.name}"
    app.register_theme(
        Theme(
            name,
            primary=colors["blue"],
            accent=colors["blue"],
            warning=colors["yellow"],
            error=colors["red"],
            success=colors["green"],
            foreground=colors["text"],
            background=colors["background"],
            surface=colors["background"],
            panel=colors["surface"],
            dark=look.theme.is_dark,
        )
    )
    app.theme = name
