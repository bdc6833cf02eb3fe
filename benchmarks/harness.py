"""What the benchmarks of a running perfwatch share: arguments, a user's environment, a terminal, a meter.

Importing it puts the tests' helpers (the fake libnvidia-ml.so) on the path.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

COLUMNS, LINES = 160, 50
ANSWERS = (
    (b"\x1b[c", b"\x1b[?62;c"),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
    (b"\x1b[6n", b"\x1b[1;1R"),
    (b"\x1b[5n", b"\x1b[0n"),
)
"""What is asked of a terminal and what this one says: who it is, synchronization, the cursor, all is well."""


def arguments(about: str | None, seconds: float, rounds: int) -> tuple[float, int]:
    """SECONDS and ROUNDS of the command line, with these defaults. ctrl-C ends the benchmark."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job inherits it ignored
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "seconds", type=float, nargs="?", default=seconds, help=f"of each measurement ({seconds:g})"
    )
    parser.add_argument(
        "rounds", type=int, nargs="?", default=rounds, help=f"measurements of each ({rounds})"
    )
    args = parser.parse_args()
    return args.seconds, args.rounds


def environment(fake: dict[str, str], home: str) -> dict[str, str]:
    """A user's environment: a home of its own, a terminal, nothing of a developer's shell."""
    own = {**fake, "HOME": home, "TERM": "xterm-256color", "COLORTERM": ""}
    developers = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "NO_COLOR")
    return {key: value for key, value in own.items() if key not in developers}


def is_there(command: Sequence[str]) -> bool:
    """Whether a peer is installed: on PATH, or as a module beside this Python (`python -m peer`)."""
    if command[0] != sys.executable:
        return shutil.which(command[0]) is not None
    trial = [sys.executable, "-c", f"import {command[2]}"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0


def cpu_s(pid: int) -> float:
    """Run time of all threads of a process, s; from schedstat, which counts nanoseconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*"):
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def memory_mb(pid: int, field_name: str) -> float:
    """`VmRSS` (resident now) or `VmHWM` (its peak) of a process, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field_name))


@dataclass
class Terminal:
    """A process on a terminal of its own.

    Args:
        command: what to run.
        environment: its whole environment.
        listener: takes what is written to the terminal, on a thread of its own.
    """

    command: Sequence[str]
    environment: dict[str, str]
    listener: Callable[[bytes], None] = bytes
    received: int = 0
    first_s: float | None = None
    values_s: float | None = None
    tail: bytes = b""

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
            self.listener(data)
            for question, answer in ANSWERS:
                if question in data:
                    with suppress(OSError):
                        os.write(self.master, answer)
            self.tail = (self.tail + data)[-200_000:]
            if self.values_s is None and re.search(rb"H100", self.tail) and b"MHz" in self.tail:
                self.values_s = now_s

    def cpu_s(self) -> float:
        """Run time of every thread of the process and its children, s."""
        return sum(cpu_s(pid) for pid in tree(self.process.pid))
