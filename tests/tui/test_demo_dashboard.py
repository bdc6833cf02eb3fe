"""The demo on a terminal: the dashboard plays the story and q ends it with the summary."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from terminal import Terminal

SCREENS = "1234567"


def demo(home: Path, *options: str, size: tuple[int, int] = (120, 40)) -> Terminal:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PERFWATCH", "XDG_"))}
    argv = [sys.executable, "-m", "perfwatch", "demo", *options]
    return Terminal(argv, {**env, "HOME": str(home)}, size)


def said(terminal: Terminal) -> str:
    """Everything that was written: what follows the dashboard does not all stay on the screen."""
    return bytes(terminal.raw).decode("utf-8", "replace")


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)])
def test_every_screen_says_that_it_is_simulated(size: tuple[int, int], tmp_path: Path) -> None:
    names = ("run", "devices", "workloads", "processes", "efficiency", "hosts", "output")
    with demo(tmp_path, "--duration", "1h", size=size) as terminal:
        terminal.wait_for("power" if size[1] > 12 else "W")
        for key, name in zip(SCREENS, names, strict=True):
            terminal.type(key)
            if size[0] >= 80:
                terminal.until(lambda word=name: f" {word} " in terminal.lines[0], name)  # type: ignore[misc]
            assert "SIMULATED" in terminal.lines[0]
        terminal.type("q")
        assert terminal.wait() == 0


def test_q_ends_the_story_and_prints_the_summary_of_what_was_played(tmp_path: Path) -> None:
    with demo(tmp_path, "--duration", "1h") as terminal:
        terminal.wait_for("simulated:0")
        terminal.type("q")
        assert terminal.wait() == 0
        assert "8 × SIMULATED accelerator" in said(terminal)
        assert "whole job" in said(terminal)


def test_the_dashboard_closes_with_the_story_and_the_summary_follows(tmp_path: Path) -> None:
    with demo(tmp_path, "--duration", "3s") as terminal:
        terminal.wait_for("SIMULATED")
        assert terminal.wait() == 0
        assert "finished, exit 0" in said(terminal)


def test_the_dashboard_stays_where_it_was_told_to(tmp_path: Path) -> None:
    with demo(tmp_path, "--duration", "2s", "--stay") as terminal:
        terminal.wait_for("simulated:0")
        terminal.type("7")
        terminal.wait_for("done")
        terminal.type("2")
        terminal.wait_for("simulated:7")
        assert terminal.process.poll() is None
        terminal.type("q")
        assert terminal.wait() == 0
        assert "finished, exit 0" in said(terminal)


@pytest.mark.parametrize(
    ("options", "seen"), [(("--duration", "1h"), "simulated:0"), (("--duration", "2s", "--stay"), "100 %")]
)
def test_sigterm_closes_the_dashboard_and_is_the_status(
    options: tuple[str, ...], seen: str, tmp_path: Path
) -> None:
    """Also when the story is over and the dashboard stays."""
    with demo(tmp_path, *options) as terminal:
        terminal.wait_for(seen)
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.wait() == 128 + signal.SIGTERM
        assert "8 × SIMULATED accelerator" in said(terminal)
