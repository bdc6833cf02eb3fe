"""What a run cost and what so much work a day would take, for people; one sentence for a slide at the end."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from perfwatch.derive.projection import rate_per_price
from perfwatch.exporters import words
from perfwatch.exporters.layout import BOLD, Paint, Row, hanging, table
from perfwatch.exporters.summary_costs import CostRows, hint_of
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.exporters.summary_text import DEFAULT_WIDTH, NARROWEST, WIDEST
from perfwatch.units import (
    DASH,
    currency_sign,
    format_count,
    format_money,
    format_percent,
    format_quantity,
    significant,
)

PRICE_OF = 1000.0
"""Work per second is told for devices of so much money."""
TITLES = ("a day", "a month")


def render(
    summary: Json,
    projection: Json | None,
    *,
    called: str,
    width: int | None = None,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word of the option --ascii
) -> str:
    """The costs as text, without a line end at its end.

    Args:
        summary: of the run.
        projection: as `perfwatch.derive.projection.project` makes it; None where nothing is to be projected.
        called: what the person called the session.
        width: columns of the terminal; a default where there is none.
    """
    columns = min(max(width or DEFAULT_WIDTH, NARROWEST), WIDEST)
    paint = Paint(color=color, ascii_only=ascii)
    lines = list(_run_lines(summary, columns, paint))
    if projection is None:
        lines += ["", f"next:  perfwatch cost {shlex.quote(called)} --at 1000000/day --peak 3"]
    else:
        lines += ["", *_Projected(summary, projection, columns, paint).lines()]
    return "\n".join(line.rstrip() for line in lines)


def _run_lines(summary: Json, columns: int, paint: Paint) -> Iterator[str]:
    """What the run cost, window by window."""
    parts = Parts(summary)
    command = " ".join(str(word) for word in parts.session.get("command") or [])
    subject = parts.session.get("name") or command or "a recording"
    yield paint.style(paint.cut(f"perfwatch: {subject}", columns), BOLD)
    rows = [*CostRows(parts).rows(), *_bought(summary, parts)]
    yield from table(rows, parts.headings(), columns, paint)


def _bought(summary: Json, parts: Parts) -> Iterator[Row]:
    """Work per second for the money that the devices cost."""
    ratio = rate_per_price(summary)
    if ratio is None or parts.unit is None:
        return
    currency = (summary.get("cost") or {}).get("currency")
    price = f"{format_count(PRICE_OF)} {currency_sign(currency)}".rstrip()
    each = f"{significant(ratio * PRICE_OF)} {words.spoken(parts.unit)}/s"
    yield Row("rate for the price", None, glued(f"{each} for each {price} that the devices cost"))


class _Projected:
    """One projection being written."""

    def __init__(self, summary: Json, projection: Json, columns: int, paint: Paint) -> None:
        self._summary = summary
        self._projection = projection
        self._columns = columns
        self._paint = paint
        self._parts = Parts(summary)
        self._currency = projection.get("currency")

    def lines(self) -> Iterator[str]:
        """All of it, the sentence for a slide at the end."""
        yield self._paint.style(self._paint.cut(self._title(), self._columns), BOLD)
        yield from table(list(self._rows()), TITLES, self._columns, self._paint)
        yield from self._hanging("assumed: ", "; ".join(self._assumptions()))
        yield from self._hanging("in a sentence: ", self.sentence())

    def sentence(self) -> str:
        """What can be put on a slide."""
        one, demand = self._projection, self._projection["demand"]
        machines = words.counted(one["machines"], "machine")
        devices = one["devices_each"] * one["machines"]
        of_what = f" ({words.counted(devices, self._noun())})" if one["devices_each"] else ""
        verb = "needs" if one["machines"] == 1 and demand["per_day"] == 1 else "need"
        parts = [f"{self._work(demand['per_day'])} a day {verb} {machines}{of_what}"]
        day, per_unit = one["per_day"], one["per_unit"]
        total, said = self._headline(day)
        if total is not None:
            each = self._each(per_unit["total"] if day["total"] is not None else per_unit["energy"])
            money = glued(format_money(total, self._currency))
            parts.append(
                f"cost {self._estimated(money) if _rests_on_energy(day) else money}{said} a day, {each}"
            )
        if day["kwh"] is not None:
            parts.append(f"take {self._estimated(glued(_kwh(day['kwh'])))} a day")
        if day["carbon_grams"] is not None:
            parts.append(f"emit {self._estimated(glued(_kilograms(day['carbon_grams'])))} of CO2 a day")
        return f"{_joined(parts)}, as {self._parts.session.get('name') or 'this run'} did them."

    def _title(self) -> str:
        demand = self._projection["demand"]
        peak = f", {demand['peak']:g} times as many at the peak" if demand["peak"] != 1.0 else ""
        return f"perfwatch: {self._work(demand['per_day'])} a day{peak}"

    def _rows(self) -> Iterator[Row]:
        one, day, month = self._projection, self._projection["per_day"], self._projection["per_month"]
        each = one["devices_each"]
        devices = f" of {words.counted(each, self._noun())}" if each else ""
        at_peak = one["load"] * one["demand"]["peak"]
        busy = f"busy {glued(format_percent(one['load']))} of the time"
        if at_peak > one["load"]:
            busy += f", {glued(format_percent(min(at_peak, 1.0)))} at the peak"
        rate = f"{significant(one['rate_per_s'])} {words.spoken(one['unit'])}/s each"
        yield Row("machines" + devices, (format_count(one["machines"]),) * 2, f"{busy}; {glued(rate)}")
        energy = self._parts.maybe_estimated("energy")
        yield Row(energy, (_kwh(day["kwh"], day["kwh_error"]), _kwh(month["kwh"])), self._waiting(day))
        for name, label in (("energy", "electricity"), ("machine", "machines"), ("total", "cost")):
            if day[name] is not None and (name != "total" or day["machine"] is not None):
                amounts = tuple(format_money(part[name], self._currency) for part in (day, month))
                yield Row(self._label(name, label), amounts, self._cost_note(name))
        if day["energy"] is None and day["machine"] is None:
            yield Row("cost", None, hint_of(self._summary.get("cost")))
        if day["carbon_grams"] is not None:
            carbon = self._parts.maybe_estimated("carbon")
            yield Row(carbon, (_kilograms(day["carbon_grams"]), _kilograms(month["carbon_grams"])))

    def _label(self, name: str, label: str) -> str:
        """What an amount is called; machines are paid for by the hour, whatever told their energy."""
        by_the_hour = name == "machine" or (
            name == "total" and not _rests_on_energy(self._projection["per_day"])
        )
        return label if by_the_hour else self._parts.maybe_estimated(label)

    def _estimated(self, amount: str) -> str:
        """`an estimated 12.8 kWh`, where a model told the run's energy; else the amount as it is."""
        estimate = self._parts.estimate
        if not estimate:
            return amount
        return f"{'an' if estimate == words.ESTIMATED else 'a'} {estimate} {amount}"

    def _waiting(self, day: Json) -> str:
        if day["kwh"] is None:
            return "nothing told the run's energy"
        if day["idle_kwh"] is None:
            at_rest = (self._summary.get("energy") or {}).get("idle_watts") is None
            return "without what waiting machines draw: " + (
                "--idle-baseline measures that" if at_rest else "in the idle baseline it was not at rest"
            )
        return f"{_kwh(day['idle_kwh'])} of it waiting"

    def _cost_note(self, name: str) -> str:
        day, per_unit = self._projection["per_day"], self._projection["per_unit"]
        assumed = (self._summary.get("cost") or {}).get("assumptions") or {}
        if name == "total" or (name == "energy" and day["machine"] is None):
            only = "electricity only, " if day["machine"] is None else ""
            return only + self._each(per_unit["total" if name == "total" else "energy"])
        if name == "energy" and assumed.get("rent_contains_electricity"):
            return "in the rent"
        return ""

    def _assumptions(self) -> Iterator[str]:
        assumed, sign = self._projection["assumptions"], currency_sign(self._currency)
        yield f"rate and energy of: {self._parts.title_of(self._parts.main)}"
        if assumed["scope"]:
            yield f"energy of {words.scope_words(assumed['scope'])}"
        if assumed["estimated"]:
            yield f"that energy is {self._parts.estimate}: from a model, not a sensor"
        if assumed["price_per_kwh"] is not None:
            pue = f" × PUE {assumed['pue']:g}" if assumed["pue"] != 1.0 else ""
            price = glued(f"{assumed['price_per_kwh']:g} {sign}/kWh{pue}".replace(" /", "/"))
            yield f"{price}{_by_time(assumed, sign)}"
        if assumed["rent_per_hour"] is not None and assumed["rented"]:
            rent = f"rent {assumed['rented']} × {assumed['rent_per_hour']:g} {sign}/h"
            yield glued(rent.replace(" /", "/"))
        elif assumed["rent_per_hour"] is not None:
            yield "without rent: the run has no device"
        for bought in assumed["purchases"]:
            price = f"{bought['devices']} × {format_count(bought['price'])} {sign}".rstrip()
            lifetime = glued(f"{format_count(bought['lifetime_h'])} h")
            yield f"{glued(price)} over {lifetime}, paid while they wait too"
        yield f"a month of {assumed['days_per_month']:.1f} days"

    def _headline(self, day: Json) -> tuple[float | None, str]:
        if day["total"] is not None:
            return day["total"], ""
        return day["energy"], " of electricity"

    def _each(self, amount: float | None) -> str:
        """`0.0012 $ a query`, or of a million where one costs too little to be read."""
        unit = self._projection["unit"]
        if amount is None:
            return f"{DASH} {words.one(unit)}"
        small = amount < 1e-4 or format_money(amount, self._currency).startswith("<")
        if small or unit.endswith("tokens"):
            return f"{glued(format_money(amount * 1e6, self._currency))} a million {words.spoken(unit)}"
        return f"{glued(format_money(amount, self._currency))} {words.one(unit)}"

    def _work(self, count: float) -> str:
        unit = self._projection["unit"]
        return f"{glued(format_count(count))} {words.singular(unit) if count == 1 else words.spoken(unit)}"

    def _noun(self) -> str:
        return words.chip_noun((self._summary.get("devices") or {}).get("ids") or [])

    def _hanging(self, first: str, text: str) -> list[str]:
        return hanging(text, self._columns, first, paint=self._paint)


def _rests_on_energy(amounts: Json) -> bool:
    """Whether electricity is in the amount that the costs are told by."""
    return amounts["total"] is None or amounts["total"] != amounts["machine"]


def _by_time(assumed: Json, sign: str) -> str:
    """What a price that changed with time is in a projection, which pays whole days with it."""
    if not assumed["price_by_time"]:
        return ""
    least, most = assumed["price_range"] or (None, None)
    if least == most:
        return ", which held during the run, for whole days"
    bounds = glued(f"{least:g} to {most:g} {sign}".rstrip())
    return f", the mean over the run of prices by time ({bounds}), for whole days"


def _kwh(value: float | None, error: float | None = None) -> str:
    return format_quantity(
        None if value is None else value * 1000.0, "Wh", None if not error else error * 1000.0
    )


def _kilograms(grams: float | None) -> str:
    return format_quantity(grams, "g")


def _joined(parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
