"""A session laid out for arithmetic: per device one time axis and a column a metric.

`Tape.take` folds one record after another, in recorded order; every derive function reads the tape and
changes nothing. Times are seconds on the session's clock (`t` of the records).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, zip_longest
from math import inf
from operator import sub
from statistics import median
from typing import Any, NamedTuple

from perfwatch.derive.spans import Span, period_of
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Buckets, Device, DeviceKind, Histogram, Kind, Metric
from perfwatch.session import format as fmt

_DEFAULT_INTERVAL_S = 1.0
LOOK_AT = 5000
"""So many samples tell how often a device is read."""
LAID_OUT_AT_ONCE = 200
"""So many samples of a device wait to become columns."""
NOT_NEGATIVE = (POWER.name, ENERGY.name)
"""No device gives energy back: such a reading is a sensor's fault and enters no sum."""
LARGEST = 1e30
"""No reading is larger; what a file says beyond it is no reading, and would overflow in squares and sums."""
LONGEST_S = 1e10
"""No clock shows more (three hundred years); the same."""
SHORTEST_S = 5e-7
"""Times are recorded to a microsecond: what lies closer together is one time."""
LONGEST_UPDATE_S = 1e6
"""No source renews or averages its value more slowly."""
A_MOMENT_S = 0.005
"""What a reading that took less tells is of the time at which it is told."""
DEEPEST = 20
"""Objects within objects that a header or an event may hold; what lies deeper is left out."""


Bounds = tuple[float, ...]


class Event(NamedTuple):
    """An event of the session: its time, its kind, its further keys."""

    t: float
    kind: str
    fields: Mapping[str, Any]


class Table(NamedTuple):
    """The rows of a table at one time."""

    t: float
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    device: int | None


class Series:
    """One metric of one device: the readings that were there, in time order.

    `times` and `values` have equal length; missing values are not in it. `exact` says of a counter that
    every value was a whole number in the record.
    """

    __slots__ = ("exact", "metric", "times", "values")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.times = array("d")
        self.values = array("d")
        self.exact = True

    def __len__(self) -> int:
        return len(self.times)

    def up_to(self, t: float) -> Series | None:
        """The readings up to a time; None if there are none."""
        count = bisect_right(self.times, t)
        if not count:
            return None
        part = Series(self.metric)
        part.times, part.values, part.exact = self.times[:count], self.values[:count], self.exact
        return part

    def within(self, span: Span) -> tuple[array[float], array[float]]:
        """Times and values of the readings in a span, its ends included."""
        first, last = bisect_left(self.times, span.start), bisect_right(self.times, span.end)
        return self.times[first:last], self.values[first:last]


class DeviceTape:
    """What a session tells of one device.

    Samples are laid out column by column, some hundred at a time: a day of eight devices is read in a few
    seconds, where a value at a time took three times as long.
    """

    def __init__(self, number: int, collector: str, device: Device, host: str) -> None:
        self.number = number
        self.collector = collector
        self.host = host
        self._device = device
        self._times = array("d")
        self._series: dict[str, Series] = {}
        self._histograms: dict[str, list[tuple[float, Histogram]]] = {}
        self._buckets: dict[str, list[tuple[float, Buckets]]] = {}
        self._cuts: dict[str, list[tuple[int, Bounds]]] = {}
        """From which of its buckets on a metric had which bounds."""
        self._waiting_times = array("d")
        self._waiting: list[list[Any]] = []
        self._last_t = -LONGEST_S
        self.slow_reads: dict[float, float] = {}
        """Of a workload the samples whose reading took more than a moment: time -> how long it took, s."""

    @property
    def device(self) -> Device:
        """What it was declared as last."""
        return self._device

    @property
    def label(self) -> str:
        """What people call it: `nvidia:0`."""
        return f"{self.collector}:{self._device.index}"

    def period_s(self, interval_s: float) -> float:
        """How often it is read: as the session or as declared, or as seen where its source is slower."""
        interval_s = period_of(self._device, interval_s)
        times = self.times[:LOOK_AT]
        if len(times) < 3:
            return interval_s
        seen_s = float(median(map(sub, times[1:], times)))
        return interval_s if seen_s < 1.5 * interval_s else round(seen_s, 3)

    @property
    def times(self) -> array[float]:
        """Times of all samples of the device, whatever was in them."""
        self._lay_out()
        return self._times

    @property
    def series(self) -> dict[str, Series]:
        """Gauges and counters by the name of their metric."""
        self._lay_out()
        return self._series

    @property
    def histograms(self) -> dict[str, list[tuple[float, Histogram]]]:
        """Exponential histograms: increments since the sample before."""
        self._lay_out()
        return self._histograms

    @property
    def buckets(self) -> dict[str, list[tuple[float, Buckets]]]:
        """Cumulative histograms with the bounds of their metric."""
        self._lay_out()
        return self._buckets

    def cuts(self, name: str) -> list[tuple[Bounds, list[tuple[float, Buckets]]]]:
        """The cumulative histograms of a metric by its bounds, which a server may change when it restarts."""
        samples, cuts = self.buckets.get(name, []), self._cuts.get(name, [])
        ends = [*(begin for begin, _ in cuts[1:]), len(samples)]
        return [(bounds, samples[begin:end]) for (begin, bounds), end in zip(cuts, ends, strict=True)]

    def get(self, name: str) -> Series | None:
        """The series of a metric, if the device told any value of it."""
        series = self.series.get(name)
        return series if series is not None and len(series) else None

    def declare(self, device: Device) -> None:
        """It came back, or tells other metrics from now on."""
        self._lay_out()
        self._device = device

    def take(self, t: float, values: list[Any], took_s: float = 0.0) -> None:
        """Add one sample, whose reading took so long, if it was long.

        Raises:
            TypeError: the values are no list, or the time is no number.
            ValueError: it is earlier than the sample before it, or no clock shows such a time.
        """
        if values.__class__ is not list:
            raise TypeError("the values of a sample are a list")
        last_t = self._last_t
        if not last_t <= t <= LONGEST_S:
            raise ValueError("samples come in the order of their times")
        if t - last_t >= SHORTEST_S:
            self._last_t = t
        if took_s and self._device.kind is DeviceKind.WORKLOAD:
            self.slow_reads[self._last_t] = took_s
        self._waiting_times.append(self._last_t)
        self._waiting.append(values)
        if len(self._waiting) >= LAID_OUT_AT_ONCE:
            self._lay_out()

    def _lay_out(self) -> None:
        if not self._waiting:
            return
        times, rows = self._waiting_times, self._waiting
        self._waiting_times, self._waiting = array("d"), []
        self._times.extend(times)
        alike = len(set(map(len, rows))) == 1
        columns = zip(*(rows if alike else _padded(rows)), strict=True)
        done: set[str] = set()
        for metric, column in zip(self._device.metrics, columns, strict=False):
            if metric.name in done:
                continue  # declared twice: the first one counts
            done.add(metric.name)
            if metric.kind is Kind.HISTOGRAM:
                self._take_histograms(metric, times, column)
            else:
                self._take_numbers(metric, times, column)
        self._part_times()

    def _part_times(self) -> None:
        """A series that was not told in every sample, or no longer is one, keeps times of its own."""
        for series in self._series.values():
            if series.times is self._times and len(series.values) < len(self._times):
                series.times = self._times[: len(series.values)]

    def _take_numbers(self, metric: Metric, times: array[float], column: Sequence[Any]) -> None:
        at, values = _numbers(times, column)
        if metric.name in NOT_NEGATIVE and len(values) and min(values) < 0:
            at, values = _not_negative(at, values)
        if not len(values):
            return
        series = self._series.get(metric.name)
        if series is None:
            series = self._series[metric.name] = Series(metric)
        series.metric = metric  # what a source shows of itself later, as finer steps, holds of all it told
        if series.exact and metric.kind is Kind.COUNTER and float in set(map(type, column)):
            series.exact = False
        series.values.extend(values)
        if len(series.values) == len(self._times):
            series.times = self._times  # nothing is missing so far: one array of times for all of them
            return
        if series.times is self._times:
            series.times = self._times[: len(series.values) - len(values)]
        series.times.extend(at)

    def _take_histograms(self, metric: Metric, times: array[float], column: Sequence[Any]) -> None:
        for t, value in zip(times, column, strict=True):
            if value is None:
                continue
            try:
                if metric.bounds is None:
                    increment = _checked_histogram(fmt.decode_histogram(value))
                    self._histograms.setdefault(metric.name, []).append((t, increment))
                else:
                    counted = _checked_buckets(fmt.decode_buckets(value))
                    told = self._buckets.setdefault(metric.name, [])
                    cuts = self._cuts.setdefault(metric.name, [])
                    if not cuts or cuts[-1][1] != metric.bounds:
                        cuts.append((len(told), metric.bounds))
                    told.append((t, counted))
            except (KeyError, TypeError, ValueError, OverflowError):
                continue


def took_s(record: Mapping[str, Any]) -> float:
    """How long a poll took, s, if that was more than a moment; else 0, as where it is not told."""
    told = record.get("took")
    return float(told) if isinstance(told, (int, float)) and A_MOMENT_S < told <= LONGEST_UPDATE_S else 0.0


def _padded(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of unequal length made alike: what one lacks is missing."""
    return zip(*zip_longest(*rows), strict=True)


def _numbers(times: array[float], column: Sequence[Any]) -> tuple[array[float], array[float]]:
    """The readings of a column that are numbers, with their times."""
    try:
        values = array("d", column)
    except (TypeError, OverflowError):  # something is missing, or is no number
        pass
    else:
        if sum(map(abs, values)) <= LARGEST:
            return times, values
    told = [value is not None for value in column]
    known = [
        (t, value)
        for t, value in zip(compress(times, told), compress(column, told), strict=True)
        if is_number(value)
    ]
    return array("d", [t for t, _ in known]), array("d", [value for _, value in known])


def _not_negative(times: array[float], values: array[float]) -> tuple[array[float], array[float]]:
    told = [value >= 0 for value in values]
    return array("d", compress(times, told)), array("d", compress(values, told))


def is_number(value: Any) -> bool:
    """Whether it is a number such as readings are."""
    return isinstance(value, (int, float)) and abs(value) <= LARGEST


def _checked_histogram(told: Histogram) -> Histogram:
    """The histogram. Raises ValueError where no observations can have given it."""
    if not all(0 <= count <= LARGEST for count in (told.n, told.zero, *told.buckets.values())):
        raise ValueError("a histogram counts from 0 on")
    if not all(map(is_number, (told.sum, told.min, told.max))):
        raise ValueError("no observation is so large")
    return told


def _checked_buckets(told: Buckets) -> Buckets:
    """The cumulative counts. Raises ValueError where no observations can have given them.

    Those below zero take back what was counted of a process that did not begin anew (`workload.growth`).
    """
    if not all(map(is_number, told.counts)):
        raise ValueError("no histogram counts so many")
    if told.sum is not None and not is_number(told.sum):
        raise ValueError("no sum of observations is so large")
    return told


def sound(value: Any, depth: int = 0) -> Any:
    """A value of a header, an event or a declaration; None stands for numbers that are none."""
    if isinstance(value, Mapping):
        return {key: sound(each, depth + 1) for key, each in value.items()} if depth < DEEPEST else None
    if isinstance(value, (list, tuple)):
        kept = [sound(each, depth + 1) for each in value] if depth < DEEPEST else []
        return tuple(kept) if isinstance(value, tuple) else kept
    if isinstance(value, (int, float)) and not abs(value) <= LARGEST:
        return None
    return value


def check_metric(metric: Metric) -> None:
    """Raises ValueError where no source can be as it is declared."""
    told_s = (metric.update_s or 0.0, metric.window_s or 0.0, metric.oldest_s or 0.0)
    if not all(0 <= told <= LONGEST_UPDATE_S for told in told_s):
        raise ValueError(f"{metric.name} cannot be renewed or averaged over such a time")
    if metric.step is not None and not 0 <= metric.step <= LARGEST:
        raise ValueError(f"{metric.name} cannot move by such steps")
    if metric.gain_ratio is not None and not 0 <= metric.gain_ratio <= 1:
        raise ValueError(f"{metric.name} cannot be that accurate")
    if metric.wraps_at is not None and not 0 < metric.wraps_at <= LARGEST:
        raise ValueError(f"{metric.name} cannot wrap there")
    if metric.bounds is not None and not all(map(is_number, metric.bounds)):
        raise ValueError(f"{metric.name} cannot have such bounds")


class Tape:
    """A whole session. `header` is its first line; `devices` by number; `events` and `tables` in order."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header: Mapping[str, Any] = sound(header)
        self.host = str(header.get("host", ""))
        self.devices: dict[int, DeviceTape] = {}
        self.events: list[Event] = []
        self.tables: list[Table] = []
        self.last_t = 0.0
        self.damaged = 0
        """Records that could not be understood and were left out."""

    @classmethod
    def of(cls, header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Tape:
        """The tape of a header and the records that follow it."""
        tape = cls(header)
        for record in records:
            tape.take(record)
        return tape

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; one that is malformed is counted in `damaged` and changes nothing else."""
        try:
            t = float(record["t"])
            if not abs(t) <= LONGEST_S:
                raise ValueError("no clock shows such a time")
            self._take(t, record)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            self.damaged += 1
            return
        self.last_t = max(self.last_t, t)

    def _take(self, t: float, record: Mapping[str, Any]) -> None:
        if "s" in record:
            devices, took = self.devices, took_s(record)
            for number, at, values in record["s"]:
                devices[number].take(at, values, took if took and t <= at <= t + took else 0.0)
        elif "event" in record:
            fields = {key: sound(value) for key, value in record.items() if key not in ("t", "event")}
            self.events.append(Event(t, str(record["event"]), fields))
        elif "device" in record:
            self._declare(record)
        elif "table" in record:
            rows = tuple(tuple(row) for row in record["rows"])
            self.tables.append(
                Table(t, str(record["table"]), tuple(record["columns"]), rows, record.get("n"))
            )

    def _declare(self, record: Mapping[str, Any]) -> None:
        number, collector, device = fmt.decode_device(sound(record["device"]))
        for metric in device.metrics:
            check_metric(metric)
        known = self.devices.get(number)
        if known is None:
            host = str(record["device"].get("host", self.host))
            self.devices[number] = DeviceTape(number, collector, device, host)
        else:
            known.declare(device)

    @property
    def interval_s(self) -> float:
        """How often the session was to read its devices."""
        told = self.header.get("interval_s")
        return float(told) if isinstance(told, (int, float)) and 0 < told < inf else _DEFAULT_INTERVAL_S

    def of_kind(self, kind: str) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]
