"""Which metric is meant by a name: one of the catalogue, one of the description's own, or a slip of the pen?

The end of a name of one's own says its unit (`soc_watts`); without such an end it is a count.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from perfwatch import metrics as catalogue
from perfwatch.model import Kind, Metric, Unit

UNITS = {
    "_watts": Unit.WATT,
    "_joules": Unit.JOULE,
    "_bytes": Unit.BYTE,
    "_hertz": Unit.HERTZ,
    "_celsius": Unit.CELSIUS,
    "_ratio": Unit.RATIO,
    "_volts": Unit.VOLT,
    "_amperes": Unit.AMPERE,
    "_seconds": Unit.SECOND,
}
"""What the name of a metric of one's own ends in, before `_total` where it is a counter."""
_WORDS = {
    "_watts": ("watt", "w", "mw", "kw"),
    "_joules": ("joule", "mj", "kj", "wh", "kwh"),
    "_bytes": ("byte", "kb", "mb", "gb", "kib", "mib", "gib"),
    "_hertz": ("hz", "khz", "mhz", "ghz"),
    "_celsius": ("celcius", "degrees", "degc"),
    "_ratio": ("percent", "pct"),
    "_volts": ("volt", "mv"),
    "_amperes": ("ampere", "amp", "amps", "ma"),
    "_seconds": ("second", "sec", "ms", "us"),
}
"""How people write units instead."""
_TOTAL = "_total"
_LIKE, _VERY_LIKE = 0.8, 0.9


def metric_named(name: str) -> Metric:
    """The metric of the catalogue, or one of the description's own, by the end of its name."""
    known = catalogue.CATALOGUE.get(name)
    if known is not None:
        return known
    kind = Kind.COUNTER if name.endswith(_TOTAL) else Kind.GAUGE
    return Metric(name, _unit_of(name) or Unit.COUNT, kind)


def meant_by(name: str) -> str | None:
    """The metric of the catalogue that a name without a unit surely means: `power_watt`, `temperature`.

    As a count of one's own it would be shown as one, and its watts in no sum.
    """
    if name in catalogue.CATALOGUE:
        return None
    if f"{name}{_TOTAL}" in catalogue.CATALOGUE and _unit_of(name) is not None:
        return f"{name}{_TOTAL}"  # the counter's name without its end
    if _unit_of(name) is not None:
        return None
    with_units = [known for known, metric in catalogue.CATALOGUE.items() if metric.unit is not Unit.COUNT]
    begun = [known for known in with_units if known.startswith(f"{name}_")]
    return next(iter([*begun, *_near(name, with_units, _LIKE)]), None)


def doubt_of(name: str) -> str:
    """What may be wrong with a name of one's own, as a clause; empty where nothing is."""
    if name in catalogue.CATALOGUE:
        return ""
    near = _near(name, catalogue.CATALOGUE, _VERY_LIKE)
    if near and _without_digits(name) != near[0]:
        return f"did you mean {near[0]}? As it stands it is one of your own"
    bare, _, word = name.removesuffix(_TOTAL).rpartition("_")
    total = _TOTAL if name.endswith(_TOTAL) else ""
    for end, words in _WORDS.items():
        if bare and word in words and _unit_of(name) is None:
            return f"its name ends in no unit, so that it is a count; did you mean {bare}{end}{total}?"
    return ""


def _unit_of(name: str) -> Unit | None:
    """What the end of a name says."""
    bare = name.removesuffix(_TOTAL)
    return next((unit for end, unit in UNITS.items() if bare.endswith(end)), None)


def _near(name: str, known: Iterable[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)


def _without_digits(name: str) -> str:
    """`power1_watts` is not mistyped: it is one of several."""
    return "".join(letter for letter in name if not letter.isdigit())
