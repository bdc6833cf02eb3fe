"""Which readings of a meter tell power that a machine draws, and what is said of a log without them?"""

from __future__ import annotations

MOST_WATTS = 1e8
"""Of one meter: the largest supercomputers draw less than half of it."""
UNDRAWN = "no machine draws 0 W or less, nor over 100 MW"
OTHER_TIME = "has no reading of this run's time"
OTHER_CLOCK = "did it run on another day, or clock?"


def drawn(watts: float) -> float | None:
    """The reading; None for what no machine under load draws.

    A meter that loses its reading tells 0 W or -1 W; MLPerf's checker drops both.
    """
    return watts if 0.0 < watts <= MOST_WATTS else None
