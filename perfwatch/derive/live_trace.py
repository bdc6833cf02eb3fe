"""How far had an amount come at a time? Its course over the last seconds and its beginning, and no more."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, MutableSequence
from dataclasses import dataclass
from itertools import chain

from perfwatch.derive.spans import Span

STEPS = 120
"""Into so many steps *now* is divided; amounts in between are interpolated."""


@dataclass(frozen=True)
class Amount:
    """What accumulated in a span, and in how much of it that was seen."""

    amount: float
    seen_s: float


Point = tuple[float, float, float]
"""Time, amount since the first reading, and seconds of that time that were seen."""


class Trace:
    """A cumulative amount over time: how it began, and its course over the last `now_s` seconds."""

    __slots__ = ("_awaited", "_head", "_now_s", "_pinned", "_points", "_step_s", "head_s")

    def __init__(self, now_s: float, head_s: float) -> None:
        self._now_s = now_s
        self.head_s = head_s
        """After so long without a reading its source is silent."""
        self._step_s = now_s / STEPS
        self._head: list[Point] = []
        self._points: deque[Point] = deque()
        self._awaited: list[float] = []
        self._pinned: dict[float, Point] = {}

    @property
    def first_t(self) -> float | None:
        """When something was read first."""
        return self._head[0][0] if self._head else None

    @property
    def last_t(self) -> float | None:
        """When something was read last."""
        return self._points[-1][0] if self._points else None

    def add(self, t: float, amount: float, seen_s: float) -> None:
        """At `t` so much had accumulated since the first reading, in so many seconds that were seen."""
        point = (t, amount, seen_s)
        if not self._head or t - self._head[0][0] <= self.head_s:
            _append(self._head, point, self._step_s)
        _append(self._points, point, self._step_s)
        # A span of now ends with the slowest source: what is older than now by that much is needed too.
        while len(self._points) > 2 and self._points[1][0] <= t - self._now_s - self.head_s:
            self._points.popleft()
        if self._awaited:
            self._keep_the_pins()

    def lift(self, until: float, amount: float) -> None:
        """So much of what accumulated at that time, the first at all, does not count: it was there before."""
        self._head[:] = [_lifted(point, until, amount) for point in self._head]
        self._points = deque(_lifted(point, until, amount) for point in self._points)
        self._pinned = {t: _lifted(point, until, amount) for t, point in self._pinned.items()}

    def pin(self, t: float) -> None:
        """Remember the amount at this time for as long as there is a trace."""
        self._awaited.append(t)
        self._keep_the_pins()

    def pin_at(self, point: Point) -> None:
        """Remember an amount at its time, which somebody knows better than it is interpolated here."""
        self._awaited = [t for t in self._awaited if t != point[0]]
        self._pinned[point[0]] = point

    def _keep_the_pins(self) -> None:
        last_t = -math.inf if self.last_t is None else self.last_t
        self._pinned.update({t: _at(self._points, t) for t in self._awaited if t <= last_t})
        self._awaited = [t for t in self._awaited if t > last_t]

    def between(self, span: Span) -> Amount:
        """What accumulated in a span: *now*, or one between pins, the first readings and the newest."""
        _, amount, seen_s = self._pinned.get(span.end) or _at_the_end(self._points, span.end)
        _, amount_before, seen_before_s = self._before(span.start)
        return Amount(amount - amount_before, seen_s - seen_before_s)

    def _before(self, t: float) -> Point:
        if t in self._pinned:
            return self._pinned[t]
        if self._points and t >= self._points[0][0]:
            return _at(self._points, t)
        # Between what is kept of the beginning and of the end the amount is interpolated, never skipped.
        early = [point for point in self._head if not self._points or point[0] < self._points[0][0]]
        return _at(chain(early, self._points), t)


def _lifted(point: Point, until: float, amount: float) -> Point:
    t, _, seen_s = point
    return (t, amount, seen_s) if t < until else point


def _append(points: MutableSequence[Point], point: Point, step_s: float) -> None:
    """Add a point; the one before gives way if it is less than a step from its own predecessor."""
    if len(points) > 2 and point[0] - points[-2][0] < step_s:
        points[-1] = point
    else:
        points.append(point)


def _at(points: Iterable[Point], t: float) -> Point:
    """The amount at a time; before the first point that of the first, after the last that of the last."""
    before: Point | None = None
    for point in points:
        if point[0] >= t:
            return point if before is None or point[0] == t else _interpolated(before, point, t)
        before = point
    return (t, 0.0, 0.0) if before is None else before


def _at_the_end(points: deque[Point], t: float) -> Point:
    """The same for a time near the newest point: a few steps back instead of all of them forth."""
    after: Point | None = None
    for point in reversed(points):
        if point[0] <= t:
            return point if after is None or point[0] == t else _interpolated(point, after, t)
        after = point
    return (t, 0.0, 0.0) if after is None else after


def _interpolated(before: Point, after: Point, t: float) -> Point:
    share = (t - before[0]) / (after[0] - before[0])
    return (
        t,
        before[1] + share * (after[1] - before[1]),
        before[2] + share * (after[2] - before[2]),
    )
