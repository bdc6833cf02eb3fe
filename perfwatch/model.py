"""The nouns: metrics, devices, and what one poll of a collector hands over.

Standard library only, so that a carried copy runs on a machine where nothing is installed.
Units are always those of `Unit` (watts, joules, seconds, bytes, hertz, degrees Celsius, volts, amperes,
ratios from 0 to 1, counts); a collector converts on the line that reads. A value that could not be read is
`None`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple


class Unit(str, Enum):
    """What a value counts. The text is the UCUM code that OpenTelemetry uses as well."""

    WATT = "W"
    JOULE = "J"
    SECOND = "s"
    BYTE = "By"
    BYTE_PER_SECOND = "By/s"
    HERTZ = "Hz"
    CELSIUS = "Cel"
    VOLT = "V"
    AMPERE = "A"
    RATIO = "1"
    COUNT = "{count}"


class Kind(str, Enum):
    """How a value behaves over time."""

    GAUGE = "gauge"
    """A value of this moment."""
    COUNTER = "counter"
    """A total that only grows until its source restarts (or wraps, where the metric declares it)."""
    HISTOGRAM = "histogram"
    """Observations by size; see `Histogram` and `Metric.bounds`."""


class DeviceKind(str, Enum):
    """What a device is."""

    ACCELERATOR = "accelerator"
    CPU = "cpu"
    MEMORY = "memory"
    NODE = "node"
    METER = "meter"
    WORKLOAD = "workload"


class Scope(str, Enum):
    """What a power or energy figure covers. Scopes that contain each other are never added."""

    ACCELERATOR = "accelerator"
    MODULE = "module"
    CPU = "cpu"
    DRAM = "dram"
    NODE = "node"
    WALL = "wall"


class Method(str, Enum):
    """How an energy was found."""

    COUNTER = "counter"
    INTEGRATED = "integrated"
    ESTIMATED = "estimated"
    MIXED = "mixed"


@dataclass(frozen=True)
class Metric:
    """One quantity that a device can tell.

    Args:
        name: as in the catalogue (`perfwatch.metrics`), or a collector's own; a counter of work ends in
            `_total`.
        unit: the unit of every value.
        kind: gauge, counter or histogram.
        help: one sentence for people.
        wraps_at: for a counter that wraps: the first value that it does not reach.
        bounds: for a histogram: the upper bounds of its buckets, without the last one (infinity). A
            histogram without bounds has exponential buckets of base 2^(1/128); see `Histogram`.
        update_s: how often the source renews the value, where that is known.
        window_s: over which time the source averages the value, where that is known; 0 means a value of
            the instant.
        estimated: the value comes from a model, not from a sensor.
        step: for a counter: the amount that it moves by at a time, where that is coarse (a plug's whole Wh).
        gain_ratio: by which share every value may be wrong in the same way, where that was stated.
        oldest_s: where nobody knows how often the source renews the value: how old one may be at most, s.
    """

    name: str
    unit: Unit
    kind: Kind
    help: str = ""
    wraps_at: float | None = None
    bounds: tuple[float, ...] | None = None
    update_s: float | None = None
    window_s: float | None = None
    estimated: bool = False
    step: float | None = None
    gain_ratio: float | None = None
    oldest_s: float | None = None

    def wrapping_at(self, limit: float | None) -> Metric:
        """The same metric with the value at which it starts again from zero."""
        return replace(self, wraps_at=limit)

    def stepping_by(self, step: float | None) -> Metric:
        """The same metric with the amount that it moves by at a time."""
        return replace(self, step=step)

    def accurate_to(self, gain_ratio: float | None) -> Metric:
        """The same metric with the accuracy that its maker, or its owner, states."""
        return replace(self, gain_ratio=gain_ratio)

    def observed(self, *, update_s: float | None = None, window_s: float | None = None) -> Metric:
        """The same metric with what is known about its source: update period and averaging window, s."""
        return replace(self, update_s=update_s, window_s=window_s)

    def at_most_old(self, oldest_s: float) -> Metric:
        """The same metric, of a source that may repeat a value so long, s, unless its update is known."""
        return self if self.update_s is not None else replace(self, oldest_s=oldest_s)


@dataclass(frozen=True)
class Device:
    """Something with telemetry, and what it can tell.

    Args:
        id: stable across runs: a UUID or a bus address, never a list index.
        name: the model, as people say it.
        kind: what it is.
        index: place in the vendor library's order, or a short word (`package-0`); with the collector's
            name it makes the name people type: `nvidia:0`.
        metrics: what *this* device can tell, in the order of `Sample.values`.
        scope: what its power and energy cover; `None` if that is unknown or it has none.
        parent: id of the device that contains this one: sums never add both.
        facts: what does not change while we watch (`power_limit_watts`, `driver`, `firmware`, ...).
        period_s: how often it is read where that is more seldom than the session's period. The hub fills it
            in; a collector need not.
    """

    id: str
    name: str
    kind: DeviceKind
    index: int | str = 0
    metrics: tuple[Metric, ...] = ()
    scope: Scope | None = None
    parent: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    period_s: float | None = None


class Histogram(NamedTuple):
    """Observations since the previous sample of the same device, in exponential buckets.

    Bucket `i` holds values in (2^(i/128), 2^((i+1)/128)], OpenTelemetry's scale 7, so a percentile is
    right to 0.5 %. Values of zero and below are counted in `zero`. Being increments they add up in any
    order and over any window.
    """

    n: int
    sum: float
    min: float
    max: float
    buckets: Mapping[int, int]
    zero: int = 0


class Buckets(NamedTuple):
    """A cumulative histogram as a Prometheus page gives it: one count a bound (and one for +Inf)."""

    counts: tuple[float, ...]
    sum: float | None


Value = float | int | str | Histogram | Buckets | None


class Sample(NamedTuple):
    """One device at one moment: values in the order of the metrics that it declared.

    `at_ns` is a time of CLOCK_MONOTONIC, given only by a source that knows it better than the runner
    (a datagram's arrival, a line's); `None` lets the runner take the time around the read.
    """

    device_id: str
    values: Sequence[Value]
    at_ns: int | None = None


class Event(NamedTuple):
    """An instant with a name: a mark, a throttle, an error, a text.

    `kind` is one of the event kinds of docs/session-format.md; `fields` are its further keys.
    """

    kind: str
    fields: Mapping[str, Any]
    at_ns: int | None = None


class Table(NamedTuple):
    """Rows of varying number, such as processes. Recorded when changed, at most every 2 s."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    device_id: str | None = None


class Appeared(NamedTuple):
    """A device came, or declares its metrics anew."""

    device: Device


class Gone(NamedTuple):
    """A device left, as devices do."""

    device_id: str
    reason: str = ""


Reading = Sample | Event | Table | Appeared | Gone


class State(str, Enum):
    """How a collector or one of its devices is doing; computed by the runner, recorded as data."""

    OPENING = "opening"
    ABSENT = "absent"
    OK = "ok"
    STALE = "stale"
    RETRYING = "retrying"
    GONE = "gone"
    FAILED = "failed"


class Status(NamedTuple):
    """A change of state of a collector, or (with `device_id`) of one of its devices."""

    collector: str
    state: State
    at_ns: int
    reason: str = ""
    device_id: str | None = None
    details: Mapping[str, Any] | None = None
    """Further keys for the record: `remedy`, `traceback`."""


class Declared(NamedTuple):
    """The devices that a collector found when it opened."""

    collector: str
    at_ns: int
    devices: tuple[Device, ...]


class Batch(NamedTuple):
    """What one poll of one collector gave.

    `readings` pairs each reading with its time. `at_ns` is when the poll began and `took_ns` how long it
    lasted. `rounded` gives a sample's values as they are recorded; whoever takes the batch calls it once for
    each sample, in order, before anything else sees a value.
    """

    collector: str
    at_ns: int
    took_ns: int
    readings: Sequence[tuple[int, Reading]]
    rounded: Callable[[Sample], list[Any]]
