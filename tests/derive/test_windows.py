"""Which window a summary takes, and why: design 5.1, rule by rule."""

from __future__ import annotations

import math

import pytest
from derive.build import Session, codes, every, steps
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.settings import CostInputs
from perfwatch.errors import ConfigError
from perfwatch.metrics import CPU_UTILIZATION
from perfwatch.model import DeviceKind


def watched(until: float = 40.0) -> Session:
    session = Session()
    session.board(every(1.0, 0.0, until))
    return session


def spans(summary: dict) -> list[list[float]]:
    return summary["window"]["spans"]


def test_without_marks_and_work_the_window_is_the_whole_job():
    session = watched()
    session.job(2.0, 38.0)
    summary = session.summary()
    assert summary["window"] == {
        "kind": "job",
        "spans": [[2.0, 38.0]],
        "start_s": 2.0,
        "end_s": 38.0,
        "duration_s": 36.0,
        "phase": None,
        "warmup_s": 0.0,
        "because": "nothing was marked and nothing counted work",
    }
    assert summary["also"] == {}


def test_a_counter_that_moves_ten_times_makes_a_work_window_with_the_job_beside_it():
    session = watched()
    session.counter(steps(5.0, 32.0, 100, 10))
    session.job(2.0, 38.0)
    summary = session.summary()
    assert (summary["window"]["kind"], spans(summary)) == ("work", [[5.0, 32.0]])
    assert summary["window"]["because"] == "from the first to the last change of `queries`"
    assert list(summary["also"]) == ["job"]
    assert summary["also"]["job"]["window"]["spans"] == [[2.0, 38.0]]


def test_what_the_first_increment_counted_was_done_before_the_work_window():
    session = watched()
    session.counter([(0.0, 0), *((5.0 + i, 50 + 10 * i) for i in range(10))])
    session.job(2.0, 38.0)
    summary = session.summary()
    assert summary["work"]["queries"]["count"] == 90
    assert summary["also"]["job"]["work"]["queries"]["count"] == 140


def test_what_processes_in_step_tell_first_was_done_before_the_work_window():
    """Eight ranks tell 100 samples each 1.2 s, one a little after the other: 8 x 1,000 in 12 s."""
    session = watched()
    told = [5.0 + 1.2 * step + 0.01 * rank for step in range(11) for rank in range(8)]
    session.counter([(0.0, 0), *((t, 100 * (i + 1)) for i, t in enumerate(told))])
    session.job(2.0, 38.0)
    summary = session.summary()
    assert spans(summary) == [[pytest.approx(5.07), pytest.approx(17.07)]]
    assert summary["work"]["queries"]["count"] == 8_000


def test_a_fast_begin_is_no_first_step_of_many_processes():
    session = watched()
    told = [*(5.0 + 0.01 * i for i in range(500)), *(10.0 + i for i in range(25))]
    session.counter([(0.0, 0), *((t, i + 1) for i, t in enumerate(told))])
    session.job(2.0, 38.0)
    (span,) = spans(session.summary())
    assert span == [pytest.approx(5.0, abs=0.06), 34.0]


def test_nine_moves_are_too_few_for_a_work_window():
    session = watched()
    session.counter(steps(5.0, 32.0, 90, 9))
    session.job(2.0, 38.0)
    summary = session.summary()
    assert summary["window"]["kind"] == "job"
    assert summary["window"]["because"] == ("nothing was marked and no work counter moved 10 times")


def test_the_units_counter_makes_the_window_even_if_another_moves_longer():
    session = watched()
    session.counter(steps(10.0, 30.0, 100, 20), name="samples")
    session.counter(steps(5.0, 36.0, 100, 20), name="queries")
    session.job(2.0, 38.0)
    assert spans(session.summary()) == [[10.0, 30.0]]
    assert spans(session.summary(unit="queries")) == [[5.0, 36.0]]


def test_failed_queries_make_no_window():
    session = watched()
    session.counter(steps(5.0, 32.0, 100, 20), name="errors")
    session.job(2.0, 38.0)
    assert session.summary()["window"]["kind"] == "job"


def test_marks_of_the_job_go_before_work():
    session = watched()
    session.counter(steps(5.0, 32.0, 100, 10))
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    summary = session.summary()
    assert (summary["window"]["kind"], spans(summary)) == ("marks", [[10.0, 30.0]])
    assert "the job marked it" in summary["window"]["because"]


def test_several_marked_spans_are_added():
    session = watched()
    session.mark("measure", 5.0, 15.0)
    session.mark("measure", 20.0, 32.0)
    session.job(2.0, 38.0)
    window = session.summary()["window"]
    assert window["spans"] == [[5.0, 15.0], [20.0, 32.0]]
    assert (window["start_s"], window["end_s"], window["duration_s"]) == (5.0, 32.0, 22.0)


def test_energy_and_work_of_several_spans_are_added():
    session = watched()
    session.counter([(0.0, 0), *((t, int(10 * t)) for t in every(1.0, 1.0, 40.0))])
    session.mark("measure", 5.0, 15.0)
    session.mark("measure", 20.0, 32.0)
    session.job(2.0, 38.0)
    summary = session.summary()
    assert summary["work"]["queries"]["count"] == 100 + 120
    assert summary["energy"]["joules"] == pytest.approx(2200.0)


def test_every_rank_of_a_job_may_mark_the_window_and_it_lasts_until_the_last_has_ended_it():
    session = watched()
    for begin in (5.0, 5.2, 6.0):
        session.event(begin, "mark", name="measure", edge="begin", origin="job")
    for end in (25.0, 26.0, 27.0):
        session.event(end, "mark", name="measure", edge="end", origin="job")
    session.job(2.0, 38.0)
    summary = session.summary()
    assert spans(summary) == [[5.0, 27.0]]
    assert "open-window" not in codes(summary)


def test_a_mark_left_open_ends_with_the_job_and_says_so():
    session = watched()
    session.mark("measure", 10.0)
    session.job(2.0, 38.0)
    summary = session.summary()
    assert spans(summary) == [[10.0, 38.0]]
    assert "open-window" in codes(summary, "info")


def test_a_mark_that_was_ended_is_not_open():
    session = watched()
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    assert "open-window" not in codes(session.summary())


def test_an_end_without_a_begin_marks_nothing():
    session = watched()
    session.event(10.0, "mark", name="measure", edge="end", origin="job")
    session.job(2.0, 38.0)
    assert session.summary()["window"]["kind"] == "job"


def test_marks_that_were_learnt_late_are_taken_in_the_order_of_their_times():
    session = watched()
    session.event(25.0, "mark", name="measure", edge="end", origin="job")
    session.event(10.0, "mark", name="measure", edge="begin", origin="job")
    session.job(2.0, 38.0)
    assert spans(session.summary()) == [[10.0, 25.0]]


def test_marks_outside_the_job_are_cut_to_it():
    session = watched()
    session.mark("measure", 0.5, 30.0)
    session.job(2.0, 38.0)
    assert spans(session.summary()) == [[2.0, 30.0]]


@pytest.mark.parametrize(
    ("origins", "chosen"),
    [
        (("job", "loadgen", "mllog"), [[5.0, 15.0]]),
        (("mllog", "loadgen"), [[16.0, 26.0]]),
        (("mllog",), [[5.0, 15.0]]),
    ],
)
def test_the_job_goes_before_loadgen_and_loadgen_before_mllog(origins, chosen):
    session = watched()
    for index, origin in enumerate(origins):
        session.mark("measure", 5.0 + 11.0 * index, 15.0 + 11.0 * index, origin=origin)
    session.job(2.0, 38.0)
    assert spans(session.summary()) == chosen


def test_a_persons_window_never_changes_the_default():
    session = watched()
    session.mark("measure", 10.0, 20.0, origin="person")
    session.job(2.0, 38.0)
    assert session.summary()["window"]["kind"] == "job"
    asked = session.summary(window="marks")
    assert (asked["window"]["kind"], spans(asked)) == ("marks", [[10.0, 20.0]])
    assert asked["window"]["because"] == "--window marks was given; a person marked it"


def test_a_begin_or_end_that_a_person_took_back_counts_no_more():
    session = watched()
    session.mark("measure", 5.0, origin="person")
    session.event(6.0, "mark", name="measure", edge="undo", origin="person")
    session.mark("measure", 10.0, 15.0, origin="person")
    session.event(16.0, "mark", name="measure", edge="undo", origin="person")
    session.event(20.0, "mark", name="measure", edge="end", origin="person")
    session.job(2.0, 38.0)
    assert spans(session.summary(window="marks")) == [[10.0, 20.0]]


def test_an_undo_takes_back_nothing_of_another_origin():
    session = watched()
    session.mark("measure", 10.0, 20.0)
    session.event(21.0, "mark", name="measure", edge="undo", origin="person")
    session.job(2.0, 38.0)
    assert spans(session.summary()) == [[10.0, 20.0]]


def test_window_job_puts_the_job_first_and_the_work_beside_it():
    session = watched()
    session.counter(steps(5.0, 32.0, 100, 10))
    session.job(2.0, 38.0)
    summary = session.summary(window="job")
    assert (summary["window"]["kind"], spans(summary)) == ("job", [[2.0, 38.0]])
    assert summary["window"]["because"] == "--window job was given"
    assert summary["also"]["work"]["window"]["spans"] == [[5.0, 32.0]]


def test_window_work_goes_before_marks_and_needs_two_moves():
    session = watched()
    session.counter(steps(5.0, 32.0, 100, 2))
    session.mark("measure", 10.0, 20.0)
    session.job(2.0, 38.0)
    assert spans(session.summary(window="work")) == [[5.0, 32.0]]


@pytest.mark.parametrize("window", ["work", "marks"])
def test_a_window_that_is_not_there_falls_back_to_the_job_and_says_so(window):
    session = watched()
    session.job(2.0, 38.0)
    summary = session.summary(window=window)
    assert summary["window"]["kind"] == "job"
    assert summary["window"]["because"].startswith(f"--window {window} was given, but ")


def test_warmup_cuts_the_front_of_the_first_span_only():
    session = watched()
    session.mark("measure", 5.0, 15.0)
    session.mark("measure", 20.0, 32.0)
    session.job(2.0, 38.0)
    summary = session.summary(warmup_s=4.0)
    assert spans(summary) == [[9.0, 15.0], [20.0, 32.0]]
    assert "the first 4 s are left out" in summary["window"]["because"]
    assert summary["also"]["job"]["window"]["spans"] == [[2.0, 38.0]]


def test_a_warmup_longer_than_the_first_span_takes_that_span_and_no_more():
    session = watched()
    session.mark("measure", 5.0, 15.0)
    session.mark("measure", 20.0, 32.0)
    session.job(2.0, 38.0)
    assert spans(session.summary(warmup_s=12.0)) == [[20.0, 32.0]]


def test_a_warmup_longer_than_the_window_leaves_nothing_to_quote():
    session = watched()
    session.mark("measure", 5.0, 15.0)
    session.job(2.0, 38.0)
    summary = session.summary(warmup_s=60.0)
    assert summary["window"]["duration_s"] == 0.0
    assert {"short-window", "no-power"} <= codes(summary, "insufficient")
    assert "all of its 10 s are warm-up, cut less with --warmup" in summary["window"]["because"]
    said = {finding["code"]: finding["message"] for finding in summary["quality"]}
    assert said["short-window"] == "The window is empty: all of its 10 s are warm-up, cut less with --warmup."
    assert said["no-power"] == "There is no energy: the window is empty."
    assert said["no-work"] == "Nothing counted work: the window is empty."
    assert not {"low-coverage", "too-few-samples"} & said.keys(), "no board is to blame"
    assert {each["count"] for each in summary["work"].values()} <= {None}


def test_an_empty_window_costs_nothing_that_can_be_told():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    session.counter(steps(11.0, 19.0, 100, 10))
    session.mark("measure", 10.0, 20.0)
    session.job(2.0, 38.0)
    summary = session.summary(warmup_s=60.0, cost=CostInputs(rent_per_hour=2.0, price_per_kwh=0.1))
    cost = summary["cost"]
    assert (cost["energy"], cost["machine"], cost["total"]) == (None, None, None)
    assert summary["work"]["queries"] | {"error": None} == {
        "count": None,
        "error": None,
        "rate_per_s": None,
        "source": "statsd",
        "others": [],
    }


def test_a_phase_is_that_of_one_origin():
    """What the job marked and what a person marked do not make one phase together."""
    session = watched()
    session.mark("measure", 5.0, 10.0)
    session.mark("measure", 8.0, 20.0, origin="person")
    session.job(2.0, 38.0)
    for chosen in ({"phase": "measure"}, {"since": "measure", "until": "measure"}, {}):
        assert spans(session.summary(**chosen)) == [[5.0, 10.0]]


def test_marks_without_length_are_not_called_missing():
    session = watched()
    session.mark("measure", 5.0, 5.0)
    session.job(2.0, 38.0)
    assert "encloses no time of the job" in session.summary()["window"]["because"]


def test_a_phase_is_a_window_too():
    session = watched()
    session.mark("load", 3.0, 9.0)
    session.mark("measure", 10.0, 30.0)
    session.job(2.0, 38.0)
    summary = session.summary(phase="load")
    assert (summary["window"]["phase"], spans(summary)) == ("load", [[3.0, 9.0]])
    assert list(summary["also"]) == ["job"]


def test_a_window_is_told_by_its_ends():
    session = watched()
    session.job(2.0, 38.0)
    session.mark("load", 5.0, 9.0)
    session.event(20.0, "mark", name="half", edge="point", origin="person")
    for since, until, expected in (
        ("10", "12.5", [10.0, 12.5]),
        (None, "0.5min", [2.0, 30.0]),
        ("10", None, [10.0, 38.0]),
        ("load", "half", [5.0, 20.0]),
        ("half", "load", None),
        ("30", "99", [30.0, 40.0]),
    ):
        if expected is None:
            with pytest.raises(ConfigError, match="nothing lies between"):
                session.summary(since=since, until=until)
            continue
        summary = session.summary(since=since, until=until)
        assert (summary["window"]["kind"], spans(summary)) == ("span", [expected])
        assert list(summary["also"]) == ["job"]
    with pytest.raises(ConfigError, match="marks there are: load, half"):
        session.summary(since="laod")


@given(st.floats(3.0, 18.0), st.floats(19.0, 37.0))
def test_windows_add_up(first, second):
    """Energy and work of two windows that touch are those of the window that holds both."""
    session = watched()
    session.job(2.0, 38.0)
    session.counter(steps(2.0, 38.0, 100, 36))
    ends = ("2.5", str(first), str(second))
    between = ((ends[0], ends[1]), (ends[1], ends[2]), (ends[0], ends[2]))
    one, other, both = (session.summary(since=since, until=until) for since, until in between)
    for figure in (lambda found: found["energy"]["joules"], lambda found: found["work"]["queries"]["count"]):
        assert figure(one) + figure(other) == pytest.approx(figure(both), rel=1e-9)


def test_an_unknown_phase_is_answered_with_those_that_are_there():
    session = watched()
    session.mark("load", 3.0, 9.0)
    session.job(2.0, 38.0)
    with pytest.raises(ConfigError, match=r"'laod'.*there is load"):
        session.summary(phase="laod")


def test_a_recording_without_a_job_is_one_window_from_its_first_sample_to_its_last():
    session = Session()
    session.board(every(1.0, 3.0, 33.0))
    summary = session.summary()
    assert (summary["window"]["kind"], spans(summary)) == ("job", [[3.0, 33.0]])
    assert summary["session"]["exit_status"] is None
    assert "no job was started" in summary["window"]["because"]


def test_a_job_whose_end_was_not_recorded_lasts_as_long_as_the_recording():
    session = watched(40.0)
    session.job(2.0, None)
    summary = session.summary()
    assert spans(summary) == [[2.0, 40.0]]
    assert summary["session"]["exit_status"] is None


@pytest.mark.parametrize(
    ("end", "status"),
    [({"exit_status": 3}, 3), ({"exit_status": None, "signal": 15}, 143), ({}, None)],
)
def test_the_exit_status_is_the_shells(end, status):
    session = watched()
    session.event(2.0, "job", what="begin", pid=1)
    session.event(38.0, "job", what="end", **end)
    assert session.summary()["session"]["exit_status"] == status


def test_an_empty_session_has_an_empty_window():
    summary = Session().summary()
    assert summary["window"]["duration_s"] == 0.0
    assert {"no-power", "no-work", "short-window"} <= codes(summary, "insufficient")


def test_a_counter_that_moved_too_seldom_for_the_headline_still_tells_when_the_job_worked():
    session = watched()
    session.counter(steps(5.0, 32.0, 90, 9))
    session.job(2.0, 38.0)
    summary = session.summary()
    assert (summary["window"]["kind"], list(summary["also"])) == ("job", ["work"])
    assert summary["also"]["work"]["window"]["spans"] == [[5.0, 32.0]]


def test_one_increment_makes_no_second_column():
    session = watched()
    session.counter([(0.0, 0), (5.0, 90)])
    session.job(2.0, 38.0)
    assert session.summary()["also"] == {}


def test_a_source_that_was_picked_for_a_users_unit_also_makes_its_window():
    session = watched()
    session.counter(steps(5.0, 32.0, 120, 12))
    session.counter(steps(10.0, 30.0, 240, 12), work="output")
    session.job(2.0, 38.0)
    summary = session.summary(unit="chat@output", units={"chat": {"queries": 10.0}})
    assert spans(summary) == [[10.0, 30.0]]
    assert (summary["work"]["chat"]["count"], summary["work"]["chat"]["source"]) == (22, "output")
    assert summary["work"]["queries"]["source"] == "output"


def test_a_recording_that_nothing_told_energy_in_lasts_from_its_begin_to_its_end():
    session = Session()
    session.device("host", metrics=(CPU_UTILIZATION,), kind=DeviceKind.NODE, scope=None)
    session.sample(0, 1.0, 0.5)
    session.event(1.25, "end")
    assert spans(session.summary()) == [[0.0, 1.25]]


def test_a_window_says_how_much_of_its_front_is_left_out():
    session = watched()
    session.job(2.0, 38.0)
    summary = session.summary(window="job", warmup_s=10.0)
    assert (spans(summary), summary["window"]["warmup_s"]) == ([[12.0, 38.0]], 10.0)


def counted_by_events() -> Session:
    """A board and a job from 2 s to 38 s that tells 50 samples every 6 s, from 8 s on, by their own times."""
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    session.counter(
        [(0.0, 0), *((2.0 + 6.0 * k, 50 * k) for k in range(1, 7))], name="samples", work="statsd"
    )
    session.job(2.0, 38.0)
    return session


@pytest.mark.parametrize(
    ("chosen", "count", "cuts"),
    [
        ({"window": "job"}, 300, 0),
        ({"window": "job", "warmup_s": 3.0}, 300, 1),  # 5 s: the first 50 are counted whole
        ({"since": "10", "until": "30"}, 150, 2),
        ({"since": "10"}, 250, 1),
        ({"window": "work"}, 250, 0),
    ],
)
def test_a_cut_through_the_work_is_in_the_error_of_its_count(chosen, count, cuts):
    work = counted_by_events().summary(**chosen)["work"]["samples"]
    assert work["count"] == count
    assert work["error"] == pytest.approx(2 * 50 * math.sqrt(cuts / 3))


def test_between_marks_nothing_is_cut():
    session = counted_by_events()
    session.mark("load", 10.0, 30.0)
    assert session.summary(since="load", until="load")["work"]["samples"]["error"] == 0.0
    assert session.summary(phase="load")["work"]["samples"]["error"] == 0.0
