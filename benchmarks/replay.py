"""How soon is a day of eight boards on the screen, and how soon another moment of it?

    python benchmarks/replay.py [HOURS] [ROUNDS]

A recording of so many hours is made: eight boards with nine metrics each and a server that counts queries and
times them, each read once a second. `perfwatch replay` shows it on a terminal of 160x50. Timed is when the
title shows that it is a replay, and how long after a time was typed behind `g` the title shows it with the
devices of then: of places far ahead of what was gone through, and of any once everything was. Budgets: open
within 2 s, another moment within 0.2 s (medians).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import queue
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyte
from harness import COLUMNS, LINES, Terminal, environment, memory_mb

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind, Histogram, Kind, Metric, Scope, Unit
from perfwatch.session import format as fmt
from perfwatch.tui.draw import words

OPENS_S, SEEKS_S = 2.0, 0.2
BOARDS, PLACES = 8, 9
LIMIT_S = 1200.0
METRICS = (
    *(m.POWER, m.ENERGY, m.UTILIZATION, m.MEMORY_USED, m.MEMORY_TOTAL, m.TEMPERATURE),
    *(m.SM_CLOCK, m.MEMORY_CLOCK, m.THROTTLE_REASONS),
)
QUERIES = Metric("queries_total", Unit.COUNT, Kind.COUNTER)
TIMES = fmt.encode_value(Histogram(50, 0.55, 0.009, 0.013, {-840 + place: 5 for place in range(10)}))


def records(hours: float) -> Iterator[dict[str, Any]]:
    """A day's records, its header first."""
    yield fmt.header(
        session_id="day", monotonic_ns=0, time_ns=1_760_000_000_000_000_000, host="lab1", perfwatch="0",
        interval_s=1.0, command=["serve"], settings={},
    )  # fmt: skip
    for number in range(BOARDS):
        device = Device(
            f"GPU-{number}",
            "Board",
            DeviceKind.ACCELERATOR,
            index=number,
            metrics=METRICS,
            scope=Scope.ACCELERATOR,
        )
        yield {"t": 0.0, "device": fmt.encode_device(number, "nvidia", device)}
    server = Device(
        "page", "server", DeviceKind.WORKLOAD, index=0, metrics=(QUERIES, m.LATENCY), facts={"work": "page"}
    )
    yield {"t": 0.0, "device": fmt.encode_device(BOARDS, "page", server)}
    ids = [f"GPU-{number}" for number in range(BOARDS)]
    yield fmt.event(
        0.0, "devices", {"ids": ids, "because": "the job uses them", "guessed": False, "shared": {}}
    )
    yield fmt.event(0.0, "job", {"what": "begin", "pid": 1})
    joules = [0.0] * BOARDS
    for second in range(1, round(hours * 3600)):
        rows = [[number, second + 0.0005, _board(number, second, joules)] for number in range(BOARDS)]
        yield fmt.batch(float(second), "nvidia", 0.001, rows)
        yield fmt.batch(second + 0.002, "page", 0.001, [[BOARDS, second + 0.0025, [50 * second, TIMES]]])
    yield fmt.event(hours * 3600, "end", {})


def _board(number: int, second: int, joules: list[float]) -> list[float]:
    load = 0.5 + 0.5 * math.sin(second / 600.0 + number)
    watts = round(100.0 + 500.0 * load, 3)
    joules[number] += watts
    temperature = round(35.0 + 40.0 * load, 1)
    return [
        watts,
        round(joules[number], 3),
        round(load, 4),
        68_000_000_000,
        85_899_345_920,
        temperature,
        1.98e9,
        2.6e9,
        0,
    ]


def write(path: Path, hours: float) -> None:
    """The recording as a file."""
    import zstandard

    with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file) as stream:
        for record in records(hours):
            stream.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")


class Shown:
    """What the terminal shows, and since when: what is slow to draw here is not the terminal's time."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._came: queue.Queue[tuple[float, bytes]] = queue.Queue()

    def take(self, data: bytes) -> None:
        self._came.put((time.monotonic(), data))

    def when(self, true: Callable[[list[str]], bool], limit_s: float = 60.0) -> float:
        """When that became true, on the monotonic clock."""
        limit, at = time.monotonic() + limit_s, time.monotonic()
        while not true(self._screen.display):
            try:
                at, data = self._came.get(timeout=max(0.0, limit - time.monotonic()))
            except queue.Empty:
                raise SystemExit("it never came:\n" + "\n".join(self._screen.display[:8])) from None
            self._stream.feed(data)
        return at


def seek(terminal: Terminal, shown: Shown, second: int) -> float:
    """How long it takes until a second of the recording is shown, s."""
    moment = words.clock(second)
    watts = sum(_board(number, second - 1, [0.0] * BOARDS)[0] for number in range(BOARDS))
    told = f"{watts / 1000:.2f} kW"
    terminal.type(b"g")
    shown.when(lambda rows: rows[-1].startswith(" go to"))
    terminal.type(moment.encode())
    shown.when(lambda rows: moment in rows[-1])
    began = time.monotonic()
    terminal.type(b"\r")
    there = shown.when(lambda rows: f" {moment} /" in rows[0] and any(told in row for row in rows[1:4]))
    shown.when(lambda rows: not rows[-1].startswith(" go to"))
    return there - began


def measure(path: Path, hours: float, home: str) -> dict[str, Any]:
    """One replay: when it opened, and how long it took to go elsewhere."""
    shown, chance = Shown(), random.Random(5)
    command = [sys.executable, "-m", "perfwatch", "replay", str(path), "--paused"]
    places = [chance.randrange(round(hours * 1800), round(hours * 3600)) for _ in range(PLACES)]
    with Terminal(command, environment(dict(os.environ), home), shown.take) as terminal:
        terminal.values_s = 0.0  # it need not look for values itself
        opened_s = shown.when(lambda rows: "REPLAY" in rows[0]) - terminal.began
        terminal.type(b"2")
        read_s = shown.when(lambda rows: f"/ {words.clock(hours * 3600)}" in rows[0]) - terminal.began
        far = [seek(terminal, shown, place) for place in places]
        whole_s = shown.when(lambda rows: "worked out" not in rows[0], LIMIT_S) - terminal.began
        near = [seek(terminal, shown, place) for place in reversed(places)]
        memory = memory_mb(terminal.process.pid, "VmHWM")
        terminal.type(b"q")
        terminal.process.wait(10)
    return {"opened": opened_s, "read": read_s, "far": far, "whole": whole_s, "near": near, "memory": memory}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("hours", type=float, nargs="?", default=24.0, help="of the recording (24)")
    parser.add_argument("rounds", type=int, nargs="?", default=1, help="replays (1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "day.jsonl.zst"
        write(path, args.hours)
        found = [measure(path, args.hours, home) for _ in range(args.rounds)]
        size_mb = path.stat().st_size / 1e6
    opened_s = statistics.median(one["opened"] for one in found)
    far_s, near_s = (statistics.median(s for one in found for s in one[key]) for key in ("far", "near"))
    print(f"{args.hours:g} hours of {BOARDS} boards and a server, once a second: {size_mb:.1f} MB")
    print(f"open after {opened_s:.2f} s, read after {statistics.median(one['read'] for one in found):.2f} s")
    for name, key in (("before it was gone through", "far"), ("afterwards", "near")):
        times = sorted(s for one in found for s in one[key])
        print(f"another moment {name}: {statistics.median(times):.3f} s, at most {times[-1]:.3f} s")
    whole_s, memory = statistics.median(one["whole"] for one in found), max(one["memory"] for one in found)
    print(f"gone through after {whole_s:.0f} s; at most {memory:.0f} MB")
    kept = opened_s <= OPENS_S and max(far_s, near_s) <= SEEKS_S
    print(f"budget: open in {OPENS_S:g} s, another moment in {SEEKS_S:g} s: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
