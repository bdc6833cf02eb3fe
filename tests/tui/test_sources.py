"""Where is a figure from? On the screen of the run one key shows it."""

from __future__ import annotations

from dataclasses import replace

from recorded import drawn

from perfwatch.tui.draw.row import plain
from perfwatch.tui.draw.source_list import sources_of
from perfwatch.tui.view import View


def test_the_sources_of_the_figures_are_shown_on_demand() -> None:
    for size in ((120, 38), (80, 22)):
        before = " ".join(plain(row) for row in drawn(View("run"), size)[1])
        after = "\n".join(plain(row) for row in drawn(View("run", zoom="sources"), size)[1])
        for told in (
            "counted by simulated:work",
            "sensors of simulated:0-7",
            "their energy counters",
            "EUR/kWh",
        ):
            assert told in " ".join(after.split()), told
            assert told not in before
        assert "enter closes this" in after


def test_sources_of_several_hosts_are_told_too() -> None:
    frame, _ = drawn(View("run"), (120, 38))
    assert frame.standing is not None
    labels = tuple(f"{one.host}/{one.label}" for one in frame.devices)
    rows = sources_of(frame, replace(frame.standing, devices=labels), 60)
    assert any("their energy counters" in plain(row) for row in rows)
