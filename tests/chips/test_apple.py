"""Apple's chips through macmon and powermetrics."""

from __future__ import annotations

import json

import pytest
from chips.presets import SAMPLES, preset, read, sample

from perfwatch.model import Scope

MACMON = json.loads((SAMPLES / "apple/macmon-pipe.jsonl").read_text())
MACHINE = (SAMPLES / "apple/powermetrics-cpu_power-text.txt").read_text()


def test_a_line_of_macmon():
    assert sample("apple", "apple/macmon-pipe.jsonl") == [
        {
            "id": "apple",
            "name": "Apple chip",
            "parent": None,
            "index": 0,
            "power_watts": 0.22231553,
            "cpu_power_watts": 0.20486385,
            "gpu_power_watts": 0.017451683,
            "ane_power_watts": 0.0,
            "ram_power_watts": 0.11635789,
            "system_power_watts": 5.876533,
            "utilization_ratio": 0.09,
            "gpu_scaled_ratio": 0.021497859,
            "sm_clock_hertz": 461e6,
            "temperature_celsius": 36.95167,
            "memory_used_bytes": 20985479168.0,
            "memory_total_bytes": 25769803776.0,
        }
    ]
    assert preset("apple").device.scope is Scope.MODULE


def test_a_line_of_an_older_macmon_tells_no_share_of_time():
    older = {key: value for key, value in MACMON.items() if not key.startswith("gpu_")}
    older |= {"gpu_usage": [999, 0.75], "gpu_power": 11.5, "all_power": 20.25, "sys_power": 0.0}
    (chip,) = read("apple", json.dumps(older))
    assert (chip["power_watts"], chip["gpu_power_watts"], chip["system_power_watts"]) == (20.25, 11.5, None)
    assert (chip["gpu_scaled_ratio"], chip["sm_clock_hertz"]) == (0.75, 999e6)
    assert "utilization_ratio" not in chip


def test_the_newest_whole_line_counts():
    newer = {**MACMON, "all_power": 31.0, "gpu_active_ratio": 0.99}
    (chip,) = read("apple", f'{json.dumps(MACMON)}\n{json.dumps(newer)}\n{{"timest')
    assert (chip["power_watts"], chip["utilization_ratio"]) == (31.0, 0.99)


def test_a_zero_is_no_power_of_a_chip_and_an_error_is_no_chip():
    (chip,) = read("apple", json.dumps({**MACMON, "all_power": 0.0, "temp": {"gpu_temp_avg": 0.0}}))
    assert (chip["power_watts"], chip["temperature_celsius"]) == (None, None)
    assert read("apple", '{"error": "no IOReport"}') == []


def test_powermetrics_of_an_m1():
    assert sample("apple_powermetrics", "apple/powermetrics-cpu_power-text.txt") == [
        {
            "id": "apple",
            "name": "Apple chip",
            "parent": None,
            "index": 0,
            "power_watts": pytest.approx(1.473),
            "gpu_power_watts": pytest.approx(0.153),
            "ane_power_watts": 0.0,
            "ram_power_watts": pytest.approx(0.220),
        }
    ]
    assert not preset("apple_powermetrics").source.unasked


def test_powermetrics_of_a_newer_system():
    said = (
        "CPU Power: 947 mW\nGPU Power: 5153 mW\nANE Power: 12 mW\nCombined Power (CPU + GPU + ANE): 6112 mW\n"
    )
    (chip,) = read("apple_powermetrics", MACHINE + said)
    assert chip["power_watts"] == pytest.approx(6.112)
    assert (chip["cpu_power_watts"], chip["gpu_power_watts"]) == (pytest.approx(0.947), pytest.approx(5.153))
    assert read("apple_powermetrics", "powermetrics must be invoked as the superuser") == []
