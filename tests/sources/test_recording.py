"""Where a session goes, and that it can be folded whatever happened to its file."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from perfwatch.errors import SessionError
from perfwatch.session import format as fmt
from perfwatch.session.reader import open_session
from perfwatch.sources.recording import Recording

HEADER = fmt.header(session_id="s" * 32, monotonic_ns=1, time_ns=2, host="h", perfwatch="0", interval_s=1.0)


def note(n: int) -> dict[str, Any]:
    return fmt.event(float(n), "note", {"text": f"note {n} " + "x" * 50})


def fill(recording: Recording, count: int) -> None:
    recording.write(HEADER)
    for n in range(count):
        recording.write(note(n))
        recording.tick((n + 2) * 10**9)
    recording.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_kept_run_lies_private_in_the_state_directory(home: Path) -> None:
    recording = Recording("a" * 32, output=None, keep=True)
    fill(recording, 3)
    assert recording.path is not None
    path = Path(recording.path)
    assert path.parent == home / ".local/state/perfwatch/sessions"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert len(recording.tape().of_kind("note")) == 3
    recording.discard()
    assert path.exists()


def test_a_run_that_is_not_kept_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(home))
    recording = Recording("a" * 32, output=None, keep=False)
    fill(recording, 3)
    assert recording.path is None
    assert len(recording.tape().of_kind("note")) == 3
    recording.discard()
    assert not list(home.glob("perfwatch-*"))


def test_a_fifo_gets_the_stream_and_the_summary_is_folded_all_the_same(home: Path) -> None:
    fifo = home / "fifo"
    os.mkfifo(fifo)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    recording = Recording("a" * 32, output=str(fifo), keep=True)
    fill(recording, 3)
    reader.join(10)
    assert got
    assert got[0].count(b"note ") == 3
    assert len(recording.tape().of_kind("note")) == 3
    recording.discard()


def test_a_disk_that_is_full_is_told_in_the_tape(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    real = os.write

    def write(fd: int, data: Any) -> int:
        nonlocal written
        if written > 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        written += len(data)
        return real(fd, data)

    recording = Recording("a" * 32, output=str(home / "run.jsonl"), keep=True)
    monkeypatch.setattr("perfwatch.session.writer.os.write", write)
    fill(recording, 20)
    tape = recording.tape()
    assert len(tape.of_kind("note")) == 20
    (missing,) = tape.of_kind("missing")
    assert missing.fields["reason"] == "No space left on device"
    in_the_file = len(list(open_session(str(home / "run.jsonl")).records()))
    assert in_the_file < 20
    assert (missing.fields["records"], missing.fields["lost"]) == (20 - in_the_file, 0)


def test_what_was_lost_is_told_although_the_disk_has_room_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    real = os.write

    def write(fd: int, data: Any) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    recording = Recording("a" * 32, output=str(home / "run.jsonl"), keep=True)
    recording.write(HEADER)
    recording.tick(2 * 10**9)
    monkeypatch.setattr("perfwatch.session.writer.os.write", write)
    monkeypatch.setattr("perfwatch.session.writer.BACKLOG_BYTES", 0)
    full = True
    recording.write({"t": 1.0, "event": "note", "text": "lost"})
    recording.tick(4 * 10**9)
    full = False
    recording.write({"t": 2.0, "event": "note", "text": "kept"})
    recording.close()
    (missing,) = recording.tape().of_kind("missing")
    assert (missing.fields["records"], missing.fields["lost"]) == (1, 1)
    assert missing.fields["reason"] == "No space left on device"


def test_a_file_in_a_directory_that_is_not_there_is_one_sentence(home: Path) -> None:
    with pytest.raises(SessionError, match=r"none/run\.jsonl: No such file or directory"):
        Recording("a" * 32, output=str(home / "none/run.jsonl"), keep=True)


def test_without_any_directory_to_write_to_a_run_is_recorded_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> Path:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("perfwatch.session.shelf.new_path", refuse)
    recording = Recording("a" * 32, output=None, keep=True)
    assert "this run is not kept" in recording.warning
    fill(recording, 3)
    assert recording.path is None
    assert len(recording.tape().of_kind("note")) == 3
    recording.discard()
