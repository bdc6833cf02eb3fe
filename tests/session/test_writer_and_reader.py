"""The session file: written once a second, read back to the last whole line, whatever happened to it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from perfwatch.errors import SessionError
from perfwatch.model import Device, DeviceKind, Histogram, Kind, Metric, Scope, Unit
from perfwatch.session import format as fmt
from perfwatch.session.reader import open_session, session_of_chunks
from perfwatch.session.writer import Writer, open_for_writing

HEADER = fmt.header(session_id="s", monotonic_ns=1, time_ns=2, host="h", perfwatch="0", interval_s=1.0)


def record(n: int) -> dict[str, Any]:
    return {"t": n / 10, "c": "stub", "took": 0.001, "s": [[0, n / 10, [n, n * 1.1, None]]]}


def write(path: Path, count: int, *, compress: bool) -> None:
    writer = Writer(open_for_writing(str(path)), compress=compress)
    writer.write(HEADER)
    for n in range(count):
        writer.write(record(n))
        if n % 10 == 9:
            writer.flush()
    writer.close()


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.zst"])
def test_what_is_written_is_read_back_to_the_last_digit(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, 25, compress=name.endswith(".zst"))
    session = open_session(str(path))
    assert session.header == HEADER
    assert list(session.records()) == [record(n) for n in range(25)]
    assert not session.torn
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_cut_at_any_byte_gives_a_beginning_of_the_records(tmp_path: Path) -> None:
    for name in ("run.jsonl", "run.jsonl.zst"):
        whole = tmp_path / name
        write(whole, 25, compress=name.endswith(".zst"))
        data = whole.read_bytes()
        for length in range(0, len(data), 7):
            cut = tmp_path / "cut"
            cut.write_bytes(data[:length])
            try:
                found = list(open_session(str(cut)).records())
            except SessionError:
                found = []
            assert found == [record(n) for n in range(len(found))]


def test_each_second_is_a_frame_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.zst"
    writer = Writer(open_for_writing(str(path)), compress=True)
    writer.write(HEADER)
    writer.tick(10**9)
    writer.write(record(0))
    writer.tick(int(1.5e9))
    before = path.stat().st_size
    writer.tick(2 * 10**9)
    assert path.stat().st_size > before
    assert list(open_session(str(path)).records()) == [record(0)]
    writer.close()


class Disk:
    """Stands in for os.write: a disk with so much room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.real = os.write

    def write(self, fd: int, data: Any) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: self.room]
        self.room -= len(part)
        return self.real(fd, part)


def test_what_a_full_disk_does_not_take_is_kept_and_the_file_ends_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    disk = Disk(room=600)
    monkeypatch.setattr("perfwatch.session.writer.os.write", disk.write)
    writer = Writer(open_for_writing(str(path)))
    writer.write(HEADER)
    for n in range(30):
        writer.write(record(n))
        writer.flush()
    assert writer.trouble == "No space left on device"
    assert path.read_bytes().endswith(b"\n")
    session = session_of_chunks("both", [path.read_bytes(), *writer.unwritten()])
    assert list(session.records()) == [record(n) for n in range(30)]
    writer.close()


def test_when_there_is_room_again_the_file_is_made_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl.zst"
    disk = Disk(room=100)
    monkeypatch.setattr("perfwatch.session.writer.os.write", disk.write)
    writer = Writer(open_for_writing(str(path)), compress=True)
    writer.write(HEADER)
    for n in range(20):
        writer.write(record(n))
        writer.flush()
        if n == 12:
            disk.room = 10**6
    writer.close()
    assert writer.trouble == ""
    assert list(open_session(str(path)).records()) == [record(n) for n in range(20)]


def test_a_cap_holds_and_the_rest_stays_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    writer = Writer(open_for_writing(str(path)), cap_bytes=1000)
    writer.write(HEADER)
    for n in range(50):
        writer.write(record(n))
        writer.flush()
    writer.close()
    assert path.stat().st_size <= 1000
    assert "cap" in writer.trouble
    assert len(list(session_of_chunks("both", [path.read_bytes(), *writer.unwritten()]).records())) == 50


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"hello\n", "no JSON"),
        (b"[1]\n", "no perfwatch header"),
        (b'{"format":"perfwatch.session","version":99,"clock":{}}\n', "update perfwatch"),
        (b'{"format":"perfwatch.session","version":1}\n', "clock"),
        (zstandard.ZstdCompressor().compress(b"nothing\n"), "no JSON"),
    ],
)
def test_what_is_no_session_is_said_in_a_sentence(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(SessionError, match=word):
        open_session(str(path))


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(SessionError, match=str(path)):
            open_session(str(path))


def test_damaged_lines_inside_are_counted_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write(path, 3, compress=False)
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], b"{garbage", b"[1,2]", *lines[2:]]) + b"\n")
    session = open_session(str(path))
    assert list(session.records()) == [record(n) for n in range(3)]
    assert session.damaged == 2


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"a" * (64 << 20)))
    with pytest.raises(SessionError, match="line of over"):
        open_session(str(path))


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        ("a\udcff", "a?"),
        (float("nan"), None),
        (float("inf"), None),
        ({1: {2}}, {"1": [2]}),
        (ValueError("no"), "no"),
    ],
)
def test_what_json_does_not_know_costs_no_record(odd: Any, kept: Any, tmp_path: Path) -> None:
    """A plugin's facts and the names of processes come from outside."""
    path = tmp_path / "odd.jsonl"
    writer = Writer(open_for_writing(str(path)))
    writer.write(HEADER)
    writer.write({"t": 1.0, "event": "note", "text": odd})
    writer.close()
    assert list(open_session(str(path)).records()) == [{"t": 1.0, "event": "note", "text": kept}]


def test_a_pipe_is_written_as_it_is(tmp_path: Path) -> None:
    read_fd, write_fd = os.pipe()
    writer = Writer(open_for_writing(f"/dev/fd/{write_fd}"), every_batch=True)
    writer.write(HEADER)
    os.close(write_fd)
    writer.close()
    with os.fdopen(read_fd, "rb") as pipe:
        assert b"perfwatch.session" in pipe.read()


names = st.text(min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    device_id=names,
    name=names,
    kind=st.sampled_from(DeviceKind),
    scope=st.none() | st.sampled_from(Scope),
    wraps_at=st.none() | st.floats(1e-3, 1e12),
    bounds=st.none() | st.lists(st.floats(0, 1e6), max_size=5).map(tuple),
)
def test_a_device_survives_its_declaration(
    device_id: str, name: str, kind: DeviceKind, scope: Scope | None, wraps_at: float | None, bounds: Any
) -> None:
    metric = Metric(
        "m_total", Unit.JOULE, Kind.COUNTER, "help", wraps_at=wraps_at, bounds=bounds, update_s=0.1
    )
    device = Device(device_id, name, kind, index="x", metrics=(metric,), scope=scope, facts={"a": 1})
    assert fmt.decode_device(fmt.encode_device(3, "stub", device)) == (3, "stub", device)


@given(st.dictionaries(st.integers(-2000, 2000), st.integers(1, 10**6)), st.integers(0, 5))
def test_a_histogram_survives_its_record(buckets: dict[int, int], zero: int) -> None:
    histogram = Histogram(sum(buckets.values()) + zero, 1.5, 0.1, 2.0, buckets, zero)
    assert fmt.decode_histogram(fmt.encode_value(histogram)) == histogram
