"""What did a window of a run cost and emit? Its prices, and the devices and hosts that are paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.derive import scopes
from perfwatch.derive.cost import CostDevice, carbon, cost
from perfwatch.derive.settings import CostInputs
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.tariff import priced, zero_s_of
from perfwatch.derive.totals import EnergyTotal, energies_of, total_of
from perfwatch.derive.whole_run import WholeRun
from perfwatch.derive.windows import Window, emptiness
from perfwatch.derive.work import Counted
from perfwatch.model import DeviceKind, Scope


def cost_of(
    run: WholeRun,
    window: Window,
    prices: CostInputs,
    total: EnergyTotal,
    work: Mapping[str, Counted],
    *,
    ratios: bool,
) -> dict[str, Any] | None:
    return cost(
        prices,
        joules=total.joules,
        duration_s=None if emptiness(window) else window.duration_s,
        devices=_paid(run),
        work=_counts(work),
        working_s=run.windows.worked_s,
        job_s=run.windows.job.duration_s,
        hosts=len(_rented_hosts(run)),
        ratios=ratios,
        error_joules=total.error_of_ratios,
        count_errors=_count_errors(work),
    )


def carbon_of(
    prices: CostInputs, total: EnergyTotal, work: Mapping[str, Counted], *, ratios: bool
) -> dict[str, Any] | None:
    return carbon(
        prices,
        joules=total.joules,
        work=_counts(work),
        ratios=ratios,
        error_joules=total.error_of_ratios,
        count_errors=_count_errors(work),
    )


def prices_in(run: WholeRun, window: Window) -> CostInputs:
    """Prices and intensities as they were in the window, weighed by the energy used under each."""

    def joules(span: Span) -> float | None:
        energies = energies_of(run.tape, [span], interval_s=run.interval_s, load_end=run.job.end)
        return total_of(run.headline.devices, energies, [span]).joules

    return priced(run.settings.cost, window.spans, zero_s_of(run.tape.header), joules)


def _counts(work: Mapping[str, Counted]) -> dict[str, float | None]:
    return {name: counted.count for name, counted in work.items()}


def _count_errors(work: Mapping[str, Counted]) -> dict[str, float]:
    return {name: counted.error for name, counted in work.items()}


def _rented_hosts(run: WholeRun) -> list[str]:
    """The hosts that a price per node is paid for; what is told by a rating alone, as a switch, is none."""
    hosts = scopes.hosts_of(run.tape, run.devices)
    real = {device.host for device in run.tape.devices.values() if not scopes.is_estimated(device)}
    return [host for host in hosts if host in real] or hosts


def _paid(run: WholeRun) -> list[CostDevice]:
    """What a price per device is paid for: the run's boards, or CPU packages where there are none."""
    devices: Sequence[DeviceTape] = scopes.boards_of(run.devices.accelerators, run.tape) or [
        device
        for device in run.headline.devices
        if device.device.kind is DeviceKind.CPU and device.device.scope is Scope.CPU
    ]
    return [CostDevice(run.labels[device.number], device.device.name) for device in devices]
