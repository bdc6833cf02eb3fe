"""What is told of the run while it goes on: its course, timings, error, verdict, and the odd device."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from derive.build import Session, codes, every, histogram, message
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive import live_course
from perfwatch.derive.live import LiveFigures
from perfwatch.derive.live_course import PER_JOULE, WATTS, WORK_RATE, RunCourse
from perfwatch.derive.live_run import LiveRun
from perfwatch.derive.run_so_far import RunSoFar
from perfwatch.derive.settings import Settings
from perfwatch.derive.tariff import priced
from perfwatch.metrics import ENERGY, LATENCY, POWER, THROTTLE_REASONS
from perfwatch.model import Buckets, Kind, Metric, Unit

Bins = list[tuple[int, float | None, float | None, float | None]]


def fold(session: Session, now_s: float = 30.0) -> tuple[LiveRun, LiveFigures]:
    figures = LiveFigures(now_s)
    run = LiveRun(figures, now_s)
    declared = [record for record in session.records if "device" in record]
    others = sorted((one for one in session.records if "device" not in one), key=lambda one: one["t"])
    for record in [session.header, *declared, *others]:
        figures.take(record)
        run.take(record)
    return run, figures


def told(session: Session, labels: dict[int, str] | None = None) -> RunSoFar:
    run, figures = fold(session)
    return run.so_far(figures.standing(), labels or {0: "nvidia:0"})


def board(session: Session, times: list[float], watts: float = 100.0, **metric: Any) -> int:
    number = session.device(metrics=(ENERGY.observed(update_s=metric.get("update_s", 0.1)), POWER))
    session.poll(number, times, lambda t: watts * t, lambda t: watts)
    return number


def counted(session: Session, times: list[float], per_s: float = 10.0) -> None:
    session.counter([(t, round(per_s * t)) for t in times], work="page")


def values(bins: Any) -> list[float | None]:
    return [one[2] for one in bins]


@pytest.mark.parametrize("width_s", [0.1, 0.7, 1.0, 5.0])
def test_rates_of_the_run_are_right_whatever_the_bins(width_s: float) -> None:
    session = Session()
    times = every(1.0, 0.0, 60.0)
    session.job(0.0, None)
    board(session, times)
    counted(session, times)
    run, _ = fold(session)
    first, last = int(10.0 / width_s), int(58.0 / width_s)
    for metric, truth in ((WATTS, 100.0), (WORK_RATE, 10.0), (PER_JOULE, 0.1)):
        found = values(run.bins(metric, width_s, first, last))
        assert found == [pytest.approx(truth)] * (last - first + 1)


def test_bins_after_the_newest_point_are_not_told_and_those_before_the_run_are_unknown() -> None:
    session = Session()
    times = every(1.0, 0.0, 60.0)
    session.job(20.0, None)
    board(session, times)
    run, _ = fold(session)
    found = run.bins(WATTS, 1.0, 0, 100)
    assert found[-1][0] < 60
    assert values(found)[:20] == [None] * 20
    assert values(found)[20] == pytest.approx(100.0)


def test_a_gap_is_unknown_and_nothing_piles_up_behind_it() -> None:
    session = Session()
    times = [t for t in every(1.0, 0.0, 100.0) if not 40 < t < 60]
    session.job(0.0, None)
    board(session, times)
    counted(session, times)
    run, figures = fold(session)
    for metric, truth in ((WATTS, 100.0), (WORK_RATE, 10.0)):
        found = dict(zip(range(100), values(run.bins(metric, 1.0, 0, 95)), strict=False))
        assert [found[at] for at in range(42, 59)] == [None] * 17
        assert {round(value, 3) for value in found.values() if value is not None} == {truth}
    (gap,) = run.so_far(figures.standing(), {0: "nvidia:0"}).gaps
    assert gap.start == pytest.approx(40.0, abs=1.0)
    assert gap.end == pytest.approx(61.0, abs=1.0)


def test_work_that_begins_late_takes_no_power_away() -> None:
    """A job that loads for half a minute: until then nothing counts, and the unit is not known."""
    session = Session()
    times = every(1.0, 0.0, 60.0)
    session.job(0.0, None)
    board(session, times)
    session.counter([(t, round(10.0 * (t - 30.0))) for t in times if t >= 30.0], work="page")
    run, figures = fold(session)
    assert run.so_far(figures.standing(), {0: "nvidia:0"}).gaps == ()
    assert values(run.bins(WATTS, 5.0, 1, 10)) == [pytest.approx(100.0)] * 10
    assert values(run.bins(WORK_RATE, 5.0, 1, 10)) == [0.0] * 5 + [pytest.approx(10.0)] * 5


def test_the_pace_is_that_of_lately_whatever_came_before() -> None:
    session = Session()
    times = every(1.0, 0.0, 40.0)
    session.job(0.0, None)
    board(session, times)
    session.counter([(t, round(10.0 * (t - 30.0))) for t in times if t >= 30.0], work="page")
    assert told(session).pace == pytest.approx(10.0)


def test_a_device_that_comes_back_is_no_peak_of_power() -> None:
    session = Session()
    session.job(0.0, None)
    board(session, every(1.0, 0.0, 60.0))
    board(session, [*every(1.0, 0.0, 20.0), *every(1.0, 40.0, 60.0)])
    run, _ = fold(session)
    told = [watts for watts in values(run.bins(WATTS, 1.0, 2, 58)) if watts is not None]
    assert len(told) > 45
    assert max(told) == pytest.approx(200.0)
    assert min(told) >= 100.0 - 1e-6


def test_a_long_run_keeps_its_rates_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_course, "POINTS", 64)
    session = Session()
    session.job(0.0, None)
    board(session, every(1.0, 0.0, 600.0))
    run, _ = fold(session)
    assert len(run._course._times) <= 64
    found = values(run.bins(WATTS, 20.0, 0, 29))
    assert found == [pytest.approx(100.0)] * 30


def test_a_device_that_falls_silent_leaves_the_others_power_on_the_chart() -> None:
    session = Session()
    session.job(0.0, None)
    board(session, every(1.0, 0.0, 100.0))
    board(session, every(1.0, 0.0, 50.0), 300.0)
    run, figures = fold(session)
    found = values(run.bins(WATTS, 1.0, 0, 95))
    assert found[30] == pytest.approx(400.0)
    assert found[90] == pytest.approx(100.0)
    assert run.so_far(figures.standing(), {0: "nvidia:0", 1: "nvidia:1"}).gaps == ()


@given(st.lists(st.lists(st.floats(0.001, 10.0), min_size=1, max_size=5), min_size=2, max_size=30))
def test_percentiles_of_the_run_are_those_of_the_summary(timings: list[list[float]]) -> None:
    session = Session()
    end = float(len(timings) + 1)
    session.job(0.5, end)
    board(session, every(0.5, 0.0, end))
    rows = [(1.0 + place, (place, histogram(*each))) for place, each in enumerate(timings)]
    session.workload("statsd", [Metric("queries_total", Unit.COUNT, Kind.COUNTER), LATENCY], rows)
    (timing,) = told(session).timings
    summary = session.summary(window="job")["latency"]["latency"]
    assert timing.name == "latency"
    assert timing.run.count == summary["count"]
    assert timing.run.percentiles == {key: summary[key] for key in timing.run.percentiles}


def test_a_page_s_buckets_are_counted_from_the_job_s_start_and_over_restarts() -> None:
    session = Session()
    metric = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.1, 1.0))
    counts = [(1, 1, 1), (2, 2, 2), (3, 4, 4), (1, 1, 1), (101, 201, 201)]
    session.job(2.5, None)
    board(session, every(1.0, 0.0, 6.0))
    session.workload(
        "page", [metric], [(1.0 + at, (Buckets(row, float(row[-1])),)) for at, row in enumerate(counts)]
    )
    (timing,) = told(session).timings
    assert timing.run.count == 2 + 1 + 200
    assert timing.run.percentiles["p50_s"] == pytest.approx(0.1, rel=0.1)


def test_now_forgets_timings_that_are_older_than_its_span() -> None:
    session = Session()
    session.job(0.0, None)
    times = every(1.0, 0.0, 100.0)
    board(session, times)
    session.workload("statsd", [LATENCY], [(t, (histogram(*[1.0 if t < 60 else 0.1] * 9),)) for t in times])
    (timing,) = told(session).timings
    assert timing.now.max_s == pytest.approx(0.1)
    assert timing.run.max_s == pytest.approx(1.0)


@pytest.mark.parametrize("update_s", [0.02, 0.1, 1.0])
@pytest.mark.parametrize("begin", [5.0, 5.4])
def test_the_error_of_the_energy_is_that_of_the_summary(update_s: float, begin: float) -> None:
    session = Session()
    session.job(begin, 60.0)
    times = every(1.0, 0.0, 60.0)
    board(session, times, 100.0, update_s=update_s)
    board(session, times, 250.0, update_s=update_s)
    found = told(session, {0: "nvidia:0", 1: "nvidia:1"}).error_j
    assert found == pytest.approx(session.summary()["energy"]["error_joules"], rel=0.01)


def test_a_counter_without_a_power_reading_has_an_error_by_its_slope() -> None:
    session = Session()
    session.job(5.0, 60.0)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1),))
    session.poll(number, every(1.0, 0.0, 60.0), lambda t: 100.0 * t)
    assert told(session).error_j == pytest.approx(session.summary()["energy"]["error_joules"], rel=0.01)


@pytest.mark.parametrize("window_s", [None, 0.025, 1.0])
def test_the_error_of_a_counter_carried_on_to_the_ends_is_that_of_the_summary(window_s: float | None) -> None:
    session = Session()
    dense = [4.9 + 0.01 * k for k in range(-20, 11)] + [30.4 + 0.01 * k for k in range(40)]
    times = sorted({*every(1.0, 0.0, 30.0), *(round(t, 6) for t in dense)})
    power = POWER if window_s is None else POWER.observed(update_s=0.1, window_s=window_s)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), power))
    session.poll(number, times, lambda t: 20.0 * math.floor(t * 10.0), lambda t: 200.0)
    session.job(5.0, 30.4)
    stated = session.summary()["energy"]["error_joules"]
    assert stated < 2 * 0.3 * 200.0 * 0.1
    assert told(session).error_j == pytest.approx(stated, rel=1e-9)


@pytest.mark.parametrize("long_s", [30.0, 300.0, 1800.0])
def test_without_a_counter_the_error_is_that_of_the_integral(long_s: float) -> None:
    chance = random.Random(3)
    level = [100.0 + 300.0 * (chance.random() < 0.5) + chance.random() for _ in range(int(long_s) + 1)]
    session = Session()
    session.job(5.3, long_s)
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=0.025),))
    session.poll(number, every(1.0, 0.0, long_s), lambda t: level[int(t)])
    stated = session.summary()["energy"]["error_joules"]
    assert told(session).error_j == pytest.approx(stated, rel=0.15 if long_s > 30.0 else 0.05)


def test_a_gap_in_the_power_readings_ends_a_stretch() -> None:
    session = Session()
    session.job(5.0, 600.0)
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=0.025),))
    times = [t for t in every(1.0, 0.0, 600.0) if not 200.0 < t < 300.0]
    session.poll(number, times, lambda t: 100.0 if int(t) % 7 < 3 else 400.0)
    stated = session.summary()["energy"]["error_joules"]
    assert told(session).error_j == pytest.approx(stated, rel=0.15)


def test_before_there_are_readings_enough_the_error_is_unknown_and_not_zero() -> None:
    session = Session()
    session.job(0.0, None)
    session.board(every(1.0, 0.0, 5.0), counter=False)
    assert told(session).error_j is None


def test_an_estimate_has_no_error() -> None:
    session = Session()
    session.job(0.0, None)
    metrics = [replace(metric, estimated=True) for metric in (ENERGY.observed(update_s=0.1), POWER)]
    number = session.device(metrics=metrics)
    session.poll(number, every(1.0, 0.0, 60.0), lambda t: 100.0 * t, lambda t: 100.0)
    found = told(session)
    assert found.error_j is None
    assert "estimated" in {one.code for one in found.findings}


def test_the_findings_known_live_are_among_those_of_the_summary() -> None:
    session = Session()
    session.job(0.0, 100.0)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER, THROTTLE_REASONS))
    for t in [t for t in every(1.0, 0.0, 100.0) if not 40 < t < 60]:
        session.sample(number, t, 100.0 * t, 100.0, 0x20 if t > 80 else 0)
    counted(session, every(1.0, 0.0, 100.0))
    session.event(50.0, "lost", source="statsd", datagrams=7)
    session.event(51.0, "lost", source="statsd", lines=2)
    session.event(90.0, "observer", cpu_s=1.0, late_samples=50, missed_ticks=0)
    live = {one.code for one in told(session).findings}
    assert {"gap", "throttled", "lost-counts", "late-samples"} <= live
    assert live - {"gap"} <= codes(session.summary())
    assert "shared-device" not in live


def test_work_of_earlier_jobs_that_is_left_out_is_said_live_as_in_the_summary() -> None:
    session = Session()
    session.job(1.0, 30.0)
    board(session, every(1.0, 0.0, 30.0))
    steps = Metric("steps_total", Unit.COUNT, Kind.COUNTER)
    session.workload(
        "output", [steps], [(1.0, (0,)), *((2.0 + n, (5000 + n,)) for n in range(25))], totals="steps"
    )
    said = [one.message for one in told(session).findings if one.code == "counter-reset"]
    assert said == ["4 999 of `steps` were told at once: taken for earlier jobs' (a checkpoint) and left out"]
    assert message(session.summary(), "counter-reset").startswith("4 999 of `steps` were told at once, ")


def test_what_held_a_device_back_is_told_live_as_in_the_summary() -> None:
    session = Session()
    session.job(1.0, 59.0)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), THROTTLE_REASONS))
    for t in every(1.0, 0.0, 60.0):
        bits = 0x4 if 10 <= t < 40 else 0x20 if 45 <= t < 50 else None if t == 55 else 0
        session.sample(number, t, 100.0 * t, bits)
    (live,) = [one.message for one in told(session).findings if one.code == "throttled"]
    assert live == "nvidia:0 ran with reduced clocks: power cap for 52 %, heat for 8.6 % of the run"
    summary = session.summary(window="job")
    assert message(summary, "throttled") == f"{live[:-4]} window."
    assert summary["energy"]["by_device"]["nvidia:0"]["throttled"] == {
        "power": pytest.approx(30 / 58),
        "thermal": pytest.approx(5 / 58),
    }


def test_a_thousand_short_throttles_are_all_counted() -> None:
    session = Session()
    session.job(0.0, None)
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), THROTTLE_REASONS))
    for t in every(1.0, 0.0, 2000.0):
        session.sample(number, t, 100.0 * t, 0x4 if t % 2 else 0)
    (live,) = [one.message for one in told(session).findings if one.code == "throttled"]
    assert "power cap for 50 %" in live


def test_a_process_of_others_on_a_device_is_told_while_it_is_there() -> None:
    session = Session()
    session.job(0.0, None)
    number = board(session, every(1.0, 0.0, 60.0))
    session.event(20.0, "neighbour", n=number, pid=52417)
    session.event(30.0, "neighbour", n="x", pid=None)
    (found,) = [one for one in told(session).findings if one.code == "shared-device"]
    assert "is used by pid 52417 too" in found.message


def test_what_is_insufficient_stands_first() -> None:
    session = Session()
    session.job(0.0, None)
    board(session, every(0.1, 0.0, 0.5))
    session.event(0.2, "lost", source="statsd", datagrams=7)
    findings = told(session).findings
    levels = [one.level for one in findings]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == ("insufficient", "warn")


def test_throttles_and_silences_before_the_job_are_none_of_the_run() -> None:
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER, THROTTLE_REASONS))
    for t in [t for t in every(1.0, 0.0, 100.0) if not 10 < t < 20]:
        session.sample(number, t, 100.0 * t, 100.0, 0x20 if t < 40 else 0)
    session.job(50.0, None)
    session.event(50.1, "devices", ids=["NVIDIA-0-uuid"], because="it uses it", guessed=False, shared={})
    counted(session, every(1.0, 0.0, 100.0))
    found = told(session)
    assert found.findings == ()
    assert found.throttles == ()


def test_until_it_is_seen_which_devices_the_job_uses_all_are_counted_and_that_is_said() -> None:
    session = Session()
    session.job(0.0, None)
    for place in range(4):
        number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER), uuid=f"GPU-{place}")
        session.poll(number, every(1.0, 0.0, 60.0), lambda t: 100.0 * t, lambda t: 100.0)
    counted(session, every(1.0, 0.0, 60.0))
    run, figures = fold(session)
    labels = {number: f"nvidia:{number}" for number in range(4)}
    before = figures.standing()
    assert before is not None
    assert (before.guessed, len(before.devices)) == (True, 4)
    assert "devices-guessed" in [one.code for one in run.so_far(before, labels).findings]
    told = {"ids": ["GPU-1", "GPU-2"], "because": "it uses them", "guessed": False, "shared": {}}
    figures.take({"t": 60.5, "event": "devices", **told})
    after = figures.standing()
    assert after is not None
    assert (after.guessed, after.devices) == (False, ("nvidia:1", "nvidia:2"))
    assert after.run.joules == pytest.approx(before.run.joules / 2)
    assert "devices-guessed" not in [one.code for one in run.so_far(after, labels).findings]


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(), st.floats()), max_size=4))
def test_malformed_records_are_passed_over(rubbish: list[Any]) -> None:
    session = Session()
    session.job(0.0, None)
    number = board(session, every(1.0, 0.0, 20.0))
    run, figures = fold(session)
    for record in (
        {"t": 20.5, "s": [[number, 20.5, rubbish]]},
        {"t": 20.5, "s": rubbish},
        {"t": 21.0, "event": "mark", "name": rubbish},
        {"t": rubbish, "event": "lost"},
        {"device": {"n": rubbish}},
    ):
        run.take(record)
    assert math.isfinite(run.so_far(figures.standing(), {0: "nvidia:0"}).error_j or 0.0)


def test_an_empty_course_tells_nothing() -> None:
    assert RunCourse().bins(WATTS, 1.0, 0, 10) == []


def test_a_begin_that_was_taken_back_is_no_phase() -> None:
    session = Session()
    session.mark("measure", 1.0, origin="person")
    session.event(2.0, "mark", name="measure", edge="undo", origin="person")
    assert told(session).phases == ()


def test_an_end_that_was_taken_back_leaves_the_phase_open_and_others_alone() -> None:
    session = Session()
    session.mark("measure", 1.0, 4.0)
    session.mark("measure", 2.0, 3.0, origin="person")
    session.event(5.0, "mark", name="measure", edge="undo", origin="person")
    assert [(phase.start, phase.end) for phase in told(session).phases] == [(1.0, 4.0), (2.0, None)]


def test_prices_by_time_are_weighed_by_energy_as_in_the_summary() -> None:
    """Cheap while the device works, dear while it rests; the second change lies outside of *now*."""
    zero_s = Session().header["clock"]["time_ns"] / 1e9
    steps = [[zero_s - 5.0, 0.1], [zero_s + 60.0, 0.5], [zero_s + 120.5, 0.2], [zero_s + 1e6, 9.0]]
    session = Session(settings={"cost": {"price_steps": steps, "carbon_steps": steps[1:]}})
    session.job(2.0, 300.0)
    watts = [600.0 if t < 60 else 50.0 for t in range(301)]
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=0.1),))
    session.poll(number, every(1.0, 0.0, 300.0), lambda t: watts[int(t)])
    _, figures = fold(session)
    standing = figures.standing()
    assert standing is not None
    inputs = Settings.from_json(session.header["settings"]).cost
    live = priced(inputs, [standing.run.span], zero_s, standing.run.joules_in)
    assert live.price_per_kwh is not None
    cost = session.summary(cost=inputs)["cost"]
    assert live.price_per_kwh * standing.run.joules / 3.6e6 == pytest.approx(cost["energy"], rel=0.01)
    assert live.price_per_kwh < 0.2, "by time it would be 0.22"
    assert standing.now.parts == ()
