"""Is a record such as a hub writes? A recording may come from anywhere, and a scene trusts what it is fed.

What is malformed is left out, or its part of a record is; numbers that are none become unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfwatch.derive.tape import LONGEST_S, check_metric, is_number, sound
from perfwatch.model import State
from perfwatch.session import format as fmt
from perfwatch.session.format import Record

LEAST_INTERVAL_S, MOST_INTERVAL_S = 1e-3, 1e6
MOST_ROWS = 10_000
"""A table of so many rows is no table of processes."""


def sound_header(header: Record) -> Record:
    """A header that a scene can begin with."""
    told = sound(header)
    interval_s, command = told.get("interval_s"), told.get("command")
    usable = is_number(interval_s) and LEAST_INTERVAL_S <= interval_s <= MOST_INTERVAL_S
    settings = told.get("settings")
    return {
        **told,
        "interval_s": interval_s if usable else 1.0,
        "host": str(told.get("host") or ""),
        "command": [str(word) for word in command] if isinstance(command, list) else [],
        "settings": settings if isinstance(settings, Mapping) else {},
    }


def sound_record(record: Mapping[str, Any]) -> Record | None:
    """The record as a scene takes it; None for one that is none."""
    if not _is_time(record.get("t")):
        return None
    for key, check in _KINDS.items():
        if key in record:
            try:
                return check(record)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
                return None
    return None


def _samples(record: Mapping[str, Any]) -> Record | None:
    rows = [row for row in record["s"] if _is_row(row)]
    took = record.get("took")
    sane = len(rows) == len(record["s"]) and (took is None or is_number(took))
    return dict(record) if sane else {"t": record["t"], "c": str(record.get("c")), "s": rows}


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 3 or type(row[0]) is not int or not isinstance(row[2], list):
        return False
    return _is_time(row[1]) and all(map(_is_value, row[2]))


def _is_value(value: Any) -> bool:
    """A reading: a number, none, or a histogram's object, whose readers look at it closely."""
    return value is None or isinstance(value, dict) or is_number(value)


def _device(record: Mapping[str, Any]) -> Record:
    device = sound(record["device"])
    for metric in fmt.decode_device(device)[2].metrics:
        check_metric(metric)
    return {"t": record["t"], "device": device}


def _event(record: Mapping[str, Any]) -> Record | None:
    told: Record = sound(record)
    kind = told["event"]
    if kind == "status":
        State(told["state"])
        told = {**told, "collector": str(told["collector"])}
    if kind == "gone":
        told = {**told, "n": int(told["n"])}
    if kind == "job" and not isinstance(told["what"], str):
        return None
    return told if isinstance(kind, str) else None


def _table(record: Mapping[str, Any]) -> Record | None:
    number, columns = record.get("n"), [str(column) for column in record["columns"]]
    rows = [row for row in record["rows"][:MOST_ROWS] if isinstance(row, list) and len(row) == len(columns)]
    if not (number is None or type(number) is int):
        return None
    cells = zip(*map(_one_type, zip(*rows, strict=True)), strict=True) if rows else ()
    table = {"table": str(record["table"]), "columns": columns, "rows": [list(row) for row in cells]}
    return {"t": record["t"], **table, **({} if number is None else {"n": number})}


def _one_type(column: Sequence[Any]) -> list[Any]:
    """Cells that can be told in one order: numbers, or texts; what is neither is unknown."""
    numbers = [cell if is_number(cell) else None for cell in column]
    texts = [cell if isinstance(cell, str) else None for cell in column]
    return (
        numbers
        if sum(cell is not None for cell in numbers) >= sum(cell is not None for cell in texts)
        else texts
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= LONGEST_S


_KINDS: dict[str, Callable[[Mapping[str, Any]], Record | None]] = {
    "s": _samples,
    "device": _device,
    "event": _event,
    "table": _table,
}
