"""What would accelerators and a model server tell whose energy and work are known beforehand?

Nothing is measured: power, energy and work are closed functions of time, so that a figure which comes out
at the far end of perfwatch can be held against the truth. For demos, load tests and docs; only on request.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from perfwatch import metrics
from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, DeviceGone
from perfwatch.model import Device, DeviceKind, Histogram, Reading, Sample, Scope, Value

_MEMORY_BYTES = 80 * 2**30
_AIR_CELSIUS = 30.0
_CELSIUS_PER_WATT = 0.07
_HEAT_TIME_S = 12.0
_IDLE_CLOCK_HZ, _TOP_CLOCK_HZ = 0.6e9, 1.98e9
_MEMORY_CLOCK_HZ = 2.619e9
_QUERIES_AT_ONCE = 8

_CHIP_METRICS = (
    metrics.POWER.observed(update_s=0.0, window_s=0.0),
    metrics.ENERGY.observed(update_s=0.0),
    metrics.UTILIZATION,
    metrics.MEMORY_USED,
    metrics.MEMORY_TOTAL,
    metrics.TEMPERATURE,
    metrics.SM_CLOCK,
    metrics.MEMORY_CLOCK,
)
_WORK_METRICS = (
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
    """

    devices: int = 4
    seed: int = 1
    work: bool = True
    idle_w: float = 90.0
    peak_w: float = 650.0
    queries_per_s: float = 6.0


@dataclass(frozen=True)
class Wave:
    """A quantity `mean + sum(a * sin(w * t + p))` over time t in seconds, with its exact integral.

    Args:
        mean: the constant part.
        terms: amplitude a, angular frequency w in 1/s (not zero) and phase p of each sine.
    """

    mean: float
    terms: tuple[tuple[float, float, float], ...] = ()

    def at(self, t_s: float) -> float:
        """The value at a time."""
        return self.mean + sum(a * math.sin(w * t_s + p) for a, w, p in self.terms)

    def integral(self, t_s: float) -> float:
        """The integral from 0 to `t_s`: the antiderivative of each sine is -cos/w."""
        return self.mean * t_s + sum(a / w * (math.cos(p) - math.cos(w * t_s + p)) for a, w, p in self.terms)

    def scaled(self, factor: float, offset: float = 0.0) -> Wave:
        """`offset + factor * self`."""
        return Wave(offset + factor * self.mean, tuple((factor * a, w, p) for a, w, p in self.terms))

    def lagging(self, time_s: float) -> Wave:
        """What a first-order lag with this time constant makes of it, once settled.

        A sine of angular frequency w comes out sqrt(1 + (w T)^2) times smaller and atan(w T) later.
        """
        return Wave(
            self.mean,
            tuple((a / math.hypot(1.0, w * time_s), w, p - math.atan(w * time_s)) for a, w, p in self.terms),
        )


def load_of(seed: int, number: int) -> Wave:
    """The load of a device, always within 0.1 and 0.98: a slow swing, a batch's rhythm, and a ripple."""
    draw = Random(f"load {seed} {number}")  # noqa: S311 - a curve, no secret
    mean = draw.uniform(0.6, 0.66)
    amplitudes_and_periods = (
        (draw.uniform(0.12, 0.20), draw.uniform(25.0, 40.0)),
        (draw.uniform(0.05, 0.08), draw.uniform(4.0, 7.0)),
        (draw.uniform(0.01, 0.04), draw.uniform(0.7, 1.3)),
    )
    turn = 2 * math.pi
    return Wave(
        mean, tuple((a, turn / period, draw.uniform(0, turn)) for a, period in amplitudes_and_periods)
    )


class Chip:
    """One simulated accelerator: every quantity at any time since the collector was opened."""

    def __init__(self, options: SimulatedOptions, number: int) -> None:
        self.load = load_of(options.seed, number)
        self.power_w = self.load.scaled(options.peak_w - options.idle_w, options.idle_w)
        self.temperature_celsius = self.power_w.scaled(_CELSIUS_PER_WATT, _AIR_CELSIUS).lagging(_HEAT_TIME_S)
        self.device = Device(
            id=f"SIM-{options.seed}-{number}",
            name="Simulated accelerator",
            kind=DeviceKind.ACCELERATOR,
            index=number,
            metrics=_CHIP_METRICS,
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
            round(_MEMORY_BYTES * (0.62 + 0.2 * load)),
            _MEMORY_BYTES,
            self.temperature_celsius.at(t_s),
            _IDLE_CLOCK_HZ + (_TOP_CLOCK_HZ - _IDLE_CLOCK_HZ) * min(1.0, 1.5 * load),
            _MEMORY_CLOCK_HZ,
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
            metrics=_WORK_METRICS,
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
            round(busy * _QUERIES_AT_ONCE),
            round(2 * max(0.0, busy - 0.7 * len(self._chips))),
            histogram(latencies_s),
        )
        return Sample(self.device.id, values)

    def _answer(self) -> float:
        """Answer the next query; its latency in seconds grows with the tokens it generates."""
        tokens = min(2048, max(1, round(self._draw.lognormvariate(5.3, 0.5))))
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


class SimulatedCollector(Collector):
    """Simulated accelerators, and a simulated server that they work for.

    Raises:
        ConfigError: an option makes no sense.
    """

    name = "simulated"
    about = "simulated accelerators with a known energy and a simulated server"
    Options = SimulatedOptions

    def __init__(self, options: SimulatedOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        _check(self.options)
        self._clock = clock if clock is not None else SystemClock()
        self._opened_ns = 0
        self._sources: dict[str, Chip | Server] = {}

    def open(self) -> Sequence[Device]:
        """Declare the devices; time 0 of every curve is now."""
        options: SimulatedOptions = self.options
        chips = [Chip(options, number) for number in range(options.devices)]
        sources: list[Chip | Server] = [*chips]
        if options.work:
            sources.append(Server(options, chips))
        self._sources = {source.device.id: source for source in sources}
        self._opened_ns = self._clock.monotonic_ns()
        return [source.device for source in sources]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Each device at the moment of its own read, stamped with exactly that moment."""
        for device in devices:
            source = self._sources.get(device.id)
            if source is None:
                raise DeviceGone(device.id, f"{device.id} is not simulated here")
            now_ns = self._clock.monotonic_ns()
            yield source.sample((now_ns - self._opened_ns) * 1e-9)._replace(at_ns=now_ns)


def _check(options: SimulatedOptions) -> None:
    if not 1 <= options.devices <= 4096:
        raise ConfigError(
            f"cannot simulate {options.devices} devices: type a number from 1 to 4096, "
            "as in -c simulated:devices=4"
        )
    if not 0 <= options.idle_w <= options.peak_w < math.inf:
        raise ConfigError(
            f"cannot simulate an idle power of {options.idle_w} W under a peak of {options.peak_w} W: "
            "type idle_w from 0 to peak_w, as in -c simulated:idle_w=90,peak_w=650"
        )
    if not 0 <= options.queries_per_s <= 100_000:
        raise ConfigError(
            f"cannot simulate {options.queries_per_s} queries a second: type a number from 0 to 100000, "
            "as in -c simulated:queries_per_s=6"
        )
