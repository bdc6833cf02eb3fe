"""What does a price that changes with time come to over a window? Weighed by the energy used under each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import fsum
from typing import Any, NamedTuple

from perfwatch.derive.numbers import integer
from perfwatch.derive.settings import CostInputs, Steps
from perfwatch.derive.spans import Span

ROUNDED = 1e-6
"""Prices of both signs that cancel to less than this share of themselves are zero: no energy is known so
exactly, nor the microsecond in which a price changes."""


class Rate(NamedTuple):
    """The mean over a window, the least and the most that held in it."""

    mean: float
    least: float
    most: float


def zero_s_of(header: Mapping[str, Any]) -> float:
    """The begin of a session's clock, seconds since 1970."""
    clock = header.get("clock")
    return integer(clock.get("time_ns") if isinstance(clock, Mapping) else None) / 1e9


def changes_of(inputs: CostInputs, zero_s: float) -> list[float]:
    """When a price or an intensity changes, on the session's clock."""
    return sorted({t - zero_s for t, _ in (*inputs.price_steps, *inputs.carbon_steps)})


def rate_over(
    steps: Steps, spans: Sequence[Span], zero_s: float, weight: Callable[[Span], float | None]
) -> Rate | None:
    """A stepped value over a window; `None` where part of it lies before the first step.

    Args:
        steps: values from a time on, seconds since 1970.
        spans: the window, on the session's clock.
        zero_s: where that clock begins, seconds since 1970.
        weight: what was used in a part of the window; where that is unknown, time counts.
    """
    parts = [part for span in spans for part in _parts(steps, span, zero_s)]
    if not parts or any(value is None for _, value in parts):
        return None
    values = [value for _, value in parts if value is not None]
    if min(values) == max(values):
        return Rate(values[0], values[0], values[0])
    weights = [weight(span) for span, _ in parts]
    if any(one is None for one in weights) or fsum(one or 0.0 for one in weights) <= 0.0:
        weights = [span.duration_s for span, _ in parts]
    known = [one or 0.0 for one in weights]
    amounts = [one * value for one, value in zip(known, values, strict=True)]
    paid = fsum(amounts)
    if abs(paid) <= ROUNDED * fsum(map(abs, amounts)):
        paid = 0.0
    return Rate(paid / fsum(known), min(values), max(values))


def _parts(steps: Steps, span: Span, zero_s: float) -> list[tuple[Span, float | None]]:
    """The span cut at each step, with the value that holds."""
    times = [t - zero_s for t, _ in steps]
    first, last = bisect_right(times, span.start) - 1, bisect_right(times, span.end) - 1
    edges = [span.start, *(t for t in times[first + 1 : last + 1] if t > span.start), span.end]
    return [
        (Span(begin, end), steps[place][1] if place >= 0 else None)
        for begin, end, place in zip(edges, edges[1:], range(first, last + 1), strict=False)
        if end > begin
    ]


def priced(
    inputs: CostInputs, spans: Sequence[Span], zero_s: float, weight: Callable[[Span], float | None]
) -> CostInputs:
    """The inputs with the mean price and intensity of a window in place of the steps."""
    found = inputs
    if inputs.price_steps:
        rate = rate_over(inputs.price_steps, spans, zero_s, weight)
        found = replace(
            found,
            price_per_kwh=None if rate is None else rate.mean,
            price_range=None if rate is None else (rate.least, rate.most),
        )
    if inputs.carbon_steps:
        rate = rate_over(inputs.carbon_steps, spans, zero_s, weight)
        found = replace(
            found,
            carbon_g_per_kwh=None if rate is None else rate.mean,
            carbon_range=None if rate is None else (rate.least, rate.most),
        )
    return found
