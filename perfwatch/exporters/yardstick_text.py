"""Published results as a table for people, alone or with a run beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perfwatch.exporters.layout import BOLD, DIM, Paint, hanging
from perfwatch.text import pad, width
from perfwatch.units import DASH, format_count, format_quantity, significant
from perfwatch.yardstick.table import Published

Json = Mapping[str, Any]

CAVEAT = (
    "Worked out from the logs published by MLCommons; only results of one round, benchmark and scenario are "
    "strictly comparable, and power is that of the whole system at the wall."
)
UNVERIFIED = "This run is no result verified by MLCommons, unless it was published by them."
GAP = "  "
LEAST_NAME = 24
"""A system's name gets so many columns; where there are fewer it stands on a line of its own."""
STACKED = 4
"""So far figures are indented below a name that stands on a line of its own."""
SPARE = (2, 0, 3)
"""Columns that a narrow terminal goes without, the first first: power, round, efficiency."""
NAMES = {"samples/s": "samples/J", "tokens/s": "tokens/J", "ms": "samples/J", "min": ""}


def render(rows: Sequence[Published], *, columns: int, color: bool = False, ascii_only: bool = False) -> str:
    """The table of published results, one part for each benchmark and scenario.

    Args:
        columns: of the terminal.
    """
    paint = Paint(color=color, ascii_only=ascii_only)
    lines: list[str] = []
    for benchmark, scenario in dict.fromkeys((row.benchmark, row.scenario) for row in rows):
        of_it = [row for row in rows if (row.benchmark, row.scenario) == (benchmark, scenario)]
        unit = of_it[0].unit
        titles = ["round", unit, "W at the wall", NAMES[unit]]
        cells = [_system_cells(row) for row in of_it]
        lines += [paint.style(f"{benchmark}, {scenario}", BOLD)]
        lines += [
            *_table(
                [(_name(row), each) for row, each in zip(of_it, cells, strict=True)], titles, columns, paint
            )
        ]
        lines += [f"{GAP}{row.system}: {row.note}" for row in of_it if row.note]
        lines.append("")
    return "\n".join([*lines, *hanging(CAVEAT, columns, "", paint=paint)])


def against_lines(found: Json, columns: int, paint: Paint) -> Iterator[str]:
    """A run beside published systems, with what may not be compared and why."""
    what = f"{found.get('benchmark') or 'no benchmark'}, {found.get('scenario') or 'no scenario'}"
    yield ""
    yield paint.style(paint.cut(f"beside MLPerf: {what}", columns), BOLD)
    rows = found.get("rows") or []
    refused = "may NOT all be compared: " if rows else "may NOT be compared: "
    for sentence in found.get("refused") or []:
        yield from hanging(f"{sentence}.", columns, refused, paint=paint)
    if not rows:
        if found.get("benchmark") is None or found.get("scenario") is None:
            yield from hanging(
                "--against mlperf/resnet50/offline, or --tag benchmark=... --tag scenario=... at the run.",
                columns, "say which: ", paint=paint,
            )  # fmt: skip
        return
    for sentence in found.get("notes") or []:
        yield from hanging(f"{sentence}.", columns, "take with care: ", paint=paint)
    yield from _beside(found, rows, columns, paint)
    yield from hanging(f"{UNVERIFIED} {CAVEAT}", columns, "", paint=paint)


def _beside(found: Json, rows: Sequence[Json], columns: int, paint: Paint) -> Iterator[str]:
    """The run's line, the systems' lines, and where the run stands."""
    unit, mine = str(rows[0]["unit"]), found.get("run") or {}
    is_time = unit in ("ms", "min")
    titles = ["round", unit, "W", NAMES[unit], *(["time", "speed"] if is_time else ["speed"]), "work/J"]
    own = [
        "",
        _number(mine.get("result")),
        _watts(mine.get("watts")),
        _number(mine.get("per_joule")),
        *[""] * (2 + is_time),
    ]
    cells = [
        (_system(row["submitter"], row["system"], row["status"]), _row_cells(row, is_time)) for row in rows
    ]
    yield from _table([("this run", own), *cells], titles, columns, paint)
    yield from hanging(" ".join(_standing(rows)), columns, "", paint=paint)


def _standing(rows: Sequence[Json]) -> Iterator[str]:
    """Two sentences for a slide."""
    for key, better, of_what in (
        ("speed_ratio", "faster", "published systems"),
        ("per_joule_ratio", "more efficient", "published systems that told their power"),
    ):
        ratios = [row[key] for row in rows if row.get(key) is not None]
        if ratios:
            beaten = sum(ratio > 1.0 for ratio in ratios)
            yield f"This run is {better} than {beaten} of {len(ratios)} {of_what}."


def _row_cells(row: Json, is_time: bool) -> list[str]:
    speed, per_joule = row.get("speed_ratio"), row.get("per_joule_ratio")
    ratios = [_times(speed)]
    if is_time:
        ratios = [_less_time(speed), *ratios]
    return [
        row["round"],
        _number(row["result"]),
        _watts(row.get("watts")),
        _number(row.get("per_joule")),
        *ratios,
        _times(per_joule),
    ]


def _times(ratio: float | None) -> str:
    """How the run stands to it: `1.46 x` is 46 % more."""
    return DASH if ratio is None else f"{significant(ratio)} x"


def _less_time(speed: float | None) -> str:
    """The same as time: 1.46 times the speed is 31.5 % less time."""
    if speed is None:
        return DASH
    share = round(1.0 / speed - 1.0, 3)
    return f"{share:+.1%}".replace("%", " %").replace("-", "−") if share else "0.0 %"


def _system_cells(row: Published) -> list[str]:
    return [
        row.round,
        _number(row.result),
        _watts(row.watts),
        _number(row.per_joule) if NAMES[row.unit] else "",
    ]


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    return format_count(round(value)) if value >= 1e4 else format_quantity(value, "", digits=4)


def _watts(value: float | None) -> str:
    return DASH if value is None else significant(value)


def _name(row: Published) -> str:
    return _system(row.submitter, row.system, row.status)


def _system(submitter: str, system: str, status: str) -> str:
    return f"{submitter} {system}" + (f" ({status})" if status not in ("", "available") else "")


def _table(
    rows: Sequence[tuple[str, Sequence[str]]], titles: Sequence[str], columns: int, paint: Paint
) -> Iterator[str]:
    """Names at the left, figures at the right; a name without room has a line of its own.

    In a narrow terminal some columns are left out.
    """
    rows = [(paint.line(name), [paint.line(cell) for cell in cells]) for name, cells in rows]
    empty = ("", paint.line(DASH))
    used = [place for place in range(len(titles)) if any(cells[place] not in empty for _, cells in rows)]
    room_of = [max(width(titles[at]), *(width(cells[at]) for _, cells in rows)) for at in range(len(titles))]
    for spare in SPARE:
        if STACKED + sum(room_of[at] + len(GAP) for at in used) > columns and spare in used:
            used.remove(spare)
    rooms = [room_of[at] for at in used]
    figures = sum(rooms) + len(GAP) * len(rooms)
    longest = max(LEAST_NAME, *(width(name) for name, _ in rows))
    room = min(longest, columns - figures - len(GAP))
    stacked = room < LEAST_NAME
    indent = " " * (STACKED if stacked else room + len(GAP))
    yield paint.style((indent + _cells([titles[at] for at in used], rooms)).rstrip(), DIM)
    for name, cells in rows:
        figures_text = _cells([cells[at] for at in used], rooms)
        if stacked:
            yield GAP + paint.cut(name, columns - len(GAP))
            yield (indent + figures_text).rstrip()
        else:
            line = GAP + pad(paint.cut(name, room), room) + figures_text
            yield line.rstrip()


def _cells(texts: Sequence[str], rooms: Sequence[int]) -> str:
    return "".join(GAP + " " * (room - width(text)) + text for text, room in zip(texts, rooms, strict=True))
