"""Hosts: how does each machine stand? One line a machine, and the devices of the selected one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import State
from perfwatch.tui.draw import bars, levels, table, words
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.device_facts import state_style
from perfwatch.tui.draw.host_list import Host, hosts_of
from perfwatch.tui.draw.labels import labels_in
from perfwatch.tui.draw.paper import Paper
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.row import Line, Row, Span, blank, fitted, inside, with_margins
from perfwatch.tui.draw.table import Column
from perfwatch.tui.screens import devices
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

DEVICES_FROM = 8
"""From so many lines on that are left, the devices of the selected machine are shown."""
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


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """One line a machine; below, where there is room, the trouble of the selected one, and its devices."""
    columns, height = inside(size[0]), size[1]
    shown = listed(frame, view)
    rows = _table(shown, view, columns, height) if shown else _nothing(frame, view, columns)
    room = height - len(rows) - 2
    if shown and room >= DEVICES_FROM:
        chosen = shown[max(0, min(view.selected, len(shown) - 1))]
        rows += [blank(columns), _rule(chosen.name, columns)]
        rows += devices.as_they_fit(Paper(frame, view, book), _devices_of(frame, chosen), (columns, room))
    rows = with_margins(fitted(rows, columns, height), size[0])
    return ascii_rows(rows) if view.ascii else rows


def _devices_of(frame: Frame, host: Host) -> list[DeviceNow]:
    return [one for one in frame.devices if one.host == host.name and one.label in host.devices]


def _rule(name: str, columns: int) -> Row:
    line = Line(columns).put("devices of ", "label").foreign(name or DASH, "title").put(" ")
    return line.put("─" * line.room, "border").row()


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
        rows.append(Line(columns).put("  ").foreign(trouble, state_style(shown[selected].state)).row())
    return rows


def _cells(one: Host, widths: Mapping[str, int], *, selected: bool, ascii_only: bool) -> dict[str, Span]:
    temperature = DASH if one.temperature_c is None else f"{one.temperature_c:.0f} °C"
    return {
        "sign": Span("▸" if selected else "", "accent"),
        "name": Span(one.name or DASH, "value"),
        "devices": Span(labels_in(one.devices, widths.get("devices", 0)), "text"),
        "kind": Span(one.kind, "dim"),
        "bar": Span(_bar(one, widths.get("bar", 0), ascii_only=ascii_only), levels.load(one.utilization)),
        "utilization": Span(format_percent(one.utilization), levels.load(one.utilization)),
        "memory": Span(words.percent(one.memory_ratio), levels.load(one.memory_ratio)),
        "cpu": Span(format_percent(one.cpu), "text"),
        "power": Span(words.watts(one.power_w), "power"),
        "scope": Span(one.scope, "dim"),
        "temperature": Span(temperature, levels.heat(one.temperature_c)),
        "state": Span(_state(one, widths.get("state", 0)), state_style(one.state)),
    }


def _bar(one: Host, width: int, *, ascii_only: bool) -> str:
    """None where there is nothing that could be busy."""
    return bars.bar(one.utilization, width, ascii_only=ascii_only) if one.kind else ""


def _state(one: Host, width: int) -> str:
    """The worst state of its devices, and why where there is room."""
    if one.trouble and width >= TELLING:
        return one.trouble
    return one.state.value if one.state is State.OK else f"{one.worst} {one.state.value}"


def _nothing(frame: Frame, view: View, columns: int) -> list[Row]:
    """What is missing, and what to do."""
    if frame.devices:
        first = Line(columns).put("No machine matches ").foreign(view.filter, "value").row()
        return [first, Line(columns).put("/ changes the filter", "dim").row()]
    return [
        Line(columns).put("No machine has told a device yet.").row(),
        Line(columns).put("What is missing here, and why: ", "dim").put("perfwatch doctor", "key").row(),
    ]
