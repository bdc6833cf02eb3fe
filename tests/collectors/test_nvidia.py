"""What a healthy NVIDIA board tells, asked through the real pynvml on a fake library.

Most tests run in this process, each with its own copy of the library and its own pynvml (fake_nvml.opened);
the ones about the system's library run in a child that finds it through LD_LIBRARY_PATH.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from fake_nvml import NOT_SUPPORTED, Constant, FakeDevice, FakeNvml, Sensor, Square, hopper
from fake_nvml.opened import Watched, collector_of, opened

from perfwatch.metrics import CATALOGUE
from perfwatch.model import Appeared, Sample, Scope
from perfwatch.testing import FakeClock, check_contract

FAST = (
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetClockInfo",
)
SLOW = (
    "nvmlDeviceGetFanSpeed",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetPerformanceState",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetCurrPcieLinkGeneration",
    "nvmlDeviceGetCurrPcieLinkWidth",
    "nvmlDeviceGetEncoderUtilization",
    "nvmlDeviceGetDecoderUtilization",
)


def metric_of(watched: Watched, device: int, name: str) -> Any:
    declared = next(found for found in watched.devices if found.id == watched.fake.uuid(device))
    return next(metric for metric in declared.metrics if metric.name == name)


def test_it_keeps_the_contract() -> None:
    with FakeNvml([FakeDevice(), hopper(mig_instances=2)]) as fake:
        assert check_contract(collector_of(fake), polls=3) == "ok"
        assert fake.inits == fake.shutdowns == 1


def test_every_value_is_in_the_unit_of_its_metric() -> None:
    board = FakeDevice(
        wave=Constant(365.0),
        idle_w=30,
        limit_w=700,
        temperature_c=61,
        memory_temperature_c=72,
        fan_percent=45,
        pstate=2,
        throttle=0x44,
        ecc_corrected=7,
        ecc_uncorrected=1,
        pcie_generation=5,
        pcie_width=8,
        encoder_percent=12,
        decoder_percent=34,
        memory_total_bytes=16 << 30,
        memory_used_bytes=3 << 30,
        memory_reserved_bytes=1 << 29,
        energy_offset_j=5_000.0,
    )
    with opened([board]) as watched:
        watched.fake.freeze()
        watched.poll()
        expected = {
            "utilization_ratio": 0.5,
            "memory_utilization_ratio": 0.25,
            "memory_used_bytes": (3 << 30) + (1 << 29),
            "memory_total_bytes": 16 << 30,
            "power_watts": 365.0,
            "power_instant_watts": 365.0,
            "temperature_celsius": 61,
            "memory_temperature_celsius": 72,
            "sm_clock_hertz": (345 + 50 * 16) * 1_000_000,
            "memory_clock_hertz": 2_619_000_000,
            "power_limit_watts": 700.0,
            "performance_state": 2,
            "fan_ratio": 0.45,
            "throttle_reasons": 0x44,
            "pcie_generation": 5,
            "pcie_width": 8,
            "ecc_corrected_errors_total": 7,
            "ecc_uncorrected_errors_total": 1,
            "encoder_utilization_ratio": 0.12,
            "decoder_utilization_ratio": 0.34,
        }
        assert {name: watched.value(0, name) for name in expected} == expected
        assert set(watched.metrics(0)) == {*expected, "energy_joules_total"}
        assert set(watched.metrics(0)) <= set(CATALOGUE)


def test_a_device_is_declared_with_its_identity_and_facts() -> None:
    with opened([FakeDevice(name="NVIDIA Tesla T4", uuid="GPU-1234")], driver="535.104.05") as watched:
        device = watched.devices[0]
        assert (device.id, device.name, device.index, device.scope) == (
            "GPU-1234",
            "NVIDIA Tesla T4",
            0,
            Scope.ACCELERATOR,
        )
        assert device.facts == {
            "driver": "535.104.05",
            "firmware": "90.04.38.00.03",
            "architecture": "turing",
            "power_limit_watts": 700.0,
            "pci": "00000000:10:00.0",
            "minor": 0,
            "cuda_index": 0,
        }


def test_the_energy_counter_tells_the_true_joules_of_a_stretch() -> None:
    with opened([FakeDevice(wave=Square(100, 600, 0.5))]) as watched:
        start_ns = watched.fake.freeze()
        watched.poll()
        before_j = watched.value(0, "energy_joules_total")
        watched.fake.advance(6.3)
        watched.poll()
        moved_j = watched.value(0, "energy_joules_total") - before_j
        assert moved_j == pytest.approx(
            watched.fake.true_joules(0, start_ns, start_ns + 6_300_000_000), abs=0.0011
        )
        assert metric_of(watched, 0, "energy_joules_total").update_s == 0.1


@pytest.mark.parametrize("value_type", [0, 3])
def test_a_field_is_read_by_the_type_that_it_carries(value_type: int) -> None:
    with opened([FakeDevice(energy_type=value_type)]) as watched:
        start_ns = watched.fake.freeze()
        watched.poll()
        joules = watched.fake.true_joules(0, start_ns - 60_000_000_000, start_ns)
        assert watched.value(0, "energy_joules_total") == pytest.approx(1000 + joules, rel=0.01)


def test_a_field_that_changes_its_type_is_still_read() -> None:
    with opened(1) as watched:
        watched.fake.freeze()
        watched.poll()
        before_j = watched.value(0, "energy_joules_total")
        watched.fake.set(0, energy_type=0)
        watched.poll()
        assert watched.value(0, "energy_joules_total") == before_j > 0


def test_energy_is_integrated_from_the_reading_that_sees_all_the_time() -> None:
    """On an H100 the instant reading sees a quarter of the time, the average all of it."""
    with opened([hopper(wave=Square(100, 600, 0.1, phase_s=0.02))]) as watched:
        watched.fake.freeze(7_000_000_000_000)
        watched.poll()
        power, instant = metric_of(watched, 0, "power_watts"), metric_of(watched, 0, "power_instant_watts")
        assert (power.update_s, power.window_s) == (0.1, 1.0)
        assert (instant.update_s, instant.window_s) == (0.1, 0.025)
        assert watched.value(0, "power_watts") == watched.value(0, "power_average_watts") == 350.0
        assert watched.value(0, "power_instant_watts") == 100.0


def test_one_physical_reading_is_asked_for_once() -> None:
    with opened([FakeDevice(), hopper()]) as watched:
        before = [watched.fake.calls(device, "nvmlDeviceGetPowerUsage") for device in (0, 1)]
        for _ in range(5):
            watched.poll(after_s=0.1)
        assert [watched.fake.calls(device, "nvmlDeviceGetPowerUsage") for device in (0, 1)] == before


def test_an_old_driver_without_power_fields_is_read_through_power_usage() -> None:
    board = FakeDevice(
        architecture="ampere", usage=Sensor(0.1, 1.0), instant=None, average=None, wave=Constant(222)
    )
    with opened([board], driver="470.82.01") as watched:
        watched.poll()
        assert watched.value(0, "power_watts") == 222.0
        power = metric_of(watched, 0, "power_watts")
        assert (power.update_s, power.window_s) == (0.1, 1.0)
        assert "power_instant_watts" not in watched.metrics(0)


def test_a_library_without_field_values_is_read_by_single_calls() -> None:
    with opened([FakeDevice(wave=Constant(150))], missing=["nvmlDeviceGetFieldValues"]) as watched:
        watched.poll()
        assert watched.value(0, "power_watts") == 150.0
        assert watched.value(0, "energy_joules_total") > 1000.0
        assert "memory_temperature_celsius" not in watched.metrics(0)


def test_a_superchip_that_refuses_its_own_power_tells_the_modules() -> None:
    board = FakeDevice(
        usage=None,
        instant=None,
        module=Sensor(0.1, 0.1),
        module_extra_w=150,
        energy=False,
        wave=Constant(400),
        architecture="hopper",
    )
    with opened([board]) as watched:
        watched.poll()
        assert watched.devices[0].scope is Scope.MODULE
        assert watched.value(0, "power_watts") == 550.0


def test_module_power_is_left_out_where_the_counter_covers_the_board_alone() -> None:
    """One device has one scope: the board's counter cannot stand beside the module's wattage."""
    board = FakeDevice(usage=None, instant=None, module=Sensor(0.1, 0.1), energy=True)
    with opened([board]) as watched:
        assert watched.devices[0].scope is Scope.ACCELERATOR
        assert "power_watts" not in watched.metrics(0)
        assert "energy_joules_total" in watched.metrics(0)


def test_a_board_that_tells_no_power_has_no_scope() -> None:
    with opened([FakeDevice(usage=None, instant=None, energy=False)]) as watched:
        watched.poll()
        assert watched.devices[0].scope is None
        assert watched.value(0, "temperature_celsius") > 0


def test_slow_fields_are_read_at_most_once_a_second_and_repeated_between() -> None:
    with opened(2) as watched:
        watched.poll()
        before = {name: watched.fake.calls(1, name) for name in SLOW}
        seen = []
        for tick in range(40):
            if tick == 2:
                watched.fake.set(1, fan=80)
            watched.poll(after_s=0.125)
            seen.append(watched.value(1, "fan_ratio"))
        moved = {watched.fake.calls(1, name) - before[name] for name in SLOW}
        assert moved == {5}
        assert seen == [0.4] * 7 + [0.8] * 33


def test_a_poll_asks_each_fast_function_once() -> None:
    with opened(1) as watched:
        watched.poll()
        before = {name: watched.fake.calls(0, name) for name in FAST}
        everything = watched.fake.calls(0)
        for _ in range(5):
            watched.poll(after_s=0.01)
        assert {name: watched.fake.calls(0, name) - before[name] for name in FAST} == dict.fromkeys(FAST, 5)
        assert watched.fake.calls(0) - everything == 5 * len(FAST)


def test_pcie_throughput_is_never_asked_for() -> None:
    """It measures for 20 ms."""
    with opened(1) as watched:
        for _ in range(30):
            watched.poll(after_s=0.5)
        assert watched.fake.calls(0, "nvmlDeviceGetPcieThroughput") == 0


def test_processes_are_listed_when_they_changed_and_at_most_every_two_seconds() -> None:
    listing = "nvmlDeviceGetComputeRunningProcesses"
    with opened([FakeDevice(processes=((40, 512, "compute"),))]) as watched:
        watched.poll()
        (table,) = watched.tables()
        assert (table.name, table.columns) == ("processes", ("pid", "memory_bytes", "type"))
        assert (table.rows, table.device_id) == (((40, 512 << 20, "compute"),), watched.devices[0].id)
        before = watched.fake.calls(0, listing)
        for _ in range(15):
            watched.poll(after_s=0.125)
            assert watched.tables() == []
        assert watched.fake.calls(0, listing) == before
        watched.poll(after_s=0.125)
        assert watched.fake.calls(0, listing) == before + 1
        assert watched.tables() == []
        watched.fake.set_processes(
            0, [(40, 600, "compute+graphics"), (41, None, "graphics"), (9, 1, "compute")]
        )
        watched.poll(after_s=2.0)
        (table,) = watched.tables()
        assert table.rows == (
            (9, 1 << 20, "compute"),
            (40, 600 << 20, "compute+graphics"),
            (41, None, "graphics"),
        )


def test_a_board_without_processes_says_so_once() -> None:
    with opened(1) as watched:
        watched.poll()
        assert [table.rows for table in watched.tables()] == [()]
        watched.poll(after_s=5.0)
        assert watched.tables() == []


def test_many_processes_are_all_listed() -> None:
    many = [(1000 + number, 1.0, "compute") for number in range(60)]
    with opened(1) as watched:
        watched.fake.set_processes(0, many)
        watched.poll()
        assert [row[0] for row in watched.tables()[0].rows] == [pid for pid, *_ in many]


@pytest.mark.parametrize("older", ["_v2", ""])
def test_older_process_lists_are_understood(older: str) -> None:
    names = [f"nvmlDeviceGet{kind}RunningProcesses" for kind in ("Compute", "Graphics")]
    missing = [name + suffix for name in names for suffix in (["_v3"] if older else ["_v3", "_v2"])]
    processes = ((7, 3, "compute"), (8, 5, "graphics"))
    with opened([FakeDevice(processes=processes)], missing=missing) as watched:
        watched.poll()
        assert watched.tables()[0].rows == ((7, 3 << 20, "compute"), (8, 5 << 20, "graphics"))


def test_with_mig_the_board_alone_tells_power_and_energy() -> None:
    """The fake's MIG handles answer with the whole board's figures, as some drivers do."""
    with opened([FakeDevice(architecture="ga100", mig_instances=2, wave=Constant(300))]) as watched:
        watched.poll()
        board, *instances = watched.devices
        assert "utilization_ratio" not in watched.metrics(0)
        assert watched.value(0, "power_watts") == 300.0
        assert [instance.parent for instance in instances] == [board.id, board.id]
        for instance in instances:
            names = {metric.name for metric in instance.metrics}
            assert names == {"memory_used_bytes", "memory_total_bytes"}
            assert instance.scope is None


def test_a_sample_of_a_slow_poll_is_stamped_with_its_fast_part() -> None:
    with opened(1) as watched:
        stamps = []
        for _ in range(3):
            watched.poll(after_s=0.5)
            stamps.append(watched.of(Sample)[0].at_ns)
        first_ns = watched.clock.monotonic_ns() - 1_000_000_000
        assert stamps == [first_ns, None, first_ns + 1_000_000_000]


def test_a_device_held_in_an_older_declaration_is_declared_anew() -> None:
    with opened(1) as watched:
        held = watched.devices[0]
        outdated = type(held)(id=held.id, name=held.name, kind=held.kind)
        readings = list(watched.collector.read([outdated]))
        assert isinstance(readings[0], Appeared)
        assert readings[0].device is held
        assert isinstance(readings[1], Sample)


def test_the_systems_library_is_found_and_nothing_is_printed() -> None:
    """In a child: the loader looks for the library's name once in a process, and pynvml keeps it for ever."""
    code = """
import json
from perfwatch_collectors.nvidia import NvidiaCollector
collector = NvidiaCollector()
devices = collector.open()
samples = [reading for reading in collector.read(devices) if type(reading).__name__ == "Sample"]
result = [[device.id, len(device.metrics), len(sample.values)] for device, sample in zip(devices, samples)]
collector.close()
open("result.json", "w").write(json.dumps(result))
"""
    with FakeNvml(3) as fake:
        child = subprocess.run(
            [sys.executable, "-c", code], env=fake.env(), cwd=fake.directory, capture_output=True, check=True
        )
        result = json.loads((fake.directory / "result.json").read_text(encoding="utf-8"))
        assert [row[0] for row in result] == [fake.uuid(index) for index in range(3)]
        assert all(metrics == values > 15 for _, metrics, values in result)
        assert (child.stdout, child.stderr) == (b"", b"")
        assert fake.inits == fake.shutdowns == 1


def test_not_supported_is_decided_once() -> None:
    fake = FakeNvml(1)
    with fake:
        unsupported = (*SLOW, "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetTotalEccErrors")
        for name in unsupported:
            fake.set_error(0, name, NOT_SUPPORTED)
        collector = collector_of(fake, clock := FakeClock())
        devices = collector.open()
        asked = {name: fake.calls(0, name) for name in unsupported}
        for _ in range(5):
            clock.advance(1.5)
            list(collector.read(devices))
        collector.close()
        assert {name: fake.calls(0, name) for name in unsupported} == asked
        names = {metric.name for metric in devices[0].metrics}
        assert not names & {"fan_ratio", "utilization_ratio", "power_limit_watts", "performance_state"}
        assert {"power_watts", "energy_joules_total", "memory_used_bytes"} <= names
