"""The figures of a run in words: *now* beside *run*, each with its error.

Work and its rate, power, work per joule, energy and cost: what the strip of the Run screen is made of. Errors
of live figures are shares of them, so that neither figure nor error changes its width from second to second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot

from perfwatch.derive.standing import Figures, Standing
from perfwatch.exporters.words import per_joule_unit, singular, spoken, what_is_measured
from perfwatch.frame import Frame
from perfwatch.text import width
from perfwatch.tui.draw import words
from perfwatch.tui.draw.money import Money, money_of, unit_cost
from perfwatch.tui.draw.telling import ratios_shown
from perfwatch.units import DASH, format_money, format_quantity, significant

LABEL, NOW, SO_FAR, ERROR = 16, 18, 18, 9
"""Columns of the figures: what it is, over the last seconds, over the run so far, and the error of that."""
LEAST_SHARE = 1e-4
"""An error below this share of its value is told as less than that."""


@dataclass(frozen=True)
class Figure:
    """One line: its name, *now*, *run*, the style of the values, and the error of *run* as a share of it."""

    label: str
    now: str
    run: str
    style: str = "value"
    error: float | None = None

    @property
    def error_words(self) -> str:
        """`±0.3 %`; empty where there is none, or where it is not known."""
        if self.error is None or self.error <= 0.0:
            return ""
        if self.error < LEAST_SHARE:
            return "±<0.01 %"
        return f"±{significant(100.0 * self.error, 1 if self.error < 0.1 else 2)} %"


class Headline:
    """The figures of one frame.

    Args:
        standing: how the run of this frame stands.
    """

    def __init__(self, frame: Frame, standing: Standing) -> None:
        self.frame = frame
        self.standing = standing
        self.unit = standing.unit
        self.quotable = ratios_shown(frame)
        self.fields = NOW, SO_FAR
        """Columns that *now* and *run* have."""

    @property
    def scope(self) -> str:
        """What the watts cover: `8 GPUs`, `CPU + DRAM`."""
        mine = {
            one.label: {"in_run": True, "scope": one.device.scope.value if one.device.scope else None}
            for one in self.frame.devices
            if one.number in self.frame.run.numbers
        }
        method = "estimated" if self.standing.estimated else None
        energy = {"scope": self.standing.scope, "by_device": mine, "method": method}
        return what_is_measured(energy, self.standing.devices)

    def figures(self) -> Iterator[Figure]:
        """The lines of the strip, the most wanted first within each subject."""
        now, run = self.standing.now, self.standing.run
        count, energy = self._count_error(), self._energy_error()
        both = None if energy is None or count is None else hypot(energy, count)
        if self.unit is not None:
            yield Figure(spoken(self.unit)[:LABEL], self._rate(now, 0), self._rate(run, 1), "work", count)
        if not self.standing.devices:
            return  # nothing tells power or energy: a page of dashes would say no more
        yield Figure("power", words.watts(now.watts), words.watts(run.watts), "power", energy)
        if self.unit is not None:
            ratios = self._per_joule(now, 0), self._per_joule(run, 1)
            known = both if ratios[1] != DASH else None
            yield Figure("efficiency", *ratios, "efficiency", known)
            label = f"energy / {singular(self.unit)}"[:LABEL]
            yield Figure(label, self._joules_per(now), self._joules_per(run), error=known)
        yield Figure("energy", _joules(now), _joules(run), error=energy)
        yield from self._costs()

    # -- errors, as shares -------------------------------------------------------------------------

    def _energy_error(self) -> float | None:
        error_j, joules = self.frame.run.error_j, self.standing.run.joules
        return error_j / joules if error_j is not None and joules else None

    def _count_error(self) -> float | None:
        """0 where events tell their own time."""
        run = self.standing.run
        count = run.work.get(self.unit or "")
        return run.errors.get(self.unit or "", 0.0) / count if count else None

    # -- figures -----------------------------------------------------------------------------------

    @property
    def short_unit(self) -> str:
        return per_joule_unit(self.unit or "").removesuffix("/J")

    def _rate(self, figures: Figures, field: int) -> str:
        rate = figures.rate(self.unit)
        if rate is None:
            return DASH
        return _in_field(significant(rate), f"{self.short_unit}/s", self.fields[field])

    def _per_joule(self, figures: Figures, field: int) -> str:
        ratio = figures.per_joule(self.unit) if self.quotable else None
        if ratio is None:
            return DASH
        return _in_field(format_quantity(ratio), per_joule_unit(self.unit or ""), self.fields[field])

    def _joules_per(self, figures: Figures) -> str:
        ratio = figures.per_joule(self.unit) if self.quotable else None
        return format_quantity(1.0 / ratio if ratio else None, "J")

    def _costs(self) -> Iterator[Figure]:
        now = money_of(self.frame, self.standing.now, ratios=self.quotable)
        error_j = self.frame.run.error_j
        run = money_of(self.frame, self.standing.run, ratios=self.quotable, error_j=error_j)
        if run.cost is not None:
            label = "electricity" if run.electricity_only else "cost"
            amounts = format_money(now.amount, now.currency), format_money(run.amount, run.currency)
            yield Figure(label, *amounts, error=_share(run.error, run.amount))
            if self.unit is not None:
                yield self._cost_per(now, run, self.unit)
        if run.grams is not None:
            grams = format_quantity(now.grams, "g"), format_quantity(run.grams, "g")
            yield Figure("CO2", *grams, error=_share(run.grams_error, run.grams))

    def _cost_per(self, now: Money, run: Money, unit: str) -> Figure:
        of_now, _ = unit_cost(now.per(unit), now.currency, unit)
        of_run, per = unit_cost(run.per(unit), run.currency, unit)
        return Figure(
            f"cost / {per}"[:LABEL], of_now, of_run, error=_share(run.per_error(unit), run.per(unit))
        )

    @property
    def priced(self) -> bool:
        return money_of(self.frame, self.standing.run).cost is not None


def _joules(figures: Figures) -> str:
    return format_quantity(figures.joules, "J")


def _share(error: float | None, value: float | None) -> float | None:
    return error / abs(value) if error is not None and value else None


def _in_field(value: str, unit: str, columns: int) -> str:
    """The value with its unit; where both have no room, what the line is called names the unit."""
    whole = f"{value} {unit}"
    return whole if width(whole) < columns else f"{value} /{unit.rpartition('/')[2]}"
