"""Does the fake answer as its description says? Asked through the real pynvml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.nvidia_library import load

from fake_nvml import (
    GPU_IS_LOST,
    NO_PERMISSION,
    NOT_SUPPORTED,
    Constant,
    FakeDevice,
    FakeNvml,
    Ramp,
    Sensor,
    Square,
    build,
    hopper,
)

START_NS = 5_000_000_000_000


@pytest.fixture
def nvml_of(request: pytest.FixtureRequest) -> Any:
    """pynvml, started on a fake."""

    def start(fake: FakeNvml) -> Any:
        nvml = load(str(fake.library), Path("/nonexistent"))
        nvml.nvmlInit()
        request.addfinalizer(nvml.nvmlShutdown)
        return nvml

    return start


def by_steps(wave: Any, t0_s: float, t1_s: float, step_s: float = 1e-4) -> float:
    """The integral of a wave, summed in small steps from its definition."""
    total, t = 0.0, t0_s
    while t < t1_s - step_s / 2:
        part = ((t + step_s / 2 - wave.phase_s) % wave.period_s) / wave.period_s
        if isinstance(wave, Square):
            watts = wave.high_w if part < wave.duty else wave.low_w
        else:
            watts = wave.low_w + (wave.high_w - wave.low_w) * part
        total += watts * step_s
        t += step_s
    return total


@pytest.mark.parametrize(
    "wave",
    [
        Square(low_w=100, high_w=600, period_s=0.5, phase_s=0.2),
        Square(low_w=50, high_w=300, period_s=3.0, phase_s=1.7, duty=0.25),
        Ramp(low_w=100, high_w=300, period_s=0.7, phase_s=0.4),
    ],
)
def test_true_joules_are_the_integral_of_the_wave(wave: Any) -> None:
    with FakeNvml([FakeDevice(wave=wave)]) as fake:
        joules = fake.true_joules(0, START_NS, START_NS + 4_300_000_000)
    assert joules == pytest.approx(by_steps(wave, START_NS * 1e-9, START_NS * 1e-9 + 4.3), rel=1e-4)


def test_the_counter_moves_by_the_true_joules(nvml_of: Any) -> None:
    with FakeNvml([FakeDevice(wave=Square(100, 600, 0.5))]) as fake:
        nvml = nvml_of(fake)
        start_ns = fake.freeze()
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        before_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        fake.advance(1.37)
        moved_j = (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before_mj) / 1000
        assert moved_j == pytest.approx(fake.true_joules(0, start_ns, start_ns + 1_370_000_000), abs=0.0011)


def test_a_counter_with_a_step_stands_still_within_it(nvml_of: Any) -> None:
    with FakeNvml([FakeDevice(wave=Constant(200), energy_step_s=0.1)]) as fake:
        nvml = nvml_of(fake)
        step_ns = 100_000_000
        fake.freeze((fake.now_ns() // step_ns + 2) * step_ns)  # its energy counts from when it was made
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        seen = []
        for _ in range(4):
            seen.append(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
            fake.advance(0.05)
        assert [value - seen[0] for value in seen] == [0, 0, 20_000, 20_000]


def test_a_sensor_tells_the_mean_of_its_window_before_its_last_refresh(nvml_of: Any) -> None:
    wave = Square(low_w=100, high_w=500, period_s=0.2)
    board = FakeDevice(wave=wave, usage=Sensor(0.1, 1.0), instant=Sensor(0.1, 0.025), average=Sensor(0, 0))
    with FakeNvml([board]) as fake:
        nvml = nvml_of(fake)
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        fake.freeze(START_NS + 130_000_000)  # the last refresh was when the high half ended
        average, instant = nvml.nvmlDeviceGetFieldValues(handle, [185, 186])
        assert nvml.nvmlDeviceGetPowerUsage(handle) == 300_000
        assert instant.value.uiVal == 500_000
        assert average.value.uiVal == 100_000


def test_a_new_wave_goes_on_from_the_energy_of_the_old_one() -> None:
    with FakeNvml([FakeDevice(wave=Constant(60))]) as fake:
        fake.set_wave(0, Square(100, 600, 1.0), at_ns=fake.now_ns() + 1_000_000_000)
        start_ns = fake.now_ns()
        changed_ns = fake.set_wave(0, Constant(10), at_ns=start_ns + 3_000_000_000)
        whole = fake.true_joules(0, start_ns, changed_ns + 2_000_000_000)
        parts = fake.true_joules(0, start_ns, changed_ns) + fake.true_joules(
            0, changed_ns, changed_ns + 2_000_000_000
        )
        assert whole == pytest.approx(parts, abs=1e-6)
        assert fake.true_joules(0, changed_ns, changed_ns + 2_000_000_000) == pytest.approx(20, abs=1e-6)


def test_utilization_is_the_place_between_idle_and_limit(nvml_of: Any) -> None:
    with FakeNvml([FakeDevice(wave=Constant(300), idle_w=100, limit_w=500)]) as fake:
        nvml = nvml_of(fake)
        assert nvml.nvmlDeviceGetUtilizationRates(nvml.nvmlDeviceGetHandleByIndex(0)).gpu == 50


def test_faults_are_seen_by_the_next_call(nvml_of: Any) -> None:
    with FakeNvml(2) as fake:
        nvml = nvml_of(fake)
        first, second = (nvml.nvmlDeviceGetHandleByIndex(index) for index in (0, 1))
        fake.set_error(0, "nvmlDeviceGetPowerUsage", NOT_SUPPORTED)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetPowerUsage(first)
        assert nvml.nvmlDeviceGetPowerUsage(second) == 60_000
        fake.lose(1)
        with pytest.raises(nvml.NVMLError_GpuIsLost):
            nvml.nvmlDeviceGetPowerUsage(second)
        assert fake.lost_calls(1) == 1
        fake.bring_back(1)
        with pytest.raises(nvml.NVMLError_Unknown):
            nvml.nvmlDeviceGetPowerUsage(second)
        assert fake.stale_calls(1) == 1
        fake.deny(0)
        with pytest.raises(nvml.NVMLError_NoPermission):
            nvml.nvmlDeviceGetHandleByIndex(0)
        assert (NO_PERMISSION, GPU_IS_LOST) == (4, 15)


def test_a_field_fails_alone(nvml_of: Any) -> None:
    with FakeNvml([hopper()]) as fake:
        nvml = nvml_of(fake)
        fake.set_field_error(0, 185, NOT_SUPPORTED)
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        assert [v.nvmlReturn for v in nvml.nvmlDeviceGetFieldValues(handle, [82, 83, 185, 186])] == [
            0,
            0,
            3,
            0,
        ]
        fake.set_field_error(0, 185, 0)
        assert [v.nvmlReturn for v in nvml.nvmlDeviceGetFieldValues(handle, [185])] == [0]


def test_a_hidden_symbol_is_missing_and_its_neighbours_are_not(nvml_of: Any) -> None:
    with FakeNvml(
        1, missing=["nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetComputeRunningProcesses_v3"]
    ) as fake:
        nvml = nvml_of(fake)
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        with pytest.raises(nvml.NVMLError_FunctionNotFound):
            nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
        assert nvml.nvmlDeviceGetMemoryInfo(handle).total == 16 << 30
        with pytest.raises(nvml.NVMLLibraryMismatchError):
            nvml.nvmlDeviceGetComputeRunningProcesses(handle)


def test_processes_are_told_with_their_memory(nvml_of: Any) -> None:
    with FakeNvml(1) as fake:
        nvml = nvml_of(fake)
        fake.set_processes(0, [(11, 512, "compute"), (12, None, "graphics"), (13, 1.5, "compute+graphics")])
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        compute = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        graphics = nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle)
        assert [(p.pid, p.usedGpuMemory) for p in compute] == [(11, 512 << 20), (13, 3 << 19)]
        assert [(p.pid, p.usedGpuMemory) for p in graphics] == [(12, None), (13, 3 << 19)]


def test_a_child_finds_it_through_its_environment() -> None:
    code = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount(), n.nvmlSystemGetDriverVersion())"
    with FakeNvml(3, driver="470.82.01") as fake:
        child = subprocess.run(
            [sys.executable, "-c", code], env=fake.env(), capture_output=True, text=True, check=True
        )
    assert child.stdout.split() == ["3", "470.82.01"]


def test_another_process_can_join_in() -> None:
    with FakeNvml(1) as fake:
        other = FakeNvml.attach(fake.directory)
        start_ns = other.set_wave(0, Constant(400))
        assert fake.true_joules(0, start_ns, start_ns + 1_000_000_000) == pytest.approx(400)


def test_it_is_compiled_once() -> None:
    place = build()
    made_ns = (place / "libnvidia-ml.so.1").stat().st_mtime_ns
    assert build() == place
    assert (place / "libnvidia-ml.so.1").stat().st_mtime_ns == made_ns
