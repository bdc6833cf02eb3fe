"""Who uses a board: NVML's lists of processes, old and new."""

from __future__ import annotations

import ctypes
import struct

from perfwatch_collectors.nvidia_library import INSUFFICIENT_SIZE, SUCCESS, Function, Library, judge

_NOT_AVAILABLE = 0xFFFFFFFFFFFFFFFF


def process_lists(library: Library, handle: ctypes.c_void_p) -> list[ProcessList]:
    lists = []
    for kind, name in (
        ("compute", "nvmlDeviceGetComputeRunningProcesses"),
        ("graphics", "nvmlDeviceGetGraphicsRunningProcesses"),
    ):
        newer, oldest = library.function(f"{name}_v3", f"{name}_v2"), library.function(name)
        if newer is not None:
            listing = ProcessList(kind, newer, handle, struct.Struct("=I4xQ8x"))
        elif oldest is not None:
            listing = ProcessList(kind, oldest, handle, struct.Struct("=I4xQ"))
        else:
            continue
        if listing.works():
            lists.append(listing)
    return lists


class ProcessList:
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
            judge(code)
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
