"""What do the first and the last line say, and what gives way where there is no room?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stub import boards

from perfwatch.frame import Frame, Playback
from perfwatch.text import width
from perfwatch.tui import chrome
from perfwatch.tui.draw.row import Row, plain
from perfwatch.tui.view import SCREENS, View

WIDTHS = (1, 5, 20, 40, 80, 120, 200)
PAUSED = View(screen="workloads", paused_at=72.0, filter="nvidia:1")


def frame(**changes: Any) -> Frame:
    found = boards(1).frame(120.0)
    header = {**found.header, "command": ["python", "train.py", "--epochs", "300", "--data", "/data/images"]}
    return replace(found, **{"header": header, **changes})


def text(row: Row, columns: int) -> str:
    assert sum(width(span.text) for span in row) == columns
    said = plain(row)
    assert said.isprintable()
    return said


def title(columns: int, view: View = PAUSED, **more: Any) -> str:
    return text(chrome.title(frame(**more), view, columns, window_since=60.0), columns)


def footer(columns: int, view: View = PAUSED, **more: Any) -> str:
    return text(chrome.footer(view, more.pop("message", ""), columns, **more), columns)


@pytest.mark.parametrize("columns", WIDTHS)
def test_both_lines_are_as_wide_as_the_screen(columns: int) -> None:
    title(columns)
    text(chrome.title(None, PAUSED, columns), columns)
    footer(columns)
    footer(columns, message="x" * 300)
    footer(columns, offers=["a count 127.0.0.1:8000"])


def test_a_wide_title_says_everything() -> None:
    said = title(120)
    for part in ("perfwatch", "python train.py", "WINDOW since 01:00", "PAUSED at 01:12", "/nvidia:1"):
        assert part in said
    assert said.endswith(" workloads  02:00 ")


def test_a_narrow_title_keeps_the_pause_and_the_time() -> None:
    said = title(40)
    assert "PAUSED at 01:12" in said
    assert said.endswith(" 02:00 ")
    assert "perfwatch" not in said


def test_simulated_stays_on_every_screen_that_has_room_for_the_word() -> None:
    found = boards(1, collector="simulated").frame(120.0)
    for columns in (12, 20, 40, 80):
        assert "SIMULATED" in text(chrome.title(found, PAUSED, columns, window_since=60.0), columns)


def test_a_job_that_ended_says_how() -> None:
    job = {"begin": 10.0, "end": 75.0, "exit_status": 3}
    said = title(100, View(), job=job)
    assert "ended, exit 3" in said
    assert said.endswith(" 01:05 ")


def test_a_command_cannot_write_on_the_screen_around_it() -> None:
    said = title(100, View(), header={"command": ["a\x1b[2J\nb", "\u202ec"]})
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_wide_footer_names_all_screens_and_keys() -> None:
    said = footer(200)
    for place, name in enumerate(SCREENS, 1):
        assert f" {place} {name}" in said
    for key in ("/ filter", "space pause", "z span", "s sort", "m mark", "? help", "q quit"):
        assert key in said


def test_at_80_columns_the_screens_are_named_and_help_is_there() -> None:
    said = footer(80)
    assert all(name in said for name in SCREENS)
    assert "? help" in said
    assert said.rstrip().endswith(" q")


def test_a_narrow_footer_names_only_the_present_screen() -> None:
    said = footer(40)
    assert "1 2 3 workloads 4 5 6 7" in said
    assert "? help" in said
    assert "processes" not in said
    assert "sort" not in said


def test_the_present_screen_is_named_however_narrow() -> None:
    assert "3 workloads" in footer(13)


def test_an_offer_goes_before_the_keys() -> None:
    said = footer(80, offers=["a count 127.0.0.1:8000"])
    assert "a count 127.0.0.1:8000" in said
    assert "? help" in said


def test_a_message_takes_the_footer_and_is_harmless() -> None:
    said = footer(60, message="saved\x1b[2J it")
    assert "saved" in said
    assert "help" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_is_clicked_is_what_is_read(columns: int) -> None:
    said = footer(columns, offers=["a count here"])
    actions = [chrome.action_at(PAUSED, "", columns, x, offers=["a count here"]) for x in range(columns)]
    for word, action in (
        ("workloads", "screen('workloads')"),
        ("hosts", "screen('hosts')"),
        ("help", "help"),
        ("quit", "quit"),
        ("a count here", "add_server"),
    ):
        if word in said:
            start = said.index(word)
            assert set(actions[start : start + len(word)]) == {action}
        elif action == "quit" and action in actions:
            assert {said[x] for x, one in enumerate(actions) if one == action} == {" ", "q"}
        else:
            assert action not in actions or action.startswith("screen")


def test_a_click_on_a_message_does_nothing() -> None:
    assert {chrome.action_at(PAUSED, "saved it", 80, x) for x in range(80)} == {""}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "REPLAY 4x"),
        ({"playing": False}, "REPLAY paused"),
        ({"playing": False, "t": 120.0}, "REPLAY at the end"),
        ({"grows": True, "t": 119.0}, "REPLAY follows"),
        ({"grows": True}, "REPLAY 4x"),
        ({"seen": 0.434}, "REPLAY totals 43 % worked out"),
    ],
)
@pytest.mark.parametrize("columns", [60, 120])
def test_a_replay_says_what_it_does(changes: dict[str, Any], said: str, columns: int) -> None:
    told: dict[str, Any] = {
        "t": 60.0,
        "end": 120.0,
        "speed": 4.0,
        "playing": True,
        "grows": False,
        "jumps": 0,
    }
    shown = title(columns, View(), playback=Playback(**{**told, **changes}))
    assert said in shown
