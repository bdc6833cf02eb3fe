"""Energy counters that are told in coarse steps: the texts say how coarse."""

from __future__ import annotations

import pytest
from described.describing import Told, collector, described

from perfwatch.metrics import ENERGY

METER = """
name = "house"
[source]
file = "/meter.json"
[read]
format = "json"
[device]
id = "house"
name = "House meter"
kind = "meter"
scope = "wall"
[metrics]
energy_joules_total = { from = "kwh", unit = "kWh" }
"""


@pytest.mark.parametrize(
    ("told", "step_j"),
    [
        ("1234", 3.6e6),
        ('"1234"', 3.6e6),
        ("1234.5", 0.36e6),
        ('"1234.500"', 3600.0),
        ('"1,234.50 kWh"', 36000.0),
        ('"7200 J"', None),
        ("1234.567891234", None),
        ('"n/a"', None),
    ],
)
def test_a_counter_moves_by_a_unit_of_its_last_digit_at_least(tmp_path, told, step_j):
    (tmp_path / "meter.json").write_text(f'{{"kwh": {told}}}')
    (device,) = collector(described(METER), tmp_path).open()
    assert device.metrics[0].step == (None if step_j is None else pytest.approx(step_j))


def test_a_step_that_is_declared_is_believed(tmp_path):
    (tmp_path / "meter.json").write_text('{"kwh": 1234}')
    of = described(
        METER, energy_joules_total='energy_joules_total = { from = "kwh", unit = "kWh", step = 60 }'
    )
    (device,) = collector(of, tmp_path).open()
    assert device.metrics[0].step == 60.0


def test_zeros_that_were_not_written_are_learnt_and_never_forgotten(tmp_path):
    meter = tmp_path / "meter.json"
    meter.write_text('{"kwh": 1234.0}')
    one = collector(described(METER), tmp_path)
    devices = list(one.open())
    steps = [devices[0].metrics[0].step]
    for kwh in ("1234.0", "1234.5", "1235.0", "1235.123"):
        meter.write_text(f'{{"kwh": {kwh}}}')
        told = Told(one, devices)
        steps += [device.metrics[0].step for device in told.appeared]
        assert told.samples["house"][0] == pytest.approx(float(kwh) * 3.6e6)
    assert steps == pytest.approx([3.6e6, 0.36e6, 3600.0])
    assert devices[0].metrics[0].name == ENERGY.name
