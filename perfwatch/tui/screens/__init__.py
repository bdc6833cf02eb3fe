"""One screen a file. A screen is a pure function: a frame, a view and a size in, rows of text out."""

from __future__ import annotations

from perfwatch.scene import Frame
from perfwatch.tui.draw.charts import Book
from perfwatch.tui.draw.row import Row
from perfwatch.tui.view import View

WITH_FIGURES = frozenset({"run", "workloads", "efficiency"})
"""The screens that show figures of the run (see `Scene.frame`)."""


def draw(frame: Frame, view: View, size: tuple[int, int], book: Book) -> list[Row]:
    """The screen that the view names, as rows of exactly this size (columns, lines)."""
    import importlib

    module = importlib.import_module(f"perfwatch.tui.screens.{view.screen}")
    rows: list[Row] = module.draw(frame, view, size, book)
    return rows
