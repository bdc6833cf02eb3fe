"""Qualcomm Cloud AI 100 through qaic-util -q, and through its driver's sensors."""

from __future__ import annotations

from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, preset, read, sample, tree

ONE = (SAMPLES / "qualcomm/qaic-util-q.txt").read_text()
POWER = (SAMPLES / "qualcomm/qaic-util-q-power-lines-ultra.txt").read_text()


def ultra() -> str:
    """The four QIDs of an Ultra board, each with the power of the board."""
    head, _, block = ONE.partition("QID 0\n")
    lines = "".join(f"        {line}\n" for line in POWER.splitlines())
    return head + "".join(
        f"QID {qid}\n{lines}{block.replace('0x64b5276b', f'0x{qid}').replace('01:00.0', f'0{qid + 3}:00.0')}"
        for qid in range(4)
    )


def test_a_board_of_an_sdk_that_tells_no_power():
    (board,) = sample("qualcomm", "qualcomm/qaic-util-q.txt")
    assert board == {
        "id": "0x64b5276b",
        "name": "Qualcomm Cloud AI",
        "parent": None,
        "index": 0,
        "memory_used_bytes": 0.0,
        "memory_total_bytes": 32692e6,
        "sm_clock_hertz": 825e6,
        "memory_clock_hertz": 2133e6,
        "nsp_used": 0.0,
        "networks_active": 0.0,
    }


def test_the_four_chips_of_an_ultra_board_share_its_power():
    board, *chips = read("qualcomm", ultra())
    assert board == {
        "id": "board PN471-12-343016",
        "name": "Qualcomm Cloud AI board of 4",
        "parent": None,
        "index": "board-0",
        "power_watts": 48.0,
        "power_limit_watts": 150.0,
    }
    assert [one["id"] for one in chips] == ["0x0", "0x1", "0x2", "0x3"]
    assert [one["soc_power_watts"] for one in chips] == [11.0] * 4
    assert not any("power_watts" in one or "utilization_ratio" in one for one in chips)


def test_memory_in_kilobytes_and_processors_in_use():
    text = ONE.replace("Dram Total:32692 MB", "Dram Total:31299524 KB").replace("Nsp Free:16", "Nsp Free:2")
    (board,) = read("qualcomm", text.replace("Dram Free:32692 MB", "Dram Free:30812804 KB"))
    assert board["memory_total_bytes"] == 31299524e3
    assert board["memory_used_bytes"] == 486720e3
    assert board["nsp_used"] == 14.0


@pytest.mark.parametrize("told", ["0.00", "N/A", "", "999999"])
def test_a_power_that_was_not_read_is_none(told):
    (board,) = read("qualcomm", ONE + f"        Board power(Watts):{told}\n        SOC power(Watts):20.00\n")
    assert (board["power_watts"], board["soc_power_watts"]) == (None, 20.0)


def test_an_output_that_was_cut_keeps_what_is_whole():
    text = ultra()
    devices = read("qualcomm", text[: text.index("QID 3") + 8])
    assert [one["id"] for one in devices][:4] == ["board PN471-12-343016", "0x0", "0x1", "0x2"]


def test_the_sensors_of_the_driver_are_shown_and_not_summed(tmp_path: Path):
    bus = "/sys/bus/pci/devices/0000:01:00.0"
    planted(
        tmp_path,
        f"""
        {bus}/vendor = 0x17cb
        {bus}/device = 0xa100
        {bus}/hwmon/hwmon3/power1_input = 48000000
        {bus}/hwmon/hwmon3/power1_max = 150000000
        {bus}/hwmon/hwmon3/temp2_input = 41000
        /sys/bus/pci/devices/0000:02:00.0/vendor = 0x10de
        /sys/bus/pci/devices/0000:02:00.0/hwmon/hwmon4/power1_input = 1
        """,
    )
    (board,) = tree("qualcomm_hwmon", tmp_path)
    assert (board["id"], board["power_watts"], board["power_limit_watts"]) == ("0000:01:00.0", 48.0, 150.0)
    assert board["temperature_celsius"] == 41.0
    assert preset("qualcomm_hwmon").device.scope is None, "four chips of an Ultra board repeat its power"
    (tmp_path / f"{bus}/hwmon/hwmon3/power1_input".lstrip("/")).write_text("0\n")
    (board,) = tree("qualcomm_hwmon", tmp_path)
    assert board["power_watts"] is None
