"""What parts has a summary object? Its windows as columns, and what their figures are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, log10
from typing import Any

from perfwatch.exporters import words
from perfwatch.exporters.layout import Row
from perfwatch.text import GLUE
from perfwatch.units import DASH, format_count, format_quantity

_REASONS = {
    "short-window": "the window is too short",
    "too-few-samples": "too few power readings",
    "large-error": "the error is too large",
    "low-coverage": "readings are missing",
    "clock-offset": "the hosts' clocks differ",
    "no-power": "no power was told",
    "no-work": "no work was counted",
    "lost-counts": "not all of its work was counted",
}
"""Why a ratio is not shown, beside its dash; the finding's own sentence stands below."""

Json = Mapping[str, Any]

LARGE_ERROR = 0.01
"""A count whose error is a larger share of it is shown with it."""
LEAST_ERROR = 1e-12
"""An error of so small a share of its value would be behind more digits than anybody reads."""


class Column:
    """The figures of one window."""

    def __init__(self, figures: Json, quality: Sequence[Json]) -> None:
        self.figures = figures
        self.window: Json = figures.get("window") or {}
        self.quality = quality

    def part(self, name: str) -> Json:
        """The figures under a name; empty where there are none."""
        return self.figures.get(name) or {}

    @property
    def is_job(self) -> bool:
        """Whether this is the whole job."""
        return self.window.get("kind") == "job" and not self.window.get("phase")

    def title(self, *, has_job: bool) -> str:
        """What the window is, in words."""
        if self.window.get("phase"):
            return f"phase {words.spoken(str(self.window['phase']))}"
        if self.is_job:
            return "whole job" if has_job else "whole recording"
        if self.window.get("kind") == "span":
            return f"{self.window.get('start_s', 0.0):.4g} s to {self.window.get('end_s', 0.0):.4g} s"
        return "while working"

    def heading(self, *, has_job: bool) -> str:
        """The title, with what a whole job is without: it would be whole no more."""
        title, cut_s = self.title(has_job=has_job), self.window.get("warmup_s")
        return f"{title}, without the first {cut_s:g} s" if cut_s and self.is_job else title

    @property
    def why_not(self) -> str:
        """Why this column's ratios are missing, in a few words."""
        for finding in self.quality:
            if finding.get("level") == "insufficient":
                return _REASONS.get(str(finding.get("code")), "")
        return ""


class Parts:
    """A summary object, taken apart.

    Args:
        summary: as `perfwatch summary --json` prints it.
    """

    def __init__(self, summary: Json) -> None:
        self.summary = summary
        self.session: Json = summary.get("session") or {}
        self.energy: Json = summary.get("energy") or {}
        self.unit: str | None = summary.get("unit")
        self.quality: Sequence[Json] = summary.get("quality") or []
        self.main = Column(summary, self.quality)
        self.windows = self._windows()
        self.measured = words.what_is_measured(self.energy, (summary.get("devices") or {}).get("ids") or [])
        self.estimate = words.estimation(self.energy)

    def _windows(self) -> list[Column]:
        """While working first, the whole job last."""
        others = [
            Column(figures, figures.get("quality") or [])
            for figures in (self.summary.get("also") or {}).values()
        ]
        return sorted([self.main, *others], key=lambda column: column.is_job)

    @property
    def nothing_measured(self) -> bool:
        """Whether there is neither energy nor work."""
        return self.energy.get("joules") is None and not any_work(self.main)

    @property
    def is_metered(self) -> bool:
        """Whether a scope beside the headline was measured."""
        scopes = (self.energy.get("by_scope") or {}).values()
        return any(figures.get("joules") is not None for figures in scopes)

    def title_of(self, column: Column) -> str:
        """What a column is about, in words."""
        return column.title(has_job=bool(self.session.get("command")))

    def headings(self) -> list[str]:
        """The titles of the columns."""
        has_job = bool(self.session.get("command"))
        return [column.heading(has_job=has_job) for column in self.windows]

    def row(self, label: str, value: Callable[[Column], str], note: str = "") -> Row:
        """One figure of each column."""
        return Row(label, tuple(value(column) for column in self.windows), note)

    def maybe_estimated(self, label: str) -> str:
        """The label, with a word if what it stands for is an estimate."""
        return f"{label}, {self.estimate}" if self.estimate else label


def work_of(column: Column, unit: str) -> Json:
    """What a column tells of one unit of work."""
    return column.part("work").get(unit) or {}


def counted_in(column: Column, unit: str) -> float | None:
    """How much of a unit was counted in a column."""
    count: float | None = work_of(column, unit).get("count")
    return count


def count_shown(column: Column, unit: str) -> str:
    """How much of a unit was counted, to its error: what was polled is no whole number by chance.

    The error itself is shown where it is large: in the ratios it has the energy's beside it.
    """
    work = work_of(column, unit)
    count, error = work.get("count"), work.get("error")
    if count is not None and error and error > LARGE_ERROR * count:
        return format_quantity(count, "", error)
    if count is None or not error or float(count).is_integer():
        return format_count(count)
    return format_count(round(count, min(3, max(0, ceil(-log10(error))))))


def any_work(column: Column) -> bool:
    """Whether anything but errors was counted."""
    return any(counted.get("count") for name, counted in column.part("work").items() if name != "errors")


def glued(text: str) -> str:
    """Words that stay on one line."""
    return text if text == DASH else text.replace(" ", GLUE)


def with_error(value: float | None, unit: str, error: float | None) -> str:
    """A value with its error; without one too small to be written beside the value."""
    shown = error is not None and value is not None and error > LEAST_ERROR * abs(value)
    return format_quantity(value, unit, error if shown else None)
