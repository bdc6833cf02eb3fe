from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perfwatch_collectors import statsd as module
from perfwatch_collectors.statsd import StatsdCollector, StatsdOptions

from perfwatch.errors import CollectorError, ConfigError, Unavailable
from perfwatch.model import Appeared, Event, Histogram, Reading, Sample
from perfwatch.testing import check_contract
from perfwatch.workload.address import parse_address


@pytest.fixture
def listening() -> Iterator[StatsdCollector]:
    collector = StatsdCollector()
    collector.open()
    yield collector
    collector.close()


def send(collector: StatsdCollector, *datagrams: str | bytes) -> None:
    address = parse_address(collector.address)
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        for datagram in datagrams:
            sock.send(datagram.encode() if isinstance(datagram, str) else datagram)


def last(readings: list[Reading]) -> dict[str, Any]:
    """The newest values by metric name."""
    names: list[str] = []
    values: dict[str, Any] = {}
    for reading in readings:
        if isinstance(reading, Appeared):
            names = [metric.name for metric in reading.device.metrics]
        elif isinstance(reading, Sample):
            values.update({k: v for k, v in zip(names, reading.values, strict=True) if v is not None})
    return values


def events(readings: list[Reading], kind: str) -> list[Event]:
    return [reading for reading in readings if isinstance(reading, Event) and reading.kind == kind]


def test_it_keeps_the_contract() -> None:
    assert check_contract(StatsdCollector()) == "ok"


def test_what_was_sent_before_a_read_is_in_it(listening: StatsdCollector) -> None:
    """Without waiting for the listening thread: the kernel's buffer is emptied by `read`."""
    readings: list[Reading] = []
    for number in range(1, 51):
        send(listening, "queries:1|c", f"latency:{number}|ms\nrunning:{number}|g")
        readings += listening.read([])
        now = last(readings)
        assert (now["queries_total"], now["running"]) == (number, number)
        assert isinstance(now["latency_seconds"], Histogram)
        assert now["latency_seconds"].max == number / 1000


def test_the_address_is_known_before_it_is_opened_and_binding_twice_changes_nothing() -> None:
    collector = StatsdCollector()
    assert collector.address == "udp://127.0.0.1:0"
    collector.bind()
    address = collector.address
    assert int(address.rpartition(":")[2]) > 0
    send(collector, "queries:1|c")
    collector.bind()
    (device,) = collector.open()
    assert collector.address == address
    assert device.facts == {"work": "statsd", "address": address}
    assert last(list(collector.read([device]))) == {"queries_total": 1}
    collector.close()
    collector.close()


def test_several_listeners_have_their_own_devices() -> None:
    first, second = StatsdCollector(), StatsdCollector(StatsdOptions(index=1))
    devices = [first.open()[0], second.open()[0]]
    assert [(device.id, device.index) for device in devices] == [("statsd", 0), ("statsd-1", 1)]
    first.close()
    second.close()


def test_a_unix_socket_does_as_well(tmp_path: Path) -> None:
    collector = StatsdCollector(StatsdOptions(address=f"unix:{tmp_path / 'sock'}"))
    collector.open()
    send(collector, "queries:2|c", "measure:begin|mark")
    readings = list(collector.read([]))
    assert last(readings) == {"queries_total": 2}
    assert len(events(readings, "mark")) == 1
    collector.close()
    assert not (tmp_path / "sock").exists()


def test_a_wrong_address_is_refused_at_once_and_a_taken_one_when_bound(listening: StatsdCollector) -> None:
    with pytest.raises(ConfigError, match="cannot use the address"):
        StatsdCollector(StatsdOptions(address="http://x"))
    with pytest.raises(Unavailable, match="address already in use"):
        StatsdCollector(StatsdOptions(address=listening.address)).open()


def test_a_mark_is_told_at_once_without_a_read(listening: StatsdCollector) -> None:
    told = threading.Event()
    listening.on_mark = told.set
    send(listening, "queries:1|c\nmeasure:begin|mark")
    assert told.wait(10)
    (mark,) = events(list(listening.read([])), "mark")
    assert mark.fields == {"name": "measure", "edge": "begin", "origin": "job"}


def test_times_are_those_of_arrival_not_of_reading(listening: StatsdCollector) -> None:
    before_ns = time.monotonic_ns()
    send(listening, "queries:1|c", "measure:point|mark")
    after_ns = time.monotonic_ns()
    readings = list(listening.read([]))
    (mark,) = events(readings, "mark")
    assert mark.at_ns is not None
    # Stamps go by the wall clock; turning them into our clock costs some microseconds.
    assert before_ns - 1_000_000 <= mark.at_ns <= after_ns + 1_000_000


def test_nonsense_of_every_size_is_survived_and_said_once(listening: StatsdCollector) -> None:
    send(listening, b"\xff" * 60_000, b"", b"\n\n\n", b"queries:1|c\nqueries:-5|c\nqueries:nan|c", b"|||:::")
    readings = list(listening.read([]))
    assert last(readings) == {"queries_total": 1}
    assert len(events(readings, "note")) == 1


def test_what_the_kernel_dropped_is_said(listening: StatsdCollector) -> None:
    inlet = listening._inlet
    assert inlet is not None
    with listening._receiving:  # the listening thread is kept from the socket, as if perfwatch were busy
        inlet._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        send(listening, *["queries:1|c"] * 500)
    readings = list(listening.read([]))
    (lost,) = events(readings, "lost")
    assert lost.fields["source"] == "statsd"
    assert last(readings)["queries_total"] + lost.fields["datagrams"] == 500
    assert events(list(listening.read([])), "lost") == []


def test_what_its_own_queue_could_not_hold_is_said(
    listening: StatsdCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 10 * (module.OVERHEAD_BYTES + 11))
    send(listening, *["queries:1|c"] * 25)
    readings = list(listening.read([]))
    lost = sum(event.fields["datagrams"] for event in events(readings, "lost"))
    assert last(readings)["queries_total"] + lost == 25
    assert lost == 15


def test_lines_that_cannot_be_read_are_counted(listening: StatsdCollector) -> None:
    send(listening, "queries:1|c\nnonsense\nqueries:x|c", "more nonsense", "_e{1,1}:a|b")
    (lost,) = events(list(listening.read([])), "lost")
    assert lost.fields == {"source": "statsd", "lines": 3}
    assert events(list(listening.read([])), "lost") == []


def test_an_intake_that_broke_is_an_error_not_a_silence(listening: StatsdCollector) -> None:
    def breaks() -> None:
        raise RuntimeError("no room")

    listening.on_mark = breaks
    send(listening, "measure:begin|mark")
    assert listening._thread is not None
    listening._thread.join(10)
    with pytest.raises(CollectorError, match="no room"):
        list(listening.read([]))


def test_reading_what_is_not_open_is_refused() -> None:
    with pytest.raises(CollectorError, match="not open"):
        list(StatsdCollector().read([]))


counts = st.lists(st.tuples(st.sampled_from(["queries", "tokens"]), st.integers(0, 10**9)), max_size=40)


@settings(max_examples=30, deadline=None)
@given(counts, st.integers(1, 40), st.sets(st.integers(0, 40), max_size=4))
def test_totals_equal_what_was_sent_however_it_was_packed(
    told: list[tuple[str, int]], size: int, reads: set[int]
) -> None:
    collector = StatsdCollector()
    collector.open()
    try:
        lines = [f"{name}:{amount}|c" for name, amount in told]
        readings: list[Reading] = []
        for place in range(0, len(lines), size):
            send(collector, "\n".join(lines[place : place + size]))
            if place in reads:
                readings += collector.read([])
        readings += collector.read([])
        expected: dict[str, int] = {}
        for name, amount in told:
            expected[f"{name}_total"] = expected.get(f"{name}_total", 0) + amount
        assert last(readings) == expected
        times = [reading.at_ns for reading in readings if isinstance(reading, Sample)]
        assert times == sorted(times)  # type: ignore[type-var]
    finally:
        collector.close()


LISTENER = """
import json, sys
from perfwatch_collectors.statsd import StatsdCollector
from perfwatch.model import Event, Sample
collector = StatsdCollector()
devices = collector.open()
print(collector.address, flush=True)
for line in sys.stdin:
    samples, lost = [], 0
    for reading in collector.read(devices):
        if isinstance(reading, Sample):
            samples.append((reading.at_ns, reading.values[0]))
        elif isinstance(reading, Event) and reading.kind == "lost":
            lost += reading.fields["datagrams"]
    print(json.dumps({"samples": samples, "lost": lost}), flush=True)
"""


@pytest.fixture
def stoppable() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def ask(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    print("read", file=process.stdin, flush=True)
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def test_a_stopped_perfwatch_loses_nothing_and_knows_when_it_came(stoppable: subprocess.Popen[str]) -> None:
    assert stoppable.stdout is not None
    address = parse_address(stoppable.stdout.readline().strip())
    with socket.socket(address.family, socket.SOCK_DGRAM) as sock:
        sock.connect(address.place)
        sock.send(b"queries:0|c")
        ask(stoppable)
        stop(stoppable)
        for _ in range(200):
            sock.send(b"queries:1|c\n" * 20)
        sent_ns = time.monotonic_ns()
    while time.monotonic_ns() < sent_ns + 100_000_000:  # what is stamped on waking is stamped later than this
        pass
    stoppable.send_signal(signal.SIGCONT)
    told = ask(stoppable)
    assert told["samples"][-1][1] + 20 * told["lost"] == 4000
    assert told["lost"] == 0
    assert all(at_ns <= sent_ns + 1_000_000 for at_ns, _ in told["samples"])
