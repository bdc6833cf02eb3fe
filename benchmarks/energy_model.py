"""How often is the true energy within the error that perfwatch states, and how much larger is that error?

Simulated loads and sensors, seeded, through the same functions as every summary. `rms` is the root mean
square of the true errors; `stated` the mean of `error_joules` (about 95 %); a perfect model has a ratio of
2 and 95 % of the truths inside. Run: python benchmarks/energy_model.py [--trials N] [--only TEXT]
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "derive"))

from sensors import Counter, Sensor, Wave, constant, polls, ramp, square, tape, telegraph

from perfwatch.derive.energy import device_energy
from perfwatch.derive.spans import Span

START_S = 8.0


class Case(NamedTuple):
    """A load, a sensor and how it is polled."""

    load: str
    wave: Callable[[random.Random], Wave]
    refresh_s: float
    window_s: float
    interval_s: float
    duration_s: float
    dither: float = 0.0
    outside_s: float = 0.0
    counter_s: float | None = None
    known: bool = True

    @property
    def name(self) -> str:
        how = f"T {self.refresh_s * 1e3:.0f} W {self.window_s * 1e3:.0f} ms"
        if self.counter_s is not None:
            how = f"counter {self.counter_s * 1e3:.0f} ms"
        extras = [
            word
            for word, said in (
                ("dither", self.dither),
                ("marks", self.outside_s),
                ("T, W unknown", not self.known),
            )
            if said
        ]
        when = f"each {self.interval_s:g} s, {self.duration_s:g} s"
        return ", ".join([self.load, how, when, *extras])


class Row(NamedTuple):
    """The outcome of many trials of a case."""

    true_j: float
    rms_j: float
    stated_j: float
    inside: float
    coverage: float

    @property
    def ratio(self) -> float:
        return self.stated_j / self.rms_j if self.rms_j > 0.01 else math.nan


def square_wave(period_s: float) -> Callable[[random.Random], Wave]:
    return lambda rng: square(100.0, 600.0, period_s, rng.random())


def random_wave(mean_s: float) -> Callable[[random.Random], Wave]:
    return lambda rng: telegraph(rng, (100.0, 300.0, 500.0, 600.0), mean_s)


def random_ramp(rng: random.Random) -> Wave:
    begin = START_S + rng.uniform(-2.0, 2.0)
    return ramp(100.0, 600.0, begin, begin + rng.uniform(8.0, 20.0))


def job_from_idle(rng: random.Random) -> Wave:
    """Idle until shortly after the window begins, busy to its end (6 s), idle again."""
    begin, end = START_S + rng.uniform(0.05, 0.5), START_S + 6.0 - rng.uniform(0.0, 0.05)
    return Wave([(0.0, 100.0), (begin, 100.0), (begin, 600.0), (end, 600.0), (end, 100.0), (60.0, 100.0)])


def targets() -> Iterator[Case]:
    """The four cases of the issue: a sensor that sees all the time."""
    for period_s in (0.5, 3.0):
        for interval_s in (0.1, 0.01):
            yield Case(f"square {period_s:g} s", square_wave(period_s), 0.1, 0.1, interval_s, 20.0)


def others() -> Iterator[Case]:
    """Loads and sensors as they are met."""
    yield Case("constant", lambda _: constant(400.0), 0.1, 0.1, 0.1, 20.0)
    for interval_s in (0.01, 0.1, 1.0):
        yield Case("ramp", random_ramp, 0.1, 0.1, interval_s, 20.0)
        yield Case("ramp", random_ramp, 0.1, 1.0, interval_s, 20.0)
    for mean_s in (0.1, 0.5, 3.0):
        for interval_s in (0.01, 0.1, 1.0):
            yield Case(f"random {mean_s:g} s", random_wave(mean_s), 0.1, 0.1, interval_s, 20.0)
    for mean_s in (0.5, 3.0):
        for interval_s in (0.1, 1.0):
            yield Case(f"random {mean_s:g} s", random_wave(mean_s), 0.1, 1.0, interval_s, 20.0)
            yield Case(f"random {mean_s:g} s", random_wave(mean_s), 0.1, 0.025, interval_s, 20.0)
            yield Case(f"random {mean_s:g} s", random_wave(mean_s), 0.02, 0.01, interval_s, 20.0)
    for duration_s in (1.0, 2.0, 5.0):
        yield Case("random 0.5 s", random_wave(0.5), 0.1, 0.1, 0.1, duration_s)
        yield Case("random 0.5 s", random_wave(0.5), 0.1, 1.0, 0.1, duration_s)
        yield Case("random 3 s", random_wave(3.0), 0.1, 0.1, 1.0, duration_s)
    for interval_s in (0.1, 1.0):
        yield Case("random 0.5 s", random_wave(0.5), 0.1, 0.1, interval_s, 10.0, outside_s=3.0)
        yield Case("random 0.5 s", random_wave(0.5), 0.1, 1.0, interval_s, 10.0, outside_s=3.0)
        yield Case("random 3 s", random_wave(3.0), 0.1, 0.1, interval_s, 10.0, known=False)
    for period_s in (0.5, 1.0, 3.0):  # power alone is read at any time of the period
        yield Case(f"square {period_s:g} s", square_wave(period_s), 0.1, 0.1, 1.0, 60.0, dither=0.5)
        yield Case(f"square {period_s:g} s", square_wave(period_s), 0.1, 0.025, 1.0, 60.0, dither=0.5)
    yield Case("random 0.5 s", random_wave(0.5), 0.1, 1.0, 1.0, 60.0, dither=0.125)
    yield Case("square 0.5 s", square_wave(0.5), 0.1, 0.025, 0.1, 20.0, dither=0.125)
    yield Case("square 3 s", square_wave(3.0), 0.1, 0.025, 0.1, 20.0)
    yield Case("square 3 s", square_wave(3.0), 0.1, 1.0, 1.0, 20.0)
    yield Case("square 3 s", square_wave(3.0), 0.1, 1.0, 0.1, 20.0)
    yield Case("square 1.7 s", square_wave(1.7), 0.1, 0.1, 0.1, 20.0)
    yield Case("square 0.13 s", square_wave(0.13), 0.1, 0.1, 0.1, 20.0)
    for interval_s in (0.1, 1.0):
        yield Case("job from idle", job_from_idle, 0.1, 0.1, interval_s, 6.0)
        yield Case("job from idle", job_from_idle, 0.1, 1.0, interval_s, 6.0)


def counters() -> Iterator[Case]:
    """The counter method; with marks the ends of the window lie between two readings too."""
    for period_s in (0.5, 3.0):
        yield Case(f"square {period_s:g} s", square_wave(period_s), 0.1, 0.1, 0.1, 20.0, counter_s=0.01)
        yield Case(f"square {period_s:g} s", square_wave(period_s), 0.1, 0.1, 0.1, 20.0, counter_s=0.1)
    yield Case("job from idle", job_from_idle, 0.1, 0.1, 1.0, 6.0, counter_s=0.1)
    yield Case("random 0.5 s", random_wave(0.5), 0.1, 0.1, 1.0, 10.0, counter_s=0.1)


def unseeable() -> Iterator[Case]:
    """Loads that repeat in step with the polls or the sensor: no model can tell from the readings."""
    yield Case("square 0.5 s", square_wave(0.5), 0.1, 0.1, 1.0, 20.0)
    yield Case("square 0.5 s", square_wave(0.5), 0.1, 0.025, 0.1, 20.0)
    yield Case("square 0.1 s", square_wave(0.1), 0.1, 0.025, 0.1, 20.0)
    yield Case("square 0.5 s", square_wave(0.5), 0.1, 1.0, 0.1, 20.0)


def any_load(rng: random.Random, period_s: float, *, round_s: bool) -> tuple[str, Callable[..., Wave]]:
    """A kind of load, with its period (or mean time between changes)."""
    duty = 0.5 if round_s else rng.uniform(0.2, 0.8)
    return rng.choice(
        [
            ("square", lambda r: square(100.0, 600.0, period_s, r.random(), duty)),
            ("random", random_wave(period_s)),
            ("ramp", random_ramp),
        ]
    )


def drawn(rng: random.Random, *, round_s: bool) -> Case:
    """A load, a sensor and a way to poll by chance; `round_s`: in round figures, which meet in step."""
    if round_s:
        period_s, interval_s = (
            rng.choice([0.2, 0.5, 1.0, 2.0, 3.0, 5.0]),
            rng.choice([0.05, 0.1, 0.2, 0.5, 1.0]),
        )
    else:
        period_s, interval_s = 0.15 * 40.0 ** rng.random(), 0.05 * 20.0 ** rng.random()
    load, wave = any_load(rng, period_s, round_s=round_s)
    refresh_s, window_s = rng.choice([(0.1, 0.1), (0.1, 0.025), (0.1, 1.0), (0.02, 0.01), (0.02, 0.0)])
    part_time = window_s < max(refresh_s, interval_s)
    duration_s = rng.choice([5.0, 10.0, 20.0, 30.0])
    return Case(load, wave, refresh_s, window_s, interval_s, duration_s, 0.25 if part_time else 0.0)


def judge_drawn(trials: int) -> None:
    """Many cases with a trial each, in shares of their energy."""
    for round_s in (False, True):
        rng = random.Random(7)
        shares: dict[str, list[tuple[float, float]]] = {}
        for _ in range(trials):
            case = drawn(rng, round_s=round_s)
            error_j, stated_j, true_j, _ = _trial(case, rng)
            for name in ("all", case.load, f"T {case.refresh_s * 1e3:.0f} W {case.window_s * 1e3:.0f} ms"):
                shares.setdefault(name, []).append((abs(error_j) / true_j, stated_j / true_j))
        for name, found in sorted(shares.items()):
            rms = math.sqrt(sum(error * error for error, _ in found) / len(found))
            stated = sum(share for _, share in found) / len(found)
            inside = sum(error <= share + 1e-6 for error, share in found) / len(found)
            title = f"{name}, {'round figures' if round_s else 'any figures'}"
            print(f"{title:68}{len(found):8}{rms:8.2%}{stated:8.2%}{stated / rms:7.2f}{inside:8.1%}")


def measure(case: Case, trials: int) -> Row:
    """Run a case many times, with a load, a sensor's phase and polls of its own each."""
    rng = random.Random(case.name)
    outcomes = [_trial(case, rng) for _ in range(trials)]
    errors = [error for error, _, _, _ in outcomes]
    return Row(
        true_j=sum(true for _, _, true, _ in outcomes) / trials,
        rms_j=math.sqrt(sum(error * error for error in errors) / trials),
        stated_j=sum(stated for _, stated, _, _ in outcomes) / trials,
        inside=sum(abs(error) <= stated + 1e-3 for error, stated, _, _ in outcomes) / trials,
        coverage=min(coverage for _, _, _, coverage in outcomes),
    )


def _trial(case: Case, rng: random.Random) -> tuple[float, float, float, float]:
    wave, end = case.wave(rng), START_S + case.duration_s
    times = polls(
        rng,
        case.interval_s,
        START_S,
        end,
        jitter_s=rng.uniform(0.0001, 0.0005),
        dither=case.dither,
        before_s=case.outside_s,
        after_s=case.outside_s,
    )
    sensor = Sensor(case.refresh_s, case.window_s, rng.random(), case.known)
    counter = Counter(case.counter_s, rng.random()) if case.counter_s is not None else None
    device = tape(wave, times, power=sensor, counter=counter)
    found = device_energy(device, [Span(START_S, end)], interval_s=case.interval_s)
    assert found is not None
    assert found.joules is not None
    assert found.error is not None
    true = wave.energy(end) - wave.energy(START_S)
    return found.joules - true, found.error.expanded(), true, found.coverage


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--only", default="", metavar="TEXT", help="only the cases whose name contains it")
    options = parser.parse_args()
    for title, cases in (
        ("Targets of the issue", targets()),
        ("Other loads and sensors", others()),
        ("Energy counters", counters()),
        ("In step: not to be seen in the readings", unseeable()),
    ):
        print(f"\n{title}\n{'':68}{'true J':>8}{'rms J':>8}{'stated':>8}{'ratio':>7}{'inside':>8}")
        for case in cases:
            if options.only in case.name:
                row = measure(case, options.trials)
                print(
                    f"{case.name:68}{row.true_j:8.0f}{row.rms_j:8.2f}{row.stated_j:8.2f}{row.ratio:7.2f}{row.inside:8.1%}",
                    flush=True,
                )

    if not options.only:
        print(f"\nDrawn by chance\n{'':68}{'trials':>8}{'rms':>8}{'stated':>8}{'ratio':>7}{'inside':>8}")
        judge_drawn(10 * options.trials)


if __name__ == "__main__":
    main()
