"""Streams: titles that are printed once, records that a reading cuts in two."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from described.describing import Told, collector, described, tool
from perfwatch_collectors.described.formats import Read, records
from perfwatch_collectors.described.stream_period import StreamPeriod
from perfwatch_collectors.described.stream_text import StreamText


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def read_in_pieces(how: Read, *pieces: str) -> list[list[dict[str, str]]]:
    """The fields of the records of each reading of a stream."""
    text = StreamText(how)
    readings = []
    for piece in pieces:
        whole = text.whole(piece.encode())
        readings.append([dict(one.fields) for one in records(whole, how)] if whole else [])
    return readings


STREAM = """
name = "drip"
[source]
command = ["drip"]
stream = true
[read]
format = "csv"
[device]
id = "drip-{unit}"
name = "Drip"
[metrics]
power_watts = "P"
"""


def test_titles_that_a_stream_prints_once_hold_of_all_that_follows(tools: Path) -> None:
    rows = "echo $n,0,30; echo $n,1,12; n=$((n+1)); sleep 0.1"
    tool(tools, "drip", f"echo; echo '# drip 1.0'; echo time,unit,P; n=0; while :; do {rows}; done")
    one = collector(described(STREAM))
    devices = list(one.open())
    assert [each.id for each in devices] == ["drip-0", "drip-1"]
    for _ in range(3):
        assert Told(one, devices).samples == {"drip-0": (30.0,), "drip-1": (12.0,)}
        time.sleep(0.25)
    one.close()


def test_a_table_keeps_its_titles_too_and_takes_new_ones() -> None:
    how = Read("table", titles="NPU")
    first, second, third = read_in_pieces(
        how, "hello\n NPU   W\n 0   5\n", " 0   6\n 1   7\n", " NPU   Watt\n 0   8\n"
    )
    assert [row["W"] for row in (*first, *second)] == ["5", "6", "7"]
    assert [row["Watt"] for row in third] == ["8"]


def test_a_block_that_a_reading_cuts_is_told_once_it_is_whole() -> None:
    how = Read("keyvalue", begins=r"^board: (?P<b>\w+)")
    readings = read_in_pieces(
        how,
        "driver: 2\nboard: A\n",
        "power: 100\nboard: B\npower: 200\nboard: A\n",
        "power: 101\n",
        "board: B\npower: 201\n",
    )
    told = [[(one["b"], one["power"]) for one in each] for each in readings]
    assert told == [[], [("A", "100"), ("B", "200")], [("A", "101")], [("B", "201")]]


def test_lines_that_come_to_a_block_that_was_told_tell_it_anew() -> None:
    how = Read("keyvalue", begins="^board")
    readings = read_in_pieces(
        how, "board: A\np: 1\nboard: B\np: 2\n", "t: 5\n", "board: A\np: 3\nt: 6\nboard: B\n"
    )
    assert [one.get("p") for one in readings[0]] == ["1", "2"]
    assert [(one["p"], one["t"]) for one in readings[1]] == [("2", "5")]
    assert [(one["p"], one["t"]) for one in readings[2]] == [("3", "6")]


def test_what_stands_before_the_first_block_is_of_all() -> None:
    text = StreamText(Read("keyvalue", begins="^board"))
    for piece in ("driver: 2\nboard: A\np: 1\nboard: B\np: 2\n", "board: A\np: 3\n"):
        told = records(text.whole(piece.encode()), Read("keyvalue", begins="^board"))
        assert {one.whole["driver"] for one in told} == {"2"}


def test_the_last_block_of_a_stream_that_ends_is_told(tools: Path) -> None:
    tool(tools, "drip", "printf 'board: A\\npower: 5\\n'")
    text = STREAM.replace('format = "csv"', "format = \"keyvalue\"\nbegins = '^board'")
    one = collector(described(text.replace("{unit}", "{board}").replace('"P"', '"power"')))
    assert Told(one, list(one.open())).samples == {"drip-A": (5.0,)}
    one.close()


def test_a_pattern_over_several_lines_may_be_cut_anywhere() -> None:
    how = Read("regex", pattern=r"^chip (?P<chip>\d)\n +power (?P<w>\d+)")
    output = "chip 0\n  power 10 W\nchip 1\n  power 20 W\n"
    for at in range(len(output)):
        if output[at] == "\n":
            readings = read_in_pieces(how, output[: at + 1], output[at + 1 :])
            assert [(one["chip"], one["w"]) for each in readings for one in each] == [
                ("0", "10"),
                ("1", "20"),
            ]


def test_documents_over_several_lines_are_told_once_they_are_whole() -> None:
    how = Read("json", each="chips")
    documents = [json.dumps({"chips": [{"id": "A", "w": w}]}, indent=1) + "\n" for w in (1, 2, 3)]
    output = "[WARN] old driver\n" + "".join(documents)
    lines = output.splitlines(keepends=True)
    for at in range(len(lines) + 1):
        readings = read_in_pieces(how, "".join(lines[:at]), "".join(lines[at:]))
        told = [one["w"] for each in readings for one in each]
        assert told in ([3], [1, 3], [2, 3]), at
        assert told[-1] == 3


def test_what_never_becomes_a_record_is_not_kept_without_end() -> None:
    text = StreamText(Read("keyvalue", begins="^board"))
    for _ in range(50):
        text.whole(b"board: A\n" + b"x: y\n" * 10000)
        text.whole(b"x: y\n" * 10000)
    assert len(text.rest()) < 2**19


def test_the_interval_of_a_stream_is_how_often_it_is_renewed() -> None:
    period = StreamPeriod()
    for at in range(5):
        for line in range(3):
            period.arrived(0.7 * at + 0.001 * line)
    assert period.seconds is None
    period.arrived(3.51)
    assert period.seconds == pytest.approx(0.7)
    period.arrived(100.0)
    assert period.seconds == pytest.approx(0.7), "a device is declared by it once"


def test_a_device_of_a_stream_is_declared_with_it(tools: Path) -> None:
    tool(tools, "drip", "echo unit,P; while :; do echo 1,5; sleep 0.1; done")
    one = collector(described(STREAM))
    devices = list(one.open())
    assert devices[0].metrics[0].update_s is None
    until_s = time.monotonic() + 20.0
    declared: list[float | None] = []
    while not declared and time.monotonic() < until_s:
        declared = [device.metrics[0].update_s for device in Told(one, devices).appeared]
    one.close()
    assert declared[0] is not None
    assert 0.05 < declared[0] < 1.0
