"""Does the contract check find what authors get wrong?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from perfwatch.collector import Collector
from perfwatch.metrics import POWER
from perfwatch.model import Device, DeviceKind, Reading, Sample, Scope
from perfwatch.testing import check_contract


class Chip(Collector):
    """Hands over what it is told to."""

    name = "chip"
    about = "a chip"
    sample = Sample("chip-1", (42.5,))

    def open(self) -> Sequence[Device]:
        return [Device("chip-1", "Chip", DeviceKind.ACCELERATOR, metrics=(POWER,), scope=Scope.ACCELERATOR)]

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:
        yield self.sample


@pytest.mark.parametrize(
    ("sample", "complaint"),
    [
        (Sample("chip-1", ("42.5",)), "power_watts is in W, and '42.5' is no number"),
        (Sample("chip-1", (b"4",)), "is no number"),
        (Sample("chip-1", (42.5, 1.0)), "2 values for 1 metrics"),
        (Sample("chip-2", (42.5,)), "a sample of a device that was not declared"),
    ],
)
def test_a_wrong_sample_is_complained_about(sample: Any, complaint: str) -> None:
    chip = Chip()
    assert check_contract(chip) == "ok"
    chip.sample = sample  # type: ignore[misc]
    with pytest.raises(AssertionError, match=complaint):
        check_contract(chip)
