"""StatsD datagrams of any content: nothing but a sentence comes of nonsense, and what is right is counted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perfwatch_collectors.statsd import StatsdCollector, StatsdOptions
from promises import Kept, at_most

from perfwatch.model import Device, DeviceKind
from perfwatch.workload import ledger as module
from perfwatch.workload import tally
from perfwatch.workload.address import parse_address
from perfwatch.workload.ledger import Ledger

MS = 1_000_000
OPENED, NOW = 1_000 * MS, 100_000 * MS


class Job:
    """A ledger, and what came out of it."""

    def __init__(self) -> None:
        device = Device("statsd", "StatsD", DeviceKind.WORKLOAD)
        self.ledger = Ledger(device, OPENED)
        self.kept = Kept([device], now_ns=NOW)

    def told(self, *datagrams: bytes) -> Kept:
        """Datagrams that come one ms after the other."""
        taken = [(OPENED + place * MS, data) for place, data in enumerate(datagrams, 1)]
        return self.kept.take(self.ledger.readings(taken, NOW))


# -- what may come -----------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "+3",
            "1e308",
            "-1e308",
            "1e18",
            "1e-400",
            "nan",
            "inf",
            "-inf",
            "",
            "1_0",
            "٣",
            "0x1",
        ]
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.integers(300, 5000).map(lambda digits: "9" * digits),
    st.floats().map(repr),
)
NAMES = st.one_of(
    st.sampled_from(["queries", "latency", "running", "a", "a_total", "a_gauge", "a_total_gauge", "tokens"]),
    st.text(max_size=20),
    st.integers(100, 70_000).map(lambda length: "n" * length),
)
KINDS = st.sampled_from(["c", "g", "ms", "h", "d", "s", "ct", "tt", "mark", "x", ""])
FURTHER = st.lists(
    st.one_of(
        st.sampled_from(["@0.5", "@1e-9", "@0", "@-1", "#a:b,c", "c:x", "T1", "i:1.a", "i:2.b", "i:", "?"]),
        NUMBERS.map(lambda number: f"t:{number}"),
        st.integers(0, 2 * NOW).map(lambda told: f"t:{told}"),
    ),
    max_size=3,
)


def joined(name: str, value: str, kind: str, further: list[str]) -> bytes:
    return "|".join([f"{name}:{value}", kind, *further]).encode("utf-8", "surrogatepass")


TIMED = st.builds(
    lambda figures, pairs: ",".join(figures) + ";" + ",".join(f"{index}={n}" for index, n in pairs),
    st.lists(NUMBERS | st.integers(0, 9).map(str), min_size=8, max_size=8),
    st.lists(st.tuples(NUMBERS | st.integers(-900, 900), NUMBERS | st.integers(0, 9)), max_size=4),
)
VALUES = st.one_of(
    NUMBERS, st.lists(NUMBERS, max_size=4).map(":".join), st.sampled_from(["begin", "end"]), TIMED
)
LINES = st.one_of(st.builds(joined, NAMES, VALUES, KINDS, FURTHER), st.binary(max_size=60))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(LINES, max_size=6).map(b"\n".join), max_size=6))
def test_whatever_comes_what_is_right_is_counted_and_all_else_is_one_sentence(told: list[bytes]) -> None:
    job = Job()
    mine = b"fine.queries:7|c"
    kept = job.told(*[piece for data in told for piece in (data, mine)])
    kept = job.told(mine + b"\n" + b"\n".join(told) + b"\n" + mine)
    assert kept.values["fine.queries_total"] == 7 * (len(told) + 2)
    assert sum("cannot read the StatsD line" in note for note in kept.notes) == (job.ledger.bad > 0)


STATEMENTS = st.one_of(
    st.builds("q{}:{}|c".format, st.integers(1, 3), st.integers(0, 999)),
    st.builds(
        "w{}:{}|ct|i:{}.a|t:{}".format, st.just(1), st.integers(0, 99), st.integers(1, 3), st.just(OPENED)
    ),
    st.builds("l:{}|ms".format, st.integers(0, 10**6)),
    st.builds("b:{}|h|@0.5".format, st.integers(0, 99)),
    st.builds("g:{}|g".format, st.sampled_from(["3", "+2", "-1", "8"])),
    st.builds("s:{}|s".format, st.integers(0, 9)),
    st.just("nonsense"),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(STATEMENTS, max_size=30), st.lists(st.booleans(), min_size=30, max_size=30))
def test_the_same_statements_in_any_packing_give_the_same(told: list[str], ends: list[bool]) -> None:
    apart, packed = Job(), Job()
    datagrams: list[list[str]] = [[]]
    for line, is_end in zip(told, ends, strict=False):
        datagrams[-1].append(line)
        if is_end:
            datagrams.append([])
    apart.told(*[line.encode() for line in told])
    packed.told(*["\n".join(lines).encode() for lines in datagrams])
    names = {name for name in packed.kept.values if name not in packed.kept.timed}
    assert {name: apart.kept.values[name] for name in names} == {
        name: packed.kept.values[name] for name in names
    }
    assert apart.kept.timed == packed.kept.timed
    assert apart.ledger.bad == packed.ledger.bad


LIES = st.builds(
    "l:{},{},{},{},{},{},{},{};{}|tt|i:{}.a".format,
    st.integers(0, 12),
    *[st.floats(0, 9)] * 3,
    *[st.integers(0, 12)] * 2,
    *[st.floats(0, 9)] * 2,
    st.lists(st.builds("{}={}".format, st.integers(-300, 300), st.integers(0, 6)), max_size=3).map(",".join),
    st.integers(1, 2),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(LIES, max_size=25))
def test_timing_totals_that_lie_tell_no_more_than_they_say(told: list[str]) -> None:
    kept = Job().told(*map(str.encode, told))
    said = [
        [int(line.split(":")[1].split(",")[0]) for line in told if f"i:{one}.a" in line] for one in (1, 2)
    ]
    assert kept.timed.get("l_seconds", 0) <= sum(max(each, default=0) for each in said)


# -- named after what was found -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        "l:{huge},1,1,1,0,0,1,1;0=1|tt|i:1.a",
        "l:1,1,1,1,{huge},0,1,1;0=1|tt|i:1.a",
        "l:1,1,1,1,0,{huge},1,1;0=1|tt|i:1.a",
        "l:1,1,1,1,0,0,1,1;0={huge}|tt|i:1.a",
        "l:1,1,1,1,0,0,1,1;{huge}=1|tt|i:1.a",
        "l:1,1,1,1,0,0,1,1;200000=1|tt|i:1.a",
        "l:1,-1,1,1,0,0,1,1;0=1|tt|i:1.a",
        "l:1,1,-1,1,0,0,1,1;0=1|tt|i:1.a",
    ],
)
def test_a_timing_total_that_no_timings_add_up_to_is_refused(lie: str) -> None:
    """An integer of 400 digits is no float, and a bucket of the index 200 000 has no bounds."""
    job = Job()
    kept = job.told(lie.format(huge="9" * 400).encode())
    assert (job.ledger.bad, kept.timed) == (1, {})


def test_a_sum_of_timings_that_falls_takes_no_time_away() -> None:
    kept = Job().told(b"l:1,5,5,5,0,0,5,5;297=1|tt|i:1.a", b"l:2,3,5,5,0,1,5,5;297=2|tt|i:1.a")
    assert kept.timed == {"l_seconds": 2}
    assert kept.values["l_seconds"].sum == 0.0


def test_a_gauge_with_a_time_to_come_does_not_hold_it_for_ever() -> None:
    job = Job()
    kept = job.told(b"running:9|g|i:1.a|t:9999999999999999999", b"running:4|g|i:1.a|t:%d" % (OPENED + 3 * MS))
    assert kept.values["running"] == 4


def test_names_that_take_each_others_place_stay_apart() -> None:
    kept = Job().told(b"a_total_gauge:1|g\na:2|c\na_total:3|g\na_total_gauge:4|c\na_total_gauge_gauge:5|g")
    assert sorted(kept.values.values()) == [1, 2, 3, 4, 5]


def test_a_total_beyond_what_is_believed_is_said_as_that() -> None:
    kept = Job().told(b"n:1000000000000000000|c", b"n:5|c", b"n:6|c", b"g:9e17|g", b"g:+9e17|g")
    assert (kept.values["n_total"], kept.values["g"]) == (10**18, 9e17)
    assert kept.notes == ["a figure went beyond 1e+18; what would add to it is dropped"]


def test_a_line_of_ten_thousand_values_is_counted_and_not_remembered() -> None:
    job = Job()
    for number in range(3):
        kept = job.told(b"n%d" % number + b":1" * 10_000 + b"|c")
    assert kept.values["n2_total"] == 10_000
    assert job.ledger._cache == {}


def test_ever_new_names_members_and_sources_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMBERS_IN_ALL", 500)
    monkeypatch.setattr(module, "SOURCES", 100)
    monkeypatch.setattr(module, "KNOWN_BUCKETS", 300)
    job = Job()
    timed = "l:9,1,1,1,0,{0},1,1;{0}=1,{1}=1|tt|i:{0}.a"
    job.told(b"a:1|c", *[f"g{n}:1|g\ns{n % 50}:{n}|s\nt:{n}|ct|i:{n}.a".encode() for n in range(3000)])
    job.told(*[timed.format(n % 8, n + 100).encode() for n in range(2000)])
    job.told(*[b"s%d:x|s" % n for n in range(3000)])
    ledger = job.ledger
    assert max(len(ledger._gauges), len(ledger._members)) <= tally.NAMES
    assert sum(map(len, ledger._members.values())) == ledger._members_in_all <= 500
    assert (len(ledger._totals), len(ledger._timed) <= 8) == (100, True)
    assert sum(timed.size for timed in ledger._timed.values()) == ledger._known_buckets <= 300 + 2000 // 8
    assert len([note for note in job.kept.notes if "names were told" in note]) == 1
    assert len([note for note in job.kept.notes if "longest silent are forgotten" in note]) == 1


def test_a_datagram_of_line_ends_takes_no_more_than_its_length() -> None:
    datagram = b"a:1|g|i:1.a|t:%d" % OPENED + b"\n" * 60_000
    job = Job()
    with at_most(6):
        job.told(*[datagram] * 5)
    assert job.kept.values["a"] == 1


# -- over real sockets --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def listening() -> Iterator[StatsdCollector]:
    collector = StatsdCollector()
    collector.open()
    yield collector
    collector.close()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.binary(max_size=200) | LINES.map(lambda line: line[:60_000]), max_size=8))
def test_over_a_socket_any_datagrams_leave_the_next_one_right(
    listening: StatsdCollector, told: list[bytes]
) -> None:
    kept = Kept(listening.open())
    before = kept.take(listening.read([])).values.get("sure_total", 0)
    before = listening._ledger.tally.total("sure") or before  # type: ignore[union-attr]
    address = parse_address(listening.address)
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        for data in [*told, b"sure:3|c"]:
            sock.send(data)
    assert kept.take(listening.read([])).values["sure_total"] == before + 3


def test_a_datagram_that_is_longer_than_is_read_has_no_half_line(tmp_path: Path) -> None:
    """On a Unix socket: cut behind `1|c`, a line would say a tenth of what it says."""
    collector = StatsdCollector(StatsdOptions(address=f"unix:{tmp_path / 'sock'}"))
    kept = Kept(collector.open())
    filler = b"#" * (65_536 - len(b"queries:1|c\n" + b"\nqueries:1|c")) + b"\n"
    address = parse_address(collector.address)
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        sock.send(b"queries:1|c\n" + filler + b"queries:1|c|@0.1\nqueries:5|c")
    kept.take(collector.read([]))
    collector.close()
    assert kept.values == {"queries_total": 1}
    assert kept.lost == 2
