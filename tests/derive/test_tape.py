"""Is what a session tells laid out as it was recorded, whatever is missing in it?"""

from __future__ import annotations

from typing import Any

from derive.build import Session

from perfwatch.derive.tape import LAID_OUT_AT_ONCE, DeviceTape, Tape
from perfwatch.metrics import ENERGY, LATENCY, POWER, QUERIES, TEMPERATURE
from perfwatch.model import Device, DeviceKind, Kind, Metric, Unit

MANY = 2 * LAID_OUT_AT_ONCE + 7


def told(rows: list[Any], *metrics: Any) -> DeviceTape:
    """A device that told these rows at 0 s, 1 s, and so on."""
    tape = DeviceTape(0, "some", Device("id", "name", DeviceKind.ACCELERATOR, metrics=metrics), "here")
    for t, row in enumerate(rows):
        tape.take(float(t), row)
    return tape


def readings(tape: DeviceTape, name: str) -> list[tuple[float, float]]:
    series = tape.series[name]
    return list(zip(series.times, series.values, strict=True))


def test_every_reading_keeps_its_time_over_many_samples() -> None:
    tape = told([[float(n), 2 * n] for n in range(MANY)], POWER, QUERIES)
    assert readings(tape, "power_watts") == [(float(n), float(n)) for n in range(MANY)]
    assert readings(tape, "queries_total") == [(float(n), 2.0 * n) for n in range(MANY)]
    assert list(tape.times) == [float(n) for n in range(MANY)]


def test_what_is_missing_is_in_no_series_wherever_it_is_missing() -> None:
    for hole in (0, 1, LAID_OUT_AT_ONCE - 1, LAID_OUT_AT_ONCE, MANY - 1):
        rows = [[float(n), None if n == hole else float(n)] for n in range(MANY)]
        tape = told(rows, POWER, ENERGY)
        present = [(float(n), float(n)) for n in range(MANY) if n != hole]
        assert readings(tape, "energy_joules_total") == present
        assert len(readings(tape, "power_watts")) == MANY


def test_values_that_are_no_finite_numbers_are_missing() -> None:
    odd = [float("nan"), float("inf"), -float("inf"), "text", 10**400, [1], {"n": 1}, None]
    tape = told([[value] for value in (*odd, 5.0)], POWER)
    assert readings(tape, "power_watts") == [(float(len(odd)), 5.0)]


def test_a_sample_shorter_than_its_declaration_lacks_the_rest() -> None:
    tape = told([[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], []], POWER, ENERGY)
    assert readings(tape, "power_watts") == [(0.0, 1.0), (1.0, 3.0), (2.0, 4.0)]
    assert readings(tape, "energy_joules_total") == [(0.0, 2.0), (2.0, 5.0)]


def test_a_counter_is_exact_until_a_fraction_was_told() -> None:
    whole = told([[n] for n in range(MANY)], QUERIES)
    assert whole.series["queries_total"].exact
    broken = told([[n if n < MANY - 1 else n + 0.5] for n in range(MANY)], QUERIES)
    assert not broken.series["queries_total"].exact


def test_a_new_declaration_holds_from_then_on() -> None:
    tape = told([[1.0], [2.0]], POWER)
    tape.declare(Device("id", "name", DeviceKind.ACCELERATOR, metrics=(ENERGY, POWER)))
    tape.take(2.0, [7.0, 3.0])
    assert readings(tape, "power_watts") == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert readings(tape, "energy_joules_total") == [(2.0, 7.0)]


def test_an_observation_that_cannot_be_read_is_left_out() -> None:
    good = {"n": 1, "sum": 0.1, "min": 0.1, "max": 0.1, "b": [[-426, 1]]}
    tape = told([[None], [good], [{"n": 1}], [7], ["x"]], LATENCY)
    assert [t for t, _ in tape.histograms["latency_seconds"]] == [1.0]


def test_power_and_energy_below_zero_are_a_sensors_fault_and_other_values_are_not() -> None:
    tape = told([[1.0, -1.0, -5.0], [-2.0, 3.0, -6.0], [4.0, 5.0, 7.0]], POWER, ENERGY, TEMPERATURE)
    assert readings(tape, "power_watts") == [(0.0, 1.0), (2.0, 4.0)]
    assert readings(tape, "energy_joules_total") == [(1.0, 3.0), (2.0, 5.0)]
    assert [value for _, value in readings(tape, TEMPERATURE.name)] == [-5.0, -6.0, 7.0]


def test_of_a_metric_that_is_declared_twice_the_first_column_counts() -> None:
    tape = told([[1.0, 2.0], [3.0, 4.0]], POWER, POWER)
    assert readings(tape, "power_watts") == [(0.0, 1.0), (1.0, 3.0)]


def test_a_metric_that_is_no_longer_told_ends_where_it_was_told_last() -> None:
    tape = told([[1.0, 2.0], [3.0, 4.0]], POWER, ENERGY)
    tape.declare(Device("id", "name", DeviceKind.ACCELERATOR, metrics=(ENERGY,)))
    tape.take(2.0, [6.0])
    tape.declare(Device("id", "name", DeviceKind.ACCELERATOR, metrics=(ENERGY, POWER)))
    tape.take(3.0, [8.0, 7.0])
    assert readings(tape, "power_watts") == [(0.0, 1.0), (1.0, 3.0), (3.0, 7.0)]
    assert readings(tape, "energy_joules_total") == [(0.0, 2.0), (1.0, 4.0), (2.0, 6.0), (3.0, 8.0)]


def test_a_name_that_becomes_a_histogram_keeps_what_it_counted_before() -> None:
    tape = told([[1.0], [2.0]], ENERGY)
    timings = Metric(ENERGY.name, Unit.SECOND, Kind.HISTOGRAM)
    tape.declare(Device("id", "name", DeviceKind.ACCELERATOR, metrics=(timings,)))
    tape.take(2.0, [{"n": 1, "sum": 1.0, "min": 1.0, "max": 1.0, "b": [[0, 1]]}])
    assert readings(tape, ENERGY.name) == [(0.0, 1.0), (1.0, 2.0)]
    assert len(tape.histograms[ENERGY.name]) == 1


def test_many_samples_that_all_lack_a_value_leave_its_series_as_it_was() -> None:
    rows = [[1.0, 2.0]] * LAID_OUT_AT_ONCE + [[3.0]] * LAID_OUT_AT_ONCE
    tape = told(rows, POWER, ENERGY)
    assert len(readings(tape, POWER.name)) == 2 * LAID_OUT_AT_ONCE
    assert readings(tape, ENERGY.name) == [(float(n), 2.0) for n in range(LAID_OUT_AT_ONCE)]


def test_a_sample_that_is_earlier_than_the_one_before_it_is_left_out_and_counted() -> None:
    session = Session()
    number = session.board([], counter=False)
    for t, watts in ((1.0, 10.0), (3.0, 30.0), (2.0, 20.0), (3.0, 31.0), (1e300, 1.0)):
        session.sample(number, t, watts)
    tape = Tape.of(session.header, session.records)
    assert readings(tape.devices[number], POWER.name) == [(1.0, 10.0), (3.0, 30.0), (3.0, 31.0)]
    assert tape.damaged == 2


def test_readings_beyond_every_sensor_are_missing() -> None:
    assert readings(told([[1e300], [-1e31], [1e29]], TEMPERATURE), TEMPERATURE.name) == [(2.0, 1e29)]
