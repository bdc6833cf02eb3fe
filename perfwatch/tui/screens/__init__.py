"""One screen a file. A screen is a pure function: a frame, a view and a size in, rows of text out."""

from __future__ import annotations

import importlib
from types import ModuleType

from perfwatch.frame import Frame
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row
from perfwatch.tui.view import View

EVENTS = "events"
"""The view's zoom that shows the events of screen 7 alone."""
WITH_FIGURES = frozenset({"run", "workloads", "efficiency", "output"})
"""The screens that show figures of the run (see `Scene.frame`)."""


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """The screen that the view names, as rows of exactly this size (columns, lines)."""
    rows: list[Row] = module_of(view.screen).draw(frame, view, size, book)
    return rows


def sorts(screen: str) -> tuple[str, ...]:
    """The orders that a screen offers beside its own."""
    return tuple(getattr(module_of(screen), "SORTS", ()))


def module_of(screen: str) -> ModuleType:
    """A screen's module, loaded when it is looked at first: the start does not wait for all seven."""
    return importlib.import_module(f"perfwatch.tui.screens.{screen}")
