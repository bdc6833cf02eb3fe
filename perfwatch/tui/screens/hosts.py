"""Hosts: how does each machine stand? One line a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfwatch.frame import Frame
from perfwatch.model import State
from perfwatch.tui.draw import bars, table, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.host_list import Host, hosts_of
from perfwatch.tui.draw.labels import labels_in
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, Span, fitted
from perfwatch.tui.draw.table import Column
from perfwatch.tui.view import View
from perfwatch.units import DASH, format_percent

COLUMNS = (
    Column("sign", "", 1, right=False),
    Column("name", "HOST", 9, right=False, most=16),
    Column("devices", "DEVICES", 11, rank=5, right=False, most=14),
    Column("kind", "WHAT", 14, rank=7, right=False, most=36),
    Column("bar", "", 8, rank=6, right=False, most=24),
    Column("utilization", "UTIL", 6),
    Column("memory", "MEM", 5, rank=3),
    Column("cpu", "CPU", 6, rank=4),
    Column("power", "POWER", 8),
    Column("scope", "OF", 11, rank=8, right=False),
    Column("temperature", "TEMP", 6, rank=2),
    Column("state", "STATE", 8, right=False, most=60),
)

TELLING = 24
"""In so many columns the state says which devices are in trouble, and why."""
SORTS: Mapping[str, Callable[[Host], Any]] = {
    "name": lambda one: one.name.casefold() or None,
    "utilization": lambda one: one.utilization,
    "power": lambda one: one.power_w,
    "temperature": lambda one: one.temperature_c,
    "memory": lambda one: one.memory_ratio,
    "cpu": lambda one: one.cpu,
    "state": lambda one: one.state is not State.OK,
}
"""Orders beside that of appearance."""


def draw(frame: Frame, view: View, size: tuple[int, int], _book: Book) -> list[Row]:
    """One line a machine, and below it, where there is room, what is wrong with the selected one."""
    columns, height = size
    shown = listed(frame, view)
    rows = _table(shown, view, columns, height) if shown else _nothing(frame, view, columns)
    return fitted(ascii_rows(rows) if view.ascii else rows, columns, height)


def rows(frame: Frame, view: View) -> int:
    """How many machines can be selected."""
    return len(listed(frame, view))


def listed(frame: Frame, view: View) -> list[Host]:
    """The machines that pass the filter, in the order asked for."""
    found = [
        one
        for one in hosts_of(frame)
        if view.matches(one.name, one.kind, one.state.value, one.trouble, " ".join(one.devices))
    ]
    order = view.sort.get("hosts", "")
    key = SORTS.get(order.lstrip("-"))
    if key is None:
        return found
    turned, largest_first = order.startswith("-"), order.lstrip("-") != "name"
    return table.ordered(found, key, largest_first=largest_first, turned=turned)


def _table(shown: Sequence[Host], view: View, columns: int, height: int) -> list[Row]:
    placed = table.placed(COLUMNS, columns)
    widths = {column.key: width for column, width in placed}
    selected = max(0, min(view.selected, len(shown) - 1))
    trouble = shown[selected].trouble
    first, beyond = table.window(len(shown), selected, height - 1 - (1 if trouble else 0))
    rows = [table.heading(placed, columns, view.sort.get("hosts", ""), ascii_only=view.ascii)]
    for at in range(first, beyond):
        cells = _cells(shown[at], widths, selected=at == selected, ascii_only=view.ascii)
        rows.append(table.row(placed, columns, cells, "selected" if at == selected else ""))
    if trouble:
        rows.append(Line(columns).put("  ").foreign(trouble, _style(shown[selected].state)).row())
    return rows


def _cells(one: Host, widths: Mapping[str, int], *, selected: bool, ascii_only: bool) -> dict[str, Span]:
    temperature = DASH if one.temperature_c is None else f"{one.temperature_c:.0f} °C"
    return {
        "sign": Span("▸" if selected else "", "accent"),
        "name": Span(one.name or DASH, "value"),
        "devices": Span(labels_in(one.devices, widths.get("devices", 0)), "text"),
        "kind": Span(one.kind, "dim"),
        "bar": Span(_bar(one, widths.get("bar", 0), ascii_only=ascii_only), "utilization"),
        "utilization": Span(format_percent(one.utilization), "utilization"),
        "memory": Span(words.percent(one.memory_ratio), "memory"),
        "cpu": Span(format_percent(one.cpu), "text"),
        "power": Span(words.watts(one.power_w), "power"),
        "scope": Span(one.scope, "dim"),
        "temperature": Span(temperature, "temperature"),
        "state": Span(_state(one, widths.get("state", 0)), _style(one.state)),
    }


def _bar(one: Host, width: int, *, ascii_only: bool) -> str:
    """None where there is nothing that could be busy."""
    return bars.bar(one.utilization, width, ascii_only=ascii_only) if one.kind else ""


def _state(one: Host, width: int) -> str:
    """The worst state of its devices, and why where there is room."""
    if one.trouble and width >= TELLING:
        return one.trouble
    return one.state.value if one.state is State.OK else f"{one.worst} {one.state.value}"


def _style(state: State) -> str:
    if state is State.OK:
        return "good"
    return {State.GONE: "gone", State.FAILED: "bad"}.get(state, "stale")


def _nothing(frame: Frame, view: View, columns: int) -> list[Row]:
    """What is missing, and what to do."""
    if frame.devices:
        first = Line(columns).put("No machine matches ").foreign(view.filter, "value").row()
        return [first, Line(columns).put("/ changes the filter", "dim").row()]
    return [
        Line(columns).put("No machine has told a device yet.").row(),
        Line(columns).put("What is missing here, and why: ", "dim").put("perfwatch doctor", "key").row(),
    ]
