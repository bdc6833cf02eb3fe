"""What does `[metrics]` of a description say: what is told, by which fields, and how are their texts read?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfwatch_collectors.described.description import Told
from perfwatch_collectors.described.limits import limits_of
from perfwatch_collectors.described.names import UNITS, meant_by, metric_named
from perfwatch_collectors.described.tables import Table, check_field
from perfwatch_collectors.described.values import COMBINED, Reading, factor_of, units_like, units_of

from perfwatch import metrics as catalogue
from perfwatch.errors import ConfigError
from perfwatch.model import Kind, Metric, Scope, Unit
from perfwatch.text import clean
from perfwatch.units import parse_accuracy

if TYPE_CHECKING:
    from perfwatch_collectors.described.formats import Read

_GROWS = {
    Unit.RATIO: Unit.SECOND,
    Unit.WATT: Unit.JOULE,
    Unit.BYTE_PER_SECOND: Unit.BYTE,
    Unit.HERTZ: Unit.COUNT,
}
"""What a total counts of which a `rate` is the growth in a second."""
_OF_A_METER = (catalogue.POWER.name, catalogue.ENERGY.name, catalogue.POWER_LIMIT.name)
"""What devices that share a meter tell once, together."""


def metrics_of(table: Table, read: Read, scope: Scope | None) -> tuple[Told, ...]:
    if not table.values:
        raise ConfigError(f"cannot use {table.where}: [metrics] says of no metric where it stands")
    return tuple(_told(name, value, table, read, scope) for name, value in table.values.items())


def _told(name: str, value: Any, table: Table, read: Read, scope: Scope | None) -> Told:
    given = {"from": value} if isinstance(value, (str, list)) else value
    if not isinstance(given, dict):
        raise table.wrong(
            name, value, 'a field, as in "power", or a table, as in { from = "power", unit = "mW" }'
        )
    own = Table(given, table.where, f"metrics.{name}")
    own.knows(*METRIC_KEYS)
    metric = _metric(name, own)
    sources = own.texts("from")
    if not sources:
        raise own.missing("from")
    minus, times, over, only = own.texts("minus"), own.texts("times"), own.texts("over"), own.mapping("only")
    skip, accuracy_from = own.mapping("skip"), own.texts("accuracy_from")
    named = {"from": sources, "minus": minus, "times": times, "over": over, "only": only, "skip": skip}
    named |= {"accuracy_from": accuracy_from}
    for key, names in named.items():
        for field in names:
            check_field(own, key, field, read)
    unit = own.text("unit", "")
    is_rate = own.flag("rate")
    if is_rate and metric.unit not in _GROWS:
        raise own.wrong("rate", True, f"a metric in {', '.join(unit.value for unit in _GROWS)}")
    read_as = _GROWS[metric.unit] if is_rate else metric.unit
    if unit and factor_of(unit, read_as) is None:
        raise own.wrong("unit", unit, _units_for(unit, read_as))
    wraps_at = own.number("wraps_at", 0.0) * (factor_of(unit, read_as) or 1.0) * own.number("factor", 1.0)
    metric = metric.wrapping_at(wraps_at) if wraps_at > 0.0 else metric
    least, most = limits_of(metric, scope)
    limits = {"least": own.number("least", least), "most": own.number("most", most)}
    return Told(
        metric=metric,
        sources=sources,
        reading=Reading(
            unit=read_as,
            told=unit,
            factor=own.number("factor", 1.0),
            missing=frozenset(own.texts("missing")),
            comma=read.comma,
            zero_is_missing=own.flag("zero_is_missing"),
            **({} if is_rate else limits),
        ),
        combine=own.choice("combine", dict.fromkeys(COMBINED), "first"),
        partial=own.flag("partial"),
        minus=minus,
        times=times,
        over=over,
        only=only,
        skip=skip,
        empty=own.number("empty", 0.0) if "empty" in given else None,
        find=own.pattern("find"),
        shared=own.flag("shared") if "shared" in given else name in _OF_A_METER,
        board=own.choice("board", dict.fromkeys(COMBINED)) if "board" in given else "",
        is_rate=is_rate,
        accuracy_from=accuracy_from,
        widest=most,
        **limits,
    )


def _units_for(text: str, unit: Unit) -> str:
    """What a metric takes in place of a unit that is none of it."""
    like = units_like(text, unit)
    if like:
        return f"{' or '.join(like)}: large and small letters differ"
    return f"a unit of it: {', '.join(units_of(unit))}"


METRIC_KEYS = (
    *(
        "from",
        "unit",
        "factor",
        "missing",
        "zero_is_missing",
        "least",
        "most",
        "combine",
        "partial",
        "shared",
    ),
    *("minus", "times", "over", "only", "skip", "empty"),
    *("find", "board", "rate", "update", "window", "step", "wraps_at"),
    *("accuracy", "accuracy_from"),
)


def _metric(name: str, own: Table) -> Metric:
    """The metric of the catalogue, or one of the description's own, by the end of its name."""
    if not name.replace("_", "").isalnum() or name != name.casefold():
        raise own.wrong("its name", name, "small letters, digits and _")
    meant = meant_by(name)
    if meant is not None:
        raise ConfigError(
            f"cannot use {clean(name, 60)} in [metrics] of {own.where}: did you mean {meant}? The name of a "
            f"metric of your own ends in its unit ({', '.join(UNITS)})"
        )
    metric = metric_named(name)
    if metric.kind is Kind.HISTOGRAM:
        raise own.wrong("its name", name, "a gauge or a counter; a histogram cannot be described")
    step = own.number("step", 0.0)
    if step > 0.0:
        metric = metric.stepping_by(step)
    metric = metric.observed(update_s=own.seconds("update", None), window_s=own.seconds("window", None))
    return metric.accurate_to(parse_accuracy(own.text("accuracy", "")))
