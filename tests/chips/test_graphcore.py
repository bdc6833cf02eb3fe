"""Graphcore IPUs through gc-inventory and gc-info: captures of a C2, a C600 and an IPU-M2000."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, preset, read, sample

from perfwatch.model import Scope

C2 = (SAMPLES / "graphcore/gc-info-device-info-c2-busy.txt").read_text()


def pair() -> str:
    """Both IPUs of a C2 board, as gc-inventory lists them."""
    other = (
        C2.partition("\n")[2]
        .replace("  id: 0", "  id: 1")
        .replace("board ipu index: 1", "board ipu index: 0")
    )
    return C2 + "\n" + other.replace("utilisation: 99.96%", "utilisation: 20.00%")


def test_a_busy_c2():
    (ipu,) = sample("graphcore", "graphcore/gc-info-device-info-c2-busy.txt")
    assert ipu == {
        "id": "0340.0004.919062-1",
        "name": "Graphcore C2 IPU",
        "parent": None,
        "index": 0,
        "power_watts": 99.5,
        "utilization_ratio": pytest.approx(0.9996),
        "temperature_celsius": 33.4,
        "board_temperature_celsius": 36.2,
        "sm_clock_hertz": 1.3e9,
    }


def test_a_c600_without_the_power_of_its_ipu():
    (ipu,) = sample("graphcore", "graphcore/gc-info-device-info-c600.txt")
    assert (ipu["power_watts"], ipu["ipu_power_watts"]) == (12.6, None)
    assert (ipu["utilization_ratio"], ipu["sm_clock_hertz"]) == (0.0, 2e7)


def test_an_m2000_that_is_not_monitored_tells_neither_power_nor_temperature():
    (ipu,) = sample("graphcore", "graphcore/gc-info-device-info-m2000.txt")
    missing = ("power_watts", "ipu_power_watts", "temperature_celsius", "board_temperature_celsius")
    assert [ipu[name] for name in missing] == [None] * 4
    assert ipu["utilization_ratio"] == 0.0
    assert "GCDA_MONITOR=1" in preset("graphcore").source.remedy


def test_two_ipus_share_the_power_of_their_board():
    board, *ipus = read("graphcore", pair())
    assert (board["id"], board["power_watts"]) == ("board 0340.0004.919062", 99.5)
    assert [one["id"] for one in ipus] == ["0340.0004.919062-1", "0340.0004.919062-0"]
    assert [one["utilization_ratio"] for one in ipus] == [pytest.approx(0.9996), pytest.approx(0.2)]
    assert not any("power_watts" in one for one in ipus)
    assert preset("graphcore").device.scope is Scope.ACCELERATOR


def test_a_group_of_ipus_is_no_device_of_its_own():
    group = "\nDevice Info:\n  id: 2\n  target: Multi IPU\n  board serial number: 0340.0004.919062\n"
    assert len(read("graphcore", pair() + group)) == 3


@pytest.mark.parametrize("told", ["N/A", "", "0.0 W", "99999 W"])
def test_what_is_not_known_or_cannot_be_is_no_power(told):
    (ipu,) = read("graphcore", C2.replace("99.5 W", told))
    assert ipu["power_watts"] is None


def test_an_output_that_was_cut_keeps_what_is_whole():
    (ipu,) = read("graphcore", C2[: C2.index("  ipu utilisation")])
    assert "utilization_ratio" not in ipu
    assert "power_watts" not in ipu
    assert ipu["temperature_celsius"] == 33.4
