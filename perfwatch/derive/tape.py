"""A session laid out for arithmetic: per device one time axis and a column a metric.

`Tape.take` folds one record after another, in recorded order; every derive function reads the tape and
changes nothing. Times are seconds on the session's clock (`t` of the records).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perfwatch.model import Buckets, Device, Histogram, Kind, Metric
from perfwatch.session import format as fmt

NAN = math.nan


@dataclass(frozen=True)
class Event:
    """An event of the session: its time, its kind, its further keys."""

    t: float
    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """The rows of a table at one time."""

    t: float
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    device: int | None


class Series:
    """One metric of one device: the readings that were there, in time order.

    `times` and `values` have equal length; missing values are not in it. `exact` says that every value
    was a whole number in the record.
    """

    __slots__ = ("exact", "metric", "times", "values")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.times = array("d")
        self.values = array("d")
        self.exact = True

    def __len__(self) -> int:
        return len(self.times)


@dataclass
class DeviceTape:
    """What a session tells of one device."""

    number: int
    collector: str
    device: Device
    host: str
    series: dict[str, Series] = field(default_factory=dict)
    histograms: dict[str, list[tuple[float, Histogram]]] = field(default_factory=dict)
    """Exponential histograms: increments since the sample before."""
    buckets: dict[str, list[tuple[float, Buckets]]] = field(default_factory=dict)
    """Cumulative histograms with the bounds of their metric."""
    times: array[float] = field(default_factory=lambda: array("d"))
    """Times of all samples of the device, whatever was in them."""
    gone_at: float | None = None

    @property
    def label(self) -> str:
        """What people call it: `nvidia:0`."""
        return f"{self.collector}:{self.device.index}"

    def get(self, name: str) -> Series | None:
        """The series of a metric, if the device told any value of it."""
        series = self.series.get(name)
        return series if series is not None and len(series) else None

    def take(self, t: float, values: list[Any]) -> None:
        """Add one sample."""
        self.times.append(t)
        for metric, value in zip(self.device.metrics, values, strict=False):
            if value is None or isinstance(value, str):
                continue
            if metric.kind is Kind.HISTOGRAM:
                self._take_histogram(t, metric, value)
            else:
                self._take_number(t, metric, value)

    def _take_number(self, t: float, metric: Metric, value: Any) -> None:
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            return
        series = self.series.get(metric.name)
        if series is None:
            series = self.series[metric.name] = Series(metric)
        if isinstance(value, float):
            series.exact = False
        series.times.append(t)
        series.values.append(value)

    def _take_histogram(self, t: float, metric: Metric, value: Any) -> None:
        try:
            if metric.bounds is None:
                self.histograms.setdefault(metric.name, []).append((t, fmt.decode_histogram(value)))
            else:
                self.buckets.setdefault(metric.name, []).append((t, fmt.decode_buckets(value)))
        except (KeyError, TypeError, ValueError):
            return


class Tape:
    """A whole session. `header` is its first line; `devices` by number; `events` and `tables` in order."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        self.header = header
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
            if not math.isfinite(t):
                raise ValueError("time is not finite")
            self._take(t, record)
        except (KeyError, TypeError, ValueError, AttributeError):
            self.damaged += 1
            return
        self.last_t = max(self.last_t, t)

    def _take(self, t: float, record: Mapping[str, Any]) -> None:
        if "s" in record:
            for number, at, values in record["s"]:
                self.devices[number].take(float(at), values)
        elif "event" in record:
            fields = {key: value for key, value in record.items() if key not in ("t", "event")}
            self.events.append(Event(t, str(record["event"]), fields))
            if record["event"] == "gone" and record.get("n") in self.devices:
                self.devices[record["n"]].gone_at = t
        elif "device" in record:
            self._declare(record)
        elif "table" in record:
            rows = tuple(tuple(row) for row in record["rows"])
            self.tables.append(
                Table(t, str(record["table"]), tuple(record["columns"]), rows, record.get("n"))
            )

    def _declare(self, record: Mapping[str, Any]) -> None:
        number, collector, device = fmt.decode_device(record["device"])
        known = self.devices.get(number)
        if known is None:
            host = str(record["device"].get("host", self.host))
            self.devices[number] = DeviceTape(number, collector, device, host)
        else:
            known.device = device
            known.gone_at = None

    def of_kind(self, kind: str) -> list[Event]:
        """The events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]
