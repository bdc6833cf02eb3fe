"""Work per joule and joules per unit of work: always the ratio of two sums over one window.

A mean of ratios would be another number (measurement D.5): 1000 tokens with 100 J and then 100 tokens with
900 J are 1.1 tokens a joule, not 5.06.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot

from perfwatch.derive.work import ERRORS, Counted

Ratios = dict[str, float | None]


def work_of_ratios(work: Mapping[str, Counted], unit: str | None) -> dict[str, Counted]:
    """What ratios are made of: all work, failures left out unless they are the unit."""
    return {name: counted for name, counted in work.items() if name != ERRORS or name == unit}


def efficiency(
    work: Mapping[str, Counted],
    *,
    joules: float | None,
    error_joules: float | None,
    ratios: bool,
) -> dict[str, Ratios]:
    """`per_joule`, its error and `joules_per` by name of the work.

    The relative errors of the energy and of the count add in quadrature. Everything is `None` where a
    finding took the ratios away (`ratios` false), and nothing is divided by zero.
    """
    known = ratios and joules is not None
    return {
        name: _ratios(counted if known else Counted(None, None), joules, error_joules)
        for name, counted in work.items()
    }


def _ratios(counted: Counted, joules: float | None, error_joules: float | None) -> Ratios:
    if not counted.count or not joules:
        return {"per_joule": None, "per_joule_error": None, "joules_per": None}
    per_joule = counted.count / joules
    error = None
    if error_joules is not None:
        error = per_joule * hypot(error_joules / joules, counted.error / counted.count)
    return {"per_joule": per_joule, "per_joule_error": error, "joules_per": joules / counted.count}
