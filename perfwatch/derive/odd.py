"""Which device departs from its like right now? One sentence about the one that stands out most.

Devices of one model do the same work in one run; where one is much slower, the rest waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from perfwatch.units import format_quantity

ALIKE = 4
"""Of so many devices of a model one can be odd."""
SPREADS = 4.0
"""Where the others differ among themselves, one departs by so many of their median departures at least."""
CLOCK_SHARE = 0.10
POWER_SHARE = 0.25
"""Departures from the median above these shares are told."""


@dataclass(frozen=True)
class Peer:
    """One device of the run as it stands.

    Args:
        label: what people call it.
        model: only devices of one model are compared.
        clock_hz: of its compute units.
        watts: its power.
        throttled: why its clocks are reduced; empty if they are not.
        since: when that began, seconds of the session.
    """

    label: str
    model: str
    clock_hz: float | None
    watts: float | None
    throttled: str = ""
    since: float | None = None


class Odd(NamedTuple):
    """The device that stands out. `since` is when its clocks began to be reduced, if they are."""

    label: str
    message: str
    why: str
    since: float | None


def odd_one(peers: Iterable[Peer]) -> Odd | None:
    """The device that departs most from the median of its like, by its clock, else by its power."""
    groups: dict[str, list[Peer]] = {}
    for peer in peers:
        groups.setdefault(peer.model, []).append(peer)
    large = [group for group in groups.values() if len(group) >= ALIKE]
    found = [one for group in large if (one := _by_clock(group)) is not None]
    found = found or [one for group in large if (one := _by_power(group)) is not None]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _by_clock(group: Sequence[Peer]) -> tuple[float, Odd] | None:
    farthest = _farthest([(peer.clock_hz, peer) for peer in group], CLOCK_SHARE)
    if farthest is None or farthest[2] > farthest[3]:  # faster than its like is no trouble
        return None
    share, peer, value, middle = farthest
    message = f"runs at {format_quantity(value, 'Hz', digits=2)}, {_peers(group)} at {_number(middle, 'Hz')}"
    return share, Odd(peer.label, message, peer.throttled, peer.since)


def _by_power(group: Sequence[Peer]) -> tuple[float, Odd] | None:
    farthest = _farthest([(peer.watts, peer) for peer in group], POWER_SHARE)
    if farthest is None:
        return None
    share, peer, value, middle = farthest
    message = f"draws {format_quantity(value, 'W')}, {_peers(group)} {format_quantity(middle, 'W')}"
    return share, Odd(peer.label, message, peer.throttled, peer.since)


def _farthest(
    told: Sequence[tuple[float | None, Peer]], least: float
) -> tuple[float, Peer, float, float] | None:
    """Share of the departure, the peer, its value and the median of the others."""
    known = [(value, peer) for value, peer in told if value is not None]
    if len(known) < ALIKE:
        return None
    middle = median(value for value, _ in known)
    value, peer = max(known, key=lambda pair: abs(pair[0] - middle))
    rest = [one for one, other in known if other is not peer]
    others = median(rest)
    usual = median(abs(one - others) for one in rest)
    if others <= 0.0 or abs(value - others) <= max(least * others, SPREADS * usual):
        return None
    return abs(value - others) / others, peer, value, others


def _peers(group: Sequence[Peer]) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    others = len(group) - 1
    return f"its {words[others] if others < len(words) else others} peers"


def _number(value: float, unit: str) -> str:
    return format_quantity(value, unit, digits=2)
