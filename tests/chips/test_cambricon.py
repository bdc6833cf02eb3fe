"""Cambricon MLUs through the table of cnmon."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, read, sample

MIB = 2**20
X8 = (SAMPLES / "cambricon/cnmon-mlu370x8.txt").read_text()
X4 = X8.replace("MLU370-X8", "MLU370-X4")


def test_the_two_chips_of_an_x8_repeat_the_power_of_their_card():
    board, first, second = sample("cambricon", "cambricon/cnmon-mlu370x8.txt")
    assert (board["power_watts"], board["power_limit_watts"]) == (107.0, 250.0)
    assert board["name"] == "Cambricon MLU370-X8 board of 2"
    assert first == {
        "id": "0000:13:00.0",
        "name": "Cambricon MLU370-X8",
        "parent": board["id"],
        "index": 0,
        "utilization_ratio": 0.0,
        "temperature_celsius": 28.0,
        "memory_used_bytes": 0.0,
        "memory_total_bytes": 20638 * MIB,
    }
    assert (second["id"], second["parent"], second["temperature_celsius"]) == (
        "0000:16:00.0",
        board["id"],
        32.0,
    )


def test_two_x8_are_two_boards():
    more = X8[X8.index("| 0     /") :].replace("| 0     /", "| 2     /").replace("| 1     /", "| 3     /")
    more = more.replace("0000:13", "0000:39").replace("0000:16", "0000:3D").replace("107 W", "180 W")
    boards = [one for one in read("cambricon", X8 + more) if one["parent"] is None]
    assert [one["power_watts"] for one in boards] == [107.0, 180.0]


def test_another_card_has_a_meter_of_its_own():
    told = read("cambricon", X4.replace("107 W/ 250", " 30 W/ 150", 1))
    assert [(one["power_watts"], one["parent"]) for one in told] == [(30.0, None), (107.0, None)]


def test_a_chip_alone_of_its_card_tells_the_power_itself():
    (one,) = read("cambricon", X8[: X8.index("| 1     /")])
    assert (one["power_watts"], one["parent"]) == (107.0, None)


@pytest.mark.parametrize("said", ["  N/A/ 250 W", "  0 W/ 250 W", "  -  / 250 W"])
def test_power_that_is_not_known(said: str):
    first, _ = read("cambricon", X4.replace("107 W/ 250 W", said, 1))
    assert (first["power_watts"], first["power_limit_watts"]) == (None, 250.0)


def test_a_busy_card_and_a_table_that_is_torn_off():
    busy, _ = read("cambricon", X4.replace("| 0%  ", "| 98% ", 1).replace("    0 MiB/", "12345 MiB/", 1))
    assert (busy["utilization_ratio"], busy["memory_used_bytes"]) == (pytest.approx(0.98), 12345 * MIB)
    assert read("cambricon", X4[: X4.index("107 W")]) == []
    assert read("cambricon", "cndev init failed") == []
