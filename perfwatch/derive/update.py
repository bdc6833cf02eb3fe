"""How often does the source of a device's energy tell something new?"""

from __future__ import annotations

from typing import NamedTuple

from perfwatch.derive.integral import between_changes_s
from perfwatch.derive.tape import DeviceTape
from perfwatch.metrics import ENERGY, POWER

_NVIDIA_COUNTER_STEP_S = 0.1


class Update(NamedTuple):
    """How often a source of energy tells something new, s, and what that is the time of, with `{}` for it."""

    period_s: float
    what: str


def update_of(device: DeviceTape, period_s: float, *, integrated: bool) -> Update:
    """How often the source of a device's energy tells something new.

    Args:
        period_s: how often the device is read.
        integrated: its energy is the integral of its power, not its counter.
    """
    declared = {metric.name: metric for metric in device.device.metrics}
    counter, power = declared.get(ENERGY.name), declared.get(POWER.name)
    if counter is not None and not integrated:
        default_s = _NVIDIA_COUNTER_STEP_S if device.collector == "nvidia" else 0.0
        step_s = default_s if counter.update_s is None else counter.update_s
        told = device.get(ENERGY.name)
        if counter.update_s is None and counter.oldest_s is not None and told is not None:
            step_s = between_changes_s(told) or 0.0
        return Update(step_s, "between two steps of the counter of {}")
    averaged_s = (power.window_s if power is not None else None) or 0.0
    if averaged_s > period_s:
        return Update(averaged_s, "over which {} averages its power")
    return Update(period_s, "between two readings of {}")
