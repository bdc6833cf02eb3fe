"""Is the truth within the stated error of a polled count, and is the error not much too wide?"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable

import pytest

from perfwatch.derive.count_error import Flow
from perfwatch.derive.course import Course
from perfwatch.derive.live_amounts import RunningWork
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series
from perfwatch.derive.work import count_work
from perfwatch.metrics import QUERIES

LONG_S, RUNS = 60.0, 300
LATEST, EARLIEST = 1.0, 0.0
Events = Callable[[random.Random], list[float]]


def poisson(rate: float, size: int = 1) -> Events:
    """Events at random, `size` at a time."""

    def events(chance: random.Random) -> list[float]:
        found: list[float] = []
        t = chance.expovariate(rate)
        while t < LONG_S:
            found += [t] * size
            t += chance.expovariate(rate)
        return found

    return events


def even(rate: float) -> Events:
    return lambda chance: [(n + chance.random() * 0.01) / rate for n in range(int(rate * LONG_S))]


def drifting(chance: random.Random) -> list[float]:
    """At random, at a rate that trebles half way."""
    return [*poisson(10.0)(chance), *(t for t in poisson(20.0)(chance) if t > LONG_S / 2)]


def course(events: list[float], period_s: float, updated_s: float = 0.0) -> Course:
    """What a poll each period sees of a counter that is brought up to date every `updated_s`."""
    ordered, series = sorted(events), Series(QUERIES)
    for n in range(int(LONG_S / period_s) + 1):
        t = n * period_s
        shown = t if not updated_s else math.floor(t / updated_s) * updated_s
        series.times.append(t)
        series.values.append(bisect_right(ordered, shown))
    return Course(series, held=False)


@pytest.mark.parametrize(
    ("events", "period_s", "updated_s"),
    [
        (poisson(20.0), 1.0, 0.0),
        (poisson(2.0), 1.0, 0.0),
        (poisson(3.0, 20), 1.0, 0.0),
        (even(7.0), 1.0, 0.0),
        (drifting, 2.0, 0.0),
        (poisson(20.0), 0.5, 4.3),
    ],
    ids=["at random", "seldom", "in bursts", "evenly", "faster half way", "a page updated every 4.3 s"],
)
def test_the_truth_lies_within_the_error(events: Events, period_s: float, updated_s: float) -> None:
    chance = random.Random(7)
    within, true, stated = 0, 0.0, 0.0
    for _ in range(RUNS):
        happened = events(chance)
        span = Span(chance.uniform(5.0, 15.0), chance.uniform(35.0, 55.0))
        seen = course(happened, period_s, updated_s)
        off = seen.moved_in(span) - sum(span.start < t <= span.end for t in happened)
        error = 2.0 * math.sqrt(seen.variance_in(span))
        within += abs(off) <= error
        true, stated = true + off**2, stated + (error / 2.0) ** 2
    assert within >= 0.9 * RUNS
    assert math.sqrt(stated) <= 2.7 * math.sqrt(true)


def test_a_count_between_two_readings_is_exact_at_them() -> None:
    seen = course(poisson(20.0)(random.Random(3)), 1.0)
    assert seen.variance_in(Span(10.0, 40.0)) == 0.0
    assert seen.variance_in(Span(10.0, 40.5)) > 0.0


def test_what_came_before_the_first_reading_or_after_the_last_adds_no_error() -> None:
    seen = course(poisson(20.0)(random.Random(3)), 1.0)
    assert seen.variance_in(Span(-5.0, 100.0)) == 0.0


def test_what_a_server_did_after_its_last_reading_is_in_the_error_at_the_end_of_the_job() -> None:
    """It ended with its job, between two readings: up to half a second of 20 a second is missing."""
    seen = {"queries": {"page": (course(even(20.0)(random.Random(3)), 1.0),)}}
    end = LONG_S + 0.5
    ended = count_work(seen, [Span(0.0, end)], last_end=end)["queries"]
    assert ended.error == pytest.approx(10.0 + 2.0 * math.sqrt(10.0))
    still_there = count_work(seen, [Span(0.0, LONG_S)], last_end=LONG_S)["queries"]
    assert (still_there.count, still_there.error) == (ended.count, 0.0)
    marked = count_work(seen, [Span(0.0, LONG_S)], last_end=end)["queries"]
    assert marked.error == 0.0


def test_what_a_server_did_after_its_last_reading_is_in_the_error_of_a_window_that_ends_later() -> None:
    """One of two died amid the window, up to a reading's time after it was read last; the other went on."""
    gone, alive = course(even(20.0)(random.Random(3)), 1.0), Series(QUERIES)
    for t in range(2 * int(LONG_S)):
        alive.times.append(float(t))
        alive.values.append(5 * t)
    both = {"queries": {"page": (gone, Course(alive, held=False))}}
    counted = count_work(both, [Span(0.0, 1.5 * LONG_S)], last_end=2.0 * LONG_S)["queries"]
    assert counted.error == pytest.approx(40.0 + 2.0 * math.sqrt(40.0), abs=3.0)
    told = Series(QUERIES)
    told.times.extend([0.0, 1.0, 2.0])
    told.values.extend([0, 5, 10])
    heard = {"queries": {"statsd": (Course(told, held=True),)}}
    assert count_work(heard, [Span(0.0, 9.0)], last_end=20.0)["queries"].error == 0.0


@pytest.mark.parametrize(
    ("before", "missed"), [(0, 0.0), (7, 7.0), (5_000, 160.0)], ids=["began then", "little", "long at work"]
)
def test_what_a_server_may_have_done_before_it_could_be_read_is_in_the_error(
    before: int, missed: float
) -> None:
    """Read from 8 s on, 20 a second; the live course says the same as the recorded one."""
    series, live = Series(QUERIES), RunningWork(30.0, 3.0, held=False)
    for n in range(31):
        series.times.append(8.0 + n)
        series.values.append(before + 20 * n)
        live.take(8.0 + n, before + 20 * n, exact=True)
    seen = Course(series, held=False)
    assert seen.missed_at_begin(0.0) == live.missed_at_begin(0.0) == pytest.approx(missed)
    assert seen.missed_at_begin(8.0) == live.missed_at_begin(8.0) == 0.0
    counted = count_work({"queries": {"page": (seen,)}}, [Span(0.0, 38.0)], last_end=38.0)["queries"]
    assert counted.error == pytest.approx(missed + 2.0 * math.sqrt(missed))


@pytest.mark.parametrize(("down_s", "missed"), [(1.0, 20.0), (30.0, 40.0)])
def test_what_a_server_did_before_it_restarted_is_in_the_error(down_s: float, missed: float) -> None:
    """20 a second, read once a second; it is back with a count of 3 after some seconds."""
    series = Series(QUERIES)
    for n in range(10):
        series.times.append(float(n))
        series.values.append(20 * n)
    for n in range(10):
        series.times.append(9.0 + down_s + n)
        series.values.append(3 + 20 * n)
    end = series.times[-1]
    seen = {"queries": {"page": (Course(series, held=False),)}}
    counted = count_work(seen, [Span(0.0, end)], last_end=end)["queries"]
    assert counted.count == 180 + 183
    assert counted.error == pytest.approx(missed + 2.0 * math.sqrt(missed))
    assert count_work(seen, [Span(0.0, 9.0)], last_end=end)["queries"].error == 0.0


@pytest.mark.parametrize(("first", "inherited"), [(1, 0), (5, 0), (15, 14), (40, 39), (100_000, 99_999)])
def test_a_live_course_leaves_out_what_a_recorded_one_does(first: int, inherited: int) -> None:
    """A job prints a running total, one a second; after a checkpoint what is its own counts."""
    series, live = Series(QUERIES), RunningWork(1000.0, 3.0, held=True, printed=True)
    live.trace.pin(0.0)
    for t, value in [(0.0, 0), *((4.0 + n, first + n) for n in range(9))]:
        series.times.append(t)
        series.values.append(value)
        live.take(t, value, exact=True)
    seen, span = Course(series, held=True, printed=True), Span(0.0, 12.0)
    assert live.inherited == seen.inherited == inherited
    assert live.moved_in(span) == seen.moved_in(span) == 8 + first - inherited


def test_a_server_that_rests_owes_nothing() -> None:
    flow = Flow()
    for amount in (100.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0):
        flow.take(1.0, amount)
    known_to_a_reading = 25.0**2 / 6.0
    assert flow.lateness([1.0, 3.5]) == pytest.approx((25.0 * 2.5) ** 2 + known_to_a_reading)
    assert flow.lateness([math.inf, 100.0]) == pytest.approx(known_to_a_reading)


def test_a_server_that_is_told_at_each_reading_and_rests_for_long_is_not_late() -> None:
    """Six seconds of work in a job of twelve: the count is exact."""
    flow = Flow()
    for amount in (14.0, 14.0, 15.0, 14.0, 14.0, 14.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0):
        flow.take(1.0, amount)
    assert flow.lateness([6.0, math.inf]) == 0.0


def test_single_events_are_not_late_however_seldom() -> None:
    flow = Flow()
    for amount in (1.0, 0.0, 0.0, 0.0) * 5:
        flow.take(1.0, amount)
    assert flow.lateness([0.5, 3.5]) == 0.0


@pytest.mark.parametrize("jitter", [0.02, 0.1, 0.4])
@pytest.mark.parametrize("every_s", [0.1, 0.2, 0.5, 0.9, 1.1, 1.3])
def test_batches_are_in_the_error(every_s: float, jitter: float) -> None:
    """A server answers 64 queries at a time; polled once a second."""
    chance = random.Random(13)
    within, true, stated = 0, 0.0, 0.0
    for _ in range(RUNS):
        happened, t = [], chance.uniform(0.0, every_s)
        while t < LONG_S:
            happened += [t] * 64
            t += every_s * chance.uniform(1.0 - jitter, 1.0 + jitter)
        span = Span(chance.uniform(5.0, 15.0), chance.uniform(35.0, 55.0))
        seen = course(happened, 1.0)
        off = seen.moved_in(span) - sum(span.start < t <= span.end for t in happened)
        error = 2.0 * math.sqrt(seen.variance_in(span))
        within += abs(off) <= error
        true, stated = true + off**2, stated + (error / 2.0) ** 2
    # Where nearly all polls see the same number of batches, they look like a steady flow.
    looks_steady = every_s <= 0.5 and jitter < 0.4
    assert within >= (0.3 if looks_steady else 0.75) * RUNS
    assert math.sqrt(stated) <= 2.5 * math.sqrt(true)


def test_a_live_count_has_the_error_of_the_newest_interval() -> None:
    events = sorted(poisson(20.0)(random.Random(5)))
    live, seen = RunningWork(30.0, 3.0, held=False), course(events, 1.0)
    for n in range(41):
        live.take(float(n), bisect_right(events, n), exact=True)
    assert live.variance_in(Span(0.0, 40.0)) == 0.0
    assert live.variance_in(Span(0.0, 39.5)) == pytest.approx(seen.variance_in(Span(0.0, 39.5)), rel=0.05)


def live_and_recorded(readings: list[tuple[float, float]]) -> tuple[Course, RunningWork]:
    series, live = Series(QUERIES), RunningWork(1000.0, 1000.0, held=False)
    for t, value in readings:
        series.times.append(t)
        series.values.append(value)
        live.take(t, value, exact=True)
    return Course(series, held=False), live


@pytest.mark.parametrize("processes", [(100, 5000), (5000, 100, 70_000)])
def test_a_count_of_several_processes_that_nothing_tells_apart_is_told_to_be_unsure(
    processes: tuple[int, ...],
) -> None:
    """They answer in turn and do ten a second each: the count is far too high, and its error says so."""
    course, live = live_and_recorded([(t, processes[t % len(processes)] + 10 * t) for t in range(60)])
    truth, span = len(processes) * 590, Span(0.0, 59.0)
    for one in (course, live):
        counted = count_work({"queries": {"page": (one,)}}, [span], last_end=99.0)["queries"]
        assert counted.count is not None
        assert counted.count > 10 * truth
        assert counted.count - counted.error <= truth


def test_a_restart_that_a_source_told_itself_has_the_error_of_one_and_no_more() -> None:
    """A zero as of the reading before says that it began anew, where the new value does not show it."""
    told = [(float(t), 20 * t) for t in range(4)]
    course, live = live_and_recorded([*told, (3.0, 0), (4.0, 90), (5.0, 110)])
    assert course.restarts == [4.0]
    assert (course.at(5.0), live.moved_in(Span(0.0, 5.0))) == (170, 170)
    assert course.restart_variance(Span(0.0, 5.0)) == pytest.approx(((20 + 2 * math.sqrt(20)) / 2) ** 2)
    assert course.doubt_in(Span(0.0, 5.0)) == live.doubt_in(Span(0.0, 5.0)) == 0.0


def test_what_was_counted_of_a_process_that_did_not_begin_anew_is_taken_back_where_it_was_counted() -> None:
    """A value below zero says how much: 5000 that came in at 2 s, found out at 4 s."""
    readings = [(0.0, 10), (1.0, 20), (1.0, 0), (2.0, 5000), (3.0, 5010), (3.0, -5000), (4.0, -4990)]
    course, live = live_and_recorded(readings)
    assert live.moved_in(Span(0.0, 4.0)) == course.at(4.0) == 30
    assert course.moved_in(Span(2.5, 4.0)) >= 0
    assert course.restarts == []


def test_what_processes_that_answer_in_turn_did_unseen_is_in_the_error() -> None:
    """Of three, each is out of sight for two intervals on average at either end, by chance for more."""
    course, live = live_and_recorded([(float(t), 30 * t) for t in range(20)])
    for one in (course, live):
        assert one.variance_in(Span(0.0, 19.0)) == 0.0
        one.in_turn = 3
        assert one.variance_in(Span(0.0, 19.0)) == pytest.approx(((4 + 2 * math.sqrt(4)) * 30 / 2) ** 2)


@pytest.mark.parametrize("tells_of", [EARLIEST, LATEST, None], ids=["its begin", "its end", "any moment"])
def test_what_a_slow_page_may_tell_of_is_in_the_error(tells_of: float | None) -> None:
    """It takes 1.5 s to answer and is read all the time; the job works from its begin to its end."""
    chance = random.Random(17)
    within = 0
    for _ in range(RUNS):
        job = Span(chance.uniform(2.0, 5.0), chance.uniform(12.0, 20.0))
        happened = sorted(chance.uniform(job.start, job.end) for _ in range(400))
        series, slow, t = Series(QUERIES), {}, 0.0
        while t < job.end + 3.0:
            moment = t + 1.5 * (chance.random() if tells_of is None else tells_of)
            series.times.append(t + 0.75)
            series.values.append(bisect_right(happened, moment))
            slow[series.times[-1]] = 1.5
            t += chance.uniform(1.5, 2.0)
        seen = Course(series, held=False)
        seen.slow_reads, seen.job = slow, job
        error = 2.0 * math.sqrt(seen.variance_in(job))
        assert error < 150.0
        within += abs(seen.moved_in(job) - 400) <= error
    assert within >= 0.9 * RUNS


def test_a_slow_page_of_a_server_that_ends_with_its_job_may_miss_what_it_did_while_it_answered() -> None:
    series = Series(QUERIES)
    series.times.extend([1.0, 3.0, 5.0])
    series.values.extend([100, 300, 500])
    seen = Course(series, held=False)
    quick = seen.unread_variance(5.5)
    seen.slow_reads = dict.fromkeys(series.times, 1.0)
    assert seen.unread_variance(5.5) > quick
    assert seen.missed_at_begin(0.9) == pytest.approx(60.0)


@pytest.mark.parametrize("processes", [2, 3, 6])
def test_what_processes_behind_a_balancer_did_out_of_sight_is_in_the_error(processes: int) -> None:
    """Each page is answered by one of them by chance; each is counted from when it was seen first."""
    chance = random.Random(19)
    within = 0
    for _ in range(RUNS):
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        series = Series(QUERIES)
        for t in range(61):
            answers, told = chance.randrange(processes), 20 * t
            first.setdefault(answers, told)
            last[answers] = told
            series.times.append(float(t))
            series.values.append(sum(last[each] - first[each] for each in last))
        seen = Course(series, held=False)
        seen.in_turn = processes
        within += abs(seen.moved_in(Span(0.0, 60.0)) - 1200 * processes) <= 2.0 * math.sqrt(
            seen.variance_in(Span(0.0, 60.0))
        )
    assert within >= 0.85 * RUNS


def test_all_that_was_done_in_the_interval_of_its_end_may_be_the_jobs() -> None:
    """The reading after the end came late; nobody knows that the job did it all before it ended."""
    series = Series(QUERIES)
    series.times.extend([0.0, 1.0, 2.0, 3.0, 5.0])
    series.values.extend([0, 100, 200, 300, 400])
    seen = Course(series, held=False)
    seen.job = Span(0.0, 4.0)
    assert seen.moved_in(seen.job) == 350.0
    assert 2.0 * math.sqrt(seen.variance_in(seen.job)) >= 50.0
    seen.job = None
    assert 2.0 * math.sqrt(seen.variance_in(Span(0.0, 4.0))) < 50.0
