"""The file of the job's output beside the recording takes so much and no more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from perfwatch.job import streams
from perfwatch.job.streams import Passage

if TYPE_CHECKING:
    import pytest


def test_a_kept_stream_is_cut_at_its_cap_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "KEPT_BYTES", 5)
    passage = Passage("stdout", os.open(os.devnull, os.O_WRONLY), size=(80, 24))
    try:
        assert passage.kept(b"abc") == b"abc"
        cut = passage.kept(b"defgh")
        assert cut.startswith(b"de\n")
        assert b"keeps no more" in cut
        assert passage.kept(b"more") == b""
    finally:
        for fd in (passage.own_fd, passage.read_fd, passage.child_fd):
            os.close(fd)


def test_a_stream_of_ours_is_passed_on_whole() -> None:
    reading, writing = os.pipe()
    passage = Passage("stdout", writing)
    try:
        assert passage.kept(b"x" * 100) == b"x" * 100
    finally:
        for fd in (reading, writing, passage.read_fd, passage.child_fd):
            os.close(fd)
