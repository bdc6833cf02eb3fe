"""Does each terminal get codes that it understands, and does a colour stay the colour that it is?"""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest

from perfwatch.errors import ConfigError
from perfwatch.tui.look import (
    SYSTEMS,
    Look,
    color_system,
    fitted,
    look_for,
    nearest,
    oklab,
    palette,
    wants_ascii,
)
from perfwatch.tui.themes import ANSI, BUILTIN, COLORS, ROLES, Color, load_theme

HUES = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")


class Terminal(io.StringIO):
    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__()
        self._encoding, self._is_terminal = encoding, is_terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self._is_terminal


def hue(rgb: tuple[int, int, int]) -> float:
    _, a, b = oklab(rgb)
    return math.degrees(math.atan2(b, a))


def apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


# Codes


def test_a_role_becomes_its_color_its_background_and_its_attributes() -> None:
    theme = load_theme("dark")
    red, green, blue = theme.colors["bright"].rgb or (0, 0, 0)
    on = theme.colors["background"].rgb or (0, 0, 0)
    assert Look(theme).codes("title") == f"1;38;2;{red};{green};{blue};48;2;{on[0]};{on[1]};{on[2]}"


def test_with_256_colors_only_those_are_used_that_all_terminals_have_alike() -> None:
    for name in ("dark", "light", "high-contrast", "color-blind-safe"):
        for color in load_theme(name).colors.values():
            assert 16 <= (fitted(color, "256") or 0) <= 255  # type: ignore[operator]


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast", "color-blind-safe"])
def test_a_hue_survives_256_colors(name: str) -> None:
    theme = load_theme(name)
    for color in HUES:
        rgb = theme.colors[color].rgb
        assert rgb is not None
        assert apart(hue(rgb), hue(palette(nearest(rgb, "256")))) < 16, color


def test_with_16_colors_orange_is_not_red_and_the_theme_chooses() -> None:
    look = Look(load_theme("dark"), "16")
    assert look.codes("power") == "33;40"
    assert look.codes("bad") == "1;91;40"
    assert look.codes("value") == "97;40"
    assert fitted(Color((250, 5, 3)), "16") == ANSI.index("bright-red")
    assert fitted(Color((250, 5, 3), ANSI.index("blue")), "16") == ANSI.index("blue")


def test_the_terminal_s_own_colors_and_background_stay_on_every_terminal() -> None:
    for system in SYSTEMS[1:]:
        look = Look(load_theme("terminal"), system)
        assert look.codes("text") == ""
        assert look.codes("bad") == "1;31"
        assert look.background() is None


@pytest.mark.parametrize("name", BUILTIN)
def test_without_colors_there_are_attributes_only(name: str) -> None:
    look = Look(load_theme(name), "none")
    for role in ROLES:
        assert set(look.codes(role).split(";")) <= {"", "1", "2", "4", "7"}, role
        assert look.rich_style(role).color is None
        assert look.rich_style(role).bgcolor is None
    assert look.codes("bad") != look.codes("text")
    assert look.codes("selected") != look.codes("value")


def test_a_role_that_no_theme_knows_is_drawn_as_text() -> None:
    look = Look(load_theme("dark"))
    assert look.codes("sparkles") == look.codes("text")
    assert look.rich_style("sparkles") == look.rich_style("text")


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("system", SYSTEMS)
def test_textual_paints_with_the_very_same_codes(name: str, system: str) -> None:
    from rich.color import ColorSystem

    look = Look(load_theme(name), system)
    for role in ROLES:
        # Whatever colour system asks a rich style first: there is nothing left that it could convert.
        rich_says = {
            look.rich_style(role).copy()._make_ansi_codes(asked)
            for asked in (ColorSystem.TRUECOLOR, _rich_system(system))
        }
        assert rich_says == {look.codes(role)}, role


def _rich_system(system: str) -> object:
    from rich.color import ColorSystem

    systems = {"16": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT}
    return systems.get(system, ColorSystem.TRUECOLOR)


def test_a_rich_style_is_handed_out_before_anybody_asked_for_its_codes() -> None:
    style = Look(load_theme("dark"), "16").rich_style("bad")
    assert style._ansi is None


def test_rich_is_not_loaded_where_codes_suffice() -> None:
    code = (
        "import sys; from perfwatch.tui.look import Look; from perfwatch.tui.themes import load_theme; "
        "Look(load_theme(), '256').codes('work'); sys.exit('rich' in sys.modules or 'textual' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


# Colours


def test_the_nearest_color_of_a_color_that_is_there_is_itself() -> None:
    for number in range(16, 256):
        assert palette(nearest(palette(number), "256")) == palette(number)
    for number in range(16):
        assert nearest(palette(number), "16") == number


def test_grey_stays_grey() -> None:
    for part in range(0, 256, 5):
        found = palette(nearest((part, part, part), "256"))
        assert max(found) == min(found)
        assert abs(found[0] - part) <= 10


def test_oklab_gives_the_published_values() -> None:
    # bottosson.github.io/posts/oklab: white has lightness 1, the red of sRGB 0.628.
    assert oklab((255, 255, 255)) == pytest.approx((1.0, 0.0, 0.0), abs=1e-3)
    assert oklab((255, 0, 0)) == pytest.approx((0.62796, 0.22486, 0.12585), abs=1e-4)


# What the terminal can do


@pytest.mark.parametrize(
    ("environ", "system"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit"}, "truecolor"),
        ({"TERM": "xterm-direct"}, "truecolor"),
        ({"TERM": "xterm-kitty"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "tmux-256color"}, "256"),
        ({"TERM": "vte-256color"}, "256"),
        ({"TERM": "screen-256color", "COLORTERM": "truecolor"}, "truecolor"),  # tmux
        ({"TERM": "screen-256color", "COLORTERM": "truecolor", "STY": "1.pts-0"}, "256"),  # GNU screen
        ({"TERM": "screen", "STY": "1.pts-0"}, "16"),
        ({"TERM": "xterm"}, "16"),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, "16"),
        ({"TERM": "vt220"}, "none"),
        ({"TERM": "xterm-mono"}, "none"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
        ({}, "none"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "256"),
    ],
)
def test_what_the_terminal_can_do_is_found_out(environ: dict[str, str], system: str) -> None:
    assert color_system(environ, Terminal()) == system


def test_no_colors_where_there_is_no_terminal_or_nobody_wants_them() -> None:
    environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    assert color_system(environ, Terminal(is_terminal=False)) == "none"
    assert color_system(environ, Terminal(), no_color=True) == "none"


@pytest.mark.parametrize(
    ("encoding", "term", "option", "wanted"),
    [
        ("utf-8", "xterm", None, False),
        ("UTF_8", "xterm", None, False),
        ("iso8859-1", "xterm", None, True),
        ("ascii", "xterm", None, True),
        ("utf-8", "linux", None, True),
        ("utf-8", "xterm", True, True),
        ("ascii", "xterm", False, False),
    ],
)
def test_ascii_is_drawn_where_dots_cannot_be(
    encoding: str, term: str, option: bool | None, wanted: bool
) -> None:
    assert wants_ascii({"TERM": term}, Terminal(encoding), option) is wanted


def test_the_look_of_a_terminal_has_the_theme_that_was_named_or_the_default(tmp_path: Path) -> None:
    environ = {"TERM": "xterm-256color"}
    assert look_for(None, environ, Terminal()).theme.name == "dark"
    light = look_for("light", environ, Terminal())
    assert (light.theme.name, light.system) == ("light", "256")
    with pytest.raises(ConfigError, match="did you mean light"):
        look_for("lihgt", environ, Terminal(), directory=tmp_path)


def test_a_background_is_known_where_a_theme_sets_one() -> None:
    assert Look(load_theme("dark")).background() == load_theme("dark").colors["background"].rgb
    assert Look(load_theme("dark"), "none").background() is None
    assert set(load_theme("dark").colors) == set(COLORS)
