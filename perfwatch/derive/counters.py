"""How far did a counter move, over wraps, restarts and gaps?

`amount` is known or it is `None`; nothing is extrapolated beyond the first and the last reading.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import compress, pairwise
from math import fsum
from operator import lt, sub
from typing import NamedTuple, Protocol

from perfwatch.derive.spans import Span
from perfwatch.model import Metric

PLAIN = "plain"
WRAPPED = "wrapped"
RESTARTED = "restarted"
AMBIGUOUS = "ambiguous"
"""So long between two readings that the counter may have wrapped more than once."""

PLAUSIBLE = 2.0
"""A wrap that implies more than this many times the limit was a restart (measurement A.2 allows up to 3)."""


class Cumulative(Protocol):
    """What is asked of a series here; `perfwatch.derive.tape.Series` is one."""

    metric: Metric
    times: array[float]
    values: array[float]


class Difference(NamedTuple):
    """How far a counter moved between two readings, and how that was found.

    `amount` is 0 and means nothing where `kind` is `restarted` or `ambiguous`.
    """

    amount: float
    kind: str

    @property
    def known(self) -> bool:
        """The amount may enter a sum."""
        return self.kind in (PLAIN, WRAPPED)


class Growth(NamedTuple):
    """How far a cumulative series moved in a span.

    Args:
        amount: in the counter's unit; `None` where no part of the span lies between two readings.
        covered_s: for how much of the span the amount is known.
        wraps: passages through `wraps_at`.
        restarts: times the counter began anew, or was out of sight so long that it may have.
        readings: readings inside the span.
    """

    amount: float | None
    covered_s: float
    wraps: int
    restarts: int
    readings: int


def difference(before: float, after: float, wraps_at: float | None) -> float | None:
    """How far a counter moved, or `None` if that cannot be known.

    A counter that fell was either restarted (then nothing is known) or wrapped, which it may do only
    if its metric declares where. At most one wrap is assumed between two readings; `wraps_at` is the
    first value that is *not* reached, so 99 to 1 of a counter that wraps at 100 is 2.
    """
    found = examine(before, after, wraps_at)
    return found.amount if found.known else None


def examine(
    before: float,
    after: float,
    wraps_at: float | None,
    *,
    elapsed_s: float | None = None,
    limit_per_s: float | None = None,
    most_per_s: float | None = None,
) -> Difference:
    """The same, with what kind of difference it is.

    With `elapsed_s` and `limit_per_s` (for an energy counter: the power limit) a wrap must be plausible,
    and so must it be that there was no second one. Without a limit a wrap must not be more than `most_per_s`,
    which nothing reaches: a `wraps_at` in a wrong unit makes gigajoules of a wrap.
    """
    bounded = elapsed_s is not None and limit_per_s is not None and limit_per_s > 0
    reach = elapsed_s * limit_per_s if elapsed_s is not None and limit_per_s is not None else 0.0
    if after >= before:
        if wraps_at is not None and bounded and reach >= wraps_at:
            return Difference(0.0, AMBIGUOUS)
        return Difference(after - before, PLAIN)
    if wraps_at is None or before > wraps_at:
        return Difference(0.0, RESTARTED)
    amount = wraps_at - before + after
    most = limit_per_s or most_per_s
    if elapsed_s is not None and most and amount > PLAUSIBLE * elapsed_s * most:
        return Difference(0.0, RESTARTED)
    if bounded and reach >= wraps_at:
        return Difference(0.0, AMBIGUOUS)
    return Difference(amount, WRAPPED)


def growth(
    series: Cumulative, span: Span, *, limit_per_s: float | None = None, most_per_s: float | None = None
) -> Growth:
    """How far a cumulative series moved in a span.

    A gap in the readings is bridged exactly: the counter went on counting. An interval in which it
    restarted is unknown and leaves `covered_s`. `limit_per_s` is the fastest it can move, `most_per_s` what
    it surely does not reach where that is not known.
    """
    times = series.times
    readings = bisect_right(times, span.end) - bisect_left(times, span.start)
    if not len(times) or span.end <= span.start:
        return Growth(None, 0.0, 0, 0, readings)
    seen = Span(max(span.start, times[0]), min(span.end, times[-1]))
    if seen.end <= seen.start:
        return Growth(None, 0.0, 0, 0, readings)
    first = bisect_right(times, seen.start) - 1
    last = bisect_left(times, seen.end)
    odd = _odd_steps(series, first, last, limit_per_s, most_per_s)
    amounts = [_plain_amount(series, run, seen) for run in _runs(first, last, odd)]
    amounts += [step.amount * _share(times, index, seen) for index, step in odd if step.known]
    lost_s = [_overlap_s(times, index, seen) for index, step in odd if not step.known]
    covered_s = max(0.0, seen.duration_s - fsum(lost_s))
    return Growth(
        fsum(amounts) if covered_s > 0.0 else None,
        covered_s,
        sum(step.kind == WRAPPED for _, step in odd),
        len(lost_s),
        readings,
    )


def _odd_steps(
    series: Cumulative, first: int, last: int, limit_per_s: float | None, most_per_s: float | None
) -> list[tuple[int, Difference]]:
    """The steps from one reading to the next that are no plain difference, with the index of the first."""
    times, values = series.times[first : last + 1], series.values[first : last + 1]
    wraps_at = series.metric.wraps_at
    falls = list(compress(range(len(values)), map(lt, values[1:], values)))
    if wraps_at is not None and limit_per_s:
        sight_s = wraps_at / limit_per_s
        waits = compress(range(len(times)), (b - a >= sight_s for a, b in pairwise(times)))
        falls = sorted({*falls, *waits})
    return [
        (
            first + index,
            examine(
                values[index],
                values[index + 1],
                wraps_at,
                elapsed_s=times[index + 1] - times[index],
                limit_per_s=limit_per_s,
                most_per_s=most_per_s,
            ),
        )
        for index in falls
    ]


def _runs(first: int, last: int, odd: list[tuple[int, Difference]]) -> list[tuple[int, int]]:
    """The stretches of readings between odd steps, as first and last index."""
    begins = [first, *(index + 1 for index, _ in odd)]
    ends = [*(index for index, _ in odd), last]
    return list(zip(begins, ends, strict=True))


def _plain_amount(series: Cumulative, run: tuple[int, int], seen: Span) -> float:
    """How far the counter moved in the part of a run that was seen."""
    times = series.times
    start, end = max(seen.start, times[run[0]]), min(seen.end, times[run[1]])
    if end <= start:
        return 0.0
    return told_at(series, end, run) - told_at(series, start, run)


def told_at(series: Cumulative, t: float, run: tuple[int, int] | None = None) -> float:
    """What the counter told at a time, interpolated; before and after its readings that of the nearest.

    Args:
        run: the first and the last reading that count; all of them if it is not given.
    """
    times, values = series.times, series.values
    run = run or (0, len(times) - 1)
    right = bisect_left(times, t, run[0], run[1])
    if times[right] <= t or right == run[0]:
        return values[right]
    left = right - 1
    return values[left] + (values[right] - values[left]) * (t - times[left]) / (times[right] - times[left])


def _overlap_s(times: array[float], index: int, seen: Span) -> float:
    """Seconds of the step after reading `index` that lie in what was seen."""
    return max(0.0, min(seen.end, times[index + 1]) - max(seen.start, times[index]))


def _share(times: array[float], index: int, seen: Span) -> float:
    """The same as a share of the step; a step that takes no time lies inside."""
    length_s = times[index + 1] - times[index]
    return _overlap_s(times, index, seen) / length_s if length_s > 0.0 else 1.0


def largest_gap_s(times: array[float], span: Span) -> float:
    """The longest stretch of the span, in seconds, without a reading."""
    inside = array("d", [span.start])
    inside.extend(times[bisect_right(times, span.start) : bisect_left(times, span.end)])
    inside.append(span.end)
    waits: list[float] = list(map(sub, inside[1:], inside))
    return max(waits)
