"""What the findings of a window are drawn from, and the words they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.latency import Latency
from perfwatch.derive.scopes import Headline, RunDevices
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.totals import Energies, EnergyTotal
from perfwatch.derive.windows import Window
from perfwatch.derive.work import Counted, Courses
from perfwatch.units import format_latency


@dataclass(frozen=True)
class Evidence:
    """All that the findings of one window are drawn from."""

    tape: Tape
    window: Window
    run: RunDevices
    headline: Headline
    scopes: Mapping[str, tuple[DeviceTape, ...]]
    energies: Energies
    total: EnergyTotal
    courses: Courses
    work: Mapping[str, Counted]
    unit: str | None
    latencies: Mapping[str, Latency]
    cost: Mapping[str, Any] | None
    labels: Mapping[int, str]
    interval_s: float

    @property
    def devices(self) -> list[DeviceTape]:
        """The devices of the run: its accelerators and whatever makes up the headline, each once."""
        found = {device.number: device for device in (*self.run.accelerators, *self.headline.devices)}
        return list(found.values())

    def label(self, device: DeviceTape) -> str:
        return self.labels[device.number]

    @property
    def measured(self) -> list[DeviceTape]:
        """The devices whose joules make up the headline."""
        return [device for device in self.headline.devices if device.number in self.total.devices]


def seconds(value: float) -> str:
    return f"{value:.3g} s" if 1.0 <= value < 999.5 else format_latency(value)


def percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "all"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    shown = list(words[:4]) if len(words) <= 4 else list(words[:3])
    if len(words) > 4:
        shown.append(f"{len(words) - 3} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
