"""For how much of a window was a device held back, and by what? Shares by cause, the largest first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from perfwatch.derive.evidence import percent
from perfwatch.derive.gauges import held_by_value
from perfwatch.derive.spans import Span, gap_limit_s
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.throttles import CAUSES, causes_of
from perfwatch.metrics import THROTTLE_REASONS

Shares = dict[str, float]
"""Of the time in which it is known, by the keys of `CAUSES`; several causes may hold at once."""


def shares_in(device: DeviceTape, spans: Sequence[Span], interval_s: float) -> Shares | None:
    """The shares of a window; None where the device does not tell."""
    series = device.get(THROTTLE_REASONS.name)
    if series is None:
        return None
    held = held_by_value(series, spans, longest_step_s=gap_limit_s(device.period_s(interval_s)))
    by_causes: dict[tuple[str, ...], list[float]] = {}
    for bits, held_s in held.items():
        by_causes.setdefault(causes_of(bits), []).append(held_s)
    return shares_of({causes: math.fsum(times_s) for causes, times_s in by_causes.items()})


def shares_of(held_s: Mapping[tuple[str, ...], float]) -> Shares | None:
    """The share of each cause.

    Args:
        held_s: for how long which causes held together; for how long none did, under none.
    """
    known_s = math.fsum(held_s.values())
    if known_s <= 0.0:
        return None
    shares = {
        cause: math.fsum(time_s for causes, time_s in held_s.items() if cause in causes) / known_s
        for cause in CAUSES
    }
    return dict(
        sorted(((key, share) for key, share in shares.items() if share > 0.0), key=lambda each: -each[1])
    )


def said_of(shares: Shares, cap: str = "") -> str:
    """`power cap for 52 %, heat for 9 %`.

    Args:
        cap: the limit of power, where that is the only cause: ` 300 W`.
    """
    return ", ".join(f"{CAUSES[cause]}{cap} for {percent(share)}" for cause, share in shares.items())
