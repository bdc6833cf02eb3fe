"""What is the most power that several devices drew at one time?"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import chain
from math import fsum, inf
from operator import sub

from perfwatch.derive import uncertainty
from perfwatch.derive.spans import Span, union
from perfwatch.derive.tape import DeviceTape, Series
from perfwatch.metrics import POWER

ONE_POLL = 0.25
"""Readings no further apart than this share of the usual interval are of one poll."""
LONGER, TOGETHER = 1.5, 0.02
"""A poll may take so much longer than usually, and this share of the interval."""
OLD = 0.75
"""And no longer than this share of the interval."""
OLD_SLOW = 1.25
"""Of a device that is read less often than the others, a reading older than this share of its interval is not
of now: one was missed."""
SLOWER = 1.5
"""By this factor."""
LOOKED_AT = 200


def max_power(devices: Sequence[DeviceTape], spans: Sequence[Span]) -> float | None:
    """The largest sum of simultaneous power readings of the devices, in watts.

    `None` where a device tells no power, or never all of them at once. Readings of one poll are simultaneous;
    of a device that is read less often, the newest one until its next.
    """
    told = [power for device in devices if (power := device.get(POWER.name)) is not None]
    if not told or len(told) < len(devices):
        return None
    sums = [best for span in union(spans) if (best := _max_sum(told, span)) is not None]
    return max(sums, default=None)


def _max_sum(told: Sequence[Series], span: Span) -> float | None:
    """The largest sum of simultaneous readings in one span."""
    parts = [power.within(span) for power in told]
    if any(not len(times) for times, _ in parts):
        return None
    if len(parts) == 1:
        return max(parts[0][1])
    spacings = [uncertainty.polling_of(times, inf).spacing_s for times, _ in parts]
    apart_s = ONE_POLL * min(spacings)
    common = _without_odd_edges(parts, apart_s)
    if len(common[0][0]) and _in_step(common, apart_s):
        return max(map(sum, zip(*(watts for _, watts in common), strict=True)))
    return _max_merged(parts, _ages_s(parts, spacings), apart_s)


def _ages_s(parts: Sequence[tuple[array[float], array[float]]], spacings: Sequence[float]) -> list[float]:
    """How old the newest reading of each device may be at the end of a poll.

    Those that are read in every poll are so within about as long as a poll usually takes; of one that is read
    less often the newest is of now until its next one.
    """
    least_s = min(spacings)
    often = [times for (times, _), each_s in zip(parts, spacings, strict=True) if each_s < SLOWER * least_s]
    poll_s = max((_usually_apart_s(often[0], times) for times in often[1:]), default=0.0)
    own_s = min(LONGER * poll_s + TOGETHER * least_s, OLD * least_s)
    return [own_s if each_s < SLOWER * least_s else OLD_SLOW * each_s for each_s in spacings]


def _usually_apart_s(ones: array[float], others: array[float]) -> float:
    """The median time from a reading of one device to the nearest of another's."""
    every = max(1, len(ones) // LOOKED_AT)
    apart = []
    for t in ones[::every]:
        right = bisect_left(others, t)
        apart.append(min(abs(near - t) for near in others[max(0, right - 1) : right + 1]))
    return sorted(apart)[len(apart) // 2]


def _without_odd_edges(
    parts: Sequence[tuple[array[float], array[float]]], within_s: float
) -> list[tuple[array[float], array[float]]]:
    """Without the readings at the edges that only some devices have: nothing is simultaneous there."""
    first = max((times[0] for times, _ in parts if len(times)), default=0.0) - within_s
    last = min((times[-1] for times, _ in parts if len(times)), default=0.0) + within_s
    kept = []
    for times, watts in parts:
        begin, end = bisect_left(times, first), bisect_right(times, last)
        kept.append((times[begin:end], watts[begin:end]))
    return kept


def _in_step(parts: Sequence[tuple[array[float], array[float]]], within_s: float) -> bool:
    """The devices were read in the same polls: reading for reading at nearly one time."""
    first = parts[0][0]
    return all(
        len(times) == len(first) and max(map(abs, map(sub, times, first))) < within_s
        for times, _ in parts[1:]
    )


def _max_merged(
    parts: Sequence[tuple[array[float], array[float]]], ages: Sequence[float], apart_s: float
) -> float | None:
    """The largest sum of the newest readings at the end of each poll, going through all in order of time."""
    best: float | None = None
    newest: list[tuple[float, float]] = [(-inf, 0.0)] * len(parts)
    streams = [
        zip(times, [number] * len(times), watts, strict=True) for number, (times, watts) in enumerate(parts)
    ]
    polled: set[int] = set()
    last = -inf
    for t, number, watts in chain(heapq.merge(*streams), [(inf, 0, 0.0)]):
        # In the middle of a poll some are told as they are now, and others as they were at the one before.
        if number in polled or t - last > apart_s:
            polled = set()
            if all(last - read <= age for (read, _), age in zip(newest, ages, strict=True)):
                added = fsum(power for _, power in newest)
                best = added if best is None else max(best, added)
        newest[number] = (t, watts)
        polled.add(number)
        last = t
    return best
