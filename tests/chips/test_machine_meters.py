"""Meters of the whole machine: its controller by DCMI, its firmware by ACPI; NVIDIA Grace's sockets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chips.presets import CHIPS, SAMPLES, planted, preset, read, sample, tree
from perfwatch_collectors.described.collector import DescribedOptions, class_from, class_of

from perfwatch.model import DeviceKind, Sample, Scope

IPMITOOL = (SAMPLES / "ipmi/ipmitool-dcmi-power-reading.txt").read_text()
FREEIPMI = """Current Power                        : 332 Watts
Minimum Power over sampling duration : 68 watts
Maximum Power over sampling duration : 504 watts
Average Power over sampling duration : 348 watts
Time Stamp                           : 11/03/2023 - 08:36:29
Statistics reporting time period     : 2685198000 milliseconds
Power Measurement                    : Active
"""
"""As the tests of an exporter have it (ceems)."""


def test_the_reading_of_ipmitool():
    assert sample("ipmi_dcmi", "ipmi/ipmitool-dcmi-power-reading.txt") == [
        {
            "id": "dcmi",
            "name": "management controller (DCMI)",
            "parent": None,
            "index": 0,
            "power_watts": 173.0,
        }
    ]
    of = preset("ipmi_dcmi")
    assert (of.device.kind, of.device.scope, of.source.unasked) == (DeviceKind.METER, Scope.NODE, False)


def test_the_reading_of_freeipmi():
    assert [one["power_watts"] for one in read("ipmi_dcmi", FREEIPMI)] == [332.0]


@pytest.mark.parametrize("watts", ["0 Watts", "65535 Watts", "N/A", ""])
def test_a_controller_that_has_not_measured_tells_nothing(watts: str):
    (meter,) = read("ipmi_dcmi", IPMITOOL.replace("173 Watts", watts))
    assert meter["power_watts"] is None


@pytest.mark.parametrize(
    "said",
    [
        IPMITOOL.replace("activated", "deactivated"),
        FREEIPMI.replace("Active", "Not Available"),
        IPMITOOL[: IPMITOOL.index("Sampling")],
        "DCMI request failed because: Invalid command",
        "",
    ],
)
def test_a_measurement_that_is_not_active_is_no_meter(said: str):
    assert read("ipmi_dcmi", said) == []


ACPI = "/sys/bus/acpi/drivers/power_meter"


def test_the_meter_of_the_firmware_where_old_and_new_kernels_have_it(tmp_path: Path):
    planted(
        tmp_path,
        f"""
        {ACPI}/ACPI000D:00/power1_average = 245000000
        {ACPI}/ACPI000D:01/hwmon/hwmon2/power1_average = 250000000
        {ACPI}/ACPI000D:02/hwmon/hwmon3/power1_average = 0
        {ACPI}/ACPI000D:04/power1_model_number = a meter that answers nothing
        {ACPI}/ACPI000D:03/power1_average = 100000000
        {ACPI}/ACPI000D:03/power1_oem_info = Grace Power Socket 0
        """,
    )
    devices = tree("acpi_meter", tmp_path)
    assert [(one["id"], one["power_watts"]) for one in devices] == [
        ("ACPI000D:00", 245.0),
        ("ACPI000D:01", 250.0),
        ("ACPI000D:02", None),
    ]
    assert preset("acpi_meter").device.scope is Scope.NODE


@pytest.mark.parametrize(
    ("told", "stated", "gain_ratio"),
    [
        ("90.0%", "", 0.1),
        ("1.5%", "", 0.015),
        ("0.0%", "", None),
        ("", "", None),
        ("90.0%", "2%", 0.02),
    ],
)
def test_the_meter_of_the_firmware_is_as_accurate_as_it_says_or_somebody_states(
    tmp_path: Path, told: str, stated: str, gain_ratio: float | None
):
    folder = f"{ACPI}/ACPI000D:00/hwmon/hwmon2"
    planted(tmp_path, f"{folder}/power1_average = 245000000")
    if told:
        planted(tmp_path, f"{folder}/power1_accuracy = {told}")
    options = DescribedOptions(root=str(tmp_path), accuracy=stated)
    collector = class_from(preset("acpi_meter"))(options)
    (device,) = collector.open()
    assert [metric.gain_ratio for metric in device.metrics] == [gain_ratio]
    (sample,) = collector.read([device])
    assert isinstance(sample, Sample)
    assert sample.values == (245.0,)
    collector.close()


def test_a_grace_is_its_sockets_and_not_their_rails(tmp_path: Path):
    for at, (name, watts) in enumerate([("Module", 620), ("Grace", 150), ("CPU", 125), ("SysIO", 9)]):
        planted(
            tmp_path,
            f"{ACPI}/NVDA200{at}:00/hwmon/hwmon{at}/power1_oem_info = {name} Power Socket 0\n"
            f"{ACPI}/NVDA200{at}:00/hwmon/hwmon{at}/power1_average = {watts}000000",
        )
    assert tree("grace", tmp_path) == [
        {
            "id": "Grace Power Socket 0",
            "name": "NVIDIA Grace",
            "parent": None,
            "index": 0,
            "power_watts": 150.0,
        }
    ]
    assert tree("acpi_meter", tmp_path) == []
    assert (preset("grace").device.kind, preset("grace").device.scope) == (DeviceKind.CPU, Scope.CPU)


CRAY = "/sys/cray/pm_counters"


@pytest.mark.parametrize("time", ["", " 1595358391224432 us"])
def test_a_cray_node_counts_its_energy(tmp_path: Path, time: str):
    planted(
        tmp_path,
        f"{CRAY}/power = 245 W{time}\n{CRAY}/energy = 1441236 J{time}\n"
        f"{CRAY}/cpu_power = 102 W{time}\n{CRAY}/memory_power = 31 W{time}\n{CRAY}/freshness = 1234{time}",
    )
    assert tree("cray_pm", tmp_path) == [
        {
            "id": "cray-pm_counters",
            "name": "Cray node",
            "parent": None,
            "index": 0,
            "power_watts": 245.0,
            "energy_joules_total": 1441236.0,
            "cpu_watts": 102.0,
            "memory_watts": 31.0,
        }
    ]
    of = preset("cray_pm")
    assert (of.device.kind, of.device.scope, of.source.unasked) == (DeviceKind.METER, Scope.NODE, True)


def test_counters_of_a_cray_that_count_nothing_are_no_meter(tmp_path: Path):
    assert tree("cray_pm", planted(tmp_path, f"{CRAY}/version = 2\n{CRAY}/generation = 7")) == []


SLURM = """AcctGatherEnergyType    = acct_gather_energy/{plugin}
NodeName=nid0007 Arch=x86_64 CoresPerSocket=32 CPUAlloc=64 CPUTot=128 State=MIXED CapWatts=n/a CurrentWatts={watts} {more}
"""  # noqa: E501 - as it is printed
NEW, OLD = "AveWatts=301 ExtSensorsJoules=n/s", "LowestJoules=12 ConsumedJoules=99"


@pytest.mark.parametrize("more", [NEW, OLD])
def test_the_power_that_slurm_knows_of_its_node(more: str):
    (meter,) = read("slurm", SLURM.format(plugin="ipmi", watts=413, more=more))
    assert (meter["id"], meter["power_watts"]) == ("slurm-nid0007", 413.0)
    of = preset("slurm")
    assert (of.device.kind, of.device.scope, of.source.unasked) == (DeviceKind.METER, Scope.NODE, False)


@pytest.mark.parametrize(
    ("plugin", "watts"),
    [("ipmi", "0"), ("ipmi", "n/s"), ("none", "0"), ("rapl", "113"), ("gpu", "900"), ("(null)", "0")],
)
def test_where_slurm_measures_no_node_there_is_no_meter(plugin: str, watts: str):
    assert read("slurm", SLURM.format(plugin=plugin, watts=watts, more=NEW)) == []
    assert read("slurm", "slurm_load_node error: Unable to contact slurm controller") == []


def test_slurm_is_asked_for_the_node_on_which_the_job_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tool = tmp_path / "scontrol"
    tool.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = show ]; then echo "AcctGatherEnergyType    = acct_gather_energy/xcc"; exit; fi\n'
        'echo "NodeName=$4 State=MIXED CurrentWatts=377 AveWatts=301"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURMD_NODENAME", "nid0042")
    collector = class_of(str(CHIPS / "slurm.toml"))()
    (device,) = collector.open()
    assert device.name == "Slurm node nid0042"
    (sample,) = collector.read([device])
    assert sample.values == (377.0,)
    collector.close()
