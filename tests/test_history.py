"""History: bounded memory, and minimum, maximum and energy of any kept span as the raw data have them."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perfwatch.derive.spans import gap_limit_s
from perfwatch.history import kept as module
from perfwatch.history.charts import History
from perfwatch.metrics import ENERGY, POWER, QUERIES, STEPS
from perfwatch.model import Device, DeviceKind, Kind, Metric, Unit
from perfwatch.session import format as fmt

CHIP = Device("D-0", "Chip", DeviceKind.ACCELERATOR, metrics=(POWER, ENERGY))


def header(interval_s: float = 1.0) -> fmt.Record:
    return fmt.header(
        session_id="s", monotonic_ns=0, time_ns=0, host="h", perfwatch="0", interval_s=interval_s
    )


def declared(device: Device, number: int = 0) -> fmt.Record:
    return {"t": 0.0, "device": fmt.encode_device(number, "stub", device)}


def history_of(
    rows: list[tuple[float, list[Any]]], device: Device = CHIP, interval_s: float = 1.0, **more: Any
) -> History:
    history = History(**more)
    history.write(header(interval_s))
    history.write(declared(device))
    for t, values in rows:
        history.write(fmt.batch(t, "stub", 0.0, [[0, t, values]]))
    return history


def random_rows(seed: int, count: int, step_s: float) -> list[tuple[float, list[Any]]]:
    """Power of a wild chip, its exact trapezoid as the counter, and now and then a missing value."""
    draw = random.Random(seed)
    rows: list[tuple[float, list[Any]]] = []
    t, watts, joules = draw.uniform(0, 5), 100.0, draw.uniform(0, 1e6)
    for _ in range(count):
        rows.append((t, [None if draw.random() < 0.05 else watts, None if draw.random() < 0.05 else joules]))
        elapsed, before = step_s * draw.uniform(0.5, 1.5), watts
        watts = draw.uniform(0, 700)
        joules += elapsed * (before + watts) / 2
        t += elapsed
    return rows


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Capacities so small that every tier fills within a test."""
    monkeypatch.setattr(module, "RAW_SAMPLES", 64)
    monkeypatch.setattr(module, "TIERS", ((1.0, 40), (10.0, 24), (60.0, 8)))


spans = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@pytest.mark.usefixtures("small")
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    step_s=st.sampled_from([0.05, 0.3, 1.0, 7.0]),
    parts=st.integers(1, 30),
    at=st.floats(0, 1),
)
@example(seed=334, step_s=0.3, parts=2, at=0.0)
@example(seed=33, step_s=0.05, parts=2, at=0.0)
def test_extremes_of_any_bin_are_those_of_the_readings_in_it(
    seed: int, step_s: float, parts: int, at: float
) -> None:
    rows = random_rows(seed, 1500, step_s)
    history = history_of(rows, interval_s=step_s)
    first, last = rows[0][0], rows[-1][0]
    width_s = (last - first) / parts
    place = math.floor((first + at * (last - first)) / width_s)
    start, end = place * width_s, (place + 1) * width_s
    inside = [values[0] for t, values in rows if start <= t < end and values[0] is not None]
    _, low, mean, high = history.bins(0, POWER.name, width_s, place, place)[0]
    if inside:
        assert low is not None
        assert high is not None
        assert low <= min(inside)
        assert high >= max(inside)
    # Nothing from farther off than the bins that hold the bin's ends, or a bin where a finer tier begins.
    before_s = resolution_at(history, start)
    after_s = max(before_s, resolution_at(history, end))
    near = [v[0] for t, v in rows if start - before_s <= t <= end + after_s and v[0] is not None]
    if low is not None and mean is not None and high is not None:
        assert min(near) <= low <= mean <= high <= max(near)


def resolution_at(history: History, t: float) -> float:
    """Width of the bins that hold a time, in seconds; 0 where the samples themselves are kept."""
    kept = history._kept[0]
    if t >= kept.times[0]:
        return 0.0
    tiers = [tier for tier in kept._tiers if tier.begins and tier.begins[0] <= t]
    return min((tier.resolution_s for tier in tiers), default=kept._tiers[-1].resolution_s)


@pytest.mark.usefixtures("small")
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), step_s=st.sampled_from([0.05, 0.3, 1.0, 2.0]), span=spans)
def test_energy_of_any_span_is_right_to_one_bin_at_each_end(
    seed: int, step_s: float, span: list[float]
) -> None:
    rows = random_rows(seed, 1500, step_s)
    history = history_of(rows, interval_s=step_s)
    first, last = rows[0][0], rows[-1][0]
    start, end = (first + share * (last - first) for share in span)
    known = [(t, values[1]) for t, values in rows if values[1] is not None]
    true = _at(known, end) - _at(known, start)
    # Two readings can be missing in a row where a finer tier begins.
    allowed = 700 * (resolution_at(history, start) + resolution_at(history, end) + 6 * step_s)
    found = history.moved(0, ENERGY.name, start, end)
    if end > start:
        assert found == pytest.approx(true, abs=allowed)


def _at(known: list[tuple[float, float]], t: float) -> float:
    if t <= known[0][0]:
        return known[0][1]
    for (before, low), (after, high) in pairwise(known):
        if before <= t <= after:
            return low + (high - low) * (t - before) / (after - before)
    return known[-1][1]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step_s", [0.05, 1.0, 7.0])
def test_energy_of_the_whole_session_is_exact_however_long_it_is(step_s: float) -> None:
    rows = [(t, values) for t, values in random_rows(3, 5000, step_s) if values[1] is not None]
    history = history_of(rows, interval_s=step_s)
    true = rows[-1][1][1] - rows[0][1][1]
    assert history.moved(0, ENERGY.name, rows[0][0], rows[-1][0]) == pytest.approx(true, rel=1e-12)


@pytest.mark.usefixtures("small")
def test_two_adjoining_spans_have_the_energy_of_both_together() -> None:
    rows = random_rows(5, 4000, 0.3)
    history = history_of(rows)
    first, middle, last = rows[0][0], rows[1700][0] + 0.1, rows[-1][0]
    parts = [history.moved(0, ENERGY.name, first, middle), history.moved(0, ENERGY.name, middle, last)]
    assert None not in parts
    assert math.fsum(filter(None, parts)) == pytest.approx(
        history.moved(0, ENERGY.name, first, last), rel=1e-12
    )


def test_an_energy_counter_that_restarts_loses_that_interval_and_one_that_wraps_does_not() -> None:
    plain = Device("D-0", "Chip", DeviceKind.ACCELERATOR, metrics=(ENERGY,))
    wrapping = Device("D-0", "Chip", DeviceKind.ACCELERATOR, metrics=(ENERGY.wrapping_at(100.0),))
    rows = [(0.0, [90.0]), (1.0, [95.0]), (2.0, [5.0]), (3.0, [15.0])]
    assert history_of(rows, plain).moved(0, ENERGY.name, 0.0, 3.0) == pytest.approx(15.0)
    assert history_of(rows, wrapping).moved(0, ENERGY.name, 0.0, 3.0) == pytest.approx(25.0)


def test_work_that_was_counted_anew_after_a_restart_is_counted() -> None:
    device = Device("W", "Job", DeviceKind.WORKLOAD, metrics=(QUERIES,))
    history = history_of([(0.0, [10]), (1.0, [20]), (2.0, [4]), (3.0, [6])], device)
    assert history.moved(0, QUERIES.name, 0.0, 3.0) == pytest.approx(16.0)


def test_a_chart_has_the_asked_bins_and_holes_where_nothing_was_read() -> None:
    rows: list[tuple[float, list[Any]]] = [
        (float(t), [100.0 + t, None]) for t in range(60) if not 20 <= t < 40
    ]
    bins = history_of(rows).bins(0, POWER.name, 5.0, 0, 11)
    assert [k for k, *_ in bins] == list(range(12))
    assert [mean is None for _, _, mean, _ in bins] == [4 <= k < 8 for k in range(12)]
    assert bins[0] == (0, 100.0, 102.0, 104.0)


def test_a_counter_is_charted_as_its_rate() -> None:
    rows: list[tuple[float, list[Any]]] = [(t / 2, [None, 1000.0 + 25.0 * t]) for t in range(200)]
    bins = history_of(rows).bins(0, ENERGY.name, 5.0, 0, 9)
    assert [mean for _, _, mean, _ in bins] == pytest.approx([50.0] * 10)


def test_the_mean_of_a_bin_is_that_of_its_readings_and_missing_ones_are_no_zeros(small: None) -> None:
    rows: list[tuple[float, list[Any]]] = [(t / 4, [None if t % 3 else 90.0, None]) for t in range(4000)]
    bins = history_of(rows).bins(0, POWER.name, 100.0, 0, 8)
    assert [mean for _, _, mean, _ in bins] == pytest.approx([90.0] * 9)


def test_64_devices_with_25_metrics_at_100_hz_stay_in_the_budget() -> None:
    metrics = (POWER, ENERGY, *(Metric(f"m{n}", Unit.COUNT, Kind.GAUGE) for n in range(23)))
    history = History()
    history.write(header(0.01))
    for number in range(64):
        device = Device(f"D-{number}", "Chip", DeviceKind.ACCELERATOR, metrics=metrics)
        history.write(declared(device, number))
    assert history._most_bytes() <= 64 * 1024 * 1024
    # One of the devices is filled to its last array; none can become larger than it.
    full = history._kept[0]
    for place in range(3 * 60 * 400):
        full.take(place / 3, [400.0, place * 1.0, *[1.0] * 23])
    assert [len(tier.begins) >= tier.size.bins // 2 for tier in full._tiers] == [True] * 3
    assert 64 * full.bytes_used() <= 64 * 1024 * 1024
    assert full.bytes_used() <= full.most_bytes(history._level)


@settings(max_examples=20, deadline=None)
@given(columns=st.integers(1, 40), devices=st.integers(1, 30), budget=st.integers(200_000, 2_000_000))
def test_the_arrays_never_take_more_than_the_budget(columns: int, devices: int, budget: int) -> None:
    metrics = tuple(Metric(f"m{n}", Unit.COUNT, Kind.GAUGE) for n in range(columns))
    history = History(budget)
    for number in range(devices):
        history.write(
            declared(Device(f"D-{number}", "Chip", DeviceKind.ACCELERATOR, metrics=metrics), number)
        )
        for t in range(40):
            rows = [[known, number * 40.0 + t, [1.0] * columns] for known in range(number + 1)]
            history.write(fmt.batch(0.0, "stub", 0.0, rows))
        assert history.bytes_used <= budget
    assert len(history.devices) + history.left_out == devices


def test_devices_that_are_gone_make_room_for_new_ones() -> None:
    metrics = tuple(Metric(f"m{n}", Unit.COUNT, Kind.GAUGE) for n in range(10))
    history = History(300_000)
    for number in range(200):
        history.write(declared(Device(f"D-{number}", "Job", DeviceKind.WORKLOAD, metrics=metrics), number))
        history.write(fmt.batch(0.0, "stub", 0.0, [[number, float(number), [1.0] * 10]]))
        history.write(fmt.event(float(number), "gone", {"n": number}))
    assert history.left_out == 0
    assert 199 in history.devices
    assert 0 not in history.devices


def test_a_device_that_declares_more_metrics_keeps_what_it_had() -> None:
    history = history_of([(0.0, [100.0, 0.0]), (1.0, [200.0, 150.0])])
    history.write(declared(Device("D-0", "Chip", DeviceKind.ACCELERATOR, metrics=(QUERIES, ENERGY, POWER))))
    history.write(fmt.batch(2.0, "stub", 0.0, [[0, 2.0, [7, 300.0, 100.0]]]))
    assert history.bins(0, POWER.name, 3.0, 0, 0) == [(0, 100.0, pytest.approx(400.0 / 3), 200.0)]
    assert history.moved(0, ENERGY.name, 0.0, 2.0) == pytest.approx(300.0)
    assert history.moved(0, QUERIES.name, 0.0, 2.0) == 0.0


@pytest.mark.parametrize(
    "record",
    [
        {"t": 1.0, "s": [[0, 1.0]]},
        {"t": 1.0, "s": [[0, "soon", [1.0, 2.0]]]},
        {"t": 1.0, "s": [[0, math.nan, [1.0, 2.0]]]},
        {"t": 1.0, "s": [[0, 1.0, {"a": 1}]]},
        {"t": 1.0, "s": [[0, 1.0, [math.inf, 10**400]]]},
        {"t": 1.0, "s": [[0, 1.0, ["full", True]]]},
        {"t": 1.0, "s": [[7, 1.0, [1.0]]]},
        {"t": 1.0, "device": {"n": "first"}},
        {"t": 1.0, "event": "gone"},
    ],
)
def test_a_malformed_record_changes_no_figure(record: dict[str, Any]) -> None:
    history = history_of([(0.0, [100.0, 0.0]), (0.5, [100.0, 50.0])])
    history.write(record)
    history.write(fmt.batch(2.0, "stub", 0.0, [[0, 2.0, [100.0, 200.0]]]))
    assert history.bins(0, POWER.name, 3.0, 0, 0) == [(0, 100.0, 100.0, 100.0)]
    assert history.moved(0, ENERGY.name, 0.0, 2.0) == pytest.approx(200.0)


def test_what_is_not_known_is_none() -> None:
    history = history_of([(5.0, [None, None])])
    assert history.bins(0, POWER.name, 9.0, 0, 0) == [(0, None, None, None)]
    assert history.moved(0, ENERGY.name, 0.0, 9.0) is None
    assert history.moved(3, ENERGY.name, 0.0, 9.0) is None
    assert history.moved(0, "no_such_metric", 0.0, 9.0) is None


Bins = list[tuple[int, float | None, float | None, float | None]]


def bins_of_readings(known: list[tuple[float, float]], width_s: float, first: int, last: int) -> Bins:
    """A gauge's bins by their definition."""
    found: Bins = []
    for k in range(first, last + 1):
        inside = [value for t, value in known if k * width_s <= t < (k + 1) * width_s]
        mean = math.fsum(inside) / len(inside) if inside else None
        found.append((k, min(inside, default=None), mean, max(inside, default=None)))
    return found


def rates_of_readings(
    known: list[tuple[float, float]], width_s: float, first: int, last: int, longest_gap_s: float
) -> Bins:
    """A counter's bins by their definition: how far it moved over how long it was seen, or a hole."""
    found: Bins = []
    for k in range(first, last + 1):
        start, stop = max(k * width_s, known[0][0]), min((k + 1) * width_s, known[-1][0])
        hole = any(
            before <= k * width_s and (k + 1) * width_s <= after and after - before > longest_gap_s
            for (before, _), (after, _) in pairwise(known)
        )
        rate = None if hole or stop <= start else (_at(known, stop) - _at(known, start)) / (stop - start)
        found.append((k, rate, rate, rate))
    return found


def flat(bins: Bins) -> list[float | None]:
    return [value for _, *values in bins for value in values]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    step_s=st.sampled_from([0.05, 0.3, 1.0, 7.0]),
    width_s=st.sampled_from([0.1, 0.5, 1.0, 3.0, 60.0]),
    hole=st.tuples(st.integers(1, 200), st.integers(0, 40)),
)
def test_bins_hold_what_the_readings_in_them_say(
    seed: int, step_s: float, width_s: float, hole: tuple[int, int]
) -> None:
    rows = random_rows(seed, 200, step_s)
    del rows[hole[0] : sum(hole)]
    history = history_of(rows, interval_s=step_s)
    last = int(rows[-1][0] // width_s) + 2
    first = max(-2, last - 200)
    power = [(t, values[0]) for t, values in rows if values[0] is not None]
    joules = [(t, values[1]) for t, values in rows if values[1] is not None]
    found = history.bins(0, POWER.name, width_s, first, last)
    assert found == [
        pytest.approx(one, rel=1e-12, nan_ok=False) if one[1] is not None else one
        for one in bins_of_readings(power, width_s, first, last)
    ]
    rates = history.bins(0, ENERGY.name, width_s, first, last)
    expected = rates_of_readings(joules, width_s, first, last, gap_limit_s(step_s))
    assert [one[0] for one in rates] == list(range(first, last + 1))
    # A bin of a hair's breadth at an end divides one rounding error by another.
    assert flat(rates) == [
        value if value is None else pytest.approx(value, rel=1e-3, abs=1e-3) for value in flat(expected)
    ]


@pytest.mark.usefixtures("small")
def test_bins_that_only_the_tiers_still_hold_keep_their_extremes_and_rates() -> None:
    rows: list[tuple[float, list[Any]]] = [
        (float(t), [700.0 if t == 3 else 50.0, 1000.0 + 20.0 * t]) for t in range(3000)
    ]
    history = history_of(rows)
    powers = history.bins(0, POWER.name, 960.0, 0, 3)
    assert [high for _, _, _, high in powers] == [700.0, 50.0, 50.0, 50.0]
    assert [low for _, low, _, _ in powers] == [50.0] * 4
    rates = history.bins(0, ENERGY.name, 960.0, -1, 4)
    assert flat(rates) == [None] * 3 + [pytest.approx(20.0)] * 12 + [None] * 3


def test_a_bin_stays_the_same_while_newer_ones_come() -> None:
    rows = random_rows(11, 400, 0.3)
    history = history_of(rows[:300], interval_s=0.3)
    last = int(rows[280][0])
    before = [history.bins(0, name, 1.0, 5, last) for name in (POWER.name, ENERGY.name)]
    for t, values in rows[300:]:
        history.write(fmt.batch(t, "stub", 0.0, [[0, t, values]]))
    assert [history.bins(0, name, 1.0, 5, last) for name in (POWER.name, ENERGY.name)] == before


def test_a_counter_that_fell_silent_has_no_rate_and_not_a_rate_of_zero() -> None:
    rows: list[tuple[float, list[Any]]] = [(float(t), [50.0, 10.0 * t if t < 5 else None]) for t in range(9)]
    found = history_of(rows).bins(0, ENERGY.name, 1.0, 0, 8)
    assert [mean for _, _, mean, _ in found] == [pytest.approx(10.0)] * 4 + [None] * 5


def test_work_between_two_tellings_far_apart_is_spread_over_the_time_between() -> None:
    device = Device("W", "Job", DeviceKind.WORKLOAD, metrics=(QUERIES,))
    history = history_of([(0.0, [0]), (60.0, [600])], device)
    assert flat(history.bins(0, QUERIES.name, 1.0, 30, 30)) == [pytest.approx(10.0)] * 3


def test_bins_of_what_is_not_there_are_empty() -> None:
    history = history_of([(0.0, [100.0, 0.0])])
    empty = [(4, None, None, None), (5, None, None, None)]
    assert history.bins(0, "no_such_metric", 1.0, 4, 5) == empty
    assert history.bins(9, POWER.name, 1.0, 4, 5) == empty
    assert history.bins(0, POWER.name, 1.0, 5, 4) == []


JOB = Device(
    "output", "the job", DeviceKind.WORKLOAD, metrics=(STEPS,), facts={"work": "output", "totals": "steps"}
)


@pytest.mark.parametrize("line_s", [1.0, 20.0])
def test_a_chart_shows_no_steps_of_the_jobs_that_a_job_goes_on_from(line_s: float) -> None:
    """It prints 5,000 steps first, and ten more with each line."""
    told = [(2.0 * line_s + n * line_s, [5000 + 10 * n]) for n in range(1, 9)]
    history = history_of([(0.0, [0]), *told], JOB)
    rates = [high for _, _, _, high in history.bins(0, STEPS.name, line_s, 0, 10) if high is not None]
    assert max(rates) == pytest.approx(10 / line_s)
    assert history.moved(0, STEPS.name, 0.0, told[-1][0]) == pytest.approx(80)


def test_a_chart_shows_all_that_a_job_does_at_an_even_pace() -> None:
    history = history_of([(0.0, [0]), *((1.0 + n, [10 + 10 * n]) for n in range(9))], JOB)
    assert history.moved(0, STEPS.name, 0.0, 9.0) == pytest.approx(90)
