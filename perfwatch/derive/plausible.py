"""How much may a device draw? What implies more is no energy, also where nobody said a limit."""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.model import Device, Scope
from perfwatch.units import format_quantity

MOST_PART_W = 2e5
"""What computes within a machine: a wafer draws 25 kW."""
MOST_W = 1e8
"""A hall of machines; a rack draws 0.2 MW."""
_PARTS = (Scope.ACCELERATOR, Scope.MODULE, Scope.CPU, Scope.DRAM)


class Limits(NamedTuple):
    """What one device may draw, W.

    Args:
        limit_w: its highest power limit, where one is known.
        most_w: what nothing of its scope draws.
    """

    limit_w: float | None
    most_w: float

    @property
    def exceeded(self) -> str:
        """That a counter implies more, in words."""
        if self.limit_w is None:
            return f"implies more than {format_quantity(self.most_w, 'W')}, which no such device draws"
        return f"implies more than twice the power limit of {self.limit_w:.0f} W"


def most_w(device: Device) -> float:
    """No device of this scope draws more, W. So wide that it refuses no device there is."""
    return MOST_PART_W if device.scope in _PARTS else MOST_W
