"""A session as a table for spreadsheets and notebooks: one row a value, or (wide) one row a sample.

Long: `t,time,host,device,name,metric,unit,value`; what was not read has no row. Wide: a column a metric; what
was not read is empty. `t` is seconds on the session's clock, `time` the same in UTC by the clocks of the
session's header. Units are the UCUM codes of docs/metrics.md. Two things are derived: power from an energy
counter where a device tells no power, and `_count` and `_sum` of a histogram, cumulative.
Events and tables are not in it: export to jsonl has them.

Rows are made as records come; memory does not grow with the session.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple, TextIO

from perfwatch.derive import counters
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, Kind, Unit
from perfwatch.session import format as fmt
from perfwatch.text import clean

LONG_HEAD = ("t", "time", "host", "device", "name", "metric", "unit", "value")
WIDE_HEAD = ("t", "time", "host", "device", "name")
DERIVED_POWER = "power_from_counter_watts"
"""Mean power since the reading before, of a device that tells its energy and no power."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FORMULA_START = ("=", "+", "-", "@")

Fold = Callable[[float, Any], "list[tuple[str, Unit, Any]]"]
"""What one value of a sample becomes: name, unit and value of each figure."""


class _Row(NamedTuple):
    """One sample, ready to be laid out."""

    t: float
    device: _Device
    figures: list[tuple[str, Unit, Any]]


class Folded:
    """The samples of a session as rows, long or wide.

    `damaged` counts, afterwards, the records that could not be understood and were left out.
    """

    def __init__(self, header: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> None:
        self._started_ns: int = header["clock"]["time_ns"]
        self._host = str(header.get("host", ""))
        self._records = records
        self._devices: dict[int, _Device] = {}
        self.damaged = 0

    def long(self) -> Iterator[Sequence[str]]:
        """The heading, then a row a value."""
        yield LONG_HEAD
        for row in self._rows():
            place = self._place(row)
            for name, unit, value in row.figures:
                if value is not None:
                    yield (*place, name, unit.value, cell(value))

    def wide(self, metrics: Sequence[str]) -> Iterator[Sequence[str]]:
        """The heading, then a row a sample with these metrics as columns (see `columns_of`)."""
        yield (*WIDE_HEAD, *metrics)
        for row in self._rows():
            values = {name: value for name, _, value in row.figures}
            yield (*self._place(row), *(cell(values.get(name)) for name in metrics))

    def columns(self) -> list[str]:
        """Which metrics the session's devices tell, in the order of their declaration; reads all of it."""
        names: dict[str, None] = {}
        for record in self._records:
            if "device" in record:
                self._take_safely(record)
                for device in self._devices.values():
                    names.update(dict.fromkeys(device.names))
        return list(names)

    def _place(self, row: _Row) -> tuple[str, str, str, str, str]:
        return (cell(row.t), self._time(row.t), row.device.host, row.device.label, row.device.name)

    def _time(self, t: float) -> str:
        try:
            moment = _EPOCH + timedelta(microseconds=self._started_ns // 1000 + round(t * 1e6))
        except (OverflowError, ValueError):
            return ""
        return moment.isoformat(timespec="microseconds")

    def _rows(self) -> Iterator[_Row]:
        for record in self._records:
            yield from self._take_safely(record)

    def _take_safely(self, record: Mapping[str, Any]) -> list[_Row]:
        try:
            return self._take(record)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            self.damaged += 1
            return []

    def _take(self, record: Mapping[str, Any]) -> list[_Row]:
        if "device" in record:
            number, collector, device = fmt.decode_device(record["device"])
            host = str(record["device"].get("host", self._host))
            self._devices[number] = _Device(host, collector, device, self._devices.get(number))
            return []
        rows = []
        for number, at, values in record.get("s", ()):
            t, known = float(at), self._devices[number]
            if not math.isfinite(t):
                raise ValueError("time is not finite")
            rows.append(_Row(t, known, known.figures(t, values)))
        return rows


class _Device:
    """A declared device: how its samples become figures. A new declaration goes on where the old one was."""

    def __init__(self, host: str, collector: str, device: Device, before: _Device | None) -> None:
        self.host = cell(host)
        self.label = cell(f"{collector}:{device.index}")
        self.name = cell(device.name)
        folds = before.folds if before is not None else {}
        told = {metric.name for metric in device.metrics}
        self.folds: dict[str, Fold] = {}
        self._in_order: list[Fold] = []
        self.names: list[str] = []
        for declared in device.metrics:
            metric = replace(declared, name=cell(declared.name))
            if metric.kind is Kind.HISTOGRAM:
                fold = folds.get(metric.name) or _Observations(metric.name, metric.unit, metric.bounds).take
                self.names += [f"{metric.name}_count", f"{metric.name}_sum"]
            elif metric.name == ENERGY.name and POWER.name not in told:
                fold = folds.get(metric.name) or _Energy(metric.wraps_at, metric.step or 0.0).take
                self.names += [metric.name, DERIVED_POWER]
            else:
                fold = _plain(metric.name, metric.unit)
                self.names.append(metric.name)
            self.folds[metric.name] = fold
            self._in_order.append(fold)

    def figures(self, t: float, values: Sequence[Any]) -> list[tuple[str, Unit, Any]]:
        """What a sample tells."""
        if not isinstance(values, list):
            raise TypeError("the values of a sample are no list")
        return [
            figure for fold, value in zip(self._in_order, values, strict=False) for figure in fold(t, value)
        ]


def _plain(name: str, unit: Unit) -> Fold:
    return lambda _t, value: [(name, unit, value)]


class _Energy:
    """An energy counter, and the mean power since the reading before.

    Of one that moves in coarse steps it is the mean since it moved before, told when it moves.
    """

    def __init__(self, wraps_at: float | None, step_j: float) -> None:
        self._wraps_at, self._step_j = wraps_at, step_j
        self._before: tuple[float, float] | None = None

    def take(self, t: float, joules: Any) -> list[tuple[str, Unit, Any]]:
        watts = None
        stands = self._step_j > 0.0 and self._before is not None and joules == self._before[1]
        if isinstance(joules, (int, float)) and not stands:
            if self._before is not None and t > self._before[0]:
                moved = counters.difference(self._before[1], joules, self._wraps_at)
                watts = None if moved is None else round(moved / (t - self._before[0]), 6)
            self._before = (t, joules)
        return [(ENERGY.name, ENERGY.unit, joules), (DERIVED_POWER, POWER.unit, watts)]


class _Observations:
    """A histogram as its number of observations and their sum, both cumulative."""

    def __init__(self, name: str, unit: Unit, bounds: tuple[float, ...] | None) -> None:
        self._name, self._unit = name, unit
        self._is_cumulative = bounds is not None
        self._n, self._sum = 0, 0.0

    def take(self, t: float, value: Any) -> list[tuple[str, Unit, Any]]:
        if value is None:
            return []
        if self._is_cumulative:
            buckets = fmt.decode_buckets(value)
            return self._figures(buckets.counts[-1], buckets.sum)
        found = fmt.decode_histogram(value)
        self._n += found.n
        self._sum = round(self._sum + found.sum, 9)
        return self._figures(self._n, self._sum)

    def _figures(self, count: float, total: float | None) -> list[tuple[str, Unit, Any]]:
        return [(f"{self._name}_count", Unit.COUNT, count), (f"{self._name}_sum", self._unit, total)]


def cell(value: Any) -> str:
    """A value as the text of a cell: numbers to their last digit, missing ones empty, text made harmless.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    kind = type(value)
    if kind is float or kind is int:
        return repr(value)
    if value is None:
        return ""
    if kind is bool:
        return "true" if value else "false"
    text = clean(value)
    return f"'{text}" if text.startswith(_FORMULA_START) else text


def write(rows: Iterable[Sequence[str]], out: TextIO) -> None:
    """Write rows as CSV (RFC 4180, lines end with a line feed)."""
    csv.writer(out, lineterminator="\n").writerows(rows)
