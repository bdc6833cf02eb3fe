"""AMD GPUs: files of amdgpu, amd-smi of two generations, rocm-smi."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chips.presets import SAMPLES, planted, preset, read, sample, tree
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import joined, records

MIB = 2**20

# -- files -------------------------------------------------------------------------------------------------

PCI = "/sys/bus/pci/drivers/amdgpu"
BOARD = f"""
{PCI}/0000:83:00.0/device = 0x740c
{PCI}/0000:83:00.0/unique_id = 79ccd55167a2124a
{PCI}/0000:83:00.0/product_name = AMD Instinct MI250X
{PCI}/0000:83:00.0/power/runtime_status = unsupported
{PCI}/0000:83:00.0/gpu_busy_percent = 97
{PCI}/0000:83:00.0/mem_busy_percent = 31
{PCI}/0000:83:00.0/mem_info_vram_total = 68702699520
{PCI}/0000:83:00.0/mem_info_vram_used = 34359738368
{PCI}/0000:83:00.0/hwmon/hwmon5/power1_average = 412000000
{PCI}/0000:83:00.0/hwmon/hwmon5/power1_cap = 560000000
{PCI}/0000:83:00.0/hwmon/hwmon5/temp1_input = 53000
{PCI}/0000:83:00.0/hwmon/hwmon5/temp1_label = edge
{PCI}/0000:83:00.0/hwmon/hwmon5/temp2_input = 61000
{PCI}/0000:83:00.0/hwmon/hwmon5/temp2_label = junction
{PCI}/0000:83:00.0/hwmon/hwmon5/temp3_input = 58000
{PCI}/0000:83:00.0/hwmon/hwmon5/temp3_label = mem
{PCI}/0000:83:00.0/hwmon/hwmon5/freq1_input = 1700000000
{PCI}/0000:83:00.0/hwmon/hwmon5/freq2_input = 1600000000
"""
"""Names and units as the kernel's document has them; the numbers are ours."""


def test_a_board_by_its_drivers_files(tmp_path: Path):
    assert tree("amd", planted(tmp_path, BOARD)) == [
        {
            "id": "0000:83:00.0",
            "name": "AMD GPU AMD Instinct MI250X",
            "parent": None,
            "index": 0,
            "power_watts": 412.0,
            "power_limit_watts": 560.0,
            "utilization_ratio": pytest.approx(0.97),
            "memory_utilization_ratio": pytest.approx(0.31),
            "memory_used_bytes": 34359738368.0,
            "memory_total_bytes": 68702699520.0,
            "temperature_celsius": 61.0,
            "memory_temperature_celsius": 58.0,
            "sm_clock_hertz": 1.7e9,
            "memory_clock_hertz": 1.6e9,
        }
    ]


def test_the_second_die_of_a_board_tells_no_power_and_a_radeon_the_power_of_the_moment(tmp_path: Path):
    planted(tmp_path, BOARD)
    planted(
        tmp_path,
        f"""
        {PCI}/0000:84:00.0/device = 0x740c
        {PCI}/0000:84:00.0/hwmon/hwmon6/power1_average = 0
        {PCI}/0000:85:00.0/device = 0x744c
        {PCI}/0000:85:00.0/hwmon/hwmon7/power1_input = 285000000
        {PCI}/0000:85:00.0/hwmon/hwmon7/temp1_input = 54000
        {PCI}/0000:85:00.0/pp_dpm_sclk = 0: 500Mhz \\n1: 2774Mhz *\\n
        {PCI}/0000:85:00.0/pp_dpm_mclk = 0: 96Mhz \\n1: 1258Mhz *\\n
        """,
    )
    _, second, radeon = tree("amd", tmp_path)
    assert second["power_watts"] is None
    assert (radeon["name"], radeon["power_watts"]) == ("AMD GPU 0x744c", 285.0)
    assert (radeon["temperature_celsius"], radeon["sm_clock_hertz"]) == (54.0, 2.774e9)
    assert radeon["memory_clock_hertz"] == 1.258e9
    assert "utilization_ratio" not in radeon, "a file that is not there is no zero"


@pytest.mark.parametrize("status", ["suspended", "suspending", "resuming"])
def test_a_board_that_sleeps_is_left_asleep(tmp_path: Path, status: str):
    planted(tmp_path, BOARD.replace("= unsupported", f"= {status}"))
    assert tree("amd", tmp_path) == []


def apu(root: Path) -> Path:
    """The public tree of an APU, with the driver's link to it."""
    card = "/sys/class/drm/card0/device"
    listing = (SAMPLES / "amd/sysfs-tree-strix-apu.txt").read_text()
    listing = listing.replace(" \n1:", "\\n1:").replace("*\n1:", "*\\n1:")
    listing = "\n".join(listing.split("\n"))
    for number in range(1, 8):
        listing = listing.replace(f"\n{number}: ", f"\\n{number}: ")
    kept = "\n".join(line for line in listing.splitlines() if line.startswith(card))
    return planted(root, f"{kept}\n{PCI}/0000:c3:00.0 -> {card}")


def test_the_gpu_of_a_processor_is_no_board_and_its_power_is_not_summed(tmp_path: Path):
    apu(tmp_path)
    assert tree("amd", tmp_path) == []
    assert tree("amd_apu", tmp_path) == [
        {
            "id": "0000:c3:00.0",
            "name": "AMD APU 0x1586",
            "parent": None,
            "index": 0,
            "utilization_ratio": pytest.approx(0.10),
            "memory_used_bytes": 79949824.0 + 79949824.0,
            "memory_total_bytes": 17179869184.0 + 2147483648.0,
            "temperature_celsius": 24.0,
            "sm_clock_hertz": 551e6,
        }
    ]
    planted(tmp_path, "/sys/class/drm/card0/device/hwmon/hwmon0/power1_input = 27000000")
    (one,) = tree("amd_apu", tmp_path)
    assert (one["package_power_watts"], "power_watts" in one) == (27.0, False)
    assert tree("amd_apu", planted(tmp_path / "boards", BOARD)) == []


# -- amd-smi -----------------------------------------------------------------------------------------------

STATIC = {
    "gpu_data": [
        {
            "gpu": gpu,
            "asic": {"market_name": "AMD Instinct MI300X", "asic_serial": f"0x6F1F0A2B3C4D5E6{gpu}"},
            "bus": {"bdf": bus},
            "driver": {"name": "amdgpu", "version": "6.19.14"},
        }
        for gpu, bus in [(0, "0000:83:00.0"), (1, "0000:93:00.0")]
    ]
}
"""The shape of a public capture of ROCm 10; gpu is what metric says as well."""


def with_static(metric: object, static: object = STATIC) -> dict[str, dict[str, object]]:
    """What both commands tell together, by device."""
    of = preset("amd_smi")
    told, more = (records(json.dumps(one).encode(), of.read) for one in (metric, static))
    return {
        one.device.id: {
            "name": one.device.name,
            **dict(zip([metric.name for metric in one.device.metrics], one.sample().values, strict=True)),
        }
        for one in devices_in(joined(told, more, of.read.join), of)
    }


def test_amd_smi_of_rocm_7_on_a_busy_and_an_idle_instinct():
    busy, idle = sample("amd_smi", "amd/amd-smi-metric-mi300x-rocm7.2.1-trimmed.json")
    assert busy == {
        "id": "0",
        "name": "amd_smi",
        "parent": None,
        "index": 0,
        "power_watts": 612.0,
        "utilization_ratio": pytest.approx(0.94),
        "memory_utilization_ratio": pytest.approx(0.61),
        "memory_used_bytes": 17153 * MIB,
        "memory_total_bytes": 196592 * MIB,
    }
    assert (idle["power_watts"], idle["utilization_ratio"], idle["memory_utilization_ratio"]) == (
        None,
        0.0,
        None,
    )
    assert idle["memory_used_bytes"] == 284 * MIB


def test_amd_smi_of_a_radeon_whose_energy_is_zero():
    (one,) = sample("amd_smi", "amd/amd-smi-metric-radeon-rocm7-trimmed.json")
    assert one == {
        "id": "0",
        "name": "amd_smi",
        "parent": None,
        "index": 0,
        "power_watts": 285.0,
        "utilization_ratio": pytest.approx(0.91),
        "memory_utilization_ratio": pytest.approx(0.66),
        "memory_used_bytes": 20450 * MIB,
        "memory_total_bytes": 30576 * MIB,
        "temperature_celsius": 63.0,
        "memory_temperature_celsius": 70.0,
        "sm_clock_hertz": 2.774e9,
        "memory_clock_hertz": 1.258e9,
        "ecc_corrected_errors_total": 0.0,
        "ecc_uncorrected_errors_total": 0.0,
    }


def test_amd_smi_of_rocm_6_prints_a_list_and_what_was_not_asked_for_is_not_there():
    (one,) = sample("amd_smi", "amd/amd-smi-metric-usage-w7700-rocm6-bare-array.json")
    assert (one["utilization_ratio"], one["memory_utilization_ratio"]) == (0.42, 0.01)
    assert "power_watts" not in one


def metric(gpu: int, watts: object, joules: float) -> dict[str, object]:
    return {
        "gpu": gpu,
        "power": {"socket_power": {"value": watts, "unit": "W"}},
        "energy": {"total_energy_consumption": {"value": joules, "unit": "J"}},
    }


def test_an_instinct_is_known_by_its_bus_address_and_counts_its_energy():
    told = with_static({"gpu_data": [metric(0, 137, 20909145.914), metric(1, "N/A", 0.0)]})
    assert told == {
        "0000:83:00.0": {
            "name": "AMD Instinct MI300X",
            "power_watts": 137.0,
            "energy_joules_total": 20909145.914,
        },
        "0000:93:00.0": {"name": "AMD Instinct MI300X", "power_watts": None, "energy_joules_total": None},
    }


@pytest.mark.parametrize("name", ["AMD Instinct MI100", "AMD Radeon RX 9070 XT", "N/A"])
def test_a_counter_that_is_known_to_be_wrong_is_not_read(name: str):
    static = json.loads(json.dumps(STATIC).replace("AMD Instinct MI300X", name))
    told = with_static([metric(0, 35, 16.43)], static)
    assert "energy_joules_total" not in told["0000:83:00.0"]
    assert told["0000:83:00.0"]["power_watts"] == 35.0


def test_a_partition_that_is_not_the_first_tells_no_power_whether_it_says_so_or_zero():
    told = with_static([metric(0, 500, 9.0), metric(1, 0, 0.0)])
    assert told["0000:93:00.0"]["power_watts"] is None


@pytest.mark.parametrize("said", ['{"error": "no driver"}', '{"gpu_data": []}', "[]"])
def test_amd_smi_without_a_gpu(said: str):
    assert read("amd_smi", said) == []


# -- rocm-smi ----------------------------------------------------------------------------------------------


def test_rocm_smi_of_two_instincts():
    first, second = sample("amd_rocm_smi", "amd/rocm-smi-mi100-rocm6.0.2.json")
    assert first == {
        "id": "0000:83:00.0",
        "name": "Arcturus GL-XL [Instinct MI100]",
        "parent": None,
        "index": 0,
        "power_watts": 36.0,
        "power_limit_watts": 290.0,
        "utilization_ratio": 0.0,
        "memory_used_bytes": 6750208.0,
        "memory_total_bytes": 34342961152.0,
        "temperature_celsius": 55.0,
        "memory_temperature_celsius": 53.0,
        "sm_clock_hertz": 3e8,
        "memory_clock_hertz": 1.2e9,
    }
    assert (second["id"], second["power_watts"]) == ("0000:A3:00.0", 44.0)


def test_rocm_smi_of_a_radeon_that_idles():
    (one,) = sample("amd_rocm_smi", "amd/rocm-smi-rx6700xt-rocm6.1.2.json")
    assert one["name"] == "Navi 22 [Radeon RX 6700/6700 XT / 6800M]"
    assert (one["power_watts"], one["utilization_ratio"], one["memory_utilization_ratio"]) == (6.0, 0.0, 0.0)
    assert one["sm_clock_hertz"] is None, "0 MHz: the clock is switched off"
    assert one["temperature_celsius"] == 47.0


@pytest.mark.parametrize(
    ("key", "said", "told"),
    [
        ("Current Socket Graphics Package Power (W)", "131.0", 131.0),
        ("Average Graphics Package Power (W)", "N/A", None),
        ("Average Graphics Package Power (W)", "0.0", None),
    ],
)
def test_names_of_power_of_several_versions(key: str, said: str, told: float | None):
    (one,) = read("amd_rocm_smi", json.dumps({"card0": {key: said}, "system": {}}))
    assert (one["id"], one["power_watts"]) == ("card0", told)


def test_the_energy_counter_of_an_instinct_that_counts():
    card = {
        "Card series": "AMD INSTINCT MI250 (MCM) OAM AC MBA",
        "Accumulated Energy (uJ)": "962825096297442.9",
    }
    (one,) = read("amd_rocm_smi", json.dumps({"card0": card}))
    assert one["energy_joules_total"] == pytest.approx(962825096.2974429)
    (other,) = read("amd_rocm_smi", json.dumps({"card0": {**card, "Card series": "Instinct MI100"}}))
    assert "energy_joules_total" not in other
