"""How do Textual's own widgets, of which overlays are made, come to wear the colours of our theme?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

    from perfwatch.tui.look import Look


_TERMINALS_OWN = ("ansi-dark", "textual-ansi")
"""Textual's theme of the terminal's own colours, as newer and older versions call it."""


def dress(app: App[None], look: Look) -> None:
    """Have overlays look like the rest; where the terminal's own colours are meant, as Textual has it."""
    colors = {
        name: "#{:02x}{:02x}{:02x}".format(*color.rgb)
        for name, color in look.theme.colors.items()
        if color.rgb is not None
    }
    needed = ("background", "surface", "text", "blue", "yellow", "red", "green")
    if look.system in ("none", "16") or any(name not in colors for name in needed):
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
