"""Boards of two dies through rocm-smi: the second die adds no power, energy or limit to its board."""

from __future__ import annotations

import json

import pytest
from chips.presets import read

FIRST = {
    "PCI Bus": "0000:83:00.0",
    "Card Series": "AMD Instinct MI250X",
    "Average Graphics Package Power (W)": "412.0",
    "Max Graphics Package Power (W)": "560.0",
    "Accumulated Energy (uJ)": "962825096297442.9",
    "GPU use (%)": "97",
}
METER = ("power_watts", "power_limit_watts", "energy_joules_total")


@pytest.mark.parametrize(
    ("watts", "energy"), [("N/A", "0.0"), ("N/A (Secondary die)", "0.0"), ("0.0", "N/A")]
)
def test_the_second_die_tells_its_utilization_alone(watts: str, energy: str):
    second = {
        **FIRST,
        "PCI Bus": "0000:84:00.0",
        "Average Graphics Package Power (W)": watts,
        "Max Graphics Package Power (W)": "0.0",
        "Accumulated Energy (uJ)": energy,
        "GPU use (%)": "58",
    }
    board, die = read("amd_rocm_smi", json.dumps({"card0": FIRST, "card1": second}))
    assert (board["power_watts"], board["power_limit_watts"]) == (412.0, 560.0)
    assert board["energy_joules_total"] == pytest.approx(962825096.2974429)
    assert (die["id"], die["utilization_ratio"]) == ("0000:84:00.0", pytest.approx(0.58))
    assert [die.get(name) for name in METER] == [None, None, None]
