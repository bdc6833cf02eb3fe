"""With which codes does a role of the theme appear on this terminal?

Colours are fitted to what the terminal can do here, once, and by our own choice: rich would turn orange into
red on 16 colours, and a style of its keeps the codes of whatever colour system asks first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfwatch.tui.themes import ANSI, DEFAULT, RGB, Color, Style, Theme, load_theme

if TYPE_CHECKING:
    from rich.style import Style as RichStyle

SYSTEMS = ("none", "16", "256", "truecolor")
_ATTRIBUTES = {"bold": "1", "dim": "2", "underline": "4", "reverse": "7"}
_XTERM = (
    *((0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205)),
    *((229, 229, 229), (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255)),
    *((255, 0, 255), (0, 255, 255), (255, 255, 255)),
)
"""The 16 colours as xterm has them; people's terminals differ, so this serves only to choose."""
JOBS = "ansi:"
"""A style of this beginning is not a role, but SGR parameters that a job wrote: `ansi:1;31`."""
_STEPS = (0, 95, 135, 175, 215, 255)


class Look:
    """A theme on a terminal.

    Args:
        theme: the theme.
        system: one of `SYSTEMS`. On "none" every theme looks as `monochrome` does: by attributes alone.
    """

    def __init__(self, theme: Theme, system: str = "truecolor") -> None:
        self.theme = theme
        self.system = system
        self._theme = load_theme("monochrome") if system == "none" else theme
        self.is_plain = system == "none" or theme.name == "monochrome"
        """Whether it has no colours at all, only attributes."""
        self._codes: dict[str, str] = {}
        self._rich: dict[str, RichStyle] = {}

    def codes(self, role: str) -> str:
        """SGR parameters such as `1;38;2;1;2;3`, empty for the terminal's own. An unknown role is text."""
        known = self._codes.get(role)
        if known is None:
            own = role.startswith(JOBS)
            known = self._job_codes(role) if own else self._make_codes(self._style(role))
            self._codes[role] = known
        return known

    def rich_style(self, role: str) -> RichStyle:
        """The same look for Textual's own painting; its colours are such that rich has nothing to convert."""
        if role.startswith(JOBS):
            role = "text"  # on Textual's own painting, behind an overlay, the job's output is plain
        known = self._rich.get(role)
        if known is None:
            known = self._rich[role] = self._make_rich(self._style(role))
        return known

    def _job_codes(self, role: str) -> str:
        """A colour of the job's own output, as it wrote it; none where there are to be none."""
        return "" if self.system == "none" else role[len(JOBS) :]

    def background(self) -> RGB | None:
        """What stands behind everything; None where it is the terminal's own."""
        return self._theme.colors["background"].rgb if self.system != "none" else None

    def _style(self, role: str) -> Style:
        return self._theme.roles.get(role) or self._theme.roles["text"]

    def _fitted(self, name: str) -> int | RGB | None:
        return None if self.system == "none" else fitted(self._theme.colors[name], self.system)

    def _make_codes(self, style: Style) -> str:
        parts = [_ATTRIBUTES[name] for name in style.attributes]
        parts += _color_codes(self._fitted(style.color), foreground=True)
        parts += _color_codes(self._fitted(style.on), foreground=False)
        return ";".join(parts)

    def _make_rich(self, style: Style) -> RichStyle:
        from rich.style import Style as RichStyle

        return RichStyle(
            color=_rich_color(self._fitted(style.color)),
            bgcolor=_rich_color(self._fitted(style.on)),
            **dict.fromkeys(style.attributes, True),  # type: ignore[arg-type]
        )


def look_for(
    name: str | None,
    environ: Mapping[str, str],
    stream: Any,
    *,
    no_color: bool = False,
    directory: Path | None = None,
) -> Look:
    """The theme (the default one without a name) on the terminal that `stream` is.

    Raises:
        ConfigError: there is no such theme, or it cannot be used.
    """
    return Look(load_theme(name or DEFAULT, directory), color_system(environ, stream, no_color=no_color))


def color_system(environ: Mapping[str, str], stream: Any, *, no_color: bool = False) -> str:
    """What the terminal can do: one of `SYSTEMS`.

    Args:
        environ: the environment; `NO_COLOR` counts when it is not empty (no-color.org).
        stream: where it goes; no colours if that is no terminal.
        no_color: `--no-color` was given.
    """
    term = environ.get("TERM", "").lower()
    if no_color or environ.get("NO_COLOR") or term in ("", "dumb", "unknown") or not stream.isatty():
        return "none"
    if term.endswith(("-m", "-mono")) or re.match(r"vt\d", term):
        return "none"
    if term == "linux":  # the kernel's console takes other codes, and shows the nearest of its 16
        return "16"
    if _takes_rgb(term, environ):
        return "truecolor"
    return "256" if "256color" in term else "16"


def _takes_rgb(term: str, environ: Mapping[str, str]) -> bool:
    if term.startswith("screen") and environ.get("STY"):
        return False  # GNU screen hands on COLORTERM of the terminal around it, and cannot do it before 5.0
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return True
    return term.endswith("-direct") or any(name in term for name in ("kitty", "ghostty", "alacritty"))


def wants_ascii(environ: Mapping[str, str], stream: Any, option: bool | None = None) -> bool:
    """Whether to draw with ASCII only: asked for, or the terminal cannot show dots and blocks.

    Args:
        environ: the environment; the kernel's console (`TERM=linux`) has no braille in its font.
        stream: where it goes; its encoding says what can be written.
        option: `--ascii`; None where nobody said.
    """
    if option is not None:
        return option
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
    if not encoding.startswith("utf") or environ.get("TERM", "").lower() in ("linux", "dumb"):
        return True
    return environ.get("LC_ALL", "") in ("C", "POSIX")  # Python writes UTF-8 there all the same (PEP 540)


def fitted(color: Color, system: str) -> int | RGB | None:
    """A colour as such a terminal has it: its number there, red, green and blue, or None for its own."""
    if color.rgb is None or (system == "16" and color.ansi is not None):
        return color.ansi
    if system == "truecolor":
        return color.rgb
    return nearest(color.rgb, system)


@lru_cache(maxsize=256)
def nearest(rgb: RGB, system: str) -> int:
    """The number of the nearest colour of "16" or "256". Of 256, the first 16 differ between terminals."""
    numbers: Iterable[int] = range(16) if system == "16" else range(16, 256)
    wanted = oklab(rgb)
    return min(numbers, key=lambda number: _distance(wanted, oklab(palette(number))))


def palette(number: int) -> RGB:
    """Red, green and blue of the colour with that number, as xterm has it."""
    if number < len(ANSI):
        return _XTERM[number]
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    red, rest = divmod(number - 16, 36)
    green, blue = divmod(rest, 6)
    return _STEPS[red], _STEPS[green], _STEPS[blue]


@lru_cache(maxsize=512)
def oklab(rgb: RGB) -> tuple[float, float, float]:
    """Lightness and two axes of hue in which equal steps look equal: OKLab (Ottosson, 2020)."""
    r, g, b = (linear(part) for part in rgb)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def linear(part: int) -> float:
    """Light, 0 to 1, of a part of an sRGB colour, 0 to 255 (IEC 61966-2-1)."""
    share = part / 255
    return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)


def contrast(one: RGB, other: RGB) -> float:
    """How well one colour can be read on the other, 1 to 21 (WCAG 2.2, contrast ratio)."""
    lights = sorted(0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) for r, g, b in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _distance(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """Hue counts double: a colour may become lighter, but not another one."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    return (l1 - l2) ** 2 + 4 * ((a1 - a2) ** 2 + (b1 - b2) ** 2)


def _color_codes(color: int | RGB | None, *, foreground: bool) -> list[str]:
    if color is None:
        return []
    base = 0 if foreground else 10
    if isinstance(color, tuple):
        return [str(38 + base), "2", *(str(part) for part in color)]
    if color < 8:
        return [str(30 + base + color)]
    if color < 16:
        return [str(82 + base + color)]
    return [str(38 + base), "5", str(color)]


def _rich_color(color: int | RGB | None) -> Any:
    if color is None:
        return None
    from rich.color import Color as RichColor

    return RichColor.from_rgb(*color) if isinstance(color, tuple) else RichColor.from_ansi(color)
