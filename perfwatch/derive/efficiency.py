"""Work per joule and joules per unit of work: always the ratio of two sums over one window.

A mean of ratios would be another number (measurement D.5): 1000 tokens with 100 J and then 100 tokens with
900 J are 1.1 tokens a joule, not 5.06.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfwatch.derive.work import ERRORS, Counted

Ratios = dict[str, float | None]


def counts_of(work: Mapping[str, Counted], unit: str | None) -> dict[str, float | None]:
    """The counts that ratios are made of: all work, failures left out unless they are the unit."""
    return {name: counted.count for name, counted in work.items() if name != ERRORS or name == unit}


def efficiency(
    counts: Mapping[str, float | None],
    *,
    joules: float | None,
    error_joules: float | None,
    ratios: bool,
) -> dict[str, Ratios]:
    """`per_joule`, its error and `joules_per` by name of the work.

    The error is the energy's, carried over relatively; counts have none. Everything is `None` where a
    finding took the ratios away (`ratios` false), and nothing is divided by zero.
    """
    return {
        name: _ratios(count if ratios else None, joules if ratios else None, error_joules)
        for name, count in counts.items()
    }


def _ratios(count: float | None, joules: float | None, error_joules: float | None) -> Ratios:
    if not count or not joules:
        return {"per_joule": None, "per_joule_error": None, "joules_per": None}
    per_joule = count / joules
    error = None if error_joules is None else per_joule * error_joules / joules
    return {"per_joule": per_joule, "per_joule_error": error, "joules_per": joules / count}
