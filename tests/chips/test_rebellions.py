"""Rebellions ATOM boards through rbln-smi -j (older: rbln-stat)."""

from __future__ import annotations

import json

import pytest
from chips.presets import SAMPLES, read, sample

LOADED = "rebellions/rbln-stat-loaded.json"


def test_a_capture_of_eight_boards_under_load():
    devices = sample("rebellions", LOADED)
    assert len(devices) == 8
    assert len({one["id"] for one in devices}) == 8
    busy = max(devices, key=lambda one: one["utilization_ratio"])
    assert busy["power_watts"] == pytest.approx(37.257088)
    assert busy["temperature_celsius"] == 45.0
    assert busy["utilization_ratio"] == pytest.approx(0.044)
    assert busy["memory_total_bytes"] == 16877879296
    assert all(one["parent"] is None for one in devices), "each board has a meter of its own"


def test_the_dies_of_one_card_repeat_its_power_and_it_counts_once():
    document = json.loads((SAMPLES / LOADED).read_text())
    for at, one in enumerate(document["devices"][:4]):
        one |= {"sid": "0001", "name": "RBLN-CA25", "card_power": "120000000uW", "uuid": f"die-{at}"}
    devices = read("rebellions", json.dumps(document))
    board = next(one for one in devices if one["id"] == "board 0001")
    dies = [one for one in devices if one["parent"] == "board 0001"]
    assert board["power_watts"] == 120.0
    assert len(dies) == 4
    assert not any("power_watts" in one for one in dies)
    assert all("utilization_ratio" in one for one in dies)
