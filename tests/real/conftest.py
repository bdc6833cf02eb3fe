"""Tests against real software: `make test-real`. What each compares is printed, whether it holds or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from real.comparing import Comparison


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Callable[[str], Comparison]:
    """A table with this heading, written to the terminal past the capture of output."""
    manager = request.config.pluginmanager
    reporter, capture = manager.getplugin("terminalreporter"), manager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(line)

    return lambda name: Comparison(name, say)
