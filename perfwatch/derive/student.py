"""How far chance may carry a mean of few: Student's t, and draws that come out the same every time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from perfwatch.derive.uncertainty import COVERAGE_FACTOR

_T = (
    (1.0, 12.706),
    (2.0, 4.303),
    (3.0, 3.182),
    (4.0, 2.776),
    (5.0, 2.571),
    (6.0, 2.447),
    (8.0, 2.306),
    (10.0, 2.228),
    (15.0, 2.131),
    (20.0, 2.086),
    (30.0, 2.042),
    (60.0, 2.000),
)
"""Degrees of freedom -> the two-sided 95 % quantile."""


def factor(freedom: float) -> float:
    """What a standard uncertainty of so many degrees of freedom is multiplied by to hold in 95 %.

    Between the rows of the table the line over 1 / freedom is taken; it lies a little above the curve. Less
    than one degree counts as one. From 60 on it is the factor that known errors have.
    """
    if freedom <= _T[0][0]:
        return _T[0][1]
    for (less, above), (more, below) in pairwise(_T):
        if freedom <= more:
            share = (1 / freedom - 1 / more) / (1 / less - 1 / more)
            return below + share * (above - below)
    return COVERAGE_FACTOR


def freedom_of_sum(parts: Iterator[tuple[float, float]]) -> float:
    """Degrees of freedom of the sum of standard uncertainties in quadrature (Welch and Satterthwaite).

    Args:
        parts: each one's standard uncertainty and its degrees of freedom, `math.inf` where it is known.
    """
    known = list(parts)
    below = math.fsum(standard**4 / freedom for standard, freedom in known)
    total = math.fsum(standard**2 for standard, _ in known)
    return total**2 / below if below > 0 else math.inf


_MASK = (1 << 64) - 1


def draws(seed: int, below: int) -> Iterator[int]:
    """Whole numbers from 0 up to a limit, evenly spread and without end; the same ones for the same seed.

    splitmix64 (Steele, Lea and Flood 2014): nothing in derive may ask for chance, and the same session must
    give the same digits with every version of Python.
    """
    state = seed & _MASK
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        mixed = state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        yield ((mixed ^ (mixed >> 31)) * below) >> 64
