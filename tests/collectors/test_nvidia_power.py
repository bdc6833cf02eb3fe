"""Which power reading is integrated, by architecture, driver and what the board answers."""

from __future__ import annotations

import pytest
from perfwatch_collectors.nvidia_power import (
    AVERAGE,
    INSTANT,
    UNKNOWN,
    USAGE,
    Timing,
    architecture,
    choose,
    driver_branch,
    timing,
    worth_reading,
)

ALL = (USAGE, INSTANT, AVERAGE)
OLD = (USAGE,)
NO_AVERAGE = (USAGE, INSTANT)


@pytest.mark.parametrize(
    ("chip", "branch", "supported", "query", "update_s", "window_s"),
    [
        ("hopper", 550, ALL, AVERAGE, 0.1, 1.0),
        ("hopper", 550, NO_AVERAGE, USAGE, 0.1, 1.0),
        ("ada", 550, ALL, INSTANT, 0.1, 0.1),
        ("ada", 530, OLD, USAGE, 0.1, 0.1),
        ("ada", 525, OLD, USAGE, 0.1, 1.0),
        ("ampere", 550, ALL, INSTANT, 0.1, 0.1),
        ("ampere", 470, OLD, USAGE, 0.1, 1.0),
        ("ga100", 550, NO_AVERAGE, INSTANT, 0.1, 0.025),
        ("ga100", 470, OLD, USAGE, 0.1, 0.025),
        ("turing", 550, NO_AVERAGE, INSTANT, 0.1, 0.1),
        ("volta", 550, NO_AVERAGE, INSTANT, 0.02, 0.01),
        ("pascal", 470, OLD, USAGE, 0.02, 0.01),
        ("maxwell", 470, OLD, USAGE, 0.1, None),
        ("kepler", 470, OLD, USAGE, None, None),
        ("blackwell", 580, ALL, AVERAGE, None, 1.0),
        ("", 550, ALL, AVERAGE, None, None),
    ],
)
def test_the_reading_follows_the_measured_table(
    chip: str,
    branch: int,
    supported: tuple[str, ...],
    query: str,
    update_s: float | None,
    window_s: float | None,
) -> None:
    timings = {name: timing(name, chip, branch) for name in supported}
    readings = worth_reading(timings, supported)
    chosen = choose(readings)
    assert chosen == query
    assert readings[query] == Timing(update_s, window_s)


def test_a_reading_that_looks_away_yields_to_one_that_sees_all_however_late() -> None:
    assert choose({INSTANT: Timing(0.1, 0.099), AVERAGE: Timing(0.1, 30.0)}) == AVERAGE


def test_of_two_that_see_all_the_one_that_lags_less_is_chosen() -> None:
    assert choose({INSTANT: Timing(0.1, 0.1), AVERAGE: Timing(0.1, 1.0)}) == INSTANT


def test_no_reading_is_no_choice() -> None:
    assert choose({}) is None


def test_usage_is_not_read_where_a_field_tells_the_same() -> None:
    assert set(worth_reading({USAGE: Timing(0.1, 1.0), AVERAGE: Timing(0.1, 1.0)}, (USAGE, AVERAGE))) == {
        AVERAGE
    }
    assert set(worth_reading({USAGE: UNKNOWN, INSTANT: UNKNOWN}, (USAGE, INSTANT))) == {INSTANT}
    assert set(worth_reading({USAGE: Timing(0.1, 1.0), INSTANT: Timing(0.1, 0.1)}, (USAGE, INSTANT))) == {
        USAGE,
        INSTANT,
    }


@pytest.mark.parametrize(
    ("code", "pci_device_id", "name", "chip"),
    [
        (7, 0x20B0, "NVIDIA A100-SXM4-80GB", "ga100"),
        (7, 0x20B7, "NVIDIA A30", "ga100"),
        (7, 0x2204, "NVIDIA GeForce RTX 3090", "ampere"),
        (7, 0x2235, "NVIDIA A40", "ampere"),
        (7, None, "NVIDIA A100-PCIE-40GB", "ga100"),
        (7, None, "NVIDIA A800-SXM4-80GB", "ga100"),
        (7, None, "NVIDIA A10", "ampere"),
        (9, 0x2330, "NVIDIA H100 80GB HBM3", "hopper"),
        (6, 0x1EB8, "Tesla T4", "turing"),
        (99, 0x3000, "NVIDIA of the future", ""),
        (None, None, "NVIDIA A100", ""),
    ],
)
def test_the_chip_is_known_by_code_and_pci_id(
    code: int | None, pci_device_id: int | None, name: str, chip: str
) -> None:
    assert architecture(code, pci_device_id, name) == chip


@pytest.mark.parametrize(
    ("version", "branch"), [("550.54.15", 550), ("615.71", 615), ("", None), ("x", None)]
)
def test_the_driver_branch_is_the_first_number(version: str, branch: int | None) -> None:
    assert driver_branch(version) == branch
