"""What does the run cost so far? The summary's rules (perfwatch.derive.cost) over the live figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.cost import CostDevice, carbon, cost
from perfwatch.derive.settings import CostInputs, Settings
from perfwatch.derive.standing import Figures
from perfwatch.derive.tariff import priced, zero_s_of
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import DeviceKind, Scope
from perfwatch.units import format_money

PRICE_HINT = "no price: add --price 0.12/kWh or --rent 2.5/h/device"


@dataclass(frozen=True)
class Money:
    """The `cost` and `carbon` objects of one span; None where nothing was priced."""

    cost: Mapping[str, Any] | None
    carbon: Mapping[str, Any] | None

    @property
    def currency(self) -> str | None:
        """The code or sign of the amounts."""
        return None if self.cost is None else self.cost["currency"]

    @property
    def amount(self) -> float | None:
        """What the span cost; electricity alone while the machine has no price."""
        if self.cost is None:
            return None
        found = self.cost["energy"] if self.cost["total"] is None else self.cost["total"]
        return None if found is None else float(found)

    @property
    def electricity_only(self) -> bool:
        """Whether the machine has no price."""
        return self.cost is not None and self.cost["total"] is None

    def per(self, unit: str) -> float | None:
        """What one unit of work cost."""
        found = None if self.cost is None else self.cost["per"].get(unit)
        return None if found is None else float(found)

    @property
    def error(self) -> float | None:
        """Expanded uncertainty of `amount`; that of the energy in it."""
        return None if self.cost is None else self.cost["error"]

    def per_error(self, unit: str) -> float | None:
        """Expanded uncertainty of `per`."""
        return None if self.cost is None else self.cost["per_error"].get(unit)

    @property
    def grams(self) -> float | None:
        """CO2 equivalent, g."""
        found = None if self.carbon is None else self.carbon["grams"]
        return None if found is None else float(found)

    @property
    def grams_error(self) -> float | None:
        """Expanded uncertainty of `grams`."""
        return None if self.carbon is None else self.carbon["error"]


def money_of(frame: Frame, figures: Figures, *, ratios: bool = True, error_j: float | None = None) -> Money:
    """The cost and carbon of one span of the run.

    Args:
        error_j: expanded uncertainty of its energy, J.
    """
    inputs = _inputs(frame, figures)
    return Money(
        cost(
            inputs,
            joules=figures.joules,
            duration_s=figures.span.duration_s,
            devices=paid(frame),
            work=figures.work,
            working_s=None,
            job_s=None,
            hosts=max(1, len({one.host for one in _of_the_run(frame)})),
            ratios=ratios,
            error_joules=error_j,
            count_errors=figures.errors,
        ),
        carbon(inputs, joules=figures.joules, work=figures.work, ratios=ratios, error_joules=error_j),
    )


def _inputs(frame: Frame, figures: Figures) -> CostInputs:
    """Prices as they were in a span, weighed by the energy used under each."""
    inputs = Settings.from_json(frame.header.get("settings")).cost
    return priced(inputs, [figures.span], zero_s_of(frame.header), figures.joules_in)


def _of_the_run(frame: Frame) -> list[DeviceNow]:
    numbers = set(frame.run.numbers)
    return [one for one in frame.devices if one.number in numbers]


def paid(frame: Frame) -> list[CostDevice]:
    """What a price per device is paid for: the run's accelerators, CPU packages where there are none."""
    mine = _of_the_run(frame)
    chosen = [one for one in mine if one.device.kind is DeviceKind.ACCELERATOR] or [
        one for one in mine if one.device.kind is DeviceKind.CPU and one.device.scope is Scope.CPU
    ]
    return [CostDevice(one.label, one.device.name) for one in chosen]


@dataclass(frozen=True)
class Rates:
    """Cost as a function of power: so much a joule, and so much a second whatever the power."""

    per_joule: float
    per_s: float


def rates_of(frame: Frame) -> Rates | None:
    """How cost grows with energy and with time, for lines of equal cost; None without a whole price."""
    if frame.standing is None:
        return None
    inputs = _inputs(frame, frame.standing.now)
    devices = paid(frame)

    def total(joules: float, duration_s: float) -> float | None:
        found = cost(
            inputs,
            joules=joules,
            duration_s=duration_s,
            devices=devices,
            work={},
            working_s=None,
            job_s=None,
            hosts=max(1, len({one.host for one in _of_the_run(frame)})),
        )
        return Money(found, None).amount

    # Cost is linear in both: three points tell it.
    nothing, energy, time = total(0.0, 0.0), total(3.6e6, 0.0), total(0.0, 3600.0)
    if nothing is None or energy is None or time is None:
        return None
    return Rates((energy - nothing) / 3.6e6, (time - nothing) / 3600.0)


def unit_cost(amount: float | None, currency: str | None, unit: str) -> tuple[str, str]:
    """A cost per unit and what it is per, by the million where one costs too little to be read."""
    from perfwatch.exporters.words import singular, spoken

    if unit.endswith("tokens") or (amount is not None and 0.0 < amount < 1e-4):
        plural = "tokens" if unit == "generated_tokens" else spoken(unit)
        return format_money(None if amount is None else amount * 1e6, currency), f"M {plural}"
    return format_money(amount, currency), singular(unit)
