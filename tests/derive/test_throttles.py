"""Why a device is held back, from the bits of NVML."""

from __future__ import annotations

import pytest

from perfwatch.derive.throttles import causes_of, reasons_of


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, []),
        (0x1 | 0x2 | 0x10 | 0x100, []),  # idle, chosen clocks, sync boost, display: nothing is held back
        (0x4, ["power cap"]),
        (0x8, ["hardware slowdown"]),
        (0x48, ["thermal, by hardware"]),
        (0x88, ["power brake"]),
        (0x24, ["thermal", "power cap"]),
        (None, []),
        (True, []),
    ],
)
def test_reasons_are_told_the_most_serious_first(bits: object, words: list[str]) -> None:
    assert reasons_of(bits) == words


@pytest.mark.parametrize(
    ("bits", "causes"),
    [
        (0x1, ()),
        (0x24, ("power", "thermal")),
        (0x60, ("thermal",)),
        (0x88, ("power_brake",)),
        (0x8, ("hardware",)),
        (None, ()),
    ],
)
def test_causes_are_those_that_the_summary_tells_shares_of(bits: object, causes: tuple[str, ...]) -> None:
    assert causes_of(bits) == causes
