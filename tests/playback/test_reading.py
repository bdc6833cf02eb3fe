"""Is a session read whole, packed or plain, also while it grows, and whatever is wrong with it?"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from playback.demo import DEMO, lines_of, recording_of

from perfwatch.errors import SessionError
from perfwatch.playback import reading as module
from perfwatch.playback.reading import Reading
from perfwatch.playback.recording import Recording

LIMIT_S = 20.0
DAY_S = 86_400.0


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.005)


def records(recording: Recording) -> list[object]:
    return [record for block in range(recording.blocks) for record in recording.records(block)]


def read(path: Path) -> Reading:
    reading = Reading(str(path))
    reading.start()
    reading.join(LIMIT_S)
    assert not reading.is_alive()
    return reading


def test_a_session_is_read_whole_packed_and_plain(tmp_path: Path) -> None:
    plain = tmp_path / "demo.jsonl"
    plain.write_bytes(b"\n".join(lines_of()) + b"\n")
    packed, unpacked = read(DEMO).recording, read(plain).recording
    assert records(packed) == records(unpacked) == records(recording_of(lines_of()))
    assert packed.end_t == unpacked.end_t > 50.0
    assert packed.is_whole
    assert packed.blocks == unpacked.blocks > 1


def test_it_may_come_through_a_pipe() -> None:
    stream = io.BytesIO(DEMO.read_bytes())
    reading = Reading("-", stream)
    reading.start()
    reading.join(LIMIT_S)
    assert records(reading.recording) == records(recording_of(lines_of()))


def test_what_has_come_through_a_pipe_is_there_before_its_end() -> None:
    out, into = os.pipe()
    lines = lines_of()[:20]
    with os.fdopen(into, "wb", buffering=0) as writer:
        writer.write(b"\n".join(lines) + b"\n")
        made = Reading("-", os.fdopen(out, "rb"))
        made.start()
        until(lambda: made.recording.end_t > 0.0)
        assert not made.recording.is_whole
    made.join(LIMIT_S)
    assert made.recording.is_whole


@pytest.mark.parametrize("packs", [False, True])
def test_a_file_that_grows_is_followed_to_its_end(tmp_path: Path, *, packs: bool) -> None:
    path, lines = tmp_path / "growing", lines_of()
    pieces = [lines[:40], lines[40:200], lines[200:]]
    with path.open("wb", buffering=0) as stream:

        def write(piece: list[bytes]) -> None:
            text = b"\n".join(piece) + b"\n"
            stream.write(zstandard.ZstdCompressor().compress(text) if packs else text)

        write(pieces[0])
        reading = Reading(str(path))
        reading.start()
        until(reading.recording.is_up_to_date.is_set)
        seen = [len(records(reading.recording))]
        for piece in pieces[1:]:
            write(piece)
            until(lambda: len(records(reading.recording)) > seen[-1])
            seen.append(len(records(reading.recording)))
        reading.join(LIMIT_S)
    assert seen == [39, 199, len(lines) - 1]
    assert reading.recording.is_whole


def test_a_recording_that_nobody_writes_to_any_more_is_whole_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(b"\n".join(lines_of()[:60]) + b'\n{"t":9.0,"c":"simul')
    long_ago = time.time() - DAY_S
    os.utime(path, (long_ago, long_ago))
    reading = read(path)
    assert reading.recording.is_whole
    assert len(records(reading.recording)) == 59
    assert not reading.trouble


def test_a_torn_frame_leaves_what_came_before_it(tmp_path: Path) -> None:
    path = tmp_path / "torn.zst"
    frames = [
        zstandard.ZstdCompressor().compress(b"\n".join(part) + b"\n")
        for part in (lines_of()[:50], lines_of()[50:])
    ]
    path.write_bytes(frames[0] + frames[1][: len(frames[1]) // 2])
    long_ago = time.time() - DAY_S
    os.utime(path, (long_ago, long_ago))
    assert len(records(read(path).recording)) >= 49


def test_lines_that_are_no_records_are_passed_over(tmp_path: Path) -> None:
    path, lines = tmp_path / "damaged.jsonl", lines_of()
    path.write_bytes(
        b"\n".join([*lines[:50], b"{not json", b"[1, 2]", b'{"t": "late"}', b'{"t":1e99}', *lines[50:]])
        + b"\n"
    )
    recording = read(path).recording
    assert recording.end_t == read(DEMO).recording.end_t
    assert len([record for record in records(recording) if record]) == len(lines) - 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "has no whole line of a session"),
        (b'{"format": "perf', "has no whole line of a session"),
        (b"hello\n", "is not a perfwatch session"),
        (b'{"format": "other"}\n', "is not a perfwatch session"),
    ],
)
def test_what_is_no_session_is_said_at_once(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(text)
    with pytest.raises(SessionError, match=said):
        Reading(str(path))


def test_a_line_that_never_ends_is_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_BYTES", 10_000)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"\n".join(lines_of()[:5]) + b"\n" + b"x" * 20_000)
    reading = read(path)
    assert "a line of over" in reading.trouble
    assert len(records(reading.recording)) == 4


def test_blocks_are_found_by_time() -> None:
    recording = recording_of(lines_of())
    assert recording.blocks > 5
    for t in (0.0, 10.0, 30.0, 55.0):
        block = recording.block_at(t)
        before = [record["t"] for each in range(block) for record in recording.records(each)]
        assert all(told <= t for told in before)
        if block < recording.blocks - 1:
            assert any(record["t"] > t for record in recording.records(block))
