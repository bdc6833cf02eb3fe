"""What does the dashboard cost beside the job, on the line and at its start?

    python benchmarks/dashboard.py [SECONDS] [ROUNDS]

Eight fake NVIDIA devices (the tests' libnvidia-ml.so; needs cc) whose power is a square wave each, a terminal
of 160x50 on a pseudo-terminal that answers what a modern terminal answers, `perfwatch run -- sleep` on its
second screen: 24 charts, sampling and recording included. CPU is the run time of all threads of the whole
process tree (schedstat) over SECONDS, as a share of one core; bytes are all that reached the terminal. Peers
that are installed (nvitop, gpustat beside perfwatch; btop, nvtop, glances on PATH) are measured in turn with
perfwatch, each round. Medians of ROUNDS. Byte code is compiled before (a first start is thrown away).

Budgets: CPU at 1 s at most 0.7 of nvitop's, at 100 ms at most 4 %; 4 kB/s at 1 s; the first frame with values
within 1.5 times `python -c "import textual.app"`, something within 0.05 s; 48 MB resident; 64 devices at 1 s
at most 1.2 % with all of them visible.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from harness import Terminal, arguments, environment, is_there, memory_mb  # puts the fake on the path

# isort: split

from fake_nvml import FakeNvml, Square, hopper

SETTLE_S = 6.0
SCREEN_2 = b"2"
PEERS = {
    "nvitop": [sys.executable, "-m", "nvitop", "--monitor", "full", "--interval", "1"],
    "gpustat": [sys.executable, "-m", "gpustat", "--interval", "1", "--force-color"],
    "btop": ["btop"],
    "nvtop": ["nvtop", "-d", "10"],
    "glances": ["glances", "-t", "1"],
}


def main() -> int:
    seconds, rounds = arguments(__doc__, 20.0, 3)
    peers = {name: command for name, command in PEERS.items() if is_there(command)}
    with tempfile.TemporaryDirectory() as home:
        with FakeNvml(_devices(8)) as fake:
            own = environment(fake.env(), home)
            _steady(_run(1.0), own, 0.5, SCREEN_2)
            rows = _alternate(peers, own, seconds, rounds)
            starts = [_start(own) for _ in range(5)]
            imports = [_import_textual(own) for _ in range(5)]
        with FakeNvml(_devices(64)) as fake:
            many = _steady(_run(1.0), environment(fake.env(), home), seconds, SCREEN_2)
    return _tell(rows, starts, imports, many, list(PEERS))


Row = tuple[float, float, float, int]
"""CPU share, bytes a second, RSS in MB, and how many devices are named on the screen."""


def _alternate(
    peers: dict[str, list[str]], own: dict[str, str], seconds: float, rounds: int
) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for _ in range(rounds):
        for name, period_s in (("perfwatch at 1 s", 1.0), ("perfwatch at 100 ms", 0.1)):
            rows.setdefault(name, []).append(_steady(_run(period_s), own, seconds, SCREEN_2))
        for name, command in peers.items():
            rows.setdefault(name, []).append(_steady(command, own, seconds, b""))
    return rows


def _steady(command: Sequence[str], own: dict[str, str], seconds: float, keys: bytes) -> Row:
    with Terminal(command, own) as terminal:
        time.sleep(SETTLE_S / 2)
        if keys:
            terminal.type(keys)
        time.sleep(SETTLE_S / 2)
        named = len(set(re.findall(rb"nvidia:(\d+)", terminal.tail)))
        cpu_s, received, began = terminal.cpu_s(), terminal.received, time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began
        return (
            (terminal.cpu_s() - cpu_s) / took_s,
            (terminal.received - received) / took_s,
            memory_mb(terminal.process.pid, "VmRSS"),
            named,
        )


def _start(own: dict[str, str]) -> tuple[float, float]:
    """Seconds until something is visible, and until the devices' values are, of `perfwatch` alone."""
    with Terminal([sys.executable, "-m", "perfwatch"], own) as terminal:
        until = time.monotonic() + 5.0
        while terminal.values_s is None and time.monotonic() < until:
            time.sleep(0.005)
        return terminal.first_s or 5.0, terminal.values_s or 5.0


def _import_textual(own: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import textual.app"], env=own, check=True)
    return time.monotonic() - began


def _tell(
    rows: dict[str, list[Row]],
    starts: list[tuple[float, float]],
    imports: list[float],
    many: Row,
    wanted: list[str],
) -> int:
    print(f"{'8 fake devices, 160x50':28}{'CPU':>9}{'to the terminal':>18}{'resident':>11}")
    middle = {
        name: [statistics.median(row[at] for row in found) for at in range(3)] for name, found in rows.items()
    }
    for name, (cpu, rate, rss) in middle.items():
        print(f"{name:28}{cpu:9.2%}{rate / 1000:13.2f} kB/s{rss:8.1f} MB")
    print(f"{'perfwatch, 64 devices, 1 s':28}{many[0]:9.2%}{many[1] / 1000:13.2f} kB/s{many[2]:8.1f} MB, "
          f"{many[3]} visible")  # fmt: skip
    first, values = (statistics.median(start[at] for start in starts) for at in (0, 1))
    imported = statistics.median(imports)
    print(
        f"start: something after {first:.3f} s, values after {values:.3f} s; "
        f"import textual.app {imported:.3f} s"
    )
    absent = [name for name in wanted if name not in rows]
    if absent:
        print(f"not installed, so not compared: {', '.join(absent)}")
    slow, fast = middle["perfwatch at 1 s"], middle["perfwatch at 100 ms"]
    checks = {
        "CPU at 1 s at most 0.7 of nvitop's": "nvitop" not in middle or slow[0] <= 0.7 * middle["nvitop"][0],
        "CPU at 100 ms at most 4 %": fast[0] <= 0.04,
        "at most 4 kB/s at 1 s": slow[1] <= 4000,
        "something within 0.05 s": first <= 0.05,
        "values within 1.5 times import textual.app": values <= 1.5 * imported,
        "at most 48 MB": slow[2] <= 48,
        "64 devices at most 1.2 %, all visible": many[0] <= 0.012 and many[3] == 64,
    }
    for name, kept in checks.items():
        print(f"{'kept' if kept else 'BROKEN':7} {name}")
    return 0 if all(checks.values()) else 1


def _run(period_s: float) -> list[str]:
    options = ["--interval", str(period_s), "--refresh", str(period_s)]
    return [sys.executable, "-m", "perfwatch", "run", *options, "--", "sleep", "1000"]


def _devices(number: int) -> list[object]:
    return [hopper(wave=Square(100 + 5 * n, 600 - 5 * n, 7.0 + 0.3 * n)) for n in range(number)]


if __name__ == "__main__":
    raise SystemExit(main())
