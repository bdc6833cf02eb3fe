"""How heavily is it loaded? A share of what it can take as one of three styles."""

from __future__ import annotations

LOW, MEDIUM, HIGH = "load-low", "load-medium", "load-high"
MEDIUM_FROM, HIGH_FROM = 0.5, 0.85
WARM_C, HOT_C = 65.0, 80.0
"""Where boards begin to be warm, and where most of them soon lower their clocks, degrees Celsius."""


def load(ratio: float | None) -> str:
    """The style of a share of one; `value` where it is unknown."""
    return _level(ratio, MEDIUM_FROM, HIGH_FROM)


def heat(celsius: float | None) -> str:
    """The style of a temperature; `value` where it is unknown."""
    return _level(celsius, WARM_C, HOT_C)


def _level(value: float | None, medium_from: float, high_from: float) -> str:
    if value is None:
        return "value"
    if value < medium_from:
        return LOW
    return MEDIUM if value < high_from else HIGH
