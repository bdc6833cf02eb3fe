"""Processes: who uses which device, and the machine? A tree, or flat where a column orders it.

perfwatch only looks: it sends no process a signal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from perfwatch.frame import Frame
from perfwatch.tui.draw import table
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.labels import labels_in
from perfwatch.tui.draw.plain_ascii import ascii_rows
from perfwatch.tui.draw.process_list import Branch, Process, processes_of, tree
from perfwatch.tui.draw.row import Line, Row, Span, fitted, inside, with_margins
from perfwatch.tui.draw.table import Column
from perfwatch.tui.view import View
from perfwatch.units import DASH, format_memory, format_percent

COLUMNS = (
    Column("sign", "", 1, right=False),
    Column("pid", "PID", 7),
    Column("user", "USER", 8, rank=5, right=False, most=8),
    Column("device", "DEVICE", 9, right=False, most=16),
    Column("type", "TYPE", 8, rank=7, right=False),
    Column("memory", "DEV MEM", 8),
    Column("cpu", "CPU", 7, rank=2),
    Column("rss", "MEM", 8, rank=3),
    Column("name", "NAME", 10, right=False, most=160),
)

ROOMY = 60
"""From so many columns on, a name gets more room before the less important columns do."""
NARROW_NAME = 24
"""In fewer columns each step of the tree takes one instead of two."""
SORTS: Mapping[str, Callable[[Process], Any]] = {
    "memory": lambda one: one.device_bytes,
    "cpu": lambda one: one.cpu_ratio,
    "rss": lambda one: one.rss_bytes,
    "pid": lambda one: one.pid,
    "user": lambda one: one.user and one.user.casefold(),
    "name": lambda one: one.name and one.name.casefold(),
}
"""Orders beside the tree."""
HEAD = 2
"""Lines above the processes: the summary and the titles."""
LARGEST_FIRST = ("memory", "cpu", "rss")


def draw(frame: Frame, view: View, size: tuple[int, int], _book: Book) -> list[Row]:
    """One line a process."""
    columns, height = inside(size[0]), size[1]
    everyone = processes_of(frame)
    shown = _listed(everyone, view)
    if not shown:
        rows = _nothing(frame, view, everyone, columns)
    else:
        rows = [_summary(everyone, shown, view, columns), *_table(shown, view, columns, height - 1)]
    rows = with_margins(fitted(rows, columns, height), size[0])
    return ascii_rows(rows) if view.ascii else rows


def rows(frame: Frame, view: View) -> int:
    """How many rows can be selected."""
    return len(_listed(processes_of(frame), view))


def place_at(frame: Frame, view: View, size: tuple[int, int], y: int) -> int | None:
    """Which of the listed processes stands in a line; None where none does."""
    count = rows(frame, view)
    first, beyond = table.window(count, max(0, min(view.selected, count - 1)), size[1] - HEAD)
    place = first + y - HEAD
    return place if y >= HEAD and place < beyond else None


def _listed(everyone: Sequence[Process], view: View) -> list[Branch]:
    """A tree; a list where a column orders it, or where the filter takes the branches away."""
    found = [one for one in everyone if view.matches(one.pid, one.name or "", one.user or "", _devices(one))]
    order = view.sort.get("processes", "")
    key = SORTS.get(order.lstrip("-"))
    if key is not None:
        turned, largest_first = order.startswith("-"), order.lstrip("-") in LARGEST_FIRST
        found = table.ordered(found, key, largest_first=largest_first, turned=turned)
    elif not view.filter:
        return tree(found)
    return [Branch(one) for one in found]


def _devices(one: Process) -> str:
    return " ".join(use.device for use in one.uses)


def _summary(everyone: Sequence[Process], shown: Sequence[Branch], view: View, columns: int) -> Row:
    using = sum(1 for one in everyone if one.uses)
    line = Line(columns)
    if view.filter:
        line.put(f"{len(shown)} of ", "dim")
    line.put(str(len(everyone)), "value").put(" processes, ", "dim")
    line.put(str(using), "value").put(" on devices" if columns >= 30 else "", "dim")
    order = view.sort.get("processes", "").lstrip("-")
    words = f"by {_title(order)}" if order in SORTS else "as a list" if view.filter else "as a tree"
    return line.right([Span(words, "dim")]).row()


def _title(key: str) -> str:
    return next(one.title for one in COLUMNS if one.key == key)


def _table(shown: Sequence[Branch], view: View, columns: int, height: int) -> list[Row]:
    name = replace(COLUMNS[-1], width=10 if columns < ROOMY else 20)
    placed = table.placed((*COLUMNS[:-1], name), columns)
    selected = max(0, min(view.selected, len(shown) - 1))
    first, beyond = table.window(len(shown), selected, height - 1)
    heading = table.heading(placed, columns, view.sort.get("processes", ""), ascii_only=view.ascii)
    body = [
        table.row(
            placed,
            columns,
            _cells(shown[at], _widths(placed), selected=at == selected),
            "selected" if at == selected else "",
        )
        for at in range(first, beyond)
    ]
    return [heading, *body]


def _widths(placed: table.Placed) -> dict[str, int]:
    """The width of each column that is shown."""
    return {column.key: width for column, width in placed}


def _cells(branch: Branch, widths: Mapping[str, int], *, selected: bool) -> dict[str, Span]:
    one = branch.process
    stale = any(use.stale for use in one.uses)
    return {
        "sign": Span("▸" if selected else "", "accent"),
        "pid": Span(str(one.pid), "value" if one.uses else "text"),
        "user": Span(one.user or DASH, "dim"),
        "device": Span(_used(one, widths.get("device", 0)), "stale" if stale else "accent"),
        "type": Span(", ".join(dict.fromkeys(use.type for use in one.uses if use.type)), "dim"),
        "memory": Span(_memory(one), "memory"),
        "cpu": Span(format_percent(one.cpu_ratio), "utilization"),
        "rss": Span(format_memory(one.rss_bytes), "text"),
        "name": Span(_name(branch, widths.get("name", 0)), "value" if one.uses or one.is_job else "text"),
    }


def _used(one: Process, width: int) -> str:
    """The devices, short where there is no room; a sign tells that one of them does not answer."""
    sign = "! " if any(use.stale for use in one.uses) else ""
    return sign + labels_in([use.device for use in one.uses], width - len(sign)) if one.uses else ""


def _memory(one: Process) -> str:
    return format_memory(one.device_bytes) if one.uses else ""


def _name(branch: Branch, width: int) -> str:
    # One line for each step down; what stands above the parent needs no line where it was the last.
    blank, trunk, fork, end = (" ", "│", "├", "└") if width < NARROW_NAME else ("  ", "│ ", "├ ", "└ ")
    before = "".join(blank if last else trunk for last in branch.last[:-1])
    before += (end if branch.last[-1] else fork) if branch.last else ""
    return f"{before}{branch.process.name or DASH}{' (the job)' if branch.process.is_job else ''}"


def _nothing(frame: Frame, view: View, everyone: Sequence[Process], columns: int) -> list[Row]:
    """What is missing, and what to do."""
    if everyone:
        first, second = f"None of {len(everyone)} processes matches ", "/ changes the filter"
        return [
            Line(columns).put(first).foreign(view.filter, "value").row(),
            Line(columns).put(second, "dim").row(),
        ]
    state, why = frame.collectors.get("host", ("", ""))
    first = "No process is known yet."
    second = "The host's are looked for every few seconds; an accelerator tells its own."
    if state in ("absent", "failed", "retrying"):
        second = f"The collector host is {state}: {why}"
    return [Line(columns).put(first).row(), Line(columns).foreign(second, "dim").row()]
