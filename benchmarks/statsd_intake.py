"""How many StatsD lines a second does perfwatch take, at what cost, and is every loss counted?

    python benchmarks/statsd_intake.py [SECONDS] [ROUNDS]

A sender process sends datagrams of 20 lines at a rate; the collector runs in a process of its own, with its
default socket, read once a second as `perfwatch run` does. Offered, received, lost: lines a second; the
share of a core is the CPU time of the whole receiving process (intake, parsing, samples; what it does after
the last datagram included) over the time of sending; its memory is the peak. First 100,000 lines a second
(budget: nothing lost), then more and more, until something is lost or the sender is at its end; received
and counted loss must make up what was sent. Two kinds of lines: `equal` (two counters, parsed once a cell)
and `distinct` (timings, of which hardly two are alike).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from typing import Any

LINES = 20
RATE = 100_000
SECONDS = 3.0
ROUNDS = 3
STEPS = (200_000, 400_000, 800_000, 1_600_000, 3_200_000)


def main() -> int:
    if sys.argv[1:2] == ["--receive"]:
        return receive()
    if sys.argv[1:2] == ["--send"]:
        return send(sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5]))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", type=float, nargs="?", default=SECONDS, help="of sending (3)")
    parser.add_argument("rounds", type=int, nargs="?", default=ROUNDS, help="at each rate (3)")
    args = parser.parse_args()
    seconds, rounds = args.seconds, args.rounds
    machine = f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"
    print(f"{machine}; median of {rounds} rounds of {seconds:g} s\n")
    print("lines         wanted   offered  received     lost  share of a core     RSS  sums")
    good = True
    for kind in ("equal", "distinct"):
        for wanted in (RATE, *STEPS):
            results = [measure(kind, wanted, seconds) for _ in range(rounds)]
            middle = {key: statistics.median(one[key] for one in results) for key in results[0]}
            adds_up = all(one["sent"] == one["received"] + one["lost"] for one in results)
            good = good and adds_up and (wanted > RATE or middle["lost"] == 0)
            print(
                f"{kind:10}{wanted:10,}{middle['sent'] / seconds:10,.0f}{middle['received'] / seconds:10,.0f}"
                f"{middle['lost'] / seconds:9,.0f}{100 * middle['cpu_s'] / seconds:15.1f} %"
                f"{middle['rss_mb']:5.0f} MB  {'add up' if adds_up else 'DO NOT ADD UP'}",
                flush=True,
            )
            if middle["lost"] or middle["sent"] / seconds < 0.7 * wanted:
                break  # lost something, or the sender cannot send faster
    print(f"\n100,000 lines/s without loss, every loss counted: {'kept' if good else 'NOT KEPT'}")
    return 0 if good else 1


def measure(kind: str, lines_per_s: float, seconds: float) -> dict[str, float]:
    """One round: what was sent, received and lost (lines), and the receiver's cost."""
    with subprocess.Popen(
        [sys.executable, __file__, "--receive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as receiver:
        assert receiver.stdin is not None
        assert receiver.stdout is not None
        address = receiver.stdout.readline().strip()
        sender = subprocess.run(
            [sys.executable, __file__, "--send", address, kind, str(lines_per_s), str(seconds)],
            stdout=subprocess.PIPE,
            check=True,
        )
        print("end", file=receiver.stdin, flush=True)
        result: dict[str, float] = json.loads(receiver.stdout.readline())
    return {"sent": LINES * int(sender.stdout), **result}


def receive() -> int:
    """Listen until a line comes on standard input; read once a second meanwhile."""
    import select

    from perfwatch_collectors.statsd import StatsdCollector

    from perfwatch.model import Appeared, Event, Sample

    collector = StatsdCollector()
    devices = collector.open()
    print(collector.address, flush=True)
    before_s = time.process_time()
    names: list[str] = []
    lost, received, ending = 0, 0, False
    totals: dict[str, Any] = {}
    while not ending:
        ending = bool(select.select([sys.stdin], [], [], 1.0)[0])
        for reading in collector.read(devices):
            if isinstance(reading, Appeared):
                names = [metric.name for metric in reading.device.metrics]
            elif isinstance(reading, Sample):
                for name, value in zip(names, reading.values, strict=True):
                    if name.endswith("_total") and value is not None:
                        totals[name] = value
                    elif value is not None:
                        received += value.n  # type: ignore[union-attr]
            elif isinstance(reading, Event) and reading.kind == "lost":
                lost += LINES * reading.fields["datagrams"]
    cpu_s = time.process_time() - before_s
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"received": received + sum(totals.values()), "lost": lost, "cpu_s": cpu_s, "rss_mb": rss_mb}
        )
    )
    collector.close()
    return 0


def send(address: str, kind: str, lines_per_s: float, seconds: float) -> int:
    """Send datagrams of 20 lines at a rate, in bursts a millisecond apart; print how many were sent."""
    host, _, port = address.removeprefix("udp://").rpartition(":")
    if kind == "equal":
        datagrams = [b"\n".join([b"queries:1|c"] * 10 + [b"errors:1|c"] * 10)]
    else:
        datagrams = [
            b"\n".join(b"latency:%d.%04d|ms" % (n % 97, (n * 7919 + line) % 10_000) for line in range(LINES))
            for n in range(5000)
        ]
    per_s = lines_per_s / LINES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, int(port)))
        sent, began = 0, time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            due = int(elapsed * per_s)
            while sent < due and time.monotonic() - began < seconds:
                sock.send(datagrams[sent % len(datagrams)])
                sent += 1
            time.sleep(0.001)
    print(sent)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
