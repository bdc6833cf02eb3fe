"""How does energy stand in the summary object: the headline's, each device's, and that of other scopes?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from perfwatch.derive import scopes
from perfwatch.derive.energy import UNKNOWN_ENERGY, DeviceEnergy
from perfwatch.derive.held_back import shares_in
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.totals import Energies, EnergyTotal, idle_watts, idle_watts_error, net_joules, total_of
from perfwatch.derive.uncertainty import Error
from perfwatch.derive.whole_run import WholeRun
from perfwatch.derive.windows import Window
from perfwatch.model import DeviceKind
from perfwatch.units import format_quantity

_WIDE_COVERAGE = 0.95
_PERIODS_OF_A_WINDOW = 20


def energy_object(run: WholeRun, window: Window, total: EnergyTotal, energies: Energies) -> dict[str, Any]:
    net_j, net_error_j = net_joules(total, energies, run.at_rest, window.duration_s)
    return {
        "scope": run.headline.scope,
        "joules": total.joules,
        "error_joules": total.error_joules,
        "gain_ratio": total.gain_ratio,
        "method": total.method.value if total.method is not None else None,
        "net_joules": net_j,
        "net_error_joules": net_error_j,
        "idle_watts": idle_watts(total, run.at_rest),
        "idle_watts_error": idle_watts_error(total, run.at_rest),
        "coverage": total.coverage,
        "not_included": scopes.not_included(run.headline, run.labels),
        "by_device": {
            run.labels[number]: {
                **_device(device, energies.get(number, UNKNOWN_ENERGY), total),
                "board": _board(run, device),
                "throttled": shares_in(device, window.spans, run.interval_s),
            }
            for number, device in run.tape.devices.items()
            if number in energies or device.device.kind is DeviceKind.ACCELERATOR
        },
        "by_scope": {scope: _scope(run, devices, energies, window) for scope, devices in run.scopes.items()},
    }


def _device(device: DeviceTape, energy: DeviceEnergy, total: EnergyTotal) -> dict[str, Any]:
    return {
        "name": device.device.name,
        "uuid": device.device.id,
        "host": device.host,
        "scope": device.device.scope.value if device.device.scope is not None else None,
        "in_run": device.number in total.devices,
        "joules": energy.joules,
        "error_joules": _expanded(energy.error),
        "method": energy.method.value if energy.method is not None else None,
        "counter_joules": energy.counter_joules,
        "integrated_joules": energy.integrated_joules,
        "integral_off_ratio": energy.integral_off_ratio,
        "mean_watts": energy.mean_watts,
        "max_watts": energy.max_watts,
        "samples": energy.samples,
        "coverage": energy.coverage,
    }


def _board(run: WholeRun, device: DeviceTape) -> str | None:
    """The board that a partition is a part of; None of a device that is none."""
    (board,) = scopes.boards_of([device], run.tape)
    return None if board is device else run.labels[board.number]


def _expanded(error: Error | None) -> float | None:
    return error.expanded() if error is not None else None


def _scope(
    run: WholeRun, devices: Sequence[DeviceTape], energies: Energies, window: Window
) -> dict[str, Any]:
    """Another scope's energy; `notes` say what to hold against it."""
    total = total_of(devices, energies, window.spans)
    notes = (
        [_instead_of(run, devices, energies)] if scopes.passed_over(run.tape, run.devices, devices) else []
    )
    notes += [
        f"the counter of {run.labels[device.number]} {energy.counter_fault}: {_instead_of_counter(energy)}"
        for device in devices
        if (energy := energies.get(device.number)) is not None and energy.counter_fault is not None
    ]
    if scopes.covers_more_than_the_run(run.tape, run.devices, devices):
        notes.append("covers accelerators that are not of the run")
    if total.coverage is not None and total.coverage < _WIDE_COVERAGE:
        notes.append(f"covers {100 * total.coverage:.3g} % of the window")
    slowest_s = max(device.period_s(run.interval_s) for device in devices)
    if slowest_s * _PERIODS_OF_A_WINDOW > window.duration_s:
        notes.append(f"read every {slowest_s:g} s only")
    return {
        "joules": total.joules,
        "error_joules": total.error_joules,
        "gain_ratio": total.gain_ratio,
        "coverage": total.coverage,
        "devices": [run.labels[device.number] for device in devices],
        "notes": notes,
    }


def _instead_of_counter(energy: DeviceEnergy) -> str:
    return "its energy is not known" if energy.joules is None else "its power was integrated instead"


def _instead_of(run: WholeRun, devices: Sequence[DeviceTape], energies: Energies) -> str:
    """Whose figure it is, and what other meters told: `of shelly:0; tasmota:0 told 801 J`."""
    others = []
    for device in scopes.passed_over(run.tape, run.devices, devices):
        joules = energies.get(device.number, UNKNOWN_ENERGY).joules
        told = "nothing that can be used" if joules is None else format_quantity(joules, "J")
        others.append(f"{run.labels[device.number]} told {told}")
    mine = ", ".join(run.labels[device.number] for device in devices)
    return f"of {mine}; {', '.join(others)}; choose with --meter"
