"""Do two dies of one package show one energy counter twice?

AMD parts with several dies can list `package-0-die-0` and `package-0-die-1` that both show the socket's
counter, so that their sum is twice the truth (mlco2/codecarbon issue 1274: 68 W on each, 125 W at the wall).
"""

from __future__ import annotations

from collections.abc import Sequence

from perfwatch_collectors.powercap import UPDATE_S, Zone


class Pair:
    """The verdict on two dies, which further readings may change.

    Two counters with a history of their own do not stand at the same value; and over many steps two views
    of one counter differ by what its updates let slip between two readings, no more.
    """

    SAME_TOTAL_J = 1.0
    """What a socket uses within the few updates that may lie between two readings."""
    SAME_STEP = 0.01
    """Share by which two views of one step may differ."""
    STEP_S = 0.1
    LEAST_STEP_J = 0.01
    EQUAL_STEPS = 20
    DIFFERENT_STEPS = 5
    """How many steps in a row overturn a verdict: many to call two counters one, few to let them be two."""

    def __init__(self, first: str, second: str) -> None:
        self.first = first
        self.second = second
        self.mirrored = False
        self._before: tuple[float, float, float] | None = None
        self._streak = 0

    def compare_totals(self, before_j: float, middle_j: float, after_j: float) -> None:
        """Judge by one look: the second counter read between two readings of the first, J."""
        moved = before_j > 10 * self.SAME_TOTAL_J
        near = before_j - self.SAME_TOTAL_J <= middle_j <= after_j + self.SAME_TOTAL_J
        self.mirrored = moved and near

    def take(self, now_s: float, first_j: float, second_j: float) -> bool:
        """Judge by one more pair of readings; whether the verdict changed."""
        if self._before is None:
            self._before = now_s, first_j, second_j
            return False
        then_s, first_then_j, second_then_j = self._before
        if now_s - then_s < self.STEP_S:
            return False
        self._before = now_s, first_j, second_j
        equal = self._equal(now_s - then_s, first_j - first_then_j, second_j - second_then_j)
        if equal is None:
            return False
        self._streak = self._streak + 1 if equal is not self.mirrored else 0
        if self._streak < (self.EQUAL_STEPS if equal else self.DIFFERENT_STEPS):
            return False
        self.mirrored = equal
        self._streak = 0
        return True

    def _equal(self, step_s: float, first_j: float, second_j: float) -> bool | None:
        """Whether two steps are one; `None` if that cannot be told: a counter wrapped or hardly moved."""
        if min(first_j, second_j) < 0 or max(first_j, second_j) < self.LEAST_STEP_J:
            return None
        slip = 2 * UPDATE_S / step_s
        return abs(first_j - second_j) <= (self.SAME_STEP + slip) * max(first_j, second_j)


def dies_of_one_package(zones: Sequence[Zone]) -> list[tuple[Zone, Zone]]:
    """Each package's further dies with its first, for the roles that sums are made of."""
    firsts: dict[tuple[str, int], Zone] = {}
    pairs = []
    for zone in zones:
        if zone.role in ("package", "dram") and zone.package is not None:
            first = firsts.setdefault((zone.role, zone.package), zone)
            if first is not zone:
                pairs.append((first, zone))
    return pairs
