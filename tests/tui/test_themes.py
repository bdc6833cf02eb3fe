"""Are the themes that come with perfwatch fit to be read, and does a wrong one say what is wrong with it?"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from perfwatch.errors import ConfigError
from perfwatch.tui.look import RGB, contrast, linear, nearest, oklab, palette
from perfwatch.tui.themes import BUILTIN, COLORS, ROLES, Color, Style, Theme, load_theme, theme_names

COLORED = ("dark", "light", "high-contrast", "color-blind-safe")
TEXT = ("text", "dim", "title", "label", "value", "unit", "good", "warn", "bad", "stale", "gone", "accent")
BADGES = ("key", "selected", "mark", "gap", "throttle", "simulated")
SERIES = ("work", "power", "efficiency", "utilization", "memory", "temperature", "clock", "phase")
MIXED_UP = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
"""What people see to whom one kind of cone is missing: Machado, Oliveira and Fernandes (2009), severity 1."""


def colors_of(theme: Theme, role: str, *, of_256: bool = False) -> tuple[RGB, RGB]:
    """What a role is written with, and on."""
    style = theme.roles[role]
    front, back = theme.colors[style.color].rgb, theme.colors[style.on].rgb
    assert front is not None
    assert back is not None
    if of_256:
        return palette(nearest(front, "256")), palette(nearest(back, "256"))
    return front, back


def as_seen(rgb: RGB, matrix: tuple[tuple[float, ...], ...]) -> RGB:
    light = [linear(part) for part in rgb]
    seen = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True)))) for row in matrix]
    parts = [12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in seen]
    return round(255 * parts[0]), round(255 * parts[1]), round(255 * parts[2])


@pytest.mark.parametrize("name", COLORED)
@pytest.mark.parametrize("of_256", [False, True])
def test_text_can_be_read_and_charts_be_seen(name: str, of_256: bool) -> None:
    theme = load_theme(name)
    for role in (*TEXT, *BADGES):
        least = 7.0 if name == "high-contrast" else 4.5
        assert contrast(*colors_of(theme, role, of_256=of_256)) >= least, role
    for role in SERIES:
        assert contrast(*colors_of(theme, role, of_256=of_256)) >= 3.0, role


@pytest.mark.parametrize("name", COLORED)
def test_a_border_is_seen_but_does_not_stand_out(name: str) -> None:
    theme = load_theme(name)
    assert 1.9 <= contrast(*colors_of(theme, "border")) < contrast(*colors_of(theme, "text"))


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
@pytest.mark.parametrize("of_256", [False, True])
def test_what_has_its_own_color_is_told_apart(name: str, of_256: bool) -> None:
    theme = load_theme(name)
    for one, other in itertools.combinations(SERIES[:7], 2):
        a, b = (oklab(colors_of(theme, role, of_256=of_256)[0]) for role in (one, other))
        assert math.dist(a, b) > 0.05, (one, other)


@pytest.mark.parametrize("kind", MIXED_UP)
def test_the_color_blind_safe_theme_is_told_apart_without_one_kind_of_cone(kind: str) -> None:
    theme = load_theme("color-blind-safe")
    groups = [("good", "warn", "bad"), ("work", "power", "efficiency"), SERIES[3:7]]
    for one, other in itertools.chain(*(itertools.combinations(group, 2) for group in groups)):
        a, b = (oklab(as_seen(colors_of(theme, role)[0], MIXED_UP[kind])) for role in (one, other))
        assert math.dist(a, b) > 0.08, (one, other)


@pytest.mark.parametrize("name", BUILTIN)
def test_every_theme_has_every_color_and_every_role(name: str) -> None:
    theme = load_theme(name)
    assert theme.name == name
    assert set(theme.colors) == set(COLORS)
    assert set(theme.roles) == set(ROLES)


def test_the_themes_without_a_background_leave_the_terminal_s_own() -> None:
    for name in ("terminal", "monochrome"):
        assert load_theme(name).colors["background"] == Color()


def test_the_light_theme_says_that_it_is_light() -> None:
    assert load_theme("light").kind == "light"
    assert not load_theme("light").is_dark
    assert load_theme("dark").is_dark


# People's own


def write(directory: Path, text: str, name: str = "night") -> Path:
    (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return directory


def test_a_person_s_theme_says_only_what_differs(tmp_path: Path) -> None:
    write(
        tmp_path,
        'kind = "light"\n[colors]\nblue = "#102030"\n[roles]\nvalue = "blue on surface bold underline"',
    )
    theme, light = load_theme("night", tmp_path), load_theme("light")
    assert theme.colors["blue"] == Color((16, 32, 48))
    assert theme.colors["red"] == light.colors["red"]
    assert theme.roles["value"] == Style("blue", "surface", ("bold", "underline"))
    assert theme.roles["unit"] == light.roles["unit"]


def test_a_color_is_rgb_or_one_of_the_terminal_s_or_both(tmp_path: Path) -> None:
    colors = 'red = "bright-red"\nline = "default"\norange = { rgb = "#ABCDEF", ansi = "yellow" }'
    theme = load_theme("night", write(tmp_path, f"[colors]\n{colors}"))
    assert theme.colors["red"] == Color(None, 9)
    assert theme.colors["line"] == Color(None, None)
    assert theme.colors["orange"] == Color((0xAB, 0xCD, 0xEF), 3)


def test_a_person_s_themes_are_listed_behind_the_built_in_ones(tmp_path: Path) -> None:
    write(tmp_path, "", "zebra")
    write(tmp_path, "", "dark")
    assert theme_names(tmp_path) == (*BUILTIN, "zebra")
    assert theme_names(tmp_path / "nowhere") == BUILTIN
    assert theme_names() == BUILTIN


def test_a_person_s_theme_goes_before_the_built_in_one_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, '[colors]\nred = "#ff0000"', "dark")
    own = load_theme("dark", tmp_path)
    assert own.colors["red"].rgb == (255, 0, 0)
    assert own.colors["blue"] == load_theme("dark").colors["blue"]


@pytest.mark.parametrize("name", ["drak", "../themes/dark", "/etc/passwd", "\x1b[31m"])
def test_a_theme_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such theme") as caught:
        load_theme(name, tmp_path)
    assert str(caught.value).isprintable()
    assert "dark" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colours = {}", r"colours of theme .*night\.toml: there is no such key; did you mean colors\?"),
        ('[colors]\npurpel = "#000000"', r"purpel in \[colors\] .*no such color; did you mean purple\?"),
        ('[roles]\nefficency = "red"', r"efficency in \[roles\] .*no such role; did you mean efficiency\?"),
        ('[roles]\nwork = "bleu"', r"bleu, used by work in \[roles\] .*no such color; did you mean blue\?"),
        ('[roles]\nwork = "red on surfaces"', r"surfaces, used by work .*did you mean surface\?"),
        ('[roles]\nwork = "red bolt"', r"bolt, used by work .*no such attribute; did you mean bold\?"),
        ('[roles]\nwork = ""', r"work in \[roles\] of theme .*words such as"),
        ('[roles]\nwork = "red on"', r"work in \[roles\] of theme .*words such as"),
        ("[roles]\nwork = 3", r"work in \[roles\] of theme .*'3' is not words such as"),
        ('[colors]\nred = "#12345"', r"red in \[colors\] of theme .*'#12345' is not a color such as"),
        ('[colors]\nred = "#12345g"', r"red in \[colors\] .*'#12345g' is not a color"),
        ("[colors]\nred = 3", r"red in \[colors\] .*'3' is not a color"),
        ('[colors]\nred = { ansi = "red" }', r"red in \[colors\] .*it has no rgb"),
        (
            '[colors]\nred = { rgb = "#ff0000", anis = "red" }',
            r"anis of red in \[colors\] .*did you mean ansi\?",
        ),
        (
            '[colors]\nred = { rgb = "#ff0000", ansi = "rad" }',
            r"ansi 'rad' of red in \[colors\] .*mean red\?",
        ),
        ("colors = 3", r"colors of theme .*it is a section, written as \[colors\]"),
        ('kind = "drak"', r"kind of theme .*'drak' is not dark or light"),
        ('name = "day"', r"name of theme .*'day' is not the file's own name, 'night'"),
        ("= 3", r"cannot read theme .*night\.toml: .*line 1"),
        ("#" * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_wrong_theme_is_refused_in_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_theme("night", write(tmp_path, text))
    assert str(caught.value).isprintable()
    assert "night.toml" in str(caught.value)


def test_a_theme_that_is_no_text_or_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "night.toml").write_bytes(b'name = "\xff"')
    (tmp_path / "day.toml").mkdir()
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_theme("night", tmp_path)
    with pytest.raises(ConfigError, match=r"cannot read theme .*day\.toml"):
        load_theme("day", tmp_path)
