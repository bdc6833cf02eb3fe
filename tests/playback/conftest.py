"""Recordings of tests are short: small blocks make many of them."""

from __future__ import annotations

import pytest

from perfwatch.playback import recording


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "BLOCK_BYTES", 8192)
