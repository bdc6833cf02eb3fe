"""Is what comes sane on every kind of terminal: dumb, none, odd locales and sizes, one that stalls?"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from cli.commandline import command, environment, sessions
from fake_nvml import FakeNvml, Square
from terminal import Terminal, assert_clean

SHOWN = "NVIDIA Fake T4"
ALONE = command("dashboard", "--only", "nvidia")
FULL_SCREEN_BYTES = 100 * 30 * 4
"""What a full screen of 100 by 30 takes at the very least where each cell is a sign of three bytes."""


@pytest.fixture
def fake() -> Iterator[FakeNvml]:
    with FakeNvml(2) as boards:
        yield boards


@pytest.mark.parametrize("term", ["dumb", "unknown", "", None])
def test_a_terminal_that_cannot_move_its_cursor_gets_one_reading(
    fake: FakeNvml, tmp_path: Path, term: str | None
) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), TERM=term) as terminal:
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.raw
        assert SHOWN in terminal.text


def test_a_terminal_without_a_size_gets_one_reading(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), (0, 0)) as terminal:
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.raw
        assert b"Fake" in terminal.raw


def test_without_keys_there_is_no_screen(fake: FakeNvml, tmp_path: Path) -> None:
    without = ["sh", "-c", 'exec "$@" </dev/null', "sh", *ALONE]
    with Terminal(without, environment(tmp_path, fake.env())) as terminal:
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.raw
        assert SHOWN in terminal.text


@pytest.mark.parametrize(
    "variables", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"TERM": "linux"}], ids=["C", "POSIX", "console"]
)
def test_where_no_signs_can_be_shown_ascii_is_drawn(
    fake: FakeNvml, tmp_path: Path, variables: dict[str, str]
) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), **variables) as terminal:
        terminal.wait_for(SHOWN)
        for key in "1234567":
            terminal.type(key)
        terminal.type("?")
        terminal.wait_for("shift+tab")
        terminal.type("\x1b")
        terminal.wait_without("shift+tab")
        terminal.type("q")
        assert terminal.wait() == 0
        assert re.findall(rb"[\x80-\xff]+", bytes(terminal.raw)) == []
        assert_clean(terminal)


def colors(raw: bytes) -> set[bytes]:
    """The SGR codes that chose a colour."""
    codes = {code for text in re.findall(rb"\x1b\[([0-9;]*)m", raw) for code in text.split(b";")}
    return {code for code in codes if code and 30 <= int(code) <= 107 and int(code) not in (39, 49)}


def test_no_color_means_none(fake: FakeNvml, tmp_path: Path) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), NO_COLOR="1") as terminal:
        terminal.wait_for(SHOWN)
        terminal.type("q")
        assert terminal.wait() == 0
        assert colors(bytes(terminal.raw)) == set()


@pytest.mark.parametrize("term", ["xterm", "linux", "screen"])
def test_sixteen_colors_where_there_are_no_more(fake: FakeNvml, tmp_path: Path, term: str) -> None:
    with Terminal(ALONE, environment(tmp_path, fake.env()), TERM=term) as terminal:
        terminal.wait_for(SHOWN)
        terminal.type("q")
        assert terminal.wait() == 0
        assert re.findall(rb"\x1b\[[0-9;]*[34]8;[25];", bytes(terminal.raw)) == []


def test_a_stalled_terminal_holds_up_no_sampling_and_gets_no_burst(fake: FakeNvml, tmp_path: Path) -> None:
    for device in range(2):
        fake.set_wave(device, Square(100.0, 600.0, 0.37))
    told = tmp_path / "told"
    job = f"import os, time\nwhile not os.path.exists({str(told)!r}): time.sleep(0.02)\n"
    argv = command(
        "run", "--only", "nvidia", "-i", "100ms", "--refresh", "100ms", "--", sys.executable, "-c", job
    )
    with Terminal(argv, environment(tmp_path, fake.env())) as terminal:
        terminal.wait_for("2 devices")
        terminal.type("2")
        terminal.wait_for(SHOWN)
        calls = fake.calls(0)
        terminal.stall()
        began = time.monotonic()
        terminal.until(lambda: time.monotonic() > began + 5.0, "five seconds")
        assert fake.calls(0) > calls
        before = terminal.written
        terminal.resume()
        terminal.until(lambda: b"\x1b[5n" in terminal.raw[before:], "the frame that was stalled")
        behind = bytes(terminal.raw[before:]).index(b"\x1b[5n")
        assert behind <= FULL_SCREEN_BYTES
        terminal.until(lambda: bytes(terminal.raw[before:]).count(b"\x1b[5n") > 3, "frames again")
        told.touch()
        assert terminal.wait() == 0
    (path,) = sessions(tmp_path)
    with zstandard.open(path, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    times = sorted(record["t"] for record in records if "s" in record)
    assert max(later - earlier for earlier, later in pairwise(times)) < 2.0
    observer = [record for record in records if record.get("event") == "observer"][-1]
    assert observer["missed_ticks"] <= observer["samples"] / 10


def test_eight_devices_cost_the_line_little(tmp_path: Path) -> None:
    with FakeNvml(8) as fake:
        for device in range(8):
            fake.set_wave(device, Square(100.0 + 5 * device, 400.0 + 20 * device, 3.1 + device / 7))
        with Terminal(ALONE, environment(tmp_path, fake.env()), (160, 50)) as terminal:
            terminal.wait_for(SHOWN)
            terminal.wait_for("00:03")
            before = terminal.written
            terminal.wait_for("00:13")
            assert (terminal.written - before) / 10 <= 4000
            assert terminal.written > before
            terminal.type("q")
            assert terminal.wait() == 0
