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

import argparse
import fcntl
import os
import pty
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fake_nvml import FakeNvml, Square, hopper  # noqa: E402

COLUMNS, LINES = 160, 50
SETTLE_S = 6.0
SCREEN_2 = b"2"
ANSWERS = (
    (b"\x1b[c", b"\x1b[?62;c"),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
    (b"\x1b[6n", b"\x1b[1;1R"),
    (b"\x1b[5n", b"\x1b[0n"),
)
"""What is asked of a terminal and what this one says: who it is, synchronization, the cursor, all is well."""
PEERS = {
    "nvitop": [sys.executable, "-m", "nvitop", "--monitor", "full", "--interval", "1"],
    "gpustat": [sys.executable, "-m", "gpustat", "--interval", "1", "--force-color"],
    "btop": ["btop"],
    "nvtop": ["nvtop", "-d", "10"],
    "glances": ["glances", "-t", "1"],
}


@dataclass
class Terminal:
    """A process on a terminal of its own.

    Args:
        command: what to run.
        environment: its whole environment.
    """

    command: Sequence[str]
    environment: dict[str, str]
    received: int = 0
    first_s: float | None = None
    values_s: float | None = None
    tail: bytes = b""
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Terminal:
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command), stdin=slave, stdout=slave, stderr=slave, env=self.environment, cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        with suppress(OSError):
            os.close(self.master)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            now_s = time.monotonic() - self.began
            self.first_s = self.first_s if self.first_s is not None else now_s
            self.received += len(data)
            for question, answer in ANSWERS:
                if question in data:
                    with suppress(OSError):
                        os.write(self.master, answer)
            self.tail = (self.tail + data)[-200_000:]
            if self.values_s is None and re.search(rb"H100", self.tail) and b"MHz" in self.tail:
                self.values_s = now_s

    def cpu_s(self) -> float:
        """Run time of every thread of the process and its children, s."""
        return sum(_cpu_s(pid) for pid in _tree(self.process.pid))

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("seconds", type=float, nargs="?", default=20.0, help="of each measurement (20)")
    parser.add_argument("rounds", type=int, nargs="?", default=3, help="measurements of each (3)")
    args = parser.parse_args()
    seconds, rounds = args.seconds, args.rounds
    peers = {name: command for name, command in PEERS.items() if _is_there(command)}
    with tempfile.TemporaryDirectory() as home:
        with FakeNvml(_devices(8)) as fake:
            environment = _environment(fake.env(), home)
            _steady(_run(1.0), environment, 0.5, SCREEN_2)
            rows = _alternate(peers, environment, seconds, rounds)
            starts = [_start(environment) for _ in range(5)]
            imports = [_import_textual(environment) for _ in range(5)]
        with FakeNvml(_devices(64)) as fake:
            many = _steady(_run(1.0), _environment(fake.env(), home), seconds, SCREEN_2)
    return _tell(rows, starts, imports, many, list(PEERS))


Row = tuple[float, float, float, int]
"""CPU share, bytes a second, RSS in MB, and how many devices are named on the screen."""


def _alternate(
    peers: dict[str, list[str]], environment: dict[str, str], seconds: float, rounds: int
) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for _ in range(rounds):
        for name, period_s in (("perfwatch at 1 s", 1.0), ("perfwatch at 100 ms", 0.1)):
            rows.setdefault(name, []).append(_steady(_run(period_s), environment, seconds, SCREEN_2))
        for name, command in peers.items():
            rows.setdefault(name, []).append(_steady(command, environment, seconds, b""))
    return rows


def _steady(command: Sequence[str], environment: dict[str, str], seconds: float, keys: bytes) -> Row:
    with Terminal(command, environment) as terminal:
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
            terminal.rss_mb(),
            named,
        )


def _start(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until something is visible, and until the devices' values are, of `perfwatch` alone."""
    with Terminal([sys.executable, "-m", "perfwatch"], environment) as terminal:
        until = time.monotonic() + 5.0
        while terminal.values_s is None and time.monotonic() < until:
            time.sleep(0.005)
        return terminal.first_s or 5.0, terminal.values_s or 5.0


def _import_textual(environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import textual.app"], env=environment, check=True)
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


def _environment(fake: dict[str, str], home: str) -> dict[str, str]:
    own = {**fake, "HOME": home, "TERM": "xterm-256color", "COLORTERM": ""}
    developers = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "NO_COLOR")
    return {key: value for key, value in own.items() if key not in developers}


def _is_there(command: list[str]) -> bool:
    if command[0] != sys.executable:
        return shutil.which(command[0]) is not None
    done = subprocess.run([sys.executable, "-c", f"import {command[2]}"], check=False, capture_output=True)
    return done.returncode == 0


def _tree(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _cpu_s(pid: int) -> float:
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


if __name__ == "__main__":
    raise SystemExit(main())
