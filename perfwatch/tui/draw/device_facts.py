"""What do several places say of a device: its limit, how full it is, its state, what holds it back?"""

from __future__ import annotations

from perfwatch import metrics as m
from perfwatch.derive.throttles import reasons_of
from perfwatch.frame import DeviceNow
from perfwatch.model import State
from perfwatch.units import DASH


def limit_w(one: DeviceNow) -> float | None:
    """The power that it is held to, W."""
    fact = one.device.facts.get("power_limit_watts")
    return one.value(m.POWER_LIMIT.name) or (fact if isinstance(fact, (int, float)) else None)


def memory_ratio(one: DeviceNow) -> float | None:
    """The share of its memory in use."""
    return ratio(one.value(m.MEMORY_USED.name), one.value(m.MEMORY_TOTAL.name))


def memory_words(one: DeviceNow) -> str:
    """`63.0 / 80 GiB`."""
    used, total = one.value(m.MEMORY_USED.name), one.value(m.MEMORY_TOTAL.name)
    if used is None or not total:
        return DASH
    return f"{used / 2**30:.1f} / {total / 2**30:.0f} GiB"


def ratio(part: float | None, whole: float | None) -> float | None:
    """A share; None where one of both is unknown."""
    return part / whole if part is not None and whole else None


def state_style(state: State) -> str:
    """The style in which a state is told."""
    return {State.OK: "good", State.GONE: "gone", State.FAILED: "bad", State.RETRYING: "warn"}.get(
        state, "stale"
    )


def throttle_words(bits: object) -> str:
    """The most serious reason why a device is held back; empty if it is not."""
    return next(iter(reasons_of(bits)), "")
