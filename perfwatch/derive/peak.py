"""What is the most power that several devices drew at one time?"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import fsum, inf
from operator import sub

from perfwatch.derive import uncertainty
from perfwatch.derive.spans import Span, union
from perfwatch.derive.tape import DeviceTape, Series
from perfwatch.metrics import POWER


def max_power(devices: Sequence[DeviceTape], spans: Sequence[Span]) -> float | None:
    """The largest sum of simultaneous power readings of the devices, in watts.

    `None` where a device tells no power, or never all of them at once. Readings count as simultaneous
    while none is older than one and a half of its device's usual intervals.
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
    ages = [1.5 * uncertainty.polling_of(times, inf).spacing_s for times, _ in parts]
    common = _without_odd_edges(parts, min(ages) / 3.0)
    if len(common[0][0]) and _in_step(common, min(ages) / 3.0):
        return max(map(sum, zip(*(watts for _, watts in common), strict=True)))
    return _max_merged(parts, ages)


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


def _max_merged(parts: Sequence[tuple[array[float], array[float]]], ages: Sequence[float]) -> float | None:
    """The largest sum of the newest readings, going through all of them in order of time."""
    best: float | None = None
    newest: list[tuple[float, float]] = [(-inf, 0.0)] * len(parts)
    streams = [
        zip(times, [number] * len(times), watts, strict=True) for number, (times, watts) in enumerate(parts)
    ]
    for t, number, watts in heapq.merge(*streams):
        newest[number] = (t, watts)
        if all(t - read <= age for (read, _), age in zip(newest, ages, strict=True)):
            added = fsum(power for _, power in newest)
            best = added if best is None else max(best, added)
    return best
