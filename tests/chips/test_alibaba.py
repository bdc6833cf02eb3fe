"""Alibaba T-Head PPUs through ppu-smi: values that a Telegraf plugin publishes, as the manual prints rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from chips.presets import CHIPS, read
from perfwatch_collectors.described.collector import class_of

ROW = (
    "0, PPU-ZW810E, GPU-019e2226-4211-0208-0000-000000ab261d, 1.4.0, 98304 MiB, 248 MiB, 38 %, 0 %, 42, "
    "51.99 W, 200 MHz, 1800 MHz\n"
)


def test_a_ppu():
    assert read("alibaba", ROW) == [
        {
            "id": "GPU-019e2226-4211-0208-0000-000000ab261d",
            "name": "PPU-ZW810E",
            "parent": None,
            "index": 0,
            "power_watts": 51.99,
            "utilization_ratio": pytest.approx(0.38),
            "memory_utilization_ratio": 0.0,
            "temperature_celsius": 42.0,
            "memory_used_bytes": 248 * 2**20,
            "memory_total_bytes": 98304 * 2**20,
            "sm_clock_hertz": 2e8,
            "memory_clock_hertz": 1.8e9,
        }
    ]


def test_two_ppus_one_of_which_knows_little_and_a_row_that_was_cut():
    second = "1, PPU-ZW810E, GPU-b, 1.4.0, 98304 MiB, N/A, [N/A], -, [Not Supported], 0.00 W, N/A, N/A\n"
    first, told = read("alibaba", ROW + second + "2, PPU-ZW810E, GPU-c, 1.4")
    assert (first["index"], told["index"], told["id"]) == (0, 1, "GPU-b")
    assert {
        value for name, value in told.items() if name.endswith(("watts", "ratio", "hertz", "used_bytes"))
    } == {None}


def test_a_tool_that_knows_nvidias_names_alone_is_asked_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tool = tmp_path / "ppu-smi"
    tool.write_text(
        f'#!/bin/sh\ncase "$1" in *utilization.gpu*) printf "%s" "{ROW.strip()}";;\n'
        "*) echo \"Field 'utilization.ppu' is not a valid field to query.\"; exit 2;; esac\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    one = class_of(str(CHIPS / "alibaba.toml"))()
    assert [device.index for device in one.open()] == [0]
