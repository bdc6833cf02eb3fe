"""One device alone: charts of what it tells most of, and every metric with value, age, source and kind."""

from __future__ import annotations

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import Kind, Metric
from perfwatch.tui.draw import panel, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.device_facts import throttle_words
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.row import Line, Row, blank, fitted
from perfwatch.tui.view import View

MOST_LINES, LEAST_LINES = 20, 7
"""Charts higher than this tell no more, and lower ones little."""


def draw(one: DeviceNow, frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """Its charts above, its metrics and facts below."""
    columns, height = size
    facts = _facts(one, columns)
    table = [_heading(columns), *(_metric(one, metric, columns) for metric in one.device.metrics)]
    room = height - len(table) - len(facts)
    rows = [*_charts(Paper(frame, view, book), one, (columns, room)), *facts]
    below = height - len(rows)
    start = max(0, min(view.selected, len(table) - below))
    return fitted([*rows, *table[start : start + below]], columns, height)


def _charts(paper: Paper, one: DeviceNow, size: tuple[int, int]) -> list[Row]:
    """The device's panel, further charts below it where there is room, and the axis of time."""
    columns, room = size
    tracks, more = panel.tracks_of(one), panel.more_tracks_of(one)
    parts = panel.chart_places(len(tracks), columns)
    both = room // 2 >= LEAST_LINES and len(more) > 1 and len(parts) > 1
    lines = max(5, min(MOST_LINES, (room // 2 if both else room) - 1))
    rows = panel.panel(paper, one, (columns, lines))
    if not tracks:
        return rows[:2]
    if both:
        parts = panel.chart_places(len(more), columns)
        rows += [blank(columns), *panel.charts_of(paper, one, more, (columns, lines - 1))]
    return [*rows, panel.axis(paper, parts, columns)] if room > lines else rows


def _facts(one: DeviceNow, columns: int) -> list[Row]:
    told = {"id": one.device.id, "collector": one.collector, "state": one.state.value}
    told.update(_fact(name, fact) for name, fact in one.device.facts.items())
    if one.device.scope is not None:
        told["power covers"] = one.device.scope.value
    line = Line(columns).put(" ")
    for name, fact in told.items():
        line.foreign(name.replace("_", " "), "label").put(" ").foreign(fact, "value").put("   ")
    return [line.row()]


def _fact(name: str, fact: object) -> tuple[str, str]:
    """A fact in the words and the unit that people use for it."""
    if isinstance(fact, bool):
        return name, "yes" if fact else "no"
    if name.endswith("_watts") and isinstance(fact, (int, float)):
        return name.removesuffix("_watts"), words.watts(fact)
    return name, str(fact)


def _heading(columns: int) -> Row:
    line = Line(columns).put(f" {'metric':<34}", "label").cell("value", 14, "label").put("  ")
    return line.cell("update", 8, "label").put("  ").put("about", "label").row()


def _metric(one: DeviceNow, metric: Metric, columns: int) -> Row:
    known = one.values.get(metric.name)
    line = Line(columns).put(" ").foreign(metric.name, "text", columns=33).put(" ")
    text = "..." if metric.kind is Kind.HISTOGRAM else words.value(metric, known)
    if metric.name == m.THROTTLE_REASONS.name and isinstance(known, (int, float)):
        text = throttle_words(known) or "none"
    line.cell(text, 14, "value" if known is not None else "dim").put("  ")
    every = "" if not metric.update_s else f"{metric.update_s:g} s"
    line.cell(every, 8, "dim").put("  ")
    if metric.estimated:
        line.put("estimated: ", "warn")
    return line.foreign(metric.help, "dim").row()
