"""[units]: what are the user's own units made of?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from perfwatch.config.keys import PREFIX, Source, number_in
from perfwatch.errors import ConfigError
from perfwatch.metrics import CATALOGUE
from perfwatch.options import wrong
from perfwatch.text import clean

_unit_amount = number_in(0, 1e15, "a number above 0, as in 6", open_end=True)


def units_of(
    source: Source, tables: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, dict[str, float]]:
    """Environment over file."""
    table = source.table("units", tables)
    of_file = {unit: _unit(unit, parts, source.name("units", unit)) for unit, parts in table.items()}
    return _without_circles({**of_file, **_of_environment(environ)})


def _unit(unit: str, parts: Any, name: str) -> dict[str, float]:
    """What one of the user's unit is made of. The recorded names stay what they are."""
    if f"{unit}_total" in CATALOGUE:
        raise ConfigError(f"cannot define {name}: {unit} is counted by itself; choose another name")
    if not re.fullmatch(r"[^\W\d][\w.-]*", unit):
        raise ConfigError(f"cannot define {name}: a unit's name is one word, as in chat = {{ queries = 6 }}")
    if not isinstance(parts, dict) or not parts:
        raise wrong(name, parts, "what it is made of, as in chat = { queries = 6 }")
    return {str(part): _unit_amount(amount, name) for part, amount in parts.items()}


def _without_circles(units: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """The units, none of which is made of itself, be it by way of others."""
    for unit, parts in units.items():
        reached, waiting = set[str](), list(parts)
        while waiting:
            part = waiting.pop()
            if part == unit:
                raise ConfigError(
                    f"cannot use the unit {clean(unit)} of [units]: in the end it is made of itself"
                )
            if part not in reached:
                reached.add(part)
                waiting += units.get(part, {})
    return units


def _of_environment(environ: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """`PERFWATCH_UNITS_CHAT="queries=6"`."""
    units = {}
    start = f"{PREFIX}UNITS_"
    for name, text in environ.items():
        if name.startswith(start) and len(name) > len(start):
            unit = name.removeprefix(start).lower()
            if not all("=" in part for part in text.split(",") if part.strip()):
                raise wrong(name, text, 'what it is made of, as in "queries=6"')
            parts = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
            units[unit] = _unit(unit, parts, name)
    return units
