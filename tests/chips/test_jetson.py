"""NVIDIA Jetson: lines of tegrastats, and the files of the power monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chips.presets import SAMPLES, planted, preset, read, tree

from perfwatch.model import Scope

MIB = 2**20
LINES = (SAMPLES / "jetson/tegrastats-lines.txt").read_text().splitlines()
TORN, ORIN_NANO, IDLE, TX2, AGX, THOR_WITHOUT_POWER = LINES
THOR = (
    "07-31-2026 14:45:55 RAM 86905/125772MB (lfb 368x4MB) CPU [12%@972,off,33%@1890] cpu@39.812C tj@39.906C "
    "gpu@39.906C VDD_GPU 3561mW/3561mW VDD_CPU_SOC_MSS 7910mW/7910mW VIN_SYS_5V0 7620mW/7620mW "
    "VIN 26686mW/26686mW"
)
"""As the test of NVIDIA's own exporter has it."""
AGX_ORIN_5 = (
    "RAM 13983/62780MB SWAP 126/31390MB GR3D_FREQ 14%@[407,407] VIC_FREQ 115 NVDLA0_FREQ @1600 APE 174 "
    "CPU@77.281C Tboard@62C GPU@69.125C VDD_GPU_SOC 3150mW/2971mW VDD_CPU_CV 14312mW/12415mW "
    "VIN_SYS_5V0 4968mW/5048mW VDDQ_VDD2_1V8AO 1091mW/1091mW"
)
"""A line of an AGX Orin with JetPack 5 in a public guide, in part."""
AGX_XAVIER = (
    "RAM 2450/31928MB CPU [1%@1190] EMC_FREQ 0% GR3D_FREQ 0% AO@26.5C GPU@26.5C Tdiode@29.75C "
    "GPU 310/310 CPU 465/465 SOC 930/930 CV 0/0 VDDRQ 155/155 SYS5V 1455/1455"
)


def jetson(line: str) -> dict[str, Any]:
    (module,) = read("jetson", line)
    return module


def test_an_orin_nano_that_is_busy():
    assert jetson(ORIN_NANO) == {
        "id": "jetson",
        "name": "NVIDIA Jetson",
        "parent": None,
        "index": 0,
        "power_watts": pytest.approx(12.479),
        "board_input_watts": None,
        "utilization_ratio": pytest.approx(0.63),
        "sm_clock_hertz": 621e6,
        "memory_used_bytes": 6185 * MIB,
        "memory_total_bytes": 7620 * MIB,
        "temperature_celsius": 53.343,
    }
    assert preset("jetson").device.scope is Scope.MODULE


@pytest.mark.parametrize(
    ("line", "watts", "utilization", "celsius"),
    [
        (IDLE, 4.824, 0.0, 49.031),
        (TX2, 5.297, 0.0, 39.5),
        (AGX, 5.139 + 3.268 + 5.5, 0.12, 47.625),
        (AGX_ORIN_5, 3.150 + 14.312 + 4.968, 0.14, 69.125),
        (AGX_XAVIER, 0.310 + 0.465 + 0.930 + 0.0 + 0.155 + 1.455, 0.0, 26.5),
        (THOR, 3.561 + 7.910 + 7.620, None, 39.906),
        (TORN, None, 0.45, None),
        (THOR_WITHOUT_POWER, None, None, None),
        (IDLE.replace("VDD_IN 4824mW", "VDD_IN 0mW"), None, 0.0, 49.031),
    ],
)
def test_modules_and_versions(
    line: str, watts: float | None, utilization: float | None, celsius: float | None
):
    module = jetson(line)
    assert module.get("power_watts") == (watts if watts is None else pytest.approx(watts))
    assert module["utilization_ratio"] == (utilization if utilization is None else pytest.approx(utilization))
    assert module["temperature_celsius"] == celsius


def test_a_thor_whose_gpu_is_switched_off_draws_less_than_nothing_in_it():
    module = jetson(THOR.replace("VDD_GPU 3561mW/3561mW", "VDD_GPU -392mW/-392mW"))
    assert module["power_watts"] == pytest.approx(7.910 + 7.620)
    assert module["board_input_watts"] == pytest.approx(26.686)


@pytest.mark.parametrize(
    ("line", "watts"),
    [
        (AGX_XAVIER.replace("GPU 310/310", "GPU -20/310"), 0.465 + 0.930 + 0.0 + 0.155 + 1.455),
        (AGX_ORIN_5.replace("VDD_GPU_SOC 3150mW", "VDD_GPU_SOC -8mW"), 14.312 + 4.968),
        (IDLE.replace("VDD_IN 4824mW", "VDD_IN -4mW"), None),
    ],
    ids=["Xavier", "Orin", "of one rail alone"],
)
def test_a_rail_below_zero_draws_nothing(line: str, watts: float | None):
    assert jetson(line).get("power_watts") == (watts if watts is None else pytest.approx(watts))


def test_the_newest_line_counts_and_lines_of_something_else_are_passed_over():
    assert jetson(f"{ORIN_NANO}\n{IDLE}\n")["power_watts"] == pytest.approx(4.824)
    assert jetson(f"{IDLE}\nRAM 34")["power_watts"] == pytest.approx(4.824)
    assert read("jetson", "tegrastats: permission denied") == []


# -- files -------------------------------------------------------------------------------------------------

INA = "/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"


def test_the_files_of_a_module_with_one_rail(tmp_path: Path):
    planted(tmp_path, (SAMPLES / "jetson/sysfs-tree.txt").read_text())
    planted(tmp_path, "/proc/device-tree/model = NVIDIA Jetson Orin Nano Developer Kit")
    assert tree("jetson_sysfs", tmp_path) == [
        {
            "id": "jetson",
            "name": "NVIDIA Jetson Orin Nano Developer Kit",
            "parent": None,
            "index": 0,
            "power_watts": pytest.approx(5.016 * 0.960),
            "utilization_ratio": pytest.approx(0.774),
            "sm_clock_hertz": 621e6,
            "temperature_celsius": pytest.approx(51.312),
        }
    ]
    assert tree("jetson_agx_sysfs", tmp_path) == []


def test_the_files_of_an_agx_orin_are_summed_without_what_hangs_on_another_rail(tmp_path: Path):
    second = INA.replace("0040", "0041").replace("hwmon3", "hwmon4")
    planted(
        tmp_path,
        f"""
        {INA}/in1_label = VDD_GPU_SOC
        {INA}/in1_input = 843
        {INA}/curr1_input = 6170
        {INA}/in2_label = VDD_CPU_CV
        {INA}/in2_input = 780
        {INA}/curr2_input = 3437
        {INA}/in3_label = VIN_SYS_5V0
        {INA}/in3_input = 4968
        {INA}/curr3_input = 953
        {INA}/in7_label = sum of shunt voltages
        {INA}/in7_input = 19600
        {second}/in2_label = VDDQ_VDD2_1V8AO
        {second}/in2_input = 1800
        {second}/curr2_input = 341
        """,
    )
    (module,) = tree("jetson_agx_sysfs", tmp_path)
    assert module["power_watts"] == pytest.approx((843 * 6170 + 780 * 3437 + 4968 * 953) / 1e6)
    assert tree("jetson_sysfs", tmp_path) == []
    (tmp_path / f"{INA}/curr2_input".lstrip("/")).unlink()
    (module,) = tree("jetson_agx_sysfs", tmp_path)
    assert module["power_watts"] is None, "without one of its rails the sum is not known"


def test_a_zone_that_is_switched_off_is_no_temperature(tmp_path: Path):
    planted(tmp_path, f"{INA}/in1_label = VDD_IN\n{INA}/in1_input = 5016\n{INA}/curr1_input = 0")
    planted(
        tmp_path,
        """
        /sys/class/thermal/thermal_zone1/type = gpu-thermal
        /sys/class/thermal/thermal_zone1/temp = -256000
        """,
    )
    (module,) = tree("jetson_sysfs", tmp_path)
    assert (module["power_watts"], module["temperature_celsius"]) == (None, None)
