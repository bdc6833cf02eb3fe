"""How do the records of an output become devices and their samples?

Devices that share a meter (`shares`) have a board above them, which tells once what the meter tells; each of
them keeps what is its own. A single device of a meter tells all itself.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.records import fits
from perfwatch_collectors.described.values import is_missing

from perfwatch.metrics import TELL_ENERGY
from perfwatch.model import Device, Reading, Sample
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description, Told
    from perfwatch_collectors.described.records import Record

NAME_LENGTH = 200
_MORE_THAN_ALL = 1.1
"""A total is renewed at its own times: a tenth more than all the time was busy is as good as all."""


@dataclass(frozen=True)
class Found:
    """A device and the records that tell of it: one, or those of all devices of its meter.

    Args:
        device: as it is declared.
        told: the metrics that it tells, in the order of its values.
        records: the first that has a value tells it.
        is_board: the records are those of its devices, of which some metrics are a mean or a sum.
        away: how many of a board's devices the output does not tell of now.
    """

    device: Device
    told: tuple[Told, ...]
    records: tuple[Record, ...]
    is_board: bool = False
    away: int = 0

    def on(self, host: str) -> Found:
        """The same device, of another machine than the one that reads it."""
        return replace(self, device=replace(self.device, facts={**self.device.facts, "host": host}))

    def accurate_to(self, gain_ratio: float) -> Found:
        """The same device, its power and energy known to be so accurate."""
        metrics = tuple(
            metric.accurate_to(gain_ratio) if metric.name in TELL_ENERGY else metric
            for metric in self.device.metrics
        )
        return replace(self, device=replace(self.device, metrics=metrics))

    def renewed_every(self, period_s: float) -> Found:
        """The same device, what it tells renewed so often where the description does not say how often."""
        metrics = tuple(
            replace(metric, update_s=period_s) if metric.update_s is None else metric
            for metric in self.device.metrics
        )
        return replace(self, device=replace(self.device, metrics=metrics))

    def at_most_old(self, oldest_s: float) -> Found:
        """The same device, its power and energy read from what may repeat a value for so long."""
        metrics = tuple(
            metric.at_most_old(oldest_s) if metric.name in TELL_ENERGY else metric
            for metric in self.device.metrics
        )
        return replace(self, device=replace(self.device, metrics=metrics))

    def sample(self) -> Sample:
        """Its values as the records have them."""
        return Sample(self.device.id, tuple(self.value(told) for told in self.told))

    def value(self, told: Told) -> float | None:
        """What the records tell of one metric."""
        if len(self.records) == 1 and not self.is_board:
            return told.value(self.records[0])
        if self.is_board and told.board == "sum" and self.away:
            return None
        if self.is_board and told.board:
            value, (least, most) = told.of_board(self.records), told.board_limits(len(self.records))
            return value if value is not None and least <= value <= most else None
        each = (told.value(record) for record in self.records)
        return next((value for value in each if value is not None), None)


class Rates:
    """How much totals grew in a second since the reading before.

    Args:
        clock: tells the time of a reading, s.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[tuple[str, str], tuple[float, float]] = {}

    def of(self, found: Found) -> Sample:
        """A device's sample, in which the growth of its totals stands in place of them."""
        now_s, sample = self._clock(), found.sample()
        if not any(told.is_rate for told in found.told):
            return sample
        values = zip(found.told, sample.values, strict=True)
        return Sample(
            sample.device_id, tuple(self._value(found, told, value, now_s) for told, value in values)
        )

    def _value(self, found: Found, told: Told, value: Any, now_s: float) -> Any:
        """A first reading tells no growth, nor one in which the total began anew."""
        if not told.is_rate or value is None:
            return value
        key = (found.device.id, told.metric.name)
        before, before_s = self._before.get(key, (math.inf, now_s))
        self._before[key] = (value, now_s)
        if value < before or now_s <= before_s:
            return None
        rate = (value - before) / (now_s - before_s)
        if rate > told.most * _MORE_THAN_ALL or rate < told.least:
            return None
        return min(rate, told.most)


class Boards:
    """How many devices each meter had: one that is away for a while leaves the others their share of it."""

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}

    def all_of(self, board: str, members: Sequence[str]) -> int:
        """How many there are, with those that are not told of now."""
        known = self._members.setdefault(board, set())
        known.update(members)
        return len(known)


def devices_in(records: Iterable[Record], of: Description, known: Boards | None = None) -> list[Found]:
    """The devices that an output tells of, each after the board that it is on.

    Args:
        known: what earlier outputs told of the boards.
    """
    taken = [record for record in records if _is_wanted(record, of)]
    keys = ids_in(taken, of)
    newest = dict(zip(keys, taken, strict=True))  # of a stream the last line of each device counts
    indices = _indices(newest, of)
    boards = _boards(newest, of)
    found: list[Found] = []
    for board, members in boards.items():
        count = len(members) if known is None else known.all_of(board, members)
        shares = count > 1
        if shares:
            number = sum(one.is_board for one in found)
            found.append(_board(board, [newest[key] for key in members], of, number, count))
        for key in members:
            parent = found_id(board) if shares else None
            found.append(_single(key, newest[key], of, indices[key], parent))
    return found


def ids_in(records: Iterable[Record], of: Description) -> list[str]:
    """The id of each record, of which the last one of each id counts."""
    taken = [record for record in records if _is_wanted(record, of)]
    return [_id_of(record, of, at) for at, record in enumerate(taken)]


def readings(found: Sequence[Found], known: Mapping[str, Device], rates: Rates) -> Iterator[Reading]:
    """The samples of devices that are declared as they are."""
    for one in found:
        if known.get(one.device.id) == one.device:
            yield rates.of(one)


def found_id(board: str) -> str:
    """The id of the board of devices that share a meter."""
    return f"board {board}"


def _is_wanted(record: Record, of: Description) -> bool:
    only, skip = of.device.only, of.device.skip
    return all(fits(record.text(name), texts) for name, texts in only.items()) and not any(
        fits(record.text(name), texts) for name, texts in skip.items()
    )


def _id_of(record: Record, of: Description, at: int) -> str:
    """What it is known by; by its place where the output does not tell."""
    told = record.filled(of.device.id)
    return clean(told, NAME_LENGTH) if told and not is_missing(told) else f"{of.name}-{at}"


def _indices(records: Mapping[str, Record], of: Description) -> dict[str, int | str]:
    """What people type: as the output has it, if that tells them apart, else their places."""
    told = {
        key: record.filled(of.device.index) if of.device.index else None for key, record in records.items()
    }
    if len(set(told.values())) < len(told) or None in told.values():
        return {key: at for at, key in enumerate(records)}
    return {
        key: int(text) if text and text.isdigit() else clean(text or "", 40) for key, text in told.items()
    }


def _boards(records: Mapping[str, Record], of: Description) -> dict[str, list[str]]:
    """The devices of each meter; without a word on it each has its own."""
    boards: dict[str, list[str]] = {}
    for key, record in records.items():
        shared = record.filled(of.device.shares) if of.device.shares else None
        name = key if shared is None or is_missing(shared) else clean(shared, NAME_LENGTH)
        boards.setdefault(name, []).append(key)
    return boards


def _board(name: str, records: Sequence[Record], of: Description, number: int, count: int) -> Found:
    told = tuple(
        one
        for one in of.metrics
        if (one.shared or one.board) and any(one.is_told_by(record) for record in records)
    )
    model = _model(records[0], of)
    device = Device(
        id=found_id(name),
        name=f"{model} board of {count}",
        kind=of.device.kind,
        index=f"board-{number}",
        metrics=tuple(one.metric_of(records[0]) for one in told),
        scope=of.device.scope,
        facts={"chips": count},
    )
    return Found(device, told, tuple(records), is_board=True, away=count - len(records))


def _single(key: str, record: Record, of: Description, index: int | str, parent: str | None) -> Found:
    told = tuple(
        one for one in of.metrics if one.is_told_by(record) and not (parent is not None and one.shared)
    )
    facts = {name: record.filled(template) for name, template in of.device.facts.items()}
    device = Device(
        id=key,
        name=_model(record, of),
        kind=of.device.kind,
        index=index,
        metrics=tuple(one.metric_of(record) for one in told),
        scope=of.device.scope,
        parent=parent,
        facts={
            name: clean(text, NAME_LENGTH) for name, text in facts.items() if text and not is_missing(text)
        },
    )
    return Found(device, told, (record,))


def _model(record: Record, of: Description) -> str:
    return clean(record.filled(of.device.name) or of.name, NAME_LENGTH)
