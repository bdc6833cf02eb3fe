"""What is believed of a metric where its description sets no limits."""

from __future__ import annotations

import json

import pytest
from described.describing import CHIP, described, values_in


def told(metric: str, value: object, *, scope: str = "accelerator", more: str = "") -> float | None:
    """What a metric tells of one value."""
    of = described(
        CHIP.replace("accelerator", scope).replace("power_watts", "spikes")
        + f'{metric} = {{ from = "x"{more} }}\n'
    )
    (values,) = values_in(of, json.dumps({"devices": [{"uuid": "A", "x": value}]})).values()
    return values[metric]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("utilization_ratio", 873),
        ("utilization_ratio", 1.2),
        ("npu_utilization_ratio", 87),
        ("fan_ratio", 42),
        ("temperature_celsius", 52000),
        ("temperature_celsius", 325.2),
        ("temperature_celsius", -256),
        ("memory_temperature_celsius", 525),
        ("power_watts", 412_500_000),
        ("power_watts", -1),
        ("power_limit_watts", 2**32),
        ("energy_joules_total", 2**64),
        ("sm_clock_hertz", 1330e9),
        ("memory_used_bytes", 2.0**60),
    ],
)
def test_what_no_device_tells_is_not_known(metric: str, value: float) -> None:
    assert told(metric, value) is None


@pytest.mark.parametrize(
    ("metric", "value", "scope"),
    [
        ("utilization_ratio", 1.04, "accelerator"),
        ("fan_ratio", 1.2, "accelerator"),
        ("temperature_celsius", -60, "accelerator"),
        ("temperature_celsius", 130, "accelerator"),
        ("power_watts", 25_000, "accelerator"),
        ("power_watts", 200_000, "node"),
        ("power_watts", 5_000_000, "wall"),
        ("energy_joules_total", 3e13, "accelerator"),
        ("sm_clock_hertz", 32e9, "accelerator"),
        ("memory_total_bytes", 2.0**41, "accelerator"),
        ("gain_ratio", 40, "accelerator"),
    ],
)
def test_nothing_real_is_refused(metric: str, value: float, scope: str) -> None:
    assert told(metric, value, scope=scope) == value


def test_the_limits_of_the_file_come_before() -> None:
    assert told("utilization_ratio", 8.0, more=", most = 8") == 8.0
    assert told("power_watts", -3.5, more=", least = -100") == -3.5
    assert told("temperature_celsius", 80, more=", most = 70") is None


def test_what_is_made_of_several_values_is_held_against_them_as_well() -> None:
    of = described(
        CHIP
        + 'utilization_ratio = { from = "cores[*]", unit = "%", combine = "sum" }\n'
        + 'memory_used_bytes = { from = "total", minus = "free" }\n'
    )
    device = {"uuid": "A", "power": "5", "cores": [90, 80], "total": 10, "free": 12}
    (values,) = values_in(of, json.dumps({"devices": [device]})).values()
    assert (values["utilization_ratio"], values["memory_used_bytes"]) == (None, None)


@pytest.mark.parametrize(
    ("metric", "each", "told"),
    [
        ('utilization_ratio = { from = "x", board = "sum" }', [0.9, 0.8], None),
        ('utilization_ratio = { from = "x", board = "sum" }', [0.4, 0.5], 0.9),
        ('soc_watts = { from = "x", board = "sum", most = 500 }', [400, 450], 850.0),
        ('soc_watts = { from = "x", board = "sum" }', [150_000, 150_000], None),
        ('soc_watts = { from = "x", board = "max" }', [150_000, 150_000], 150_000.0),
    ],
)
def test_what_is_made_of_the_dies_of_a_board_is_held_against_them_as_well(metric, each, told) -> None:
    of = described(CHIP.replace("[metrics]", 'shares = "{board}"\n[metrics]') + metric)
    devices = [{"uuid": str(at), "board": "7", "power": 5, "x": x} for at, x in enumerate(each)]
    values = values_in(of, json.dumps({"devices": devices}))["board 7"]
    assert values[metric.split()[0]] == (None if told is None else pytest.approx(told))


@pytest.mark.parametrize(
    ("more", "wraps_at"),
    [
        (', unit = "uJ", wraps_at = 4294967296', 4294.967296),
        (', unit = "mJ", factor = 10, wraps_at = 4294967296', 42949672.96),
        (", wraps_at = 262144", 262144.0),
    ],
)
def test_a_counter_wraps_at_a_number_in_the_unit_of_the_raw_value(more: str, wraps_at: float) -> None:
    of = described(CHIP + f'energy_joules_total = {{ from = "e"{more} }}\n')
    assert of.metrics[-1].metric.wraps_at == pytest.approx(wraps_at)
