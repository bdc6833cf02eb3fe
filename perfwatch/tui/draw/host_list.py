"""How does each machine stand? Its devices folded into one line: how many, how busy, how hot, in what state.

Power is the sum over the devices of one scope that do not contain each other: the accelerators', else the
first of the other scopes that tells any. Scopes are never added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfwatch import metrics as m
from perfwatch.frame import DeviceNow, Frame
from perfwatch.model import DeviceKind, Scope, State

_SCOPES = (Scope.ACCELERATOR, Scope.MODULE, Scope.NODE, Scope.WALL, Scope.CPU, Scope.DRAM)
_WORST_FIRST = (State.FAILED, State.STALE, State.RETRYING, State.GONE, State.ABSENT, State.OPENING, State.OK)


class Host(NamedTuple):
    """One machine; None is unknown.

    Args:
        name: its name; empty where the stream does not tell.
        devices: labels of its accelerators, else of whatever it measures.
        kind: what the accelerators are, by name; empty without one.
        utilization: mean of its accelerators, 0 to 1.
        cpu: share of its CPUs in use, 0 to 1.
        memory_ratio: share of the accelerators' memory in use.
        power_w: sum over one scope; None while a device of it does not tell.
        scope: what `power_w` covers.
        silent: so many meters of that scope do not tell.
        temperature_c: of the hottest of its devices.
        hottest: which one that is; empty if none tells.
        state: the worst state of its devices.
        worst: so many of them are in it.
        trouble: which devices are in it, and why.
    """

    name: str
    devices: tuple[str, ...]
    kind: str
    utilization: float | None
    cpu: float | None
    memory_ratio: float | None
    power_w: float | None
    scope: str
    silent: int
    temperature_c: float | None
    hottest: str
    state: State
    worst: int
    trouble: str


def hosts_of(frame: Frame) -> list[Host]:
    """Every machine that has a device, in order of appearance."""
    found: dict[str, list[DeviceNow]] = {}
    for one in frame.devices:
        found.setdefault(one.host, []).append(one)
    return [fold(name, devices) for name, devices in found.items()]


def fold(name: str, devices: Sequence[DeviceNow], *, partly: bool = False) -> Host:
    """These devices as one line; `partly`: power is the sum of those that tell it."""
    accelerators = [one for one in devices if one.device.kind is DeviceKind.ACCELERATOR]
    shown = accelerators or [one for one in devices if one.device.kind is not DeviceKind.NODE] or devices
    present = [one for one in accelerators if one.state is State.OK]
    power_w, scope, silent = _power(devices, partly=partly)
    troubled = [one for one in devices if one.state is not State.OK]
    hottest = max(_temperatures(devices), default=(None, ""))
    state = min((one.state for one in devices), key=_WORST_FIRST.index)
    return Host(
        name=name,
        devices=tuple(one.label for one in shown),
        kind=_kind(accelerators),
        utilization=_mean([one.value(m.UTILIZATION.name) for one in present]),
        cpu=_mean([one.value(m.CPU_UTILIZATION.name) for one in devices if one.state is State.OK]),
        memory_ratio=_share(present),
        power_w=power_w,
        scope=scope,
        silent=silent,
        temperature_c=hottest[0],
        hottest=hottest[1],
        state=state,
        worst=sum(1 for one in devices if one.state is state),
        trouble="; ".join(_trouble(one) for one in troubled),
    )


def _temperatures(devices: Sequence[DeviceNow]) -> list[tuple[float, str]]:
    return [
        (value, one.label)
        for one in devices
        if one.state is State.OK and (value := one.value(m.TEMPERATURE.name)) is not None
    ]


def _kind(accelerators: Sequence[DeviceNow]) -> str:
    """`8 x H100`, and with several kinds the number of each."""
    names = [one.device.name for one in accelerators]
    return ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))


def _power(devices: Sequence[DeviceNow], *, partly: bool) -> tuple[float | None, str, int]:
    """The sum over the first scope that has a meter, that scope, and how many of it do not tell.

    While one of them does not tell the sum is unknown, or (`partly`) that of the others.
    """
    ids = {one.device.id for one in devices if m.POWER.name in one.values}
    for scope in _SCOPES:
        meters = [
            one
            for one in devices
            if one.device.scope is scope
            and one.state is not State.GONE
            and one.device.parent not in ids
            and any(metric.name == m.POWER.name for metric in one.device.metrics)
        ]
        if meters:
            watts = [one.value(m.POWER.name) if one.state is State.OK else None for one in meters]
            known = [value for value in watts if value is not None]
            silent = len(watts) - len(known)
            return (None if silent and not partly else sum(known) if known else None), scope.value, silent
    return None, "", 0


def _share(devices: Sequence[DeviceNow]) -> float | None:
    used = [one.value(m.MEMORY_USED.name) for one in devices]
    total = [one.value(m.MEMORY_TOTAL.name) for one in devices]
    known = [(a, b) for a, b in zip(used, total, strict=True) if a is not None and b]
    if not known or len(known) < len(devices):
        return None
    return sum(a for a, _ in known) / sum(b for _, b in known)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _trouble(one: DeviceNow) -> str:
    return f"{one.label} {one.state.value}" + (f": {one.reason}" if one.reason else "")
