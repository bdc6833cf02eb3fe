"""One device in a line: a bar of its utilization and its values, below those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow
from perfwatch.model import State
from perfwatch.tui.draw import bars, levels, words
from perfwatch.tui.draw.device_facts import limit_w, memory_ratio, ratio, state_style, throttle_words
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.row import Line, Row
from perfwatch.units import DASH


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


def titles(fields: Fields) -> Row:
    line = Line(fields.columns).put(" ").cell("device", fields.label, "dim", right=False).put(" ")
    line.put(" " * (fields.bar + 1) if fields.bar else "")
    line.cell("util", 5, "dim").put(" ").cell("power", 7, "dim").put(" ").cell("mem", 5, "dim").put(" ")
    return line.cell("temp", 5, "dim").row()


def line_of(one: DeviceNow, paper: Paper, fields: Fields, *, selected: bool = False) -> Row:
    """A device in one line: label, a bar of its utilization, values, and its model or its throttle."""
    line = Line(fields.columns).put(">" if selected else " ", "selected" if selected else "text")
    line.foreign(one.label, "selected" if selected else "title", columns=fields.label).put(" ")
    if one.state is not State.OK:
        line.put(f"{one.state.value}, {words.age(one.age_s(paper.frame.t))}", state_style(one.state))
        return line.row()
    busy, heat = one.value(m.UTILIZATION.name), one.value(m.TEMPERATURE.name)
    if fields.bar:
        line.put(bars.bar(busy, fields.bar, ascii_only=paper.view.ascii), levels.load(busy)).put(" ")
    line.cell(words.percent(busy), 5, levels.load(busy)).put(" ")
    line.cell(words.watts(one.watts), 7, levels.load(ratio(one.watts, limit_w(one)))).put(" ")
    line.cell(words.percent(memory_ratio(one)), 5, levels.load(memory_ratio(one))).put(" ")
    line.cell(DASH if heat is None else f"{heat:.0f} °C", 5, levels.heat(heat))
    held_back = throttle_words(one.value(m.THROTTLE_REASONS.name))
    if held_back:
        said = f" {held_back}"
        line.put(said if len(said) <= line.room else "!", "throttle")
    elif fields.model:
        line.put("  ").foreign(one.device.name, "dim", columns=fields.model - 2)
    return line.row()
