"""What does a description say? The nouns: a source, devices, and the metrics that are told of them.

A file is read into them, and checked, by `language`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.patience import seen_by
from perfwatch_collectors.described.records import Record, fits
from perfwatch_collectors.described.values import Reading, bare_number, combined
from perfwatch_collectors.told_accuracy import gain_told

from perfwatch.model import DeviceKind, Metric, Scope, Unit

if TYPE_CHECKING:
    from perfwatch_collectors.described.formats import Read


@dataclass(frozen=True)
class Source:
    """Where the output comes from: one of `commands`, `file`, `directory`, `url`.

    Args:
        commands: each a program with its arguments, the first that is there and tells of a device is run;
            no shell reads them.
        also: to each of them a second one, which tells more of the same devices.
        also_once: what the second one tells does not change: it is asked once, not at each reading.
        needs: a program that has to be there, and that messages name, where a shell runs the command.
        stream: the command is started once and prints on and on.
        file: is read at each poll.
        directory: a pattern of directories, each of which is a device; its files are the fields.
        url: a page, `http://HOST:PORT/PATH`.
        user, password, token: names of the environment variables that hold them, for a page.
        verify: whether the certificate of an https page is checked.
        period_s: how often it is read where nobody asks for another period.
        floor_s: it makes no sense to read it more often.
        timeout_s: so long an answer is waited for.
        remedy: what somebody can do who has such a device, and whose tool or files are not there.
        if_failing: what where they are there, and fail or tell of no device.
        unasked: of a preset: it takes part by itself where its tool or its files are there.
    """

    commands: tuple[tuple[str, ...], ...] = ()
    also: tuple[tuple[str, ...], ...] = ()
    also_once: bool = False
    needs: str = ""
    stream: bool = False
    file: str = ""
    directory: str = ""
    url: str = ""
    user: str = ""
    password: str = ""
    token: str = ""
    verify: bool = True
    period_s: float = 1.0
    floor_s: float = 0.1
    timeout_s: float = 5.0
    remedy: str = ""
    if_failing: str = ""
    unasked: bool = True


@dataclass(frozen=True)
class Told:
    """One metric: which field tells it, and how its text is read.

    Args:
        metric: as it is declared.
        sources: the fields that may tell it, the first that is there does.
        reading: of its text.
        combine: one value of several.
        partial: a sum is that of the parts that are known.
        minus: fields that are taken off: of what is free and the total, what is used.
        times: fields that it is multiplied by, each value by the one at its place: millivolts and
            milliamperes of a rail are microwatts. A field with one value multiplies all.
        over: fields that the one value of all is divided by: the sum over all cores by their number.
        only, skip: field -> its texts: other devices, and such devices, do not tell it.
        empty: what is told where the list that the field goes through is there, and has nothing in it.
        find: a pattern that is looked for in the text of the field; each time it is found is a value.
        shared: of devices that share a meter it is told once.
        board: how what the devices of a meter tell is one value of their board, besides.
        is_rate: the field is a total, and its growth in a second is told.
        accuracy_from: fields in which the device tells how accurate it is, in percent.
        least, most: of a rate; beyond these nothing is believed.
        widest: the most that is believed of any device, where the file says nothing.
    """

    metric: Metric
    sources: tuple[str, ...]
    reading: Reading
    combine: str = "first"
    partial: bool = False
    minus: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    empty: float | None = None
    find: re.Pattern[str] | None = None
    shared: bool = False
    board: str = ""
    is_rate: bool = False
    accuracy_from: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    widest: float = math.inf

    @cached_property
    def _is_plain(self) -> bool:
        """Whether the value is what the field says, and nothing besides."""
        return not (self.find or self.times or self.over or self.minus) and self.empty is None

    def is_told_by(self, record: Record) -> bool:
        """Whether the device of a record tells this at all."""
        if self.only and not all(fits(record.text(name), texts) for name, texts in self.only.items()):
            return False
        if any(fits(record.text(name), texts) for name, texts in self.skip.items()):
            return False
        return record.has(self.sources) or (self.empty is not None and record.has_none(self.sources))

    def metric_of(self, record: Record) -> Metric:
        """As the device of a record declares it: with the accuracy that it tells of itself."""
        told = record.first(self.accuracy_from) if self.accuracy_from else []
        gain_ratio = gain_told(str(told[0])) if told else None
        return self.metric if gain_ratio is None else self.metric.accurate_to(gain_ratio)

    def raws(self, record: Record) -> list[Any]:
        """The texts of the field, or what is found in them."""
        raws = record.first(self.sources)
        if self.find is None:
            return raws
        return [
            match[match.lastindex or 0]
            for raw in raws
            for match in self.find.finditer(seen_by(self.find, str(raw)).text)
        ]

    def value(self, record: Record) -> float | None:
        """One value of all that the field tells."""
        if self._is_plain:
            raws = record.first(self.sources)
            if len(raws) == 1:  # by far the most fields of the most outputs
                return self.reading.value(raws[0])
        if self.empty is not None and record.has_none(self.sources):
            return self.empty
        value = combined(self.parts(self.values(record)), self.combine)
        for name in self.over:
            by = bare_number(next(iter(record.values(name)), None))
            value = value / by if value is not None and by else None
        if self.times or self.over or self.combine == "sum":
            return self.reading.believed(value)
        return value if value is not None and self.reading.can_be(value) else None

    def part(self, raw: Any) -> float | None:
        """One number of several: of a sum one part may be zero where the whole may not."""
        number = self.reading.number(raw)
        if self.combine == "sum":
            return number if number is not None and self.reading.can_be(number) else None
        return self.reading.believed(number)

    def board_limits(self, devices: int) -> tuple[float, float]:
        """Between what the one value of so many devices of a board is believed: a sum may be more."""
        least, most = self.reading.least, self.reading.most
        if self.board != "sum" or self.metric.unit in (Unit.RATIO, Unit.CELSIUS):
            return least, most
        return min(least, least * devices), min(most * devices, max(most, self.widest))

    def of_board(self, records: Sequence[Record]) -> float | None:
        """The one value of the devices of a board that tell it, believed or not."""
        told = [self.value(record) for record in records if self.is_told_by(record)]
        return combined(self.parts(told), self.board)

    def parts(self, values: Sequence[float | None]) -> Sequence[float | None]:
        """Without those that are not known, where the description says that they are nothing."""
        return [value for value in values if value is not None] if self.partial else values

    def refused(self, record: Record) -> float | None:
        """What the field tells where that is beyond the limits, and therefore nothing."""
        if self.is_rate or self.value(record) is not None:
            return None
        return replace(self, reading=replace(self.reading, least=-math.inf, most=math.inf)).value(record)

    def last_digit(self, record: Record) -> float | None:
        """A unit of the last digit of what the field tells, in the unit of the metric; None where unknown."""
        if self.times or self.over:
            return None
        units = [unit for raw in self.raws(record) if (unit := self.reading.last_digit(raw)) is not None]
        return max(units, default=None)

    def values(self, record: Record) -> list[float | None]:
        """The numbers of these texts; without what is taken off, or multiplied by, none is told."""
        number = self.reading.number if self.times or self.over else self.part
        values = [number(raw) for raw in self.raws(record)]
        for name in self.times:
            values = _products(values, [bare_number(raw) for raw in record.values(name)])
        if not self.minus:
            return values
        off = next(iter([self.reading.value(raw) for raw in record.first(self.minus)]), None)
        return [None if value is None or off is None else value - off for value in values]


def _products(values: Sequence[float | None], by: Sequence[float | None]) -> list[float | None]:
    """Each by the one at its place; where they are not as many, nobody knows which belong together."""
    by = [by[0]] * len(values) if len(by) == 1 else by
    if len(by) != len(values):
        return [None] * len(values)
    pairs = zip(values, by, strict=True)
    return [None if one is None or other is None else one * other for one, other in pairs]


@dataclass(frozen=True)
class Devices:
    """`[device]`: templates such as `{uuid}`, filled with the fields of a record.

    Args:
        id: stable across runs.
        name: the model; empty: the name of the description.
        index: what people type; empty: the place in the output.
        shares: devices of which it is the same share one meter.
        facts: by name, what does not change.
        only, skip: field -> its texts: records that have them, and no others; and records that are left out.
    """

    id: str
    name: str = ""
    index: str = ""
    kind: DeviceKind = DeviceKind.ACCELERATOR
    scope: Scope | None = None
    shares: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """A whole file.

    Args:
        instead: collectors that read the same devices, and do not take part where this one was asked for.
    """

    name: str
    about: str
    source: Source
    read: Read
    device: Devices
    metrics: tuple[Told, ...]
    instead: tuple[str, ...] = ()
