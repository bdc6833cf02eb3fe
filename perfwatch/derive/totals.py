"""The energy and power of a run in a window: one figure over the devices of the headline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perfwatch.derive.conditions import highest_power_w
from perfwatch.derive.energy import DeviceEnergy, device_energy
from perfwatch.derive.named_meters import are_parts
from perfwatch.derive.peak import max_power
from perfwatch.derive.scopes import tells_energy
from perfwatch.derive.spans import Span, union
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.uncertainty import Error, combine
from perfwatch.model import Method

Energies = Mapping[int, DeviceEnergy]
"""What each device used in a window, by its number."""


@dataclass(frozen=True)
class EnergyTotal:
    """What a group of devices used in a window; `None` is unknown.

    Args:
        error_joules: expanded uncertainty (twice the standard one).
        gain_ratio: the sensors' gain, the largest of the group; unknown if it is of any of them.
        missing_joules: what the devices will have used in the time that was not covered, by their mean power.
        coverage: covered share of the window, of the device that was covered least.
        devices: the numbers of those whose joules are in the sum.
    """

    joules: float | None
    error_joules: float | None
    gain_ratio: float | None
    method: Method | None
    coverage: float | None
    mean_watts: float | None
    max_watts: float | None
    devices: tuple[int, ...]
    missing_joules: float = 0.0

    @property
    def error_of_ratios(self) -> float | None:
        """The expanded uncertainty of what is divided by the energy, or made of it: it lacks what is missing.

        Work goes on through a gap in the readings, and the joules of the gap are in no sum.
        """
        return None if self.error_joules is None else self.error_joules + self.missing_joules


def energies_of(
    tape: Tape,
    spans: Sequence[Span],
    *,
    interval_s: float,
    until: float | None = None,
    load_end: float | None = None,
) -> dict[int, DeviceEnergy]:
    """The energy of every device that tells power or energy."""
    found = {}
    for number, device in tape.devices.items():
        if not tells_energy(device):
            continue
        period_s = device.period_s(interval_s)
        limit_w = highest_power_w(device)
        energy = device_energy(
            device, spans, interval_s=period_s, limit_w=limit_w, until=until, load_end=load_end
        )
        if energy is not None:
            found[number] = energy
    return found


def total_of(devices: Sequence[DeviceTape], energies: Energies, spans: Sequence[Span]) -> EnergyTotal:
    """The sum over devices, the errors combined by their causes.

    Of several meters that measure a machine together one that tells nothing leaves it unknown.
    """
    told = [(device, energies[device.number]) for device in devices if device.number in energies]
    known = [(device, energy) for device, energy in told if energy.joules is not None]
    if not known or (len(known) < len(devices) and are_parts(devices)):
        return EnergyTotal(None, None, None, None, 0.0 if devices else None, None, None, ())
    parts = [energy for _, energy in known]
    duration_s = math.fsum(span.duration_s for span in union(spans))
    return EnergyTotal(
        joules=math.fsum(energy.joules for energy in parts if energy.joules is not None),
        error_joules=_expanded(energy.error for energy in parts),
        gain_ratio=_largest(energy.gain_ratio for energy in parts),
        method=_common_method(parts),
        coverage=min(energy.coverage for _, energy in told),
        mean_watts=_sum(energy.mean_watts for energy in parts),
        max_watts=max_power([device for device, _ in known], spans),
        devices=tuple(device.number for device, _ in known),
        missing_joules=math.fsum(_missing_j(energy, duration_s) for energy in parts),
    )


def _missing_j(energy: DeviceEnergy, duration_s: float) -> float:
    return (energy.mean_watts or 0.0) * duration_s * max(0.0, 1.0 - energy.coverage)


def _common_method(parts: Iterable[DeviceEnergy]) -> Method | None:
    methods = {energy.method for energy in parts}
    return methods.pop() if len(methods) == 1 else Method.MIXED


def _largest(values: Iterable[float | None]) -> float | None:
    known = list(values)
    given = [value for value in known if value is not None]
    return max(given) if given and len(given) == len(known) else None


def _sum(values: Iterable[float | None]) -> float | None:
    known = list(values)
    given = [value for value in known if value is not None]
    return math.fsum(given) if len(given) == len(known) else None


def idle_watts(total: EnergyTotal, at_rest: Energies) -> float | None:
    """The mean power of the same devices during the idle baseline, W; unknown if it is of any of them."""
    if not total.devices:
        return None
    return _sum(at_rest[number].mean_watts if number in at_rest else None for number in total.devices)


def idle_watts_error(total: EnergyTotal, at_rest: Energies) -> float | None:
    """The expanded uncertainty of idle power, W: what a second of it may be wrong by."""
    if idle_watts(total, at_rest) is None:
        return None
    return _expanded(_mean_error(at_rest[number], 1.0) for number in total.devices)


def net_joules(
    total: EnergyTotal, energies: Energies, at_rest: Energies, duration_s: float
) -> tuple[float | None, float | None]:
    """The energy above idle, and its expanded uncertainty.

    It is what was measured less idle power times the time it was measured in, and has the errors of both: a
    baseline that was wrong by a watt makes it wrong by a joule in each second.
    """
    if total.joules is None or idle_watts(total, at_rest) is None:
        return None, None
    errors = []
    idle_j = 0.0
    for number in total.devices:
        rest, seconds = at_rest[number], energies[number].coverage * duration_s
        idle_j += (rest.mean_watts or 0.0) * seconds
        errors.append(_mean_error(rest, seconds))
    error_j = _expanded(errors)
    if total.error_joules is None or error_j is None:
        return total.joules - idle_j, None
    return total.joules - idle_j, math.hypot(total.error_joules, error_j)


def _expanded(errors: Iterable[Error | None]) -> float | None:
    """The expanded uncertainty of a sum; unknown if it is of any part."""
    known = list(errors)
    given = [error for error in known if error is not None]
    return combine(given).expanded() if len(given) == len(known) else None


def _mean_error(rest: DeviceEnergy, seconds: float) -> Error | None:
    """The error of a device's mean power at rest over so much time, J."""
    if rest.error is None or not rest.joules or not rest.mean_watts:
        return None if rest.error is None else Error(0.0, 0.0)
    longer = seconds * rest.mean_watts / rest.joules
    return Error(rest.error.common_j * longer, rest.error.independent_j * longer)
