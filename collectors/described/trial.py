"""What does a description make of an output? For those who write one: every field, and why it says nothing.

The same code that reads devices reads here; what it passes over in silence is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.apart import doubted, said_twice
from perfwatch_collectors.described.devices import Found, devices_in, ids_in
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.formats import Unreadable, records_and_rest, told_instead
from perfwatch_collectors.described.limits import is_little, little_of, much_of
from perfwatch_collectors.described.lost_rows import said_of
from perfwatch_collectors.described.names import doubt_of
from perfwatch_collectors.described.records import SHOWN, groups_of
from perfwatch_collectors.described.values import has_decimal_comma, is_missing, is_unclear, units_that_fit

from perfwatch import metrics
from perfwatch.errors import CollectorError, reason_of
from perfwatch.model import Device, Metric
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.described.collector import DescribedCollector
    from perfwatch_collectors.described.description import Description, Told
    from perfwatch_collectors.described.formats import Passed
    from perfwatch_collectors.described.records import Record


@dataclass(frozen=True)
class Tried:
    """One metric of one device: the texts of its field, the value, and why there is none.

    Args:
        is_refused: there is a number, which is beyond the limits.
    """

    metric: Metric
    source: str
    raw: tuple[str, ...]
    value: float | None
    why: str
    is_refused: bool = False


@dataclass(frozen=True)
class Trial:
    """What was read: each device with its metrics, what looks wrong, and what is.

    Args:
        faults: devices are not told apart, or share no meter, as was meant; or rows of some are lost.
    """

    devices: tuple[tuple[Device, tuple[Tried, ...]], ...]
    warnings: tuple[str, ...]
    faults: tuple[str, ...]


def of_sample(of: Description, sample: Path) -> Trial:
    """What a description makes of a captured output; of a directory's description the root of a copied tree.

    Raises:
        CollectorError: the sample cannot be read, or is not what was described.
    """
    told, passed = _records(of, sample)
    return _trial(of, told, passed)


def of_this_machine(collector: DescribedCollector) -> Trial:
    """The same of what a collector's source tells now; it has to be open.

    Raises:
        CollectorError: it cannot be read.
    """
    told = collector.records()
    return _trial(collector.description, told, collector.lost_rows.passed)


def _records(of: Description, sample: Path) -> tuple[Sequence[Record], Sequence[Passed]]:
    if of.source.directory:
        return Directories(sample, of.source.directory, of.source.remedy).records(), ()
    try:
        return records_and_rest(sample.read_bytes(), of.read)
    except OSError as error:
        raise CollectorError(f"cannot read {clean(sample)}: {reason_of(error)}") from error
    except Unreadable as error:
        raise CollectorError(f"{clean(sample)} is not understood: {error}") from error


def _trial(of: Description, told: Sequence[Record], passed: Sequence[Passed]) -> Trial:
    found, ids = devices_in(told, of), ids_in(told, of)
    devices = tuple((one.device, tuple(_tried(one, of))) for one in found)
    device = of.device
    apart = {"id": device.id, "index": device.index, "shares": device.shares}
    beside = {"name": device.name, **{f"facts.{name}": template for name, template in device.facts.items()}}
    return Trial(
        devices,
        (
            *_unfilled(told, beside, of),
            *_warnings(of, told, found, devices),
            *doubted(ids, of),
            *said_of([one for one in passed if not one.is_lost], of),
        ),
        (
            *_unfilled(told, apart, of),
            *said_twice(ids, of),
            *said_of([one for one in passed if one.is_lost], of),
        ),
    )


def _unfilled(told: Sequence[Record], templates: Mapping[str, str], of: Description) -> Iterator[str]:
    """The fields of templates that no record has."""
    for key, template in templates.items():
        for names in groups_of(template):
            if told and not any(record.has(names) for record in told):
                field, there = " or ".join(map(repr, names)), told_instead(told, names, of.read)
                yield f"{key} of [device]: no device has the field {field}{there}"


def _tried(one: Found, of: Description) -> Iterator[Tried]:
    for told in of.metrics:
        if told in one.told:
            yield _of_board(told, one) if one.is_board and told.board else _of_metric(told, one.records)


def _of_board(told: Told, one: Found) -> Tried:
    """What the devices of a board tell together."""
    raws = [raw for record in one.records for raw in told.raws(record)]
    value = one.value(told)
    source = f"{told.board} of {' or '.join(told.sources)}"
    if value is not None:
        return _value(told, source, raws, value)
    beyond = told.of_board(one.records)
    if beyond is None:
        return _tried_in_vain(told, source, one.records)
    least, most = told.board_limits(len(one.records))
    why = f"their {told.board}, {beyond:g}, is beyond what can be ({least:g} to {most:g})"
    return Tried(told.metric, source, _texts(raws), None, why, is_refused=True)


def _of_metric(told: Told, of: Sequence[Record]) -> Tried:
    """From the first record that tells a value, as in a sample; else from the first that has the field."""
    source = " or ".join(told.sources)
    for record in of:
        value = told.value(record)
        if value is not None:
            return _value(told, source, told.raws(record), value)
    return _tried_in_vain(told, source, of)


def _value(told: Told, source: str, raws: Sequence[Any], value: float) -> Tried:
    if not told.is_rate:
        return Tried(told.metric, source, _texts(raws), value, "")
    why = f"a total ({value:g}): its growth is told from the second reading on"
    return Tried(told.metric, source, _texts(raws), None, why)


def _tried_in_vain(told: Told, source: str, of: Sequence[Record]) -> Tried:
    """Why none of the records tells a value."""
    each = [found for record in of if (found := told.raws(record))]
    raws = [raw for found in each for raw in found] if told.board == "sum" else next(iter(each), [])
    refused = next((value for record in of if (value := told.refused(record)) is not None), None)
    why = _why(told, raws) if refused is None else _why_refused(told, raws, refused)
    return Tried(told.metric, source, _texts(raws), None, why, refused is not None)


def _texts(raws: Sequence[Any]) -> tuple[str, ...]:
    return tuple(clean(raw, SHOWN) for raw in raws[:4])


def _why(told: Told, raws: Sequence[Any]) -> str:
    """Why a field that is there tells no value."""
    if not raws:
        return (
            "the field is not there" if told.find is None else "the field is not there, or find is not in it"
        )
    if isinstance(raws[0], (dict, list)):
        return "it holds more than one value: name one of them, or add [*] and combine"
    if not told.partial and "sum" in (told.combine, told.board) and len(raws) > 1:
        return "a part of the sum is not known (partial = true takes it for nothing)"
    return _why_of_text(told, raws[0])


def _why_of_text(told: Told, raw: Any) -> str:
    """Why a text tells no value."""
    text = str(raw).strip()
    if is_missing(text) or text in told.reading.missing:
        return "the tool knows nothing"
    bare = told.reading.number(raw)
    if bare is None and not told.reading.comma and is_unclear(text):
        return 'its comma may be either sign: say decimal = "," or thousands = "," in [read]'
    if bare is None and told.reading.comma != "decimal" and has_decimal_comma(text):
        return 'its comma is that of decimals: say decimal = "," in [read]'
    if bare is None:
        return f"no number, or not in a unit of {told.metric.unit.value}"
    if bare == 0.0 and told.reading.zero_is_missing:
        return "zero counts as missing"
    return "what it is taken off, multiplied with or divided by is not known"


def _why_refused(told: Told, raws: Sequence[Any], value: float) -> str:
    """Beyond which limits a number is, and the likely reason."""
    reading = told.reading
    beyond = f"{value:g} is beyond what can be ({reading.least:g} to {reading.most:g})"
    if value < reading.least and value < 0.0:
        return f"{beyond}; give least where it may be negative"
    units = units_that_fit(reading, value) if _is_bare(raws) and not told.times and not told.over else []
    return f"{beyond}; its unit may be wrong" + (f": {' or '.join(units)} would fit" if units else "")


def _warnings(
    of: Description,
    told: Sequence[Record],
    found: Sequence[Found],
    devices: Sequence[tuple[Device, tuple[Tried, ...]]],
) -> Iterator[str]:
    if not told:
        yield "nothing in it is a device: look at [read]"
    elif not found:
        yield "all of it is left out by only and skip of [device]"
    declared = {metric.name for one in found for metric in one.device.metrics}
    for each in of.metrics:
        if found and each.metric.name not in declared:
            field, there = " or ".join(map(repr, each.sources)), told_instead(told, each.sources, of.read)
            yield f"{each.metric.name}: no device has the field {field}{there}"
        doubt = doubt_of(each.metric.name)
        if doubt:
            yield f"{each.metric.name}: {doubt}"
    yield from _untold(devices)
    yield from _doubtful(of, devices)
    yield from _beyond_a_wrap(devices)
    if any(one.device.id == f"{of.name}-{at}" for at, one in enumerate(found)):
        yield "a device has no id of its own (id of [device]): it is known by its place, which may change"
    energy = {metrics.POWER.name, metrics.ENERGY.name} & {each.metric.name for each in of.metrics}
    if energy and of.device.scope is None:
        yield 'power without a scope in [device] is shown and never summed; add scope = "accelerator"'


def _untold(devices: Sequence[tuple[Device, tuple[Tried, ...]]]) -> Iterator[str]:
    """Metrics of which a number was refused, or that no device tells."""
    for name in dict.fromkeys(one.metric.name for _, tried in devices for one in tried):
        of_it = [(device, one) for device, tried in devices for one in tried if one.metric.name == name]
        refused = [(device, one) for device, one in of_it if one.is_refused]
        for device, one in refused[:1]:
            yield f"{name}: {', '.join(one.raw)} of {clean(device.id, SHOWN)} is refused: {one.why}"
        if not refused and all(one.value is None for _, one in of_it):
            yield f"{name}: no device tells a value"


def _doubtful(of: Description, devices: Sequence[tuple[Device, tuple[Tried, ...]]]) -> Iterator[str]:
    """Values far too small or too large for their metric, as watts are that were taken for milliwatts.

    Where the file says `most`, somebody thought of it.
    """
    for told in of.metrics:
        for device, one in _of(told.metric, devices):
            how = _how_odd(told, device, one.value)
            if one.value is None or not how:
                continue
            fit = (
                [] if told.times or told.over or not _is_bare(one.raw) else _fitting(told, device, one.value)
            )
            would = f": {' or '.join(fit)} would fit" if fit else ""
            yield (
                f"{told.metric.name}: {', '.join(one.raw)} of {clean(device.id, SHOWN)} is {one.value:g} "
                f"{told.metric.unit.value}, which is very {how}; its unit may be wrong{would}"
            )
            break


def _beyond_a_wrap(devices: Sequence[tuple[Device, tuple[Tried, ...]]]) -> Iterator[str]:
    """Counters that are further than they are said to go."""
    for device, tried in devices:
        for one in tried:
            wraps_at = one.metric.wraps_at
            if wraps_at and one.value is not None and one.value >= wraps_at:
                yield (
                    f"{one.metric.name}: {', '.join(one.raw)} of {clean(device.id, SHOWN)} is beyond its "
                    "wraps_at, which is in the unit of the raw value: every fall would count as a restart"
                )


def _how_odd(told: Told, device: Device, value: float | None) -> str:
    """`little`, `much`, or nothing where a value is as others are."""
    if value is None:
        return ""
    if is_little(value, told.metric, device.scope):
        return "little"
    is_much = value > much_of(told.metric, device.scope) and told.most >= told.widest
    return "much" if is_much else ""


def _fitting(told: Told, device: Device, value: float) -> list[str]:
    """The units in which a value would be neither too much nor too little."""
    least, most = little_of(told.metric, device.scope), much_of(told.metric, device.scope)
    return units_that_fit(replace(told.reading, least=least, most=min(most, told.reading.most)), value)


def _of(
    metric: Metric, devices: Sequence[tuple[Device, tuple[Tried, ...]]]
) -> Iterator[tuple[Device, Tried]]:
    return ((device, one) for device, tried in devices for one in tried if one.metric.name == metric.name)


def _is_bare(raws: Sequence[Any]) -> bool:
    """Whether a text says no unit itself."""
    return bool(raws) and str(raws[0]).strip()[-1:].isdigit()
