"""Intel Gaudi through hl-smi -Q as CSV."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, read, sample

CAPTURED = (SAMPLES / "gaudi/hl-smi-Q-gaudi3.csv").read_text()


def test_two_boards_of_gaudi_3():
    first, second = sample("gaudi", "gaudi/hl-smi-Q-gaudi3.csv")
    assert first == {
        "id": "01P4-HL3090A0-18-U4V193-22-07-00",
        "name": "Intel Gaudi HL-325L",
        "parent": None,
        "index": 0,
        "power_watts": 226.0,
        "power_limit_watts": 850.0,
        "utilization_ratio": 0.0,
        "temperature_celsius": 36.0,
        "memory_used_bytes": 672 * 2**20,
        "memory_total_bytes": 131072 * 2**20,
    }
    assert (second["index"], second["power_watts"], second["temperature_celsius"]) == (1, 230.0, 39.0)


def test_a_version_that_knows_no_limit_prints_the_name_there():
    (first, _) = read("gaudi", CAPTURED.replace("850 W", "HL-325L"))
    assert (first["power_limit_watts"], first["power_watts"]) == (None, 226.0)


@pytest.mark.parametrize("said", ["N/A", "[N/A]", "Not Supported", "0 W", "65535 W"])
def test_power_that_is_not_known(said: str):
    assert read("gaudi", CAPTURED.replace("226 W", said))[0]["power_watts"] is None


def test_a_busy_board_in_the_spelling_of_older_releases():
    (busy, _) = read("gaudi", CAPTURED.replace("0 %", "98 %", 1).replace("672 MiB", "98304 Mib", 1))
    assert busy["utilization_ratio"] == pytest.approx(0.98)
    assert busy["memory_used_bytes"] == 98304 * 2**20


@pytest.mark.parametrize(
    "said",
    ["", "Invalid query: power.max", CAPTURED[:40], "Error, failed to open device, is the driver loaded?"],
)
def test_an_answer_that_is_no_board(said: str):
    assert read("gaudi", said) == []
