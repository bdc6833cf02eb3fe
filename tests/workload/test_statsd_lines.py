from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.errors import ConfigError
from perfwatch.workload.statsd import (
    BadLine,
    Gauge,
    GaugeMove,
    Increment,
    Life,
    Mark,
    Member,
    Size,
    Statement,
    Timing,
    TimingTotal,
    Total,
    mark_line,
    parse_line,
)

LINES: list[tuple[str, tuple[Statement, ...]]] = [
    ("queries:1|c", (Increment("queries", 1),)),
    ("queries:3|c|@0.1", (Increment("queries", 30),)),
    ("queries:1|c|@0.3", (Increment("queries", 1 / 0.3),)),
    ("queries:2.0|c", (Increment("queries", 2),)),
    ("tokens:0.5|c", (Increment("tokens", 0.5),)),
    ("queries:1|c|#model:7b,env:test", (Increment("queries", 1),)),
    ("queries:1|c|@0.5|#a:b|c:ci-1234|T1656581400|e:it-false", (Increment("queries", 2),)),
    ("queries:1:2:3|c", (Increment("queries", 1), Increment("queries", 2), Increment("queries", 3))),
    ("app.web.hits:1|c", (Increment("app.web.hits", 1),)),
    ("질의:1|c", (Increment("질의", 1),)),
    ("queries:1|c\r", (Increment("queries", 1),)),
    ("latency:12.5|ms", (Timing("latency", 0.0125, 1),)),
    ("latency:12|ms|@0.25", (Timing("latency", 0.012, 4),)),
    ("latency:1e3|ms", (Timing("latency", 1.0, 1),)),
    ("latency:1:2|ms", (Timing("latency", 0.001, 1), Timing("latency", 0.002, 1))),
    ("batch:32|h", (Size("batch", 32.0, 1),)),
    ("batch:32|d|@0.5", (Size("batch", 32.0, 2),)),
    ("running:8|g", (Gauge("running", 8, None),)),
    ("running:+2|g", (GaugeMove("running", 2),)),
    ("running:-2|g", (GaugeMove("running", -2),)),
    ("running:-2|g|i:12.ab|t:77", (Gauge("running", -2, 77),)),
    ("users:anna|s", (Member("users", "anna"),)),
    ("measure:begin|mark", (Mark("measure", "begin", None),)),
    ("measure:end|mark|t:123456789", (Mark("measure", "end", 123456789),)),
    ("here:point|mark", (Mark("here", "point", None),)),
    ("queries:1234|ct|i:4711.9f3a|t:99", (Total("queries", 1234, "4711.9f3a", 99),)),
    (
        "latency:3,0.6,0.1,0.3,0,1,0.2,0.3;-426=1,-298=2|tt|i:1.a|t:5",
        (TimingTotal("latency", 3, 0.6, 0.1, 0.3, 0, 1, 0.2, 0.3, {-426: 1, -298: 2}, "1.a", 5),),
    ),
    ("process:begin|life|i:4711.9f3a", (Life("4711.9f3a", "begin"),)),
    ("process:end|life|i:4711.9f3a|t:99", (Life("4711.9f3a", "end"),)),
    ("", ()),
    ("_e{5,4}:title|text", ()),
    ("_sc|name|0", ()),
]

BAD_LINES = [
    "latency:-4|ms",
    "queries",
    "queries:1",
    ":1|c",
    "queries:|c",
    "queries:one|c",
    "queries:-1|c",
    "queries:nan|c",
    "queries:inf|c",
    "queries:1e300|c",
    "queries:1_000|c",
    "queries:" + "9" * 5000 + "|c",
    "queries:1|c|@0",
    "queries:1|c|@2",
    "queries:1|c|@x",
    "queries:1|x",
    "queries:1|c|what",
    "latency:|ms",
    "latency:nan|ms",
    "measure:middle|mark",
    "measure:begin|mark|t:soon",
    "queries:1|ct",
    "process:end|life",
    "process:middle|life|i:1.a",
    "queries:-1|ct|i:1.a",
    "latency:3,0.6|tt|i:1.a",
    "latency:3,nan,0.1,0.3,0,1,0.2,0.3;|tt|i:1.a",
    "latency:-3,0.6,0.1,0.3,0,1,0.2,0.3;|tt|i:1.a",
    "latency:3,0.6,0.1,0.3,0,1,0.2,0.3;1=-1|tt|i:1.a",
    "\x00\x01\x02",
]


@pytest.mark.parametrize(("line", "says"), LINES)
def test_a_line_says_this(line: str, says: tuple[Statement, ...]) -> None:
    assert parse_line(line.encode()) == says


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_says_nothing_is_refused(line: str) -> None:
    with pytest.raises(BadLine) as refused:
        parse_line(line.encode())
    assert str(refused.value)


def test_whole_numbers_stay_whole() -> None:
    for line in (b"a:2.0|c", b"a:3|c|@0.1", b"a:7|c"):
        (said,) = parse_line(line)
        assert isinstance(said, Increment)
        assert type(said.amount) is int


@given(st.binary(max_size=200))
def test_no_bytes_at_all_do_more_than_be_refused(line: bytes) -> None:
    with contextlib.suppress(BadLine):
        assert isinstance(parse_line(line), tuple)


def test_a_mark_written_here_is_read_there() -> None:
    assert parse_line(mark_line("measure", "begin", 12)) == (Mark("measure", "begin", 12),)


@pytest.mark.parametrize("name", ["", "a:b", "a|b", "a\nb", "\x1b[31m"])
def test_a_mark_whose_name_cannot_stand_in_a_line_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="mark"):
        mark_line(name, "begin", 1)


def test_a_mark_has_one_of_three_edges() -> None:
    with pytest.raises(ConfigError, match="begin, end or point"):
        mark_line("measure", "start", 1)
