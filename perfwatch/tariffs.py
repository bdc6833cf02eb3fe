"""A price of electricity, or a carbon intensity, that changes with time: a CSV file of times and values.

    time,EUR/MWh
    2026-11-27T00:00+01:00,84.20
    2026-11-27T01:00+01:00,79.15

The heading of the second column says the unit: money per kWh, MWh or Wh (`EUR/MWh`, `/kWh`), or `g/kWh`,
`kg/kWh`. Times are ISO 8601 with a zone, or seconds since 1970. A value holds until the next one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from perfwatch.derive.settings import Steps
from perfwatch.errors import ConfigError, reason_of
from perfwatch.text import clean

SUFFIX = ".csv"
MOST_BYTES, MOST_ROWS = 4_000_000, 10_000
"""A year of hours has 8,760 rows; they stand in the header of each session."""
LATEST_S = 1e11
"""Beyond lies no year of four digits: milliseconds, or no time at all."""


class Tariff(NamedTuple):
    """Values by time, seconds since 1970, as they stand in the file; and the heading of their column."""

    heading: str
    steps: Steps


def is_tariff(text: object) -> bool:
    """Whether a text of `--price` or `--carbon` names a file."""
    return isinstance(text, str) and text.strip().casefold().endswith(SUFFIX)


def read_tariff(text: str, option: str, folder: Path | None = None) -> Tariff:
    """The file that an option names.

    Args:
        option: as a message names it.
        folder: what a path that is not absolute is relative to; None: the working directory.

    Raises:
        ConfigError: it cannot be read, or a line of it says no time and value.
    """
    path = Path(text.strip()).expanduser()
    path = path if folder is None else folder / path
    rows = list(_rows(path, option))
    if not rows:
        raise ConfigError(
            f"cannot use {option} {clean(text)}: the file is empty; it begins with a line time,EUR/kWh"
        )
    heading = rows[0][1]
    if len(heading) < 2 or heading[0].strip().casefold() != "time":
        raise ConfigError(
            f"cannot use {option} {clean(text)}: its first line names the columns, as in time,EUR/kWh"
        )
    steps: list[tuple[float, float]] = []
    for line, row in rows[1:]:
        step = _step(row, f"{option} {clean(text)}, line {line}")
        if steps and step[0] <= steps[-1][0]:
            raise ConfigError(
                f"cannot use {option} {clean(text)}, line {line}: it is not later than the line before"
            )
        if not steps or step[1] != steps[-1][1]:
            steps.append(step)
    if not steps:
        raise ConfigError(f"cannot use {option} {clean(text)}: no line with a value stands in it")
    if len(steps) > MOST_ROWS:
        raise ConfigError(
            f"cannot use {option} {clean(text)}: it has {len(steps)} different values; cut it to the time of "
            f"the runs, {MOST_ROWS} at most"
        )
    return Tariff(heading[1].strip(), tuple(steps))


def _rows(path: Path, option: str) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        reason = reason_of(error)
        raise ConfigError(f"cannot read {option} {clean(path)}: {reason}") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"cannot use {option} {clean(path)}: it has over {MOST_BYTES // 1_000_000} MB")
    lines = content.decode("utf-8-sig", "replace").splitlines()
    try:
        for number, row in enumerate(csv.reader(lines), start=1):
            if row and not row[0].lstrip().startswith("#"):
                yield number, row
    except csv.Error as error:
        raise ConfigError(f"cannot use {option} {clean(path)}: it is no CSV ({error})") from error


def _step(row: list[str], where: str) -> tuple[float, float]:
    if len(row) < 2:
        raise ConfigError(f"cannot use {where}: it takes a time and a value")
    try:
        value = float(row[1])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e12:
        raise ConfigError(f"cannot use {where}: {clean(row[1], 40)!r} is no number, as in 84.20")
    return _time(row[0].strip(), where), value


def _time(text: str, where: str) -> float:
    """Seconds since 1970."""
    try:
        seconds = float(text)
    except ValueError:
        return _date(text, where)
    if not abs(seconds) <= LATEST_S:
        raise ConfigError(
            f"cannot use {where}: {clean(text, 40)!r} is no time in seconds since 1970, as in 1795734000"
        )
    return seconds


def _date(text: str, where: str) -> float:
    """Seconds since 1970 of a date with its zone."""
    try:
        found = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        raise ConfigError(
            f"cannot use {where}: {clean(text, 40)!r} is no time, as in 2026-11-27T01:00+01:00"
        ) from None
    if found.tzinfo is None:
        raise ConfigError(
            f"cannot use {where}: {clean(text, 40)!r} has no zone, as in 2026-11-27T01:00+01:00"
        )
    return found.timestamp()
