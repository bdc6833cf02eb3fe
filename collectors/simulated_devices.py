"""What do a simulated accelerator and a simulated server tell at a time?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from perfwatch_collectors.simulated_waves import load_of

from perfwatch import metrics
from perfwatch.model import Device, DeviceKind, Histogram, Sample, Scope, Value

MEMORY_BYTES = 80 * 2**30
AIR_CELSIUS = 30.0
CELSIUS_PER_WATT = 0.07
_HEAT_TIME_S = 12.0
IDLE_CLOCK_HZ, TOP_CLOCK_HZ = 0.6e9, 1.98e9
MEMORY_CLOCK_HZ = 2.619e9
QUERIES_AT_ONCE = 8
TOKENS_MU, TOKENS_SIGMA = 5.3, 0.5
"""The tokens of an answer are distributed lognormally."""

CHIP_METRICS = (
    metrics.POWER.observed(update_s=0.0, window_s=0.0),
    metrics.ENERGY.observed(update_s=0.0),
    metrics.UTILIZATION,
    metrics.MEMORY_USED,
    metrics.MEMORY_TOTAL,
    metrics.TEMPERATURE,
    metrics.SM_CLOCK,
    metrics.MEMORY_CLOCK,
)
WORK_METRICS = (
    metrics.QUERIES,
    metrics.PROMPT_TOKENS,
    metrics.GENERATED_TOKENS,
    metrics.RUNNING,
    metrics.WAITING,
    metrics.LATENCY,
)


@dataclass(frozen=True)
class SimulatedOptions:
    """How many devices, and what they do.

    Args:
        devices: number of accelerators.
        seed: another seed gives other curves, queries and latencies.
        work: whether a simulated server counts queries and tokens.
        idle_w: power of a device that does nothing, W.
        peak_w: power of a device at full load, W.
        queries_per_s: what one device answers at full load.
        story_s: the story of the demo (warm-up, a throttle, a lost device, a neighbour) in so many seconds;
            0 for none.
    """

    devices: int = 4
    seed: int = 1
    work: bool = True
    idle_w: float = 90.0
    peak_w: float = 650.0
    queries_per_s: float = 6.0
    story_s: float = 0.0


class Chip:
    """One simulated accelerator: every quantity at any time since the collector was opened."""

    def __init__(self, options: SimulatedOptions, number: int) -> None:
        self.load = load_of(options.seed, number)
        self.power_w = self.load.scaled(options.peak_w - options.idle_w, options.idle_w)
        self.temperature_celsius = self.power_w.scaled(CELSIUS_PER_WATT, AIR_CELSIUS).lagging(_HEAT_TIME_S)
        self.device = Device(
            id=f"SIM-{options.seed}-{number}",
            name="Simulated accelerator",
            kind=DeviceKind.ACCELERATOR,
            index=number,
            metrics=CHIP_METRICS,
            scope=Scope.ACCELERATOR,
            facts={"simulated": True, "power_limit_watts": options.peak_w},
        )

    def energy_j(self, t_s: float) -> float:
        """Energy since the collector was opened, J; exact."""
        return self.power_w.integral(t_s)

    def sample(self, t_s: float) -> Sample:
        """Everything at one time."""
        load = self.load.at(t_s)
        values: tuple[Value, ...] = (
            self.power_w.at(t_s),
            self.energy_j(t_s),
            load,
            round(MEMORY_BYTES * (0.62 + 0.2 * load)),
            MEMORY_BYTES,
            self.temperature_celsius.at(t_s),
            IDLE_CLOCK_HZ + (TOP_CLOCK_HZ - IDLE_CLOCK_HZ) * min(1.0, 1.5 * load),
            MEMORY_CLOCK_HZ,
        )
        return Sample(self.device.id, values)


class Server:
    """A simulated server: it answers as many queries as the integral of its devices' load allows.

    Query number n always has the same tokens and latency, however often somebody looks.
    """

    def __init__(self, options: SimulatedOptions, chips: Sequence[Chip]) -> None:
        self._chips = chips
        self._queries_per_s = options.queries_per_s
        self._draw = Random(f"queries {options.seed}")  # noqa: S311 - no secret
        self._queries = 0
        self._prompt_tokens = 0
        self._generated_tokens = 0
        self.device = Device(
            id=f"SIM-{options.seed}-work",
            name="Simulated server",
            kind=DeviceKind.WORKLOAD,
            index="work",
            metrics=WORK_METRICS,
            facts={"simulated": True, "work": "simulated"},
        )

    def queries_by(self, t_s: float) -> int:
        """How many queries are answered by a time."""
        return int(self._queries_per_s * sum(chip.load.integral(t_s) for chip in self._chips))

    def sample(self, t_s: float) -> Sample:
        """Counters at a time, and the latencies of what was answered since the sample before."""
        latencies_s = [self._answer() for _ in range(self.queries_by(t_s) - self._queries)]
        self._queries += len(latencies_s)
        busy = sum(chip.load.at(t_s) for chip in self._chips)
        values: tuple[Value, ...] = (
            self._queries,
            self._prompt_tokens,
            self._generated_tokens,
            round(busy * QUERIES_AT_ONCE),
            round(2 * max(0.0, busy - 0.7 * len(self._chips))),
            histogram(latencies_s),
        )
        return Sample(self.device.id, values)

    def _answer(self) -> float:
        """Answer the next query; its latency in seconds grows with the tokens it generates."""
        tokens = min(2048, max(1, round(self._draw.lognormvariate(TOKENS_MU, TOKENS_SIGMA))))
        self._prompt_tokens += self._draw.randint(64, 1024)
        self._generated_tokens += tokens
        return 0.15 + tokens * 0.006 * self._draw.lognormvariate(0.0, 0.15)


def histogram(values: Sequence[float]) -> Histogram | None:
    """Observations in the buckets of `Histogram`; `None` if there are none."""
    if not values:
        return None
    buckets: dict[int, int] = {}
    zero = 0
    for value in values:
        if value <= 0:
            zero += 1
            continue
        index = math.ceil(math.log2(value) * 128) - 1
        buckets[index] = buckets.get(index, 0) + 1
    return Histogram(len(values), math.fsum(values), min(values), max(values), buckets, zero)
