"""How old may a reading of power be, whose source does not renew it as often as it is read?

An exporter or a management controller repeats a value until it has the next one. How often that is, few
declare, and what is declared is a default that its owner may have changed. So what is seen counts as well:
values that change s seconds apart are renewed every s seconds at least; a value that never changes may be
as old as its source ever lets one become.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, compress
from math import inf
from operator import ne, sub

from perfwatch.derive.counters import Cumulative
from perfwatch.derive.integral import UNKNOWN_REFRESH_CAP_S
from perfwatch.derive.uncertainty import COVERAGE_FACTOR, HIDDEN, Error, Polling

STANDS_READINGS = 3.0
"""A value that is met so often is one that stands."""
FEW_CHANGES = 3
"""From so many changes on their distance says how often a value is renewed; fewer may be the load's."""


def age_of(power: Cumulative, counter: Cumulative | None, polling: Polling) -> float:
    """By how much a reading may be older than its sensor's own lag says, s; 0 for a source known to be quick.

    Args:
        counter: of the same source: where it moves, the power beside it is as new.
    """
    metric = power.metric
    if metric.update_s is not None and metric.update_s <= UNKNOWN_REFRESH_CAP_S:
        return 0.0
    changes = [_changes(series) for series in (power, counter) if series is not None]
    shortest_s = min(map(_shortest, changes))
    if metric.update_s is not None:
        age_s = metric.update_s
    elif metric.oldest_s is None:
        age_s = min(shortest_s, _seen_to_stand(power, counter, sorted(chain(*changes)), polling.spacing_s))
    else:
        age_s = shortest_s if max(map(len, changes)) >= FEW_CHANGES else min(shortest_s, metric.oldest_s)
    return age_s if age_s > max(UNKNOWN_REFRESH_CAP_S, 1.5 * polling.spacing_s) else 0.0


def stale_error(watts: Sequence[float], age_s: float, duration_s: float) -> Error:
    """What readings so old may miss of a window: power that came or went since.

    It is what power was seen to swing by; where it hardly did, an eighth of it, as within an average; and all
    of it where it was seen to swing and the window holds no two renewals. Of power that rests through all of
    a window nothing says that it did anything else.
    """
    if age_s <= 0.0 or duration_s <= 0.0 or not len(watts):
        return Error(0.0, 0.0)
    usual_w = sum(watts) / len(watts)
    swing_w = max(watts) - min(watts)
    hidden_w = usual_w * (max(HIDDEN, min(1.0, age_s / duration_s)) if swing_w else HIDDEN)
    missed_w = max(swing_w, hidden_w)
    return Error(missed_w * min(age_s, duration_s) / COVERAGE_FACTOR, 0.0)


def _changes(series: Cumulative) -> list[float]:
    """When a value was first met."""
    return list(compress(series.times[1:], map(ne, series.values[1:], series.values)))


def _shortest(changes: Sequence[float]) -> float:
    """Of one metric: what is read of two of them may be renewed a moment apart."""
    return min(map(sub, changes[1:], changes), default=inf)


def _seen_to_stand(
    power: Cumulative, counter: Cumulative | None, changes: Sequence[float], spacing_s: float
) -> float:
    """How long a source that declares nothing was seen to repeat itself; 0 where that may be the load.

    Power that rests is nothing odd. A counter that rests while power is drawn is not read anew, unless it
    moves in steps of its own.
    """
    long_s = max(UNKNOWN_REFRESH_CAP_S, STANDS_READINGS * spacing_s)
    if counter is not None and not counter.metric.step and min(power.values, default=0.0) > 0.0:
        ends = [power.times[0], *changes, power.times[-1]]
        longest_s = max(map(sub, ends[1:], ends))
        return longest_s if longest_s >= long_s else 0.0
    if counter is not None or len(changes) < FEW_CHANGES:
        return 0.0
    shortest_s = _shortest(changes)
    return shortest_s if shortest_s >= long_s else 0.0
