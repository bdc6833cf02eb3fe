"""One of eight devices hangs for a minute: do the others refresh at full rate, and does it show its age?

    python benchmarks/hung_device.py [SECONDS] [ROUNDS]

Eight fake NVIDIA devices (the tests' libnvidia-ml.so; needs cc) whose power rises by a watt a second, each in
a range of its own, so that a figure on the screen tells its device. The calls of one of them do not return
for SECONDS, as those of a board that fell off the bus. perfwatch at 1 s and at 100 ms and the peers that are
installed (nvitop, gpustat, nvtop) watch the same devices at the same time, each on a terminal of 160x50 that
is drawn by pyte. Refreshes: how many different powers of a neighbour stood on the screen, of one a second.
Readings: what perfwatch recorded of a neighbour. Of both the worst neighbour is told. ROUNDS: how often all
this is done.

Budgets: a neighbour misses at most one refresh, and two readings; the age of the hung one stands on the
screen and is right to 2 s; it is read again within 3 s after its calls return; `q` leaves within 0.5 s while
they are out.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harness import COLUMNS, LINES, Terminal, arguments, environment, is_there  # puts the fake on the path

# isort: split

import pyte
from fake_nvml import FakeNvml, Ramp, hopper

from perfwatch.session.reader import open_session

DEVICES, HUNG = 8, 3
SETTLE_S, BACK_S = 8.0, 5.0
RANGE_W = 80
"""The width of a device's range; at 1 W/s, how long all this may take."""
PERIODS_S = (1.0, 0.1)
PEERS = {
    "nvitop": [sys.executable, "-m", "nvitop", "--monitor", "full", "--interval", "1"],
    "gpustat": [sys.executable, "-m", "gpustat", "--interval", "1", "--show-power"],
    "nvtop": ["nvtop", "-d", "10"],
}
_POWER = re.compile(r"(?<![\d.])(\d{3})(?=(?:\.\d+)? ?W\b| */ )")
_AGE = re.compile(rf"nvidia:{HUNG}\b.*?last reading (\d+) s ago", re.DOTALL)


@dataclass
class Watched:
    """A program on a terminal, and which powers of which neighbour have stood there while one hung."""

    name: str
    terminal: Terminal
    log: Path | None = None
    powers: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._written: list[bytes] = []
        self.terminal.listener = self._written.append

    def look(self) -> str:
        """The text on the screen now; the powers on it are remembered."""
        written, self._written[:] = b"".join(self._written), []
        self._stream.feed(written)
        text = "\n".join(self._screen.display)
        for found in _POWER.findall(text):
            device, watts = divmod(int(found) - 100, RANGE_W)
            if 0 <= device < DEVICES and device != HUNG:
                self.powers[device].add(watts)
        return text

    @property
    def refreshes(self) -> int:
        """How many powers the worst neighbour showed."""
        return min(len(self.powers[device]) for device in range(DEVICES) if device != HUNG)


def main() -> int:
    seconds, rounds = arguments(__doc__, 60.0, 1)
    if seconds + SETTLE_S + BACK_S > RANGE_W:
        print(f"at most {RANGE_W - SETTLE_S - BACK_S:g} SECONDS: power rises no longer")
        return 2
    return 0 if all(tuple(_once(seconds) for _ in range(rounds))) else 1


def _once(seconds: float) -> bool:
    began_s = time.clock_gettime(time.CLOCK_MONOTONIC)
    devices = [
        hopper(wave=Ramp(100 + RANGE_W * n, 100 + RANGE_W * (n + 1), RANGE_W, began_s))
        for n in range(DEVICES)
    ]
    with tempfile.TemporaryDirectory() as home, FakeNvml(devices) as fake, ExitStack() as stack:
        own = environment(fake.env(), home)
        watched = [_perfwatch(period_s, Path(home), own) for period_s in PERIODS_S]
        watched += [
            Watched(name, Terminal(command, own)) for name, command in PEERS.items() if is_there(command)
        ]
        leaving = Watched("perfwatch", Terminal([sys.executable, "-m", "perfwatch"], own))
        for one in (*watched, leaving):
            stack.enter_context(one.terminal)
        time.sleep(SETTLE_S)
        for one in watched:
            if one.log is not None:
                one.terminal.type(b"2")
            one.look()
            one.powers.clear()
        fake.hang(HUNG)
        hung_s = time.monotonic()
        while time.monotonic() < hung_s + seconds:
            time.sleep(0.2)
            texts = [one.look() for one in watched]
        ages_s = [int(found.group(1)) if (found := _AGE.search(text)) else None for text in texts]
        left_s = _leave(leaving.terminal)
        fake.release(HUNG)
        released_s = time.monotonic()
        time.sleep(BACK_S)
        fine = left_s <= 0.5
        print(f"nvidia:{HUNG} of {DEVICES} hung for {seconds:g} s; `q` left perfwatch after {left_s:.2f} s")
        for one, age_s in zip(watched, ages_s, strict=True):
            fine &= _tell(one, age_s, hung_s, released_s)
        return fine


def _tell(one: Watched, age_s: int | None, hung_s: float, released_s: float) -> bool:
    """One line about a program; whether its budgets were kept (a peer has none)."""
    wanted = round(released_s - hung_s)
    line = f"{one.name:22}{one.refreshes:4} of {wanted} refreshes"
    if one.log is None:
        print(line)
        return True
    period_s = PERIODS_S[0] if one.name.endswith(" 1 s") else PERIODS_S[1]
    read, back_s = _recorded(one.log, hung_s, released_s)
    due = int((released_s - hung_s) / period_s)
    print(f"{line}, {read} of {due} readings, age {age_s} s, read again after {back_s:.1f} s")
    return (
        one.refreshes >= wanted - 1
        and read >= due - 2
        and age_s is not None
        and abs(age_s - wanted) <= 2
        and back_s <= 3.0
    )


def _recorded(log: Path, hung_s: float, released_s: float) -> tuple[int, float]:
    """Readings of the worst neighbour in the hang; how soon after it the device was read again, s."""
    session = open_session(str(log))
    origin_s = session.header["clock"]["monotonic_ns"] / 1e9
    numbers, times = {}, defaultdict(list)
    for record in session.records():
        if "device" in record and record["device"]["collector"] == "nvidia":
            numbers[record["device"]["n"]] = record["device"]["id"]
        for number, t, _ in record.get("s", ()):
            if number in numbers:
                times[numbers[number]].append(origin_s + t)
    counts = {device: sum(hung_s <= t <= released_s for t in found) for device, found in times.items()}
    hung = min(counts, key=lambda device: counts[device])
    back_s = min((t - released_s for t in times[hung] if t > released_s), default=float("inf"))
    return min(count for device, count in counts.items() if device != hung), back_s


def _leave(terminal: Terminal) -> float:
    """Seconds from the key to the end of the process."""
    began_s = time.monotonic()
    terminal.type(b"q")
    try:
        terminal.process.wait(10)
    except subprocess.TimeoutExpired:
        return float("inf")
    return time.monotonic() - began_s


def _perfwatch(period_s: float, folder: Path, own: dict[str, str]) -> Watched:
    log = folder / f"{period_s:g}.jsonl"
    options = ["-i", str(period_s), "--refresh", str(period_s), "-o", str(log)]
    command = [sys.executable, "-m", "perfwatch", "run", *options, "--", "sleep", "1000"]
    return Watched(f"perfwatch at {period_s:g} s", Terminal(command, own), log)


if __name__ == "__main__":
    raise SystemExit(main())
