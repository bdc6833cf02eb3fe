"""Between which values is a metric believed where its description says nothing?

The limits are wide: they refuse no device there is, only what a wrong unit or a failed reading makes of a
number. What lies beyond is not known, never zero.
"""

from __future__ import annotations

import math

from perfwatch.model import Metric, Scope, Unit

COLDEST_C = -200.0
"""A chip under liquid nitrogen; -256 is what a zone tells that is switched off."""
HOTTEST_C = 250.0
"""No chip works at this; kelvin, tenths and thousandths of a degree lie beyond."""
ABSOLUTE_ZERO_C = -273.15
MOST_BUSY = 1.1
"""Tools round, and renew a figure at their own times: a tenth more than all is still all."""
MOST_FAN = 3.0
"""Fans run faster than their nominal speed."""
MOST_HERTZ = 1e11
MOST_BYTES = 2.0**50
MOST_W = 1e8
"""A hall of machines; a rack draws 0.2 MW."""
MOST_PART_W = 2e5
"""What computes within a machine: a wafer draws 25 kW."""
LITTLE_W, LITTLE_DRAM_W = 0.5, 0.05
"""What computes draws more, an idle NPU at the edge too."""
LITTLE_C = 1.0
MUCH_W, MUCH_NODE_W = 3e3, 1e5
"""A board draws less, and a node; a wafer does not."""
MUCH_C = 130.0
MUCH_HERTZ = 2e10
MUCH_BYTES = 2.0**44
LITTLE_HERTZ = 1e6
LITTLE_BYTES = 2.0**26
LONGEST_S = 1e9
"""An energy counter is no older than thirty years."""
_PARTS = (Scope.ACCELERATOR, Scope.MODULE, Scope.CPU, Scope.DRAM)
_BY_END = {
    "utilization_ratio": (0.0, MOST_BUSY),
    "usage_ratio": (0.0, MOST_BUSY),
    "charge_ratio": (0.0, MOST_BUSY),
    "fan_ratio": (0.0, MOST_FAN),
    "temperature_celsius": (COLDEST_C, HOTTEST_C),
    "clock_hertz": (0.0, MOST_HERTZ),
    "frequency_hertz": (0.0, MOST_HERTZ),
    "memory_used_bytes": (0.0, MOST_BYTES),
    "memory_total_bytes": (0.0, MOST_BYTES),
}
"""By how the name of a metric ends: `npu_utilization_ratio` is of the same kind as `utilization_ratio`."""


def limits_of(metric: Metric, scope: Scope | None) -> tuple[float, float]:
    """The least and the most that is believed, in the unit of the metric.

    Args:
        metric: of the catalogue, or of the description's own.
        scope: what the device's power covers.
    """
    most_w = MOST_PART_W if scope in _PARTS else MOST_W
    if metric.unit is Unit.WATT:
        return 0.0, most_w
    if metric.unit is Unit.JOULE:
        return 0.0, most_w * LONGEST_S
    for end, limits in _BY_END.items():
        if metric.name.endswith(end):
            return limits
    return (ABSOLUTE_ZERO_C if metric.unit is Unit.CELSIUS else 0.0), math.inf


def little_of(metric: Metric, scope: Scope | None) -> float:
    """Below this, and not zero, a value is doubted: it is believed, but its unit may be wrong. 0: never."""
    if metric.unit is Unit.WATT:
        return LITTLE_DRAM_W if scope is Scope.DRAM else LITTLE_W
    if metric.unit is Unit.CELSIUS:
        return LITTLE_C
    ends = {
        "clock_hertz": LITTLE_HERTZ,
        "frequency_hertz": LITTLE_HERTZ,
        "memory_total_bytes": LITTLE_BYTES,
    }
    return next((little for end, little in ends.items() if metric.name.endswith(end)), 0.0)


def much_of(metric: Metric, scope: Scope | None) -> float:
    """Above this a value is doubted in the same way."""
    if metric.unit is Unit.WATT:
        return MUCH_W if scope in _PARTS else MUCH_NODE_W
    if metric.unit is Unit.CELSIUS:
        return MUCH_C
    ends = {"clock_hertz": MUCH_HERTZ, "frequency_hertz": MUCH_HERTZ, "memory_total_bytes": MUCH_BYTES}
    return next((much for end, much in ends.items() if metric.name.endswith(end)), math.inf)


def is_little(value: float, metric: Metric, scope: Scope | None) -> bool:
    """Whether a value is that small."""
    return 0.0 < abs(value) < little_of(metric, scope)
