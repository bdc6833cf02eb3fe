"""Numbers of fixed width for fields that change: watts, ratios, rates, ages. No digit without information."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from perfwatch.model import Metric, Unit
from perfwatch.units import DASH, format_count, format_latency, format_memory, format_percent, format_quantity

if TYPE_CHECKING:
    from perfwatch.derive.latency import Latency


def percent(ratio: float | None) -> str:
    """`97 %`, `0 %`, at most five columns; a dash where it is unknown."""
    return DASH if ratio is None else f"{min(999, round(ratio * 100))} %"


@lru_cache(maxsize=1024)  # limits, and boards that idle, are told again and again
def watts(value: float | None) -> str:
    """`412 W`, `23.4 kW`."""
    return format_quantity(value, "W")


def value(metric: Metric, number: object) -> str:
    """A reading in the unit that people use for it."""
    if not isinstance(number, (int, float)):
        return DASH if number is None else str(number)
    return _SPOKEN.get(metric.unit, format_count)(number)


_SPOKEN: dict[Unit, Callable[[float], str]] = {
    Unit.RATIO: format_percent,
    Unit.BYTE: format_memory,
    Unit.BYTE_PER_SECOND: lambda number: f"{format_memory(number)}/s",
    Unit.CELSIUS: lambda number: f"{number:.0f} °C",
    Unit.SECOND: format_latency,
    Unit.WATT: watts,
    Unit.JOULE: lambda number: format_quantity(number, "J"),
    Unit.HERTZ: lambda number: format_quantity(number, "Hz"),
    Unit.VOLT: lambda number: f"{number:.3g} V",
    Unit.AMPERE: lambda number: f"{number:.3g} A",
}


def percentile(latency: Latency, key: str) -> str:
    """`62.7 ms`; `> 10.0 s` where only a lower limit is known, `< 300 ms` where only an upper one is."""
    text = format_latency(latency.percentiles.get(key))
    if key in latency.lower_limits:
        return f"> {text}"
    bucket = latency.buckets.get(key)
    if bucket is None:
        return text
    return f"< {format_latency(bucket[1])}" if bucket[0] <= 0.0 else f"~ {text}"


def age(seconds: float | None) -> str:
    """`3 s`, `2 min`, `1 h`: how old a reading is."""
    if seconds is None:
        return "never"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def clock(seconds: float) -> str:
    """`00:12`, `1:02:03`."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
