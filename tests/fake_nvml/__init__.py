"""A fake libnvidia-ml.so.1 for tests and benchmarks: how it is built, set up and made to fail.

    with FakeNvml(8, driver="550.54.15") as fake:            # eight Turing boards at 60 W
        fake.set_wave(0, Square(low_w=100, high_w=600, period_s=0.5, phase_s=0.1))
        child = subprocess.Popen([...], env=fake.env())      # finds it through LD_LIBRARY_PATH
        fake.lose(3)                                         # seen by the very next call
        fake.true_joules(0, t0_ns, t1_ns)                    # exact, times of CLOCK_MONOTONIC

In one process the library can also be loaded by its path (`fake.library`, the collector's option
`library`): each FakeNvml has its own copy of the file, so that the loader maps it freshly.

Devices are described by `FakeDevice` and changed while the fake runs by `set_wave`, `set` (any plain
field of the control structure), `set_error`, `set_field_error`, `set_processes`, `lose`, `bring_back`,
`deny`, `hang`, `release`, `reload_driver`, `fail_init`, `freeze`, `advance`. What was called is counted:
`calls`, `stale_calls`, `lost_calls`, `waiting`, `inits`, `shutdowns`. A job in another process can join in
with `FakeNvml.attach(fake.directory)`, for instance to switch the wave when it starts to work.

Library and driver share the file `control` beside the library, mapped by both; fake_nvml.c holds the same
structures and refuses a file of another size.
"""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

SOURCE = Path(__file__).with_name("fake_nvml.c")
SONAME = "libnvidia-ml.so.1"
FUNCTIONS = tuple(re.findall(r"^    X\((\w+)\)", SOURCE.read_text(encoding="utf-8"), re.MULTILINE))
"""Every function that counts its calls and can be made to fail."""

# Codes of nvmlReturn_t.
UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 1, 2, 3, 4, 6
DRIVER_NOT_LOADED, TIMEOUT, GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH = 9, 10, 15, 16, 18
UNKNOWN = 999

ARCHITECTURES = {
    "kepler": 2, "maxwell": 3, "pascal": 4, "volta": 5, "turing": 6, "ampere": 7, "ga100": 7, "ada": 8,
    "hopper": 9, "blackwell": 10, "rubin": 13,
}  # fmt: skip
_PCI_DEVICE_IDS = {"turing": 0x1EB8, "ampere": 0x2204, "ga100": 0x20B0, "ada": 0x2684, "hopper": 0x2330}
_PROCESS_TYPES = {"compute": 1, "graphics": 2, "compute+graphics": 3}
_NOT_AVAILABLE = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True)
class Constant:
    """The same power for ever."""

    watts: float


@dataclass(frozen=True)
class Square:
    """High for the first `duty` of each period, which begins at `phase_s` of CLOCK_MONOTONIC; else low."""

    low_w: float
    high_w: float
    period_s: float
    phase_s: float = 0.0
    duty: float = 0.5


@dataclass(frozen=True)
class Ramp:
    """Rises evenly from low to high in each period, then falls at once."""

    low_w: float
    high_w: float
    period_s: float
    phase_s: float = 0.0


Wave = Constant | Square | Ramp


@dataclass(frozen=True)
class Sensor:
    """A power reading: renewed every `refresh_s` (0: continuously), the exact mean of the last `window_s`."""

    refresh_s: float = 0.1
    window_s: float = 0.1


@dataclass(frozen=True)
class FakeDevice:
    """One board. The defaults are a Turing one, whose sensor sees all the time (T = W = 100 ms)."""

    name: str = "NVIDIA Fake T4"
    uuid: str = ""
    architecture: str = "turing"
    wave: Wave = Constant(60.0)
    usage: Sensor | None = Sensor()
    """What nvmlDeviceGetPowerUsage tells; `None`: not supported."""
    instant: Sensor | None = Sensor()
    """Field 186."""
    average: Sensor | None = None
    """Field 185."""
    module: Sensor | None = None
    """Fields 185 and 186 with module scope; the module draws `module_extra_w` more than the board."""
    module_extra_w: float = 150.0
    energy: bool = True
    energy_step_s: float = 0.0
    """How often the counter moves; 0: continuously."""
    energy_offset_j: float = 1_000.0
    energy_type: int = 3
    """nvmlValueType_t of field 83: 3 unsigned long long, 0 double."""
    idle_w: float = 30.0
    limit_w: float = 700.0
    noise_w: float = 0.0
    """Readings of power are off by up to so much, another amount at each renewal; the counter is not."""
    """Utilization is the place of the mean power of the last 1/6 s between these two."""
    memory_total_bytes: int = 16 << 30
    memory_used_bytes: int = 1 << 30
    memory_reserved_bytes: int = 256 << 20
    temperature_c: int = -1
    """Below zero: follows the utilization."""
    memory_temperature_c: int = 44
    fan_percent: int = 40
    pstate: int = 0
    throttle: int = 0
    ecc: bool = True
    ecc_corrected: int = 0
    ecc_uncorrected: int = 0
    pcie_generation: int = 4
    pcie_width: int = 16
    encoder_percent: int = 0
    decoder_percent: int = 0
    vbios: str = "90.04.38.00.03"
    mig_instances: int | None = None
    """`None`: MIG is off."""
    processes: tuple[tuple[int, float | None, str], ...] = ()
    """`(pid, MiB or None, "compute" | "graphics" | "compute+graphics")`."""


def hopper(**changes: Any) -> FakeDevice:
    """An H100 as measured with drivers after 530: instant sees 25 of 100 ms, average sees a second."""
    settings: dict[str, Any] = {
        "name": "NVIDIA H100 80GB HBM3",
        "architecture": "hopper",
        "usage": Sensor(0.1, 1.0),
        "instant": Sensor(0.1, 0.025),
        "average": Sensor(0.1, 1.0),
        "memory_total_bytes": 80 << 30,
        "fan_percent": -1,
    }
    return FakeDevice(**{**settings, **changes})


_MAX_DEVICES, _MAX_FUNCTIONS, _MAX_SEGMENTS, _MAX_FIELD_ERRORS, _MAX_PROCESSES = 64, 96, 64, 8, 64
_U32, _I32, _U64, _I64, _F64 = (
    ctypes.c_uint32,
    ctypes.c_int32,
    ctypes.c_uint64,
    ctypes.c_int64,
    ctypes.c_double,
)


def _structure(name: str, /, **fields: Any) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": list(fields.items())})


_Segment = _structure(
    "_Segment", start_ns=_I64, period_ns=_I64, phase_ns=_I64,
    low_w=_F64, high_w=_F64, duty=_F64, before_j=_F64, kind=_I64,
)  # fmt: skip
_Sensor = _structure("_Sensor", refresh_ns=_I64, window_ns=_I64, supported=_I64)
_Process = _structure("_Process", memory_bytes=_U64, pid=_U32, type=_U32)
_FieldError = _structure("_FieldError", field=_U32, scope=_U32, code=_I32, used=_U32)
_Device = _structure(
    "_Device",
    name=ctypes.c_char * 96, uuid=ctypes.c_char * 96, vbios=ctypes.c_char * 32,
    architecture=_U32, pci_device_id=_U32, pci_domain=_U32, pci_bus=_U32, pci_slot=_U32,
    segments=_U32, segment=_Segment * _MAX_SEGMENTS, sensor=_Sensor * 4,
    energy_supported=_I64, energy_step_ns=_I64, energy_offset_j=_F64, module_extra_w=_F64,
    idle_w=_F64, limit_w=_F64, noise_w=_F64,
    memory_total=_U64, memory_used=_U64, memory_reserved=_U64,
    temperature=_I32, memory_temperature=_I32, fan=_I32, pstate=_I32,
    throttle=_U64, ecc_corrected=_U64, ecc_uncorrected=_U64,
    ecc_supported=_I32, pcie_generation=_I32, pcie_width=_I32, encoder=_I32, decoder=_I32, energy_type=_I32,
    processes=_U32, process=_Process * _MAX_PROCESSES,
    mig_mode=_U32, mig_instances=_U32,
    lost_code=_U32, generation=_U32, handle_error=_U32,
    hang_gate=_U32, hang_ns=_I64, waiting=_U32, stale_calls=_U32, lost_calls=_U32,
    field_error=_FieldError * _MAX_FIELD_ERRORS, error=_I32 * _MAX_FUNCTIONS, calls=_U32 * _MAX_FUNCTIONS,
)  # fmt: skip
_Control = _structure(
    "_Control",
    magic=_U32, layout=_U32, size=_U64, driver=ctypes.c_char * 80, nvml=ctypes.c_char * 80,
    cuda_version=_I32, devices=_U32, init_error=_I32, driver_epoch=_U32, inits=_U32, shutdowns=_U32,
    frozen_ns=_I64, error=_I32 * _MAX_FUNCTIONS, calls=_U32 * _MAX_FUNCTIONS, device=_Device * _MAX_DEVICES,
)  # fmt: skip
_MAGIC, _LAYOUT = 0x4E564D4C, 1


# Its functions call each other directly (-Bsymbolic-functions), so that any of their names can be hidden.
_FLAGS = (
    f"-std=gnu11 -O2 -fPIC -shared -fvisibility=hidden -Wl,-soname,{SONAME} -Wl,-Bsymbolic-functions"
).split()


def build() -> Path:
    """Compile the library once per source; returns the directory that holds `libnvidia-ml.so.1`.

    The finished file is moved into place at once, so that several test processes may build at a time.
    """
    recipe = SOURCE.read_bytes() + " ".join(_FLAGS).encode()
    name = f"fake-nvml-{os.getuid()}-{hashlib.sha256(recipe).hexdigest()[:16]}"
    place = Path(tempfile.gettempdir()) / name
    library = place / SONAME
    if library.exists():
        return place
    place.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place) as work:
        made = Path(work) / SONAME
        subprocess.run(["cc", *_FLAGS, "-o", str(made), str(SOURCE), "-lm", "-ldl"], check=True)
        made.replace(library)
    return place


def _hide(library: Path, symbols: Iterable[str]) -> None:
    """Rename symbols in the library's string table, so that looking them up fails as in an older driver."""
    content = library.read_bytes()
    for symbol in symbols:
        name = b"\0" + symbol.encode() + b"\0"
        assert name in content, f"the fake library exports no {symbol}"
        content = content.replace(name, b"\0X" + name[2:])
    library.write_bytes(content)


class FakeNvml:
    """The devices of a pretended machine; a context manager that removes its directory at the end.

    Args:
        devices: how many default boards, or the boards.
        driver: version that the library tells.
        missing: exported symbols to leave out, by their exact names (`nvmlDeviceGetMemoryInfo_v2`).
        directory: where library and control file go; default a temporary one.
    """

    def __init__(
        self,
        devices: int | Sequence[FakeDevice] = 1,
        *,
        driver: str = "550.54.15",
        missing: Iterable[str] = (),
        directory: Path | None = None,
    ) -> None:
        self._temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="fake-nvml-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(build() / SONAME, self.library)
        _hide(self.library, missing)
        (self.directory / "control").write_bytes(bytes(ctypes.sizeof(_Control)))
        self._map()
        boards = [FakeDevice()] * devices if isinstance(devices, int) else list(devices)
        assert len(boards) <= _MAX_DEVICES, f"the fake has room for {_MAX_DEVICES} devices"
        for index, board in enumerate(boards):
            self._describe(index, board)
        self.control.driver, self.control.nvml = driver.encode(), b"13.610.43"
        self.control.cuda_version, self.control.devices = 12080, len(boards)
        self.control.driver_epoch = 1
        self.control.magic, self.control.layout, self.control.size = _MAGIC, _LAYOUT, ctypes.sizeof(_Control)

    @classmethod
    def attach(cls, directory: str | os.PathLike[str]) -> FakeNvml:
        """The fake of another process, by its directory."""
        fake = cls.__new__(cls)
        fake._temporary, fake.directory = False, Path(directory)
        fake._map()
        return fake

    def _map(self) -> None:
        with (self.directory / "control").open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), ctypes.sizeof(_Control))
        self.control = _Control.from_buffer(self._memory)

    def _describe(self, index: int, board: FakeDevice) -> None:
        device = self.control.device[index]
        device.name = board.name.encode()
        device.uuid = (board.uuid or f"GPU-fa4e0000-0000-4000-8000-{index:012x}").encode()
        device.vbios = board.vbios.encode()
        device.architecture = ARCHITECTURES[board.architecture]
        device.pci_device_id = _PCI_DEVICE_IDS.get(board.architecture, 0x1000)
        device.pci_bus = 0x10 + index
        for place, sensor in enumerate((board.usage, board.instant, board.average, board.module)):
            if sensor is not None:
                slot = device.sensor[place]
                slot.refresh_ns, slot.window_ns = _ns(sensor.refresh_s), _ns(sensor.window_s)
                slot.supported = 1
        device.module_extra_w = board.module_extra_w
        device.energy_supported, device.energy_step_ns = board.energy, _ns(board.energy_step_s)
        device.energy_offset_j, device.energy_type = board.energy_offset_j, board.energy_type
        device.idle_w, device.limit_w, device.noise_w = board.idle_w, board.limit_w, board.noise_w
        device.memory_total, device.memory_used = board.memory_total_bytes, board.memory_used_bytes
        device.memory_reserved = board.memory_reserved_bytes
        device.temperature, device.memory_temperature = board.temperature_c, board.memory_temperature_c
        device.fan, device.pstate, device.throttle = board.fan_percent, board.pstate, board.throttle
        device.ecc_supported, device.ecc_corrected = board.ecc, board.ecc_corrected
        device.ecc_uncorrected = board.ecc_uncorrected
        device.pcie_generation, device.pcie_width = board.pcie_generation, board.pcie_width
        device.encoder, device.decoder = board.encoder_percent, board.decoder_percent
        device.mig_mode, device.mig_instances = board.mig_instances is not None, board.mig_instances or 0
        device.generation = 1
        self.set_processes(index, board.processes)
        # A sensor's first windows reach back before the fake existed.
        self.set_wave(index, board.wave, at_ns=time.monotonic_ns() - _ns(60.0))

    # How it is found

    @property
    def library(self) -> Path:
        """The path of the library, for the collector's option `library`."""
        return self.directory / SONAME

    def env(self) -> dict[str, str]:
        """The environment of a child process that finds this library as its libnvidia-ml.so.1."""
        before = os.environ.get("LD_LIBRARY_PATH")
        return {
            **os.environ,
            "LD_LIBRARY_PATH": f"{self.directory}:{before}" if before else str(self.directory),
        }

    def uuid(self, device: int) -> str:
        """The UUID of a device, its id in perfwatch."""
        return str(self.control.device[device].uuid.decode())

    # Power and energy

    def set_wave(self, device: int, wave: Wave, at_ns: int | None = None) -> int:
        """From `at_ns` (default: now) on the device draws this power; returns that time.

        Energy goes on without a jump. At most 63 changes a device; they must be in order of time.
        """
        board = self.control.device[device]
        number = board.segments
        assert number < _MAX_SEGMENTS, f"the fake keeps {_MAX_SEGMENTS} waves a device"
        start_ns = self.now_ns() if at_ns is None else at_ns
        segment = board.segment[number]
        segment.before_j = self._joules_at(device, start_ns) if number else 0.0
        segment.start_ns = start_ns
        if isinstance(wave, Constant):
            segment.kind, segment.low_w, segment.high_w = 0, wave.watts, wave.watts
        else:
            segment.kind = 1 if isinstance(wave, Square) else 2
            segment.low_w, segment.high_w = wave.low_w, wave.high_w
            segment.period_ns = _ns(wave.period_s)
            segment.duty = wave.duty if isinstance(wave, Square) else 0.0
            # The same phase, moved near the start: sums of few joules keep their last digits.
            segment.phase_ns = _ns(wave.phase_s) + (start_ns // segment.period_ns) * segment.period_ns
        board.segments = number + 1
        return start_ns

    def true_joules(self, device: int, t0_ns: int, t1_ns: int) -> float:
        """What the device used between two times of CLOCK_MONOTONIC, exactly."""
        return self._joules_at(device, t1_ns) - self._joules_at(device, t0_ns)

    def _joules_at(self, device: int, at_ns: int) -> float:
        board = self.control.device[device]
        number = board.segments
        while number > 1 and board.segment[number - 1].start_ns > at_ns:
            number -= 1
        segment = board.segment[number - 1]
        if not segment.kind:
            return float(segment.before_j + segment.low_w * (at_ns - segment.start_ns) * 1e-9)
        phase_ns = segment.phase_ns
        until_start = _wave_joules(segment, segment.start_ns - phase_ns)
        return float(segment.before_j + _wave_joules(segment, at_ns - phase_ns) - until_start)

    # The fake's time

    def now_ns(self) -> int:
        """The fake's time: CLOCK_MONOTONIC unless frozen."""
        return int(self.control.frozen_ns) or time.monotonic_ns()

    def freeze(self, at_ns: int | None = None) -> int:
        """Let the fake's time stand still, at `at_ns` or now; returns it."""
        self.control.frozen_ns = self.now_ns() if at_ns is None else at_ns
        return int(self.control.frozen_ns)

    def advance(self, seconds: float) -> None:
        """Move the frozen time."""
        assert self.control.frozen_ns, "advance() moves a frozen time: call freeze() first"
        self.control.frozen_ns += _ns(seconds)

    # What a device tells

    def set(self, device: int, **values: int | float) -> None:
        """Change plain fields of the control structure: `temperature`, `memory_used`, `throttle`, ..."""
        board = self.control.device[device]
        for name, value in values.items():
            getattr(board, name)
            setattr(board, name, value)

    def set_processes(self, device: int, processes: Sequence[tuple[int, float | None, str]]) -> None:
        """Who uses the device: `(pid, MiB or None, "compute" | "graphics" | "compute+graphics")`."""
        board = self.control.device[device]
        board.processes = 0
        for slot, (pid, mebibytes, kind) in zip(board.process, processes, strict=False):
            slot.pid, slot.type = pid, _PROCESS_TYPES[kind]
            slot.memory_bytes = _NOT_AVAILABLE if mebibytes is None else round(mebibytes * 2**20)
        board.processes = len(processes)

    # Faults

    def set_error(self, device: int | None, function: str, code: int) -> None:
        """Let a function return `code` (0: answer again); `device=None`: a function of the system."""
        target = self.control if device is None else self.control.device[device]
        target.error[FUNCTIONS.index(function)] = code

    def set_field_error(self, device: int, field: int, code: int, scope: int = 0) -> None:
        """Let one entry of nvmlDeviceGetFieldValues carry `code` (0: answer again)."""
        entries = self.control.device[device].field_error
        same = [entry for entry in entries if entry.used and (entry.field, entry.scope) == (field, scope)]
        entry = (same or [entry for entry in entries if not entry.used])[0]
        entry.field, entry.scope, entry.code, entry.used = field, scope, code, 1

    def lose(self, device: int, code: int = GPU_IS_LOST) -> None:
        """The device falls off the bus: each of its calls returns `code`."""
        self.control.device[device].lost_code = code

    def bring_back(self, device: int) -> None:
        """The device is there again; handles from before are stale (`stale_calls` counts their use)."""
        board = self.control.device[device]
        board.generation += 1
        board.lost_code = 0

    def deny(self, device: int, code: int = NO_PERMISSION) -> None:
        """Asking for the device's handle returns `code` (0: gives it)."""
        self.control.device[device].handle_error = code

    def hang(self, device: int, seconds: float | None = None) -> None:
        """Each call of the device takes `seconds`, or waits until `release`."""
        board = self.control.device[device]
        if seconds is None:
            board.hang_gate = 1
        else:
            board.hang_ns = _ns(seconds)

    def release(self, device: int) -> None:
        """Calls of the device answer at once again."""
        board = self.control.device[device]
        board.hang_gate, board.hang_ns = 0, 0

    def reload_driver(self) -> None:
        """The driver is reloaded: all is uninitialized, handles are stale, energy counters start again."""
        for board in self.control.device[: self.control.devices]:
            board.generation += 1
        self.control.driver_epoch += 1

    def restart_energy(self, device: int) -> None:
        """The energy counter starts again from zero."""
        self.control.device[device].energy_offset_j = -self._joules_at(device, self.now_ns())

    def fail_init(self, code: int) -> None:
        """nvmlInit returns `code` (0: succeeds)."""
        self.control.init_error = code

    # What was called

    def calls(self, device: int | None, function: str | None = None) -> int:
        """How often a function was called (all of them if none is named); `device=None`: of the system."""
        target = self.control if device is None else self.control.device[device]
        return int(sum(target.calls) if function is None else target.calls[FUNCTIONS.index(function)])

    def waiting(self, device: int) -> int:
        """Calls of the device that hang now."""
        return int(self.control.device[device].waiting)

    def stale_calls(self, device: int) -> int:
        """Calls with a handle from before the device was lost or the driver reloaded."""
        return int(self.control.device[device].stale_calls)

    def lost_calls(self, device: int) -> int:
        """Calls while the device was lost, asking for its handle not included."""
        return int(self.control.device[device].lost_calls)

    @property
    def inits(self) -> int:
        """Successful nvmlInit calls."""
        return int(self.control.inits)

    @property
    def shutdowns(self) -> int:
        """Successful nvmlShutdown calls."""
        return int(self.control.shutdowns)

    # Its end

    def close(self) -> None:
        """Let go of the control file; remove the directory if it was a temporary one."""
        for device in range(_MAX_DEVICES):
            self.release(device)
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> FakeNvml:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _wave_joules(segment: Any, at_ns: int) -> float:
    """Energy of a wave from its phase's origin to `at_ns` after it; whole cycles are counted apart."""
    cycles, in_ns = divmod(at_ns, segment.period_ns)
    period_s, in_s, rise_w = segment.period_ns * 1e-9, in_ns * 1e-9, segment.high_w - segment.low_w
    if segment.kind == 1:
        high_s = segment.duty * period_s
        whole_j = segment.low_w * period_s + rise_w * high_s
        return float(cycles * whole_j + segment.low_w * in_s + rise_w * min(in_s, high_s))
    whole_j = (segment.low_w + rise_w / 2) * period_s
    return float(cycles * whole_j + segment.low_w * in_s + rise_w * in_s * in_s / (2 * period_s))
