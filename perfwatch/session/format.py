"""What a record looks like: its keys, the schema's version, and devices as declarations.

A session is a sequence of JSON objects, one a line: a header, then devices, batches, tables and events in
the order in which the hub took them. Times `t` are seconds on the monotonic clock after the header's
`clock.monotonic_ns`, rounded to a microsecond. docs/session-format.md describes every key.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.errors import SessionError
from perfwatch.model import Buckets, Device, DeviceKind, Histogram, Kind, Metric, Scope, Unit, Value

FORMAT = "perfwatch.session"
VERSION = 1

Record = dict[str, Any]


def header(
    *,
    session_id: str,
    monotonic_ns: int,
    time_ns: int,
    host: str,
    perfwatch: str,
    interval_s: float,
    **more: Any,
) -> Record:
    """The first line. `more`: `command`, `name`, `tags`, `asked`, `settings`, `conditions`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "id": session_id,
        "clock": {"monotonic_ns": monotonic_ns, "time_ns": time_ns},
        "host": host,
        "perfwatch": perfwatch,
        "interval_s": interval_s,
        **more,
    }


def check_header(record: Any, where: str) -> Record:
    """The header, or a SessionError that says why this is no session that we can read."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise SessionError(f"{where} is not a perfwatch session: its first line is no perfwatch header")
    version = record.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise SessionError(
            f"{where} has session format {version!r}; this perfwatch reads up to {VERSION}: update perfwatch"
        )
    clock = record.get("clock")
    if (
        not isinstance(clock, dict)
        or not isinstance(clock.get("monotonic_ns"), int)
        or not isinstance(clock.get("time_ns"), int)
    ):
        raise SessionError(
            f"{where} has a header without a clock: it was damaged or written by something else"
        )
    return record


def encode_metric(metric: Metric) -> Record:
    """A metric as JSON; keys with the default value are left out."""
    record: Record = {"name": metric.name, "unit": metric.unit.value, "kind": metric.kind.value}
    if metric.help:
        record["help"] = metric.help
    for key in ("wraps_at", "update_s", "window_s", "step", "gain_ratio", "oldest_s"):
        value = getattr(metric, key)
        if value is not None:
            record[key] = value
    if metric.bounds is not None:
        record["bounds"] = list(metric.bounds)
    if metric.estimated:
        record["estimated"] = True
    return record


def decode_metric(record: Mapping[str, Any]) -> Metric:
    """The metric of a declaration. Raises KeyError, TypeError or ValueError if it is malformed."""
    bounds = record.get("bounds")
    return _metric(
        name=str(record["name"]),
        unit=record["unit"],
        kind=record["kind"],
        words=str(record.get("help", "")),
        wraps_at=record.get("wraps_at"),
        bounds=tuple(float(bound) for bound in bounds) if bounds is not None else None,
        update_s=record.get("update_s"),
        window_s=record.get("window_s"),
        estimated=bool(record.get("estimated", False)),
        step=record.get("step"),
        gain_ratio=record.get("gain_ratio"),
        oldest_s=record.get("oldest_s"),
    )


@functools.lru_cache(1024, typed=True)
def _metric(
    *,
    name: str,
    unit: str,
    kind: str,
    words: str,
    wraps_at: Any,
    bounds: tuple[float, ...] | None,
    update_s: Any,
    window_s: Any,
    estimated: bool,
    step: Any,
    gain_ratio: Any,
    oldest_s: Any,
) -> Metric:
    """Devices of one model declare the same metrics, and several readers of a session decode each."""
    return Metric(
        name=name,
        unit=Unit(unit),
        kind=Kind(kind),
        help=words,
        wraps_at=_number(wraps_at),
        bounds=bounds,
        update_s=_number(update_s),
        window_s=_number(window_s),
        estimated=estimated,
        step=_number(step),
        gain_ratio=_number(gain_ratio),
        oldest_s=_number(oldest_s),
    )


def encode_device(number: int, collector: str, device: Device) -> Record:
    """A device's declaration under its number in this stream (the value of the key `device`)."""
    record: Record = {
        "n": number,
        "collector": collector,
        "id": device.id,
        "name": device.name,
        "kind": device.kind.value,
        "index": device.index,
        "metrics": [encode_metric(metric) for metric in device.metrics],
    }
    if device.scope is not None:
        record["scope"] = device.scope.value
    if device.parent is not None:
        record["parent"] = device.parent
    if device.facts:
        record["facts"] = dict(device.facts)
    if device.period_s is not None:
        record["period_s"] = device.period_s
    return record


def decode_device(record: Mapping[str, Any]) -> tuple[int, str, Device]:
    """Number, collector and device of a declaration. Raises KeyError, TypeError or ValueError."""
    scope = record.get("scope")
    parent = record.get("parent")
    period_s = record.get("period_s")
    index = record.get("index", 0)
    return (
        int(record["n"]),
        str(record["collector"]),
        Device(
            id=str(record["id"]),
            name=str(record["name"]),
            kind=DeviceKind(record["kind"]),
            index=index if isinstance(index, int) else str(index),
            metrics=tuple(decode_metric(metric) for metric in record["metrics"]),
            scope=Scope(scope) if scope is not None else None,
            parent=str(parent) if parent is not None else None,
            facts=dict(record.get("facts") or {}),
            period_s=float(period_s) if period_s is not None else None,
        ),
    )


def encode_value(value: Value) -> Any:
    """A value as JSON: histograms become objects, everything else stays."""
    if isinstance(value, Histogram):
        record: Record = {"n": value.n, "sum": value.sum, "min": value.min, "max": value.max}
        record["b"] = [[index, value.buckets[index]] for index in sorted(value.buckets)]
        if value.zero:
            record["zero"] = value.zero
        return record
    if isinstance(value, Buckets):
        return {"counts": list(value.counts), "sum": value.sum}
    return value


def decode_histogram(record: Mapping[str, Any]) -> Histogram:
    """An exponential histogram out of its JSON object. Raises KeyError, TypeError or ValueError."""
    return Histogram(
        n=int(record["n"]),
        sum=float(record["sum"]),
        min=float(record["min"]),
        max=float(record["max"]),
        buckets={int(index): int(count) for index, count in record["b"]},
        zero=int(record.get("zero", 0)),
    )


def decode_buckets(record: Mapping[str, Any]) -> Buckets:
    """A cumulative histogram out of its JSON object. Raises KeyError, TypeError or ValueError."""
    return Buckets(tuple(float(count) for count in record["counts"]), _number(record.get("sum")))


def batch(t: float, collector: str, took_s: float, rows: Sequence[Sequence[Any]]) -> Record:
    """One poll of one collector: rows of `[device number, t, [values]]`."""
    return {"t": t, "c": collector, "took": took_s, "s": rows}


def event(t: float, kind: str, fields: Mapping[str, Any]) -> Record:
    """An instant with a name."""
    return {"t": t, "event": kind, **fields}


def table(
    t: float, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], device: int | None
) -> Record:
    """Rows of varying number; `device` is the number of the device that they belong to, if any."""
    record: Record = {"t": t, "table": name, "columns": list(columns), "rows": [list(row) for row in rows]}
    if device is not None:
        record["n"] = device
    return record


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"not a finite number: {value!r}")
    return number
