"""What had been used up to a moment, by a counter whose steps were caught close to it.

A counter that is brought up to date every U tells what had been counted at its last step: it is behind by
up to P U. Before a job begins and after it ended perfwatch reads so densely that two steps are seen, each
between readings a few milliseconds apart. They tell when the counter was true, how long its period is, and
the mean power in one; so it can be carried on to the moment, instead of being wrong by 0.41 P U (measurement
D.6).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from perfwatch.derive.counters import Cumulative, told_at
from perfwatch.derive.uncertainty import HIDDEN, SAFETY, Error, bridge_error

CLOSE = 0.3
"""A step is caught by two readings that are not further apart than this share of the update period."""
FARTHEST = 1.5
"""So many of its periods lie at most between a moment and the step from which it is carried on to it."""
HIDDEN_IN_MEANS = 0.25
"""By so large a share power is assumed to move within a period, where power readings are means of as long."""
HIDDEN_AHEAD = 0.3
"""The same where it is carried beyond what was counted; a board at rest before its job makes little of it."""
AROUND = 2.0
"""For so many periods before the steps power is looked at to see how even it is."""
TOGETHER_S = 0.002
"""The reading at a begin is taken within so long of it."""
STEPPING_S = (0.005, 0.2)
"""Counters that are brought up to date more often need none of this; on rarer ones nobody waits."""
WITHIN = 2.6
"""The second step is looked for within so many update periods of the moment."""


class Carried(NamedTuple):
    """How much more a counter would tell if it were true at the moment, J, and the error of that."""

    behind_j: float
    error: Error


def carried_on(amount_j: float, begin: Carried, end: Carried, most_j: float | None) -> float:
    """What was used between two moments: what was counted, carried on to both.

    In a window of milliseconds the difference of what the two carry is mostly its own error: nothing used
    less than none, or more than it can.

    Args:
        most_j: more than this cannot have been used; None if no limit is known.
    """
    found = max(0.0, amount_j + end.behind_j - begin.behind_j)
    return found if most_j is None else min(found, max(most_j, 0.0))


class _Step(NamedTuple):
    """A step that was caught between two readings.

    Args:
        seconds: the middle between the two; the counter was true then.
        gap_s: from the one to the other.
        before_j, after_j: what the counter told before and after it.
    """

    seconds: float
    gap_s: float
    before_j: float
    after_j: float

    @property
    def error_s(self) -> float:
        """Standard error of when it stepped."""
        return self.gap_s / sqrt(12.0)


def may_be_carried(update_s: float | None) -> bool:
    """Whether a counter that is brought up to date so often has steps worth catching."""
    return update_s is not None and STEPPING_S[0] <= update_s <= STEPPING_S[1]


def at_begin(counter: Cumulative, power: Cumulative | None, t: float) -> Carried | None:
    """A counter carried on to where a job began, from the steps before that (see `_carried`)."""
    return _carried(counter, power, t, _steps_before)


def at_end(counter: Cumulative, power: Cumulative | None, t: float) -> Carried | None:
    """A counter carried on to where a job ended, from the steps after that (see `_carried`).

    Steps before it may be from before a short job, and know nothing of it.
    """
    return _carried(counter, power, t, _steps_after)


def _carried(
    counter: Cumulative,
    power: Cumulative | None,
    t: float,
    steps: Callable[[Cumulative, int, float], tuple[_Step, _Step] | None],
) -> Carried | None:
    """A counter carried on to a moment; `None` where two of its steps close by were not caught.

    Args:
        counter: its reading next to `t` stands for the moment.
        power: by its readings, and by the counter's own slopes, it is judged how even power was meanwhile.
    """
    update_s = counter.metric.update_s
    index = _nearest(counter.times, t)
    if not update_s or not may_be_carried(update_s) or abs(counter.times[index] - t) > CLOSE * update_s:
        return None
    pair = steps(counter, index, update_s)
    if pair is None or _fell_around(counter, t):
        return None
    near, far = pair
    period_s = abs(far.seconds - near.seconds)
    share = abs(t - near.seconds) / period_s
    if share > FARTHEST:
        return None
    watts = (near.after_j - near.before_j) / period_s
    behind_j = near.after_j + watts * (t - near.seconds) - told_at(counter, t)
    timing_j = watts * sqrt(((1.0 + share) * near.error_s) ** 2 + (share * far.error_s) ** 2)
    uneven_w = max(_uneven(watts, near, far, power, t), _hidden(near, power, t, period_s) * watts)
    return Carried(behind_j, Error(SAFETY * _bent(uneven_w, near, t, period_s), timing_j))


def _hidden(near: _Step, power: Cumulative | None, t: float, period_s: float) -> float:
    """By what share power is assumed to have moved that no reading shows."""
    if t >= near.seconds:
        return HIDDEN_AHEAD
    is_seen = power is not None and (power.metric.window_s or 0.0) < period_s / 2.0
    return HIDDEN if is_seen else HIDDEN_IN_MEANS


def _bent(uneven_w: float, near: _Step, t: float, period_s: float) -> float:
    """The error from power that was not even.

    Before the step it is carried on within a period whose energy is known; after it nothing is known, and
    power may have changed at an even chance anywhere since: S d / sqrt(3) in the mean square.
    """
    away_s = abs(t - near.seconds)
    unknown_s = away_s if t >= near.seconds else max(0.0, away_s - period_s)
    if unknown_s > 0.0:
        return uneven_w * unknown_s / sqrt(3.0)
    return bridge_error(uneven_w, period_s, 1.0 - away_s / period_s)


def _uneven(watts: float, near: _Step, far: _Step, power: Cumulative | None, t: float) -> float:
    """By how much power is seen to move around the moment."""
    seen = [watts]
    if far.seconds > near.seconds:
        seen.append((far.after_j - far.before_j) / (far.seconds - near.seconds))
    if power is not None:  # what comes after a begin is the job's, and tells nothing of what came before
        latest = max(near.seconds, far.seconds, t)
        before_s = AROUND * abs(far.seconds - near.seconds)
        first = bisect_left(power.times, min(near.seconds, far.seconds, t) - before_s) - 1
        last = bisect_right(power.times, latest + TOGETHER_S) + (latest > t)
        seen += power.values[max(0, first) : last]
    return max(seen) - min(seen)


def _steps_before(counter: Cumulative, index: int, update_s: float) -> tuple[_Step, _Step] | None:
    """The last two steps up to a reading, the later one first."""
    near = _step_before(counter, index, update_s)
    if near is None:
        return None
    far = _step_before(counter, near[0] - 1, update_s)
    return None if far is None else (near[1], far[1])


def _steps_after(counter: Cumulative, index: int, update_s: float) -> tuple[_Step, _Step] | None:
    """The first two steps after a reading."""
    near = _step_after(counter, index, update_s)
    if near is None:
        return None
    far = _step_after(counter, near[0], update_s)
    return None if far is None else (near[1], far[1])


def _step_before(counter: Cumulative, index: int, update_s: float) -> tuple[int, _Step] | None:
    """The last step up to a reading, if it was caught, with the index of the reading that tells it."""
    times, values = counter.times, counter.values
    since = times[index] - WITHIN * update_s
    while index > 0 and values[index] == values[index - 1] and times[index] >= since:
        index -= 1
    return _caught(counter, index, update_s)


def _step_after(counter: Cumulative, index: int, update_s: float) -> tuple[int, _Step] | None:
    times, values = counter.times, counter.values
    until = times[index] + WITHIN * update_s
    index += 1
    while index < len(values) and values[index] == values[index - 1] and times[index] <= until:
        index += 1
    return _caught(counter, index, update_s)


def _caught(counter: Cumulative, index: int, update_s: float) -> tuple[int, _Step] | None:
    if not 0 < index < len(counter.times):
        return None
    begin, end = counter.times[index - 1], counter.times[index]
    before_j, after_j = counter.values[index - 1], counter.values[index]
    if after_j <= before_j or end - begin > CLOSE * update_s:
        return None
    return index, _Step((begin + end) / 2.0, end - begin, before_j, after_j)


def _fell_around(counter: Cumulative, t: float) -> bool:
    """Whether it fell between the readings at both sides of a time."""
    right = bisect_left(counter.times, t)
    inside = 0 < right < len(counter.times) and counter.times[right] > t
    return inside and counter.values[right] < counter.values[right - 1]


def _nearest(times: array[float], t: float) -> int:
    right = min(bisect_left(times, t), len(times) - 1)
    return right - 1 if right > 0 and t - times[right - 1] < times[right] - t else right
