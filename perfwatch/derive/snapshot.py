"""What does this machine tell right now? The newest values of a short tape, as one object.

Unlike a summary it has no window and no verdict: rates and a power that comes from a counter are over the
few tenths of a second between the tape's readings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from perfwatch.derive import counters
from perfwatch.derive.asked import asked_for
from perfwatch.derive.device_names import labels_of
from perfwatch.derive.scopes import is_estimated
from perfwatch.derive.tape import DeviceTape, Series, Tape
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import DeviceKind, Kind, State

SCHEMA = "perfwatch.snapshot/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

States = Mapping[str, tuple[State, str, str]]
"""By collector: state, reason, remedy."""


def needs_two_readings(tape: Tape) -> bool:
    """Whether some device tells only in differences what a snapshot shows: a power, a rate."""
    return any(
        device.device.kind in (DeviceKind.NODE, DeviceKind.WORKLOAD) or _power_is_counted(device)
        for device in tape.devices.values()
    )


def _power_is_counted(device: DeviceTape) -> bool:
    told = {metric.name for metric in device.device.metrics}
    return ENERGY.name in told and POWER.name not in told


def snapshot(tape: Tape, states: States) -> dict[str, Any]:
    """The snapshot object; what is not known is `None`. Units are those of the metrics' names."""
    labels, asked = labels_of(tape), asked_for(tape.header)
    return {
        "schema": SCHEMA,
        "time": _started(tape),
        "host": tape.host,
        "perfwatch": tape.header.get("perfwatch"),
        "devices": {labels[number]: _device(tape, device) for number, device in tape.devices.items()},
        "collectors": {
            name: {"state": state.value, "reason": reason, "remedy": remedy, "asked": name in asked}
            for name, (state, reason, remedy) in states.items()
        },
    }


def _started(tape: Tape) -> str:
    moment = _EPOCH + timedelta(microseconds=tape.header["clock"]["time_ns"] // 1000)
    return moment.astimezone().isoformat(timespec="microseconds")


def _device(tape: Tape, device: DeviceTape) -> dict[str, Any]:
    watts, source = _power(device)
    metrics = device.device.metrics
    return {
        "uuid": device.device.id,
        "name": device.device.name,
        "collector": device.collector,
        "kind": device.device.kind.value,
        "scope": device.device.scope.value if device.device.scope is not None else None,
        "parent": device.device.parent,
        "facts": {name: _plain(fact) for name, fact in device.device.facts.items()},
        "age_s": round(tape.last_t - device.times[-1], 6) if len(device.times) else None,
        "power": {"watts": watts, "source": source},
        "metrics": {
            metric.name: _newest(device.get(metric.name))
            for metric in metrics
            if metric.kind is not Kind.HISTOGRAM
        },
        "rates": {
            metric.name: _rate(device.get(metric.name)) for metric in metrics if metric.kind is Kind.COUNTER
        },
    }


def _power(device: DeviceTape) -> tuple[float | None, str | None]:
    """Watts and where they are from: `sensor`, `counter`, `estimated`."""
    power = device.get(POWER.name)
    if power is not None:
        return power.values[-1], "estimated" if is_estimated(device) else "sensor"
    watts = _rate(device.get(ENERGY.name))
    if watts is None:
        return None, None
    return watts, "estimated" if is_estimated(device) else "counter"


def _plain(fact: Any) -> Any:
    """A fact as JSON takes it, whatever a plugin or a file put there."""
    if isinstance(fact, float):
        return fact if math.isfinite(fact) else None
    return fact if fact is None or isinstance(fact, (str, int)) else str(fact)


def _newest(series: Series | None) -> float | None:
    if series is None:
        return None
    value = series.values[-1]
    return int(value) if value.is_integer() else value


def _rate(series: Series | None) -> float | None:
    """How fast a counter moved between its first and its last reading, per second."""
    if series is None or series.times[-1] <= series.times[0]:
        return None
    moved = counters.difference(series.values[0], series.values[-1], series.metric.wraps_at)
    return None if moved is None else moved / (series.times[-1] - series.times[0])
