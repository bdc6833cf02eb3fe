"""FPGA cards by the sensors of their drivers: Alveo and Versal, Intel's boards."""

from __future__ import annotations

from pathlib import Path

from chips.presets import planted, preset, tree


def test_the_card_is_what_a_versals_label_calls_total(tmp_path: Path):
    card = "/sys/bus/pci/drivers/xocl/0000:b3:00.1"
    planted(
        tmp_path,
        f"""
        {card}/rom.u.3145728/VBNV = xilinx_v70_gen5x8_qdma_base_2
        {card}/hwmon/hwmon7/power1_label = VCCINT Power
        {card}/hwmon/hwmon7/power1_input = 9000000
        {card}/hwmon/hwmon7/power2_label = Total Power
        {card}/hwmon/hwmon7/power2_input = 28932736
        {card}/hwmon/hwmon7/temp1_input = 41000
        {card}/hwmon/hwmon7/temp2_input = 47000
        /sys/bus/pci/drivers/xocl/0000:b4:00.1/hwmon/hwmon8/power1_average = 23000000
        /sys/bus/pci/drivers/xocl/0000:b5:00.1/hwmon/hwmon9/power1_input = 0
        /sys/bus/pci/drivers/xocl/module/version = 2.19
        """,
    )
    versal, alveo, silent = tree("alveo", tmp_path)
    assert versal == {
        "id": "0000:b3:00.1",
        "name": "xilinx_v70_gen5x8_qdma_base_2",
        "parent": None,
        "index": 0,
        "power_watts": 28.932736,
        "temperature_celsius": 47.0,
    }
    assert (alveo["id"], alveo["name"], alveo["power_watts"]) == ("0000:b4:00.1", "alveo", 23.0)
    assert silent["power_watts"] is None


def test_an_intel_card_by_the_controller_of_its_board(tmp_path: Path):
    card = "/sys/bus/platform/drivers/intel-m10-bmc-hwmon/n3000bmc-hwmon.2.auto/hwmon/hwmon4"
    planted(
        tmp_path,
        f"""
        {card}/name = n3000bmc_hwmon
        {card}/power1_label = Board Power
        {card}/power1_input = 54120000
        {card}/temp1_label = Board Temperature
        {card}/temp1_input = 39000
        {card}/temp2_label = FPGA Die Temperature
        {card}/temp2_input = 61500
        {card}/device -> /sys/bus/platform/drivers/intel-m10-bmc-hwmon/n3000bmc-hwmon.2.auto
        """,
    )
    (found,) = tree("intel_fpga", tmp_path)
    assert (found["id"], found["name"]) == ("n3000bmc-hwmon.2.auto", "Intel FPGA card (n3000bmc_hwmon)")
    assert (found["power_watts"], found["temperature_celsius"]) == (54.12, 61.5)


def test_an_intel_fpga_without_a_controller(tmp_path: Path):
    for at, (name, power) in enumerate(
        [("dfl_fme_thermal", "1"), ("dfl_fme_power", "18000000"), ("dfl_fme_power", "0")]
    ):
        place = f"/sys/bus/platform/devices/dfl-fme.{at}/hwmon/hwmon{at}"
        planted(
            tmp_path,
            f"{place}/name = {name}\n{place}/power1_input = {power}\n{place}/power1_fpga_limit = 60000000",
        )
    first, second = tree("intel_fpga_fme", tmp_path)
    assert (first["power_watts"], first["power_limit_watts"]) == (18.0, 60.0)
    assert second["power_watts"] is None
    assert not preset("intel_fpga_fme").source.unasked, "a board's own meter contains it"
