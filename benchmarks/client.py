"""What does a call of `perfwatch.client` cost the job, and does any count get lost?

    python benchmarks/client.py [ROUNDS] [--with-peers]

Nanoseconds a call (loop taken off), median of the rounds, for 1, 4 and 16 threads: without
PERFWATCH_STATSD, with it but nobody listening, and with perfwatch listening in another process. With several
threads it is wall time over all calls: Python runs one thread at a time. The last column is the CPU time of
the whole process, sender and loop included. Beside it the clients of the packages `statsd` and `datadog`
in the same run, where they are installed; with --with-peers those that are not are installed into a virtual
environment, which is removed afterwards. Then 1,000,000 counts are sent and read back. Budget: a `count` at
most 300 ns, with or without a listener.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = ("statsd", "datadog")
ROUNDS = 5
CALLS = 400_000
PEER_CALLS = 40_000
THREADS = (1, 4, 16)
BUDGET_NS = 300.0

LISTENER = """
import sys
from perfwatch.model import Event, Sample
from perfwatch_collectors.statsd import StatsdCollector
collector = StatsdCollector()
devices = collector.open()
print(collector.address, flush=True)
for line in sys.stdin:
    last, lost = None, 0
    for reading in collector.read(devices):
        if isinstance(reading, Sample):
            last = reading.values[0]
        elif isinstance(reading, Event) and reading.kind == "lost":
            lost += reading.fields["datagrams"]
    print(last, lost, flush=True)
"""

JOB = """
import json, sys, threading, time
kind, threads, calls, host, port = sys.argv[1:]
threads, calls, port = int(threads), int(calls), int(port)
if kind in ("count", "timing"):
    from perfwatch import client
    function = (lambda: client.count, lambda: client.timing)[kind == "timing"]()
    arguments = ("queries", 1) if kind == "count" else ("latency", 0.0123)
elif kind.startswith("statsd"):
    import statsd
    peer = statsd.StatsClient(host, port)
    function = peer.incr if kind.endswith("count") else peer.timing
    arguments = ("queries", 1) if kind.endswith("count") else ("latency", 12.3)
elif kind.startswith("datadog"):
    from datadog.dogstatsd import DogStatsd
    peer = DogStatsd(host=host, port=port, disable_telemetry=True)
    function = peer.increment if kind.endswith("count") else peer.timing
    arguments = ("queries", 1) if kind.endswith("count") else ("latency", 12.3)
first, second = arguments
function(first, second)
ready = threading.Barrier(threads + 1)
def work(calls):
    ready.wait()
    for _ in range(calls):
        function(first, second)
def idle(calls):
    ready.wait()
    for _ in range(calls):
        pass
def wall(target):
    workers = [threading.Thread(target=target, args=(calls // threads,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.perf_counter_ns()
    for worker in workers:
        worker.join()
    return time.perf_counter_ns() - began
cpu = time.process_time_ns()
busy = wall(work)
if kind in ("count", "timing"):
    client.mark("end")  # what the sender still had to do belongs to the calls
cpu = time.process_time_ns() - cpu
print(json.dumps({"ns": (busy - wall(idle)) / calls, "cpu_ns": cpu / calls}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="What a call of perfwatch.client costs the job.")
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    parser.add_argument("--with-peers", action="store_true", help="install statsd and datadog for this run")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return _compare(args.rounds, _peers(Path(directory), install=args.with_peers))


def _peers(directory: Path, *, install: bool) -> dict[str, str]:
    """The interpreters that have the peers, by package: this one, or one of a new virtual environment."""
    here = {package: sys.executable for package in PEERS if importlib.util.find_spec(package) is not None}
    missing = [package for package in PEERS if package not in here]
    if not install or not missing:
        return here
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    python = str(directory / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *missing], check=True)
    return {**here, **dict.fromkeys(missing, python)}


def _compare(rounds: int, peers: dict[str, str]) -> int:
    listener = subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert listener.stdin is not None
    assert listener.stdout is not None
    address = listener.stdout.readline().strip()
    dead = f"udp://127.0.0.1:{_free_port()}"
    ways = {"no PERFWATCH_STATSD": None, "nobody listens": dead, "perfwatch listens": address}
    print(f"{_machine()}; ns a call, median of {rounds} rounds of {CALLS:,} calls (peers {PEER_CALLS:,})\n")
    heads = [f"{threads} threads" for threads in THREADS]
    print(f"{'':36}" + "".join(f"{head:>12}" for head in [*heads, "CPU"]))
    worst = 0.0
    for kind in ("count", "timing"):
        for way, told in ways.items():
            figures = [_median(kind, threads, told, rounds) for threads in THREADS]
            worst = max(worst, figures[0][0]) if kind == "count" else worst
            _row(f"perfwatch {kind}, {way}", figures)
            _ask(listener)
    for package in PEERS:
        if package not in peers:
            print(f"{package}: not installed (--with-peers does it), so no comparison")
            continue
        for kind in ("count", "timing"):
            _row(
                f"{package} {kind}, perfwatch listens",
                [
                    _median(f"{package} {kind}", threads, address, rounds, peers[package])
                    for threads in THREADS
                ],
            )
            _ask(listener)
    verdict = "kept" if worst <= BUDGET_NS else "NOT KEPT"
    print(f"\ncount, 1 thread, worst way: {worst:.0f} ns; budget {BUDGET_NS:.0f} ns: {verdict}")
    listener.stdin.close()
    listener.wait()
    return 0 if worst <= BUDGET_NS and _nothing_lost() else 1


def _median(
    kind: str, threads: int, address: str | None, rounds: int, python: str = sys.executable
) -> tuple[float, float]:
    results = [_once(kind, threads, address, python) for _ in range(rounds)]
    return statistics.median(wall for wall, _ in results), statistics.median(cpu for _, cpu in results)


def _once(kind: str, threads: int, address: str | None, python: str) -> tuple[float, float]:
    """Wall time and CPU time a call, ns."""
    calls = CALLS if kind in ("count", "timing") else PEER_CALLS
    host, port = ("127.0.0.1", "9") if address is None else address.removeprefix("udp://").split(":")
    environment = {name: value for name, value in os.environ.items() if name != "PERFWATCH_STATSD"}
    if address is not None:
        environment["PERFWATCH_STATSD"] = address
    done = subprocess.run(
        [python, "-c", JOB, kind, str(threads), str(calls), host, port],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    result = json.loads(done.stdout)
    return float(result["ns"]), float(result["cpu_ns"])


def _nothing_lost() -> bool:
    """A million counts of one job, read back."""
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as listener:
        assert listener.stdout is not None
        address = listener.stdout.readline().strip()
        _million(address)
        counted, lost = _ask(listener)
        print(f"1,000,000 counts sent: {counted} counted, {lost} datagrams lost")
        listener.communicate()
    return counted == "1000000"


def _million(address: str) -> None:
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from perfwatch import client\nfor _ in range(1_000_000): client.count('queries')",
        ],
        env={**os.environ, "PERFWATCH_STATSD": address},
        check=True,
    )


def _ask(listener: subprocess.Popen[str]) -> tuple[str, str]:
    assert listener.stdin is not None
    assert listener.stdout is not None
    print("read", file=listener.stdin, flush=True)
    counted, lost = listener.stdout.readline().split()
    return counted, lost


def _row(name: str, figures: list[tuple[float, float]]) -> None:
    shown = [wall for wall, _ in figures] + [figures[0][1]]
    print(f"{name:36}" + "".join(f"{figure:12.0f}" for figure in shown), flush=True)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _machine() -> str:
    return f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"


if __name__ == "__main__":
    raise SystemExit(main())
