"""Sensors of Linux hwmon: shown with their labels, summed only as somebody names rails and scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.hwmon import HwmonCollector, HwmonOptions

from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import DeviceKind, Sample, Scope
from perfwatch.testing import check_contract

JETSON = {
    "name": "ina3221",
    "in1_label": "VDD_IN",
    "in1_input": "5016",
    "curr1_input": "960",
    "curr1_label": "VDD_IN",
    "power1_label": "VDD_IN",
    "power1_input": "4815360",
    "power2_label": "VDD_SOC",
    "power2_input": "1500000",
    "in7_label": "sum of shunt voltages",
}
CARD = {
    "name": "amdgpu",
    "power1_average": "61000000",
    "power1_input": "70000000",
    "temp1_label": "edge",
    "temp1_input": "41000",
}
COUNTER = {
    "name": "xe",
    "energy1_input": "5000000",
    "energy1_label": "card",
    "energy2_input": "7000000",
    "energy2_label": "pkg",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for at, files in ((0, JETSON), (2, CARD), (10, COUNTER), (3, {"name": "empty"})):
        folder = tmp_path / f"sys/class/hwmon/hwmon{at}"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(f"{text}\n")
    return tmp_path


def read(root: Path, **options: Any) -> dict[str, dict[str, float | None]]:
    """What it tells, by device and metric."""
    one = HwmonCollector(HwmonOptions(root=str(root), **options))
    devices = list(one.open())
    samples = [each for each in one.read(devices) if isinstance(each, Sample)]
    return {
        device.name: dict(zip([metric.name for metric in device.metrics], sample.values, strict=True))
        for device, sample in zip(devices, samples, strict=True)
    }


def test_every_sensor_is_shown_with_its_label_in_its_unit(root: Path) -> None:
    told = read(root)
    assert list(told) == ["ina3221", "amdgpu", "xe"]
    assert told["ina3221"] == pytest.approx(
        {"vdd_in_watts": 4.81536, "vdd_soc_watts": 1.5, "vdd_in_amperes": 0.96, "vdd_in_volts": 5.016}
    )
    assert told["amdgpu"] == pytest.approx({"power_watts": 61.0, "edge_celsius": 41.0}), "the average of both"
    assert told["xe"] == pytest.approx({"card_joules_total": 5.0, "pkg_joules_total": 7.0})


def test_nothing_is_summed_until_rails_and_scope_are_named(root: Path) -> None:
    devices = HwmonCollector(HwmonOptions(root=str(root))).open()
    assert {device.scope for device in devices} == {None}
    assert {device.kind for device in devices} == {DeviceKind.METER}
    named = HwmonCollector(
        HwmonOptions(root=str(root), rails=("ina3221/VDD_IN", "INA3221/vdd_soc"), scope="module")
    )
    rails = list(named.open())[-1]
    assert (rails.scope, rails.name, rails.index) == (Scope.MODULE, "VDD_IN + VDD_SOC", "rails")
    assert read(root, rails=("ina3221/VDD_IN", "ina3221/VDD_SOC"), scope="module")[
        "VDD_IN + VDD_SOC"
    ] == pytest.approx({"power_watts": 6.31536})


def test_rails_that_count_energy_are_summed_by_it(root: Path) -> None:
    told = read(root, rails=("xe/card", "xe/pkg"), scope="accelerator")
    assert told["card + pkg"] == pytest.approx({"energy_joules_total": 12.0})


def test_a_sum_is_unknown_while_one_of_its_rails_is(root: Path) -> None:
    one = HwmonCollector(
        HwmonOptions(root=str(root), rails=("ina3221/VDD_IN", "ina3221/VDD_SOC"), scope="module")
    )
    devices = list(one.open())
    (root / "sys/class/hwmon/hwmon0/power2_input").unlink()
    told = {each.device_id: each.values for each in one.read(devices) if isinstance(each, Sample)}
    assert told["hwmon-rails"] == (None,)
    assert told["ina3221@hwmon0"][:2] == (pytest.approx(4.81536), None)


def test_what_is_not_there_or_not_whole_is_a_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"there is no rail ina3221/vdd_x; rails there are: amdgpu/power1"):
        read(root, rails=("ina3221/VDD_X",), scope="module")
    with pytest.raises(Unavailable, match="no sensor"):
        HwmonCollector(HwmonOptions(root=str(tmp_path / "nothing"))).open()
    for options in ({"rails": ("a/b",)}, {"scope": "module"}, {"rails": ("a/b",), "scope": "card"}):
        with pytest.raises(ConfigError, match="rails and scope go together"):
            HwmonCollector(HwmonOptions(**options))


def test_it_keeps_the_contract(root: Path) -> None:
    assert check_contract(HwmonCollector(HwmonOptions(root=str(root)))) == "ok"
    assert check_contract(HwmonCollector(HwmonOptions(root=str(root / "sys")))) == "absent"
