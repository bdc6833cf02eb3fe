"""What would so much work a day take? A measured run, multiplied: machines, energy, money, carbon.

machines = what is wanted at the peak / rate of the run, rounded up; each is all the devices of the run
energy   = joules per unit x units, and idle power x the time in which the machines have nothing to do
money    = energy x PUE x price, and machines x hours x rent, or x price / lifetime: a machine that waits
           is paid for as well, so the share of its life in which a bought one works plays no part here
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from perfwatch.derive.cost import JOULES_PER_KWH
from perfwatch.derive.numbers import times
from perfwatch.errors import ConfigError
from perfwatch.model import Method, Scope

SECONDS_PER_DAY, HOURS_PER_DAY = 86400.0, 24.0
DAYS_PER_MONTH = 365.25 / 12
"""A mean month."""
MONEY = ("energy", "machine", "total")
_ALMOST = 1.0 - 1e-9
"""What rounding adds does not need another machine."""

Json = Mapping[str, Any]


class Demand(NamedTuple):
    """What is wanted.

    Args:
        per_day: units of work a day, above 0.
        peak: the busiest hour over the mean, at least 1.
    """

    per_day: float
    peak: float = 1.0


def project(summary: Json, demand: Demand) -> dict[str, Any]:
    """The projection of a summary. Amounts are in the currency of its cost; unknown is `None`.

    Args:
        summary: a `perfwatch.summary/1` object.
        demand: in the summary's `unit`.

    Raises:
        ConfigError: the run tells no work, no rate, or its figures are not to be quoted.
    """
    unit, rate = _rate(summary)
    machines = max(1, math.ceil(demand.per_day / SECONDS_PER_DAY * demand.peak / rate * _ALMOST))
    load = demand.per_day / SECONDS_PER_DAY / (rate * machines)
    energy = _energy(summary, unit, demand, machines, load)
    day = {**energy, **_money(summary, energy["kwh"], machines)}
    assumed = _assumptions(summary, energy)
    return {
        "unit": unit,
        "demand": {"per_day": demand.per_day, "peak": demand.peak},
        "rate_per_s": rate,
        "machines": machines,
        "devices_each": _devices_each(summary),
        "load": load,
        "per_day": day,
        "per_month": {name: times(value, DAYS_PER_MONTH) for name, value in day.items()},
        "per_unit": {name: times(day[name], 1.0 / demand.per_day) for name in ("total", "energy", "machine")},
        "currency": (summary.get("cost") or {}).get("currency"),
        "assumptions": assumed,
    }


def rate_per_price(summary: Json) -> float | None:
    """Work per second for each unit of money that the devices of the run cost; None where none was bought."""
    bought = ((summary.get("cost") or {}).get("assumptions") or {}).get("purchases") or []
    price = sum(one["price"] * one["devices"] for one in bought)
    work = (summary.get("work") or {}).get(summary.get("unit") or "") or {}
    rate = work.get("rate_per_s")
    return rate / price if rate and price and not _missing_machine(summary) else None


def _rate(summary: Json) -> tuple[str, float]:
    unit = summary.get("unit")
    serious = [one["message"] for one in summary.get("quality") or () if one["level"] == "insufficient"]
    if serious:
        raise ConfigError(f"cannot project this run, it is not to be quoted: {serious[0]}")
    rate = ((summary.get("work") or {}).get(unit or "") or {}).get("rate_per_s")
    if unit is None or not rate:
        raise ConfigError("cannot project this run: nothing tells how much work it did a second")
    return unit, rate


def _energy(summary: Json, unit: str, demand: Demand, machines: int, load: float) -> dict[str, Any]:
    """Of a day: kWh at the building's meter, and how much of it is the machines' waiting."""
    ratio = (summary.get("efficiency") or {}).get(unit) or {}
    to_kwh = _pue(summary) / JOULES_PER_KWH
    waiting_s = machines * (1.0 - min(load, 1.0)) * SECONDS_PER_DAY
    working = times(ratio.get("joules_per"), demand.per_day * to_kwh)
    idle = times(_idle_watts(summary), waiting_s * to_kwh)
    kwh = None if working is None else working + (idle or 0.0)
    error = _working_error(working, ratio)
    if idle is not None and waiting_s > 0:
        idle_error = times((summary.get("energy") or {}).get("idle_watts_error"), waiting_s * to_kwh)
        error = None if error is None or idle_error is None else math.hypot(error, idle_error)
    grams = ((summary.get("carbon") or {}).get("assumptions") or {}).get("g_per_kwh")
    return {"kwh": kwh, "kwh_error": error, "idle_kwh": idle, "carbon_grams": times(kwh, grams)}


def _working_error(kwh: float | None, ratio: Json) -> float | None:
    """The error of the part while working: that of the run's work per joule."""
    if kwh is None or ratio.get("per_joule_error") is None or not ratio.get("per_joule"):
        return None
    return float(kwh * ratio["per_joule_error"] / ratio["per_joule"])


def _idle_watts(summary: Json) -> float | None:
    """What a waiting machine draws; unknown where it was not at rest and drew more than with the job."""
    idle_w = (summary.get("energy") or {}).get("idle_watts")
    mean_w = (summary.get("power") or {}).get("mean_watts")
    return None if idle_w is None or (mean_w is not None and idle_w > mean_w) else idle_w


def _money(summary: Json, kwh: float | None, machines: int) -> dict[str, float | None]:
    assumed = (summary.get("cost") or {}).get("assumptions") or {}
    energy = times(kwh, assumed.get("price_per_kwh"))
    hourly = None if _missing_machine(summary) else _machine_per_hour(assumed)
    machine = times(hourly, machines * HOURS_PER_DAY)
    if assumed.get("cost_scope") == "energy":
        total = energy
    elif machine is None or assumed.get("rent_contains_electricity"):
        total = machine
    else:
        total = None if energy is None else machine + energy
    return {"energy": energy, "machine": machine, "total": total}


def _machine_per_hour(assumed: Json) -> float | None:
    """What the machines of the run cost while they stand there, an hour."""
    if assumed.get("rent_per_hour") is not None:
        return float(assumed["rent_per_hour"]) * float(assumed.get("rented") or 0) or None
    bought = assumed.get("purchases") or []
    return sum(one["price"] / one["lifetime_h"] * one["devices"] for one in bought) or None


def _missing_machine(summary: Json) -> bool:
    missing = ((summary.get("cost") or {}).get("assumptions") or {}).get("missing") or []
    return any(str(word).startswith("machine") for word in missing)


def _pue(summary: Json) -> float:
    for part in ("cost", "carbon"):
        pue = ((summary.get(part) or {}).get("assumptions") or {}).get("pue")
        if pue:
            return float(pue)
    return 1.0


def _assumptions(summary: Json, energy: Json) -> dict[str, Any]:
    """What the projection rests on, beside what the cost of the run does."""
    assumed = (summary.get("cost") or {}).get("assumptions") or {}
    energy_of_run = summary.get("energy") or {}
    return {
        "window": (summary.get("window") or {}).get("kind"),
        "scope": energy_of_run.get("scope"),
        "method": energy_of_run.get("method"),
        "estimated": _is_estimated(energy_of_run),
        "days_per_month": DAYS_PER_MONTH,
        "pue": _pue(summary),
        "price_per_kwh": assumed.get("price_per_kwh"),
        "price_by_time": bool(assumed.get("price_by_time")),
        "price_range": assumed.get("price_range"),
        "rent_per_hour": assumed.get("rent_per_hour"),
        "rented": assumed.get("rented"),
        "purchases": assumed.get("purchases") or [],
        "idle_watts": _idle_watts(summary),
        "idle_included": energy["idle_kwh"] is not None,
    }


def _is_estimated(energy: Json) -> bool:
    """Whether a model, not a sensor, told the run's energy or a part of it."""
    devices = (energy.get("by_device") or {}).values()
    methods = [energy.get("method"), *(device.get("method") for device in devices if device.get("in_run"))]
    return Method.ESTIMATED.value in methods


def _devices_each(summary: Mapping[str, Any]) -> int:
    """Devices of one machine, partitions as their board; a meter of a whole machine is none."""
    told = summary["energy"].get("by_device") or {}
    whole = (Scope.NODE.value, Scope.WALL.value)
    boards = {
        (told.get(name) or {}).get("board") or name
        for name in summary["devices"]["ids"]
        if (told.get(name) or {}).get("scope") not in whole
    }
    return len(boards)
