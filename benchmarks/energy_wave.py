"""Is the energy of a square wave right, by counter and by integration, and is its error what it says?

    python benchmarks/energy_wave.py [RUNS]

A fake chip whose sensor sees all the time (Turing: refreshed every 100 ms, averaged over 100 ms) plays
100/600 W with a random phase; its true energy is known. A run is one device; a `perfwatch run -- sleep 20`
watches a few of them, and several begin one after another at random times, so that polling meets the
sensor's renewals at every phase. For every period of the wave and every sampling rate:

- counter: the largest error (budget 0.1 %);
- integral: how often the truth lies within `error_joules` (budget: 36 of 40) and the mean of `error_joules`
  over the root mean square of the true errors (budget: at most 4; 2 would be exact).

Then a job of 6 s that starts and ends at idle, at the default interval of 1 s, by counter (budget 0.5 %).
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import ROOT, environment  # puts the fake on the path
from recorded import boards_of, record, truth_j

# isort: split

from fake_nvml import Constant, FakeDevice, FakeNvml, Square

from perfwatch.derive.energy import device_energy
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape, Tape

WINDOW_S = 20
LOW_W, HIGH_W = 100.0, 600.0
COUNTER_STEP_S = 0.0
DEVICES = 2
"""Devices of one perfwatch: few, because they share the phase of polling."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=int, nargs="?", default=40, help="how many (40)")
    runs = parser.parse_args().runs
    print(f"{LOW_W:g}/{HIGH_W:g} W square wave, {WINDOW_S} s, {runs} runs, sensor 100 ms / 100 ms")
    print(
        f"{'period':>7}{'polled':>9}{'counter, worst':>16}{'integral, rms':>15}{'within error':>14}"
        f"{'error/rms':>11}"
    )
    fine = True
    for period_s in (0.5, 3.0):
        for rate_hz in (10, 100):
            fine &= _wave(period_s, rate_hz, runs)
    fine &= _short_job()
    print(f"budgets: {'kept' if fine else 'BROKEN'}")
    return 0 if fine else 1


def _wave(period_s: float, rate_hz: int, runs: int) -> bool:
    seeds = [f"{period_s}/{rate_hz}/{n}" for n in range(math.ceil(runs / DEVICES))]
    with ThreadPoolExecutor(len(seeds)) as pool:
        parts = pool.map(lambda seed: _part(random.Random(seed), period_s, rate_hz), seeds)
        results = [one for part in parts for one in part][:runs]
    counter = max(abs(one["counter"]) for one in results)
    rms = math.sqrt(sum(one["integral"] ** 2 for one in results) / len(results))
    within = sum(1 for one in results if abs(one["integral"]) <= one["stated"])
    ratio = sum(one["stated"] for one in results) / len(results) / rms
    share = rms / (sum(one["truth"] for one in results) / len(results))
    print(
        f"{period_s:5g} s{rate_hz:6d} Hz{counter:15.3%} {rms:8.1f} J {share:.2%}"
        f"{within:9d} of {len(results)}{ratio:10.2f}"
    )
    return counter <= 0.001 and within >= 0.9 * len(results) and ratio <= 4.0


def _part(chance: random.Random, period_s: float, rate_hz: int) -> list[dict[str, float]]:
    waves = [Square(LOW_W, HIGH_W, period_s, phase_s=chance.uniform(0, period_s)) for _ in range(DEVICES)]
    time.sleep(chance.uniform(0.0, 2.0))
    with FakeNvml([FakeDevice(wave=wave, energy_step_s=COUNTER_STEP_S) for wave in waves]) as fake:
        tape, span = _record(fake, ["-i", str(1 / rate_hz)], ["sleep", str(WINDOW_S)])
        return [_errors(tape, device, span, rate_hz, fake) for device in boards_of(tape)]


def _record(fake: FakeNvml, options: list[str], job: list[str]) -> tuple[Tape, Span]:
    with tempfile.TemporaryDirectory() as home:
        return record(Path(home) / "run.jsonl", options, job, environment(fake.env(), home))


def _errors(tape: Tape, device: DeviceTape, span: Span, rate_hz: int, fake: FakeNvml) -> dict[str, float]:
    truth = truth_j(fake, tape, device, span)
    found: Any = device_energy(device, [span], interval_s=1 / rate_hz)
    return {
        "truth": truth,
        "counter": found.counter_joules / truth - 1.0,
        "integral": found.integrated_joules - truth,
        "stated": found.integrated_error.expanded(),
    }


JOB = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from fake_nvml import Constant, FakeNvml
fake = FakeNvml.attach(Path({directory!r}))
begun = fake.set_wave(0, Constant(600.0))
time.sleep(6)
ended = fake.set_wave(0, Constant(60.0))
print(begun, ended)
"""


def _short_job() -> bool:
    """The true energy is counted from the child's start to its exit, as the job itself told the fake."""
    worst = 0.0
    for _ in range(3):
        with FakeNvml([FakeDevice(wave=Constant(60.0), energy_step_s=COUNTER_STEP_S)]) as fake:
            script = JOB.format(tests=str(ROOT / "tests"), directory=str(fake.directory))
            tape, span = _record(fake, [], [sys.executable, "-c", script])
            error = _errors(tape, boards_of(tape)[0], span, 1, fake)["counter"]
            worst = max(worst, abs(error))
    print(f"job of 6 s from idle, 1 s interval, by counter: worst error {worst:.3%} (budget 0.5 %)")
    return worst <= 0.005


if __name__ == "__main__":
    raise SystemExit(main())
