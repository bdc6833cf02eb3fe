"""What happens in the demo, and when? Warm-up, measuring, a throttle, a lost device, a neighbour.

All of it stays a closed function of time, as with the plain simulated devices: what a device drew and what
the server answered is known exactly for every span, whatever happened in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from perfwatch_collectors.simulated_devices import (
    AIR_CELSIUS,
    CELSIUS_PER_WATT,
    CHIP_METRICS,
    IDLE_CLOCK_HZ,
    MEMORY_BYTES,
    MEMORY_CLOCK_HZ,
    QUERIES_AT_ONCE,
    TOKENS_MU,
    TOKENS_SIGMA,
    TOP_CLOCK_HZ,
    WORK_METRICS,
    Chip,
    Server,
    SimulatedOptions,
    histogram,
)
from perfwatch_collectors.simulated_waves import Course, LaggingCourse, Wave

from perfwatch.metrics import THROTTLE_REASONS, TIME_TO_FIRST_TOKEN, work_gauge
from perfwatch.model import Appeared, Device, DeviceKind, Gone, Reading, Sample, Scope, Table, Value

MINUTE_S = 60.0
"""The times below are those of a story of one minute; a longer or shorter one is stretched."""
WARMUP, MEASURE = (3.0, 11.0), (12.0, 57.0)
_HEAT_TIME_S = 8.0
_THERMAL = 0x20
"""NVML's bit for clocks that software slows down because of heat."""
_SERVED = (
    (0.0, 0.0, 0.02),
    (1.2, 0.0, 0.12),
    (3.0, 0.35, 0.0),
    (5.0, 0.7, 0.0),
    (7.0, 1.0, 0.0),
    (57.0, 0.0, 0.1),
    (58.2, 0.0, 0.02),
)
"""From when on which share of the load is served, and which load lies beside it (weights, results)."""

JOB_PID, WORKER_PID, NEIGHBOUR_PID = 41_000, 41_001, 52_417
"""Beyond what is usual on a machine; workers count upwards."""
_HOST_COLUMNS = ("pid", "ppid", "name", "user", "cpu_ratio", "rss_bytes", "started")
_DEVICE_COLUMNS = ("pid", "memory_bytes", "type")
_TABLES_S = 1.0


@dataclass(frozen=True)
class Episode:
    """Something that happens to one device.

    Args:
        chip: the device's number.
        start_s: when, of a story of a minute.
        end_s: until when.
        serves: the share of its load that is left for the server.
        beside: load of somebody else.
        clock: the share of the clock that is left.
        reasons: why clocks are reduced.
        celsius_per_watt: how badly it is cooled.
        lost: nothing can be read.
        slowed: so many times longer take the queries of the share `touches`.
        touches: the share of the queries that notice.
    """

    chip: int
    start_s: float
    end_s: float
    serves: float = 1.0
    beside: float = 0.0
    clock: float = 1.0
    reasons: int = 0
    celsius_per_watt: float = CELSIUS_PER_WATT
    lost: bool = False
    slowed: float = 1.0
    touches: float = 0.0


class Story:
    """A story over so many devices.

    Args:
        options: `story_s` is how long it takes.
    """

    def __init__(self, options: SimulatedOptions) -> None:
        self.duration_s = options.story_s
        self.job_pid = JOB_PID
        self._options = options
        self._scale = options.story_s / MINUTE_S
        self.warmup_s, self.measure_s = self._stretched(WARMUP), self._stretched(MEASURE)
        """When these phases begin and end, seconds since the start."""
        self.hot, self.lost, self.shared = (number % options.devices for number in (5, 2, 6))
        """The devices to which things happen, by their number."""
        self.episodes = self._episodes()
        self.chips = [
            PlayedChip(options, number, self._mine(number), self._scale) for number in range(options.devices)
        ]
        self.server = PlayedServer(options, self.chips, self.episodes, self.duration_s)
        self._absent: set[str] = set()
        self._told_s = -math.inf
        self._began_s = 0.0

    def _episodes(self) -> tuple[Episode, ...]:
        """What happens, in order."""
        share = 1 / self._options.devices
        told = (
            Episode(self.hot, 16.0, 35.0, celsius_per_watt=0.115),
            Episode(
                self.hot, 25.0, 33.0, serves=0.55, clock=0.6, reasons=_THERMAL, slowed=1.8, touches=share
            ),
            Episode(self.lost, 40.0, 45.0, serves=0.0, lost=True, slowed=1.15, touches=1.0),
            Episode(self.shared, 48.0, 55.0, serves=0.7, beside=0.25, slowed=1.4, touches=share),
        )
        return tuple(self._placed(one) for one in told)

    def _placed(self, one: Episode) -> Episode:
        start_s, end_s = self._stretched((one.start_s, one.end_s))
        return Episode(**{**one.__dict__, "start_s": start_s, "end_s": end_s})

    def _stretched(self, span: tuple[float, float]) -> tuple[float, float]:
        return span[0] * self._scale, span[1] * self._scale

    def _mine(self, number: int) -> tuple[Episode, ...]:
        return tuple(one for one in self.episodes if one.chip == number)

    @property
    def throttle_s(self) -> tuple[float, float]:
        """When a device is too hot."""
        return next((one.start_s, one.end_s) for one in self.episodes if one.reasons)

    @property
    def loss_s(self) -> tuple[float, float]:
        """When a device is lost."""
        return next((one.start_s, one.end_s) for one in self.episodes if one.lost)

    @property
    def neighbour_s(self) -> tuple[float, float]:
        """When somebody else uses a device."""
        return next((one.start_s, one.end_s) for one in self.episodes if one.beside)

    # -- as a collector tells it -------------------------------------------------------------------

    def sources(self) -> list[Chip | Server]:
        """What can be read."""
        return [*self.chips, self.server] if self._options.work else [*self.chips]

    def begin(self, time_s: float) -> None:
        """It begins now, in seconds since 1970."""
        self._began_s = time_s

    def happenings(self, t_s: float) -> Iterator[Reading]:
        """What else there is to tell at a time: devices that go and come back, processes."""
        for chip in self.chips:
            yield from self._presence(chip, t_s)
        if t_s - self._told_s >= _TABLES_S:
            self._told_s = t_s
            yield from self._tables(t_s)

    def present(self, devices: Sequence[Device]) -> list[Device]:
        """Those of these devices that can be read."""
        return [device for device in devices if device.id not in self._absent]

    def _presence(self, chip: PlayedChip, t_s: float) -> Iterator[Reading]:
        known, lost = chip.device.id, chip.is_lost(t_s)
        if lost and known not in self._absent:
            self._absent.add(known)
            yield Gone(known, "it does not answer: fallen off the bus (simulated)")
        elif not lost and known in self._absent:
            self._absent.discard(known)
            yield Appeared(chip.device)

    def is_of_the_job(self, pid: int) -> bool:
        """Whether a process belongs to the simulated benchmark."""
        return JOB_PID <= pid < WORKER_PID + len(self.chips)

    def _tables(self, t_s: float) -> Iterator[Reading]:
        neighbours = self.neighbour_s[0] <= t_s < self.neighbour_s[1]
        for number, chip in enumerate(self.chips):
            rows = [(WORKER_PID + number, chip.memory_bytes(t_s), "compute")]
            if neighbours and number == self.shared:
                rows.append((NEIGHBOUR_PID, 6 * 2**30, "compute"))
            if chip.device.id not in self._absent:
                yield Table("processes", _DEVICE_COLUMNS, rows, chip.device.id)
        yield Table("processes", _HOST_COLUMNS, self._host_rows(t_s, neighbours=neighbours))

    def _host_rows(self, t_s: float, *, neighbours: bool) -> list[tuple[object, ...]]:
        began = round(self._began_s, 2)
        rows: list[tuple[object, ...]] = [
            (JOB_PID, None, "benchmark", "you", round(0.3 + 0.05 * math.sin(t_s), 4), 2 * 2**30, began)
        ]
        for number, chip in enumerate(self.chips):
            cpu = round(0.2 + 0.7 * chip.served.at(t_s), 1)
            rows.append((WORKER_PID + number, JOB_PID, f"worker-{number}", "you", cpu, 9 * 2**30, began))
        if neighbours:
            since = round(self._began_s + self.neighbour_s[0], 2)
            rows.append((NEIGHBOUR_PID, None, "notebook", "guest", 0.9731, 3 * 2**30, since))
        return rows


def load_in_story(seed: int, number: int) -> Wave:
    """The load of a device at full service: steadier than a plain one, so that what happens stands out."""
    draw = Random(f"story {seed} {number}")  # noqa: S311 - a curve, no secret
    turn = 2 * math.pi
    swings = ((draw.uniform(0.02, 0.035), draw.uniform(6.0, 11.0)), (0.012, draw.uniform(0.9, 1.7)))
    terms = tuple((a, turn / period, draw.uniform(0, turn)) for a, period in swings)
    return Wave(draw.uniform(0.83, 0.86), terms)


class PlayedChip(Chip):
    """A simulated accelerator to which things happen.

    Args:
        options: of all devices.
        number: which one.
        episodes: what happens to it.
        scale: how much longer than a minute the story takes.
    """

    def __init__(
        self, options: SimulatedOptions, number: int, episodes: Sequence[Episode], scale: float
    ) -> None:
        super().__init__(options, number)
        self.load = load_in_story(options.seed, number)
        self._episodes = episodes
        self._scale = scale
        starts = self._starts()
        self.served = Course([(start_s, self._served(start_s)) for start_s in starts])
        """The load that the server's queries make, of 1."""
        busy = [(start_s, self._busy(start_s)) for start_s in starts]
        self.busy = Course(busy)
        span_w = options.peak_w - options.idle_w
        power = [(start_s, wave.scaled(span_w, options.idle_w)) for start_s, wave in busy]
        self.drawn_w = Course(power)
        self._heat = self._heat_of(power, options.idle_w)
        self.device = Device(
            id=self.device.id,
            name="SIMULATED accelerator",
            kind=DeviceKind.ACCELERATOR,
            index=number,
            metrics=(*CHIP_METRICS, THROTTLE_REASONS),
            scope=Scope.ACCELERATOR,
            facts={"simulated": True, "power_limit_watts": options.peak_w},
        )

    def _starts(self) -> list[float]:
        changes = [start_s * self._scale for start_s, _, _ in _SERVED]
        for one in self._episodes:
            changes += [one.start_s, one.end_s]
        return sorted(set(changes))

    def _running(self, t_s: float) -> list[Episode]:
        return [one for one in self._episodes if one.start_s <= t_s < one.end_s]

    def _asked(self, t_s: float) -> tuple[float, float]:
        """The share of the load that is to be served, and the load beside it."""
        reached = (one for one in reversed(_SERVED) if one[0] * self._scale <= t_s)
        _, share, beside = next(reached)
        return share, beside

    def _served(self, t_s: float) -> Wave:
        share = math.prod([self._asked(t_s)[0], *(one.serves for one in self._running(t_s))])
        return self.load.scaled(share)

    def _busy(self, t_s: float) -> Wave:
        running = self._running(t_s)
        beside = self._asked(t_s)[1] + sum(one.beside for one in running)
        if any(one.lost for one in running):
            return Wave(0.0)
        return self._served(t_s).scaled(1.0, beside)

    def _heat_of(self, power: Sequence[tuple[float, Wave]], idle_w: float) -> LaggingCourse:
        warmth = [
            (start_s, wave.scaled(self._celsius_per_watt(start_s), AIR_CELSIUS)) for start_s, wave in power
        ]
        return Course(warmth).lagging(_HEAT_TIME_S * self._scale, AIR_CELSIUS + CELSIUS_PER_WATT * idle_w)

    def _celsius_per_watt(self, t_s: float) -> float:
        return max([CELSIUS_PER_WATT, *(one.celsius_per_watt for one in self._running(t_s))])

    def is_lost(self, t_s: float) -> bool:
        """Whether it cannot be read."""
        return any(one.lost for one in self._running(t_s))

    def short_by(self, t_s: float) -> float:
        """The load that it should serve and does not, of 1."""
        return self._asked(t_s)[0] * self.load.at(t_s) - self.served.at(t_s)

    def energy_j(self, t_s: float) -> float:
        """Energy since the collector was opened, J; exact."""
        return self.drawn_w.integral(t_s)

    def memory_bytes(self, t_s: float) -> int:
        """What the job's worker holds: weights, then a cache that fills."""
        loaded = min(1.0, t_s / (WARMUP[0] * self._scale))
        return round(MEMORY_BYTES * (0.04 + 0.58 * loaded + 0.2 * self.served.at(t_s)))

    def sample(self, t_s: float) -> Sample:
        """Everything at one time."""
        running = self._running(t_s)
        busy = self.busy.at(t_s)
        clock = math.prod(one.clock for one in running)
        neighbour = 6 * 2**30 if any(one.beside for one in running) else 0
        values: tuple[Value, ...] = (
            self.drawn_w.at(t_s),
            self.energy_j(t_s),
            busy,
            self.memory_bytes(t_s) + neighbour,
            MEMORY_BYTES,
            self._heat.at(t_s),
            (IDLE_CLOCK_HZ + (TOP_CLOCK_HZ - IDLE_CLOCK_HZ) * min(1.0, 2.0 * busy)) * clock,
            MEMORY_CLOCK_HZ,
            sum(one.reasons for one in running),
        )
        return Sample(self.device.id, values)


class PlayedServer(Server):
    """A simulated server that knows how many queries there will be, and slows down with its devices."""

    def __init__(
        self,
        options: SimulatedOptions,
        chips: Sequence[PlayedChip],
        episodes: Sequence[Episode],
        duration_s: float,
    ) -> None:
        super().__init__(options, chips)
        self._played = chips
        self._luck = Random(f"luck {options.seed}")  # noqa: S311 - no secret
        self._slow = [
            (self.queries_by(one.start_s), self.queries_by(one.end_s), one) for one in episodes if one.touches
        ]
        self.expected = self.queries_by(duration_s)
        """So many queries there will be."""
        mean = math.exp(TOKENS_MU + TOKENS_SIGMA**2 / 2)
        self._expected_tokens = round(self.expected * mean)
        self.device = Device(
            id=self.device.id,
            name="SIMULATED server",
            kind=DeviceKind.WORKLOAD,
            index="work",
            metrics=(
                *WORK_METRICS,
                TIME_TO_FIRST_TOKEN,
                work_gauge("queries_expected"),
                work_gauge("generated_tokens_expected"),
            ),
            facts={"simulated": True, "work": "simulated"},
        )

    def queries_by(self, t_s: float) -> int:
        """How many queries are answered by a time."""
        return int(self._queries_per_s * sum(chip.served.integral(t_s) for chip in self._played))

    def sample(self, t_s: float) -> Sample:
        """Counters at a time, and the timings of what was answered since the sample before."""
        answered = range(self._queries, max(self._queries, self.queries_by(t_s)))
        timings_s = [self._timing(number) for number in answered]
        self._queries = answered.stop
        values: tuple[Value, ...] = (
            self._queries,
            self._prompt_tokens,
            self._generated_tokens,
            round(QUERIES_AT_ONCE * sum(chip.served.at(t_s) for chip in self._played)),
            round(QUERIES_AT_ONCE * 2 * sum(chip.short_by(t_s) for chip in self._played)),
            histogram([whole_s for whole_s, _ in timings_s]),
            histogram([first_s for _, first_s in timings_s]),
            self.expected,
            self._expected_tokens,
        )
        return Sample(self.device.id, values)

    def _timing(self, number: int) -> tuple[float, float]:
        """How long the next query takes, and its first token, s."""
        slowed = self._slowed(number, self._luck.random())
        first_s = 0.06 * self._luck.lognormvariate(0.0, 0.3)
        return (self._answer() + first_s) * slowed, first_s * slowed

    def _slowed(self, number: int, luck: float) -> float:
        """So many times longer it takes than it would if nothing happened."""
        now = (one for first, end, one in self._slow if first <= number < end)
        return max([1.0, *(one.slowed for one in now if luck < one.touches)])
