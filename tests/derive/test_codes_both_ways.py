"""Every code of the verdicts at each of its levels, and just on the good side of each of its thresholds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from derive.build import Session, codes, every, histogram, steps

from perfwatch.derive.energy import device_energy
from perfwatch.derive.findings import CODES, INFO, INSUFFICIENT, WARN
from perfwatch.derive.settings import CostInputs
from perfwatch.derive.spans import Span
from perfwatch.metrics import ENERGY, LATENCY, MEMORY_USED, POWER
from perfwatch.model import DeviceKind, Kind, Metric, Scope, Unit

Summary = dict[str, Any]

FULL = every(1.0, 0.0, 34.0)
"""A reading a second, from before the job (2 to 32 s) to after it."""
PRICES = CostInputs(price_per_kwh=0.1, rent_per_hour=2.0, carbon_g_per_kwh=400.0)
FAST_COUNTER = ENERGY.observed(update_s=0.01)
FAST_POWER = POWER.observed(update_s=0.01, window_s=0.01)
PSYS = {"index": "psys", "name": "Platform", "kind": DeviceKind.NODE, "scope": Scope.NODE}


def judged(session: Session, **settings: Any) -> Summary:
    return session.summary(**({"window": "job", "cost": PRICES} | settings))


def job(*, end: float = 32.0, interval_s: float = 1.0, work: bool = True, ids: str = "0") -> Session:
    """A job from 2 s on that moves its counter all the time, on the boards of the numbers; no device yet."""
    session = Session(interval_s=interval_s)
    if work:
        session.counter(steps(2.0, end, 1000, 100))
    used = [f"NVIDIA-{number}-uuid" for number in ids]
    session.event(1.0, "devices", ids=used, because="the job uses them", guessed=False, shared={})
    session.job(2.0, end)
    return session


def good(**board: Any) -> Session:
    """A job of 30 s on a board to which nothing can be objected."""
    session = job()
    session.board(FULL, **board)
    return session


def with_ends(times: list[float], end: float = 32.0) -> list[float]:
    return sorted({*times, 2.0, end})


def paused(begin: float, pause_s: float, step_s: float = 1.0) -> list[float]:
    """Readings to 34 s with one pause; those after it keep the step."""
    resumed = round(begin + pause_s, 6)
    return [*every(step_s, 0.0, begin), *every(step_s, resumed, resumed + 20.0)]


# The length of the window, its readings, its error


def length(duration_s: float) -> Summary:
    end = round(2.0 + duration_s, 6)
    session = job(end=end, interval_s=0.1)
    session.board(with_ends(every(0.1, 0.0, 14.0), end))
    return judged(session)


def length_of_half_second_steps(duration_s: float) -> Summary:
    """The counter moves twice a second, so 5 s are ten of its steps."""
    end = round(2.0 + duration_s, 6)
    session = job(end=end, interval_s=0.1)
    number = session.device(metrics=(ENERGY.observed(update_s=0.5),))
    session.poll(number, with_ends(every(0.1, 0.0, 14.0), end), lambda t: 100.0 * t)
    return judged(session)


def length_of_slow_polls(duration_s: float) -> Summary:
    """Power alone, asked for every 1.5 s: 15 s are ten sampling periods."""
    end = round(2.0 + duration_s, 6)
    session = job(end=end, interval_s=1.5)
    session.board(with_ends(every(1.5, 0.0, 24.0), end), counter=False)
    return judged(session)


def length_of_a_slow_source(duration_s: float) -> Summary:
    """Power alone, asked for every second and told every other."""
    end = round(2.0 + duration_s, 6)
    session = job(end=end)
    session.board(with_ends(every(2.0, 0.0, 26.0), end), counter=False)
    return judged(session)


def length_of_wide_averages(duration_s: float) -> Summary:
    """Power alone, each reading the average over 0.8 s: 8 s hold ten."""
    end = round(2.0 + duration_s, 6)
    session = job(end=end, interval_s=0.1)
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=0.8),))
    session.poll(number, with_ends(every(0.1, 0.0, 14.0), end), lambda t: 100.0)
    return judged(session)


def power_readings(count: int) -> Summary:
    step_s = 30.0 / (count - 1)
    session = job(interval_s=step_s)
    session.board([round(2.0 + index * step_s, 6) for index in range(-1, count + 1)], counter=False)
    return judged(session)


def counter_readings(count: int) -> Summary:
    session = job(interval_s=30.0 / (count - 1))
    session.board([round(2.0 + index * 30.0 / (count - 1), 6) for index in range(count)], power=False)
    return judged(session)


def uncertain(share: float) -> Summary:
    """A counter of step U is off by 2 x sqrt(1/6) x U x P at the ends: U is made for the share of 30 s."""
    session = job(interval_s=0.1)
    number = session.device(metrics=(ENERGY.observed(update_s=share * 30.0 / (2.0 * math.sqrt(1.0 / 6.0))),))
    session.poll(number, every(0.1, 0.0, 34.0), lambda t: 100.0 * t)
    return judged(session)


def covered_to(share: float) -> list[float]:
    last = round(2.0 + share * 30.0, 6)
    return [*(t for t in FULL if t < last), last]


def covered(share: float) -> Summary:
    session = job()
    session.board(covered_to(share))
    return judged(session)


def second_covered(share: float) -> Summary:
    """The second of two boards of the run: half of the energy is there all the time."""
    session = job(ids="01")
    session.board(FULL)
    session.board(covered_to(share))
    return judged(session)


def outsider_covered(share: float) -> Summary:
    session = good()
    session.board(covered_to(share))
    return judged(session)


# Power and work at all


def stuck_around(end: float) -> Summary:
    """The counter stands still from 20 s on and makes up for it at 30 s; the window ends before or within."""
    session = job()
    number = session.device(metrics=(FAST_COUNTER, FAST_POWER))
    session.poll(
        number, every(0.5, 0.0, 34.0), lambda t: 100.0 * (20.0 if 20.0 < t < 30.0 else t), lambda t: 100.0
    )
    session.mark("measure", 4.0, end)
    summary = judged(session, window=None)
    assert summary["energy"]["joules"] == pytest.approx(100.0 * (end - 4.0), rel=0.02)
    return summary


def slow_source(period_s: float) -> Summary:
    """Power alone of a source that is read more seldom than asked: that is no gap."""
    session = job(end=92.0)
    session.board(every(period_s, 0.0, 100.0), counter=False)
    return judged(session)


def readings_of_a_counter(count: int) -> Summary:
    session = job()
    session.board([2.0, 32.0][:count], power=False)
    return judged(session)


def queries(count: int) -> Summary:
    session = job(work=False)
    session.board(FULL)
    session.counter([(0.0, 0), (20.0, count)])
    return judged(session)


def only(name: str) -> Summary:
    session = job(work=False)
    session.board(FULL)
    session.counter(steps(2.0, 32.0, 100, 40), name=name)
    return judged(session)


# Readings that are missing, late, or at odds


def no_power_for(pause_s: float, *, step_s: float = 1.0) -> Summary:
    session = job(interval_s=step_s)
    session.board(paused(10.0, pause_s, step_s), counter=False)
    return judged(session)


def no_counter_for(pause_s: float) -> Summary:
    session = job()
    session.board(paused(10.0, pause_s), power=False)
    return judged(session)


def wall_clock_ahead(by_s: float) -> Summary:
    session = good()
    for t, ahead_s in ((10.0, 0.0), (20.0, by_s)):
        session.event(t, "clock", time_ns=session.header["clock"]["time_ns"] + round((t + ahead_s) * 1e9))
    return judged(session)


def counter_above(share: float) -> Summary:
    """The counter says more than the integral, by a share of both errors together."""

    def made(watts: float) -> Session:
        session = job()
        number = session.device(metrics=(ENERGY.observed(update_s=0.2), FAST_POWER))
        session.poll(number, FULL, lambda t: watts * t, lambda t: 100.0 + int(t) % 2)
        return session

    (found,) = (
        device_energy(device, [Span(2.0, 32.0)], interval_s=1.0)
        for device in made(100.5).tape().devices.values()
        if device.collector == "nvidia"
    )
    assert found is not None
    assert found.counter_error is not None
    assert found.integrated_error is not None
    assert found.integrated_joules is not None
    errors = found.counter_error.expanded(), found.integrated_error.expanded()
    assert max(errors) < 0.9 * sum(errors)
    return judged(made((found.integrated_joules + share * sum(errors)) / 30.0))


def counter_stuck(still_s: float) -> Summary:
    """It stands still under load, and then has what it left out."""
    session = job(interval_s=0.1)
    number = session.device(metrics=(FAST_COUNTER, FAST_POWER))
    back = 10.0 + still_s
    session.poll(
        number,
        every(0.1, 0.0, 34.0),
        lambda t: 1000.0 if 10.0 <= t <= back else 100.0 * t,
        lambda t: 100.0,
    )
    return judged(session)


def counter_beyond_limit(watts: float) -> Summary:
    session = job()
    number = session.device(metrics=(FAST_COUNTER,), power_limit_watts=100.0)
    session.poll(number, FULL, lambda t: watts * t)
    return judged(session)


def late_of_forty(late: int) -> Summary:
    session = job()
    session.board(every(1.0, 0.0, 39.0))
    session.event(40.0, "observer", late_samples=late, missed_ticks=0)
    return judged(session)


def missed_of_forty(missed: int) -> Summary:
    session = job()
    session.board(every(1.0, 0.0, 39.0 - missed))
    session.event(40.0, "observer", late_samples=0, missed_ticks=missed)
    return judged(session)


def silent_for(pause_s: float) -> Summary:
    session = job()
    session.board(paused(10.0, pause_s))
    return judged(session)


def outsider_silent_for(pause_s: float) -> Summary:
    session = good()
    session.board(paused(10.0, pause_s))
    return judged(session)


def read_every(step_s: float) -> Summary:
    """Three periods are those of the device, where it is slower than it was asked to be."""
    session = job()
    session.board(every(step_s, 0.0, 40.0))
    return judged(session)


# Work


def last_move(t: float) -> Summary:
    """The last third of the window begins at 22 s."""
    session = job(work=False)
    session.board(FULL)
    session.counter(steps(2.0, t, 100, 40))
    return judged(session)


def last_move_beside(name: str) -> Summary:
    """Queries end early, and another counter goes on."""
    session = job(work=False)
    session.board(FULL)
    session.counter(steps(2.0, 15.0, 100, 40))
    session.counter(steps(2.0, 32.0, 100, 40), name=name)
    return judged(session)


def dropped(datagrams: int) -> Summary:
    session = good()
    session.event(9.0, "lost", source="statsd", datagrams=datagrams)
    return judged(session)


def counted_beside_a_thousand(count: int) -> Summary:
    session = good()
    session.counter(steps(2.0, 32.0, count, 100), work="output")
    return judged(session)


def restarted_at(t: float) -> Summary:
    """The counter of the work falls to nothing at a time; the window begins at 2 s."""
    session = job(work=False)
    session.board(FULL)
    session.counter([(at, 10.0 * at + 5.0 if at < t else 10.0 * (at - t)) for at in every(0.5, 0.0, 32.0)])
    return judged(session)


def energy_falls(wraps_at: float | None) -> Summary:
    session = job()
    metric = FAST_COUNTER if wraps_at is None else FAST_COUNTER.wrapping_at(wraps_at)
    number = session.device(metrics=(metric, FAST_POWER))
    session.poll(number, FULL, lambda t: (100.0 * t) % 2000.0, lambda t: 100.0)
    return judged(session)


def timings(count: int) -> Summary:
    session = good()
    session.workload("statsd", [LATENCY], [(20.0, (histogram(*[0.1] * count),))])
    return judged(session)


def ramp(slow_per_s: float) -> Summary:
    """Ten a second, but for the first quarter of 40 s."""
    session = job(end=42.0, work=False)
    session.board(every(1.0, 0.0, 44.0))
    done = {t: slow_per_s * min(t - 2.0, 10.0) + 10.0 * max(t - 12.0, 0.0) for t in every(0.1, 2.0, 42.0)}
    session.counter([(0.0, 0), *((t, int(count)) for t, count in done.items())])
    return judged(session)


def log_clock_ahead(seconds: float) -> Summary:
    session = good()
    session.event(20.0, "clock_offset", source="loadgen", seconds=seconds)
    return judged(session)


def tokens_of_a_page(query_s: float | None) -> Summary:
    """Tokens come with the end of a query, each so long; None: while it goes on."""
    session = job(work=False)
    names = [Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER) for name in ("queries", "generated_tokens")]
    step_s = query_s or 5.0
    rows = [(t, (int(t / step_s), 64 * int(t / step_s) if query_s else int(13 * t))) for t in FULL]
    session.workload("page", names, rows)
    session.board(FULL)
    return judged(session)


def told_to_complete(code: str) -> Summary:
    session = good()
    session.event(5.0, "note", code=code, text="Tokens are counted when a query ends.")
    return judged(session)


# Devices, sources, marks, money


def used_by_another(number: int) -> Summary:
    session = good()
    session.board(FULL)
    ids, others = ["NVIDIA-0-uuid"], {f"NVIDIA-{number}-uuid": ["pid 9"]}
    session.event(30.0, "devices", ids=ids, because="x", guessed=False, shared=others)
    return judged(session)


def throttled(where: tuple[int, float, float]) -> Summary:
    """One of two boards from one time to another; the first is the run's, and each idles otherwise."""
    throttled_board, begin, end = where
    session = job()
    for board in (0, 1):
        bits = 0x4 if board == throttled_board else 0x1
        session.busy_board(FULL, lambda _: 0.5, partial(_bits_between, begin, end, bits))
    return judged(session)


def _bits_between(begin: float, end: float, bits: int, t: float) -> float:
    return bits if begin <= t < end else 0x1


def guessed(evidence: bool | None) -> Summary:
    session = Session()
    session.board(FULL)
    session.counter(steps(2.0, 32.0, 1000, 100))
    if evidence is not None:
        session.event(1.0, "devices", ids=["NVIDIA-0-uuid"], because="x", guessed=evidence, shared={})
    session.job(2.0, 32.0)
    return judged(session)


def page_from(first: float) -> Summary:
    session = job(work=False)
    session.board(FULL)
    session.counter([(t, 10.0 * t) for t in every(1.0, first, first + 30.0)], work="page")
    return judged(session)


def late_collector(late: bool) -> Summary:
    session = good()
    if late:
        session.event(2.5, "late_source", collector="slowchip")
    return judged(session)


def modelled(beside_a_sensor: bool) -> Summary:
    session = job(ids="")
    if beside_a_sensor:
        session.package(FULL)
    model = replace(ENERGY, estimated=True)
    number = session.device("cpu_estimate", metrics=(model,), kind=DeviceKind.CPU, scope=Scope.CPU)
    session.poll(number, FULL, lambda t: 40.0 * t)
    return judged(session)


def marked(end: float | None) -> Summary:
    session = good()
    session.mark("measure", 5.0, end)
    return judged(session, window=None)


def phase_left_open(name: str) -> Summary:
    session = good()
    session.mark("measure", 5.0, 30.0)
    session.mark(name, 6.0)
    return judged(session, window=None)


def priced(prices: CostInputs) -> Summary:
    return judged(good(), cost=prices)


def metered_with(boards: int) -> Summary:
    """The node's meter beside boards, of which the first is the run's."""
    session = job()
    for _ in range(boards):
        session.board(FULL)
    session.package(FULL, watts=400.0, **PSYS)
    return judged(session)


def parts_used(parts: Sequence[str]) -> Summary:
    session = job()
    session.board(FULL, uuid="whole")
    for part in ("one", "two"):
        session.device(metrics=(MEMORY_USED,), uuid=part, parent="whole")
    session.event(1.5, "devices", ids=list(parts), because="the job uses them", guessed=False)
    return judged(session)


def beside(watts: float, *, alike: int = 3, name: str = "Board") -> Summary:
    """A board beside those of 99, 100 and 101 W; the median of those is 100 W."""
    session = job(ids="0123"[: alike + 1])
    for each in (99.0, 100.0, 101.0)[:alike]:
        session.board(FULL, watts=each)
    session.board(FULL, watts=watts, name=name)
    return judged(session)


# What was not counted


def uncounted_up_to(t: float, unit: str | None = None, uncounted_s: float = 1.0) -> Summary:
    """LoadGen's log does not count what was done in the second before; the job begins at 2 s, for 30 s."""
    session = job(work=False)
    session.counter(steps(2.0, 32.0, 1000, 100), work="mlperf")
    session.counter(steps(2.0, 32.0, 1000, 100), name="frames")
    session.board(FULL)
    session.event(t, "note", text="not counted", code="lost-counts", work="mlperf", uncounted_s=uncounted_s)
    return judged(session, unit=unit)


# What may be counted twice


def patterns_beside(count: int) -> Summary:
    """A second pattern that finds so many steps beside the thousand of the first."""
    session = job(work=False)
    for total in (1000, count):
        rows = [(t, (value,)) for t, value in steps(2.0, 32.0, total, 100)]
        session.workload("output", [Metric("steps_total", Unit.COUNT, Kind.COUNTER)], rows)
    session.board(FULL)
    return judged(session)


def servers_beside(software: str) -> Summary:
    """A page of a server beside that of vLLM, which count the same."""
    session = job(work=False)
    for server in ("vLLM", software):
        rows = [(t, (10 * t,)) for t in FULL]
        session.workload("page", [Metric("queries_total", Unit.COUNT, Kind.COUNTER)], rows, server=server)
    session.board(FULL)
    return judged(session)


def logs_beside(name: str) -> Summary:
    """Two ranks that each write a file."""
    session = job(work=False)
    for _ in range(2):
        rows = [(t, (value,)) for t, value in steps(2.0, 32.0, 100, 10)]
        session.workload("jsonl", [Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER)], rows)
    session.board(FULL)
    return judged(session)


def runs_one_after_another(first_s: float) -> Summary:
    """The first lasts so long, the second from 10 s on."""
    session = job(work=False)
    for begin, end in ((2.5, 2.0 + first_s), (10.0, 30.0)):
        rows = [(t, (value,)) for t, value in steps(begin, end, 100, 10)]
        session.workload("output", [Metric("steps_total", Unit.COUNT, Kind.COUNTER)], rows)
    session.board(FULL)
    return judged(session)


Make = Callable[..., Summary]

TABLE: list[tuple[str, Make, list[tuple[Any, str | None]]]] = [
    ("short-window", length, [(0.99, INSUFFICIENT), (1.0, WARN), (9.99, WARN), (10.0, None)]),
    ("short-window", length_of_half_second_steps, [(4.99, INSUFFICIENT), (5.0, WARN)]),
    ("short-window", length_of_slow_polls, [(14.9, INSUFFICIENT), (15.0, None)]),
    ("short-window", length_of_a_slow_source, [(19.9, INSUFFICIENT), (20.0, None)]),
    ("short-window", length_of_wide_averages, [(7.99, INSUFFICIENT), (8.0, WARN)]),
    ("too-few-samples", power_readings, [(4, INSUFFICIENT), (5, WARN), (19, WARN), (20, None)]),
    ("too-few-samples", counter_readings, [(3, None)]),
    ("large-error", uncertain, [(0.049, None), (0.051, WARN), (0.199, WARN), (0.201, INSUFFICIENT)]),
    ("low-coverage", covered, [(0.981, None), (0.979, WARN), (0.901, WARN), (0.899, INSUFFICIENT)]),
    ("low-coverage", second_covered, [(0.981, None), (0.979, WARN), (0.901, WARN), (0.899, INSUFFICIENT)]),
    ("low-coverage", outsider_covered, [(0.5, None)]),
    ("no-power", readings_of_a_counter, [(0, INSUFFICIENT), (2, None)]),
    ("no-work", queries, [(0, INSUFFICIENT), (1, None)]),
    ("no-work", only, [("errors", INSUFFICIENT), ("frames", None)]),
    ("gap", no_power_for, [(3.0, None), (3.1, WARN)]),
    ("gap", partial(no_power_for, step_s=0.5), [(3.0, None), (3.1, WARN)]),
    ("gap", partial(no_power_for, step_s=2.0), [(6.0, None), (6.1, WARN)]),
    ("gap", slow_source, [(5.0, None)]),
    ("low-coverage", slow_source, [(5.0, None)]),
    ("gap", no_counter_for, [(12.0, None)]),
    ("gap", wall_clock_ahead, [(5.0, None), (5.1, WARN)]),
    ("counter-disagrees", counter_above, [(0.98, None), (1.02, WARN), (-0.98, None), (-1.02, WARN)]),
    ("counter-disagrees", stuck_around, [(20.0, None), (23.0, WARN), (31.0, WARN)]),
    ("counter-disagrees", counter_stuck, [(4.9, None), (5.1, WARN)]),
    ("counter-disagrees", counter_beyond_limit, [(199.0, None), (201.0, WARN)]),
    ("late-samples", late_of_forty, [(2, None), (3, WARN)]),
    ("late-samples", missed_of_forty, [(2, None), (3, WARN)]),
    ("stale-workload", last_move, [(21.9, WARN), (22.1, None)]),
    ("stale-workload", last_move_beside, [("errors", WARN), ("samples", None)]),
    ("stale-device", silent_for, [(3.0, None), (3.1, WARN)]),
    ("stale-device", outsider_silent_for, [(12.0, None)]),
    ("stale-device", read_every, [(5.0, None)]),
    ("lost-counts", dropped, [(0, None), (1, WARN)]),
    ("lost-counts", uncounted_up_to, [(2.0, None), (2.1, WARN)]),
    (
        "low-coverage",
        partial(uncounted_up_to, uncounted_s=99.0),
        [(2.5, None), (2.7, WARN), (5.1, INSUFFICIENT)],
    ),
    ("low-coverage", partial(uncounted_up_to, uncounted_s=99.0, unit="frames"), [(5.1, None)]),
    ("work-disagrees", counted_beside_a_thousand, [(990, None), (989, WARN), (1010, None), (1011, WARN)]),
    ("counted-twice", patterns_beside, [(981, WARN), (979, None), (1019, WARN), (1021, None)]),
    ("counted-twice", servers_beside, [("LiteLLM", WARN), ("vLLM", None)]),
    ("counted-twice", logs_beside, [("steps", WARN), ("samples", None)]),
    ("counted-twice", runs_one_after_another, [(20.0, WARN), (7.0, None)]),
    ("shared-device", used_by_another, [(0, WARN), (1, None)]),
    (
        "throttled",
        throttled,
        [((0, 12.0, 13.0), WARN), ((0, 0.0, 2.0), None), ((0, 32.0, 34.0), None), ((1, 12.0, 13.0), None)],
    ),
    ("devices-guessed", guessed, [(None, WARN), (True, WARN), (False, None)]),
    ("clock-offset", log_clock_ahead, [(0.29, None), (0.31, WARN), (2.9, WARN), (3.1, INSUFFICIENT)]),
    ("completion-counted", tokens_of_a_page, [(5.0, WARN), (0.2, None), (None, None)]),
    ("completion-counted", told_to_complete, [("completion-counted", WARN), ("left-out", None)]),
    ("few-latencies", timings, [(1, None), (2, INFO), (9_999, INFO), (10_000, None)]),
    ("late-source", page_from, [(5.0, None), (5.1, INFO)]),
    ("late-source", late_collector, [(True, INFO), (False, None)]),
    ("counter-reset", restarted_at, [(1.5, None), (2.5, INFO)]),
    ("counter-reset", energy_falls, [(None, INFO), (2000.0, None)]),
    ("estimated", modelled, [(False, INFO), (True, None)]),
    ("open-window", marked, [(None, INFO), (30.0, None)]),
    ("open-window", phase_left_open, [("load", None)]),
    (
        "cost-partial",
        priced,
        [(CostInputs(price_per_kwh=0.1), INFO), (CostInputs(rent_per_hour=2.0), None), (CostInputs(), None)],
    ),
    ("meter-wider-than-run", metered_with, [(1, None), (2, INFO)]),
    ("meter-wider-than-run", parts_used, [(("one",), INFO), (("one", "two"), None)]),
    ("odd-device", beside, [(124.9, None), (125.1, INFO), (75.1, None), (74.9, INFO)]),
    ("odd-device", partial(beside, alike=2), [(140.0, None)]),
    ("odd-device", partial(beside, name="Another"), [(140.0, None)]),
    ("steady-from", ramp, [(5.0, INFO), (9.5, None)]),
]
"""Code, what makes a summary, and for each of its values the level at which the code stands, if it does."""

TWO_LEVELS = {
    "short-window",
    "too-few-samples",
    "large-error",
    "low-coverage",
    "clock-offset",
}
ALWAYS_INSUFFICIENT = {"no-power", "no-work"}
ONLY_INFO = {
    *("few-latencies", "late-source", "counter-reset", "estimated", "open-window"),
    *("cost-partial", "meter-wider-than-run", "odd-device", "steady-from"),
}

CASES = [(code, make, value, level) for code, make, values in TABLE for value, level in values]


@pytest.mark.parametrize(("code", "make", "value", "level"), CASES)
def test_a_code_stands_at_its_level_and_not_where_it_is_close(
    code: str, make: Make, value: Any, level: str | None
) -> None:
    summary = make(value)
    found = {each["level"] for each in summary["quality"] if each["code"] == code}
    assert found == ({level} if level else set())


@pytest.mark.parametrize(("code", "make", "value", "level"), [case for case in CASES if case[3]])
def test_only_what_is_insufficient_takes_the_ratios_away(
    code: str, make: Make, value: Any, level: str
) -> None:
    summary = make(value)
    taken = bool(codes(summary, INSUFFICIENT))
    assert taken or level != INSUFFICIENT
    ratios = summary["efficiency"].values()
    assert all((each["per_joule"] is None) is taken for each in ratios)
    if taken:
        cost, carbon = summary["cost"], summary["carbon"]
        assert {value for each in ratios for value in each.values()} <= {None}
        for per in (cost["per"], cost["per_error"], cost["per_million"], carbon["per"], carbon["per_error"]):
            assert set(per.values()) <= {None}
    assert all(each["count"] is not None for each in summary["work"].values())
    if "no-power" not in codes(summary):
        assert summary["energy"]["joules"] > 0
        assert summary["power"]["mean_watts"] > 0
        assert summary["cost"]["energy"] is not None or code == "cost-partial"


def levels_of(code: str) -> set[str]:
    """At which levels the design has a code."""
    if code in TWO_LEVELS:
        return {WARN, INSUFFICIENT}
    if code in ALWAYS_INSUFFICIENT:
        return {INSUFFICIENT}
    return {INFO} if code in ONLY_INFO else {WARN}


def test_the_table_has_every_code_at_each_level_and_close_by() -> None:
    found: dict[str, set[str | None]] = {}
    for code, _, _, level in CASES:
        found.setdefault(code, set()).add(level)
    assert found == {code: {*levels_of(code), None} for code in CODES}


def test_what_another_source_counts_keeps_its_ratio_where_one_left_a_stretch_out() -> None:
    summary = uncounted_up_to(12.0, unit="frames", uncounted_s=10.0)
    assert {each["level"] for each in summary["quality"] if each["code"] == "lost-counts"} == {WARN}
    assert summary["efficiency"]["frames"]["per_joule"] is not None
    assert summary["efficiency"]["queries"]["per_joule"] is None
    assert summary["work"]["queries"]["count"] is not None
