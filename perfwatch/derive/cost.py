"""What a window cost: electricity and machine, per unit of work, with the assumptions beside the figure.

energy  = joules / 3.6e6 x PUE x price per kWh
machine = rent x hours (x devices or hosts), or price / (lifetime x utilization) x hours, summed over devices
total   = machine where the rent contains electricity, else machine + energy; unknown while a part of it is

A share of a bought device's life is paid for the time it works; `utilization` is the busy share over its
whole life, so the window's own load is not divided by again. No price is built in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from math import hypot
from typing import Any, NamedTuple

from perfwatch.derive.numbers import times
from perfwatch.derive.settings import CostInputs, Purchase
from perfwatch.derive.work import NO_ERRORS

JOULES_PER_KWH = 3.6e6
SECONDS_PER_HOUR = 3600.0


class CostDevice(NamedTuple):
    """A device that is paid for: what people call it, and its model name."""

    label: str
    model: str


class _Parts(NamedTuple):
    energy: float | None
    machine: float | None
    total: float | None
    missing: tuple[str, ...]


def cost(
    inputs: CostInputs,
    *,
    joules: float | None,
    duration_s: float | None,
    devices: Sequence[CostDevice],
    work: Mapping[str, float | None],
    working_s: float | None,
    job_s: float | None,
    hosts: int = 1,
    ratios: bool = True,
    error_joules: float | None = None,
    count_errors: Mapping[str, float] = NO_ERRORS,
) -> dict[str, Any] | None:
    """The `cost` object of the summary for one window, `None` without any price.

    Args:
        inputs: prices; amounts come back in their currency.
        joules: energy of the headline scope in the window, without PUE.
        duration_s: length of the window.
        devices: the devices of the run, one each (accelerators, or CPU packages where there are none).
        work: counts in the window by bare name.
        working_s: duration while working, `None` where nothing tells when the job worked.
        job_s: duration of the job.
        hosts: machines of the run, for a rent per node.
        ratios: false when a finding takes the ratios away: costs per unit are then `None`.
        error_joules, count_errors: expanded uncertainties of `joules` and of `work`, for `error` and
            `per_error`; prices and rents have none.
    """
    parts = _parts(inputs, joules, duration_s, devices, hosts)
    if parts is None:
        return None
    basis = "energy" if parts.total is None else "total"
    divided = parts.energy if parts.total is None else parts.total
    per = _per(divided, work, ratios)
    error = times(facility_kwh(inputs, error_joules), _farthest(inputs.price_per_kwh, inputs.price_range))
    if parts.total is not None and inputs.cost_scope != "energy" and not _electricity_is_extra(inputs):
        error = 0.0  # a rent that contains electricity does not change with it
    return {
        "currency": inputs.currency,
        "energy": parts.energy,
        "machine": parts.machine,
        "total": parts.total,
        "idle_share": idle_share(working_s, job_s),
        "error": error if divided is not None else None,
        "per": per,
        "per_error": _per_errors(per, error, work, count_errors),
        "per_million": {name: None if amount is None else amount * 1e6 for name, amount in per.items()},
        "assumptions": _assumptions(inputs, devices, hosts, parts, basis),
    }


def carbon(
    inputs: CostInputs,
    *,
    joules: float | None,
    work: Mapping[str, float | None],
    ratios: bool = True,
    error_joules: float | None = None,
    count_errors: Mapping[str, float] = NO_ERRORS,
) -> dict[str, Any] | None:
    """The `carbon` object of the summary, grams of CO2 equivalent; `None` without an intensity.

    It uses the same facility energy (PUE included) and the same errors as the cost; intensities have none.
    """
    if inputs.carbon_g_per_kwh is None:
        return None
    grams = times(facility_kwh(inputs, joules), inputs.carbon_g_per_kwh)
    highest = _farthest(inputs.carbon_g_per_kwh, inputs.carbon_range)
    error = times(facility_kwh(inputs, error_joules), highest)
    per = _per(grams, work, ratios)
    return {
        "grams": grams,
        "error": error if grams is not None else None,
        "per": per,
        "per_error": _per_errors(per, error, work, count_errors),
        "assumptions": {"g_per_kwh": inputs.carbon_g_per_kwh, "pue": inputs.pue or 1.0},
    }


def facility_kwh(inputs: CostInputs, joules: float | None) -> float | None:
    """Energy at the building's meter, kWh."""
    return None if joules is None else joules / JOULES_PER_KWH * (inputs.pue or 1.0)


def idle_share(working_s: float | None, job_s: float | None) -> float | None:
    """Share of the job's time in which it did no work, 0 to 1."""
    if working_s is None or not job_s:
        return None
    return min(max(1.0 - working_s / job_s, 0.0), 1.0)


def purchase_of(inputs: CostInputs, model: str) -> Purchase | None:
    """The first purchase whose pattern fits the model name."""
    for purchase in inputs.purchases:
        if fnmatchcase(model.casefold(), purchase.model.casefold()):
            return purchase
    return None


def _parts(
    inputs: CostInputs,
    joules: float | None,
    duration_s: float | None,
    devices: Sequence[CostDevice],
    hosts: int,
) -> _Parts | None:
    told = inputs.price_per_kwh is not None or inputs.price_steps
    if not told and not _machine_priced(inputs, devices):
        return None
    energy = times(facility_kwh(inputs, joules), inputs.price_per_kwh)
    per_hour, unpriced = _machine_per_hour(inputs, devices, hosts)
    machine = None if duration_s is None else times(per_hour, duration_s / SECONDS_PER_HOUR)
    if inputs.cost_scope == "energy":
        return _Parts(energy, machine, energy, () if energy is not None else ("electricity",))
    missing = unpriced
    if _electricity_is_extra(inputs) and energy is None:
        missing = (*missing, "electricity")
    return _Parts(energy, machine, _total(inputs, energy, machine), missing)


def _total(inputs: CostInputs, energy: float | None, machine: float | None) -> float | None:
    if machine is None:
        return None
    if not _electricity_is_extra(inputs):
        return machine
    return None if energy is None else machine + energy


def _electricity_is_extra(inputs: CostInputs) -> bool:
    """Rent contains electricity unless it is said to exclude it; a purchase never does."""
    return inputs.rent_per_hour is None or inputs.rent_excludes_power


def _machine_priced(inputs: CostInputs, devices: Sequence[CostDevice]) -> bool:
    if inputs.rent_per_hour is not None:
        return True
    return any(purchase_of(inputs, device.model) is not None for device in devices)


def _machine_per_hour(
    inputs: CostInputs, devices: Sequence[CostDevice], hosts: int
) -> tuple[float | None, tuple[str, ...]]:
    """What the run's machines cost an hour, and what has no price. Half a machine's price is none."""
    if inputs.rent_per_hour is not None:
        quantity = _rented(inputs, devices, hosts)
        return (inputs.rent_per_hour * quantity, ()) if quantity else (None, ("machine",))
    purchases = [purchase_of(inputs, device.model) for device in devices]
    bought = [purchase for purchase in purchases if purchase is not None]
    if bought and len(bought) == len(devices):
        return sum(item.price / (item.lifetime_h * item.utilization) for item in bought), ()
    if not bought:
        return None, ("machine",)
    unpriced = {device.model for device, found in zip(devices, purchases, strict=True) if found is None}
    return None, tuple(f"machine ({model})" for model in sorted(unpriced))


def _rented(inputs: CostInputs, devices: Sequence[CostDevice], hosts: int) -> int:
    return hosts if inputs.rent_basis == "node" else len(devices)


def _assumptions(
    inputs: CostInputs, devices: Sequence[CostDevice], hosts: int, parts: _Parts, basis: str
) -> dict[str, Any]:
    """What the figures rest on, for whoever reads them without the command line at hand."""
    rented = inputs.rent_per_hour is not None
    purchases = [] if rented else _used_purchases(inputs, devices)
    return {
        "basis": basis,
        "currency": inputs.currency,
        "price_per_kwh": inputs.price_per_kwh,
        "price_by_time": bool(inputs.price_steps),
        "price_range": list(inputs.price_range) if inputs.price_range else None,
        "pue": inputs.pue or 1.0,
        "rent_per_hour": inputs.rent_per_hour,
        "rent_basis": inputs.rent_basis if rented else None,
        "rented": _rented(inputs, devices, hosts) if rented else None,
        "rent_contains_electricity": not inputs.rent_excludes_power if rented else None,
        "purchases": purchases,
        "cost_scope": inputs.cost_scope,
        "contains": _contains(inputs, parts),
        "missing": list(parts.missing),
    }


def _used_purchases(inputs: CostInputs, devices: Sequence[CostDevice]) -> list[dict[str, Any]]:
    found = [purchase_of(inputs, device.model) for device in devices]
    return [
        {**asdict(purchase), "devices": count}
        for purchase in inputs.purchases
        if (count := sum(item is purchase for item in found))
    ]


def _contains(inputs: CostInputs, parts: _Parts) -> list[str]:
    """What the divided amount covers."""
    if parts.total is None or inputs.cost_scope == "energy":
        return [] if parts.energy is None else ["electricity"]
    return ["machine", "electricity"]


def _per(amount: float | None, work: Mapping[str, float | None], ratios: bool) -> dict[str, float | None]:
    if not ratios or amount is None:
        return dict.fromkeys(work)
    return {name: amount / count if count else None for name, count in work.items()}


def _farthest(rate: float | None, met: tuple[float, float] | None) -> float | None:
    """What the error of the energy is multiplied by: the rate farthest from zero that the window met, since
    it is not known under which of them the energy is wrong.
    """
    return rate if rate is None or met is None else max(map(abs, met))


def _per_errors(
    per: Mapping[str, float | None],
    error: float | None,
    work: Mapping[str, float | None],
    count_errors: Mapping[str, float],
) -> dict[str, float | None]:
    """Errors of amounts per unit: those of the amount and of the count add in quadrature."""
    found: dict[str, float | None] = dict.fromkeys(per)
    for name, value in per.items():
        count = work.get(name)
        if value is not None and count and error is not None:
            found[name] = hypot(error, value * count_errors.get(name, 0.0)) / abs(count)
    return found
