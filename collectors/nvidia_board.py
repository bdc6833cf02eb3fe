"""One NVIDIA board: what it can tell, found out once, and how that is read with few, prepared calls.

Every call of a poll is prepared when the board is found: function, arguments, result buffer and places in
the row are fixed, so that a poll of the fast fields is five calls into the library and little Python.
Each board has its own buffers; two boards may be read from two threads.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from perfwatch_collectors import nvidia_power as power
from perfwatch_collectors.nvidia_library import (
    GPU_IS_LOST,
    INSUFFICIENT_SIZE,
    LOST,
    RESET_REQUIRED,
    SUCCESS,
    UNINITIALIZED,
    UNKNOWN,
    Function,
    Library,
)

from perfwatch import metrics as m
from perfwatch.model import Device, DeviceKind, Metric, Sample, Scope, Table, Value

SLOW_NS = 1_000_000_000
"""How often limits, fan, ECC and the like are read; between, their last value is repeated."""
PROCESSES_NS = 2_000_000_000
"""How often the list of processes is read."""

_FIELD_MEMORY_TEMPERATURE, _FIELD_ENERGY = 82, 83
_FIELD_POWER = {power.AVERAGE: 185, power.INSTANT: 186}
_SCOPE_GPU, _SCOPE_MODULE = 0, 1
_CLOCK_SM, _CLOCK_MEMORY = 1, 2
_TEMPERATURE_GPU = 0
_ECC_VOLATILE, _ECC_CORRECTED, _ECC_UNCORRECTED = 0, 0, 1
_PSTATE_UNKNOWN = 32
_NOT_AVAILABLE = 0xFFFFFFFFFFFFFFFF

Row = list[Value]
Take = Callable[[Row], int]
"""Does its call, lays what it found into the row (`None` where it failed) and returns NVML's code."""


class BoardLost(Exception):
    """The board does not answer any more; its handle must not be used again."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NotStarted(Exception):
    """The library says that it was not initialized: the driver was reloaded."""


class Board:
    """One board, or one MIG instance of a board, ready to be read.

    `device` is its declaration, `uuid` what NVML finds it by again (`None` if it has none) and `instances`
    are the MIG instances inside it.
    """

    def __init__(
        self, device: Device, parts: _Parts, lists: Sequence[_ProcessList], uuid: str | None = None
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
                _judge(code)
        if began_ns < self._slow_due_ns:
            return Sample(self.device.id, tuple(row))
        # What follows must not shift the time of the power that was just read.
        at_ns = (began_ns + monotonic_ns()) // 2
        for take in self._slow:
            code = take(row)
            if code:
                _judge(code)
        due_ns = self._slow_due_ns + SLOW_NS
        self._slow_due_ns = due_ns if due_ns > began_ns else began_ns + SLOW_NS
        return Sample(self.device.id, tuple(row), at_ns)

    def processes(self, monotonic_ns: Callable[[], int]) -> Table | None:
        """Who uses the board, if it is time to ask and something changed since the last answer.

        Raises:
            BoardLost, NotStarted: as `read`.
        """
        now_ns = monotonic_ns()
        if now_ns < self._processes_due_ns or not self._lists:
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


def _judge(code: int) -> None:
    if code in LOST:
        raise BoardLost(code)
    if code == UNINITIALIZED:
        raise NotStarted


# -- finding a board ----------------------------------------------------------------------------------


def find_board(library: Library, driver: str, index: int, uuid: str | None = None) -> Board:
    """The board with this UUID, or at this place in NVML's order, asked once for all it can tell.

    Raises:
        BoardLost: it cannot be had; `code` says why.
    """
    handle = _handle(library, index, uuid)
    parts = _Parts(library, handle)
    name = library.text("nvmlDeviceGetName", handle) or "NVIDIA device"
    address, pci_device_id = _pci(library, handle)
    code = library.number("nvmlDeviceGetArchitecture", handle)
    chip = power.architecture(code, pci_device_id, name)
    scope = _probe(parts, chip, power.driver_branch(driver))
    parts.check()
    facts = {
        "driver": driver,
        "firmware": library.text("nvmlDeviceGetVbiosVersion", handle),
        "architecture": "ampere" if chip == power.GA100 else chip,
        "power_limit_watts": parts.value(m.POWER_LIMIT),
        "pci": address,
        # NVML's order is that of the bus: CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID.
        "cuda_index": index,
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
    board = Board(device, parts, _process_lists(library, handle), own_uuid or None)
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
    parts = _Parts(library, handle)
    _probe_memory(parts)
    device = Device(
        id=library.text("nvmlDeviceGetUUID", handle) or f"{parent.id}/mig-{place}",
        name=library.text("nvmlDeviceGetName", handle) or f"{parent.name} MIG instance",
        kind=DeviceKind.ACCELERATOR,
        index=f"{parent.index}.{place}",
        metrics=tuple(parts.metrics),
        parent=parent.id,
        facts={"mig": True, "driver": parent.facts.get("driver")},
    )
    return Board(device, parts, _process_lists(library, handle))


# -- what it can tell ---------------------------------------------------------------------------------


class _Parts:
    """The metrics that a board answered, and the calls that read them again."""

    def __init__(self, library: Library, handle: ctypes.c_void_p) -> None:
        self.library, self.handle = library, handle
        self.metrics: list[Metric] = []
        self.row: Row = []
        self.fast: list[Take] = []
        self.slow: list[Take] = []
        self._codes: list[int] = []

    def add(self, calls: list[Take], metrics: Sequence[Metric], make: Callable[[int], Take]) -> bool:
        """Try a call that fills the next places of the row; keep it if the board answers."""
        place = len(self.row)
        self.row.extend([None] * len(metrics))
        take = make(place)
        code = take(self.row)
        self._codes.append(code)
        if code != SUCCESS:
            del self.row[place:]
            return False
        self.metrics.extend(metrics)
        calls.append(take)
        return True

    def number(
        self,
        calls: list[Take],
        metric: Metric,
        names: Sequence[str],
        *arguments: Any,
        kind: Any = ctypes.c_uint,
        factor: int = 1,
        divisor: int = 0,
        unknown: int | None = None,
    ) -> bool:
        """Try a function that fills one number, under the first name that the library has."""
        function = self.library.function(*names)
        if function is None:
            return False
        out = kind()
        call = partial(function, self.handle, *arguments, ctypes.byref(out))
        make = partial(_number, call, out, factor=factor, divisor=divisor, unknown=unknown)
        return self.add(calls, (metric,), make)

    def value(self, metric: Metric) -> Value:
        """What the board answered when it was asked first."""
        for known, value in zip(self.metrics, self.row, strict=True):
            if known.name == metric.name:
                return value
        return None

    def check(self) -> None:
        """Raise BoardLost if the answers are those of a board that is not there."""
        for code in (GPU_IS_LOST, RESET_REQUIRED, UNINITIALIZED):
            if code in self._codes:
                raise BoardLost(code)
        if not self.metrics:
            raise BoardLost(self._codes[-1] if self._codes else UNKNOWN)


def _number(
    call: Callable[[], int],
    out: Any,
    place: int,
    *,
    factor: int = 1,
    divisor: int = 0,
    unknown: int | None = None,
) -> Take:
    def take(row: Row) -> int:
        code = call()
        if code:
            row[place] = None
            return code
        value = out.value
        if value == unknown:
            row[place] = None
        else:
            row[place] = value / divisor if divisor else value * factor
        return 0

    return take


def _probe(parts: _Parts, chip: str, branch: int | None) -> Scope | None:
    """Ask for everything once. Power and energy stand in the middle of the fast calls, where its time is."""
    _probe_utilization(parts)
    _probe_memory(parts)
    scope = _probe_power(parts, chip, branch)
    fast, slow = parts.fast, parts.slow
    if not parts.number(
        fast, m.TEMPERATURE, ["nvmlDeviceGetTemperature"], ctypes.c_uint(_TEMPERATURE_GPU), kind=ctypes.c_int
    ):
        _probe_temperature_v(parts)
    sm_clock, memory_clock = ctypes.c_uint(_CLOCK_SM), ctypes.c_uint(_CLOCK_MEMORY)
    parts.number(fast, m.SM_CLOCK, ["nvmlDeviceGetClockInfo"], sm_clock, factor=1_000_000)
    parts.number(slow, m.MEMORY_CLOCK, ["nvmlDeviceGetClockInfo"], memory_clock, factor=1_000_000)
    parts.number(slow, m.POWER_LIMIT, ["nvmlDeviceGetEnforcedPowerLimit"], divisor=1000)
    parts.number(slow, m.PERFORMANCE_STATE, ["nvmlDeviceGetPerformanceState"], unknown=_PSTATE_UNKNOWN)
    parts.number(slow, m.FAN, ["nvmlDeviceGetFanSpeed"], divisor=100)
    reasons = ["nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"]
    parts.number(slow, m.THROTTLE_REASONS, reasons, kind=ctypes.c_ulonglong)
    parts.number(slow, m.PCIE_GENERATION, ["nvmlDeviceGetCurrPcieLinkGeneration"])
    parts.number(slow, m.PCIE_WIDTH, ["nvmlDeviceGetCurrPcieLinkWidth"])
    for metric, kind in ((m.ECC_CORRECTED, _ECC_CORRECTED), (m.ECC_UNCORRECTED, _ECC_UNCORRECTED)):
        of, since = ctypes.c_uint(kind), ctypes.c_uint(_ECC_VOLATILE)
        parts.number(slow, metric, ["nvmlDeviceGetTotalEccErrors"], of, since, kind=ctypes.c_ulonglong)
    _probe_codecs(parts)
    return scope


def _probe_utilization(parts: _Parts) -> None:
    function = parts.library.function("nvmlDeviceGetUtilizationRates")
    if function is None:
        return
    rates = (ctypes.c_uint * 2)()
    call = partial(function, parts.handle, ctypes.byref(rates))

    def make(place: int) -> Take:
        def take(row: Row) -> int:
            code = call()
            if code:
                row[place] = row[place + 1] = None
                return code
            row[place], row[place + 1] = rates[0] / 100, rates[1] / 100
            return 0

        return take

    parts.add(parts.fast, (m.UTILIZATION, m.MEMORY_UTILIZATION), make)


class _MemoryV1(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _MemoryV2(ctypes.Structure):
    """nvmlMemory_v2_t. `used` contains `reserved`."""

    _fields_ = (
        ("version", ctypes.c_uint),
        ("total", ctypes.c_ulonglong),
        ("reserved", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def _probe_memory(parts: _Parts) -> None:
    """The newer call or the older one; they count the driver's own memory differently, so never both."""
    newer = _MemoryV2(version=ctypes.sizeof(_MemoryV2) | 2 << 24)
    if not _probe_memory_call(parts, "nvmlDeviceGetMemoryInfo_v2", newer):
        _probe_memory_call(parts, "nvmlDeviceGetMemoryInfo", _MemoryV1())


def _probe_memory_call(parts: _Parts, name: str, info: Any) -> bool:
    function = parts.library.function(name)
    if function is None:
        return False
    call = partial(function, parts.handle, ctypes.byref(info))

    def make(place: int) -> Take:
        def take(row: Row) -> int:
            code = call()
            if code:
                row[place] = row[place + 1] = None
                return code
            row[place], row[place + 1] = info.used, info.total
            return 0

        return take

    return parts.add(parts.fast, (m.MEMORY_USED, m.MEMORY_TOTAL), make)


class _Temperature(ctypes.Structure):
    """nvmlTemperature_v1_t."""

    _fields_ = (("version", ctypes.c_uint), ("sensor", ctypes.c_uint), ("temperature", ctypes.c_int))


def _probe_temperature_v(parts: _Parts) -> None:
    """The successor of nvmlDeviceGetTemperature, for a library that has dropped it."""
    function = parts.library.function("nvmlDeviceGetTemperatureV")
    if function is None:
        return
    info = _Temperature(version=ctypes.sizeof(_Temperature) | 1 << 24, sensor=_TEMPERATURE_GPU)
    call = partial(function, parts.handle, ctypes.byref(info))

    def make(place: int) -> Take:
        def take(row: Row) -> int:
            code = call()
            row[place] = None if code else info.temperature
            return code

        return take

    parts.add(parts.fast, (m.TEMPERATURE,), make)


def _probe_codecs(parts: _Parts) -> None:
    names = {m.ENCODER: "nvmlDeviceGetEncoderUtilization", m.DECODER: "nvmlDeviceGetDecoderUtilization"}
    for metric, name in names.items():
        function = parts.library.function(name)
        if function is None:
            continue
        percent, period_us = ctypes.c_uint(), ctypes.c_uint()
        call = partial(function, parts.handle, ctypes.byref(percent), ctypes.byref(period_us))
        parts.add(parts.slow, (metric,), partial(_number, call, percent, divisor=100))


# -- power and energy ---------------------------------------------------------------------------------


def _probe_power(parts: _Parts, chip: str, branch: int | None) -> Scope | None:
    """Power, energy and what comes in the same call. Returns what the wattage covers."""
    fields = _Fields(parts)
    energy = fields.answers(_FIELD_ENERGY)
    energy_metric = m.ENERGY.observed(update_s=power.COUNTER_STEP_S)
    if energy:
        fields.want(energy_metric, _FIELD_ENERGY, divisor=1000)
    if fields.answers(_FIELD_MEMORY_TEMPERATURE):
        fields.want(m.MEMORY_TEMPERATURE, _FIELD_MEMORY_TEMPERATURE)
    from_usage, has_power = _choose_power(parts, fields, chip, branch)
    fields.add()
    if not energy:
        energy = parts.number(
            parts.fast,
            energy_metric,
            ["nvmlDeviceGetTotalEnergyConsumption"],
            kind=ctypes.c_ulonglong,
            divisor=1000,
        )
    if from_usage is not None:
        metric = m.POWER.observed(update_s=from_usage.update_s, window_s=from_usage.window_s)
        parts.number(parts.fast, metric, ["nvmlDeviceGetPowerUsage"], divisor=1000)
    if energy or has_power:
        return Scope.ACCELERATOR
    return _probe_module_power(parts)


def _choose_power(
    parts: _Parts, fields: _Fields, chip: str, branch: int | None
) -> tuple[power.Timing | None, bool]:
    """Ask for the power fields. Returns how power.draw behaves if it is the best, and if there is any."""
    supported = [query for query, field in _FIELD_POWER.items() if fields.answers(field)]
    if parts.library.number("nvmlDeviceGetPowerUsage", parts.handle) is not None:
        supported.append(power.USAGE)
    timings = {query: power.timing(query, chip, branch) for query in supported}
    readings = power.worth_reading(timings, supported)
    best = power.choose(readings)
    for query, timing in readings.items():
        if query == power.USAGE:
            continue
        metric = m.POWER_AVERAGE if query == power.AVERAGE else m.POWER_INSTANT
        observed = {"update_s": timing.update_s, "window_s": timing.window_s}
        fields.want(metric.observed(**observed), _FIELD_POWER[query], divisor=1000)
        if query == best:
            fields.want(m.POWER.observed(**observed), _FIELD_POWER[query], divisor=1000)
    return (readings[power.USAGE] if best == power.USAGE else None), best is not None


def _probe_module_power(parts: _Parts) -> Scope | None:
    """Superchips may refuse the GPU's own power and tell the module's: GPU, CPU and their memory."""
    fields = _Fields(parts)
    for query, metric in ((power.AVERAGE, m.POWER_AVERAGE), (power.INSTANT, m.POWER_INSTANT)):
        if fields.answers(_FIELD_POWER[query], _SCOPE_MODULE):
            if not fields.wanted:
                fields.want(m.POWER, _FIELD_POWER[query], _SCOPE_MODULE, divisor=1000)
            fields.want(metric, _FIELD_POWER[query], _SCOPE_MODULE, divisor=1000)
    return Scope.MODULE if fields.add() else None


class _FieldValue(ctypes.Structure):
    """nvmlFieldValue_t, its union as eight raw bytes."""

    _fields_ = (
        ("field", ctypes.c_uint32),
        ("scope", ctypes.c_uint32),
        ("timestamp_us", ctypes.c_int64),
        ("latency_us", ctypes.c_int64),
        ("type", ctypes.c_uint32),
        ("code", ctypes.c_int32),
        ("raw", ctypes.c_uint64),
    )


_UNSIGNED_LONG_LONG = 3
_DECODE: dict[int, Callable[[int], float | int]] = {
    0: lambda raw: struct.unpack("=d", struct.pack("=Q", raw))[0],
    1: lambda raw: raw & 0xFFFFFFFF,
    2: lambda raw: raw,
    _UNSIGNED_LONG_LONG: lambda raw: raw,
    4: lambda raw: raw - (1 << 64) if raw >> 63 else raw,
    5: lambda raw: ((raw & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000,
    6: lambda raw: raw & 0xFFFF,
}
"""nvmlValueType_t: how the union is read. The members begin at the same byte (little-endian machines)."""


class _Fields:
    """The fields that one nvmlDeviceGetFieldValues reads together."""

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        self._function = parts.library.function("nvmlDeviceGetFieldValues")
        self.wanted: list[tuple[Metric, int, int, int]] = []

    def answers(self, field: int, scope: int = _SCOPE_GPU) -> bool:
        """Whether the board tells this field. Each entry carries its own code beside the call's."""
        if self._function is None:
            return False
        value = _FieldValue(field=field, scope=scope)
        code = self._function(self._parts.handle, ctypes.c_int(1), ctypes.byref(value))
        return code == SUCCESS and value.code == SUCCESS and value.type in _DECODE

    def want(self, metric: Metric, field: int, scope: int = _SCOPE_GPU, *, divisor: int = 0) -> None:
        """Read the field into a metric; several metrics may share one."""
        self.wanted.append((metric, field, scope, divisor))

    def add(self) -> bool:
        """Make the call one of the board's fast ones, if there is anything to read."""
        if not self.wanted or self._function is None:
            return False
        function, handle, wanted = self._function, self._parts.handle, self.wanted
        metrics = [metric for metric, *_ in wanted]
        return self._parts.add(
            self._parts.fast, metrics, lambda place: _field_values(function, handle, wanted, place)
        )


def _field_values(
    function: Function, handle: ctypes.c_void_p, wanted: Sequence[tuple[Metric, int, int, int]], place: int
) -> Take:
    keys = list(dict.fromkeys((field, scope) for _, field, scope, _ in wanted))
    values = (_FieldValue * len(keys))(*(_FieldValue(field=field, scope=scope) for field, scope in keys))
    # Of each entry the type, the code and the union; all entries at once.
    unpack = struct.Struct("=" + "24xIiQ" * len(keys)).unpack_from
    call = partial(function, handle, ctypes.c_int(len(keys)), ctypes.byref(values))
    plan = [
        (3 * keys.index((field, scope)), place + offset, divisor)
        for offset, (_, field, scope, divisor) in enumerate(wanted)
    ]

    def take(row: Row) -> int:
        code = call()
        if code:
            for _, slot, _ in plan:
                row[slot] = None
            return code
        flat = unpack(values)
        worst = 0
        for at, slot, divisor in plan:
            own = flat[at + 1]
            if own:
                row[slot] = None
                worst = own if own in LOST else worst
                continue
            kind, value = flat[at], flat[at + 2]
            if kind != _UNSIGNED_LONG_LONG:
                decode = _DECODE.get(kind)
                value = None if decode is None else decode(value)
            row[slot] = value / divisor if divisor and value is not None else value
        return worst

    return take


# -- processes ----------------------------------------------------------------------------------------


def _process_lists(library: Library, handle: ctypes.c_void_p) -> list[_ProcessList]:
    lists = []
    for kind, name in (
        ("compute", "nvmlDeviceGetComputeRunningProcesses"),
        ("graphics", "nvmlDeviceGetGraphicsRunningProcesses"),
    ):
        newer, oldest = library.function(f"{name}_v3", f"{name}_v2"), library.function(name)
        if newer is not None:
            listing = _ProcessList(kind, newer, handle, struct.Struct("=I4xQ8x"))
        elif oldest is not None:
            listing = _ProcessList(kind, oldest, handle, struct.Struct("=I4xQ"))
        else:
            continue
        if listing.works():
            lists.append(listing)
    return lists


class _ProcessList:
    """One of NVML's lists of processes: nvmlProcessInfo_t, of 24 bytes, or of 16 in old drivers."""

    def __init__(self, kind: str, function: Function, handle: ctypes.c_void_p, layout: struct.Struct) -> None:
        self.kind = kind
        self._function, self._handle, self._layout = function, handle, layout
        self._room = 0
        self._grow(16)

    def works(self) -> bool:
        """Whether the board tells this list at all."""
        return self._fill() == SUCCESS

    def read(self) -> dict[int, int | None]:
        """Memory in bytes by process id, `None` where the driver does not tell it.

        Raises:
            BoardLost, NotStarted: as `Board.read`.
        """
        code = self._fill()
        if code:
            _judge(code)
            return {}
        size = self._layout.size
        found: dict[int, int | None] = {}
        for pid, memory_bytes in self._layout.iter_unpack(bytes(self._buffer)[: self._count.value * size]):
            told = None if memory_bytes == _NOT_AVAILABLE else memory_bytes
            # With MIG one process stands once for each instance that it uses.
            before = found.get(pid)
            found[pid] = told if before is None or told is None else before + told
        return found

    def _fill(self) -> int:
        for _ in range(4):
            self._count.value = self._room
            code = self._function(self._handle, ctypes.byref(self._count), self._buffer)
            if code != INSUFFICIENT_SIZE:
                return code
            # More may have come since it counted.
            self._grow(2 * self._count.value + 16)
        return code

    def _grow(self, room: int) -> None:
        self._room = room
        self._count = ctypes.c_uint()
        self._buffer = ctypes.create_string_buffer(room * self._layout.size)
