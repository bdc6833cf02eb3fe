"""How busy is the machine itself: CPUs, memory, disks, network, temperatures, processes, battery?

psutil tells what it tells cheaply; clocks, temperatures, batteries and processes are read from /sys and
/proc. The node tells no power of its own; a battery that feeds the machine does.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from perfwatch_collectors.host_counters import CpuUse, disks, load, memory, network, swap
from perfwatch_collectors.host_processes import Processes
from perfwatch_collectors.host_sensors import Batteries, Clocks, Thermometers
from perfwatch_collectors.psutil_door import import_psutil
from perfwatch_collectors.sysfs import read_text

from perfwatch import metrics
from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device, DeviceKind, Metric, Reading, Sample, Scope, Value
from perfwatch.text import clean

_TRAFFIC_S = 2.0
"""How often the counters of disks and network cards are read; in between their last value stands."""
_SLOW_S = 5.0
"""How often is read what changes slowly (load, swap) or takes long to ask for (clocks, sensors)."""


@dataclass(frozen=True)
class HostOptions:
    """What is read, and how often processes are looked through.

    Args:
        root: stands before /sys and /proc; another one reads a copied tree.
        processes_s: seconds between two scans of the processes; 0 is never.
    """

    root: str = "/"
    processes_s: float = 10.0


class Group(NamedTuple):
    """Metrics that are read together."""

    metrics: tuple[Metric, ...]
    read: Callable[[], Sequence[Value]]


class HostCollector(Collector):
    """The machine as a device of kind node, and its battery as a meter."""

    name = "host"
    about = "CPU, memory, disks, network, temperatures, processes and battery of this machine (psutil, /proc)"
    floor_s = 1.0
    Options = HostOptions

    def __init__(
        self, options: HostOptions | None = None, *, psutil: Any = None, clock: Clock | None = None
    ) -> None:
        super().__init__(options)
        self._psutil = psutil
        self._clock = clock if clock is not None else SystemClock()
        self._root = Path(self.options.root)
        self._procfs_before: str | None = None
        self._groups: list[Group] = []
        self._batteries: Batteries | None = None
        self._processes: Processes | None = None
        self._scanned_ns: int | None = None
        self._node_id = ""
        self._battery_id = ""

    def open(self) -> Sequence[Device]:
        """Find out what this machine tells; what it does not is left out.

        Raises:
            ConfigError: an option makes no sense.
            Unavailable: it tells nothing at all.
        """
        self.close()
        if not 0 <= self.options.processes_s < float("inf"):
            raise ConfigError(
                f"cannot look at processes every {self.options.processes_s} s: type a number of seconds, "
                "0 for never, as in -c host:processes_s=10"
            )
        self._psutil = self._psutil or import_psutil("cannot watch the host")
        self._point_psutil_at_root()
        self._groups = [group for group in self._candidates() if self._works(group)]
        if not self._groups:
            self.close()
            raise Unavailable(f"cannot watch the host: nothing can be read under {self._root / 'proc'}")
        self._processes = Processes(self._root, self._psutil) if self.options.processes_s else None
        self._scanned_ns = None
        identity = _identity(self._root)
        self._node_id, self._battery_id = f"host-{identity}", f"battery-{identity}"
        return [self._node(), *self._battery()]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """The node, the battery, and the processes when they are due."""
        for device in devices:
            if device.id == self._node_id:
                yield Sample(device.id, [value for group in self._groups for value in _attempt(group)])
                yield from self._processes_if_due()
            elif device.id == self._battery_id and self._batteries is not None:
                yield Sample(device.id, self._batteries.read())

    def close(self) -> None:
        """Let psutil look where it did before."""
        if self._procfs_before is not None:
            self._psutil.PROCFS_PATH = self._procfs_before
            self._procfs_before = None
        self._groups = []

    # Opening

    def _point_psutil_at_root(self) -> None:
        """psutil has one path for the whole process: it is moved for a copied tree only, until `close`."""
        if self.options.root != "/":
            self._procfs_before = getattr(self._psutil, "PROCFS_PATH", "/proc")
            self._psutil.PROCFS_PATH = str(self._root / "proc")

    def _candidates(self) -> list[Group]:
        root, psutil = self._root, self._psutil
        cpu = CpuUse(psutil, self._clock)
        thermometers = Thermometers(root)
        seldom = [
            Group((metrics.LOAD_1M,), _one(lambda: load(root))),
            Group((metrics.CPU_FREQUENCY,), _one(Clocks(root).read_hz)),
            Group((metrics.SWAP_USED, metrics.SWAP_TOTAL), lambda: swap(root, psutil)),
            Group(thermometers.metrics, thermometers.read),
        ]
        traffic = [
            Group((metrics.DISK_READ, metrics.DISK_WRITTEN), lambda: disks(root, psutil)),
            Group((metrics.NETWORK_RECEIVED, metrics.NETWORK_SENT), lambda: network(root, psutil)),
        ]
        return [
            Group(cpu.metrics, cpu.read),
            Group((metrics.MEMORY_USED, metrics.MEMORY_TOTAL), lambda: memory(psutil)),
            *(_every(_TRAFFIC_S, group, self._clock) for group in traffic),
            *(_every(_SLOW_S, group, self._clock) for group in seldom),
        ]

    def _works(self, group: Group) -> bool:
        """Whether the machine tells it. Utilization is not known before the second look, and is no worse."""
        values = _attempt(group)
        if any(metric is metrics.CPU_UTILIZATION for metric in group.metrics):
            return len(group.metrics) > 1
        return any(value is not None for value in values)

    def _node(self) -> Device:
        model = _cpu_model(self._root)
        facts: dict[str, Any] = {"os": clean(f"{platform.system()} {platform.release()}", 64)}
        if model:
            facts["cpu"] = model
        cpus = self._psutil.cpu_count()
        if cpus:
            facts["logical_cpus"] = cpus
        told = tuple(metric for group in self._groups for metric in group.metrics)
        return Device(self._node_id, model or "Host", DeviceKind.NODE, 0, told, facts=facts)

    def _battery(self) -> list[Device]:
        self._batteries = Batteries(self._root)
        if not self._batteries.metrics:
            return []
        tells_power = metrics.POWER in self._batteries.metrics
        return [
            Device(
                id=self._battery_id,
                name=clean(f"Battery ({', '.join(self._batteries.names)})", 64),
                kind=DeviceKind.METER,
                index="battery",
                metrics=self._batteries.metrics,
                scope=Scope.NODE if tells_power else None,
            )
        ]

    # Reading

    def _processes_if_due(self) -> Iterator[Reading]:
        if self._processes is None:
            return
        now_ns = self._clock.monotonic_ns()
        if self._scanned_ns is None or now_ns - self._scanned_ns >= self.options.processes_s * 1e9:
            self._scanned_ns = now_ns
            yield self._processes.table(now_ns)


def _one(read: Callable[[], Value]) -> Callable[[], Sequence[Value]]:
    return lambda: (read(),)


def _every(period_s: float, group: Group, clock: Clock) -> Group:
    """The same group, really read at most this often; its metrics say so."""
    last_ns: int | None = None
    values: Sequence[Value] = ()

    def read() -> Sequence[Value]:
        nonlocal last_ns, values
        now_ns = clock.monotonic_ns()
        if last_ns is None or now_ns - last_ns >= period_s * 1e9:
            last_ns, values = now_ns, group.read()
        return values

    return Group(tuple(metric.observed(update_s=period_s) for metric in group.metrics), read)


def _attempt(group: Group) -> Sequence[Value]:
    """The group's values; unknown where they could not be read this time."""
    try:
        return group.read()
    except (OSError, ValueError, LookupError, AttributeError, NotImplementedError, RuntimeError):
        return [None] * len(group.metrics)


# Who the machine is


def _identity(root: Path) -> str:
    """Twelve digits that stay the same on one machine and do not give its confidential machine id away."""
    known = (
        read_text(root / "etc/machine-id") or read_text(root / "proc/sys/kernel/hostname") or platform.node()
    )
    return _sha256(f"perfwatch {known}".encode())[:12]


def _sha256(data: bytes) -> str:
    """Python's own SHA-256, as `random` of the standard library takes it: hashlib loads OpenSSL, 4 MB."""
    for name in ("_sha2", "_sha256", "hashlib"):  # 3.12 and later; earlier; where neither was built
        try:
            return str(import_module(name).sha256(data).hexdigest())
        except ImportError:
            continue
    raise Unavailable("cannot name this machine: this Python was built without SHA-256")


def _cpu_model(root: Path) -> str | None:
    text = read_text(root / "proc/cpuinfo", limit_bytes=16384) or ""
    found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", text, re.MULTILINE)
    return clean(found.group(1).strip(), 64) if found else None
