"""How NVML's answers come into a row of values: calls that are prepared once and then only made.

Function, arguments, result buffer and places in the row are fixed when a board is found, so that a poll is
a few calls into the library and little Python.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from perfwatch_collectors.nvidia_library import (
    GPU_IS_LOST,
    LOST,
    RESET_REQUIRED,
    SUCCESS,
    UNINITIALIZED,
    UNKNOWN,
    BoardLost,
    Function,
    Library,
)

from perfwatch.model import Metric, Value

SCOPE_GPU, SCOPE_MODULE = 0, 1
"""nvmlPowerScopeType_t: what a power field covers."""

Row = list[Value]
Take = Callable[[Row], int]
"""Does its call, lays what it found into the row (`None` where it failed) and returns NVML's code."""


class Parts:
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
        make = partial(number_call, call, out, factor=factor, divisor=divisor, unknown=unknown)
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


def number_call(
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


class Fields:
    """The fields that one nvmlDeviceGetFieldValues reads together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._function = parts.library.function("nvmlDeviceGetFieldValues")
        self.wanted: list[tuple[Metric, int, int, int]] = []

    def answers(self, field: int, scope: int = SCOPE_GPU) -> bool:
        """Whether the board tells this field. Each entry carries its own code beside the call's."""
        if self._function is None:
            return False
        value = _FieldValue(field=field, scope=scope)
        code = self._function(self._parts.handle, ctypes.c_int(1), ctypes.byref(value))
        return code == SUCCESS and value.code == SUCCESS and value.type in _DECODE

    def want(self, metric: Metric, field: int, scope: int = SCOPE_GPU, *, divisor: int = 0) -> None:
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
