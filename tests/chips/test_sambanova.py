"""SambaNova RDUs through sntilestat."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, read, sample

BUSY = (SAMPLES / "sambanova/sntilestat-busy.txt").read_text()


def test_four_busy_tiles_and_an_idle_one():
    rdu, *tiles = sample("sambanova", "sambanova/sntilestat-busy.txt")
    assert rdu["id"] == "board /XRDU_0/RDU_0"
    assert rdu["utilization_ratio"] == pytest.approx(4 * 0.969 / 5), "the mean of its tiles"
    assert [one["id"] for one in tiles] == [f"/XRDU_0/RDU_0/TILE_{at}" for at in range(5)]
    assert [one["utilization_ratio"] for one in tiles] == [pytest.approx(0.969)] * 4 + [0.0]
    assert [one["tile_idle_ratio"] for one in tiles] == [
        pytest.approx(one) for one in (0.021, 0.021, 0.025, 0.025, 1.0)
    ]
    assert tiles[0]["tile_program_load_ratio"] == pytest.approx(0.008)


def test_idle_tiles_of_two_rdus_execute_nothing():
    devices = sample("sambanova", "sambanova/sntilestat-idle.txt")
    assert [one["parent"] for one in devices] == [None, *["board /XRDU_0/RDU_0"] * 4, None]
    assert {one["utilization_ratio"] for one in devices} == {0.0}


def test_of_two_rounds_the_later_one_counts():
    later = BUSY.replace("  2.1  96.9", " 52.1  46.9")
    devices = read("sambanova", BUSY + later)
    assert len(devices) == 6
    assert devices[1]["utilization_ratio"] == pytest.approx(0.469)


def test_a_line_that_was_cut_is_left_out_and_nothing_tells_of_no_device():
    devices = read("sambanova", BUSY[: BUSY.index("TILE_4") + 20])
    assert [one["id"] for one in devices][1:] == [f"/XRDU_0/RDU_0/TILE_{at}" for at in range(4)]
    assert read("sambanova", "TILE %idle %exec %pload %aload %chkpt %quiesce PID USER COMMAND\n") == []
