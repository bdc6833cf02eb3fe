"""`perfwatch replay` as a person meets it: on a terminal, through a pipe, with what is wrong."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest
from commandline import perfwatch
from tui.terminal import Terminal

DEMO = Path(__file__).resolve().parent.parent / "data" / "tui" / "demo.jsonl.zst"


def replay(home: Path, *words: str, shell: str = "") -> Terminal:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PERFWATCH", "XDG_"))}
    argv = [sys.executable, "-m", "perfwatch", "replay", *words]
    if shell:
        argv = ["sh", "-c", f"{shell} | exec {shlex.join(argv)}"]
    return Terminal(argv, {**env, "HOME": str(home)}, (120, 40))


def test_a_recording_is_shown_stepped_through_and_left(tmp_path: Path) -> None:
    with replay(tmp_path, str(DEMO), "--paused", "--at", "0:30") as terminal:
        terminal.wait_for("REPLAY paused")
        terminal.wait_for("00:30 / 01:00")
        terminal.type("}")
        terminal.until(lambda: "00:30 /" not in terminal.lines[0], "another time")
        terminal.type("g")
        terminal.wait_for("1:23, 90s, 50%")
        terminal.type("end\r")
        terminal.wait_for("REPLAY at the end")
        terminal.wait_for("01:00 / 01:00")
        terminal.type("q")
        assert terminal.wait() == 0


def test_it_plays_as_fast_as_one_likes_and_stands_at_the_end(tmp_path: Path) -> None:
    with replay(tmp_path, str(DEMO), "--speed", "100") as terminal:
        terminal.wait_for("REPLAY at the end")
        terminal.wait_for("ended, exit 0")
        terminal.type("q")
        assert terminal.wait() == 0


def test_a_session_may_come_through_a_pipe_and_keys_from_the_terminal(tmp_path: Path) -> None:
    with replay(tmp_path, "-", "--paused", "--at", "50%", shell=f"cat {shlex.quote(str(DEMO))}") as terminal:
        terminal.wait_for("REPLAY paused")
        terminal.wait_for("00:30 / 01:00")
        terminal.type("q")
        assert terminal.wait() == 0


def test_without_a_terminal_it_is_the_summary(tmp_path: Path) -> None:
    shown = perfwatch("replay", str(DEMO), home=tmp_path)
    assert shown.returncode == 0
    assert shown.stdout == perfwatch("summary", str(DEMO), home=tmp_path).stdout


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (("nothing.jsonl",), "there is no file nothing.jsonl", 1),
        (("--speed", "0"), "--speed takes 0.1 to 1000", 2),
        (("--speed", "fast"), "--speed takes 0.1 to 1000", 2),
        (("--theme", "none such"), "theme", 2),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, words: tuple[str, ...], said: str, status: int
) -> None:
    done = perfwatch("replay", *words, home=tmp_path)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_is_not_there_is_said_before_anything_is_shown(tmp_path: Path) -> None:
    with replay(tmp_path, str(DEMO), "--at", "nowhere") as terminal:
        assert terminal.wait() == 2
        assert "there is no 'nowhere' to go to" in bytes(terminal.raw).decode()
