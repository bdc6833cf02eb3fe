"""In what steps can an energy counter move at best? Its texts say: `1234` kWh has none finer than 3.6 MJ.

A text may end in zeros that are not written, so the finest one of a device counts, and it is declared anew
when a finer one is seen. Steps of a joule and less are not declared: no run is too short for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from perfwatch.model import Kind, Unit

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Told
    from perfwatch_collectors.described.devices import Found

    from perfwatch.model import Metric

FINE_J = 1.0


class LastDigits:
    """Remembers the finest text of each device's energy counters."""

    def __init__(self) -> None:
        self._finest: dict[tuple[str, str], float] = {}

    def declared(self, found: Sequence[Found]) -> list[Found]:
        """The devices, their energy counters with the steps that their texts allow."""
        return [self._with_steps(one) if any(map(_may_step, one.told)) else one for one in found]

    def _with_steps(self, one: Found) -> Found:
        steps = [self._step_of(one, told) if _may_step(told) else None for told in one.told]
        if not any(steps):
            return one
        pairs = zip(one.device.metrics, steps, strict=True)
        metrics = tuple(metric.stepping_by(step) if step else metric for metric, step in pairs)
        return replace(one, device=replace(one.device, metrics=metrics))

    def _step_of(self, one: Found, told: Told) -> float | None:
        key = (one.device.id, told.metric.name)
        finest = self._finest.get(key)
        if finest is None or finest > FINE_J:
            units = [unit for record in one.records if (unit := told.last_digit(record)) is not None]
            known = [*units, *([] if finest is None else [finest])]
            if not known:
                return None
            finest = self._finest[key] = min(known)
        return finest if finest > FINE_J else None


def _may_step(told: Told) -> bool:
    """Whether it is an energy counter of which nobody declared the steps."""
    metric: Metric = told.metric
    return metric.unit is Unit.JOULE and metric.kind is Kind.COUNTER and not metric.step and not told.is_rate
