"""One NVIDIA board: how it is found, and one reading of it.

Each board has its own buffers; two boards may be read from two threads.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from perfwatch_collectors import nvidia_power as power
from perfwatch_collectors.nvidia_calls import Parts
from perfwatch_collectors.nvidia_library import SUCCESS, UNKNOWN, BoardLost, Library, judge
from perfwatch_collectors.nvidia_metrics import probe, probe_memory
from perfwatch_collectors.nvidia_processes import ProcessList, process_lists

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind, Sample, Table

SLOW_NS = 1_000_000_000
"""How often memory, temperature, limits, fan, ECC and the like are read; between, their last value stands."""
PROCESSES_NS, OFTEN_NS = 1_900_000_000, 950_000_000
"""How often the list of processes is read."""


class Board:
    """One board, or one MIG instance of a board, ready to be read.

    `device` is its declaration, `uuid` what NVML finds it by again (`None` if it has none) and `instances`
    are the MIG instances inside it.
    """

    def __init__(
        self, device: Device, parts: Parts, lists: Sequence[ProcessList], uuid: str | None = None
    ) -> None:
        self.device, self.uuid = device, uuid
        self.instances: list[Board] = []
        self._row, self._fast, self._slow = parts.row, parts.fast, parts.slow
        self._lists = lists
        self._slow_due_ns = 0
        self._processes_due_ns = 0
        self._rows: tuple[tuple[Any, ...], ...] | None = None

    def read(self, monotonic_ns: Callable[[], int]) -> Sample:
        """All values of this moment; the clock decides whether the slow ones are due.

        Raises:
            BoardLost: the board fell off the bus, or needs a reset.
            NotStarted: the driver was reloaded.
        """
        row, began_ns = self._row, monotonic_ns()
        for take in self._fast:
            code = take(row)
            if code:
                judge(code)
        if began_ns < self._slow_due_ns:
            return Sample(self.device.id, tuple(row))
        # What follows must not shift the time of the power that was just read.
        at_ns = (began_ns + monotonic_ns()) // 2
        for take in self._slow:
            code = take(row)
            if code:
                judge(code)
        due_ns = self._slow_due_ns + SLOW_NS
        self._slow_due_ns = due_ns if due_ns > began_ns else began_ns + SLOW_NS
        return Sample(self.device.id, tuple(row), at_ns)

    def processes(self, monotonic_ns: Callable[[], int], *, often: bool = False) -> Table | None:
        """Who uses the board, if it is time to ask and something changed since the last answer.

        Args:
            often: ask each second.

        Raises:
            BoardLost, NotStarted: as `read`.
        """
        now_ns = monotonic_ns()
        earlier_ns = PROCESSES_NS - OFTEN_NS if often else 0
        if not self._lists or now_ns < self._processes_due_ns - earlier_ns:
            return None
        self._processes_due_ns = now_ns + PROCESSES_NS
        found: dict[int, tuple[int | None, list[str]]] = {}
        for listing in self._lists:
            for pid, memory_bytes in listing.read().items():
                known_bytes, kinds = found.get(pid, (None, []))
                # Both lists tell the same memory of a process that is in both.
                largest = max((b for b in (known_bytes, memory_bytes) if b is not None), default=None)
                found[pid] = (largest, [*kinds, listing.kind])
        rows = tuple((pid, found[pid][0], "+".join(found[pid][1])) for pid in sorted(found))
        if rows == self._rows:
            return None
        self._rows = rows
        return Table("processes", ("pid", "memory_bytes", "type"), rows, self.device.id)


# -- finding a board ----------------------------------------------------------------------------------


def find_board(library: Library, driver: str, index: int, uuid: str | None = None) -> Board:
    """The board with this UUID, or at this place in NVML's order, asked once for all it can tell.

    Raises:
        BoardLost: it cannot be had; `code` says why.
    """
    handle = _handle(library, index, uuid)
    parts = Parts(library, handle)
    name = library.text("nvmlDeviceGetName", handle) or "NVIDIA device"
    address, pci_device_id = _pci(library, handle)
    code = library.number("nvmlDeviceGetArchitecture", handle)
    chip = power.architecture(code, pci_device_id, name)
    scope = probe(parts, chip, power.driver_branch(driver))
    parts.check()
    facts = {
        "driver": driver,
        "firmware": library.text("nvmlDeviceGetVbiosVersion", handle),
        "architecture": "ampere" if chip == power.GA100 else chip,
        "power_limit_watts": parts.value(m.POWER_LIMIT),
        "pci": address,
        # NVML's order is that of the bus: CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID.
        "cuda_index": index,
        # Of /dev/nvidiaN, by which a device cgroup permits it.
        "minor": library.number("nvmlDeviceGetMinorNumber", handle),
    }
    own_uuid = library.text("nvmlDeviceGetUUID", handle)
    device = Device(
        id=own_uuid or address or f"nvidia-{index}",
        name=name,
        kind=DeviceKind.ACCELERATOR,
        index=index,
        metrics=tuple(parts.metrics),
        scope=scope,
        facts={key: fact for key, fact in facts.items() if fact not in (None, "")},
    )
    board = Board(device, parts, process_lists(library, handle), own_uuid or None)
    board.instances = _find_instances(library, handle, device)
    return board


def _handle(library: Library, index: int, uuid: str | None) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    by_uuid = library.function("nvmlDeviceGetHandleByUUID")
    by_index = library.function("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
    if uuid is not None and by_uuid is not None:
        code = by_uuid(ctypes.c_char_p(uuid.encode()), ctypes.byref(handle))
    elif by_index is not None:
        code = by_index(ctypes.c_uint(index), ctypes.byref(handle))
    else:
        code = UNKNOWN
    if code != SUCCESS:
        raise BoardLost(code)
    return handle


class _PciInfo(ctypes.Structure):
    """nvmlPciInfo_t."""

    _fields_ = (
        ("legacy_bus_id", ctypes.c_char * 16),
        ("domain", ctypes.c_uint),
        ("bus", ctypes.c_uint),
        ("device", ctypes.c_uint),
        ("device_and_vendor", ctypes.c_uint),
        ("subsystem", ctypes.c_uint),
        ("bus_id", ctypes.c_char * 32),
    )


def _pci(library: Library, handle: ctypes.c_void_p) -> tuple[str, int | None]:
    """Bus address and PCI device id."""
    call, info = library.function("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2"), _PciInfo()
    if call is None or call(handle, ctypes.byref(info)) != SUCCESS:
        return "", None
    return info.bus_id.decode("ascii", "replace"), info.device_and_vendor >> 16


def _find_instances(library: Library, handle: ctypes.c_void_p, parent: Device) -> list[Board]:
    """The MIG instances of a board. They tell memory and processes: the meter is the whole board's."""
    current, pending, most = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    mode = library.function("nvmlDeviceGetMigMode")
    count = library.function("nvmlDeviceGetMaxMigDeviceCount")
    at = library.function("nvmlDeviceGetMigDeviceHandleByIndex")
    if mode is None or count is None or at is None:
        return []
    if mode(handle, ctypes.byref(current), ctypes.byref(pending)) != SUCCESS or not current.value:
        return []
    if count(handle, ctypes.byref(most)) != SUCCESS:
        return []
    found = []
    for place in range(most.value):
        instance = ctypes.c_void_p()
        if at(handle, ctypes.c_uint(place), ctypes.byref(instance)) == SUCCESS:
            found.append(_instance(library, instance, parent, place))
    return found


def _instance(library: Library, handle: ctypes.c_void_p, parent: Device, place: int) -> Board:
    parts = Parts(library, handle)
    probe_memory(parts)
    device = Device(
        id=library.text("nvmlDeviceGetUUID", handle) or f"{parent.id}/mig-{place}",
        name=library.text("nvmlDeviceGetName", handle) or f"{parent.name} MIG instance",
        kind=DeviceKind.ACCELERATOR,
        index=f"{parent.index}.{place}",
        metrics=tuple(parts.metrics),
        parent=parent.id,
        facts={"mig": True, "driver": parent.facts.get("driver")},
    )
    return Board(device, parts, process_lists(library, handle))
