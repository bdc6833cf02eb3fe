"""Where do the values of devices stand on a page that looks as it did the last time?

From one reading to the next the series of a page hardly ever change, only their values do. So what the labels
of a description's series mean is found out once, in the usual way, on a copy of the page in which each series
has its number for a value. As long as every line begins as it did, its value is that of the same device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import Unreadable, records
from perfwatch_collectors.described.pages import family_of
from perfwatch_collectors.described.values import combined

from perfwatch.model import Device, Sample
from perfwatch.workload.exposition import Page, number_of, series_of

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description, Told
    from perfwatch_collectors.described.devices import Found

    from perfwatch.workload.tally import Number


class _Line(NamedTuple):
    """How a line begins, how long that is, and the number of its series; None where it is no series."""

    begin: bytes
    size: int
    number: int | None


class _Slot(NamedTuple):
    """A metric of a device, and the numbers of the series that tell it; none where nothing does."""

    told: Told
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Where the values stand.

    Args:
        blocks: by family how the lines below its announcement begin.
        absent: families that the page does not announce.
        series: how many series there are.
        slots: of each device, by its id, what tells its metrics, in their order.
    """

    blocks: Mapping[str, Sequence[_Line]]
    absent: Sequence[str]
    series: int
    slots: Mapping[str, Sequence[_Slot | None]]

    def samples(self, page: Page) -> list[Sample] | None:
        """The samples of all devices; None where the page does not look as it did."""
        values = self._values(page)
        if values is None:
            return None
        return [
            Sample(key, tuple(None if slot is None else _value(slot, values) for slot in slots))
            for key, slots in self.slots.items()
        ]

    def _values(self, page: Page) -> list[Number | None] | None:
        """The value of each series, by its number."""
        if any(page.declares(name) for name in self.absent):
            return None
        values: list[Number | None] = [None] * self.series
        for name, lines in self.blocks.items():
            block = page.block(name)
            told = block.split(b"\n") if block is not None else []
            if len(told) != len(lines):
                return None
            for line, (begin, size, number) in zip(told, lines, strict=True):
                if not line.startswith(begin):
                    return None
                if number is not None:
                    text = line[size:]
                    values[number] = value = number_of(text)
                    if value is None and len(text.split()) != 1:
                        return None  # something stands behind the value now
        return values


def _value(slot: _Slot, values: Sequence[Number | None]) -> float | None:
    """As `Told.value` has it of a field that is nothing but its series."""
    told, reading = slot.told, slot.told.reading
    if len(slot.numbers) == 1:
        return reading.value(values[slot.numbers[0]])
    value = combined(told.parts([told.part(values[number]) for number in slot.numbers]), told.combine)
    return reading.believed(value) if told.combine == "sum" else _within(value, told)


def _within(value: float | None, told: Told) -> float | None:
    return value if value is not None and told.reading.can_be(value) else None


def learnt(page: Page, of: Description, devices: Mapping[str, Device]) -> Plan | None:
    """The plan of a page; None for one, or for a description, that has no such order.

    Args:
        devices: those that are known, as they are declared, by their ids.
    """
    blocks: dict[str, list[_Line]] = {}
    absent: list[str] = []
    numbered: list[bytes] = []
    series = 0
    for name in dict.fromkeys(family_of(field)[0] for field in of.read.families):
        block = page.block(name)
        if block is None:
            if page.texts(name):
                return None  # it stands somewhere, or is announced twice
            absent.append(name)
            continue
        blocks[name] = lines = _lines_of(name, block, series)
        known = [b"%b%d" % (begin, number) for begin, _, number in lines if number is not None]
        if len(known) != len(page.texts(name)):
            return None  # it stands elsewhere as well, or with something behind its values
        series += len(known)
        numbered += [f"# TYPE {name} gauge".encode(), *known]
    slots = _slots(b"\n".join([*numbered, b""]), of, devices)
    return None if slots is None else Plan(blocks, absent, series, slots)


def _lines_of(name: str, block: bytes, first: int) -> list[_Line]:
    """How the lines of a family begin; of other series than its own the values may change as they like."""
    lines = []
    for line in block.split(b"\n"):
        found = series_of(name, line)
        if found is not None:
            lines.append(_Line(found[0], len(found[0]), first))
            first += 1
        else:
            begin = line if line.startswith(b"#") else line.rpartition(b" ")[0]
            lines.append(_Line(begin, len(begin), None))
    return lines


def _slots(
    numbered: bytes, of: Description, devices: Mapping[str, Device]
) -> dict[str, list[_Slot | None]] | None:
    """What tells the metrics of each device; None where that is more than its series, or of others."""
    try:
        found = devices_in(records(numbered, of.read), of)
    except Unreadable:
        return None
    if {one.device.id for one in found} != set(devices) or any(one.is_board for one in found):
        return None
    slots: dict[str, list[_Slot | None]] = {}
    for one in found:
        by_name = {told.metric.name: told for told in one.told}
        names = [metric.name for metric in devices[one.device.id].metrics]
        each = [_slot(one, by_name[name]) if name in by_name else None for name in names]
        if any(slot is not None and not slot.numbers for slot in each):
            return None
        slots[one.device.id] = each
    return slots


def _slot(one: Found, told: Told) -> _Slot:
    """Without numbers where a value is more than its series: a part of a text, a product, a rate, a label."""
    is_more = told.find or told.times or told.over or told.minus or told.is_rate or told.empty is not None
    raws = [] if is_more else told.raws(one.records[0])
    return _Slot(told, tuple(raws) if all(isinstance(raw, int) for raw in raws) else ())
