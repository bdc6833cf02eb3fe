"""What does pyRAPL read, and how is it kept from doing harm?

pyRAPL 0.2.3.1 finds packages and DRAM where sockets are numbered without holes and hold one die each, and
gives their raw counters in µJ (its docstring says J). Around it: its import logs two warnings through the
root logger, for which Python installs a handler on standard error; it lets PermissionError and
FileNotFoundError out; its own error has no text; it leaves files open. Wraps, core, uncore and psys it does
not know: only absolute readings are taken from it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

_PACKAGE, _DRAM = 0, 1
"""`pyRAPL.Device.PKG` and `.DRAM`: also their places in `Sensor.energy()`, which alternates the two."""
_ROLES = {_PACKAGE: "package", _DRAM: "dram"}


class PyraplError(Exception):
    """pyRAPL cannot be used here; the text says why."""


class PyraplDoor:
    """The counters that pyRAPL reads.

    Args:
        module: the module, or a stand-in; `None` imports it.

    Raises:
        PyraplError: it is not importable, or finds no counter that it could read.
    """

    def __init__(self, module: Any = None) -> None:
        self._module = module if module is not None else _import()
        self._sensors: dict[int, Any] = {}
        reasons = []
        for device in _ROLES:
            try:
                self._sensors[device] = self._sensor(device)
            except PyraplError as error:
                reasons.append(str(error))
        if not self._sensors:
            raise PyraplError(f"pyRAPL finds no counter: {'; '.join(reasons)}")

    def read_uj(self) -> dict[str, int]:
        """Every counter by its zone's index (`package-0`, `dram-1`), µJ.

        Raises:
            PyraplError: a reading failed.
        """
        readings: dict[str, int] = {}
        for device, sensor in self._sensors.items():
            values = self._call("read", sensor.energy)[device::2]
            for socket, value in enumerate(values):
                if value >= 0:  # -1 stands for a socket that it does not watch
                    readings[f"{_ROLES[device]}-{socket}"] = int(value)
        return readings

    def close(self) -> None:
        """Close the files that pyRAPL leaves open; twice is harmless."""
        for sensor in self._sensors.values():
            for api in getattr(sensor, "_device_api", {}).values():
                for file in getattr(api, "_sys_files", ()):
                    file.close()
        self._sensors = {}

    def _sensor(self, device: int) -> Any:
        """A sensor of its own for packages and for DRAM: one may be missing."""
        with warnings.catch_warnings():
            # The files that its discovery forgets to close are ResourceWarnings.
            warnings.simplefilter("ignore")
            return self._call("set up", lambda: self._module.Sensor(devices=[self._module.Device(device)]))

    def _call(self, attempt: str, call: Callable[[], Any]) -> Any:
        known = (OSError, ValueError, LookupError, TypeError, AttributeError)
        own = getattr(self._module, "PyRAPLException", OSError)
        try:
            return call()
        except (*known, own) as error:
            reason = f"{attempt}: {type(error).__name__} {error}".rstrip()
        # Not `from error`: its traceback would keep the files open that pyRAPL forgot.
        raise PyraplError(reason)


def _import() -> Any:
    with _quiet_root_logger(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its regular expressions have invalid escapes
        try:
            import pyRAPL
        except (ImportError, SyntaxError, AttributeError, OSError) as error:
            raise PyraplError(f"pyRAPL is not importable: {error}") from error
    return pyRAPL


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Swallow what pyRAPL logs, and leave the root logger as it was.

    A filter of the root logger sees only what is logged through it directly, which is what pyRAPL does;
    the messages of other loggers and threads go their way. The handler that does nothing is there because
    `logging.warning` installs one on standard error where there is none.
    """
    root = logging.getLogger()
    nothing = logging.NullHandler()

    def not_from_pyrapl(record: logging.LogRecord) -> bool:
        return "pyRAPL" not in PurePath(record.pathname).parts

    root.addFilter(not_from_pyrapl)
    root.addHandler(nothing)
    try:
        yield
    finally:
        root.removeHandler(nothing)
        root.removeFilter(not_from_pyrapl)
