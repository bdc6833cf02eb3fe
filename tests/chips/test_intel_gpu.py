"""Intel's discrete GPUs: energy counters of i915 and xe, and rows of xpu-smi dump."""

from __future__ import annotations

from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, preset, read, tree
from perfwatch_collectors.described.devices import Rates, devices_in
from perfwatch_collectors.described.directories import Directories

CARD = "/sys/class/drm/card1/device"
ARC = "/sys/devices/pci0000:00/0000:03:00.0"
I915 = f"""
{ARC}/vendor = 0x8086
{ARC}/device = 0x56a0
{ARC}/driver -> /sys/bus/pci/drivers/i915
/sys/bus/pci/drivers/i915/module = i915
{ARC}/hwmon/hwmon3/name = i915
{ARC}/hwmon/hwmon3/energy1_input = 500000000
{ARC}/hwmon/hwmon3/power1_max = 190000000
{ARC}/hwmon/hwmon3/temp1_input = 47000
{ARC}/hwmon/hwmon4/name = i915_gt0
{ARC}/hwmon/hwmon4/energy1_input = 77
{ARC}/drm/card1/gt_act_freq_mhz = 2400
{CARD} -> {ARC}
/sys/class/drm/card1-DP-1/status = connected
"""
XE = f"""
{ARC}/vendor = 0x8086
{ARC}/device = 0xe20b
{ARC}/hwmon/hwmon3/name = xe
{ARC}/hwmon/hwmon3/energy2_input = 4000000
{ARC}/hwmon/hwmon3/power2_max = 0
{ARC}/hwmon/hwmon3/temp2_input = 51000
{ARC}/hwmon/hwmon3/temp3_input = 56000
{ARC}/tile0/gt0/freq0/act_freq = 0
{CARD} -> {ARC}
"""
"""Names and units as the kernel's ABI documents have them; the numbers are ours."""


def test_a_card_of_i915_counts_its_energy_once_whatever_its_tiles_count(tmp_path: Path):
    assert tree("intel_gpu", planted(tmp_path, I915)) == [
        {
            "id": "0000:03:00.0",
            "name": "Intel GPU (i915, 0x56a0)",
            "parent": None,
            "index": 0,
            "energy_joules_total": 500.0,
            "power_watts": 500.0,  # the total, from which the collector tells the growth
            "power_limit_watts": 190.0,
            "temperature_celsius": 47.0,
            "sm_clock_hertz": 2.4e9,
        }
    ]


def test_power_is_the_growth_of_energy(tmp_path: Path):
    of, times = preset("intel_gpu"), iter([0.0, 2.0, 3.0])
    rates, told = Rates(lambda: next(times)), []
    for energy_uj in (500_000_000, 740_000_000, 100):
        planted(tmp_path, I915.replace("500000000", str(energy_uj)).replace(f"{CARD} -> {ARC}", ""))
        if not told:
            planted(tmp_path, f"{CARD} -> {ARC}")
        if (tmp_path / f"{ARC.lstrip('/')}/driver").is_symlink():
            (tmp_path / f"{ARC.lstrip('/')}/driver").unlink()
        (found,) = devices_in(Directories(tmp_path, of.source.directory, "").records(), of)
        told.append(rates.of(found).values[1])
    assert told == [None, 120.0, None]


def test_a_card_of_xe_that_tells_the_chips_energy_alone(tmp_path: Path):
    (card,) = tree("intel_gpu", planted(tmp_path, XE))
    assert (card["energy_joules_total"], card["temperature_celsius"]) == (4.0, 51.0)
    assert card["memory_temperature_celsius"] == 56.0
    assert card["power_limit_watts"] is None
    assert card["sm_clock_hertz"] is None, "the clock of a GPU that sleeps is 0"


def test_the_gpu_of_a_processor_and_other_vendors_are_left_out(tmp_path: Path):
    planted(tmp_path, f"{CARD}/vendor = 0x8086\n{CARD}/gt_act_freq_mhz = 300")
    planted(tmp_path, "/sys/class/drm/card2/device/vendor = 0x1002")
    planted(tmp_path, "/sys/class/drm/card2/device/hwmon/hwmon1/name = amdgpu")
    assert tree("intel_gpu", tmp_path) == []


def test_a_card_that_sleeps_is_left_asleep(tmp_path: Path):
    assert tree("intel_gpu", planted(tmp_path, f"{XE}{ARC}/power/runtime_status = suspended")) == []


# -- xpu-smi -----------------------------------------------------------------------------------------------

CAPTURED = (SAMPLES / "intel-gpu/xpu-smi-dump-max1550.csv").read_text()
DUMP = "\n".join(
    line + (", GPU Memory Used (MiB)" if "Timestamp" in line else ", 1234.50")
    for line in CAPTURED.strip().splitlines()
)
"""The captured rows of two GPUs, with the column of memory that we ask for besides."""


def test_of_each_gpu_the_newest_row_counts():
    first, second = read("intel_xpu_smi", DUMP)
    assert first == {
        "id": "xpu-smi 0",
        "name": "Intel GPU",
        "parent": None,
        "index": 0,
        "power_watts": 409.54,
        "utilization_ratio": None,
        "memory_filled_ratio": pytest.approx(0.2041),
        "memory_used_bytes": 1234.5 * 2**20,
        "temperature_celsius": 40.5,
        "memory_temperature_celsius": 34.5,
        "sm_clock_hertz": 1.6e9,
    }
    assert (second["index"], second["power_watts"]) == (1, 287.05)


def test_rows_without_titles_and_a_row_that_is_torn_off():
    rows = DUMP.splitlines()
    told = read("intel_xpu_smi", "\n".join([*rows[1:3], rows[3][:30]]))
    assert [(one["index"], one["power_watts"]) for one in told] == [(0, 281.13), (1, 286.48)]
    assert read("intel_xpu_smi", rows[0]) == []
    assert read("intel_xpu_smi", "Error: device not found") == []


def test_a_gpu_that_tells_its_utilization():
    (one,) = read("intel_xpu_smi", DUMP.splitlines()[1].replace("N/A", " 87.50", 1))
    assert one["utilization_ratio"] == pytest.approx(0.875)
