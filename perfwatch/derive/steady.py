"""From when on work and power were steady in a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from perfwatch.derive.course import Course
from perfwatch.derive.gauges import level
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series

PARTS = 20
"""Into so many equal parts a window is cut; the second half of them says what steady is."""
LEAST_S = 20.0
"""Shorter windows have no beginning worth telling apart."""
WITHIN = 0.10
"""A part is like the others when it is within this share of their mean."""


def steady_from(courses: Sequence[Course], powers: Sequence[Series], spans: Sequence[Span]) -> float | None:
    """Seconds after the window's begin from which work and power stay near their later mean.

    `None` where the window is steady from its begin, never becomes so before its middle, has several
    spans or is too short to tell. A part may hold one move of the counter more or less than another.
    """
    if len(spans) != 1 or spans[0].duration_s < LEAST_S or not courses:
        return None
    parts = _parts(spans[0])
    part_s = spans[0].duration_s / PARTS
    rates = [sum(course.moved_in(part) for course in courses) / part_s for part in parts]
    begins = _steady_part(rates, slack=_move(courses, spans[0]) / part_s)
    if powers and begins is not None:
        watts = [_watts(powers, part, part_s) for part in parts]
        known = [value for value in watts if value is not None]
        later = _steady_part(known, slack=0.0) if len(known) == PARTS else None
        begins = None if later is None else max(begins, later)
    return begins * part_s if begins else None


def _move(courses: Sequence[Course], span: Span) -> float:
    """How much work a counter tells at once, on average and rounded up generously."""
    moves = sum(len(course.changes_in(span)) for course in courses)
    moved = sum(course.moved_in(span) for course in courses)
    return 1.5 * moved / moves if moves else 0.0


def _parts(span: Span) -> list[Span]:
    edges = [span.start + span.duration_s * index / PARTS for index in range(PARTS)] + [span.end]
    return [Span(start, end) for start, end in pairwise(edges)]


def _watts(powers: Sequence[Series], part: Span, part_s: float) -> float | None:
    means = [level(power, [part], longest_step_s=part_s).mean for power in powers]
    known = [mean for mean in means if mean is not None]
    return math.fsum(known) if len(known) == len(means) else None


def _steady_part(values: Sequence[float], *, slack: float) -> int | None:
    """The first part from which on all are near the mean of the second half, unless that is behind it."""
    later = values[PARTS // 2 :]
    mean = math.fsum(later) / len(later)
    first = PARTS
    while first > 0 and abs(values[first - 1] - mean) <= WITHIN * mean + slack:
        first -= 1
    return first if first <= PARTS // 2 else None
