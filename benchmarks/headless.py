"""What does headless recording of 8 NVIDIA devices cost, and does it keep its ticks?

    python benchmarks/headless.py [SECONDS] [ROUNDS]

The devices are played by the tests' fake libnvidia-ml.so (needs cc). CPU is that of the whole perfwatch
process (every thread, host collector and recorder included) between two looks at /proc, after a warm-up;
resident memory is its peak. A peer that installs (nvitop's API, gpustat) polls the same fake at the same
rate in the same run. Budgets: at 10 Hz at most 0.8 % of a core and 45 MB; at 100 Hz at most 3 late ticks
in 1000 (late: by more than half a period) on an otherwise idle machine.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, arguments, cpu_s, environment, memory_mb  # puts the fake on the path

# isort: split

from fake_nvml import FakeNvml

from perfwatch.session.reader import open_session

DEVICES = 8
WARM_UP_S = 3.0
CPU_BUDGET = 0.008
RSS_BUDGET_MB = 45.0
LATE_BUDGET = 3.0

PEERS = {
    "nvitop (its API, same metrics)": (
        "import time\n"
        "from nvitop import Device\n"
        "devices = Device.all()\n"
        "due = time.monotonic()\n"
        "while True:\n"
        "    for d in devices:\n"
        "        d.power_usage(), d.memory_info(), d.temperature(), d.clock_infos()\n"
        "    due += {period}\n"
        "    time.sleep(max(0.0, due - time.monotonic()))\n"
    ),
    "gpustat (query only)": (
        "import time, gpustat\n"
        "due = time.monotonic()\n"
        "while True:\n"
        "    gpustat.new_query()\n"
        "    due += {period}\n"
        "    time.sleep(max(0.0, due - time.monotonic()))\n"
    ),
}


def main() -> int:
    seconds, rounds = arguments(__doc__, 20.0, 3)
    rows = [measure(period_s, seconds) for _ in range(rounds) for period_s in (0.1, 0.01)]
    print(
        f"{'recording 8 fake NVIDIA devices':34}{'CPU':>9}{'peak RSS':>11}{'late':>7}{'ticks':>8}"
        f"{'late/1000':>11}"
    )
    fine = True
    for period_s in (0.1, 0.01):
        mine = [row for row in rows if row[0] == period_s]
        cpu = statistics.median(row[1] for row in mine)
        rss = statistics.median(row[2] for row in mine)
        late, ticks = statistics.median(row[3] for row in mine), statistics.median(row[4] for row in mine)
        rate = 1000 * late / ticks
        name = f"perfwatch record at {1 / period_s:.0f} Hz"
        print(f"{name:34}{cpu:8.2%} {rss:7.1f} MB{late:7.0f}{ticks:8.0f}{rate:11.2f}")
        fine &= (cpu <= CPU_BUDGET and rss <= RSS_BUDGET_MB) if period_s == 0.1 else rate <= LATE_BUDGET
    for name, script in PEERS.items():
        found = peer(script, 0.1, seconds)
        print(
            f"{name + ' at 10 Hz':34}"
            + ("  not installed" if found is None else f"{found[0]:8.2%} {found[1]:7.1f} MB")
        )
    budgets = f"{CPU_BUDGET:.1%} and {RSS_BUDGET_MB:g} MB at 10 Hz, {LATE_BUDGET:g} late in 1000 at 100 Hz"
    print(f"budgets: {budgets}: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def measure(period_s: float, seconds: float) -> tuple[float, float, float, int, int]:
    """CPU share, peak RSS in MB, late ticks and ticks of a `perfwatch record` at this period."""
    with FakeNvml(DEVICES) as fake, tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "run.jsonl.zst"
        command = [sys.executable, "-m", "perfwatch", "record", "-q", "-i", str(period_s), "-o", str(log)]
        process = subprocess.Popen(command, env=environment(fake.env(), directory), cwd=ROOT)
        time.sleep(WARM_UP_S)
        cpu = _share(process.pid, seconds)
        rss = memory_mb(process.pid, "VmHWM")
        process.send_signal(signal.SIGINT)
        process.wait(30)
        return (period_s, cpu, rss, *_ticks(log, period_s))


def peer(script: str, period_s: float, seconds: float) -> tuple[float, float] | None:
    """CPU share and peak RSS of a peer's polling loop; None if it is not installed."""
    with FakeNvml(DEVICES) as fake, tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", script.replace("{period}", str(period_s))]
        process = subprocess.Popen(command, env=environment(fake.env(), directory), stderr=subprocess.DEVNULL)
        time.sleep(WARM_UP_S)
        if process.poll() is not None:
            return None
        found = _share(process.pid, seconds), memory_mb(process.pid, "VmHWM")
        process.kill()
        process.wait()
        return found


def _share(pid: int, seconds: float) -> float:
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(pid) - before) / (time.monotonic() - began)


def _ticks(log: Path, period_s: float) -> tuple[int, int]:
    """Late ticks and ticks of the nvidia collector: each batch against its own deadline."""
    times = [record["t"] for record in open_session(str(log)).records() if record.get("c") == "nvidia"]
    late = sum(1 for t in times if t % period_s > period_s / 2)
    missed = round((times[-1] - times[0]) / period_s) + 1 - len(times)
    return late + max(0, missed), len(times)


if __name__ == "__main__":
    raise SystemExit(main())
