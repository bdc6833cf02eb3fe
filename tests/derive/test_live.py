"""Live figures: both spans are ratios of sums, right from the second reading on, in constant memory."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
from derive.build import Session, every
from hypothesis import given, settings
from hypothesis import strategies as st

from perfwatch.derive.live import LiveFigures, standing_or_none
from perfwatch.derive.standing import Standing
from perfwatch.metrics import ENERGY, POWER, POWER_LIMIT, QUERIES
from perfwatch.model import Device, DeviceKind
from perfwatch.session import format as fmt


def fold(session: Session, now_s: float = 30.0, *, until: float = 1e9) -> LiveFigures:
    """Everything up to a time, in the order of time."""
    figures = LiveFigures(now_s)
    figures.take(session.header)
    for record in sorted(session.records, key=lambda record: record["t"]):
        if record["t"] <= until:
            figures.take(record)
    return figures


def standing(session: Session, now_s: float = 30.0, *, until: float = 1e9) -> Standing:
    found = fold(session, now_s, until=until).standing()
    assert found is not None
    return found


def polled(session: Session, times: list[float], per_s: float, name: str = "queries") -> None:
    session.counter([(t, round(per_s * t)) for t in times], name=name, work="page")


@pytest.mark.parametrize("interval_s", [0.01, 0.1, 1.0, 7.0, 60.0])
def test_figures_are_right_from_the_second_reading_on_at_any_interval(interval_s: float) -> None:
    session = Session(interval_s=interval_s)
    times = every(interval_s, 0.0, interval_s)
    session.board(times, watts=200.0)
    polled(session, times, 500.0)
    found = standing(session)
    for figures in (found.now, found.run):
        assert figures.watts == pytest.approx(200.0)
        assert figures.rate("queries") == pytest.approx(500.0)
        assert figures.per_joule("queries") == pytest.approx(2.5)
    assert found.unit == "queries"
    assert found.devices == ("nvidia:0",)


def test_readings_that_lag_are_taken_for_when_they_were_so_as_in_the_summary() -> None:
    """An average over a second that a job begins with knows nothing of it yet."""
    session = Session()
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=1.0),))
    times = every(1.0, 0.0, 40.0)
    session.poll(number, times, lambda t: 55.0 + 445.0 * min(1.0, max(0.0, t - 5.0)))
    session.job(5.0, None)
    found = standing(session)
    assert found.run.span == (5.0, 40.0)
    assert found.run.joules == pytest.approx(35.0 * 500.0, abs=120.0)  # unshifted: 220 J less
    assert found.run.coverage == pytest.approx(1.0)
    assert found.now.joules == pytest.approx(30.0 * 500.0)


def test_nothing_is_told_after_a_single_reading() -> None:
    session = Session()
    session.board([0.0])
    polled(session, [0.0], 5.0)
    assert fold(session).standing() is None


def test_now_forgets_what_is_older_than_its_span_and_run_does_not() -> None:
    session = Session()
    times = every(1.0, 0.0, 100.0)
    number = session.device(metrics=(ENERGY,))
    session.poll(number, times, lambda t: 100.0 * min(t, 50.0) + 300.0 * max(t - 50.0, 0.0))
    polled(session, times, 10.0)
    found = standing(session, now_s=20.0)
    assert found.now.watts == pytest.approx(300.0)
    assert found.now.span == (80.0, 100.0)
    assert found.run.watts == pytest.approx(200.0)
    assert found.run.per_joule("queries") == pytest.approx(1000 / 20_000)


def test_a_ratio_is_of_sums_and_no_mean_of_ratios() -> None:
    """1000 tokens with 100 J and then 100 tokens with 900 J are 1.1 tokens a joule, not 5.06."""
    session = Session()
    number = session.device(metrics=(ENERGY,))
    for t, joules in [(0.0, 0.0), (1.0, 100.0), (2.0, 1000.0)]:
        session.sample(number, t, joules)
    session.counter([(0.0, 0), (1.0, 1000), (2.0, 1100)], name="generated_tokens", work="page")
    found = standing(session)
    assert found.now.per_joule("generated_tokens") == pytest.approx(1.1)
    assert found.run.per_joule("generated_tokens") == pytest.approx(1.1)


def test_work_is_compared_with_the_energy_of_the_same_seconds() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 10.0), watts=100.0)
    polled(session, every(0.1, 0.0, 10.9), 100.0)
    found = standing(session)
    assert found.t == 10.0
    assert found.run.work["queries"] == pytest.approx(1000)
    assert found.run.per_joule("queries") == pytest.approx(1.0)


def test_a_source_with_own_times_that_falls_silent_does_not_hold_the_figures_up() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 60.0), watts=100.0)
    session.counter([(0.0, 0), (10.0, 50)], work="statsd")
    found = standing(session)
    assert found.t == 60.0
    assert found.now.rate("queries") == 0.0
    assert found.run.work["queries"] == 50


def test_the_run_begins_with_the_job_and_ends_with_it() -> None:
    session = Session()
    session.board(every(0.5, 0.0, 80.0), watts=100.0)
    session.counter([(t, 10 * t) for t in every(1.0, 0.0, 80.0)], work="page")
    session.job(20.25, 70.25)
    found = standing(session, now_s=10.0)
    assert found.run.span == (20.25, 70.25)
    assert found.run.joules == pytest.approx(5000.0)
    assert found.run.work["queries"] == pytest.approx(500.0)
    assert found.elapsed_s == pytest.approx(50.0)


def test_the_figures_of_a_job_that_has_ended_stand_still_however_long_one_looks() -> None:
    """A dashboard that stays open goes on reading: devices idle, the work does not move."""
    session = Session()
    session.board(every(1.0, 0.0, 400.0), watts=500.0)
    session.job(1.0, 60.0)
    polled(session, every(1.0, 0.0, 400.0), 10.0)
    at_the_end, later = standing(session, until=64.0), standing(session, until=400.0)
    assert later == at_the_end
    assert later.run.joules == pytest.approx(500.0 * 59.0)
    assert later.now.joules == pytest.approx(500.0 * 30.0)


def test_a_device_that_gives_nothing_takes_the_ratio_away_and_is_named() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 60.0), watts=100.0)
    session.board(every(1.0, 0.0, 10.0), watts=300.0)
    polled(session, every(1.0, 0.0, 60.0), 10.0)
    found = standing(session, now_s=10.0)
    assert found.silent == ("nvidia:1",)
    assert found.now.per_joule("queries") is None
    assert found.now.rate("queries") == pytest.approx(10.0)
    assert found.now.watts == pytest.approx(100.0)


def test_power_alone_is_integrated_and_a_gap_is_left_out() -> None:
    session = Session()
    session.board([*every(1.0, 0.0, 10.0), *every(1.0, 30.0, 60.0)], watts=100.0, counter=False)
    found = standing(session)
    assert found.run.joules == pytest.approx(4000.0)
    assert found.run.coverage == pytest.approx(40 / 60)
    assert found.run.watts == pytest.approx(100.0)


def test_a_counter_that_stands_while_power_is_drawn_is_left_for_the_integral() -> None:
    session = Session()
    number = session.device(metrics=(ENERGY, POWER))
    session.poll(number, every(1.0, 0.0, 20.0), lambda t: 42.0, lambda t: 150.0)
    assert standing(session).now.watts == pytest.approx(150.0)


def test_a_counter_that_restarts_is_left_for_the_integral() -> None:
    session = Session()
    number = session.device(metrics=(ENERGY, POWER))
    session.poll(number, every(1.0, 0.0, 20.0), lambda t: 100.0 * (t % 12), lambda t: 150.0)
    assert standing(session).run.watts == pytest.approx(150.0)


def test_cpus_stand_in_where_no_accelerator_tells_its_power() -> None:
    session = Session()
    session.package(every(1.0, 0.0, 10.0), watts=50.0)
    found = standing(session)
    assert found.scope == "components"
    assert found.devices == ("rapl:package-0",)
    assert found.now.watts == pytest.approx(50.0)


def test_accelerators_are_not_added_to_the_cpu() -> None:
    session = Session()
    session.package(every(1.0, 0.0, 10.0), watts=50.0)
    session.board(every(1.0, 0.0, 10.0), watts=100.0)
    found = standing(session)
    assert found.now.watts == pytest.approx(100.0)


def test_the_settings_of_the_session_choose_devices_scope_and_unit() -> None:
    session = Session(settings={"devices": "nvidia:1", "unit": "steps", "units": {"chat": {"queries": 5}}})
    session.board(every(1.0, 0.0, 10.0), watts=100.0)
    session.board(every(1.0, 0.0, 10.0), watts=300.0)
    polled(session, every(1.0, 0.0, 10.0), 10.0)
    polled(session, every(1.0, 0.0, 10.0), 2.0, name="steps")
    found = standing(session)
    assert found.devices == ("nvidia:1",)
    assert found.now.watts == pytest.approx(300.0)
    assert found.unit == "steps"
    assert found.run.work["chat"] == pytest.approx(20.0)


def test_a_device_of_the_settings_that_is_not_there_yet_is_waited_for() -> None:
    session = Session(settings={"devices": "nvidia:7"})
    session.board(every(1.0, 0.0, 10.0))
    assert standing_or_none(fold(session)) is None


def test_work_that_restarts_counts_on() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 3.0))
    session.counter([(0.0, 0), (1.0, 100), (2.0, 10), (3.0, 20)], work="page")
    assert standing(session).run.work["queries"] == pytest.approx(120)


def test_the_source_that_is_believed_first_counts() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 10.0))
    session.counter([(t, 7 * t) for t in every(1.0, 0.0, 10.0)], work="page")
    session.counter([(t, 5 * t) for t in every(1.0, 0.0, 10.0)], work="statsd")
    assert standing(session).now.rate("queries") == pytest.approx(5.0)


def test_the_summary_of_the_same_records_says_the_same() -> None:
    session = Session(interval_s=0.5)
    times = every(0.5, 0.0, 60.0)
    number = session.device(metrics=(ENERGY.observed(update_s=0.01),))
    session.poll(number, times, lambda t: round(100.0 * t + 3.0 * t * t, 6))
    session.counter([(t, int(11 * t)) for t in times], work="page")
    session.job(5.0, 55.0)
    summary, live = session.summary(window="job"), standing(session).run
    assert live.joules == pytest.approx(summary["energy"]["joules"])
    assert live.work["queries"] == pytest.approx(summary["work"]["queries"]["count"])
    assert live.per_joule("queries") == pytest.approx(summary["efficiency"]["queries"]["per_joule"])


@pytest.mark.parametrize("told", ["declared", "read"])
def test_the_summary_believes_the_same_wraps(told: str) -> None:
    """A package of 15 W may draw 64 W for a while: what its counter moves over its wrap is no restart."""
    session = Session()
    metrics = (ENERGY.wrapping_at(1200.0), POWER_LIMIT)
    peak = {"peak_power_watts": 64.0} if told == "declared" else {}
    number = session.device(metrics=metrics, power_limit_watts=15.0, **peak)
    limit_w = 15.0 if told == "declared" else 64.0
    session.poll(number, every(1.0, 0.0, 60.0), lambda t: (40.0 * t + 7.0) % 1200.0, lambda t: limit_w)
    session.job(0.0, 60.0)
    assert standing(session).run.joules == pytest.approx(2400.0)
    assert session.summary(window="job")["energy"]["joules"] == pytest.approx(2400.0)


@settings(max_examples=50, deadline=None)
@given(
    steps_s=st.lists(st.floats(0.01, 2.5), min_size=2, max_size=300),
    now_s=st.floats(1.0, 60.0),
)
def test_constant_power_and_pace_give_constant_figures_however_unevenly_it_was_read(
    steps_s: list[float], now_s: float
) -> None:
    session = Session()
    number = session.device(metrics=(ENERGY, POWER))
    work = session.device(collector="page", metrics=(QUERIES,), kind=DeviceKind.WORKLOAD, scope=None)
    t = 0.0
    for step in [0.0, *steps_s]:
        t += step
        session.sample(number, t, 400.0 * t, 400.0)
        session.sample(work, t, 1000.0 * t)
    found = standing(session, now_s)
    for figures in (found.now, found.run):
        assert figures.watts == pytest.approx(400.0)
        assert figures.per_joule("queries") == pytest.approx(2.5)


def test_memory_does_not_grow_with_the_run() -> None:
    def size_after(samples: int) -> int:
        session = Session(interval_s=0.01)
        session.board(every(0.01, 0.0, samples / 100))
        polled(session, every(0.01, 0.0, samples / 100), 1000.0)
        return _size(fold(session, now_s=5.0))

    assert size_after(4000) <= size_after(1500) * 1.05


def _size(what: Any, seen: set[int] | None = None) -> int:
    """Bytes of an object and of everything that it holds."""
    seen = set() if seen is None else seen
    if id(what) in seen or isinstance(what, type):
        return 0
    seen.add(id(what))
    parts: list[Any] = []
    if isinstance(what, dict):
        parts = [*what.keys(), *what.values()]
    elif not isinstance(what, (str, bytes)) and hasattr(what, "__iter__"):
        parts = list(what)
    slots = [name for kind in type(what).__mro__ for name in getattr(kind, "__slots__", ())]
    parts += [getattr(what, name) for name in slots if hasattr(what, name)]
    parts += list(getattr(what, "__dict__", {}).values())
    return sys.getsizeof(what) + sum(_size(part, seen) for part in parts)


@pytest.mark.parametrize(
    "record",
    [
        {"t": 1.0, "s": [[0, None, [1.0]]]},
        {"t": 1.0, "s": [[9, 1.0, [1.0]]]},
        {"t": 1.0, "s": [[0, 1.0, ["much", True]]]},
        {"t": 1.0, "s": [[0, 0.5, []]]},
        {"t": 1.0, "device": {"n": 0}},
        {"event": "job", "what": "begin"},
    ],
)
def test_a_malformed_record_changes_nothing(record: dict[str, Any]) -> None:
    session = Session()
    session.board([0.0], watts=100.0)
    figures = fold(session)
    figures.take(record)
    figures.take(fmt.batch(2.0, "any", 0.0, [[0, 2.0, [200.0, 100.0]]]))
    found = figures.standing()
    assert found is not None
    assert found.run.watts == pytest.approx(100.0)


def test_a_device_that_comes_late_does_not_move_the_start_of_the_run() -> None:
    session = Session()
    session.board(every(1.0, 0.0, 60.0), watts=100.0)
    number = session.declare(
        "nvidia", Device("late", "Board", DeviceKind.ACCELERATOR, index=1, metrics=(ENERGY,))
    )
    session.poll(number, every(1.0, 50.0, 60.0), lambda t: 50.0 * t)
    found = standing(session, now_s=5.0)
    assert found.run.span == (0.0, 60.0)
    assert found.now.span == (55.0, 60.0)


def stepping_board(session: Session, begin: float, end: float) -> None:
    """A board from idle to 400 W whose counter moves every 0.1 s, read densely before and after."""
    dense = [begin - 0.23 + 0.004 * k for k in range(57)] + [end + 0.004 * k for k in range(1, 58)]
    times = sorted({*every(0.5, 0.0, end), begin, end, *(round(t, 6) for t in dense)})

    def joules(t: float) -> float:
        at = math.floor(t * 10.0 + 0.3) / 10.0 - 0.03
        return 50.0 * at + 350.0 * max(0.0, min(at, end) - begin)

    number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER.observed(update_s=0.1)))
    session.poll(number, times, joules, lambda t: 400.0 if begin < t <= end else 50.0)
    session.job(begin, end)


def test_a_counter_carried_on_to_the_ends_of_the_job_is_that_of_the_summary() -> None:
    session = Session(interval_s=0.5)
    stepping_board(session, 5.013, 7.157)
    summary, live = session.summary(window="job"), standing(session).run
    assert live.joules == pytest.approx(summary["energy"]["joules"], rel=1e-12)
    assert summary["energy"]["joules"] == pytest.approx(400.0 * 2.144, abs=9.0)
    assert summary["energy"]["error_joules"] < 30.0  # uncaught: 45
