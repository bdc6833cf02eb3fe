"""How is an output read into records: JSON, CSV, tables, key-value lines, patterns?

Each format is a function of the text. What it cannot read at all is a sentence (`Unreadable`); a part of
it that is torn off, as the end of an output that was cut, is left out.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from perfwatch_collectors.described.pages import devices_of
from perfwatch_collectors.described.patience import seen_by
from perfwatch_collectors.described.patterns import compiled
from perfwatch_collectors.described.records import (
    KEY,
    SHOWN,
    UP,
    Item,
    Record,
    fits,
    items_at,
    lost_at,
    there_are,
)

from perfwatch.text import clean
from perfwatch.units import format_duration
from perfwatch.workload.exposition import Page
from perfwatch.workload.lines import plain_text

PROMETHEUS = "prometheus"
"""The format of a page of metrics, which is not read as text."""
PATHS = frozenset({"json", "jsonl"})
"""Formats whose fields are paths."""
BY_LINE = frozenset({"csv", "table", "regex", "keyvalue"})
"""Formats in which a tool may tell of a device several times, the newest last."""
ROWS = frozenset({"csv", "table"})
"""Formats of which a row that does not fit its titles is passed over."""
AS_ONE_TEXT = ("regex", "keyvalue")
"""Formats in which what two commands print may be one text."""
MOST_RECORDS = 1024
"""No machine has more devices than this; a larger output is not what was described."""


BOM = b"\xef\xbb\xbf"
"""What some tools begin with, and is no text."""
MOST_OPENINGS = 32
"""So many lines that look like the beginning of a document are tried."""
_OPENING = re.compile(r"^[ \t]*([{\[])|\A[^{\[]*([{\[])", re.MULTILINE)
"""A document begins a line; or it is the first bracket of all."""


class Passed(NamedTuple):
    """A line that looks like a device and was passed over.

    Args:
        is_lost: a device is lost with it; else only a part of it is not looked at, or not known now.
    """

    line: str
    why: str
    is_lost: bool = True


class Unreadable(Exception):
    """The output is not what was described; says how, in a clause."""


@dataclass(frozen=True)
class Read:
    """`[read]` of a description.

    Args:
        format: one of `FORMATS`, or `directory` and `prometheus`, which are not read as a text.
        each: JSON: the path of the list of devices, `.` for a document that is the list itself, `[*]` for one
            whose values are the devices (`@key` is the key of each); `gpu_data|.`: the first that is there.
            Of a page of metrics: the labels that tell devices apart, with commas.
        pattern: of `regex`: found again and again, each time a device.
        begins: key-value: a line that a device's lines begin with, a regular expression; its groups are
            fields.
        separator: between columns, or between key and value.
        columns: the names of the columns, where the output has no titles.
        widths: of columns that are as wide as that.
        titles: a word of the line that holds the titles of a table, or of CSV.
        decimal, thousands: `,` where a comma in a number is that of decimals, or parts thousands.
        no_device: of tables and CSV: lines that look like devices and are none, with * for any text.
        newest: rows are readings, one after the other: of each device the newest counts.
        join: of a source with a second command: the field in which the lines of both say the same device;
            `dev_name|device` where they call it differently.
    """

    format: str
    each: str = ""
    pattern: str = ""
    begins: str = ""
    separator: str = ""
    columns: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    titles: str = ""
    join: str = ""
    no_device: tuple[str, ...] = ()
    newest: bool = False
    decimal: str = ""
    thousands: str = ""
    families: tuple[str, ...] = ()
    """Of a page of metrics: what is looked for, as the metrics of the description name it."""
    names: tuple[str, ...] = ()
    """Of CSV: the same, by which the line of titles is known."""

    @property
    def comma(self) -> str:
        """What a comma in a number is, where that is said."""
        return "decimal" if self.decimal == "," else "thousands" if self.thousands == "," else ""


def records(output: bytes, how: Read) -> list[Record]:
    """The records of an output, in its order.

    Raises:
        Unreadable: there is nothing in it that was described.
    """
    return records_and_rest(output, how)[0]


def records_and_rest(
    output: bytes, how: Read, now_s: Callable[[], float] | None = None
) -> tuple[list[Record], list[Passed]]:
    """The same, and the lines that look like devices and could not be read.

    Args:
        now_s: tells the time of day; without it a stamped value may be as old as it likes, as in a sample.
    """
    found: list[Record] = []
    rest: list[Passed] = []
    for one in _told_by(output, how, now_s):
        if isinstance(one, Record):
            found.append(one)
        elif len(rest) < MOST_RECORDS:
            rest.append(one)
        if len(found) > MOST_RECORDS:
            if how.format == PROMETHEUS:
                return found[:MOST_RECORDS], rest
            raise Unreadable(f"it tells more than {MOST_RECORDS} devices")
    return found, rest


def _told_by(output: bytes, how: Read, now_s: Callable[[], float] | None) -> Iterator[Record | Passed]:
    if how.format == PROMETHEUS:
        return _series(output, how, now_s)
    plain = "\n".join(plain_text(line) for line in output.removeprefix(BOM).split(b"\n"))
    return FORMATS[how.format](plain, how)


def joined(told: Sequence[Record], more: Sequence[Record], field: str) -> list[Record]:
    """The records of one output, each with the fields that another one tells of the same device besides."""
    others = {name: one.fields for one in more if (name := one.text(field)) is not None}
    return [
        Record({**others.get(one.text(field) or "", {}), **one.fields}, one.whole, one.around) for one in told
    ]


def told_instead(told: Sequence[Record], names: Sequence[str], how: Read) -> str:
    """Where no record has one of these fields, which there are: `; there are 'Board W', 'Die', ...`."""
    if how.format in PATHS:
        for level in range(1, len(told[0].around) + 1):
            if told[0].values(UP * level + names[0]):
                return f"; what is around it has: write {clean(UP * level + names[0], SHOWN)}"
        return lost_at(*told[0].begin_of(names[0])) or ""
    return there_are(told[0].fields) if isinstance(told[0].fields, Mapping) else ""


def _series(output: bytes, how: Read, now_s: Callable[[], float] | None) -> Iterator[Record | Passed]:
    each = [label.strip() for label in how.each.split(",") if label.strip()]
    told = False
    for device in devices_of(output, each, how.families, now_s):
        told = True
        yield device
        for family, old_s in device.stale.items():
            yield Passed(family, f"its value was stamped {format_duration(old_s)} ago", is_lost=False)
    if not told:
        there = there_are(sorted(name.decode("utf-8", "replace") for name in Page(output).families))
        raise Unreadable(f"it has none of {', '.join(how.families[:4])}{there}")


# -- JSON ----------------------------------------------------------------------------------------------


def _json(text: str, how: Read) -> Iterator[Record]:
    yield from _of_document(_document(text), how)


def _json_lines(text: str, how: Read) -> Iterator[Record]:
    """One document a line: the newest that is whole."""
    for line in reversed(text.splitlines()):
        if line.strip():
            try:
                document = json.loads(line)
            except (ValueError, RecursionError):
                continue  # the last line may still be written
            yield from _of_document(document, how)
            return
    raise Unreadable("no line of it is whole JSON")


def _document(text: str) -> Any:
    """The document; what a tool says before it, such as `[WARN] an old driver`, is passed over."""
    why = ""
    for match in islice(_OPENING.finditer(text), MOST_OPENINGS):
        try:
            return json.JSONDecoder().raw_decode(text, match.start(match.lastindex or 0))[0]
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None
        except ValueError as error:
            why = why or f"it is no whole JSON ({clean(error, 80)})"
    raise Unreadable(why or f"it is no JSON: {_begin(text)}")


def _of_document(document: Any, how: Read) -> Iterator[Record]:
    if not how.each:
        yield Record(document, document)
        return
    paths = [path.strip() for path in how.each.split("|")]
    found = next((found for path in paths if (found := items_at(document, path))), None)
    if found is None:
        lost = lost_at(document, paths[0])
        if lost is None:
            return
        raise Unreadable(f"it has no {clean(how.each, SHOWN)!r}{lost}")
    items = [
        Item(item.key, one, item.around)
        for item in found
        for one in (item.value if isinstance(item.value, list) else [item.value])
    ]
    devices = [item for item in items if isinstance(item.value, Mapping)]
    known = [item.value for item in items if item.value is not None]
    if known and not devices:
        raise Unreadable(
            f"{clean(how.each, SHOWN)!r} is no list of devices: it has {clean(repr(known[0]), SHOWN)} in it"
        )
    for key, one, around in devices:
        yield Record({KEY: key, **one} if key else one, document, around)


# -- lines and columns ---------------------------------------------------------------------------------


def titles_at(lines: Sequence[str], how: Read, *, is_begin: bool = True) -> int | None:
    """Which line holds the titles: one with the word of them, of CSV one with a field that a metric names.

    Args:
        is_begin: of CSV in which no field is found the first line is taken for the titles.
    """
    if how.titles:
        return next((at for at, line in enumerate(lines) if how.titles in line), None)
    if how.format != "csv" or how.columns:
        return None
    names = {name for name in how.names if not name.isdigit()}  # numbers name columns, and stand in rows
    known = (at for at, line in enumerate(lines) if not names.isdisjoint(_cells_of_csv(line, how)))
    first = next((at for at, line in enumerate(lines) if line.strip()), None) if is_begin else None
    return next(known, first)


def _cells_of_csv(line: str, how: Read) -> list[str]:
    try:
        rows = csv.reader([line], delimiter=how.separator or ",", skipinitialspace=True)
        return [cell.strip() for cell in next(rows, [])]
    except csv.Error:
        return []


def _csv(text: str, how: Read) -> Iterator[Record | Passed]:
    """Rows below a line of titles, or with the columns that the description names.

    Columns have their numbers as names besides, from 1 on. What stands before the titles is passed over.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    at = titles_at(lines, how)
    if at is None and how.titles:
        raise _no_titles(text, how)
    titles = how.columns or (_cells_of_csv(lines[at], how) if at is not None else [])
    below = lines if at is None else lines[at + 1 :]
    rows = csv.reader(below, delimiter=how.separator or ",", skipinitialspace=True)
    try:
        for cells in rows:
            if [cell.strip() for cell in cells[: len(titles)]] == list(titles) or is_ruler(cells):
                continue
            line = (how.separator or ",").join(cells)
            if fits(line.strip(), how.no_device):
                continue
            more = cells[len(titles) :] if at is not None and not how.columns else []
            if len(cells) >= len(titles) and not any(cell.strip() for cell in more):
                yield Record(_row(titles, cells))
            else:
                yield from _passed(line, cells, titles)
    except csv.Error as error:
        raise Unreadable(f"it is no CSV ({clean(error, 80)})") from None


def _no_titles(text: str, how: Read) -> Unreadable:
    return Unreadable(f"no line of it has the titles (with {how.titles!r}){_rows_there(text, how)}")


def is_ruler(cells: Sequence[str]) -> bool:
    """Whether a row is a line that is drawn: `----  -----`."""
    return not any(map(str.isalnum, "".join(cells)))


def _may_be_device(cells: Sequence[str], titles: Sequence[str]) -> bool:
    """Whether a row that has not a cell for each title looks like one of them nonetheless."""
    is_much = len(cells) > 1 and 2 * len(cells) >= len(titles)
    return is_much and any(any(map(str.isdigit, cell)) for cell in cells)


def _passed(line: str, cells: Sequence[str], titles: Sequence[str]) -> Iterator[Passed]:
    """What is said of a row that has not a cell for each title, where it may be a device."""
    if _may_be_device(cells, titles):
        yield Passed(line.strip(), f"it has {len(cells)} cells, and there are {len(titles)} titles")


def _table(text: str, how: Read) -> Iterator[Record | Passed]:
    """Columns apart by blanks, by a separator or by widths; below a line of titles where one is named."""
    titles: Sequence[str] = how.columns
    waits = bool(how.titles)
    for line in text.splitlines():
        cells = _cells(line, how)
        if waits:
            if how.titles in line:
                waits, titles = False, titles or cells
            continue
        if not titles or cells == list(titles) or is_ruler(cells) or fits(line.strip(), how.no_device):
            continue
        if len(cells) == len(titles):
            yield Record(_row(titles, cells))
        else:
            yield from _passed(line, cells, titles)
    if waits:
        raise _no_titles(text, how)


def _rows_there(text: str, how: Read) -> str:
    """Which line could be that of the titles: some of the first with several cells, else the first ones."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    rows = [line for line in lines if len(_cells(line, how)) > 1] or lines
    return f"; it has the lines {', '.join(repr(clean(line, 60)) for line in rows[:3])}" if rows else ""


def _cells(line: str, how: Read) -> list[str]:
    if how.widths:
        cells, at = [], 0
        for wide in how.widths:
            cells.append(line[at : at + wide].strip())
            at += wide
        return [*cells, line[at:].strip()] if line[at:].strip() else cells
    if how.separator:
        return [cell.strip() for cell in line.strip().strip(how.separator).split(how.separator)]
    if how.columns:
        return line.split(None, len(how.columns) - 1)
    return re.split(r"\s{2,}|\t", line.strip())


def _row(titles: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    numbered = {str(number): cell.strip() for number, cell in enumerate(cells, 1)}
    return {**numbered, **dict(zip(titles, (cell.strip() for cell in cells), strict=False))}


def _key_value(text: str, how: Read) -> Iterator[Record]:
    """`key: value` lines. Each device begins with a line of its own, or all of it is one."""
    begins = compiled(how.begins) if how.begins else None
    separator = how.separator or ":"
    whole: dict[str, str] = {}
    fields: dict[str, str] | None = None if begins else whole
    for line in text.splitlines():
        match = begins.search(seen_by(begins, line).text) if begins else None
        if match is not None:
            if fields:
                yield Record(fields, whole)
            fields = _groups(match)
        key, found, value = line.partition(separator)
        if found and key.strip():
            (whole if fields is None else fields).setdefault(" ".join(key.split()), value.strip())
    if fields:
        yield Record(fields, whole)


def _regex(text: str, how: Read) -> Iterator[Record | Passed]:
    """A pattern that fits once for each device, over as many lines as it likes; its groups are the fields."""
    pattern = compiled(how.pattern)
    seen = seen_by(pattern, text)
    for match in pattern.finditer(seen.text):
        yield Record(_groups(match))
    yield from map(_too_long, seen.cut)


def _too_long(begin: str) -> Passed:
    why = (
        f"the pattern takes too long on more than its first {len(begin)} characters, which alone are read; "
        "say it with fewer .*"
    )
    return Passed(begin, why, is_lost=False)


def _last_line(text: str, how: Read) -> Iterator[Record | Passed]:
    """The same, in the newest line that fits: of a log, or of a tool that prints one line a period."""
    pattern = compiled(how.pattern)
    for line in reversed(text.splitlines()):
        seen = seen_by(pattern, line)
        yield from map(_too_long, seen.cut)
        found = [Record(_groups(match)) for match in pattern.finditer(seen.text)]
        if found:
            yield from found
            return


def _groups(match: re.Match[str]) -> dict[str, str]:
    """The named groups that took part."""
    return {name: value for name, value in match.groupdict().items() if value is not None}


def _begin(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return f"it begins with {clean(first, 60)!r}" if first else "it is empty"


FORMATS: dict[str, Callable[[str, Read], Iterator[Record | Passed]]] = {
    "json": _json,
    "jsonl": _json_lines,
    "csv": _csv,
    "table": _table,
    "keyvalue": _key_value,
    "regex": _regex,
    "lastline": _last_line,
}
