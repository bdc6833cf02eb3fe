"""Which rows tell what a run cost, and what its energy emitted?"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.exporters import words
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_parts import Column, Json, Parts, any_work, glued
from perfwatch.units import (
    DASH,
    currency_sign,
    format_count,
    format_money,
    format_percent,
    format_quantity,
    significant,
)

BEGINS_LATE = "the prices by time begin after this run did"
PRICE_HINT = "no price given: add --price 0.12/kWh or --rent 2.5/h/device"


class CostRows:
    """The rows of cost and carbon of one summary."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def rows(self) -> Iterator[Row]:
        """All of them."""
        yield from self._cost_rows()
        yield from self._carbon_rows()

    def _cost_rows(self) -> Iterator[Row]:
        cost = self._parts.main.part("cost")
        if not cost:
            if self._parts.energy.get("joules") is not None or any_work(self._parts.main):
                yield Row("cost", None, PRICE_HINT)
            return
        currency = cost.get("currency")
        yield self._parts.row(
            self._cost_label(cost),
            lambda column: format_money(amount_of(column.part("cost")), currency),
            "; ".join(
                part for part in (tariff(cost), unpriced(cost), self._unit_costs(cost), _parts(cost)) if part
            ),
        )
        yield from self._idle_row(currency)

    def _cost_label(self, cost: Json, label: str = "cost") -> str:
        if _rests_on_energy(cost) and cost.get("energy") is not None:
            return self._parts.maybe_estimated(label)
        return label

    def _unit_costs(self, cost: Json) -> str:
        """`2.85 $/M tokens, 0.0011 $/query`."""
        if self._parts.main.why_not:
            return ""
        names = dict.fromkeys([*([self._parts.unit] if self._parts.unit else []), "queries"])
        return ", ".join(text for name in names if (text := unit_cost(cost, name)))

    def _idle_row(self, currency: str | None) -> Iterator[Row]:
        """What the job cost beyond its work: an idle device draws less, so the costs are subtracted."""
        if not self._is_idle_beyond() or any(map(self._lacks_readings, self._parts.windows)):
            return
        working, job = (amount_of(column.part("cost")) for column in self._parts.windows)
        share = self._parts.windows[1].part("cost").get("idle_share")
        if not share or working is None or job is None or job < working:
            return
        yield Row(
            self._cost_label(self._parts.main.part("cost"), "cost of idle time"),
            ("", format_money(job - working, currency)),
            glued(f"{format_percent(share)} of the time"),
        )

    @staticmethod
    def _lacks_readings(column: Column) -> bool:
        """Whether a column's amount is of so little of its window that no difference can be told of it."""
        return _rests_on_energy(column.part("cost")) and any(
            finding.get("code") == "low-coverage" and finding.get("level") == "insufficient"
            for finding in column.quality
        )

    def _is_idle_beyond(self) -> bool:
        """Whether one window is all the time while working, and the other the whole job around it.

        What a job did outside of a phase or of a span, or while it warmed up, is no idle time.
        """
        if len(self._parts.windows) != 2 or not self._parts.windows[1].is_job:
            return False
        windows = [column.window for column in self._parts.windows]
        is_part = any(window.get("phase") or window.get("warmup_s") for window in windows)
        return windows[0].get("kind") != "span" and not is_part

    def _carbon_rows(self) -> Iterator[Row]:
        carbon = self._parts.main.part("carbon")
        if carbon.get("grams") is None:
            return
        name = "queries" if (carbon.get("per") or {}).get("queries") is not None else self._parts.unit
        per = (carbon.get("per") or {}).get(name) if name else None
        assumed = (carbon.get("assumptions") or {}).get("g_per_kwh")
        notes = [
            *([f"{format_quantity(per, 'g')}/{words.singular(str(name))}"] if per is not None else []),
            *([f"{significant(assumed)} g/kWh"] if assumed is not None else []),
        ]
        yield self._parts.row(
            self._parts.maybe_estimated("carbon"),
            lambda column: format_quantity(column.part("carbon").get("grams"), "g"),
            ", ".join(glued(note) for note in notes),
        )


def _rests_on_energy(cost: Json) -> bool:
    """Whether the amount that is shown contains electricity that was measured."""
    return cost.get("total") is None or cost["total"] != cost.get("machine")


def _begins_late(assumed: Json) -> bool:
    return bool(assumed.get("price_by_time")) and assumed.get("price_per_kwh") is None


def hint_of(cost: Json | None) -> str:
    """What to do where nothing is priced: what is the matter with the prices given, else how to give one."""
    if cost and _begins_late(cost.get("assumptions") or {}):
        return BEGINS_LATE
    return unpriced(cost or {}) or PRICE_HINT


def unpriced(cost: Json) -> str:
    """Why a rent that was given prices nothing; empty where it does."""
    assumed = cost.get("assumptions") or {}
    is_rented = assumed.get("rent_per_hour") is not None and assumed.get("rent_basis") != "node"
    if cost.get("machine") is not None or not is_rented or assumed.get("rented"):
        return ""
    return "no device of the run to rent: write it per node (5/h/node)"


def amount_of(cost: Json) -> float | None:
    """What the costs per unit divide: the total, or electricity while there is none."""
    amount: float | None = cost.get("total") if cost.get("total") is not None else cost.get("energy")
    return amount


def tariff(cost: Json) -> str:
    """What the figure assumes: `rent 8 × 2.50 $/h`, `0.12 $/kWh × PUE 1.2`."""
    assumed = cost.get("assumptions") or {}
    sign = currency_sign(cost.get("currency"))
    parts = ["electricity only"] if only_electricity(cost) else []
    if assumed.get("rent_per_hour") is not None and not only_electricity(cost):
        rented = assumed.get("rented") or 0
        of_what = " per node" if assumed.get("rent_basis") == "node" else ""
        times = f"{rented} × " if rented > 1 else ""
        parts.append(
            glued(f"rent {times}{_price(assumed['rent_per_hour'])} {sign}/h{of_what}".replace(" /", "/"))
        )
    parts += [
        _purchase(bought, sign) for bought in assumed.get("purchases") or [] if not only_electricity(cost)
    ]
    if assumed.get("price_per_kwh") is not None:
        pue = assumed.get("pue") or 1.0
        times = f" × PUE {pue:g}" if pue != 1.0 else ""
        parts.append(glued(f"{_price_words(assumed)} {sign}/kWh{times}".replace(" /", "/")))
        least, most = assumed.get("price_range") or (None, None)
        if least != most:
            parts.append(glued(f"by time, {_price_of(least)} to {_price_of(most)}"))
    return ", ".join(parts)


def _purchase(bought: Json, sign: str) -> str:
    times = f"{bought['devices']} × " if bought.get("devices", 1) > 1 else ""
    parts = [
        f"{times}{format_count(bought['price'])} {sign}".rstrip(),
        f"over {format_count(bought['lifetime_h'])} h",
    ]
    if bought.get("utilization", 1.0) != 1.0:
        parts.append(f"at {format_percent(bought['utilization'])} use")
    return " ".join(map(glued, parts))


def _price_words(assumed: Json) -> str:
    """The price as it was given; the mean of one that changed with time, rounded."""
    value = assumed["price_per_kwh"]
    least, most = assumed.get("price_range") or (None, None)
    return _price(value) if least == most else significant(value)


def _price_of(value: float | None) -> str:
    return DASH if value is None else _price(value)


def _price(value: float) -> str:
    """A tariff as it was given; money with a fraction has two decimals at least."""
    if value.is_integer():
        return format_count(value)
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.6g}"


def _parts(cost: Json) -> str:
    """What the total is made of, or what it lacks."""
    assumed = cost.get("assumptions") or {}
    currency, energy, machine = cost.get("currency"), cost.get("energy"), cost.get("machine")
    if cost.get("total") is None:
        return "; ".join(_lacking(assumed, None if machine is None else format_money(machine, currency)))
    if energy is None or machine is None or assumed.get("cost_scope") == "energy":
        return ""
    contained = " in the rent" if assumed.get("rent_contains_electricity") else ""
    return glued(f"electricity{contained} {format_money(energy, currency)}")


def _lacking(assumed: Json, machine: str | None) -> Iterator[str]:
    """What there is no total without, and how to give it."""
    missing = missing_of({"assumptions": assumed})
    if machine is not None:
        yield glued(f"machine {machine}")
    if "electricity" in missing and _begins_late(assumed):
        yield BEGINS_LATE
    elif "electricity" in missing and assumed.get("price_per_kwh") is None:
        yield f"no price of electricity: add {glued('--price 0.12/kWh')}"
    elif "electricity" in missing:
        yield "electricity is not known"
    models = [word for word in missing if word not in ("machine", "electricity")]
    if models:
        yield f"no price of the {', the '.join(models)}"


def unit_cost(cost: Json, name: str) -> str:
    """A cost per unit, or per million where one costs too little to be read."""
    amount = (cost.get("per") or {}).get(name)
    if amount is None:
        return ""
    currency = cost.get("currency")
    small = amount < (1.0 if format_money(amount, currency).startswith("< 1") else 1e-4)
    if small or name.endswith("tokens"):
        million = (cost.get("per_million") or {}).get(name)
        plural = "tokens" if name == "generated_tokens" else words.spoken(name)
        return glued(f"{format_money(million, currency)}/M {plural}")
    return glued(f"{format_money(amount, currency)}/{words.singular(name)}")


def only_electricity(cost: Json) -> bool:
    """Whether nothing but electricity is in the figure."""
    contains = (cost.get("assumptions") or {}).get("contains")
    return contains == ["electricity"]


def missing_of(cost: Json) -> list[str]:
    """What there is no total without."""
    return [str(word) for word in (cost.get("assumptions") or {}).get("missing") or []]
