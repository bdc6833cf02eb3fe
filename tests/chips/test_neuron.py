"""AWS Inferentia and Trainium: reports of neuron-monitor, and the driver's files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chips.presets import SAMPLES, planted, preset, read, sample, tree

REPORT = json.loads((SAMPLES / "neuron/neuron-monitor-one-report.jsonl").read_text())
COUNTERS_2026 = json.loads((SAMPLES / "neuron/neuron-monitor-inf2-2026-counters.json").read_text())


def report(**changed: Any) -> str:
    return json.dumps({**REPORT, **changed})


def test_a_report_of_an_inferentia2():
    assert sample("neuron", "neuron/neuron-monitor-one-report.jsonl") == [
        {
            "id": "neuron",
            "name": "AWS inferentia2 x1",
            "parent": None,
            "index": 0,
            "utilization_ratio": pytest.approx((0.02926414908153532 + 0.0) / 2),
            "memory_used_bytes": 63105088.0,
            "memory_total_bytes": 34359738368.0,
            "ecc_corrected_errors_total": 0.0,
            "ecc_uncorrected_errors_total": 0.0,
        }
    ]


def test_two_processes_on_four_chips_of_two_cores():
    runtime = {"report": COUNTERS_2026}
    hardware = {**REPORT["neuron_hardware_info"], "neuron_device_count": 4}
    (one,) = read("neuron", report(neuron_runtime_data=[runtime, runtime], neuron_hardware_info=hardware))
    assert one["utilization_ratio"] == pytest.approx(2 * 0.8940087251059674 / 8)
    assert one["memory_total_bytes"] == 4 * 34359738368
    assert "memory_used_bytes" not in one


def test_the_name_of_memory_in_a_newer_report():
    used = {"report": {"memory_used": {"neuron_runtime_used_bytes": {"host": 1, "device": 4096}}}}
    (one,) = read("neuron", report(neuron_runtime_data=[used]))
    assert (one["memory_used_bytes"], "utilization_ratio" in one) == (4096.0, False)


def test_no_process_is_idle_and_an_absent_list_is_not_known():
    (idle,) = read("neuron", report(neuron_runtime_data=[]))
    assert (idle["utilization_ratio"], idle["memory_used_bytes"]) == (0.0, 0.0)
    without = {key: value for key, value in REPORT.items() if key != "neuron_runtime_data"}
    (unknown,) = read("neuron", json.dumps(without))
    assert not {"utilization_ratio", "memory_used_bytes"} & set(unknown)


def test_the_newest_whole_report_counts():
    half = report(neuron_runtime_data=[])
    (one,) = read("neuron", f"{half}\n{json.dumps(REPORT)}\n{half[:100]}")
    assert one["memory_used_bytes"] == 63105088.0


def test_no_chip_is_no_device_and_the_instance_is_not_told():
    assert read("neuron", report(neuron_hardware_info={"error": "no driver"})) == []
    assert read("neuron", report(neuron_hardware_info={"neuron_device_count": 0})) == []
    assert preset("neuron").device.facts == {}


def test_the_files_tell_power_as_a_share_of_a_maximum_that_nobody_knows(tmp_path: Path):
    chip = "/sys/devices/virtual/neuron_device/neuron0"
    power = (SAMPLES / "neuron/sysfs-power-utilization.txt").read_text().strip()
    memory = f"{chip}/neuron_core0/stats/memory_usage/device_mem"
    planted(
        tmp_path,
        f"""
        {chip}/info/architecture/device_name = Inferentia2
        {chip}/stats/power/utilization = {power}
        {memory}/tensors/total = 1000
        {memory}/constants/total = 24
        {chip.replace("neuron0", "neuron1")}/stats/power/utilization = POWER_STATUS_NO_DATA,0,0.00,0.00,0.00
        """,
    )
    first, second = tree("neuron_sysfs", tmp_path)
    assert first == {
        "id": "neuron0",
        "name": "AWS Inferentia2",
        "parent": None,
        "index": 0,
        "power_of_maximum_ratio": pytest.approx(0.3825),
        "memory_used_bytes": 1024.0,
    }
    assert second["power_of_maximum_ratio"] is None
