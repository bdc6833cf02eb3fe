"""Which devices are the run's, and whose joules make up the headline figure.

The headline has one scope, and nothing that lies inside another device is counted again. What other scopes
measured stands beside it; what nobody measured is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from perfwatch.derive.device_names import labels_of, resolve_devices
from perfwatch.derive.families import again_of, of_one_family
from perfwatch.derive.named_meters import PLUS, named_meters, names_a_part
from perfwatch.derive.same_device import each_once
from perfwatch.derive.settings import Settings
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.unread import unread_of
from perfwatch.errors import ConfigError
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import DeviceKind, Scope

MOST_SAID = 4
"""So many devices are named that two collectors told of."""
COMPONENTS = "components"
"""Accelerators, modules, CPU packages and DRAM of the run's hosts together."""

_METER_SCOPES = (Scope.NODE.value, Scope.WALL.value)
_CHIP_SCOPES = (Scope.MODULE, Scope.ACCELERATOR)
_PART_SCOPES = (Scope.CPU, Scope.DRAM)


def tells_energy(device: DeviceTape) -> bool:
    """Whether the device told any power or energy in this session."""
    if device.device.kind is DeviceKind.WORKLOAD:
        return False
    return device.get(POWER.name) is not None or device.get(ENERGY.name) is not None


def is_estimated(device: DeviceTape) -> bool:
    """Whether the device's energy comes from a model."""
    series = device.get(ENERGY.name) or device.get(POWER.name)
    return series is not None and series.metric.estimated


@dataclass(frozen=True)
class RunDevices:
    """The devices of a run.

    Args:
        accelerators: those that did the work.
        others: CPUs and memory that were named explicitly; empty otherwise.
        because: how they were found out, in words.
        guessed: nothing showed which ones the job used.
        explicit: a person named them.
        shared: who else used them, by the device's number.
        hindered: what kept it from being seen; empty where nothing did.
        unread: why devices that are of the run as well cannot be read, by what people call them.
    """

    accelerators: tuple[DeviceTape, ...]
    others: tuple[DeviceTape, ...]
    because: str
    guessed: bool
    explicit: bool
    shared: Mapping[int, tuple[str, ...]]
    hindered: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)


def devices_of_run(tape: Tape, settings: Settings) -> RunDevices:
    """The devices of the run: the person's choice, else what the session found out, else every accelerator.

    Raises:
        ConfigError: `settings.devices` names something that is not there.
    """
    run = _found_or_named(tape, settings)
    return run if run.explicit else replace(run, because=run.because + _said_again(tape, run))


def _found_or_named(tape: Tape, settings: Settings) -> RunDevices:
    events = tape.of_kind("devices")
    found = events[-1].fields if events else {}
    shared = _shared(tape, found.get("shared"))
    if settings.devices is not None:
        named = resolve_devices(settings.devices, tape)
        accelerators, others = _split(named)
        because = f"--devices {settings.devices} was given"
        return RunDevices(accelerators, others, because, False, True, shared)
    every, _ = _split(tape.devices.values())
    unread = unread_of(tape)
    if not found and not any(event.fields.get("what") == "begin" for event in tape.of_kind("job")):
        because = "there is no accelerator"
        if every and tape.header.get("command"):
            because = "the session ends before its job began"
        elif every:
            because = "a recording takes all that there are"
        return RunDevices(every, (), because, False, False, shared, unread=unread)
    if not found:
        because = "nothing tells which the job used" if every else "there is no accelerator"
        return RunDevices(every, (), because, bool(every), False, shared, unread=unread)
    ids = ids_of(found.get("ids"))
    accelerators, others = _split(device for device in tape.devices.values() if _has_id(device, ids))
    guessed = bool(found.get("guessed")) and bool(accelerators)
    because, hindered = (str(found.get(key) or "") for key in ("because", "hindered"))
    used = ids_of(found.get("unread"))
    unread = {label: reason for label, reason in unread.items() if label in used}
    return RunDevices(accelerators, others, because, guessed, False, shared, hindered, unread)


def _has_id(device: DeviceTape, ids: Iterable[str]) -> bool:
    return any(item in (device.device.id, f"{device.host}/{device.device.id}") for item in ids)


def _shared(tape: Tape, record: object) -> dict[int, tuple[str, ...]]:
    if not isinstance(record, Mapping):
        return {}
    return {
        device.number: ids_of(names)
        for item, names in record.items()
        for device in tape.devices.values()
        if _has_id(device, [str(item)])
    }


def ids_of(value: object) -> tuple[str, ...]:
    """The ids in a list; a session may come from elsewhere, and what is no list says nothing."""
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


def _split(
    devices: Iterable[DeviceTape],
) -> tuple[tuple[DeviceTape, ...], tuple[DeviceTape, ...]]:
    chosen = list(each_once(devices))
    return (
        tuple(device for device in chosen if device.device.kind is DeviceKind.ACCELERATOR),
        tuple(device for device in chosen if device.device.kind is not DeviceKind.ACCELERATOR),
    )


def _accelerators(devices: Iterable[DeviceTape]) -> list[DeviceTape]:
    return [device for device in devices if device.device.kind is DeviceKind.ACCELERATOR]


def _said_again(tape: Tape, run: RunDevices) -> str:
    """Which devices tell of others again, accelerators of the run or parts of its hosts, as a clause."""
    mine = {device.number for device in run.accelerators}
    twice = [
        (one, others)
        for one, others in each_once(_accelerators(tape.devices.values())).items()
        if others and one.number in mine
    ]
    parts = [pair for scope in _PART_SCOPES for pair in again_of(_told_of(tape, hosts_of(tape, run), scope))]
    if not twice and not parts:
        return ""
    labels = labels_of(tape)
    again = [
        f"{' and '.join(labels[other.number] for other in others)} told of {labels[one.number]} again"
        for one, others in [*twice, *parts][:MOST_SAID]
    ]
    return f"; {', '.join(again)}{' ...' * (len(twice) + len(parts) > MOST_SAID)}"


class Headline(NamedTuple):
    """Whose joules are added to the headline figure.

    Args:
        scope: its name in the summary (`accelerator`, `module`, `components`, `node`, `wall`).
        devices: the devices that are added.
        silent: devices of the run that belong into the figure and tell nothing.
        wider: devices that are added although they cover more than the run's (a partition's whole chip).
        trouble: why there is no figure, where a choice of the person's is missing.
        within: CPU packages and memory that are not added: a module is taken to contain them.
    """

    scope: str
    devices: tuple[DeviceTape, ...]
    silent: tuple[DeviceTape, ...] = ()
    wider: tuple[DeviceTape, ...] = ()
    trouble: str = ""
    within: tuple[DeviceTape, ...] = ()


def choose_headline(tape: Tape, settings: Settings, run: RunDevices) -> Headline:
    """The headline's scope and devices: the scope asked for, else accelerators, else components.

    Raises:
        ConfigError: `settings.meter` names no meter of the session.
    """
    scope = settings.scope or _scope_of_meter(tape, settings) or _default_scope(tape, run)
    if scope in _METER_SCOPES:
        return _metered(tape, settings, run, scope)
    chips = _Chips.of(tape, run)
    parts, within = _parts(tape, run, chips.measured)
    if scope == COMPONENTS:
        devices = outermost([*chips.measured, *parts], tape)
        return Headline(scope, devices, chips.silent, chips.wider, within=within)
    only_modules = _chip_scope(chips.measured) == Scope.MODULE.value
    label = Scope.MODULE.value if only_modules else scope
    return Headline(label, chips.measured, chips.silent, chips.wider, within=within)


def _default_scope(tape: Tape, run: RunDevices) -> str:
    if run.others:
        return COMPONENTS
    return _chip_scope(_Chips.of(tape, run).measured) or COMPONENTS


def _chip_scope(chips: Sequence[DeviceTape]) -> str | None:
    """`accelerator` or `module`, where all of them are; chips of both kinds are components."""
    scopes = {device.device.scope for device in chips}
    if not scopes:
        return None
    if scopes == {Scope.MODULE}:
        return Scope.MODULE.value
    return COMPONENTS if Scope.MODULE in scopes else Scope.ACCELERATOR.value


class _Chips(NamedTuple):
    """The run's accelerators by whether they tell their energy."""

    measured: tuple[DeviceTape, ...]
    silent: tuple[DeviceTape, ...]
    wider: tuple[DeviceTape, ...]

    @classmethod
    def of(cls, tape: Tape, run: RunDevices) -> _Chips:
        measured: dict[int, DeviceTape] = {}
        silent: list[DeviceTape] = []
        wider: dict[int, DeviceTape] = {}
        for device in run.accelerators:
            source = _energy_source(tape, device)
            if source is None or not (_is_chip_scope(source) or run.explicit):
                silent.append(device)
                continue
            measured[source.number] = source
            if source is not device and not _all_parts_in(tape, source, run):
                wider[source.number] = source
        rails = () if measured or run.explicit else _rails(tape, run)
        if rails:
            return cls(rails, (), ())
        return cls(outermost(measured.values(), tape), tuple(silent), tuple(wider.values()))


def _rails(tape: Tape, run: RunDevices) -> tuple[DeviceTape, ...]:
    """Meters that somebody said measure the module, or the chip: they do where the chips tell nothing."""
    found = [device for scope in _CHIP_SCOPES for device in _rails_of(tape, run, scope)]
    return outermost(found, tape)


def _rails_of(tape: Tape, run: RunDevices, scope: Scope) -> tuple[DeviceTape, ...]:
    return tuple(one for one in _measured(tape, run, scope) if one.device.kind is DeviceKind.METER)


def _is_chip_scope(device: DeviceTape) -> bool:
    return device.device.scope in _CHIP_SCOPES


def _energy_source(tape: Tape, device: DeviceTape) -> DeviceTape | None:
    """The device, or what is around it and tells its energy: a partition's chip, a meter that dies share."""
    if tells_energy(device):
        return device
    around = [each for each in _ancestors(device, tape) if tells_energy(each)]
    return next(
        (each for each in around if each.device.kind is DeviceKind.ACCELERATOR or _is_chip_scope(each)), None
    )


def _all_parts_in(tape: Tape, whole: DeviceTape, run: RunDevices) -> bool:
    used = {device.number for device in run.accelerators}
    parts = [device for device in tape.devices.values() if device.device.parent == whole.device.id]
    return all(part.number in used for part in parts)


def outermost(devices: Iterable[DeviceTape], tape: Tape) -> tuple[DeviceTape, ...]:
    """The devices that do not lie inside another one of them."""
    chosen = {device.number: device for device in devices}
    return tuple(
        device
        for device in chosen.values()
        if not any(around.number in chosen for around in _ancestors(device, tape))
    )


def boards_of(devices: Iterable[DeviceTape], tape: Tape) -> tuple[DeviceTape, ...]:
    """The accelerators, each once, with partitions (MIG) as the board that they are a part of."""
    found: dict[int, DeviceTape] = {}
    for device in devices:
        around = [each for each in _ancestors(device, tape) if each.device.kind is DeviceKind.ACCELERATOR]
        board = around[-1] if around else device
        found[board.number] = board
    return tuple(found.values())


def _ancestors(device: DeviceTape, tape: Tape) -> list[DeviceTape]:
    found: list[DeviceTape] = []
    parent = device.device.parent
    while parent is not None and len(found) < len(tape.devices):
        around = next(
            (each for each in tape.devices.values() if each.device.id == parent and each.host == device.host),
            None,
        )
        if around is None:
            break
        found.append(around)
        parent = around.device.parent
    return found


def hosts_of(tape: Tape, run: RunDevices) -> list[str]:
    """The hosts of the run: those of its devices, else every host of the session."""
    chosen = run.accelerators or run.others or tuple(tape.devices.values())
    return list(dict.fromkeys([device.host for device in chosen] or [tape.host]))


def _parts(
    tape: Tape, run: RunDevices, chips: Iterable[DeviceTape]
) -> tuple[tuple[DeviceTape, ...], tuple[DeviceTape, ...]]:
    """CPU packages and DRAM of the run's hosts, and those of them that a module is taken to contain."""
    if run.others:
        return tuple(device for device in run.others if tells_energy(device)), ()
    with_module = {device.host for device in chips if device.device.scope is Scope.MODULE}
    found = [*_measured(tape, run, Scope.CPU), *_measured(tape, run, Scope.DRAM)]
    return (
        tuple(device for device in found if device.host not in with_module),
        tuple(device for device in found if device.host in with_module),
    )


def _measured(tape: Tape, run: RunDevices, scope: Scope) -> tuple[DeviceTape, ...]:
    """The devices of a scope on the run's hosts; an estimate stands back where a sensor tells the same.

    So do the packages and the memory of a host that a second family of collectors tells of (an exporter's
    page of the machine that is read here as well).
    """
    found = _told_of(tape, hosts_of(tape, run), scope)
    return outermost(of_one_family(found) if scope in _PART_SCOPES else found, tape)


def _told_of(tape: Tape, hosts: Sequence[str], scope: Scope) -> list[DeviceTape]:
    """What told its energy, but for estimates of what a sensor tells."""
    found = [
        device
        for device in tape.devices.values()
        if device.device.scope is scope and device.host in hosts and tells_energy(device)
    ]
    sensed = {device.host for device in found if not is_estimated(device)}
    return [device for device in found if not is_estimated(device) or device.host not in sensed]


def _metered(tape: Tape, settings: Settings, run: RunDevices, scope: str) -> Headline:
    if settings.meter is not None:
        return Headline(scope, _named_meters(tape, settings.meter))
    meters = _measured(tape, run, Scope(scope))
    for host in hosts_of(tape, run):
        here = [device.label for device in meters if device.host == host]
        if len(here) > 1:
            names = ", ".join(here)
            trouble = (
                f"several meters tell the power of the {scope} ({names}): say which with --meter, or "
                f"--meter {PLUS.join(here)} where each feeds a part of the machine"
            )
            return Headline(scope, (), trouble=trouble)
    return Headline(scope, meters, trouble="" if meters else _of_other_machines(tape, run, scope))


def _of_other_machines(tape: Tape, run: RunDevices, scope: str) -> str:
    """That the meters there are measure machines without a device of the run; empty where there is none."""
    labels, hosts = labels_of(tape), hosts_of(tape, run)
    others = [
        device
        for device in tape.devices.values()
        if device.device.scope is Scope(scope) and device.host not in hosts and tells_energy(device)
    ]
    if not others:
        return ""
    names = [labels[device.number] for device in others]
    where = ", ".join(dict.fromkeys(device.host for device in others))
    return (
        f"{', '.join(names)} measured the {scope} of {where}, and the devices of the run are on "
        f"{', '.join(hosts)}; without host= a meter is of the machine that reads it, and --meter {names[0]} "
        "takes this one as it is"
    )


def _scope_of_meter(tape: Tape, settings: Settings) -> str | None:
    if settings.meter is None:
        return None
    scope = _named_meters(tape, settings.meter)[0].device.scope
    return scope.value if scope is not None and scope.value in _METER_SCOPES else Scope.WALL.value


def _named_meters(tape: Tape, text: str) -> tuple[DeviceTape, ...]:
    """The meters that a person means.

    Raises:
        ConfigError: there is no such one, or they cannot be added.
    """
    return named_meters(text, _meters(tape), labels_of(tape))


def _meters(tape: Tape) -> list[DeviceTape]:
    """Everything that told its power and may be that of a machine."""
    return [
        device
        for device in tape.devices.values()
        if tells_energy(device)
        and (device.device.scope is None or device.device.scope.value in _METER_SCOPES)
    ]


def other_scopes(
    tape: Tape, settings: Settings, run: RunDevices, headline: Headline
) -> dict[str, tuple[DeviceTape, ...]]:
    """Every other scope that was measured on the run's hosts, with its devices; none is added to another."""
    chips = _around_and_within(tape, run.accelerators)
    found: dict[str, tuple[DeviceTape, ...]] = {}
    for scope in Scope:
        if scope in _CHIP_SCOPES:
            own = [device for device in chips if device.device.scope is scope]
            devices = outermost(own, tape) or _rails_of(tape, run, scope)
        else:
            devices = _measured(tape, run, scope)
            if scope.value in _METER_SCOPES:
                devices = _beside(tape, settings, devices, scope.value)
        if devices and scope.value != headline.scope:
            found[scope.value] = devices
    return found


def _beside(
    tape: Tape, settings: Settings, measured: tuple[DeviceTape, ...], scope: str
) -> tuple[DeviceTape, ...]:
    """Of the meters of a scope those that a person named, else one of each host.

    A sum of which a part is not there is not shown: it would be half of it.
    """
    text = settings.meter
    if text is not None:
        try:
            if _scope_of_meter(tape, settings) == scope:
                return _named_meters(tape, text)
        except ConfigError:
            if names_a_part(text, measured, labels_of(tape)):
                return ()
    return _one_a_host(measured, ids_of(tape.header.get("asked")))


def _around_and_within(tape: Tape, chips: Sequence[DeviceTape]) -> list[DeviceTape]:
    """The chips, what they lie in, and what lies in them, as far as it tells its energy."""
    mine = {device.number for device in chips}
    around = {each.number for device in chips for each in _ancestors(device, tape)}
    return [
        device
        for device in tape.devices.values()
        if tells_energy(device)
        and (device.number in mine | around or any(each.number in mine for each in _ancestors(device, tape)))
    ]


def _one_a_host(meters: Iterable[DeviceTape], asked: Sequence[str]) -> tuple[DeviceTape, ...]:
    """One meter of each host: two of one scope tell the same watts.

    It is the one that was asked for first; which answers first is chance.
    """
    first: dict[str, DeviceTape] = {}
    order = {name: place for place, name in enumerate(asked)}
    for meter in sorted(meters, key=lambda one: order.get(one.collector, len(order))):
        first.setdefault(meter.host, meter)
    return tuple(first.values())


def passed_over(tape: Tape, run: RunDevices, devices: Sequence[DeviceTape]) -> tuple[DeviceTape, ...]:
    """The other meters of the same scope and host, which stand back: two tell the same watts."""
    places = {(device.host, device.device.scope) for device in devices}
    shown = {device.number for device in devices}
    return tuple(
        device
        for scope in {scope for _, scope in places if scope is not None and scope.value in _METER_SCOPES}
        for device in _measured(tape, run, scope)
        if device.number not in shown and (device.host, scope) in places
    )


def how_to_meter(tape: Tape, run: RunDevices, scopes: Mapping[str, Sequence[DeviceTape]]) -> str:
    """Which option makes a meter the headline; empty where there is none.

    `shelly:0 measured the wall: --scope wall makes it the headline`, and with several `--meter shelly:0`.
    """
    labels = labels_of(tape)
    said = []
    for name in _METER_SCOPES:
        first = scopes.get(name, ())
        others = passed_over(tape, run, first)
        meters = [labels[device.number] for device in (*first, *others)]
        if meters:
            options = f"--meter {' or --meter '.join(meters)}" if others else f"--scope {name}"
            them = "one of them" if others else ("it" if len(meters) == 1 else "them")
            summed = f", --meter {PLUS.join(meters)} their sum" if others else ""
            said.append(
                f"{' and '.join(meters)} measured the {name}: {options} makes {them} the headline{summed}"
            )
    return "; ".join(said)


def not_included(headline: Headline, labels: Mapping[int, str]) -> list[str]:
    """What the headline figure leaves out, in words."""
    covered = {device.device.scope for device in headline.devices}
    if headline.scope == Scope.WALL.value:
        words = ["cooling of the room"]
    elif headline.scope == Scope.NODE.value:
        words = ["power supply losses", "cooling of the room"]
    elif Scope.MODULE in covered:
        words = ["fans", "cooling"]
    else:
        words = [] if Scope.CPU in covered else ["CPU"]
        words += [] if Scope.DRAM in covered else ["memory"]
        words += ["fans", "cooling"]
    named = [labels[device.number] for device in headline.silent]
    named += [f"{labels[device.number]} (taken to be in the module)" for device in headline.within]
    return [*named, *words]


def covers_more_than_the_run(tape: Tape, run: RunDevices, devices: Iterable[DeviceTape]) -> bool:
    """Whether meters among the devices cover accelerators that are not of the run."""
    used = {device.number for device in run.accelerators}
    hosts = {
        device.host
        for device in devices
        if device.device.scope is None or device.device.scope.value in _METER_SCOPES
    }
    return any(
        device.host in hosts and device.number not in used
        for device in tape.devices.values()
        if device.device.kind is DeviceKind.ACCELERATOR and device.device.parent is None
    )
