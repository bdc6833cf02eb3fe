"""Pages of exporters: recognised by their names, read into devices, counted once."""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import records
from perfwatch_collectors.described.language import load
from perfwatch_collectors.exporter import ExporterCollector, ExporterOptions
from perfwatch_collectors.exporter_pages import FOLDER, recognised

from perfwatch.errors import CollectorError, ConfigError, TryAgain, Unavailable
from perfwatch.model import Appeared, DeviceKind, Event, Gone, Sample, Scope
from perfwatch.testing import check_contract
from perfwatch.workload.exposition import Page

sys.path.append(str(Path(__file__).parent.parent / "collectors"))
sys.path.append(str(Path(__file__).parent.parent / "cli"))
from commandline import perfwatch
from serving import page, serving

CAPTURED = Path(__file__).parent.parent / "data" / "exporters"

DCGM = """
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",modelName="NVIDIA A100",DCGM_FI_DRIVER_VERSION="550.1"} 61.3
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-1"} 123456
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1"} 87
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-1"} 1024
DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-1"} 41
DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-1"} 1410
DCGM_FI_DEV_MEMORY_TEMP{gpu="0",UUID="GPU-1"} 9223372036854775794
"""
AMD = """
gpu_package_power{gpu_id="0",gpu_uuid="U0",card_model="MI300X",gpu_partition_id="0"} 512
gpu_package_power{gpu_id="1",gpu_uuid="U1",card_model="MI300X",gpu_partition_id="1"} 0
gpu_energy_consumed{gpu_id="0",gpu_uuid="U0"} 5000000
gpu_gfx_activity{gpu_id="0",gpu_uuid="U0"} 98
gpu_used_vram{gpu_id="0",gpu_uuid="U0"} 1000
"""
ALL_SMI = """
all_smi_gpu_power_consumption_watts{gpu="RTX 4090",gpu_uuid="GPU-x",gpu_index="0",instance="h"} 320.5
all_smi_gpu_utilization{gpu="RTX 4090",gpu_uuid="GPU-x",gpu_index="0",instance="h"} 99
all_smi_gpu_memory_used_bytes{gpu="RTX 4090",gpu_uuid="GPU-x",gpu_index="0",instance="h"} 1073741824
"""
KEPLER = """
kepler_node_gpu_watts{gpu="0",gpu_uuid="GPU-k",gpu_name="T4",vendor="nvidia"} 26
kepler_node_gpu_joules_total{gpu="0",gpu_uuid="GPU-k",gpu_name="T4"} 1000
"""
IPMI = 'ipmi_dcmi_power_consumption_current_watts{id="1"} 214\nipmi_up{collector="dcmi"} 1\n'
RAPL = 'node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 258218.2\n'
TT = 'tt_tdp_w{hostname="h",tray="1",chip="0"} 62\ntt_ai_clock_mhz{hostname="h",tray="1",chip="0"} 800\n'


KEPLER_NODE = """
# TYPE kepler_node_cpu_joules_total counter
kepler_node_cpu_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:0",zone="package"} 1000
kepler_node_cpu_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:1",zone="package"} 1100
kepler_node_cpu_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:0:0",zone="core"} 600
kepler_node_cpu_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:0:1",zone="dram"} 200
kepler_node_cpu_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:2",zone="psys"} 9000
# TYPE kepler_node_cpu_watts gauge
kepler_node_cpu_watts{node_name="n",path="/sys/class/powercap/intel-rapl:0",zone="package"} 100
kepler_node_cpu_watts{node_name="n",path="/sys/class/powercap/intel-rapl:1",zone="package"} 110
kepler_node_cpu_active_joules_total{node_name="n",path="/sys/class/powercap/intel-rapl:0",zone="package"} 700
kepler_process_cpu_joules_total{pid="1",zone="package"} 50
# TYPE kepler_platform_watts gauge
kepler_platform_watts{source="redfish",node_name="n",bmc_id="b",chassis_id="1",power_control_id="PC1",power_control_name="Server Power Control"} 450
kepler_platform_watts{source="redfish",node_name="n",bmc_id="b",chassis_id="1",power_control_id="PC2",power_control_name="CPU Sub-system Power"} 210
"""  # noqa: E501
"""Names and labels of kepler's docs/user/metrics.md and of its platform collector; values invented."""
KEPLER_OLD = """
# TYPE kepler_node_platform_joules_total counter
kepler_node_platform_joules_total{instance="n",mode="dynamic",package="",source="acpi"} 2000
kepler_node_platform_joules_total{instance="n",mode="idle",package="",source="acpi"} 1500
# TYPE kepler_node_package_joules_total counter
kepler_node_package_joules_total{instance="n",mode="dynamic",package="0",source="intel_rapl"} 600
kepler_node_package_joules_total{instance="n",mode="idle",package="0",source="intel_rapl"} 400
kepler_node_package_joules_total{instance="n",mode="dynamic",package="1",source="intel_rapl"} 610
kepler_node_package_joules_total{instance="n",mode="idle",package="1",source="intel_rapl"} 400
kepler_node_core_joules_total{instance="n",mode="dynamic",package="0",source="intel_rapl"} 300
kepler_node_core_joules_total{instance="n",mode="idle",package="0",source="intel_rapl"} 100
kepler_node_dram_joules_total{instance="n",mode="dynamic",package="0",source="intel_rapl"} 10
kepler_node_dram_joules_total{instance="n",mode="idle",package="0",source="intel_rapl"} 5
kepler_node_gpu_joules_total{instance="n",mode="dynamic",package="0",source="nvidia-nvml"} 70
kepler_node_gpu_joules_total{instance="n",mode="idle",package="0",source="nvidia-nvml"} 30
"""
"""Names and labels of kepler's pkg/metrics before 0.10; values invented."""
NODE = """
# TYPE node_rapl_package_joules_total counter
node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 1000
node_rapl_package_joules_total{index="1",path="/sys/class/powercap/intel-rapl:1"} 1100
node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl-mmio:0"} 1000
# TYPE node_rapl_dram_joules_total counter
node_rapl_dram_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0:1"} 200
# TYPE node_rapl_core_joules_total counter
node_rapl_core_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0:0"} 600
# TYPE node_rapl_psys_joules_total counter
node_rapl_psys_joules_total{index="0",path="/sys/class/powercap/intel-rapl:2"} 9000
node_rapl_psys_joules_total{index="1",path="/sys/class/powercap/intel-rapl:3"} 8000
# TYPE node_hwmon_chip_names gauge
node_hwmon_chip_names{chip="0000:00:01_1_0000:03:00_0",chip_name="amdgpu"} 1
node_hwmon_chip_names{chip="i2c_1_1_0040",chip_name="ina3221"} 1
node_hwmon_chip_names{chip="i2c_1_1_0041",chip_name="ina3221"} 1
node_hwmon_chip_names{chip="lnxsybus:00_acpi000d:00",chip_name="power_meter"} 1
# TYPE node_hwmon_sensor_label gauge
node_hwmon_sensor_label{chip="0000:00:01_1_0000:03:00_0",label="edge",sensor="temp1"} 1
node_hwmon_sensor_label{chip="i2c_1_1_0040",label="VDD_IN",sensor="in1"} 1
# TYPE node_hwmon_power_average_watt gauge
node_hwmon_power_average_watt{chip="0000:00:01_1_0000:03:00_0",sensor="power1"} 33
node_hwmon_power_average_watt{chip="lnxsybus:00_acpi000d:00",sensor="power1"} 410
node_hwmon_power_average_interval_seconds{chip="lnxsybus:00_acpi000d:00",sensor="power1"} 1
# TYPE node_hwmon_power_watt gauge
node_hwmon_power_watt{chip="0000:00:01_1_0000:03:00_0",sensor="power1"} 35
# TYPE node_hwmon_energy_joule_total counter
node_hwmon_energy_joule_total{chip="0000:04:00_0",sensor="energy1"} 700
# TYPE node_hwmon_in_volts gauge
node_hwmon_in_volts{chip="i2c_1_1_0040",sensor="in1"} 5
node_hwmon_in_volts{chip="i2c_1_1_0040",sensor="in4"} 40
node_hwmon_in_volts{chip="i2c_1_1_0041",sensor="in1"} 5
# TYPE node_hwmon_curr_amps gauge
node_hwmon_curr_amps{chip="i2c_1_1_0040",sensor="curr1"} 2
node_hwmon_curr_amps{chip="i2c_1_1_0041",sensor="curr1"} 3
# TYPE node_hwmon_temp_celsius gauge
node_hwmon_temp_celsius{chip="0000:00:01_1_0000:03:00_0",sensor="temp1"} 44
node_hwmon_temp_celsius{chip="platform_jc42",sensor="temp1"} 33
node_hwmon_temp_fault{chip="platform_jc42",sensor="temp1"} 1
"""
"""Names of node_exporter's collector/rapl_linux.go and collector/hwmon_linux.go; values invented."""
DIES = """
# TYPE node_rapl_dram_joules_total counter
node_rapl_dram_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0:0"} 200
node_rapl_dram_joules_total{index="1",path="/sys/class/powercap/intel-rapl:1:0"} 210
# TYPE node_rapl_package_0_die_0_joules_total counter
node_rapl_package_0_die_0_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 1000
# TYPE node_rapl_package_0_die_1_joules_total counter
node_rapl_package_0_die_1_joules_total{index="0",path="/sys/class/powercap/intel-rapl:1"} 1100
# TYPE node_rapl_package_1_die_0_joules_total counter
node_rapl_package_1_die_0_joules_total{index="0",path="/sys/class/powercap/intel-rapl:2"} 1200
node_rapl_package_1_die_0_joules_total{index="1",path="/sys/class/powercap/intel-rapl-mmio:0"} 1200
"""
"""Names that node_exporter makes of the zones of a machine with several dies; values invented."""
CEEMS = """
ceems_ipmi_dcmi_current_watts{hostname=""} 5942
ceems_rapl_package_joules_total{hostname="",index="0",path="pkg/collector/testdata/sys/class/powercap/intel-rapl:0"} 258218.293244
ceems_rapl_package_joules_total{hostname="",index="1",path="pkg/collector/testdata/sys/class/powercap/intel-rapl:1"} 130570.505826
"""  # noqa: E501
"""Lines of the page of ceems_exporter's end-to-end test."""
TPU = """
# TYPE duty_cycle gauge
duty_cycle{accelerator_id="1234-4",container="w",make="cloud-tpu",model="tpu7x",namespace="n",pod="p",tpu_topology="2x2x2"} 42
duty_cycle_node{accelerator_id="1234-4",make="cloud-tpu",model="tpu7x",tpu_topology="2x2x2"} 42
memory_total_node{accelerator_id="1234-4",make="cloud-tpu",model="tpu7x",tpu_topology="2x2x2"} 2.03465670656e+11
memory_used{accelerator_id="1234-4",container="w",make="cloud-tpu",model="tpu7x",namespace="n",pod="p",tpu_topology="2x2x2"} 1024
tensorcore_utilization_node{accelerator_id="1234-4",make="cloud-tpu",model="tpu7x",tpu_topology="2x2x2"} 88
memory_bandwidth_utilization_node{accelerator_id="1234-4",make="cloud-tpu",model="tpu7x",tpu_topology="2x2x2"} 77
memory_used{pool="heap"} 77
"""  # noqa: E501
"""Names and labels of GKE's device plugin (its test, and pages that were published); values invented."""


def read(body: str, **options: Any) -> dict[str, tuple[Scope | None, dict[str, Any]]]:
    """What a page tells over HTTP: the scope and the values of each device, by its index."""
    with serving(page(body)) as server:
        one = ExporterCollector(ExporterOptions(server.url, **options))
        devices = {device.id: device for device in one.open()}
        samples = [each for each in one.read(()) if isinstance(each, Sample)]
        one.close()
    assert {each.device_id for each in samples} == set(devices)
    return {
        str(devices[each.device_id].index): (
            devices[each.device_id].scope,
            dict(zip([metric.name for metric in devices[each.device_id].metrics], each.values, strict=True)),
        )
        for each in samples
    }


def counted(body: str, **options: Any) -> dict[str, tuple[str, float | None]]:
    """The energy, or else the power, of what has a scope, by its index."""
    return {
        index: (scope.value, values.get("energy_joules_total", values.get("power_watts")))
        for index, (scope, values) in read(body, **options).items()
        if scope is not None
    }


def test_keplers_zones_are_packages_memory_and_machine_and_its_cores_are_not_summed() -> None:
    assert counted(KEPLER_NODE) == {
        "package-0": ("cpu", 1000), "package-1": ("cpu", 1100), "dram-0": ("dram", 200),
        "psys-0": ("node", 9000), "platform-0": ("node", 450),
    }  # fmt: skip
    scope, values = read(KEPLER_NODE)["core-0"]
    assert (scope, values) == (None, {"energy_joules_total": 600})
    assert read(KEPLER_NODE)["package-1"][1]["power_watts"] == 110


def test_a_machine_whose_packages_kepler_adds_up_has_them_once() -> None:
    body = (
        'kepler_node_cpu_joules_total{node_name="n",path="aggregated-package",zone="package"} 2100\n'
        'kepler_node_cpu_joules_total{node_name="n",path="aggregated-core",zone="core"} 900\n'
    )
    assert counted(body) == {"package-0": ("cpu", 2100)}


def test_what_older_keplers_split_into_dynamic_and_idle_is_the_sum_of_both() -> None:
    assert counted(KEPLER_OLD) == {
        "package-0": ("cpu", 1000), "package-1": ("cpu", 1010), "dram-0": ("dram", 15),
        "platform": ("node", 3500), "gpu-0": ("accelerator", 100),
    }  # fmt: skip


def test_an_older_kepler_that_hides_the_idle_part_tells_no_whole() -> None:
    body = "".join(line for line in KEPLER_OLD.splitlines(keepends=True) if 'mode="idle"' not in line)
    with serving(page(body)) as server, pytest.raises(CollectorError, match="tells of no device"):
        ExporterCollector(ExporterOptions(server.url)).open()


def test_a_nodes_zones_count_once_and_what_is_inside_them_never() -> None:
    assert counted(NODE) == {
        "package-0": ("cpu", 1000), "package-1": ("cpu", 1100), "dram-0": ("dram", 200),
        "psys": ("node", 9000), "lnxsybus:00_acpi000d:00": ("node", 410),
    }, "mmio repeats a package; a lone ACPI meter measures the machine"  # fmt: skip
    assert read(NODE)["core-0"][0] is None


def zones_as_labels(body: str) -> str:
    """The same with --collector.rapl.enable-zone-label."""
    body = re.sub(
        r"^node_rapl_(\w+)_joules_total\{(.*)\}",
        lambda match: f'node_rapl_joules_total{{{match[2]},rapl_zone="{match[1].replace("_", "-")}"}}',
        body,
        flags=re.MULTILINE,
    )
    zones = [line for line in body.splitlines() if line.startswith("node_rapl")]
    others = [
        line for line in body.splitlines() if line and not line.startswith(("node_rapl", "# TYPE node_rapl"))
    ]
    return "\n".join(["# TYPE node_rapl_joules_total counter", *zones, *others, ""])


@pytest.mark.parametrize("written", [str, zones_as_labels])
def test_each_die_of_a_package_is_counted(written: Callable[[str], str]) -> None:
    assert counted(written(DIES)) == {
        "package-0-die-0": ("cpu", 1000), "package-0-die-1": ("cpu", 1100), "package-1-die-0": ("cpu", 1200),
        "dram-0": ("dram", 200), "dram-1": ("dram", 210),
    }  # fmt: skip


@pytest.mark.parametrize("written", [str, zones_as_labels])
def test_two_dies_that_show_one_counter_are_counted_once(written: Callable[[str], str]) -> None:
    """Some of AMD's are listed so (rapl_mirrors)."""
    told = read(written(DIES.replace("1100", "1000.2")))
    assert told["package-0-die-1"] == (None, {"energy_joules_total": 1000.2})
    assert told["package-0-die-0"][0] is Scope.CPU


def test_zones_that_are_told_apart_by_a_label_are_those_of_their_own_families() -> None:
    assert read(zones_as_labels(NODE)) == read(NODE)


def test_dies_are_called_as_the_collector_of_this_machine_calls_them() -> None:
    with serving(page(DIES)) as server:
        one = ExporterCollector(ExporterOptions(server.url))
        ids = {device.id for device in one.open()}
        one.close()
    assert {"rapl-package-0-die-0", "rapl-package-0-die-1"} <= ids


def test_a_nodes_sensors_have_their_chips_and_labels() -> None:
    told = read(NODE)
    assert told["0000:00:01_1_0000:03:00_0"][1] == {"power_watts": 33, "edge_celsius": 44}
    assert told["0000:04:00_0"][1] == {"energy_joules_total": 700}
    assert told["platform_jc42"][1] == {"temp1_celsius": None}, "its driver calls it broken"
    assert told["i2c_1_1_0040"][1] == pytest.approx(
        {"power_watts": 10, "vdd_in_amperes": 2, "vdd_in_volts": 5, "in4_volts": 0.04}
    )


def test_a_nodes_rails_are_summed_as_they_are_named() -> None:
    rails = ("ina3221@i2c_1_1_0040/VDD_IN", "ina3221@i2c_1_1_0041/power1")
    assert counted(NODE, rails=rails, scope="module")["rails"] == ("module", 25)
    with pytest.raises(Unavailable, match="the rail ina3221/power1 is there twice"):
        read(NODE, rails=("ina3221/power1",), scope="module")
    with pytest.raises(Unavailable, match="tells of no rails: dcgm_exporter has no sensors"):
        read(DCGM, rails=("a/b",), scope="module")
    with pytest.raises(ConfigError, match="cannot set up exporter: rails and scope go together"):
        ExporterCollector(ExporterOptions(rails=("a/b",)))


def test_several_acpi_meters_are_of_parts_nobody_knows_which() -> None:
    first = 'node_hwmon_power_average_watt{chip="lnxsybus:00_acpi000d:00",sensor="power1"} 410\n'
    told = read(NODE.replace(first, first + first.replace("d:00", "d:01")))
    assert [told[f"lnxsybus:00_acpi000d:0{at}"][0] for at in (0, 1)] == [None, None]


def test_sensors_that_come_and_go_are_said() -> None:
    with serving(page(NODE)) as server:
        one = ExporterCollector(ExporterOptions(server.url))
        one.open()
        server.answer = page(NODE.replace("0000:04:00_0", "0000:05:00_0"))
        news = [each for each in one.read(()) if isinstance(each, (Appeared, Gone))]
        one.close()
    assert [each.device.id if isinstance(each, Appeared) else each.device_id for each in news] == [
        "0000:05:00_0", "0000:04:00_0"]  # fmt: skip


def test_clusters_exporter_tells_packages_and_machine() -> None:
    assert counted(CEEMS) == {
        "package-0": ("cpu", 258218.293244), "package-1": ("cpu", 130570.505826), "node": ("node", 5942),
    }  # fmt: skip
    renamed = CEEMS.replace("dcmi_current", "dcmi_power_current")
    assert counted(renamed)["node"] == ("node", 5942)


def test_tpus_of_a_cluster_tell_how_busy_they_are() -> None:
    assert read(TPU) == {
        "0": (
            Scope.ACCELERATOR,
            {"utilization_ratio": 0.42, "tensorcore_utilization_ratio": 0.88,
             "memory_bandwidth_utilization_ratio": 0.77, "memory_used_bytes": 1024,
             "memory_total_bytes": 203465670656},
        )
    }  # fmt: skip


def test_names_that_others_use_as_well_make_no_page_a_tpus() -> None:
    body = 'memory_used{pool="heap"} 1\nmemory_total{pool="heap"} 2\nduty_cycle{fan="1"} 3\n' + IPMI
    assert counted(body) == {"0": ("node", 214.0)}


def test_the_devices_may_be_of_another_machine_and_as_accurate_as_is_said() -> None:
    with serving(page(NODE + KEPLER)) as server:
        one = ExporterCollector(ExporterOptions(server.url, host="lab1", accuracy="2%"))
        devices = one.open()
        one.close()
    assert {device.facts["host"] for device in devices} == {"lab1"}
    (package, *_) = [device for device in devices if device.kind is DeviceKind.CPU]
    assert package.metrics[0].gain_ratio == 0.02
    (meter,) = [device for device in devices if device.name == "power_meter"]
    assert (meter.metrics[0].gain_ratio, meter.metrics[0].window_s) == (0.02, 1.0)


def test_a_page_learns_who_asks_from_a_file_if_it_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "page"
    file.write_text("operator:s3cret\n")
    file.chmod(0o600)
    basic = "authorization: basic " + base64.b64encode(b"operator:s3cret").decode().lower()
    with serving(
        page("", status="401 Unauthorized", headers="WWW-Authenticate: Basic realm=x\r\n")
    ) as server:
        refused = server.answer

        def answer(connection: socket.socket) -> None:
            (page(DCGM) if basic in server.requests[-1].lower() else refused)(connection)

        server.answer = answer
        with pytest.raises(TryAgain, match=r"status 401 \(not allowed\); name where user and password are"):
            ExporterCollector(ExporterOptions(server.url)).open()
        one = ExporterCollector(ExporterOptions(server.url, credentials=str(file)))
        assert [device.id for device in one.open()] == ["GPU-1"]
        assert any(isinstance(each, Sample) for each in one.read(()))
        one.close()


def test_a_variable_that_is_not_set_is_said() -> None:
    with pytest.raises(Unavailable, match="the variable PAGE_USER of the environment is not set"):
        ExporterCollector(
            ExporterOptions("http://127.0.0.1:9/metrics", user="PAGE_USER", password="PAGE_PASSWORD")
        ).open()


def told(body: str) -> tuple[str, list[dict[str, Any]]]:
    """Whose page it is, and its devices with their values."""
    exporter = recognised(Page(body.encode()))
    assert exporter is not None
    found = [one for of in exporter.descriptions for one in devices_in(records(body.encode(), of.read), of)]
    return exporter.name, [
        {
            "id": one.device.id,
            "name": one.device.name,
            **dict(zip([metric.name for metric in one.device.metrics], one.sample().values, strict=True)),
        }
        for one in found
    ]


@pytest.mark.parametrize(
    ("body", "name", "values"),
    [
        (DCGM, "dcgm_exporter", {"id": "GPU-1", "power_watts": 61.3, "energy_joules_total": 123.456,
         "utilization_ratio": 0.87, "memory_used_bytes": 2**30, "sm_clock_hertz": 1.41e9,
         "memory_temperature_celsius": None}),
        (AMD, "amd_exporter", {"id": "U0", "name": "MI300X", "power_watts": 512.0, "energy_joules_total": 5.0,
         "memory_used_bytes": 1000 * 2**20}),
        (ALL_SMI, "all_smi_exporter", {"id": "GPU-x", "name": "RTX 4090", "power_watts": 320.5}),
        (KEPLER, "kepler_exporter", {"id": "GPU-k", "power_watts": 26.0, "energy_joules_total": 1000.0}),
        (IPMI, "ipmi_exporter", {"id": "ipmi-dcmi", "power_watts": 214.0}),
        (RAPL, "node_exporter", {"id": "rapl-package-0", "energy_joules_total": 258218.2}),
        (TT, "tenstorrent_exporter", {"id": "h-1-0", "power_watts": 62.0, "sm_clock_hertz": 8e8}),
        ("habanalabs_power_mW{UUID=\"h\"} 102000\n", "habana_exporter", {"id": "h", "power_watts": 102.0}),
        ('hw_power_watts{hw_id="0",hw_type="gpu"} 75\n', "xpumd_exporter", {"id": "0", "power_watts": 75.0}),
        ('rbln_npu_power{uuid="r",card="RBLN-CA22"} 37\nrbln_npu_utilization{uuid="r"} 4\n',
         "rebellions_exporter", {"id": "r", "power_watts": 37.0, "utilization_ratio": 0.04}),
    ],
)  # fmt: skip
def test_each_page_is_known_by_its_names(body: str, name: str, values: dict[str, Any]) -> None:
    whose, devices = told(body)
    assert whose == name
    first = devices[0]
    assert {key: first[key] for key in values} == pytest.approx(values)


def test_amds_exporter_is_known_with_the_prefix_of_its_own_configuration_too() -> None:
    assert told(re.sub("^gpu_", "amd_gpu_", AMD, flags=re.MULTILINE)) == told(AMD)


def test_of_xpu_manager_the_board_counts_and_no_tile_nor_the_sum_of_a_card() -> None:
    board = 'dev_name="Max 1550",pci_bdf="0000:29:00.0",uuid="00000000-0000-0029-0000-002f0bd58086"'
    name, devices = told(
        f'xpum_power_watts{{{board},sub_dev="0"}} 120\nxpum_power_watts{{{board},sub_dev="1"}} 130\n'
        f'xpum_power_watts{{{board}}} 260\nxpum_power_watts{{card="2147483649"}} 260\n'
        f"xpum_energy_joules_total{{{board}}} 5000.5\n"
    )
    assert name == "xpumanager_exporter"
    (gpu,) = devices
    assert (gpu["id"], gpu["name"]) == ("00000000-0000-0029-0000-002f0bd58086", "Max 1550")
    assert (gpu["power_watts"], gpu["energy_joules_total"]) == (260.0, 5000.5)


def test_a_partition_that_tells_no_power_tells_nothing() -> None:
    _, devices = told(AMD)
    assert devices[1]["power_watts"] is None


def test_captured_pages_are_read() -> None:
    _, (furiosa,) = told((CAPTURED / "furiosa.prom").read_text())
    assert furiosa["power_watts"] == 50.0
    assert furiosa["temperature_celsius"] == 67.756, "the peak, not what is around"
    assert furiosa["sm_clock_hertz"] == 1.75e9
    assert 0.99 < furiosa["utilization_ratio"] <= 1.0, "the mean of its cores"
    name, old = told((CAPTURED / "rebellions.prom").read_text())
    assert name == "rebellions_exporter"
    assert sum(one.get("temperature_celsius") is not None for one in old) == 1
    name, npus = told((CAPTURED / "ascend.prom").read_text())
    assert (name, len(npus), npus[0]["sm_clock_hertz"]) == ("ascend_exporter", 2, 1e9)
    name, (gpu,) = told((CAPTURED / "dcgm.prom").read_text())
    assert (name, gpu["sm_clock_hertz"], gpu["memory_temperature_celsius"]) == ("dcgm_exporter", 1.39e8, None)


def test_every_description_of_an_exporter_is_asked_for_by_its_page() -> None:
    for file in FOLDER.glob("*.toml"):
        of = load(file)
        assert of.name == file.stem
        assert of.read.format == "prometheus"
        assert not of.source.unasked


def test_it_reads_a_page_over_http_and_keeps_the_contract() -> None:
    with serving(page(DCGM)) as server:
        one = ExporterCollector(ExporterOptions(server.url))
        (device,) = one.open()
        (sample,) = [each for each in one.read([device]) if isinstance(each, Sample)]
        one.close()
        assert check_contract(ExporterCollector(ExporterOptions(server.url))) == "ok"
    assert device.facts["driver"] == "550.1"
    assert 61.3 in sample.values


def test_what_is_no_such_page_is_a_sentence() -> None:
    with serving(page("up 1\n")) as server, pytest.raises(TryAgain, match="has no names of devices"):
        ExporterCollector(ExporterOptions(server.url)).open()
    with pytest.raises(TryAgain, match="is the server up"):
        ExporterCollector(ExporterOptions("http://127.0.0.1:9/metrics")).open()
    with pytest.raises(Unavailable, match="no page is named"):
        ExporterCollector().open()
    with pytest.raises(ConfigError, match="cannot read a page at"):
        ExporterCollector(ExporterOptions("host:9400"))


def test_what_is_said_of_a_page_has_no_password() -> None:
    with serving(page("up 1\n")) as server, pytest.raises(TryAgain, match="has no names of devices") as said:
        ExporterCollector(
            ExporterOptions(server.url.replace("://", "://operator:s3cret@") + "?token=abc")
        ).open()
    assert f"the page {server.url}?" in str(said.value)
    assert not any(secret in str(said.value) for secret in ("operator", "s3cret", "abc"))


def test_a_run_has_the_energy_of_the_devices_of_a_page(tmp_path: Path) -> None:
    with serving(page(DCGM.replace("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "OTHER"))) as server:
        done = perfwatch(
            *("run", "--only", "simulated", "--no-collector", "simulated", "-i", "0.2", "--json"),
            *("-c", f"exporter:url={server.url}", "--", "sleep", "1.5"),
            home=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    energy = json.loads(done.stdout)["energy"]
    assert energy["joules"] == pytest.approx(61.3 * 1.5, rel=0.1)
    assert energy["by_device"]["exporter:0"]["uuid"] == "GPU-1"


def test_of_a_board_with_instances_no_memory_is_told_as_if_it_were_that_of_all() -> None:
    of = load(FOLDER / "dcgm_exporter.toml")
    series = 'DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-1"%s} %d\n'
    power = 'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1"} 250\n'
    instances = "".join(series % (f',GPU_I_ID="{n}"', used) for n, used in ((7, 1000), (8, 4000)))
    for body, names in (
        (series % ("", 1000), {"power_watts", "memory_used_bytes"}),
        (instances, {"power_watts"}),
    ):
        (one,) = devices_in(records((power + body).encode(), of.read), of)
        assert {metric.name for metric in one.device.metrics} == names


def dies(*watts: float, labels: str = "") -> str:
    rows = [
        f'rbln_npu_power{{card="RBLN-CA25",name="rbln{n}",uuid="u{n}"{labels}}} {w}'
        for n, w in enumerate(watts)
    ]
    return "\n".join(rows) + "\n"


def by_all_smi(name: str) -> str:
    """Four devices of one power, as all-smi tells them."""
    rows = (f'power_consumption_watts{{gpu="{name}",gpu_uuid="u{n}",gpu_index="{n}"}} 350' for n in range(4))
    return "".join(f"all_smi_gpu_{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("body", "is_said"),
    [
        (dies(350, 350, 350, 350), True),
        (dies(350, 341, 362, 12), False),
        (by_all_smi("RBLN-CA25"), True),
        (by_all_smi("NVIDIA L4"), False),
    ],
)
def test_dies_that_repeat_the_power_of_a_card_that_nothing_tells_are_said(body: str, is_said: bool) -> None:
    with serving(page(body)) as server:
        one = ExporterCollector(ExporterOptions(server.url))
        devices = one.open()
        told = [reading for _ in range(5) for reading in one.read(devices)]
        one.close()
    notes = [each.fields["text"] for each in told if isinstance(each, Event)]
    assert len(notes) == is_said
    assert all("4 devices tell the same power" in note for note in notes)


def test_dies_whose_card_a_label_tells_count_once() -> None:
    _, devices = told(dies(350, 350, 350, 350, labels=',sid="7"'))
    assert [one["power_watts"] for one in devices if "power_watts" in one] == [350.0]
