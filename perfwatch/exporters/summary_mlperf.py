"""Which row tells what MLPerf itself publishes of a run, beside our figures?"""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_parts import Json, Parts, glued
from perfwatch.units import format_quantity, significant

DIGITS = 6
"""A published metric is compared with published ones: it keeps its digits."""


def rows(parts: Parts) -> Iterator[Row]:
    """One row, where the session holds a result of MLPerf."""
    told = parts.summary.get("mlperf")
    if told:
        yield Row(f"MLPerf {told.get('scenario')}", None, "; ".join(_told(told)))


def _told(told: Json) -> Iterator[str]:
    metric, power, efficiency = told.get("metric"), told.get("power"), told.get("efficiency")
    if metric:
        value, unit = metric["value"], metric["unit"]
        value, unit = (value * 1e3, "ms") if unit == "s" else (value, unit)
        yield glued(f"{significant(value, DIGITS)} {unit}")
    valid = told.get("valid")
    yield "no verdict" if valid is None else "VALID" if valid else "INVALID"
    if efficiency:
        ratio = f"{significant(efficiency['value'], DIGITS)} {efficiency['unit']}"
        yield f"{glued(ratio)} by the checker's rule"
    if power:
        mean = format_quantity(power["mean_watts"], "W")
        yield f"plain mean of {power['samples']} samples {glued(mean)}"
