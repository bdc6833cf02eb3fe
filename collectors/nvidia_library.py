"""The door to NVML: how its library is found, loaded and started, and what its refusals mean to people.

Calls go through pynvml (distribution nvidia-ml-py), of which four names are used: `nvmlInit`,
`nvmlShutdown`, `NVMLError` and `_nvmlGetFunctionPointer`. The functions themselves are called with our own
prepared arguments: pynvml's wrappers build theirs anew at each call, and its structures decode each
attribute in Python.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from perfwatch_collectors.sysfs import read_text

from perfwatch.errors import TryAgain, Unavailable

SONAME = "libnvidia-ml.so.1"

# nvmlReturn_t, as far as it decides anything here.
SUCCESS, UNINITIALIZED, NOT_SUPPORTED, NO_PERMISSION = 0, 1, 3, 4
INSUFFICIENT_SIZE, DRIVER_NOT_LOADED, FUNCTION_NOT_FOUND = 7, 9, 13
GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH, UNKNOWN = 15, 16, 18, 999
LOST = frozenset((GPU_IS_LOST, RESET_REQUIRED, UNKNOWN))
"""After one of these a handle must not be touched again: native crashes are on record (nvitop issue 139)."""

Function = Callable[..., int]

_INIT_REFUSALS = {
    DRIVER_NOT_LOADED: (
        "NVIDIA's kernel driver is not loaded",
        "load it with `sudo modprobe nvidia`; if that fails, `sudo dmesg | grep NVRM` says why",
    ),
    NO_PERMISSION: (
        "NVIDIA's driver refuses this user",
        "ask for access to the devices that `ls -l /dev/nvidia*` shows",
    ),
    LIB_RM_VERSION_MISMATCH: (
        "NVIDIA's library and the loaded kernel driver are of different versions: the driver was updated",
        "start perfwatch again, since this process keeps the old library; if it stays, restart the machine",
    ),
}


class BoardLost(Exception):
    """The board does not answer any more; its handle must not be used again."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NotStarted(Exception):
    """The library says that it was not initialized: the driver was reloaded."""


def judge(code: int) -> None:
    """Raise what a code says of the board or of the library; every other code concerns one value only."""
    if code in LOST:
        raise BoardLost(code)
    if code == UNINITIALIZED:
        raise NotStarted


class Refused(Unavailable):
    """NVML did not start; `code` is what it returned."""

    def __init__(self, reason: str, remedy: str, code: int) -> None:
        super().__init__(reason, remedy)
        self.code = code


class Library:
    """NVML, loaded. `start` and `stop` are its init and shutdown, always in pairs.

    Args:
        nvml: the pynvml module, or something with its four names used here.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._errors = tuple(
            found
            for found in (nvml.NVMLError, getattr(nvml, "NVMLLibraryMismatchError", None))
            if found is not None
        )
        self._started = False

    def start(self) -> None:
        """nvmlInit.

        Raises:
            Refused: the driver cannot be used; with the remedy.
        """
        try:
            self._nvml.nvmlInit()
        except self._errors as error:
            raise _refusal(error) from None
        self._started = True

    def restart(self) -> None:
        """nvmlInit after the driver was reloaded, which has undone the one before.

        Raises:
            TryAgain: the driver is not there yet.
            Refused: it will not come back to this process.
        """
        self._started = False
        try:
            self.start()
        except Refused as error:
            if error.code == LIB_RM_VERSION_MISMATCH:
                raise
            raise TryAgain(f"{error}; NVIDIA's driver was reloaded and is not back yet") from None

    def stop(self) -> None:
        """nvmlShutdown, if it was started; an open client keeps the module from being unloaded."""
        if not self._started:
            return
        self._started = False
        try:
            self._nvml.nvmlShutdown()
        except self._errors:
            return

    def function(self, *names: str) -> Function | None:
        """The first of these functions that the library exports; older drivers have older names."""
        for name in names:
            try:
                found: Function = self._nvml._nvmlGetFunctionPointer(name)  # noqa: SLF001 - see above
            except self._errors:
                continue
            return found
        return None

    def text(self, function: str, *handle: Any) -> str:
        """What a function that fills a buffer says, `""` if it does not."""
        call, buffer = self.function(function), ctypes.create_string_buffer(96)
        if call is None or call(*handle, buffer, 96) != SUCCESS:
            return ""
        return buffer.value.decode("utf-8", "replace")

    def number(self, function: str, *arguments: Any, kind: Any = ctypes.c_uint) -> int | None:
        """What a function that fills one number says, `None` if it does not."""
        call, out = self.function(function), kind()
        if call is None or call(*arguments, ctypes.byref(out)) != SUCCESS:
            return None
        return int(out.value)

    def explain(self, code: int) -> str:
        """A return code in words."""
        try:
            words = str(self._nvml.NVMLError(code))
        except self._errors:
            words = "unknown to this driver"
        return f"{words} (NVML code {code})"


def load(path: str | None, sysfs: Path) -> Any:
    """pynvml with its library, not yet started.

    Args:
        path: a libnvidia-ml to load instead of the system's; it gets a pynvml of its own, because the
            module keeps the first library that it loaded for ever.
        sysfs: where `/sys` is; boards that sleep are not woken.

    Raises:
        Unavailable: no library, no board that is awake, or no pynvml; found out without starting NVML.
    """
    boards = [] if path else list(_pci_boards(sysfs))
    if boards and all(asleep for _, asleep in boards):
        addresses = ", ".join(address for address, _ in boards)
        raise Unavailable(
            f"every NVIDIA device sleeps ({addresses}), and asking wakes it",
            "start something that uses it; perfwatch looks again by itself",
        )
    try:
        library = ctypes.CDLL(path or SONAME)
    except OSError as error:
        raise _no_library(path, [address for address, _ in boards], error) from None
    try:
        return _private_pynvml(library) if path else _shared_pynvml()
    except ImportError:
        raise Unavailable(
            "there is an NVIDIA driver, but the Python module pynvml is missing",
            f"install it: {sys.executable} -m pip install nvidia-ml-py",
        ) from None


def _refusal(error: Any) -> Refused:
    code = getattr(error, "value", UNKNOWN)
    known = _INIT_REFUSALS.get(code)
    reason, remedy = known or (
        f"NVML does not start: {error} (code {code})",
        "see what `nvidia-smi` says, and `sudo dmesg | grep NVRM`",
    )
    return Refused(reason, remedy, code)


def _no_library(path: str | None, boards: list[str], error: OSError) -> Unavailable:
    if path:
        return Unavailable(f"cannot load {path}: {error}", f"give the path of a {SONAME}")
    if not boards:
        return Unavailable(f"no NVIDIA device on the PCI bus and no {SONAME}")
    return Unavailable(
        f"{SONAME} is not found, although there is an NVIDIA device at {', '.join(boards)}",
        "install NVIDIA's driver; in a container, start it with the GPUs (docker run --gpus all ...)",
    )


def _pci_boards(sysfs: Path) -> Iterable[tuple[str, bool]]:
    """Address of each NVIDIA display or 3D controller, and whether it is suspended."""
    for device in sorted((sysfs / "bus/pci/devices").glob("*")):
        if read_text(device / "vendor") != "0x10de":
            continue
        if (read_text(device / "class") or "").startswith("0x03"):
            yield device.name, read_text(device / "power/runtime_status") in ("suspended", "suspending")


def _shared_pynvml() -> ModuleType:
    with warnings.catch_warnings():
        # The distribution called pynvml warns on import that nvidia-ml-py replaces it.
        warnings.simplefilter("ignore")
        import pynvml
    return pynvml  # type: ignore[no-any-return]


def _private_pynvml(library: ctypes.CDLL) -> ModuleType:
    """A pynvml that holds this library; what other code does with the shared one is not touched."""
    found = importlib.util.find_spec("pynvml")
    if found is None or found.origin is None:
        raise ImportError("pynvml")
    name = f"{__name__}.pynvml_{id(library):x}"
    spec = importlib.util.spec_from_file_location(name, found.origin)
    if spec is None or spec.loader is None:
        raise ImportError("pynvml")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pynvml looks itself up there while it is imported
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    module.nvmlLib = library  # type: ignore[attr-defined]
    return module
