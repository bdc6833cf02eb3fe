"""What a person asked of a summary: the choices that are recorded with a session, and made again later.

They stand in the session's header, so that `perfwatch summary` of an old file asks for the same things as
the run did, unless the command line says otherwise (`Settings.merge`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from perfwatch.errors import ConfigError
from perfwatch.objectives import Slo

SMALLEST, LARGEST = 1e-30, 1e30
"""Outside of these no amount is meant, and quotients and products would leave the range of numbers."""

WINDOWS = ("job", "marks", "work")
SCOPES = ("accelerator", "components", "node", "wall")
RENT_BASES = ("device", "node")
COST_SCOPES = ("energy",)

_SIGN_OF = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
}
"""Signs that several currencies share: such a sign says less than a code and does not contradict it."""


@dataclass(frozen=True)
class Purchase:
    """What a bought device costs to use.

    Args:
        model: pattern of the model name, as in a shell (`*H100*`), upper and lower case alike.
        price: price of one device.
        lifetime_h: hours from purchase to scrapping.
        utilization: share of its life in which it works, above 0 and up to 1.
    """

    model: str
    price: float
    lifetime_h: float
    utilization: float = 1.0


Steps = tuple[tuple[float, float], ...]
"""Values that hold from a time on (seconds since 1970) until the next."""


@dataclass(frozen=True)
class CostInputs:
    """Prices and factors; `None` is not given, and nothing is built in.

    Args:
        price_per_kwh: price of electricity.
        price_steps, carbon_steps: price and intensity that change with time, in place of flat ones.
        price_range, carbon_range: the least and the most of the steps that a window met; never recorded.
        rent_per_hour: rent of one device or one node, as `rent_basis` says.
        rent_excludes_power: electricity is paid on top of the rent.
        purchases: bought devices; the first whose pattern fits a device counts. A rent goes before them.
        pue: facility energy over device energy, at least 1; not given counts as 1.
        carbon_g_per_kwh: grams of CO2 equivalent.
        currency: a code (`EUR`) or a sign that several currencies share (`$`); not given: bare amounts.
        cost_scope: `energy`: electricity alone is the whole cost.
    """

    price_per_kwh: float | None = None
    rent_per_hour: float | None = None
    rent_basis: str = "device"
    rent_excludes_power: bool = False
    purchases: tuple[Purchase, ...] = ()
    pue: float | None = None
    carbon_g_per_kwh: float | None = None
    currency: str | None = None
    cost_scope: str | None = None
    price_steps: Steps = ()
    carbon_steps: Steps = ()
    price_range: tuple[float, float] | None = None
    carbon_range: tuple[float, float] | None = None

    def merge(self, changes: Mapping[str, Any]) -> CostInputs:
        """These inputs with the changes over them; a change to `None` means not given.

        Raises:
            ConfigError: amounts in two currencies would stand side by side.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        if "rent_per_hour" in given:  # what is rented now was not bought
            given.setdefault("purchases", ())
        for flat, stepped in (("price_per_kwh", "price_steps"), ("carbon_g_per_kwh", "carbon_steps")):
            if flat in given:  # one replaces the other
                given.setdefault(stepped, ())
            elif given.get(stepped):
                given[flat] = None
        merged = replace(self, **given)
        currency = given.get("currency")
        if currency is None or self.currency is None:
            return merged
        same = common_currency(self.currency, currency)
        if same is not None:
            return replace(merged, currency=same)
        kept = [name for name in self._amounts() if name not in given]
        if kept:
            raise ConfigError(
                f"cannot take prices in {currency} beside {' and '.join(_AMOUNTS[name] for name in kept)} "
                f"in {self.currency} (of the config file, the environment or the recording); give all of "
                "them in one currency"
            )
        return merged

    def _amounts(self) -> list[str]:
        return [name for name in _AMOUNTS if getattr(self, name)]


_AMOUNTS = {
    "price_per_kwh": "electricity",
    "price_steps": "prices of electricity by time",
    "rent_per_hour": "a rent",
    "purchases": "purchase prices",
}


def common_currency(one: str, other: str) -> str | None:
    """The more exact of two currencies that agree (`$` and `CAD`: `CAD`), `None` if they contradict."""
    if one == other or other in _SIGN_OF.get(one, ()):
        return other
    return one if one in _SIGN_OF.get(other, ()) else None


@dataclass(frozen=True)
class Settings:
    """The choices of a summary; `None` is the default that design and data give.

    Args:
        unit: the unit that ratios are shown in; `NAME@KIND` picks a source.
        scope: headline scope, one of `SCOPES`.
        meter: the meter that scope `node` or `wall` means.
        window: one of `WINDOWS`.
        warmup_s: cut off the front of the first span.
        devices: the text of `--devices`.
        phase: take this phase's spans as the window.
        since: where the window begins: seconds of the session, or a mark's name.
        until: where it ends, likewise.
        slo: objectives of a query: the longest time, s, by their names (perfwatch.objectives).
        units: the user's own units: `{"chat": {"queries": 6}}` says that a chat is six queries.
        cost: prices and factors.
    """

    unit: str | None = None
    scope: str | None = None
    meter: str | None = None
    window: str | None = None
    warmup_s: float = 0.0
    devices: str | None = None
    phase: str | None = None
    since: str | None = None
    until: str | None = None
    slo: Slo = field(default_factory=dict)
    units: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cost: CostInputs = field(default_factory=CostInputs)

    def merge(self, changes: Mapping[str, Any]) -> Settings:
        """These settings with the changes over them; a change to `None` means not given.

        `cost` may hold changes of its own; the user's units are added to those that are there.

        Raises:
            ConfigError: the changes bring in a second currency.
            TypeError: a key that is no setting.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        if "cost" in given:
            given["cost"] = self.cost.merge(given["cost"])
        if "units" in given:
            given["units"] = {**self.units, **given["units"]}
        return replace(self, **given)

    def to_json(self) -> dict[str, Any]:
        """For the session's header; what was not given is left out."""
        return _without_defaults(self, {"cost": _without_defaults(self.cost, {})})

    @classmethod
    def from_json(cls, record: Any) -> Settings:
        """Settings out of a header. Unknown keys are ignored; a malformed value counts as not given."""
        given = _checked(record, _SETTINGS)
        return cls(**given)


def _without_defaults(value: Any, replaced: Mapping[str, Any]) -> dict[str, Any]:
    default = type(value)()
    record = {}
    for item in fields(value):
        now = getattr(value, item.name)
        if now != getattr(default, item.name):
            record[item.name] = replaced.get(item.name, _plain(now))
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [list(item) if isinstance(item, tuple) else asdict(item) for item in value]
    if isinstance(value, Mapping):
        return {name: dict(one) if isinstance(one, Mapping) else one for name, one in value.items()}
    return value


def _checked(record: Any, checks: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values of a record that pass their check; a check answers `None` to what it does not accept."""
    if not isinstance(record, Mapping):
        return {}
    accepted = {key: check(record[key]) for key, check in checks.items() if key in record}
    return {key: value for key, value in accepted.items() if value is not None}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _one_of(words: tuple[str, ...]) -> Callable[[Any], str | None]:
    return lambda value: value if value in words else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number_from(least: float) -> Callable[[Any], float | None]:
    def check(value: Any) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        sensible = value == 0 or SMALLEST <= value <= LARGEST
        return float(value) if sensible and value >= least else None

    return check


_amount = _number_from(0.0)


def _purchase(record: Any) -> Purchase | None:
    given = _checked(
        record, {"model": _text, "price": _amount, "lifetime_h": _amount, "utilization": _amount}
    )
    if not {"model", "price", "lifetime_h"} <= given.keys():
        return None
    purchase = Purchase(**given)
    return purchase if purchase.lifetime_h > 0 and 0 < purchase.utilization <= 1 else None


def _purchases(value: Any) -> tuple[Purchase, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(purchase for item in value if (purchase := _purchase(item)) is not None)


def _steps(value: Any) -> Steps | None:
    if not isinstance(value, list):
        return None
    steps = [
        (float(item[0]), float(item[1]))
        for item in value
        if isinstance(item, list) and len(item) == 2 and all(map(_is_amount, item))
    ]
    return tuple(sorted(steps))


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def _units(value: Any) -> dict[str, dict[str, float]] | None:
    if not isinstance(value, Mapping):
        return None
    units: dict[str, dict[str, float]] = {}
    for name, parts in value.items():
        if isinstance(parts, Mapping):
            amounts = {str(part): _amount(amount) for part, amount in parts.items()}
            units[str(name)] = {part: amount for part, amount in amounts.items() if amount}
    return {name: parts for name, parts in units.items() if parts}


def _slo(value: Any) -> dict[str, float] | None:
    if not isinstance(value, Mapping):
        return None
    return {str(name): float(limit_s) for name, limit_s in value.items() if _amount(limit_s)}


_COST: dict[str, Callable[[Any], Any]] = {
    "price_per_kwh": _amount,
    "rent_per_hour": _amount,
    "rent_basis": _one_of(RENT_BASES),
    "rent_excludes_power": _flag,
    "purchases": _purchases,
    "pue": _number_from(1.0),
    "carbon_g_per_kwh": _amount,
    "currency": _text,
    "cost_scope": _one_of(COST_SCOPES),
    "price_steps": _steps,
    "carbon_steps": _steps,
}
_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "unit": _text,
    "scope": _one_of(SCOPES),
    "meter": _text,
    "window": _one_of(WINDOWS),
    "warmup_s": _amount,
    "devices": _text,
    "phase": _text,
    "since": _text,
    "until": _text,
    "slo": _slo,
    "units": _units,
    "cost": lambda value: CostInputs(**_checked(value, _COST)),
}
