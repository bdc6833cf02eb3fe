"""Is what a plugin declares a device? Everything later relies on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from perfwatch.errors import CollectorError
from perfwatch.model import Device, DeviceKind, Kind, Metric, Scope, Unit

_FIELDS: dict[str, Any] = {
    "id": str,
    "name": str,
    "kind": DeviceKind,
    "index": (int, str),
    "metrics": Sequence,
    "scope": (Scope, type(None)),
    "parent": (str, type(None)),
    "facts": Mapping,
}
_SHOWN = 60


def check_device(device: Any) -> Device:
    """The device, unchanged.

    Raises:
        CollectorError: it is none, or something in it is of the wrong type; says what.
    """
    if not isinstance(device, Device):
        raise CollectorError(f"it declared {_shown(device)}, which is no Device")
    wrong = [
        f"{name} {_shown(getattr(device, name))}"
        for name, kinds in _FIELDS.items()
        if not isinstance(getattr(device, name), kinds)
    ]
    if isinstance(device.metrics, Sequence):
        wrong += [f"metric {_shown(metric)}" for metric in device.metrics if not _is_metric(metric)]
    if not device.id:
        wrong.append("an empty id")
    if wrong:
        raise CollectorError(f"it declared the device {_shown(device.name)} with {', '.join(wrong)}")
    return device


def _is_metric(metric: Any) -> bool:
    return (
        isinstance(metric, Metric)
        and isinstance(metric.name, str)
        and isinstance(metric.unit, Unit)
        and isinstance(metric.kind, Kind)
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
