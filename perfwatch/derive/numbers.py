"""Numbers out of records, whose fields may hold anything."""

from __future__ import annotations

import math


def integer(value: object) -> int:
    """The whole number that it is; 0 for anything else."""
    return value if isinstance(value, int) else 0


def number(value: object) -> int | float | None:
    """The number that it is, if it is finite; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None


def times(value: float | None, factor: float | None) -> float | None:
    """The product; unknown where one of both is."""
    return None if value is None or factor is None else value * factor
