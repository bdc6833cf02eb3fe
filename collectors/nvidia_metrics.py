"""What a board can tell: every metric is asked for once, and left out for good where it is refused."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any

from perfwatch_collectors import nvidia_power as power
from perfwatch_collectors.nvidia_calls import SCOPE_MODULE, Fields, Parts, Row, Take, number_call

from perfwatch import metrics as m
from perfwatch.model import Scope

_FIELD_MEMORY_TEMPERATURE, _FIELD_ENERGY = 82, 83
_FIELD_POWER = {power.AVERAGE: 185, power.INSTANT: 186}
_CLOCK_SM, _CLOCK_MEMORY = 1, 2
_TEMPERATURE_GPU = 0
_ECC_VOLATILE, _ECC_CORRECTED, _ECC_UNCORRECTED = 0, 0, 1
_PSTATE_UNKNOWN = 32


def probe(parts: Parts, chip: str, branch: int | None) -> Scope | None:
    """Ask for everything once; what changes slowly is read with the slow calls.

    Power and energy stand in the middle of the fast calls, where its time is.
    """
    _probe_utilization(parts)
    probe_memory(parts)
    scope = _probe_power(parts, chip, branch)
    fast, slow = parts.fast, parts.slow
    if not parts.number(
        slow, m.TEMPERATURE, ["nvmlDeviceGetTemperature"], ctypes.c_uint(_TEMPERATURE_GPU), kind=ctypes.c_int
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


def _probe_utilization(parts: Parts) -> None:
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


def probe_memory(parts: Parts) -> None:
    """The newer call or the older one; they count the driver's own memory differently, so never both."""
    newer = _MemoryV2(version=ctypes.sizeof(_MemoryV2) | 2 << 24)
    if not _probe_memory_call(parts, "nvmlDeviceGetMemoryInfo_v2", newer):
        _probe_memory_call(parts, "nvmlDeviceGetMemoryInfo", _MemoryV1())


def _probe_memory_call(parts: Parts, name: str, info: Any) -> bool:
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

    return parts.add(parts.slow, (m.MEMORY_USED, m.MEMORY_TOTAL), make)


class _Temperature(ctypes.Structure):
    """nvmlTemperature_v1_t."""

    _fields_ = (("version", ctypes.c_uint), ("sensor", ctypes.c_uint), ("temperature", ctypes.c_int))


def _probe_temperature_v(parts: Parts) -> None:
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

    parts.add(parts.slow, (m.TEMPERATURE,), make)


def _probe_codecs(parts: Parts) -> None:
    names = {m.ENCODER: "nvmlDeviceGetEncoderUtilization", m.DECODER: "nvmlDeviceGetDecoderUtilization"}
    for metric, name in names.items():
        function = parts.library.function(name)
        if function is None:
            continue
        percent, period_us = ctypes.c_uint(), ctypes.c_uint()
        call = partial(function, parts.handle, ctypes.byref(percent), ctypes.byref(period_us))
        parts.add(parts.slow, (metric,), partial(number_call, call, percent, divisor=100))


def _probe_power(parts: Parts, chip: str, branch: int | None) -> Scope | None:
    """Power, energy and what comes in the same call. Returns what the wattage covers."""
    fields = Fields(parts)
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
    parts: Parts, fields: Fields, chip: str, branch: int | None
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


def _probe_module_power(parts: Parts) -> Scope | None:
    """Superchips may refuse the GPU's own power and tell the module's: GPU, CPU and their memory."""
    fields = Fields(parts)
    for query, metric in ((power.AVERAGE, m.POWER_AVERAGE), (power.INSTANT, m.POWER_INSTANT)):
        if fields.answers(_FIELD_POWER[query], SCOPE_MODULE):
            if not fields.wanted:
                fields.want(m.POWER, _FIELD_POWER[query], SCOPE_MODULE, divisor=1000)
            fields.want(metric, _FIELD_POWER[query], SCOPE_MODULE, divisor=1000)
    return Scope.MODULE if fields.add() else None
