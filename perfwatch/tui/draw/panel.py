"""One device as a panel: a heading with what has no chart, and charts of utilization, power and memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import State
from perfwatch.tui.draw import charts, levels, words
from perfwatch.tui.draw.device_facts import (
    limit_w,
    memory_ratio,
    memory_words,
    ratio,
    state_style,
    throttle_words,
)
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.row import Line, Row, Span, beside, fitted

LEAST = 4
"""Lines of a panel: its heading, and charts of three."""
NAME_COLUMNS = 22
"""Where a chart stands behind its name and value."""
HOTTEST_C = 100.0
"""Top of a temperature's chart, degrees Celsius."""
MOST_TRACKS = 3
CHART_LEAST = 10
"""Columns that a chart needs to tell something."""


class Track(NamedTuple):
    """One chart of a panel: what, in which style, its value in words and by load, and the top of its axis."""

    name: str
    metric: str
    style: str
    text: str
    load: str
    top: float


def panel(paper: Paper, one: DeviceNow, size: tuple[int, int], *, selected: bool = False) -> list[Row]:
    """One device: a heading with what has no chart, and a chart each of utilization, power and memory."""
    columns, lines = size
    rows = [heading(one, paper.frame, columns, selected=selected)]
    tracks = tracks_of(one)
    if not tracks:
        silent = Line(columns).put("  tells no utilization, power or memory", "dim").row()
        return fitted([*rows, silent], *size)
    return [*rows, *charts_of(paper, one, tracks, (columns, lines - 1))]


def charts_of(paper: Paper, one: DeviceNow, tracks: Sequence[Track], size: tuple[int, int]) -> list[Row]:
    """A chart of each track, side by side or below each other as there is room."""
    columns, lines = size
    places = chart_places(len(tracks), columns)
    beside_each_other = len(places) > 1
    height = lines - 1 if beside_each_other else max(1, lines // len(tracks))
    shown = tuple(
        _shown(paper, one, track, (places[at if beside_each_other else 0][1], height))
        for at, track in enumerate(tracks if beside_each_other else tracks[:lines])
    )
    return list(
        _side_by_side(shown, columns, lines) if beside_each_other else _stacked(shown, columns, lines)
    )


class _Shown(NamedTuple):
    """A track as it is drawn: its name, its value with a style, and the chart's rows with theirs."""

    name: str
    text: str
    load: str
    chart: tuple[str, ...]
    style: str


def _shown(paper: Paper, one: DeviceNow, track: Track, size: tuple[int, int]) -> _Shown:
    columns, height = size
    texts: Sequence[str] = ()
    if height >= 1 and columns >= 2:
        frame, view = paper.frame, paper.view
        span = charts.Span.ending(paper.t, view.seconds(frame.t), columns)
        scale = charts.Scale(height, 0.0, track.top, ascii_only=view.ascii, held=span.held(frame, one.device))
        texts = paper.book.chart(one.number, track.metric, span, scale)
    if one.state is not State.OK:
        return _Shown(track.name, track.text, "stale", tuple(texts), "stale")
    return _Shown(track.name, track.text, track.load, tuple(texts), track.style)


@lru_cache(maxsize=128)  # between two bins of the charts a device often tells the same in words
def _side_by_side(shown: tuple[_Shown, ...], columns: int, height: int) -> tuple[Row, ...]:
    """Each with a line of name and value, the chart below it."""
    blocks: list[tuple[int, Sequence[Row]]] = []
    at = 0
    for one, (start, width) in zip(shown, chart_places(len(shown), columns), strict=True):
        told = _told(one, Line(width).put(one.name, "label").put(" "))
        blocks += [(start - at, []), (width, [told, *_rows_of(one)])]
        at = start + width
    return tuple(beside([*blocks, (columns - at, [])], height))


@lru_cache(maxsize=128)
def _stacked(shown: tuple[_Shown, ...], columns: int, height: int) -> tuple[Row, ...]:
    """Charts below each other, each with name and value at its left."""
    room = columns - NAME_COLUMNS - 1
    rows: list[Row] = []
    for one in shown:
        told = (*_told(one, Line(NAME_COLUMNS - 1).put(f" {one.name:<6}", "label")), Span(" "))
        rows += beside([(NAME_COLUMNS, [told]), (room, _rows_of(one)), (1, [])], max(1, len(one.chart)))
    return tuple(fitted(rows, columns, height))


def _rows_of(one: _Shown) -> list[Row]:
    return [(Span(text, one.style),) for text in one.chart]  # as wide as it was asked for


def _told(one: _Shown, line: Line) -> Row:
    """The line, ended with the track's value, coloured by load, and its limit."""
    value, slash, limit = one.text.partition(" /")
    line.skip_to(line.used + line.room - len(one.text))
    return line.put(value, one.load).put(slash + limit, "dim").row()


def tracks_of(one: DeviceNow) -> list[Track]:
    """The charts that this device can fill."""
    known = {metric.name for metric in one.device.metrics}
    found = []
    if m.UTILIZATION.name in known:
        busy = one.value(m.UTILIZATION.name)
        found.append(
            Track("util", m.UTILIZATION.name, "utilization", words.percent(busy), levels.load(busy), 1.0)
        )
    if m.POWER.name in known:
        limit, power = limit_w(one), one.value(m.POWER.name)
        text = f"{words.watts(power)} / {words.watts(limit)}" if limit else words.watts(power)
        top = limit or charts.ceiling(power, 10.0)
        found.append(Track("power", m.POWER.name, "power", text, levels.load(ratio(power, limit)), top))
    elif m.ENERGY.name in known:
        top = charts.ceiling(one.watts, 10.0)
        found.append(Track("power", m.ENERGY.name, "power", words.watts(one.watts), "value", top))
    if m.MEMORY_USED.name in known and one.value(m.MEMORY_TOTAL.name):
        total = one.value(m.MEMORY_TOTAL.name) or 1.0
        found.append(
            Track(
                "mem", m.MEMORY_USED.name, "memory", memory_words(one), levels.load(memory_ratio(one)), total
            )
        )
    return found


def more_tracks_of(one: DeviceNow) -> list[Track]:
    """Charts for a device that has the screen for itself, as many as a panel has at most."""
    found = []
    clock, heat = one.value(m.SM_CLOCK.name), one.value(m.TEMPERATURE.name)
    if heat is not None:
        told = f"{heat:.0f} °C"
        found.append(
            Track("temperature", m.TEMPERATURE.name, "temperature", told, levels.heat(heat), HOTTEST_C)
        )
    if clock is not None:
        said, top = f"{clock / 1e6:.0f} MHz", charts.ceiling(clock, 1e9)
        found.append(Track("clock", m.SM_CLOCK.name, "clock", said, "value", top))
    for name, metric in (("mem busy", m.MEMORY_UTILIZATION), ("fan", m.FAN)):
        share = one.value(metric.name)
        if share is not None:
            found.append(
                Track(name, metric.name, "utilization", words.percent(share), levels.load(share), 1.0)
            )
    return found[:MOST_TRACKS]


def axis(paper: Paper, parts: Sequence[tuple[int, int]], columns: int) -> Row:
    """Below charts: how far back each begins, and where it ends.

    Args:
        parts: first column and width of each chart.
    """
    end = "now" if paper.view.paused_at is None else "paused"
    begin = f"-{words.age(paper.view.seconds(paper.frame.t))}"
    line = Line(columns)
    for start, room in parts:
        line.skip_to(start)
        line.put(begin.ljust(room - len(end)) + end if room > len(begin) + len(end) else "", "dim")
    return line.row()


def chart_places(count: int, columns: int) -> list[tuple[int, int]]:
    """First column and width of each chart: side by side where there is room, else behind its name.

    Side by side they have two blank columns between them, and one at either edge.
    """
    if columns < 3 * (CHART_LEAST + 12) or count < 2:
        return [(NAME_COLUMNS, columns - NAME_COLUMNS - 1)]
    width = (columns - 2 * count) // count
    last = 1 + (count - 1) * (width + 2)
    return [*((1 + place * (width + 2), width) for place in range(count - 1)), (last, columns - 1 - last)]


# Lines


def heading(one: DeviceNow, frame: Frame, columns: int, *, selected: bool = False) -> Row:
    """Label and model, or what is wrong, at the left; throttling, clock and temperature at the right."""
    if one.state is not State.OK:
        return _trouble_heading(one, frame, columns, selected=selected)
    hertz, heat = one.value(m.SM_CLOCK.name), one.value(m.TEMPERATURE.name)
    told = _Told(
        one.label,
        one.device.name,
        throttle_words(one.value(m.THROTTLE_REASONS.name)),
        "" if hertz is None else f" {hertz / 1e6:5.0f} MHz",
        "" if heat is None else f" {heat:3.0f} °C",
        levels.heat(heat),
    )
    return _heading(told, columns, selected=selected)


class _Told(NamedTuple):
    """What a heading says of a device that is fine: words, ready to be put."""

    label: str
    model: str
    held_back: str
    clock: str
    heat: str
    heat_style: str


@lru_cache(maxsize=256)
def _heading(told: _Told, columns: int, *, selected: bool) -> Row:
    style = "selected" if selected else "title"
    line = Line(columns).put(" ", style).foreign(told.label, style).put("  ", style)
    throttle = [Span(f" {told.held_back} ", "throttle")] if told.held_back else []
    clock = Span(told.clock, style if selected else "text")
    heat = Span(told.heat, style if selected else told.heat_style)
    end = Span(" ", style)
    spans = [*throttle, clock, heat, end]
    if _left_beside(line, spans) < len(told.model):  # which device it is says more than its clock
        spans = [*throttle, heat, end]
    line.foreign(told.model, style, columns=_left_beside(line, spans))
    return line.right(spans, style).row(style)


def _trouble_heading(one: DeviceNow, frame: Frame, columns: int, *, selected: bool) -> Row:
    style = "selected" if selected else "title"
    line = Line(columns).put(" ", style).foreign(one.label, style).put("  ", style)
    line.put(f"{one.state.value}, ", state_style(one.state))
    line.foreign(_trouble(one, frame), "dim", columns=max(0, columns - line.used - 2))
    return line.right([Span(" ", style)], style).row(style)


def _left_beside(line: Line, spans: Sequence[Span]) -> int:
    return max(0, line.room - sum(len(span.text) for span in spans) - 1)


def _trouble(one: DeviceNow, frame: Frame) -> str:
    read = "never read" if one.t is None else f"last reading {words.age(one.age_s(frame.t))} ago"
    return f"{read}: {one.reason}" if one.reason else read
