"""Do two sources that count the same work disagree, or does a window only part them at its ends?

Sources tell their work at times of their own: a line that a pipe kept, a log that tells all of it when the
run ended. So they may differ in a window, and agree over the whole job.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from perfwatch.derive.course import Course
from perfwatch.derive.spans import Span
from perfwatch.derive.work import Counted, Courses, count_work

DISAGREEMENT = 0.01
"""Counts that differ by more than this share of the larger one disagree."""


def differ(one: float, other: float, allowed: float = 0.0) -> bool:
    """Whether two counts of the same disagree, where so much may lie at the ends."""
    return abs(one - other) > max(DISAGREEMENT * max(one, other), allowed)


def disagreeing(
    name: str, counted: Counted, courses: Courses, spans: Sequence[Span], job: Span
) -> list[tuple[str, float]]:
    """The other sources of a name that disagree with the one that is used, and what they counted.

    Args:
        counted: in the window; what is made of other names is judged by these.
        spans: the window.
    """
    assert counted.count is not None
    kinds = courses.get(name, {})
    whole = count_work({name: kinds}, [job], last_end=job.end).get(name) if kinds else None
    in_job = {} if whole is None else {one.source: one.count for one in whole.others}
    if whole is not None and whole.source is not None and whole.count is not None:
        in_job[whole.source] = whole.count
    found = []
    for other in counted.others:
        allowed = _at_the_ends(kinds.get(counted.source or "", ()), kinds.get(other.source, ()), spans, job)
        pair = [in_job.get(counted.source or ""), in_job.get(other.source)]
        agree = all(each is not None for each in pair) and not differ(*(each or 0.0 for each in pair))
        if differ(counted.count, other.count, allowed) and not agree:
            found.append((other.source, other.count))
    return found


def _at_the_ends(one: Sequence[Course], other: Sequence[Course], spans: Sequence[Span], job: Span) -> float:
    """So much the ends of a window may part two sources: at each an increment of the coarser one."""
    ends = [t for span in spans for t in (span.start, span.end) if job.start < t < job.end]
    return sum(max(_increment_at(one, t), _increment_at(other, t)) for t in ends)


def _increment_at(courses: Sequence[Course], t: float) -> float:
    """What was told in one piece of work on both sides of a time."""
    return sum(_next_told(course, t) if course.held else _read_around(course, t) for course in courses)


def _next_told(course: Course, t: float) -> float:
    """The next increment after a time: what it counts was in work then."""
    index = bisect_right(course.changes, t)
    if index >= len(course.changes):
        return 0.0
    place = bisect_left(course.times, course.changes[index])
    return course.totals[place] - (course.totals[place - 1] if place else 0.0)


def _read_around(course: Course, t: float) -> float:
    """Between the readings before and after a time; nothing where it was read at that time."""
    place = bisect_left(course.times, t)
    if not 0 < place < len(course.times) or course.times[place] == t:
        return 0.0
    return course.totals[place] - course.totals[place - 1]
