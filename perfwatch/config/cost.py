"""[cost]: what does energy, a device or an hour cost?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from perfwatch.config.keys import Read, Source, number_in, variable, variables
from perfwatch.derive.settings import CostInputs, Purchase
from perfwatch.errors import ConfigError
from perfwatch.options import read_flag, wrong
from perfwatch.prices import cost_changes
from perfwatch.text import clean

KEYS = ("price", "rent", "rent_excludes_power", "pue", "carbon", "currency", "scope", "purchase")
_PURCHASE: dict[str, Read] = {
    "price": number_in(0, 1e12, "the price of one device, as in 30000"),
    "lifetime_h": number_in(0, 1e7, "hours above 0, as in 35000", open_end=True),
    "utilization": number_in(0, 1, "a share above 0 and up to 1, as in 0.6", open_end=True),
}


def cost_of(source: Source, tables: Mapping[str, Any], environ: Mapping[str, str]) -> CostInputs:
    """Environment over file."""
    table = source.table("cost", tables)
    for key in table:
        source.known("cost", key, KEYS)
    folder = source.folder
    of_file = _cost_changes(table, lambda key: source.name("cost", key), folder)
    of_file["purchases"] = _purchases(source, table) or None
    given = variables("cost", environ, [key for key in KEYS if key != "purchase"])
    of_environment = _cost_changes(given, lambda key: variable("cost", key))
    return CostInputs().merge(of_file).merge(of_environment)


def _cost_changes(
    values: Mapping[str, Any], name: Callable[[str], str], folder: Path | None = None
) -> dict[str, Any]:
    def text(key: str) -> str | None:
        value = values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int, float))):
            raise wrong(name(key), value, 'a text, as in "0.12/kWh"' if key == "price" else "a text")
        return None if value is None else str(value)

    changes = cost_changes(
        price=text("price"),
        rent=text("rent"),
        pue=text("pue"),
        carbon=text("carbon"),
        currency=text("currency"),
        cost_scope=text("scope"),
        name=lambda option: name(option.removeprefix("cost-")),
        folder=folder,
    )
    if "rent_excludes_power" in values:
        changes["rent_excludes_power"] = read_flag(values["rent_excludes_power"], name("rent_excludes_power"))
    return changes


def _purchases(source: Source, table: Mapping[str, Any]) -> tuple[Purchase, ...]:
    models = table.get("purchase", {})
    if not isinstance(models, dict) or not all(isinstance(values, dict) for values in models.values()):
        raise ConfigError(
            f"cannot use {source.name('cost', 'purchase')}: it takes a table for each model, "
            'as in [cost.purchase."*H100*"]'
        )
    return tuple(_purchase(source, model, values) for model, values in models.items())


def _purchase(source: Source, model: str, values: Mapping[str, Any]) -> Purchase:
    section = f'cost.purchase."{clean(model, 60)}"'
    numbers = {}
    for key, value in values.items():
        source.known(section, key, _PURCHASE)
        numbers[key] = _PURCHASE[key](value, source.name(section, key))
    for key in ("price", "lifetime_h"):
        if key not in numbers:
            raise ConfigError(f"cannot use [{section}] of {source.file}: {key} is missing")
    return Purchase(model=model, **numbers)
