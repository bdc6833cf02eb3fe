"""The figures of a run in words: *now* beside *run*, each with its error.

Work and its rate, power, work per joule, energy and cost: what the strip of the Run screen is made of.
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

LABEL, NOW, SO_FAR = 16, 18, 26
"""Columns of the figures: what it is, over the last seconds, over the run so far."""


@dataclass(frozen=True)
class Figure:
    """One line: its name, *now*, *run*, and the style of the values."""

    label: str
    now: str
    run: str
    style: str = "value"


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

    def figures(self, *, errors: bool = True) -> Iterator[Figure]:
        """The lines of the strip, the most wanted first within each subject."""
        now, run = self.standing.now, self.standing.run
        if self.unit is not None:
            yield Figure(
                spoken(self.unit)[:LABEL], self._rate(now, 0), self._rate(run, 1, error=errors), "work"
            )
        if not self.standing.devices:
            return  # nothing tells power or energy: a page of dashes would say no more
        yield Figure("power", words.watts(now.watts), self._watts(run, error=errors), "power")
        if self.unit is not None:
            yield Figure(
                "efficiency", self._per_joule(now, 0), self._per_joule(run, 1, error=errors), "efficiency"
            )
            label = f"energy / {singular(self.unit)}"[:LABEL]
            yield Figure(label, self._joules_per(now), self._joules_per(run, error=errors))
        yield Figure("energy", self._energy(now), self._energy(run, error=errors))
        yield from self._costs(errors=errors)

    def _rate(self, figures: Figures, field: int, *, error: bool = False) -> str:
        rate = figures.rate(self.unit)
        if rate is None:
            return DASH
        number = significant(rate)
        off = self._count_error(figures, rate) if error else 0.0
        if off:
            number = format_quantity(rate, "", off)
        return _in_field(number, f"{self.short_unit}/s", self.fields[field])

    @property
    def short_unit(self) -> str:
        return per_joule_unit(self.unit or "").removesuffix("/J")

    def _per_joule(self, figures: Figures, field: int, *, error: bool = False) -> str:
        ratio = figures.per_joule(self.unit) if self.quotable else None
        if ratio is None:
            return DASH
        value = format_quantity(ratio, "", self._ratio_error(figures, ratio, error))
        return _in_field(value, per_joule_unit(self.unit or ""), self.fields[field])

    def _joules_per(self, figures: Figures, *, error: bool = False) -> str:
        ratio = figures.per_joule(self.unit) if self.quotable else None
        joules = 1.0 / ratio if ratio else None
        return format_quantity(joules, "J", self._ratio_error(figures, joules, error))

    def _watts(self, figures: Figures, *, error: bool = False) -> str:
        return format_quantity(figures.watts, "W", self._error(figures, figures.watts, error))

    def _energy(self, figures: Figures, *, error: bool = False) -> str:
        return format_quantity(figures.joules, "J", self.frame.run.error_j if error else None)

    def _error(self, figures: Figures, value: float | None, wanted: bool) -> float | None:
        """The energy's error, carried over relatively."""
        error_j = self.frame.run.error_j if wanted else None
        return value * error_j / figures.joules if value and error_j and figures.joules else None

    def _ratio_error(self, figures: Figures, value: float | None, wanted: bool) -> float | None:
        """Of work and energy to each other: both errors, in quadrature."""
        of_energy = self._error(figures, value, wanted)
        return (
            None
            if of_energy is None or value is None
            else hypot(of_energy, self._count_error(figures, value))
        )

    def _count_error(self, figures: Figures, value: float) -> float:
        """The count's error, carried over relatively; 0 where events tell their own time."""
        count = figures.work.get(self.unit or "")
        return value * figures.errors.get(self.unit or "", 0.0) / count if count else 0.0

    def _costs(self, *, errors: bool) -> Iterator[Figure]:
        now = money_of(self.frame, self.standing.now, ratios=self.quotable)
        error_j = self.frame.run.error_j if errors else None
        run = money_of(self.frame, self.standing.run, ratios=self.quotable, error_j=error_j)
        if run.cost is not None:
            label = "electricity" if run.electricity_only else "cost"
            so_far = format_money(run.amount, run.currency, run.error)
            yield Figure(label, format_money(now.amount, now.currency), so_far)
            if self.unit is not None:
                yield self._cost_per(now, run, self.unit)
        if run.grams is not None:
            grams = format_quantity(run.grams, "g", run.grams_error)
            yield Figure("CO2", format_quantity(now.grams, "g"), grams)

    def _cost_per(self, now: Money, run: Money, unit: str) -> Figure:
        of_now, _ = unit_cost(now.per(unit), now.currency, unit)
        of_run, per = unit_cost(run.per(unit), run.currency, unit, run.per_error(unit))
        return Figure(f"cost / {per}"[:LABEL], of_now, of_run)

    @property
    def priced(self) -> bool:
        return money_of(self.frame, self.standing.run).cost is not None


def _in_field(value: str, unit: str, columns: int) -> str:
    """The value with its unit; where both have no room, what the line is called names the unit."""
    whole = f"{value} {unit}"
    return whole if width(whole) < columns else f"{value} /{unit.rpartition('/')[2]}"
