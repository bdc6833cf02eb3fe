"""One device in a line: a bar of its utilization and its values, below those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow
from perfwatch.model import State
from perfwatch.tui.draw import bars, charts, levels, words
from perfwatch.tui.draw.device_facts import limit_w, memory_ratio, ratio, state_style, throttle_words
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.row import Line, Row
from perfwatch.units import DASH


class Fields(NamedTuple):
    """How wide a line is, and in it the label, the bar, the model and the chart; 0 where one has no room."""

    columns: int
    label: int
    bar: int
    model: int
    chart: int = 0

    @classmethod
    def of(cls, shown: Sequence[DeviceNow], columns: int) -> Fields:
        """The same for all devices, so that values stand below each other."""
        label = min(MOST_LABEL, max(len(one.label) for one in shown))
        left = columns - label - VALUES_COLUMNS
        model = min(max(len(one.device.name) for one in shown) + 2, max(0, left - LEAST_BAR))
        model = model if model > LEAST_BAR else 0
        bar = min(24, left - model - 1)
        chart = left - model - bar - 2
        return cls(
            columns, label, bar if bar >= 4 else 0, model, min(60, chart) if chart >= CHART_LEAST else 0
        )


CHART_LEAST = 12
"""Columns from which on a line has a chart of its utilization too."""
MOST_LABEL, VALUES_COLUMNS, LEAST_BAR = 16, 27, 9
"""Columns of a label; of the sign before it, the values and what parts them; of a bar beside a model."""


def titles(fields: Fields) -> Row:
    line = Line(fields.columns).put(" ").cell("device", fields.label, "dim", right=False).put(" ")
    line.put(" " * (fields.bar + 1) if fields.bar else "").put(
        " " * (fields.chart + 1) if fields.chart else ""
    )
    line.cell("util", 5, "dim").put(" ").cell("power", 7, "dim").put(" ").cell("mem", 5, "dim").put(" ")
    return line.cell("temp", 5, "dim").row()


def line_of(one: DeviceNow, paper: Paper, fields: Fields, *, selected: bool = False) -> Row:
    """A device in one line: label, a bar of its utilization, values, and its model or its throttle."""
    if one.state is not State.OK:
        line = _begun(one.label, fields, selected=selected)
        age = words.age(one.age_s(paper.frame.t))
        return line.put(f"{one.state.value}, {age}", state_style(one.state)).row()
    values = _Values(
        one.value(m.UTILIZATION.name),
        one.watts,
        ratio(one.watts, limit_w(one)),
        memory_ratio(one),
        one.value(m.TEMPERATURE.name),
        throttle_words(one.value(m.THROTTLE_REASONS.name)),
    )
    chart = _chart(one, paper, fields.chart)
    ascii_only = paper.view.ascii
    return _line(one.label, one.device.name, values, chart, fields, selected=selected, ascii_only=ascii_only)


def _chart(one: DeviceNow, paper: Paper, columns: int) -> str:
    """Its utilization over the span of the view, one line high."""
    if not columns:
        return ""
    span = charts.Span.ending(paper.t, paper.view.seconds(paper.frame.t), columns)
    scale = charts.Scale(1, 0.0, 1.0, ascii_only=paper.view.ascii, held=span.held(paper.frame, one.device))
    return paper.book.chart(one.number, m.UTILIZATION.name, span, scale)[0]


class _Values(NamedTuple):
    """What a line shows: shares of one, watts, degrees Celsius, and why the device is held back."""

    busy: float | None
    watts: float | None
    of_limit: float | None
    full: float | None
    heat: float | None
    held_back: str


@lru_cache(maxsize=1024)  # boards that idle tell the same again and again
def _line(
    label: str,
    model: str,
    values: _Values,
    chart: str,
    fields: Fields,
    *,
    selected: bool,
    ascii_only: bool,
) -> Row:
    line = _begun(label, fields, selected=selected)
    busy, heat = values.busy, values.heat
    if fields.bar:
        line.put(bars.bar(busy, fields.bar, ascii_only=ascii_only), levels.load(busy)).put(" ")
    line.put(chart, "utilization").put(" " if chart else "")
    line.cell(words.percent(busy), 5, levels.load(busy)).put(" ")
    line.cell(words.watts(values.watts), 7, levels.load(values.of_limit)).put(" ")
    line.cell(words.percent(values.full), 5, levels.load(values.full)).put(" ")
    line.cell(DASH if heat is None else f"{heat:.0f} °C", 5, levels.heat(heat))
    if values.held_back:
        said = f" {values.held_back}"
        line.put(said if len(said) <= line.room else "!", "throttle")
    elif fields.model:
        line.put("  ").foreign(model, "dim", columns=fields.model - 2)
    return line.row()


def _begun(label: str, fields: Fields, *, selected: bool) -> Line:
    line = Line(fields.columns).put(">" if selected else " ", "selected" if selected else "text")
    return line.foreign(label, "selected" if selected else "title", columns=fields.label).put(" ")
