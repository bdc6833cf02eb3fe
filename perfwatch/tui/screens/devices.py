"""Devices: how busy, how hot, how hungry is each? Panels with charts; lines, then tiles, as they grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.derive.asked import asked_for
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import DeviceKind, State
from perfwatch.text import clean
from perfwatch.tui.draw import bars, host_list, levels, panel, table, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.device_facts import memory_ratio, memory_words, state_style
from perfwatch.tui.draw.device_line import Fields, line_of, titles
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, Span, beside, blank, fitted
from perfwatch.tui.draw.telling import silent_rows
from perfwatch.tui.view import View
from perfwatch.units import DASH

MEASURED = (DeviceKind.ACCELERATOR, DeviceKind.CPU, DeviceKind.MEMORY, DeviceKind.METER)
ALONE = 20
"""From so many lines on, the only device there is is shown with every metric it has."""
TILE_COLUMNS, NARROW_TILE_COLUMNS = 8, 4
AXIS_LINES = 1
"""Below panels: which stretch of time their charts show."""
TOTALS_FROM = 12
"""From so many lines on, a line says what all devices together do."""
ROOMY = 100
"""From so many columns on, the line of totals says what power is of."""


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """The devices of this machine, as large as they fit."""
    rows = _rows(frame, view, size, book)
    return ascii_rows(rows) if view.ascii else rows


def _rows(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    columns, height = size
    shown = listed(frame, view)
    zoomed = [one for one in shown if one.label == view.zoom]
    if zoomed:
        from perfwatch.tui.screens import device

        return device.draw(zoomed[0], frame, view, size, book)
    paper = Paper(frame, view, book)
    top = _top(frame, view, shown, size)
    room = height - len(top)
    if not shown:
        return fitted([*top, *_nothing(view, columns)], columns, height)
    if len(shown) == 1 and not view.filter and room >= ALONE:
        from perfwatch.tui.screens import device

        return fitted([*top, *device.draw(shown[0], frame, view, (columns, room), book)], columns, height)
    selected = min(view.selected, len(shown) - 1)
    return fitted([*top, *as_they_fit(paper, shown, (columns, room), selected)], columns, height)


def listed(frame: Frame, view: View) -> list[DeviceNow]:
    """The devices that the screen lists, filtered and sorted; else by host, accelerators first."""
    found = [
        one
        for one in frame.devices
        if one.device.kind in MEASURED and view.matches(one.label, one.device.name, one.state.value)
    ]
    order = view.sort.get("devices", "")
    key = SORTS.get(order.lstrip("-"))
    if key is None:
        hosts: dict[str, int] = {}
        return sorted(
            found,
            key=lambda one: (hosts.setdefault(one.host, len(hosts)), MEASURED.index(one.device.kind)),
        )
    if view.order:
        places = {number: place for place, number in enumerate(view.order)}
        return sorted(found, key=lambda one: places.get(one.number, len(places)))
    return table.ordered(found, key, largest_first=True, turned=order.startswith("-"))


SORTS: Mapping[str, Callable[[DeviceNow], float | None]] = {
    "utilization": lambda one: one.value(m.UTILIZATION.name),
    "power": lambda one: one.watts,
    "memory": memory_ratio,
    "temperature": lambda one: one.value(m.TEMPERATURE.name),
}
"""Orders beside accelerators first, as their libraries list them; the largest first, what is unknown last."""


class Layout(NamedTuple):
    """How devices lie on the screen: as `panels`, `lines` or `tiles`, so many side by side, so high each."""

    kind: str
    across: int
    lines: int = 1


def layout(count: int, size: tuple[int, int]) -> Layout:
    """How so many devices fit."""
    columns, height = size
    for across in (1, 2, 3, 4):
        down = -(-count // across)
        lines = min((height - AXIS_LINES) // down, 12)
        if lines >= panel.LEAST and (columns - (across - 1)) // across >= 38:
            return Layout("panels", across, lines)
    for across in (1, 2, 3, 4):
        if count <= (height - 1) * across and (columns - across + 1) // across >= 38:
            return Layout("lines", across)
    return Layout("tiles", max(1, columns // TILE_COLUMNS))


def place_at(frame: Frame, view: View, size: tuple[int, int], x: int, y: int) -> int | None:
    """Which of the listed devices is drawn there; None where none is."""
    columns, height = size
    shown = listed(frame, view)
    top = len(_top(frame, view, shown, size))
    if not shown or y < top:
        return None
    height -= top
    kind, across, lines = layout(len(shown), (columns, height))
    width = (columns - across + 1) // across
    down = -(-len(shown) // across)
    if kind == "panels":
        pitch = lines + (down * lines + down - 1 + AXIS_LINES <= height)
        place = (y - top) // pitch * across + min(x // (width + 1), across - 1)
    elif kind == "lines":
        inside = 0 < y - top <= down
        place = min(x // (width + 1), across - 1) * down + y - top - 1 if inside else len(shown)
    else:
        map_ = heat_map(len(shown), (columns, height), min(view.selected, len(shown) - 1))
        inside = y > top and x < map_.across * map_.tile
        place = map_.first + (y - top - 1) * map_.across + x // map_.tile if inside else len(shown)
    return place if 0 <= place < len(shown) else None


def _top(frame: Frame, view: View, shown: Sequence[DeviceNow], size: tuple[int, int]) -> list[Row]:
    """The machine in one line, and what the listed devices together do in another."""
    columns, height = size
    host = _host_of(frame)
    rows = [_host(host, frame, columns)] if host is not None and height > panel.LEAST else []
    if height >= TOTALS_FROM:
        rows += silent_rows(frame, columns, most=2 if shown else 6)
    if len(shown) > 1 and height >= TOTALS_FROM:
        rows.append(_totals(shown, view, columns))
    return rows


def _host_of(frame: Frame) -> DeviceNow | None:
    return next((one for one in frame.devices if one.device.kind is DeviceKind.NODE), None)


def as_they_fit(
    paper: Paper, shown: Sequence[DeviceNow], size: tuple[int, int], selected: int = -1
) -> list[Row]:
    """Devices as panels, lines or tiles, whichever has room; `selected` is the place of the selected one."""
    kind, across, lines = layout(len(shown), size)
    if kind == "panels":
        return _panels(paper, shown, size, (across, lines), selected)
    if kind == "lines":
        return _compact(paper, shown, size, across, selected)
    return _tiles(shown, size, selected, ascii_only=paper.view.ascii)


# One panel a device


def _panels(
    paper: Paper,
    shown: Sequence[DeviceNow],
    size: tuple[int, int],
    shape: tuple[int, int],
    selected: int,
) -> list[Row]:
    """Panels of equal size, so many side by side and so many lines high, blank lines between if they fit."""
    columns, height = size
    across, lines = shape
    width = (columns - (across - 1)) // across
    down = -(-len(shown) // across)
    between = [blank(columns)] if down * lines + down - 1 + AXIS_LINES <= height else []
    rows: list[Row] = []
    for start in range(0, len(shown), across):
        blocks: list[tuple[int, Sequence[Row]]] = []
        for place, one in enumerate(shown[start : start + across]):
            if place:
                blocks.append((1, []))
            own = columns - place * (width + 1) if place == across - 1 else width
            blocks.append((own, panel.panel(paper, one, (own, lines), selected=start + place == selected)))
        filled = sum(own for own, _ in blocks)
        rows += between if rows else []
        rows += blocks[0][1] if across == 1 else beside([*blocks, (columns - filled, [])], lines)
    return [*rows[: height - AXIS_LINES], _axis(paper, shown, columns, across)]


def _axis(paper: Paper, shown: Sequence[DeviceNow], columns: int, across: int) -> Row:
    """Which stretch of time the charts above show."""
    width = (columns - (across - 1)) // across
    parts = [
        (place * (width + 1) + start, room)
        for place in range(min(across, len(shown)))
        for start, room in panel.chart_places(len(panel.tracks_of(shown[place])), width)
    ]
    return panel.axis(paper, parts, columns)


def _host(host: DeviceNow, frame: Frame, columns: int) -> Row:
    """The machine in one line."""
    line = Line(columns).put(" host  ", "dim")
    busy, load = host.value(m.CPU_UTILIZATION.name), host.value(m.LOAD_1M.name)
    line.put("cpu ", "label").cell(words.percent(busy), 5, "value")
    if columns >= 60:
        line.put("  load ", "label").cell(DASH if load is None else f"{load:.1f}", 5, "value")
    line.put("  mem ", "label").put(memory_words(host), "value")
    asked = asked_for(frame.header)  # of these it is said below why
    silent = [
        name
        for name, (state, _) in frame.collectors.items()
        if state in ("failed", "retrying") and name not in asked
    ]
    if silent:
        line.put("  ").foreign(f"{', '.join(silent)}: see screen 7", "warn")
    return line.row()


def _totals(shown: Sequence[DeviceNow], view: View, columns: int) -> Row:
    """What the listed devices do together."""
    together = host_list.fold("", shown, partly=True)
    busy, full, heat = together.utilization, together.memory_ratio, together.temperature_c
    parts: list[tuple[str, Span, str]] = []
    if busy is not None:
        parts.append(("util ", Span(f"{words.percent(busy):>5}", levels.load(busy)), "  "))
    if together.scope:
        covers = f" {together.scope}" if columns >= ROOMY else ""
        covers += f" without {together.silent}  " if together.silent else "  "
        parts.append(("power ", Span(f"{words.watts(together.power_w):>8}", "value"), covers))
    if full is not None:
        parts.append(("mem ", Span(f"{words.percent(full):>5}", levels.load(full)), "  "))
    if heat is not None:
        where = f" {clean(together.hottest)}  "
        parts.append(("hottest ", Span(f"{heat:.0f} °C", levels.heat(heat)), where))
    if together.state is not State.OK:
        said = f"{together.worst} {together.state.value}"
        parts.append(("", Span(said, state_style(together.state)), ""))
    order = view.sort.get("devices", "")
    if order:
        parts.append(("by ", Span(order.lstrip("-"), "accent"), ", turned" if order.startswith("-") else ""))
    return _line_of(tuple(parts), columns)


@lru_cache(maxsize=16)
def _line_of(parts: tuple[tuple[str, Span, str], ...], columns: int) -> Row:
    """Labels, values and what stands behind them; a part that has no room is left out."""
    line = Line(columns).put(" all   ", "dim")
    for label, value, behind in parts:
        if len(label) + len(value.text) + len(behind.rstrip()) <= line.room:
            line.put(label, "label").put(value.text, value.style).put(behind, "dim")
    return line.row()


def _nothing(view: View, columns: int) -> list[Row]:
    """What to do where no device is known."""
    if view.filter:
        return [Line(columns).put(" no device matches the filter; / changes it", "dim").row()]
    sentences = [
        "No accelerator, CPU package or meter tells its power here.",
        "perfwatch doctor         says what was looked for, what is missing, and what to do about it",
        "perfwatch run -- CMD     watches a job all the same: its work, its time, this machine",
        "perfwatch demo           shows the screens with simulated devices",
    ]
    return [blank(columns), *(Line(columns).put(f" {text}", "dim").row() for text in sentences)]


# One line a device


def _compact(
    paper: Paper, shown: Sequence[DeviceNow], size: tuple[int, int], across: int, selected: int
) -> list[Row]:
    columns, height = size
    width = (columns - across + 1) // across
    down = -(-len(shown) // across)
    blocks: list[tuple[int, Sequence[Row]]] = []
    for column in range(across):
        if column:
            blocks.append((1, []))
        own = columns - column * (width + 1) if column == across - 1 else width
        part = list(enumerate(shown))[column * down : (column + 1) * down]
        fields = Fields.of(shown, own)
        lines = [line_of(one, paper, fields, selected=place == selected) for place, one in part]
        blocks.append((own, [titles(fields), *lines]))
    return beside(blocks, min(down + 1, height))


# One tile a device


def _tiles(
    shown: Sequence[DeviceNow], size: tuple[int, int], selected: int, *, ascii_only: bool
) -> list[Row]:
    """A heat map: place and level of utilization of each device, and its percent where there is room."""
    columns, height = size
    map_ = heat_map(len(shown), size, selected)
    last = min(len(shown), map_.first + map_.across * (height - 1))
    title = " utilization of each device" + (", in %" if map_.tile == TILE_COLUMNS else "")
    part = f"  {map_.first + 1}-{last} of {len(shown)}" if last - map_.first < len(shown) else ""
    rows = [Line(columns).put(title, "dim").put(part, "label").row()]
    for start in range(map_.first, last, map_.across):
        line = Line(columns)
        for place, one in enumerate(shown[start : start + map_.across], start):
            busy = one.value(m.UTILIZATION.name)
            fine = one.state is State.OK
            style = levels.load(busy) if fine else state_style(one.state)
            line.put(f"{str(one.device.index)[:3]:>3}", "selected" if place == selected else "dim")
            line.put(bars.tile(busy, ascii_only=ascii_only) if fine else "x", style)
            percent = f"{DASH if busy is None else round(busy * 100):>3} "
            line.put(percent if map_.tile == TILE_COLUMNS else "", style)
        rows.append(line.row())
    return rows[:height]


class HeatMap(NamedTuple):
    """How tiles lie: so many columns each, so many side by side, and which device is the first in sight."""

    tile: int
    across: int
    first: int


def heat_map(count: int, size: tuple[int, int], selected: int) -> HeatMap:
    """Wide tiles if all fit, else narrow ones; of those that do not fit either the selected is in sight."""
    columns, height = size
    room = max(1, height - 1)
    for tile in (TILE_COLUMNS, NARROW_TILE_COLUMNS):
        across = max(1, columns // tile)
        down = -(-count // across)
        if down <= room:
            return HeatMap(tile, across, 0)
    first_row = max(0, min(selected // across - room + 1, down - room))
    return HeatMap(tile, across, first_row * across)
