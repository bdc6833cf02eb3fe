"""How work is counted in a window: by own times or between polls, by which source, in which unit."""

from __future__ import annotations

import pytest
from derive.build import Session, codes, every, message, steps
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.course import Course
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Series
from perfwatch.metrics import QUERIES
from perfwatch.model import Kind, Metric, Unit


def run(*counters: tuple[list[tuple[float, float]], str, str]) -> Session:
    """A job from 2 to 38 s, measured from 10 to 30 s, with counters (readings, name, kind of source)."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    for readings, name, work in counters:
        session.counter(readings, name=name, work=work)
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    return session


def course(readings: list[tuple[float, float]], *, held: bool) -> Course:
    series = Series(QUERIES)
    for t, value in readings:
        series.times.append(t)
        series.values.append(value)
    return Course(series, held=held)


def test_own_times_count_whole_numbers_up_to_and_including_the_end():
    readings = [(0.0, 0), (9.9, 5), (10.0, 7), (10.1, 8), (30.0, 20), (30.1, 21)]
    summary = run((readings, "queries", "statsd")).summary()
    assert summary["work"]["queries"] == {
        "count": 13,
        "error": 0.0,
        "rate_per_s": 0.65,
        "source": "statsd",
        "others": [],
    }
    assert isinstance(summary["work"]["queries"]["count"], int)


def test_a_page_is_interpolated_between_the_readings_around_an_end():
    readings = [(5.0, 0), (15.0, 100), (25.0, 200), (35.0, 400)]
    summary = run((readings, "queries", "page")).summary()
    # at 10 s: 50, at 30 s: 300
    assert summary["work"]["queries"]["count"] == pytest.approx(250.0)


def test_a_page_is_never_extrapolated():
    readings = [(12.0, 100), (20.0, 180), (28.0, 260)]
    summary = run((readings, "queries", "page")).summary()
    assert summary["work"]["queries"]["count"] == 160


def test_what_the_job_sent_counts_for_the_job_even_if_stamped_a_little_after_its_end():
    readings = [(0.0, 0), (20.0, 10), (38.02, 12)]
    summary = run((readings, "queries", "statsd")).summary(window="job")
    assert summary["work"]["queries"]["count"] == 12
    assert summary["also"]["marks"]["work"]["queries"]["count"] == 10


def test_what_came_after_the_end_of_a_marked_window_does_not_count_in_it():
    readings = [(0.0, 0), (20.0, 10), (30.02, 12)]
    summary = run((readings, "queries", "statsd")).summary()
    assert summary["work"]["queries"]["count"] == 10


@pytest.mark.parametrize("work", ["statsd", "page"])
def test_a_restarted_counter_counts_its_new_value_as_the_increment(work):
    readings = [(10.0, 100), (15.0, 150), (20.0, 30), (30.0, 80)]
    summary = run((readings, "queries", work)).summary()
    assert summary["work"]["queries"]["count"] == 130
    assert "counter-reset" in codes(summary, "info")
    assert "queries restarted once" in message(summary, "counter-reset")


def test_a_counter_that_did_not_restart_in_the_window_is_no_finding():
    readings = [(3.0, 100), (4.0, 10), (10.0, 20), (30.0, 80)]
    assert "counter-reset" not in codes(run((readings, "queries", "statsd")).summary())


def test_sources_of_one_kind_add():
    one, two = steps(11.0, 29.0, 100, 10), steps(12.0, 28.0, 60, 10)
    summary = run((one, "queries", "statsd"), (two, "queries", "statsd")).summary()
    assert summary["work"]["queries"] == {
        "count": 160,
        "error": 0.0,
        "rate_per_s": 8.0,
        "source": "statsd",
        "others": [],
    }


def test_different_kinds_never_add_and_the_first_in_the_order_is_used():
    page = [(0.0, 0), (10.0, 0), (30.0, 150), (40.0, 150)]
    sent = steps(11.0, 29.0, 100, 10)
    summary = run((page, "queries", "page"), (sent, "queries", "statsd")).summary()
    assert summary["work"]["queries"]["count"] == 100
    assert summary["work"]["queries"]["source"] == "statsd"
    assert summary["work"]["queries"]["others"] == [{"source": "page", "count": 150}]
    assert "work-disagrees" in codes(summary, "warn")


@pytest.mark.parametrize(
    ("kinds", "first"),
    [
        (("page", "mlperf"), "mlperf"),
        (("mlperf", "jsonl"), "jsonl"),
        (("jsonl", "output"), "output"),
        (("output", "statsd"), "statsd"),
        (("simulated", "page"), "page"),
        (("own_plugin", "simulated"), "simulated"),
    ],
)
def test_kinds_are_believed_in_this_order(kinds, first):
    session = run(*((steps(11.0, 29.0, 100, 10), "queries", kind) for kind in kinds))
    assert session.summary()["work"]["queries"]["source"] == first


def test_sources_that_agree_within_a_hundredth_do_not_disagree():
    one, two = steps(11.0, 29.0, 1000, 10), steps(11.0, 29.0, 1010, 10)
    summary = run((one, "queries", "statsd"), (two, "queries", "output")).summary()
    assert summary["work"]["queries"]["others"] == [{"source": "output", "count": 1010}]
    assert "work-disagrees" not in codes(summary)


def test_sources_that_agree_over_the_whole_job_do_not_disagree_in_a_window():
    """The log tells all of it when its run ended; what the client told in warm-up is before the window."""
    told, logged = steps(9.0, 29.0, 1000, 100), [(0.0, 0), (29.5, 1000)]
    summary = run((told, "samples", "statsd"), (logged, "samples", "mlperf")).summary()
    assert summary["work"]["samples"]["count"] < 960
    assert summary["work"]["samples"]["others"] == [{"source": "mlperf", "count": 1000}]
    assert "work-disagrees" not in codes(summary)


@pytest.mark.parametrize(("more", "disagree"), [(0, False), (20, False), (90, True)])
def test_what_lies_at_the_ends_of_a_window_is_no_disagreement(more, disagree):
    """Lines come ten at a time, so ten may be told too late at each end; over the job they differ."""
    fine = [(0.0, 0), (5.0, 500), *((10.0 + n / 10, 500 + n) for n in range(201))]
    coarse = [(0.0, 0), (10.5, 8), *((10.5 + n, 8 + 10 * n + (more if n > 9 else 0)) for n in range(1, 21))]
    summary = run((fine, "steps", "statsd"), (coarse, "steps", "output")).summary()
    assert summary["window"]["spans"] == [[10.0, 30.0]]
    assert ("work-disagrees" in codes(summary)) is disagree


def test_a_unit_with_a_kind_picks_that_source_for_its_name_only():
    session = run(
        (steps(11.0, 29.0, 100, 10), "queries", "statsd"),
        (steps(11.0, 29.0, 90, 10), "queries", "output"),
        (steps(11.0, 29.0, 50, 10), "samples", "statsd"),
        (steps(11.0, 29.0, 40, 10), "samples", "output"),
    )
    work = session.summary(unit="queries@output")["work"]
    assert (work["queries"]["source"], work["queries"]["count"]) == ("output", 90)
    assert work["queries"]["others"] == [{"source": "statsd", "count": 100}]
    assert (work["samples"]["source"], work["samples"]["count"]) == ("statsd", 50)


def test_a_kind_that_did_not_count_the_unit_makes_no_number_up():
    session = run((steps(11.0, 29.0, 100, 10), "queries", "statsd"))
    summary = session.summary(unit="queries@page")
    assert summary["work"]["queries"]["count"] is None
    assert summary["work"]["queries"]["others"] == [{"source": "statsd", "count": 100}]
    assert "no-work" in codes(summary, "insufficient")


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        (("steps", "queries", "samples", "generated_tokens"), "generated_tokens"),
        (("steps", "queries", "samples"), "samples"),
        (("steps", "queries"), "queries"),
        (("frames", "steps"), "steps"),
        (("frames", "lines"), "frames"),
        (("errors", "frames"), "frames"),
        (("prompt_tokens", "frames"), "frames"),
    ],
)
def test_the_default_unit_is_the_first_standard_one_that_moves_else_the_users_own(names, unit):
    counters = [(steps(11.0 + i, 29.0, 100, 10), name, "statsd") for i, name in enumerate(names)]
    assert run(*counters).summary()["unit"] == unit


def test_a_unit_that_stands_still_is_not_the_default():
    still = [(0.0, 0), (20.0, 0)]
    session = run((still, "generated_tokens", "page"), (steps(11.0, 29.0, 100, 10), "queries", "page"))
    assert session.summary()["unit"] == "queries"


def test_a_users_unit_is_built_on_counted_ones():
    session = run((steps(11.0, 29.0, 120, 10), "queries", "statsd"))
    summary = session.summary(unit="chat", units={"chat": {"queries": 6}})
    assert summary["unit"] == "chat"
    assert summary["work"]["chat"]["count"] == 20
    assert isinstance(summary["work"]["chat"]["count"], int)
    assert summary["work"]["chat"]["source"] == "statsd"
    assert summary["efficiency"]["chat"]["joules_per"] == pytest.approx(
        6 * summary["efficiency"]["queries"]["joules_per"]
    )


def test_a_users_unit_that_does_not_come_out_even_is_not_rounded():
    session = run((steps(11.0, 29.0, 100, 10), "queries", "statsd"))
    count = session.summary(unit="chat", units={"chat": {"queries": 6}})["work"]["chat"]["count"]
    assert count == pytest.approx(100 / 6)


def test_a_unit_that_nothing_counted_says_what_was_counted():
    summary = run((steps(11.0, 29.0, 100, 10), "queries", "statsd")).summary(unit="images")
    assert summary["work"]["images"]["count"] is None
    assert "counted were queries" in message(summary, "no-work")
    assert summary["efficiency"]["queries"]["per_joule"] is None


def test_failures_are_shown_with_the_work_and_make_no_ratio():
    session = run(
        (steps(11.0, 29.0, 100, 10), "queries", "statsd"), (steps(11.0, 29.0, 4, 4), "errors", "statsd")
    )
    summary = session.summary()
    assert summary["work"]["errors"]["count"] == 4
    assert list(summary["efficiency"]) == ["queries"]


def test_counts_that_are_no_whole_numbers_stay_as_they_are():
    readings = [(0.0, 0.0), (12.0, 0.5), (28.0, 1.75)]
    assert run((readings, "queries", "statsd")).summary()["work"]["queries"]["count"] == 1.75


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=30),
    st.booleans(),
    st.floats(0, 30),
    st.floats(0, 30),
    st.floats(0, 30),
)
def test_the_work_of_adjoining_spans_adds_up(increments, held, a, b, c):
    """Whatever the counter does, restarts included, no work is lost or counted twice between two spans."""
    readings = [(float(index), float(value)) for index, value in enumerate(increments)]
    start, middle, end = sorted((a, b, c))
    one = course(readings, held=held)
    parts = one.moved_in(Span(start, middle)) + one.moved_in(Span(middle, end))
    assert parts == pytest.approx(one.moved_in(Span(start, end)), abs=1e-6)
    assert parts >= 0


def test_a_disagreement_is_told_once_where_a_unit_is_made_of_the_disagreeing_one():
    one, two = steps(11.0, 29.0, 600, 10), steps(11.0, 29.0, 300, 10)
    session = run((one, "queries", "statsd"), (two, "queries", "page"))
    summary = session.summary(unit="chat", units={"chat": {"queries": 6}})
    assert [other["source"] for other in summary["work"]["chat"]["others"]] == ["page"]
    assert message(summary, "work-disagrees").startswith("statsd counted 600 queries and page ")


def test_work_that_is_told_a_little_after_the_jobs_end_makes_a_unit():
    """A log's line gets the time at which its file changed, or a hundredth of a second later."""
    session = Session()
    session.board(every(1.0, 0.0, 30.0))
    session.counter([(2.0, 0), (20.004, 100)], work="output")
    session.job(2.0, 20.0)
    found = session.summary(window="job")
    assert (found["unit"], found["work"]["queries"]["count"]) == ("queries", 100)


# -- recordings that break off --------------------------------------------------------------------------


def broken_off(readings: list[tuple[float, float]], **more: float) -> Session:
    """A job from 1 s on whose recording ends at 12 s, counted by events."""
    session = Session(**more)
    session.board(every(1.0, 0.0, 12.0))
    session.counter(readings)
    session.job(1.0, None)
    return session


def test_what_a_recording_that_breaks_off_may_lack_is_in_the_error_of_the_count():
    """50 queries a second up to 11.6 s: up to 12 s another twenty were done, and chance may add nine."""
    readings = [(0.0, 0.0), *((1.0 + 0.02 * n, float(n)) for n in range(1, 531))]
    work = broken_off(readings).summary(window="job")["work"]["queries"]
    assert work["count"] == 530
    assert work["count"] + work["error"] == pytest.approx(550 + 2 * 20**0.5, abs=1.5)


def test_events_are_missing_for_two_intervals_at_most():
    """The work ended at 5 s: what was written since says that nothing came."""
    readings = [(0.0, 0.0), *((1.0 + 0.02 * n, float(n)) for n in range(1, 201))]
    work = broken_off(readings, interval_s=0.5).summary(window="job")["work"]["queries"]
    assert work["error"] == pytest.approx(50 + 2 * 50**0.5, abs=2.0)


def test_a_recording_that_is_whole_lacks_no_events():
    session = broken_off([(0.0, 0.0), *((1.0 + 0.02 * n, float(n)) for n in range(1, 531))])
    session.event(12.0, "job", what="end", exit_status=0)
    assert session.summary(window="job")["work"]["queries"]["error"] == 0.0


@pytest.mark.parametrize(
    ("exit_status", "kind", "missing"),
    [(137, "statsd", 5), (143, "statsd", 5), (130, "statsd", 0), (1, "statsd", 0), (137, "output", 0)],
)
def test_what_a_job_counted_and_could_not_send_before_it_was_killed_is_in_the_error(
    exit_status: int, kind: str, missing: int
):
    """Fifty queries a second up to its end: those of its last tenth of a second it had not sent."""
    session = Session()
    session.board(every(1.0, 0.0, 12.0))
    session.counter([(0.0, 0.0), *((1.0 + 0.02 * n, float(n)) for n in range(1, 546))], work=kind)
    session.job(1.0, None)
    session.event(12.0, "job", what="end", exit_status=exit_status)
    error = session.summary(window="job")["work"]["queries"]["error"]
    assert error == pytest.approx(missing + 2 * missing**0.5, abs=0.1)


@pytest.mark.parametrize(("doubted", "is_said"), [(30, True), (10, False)])
def test_a_count_that_is_hardly_one_is_said(doubted: int, is_said: bool):
    session = Session()
    session.board(every(0.1, 0.0, 34.0))
    metrics = [Metric(f"{name}_total", Unit.COUNT, Kind.COUNTER) for name in ("steps", "steps_doubted")]
    rows = [(1.0 + n, (n, 0)) for n in range(101)]
    session.workload("output", metrics, [*rows[:30], (31.5, (100, doubted))])
    session.job(1.0, 32.0)
    summary = session.summary(window="job")
    assert (summary["work"]["steps"]["count"], summary["work"]["steps"]["error"]) == (100, doubted)
    assert ("large-error" in codes(summary)) is is_said
    assert "steps_doubted" not in summary["work"]


def test_a_source_that_counted_nothing_names_the_one_that_did():
    counted = run((steps(11.0, 29.0, 100, 10), "queries", "statsd"), ([(0.0, 0)], "steps", "output"))
    said = message(counted.summary(unit="queries@output"), "no-work")
    assert said == "output counted no queries in the window; statsd counted 100 (--unit queries@statsd)."


def test_a_recording_that_breaks_off_before_any_work_does_not_ask_for_a_source():
    session = Session()
    session.board(every(1.0, 0.0, 12.0))
    session.job(1.0, None)
    assert message(session.summary(), "no-work") == "Nothing counted work before the recording broke off."


def test_a_counter_that_was_read_once_tells_no_amount():
    once = ([(12.0, 100)], "queries", "page")
    assert run(once).summary()["work"]["queries"]["count"] is None
    counted = steps(11.0, 29.0, 90, 10)
    work = run(once, (counted, "queries", "output")).summary()["work"]["queries"]
    assert (work["count"], work["source"], work["others"]) == (90, "output", [])
    assert run(once, (counted, "queries", "simulated")).summary()["work"]["queries"]["source"] == "simulated"
