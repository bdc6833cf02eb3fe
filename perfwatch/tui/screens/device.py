"""One device alone: charts of what it tells most of, and every metric with value, age, source and kind."""

from __future__ import annotations

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import Kind, Metric
from perfwatch.tui.draw import panel, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.device_facts import throttle_words
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.process_list import processes_of
from perfwatch.tui.draw.row import Line, Row, blank, fitted
from perfwatch.tui.view import View
from perfwatch.units import DASH, format_memory

VALUE_COLUMNS = 14
MOST_PROCESSES = 8
MOST_LINES, LEAST_LINES = 20, 7
"""Charts higher than this tell no more, and lower ones little."""


def draw(one: DeviceNow, frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """Its charts above, its metrics and facts below."""
    columns, height = size
    facts = _facts(one, columns)
    table = [_heading(columns), *(_metric(one, metric, columns) for metric in one.device.metrics)]
    table += _processes(one, frame, columns)
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


def _processes(one: DeviceNow, frame: Frame, columns: int) -> list[Row]:
    """Who is on it, the largest first."""
    used = [
        (use.memory_bytes or 0.0, process)
        for process in processes_of(frame)
        for use in process.uses
        if use.device == one.label
    ]
    if not used:
        return []
    rows = [Line(columns).put(f" {'process':>8}  {'memory':>9}  user      name", "label").row()]
    for memory, process in sorted(used, key=lambda pair: (-pair[0], pair[1].pid))[:MOST_PROCESSES]:
        line = Line(columns).put(f" {process.pid:>8}", "value").put("  ")
        line.cell(format_memory(memory), 9, "memory").put("  ").foreign(
            process.user or DASH, "dim", columns=8
        )
        rows.append(line.put("  ").foreign(process.name or DASH, "text").row())
    return rows


def _name_columns(columns: int) -> int:
    """Columns of a metric's name: its value keeps its room."""
    return min(33, max(10, columns - VALUE_COLUMNS - 2))


def _heading(columns: int) -> Row:
    name = _name_columns(columns)
    line = Line(columns).put(" ").cell("metric", name + 1, "label", right=False)
    line.cell("value", VALUE_COLUMNS, "label").put("  ")
    return line.cell("update", 8, "label").put("  ").put("about", "label").row()


def _metric(one: DeviceNow, metric: Metric, columns: int) -> Row:
    known = one.values.get(metric.name)
    name = _name_columns(columns)
    line = Line(columns).put(" ").foreign(metric.name, "text", columns=name).put(" ")
    text = "..." if metric.kind is Kind.HISTOGRAM else words.value(metric, known)
    if metric.name == m.THROTTLE_REASONS.name and isinstance(known, (int, float)):
        text = throttle_words(known) or "none"
    line.cell(text, VALUE_COLUMNS, "value" if known is not None else "dim").put("  ")
    every = "" if not metric.update_s else f"{metric.update_s:g} s"
    line.cell(every, 8, "dim").put("  ")
    if metric.estimated:
        line.put("estimated: ", "warn")
    return line.foreign(metric.help, "dim").row()
