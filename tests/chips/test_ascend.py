"""Huawei Ascend through the table of npu-smi info."""

from __future__ import annotations

import re

import pytest
from chips.presets import SAMPLES, read, sample

MIB = 2**20
TABLE_910B = (SAMPLES / "ascend/npu-smi-info-910b.txt").read_text()
TWO_CHIPS = (SAMPLES / "ascend/npu-smi-info-910-two-chips.txt").read_text()
DUO = (SAMPLES / "ascend/npu-smi-info-310p-duo.txt").read_text()


def test_two_npus_of_one_chip_each():
    first, second = sample("ascend", "ascend/npu-smi-info-910b.txt")
    assert first == {
        "id": "0000:C1:00.0-0-0",
        "name": "Huawei 910B3",
        "parent": None,
        "index": 0,
        "power_watts": 90.4,
        "utilization_ratio": 0.0,
        "temperature_celsius": 32.0,
        "memory_used_bytes": 41697 * MIB,
        "memory_total_bytes": 65536 * MIB,
    }
    assert (second["id"], second["power_watts"], second["temperature_celsius"]) == (
        "0000:C2:00.0-1-0",
        92.9,
        33.0,
    )


def test_the_chips_of_a_module_share_a_meter_that_the_second_does_not_repeat():
    board, first, second = sample("ascend", "ascend/npu-smi-info-910-two-chips.txt")
    assert board == {
        "id": "board NPU 0",
        "name": "Huawei Ascend910 board of 2",
        "parent": None,
        "index": "board-0",
        "power_watts": 178.9,
    }
    assert first == {
        "id": "0000:9D:00.0-0-0",
        "name": "Huawei Ascend910",
        "parent": "board NPU 0",
        "index": 0,
        "utilization_ratio": 0.0,
        "temperature_celsius": 36.0,
        "memory_used_bytes": 3412 * MIB,
        "memory_total_bytes": 65536 * MIB,
    }
    assert (second["id"], second["parent"]) == ("0000:9F:00.0-0-1", "board NPU 0")
    assert second["memory_used_bytes"] == 3189 * MIB


def test_a_310p_without_a_column_of_hbm():
    (chip,) = sample("ascend", "ascend/npu-smi-info-310p.txt")
    assert (chip["id"], chip["power_watts"], chip["temperature_celsius"]) == ("0000:86:00.0-0-0", 16.2, 42.0)
    assert (chip["memory_used_bytes"], chip["memory_total_bytes"]) == (994 * MIB, 21534 * MIB)


@pytest.mark.parametrize("bus", ["0000:01:00.0", "NA          "])
def test_two_chips_with_one_bus_address_are_two(bus: str):
    board, first, second = read("ascend", DUO.replace("0000:01:00.0", bus))
    assert (board["id"], board["power_watts"]) == ("board NPU 2", None)
    assert (first["id"], second["id"]) == (f"{bus.strip()}-2-0", f"{bus.strip()}-2-1")
    assert (first["memory_used_bytes"], second["memory_used_bytes"]) == (1529 * MIB, 1412 * MIB)
    assert (first["temperature_celsius"], second["temperature_celsius"]) == (45.0, 43.0)


def test_a_power_that_both_chips_repeat_counts_once():
    board, first, second = read("ascend", DUO.replace("NA  ", "61.2"))
    assert (board["power_watts"], "power_watts" in first, "power_watts" in second) == (61.2, False, False)


def test_a_busy_chip_and_processes_below_the_chips():
    processes = """
| NPU     Chip              | Process id    | Process name             | Process memory(MB)      |
+===========================+===============+====================================================+
| 0       0                 | 812345        | python3                  | 56621                   |
| 1       0                 | 812346        | python3                  | 56621                   |
"""
    busy, idle = read(
        "ascend",
        TABLE_910B.replace("| 0           0    / 0          41697", "| 87          0    / 0          60000")
        + processes,
    )
    assert (busy["utilization_ratio"], busy["memory_used_bytes"]) == (pytest.approx(0.87), 60000 * MIB)
    assert idle["utilization_ratio"] == 0.0


@pytest.mark.parametrize("said", ["-   ", "NA  ", "N/A ", "0.0 "])
def test_power_that_is_not_told(said: str):
    first, _ = read("ascend", TABLE_910B.replace("90.4", said))
    assert first["power_watts"] is None


@pytest.mark.parametrize("said", ["NA   / NA   ", "-    / -    ", "NA          "])
def test_a_chip_whose_memory_is_not_known_stays(said: str):
    first, second = read("ascend", TABLE_910B.replace("41697/ 65536", said))
    assert (first["power_watts"], first["utilization_ratio"]) == (90.4, 0.0)
    assert (first["memory_used_bytes"], first["memory_total_bytes"]) == (None, None)
    assert second["memory_used_bytes"] == 40844 * MIB


def test_a_310p_whose_memory_is_not_known_stays():
    table = (SAMPLES / "ascend/npu-smi-info-310p.txt").read_text()
    (chip,) = read("ascend", re.sub(r"994 *\/ *21534", "NA   / NA", table))
    assert (chip["power_watts"], chip["memory_used_bytes"], chip["memory_total_bytes"]) == (16.2, None, None)


def test_a_table_that_is_torn_off_and_one_without_a_chip():
    (first,) = read("ascend", TABLE_910B[: TABLE_910B.index("0000:C2")])
    assert first["id"] == "0000:C1:00.0-0-0"
    assert read("ascend", TABLE_910B[: TABLE_910B.index("0000:C1")]) == []
    assert (
        read("ascend", "DrvMngGetConsoleLogLevel failed. (g_conLogLevel=3)\ndcmi module initialize failed.")
        == []
    )
