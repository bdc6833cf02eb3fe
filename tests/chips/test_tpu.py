"""Google TPUs through tpu-info: tables with bars, and as rich draws them."""

from __future__ import annotations

import pytest
from chips.presets import SAMPLES, preset, read, sample

V6E = (SAMPLES / "tpu/tpu-info-static-v6e.txt").read_text()
RICH = """TPU Runtime Utilization
┏━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┓
┃ Device ┃ HBM Usage (GiB)       ┃ Duty cycle ┃
┡━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━┩
│ 8      │ 18.45 GiB / 31.25 GiB │ 100.00%    │
│ 12     │ N/A                   │ N/A        │
└────────┴───────────────────────┴────────────┘
TensorCore Utilization
┏━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Chip ID ┃ TensorCore Utilization ┃
┡━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━┩
│ 0       │ 15.14%                 │
└─────────┴────────────────────────┘
"""
"""Of a real capture of a v6e (libtpu 0.0.23); the second row is of another one."""


def test_two_busy_chips():
    first, second = sample("tpu", "tpu/tpu-info-static-v6e.txt")
    assert first == {
        "id": "tpu-0",
        "name": "Google TPU",
        "parent": None,
        "index": 0,
        "utilization_ratio": 1.0,
        "memory_used_bytes": pytest.approx(18.45 * 2**30),
        "memory_total_bytes": 31.25 * 2**30,
    }
    assert second["memory_used_bytes"] == pytest.approx(10.40 * 2**30)


def test_the_lines_that_rich_draws_and_a_chip_that_nobody_holds():
    busy, free = read("tpu", RICH)
    assert (busy["id"], busy["utilization_ratio"]) == ("tpu-8", 1.0)
    assert (free["id"], free["utilization_ratio"], free["memory_used_bytes"]) == ("tpu-12", None, None)


def test_no_power_is_made_up():
    assert not {each.metric.name for each in preset("tpu").metrics} & {"power_watts", "energy_joules_total"}
    assert preset("tpu").device.scope is None


@pytest.mark.parametrize("said", ["No TPU chips found.", V6E[: V6E.index("| 0    |") + 12]])
def test_without_a_whole_row_there_is_no_device(said: str):
    assert read("tpu", said) == []
