"""Which meters does `--meter` name? One, or several that measure a machine together: `shelly:0+shelly-2:0`.

Two meters of one scope tell the same watts as a rule, and are never added. Where each feeds a part of the
machine, as two plugs of two power supplies do, only a person knows that: a plus between their names says it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from perfwatch.derive.tape import DeviceTape
from perfwatch.errors import ConfigError
from perfwatch.model import DeviceKind

PLUS = "+"
_METERS = (DeviceKind.METER, DeviceKind.NODE)


def named_meters(
    text: str, meters: Sequence[DeviceTape], labels: Mapping[int, str]
) -> tuple[DeviceTape, ...]:
    """The meters that a person means, each by its label, collector, id or model name.

    Args:
        meters: those that told their power.
        labels: what people call them.

    Raises:
        ConfigError: a name fits none, or several; or what they measure cannot be added.
    """
    alone = _named(text, meters, labels)  # a name may have a plus in it
    if alone is not None:
        return (alone,)
    found: list[DeviceTape] = []
    for name in (part.strip() for part in text.split(PLUS)):
        meter = _named(name, meters, labels)
        if meter is None:
            there = ", ".join(labels[device.number] for device in meters) or "none"
            half = "" if name == text else ", and without it the sum is not known"
            raise ConfigError(
                f"cannot take meter {name!r}: meters that told their power in this session: {there}{half}"
            )
        found.append(meter)
    _check_sum(text, found, labels)
    return tuple(found)


def names_a_part(text: str, meters: Sequence[DeviceTape], labels: Mapping[int, str]) -> bool:
    """Whether one of these meters is named as a part of a sum."""
    names = [part.strip() for part in text.split(PLUS)]
    return len(names) > 1 and any(_named(name, meters, labels) is not None for name in names)


def are_parts(devices: Sequence[DeviceTape]) -> bool:
    """Whether several meters of one machine are among them: together they measure what none does alone.

    Of such a sum a part that is not known leaves nothing known.
    """
    hosts = Counter(device.host for device in devices if device.device.kind in _METERS)
    return any(count > 1 for count in hosts.values())


def _named(name: str, meters: Sequence[DeviceTape], labels: Mapping[int, str]) -> DeviceTape | None:
    for names_of in (
        lambda device: (labels[device.number], device.label, device.device.id, device.device.name),
        lambda device: (device.collector, str(device.device.index)),
    ):
        found = [device for device in meters if name in names_of(device)]
        if len(found) == 1:
            return found[0]
    return None


def _check_sum(text: str, found: Sequence[DeviceTape], labels: Mapping[int, str]) -> None:
    """Refuse what would count something twice.

    Raises:
        ConfigError: a meter is there twice, or lies in another one, or they measure different scopes.
    """
    names = [labels[device.number] for device in found]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ConfigError(f"cannot add the meters {text!r}: {twice} is named twice")
    inner = next((one for one in found if any(one.device.parent == each.device.id for each in found)), None)
    if inner is not None:
        raise ConfigError(f"cannot add the meters {text!r}: {labels[inner.number]} is in another one of them")
    scopes = {one.device.scope.value if one.device.scope else "no scope" for one in found}
    if len(scopes) > 1:
        raise ConfigError(
            f"cannot add the meters {text!r}: they measure {' and '.join(sorted(scopes))}, of which one is "
            "in the other; name meters of one scope"
        )
