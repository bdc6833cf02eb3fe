"""NPUs beside or in a processor, and small modules: Intel, Rockchip, Hailo, Axera, DEEPX, Coral."""

from __future__ import annotations

from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, preset, read, tree
from perfwatch_collectors.described.devices import Rates, devices_in
from perfwatch_collectors.described.directories import Directories

# -- Intel -------------------------------------------------------------------------------------------------

VPU = "/sys/bus/pci/drivers/intel_vpu/0000:00:0b.0"


def utilization(root: Path, *readings: tuple[float, int]) -> list[float | None]:
    """What is told of the busy time at each of these times."""
    of = preset("intel_npu")
    times = iter([at for at, _ in readings])
    rates, told = Rates(lambda: next(times)), []
    for _, busy_us in readings:
        planted(root, f"{VPU}/npu_busy_time_us = {busy_us}")
        (found,) = devices_in(Directories(root, of.source.directory, "").records(), of)
        told.append(rates.of(found).values[0])
    return told


def test_an_intel_npu_is_busy_as_its_time_grows(tmp_path: Path):
    assert utilization(tmp_path, (0.0, 1_000_000), (2.0, 2_500_000), (3.0, 2_500_000)) == [None, 0.75, 0.0]
    assert utilization(tmp_path, (0.0, 9_000_000), (1.0, 5_000)) == [None, None], "the driver was loaded anew"


def test_an_intel_npu_of_an_older_kernel_and_one_that_sleeps(tmp_path: Path):
    planted(
        tmp_path,
        f"""
        {VPU}/device = 0x7d1d
        {VPU}/freq/current_freq = 0
        /sys/bus/pci/drivers/intel_vpu/0000:01:0b.0/npu_current_frequency_mhz = 1400
        /sys/bus/pci/drivers/intel_vpu/0000:01:0b.0/npu_memory_utilization = 67108864
        """,
    )
    first, second = tree("intel_npu", tmp_path)
    assert first == {
        "id": "0000:00:0b.0",
        "name": "Intel NPU",
        "parent": None,
        "index": 0,
        "sm_clock_hertz": None,
    }
    assert (second["sm_clock_hertz"], second["memory_used_bytes"]) == (1.4e9, 67108864.0)


# -- Rockchip ----------------------------------------------------------------------------------------------


def rockchip(root: Path, load: str | None) -> dict[str, object]:
    planted(
        root,
        r"""
        /sys/class/devfreq/fdab0000.npu/cur_freq = 600000000
        /sys/class/devfreq/fdab0000.npu/device/of_node/compatible = rockchip,rk3588-rknpu
        /sys/class/devfreq/ff9a0000.npu/device/of_node/compatible = another,npu
        """,
    )
    if load is not None:
        planted(root, f"/sys/kernel/debug/rknpu/load = {load}")
    (npu,) = tree("rockchip", root)
    return npu


@pytest.mark.parametrize(
    ("load", "told"),
    [
        ((SAMPLES / "rockchip/rknpu-load-three-core.txt").read_text().strip(), (0.25 + 0.50 + 1.00) / 3),
        ((SAMPLES / "rockchip/rknpu-load-single.txt").read_text().strip(), 0.0),
        ("NPU0: 100%,", 1.0),
        ("NPU load:  Core0:  0%, Core1:", 0.0),
        ("NPU load:", None),
    ],
)
def test_the_load_of_a_rockchip_is_the_mean_of_its_cores(tmp_path: Path, load: str, told: float | None):
    npu = rockchip(tmp_path, load)
    assert (npu["id"], npu["sm_clock_hertz"]) == ("fdab0000.npu", 6e8)
    assert npu["utilization_ratio"] == (told if told is None else pytest.approx(told))


def test_who_is_not_root_reads_the_clock_alone(tmp_path: Path):
    assert "utilization_ratio" not in rockchip(tmp_path, None)


# -- modules -----------------------------------------------------------------------------------------------


def test_a_hailo_tells_its_power_once_a_call():
    told = "Executing on device: 0000:01:00.0\nCurrent power consumption (W): 2.1375\n"
    assert read("hailo", told) == [
        {"id": "0000:01:00.0", "name": "Hailo", "parent": None, "index": 0, "power_watts": 2.1375}
    ]
    (older,) = read("hailo", "Current power consumption (W): 1.5")
    assert (older["id"], older["power_watts"]) == ("hailo-0", 1.5)
    two = read("hailo", told + told.replace("0000:01", "0000:02").replace("2.1375", "0"))
    assert [one["power_watts"] for one in two] == [2.1375, None]


@pytest.mark.parametrize(
    "said",
    ["", "Failed power measurement, status HAILO_UNSUPPORTED_OPCODE(5)", "Current power consumption (W):"],
)
def test_a_hailo_without_a_monitor_is_no_device(said: str):
    assert read("hailo", said) == []


AXCL = (SAMPLES / "axera/axcl-smi-v3.10.2.txt").read_text()


def test_an_axera_module():
    assert read("axera", AXCL) == [
        {
            "id": "0001:01:00.0",
            "name": "Axera AX8850",
            "parent": None,
            "index": 0,
            "power_watts": None,
            "utilization_ratio": 0.0,
            "temperature_celsius": 41.0,
            "memory_used_bytes": 18 * 2**20,
            "memory_total_bytes": 7040 * 2**20,
            "module_cpu_ratio": 0.02,
        }
    ]


def test_two_axera_modules_one_of_them_busy():
    busy = (
        AXCL.replace("|    0  AX8850", "|    1  AX8850")
        .replace("0001:01", "0002:01")
        .replace("  0% |", " 87% |")
    )
    first, second = read("axera", AXCL + busy)
    assert (first["index"], second["index"]) == (0, 1)
    assert second["utilization_ratio"] == pytest.approx(0.87)
    assert read("axera", AXCL[: AXCL.index("-- / --")]) == [], "a half of a device is none"


DXRT = (SAMPLES / "deepx/dxrt-cli-s-v3.2.0.txt").read_text()


def test_a_deepx_module_is_as_hot_as_its_hottest_core():
    assert read("deepx", DXRT) == [
        {
            "id": "02:00:00",
            "name": "DEEPX M1",
            "parent": None,
            "index": 0,
            "temperature_celsius": 29.0,
            "sm_clock_hertz": 1e9,
            "memory_total_bytes": pytest.approx(3.92 * 2**30),
        }
    ]


def test_two_deepx_modules_one_without_its_bus():
    second = "\n".join(line for line in DXRT.splitlines() if "PCIe   :" not in line)
    devices = read("deepx", second.replace("Device 0", "Device 1").replace("29'C", "N/A") + "\n" + DXRT)
    assert [(one["id"], one["temperature_celsius"]) for one in devices] == [
        ("deepx-0", 28.0),
        ("02:00:00", 29.0),
    ]


def test_a_coral_tells_its_temperature(tmp_path: Path):
    planted(
        tmp_path,
        """
        /sys/devices/pci0000:00/0000:03:00.0/vendor = 0x1ac1
        /sys/class/apex/apex_0/temp = 46050
        /sys/class/apex/apex_0/device -> /sys/devices/pci0000:00/0000:03:00.0
        /sys/class/apex/apex_1/temp = -89000000
        """,
    )
    first, second = tree("coral", tmp_path)
    assert (first["id"], first["temperature_celsius"]) == ("0000:03:00.0", pytest.approx(46.05))
    assert (second["id"], second["temperature_celsius"]) == ("coral-1", None)
