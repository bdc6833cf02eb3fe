"""Jobs here are processes of their own, with a real listener on the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.statsd import StatsdCollector, StatsdOptions

from perfwatch import client
from perfwatch.model import Appeared, Event, Histogram, Reading, Sample
from perfwatch.workload.ledger import Ledger

S = 1_000_000_000


@pytest.fixture
def listening() -> Iterator[StatsdCollector]:
    collector = StatsdCollector()
    collector.open()
    yield collector
    collector.close()


def job(address: str | None, code: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program that uses the client, to its end."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "from perfwatch import client\n" + textwrap.dedent(code)],
        env=environment(address),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def environment(address: str | None) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if name != "PERFWATCH_STATSD"}
    return rest if address is None else {**rest, "PERFWATCH_STATSD": address}


def series(readings: list[Reading], metric: str) -> list[tuple[int, Any]]:
    """What a metric was, as (microsecond, value): a recording keeps no more."""
    names: list[str] = []
    values: list[tuple[int, Any]] = []
    for reading in readings:
        if isinstance(reading, Appeared):
            names = [each.name for each in reading.device.metrics]
        elif isinstance(reading, Sample) and metric in names:
            value = reading.values[names.index(metric)]
            if value is not None and reading.at_ns is not None:
                values.append((round(reading.at_ns / 1000), value))
    return values


def last(readings: list[Reading], metric: str) -> Any:
    return series(readings, metric)[-1][1]


def marks(readings: list[Reading]) -> list[tuple[str, str, int]]:
    return [
        (one.fields["name"], one.fields["edge"], round((one.at_ns or 0) / 1000))
        for one in readings
        if isinstance(one, Event) and one.kind == "mark"
    ]


def merged(readings: list[Reading], metric: str) -> Histogram:
    parts = [part for _, part in series(readings, metric)]
    return Histogram(
        sum(part.n for part in parts),
        sum(part.sum for part in parts),
        min(part.min for part in parts),
        max(part.max for part in parts),
        {},
        sum(part.zero for part in parts),
    )


def counted_within(readings: list[Reading], metric: str, begin: int, end: int) -> Any:
    def at(time: int) -> Any:
        return max((value for when, value in series(readings, metric) if when <= time), default=0)

    return at(end) - at(begin)


def test_a_million_counts_arrive(listening: StatsdCollector) -> None:
    done = job(listening.address, "for _ in range(1_000_000): client.count('queries')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    readings = list(listening.read([]))
    assert last(readings, "queries_total") == 1_000_000
    assert type(last(readings, "queries_total")) is int


def test_counts_of_all_threads_add_up(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import threading
        def work():
            for _ in range(20_000):
                client.count("queries")
                client.count("generated_tokens", 3)
                client.timing("latency", 0.25)
        threads = [threading.Thread(target=work) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        """,
    )
    assert done.returncode == 0
    readings = list(listening.read([]))
    assert last(readings, "queries_total") == 160_000
    assert last(readings, "generated_tokens_total") == 480_000
    latency = merged(readings, "latency_seconds")
    assert (latency.n, latency.sum, latency.min, latency.max) == (160_000, 40_000.0, 0.25, 0.25)


def test_counts_at_every_pace_add_up(listening: StatsdCollector) -> None:
    """Steps of an iterator (fast) and each count by itself (seldom), from threads that change over."""
    done = job(
        listening.address,
        """
        import random, threading, time
        def work(seed):
            chance = random.Random(seed)
            for _ in range(12):
                for _ in range(chance.choice((1, 30, 700, 40_000))):
                    client.count("queries")
                    told[seed] += 1
                time.sleep(chance.choice((0, 0.001, 0.03)))
        told = [0] * 6
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(sum(told))
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    totals = [total for _, total in series(list(listening.read([])), "queries_total")]
    assert totals[-1] == int(done.stdout) > 6 * 12
    assert totals == sorted(totals)


def test_what_is_counted_seldom_has_its_own_time(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import time
        for _ in range(3):
            client.count("queries")
            print(time.monotonic_ns() // 1000)
            time.sleep(0.8)
        """,
    )
    counted = [int(line) for line in done.stdout.splitlines()]
    told = {total: at for at, total in reversed(series(list(listening.read([])), "queries_total"))}
    for total, at in enumerate(counted, 1):
        assert abs(told[total] - at) < 50_000  # though the thread tells it half a second later


@pytest.mark.parametrize("pause_s", [0.02, 0.002, 0.0002])
@pytest.mark.parametrize("ending", ["", "client.mark('over')"])
def test_what_was_counted_last_is_not_told_as_of_the_end_of_a_job_that_cleans_up(
    listening: StatsdCollector, pause_s: float, ending: str
) -> None:
    done = job(
        listening.address,
        f"""
        import time
        until = time.monotonic() + 1.8
        while time.monotonic() < until:
            client.count("queries")
            time.sleep({pause_s})
        counted = time.monotonic_ns() // 1000
        time.sleep(0.9)
        {ending}
        print(counted)
        """,
    )
    told = series(list(listening.read([])), "queries_total")
    total = told[-1][1]
    first_told = next(at for at, value in told if value == total)
    assert first_told - int(done.stdout) < 200_000


@pytest.mark.parametrize("rest", ["time.sleep(0.9)", "ctypes.PyDLL(None).usleep(900_000)"])
def test_nothing_is_told_as_of_long_before_it_was_counted(listening: StatsdCollector, rest: str) -> None:
    """One that comes late after a fast beginning, also where no other thread got a turn meanwhile."""
    done = job(
        listening.address,
        f"""
        import ctypes, time
        until = time.monotonic() + 0.7
        while time.monotonic() < until:
            client.count("queries")
            time.sleep(0.0005)
        {rest}
        print(time.monotonic_ns() // 1000)
        client.count("queries")
        time.sleep(0.7)
        """,
    )
    told = series(list(listening.read([])), "queries_total")
    total = told[-1][1]
    first_told = next(at for at, value in told if value == total)
    assert abs(first_told - int(done.stdout)) < 350_000


def test_a_burst_after_slow_counting_is_told_when_it_was(listening: StatsdCollector) -> None:
    """While counting is slow the thread that looks has little to do."""
    done = job(
        listening.address,
        """
        import time
        for _ in range(50):
            client.count("queries")
            time.sleep(0.05)
        for _ in range(150):
            client.count("queries")
            time.sleep(0.0005)
        print(time.monotonic_ns() // 1000)
        time.sleep(1.2)
        """,
    )
    told = series(list(listening.read([])), "queries_total")
    first_told = next(at for at, value in told if value == 200)
    assert abs(first_told - int(done.stdout)) < 250_000


def test_counts_around_a_pause_add_up(listening: StatsdCollector) -> None:
    """Counting that pauses changes its way of counting while others may be in the middle of it."""
    done = job(
        listening.address,
        """
        import threading, time
        counted = []
        def work(seed):
            for _ in range(12):
                until = time.monotonic() + 0.05
                n = 0
                while time.monotonic() < until:
                    client.count("queries")
                    n += 1
                counted.append(n)
                time.sleep(0.15 + 0.02 * seed)
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(sum(counted))
        """,
    )
    assert last(list(listening.read([])), "queries_total") == int(done.stdout)


def test_a_job_that_falls_silent_in_the_middle_of_fast_counting_is_told_whole(
    listening: StatsdCollector,
) -> None:
    code = """
    import sys, time
    until = time.monotonic() + 0.3
    counted = 0
    while time.monotonic() < until:
        client.count("queries")
        counted += 1
    print(counted, flush=True)
    sys.stdin.read()
    """
    silent = subprocess.Popen(
        [sys.executable, "-c", "from perfwatch import client\n" + textwrap.dedent(code)],
        env=environment(listening.address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert silent.stdout is not None
        counted = int(silent.stdout.readline())
        readings: list[Reading] = []
        limit_s = time.monotonic() + 20
        while time.monotonic() < limit_s and not (readings and last(readings, "queries_total") == counted):
            time.sleep(0.05)
            readings += listening.read([])
        assert last(readings, "queries_total") == counted
    finally:
        silent.kill()
        silent.communicate()


def test_threads_that_come_and_go_leave_their_counts(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import threading
        for _ in range(300):
            thread = threading.Thread(target=client.count, args=("queries",))
            thread.start()
            thread.join()
        """,
    )
    assert done.returncode == 0
    assert last(list(listening.read([])), "queries_total") == 300


def test_whole_numbers_and_fractions_are_told_as_they_are(listening: StatsdCollector) -> None:
    job(listening.address, "client.count('a', 2.5); client.count('a'); client.count('b', True)")
    readings = list(listening.read([]))
    assert (last(readings, "a_total"), last(readings, "b_total")) == (3.5, 1)


def test_a_phase_holds_exactly_what_was_counted_in_it(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        for round in range(20):
            client.count("queries", 7)
            client.timing("latency", 5.0)
            with client.phase("measure"):
                for number in range(100):
                    client.count("queries")
                    client.timing("latency", 0.001 * (number + 1))
            client.count("queries", 9)
        """,
    )
    assert done.returncode == 0
    readings = list(listening.read([]))
    edges = marks(readings)
    assert len(edges) == 40
    for (name, begin, begun), (_, end, ended) in zip(edges[::2], edges[1::2], strict=True):
        assert (name, begin, end) == ("measure", "begin", "end")
        assert counted_within(readings, "queries_total", begun, ended) == 100
        inside = [part for when, part in series(readings, "latency_seconds") if begun < when <= ended]
        assert sum(part.n for part in inside) == 100
        assert min(part.min for part in inside) == 0.001
        assert max(part.max for part in inside) == 0.1


def test_a_phase_that_fails_ends_all_the_same(listening: StatsdCollector) -> None:
    done = job(listening.address, "with client.phase('load'): raise SystemExit(3)")
    assert done.returncode == 3
    assert [(name, edge) for name, edge, _ in marks(list(listening.read([])))] == [
        ("load", "begin"),
        ("load", "end"),
    ]


def test_gauges_and_point_marks_arrive(listening: StatsdCollector) -> None:
    job(listening.address, "client.gauge('running', 3); client.gauge('running', -2); client.mark('here')")
    readings = list(listening.read([]))
    assert last(readings, "running") == -2
    assert [(name, edge) for name, edge, _ in marks(readings)] == [("here", "point")]


def test_forks_count_for_themselves_from_zero(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import os, sys
        client.count("queries", 1000)
        client.mark("before")
        for child in range(4):
            if os.fork() == 0:
                client.count("queries", 10)
                client.timing("latency", 0.5)
                sys.exit(0)
        for child in range(4):
            os.wait()
        client.count("queries", 1)
        """,
    )
    assert done.returncode == 0
    readings = list(listening.read([]))
    assert last(readings, "queries_total") == 1041
    assert merged(readings, "latency_seconds").n == 4


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_tell_their_last_counts(
    listening: StatsdCollector, method: str, tmp_path: Path
) -> None:
    """They leave by os._exit, past every atexit function."""
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import multiprocessing, sys
            from perfwatch import client

            def work(n):
                client.count("queries", n)

            if __name__ == "__main__":
                context = multiprocessing.get_context(sys.argv[1])
                children = [context.Process(target=work, args=(n,)) for n in (1, 10, 100)]
                [child.start() for child in children]
                [child.join() for child in children]
                sys.exit(max(child.exitcode for child in children))
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(program), method], env=environment(listening.address), timeout=60, check=False
    )
    assert done.returncode == 0
    assert last(list(listening.read([])), "queries_total") == 111


def test_a_signal_handler_that_counts_loses_nothing(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import signal
        handled = 0
        def handler(*_):
            global handled
            handled += 1
            client.count("queries")
            client.mark("tick")
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for number in range(300_000):
            client.count("queries")
            if number % 10_000 == 0:
                client.mark("here")
        signal.setitimer(signal.ITIMER_REAL, 0)
        client.count("handled", handled)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    readings = list(listening.read([]))
    handled = last(readings, "handled_total")
    assert handled > 0
    assert last(readings, "queries_total") == 300_000 + handled
    assert sum(name == "here" for name, _, _ in marks(readings)) == 30


WRONG_USE = """
client.count(None); client.count([]); client.count("", 1); client.count("a", "x"); client.count("a", -1)
client.count("a", float("nan")); client.count("a", float("inf")); client.count("a", None); client.count(3)
client.timing("t", None); client.timing("t", "x"); client.timing(None, 1); client.timing("t", float("nan"))
client.timing("t", -1)
client.gauge("g", "x"); client.gauge(None, 1); client.gauge("g", float("inf"))
client.mark(None); client.mark("m", "middle"); client.mark("", "begin")
client.count("bad:name|c\\nx", 2)
client.count("a", 1); client.timing("t", 1)
"""


def test_wrong_use_neither_raises_nor_spoils_what_is_right(listening: StatsdCollector) -> None:
    done = job(listening.address, WRONG_USE)
    assert (done.returncode, done.stderr) == (0, "")
    readings = list(listening.read([]))
    assert last(readings, "a_total") == 1
    assert merged(readings, "t_seconds").n == 1
    assert last(readings, "bad_name_c_x_total") == 2
    assert not [one for one in readings if isinstance(one, Event) and one.kind == "note"]


@pytest.mark.parametrize(
    "address", [None, "", "nonsense", "udp://", "udp://name.invalid:5", "tcp://127.0.0.1:1"]
)
def test_without_perfwatch_nothing_is_sent_or_started_and_nothing_fails(address: str | None) -> None:
    code = """
    import threading
    client.count("queries"); client.timing("latency", 0.1); client.gauge("running", 1)
    with client.phase("measure"):
        client.count("queries")
    assert threading.active_count() == 1
    """
    done = job(address, code + textwrap.indent(WRONG_USE, "    "))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_timings_that_nobody_takes_need_no_room() -> None:
    done = job(
        None,
        """
        for _ in range(1000):
            client.timing("latency", 0.1)
        assert sum(len(row) for rows in client._times.values() for row in rows.values()) == 0
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_a_listener_that_died_is_not_noticed(kind: str, tmp_path: Path) -> None:
    options = StatsdOptions() if kind == "udp" else StatsdOptions(address=f"unix:{tmp_path / 's'}")
    collector = StatsdCollector(options)
    collector.open()
    address = collector.address
    collector.close()
    done = job(
        address,
        """
        import time
        client.count("queries"); client.mark("a")
        until = time.monotonic() + 0.35
        while time.monotonic() < until:
            client.count("queries")
        client.mark("b")
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_listener_that_comes_back_gets_the_totals(tmp_path: Path) -> None:
    """What could not be sent stays new; only the place of the counts in time is lost."""
    address = f"unix:{tmp_path / 's'}"
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from perfwatch.client import *; count('queries', 5); mark('m'); print(flush=True); input()",
        ],
        env=environment(address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        collector = StatsdCollector(StatsdOptions(address=address))
        collector.open()
        process.communicate("\n", timeout=60)
        readings = list(collector.read([]))
        collector.close()
    assert last(readings, "queries_total") == 5
    assert [name for name, _, _ in marks(readings)] == ["m"]


@pytest.mark.parametrize("kind", ["udp", "unix"])
def test_a_listener_that_is_stopped_does_not_hold_the_job(kind: str, tmp_path: Path) -> None:
    """The Unix socket is full after a few datagrams; the job must end all the same."""
    options = "StatsdOptions()" if kind == "udp" else f"StatsdOptions(address='unix:{tmp_path / 's'}')"
    code = f"""
from perfwatch_collectors.statsd import StatsdCollector, StatsdOptions
collector = StatsdCollector({options}); collector.open(); print(collector.address, flush=True); input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as listener:
        assert listener.stdout is not None
        address = listener.stdout.readline().strip()
        listener.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, listener.pid, os.WSTOPPED | os.WNOWAIT)
        done = job(address, "for _ in range(500): client.count('queries'); client.mark('m')")
        listener.kill()
    assert (done.returncode, done.stderr) == (0, "")


def test_a_killed_process_keeps_what_it_had_told(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        "import os; client.count('queries', 3); client.mark('m'); os.kill(os.getpid(), 9)",
    )
    assert done.returncode == -signal.SIGKILL
    job(listening.address, "client.count('queries', 4)")
    assert last(list(listening.read([])), "queries_total") == 7


def clients(readings: list[Reading]) -> dict[str, Any]:
    """What is known at last of the processes that counted."""
    told = [one.fields for one in readings if isinstance(one, Event) and one.kind == "clients"]
    return dict(told[-1]) if told else {}


@pytest.mark.parametrize(
    ("leaves", "silent"),
    [
        pytest.param("sys.exit(3)", 0, id="sys.exit"),
        pytest.param("raise KeyboardInterrupt", 0, id="ctrl-C"),
        pytest.param("os._exit(0)", 1, id="os._exit"),
        pytest.param("os.kill(os.getpid(), 9)", 1, id="killed"),
    ],
)
def test_a_process_that_ends_in_order_says_a_last_word(
    listening: StatsdCollector, leaves: str, silent: int
) -> None:
    done = job(listening.address, f"import os, sys; client.count('queries', 3); {leaves}")
    readings = list(listening.read([]))
    found = clients(readings)
    assert (found["began"], found["silent"], len(found["pids"])) == (1, silent, silent)
    if not silent:
        assert last(readings, "queries_total") == 3
    assert done.returncode or leaves == "os._exit(0)"


def test_what_counts_nothing_has_no_last_word_to_say(listening: StatsdCollector) -> None:
    job(listening.address, "import os; client.mark('here'); client.gauge('loss', 1); os._exit(0)")
    assert clients(list(listening.read([]))) == {}


def test_of_several_workers_those_that_were_killed_are_silent(listening: StatsdCollector) -> None:
    job(
        listening.address,
        """
        import multiprocessing as mp, os
        def work(killed):
            client.count("samples", 3)
            if killed: os.kill(os.getpid(), 9)
        workers = [mp.get_context("fork").Process(target=work, args=(n == 1,)) for n in range(3)]
        for one in workers: one.start()
        for one in workers: one.join()
        """,
    )
    found = clients(list(listening.read([])))
    assert (found["began"], found["silent"]) == (3, 1)


def test_the_file_works_alone(listening: StatsdCollector, tmp_path: Path) -> None:
    shutil.copy(client.__file__, tmp_path / "client.py")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import client; client.count('queries', 2)\n"
        "assert not any(name.startswith('perfwatch') for name in sys.modules)"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            program,
        ],
        env=environment(listening.address),
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert last(list(listening.read([])), "queries_total") == 2


class Wire:
    """A sender of this process with a socket that a test reads; datagrams are lost as it likes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        monkeypatch.setattr(client, "_counts", {})
        monkeypatch.setattr(client, "_steps", {})
        monkeypatch.setattr(client, "_times", {})
        self.sender = client._Sender()
        self.sender._began = True
        self.sender._address = client._parse(f"udp://127.0.0.1:{self.socket.getsockname()[1]}")
        self.sender._source = "1.test"
        monkeypatch.setattr(client, "_sender", self.sender)
        self.now_ns = S

    def flush(self, *, complete: bool = False) -> list[bytes]:
        """One sending; the datagrams of it."""
        self.now_ns += S // 10
        self.sender.send(self.now_ns, complete=complete)
        datagrams = []
        while True:
            try:
                datagrams.append(self.socket.recv(65536))
            except BlockingIOError:
                return datagrams

    def close(self) -> None:
        self.sender.forget_socket()
        self.socket.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    wire = Wire(monkeypatch)
    yield wire
    wire.close()


def ledger_of(datagrams: list[bytes]) -> list[Reading]:
    from perfwatch.model import Device, DeviceKind

    ledger = Ledger(Device("statsd", "StatsD", DeviceKind.WORKLOAD), 0)
    return ledger.readings([(place * S, data) for place, data in enumerate(datagrams, 2)], 10**15)


def test_nothing_new_sends_nothing(wire: Wire) -> None:
    client.count("queries")
    hello, counted = wire.flush()
    assert hello == b"process:begin|life|i:1.test"
    assert counted.startswith(b"queries:1|ct|")
    assert wire.flush() == []
    client.count("queries")
    assert len(wire.flush()) == 1


def test_every_lost_datagram_is_made_good_by_a_complete_one(wire: Wire) -> None:
    arrived: list[bytes] = []
    for number in range(1, 21):
        client.count("queries", number)
        client.timing("latency", number / 100)
        client.gauge("running", number)
        sent = wire.flush()
        if number % 3 == 1:
            arrived += sent
    arrived += wire.flush(complete=True)
    readings = ledger_of(arrived)
    assert last(readings, "queries_total") == 210
    assert last(readings, "running") == 20
    latency = merged(readings, "latency_seconds")
    assert (latency.n, latency.min, latency.max) == (20, 0.01, 0.2)
    assert latency.sum == pytest.approx(2.1)


def test_what_was_lost_is_repeated_though_nothing_new_came(wire: Wire) -> None:
    client.count("queries", 5)
    client.timing("latency", 0.5)
    wire.flush()
    readings = ledger_of(wire.flush(complete=True))
    assert last(readings, "queries_total") == 5
    assert merged(readings, "latency_seconds").n == 1
    client.gauge("running", 1)
    wire.flush(complete=True)
    assert b"|ct" not in b"".join(wire.flush(complete=True))


def test_a_wide_distribution_goes_into_datagrams_of_a_size_that_fits(wire: Wire) -> None:
    values = [1.005**power for power in range(-3000, 3000)]
    for value in values:
        client.timing("latency", value)
    datagrams = wire.flush()
    assert len(datagrams) > 1
    assert max(map(len, datagrams)) <= 2 * client.DATAGRAM_BYTES
    latency = merged(ledger_of(datagrams), "latency_seconds")
    assert (latency.n, latency.min, latency.max) == (6000, min(values), max(values))


def test_beyond_so_many_names_the_rest_is_left_out(wire: Wire) -> None:
    for number in range(client.NAMES + 10):
        client.count(f"n{number}")
    client.count("queries", 5)
    arrived = wire.flush()
    assert len(wire.sender._told) == client.NAMES + 1
    readings = ledger_of(arrived)
    assert last(readings, "queries_total") == 5
    notes = [one.fields.get("code") for one in readings if isinstance(one, Event) and one.kind == "note"]
    assert notes == ["lost-counts"]


def test_numbers_that_only_resemble_numbers_are_told_right(wire: Wire) -> None:
    class Index:
        """Like a NumPy integer: no int, but with __index__."""

        def __init__(self, value: int) -> None:
            self.value = value

        def __index__(self) -> int:
            return self.value

        def __add__(self, other: Any) -> Index:
            return Index(self.value + int(other))

        __radd__ = __add__

        def __lt__(self, other: float) -> bool:
            return self.value < other

        def __ge__(self, other: float) -> bool:
            return self.value >= other

    client.count("queries", Index(3))  # type: ignore[arg-type]
    client.count("queries", Index(4))  # type: ignore[arg-type]
    assert last(ledger_of(wire.flush()), "queries_total") == 7


def test_a_function_is_timed_and_counted(listening: StatsdCollector) -> None:
    """Also one that awaits, several of them at once, a block, and one that fails."""
    done = job(
        listening.address,
        """
        import asyncio, time

        @client.timed("latency", "queries")
        def asked(n):
            "What it says."
            time.sleep(0.01)
            return 1 / n

        @client.timed("latency", "queries")
        async def awaited(n):
            await asyncio.sleep(0.05)
            return 1 / n

        async def many():
            async with client.timed("latency", "queries"):
                return await asyncio.gather(*(awaited(n) for n in (1, 0, 2)), return_exceptions=True)

        assert (asked(2), asked.__name__, asked.__doc__) == (0.5, "asked", "What it says.")
        assert asyncio.run(many())[::2] == [1.0, 0.5]
        try:
            with client.timed("latency", "queries"):
                asked(0)
        except ZeroDivisionError:
            pass
        with client.timed("load"):
            pass
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    readings = list(listening.read([]))
    assert last(readings, "queries_total") == 4
    assert last(readings, "errors_total") == 3
    latency = merged(readings, "latency_seconds")
    assert latency.n == 4
    assert 0.16 < latency.sum < 1
    assert merged(readings, "load_seconds").n == 1


def test_a_generator_is_timed_from_its_first_item_to_its_end(listening: StatsdCollector) -> None:
    """Also an asynchronous one; it is sent to and thrown into as before, left early, and it may fail."""
    done = job(
        listening.address,
        """
        import asyncio, inspect, time

        @client.timed("latency", "queries")
        def items(n):
            for each in range(n):
                time.sleep(0.02)
                try:
                    got = yield each
                except KeyError:
                    got = "thrown"
                assert got in (None, "sent", "thrown")
                if got:
                    yield got
            if not n:
                raise ValueError
            return "value"

        @client.timed("latency", "queries")
        async def items_async(n):
            for each in range(n):
                await asyncio.sleep(0.02)
                try:
                    got = yield each
                except KeyError:
                    got = "thrown"
                if got:
                    yield got
            if not n:
                raise ValueError

        def whole(n):
            told = yield from items(n)
            assert told == "value"

        assert inspect.isgeneratorfunction(items) and inspect.isasyncgenfunction(items_async)
        assert items.__name__ == "items"
        waiting = items(5)
        assert list(whole(5)) == [0, 1, 2, 3, 4]
        talks = items(2)
        assert [next(talks), talks.send("sent"), next(talks)] == [0, "sent", 1]
        assert talks.throw(KeyError) == "thrown"
        talks.close()  # left early
        try:
            list(items(0))
        except ValueError:
            pass

        async def main():
            assert [each async for each in items_async(5)] == [0, 1, 2, 3, 4]
            talks = items_async(2)
            assert [await talks.__anext__(), await talks.asend("sent")] == [0, "sent"]
            assert await talks.__anext__() == 1
            assert await talks.athrow(KeyError) == "thrown"
            await talks.aclose()
            try:
                async for _ in items_async(0): pass
            except ValueError:
                pass

        asyncio.run(main())
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    readings = list(listening.read([]))
    assert (last(readings, "queries_total"), last(readings, "errors_total")) == (4, 2)
    latency = merged(readings, "latency_seconds")
    assert latency.n == 4
    assert latency.max >= 0.1
    assert latency.min >= 0.04


def test_a_phase_stands_before_a_generator(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        @client.phase("load")
        def load():
            client.mark("within")
            yield 1

        begun = load()
        client.mark("before")
        list(begun)
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    named = [(name, edge) for name, edge, _ in marks(list(listening.read([])))]
    assert named == [("before", "point"), ("load", "begin"), ("within", "point"), ("load", "end")]


def test_a_phase_stands_before_a_function_and_in_async_with(listening: StatsdCollector) -> None:
    done = job(
        listening.address,
        """
        import asyncio

        @client.phase("load")
        def load(): pass

        @client.phase("measure")
        async def measure():
            async with client.phase("part"):
                raise ValueError

        load()
        try:
            asyncio.run(measure())
        except ValueError:
            pass
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    named = [(name, edge) for name, edge, _ in marks(list(listening.read([])))]
    assert named == [
        ("load", "begin"),
        ("load", "end"),
        ("measure", "begin"),
        ("part", "begin"),
        ("part", "end"),
        ("measure", "end"),
    ]
