"""Tenstorrent chips by their driver's files, and by a snapshot of tt-smi."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, read, sample, tree

SNAPSHOT = (SAMPLES / "tenstorrent/tt-smi-snapshot-p300c.json").read_text()


def planted_chips(root: Path) -> Path:
    pci = "/sys/devices/pci0000:00/0000:04:00.0"
    return planted(
        root,
        f"""
        {pci}/hwmon/hwmon5/name = blackhole
        {pci}/hwmon/hwmon5/power1_input = 16000000
        {pci}/hwmon/hwmon5/power1_max = 150000000
        {pci}/hwmon/hwmon5/temp1_input = 34800
        {pci}/hwmon/hwmon5/in0_input = 720
        {pci}/hwmon/hwmon5/curr1_input = 23000
        {pci}/hwmon/hwmon5/fan1_input = 1882
        /sys/class/tenstorrent/tenstorrent!0/tt_aiclk = 800
        /sys/class/tenstorrent/tenstorrent!0/tt_card_type = p300c
        /sys/class/tenstorrent/tenstorrent!0/tt_serial = 0000046131924062
        /sys/class/tenstorrent/tenstorrent!0/tt_therm_trip_count = 0
        /sys/class/tenstorrent/tenstorrent!0/device -> {pci}
        /sys/devices/pci0000:00/0000:05:00.0/hwmon/hwmon6/name = wormhole
        /sys/devices/pci0000:00/0000:05:00.0/hwmon/hwmon6/power1_input = 0
        /sys/class/tenstorrent/tenstorrent!1/device -> /sys/devices/pci0000:00/0000:05:00.0
        """,
    )


def test_the_files_of_the_driver(tmp_path: Path):
    first, second = tree("tenstorrent", planted_chips(tmp_path))
    assert first == {
        "id": "0000:04:00.0",
        "name": "Tenstorrent p300c",
        "parent": None,
        "index": 0,
        "power_watts": 16.0,
        "power_limit_watts": 150.0,
        "temperature_celsius": pytest.approx(34.8),
        "sm_clock_hertz": 8e8,
        "core_volts": 0.72,
        "core_amperes": 23.0,
        "fan_rpm": 1882.0,
        "thermal_trips_total": 0.0,
    }
    assert (second["id"], second["name"]) == ("0000:05:00.0", "Tenstorrent wormhole")
    assert second["power_watts"] is None, "a chip that runs draws more than nothing"
    assert "temperature_celsius" not in second, "the firmware does not report it"


def test_a_snapshot_of_a_p300c():
    (chip,) = sample("tenstorrent_smi", "tenstorrent/tt-smi-snapshot-p300c.json")
    assert chip == {
        "id": "0000:04:00.0",
        "name": "Tenstorrent p300c",
        "parent": None,
        "index": 0,
        "power_watts": 16.0,
        "temperature_celsius": 34.8,
        "sm_clock_hertz": 8e8,
        "core_volts": 0.72,
        "core_amperes": 23.0,
    }


def test_a_remote_chip_is_known_by_its_board_and_registers_that_are_missing_tell_nothing():
    document = json.loads(SNAPSHOT)
    local = document["device_info"][0]
    remote = json.loads(json.dumps(local))
    remote["board_info"] |= {"board_type": "n300 R", "bus_id": "N/A", "board_id": "100014211703001"}
    remote["telemetry"] |= {"power": "  0.0", "voltage": "10000.00", "board_power": "N/A"}
    remote["limits"] = {"tdp_limit": "160"}
    document["device_info"].append(remote)
    _, found = read("tenstorrent_smi", "Detecting chips [1/2] {ARC}\n" + json.dumps(document))
    assert (found["id"], found["name"]) == ("100014211703001", "Tenstorrent n300 R")
    assert (found["power_watts"], found["core_volts"], found["board_power_watts"]) == (None, None, None)
    assert found["power_limit_watts"] == 160.0


def test_a_snapshot_that_was_cut_is_no_reading():
    from perfwatch_collectors.described.formats import Unreadable

    with pytest.raises(Unreadable, match="no whole JSON"):
        read("tenstorrent_smi", SNAPSHOT[:300])
