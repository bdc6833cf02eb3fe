"""Sensors of Linux hwmon: shown with their labels, summed only as somebody names rails and scope."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from perfwatch_collectors.hwmon import HwmonCollector, HwmonOptions

from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device, DeviceKind, Sample, Scope
from perfwatch.testing import check_contract

sys.path.append(str(Path(__file__).parent.parent / "cli"))
from commandline import perfwatch

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
    with pytest.raises(
        Unavailable, match=r"there is no rail ina3221/VDD_X; rails there are: ina3221/VDD_IN, "
    ):
        read(root, rails=("ina3221/VDD_X",), scope="module")
    with pytest.raises(Unavailable, match="no sensor"):
        HwmonCollector(HwmonOptions(root=str(tmp_path / "nothing"))).open()
    for options in ({"rails": ("a/b",)}, {"scope": "module"}, {"rails": ("a/b",), "scope": "card"}):
        with pytest.raises(ConfigError, match="rails and scope go together"):
            HwmonCollector(HwmonOptions(**options))


MAINLINE = {
    "name": "ina3221",
    "in1_label": "VDD_IN",
    "in1_input": "5000",
    "curr1_input": "2000",
    "in2_label": "VDD_CPU",
    "in2_input": "5000",
    "curr2_input": "500",
    "in4_input": "40000",
    "curr4_input": "2500",
    "in7_input": "8000",
    "in7_label": "sum of shunt voltages",
    "update_interval": "60",
}
"""The files of the kernel's own driver (Documentation/hwmon/ina3221.rst); values invented."""
INA226 = {"name": "ina226", "in1_input": "5000", "curr1_input": "2000", "power1_input": "10000000"}


def plant(root: Path, number: int, files: dict[str, str], device: str = "") -> Path:
    """A chip; `device` is the bus address of its device."""
    folder = root / f"sys/class/hwmon/hwmon{number}"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    if device:
        (root / f"sys/devices/{device}").mkdir(parents=True)
        (folder / "device").symlink_to(root / f"sys/devices/{device}")
    return folder


def rails(root: Path, *names: str, scope: str = "module") -> dict[str, float | None]:
    """What named rails tell together."""
    return list(read(root, rails=names, scope=scope).values())[-1]


def test_a_chip_that_tells_volts_and_amperes_alone_has_its_power_by_channel(tmp_path: Path) -> None:
    plant(tmp_path, 0, MAINLINE)
    assert read(tmp_path)["ina3221"] == pytest.approx(
        {"vdd_in_watts": 10.0, "vdd_cpu_watts": 2.5,
         "vdd_in_amperes": 2.0, "vdd_cpu_amperes": 0.5, "curr4_amperes": 2.5,
         "vdd_in_volts": 5.0, "vdd_cpu_volts": 5.0, "in4_volts": 0.04, "sum_of_shunt_voltages_volts": 0.008}
    ), "the voltage of a shunt is told in uV, and with the sum of the currents it makes no power"  # fmt: skip
    assert rails(tmp_path, "ina3221/VDD_IN", "ina3221/VDD_CPU") == pytest.approx({"power_watts": 12.5})
    (metric,) = opened(tmp_path, rails=("ina3221/VDD_IN",), scope="module")[-1].metrics
    assert (metric.update_s, metric.window_s) == (0.06, 0.06), "which the error of its energy rests on"
    (tmp_path / "sys/class/hwmon/hwmon0/curr1_input").unlink()
    (tmp_path / "sys/class/hwmon/hwmon0/in2_input").write_text("x")
    assert read(tmp_path)["ina3221"].get("vdd_cpu_watts") is None


def test_volts_and_amperes_that_may_be_of_two_sides_make_no_power(tmp_path: Path) -> None:
    plant(tmp_path, 0, {"name": "pmbus", "in1_label": "vin", "in1_input": "12000", "curr1_label": "iout1",
                        "curr1_input": "9000"})  # fmt: skip
    assert "watts" not in " ".join(read(tmp_path)["pmbus"])


def opened(root: Path, **options: Any) -> list[Device]:
    """The devices that are there."""
    return list(HwmonCollector(HwmonOptions(root=str(root), **options)).open())


def test_two_chips_of_one_name_are_told_apart_by_their_place(tmp_path: Path) -> None:
    plant(tmp_path, 1, INA226, "1-0040")
    plant(tmp_path, 2, {**INA226, "power1_input": "20000000"}, "1-0041")
    with pytest.raises(
        Unavailable,
        match="the rail ina226/power1 is there twice: write ina226@1-0040/power1 or ina226@1-0041/power1",
    ):
        rails(tmp_path, "ina226/power1")
    assert rails(tmp_path, "ina226@1-0041/power1") == pytest.approx({"power_watts": 20.0})
    assert rails(tmp_path, "1-0040/power1", "hwmon2/power1") == pytest.approx({"power_watts": 30.0})
    first, _, both = opened(tmp_path, rails=("ina226@1-0040/power1", "ina226@1-0041/power1"), scope="module")
    assert (first.name, first.facts["rails"]) == ("ina226@1-0040", "ina226@1-0040/power1")
    assert both.name == "ina226@1-0040/power1 + ina226@1-0041/power1"


@pytest.mark.parametrize(
    "twice",
    [("ina3221/VDD_IN", "INA3221/vdd_in"), ("ina3221/VDD_IN", "ina3221/power1"),
     ("ina3221/VDD_IN", "ina3221@hwmon0/VDD_IN")],
)  # fmt: skip
def test_a_rail_that_is_named_twice_is_refused(tmp_path: Path, twice: tuple[str, ...]) -> None:
    plant(tmp_path, 0, MAINLINE)
    with pytest.raises(Unavailable, match="named twice, and would be counted twice"):
        rails(tmp_path, *twice)


def test_two_sensors_of_one_label_are_told_apart_by_their_files(tmp_path: Path) -> None:
    plant(tmp_path, 0, {"name": "board", "power1_input": "1000000", "power1_label": "VDD",
                        "power2_input": "2000000", "power2_label": "VDD"})  # fmt: skip
    with pytest.raises(Unavailable, match="write board/power1 or board/power2"):
        rails(tmp_path, "board/VDD")
    assert rails(tmp_path, "board/power2") == pytest.approx({"power_watts": 2.0})


def test_energy_and_power_are_not_summed(root: Path) -> None:
    with pytest.raises(
        Unavailable, match="xe/card, which tells energy alone, and ina3221/VDD_IN, which tells power alone"
    ):
        rails(root, "ina3221/VDD_IN", "xe/card")


def test_a_sensor_that_its_driver_calls_broken_tells_nothing(tmp_path: Path) -> None:
    folder = plant(tmp_path, 6, {"name": "jc42", "temp1_input": "33000", "temp1_fault": "1"})
    assert read(tmp_path)["jc42"] == {"temp1_celsius": None}
    (folder / "temp1_fault").write_text("0\n")
    assert read(tmp_path)["jc42"] == {"temp1_celsius": 33.0}


def test_a_broken_channel_has_no_power(tmp_path: Path) -> None:
    plant(tmp_path, 0, {**MAINLINE, "curr1_fault": "1"})
    told = read(tmp_path)["ina3221"]
    assert (told["vdd_in_watts"], told["vdd_in_amperes"], told["vdd_in_volts"]) == (None, None, 5.0)


@pytest.mark.parametrize(
    ("said", "gain_ratio"),
    [("90.0%", 0.1), ("1.500%", 0.015), ("2", 0.02), ("0.0%", None), ("100.0%", None), ("?", None)],
)
def test_a_meter_of_the_firmware_has_its_label_window_and_accuracy(
    tmp_path: Path, said: str, gain_ratio: float | None
) -> None:
    plant(tmp_path, 3, {"name": "power_meter", "power1_oem_info": "Grace Power Socket 0",
                        "power1_average": "300000000", "power1_average_interval": "1000",
                        "power1_accuracy": said})  # fmt: skip
    chip, summed = opened(tmp_path, rails=("power_meter/Grace Power Socket 0",), scope="cpu")
    assert (summed.name, chip.facts["rails"]) == (
        "Grace Power Socket 0", "power_meter/Grace Power Socket 0")  # fmt: skip
    for device in (chip, summed):
        assert device.metrics[0].window_s == 1.0
        assert device.metrics[0].gain_ratio == (None if gain_ratio is None else pytest.approx(gain_ratio))


def test_an_accuracy_that_is_stated_goes_before_the_one_that_is_told(tmp_path: Path) -> None:
    plant(tmp_path, 3, {"name": "power_meter", "power1_average": "300000000", "power1_accuracy": "90.0%"})
    devices = opened(tmp_path, rails=("power_meter/power1",), scope="node", accuracy="1%")
    assert [device.metrics[0].gain_ratio for device in devices] == [0.01, 0.01]


def test_doctor_says_which_rails_there_are(tmp_path: Path) -> None:
    plant(tmp_path, 1, INA226, "1-0040")
    plant(tmp_path, 2, {**INA226, "power1_label": "a,b"}, "1-0041")
    done = perfwatch("doctor", "--json", "--only", "hwmon", "-c", f"hwmon:root={tmp_path}", home=tmp_path)
    (said,) = [one["message"] for one in json.loads(done.stdout)["collectors"] if one["name"] == "hwmon"]
    assert "rails to name: ina226@1-0040/power1, ina226@1-0041/power1" in said


def test_it_keeps_the_contract(root: Path) -> None:
    assert check_contract(HwmonCollector(HwmonOptions(root=str(root)))) == "ok"
    assert check_contract(HwmonCollector(HwmonOptions(root=str(root / "sys")))) == "absent"
