"""How much longer does a job take under perfwatch at 10 Hz while it counts 5,000 queries a second?

    python benchmarks/slowdown.py [PAIRS]

The job computes a fixed number of queries on one core and counts each through perfwatch.client; it times
itself. Runs alternate: alone (the client does nothing then), and under `perfwatch run -i 100ms` with eight
fake NVIDIA devices. Budget: the median of the pairs' ratios is under 1.005.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fake_nvml import FakeNvml  # noqa: E402

BUDGET = 0.005
RATE = 5000
JOB_S = 4.0

JOB = """
import sys, time
from perfwatch import client
turns, queries = int(sys.argv[1]), int(sys.argv[2])
def query(turns):
    x = 1.0
    for _ in range(turns):
        x = x * 1.0000001 + 1e-9
    return x
query(turns)
client.count("queries", 0)
cpu, began = time.process_time(), time.perf_counter()
for _ in range(queries):
    query(turns)
    client.count("queries")
print(time.perf_counter() - began, time.process_time() - cpu)
"""


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    turns, queries = _turns_for(1.0 / RATE), round(RATE * JOB_S)
    with FakeNvml(8) as fake, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, **fake.env(), "HOME": home, "PYTHONPATH": str(ROOT)}
        job = [sys.executable, "-c", JOB, str(turns), str(queries)]
        watched = [sys.executable, "-m", "perfwatch", "run", "-q", "--no-record", "-i", "100ms", "--", *job]
        rows = [_pair(job, watched, environment, swapped=bool(n % 2)) for n in range(pairs + 1)][1:]
    print(f"{queries} queries of {1e6 / RATE:.0f} us, {pairs} alternating pairs")
    print(f"{'':12}{'alone':>10}{'watched':>10}{'slowdown':>11}{'spread alone':>14}")
    worst = _row("wall clock", [(a[0], b[0]) for a, b in rows])
    _row("CPU time", [(a[1], b[1]) for a, b in rows])
    fine = worst < BUDGET
    print(f"budget: slowdown of the wall clock under {BUDGET:.1%}: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def _row(name: str, rows: list[tuple[float, float]]) -> float:
    alone, watched = ([row[n] for row in rows] for n in (0, 1))
    slowdown = statistics.median(b / a for a, b in rows) - 1.0
    spread = statistics.pstdev(alone) / statistics.mean(alone)
    medians = statistics.median(alone), statistics.median(watched)
    print(f"{name:12}{medians[0]:8.3f} s{medians[1]:8.3f} s{slowdown:11.2%}{spread:14.2%}")
    return slowdown


def _pair(
    job: list[str], watched: list[str], environment: dict[str, str], *, swapped: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Alone and watched; every second pair the other way round, since what runs second may run warmer."""
    if swapped:
        second = _times(watched, environment)
        return _times(job, environment), second
    return _times(job, environment), _times(watched, environment)


def _times(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
    wall, cpu = done.stdout.split()
    return float(wall), float(cpu)


def _turns_for(seconds: float) -> int:
    """How many turns of the job's loop take so long here."""
    script = (
        "import time\n"
        "def query(turns):\n"
        "    x = 1.0\n"
        "    for _ in range(turns):\n"
        "        x = x * 1.0000001 + 1e-9\n"
        "    return x\n"
        "query(10**6)\n"
        "b = time.perf_counter(); query(10**7); print(10**7 / (time.perf_counter() - b))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return max(1, round(float(done.stdout) * seconds))


if __name__ == "__main__":
    raise SystemExit(main())
