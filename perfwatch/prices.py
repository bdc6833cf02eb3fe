"""What the texts of the cost options say: `--price`, `--rent`, `--pue`, `--carbon`, `--currency`.

The unit is mandatory; a text that belongs to another option is answered with that option.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch.derive.settings import COST_SCOPES, Steps, common_currency
from perfwatch.errors import ConfigError
from perfwatch.tariffs import SUFFIX, Tariff, is_tariff, read_tariff
from perfwatch.text import clean

CARBON_UNIT, CARBON_UNITS = "g/kWh", "g/kWh or kg/kWh"
MOST_PER_KWH = MOST_RENT = 1e9
"""In any currency: the weakest have under 1e5 for a kWh."""
MOST_PUE = 10.0
"""Computing centres have 1.0 to 3; 120 is a percentage."""
MOST_CARBON = 1e4
"""g/kWh; the dirtiest power plants emit about 1500."""
_PER_KWH = {"kwh": 1.0, "wh": 1000.0, "mwh": 0.001, "gwh": 1e-6}
"""What a price per this unit is multiplied by to be one per kWh."""
_HOURS = {
    "min": 1.0 / 60.0,
    "minute": 1.0 / 60.0,
    "h": 1.0,
    "hr": 1.0,
    "hour": 1.0,
    "d": 24.0,
    "day": 24.0,
    "week": 168.0,
    "month": 730.0,
    "year": 8760.0,
}
"""A month is a twelfth of a year."""
_GRAMS = {"g": 1.0, "kg": 1000.0, "t": 1e6}
_OTHER_MASSES = {"mg", "oz", "lb", "lbs", "mt", "kt", "gram", "grams", "ton", "tons", "tonne", "tonnes"}
"""Masses that no intensity is taken in, and that are no currency either."""
_BASES = {
    "device": "device",
    "gpu": "device",
    "npu": "device",
    "tpu": "device",
    "accelerator": "device",
    "chip": "device",
    "card": "device",
    "node": "node",
    "host": "node",
    "machine": "node",
    "server": "node",
    "instance": "node",
}
_CODES = {
    "€": "EUR",
    "£": "GBP",
    "₩": "KRW",
    "₹": "INR",
    "euro": "EUR",
    "euros": "EUR",
    "won": "KRW",
    "원": "KRW",
    "yen": "JPY",
    "円": "JPY",
    "dollar": "$",
    "dollars": "$",
}
"""Signs and words that belong to one currency. `$` and `¥` belong to several and stay as they are."""
_PARTS_OF_MONEY = {"ct", "cts", "c", "cent", "cents", "¢", "p", "pence", "rp", "øre", "öre"}

_NUMBER = r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)"
_MONEY = r"(?:[^\W\d_]{1,12}|[$€£¥₩₹¢])"
_AMOUNT = re.compile(
    rf"\s*(?P<before>{_MONEY}\s*)??{_NUMBER}\s*(?P<after>{_MONEY})?\s*(?:/\s*(?P<unit>[^\d\s]+.*?))?\s*",
    re.IGNORECASE,
)

PRICE_EXAMPLE = "--price 0.12/kWh"
RENT_EXAMPLE = "--rent 2.5/h/device"
CARBON_EXAMPLE = "--carbon 430"
INTENSITY = "grams of CO2 equivalent per kWh"
OR_A_FILE = f", or name a {SUFFIX} file of times and values"


class Price(NamedTuple):
    """An electricity price and the currency that its text names."""

    per_kwh: float
    currency: str | None


class Rent(NamedTuple):
    """A rent per hour of a `device` or a `node`, and the currency that its text names."""

    per_hour: float
    basis: str
    currency: str | None


class _Amount(NamedTuple):
    value: float
    number: str
    currency: str | None
    units: tuple[str, ...]


def parse_price(text: str, option: str = "--price") -> Price:
    """Price per kWh out of `0.12/kWh`, `120 EUR/MWh`, `$0.00012/Wh`.

    Raises:
        ConfigError: no number, no unit, or the text of another option.
    """
    amount = _amount(text, option, PRICE_EXAMPLE, or_else=OR_A_FILE)
    if _is_carbon(amount):
        raise ConfigError(f"{option} {clean(text)} is a carbon intensity: --carbon {amount.number}")
    if len(amount.units) == 1 and amount.units[0] in _PER_KWH:
        per_kwh = amount.value * _PER_KWH[amount.units[0]]
        return Price(_up_to(per_kwh, MOST_PER_KWH, "a kWh", option, text), amount.currency)
    if _is_rent(amount):
        raise ConfigError(f"{option} {clean(text)} is a rent: {_as_rent(amount)}")
    raise _unit_missing(option, text, amount, "per what", f"{amount.number}/kWh (or /Wh, /MWh)")


def parse_rent(text: str, option: str = "--rent") -> Rent:
    """Rent per hour out of `2.5/h/device`, `20 $/h/node`.

    Raises:
        ConfigError: no number, no unit, or the text of another option.
    """
    amount = _amount(text, option, RENT_EXAMPLE)
    if _is_carbon(amount):
        raise ConfigError(f"{option} {clean(text)} is a carbon intensity: --carbon {amount.number}")
    if amount.units and amount.units[0] in _PER_KWH:
        raise ConfigError(
            f"{option} {clean(text)} is a price of electricity: --price {_plain(text)}; "
            f"a rent is written as in {RENT_EXAMPLE}"
        )
    times = [unit for unit in amount.units if unit in _HOURS]
    bases = [_BASES[unit] for unit in amount.units if unit in _BASES]
    if len(amount.units) == 2 and len(times) == 1 and len(bases) == 1:
        per_hour = amount.value / _HOURS[times[0]]
        return Rent(_up_to(per_hour, MOST_RENT, "an hour", option, text), bases[0], amount.currency)
    needed = f"{amount.number}/h/device or {amount.number}/h/node"
    raise _unit_missing(option, text, amount, "per hour of what", needed)


def parse_pue(value: str | float, option: str = "--pue") -> float:
    """Facility energy over device energy, at least 1 (a percentage is not one)."""
    number = _bare_number(value, option, "a number from 1 on, as in --pue 1.2")
    if not 1 <= number <= MOST_PUE:
        raise ConfigError(
            f"cannot take {option} {clean(value)}: PUE is facility energy over device energy, at least 1 "
            f"and at most {MOST_PUE:g}, as in --pue 1.2"
        )
    return number


def parse_carbon(value: str | float, option: str = "--carbon") -> float:
    """Grams of CO2 equivalent per kWh out of `430`, `430 g/kWh` or `0.43 kg/kWh`."""
    return _up_to(_carbon(value, option), MOST_CARBON, "g/kWh", option, value)


def _carbon(value: str | float, option: str) -> float:
    if isinstance(value, str):
        amount = _amount(value, option, CARBON_EXAMPLE, wanted=INTENSITY, or_else=OR_A_FILE)
        if amount.currency is None and not amount.units:
            return amount.value
        if _is_carbon(amount) or (amount.currency in _GRAMS and not amount.units):
            per_kwh = _PER_KWH[amount.units[0]] if amount.units else 1.0
            return amount.value * _GRAMS[str(amount.currency)] * per_kwh
        if str(amount.currency).casefold() in _OTHER_MASSES:
            raise ConfigError(
                f"cannot take {option} {clean(value)}: it takes {CARBON_UNITS}, as in {CARBON_EXAMPLE}"
            )
        if amount.units and amount.units[0] in _PER_KWH:
            or_carbon = "" if amount.currency else f"; for grams write {option} {amount.number}"
            raise ConfigError(
                f"{option} {clean(value)} is a price of electricity: --price {_plain(value)}{or_carbon}"
            )
        if _is_rent(amount):
            raise ConfigError(f"{option} {clean(value)} is a rent: {_as_rent(amount)}")
    return _bare_number(value, option, f"{INTENSITY}, as in {CARBON_EXAMPLE}")


def parse_currency(text: str, option: str = "--currency") -> str:
    """A currency's code (`USD`) or sign; a sign that several currencies share stays a sign."""
    stripped = text.strip() if isinstance(text, str) else ""
    if not re.fullmatch(_MONEY, stripped, re.IGNORECASE) or stripped.casefold() in _PARTS_OF_MONEY:
        raise ConfigError(
            f"cannot take {option} {clean(text)!r}: write a code or a sign, as in --currency USD"
        )
    return _currency(stripped)


def cost_changes(
    *,
    price: str | None = None,
    rent: str | None = None,
    pue: str | float | None = None,
    carbon: str | float | None = None,
    currency: str | None = None,
    cost_scope: str | None = None,
    name: Callable[[str], str] = "--{}".format,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Changes for `CostInputs.merge` out of the texts of one source (command line, environment or file).

    Args:
        name: how a message names an option of this source: `--price`, or `price in [cost] of FILE`.
        folder: where files of prices are looked for whose path is not absolute.

    Raises:
        ConfigError: a text that is no such thing, or texts that name different currencies.
    """
    changes: dict[str, Any] = {}
    named: str | None = None if currency is None else parse_currency(currency, name("currency"))
    if is_tariff(price):
        steps, money = _price_steps(str(price), name("price"), folder)
        changes["price_steps"] = steps
        named = _same_currency(named, money)
    elif price is not None:
        parsed = parse_price(price, name("price"))
        changes["price_per_kwh"] = parsed.per_kwh
        named = _same_currency(named, parsed.currency)
    if rent is not None:
        rented = parse_rent(rent, name("rent"))
        changes |= {"rent_per_hour": rented.per_hour, "rent_basis": rented.basis}
        named = _same_currency(named, rented.currency)
    if pue is not None:
        changes["pue"] = parse_pue(pue, name("pue"))
    if is_tariff(carbon):
        changes["carbon_steps"] = _carbon_steps(str(carbon), name("carbon"), folder)
    elif carbon is not None:
        changes["carbon_g_per_kwh"] = parse_carbon(carbon, name("carbon"))
    if cost_scope is not None:
        changes["cost_scope"] = _cost_scope(cost_scope, name("cost-scope"))
    if named is not None:
        changes["currency"] = named
    return changes


def _price_steps(text: str, option: str, folder: Path | None) -> tuple[Steps, str | None]:
    """Prices per kWh by time out of a file, and their currency; markets have prices below zero too."""
    tariff = read_tariff(text, option, folder)
    try:
        unit = parse_price(f"1 {_with_slash(tariff.heading)}")
    except ConfigError:
        raise ConfigError(_wrong_heading(tariff, text, option, "money per energy, as in EUR/kWh")) from None
    where = f"{option} {clean(text)}"
    return _scaled(tariff.steps, unit.per_kwh, MOST_PER_KWH, "a kWh", where), unit.currency


def _carbon_steps(text: str, option: str, folder: Path | None) -> Steps:
    """Grams per kWh by time out of a file."""
    tariff = read_tariff(text, option, folder)
    try:
        factor = _carbon(f"1 {tariff.heading}", option)
    except ConfigError:
        raise ConfigError(_wrong_heading(tariff, text, option, CARBON_UNIT)) from None
    if "/" not in tariff.heading or any(value < 0 for _, value in tariff.steps):
        raise ConfigError(f"cannot use {option} {clean(text)}: its second column is g/kWh, not below 0")
    return _scaled(tariff.steps, factor, MOST_CARBON, "g/kWh", f"{option} {clean(text)}")


def _scaled(steps: Steps, factor: float, most: float, per: str, where: str) -> Steps:
    """Values of a file in our unit, all of them ones that can be."""
    farthest = max((value * factor for _, value in steps), key=abs)
    if abs(farthest) > most:
        raise ConfigError(f"cannot use {where}: it holds {farthest:g} {per}, over {most:g}; see its heading")
    return tuple((t, value * factor) for t, value in steps)


def _wrong_heading(tariff: Tariff, text: str, option: str, wanted: str) -> str:
    """What a file's column is, and what it ought to be."""
    of_carbon = tariff.heading.replace(" ", "").casefold().endswith("g/kwh")
    is_other = of_carbon != (wanted == CARBON_UNIT)
    kind = (
        "is a carbon intensity: --carbon"
        if of_carbon
        else "is no carbon intensity; if it is a price: --price"
    )
    hint = f", which {kind} {clean(text)}" if is_other else ""
    return (
        f"cannot use {option} {clean(text)}: its second column has the heading {clean(tariff.heading)!r}"
        f"{hint}; it takes {wanted}"
    )


def _with_slash(heading: str) -> str:
    return heading if "/" in heading else f"{heading}/?"


def _cost_scope(text: str, option: str) -> str:
    if text not in COST_SCOPES:
        raise ConfigError(f"cannot take {option} {clean(text)!r}: it takes {' or '.join(COST_SCOPES)}")
    return text


def _same_currency(one: str | None, other: str | None) -> str | None:
    if one is None or other is None:
        return one or other
    same = common_currency(one, other)
    if same is None:
        raise ConfigError(f"cannot add amounts in {one} and in {other}: give all prices in one currency")
    return same


def _amount(
    text: str, option: str, example: str, *, wanted: str = "a number and its unit", or_else: str = ""
) -> _Amount:
    match = _AMOUNT.fullmatch(text) if isinstance(text, str) and len(text) <= 80 else None
    if match is None:
        comma = ", with a decimal point" if isinstance(text, str) and re.search(r"\d,\d", text) else ""
        raise ConfigError(
            f"cannot read {option} {clean(text, 80)!r}: write {wanted}{comma}, as in {example}{or_else}"
        )
    value = float(match["number"])
    if not math.isfinite(value) or value < 0:
        raise ConfigError(
            f"cannot take {option} {clean(text)!r}: it must be finite and not negative, as in {example}"
        )
    money = [part.strip() for part in (match["before"], match["after"]) if part]
    units = tuple(unit.strip().casefold() for unit in (match["unit"] or "").split("/") if unit.strip())
    if money and money[0].casefold() in _PARTS_OF_MONEY:
        raise ConfigError(
            f"cannot take {option} {clean(text)!r}: write whole units of money, as in {example}"
        )
    if len(money) == 2:
        raise ConfigError(
            f"cannot take {option} {clean(text)!r}: it names two currencies; write it as in {example}"
        )
    return _Amount(value, match["number"], _currency(money[0]) if money else None, units)


def _up_to(value: float, most: float, per: str, option: str, text: str | float) -> float:
    """The value, if it is one that can be: what lies beyond is a slip, and would overflow in a sum."""
    if value <= most:
        return value
    raise ConfigError(
        f"cannot take {option} {clean(text)}: that is {value:g} {per}, over {most:g}; see its unit"
    )


def _currency(text: str) -> str:
    known = _CODES.get(text.casefold())
    if known is not None:
        return known
    is_code = len(text) == 3 and text.isascii() and text.isalpha()
    return text.upper() if is_code else text


def _is_carbon(amount: _Amount) -> bool:
    return amount.currency in _GRAMS and len(amount.units) == 1 and amount.units[0] in _PER_KWH


def _is_rent(amount: _Amount) -> bool:
    return any(unit in _HOURS for unit in amount.units)


def _as_rent(amount: _Amount) -> str:
    time = next(unit for unit in amount.units if unit in _HOURS)
    basis = next((_BASES[unit] for unit in amount.units if unit in _BASES), "device")
    return f"--rent {amount.number}/{time}/{basis}"


def _plain(text: str) -> str:
    """The text as one argument of a command line."""
    return "".join(clean(text).split())


def _unit_missing(option: str, text: str, amount: _Amount, what: str, needed: str) -> ConfigError:
    if set(amount.units) <= {*_HOURS, *_BASES}:
        return ConfigError(f"{option} {clean(text)} does not say {what}: write {needed}")
    form = needed.replace(amount.number, "AMOUNT")  # with another unit the number would be another
    return ConfigError(f"{option} {clean(text)} has a unit that does not fit: it is {form}")


def _bare_number(value: str | float, option: str, expected: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ConfigError(f"cannot take {option} {clean(value)}: it takes {expected}")
    return number
