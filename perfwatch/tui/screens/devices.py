"""Devices: how busy, how hot, how hungry is each? Panels with charts; lines, then tiles, as they grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.derive.throttles import reasons_of
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import DeviceKind, State
from perfwatch.tui.draw import bars, charts, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, Span, beside, blank, fitted
from perfwatch.tui.view import View
from perfwatch.units import DASH

MEASURED = (DeviceKind.ACCELERATOR, DeviceKind.CPU, DeviceKind.MEMORY, DeviceKind.METER)
PANEL_LEAST = 4
"""Lines of a panel: its heading, and charts of three."""
ALONE = 20
"""From so many lines on, the only device there is is shown with every metric it has."""
TILE_COLUMNS = 8
CHART_LEAST = 10
"""Columns that a chart needs to tell something."""


class Paper(NamedTuple):
    """What is drawn, how it is looked at, and the charts known so far."""

    frame: Frame
    view: View
    book: Book


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
    host = _host_of(frame)
    paper = Paper(frame, view, book)
    top = [_host(host, frame, columns)] if host is not None and height > PANEL_LEAST else []
    room = height - len(top)
    if not shown:
        return fitted([*top, *_nothing(view, columns)], columns, height)
    if len(shown) == 1 and not view.filter and room >= ALONE:
        from perfwatch.tui.screens import device

        return fitted([*top, *device.draw(shown[0], frame, view, (columns, room), book)], columns, height)
    selected = min(view.selected, len(shown) - 1)
    return fitted([*top, *_fitting(paper, shown, (columns, room), selected)], columns, height)


def listed(frame: Frame, view: View) -> list[DeviceNow]:
    """The devices that the screen lists, filtered and sorted."""
    found = [
        one
        for one in frame.devices
        if one.device.kind in MEASURED and view.matches(one.label, one.device.name, one.state.value)
    ]
    return sort(found, view.sort.get("devices", ""))


SORTS: Mapping[str, Callable[[DeviceNow], float]] = {
    "utilization": lambda one: -(one.value(m.UTILIZATION.name) or 0.0),
    "power": lambda one: -(one.watts or 0.0),
    "memory": lambda one: -(_memory_ratio(one) or 0.0),
    "temperature": lambda one: -(one.value(m.TEMPERATURE.name) or 0.0),
}
"""Orders beside that of the vendor's library; the largest first."""


def sort(devices: Sequence[DeviceNow], by: str) -> list[DeviceNow]:
    """The devices in the order asked for; `-` in front turns it round."""
    key = SORTS.get(by.lstrip("-"))
    if key is None:
        return list(devices)
    return sorted(devices, key=key, reverse=by.startswith("-"))


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
        lines = min(height // down, 12)
        if lines >= PANEL_LEAST and (columns - (across - 1)) // across >= 38:
            return Layout("panels", across, lines)
    for across in (1, 2, 3, 4):
        if count <= (height - 1) * across and (columns - across + 1) // across >= 38:
            return Layout("lines", across)
    return Layout("tiles", max(1, columns // TILE_COLUMNS))


def place_at(frame: Frame, view: View, size: tuple[int, int], x: int, y: int) -> int | None:
    """Which of the listed devices is drawn there; None where none is."""
    columns, height = size
    shown = listed(frame, view)
    top = 1 if height > PANEL_LEAST and _host_of(frame) is not None else 0
    if not shown or y < top:
        return None
    kind, across, lines = layout(len(shown), (columns, height - top))
    width = (columns - across + 1) // across
    down = -(-len(shown) // across)
    if kind == "panels":
        pitch = lines + (down * lines + down - 1 <= height - top)
        place = (y - top) // pitch * across + min(x // (width + 1), across - 1)
    elif kind == "lines":
        inside = 0 < y - top <= down
        place = min(x // (width + 1), across - 1) * down + y - top - 1 if inside else len(shown)
    else:
        place = (y - top - 1) * across + x // TILE_COLUMNS if x < across * TILE_COLUMNS else len(shown)
    return place if 0 <= place < len(shown) else None


def _host_of(frame: Frame) -> DeviceNow | None:
    return next((one for one in frame.devices if one.device.kind is DeviceKind.NODE), None)


def _fitting(paper: Paper, shown: Sequence[DeviceNow], size: tuple[int, int], selected: int) -> list[Row]:
    kind, across, lines = layout(len(shown), size)
    if kind == "panels":
        return _panels(paper, shown, size, (across, lines), selected)
    if kind == "lines":
        return _compact(paper, shown, size, across, selected)
    return _tiles(shown, size, selected, ascii_only=paper.view.ascii)


# One panel a device


class Track(NamedTuple):
    """One chart of a panel: what, in which style, its value in words, and the top of its axis."""

    name: str
    metric: str
    style: str
    text: str
    top: float


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
    between = [blank(columns)] if down * lines + down - 1 <= height else []
    rows: list[Row] = []
    for start in range(0, len(shown), across):
        blocks: list[tuple[int, Sequence[Row]]] = []
        for place, one in enumerate(shown[start : start + across]):
            if place:
                blocks.append((1, []))
            own = columns - place * (width + 1) if place == across - 1 else width
            blocks.append((own, panel(paper, one, (own, lines), selected=start + place == selected)))
        filled = sum(own for own, _ in blocks)
        rows += [*(between if rows else []), *beside([*blocks, (columns - filled, [])], lines)]
    return rows[:height]


def panel(paper: Paper, one: DeviceNow, size: tuple[int, int], *, selected: bool = False) -> list[Row]:
    """One device: a heading with what has no chart, and a chart each of utilization, power and memory."""
    columns, lines = size
    rows = [heading(one, paper.frame, columns, selected=selected)]
    tracks = tracks_of(one)
    if not tracks:
        silent = Line(columns).put("  tells no utilization, power or memory", "dim").row()
        return fitted([*rows, silent], *size)
    room = lines - len(rows)
    if columns >= 3 * (CHART_LEAST + 12) and len(tracks) > 1:
        return fitted([*rows, *_side_by_side(paper, one, tracks, (columns, room))], *size)
    each = max(1, room // len(tracks))
    for track in tracks[:room]:
        rows += _track(paper, one, track, (columns, each))
    return fitted(rows, *size)


def _side_by_side(paper: Paper, one: DeviceNow, tracks: Sequence[Track], size: tuple[int, int]) -> list[Row]:
    """Charts with two blank columns between them, and one at either edge."""
    columns, height = size
    width = (columns - 2 * len(tracks)) // len(tracks)
    blocks: list[tuple[int, Sequence[Row]]] = []
    for place, track in enumerate(tracks):
        own = columns - 2 - place * (width + 2) if place == len(tracks) - 1 else width
        blocks += [(2 if place else 1, []), (own, _under_its_words(paper, one, track, (own, height)))]
    return beside([*blocks, (1, [])], height)


def _under_its_words(paper: Paper, one: DeviceNow, track: Track, size: tuple[int, int]) -> list[Row]:
    """A line with name and value, the chart below it."""
    columns, height = size
    stale = one.state is not State.OK
    line = Line(columns).put(track.name, "label").put(" ")
    rows = [line.cell(track.text, line.room, "stale" if stale else "value").row()]
    return [*rows, *_chart(paper, one, track, (columns, height - 1))]


def _track(paper: Paper, one: DeviceNow, track: Track, size: tuple[int, int]) -> list[Row]:
    """A chart with name and value at its left."""
    columns, height = size
    left = 22
    stale = one.state is not State.OK
    rows = [
        Line(left)
        .put(f" {track.name:<6}", "label")
        .cell(track.text, left - 8, "stale" if stale else "value")
        .row()
    ]
    chart = _chart(paper, one, track, (columns - left - 1, height))
    return beside([(left, rows), (columns - left - 1, chart), (1, [])], height)


def _chart(paper: Paper, one: DeviceNow, track: Track, size: tuple[int, int]) -> list[Row]:
    columns, height = size
    if height < 1 or columns < 2:
        return []
    frame, view = paper.frame, paper.view
    now = frame.t if view.paused_at is None else view.paused_at
    span = charts.Span.ending(now, view.seconds(frame.t), columns)
    scale = charts.Scale(height, 0.0, track.top, ascii_only=view.ascii, held=span.held(frame))
    texts = paper.book.chart(one.number, track.metric, span, scale)
    style = track.style if one.state is State.OK else "stale"
    return [(Span(text, style),) for text in texts]  # as wide as it was asked for


def tracks_of(one: DeviceNow) -> list[Track]:
    """The charts that this device can fill."""
    known = {metric.name for metric in one.device.metrics}
    found = []
    if m.UTILIZATION.name in known:
        busy = words.percent(one.value(m.UTILIZATION.name))
        found.append(Track("util", m.UTILIZATION.name, "utilization", busy, 1.0))
    if m.POWER.name in known:
        limit = _limit(one)
        watts = words.watts(one.value(m.POWER.name))
        text = f"{watts} / {words.watts(limit)}" if limit else watts
        top = limit or charts.ceiling(one.value(m.POWER.name), 10.0)
        found.append(Track("power", m.POWER.name, "power", text, top))
    elif m.ENERGY.name in known:
        top = charts.ceiling(one.watts, 10.0)
        found.append(Track("power", m.ENERGY.name, "power", words.watts(one.watts), top))
    if m.MEMORY_USED.name in known and one.value(m.MEMORY_TOTAL.name):
        total = one.value(m.MEMORY_TOTAL.name) or 1.0
        found.append(Track("mem", m.MEMORY_USED.name, "memory", _memory(one), total))
    return found


def _limit(one: DeviceNow) -> float | None:
    fact = one.device.facts.get("power_limit_watts")
    return one.value(m.POWER_LIMIT.name) or (fact if isinstance(fact, (int, float)) else None)


def _memory_ratio(one: DeviceNow) -> float | None:
    used, total = one.value(m.MEMORY_USED.name), one.value(m.MEMORY_TOTAL.name)
    return used / total if used is not None and total else None


def _memory(one: DeviceNow) -> str:
    used, total = one.value(m.MEMORY_USED.name), one.value(m.MEMORY_TOTAL.name)
    if used is None or not total:
        return DASH
    return f"{used / 2**30:.1f} / {total / 2**30:.0f} GiB"


# Lines


def heading(one: DeviceNow, frame: Frame, columns: int, *, selected: bool = False) -> Row:
    """Label and model, or what is wrong, at the left; throttling, clock and temperature at the right."""
    style = "selected" if selected else "title"
    line = Line(columns).put(" ", style).foreign(one.label, style).put("  ", style)
    spans = [*(_extras(one) if one.state is State.OK else ()), Span(" ", style)]
    room = _left_beside(line, spans)
    if room < len(one.device.name):  # which device it is says more than its clock
        spans = [span for span in spans if span.style != "clock"]
        room = _left_beside(line, spans)
    if selected:
        spans = [Span(span.text, style if span.style != "throttle" else span.style) for span in spans]
    if one.state is State.OK:
        line.foreign(one.device.name, style, columns=room)
    else:
        line.put(f"{one.state.value}, ", _state_style(one.state))
        line.foreign(_trouble(one, frame), "dim", columns=max(0, columns - line.used - 2))
    return line.right(spans, style).row(style)


def _left_beside(line: Line, spans: Sequence[Span]) -> int:
    return max(0, line.room - sum(len(span.text) for span in spans) - 1)


def _extras(one: DeviceNow) -> list[Span]:
    """What has no chart."""
    spans = []
    held_back = throttle_words(one.value(m.THROTTLE_REASONS.name))
    if held_back:
        spans.append(Span(f" {held_back} ", "throttle"))
    clock, heat = one.value(m.SM_CLOCK.name), one.value(m.TEMPERATURE.name)
    if clock is not None:
        spans.append(Span(f" {clock / 1e6:5.0f} MHz", "clock"))
    if heat is not None:
        spans.append(Span(f" {heat:3.0f} °C", "temperature"))
    return spans


def _trouble(one: DeviceNow, frame: Frame) -> str:
    read = "never read" if one.t is None else f"last reading {words.age(one.age_s(frame.t))} ago"
    return f"{read}: {one.reason}" if one.reason else read


def _state_style(state: State) -> str:
    return {State.GONE: "gone", State.FAILED: "bad", State.STALE: "stale"}.get(state, "warn")


def throttle_words(bits: object) -> str:
    """The most serious reason why a device is held back; empty if it is not."""
    return next(iter(reasons_of(bits)), "")


def _host(host: DeviceNow, frame: Frame, columns: int) -> Row:
    """The machine in one line."""
    line = Line(columns).put(" host  ", "dim")
    busy, load = host.value(m.CPU_UTILIZATION.name), host.value(m.LOAD_1M.name)
    line.put("cpu ", "label").cell(words.percent(busy), 5, "value")
    if columns >= 60:
        line.put("  load ", "label").cell(DASH if load is None else f"{load:.1f}", 5, "value")
    line.put("  mem ", "label").put(_memory(host), "value")
    silent = [name for name, (state, _) in frame.collectors.items() if state in ("failed", "retrying")]
    if silent:
        line.put("  ").foreign(f"{', '.join(silent)}: see screen 7", "warn")
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
        blocks.append((own, [_titles(fields), *lines]))
    return beside(blocks, min(down + 1, height))


class Fields(NamedTuple):
    """How wide a line is, and in it the label, the bar and the model; 0 where one has no room."""

    columns: int
    label: int
    bar: int
    model: int

    @classmethod
    def of(cls, shown: Sequence[DeviceNow], columns: int) -> Fields:
        """The same for all devices, so that values stand below each other."""
        label = min(MOST_LABEL, max(len(one.label) for one in shown))
        left = columns - label - VALUES_COLUMNS
        model = min(max(len(one.device.name) for one in shown) + 2, max(0, left - LEAST_BAR))
        model = model if model > LEAST_BAR else 0
        bar = min(24, left - model - 1)
        return cls(columns, label, bar if bar >= 4 else 0, model)


MOST_LABEL, VALUES_COLUMNS, LEAST_BAR = 16, 27, 9
"""Columns of a label; of the sign before it, the values and what parts them; of a bar beside a model."""


def _titles(fields: Fields) -> Row:
    line = Line(fields.columns).put(" ").cell("device", fields.label, "dim", right=False).put(" ")
    line.put(" " * (fields.bar + 1) if fields.bar else "")
    line.cell("util", 5, "dim").put(" ").cell("power", 7, "dim").put(" ").cell("mem", 5, "dim").put(" ")
    return line.cell("temp", 5, "dim").row()


def line_of(one: DeviceNow, paper: Paper, fields: Fields, *, selected: bool = False) -> Row:
    """A device in one line: label, a bar of its utilization, values, and its model or its throttle."""
    line = Line(fields.columns).put(">" if selected else " ", "selected" if selected else "text")
    line.foreign(one.label, "selected" if selected else "title", columns=fields.label).put(" ")
    if one.state is not State.OK:
        line.put(f"{one.state.value}, {words.age(one.age_s(paper.frame.t))}", _state_style(one.state))
        return line.row()
    busy, heat = one.value(m.UTILIZATION.name), one.value(m.TEMPERATURE.name)
    if fields.bar:
        line.put(bars.bar(busy, fields.bar, ascii_only=paper.view.ascii), "utilization").put(" ")
    line.cell(words.percent(busy), 5, "value").put(" ")
    line.cell(words.watts(one.watts), 7, "power").put(" ")
    line.cell(words.percent(_memory_ratio(one)), 5, "memory").put(" ")
    line.cell(DASH if heat is None else f"{heat:.0f} °C", 5, "temperature")
    held_back = throttle_words(one.value(m.THROTTLE_REASONS.name))
    if held_back:
        said = f" {held_back}"
        line.put(said if len(said) <= line.room else "!", "throttle")
    elif fields.model:
        line.put("  ").foreign(one.device.name, "dim", columns=fields.model - 2)
    return line.row()


# One tile a device


def _tiles(
    shown: Sequence[DeviceNow], size: tuple[int, int], selected: int, *, ascii_only: bool
) -> list[Row]:
    """A heat map: place, level of utilization and percent of each device."""
    columns, height = size
    across = max(1, columns // TILE_COLUMNS)
    rows = [Line(columns).put(" utilization of each device, in %", "dim").row()]
    for start in range(0, len(shown), across):
        line = Line(columns)
        for place, one in enumerate(shown[start : start + across], start):
            busy = one.value(m.UTILIZATION.name)
            fine = one.state is State.OK
            style = "utilization" if fine else _state_style(one.state)
            line.put(f"{str(one.device.index)[:3]:>3}", "selected" if place == selected else "dim")
            line.put(bars.tile(busy, ascii_only=ascii_only) if fine else "x", style)
            line.put(f"{DASH if busy is None else round(busy * 100):>3} ", "value" if fine else style)
        rows.append(line.row())
    return rows[:height]
