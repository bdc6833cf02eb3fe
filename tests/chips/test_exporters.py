"""Pages of exporters: recognised by their names, read into devices, counted once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.described.devices import devices_in
from perfwatch_collectors.described.formats import records
from perfwatch_collectors.described.language import load
from perfwatch_collectors.exporter import FOLDER, ExporterCollector, ExporterOptions, recognised

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Sample
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
kepler_node_cpu_watts{zone="package"} 80
"""
IPMI = 'ipmi_dcmi_power_consumption_current_watts{id="1"} 214\nipmi_up{collector="dcmi"} 1\n'
RAPL = 'node_rapl_package_joules_total{index="0",path="/sys/class/powercap/intel-rapl:0"} 258218.2\n'
TT = 'tt_tdp_w{hostname="h",tray="1",chip="0"} 62\ntt_ai_clock_mhz{hostname="h",tray="1",chip="0"} 800\n'


def told(body: str) -> tuple[str, list[dict[str, Any]]]:
    """Whose page it is, and its devices with their values."""
    of = recognised(Page(body.encode()))
    assert of is not None
    found = devices_in(records(body.encode(), of.read), of)
    return of.name, [
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
        (RAPL, "node_exporter_rapl", {"id": "package-0", "energy_joules_total": 258218.2}),
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
