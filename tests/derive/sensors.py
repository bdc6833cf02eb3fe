"""Simulated power and the sensors that read it: a truth that is known exactly, and what a poll sees of it."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from perfwatch.derive.tape import DeviceTape, Series
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind, Metric, Scope


class Wave:
    """Power over time, linear between corners; its energy is exact.

    `corners` are (time, watts); a jump is two corners at one time. Before the first and after the last
    one the power stays.
    """

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        self.times = [t for t, _ in corners]
        self.watts = [w for _, w in corners]
        self.joules = [0.0]
        for (t0, w0), (t1, w1) in pairwise(corners):
            self.joules.append(self.joules[-1] + (t1 - t0) * (w0 + w1) / 2)

    def energy(self, t: float) -> float:
        """Joules from the first corner to `t`."""
        i = bisect_right(self.times, t) - 1
        if i < 0:
            return (t - self.times[0]) * self.watts[0]
        if i == len(self.times) - 1:
            return self.joules[i] + (t - self.times[i]) * self.watts[i]
        dt = t - self.times[i]
        slope = (self.watts[i + 1] - self.watts[i]) / (self.times[i + 1] - self.times[i])
        return self.joules[i] + dt * (self.watts[i] + slope * dt / 2)

    def watts_at(self, t: float) -> float:
        i = min(max(bisect_right(self.times, t) - 1, 0), len(self.times) - 1)
        if i == len(self.times) - 1 or t <= self.times[0]:
            return self.watts[i]
        share = (t - self.times[i]) / (self.times[i + 1] - self.times[i])
        return self.watts[i] + share * (self.watts[i + 1] - self.watts[i])


def constant(watts: float) -> Wave:
    return Wave([(0.0, watts), (1.0, watts)])


def square(
    low: float, high: float, period_s: float, phase: float, duty: float = 0.5, until_s: float = 80.0
) -> Wave:
    """High for the share `duty` of the time; `phase` in periods. Begins before time zero."""
    corners: list[tuple[float, float]] = []
    start = -(phase % 1.0) * period_s - 4 * math.ceil(4.0 / period_s) * period_s
    while start < until_s:
        middle, end = start + period_s * (1.0 - duty), start + period_s
        corners += [(start, low), (middle, low), (middle, high), (end, high)]
        start = end
    return Wave(corners)


def telegraph(rng: random.Random, levels: Sequence[float], mean_s: float, until_s: float = 80.0) -> Wave:
    """Stays on a random level for a random time."""
    corners: list[tuple[float, float]] = []
    t = -10.0
    while t < until_s:
        watts, end = rng.choice(levels), t + rng.expovariate(1 / mean_s) + 1e-4
        corners += [(t, watts), (end, watts)]
        t = end
    return Wave(corners)


def ramp(start_w: float, end_w: float, start_s: float, end_s: float) -> Wave:
    return Wave([(start_s - 20.0, start_w), (start_s, start_w), (end_s, end_w), (end_s + 20.0, end_w)])


@dataclass(frozen=True)
class Sensor:
    """Renews its value every `refresh_s`, as the average over the last `window_s` (0: of the instant).

    `phase` in refresh periods; `known` says whether the metric declares both.
    """

    refresh_s: float
    window_s: float
    phase: float = 0.0
    known: bool = True

    def read(self, wave: Wave, t: float) -> float:
        at = (math.floor(t / self.refresh_s - self.phase) + self.phase) * self.refresh_s
        if self.window_s <= 0.0:
            return wave.watts_at(at)
        return (wave.energy(at) - wave.energy(at - self.window_s)) / self.window_s

    def metric(self) -> Metric:
        return POWER.observed(update_s=self.refresh_s, window_s=self.window_s) if self.known else POWER


@dataclass(frozen=True)
class Counter:
    """Counts joules, renewed every `refresh_s` (0: always), from `offset_j` on."""

    refresh_s: float
    phase: float = 0.0
    offset_j: float = 1000.0
    declared_s: float | None = None

    def read(self, wave: Wave, t: float) -> float:
        if self.refresh_s > 0.0:
            t = (math.floor(t / self.refresh_s - self.phase) + self.phase) * self.refresh_s
        return wave.energy(t) - wave.energy(-8.0) + self.offset_j

    def metric(self) -> Metric:
        return ENERGY.observed(update_s=self.declared_s if self.declared_s is not None else self.refresh_s)


def polls(
    rng: random.Random,
    interval_s: float,
    start: float,
    end: float,
    *,
    jitter_s: float = 0.0003,
    dither: float = 0.0,
    before_s: float = 0.0,
    after_s: float = 0.0,
) -> list[float]:
    """When a runner reads: at both ends of the window, and on ticks of its own between and around them.

    `dither` moves each tick at random by up to so many intervals; `before_s` and `after_s` say how long it
    watches outside the window.
    """
    times = [start, end]
    tick = start - before_s + rng.uniform(0.0, interval_s)
    while tick < end + after_s:
        times.append(tick + abs(rng.gauss(0.0, jitter_s)) + rng.uniform(-dither, dither) * interval_s)
        tick += interval_s
    return sorted(t for t in times if start - before_s <= t <= end + after_s)


def tape(
    wave: Wave,
    times: Sequence[float],
    *,
    power: Sensor | None = None,
    counter: Counter | None = None,
    collector: str = "nvidia",
) -> DeviceTape:
    """What a session records of a device."""
    sources: list[tuple[Metric, Callable[[Wave, float], float]]] = []
    if power is not None:
        sources.append((power.metric(), power.read))
    if counter is not None:
        sources.append((counter.metric(), counter.read))
    metrics = tuple(metric for metric, _ in sources)
    device = Device("GPU-1", "Simulated", DeviceKind.ACCELERATOR, 0, metrics, Scope.ACCELERATOR)
    found = DeviceTape(1, collector, device, "here")
    for t in times:
        found.take(round(t, 6), [round(read(wave, t), 6) for _, read in sources])
    return found


def series(
    points: Sequence[tuple[float, float]], metric: Metric = ENERGY, wraps_at: float | None = None
) -> Series:
    """A series out of (time, value)."""
    made = Series(replace(metric, wraps_at=wraps_at))
    for t, value in points:
        made.times.append(t)
        made.values.append(value)
    return made


def device(
    power: Sequence[tuple[float, float]] = (),
    energy: Sequence[tuple[float, float]] = (),
    *,
    power_metric: Metric = POWER,
    energy_metric: Metric = ENERGY,
    collector: str = "nvidia",
    facts: dict[str, float] | None = None,
) -> DeviceTape:
    """A device with the given readings of power and energy."""
    metrics = (power_metric, energy_metric)
    found = DeviceTape(
        1, collector, Device("d", "D", DeviceKind.ACCELERATOR, 0, metrics, facts=facts or {}), "here"
    )
    for name, metric, points in (
        ("power_watts", power_metric, power),
        ("energy_joules_total", energy_metric, energy),
    ):
        if points:
            found.series[name] = series(points, metric, metric.wraps_at)
    return found
