"""How much energy have the CPUs, their parts and the DRAM used, by the RAPL counters?

The counters are handed over raw, in J; they start again at the zone's range, which the metric declares.
They advance about once a millisecond. RAPL is not the node: boards, fans and disks are not in it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perfwatch_collectors import powercap
from perfwatch_collectors.powercap import Counter, Zone, find_zones
from perfwatch_collectors.pyrapl_door import PyraplDoor, PyraplError
from perfwatch_collectors.rapl_absent import why_absent, why_unreadable
from perfwatch_collectors.rapl_mirrors import Pair, dies_of_one_package

from perfwatch import metrics
from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.model import Appeared, Device, DeviceKind, Event, Gone, Reading, Sample, Scope

_KINDS: dict[str, tuple[DeviceKind, Scope, str]] = {
    "package": (DeviceKind.CPU, Scope.CPU, "CPU package"),
    "core": (DeviceKind.CPU, Scope.CPU, "CPU cores"),
    "uncore": (DeviceKind.CPU, Scope.CPU, "CPU uncore"),
    "dram": (DeviceKind.MEMORY, Scope.DRAM, "DRAM"),
    "psys": (DeviceKind.NODE, Scope.NODE, "Platform (psys)"),
}
_GONE = (errno.ENODEV, errno.ENOENT, errno.ENXIO)


@dataclass(frozen=True)
class RaplOptions:
    """`root` stands before /sys and /proc; another one reads a copied tree."""

    root: str = "/"


class RaplCollector(Collector):
    """One device a zone: packages, their cores and uncore, DRAM, and the platform."""

    name = "rapl"
    about = "energy counters of CPU packages, cores, uncore, DRAM and platform (RAPL: pyRAPL, powercap)"
    floor_s = 0.1
    Options = RaplOptions

    def __init__(
        self,
        options: RaplOptions | None = None,
        *,
        pyrapl: Any = None,
        open_counter: Callable[[Path], Counter] = Counter,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(options)
        self._pyrapl = pyrapl
        self._open_counter = open_counter
        self._clock = clock if clock is not None else SystemClock()
        self._door: PyraplDoor | None = None
        self._through_door: dict[str, str] = {}
        self._counters: dict[str, Counter] = {}
        self._devices: dict[str, Device] = {}
        self._pairs: list[Pair] = []
        self._announced: list[Reading] = []

    def open(self) -> Sequence[Device]:
        """Find the zones whose counters can be read.

        Raises:
            Unavailable: there is no RAPL here, or no permission to read it.
        """
        self.close()
        root = Path(self.options.root)
        tree = find_zones(root)
        if not tree.zones:
            raise why_absent(root, tree)
        zones = self._open_counters(tree.zones)
        self._open_door(zones)
        self._devices = {}
        for zone in zones:
            device = self._declare(zone, zones)
            self._devices[device.id] = device
        self._pairs = [Pair(_id(first), _id(second)) for first, second in dies_of_one_package(zones)]
        self._recognise_at_once()
        return list(self._devices.values())

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """The counter of each zone; news of dies that turn out to share one, or not to."""
        yield from self._announced
        self._announced = []
        readings_j: dict[str, float] = {}
        through_door = self._read_door()
        yield from self._announced
        self._announced = []
        for device in devices:
            try:
                energy_j = self._read_j(device.id, through_door)
            except OSError as error:
                if error.errno in _GONE:
                    yield Gone(device.id, f"its energy counter is gone: {error.strerror}")
                    continue
                energy_j = None
            if energy_j is not None:
                readings_j[device.id] = energy_j
            yield Sample(device.id, (energy_j,))
        yield from self._judge_pairs(readings_j)

    def close(self) -> None:
        """Give all files back, pyRAPL's as well."""
        for counter in self._counters.values():
            counter.close()
        self._counters = {}
        if self._door is not None:
            self._door.close()
        self._door = None
        self._through_door = {}
        self._announced = []

    # Opening

    def _open_counters(self, zones: Sequence[Zone]) -> list[Zone]:
        """Open what can be opened; the zones that answered.

        Raises:
            Unavailable: not one did.
        """
        readable, refused = [], []
        for zone in zones:
            try:
                counter = self._open_counter(zone.energy_file)
            except OSError as error:
                refused.append((zone, error))
                continue
            self._counters[_id(zone)] = counter
            try:
                value_uj = counter.read_uj()
            except OSError as error:
                refused.append((zone, error))
                continue
            if value_uj is not None:
                readable.append(zone)
        if not readable:
            self.close()
            raise why_unreadable(refused, zones)
        return readable

    def _open_door(self, zones: Sequence[Zone]) -> None:
        """Read through pyRAPL what it reads rightly; its paths are fixed, so only the real tree is its."""
        if self._pyrapl is None and self.options.root != "/":
            return
        try:
            self._door = PyraplDoor(self._pyrapl)
        except PyraplError:
            return
        self._through_door = {_id(zone): zone.index for zone in zones if self._agrees(zone)}
        if not self._through_door:
            self._close_door()

    def _agrees(self, zone: Zone) -> bool:
        """Whether pyRAPL's value lies between the file's just before and just after: the same counter.

        Tried three times, as the counter may start again in between.
        """
        counter = self._counters[_id(zone)]
        for _ in range(3):
            try:
                before_uj, value_uj, after_uj = (
                    counter.read_uj(),
                    self._door_uj(zone.index),
                    counter.read_uj(),
                )
            except (OSError, PyraplError):
                return False
            if before_uj is None or value_uj is None or after_uj is None:
                return False
            if before_uj <= value_uj <= after_uj:
                return True
        return False

    def _door_uj(self, index: str) -> int | None:
        return self._door.read_uj().get(index) if self._door is not None else None

    def _declare(self, zone: Zone, zones: Sequence[Zone]) -> Device:
        kind, scope, name = _KINDS.get(zone.role, (DeviceKind.METER, None, zone.role))
        facts: dict[str, Any] = {
            "source": "pyRAPL" if _id(zone) in self._through_door else "powercap",
            "zone": zone.number,
        }
        if zone.limit_w is not None:
            facts["power_limit_watts"] = zone.limit_w
        if zone.peak_w is not None and zone.peak_w != zone.limit_w:
            facts["peak_power_watts"] = zone.peak_w
        if zone.max_power_w is not None:
            facts["max_power_watts"] = zone.max_power_w
        return Device(
            id=_id(zone),
            name=name,
            kind=kind,
            index=zone.index,
            metrics=(metrics.ENERGY.wrapping_at(zone.range_j).observed(update_s=powercap.UPDATE_S),),
            scope=scope,
            parent=_parent(zone, zones),
            facts=facts,
        )

    # Reading

    def _read_door(self) -> dict[str, int]:
        """What pyRAPL reads now; when it fails, its zones are read directly from then on, and say so."""
        if self._door is None:
            return {}
        try:
            return self._door.read_uj()
        except PyraplError as error:
            for device_id in self._through_door:
                self._redeclare(device_id, source="powercap")
            self._announced.append(
                Event("note", {"text": f"pyRAPL failed ({error}); RAPL is read from powercap directly"})
            )
            self._close_door()
            return {}

    def _close_door(self) -> None:
        if self._door is not None:
            self._door.close()
        self._door = None
        self._through_door = {}

    def _read_j(self, device_id: str, through_door: dict[str, int]) -> float | None:
        index = self._through_door.get(device_id)
        value_uj = through_door.get(index) if index is not None else None
        if value_uj is None:
            counter = self._counters.get(device_id)
            value_uj = counter.read_uj() if counter is not None else None
        return value_uj * 1e-6 if value_uj is not None else None

    # Dies that show one counter twice

    def _recognise_at_once(self) -> None:
        """Give a mirror its parent before anybody adds it up."""
        for pair in self._pairs:
            first, second = self._counters[pair.first], self._counters[pair.second]
            try:
                before_uj, middle_uj, after_uj = first.read_uj(), second.read_uj(), first.read_uj()
            except OSError:
                continue
            if before_uj is not None and middle_uj is not None and after_uj is not None:
                pair.compare_totals(before_uj * 1e-6, middle_uj * 1e-6, after_uj * 1e-6)
            if pair.mirrored:
                self._apply(pair)
        self._announced = [reading for reading in self._announced if isinstance(reading, Event)]

    def _judge_pairs(self, readings_j: dict[str, float]) -> Iterator[Reading]:
        if not self._pairs:
            return
        now_s = self._clock.monotonic_ns() * 1e-9
        for pair in self._pairs:
            first_j, second_j = readings_j.get(pair.first), readings_j.get(pair.second)
            if first_j is not None and second_j is not None and pair.take(now_s, first_j, second_j):
                self._apply(pair)
        yield from self._announced
        self._announced = []

    def _apply(self, pair: Pair) -> None:
        """Declare the second die as the pair says, and tell people."""
        one, other = self._devices[pair.first].index, self._devices[pair.second].index
        if pair.mirrored:
            text = f"rapl: {other} shows the same counter as {one}; it is counted once"
            self._redeclare(pair.second, parent=pair.first, mirror_of=pair.first)
        else:
            text = f"rapl: {other} and {one} are counters of their own after all; both are counted"
            self._redeclare(pair.second, parent=None, mirror_of=None)
        self._announced.append(Event("note", {"text": text}))

    def _redeclare(self, device_id: str, **changes: str | None) -> None:
        device = self._devices[device_id]
        parent = changes.pop("parent", device.parent)
        facts = {key: value for key, value in {**device.facts, **changes}.items() if value is not None}
        self._devices[device_id] = replace(device, parent=parent, facts=facts)
        self._announced.append(Appeared(self._devices[device_id]))


def _id(zone: Zone) -> str:
    return f"rapl-{zone.index}"


def _parent(zone: Zone, zones: Sequence[Zone]) -> str | None:
    """The device that contains this one for sums.

    DRAM stands inside its package in the tree, but its energy is not in the package's. A second psys is
    taken for a part of the first: the platform is there once.
    """
    if zone.role == "psys":
        first = next(other for other in zones if other.role == "psys")
        return _id(first) if first is not zone else None
    if zone.role in ("package", "dram") or zone.inside is None:
        return None
    return f"rapl-{zone.inside}"
