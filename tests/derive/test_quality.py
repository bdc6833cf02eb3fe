"""Each code of the table of verdicts: what provokes it, at which level, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from derive.build import Session, codes, every, message, steps

from perfwatch.derive.findings import CODES, INFO, INSUFFICIENT, WARN
from perfwatch.derive.settings import CostInputs, Settings
from perfwatch.derive.summary import summarise
from perfwatch.errors import ConfigError
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import DeviceKind, Kind, Metric, Scope, Unit


def run(
    *, duration_s: float = 30.0, step_s: float = 1.0, end_s: float | None = None, **board: object
) -> Session:
    """One board at constant power, and work that moves all the time; nothing to object to but its length."""
    session = Session(interval_s=step_s)
    end = round(2.0 + duration_s, 6)
    session.board(sorted({*every(step_s, 0.0, end + 2.0), end}), **board)
    session.counter(steps(round(2.0 + duration_s / 40, 6), end, 1000, 40))
    told(session)
    session.job(2.0, end if end_s is None else end_s)
    session.event(0.0, "observer", cpu_s=0.0, rss_bytes=1, samples=0, late_samples=0, missed_ticks=0)
    return session


def told(session: Session) -> None:
    session.event(1.0, "devices", ids=["NVIDIA-0-uuid"], because="the job uses it", guessed=False, shared={})


def level_of(summary: dict, code: str) -> str | None:
    found = [each["level"] for each in summary["quality"] if each["code"] == code]
    return found[0] if found else None


def test_a_good_run_has_no_findings():
    assert run().summary(window="job")["quality"] == []


# short-window


@pytest.mark.parametrize(
    ("duration_s", "level"), [(0.9, INSUFFICIENT), (1.0, WARN), (9.9, WARN), (10.0, None)]
)
def test_short_window_of_a_counter(duration_s, level):
    summary = run(duration_s=duration_s, step_s=0.1).summary(window="job")
    assert level_of(summary, "short-window") == level


@pytest.mark.parametrize(
    ("update_s", "duration_s", "level"),
    [(0.31, 3.0, INSUFFICIENT), (0.31, 3.2, WARN), (2.0, 19.0, INSUFFICIENT), (2.0, 20.0, None)],
)
def test_a_window_must_hold_ten_steps_of_the_counter(update_s, duration_s, level):
    session = Session(interval_s=0.1)
    number = session.device(metrics=(ENERGY.observed(update_s=update_s),))
    session.poll(number, every(0.1, 0.0, duration_s + 2), lambda t: 100.0 * t)
    session.counter(steps(1.0, 1.0 + duration_s, 1000, 40))
    session.job(1.0, round(1.0 + duration_s, 6))
    assert level_of(session.summary(window="job"), "short-window") == level


def test_an_nvidia_counter_of_unknown_step_moves_every_tenth_of_a_second():
    session = Session(interval_s=0.05)
    number = session.device(metrics=(ENERGY,))
    session.poll(number, every(0.05, 0.0, 4.0), lambda t: 100.0 * t)
    session.job(1.0, 1.99)
    assert "990 ms is too short for ratios; from 1 s on they are shown" in message(
        session.summary(), "short-window"
    )


@pytest.mark.parametrize(("duration_s", "level"), [(9.0, INSUFFICIENT), (10.0, None)])
def test_an_integral_needs_ten_sampling_periods(duration_s, level):
    summary = run(duration_s=duration_s, counter=False).summary(window="job")
    assert level_of(summary, "short-window") == level


@pytest.mark.parametrize(("window_s", "level"), [(1.0, INSUFFICIENT), (0.5, WARN)])
def test_an_integral_needs_ten_averaging_windows(window_s, level):
    session = Session(interval_s=0.1)
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=window_s),))
    session.poll(number, every(0.1, 0.0, 12.0), lambda t: 100.0)
    session.job(1.0, 9.0)
    assert level_of(session.summary(), "short-window") == level


def test_a_window_that_is_too_short_is_told_how_long_it_must_be():
    summary = run(duration_s=3.1, counter=False).summary(window="job")
    assert message(summary, "short-window").startswith(
        "A window of 3.1 s is too short for ratios; from 10 s on"
    )
    assert "nvidia:0" in message(summary, "short-window")


# too-few-samples


@pytest.mark.parametrize(("step_s", "level"), [(10.0, INSUFFICIENT), (5.0, WARN), (2.0, WARN), (1.0, None)])
def test_too_few_samples_of_an_integral(step_s, level):
    summary = run(step_s=step_s, counter=False).summary(window="job")
    assert level_of(summary, "too-few-samples") == level


def test_a_counter_needs_no_number_of_samples():
    assert "too-few-samples" not in codes(run(step_s=10.0, power=False).summary(window="job"))


# large-error


@pytest.mark.parametrize(
    ("update_s", "level"), [(0.001, None), (1.6, WARN), (0.5, None), (10.0, INSUFFICIENT)]
)
def test_large_error(update_s, level):
    """A counter that steps every U is uncertain by twice U x P x sqrt(1/6) at the ends of 20 s."""
    session = Session(interval_s=0.1)
    number = session.device(metrics=(ENERGY.observed(update_s=update_s),))
    session.poll(number, every(0.1, 0.0, 24.0), lambda t: 100.0 * t)
    session.job(2.0, 22.0)
    assert level_of(session.summary(), "large-error") == level


# low-coverage, gap


@pytest.mark.parametrize("missing_s", [4.0, 11.0, 55.0])
def test_what_a_gap_lacks_is_in_the_error_of_ratios_and_money(missing_s: float):
    """Work goes on through a gap in the readings: 10 queries and 100 J a second all the time."""
    session = Session()
    session.board([t for t in every(1.0, 0.0, 604.0) if not 100.0 < t < 100.0 + missing_s], counter=False)
    session.counter(steps(2.0, 602.0, 6000, 600))
    session.job(2.0, 602.0)
    told(session)
    prices = CostInputs(price_per_kwh=0.3, carbon_g_per_kwh=400.0, cost_scope="energy")
    summary = session.summary(window="job", cost=prices)
    found = summary["efficiency"]["queries"]
    assert abs(found["per_joule"] - 0.1) <= found["per_joule_error"] < 0.02
    assert summary["energy"]["coverage"] < 1.0
    per = 10.0 / 3.6e6 * 0.3
    assert abs(summary["cost"]["per"]["queries"] - per) <= summary["cost"]["per_error"]["queries"]
    grams = 10.0 / 3.6e6 * 400.0
    assert abs(summary["carbon"]["per"]["queries"] - grams) <= summary["carbon"]["per_error"]["queries"]


def unread(session: Session, reason: str = "has not answered for 2 s") -> Session:
    told = {"collector": "nvidia", "index": 1, "reason": reason}
    session.event(0.5, "note", text="a sentence", unread=told)
    return session


def test_a_board_that_cannot_be_read_is_missing_from_what_is_counted_by_guess():
    session = unread(run())
    found = {"ids": ["NVIDIA-0-uuid"], "because": "nothing tells", "guessed": True, "unread": ["nvidia:1"]}
    session.event(31.0, "devices", **found)
    summary = session.summary()
    assert level_of(summary, "low-coverage") == INSUFFICIENT
    assert "nvidia:1 may be of the run, but it has not answered for 2 s" in message(summary, "low-coverage")
    named = session.summary(devices="nvidia:0")
    assert level_of(named, "low-coverage") is None


def test_a_board_that_cannot_be_read_matters_only_where_it_may_be_the_jobs():
    assert level_of(unread(run()).summary(), "low-coverage") is None, "the job uses another one"
    late = unread(run())
    late.board([20.0, 21.0], uuid="late", index=1)
    late.event(31.0, "devices", ids=["NVIDIA-0-uuid"], because="?", guessed=True, unread=["nvidia:1"])
    assert level_of(late.summary(), "low-coverage") is None, "it joined"


def test_a_board_that_is_asked_for_and_cannot_be_read_is_not_told_as_one_that_is_not_there():
    with pytest.raises(ConfigError, match="it is there, but it has not answered for 2 s"):
        unread(run()).summary(devices="nvidia:1")


@pytest.mark.parametrize(("last", "level"), [(32.0, None), (31.0, WARN), (28.0, INSUFFICIENT)])
def test_low_coverage_where_readings_end_early(last, level):
    session = Session()
    session.board(every(1.0, 0.0, last))
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert level_of(summary, "low-coverage") == level
    assert summary["energy"]["coverage"] == pytest.approx(min(1.0, (last - 2.0) / 30.0))


def test_a_device_of_the_run_that_tells_no_energy_takes_the_ratios_away():
    session = run()
    session.device(metrics=())
    session.event(1.0, "devices", ids=["NVIDIA-0-uuid", "NVIDIA-1-uuid"], because="x", guessed=False)
    summary = session.summary(window="job")
    assert level_of(summary, "low-coverage") == INSUFFICIENT
    assert "nvidia:1" in message(summary, "low-coverage")
    assert summary["energy"]["joules"] == pytest.approx(3000.0)
    assert summary["efficiency"]["queries"]["per_joule"] is None


def test_a_gap_in_the_power_readings_is_told():
    session = Session()
    session.board([*every(1.0, 0.0, 15.0), *every(1.0, 20.0, 34.0)], counter=False)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert {"gap", "stale-device"} <= codes(summary, "warn")
    assert summary["energy"]["joules"] == pytest.approx(2500.0, rel=0.01)


def test_records_that_could_not_be_kept_are_a_gap():
    session = run()
    session.event(30.0, "missing", records=12, reason="no space left on device")
    summary = session.summary(window="job")
    assert level_of(summary, "gap") == WARN
    assert "12 records" in message(summary, "gap")
    assert "no space left on device" in message(summary, "gap")


def test_records_that_could_not_be_read_are_a_gap():
    session = run()
    tape = session.tape()
    tape.take({"t": "never"})
    assert "gap" in codes(summarise(tape, Settings(window="job")), "warn")


@pytest.mark.parametrize(("slept_s", "found"), [(0.0, False), (2.0, False), (60.0, True), (-60.0, False)])
def test_a_machine_that_slept_is_a_gap(slept_s, found):
    session = run()
    for t, slept in ((10.0, 0.0), (20.0, slept_s)):
        session.event(t, "clock", time_ns=session.header["clock"]["time_ns"] + round((t + slept) * 1e9))
    assert ("gap" in codes(session.summary(window="job"))) is found


# no-power, no-work


def test_without_any_device_there_is_no_power_and_the_reason_is_told():
    session = Session()
    session.event(0.0, "status", collector="nvidia", state="absent", reason="libnvidia-ml.so.1 not found")
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary()
    assert level_of(summary, "no-power") == INSUFFICIENT
    assert "nvidia: libnvidia-ml.so.1 not found" in message(summary, "no-power")
    assert summary["energy"]["joules"] is None
    assert summary["power"] == {"mean_watts": None, "max_watts": None}
    assert "devices-guessed" not in codes(summary)


def test_a_device_that_told_nothing_in_the_window_is_no_power():
    session = Session()
    session.board(every(1.0, 0.0, 1.0))
    session.job(5.0, 35.0)
    summary = session.summary()
    assert "nvidia:0 told nothing" in message(summary, "no-power")


def test_without_work_the_way_to_tell_it_is_named():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.job(2.0, 32.0)
    summary = session.summary()
    assert level_of(summary, "no-work") == INSUFFICIENT
    assert "-w" in message(summary, "no-work")
    assert summary["energy"]["joules"] == pytest.approx(3000.0)


def test_a_counter_that_stands_still_is_no_work():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.counter([(0.0, 5), (20.0, 5)])
    session.job(2.0, 32.0)
    assert "queries did not move" in message(session.summary(), "no-work")


# insufficient takes the ratios and leaves the rest


def test_an_insufficient_finding_takes_ratios_and_nothing_else():
    cost = {"price_per_kwh": 0.12, "rent_per_hour": 2.0, "carbon_g_per_kwh": 400.0}
    session = run(duration_s=0.8, step_s=0.1)
    summary = session.summary(window="job", cost=CostInputs(**cost))
    assert codes(summary, "insufficient") == {"short-window"}
    assert summary["efficiency"] == {
        "queries": {"per_joule": None, "per_joule_error": None, "joules_per": None}
    }
    assert summary["cost"]["per"] == {"queries": None}
    assert summary["cost"]["per_million"] == {"queries": None}
    assert summary["carbon"]["per"] == {"queries": None}
    assert summary["energy"]["joules"] == pytest.approx(80.0)
    assert summary["power"]["mean_watts"] == pytest.approx(100.0)
    assert summary["work"]["queries"]["count"] == 1000
    assert summary["cost"]["total"] == pytest.approx(2.0 * 0.8 / 3600)
    assert summary["carbon"]["grams"] is not None


def test_warnings_leave_the_ratios():
    summary = run(duration_s=5.0).summary(window="job")
    assert codes(summary) == {"short-window"}
    assert summary["efficiency"]["queries"]["per_joule"] == pytest.approx(2.0)


def test_the_window_beside_has_its_own_verdict():
    session = Session()
    session.board(every(0.1, 0.0, 34.0))
    session.counter(steps(10.0, 10.5, 1000, 40))
    session.job(2.0, 32.0)
    told(session)
    summary = session.summary(window="job")
    assert summary["efficiency"]["queries"]["per_joule"] is not None
    beside = summary["also"]["work"]
    assert beside["efficiency"]["queries"]["per_joule"] is None
    assert "short-window" in codes(beside, INSUFFICIENT)


# the energy's own findings


def test_a_counter_that_disagrees_with_the_integral_is_told():
    session = Session()
    number = session.device(
        metrics=(ENERGY.observed(update_s=0.01), POWER.observed(update_s=0.01, window_s=0.01))
    )
    session.poll(number, every(1.0, 0.0, 34.0), lambda t: 100.0 * t, lambda t: 150.0)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    assert level_of(session.summary(window="job"), "counter-disagrees") == WARN


def test_findings_of_devices_outside_the_run_are_not_the_runs():
    session = run()
    number = session.device(
        metrics=(ENERGY.observed(update_s=0.01), POWER.observed(update_s=0.01, window_s=0.01))
    )
    session.poll(number, every(1.0, 0.0, 34.0), lambda t: 100.0 * t, lambda t: 150.0)
    assert codes(session.summary(window="job")) == set()


def test_estimates_are_labelled():
    session = Session()
    number = session.device(
        "cpu_estimate",
        metrics=(replace(ENERGY, estimated=True),),
        kind=DeviceKind.CPU,
        scope=Scope.CPU,
    )
    session.poll(number, every(1.0, 0.0, 34.0), lambda t: 40.0 * t)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert level_of(summary, "estimated") == INFO
    assert "cpu_estimate:0" in message(summary, "estimated")
    assert summary["energy"]["method"] == "estimated"
    assert summary["efficiency"]["queries"]["per_joule"] is not None


# watching


@pytest.mark.parametrize(("late", "missed", "found"), [(1, 0, False), (0, 4, True), (3, 0, True)])
def test_late_samples_are_judged_by_the_polls(late, missed, found):
    """35 polls of one collector; one late of 35 is under 5 %."""
    session = run()
    session.event(
        40.0, "observer", cpu_s=0.1, rss_bytes=1, samples=35, late_samples=late, missed_ticks=missed
    )
    assert ("late-samples" in codes(session.summary(window="job"), WARN)) is found


@pytest.mark.parametrize(("last", "found"), [(21.0, True), (22.5, False)])
def test_a_workload_that_stands_still_in_the_last_third_is_stale(last, found):
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.counter(steps(3.0, last, 100, 40))
    session.job(2.0, 32.0)
    assert ("stale-workload" in codes(session.summary(window="job"), WARN)) is found


@pytest.mark.parametrize(("first", "found"), [(4.0, False), (9.0, True)])
def test_a_page_that_tells_late_is_said_to(first, found):
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.counter([(t, 10 * t) for t in every(1.0, first, 34.0)], work="page")
    session.job(2.0, 32.0)
    assert ("late-source" in codes(session.summary(window="job"), INFO)) is found


@pytest.mark.parametrize(("first", "found"), [(0.0, False), (50.0, True)])
def test_a_page_that_was_read_before_it_had_a_counter_is_not_late(first, found):
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    total = Metric("queries_total", Unit.COUNT, Kind.COUNTER)
    counts = [(t, (first + 10.0 * (t - 9.0),)) for t in every(1.0, 9.0, 34.0)]
    session.workload("page", [total], [(t, ()) for t in every(1.0, 0.0, 9.0)] + counts)
    session.job(2.0, 32.0)
    assert ("late-source" in codes(session.summary(window="job"), INFO)) is found


@pytest.mark.parametrize(("before", "found"), [(0.0, False), (2.0, False), (4.0, True), (9_000.0, True)])
def test_what_may_have_been_counted_before_a_page_could_be_read_is_said(before, found):
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.counter([(t, before + 10.0 * (t - 9.0)) for t in every(1.0, 9.0, 34.0)], work="page")
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert ("gap" in codes(summary, WARN)) is found
    if before == 9_000.0:
        assert message(summary, "gap") == (
            "Up to 70 `queries` may have been done before page was read first; counted are 230."
        )


@pytest.mark.parametrize(
    ("first", "every_s", "found"),
    [(201, 1.0, True), (1, 1.0, False), (5, 1.0, False), (100, 0.01, False)],
    ids=["from a checkpoint", "from the start", "hardly more", "at once as quick as later"],
)
def test_a_count_that_begins_with_earlier_jobs_work_leaves_it_out(first, every_s, found):
    session = Session()
    session.board(every(0.1, 0.0, 34.0))
    total = Metric("steps_total", Unit.COUNT, Kind.COUNTER)
    printed = [(5.0 + n * every_s, (first + n,)) for n in range(26)]
    session.workload("output", [total], [(2.0, (0,)), *printed], totals="samples,steps")
    session.job(2.0, 32.0)
    for window in ("job", "work"):
        summary = session.summary(window=window)
        assert ("counter-reset" in codes(summary, INFO)) is found
        assert summary["work"]["steps"]["count"] == (25 if window == "work" else 26 if found else 25 + first)
    if found:
        assert message(session.summary(), "counter-reset").startswith(
            "200 of `steps` were told at once, more than"
        )


def test_a_first_increment_is_the_jobs_own_however_large():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    total = Metric("tokens_total", Unit.COUNT, Kind.COUNTER)
    session.workload(
        "output", [total], [(2.0, (0,)), *((5.0 + n, (5000 + n,)) for n in range(26))], totals=""
    )
    session.job(2.0, 32.0)
    assert session.summary(window="job")["work"]["tokens"]["count"] == 5025


def test_a_page_that_tells_nothing_any_more_is_said_to_and_why():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.counter([(t, 10 * t) for t in every(1.0, 0.0, 17.0)], work="page")
    session.event(18.0, "status", collector="page", state="retrying", reason="it answers with status 500")
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    told = [one["message"] for one in summary["quality"] if one["code"] == "stale-workload"]
    assert len(told) == 1
    assert "told nothing in the last 15 s" in told[0]
    assert "status 500" in told[0]


def test_the_last_third_is_of_the_windows_own_time():
    session = Session()
    session.board(every(1.0, 0.0, 64.0))
    session.counter(steps(3.0, 20.5, 100, 40))
    session.mark("measure", 2.0, 22.0)
    session.mark("measure", 50.0, 52.0)
    session.job(1.0, 62.0)
    # 22 s in all: the last 7.33 s of it begin at 16.67 s
    assert "stale-workload" not in codes(session.summary())


@pytest.mark.parametrize(("until", "found"), [(18.0, False), (19.5, True)])
def test_a_device_that_gave_nothing_for_three_periods_is_stale(until, found):
    session = Session()
    session.board([*every(1.0, 0.0, 15.0), *every(1.0, until, 35.0)])
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    assert ("stale-device" in codes(session.summary(window="job"), WARN)) is found


@pytest.mark.parametrize(("datagrams", "found"), [(0, False), (7, True)])
def test_lost_datagrams_are_told(datagrams, found):
    session = run()
    session.event(9.0, "lost", source="statsd", datagrams=datagrams)
    summary = session.summary(window="job")
    assert (level_of(summary, "lost-counts") == WARN) is found


@pytest.mark.parametrize(
    ("silent", "status", "more", "said"),
    [
        pytest.param([], 0, {}, None, id="none"),
        pytest.param([81], 0, {}, "1 process that counted ended", id="a worker"),
        pytest.param([81, 82], 0, {}, "2 processes that counted ended", id="two of them"),
        pytest.param([80], 137, {}, None, id="the job itself, by a signal"),
        pytest.param([80], 1, {}, "1 process that counted ended", id="the job itself, by os._exit"),
        pytest.param(
            [80, 81], 137, {}, "1 process that counted ended", id="a worker of a job that was killed"
        ),
        pytest.param([81], 0, {"left": [[81, "python"]]}, None, id="one that goes on"),
    ],
)
def test_processes_that_said_no_last_word_are_told(silent, status, more, said):
    session = Session()
    session.counter(steps(2.0, 32.0, 100, 40))
    session.event(2.0, "job", what="begin", pid=80)
    session.event(3.0, "clients", source="statsd", began=3, silent=3, pids=[80, 81, 82])
    session.event(31.9, "clients", source="statsd", began=3, silent=len(silent), pids=silent)
    if more:
        session.event(32.0, "left_behind", processes=more["left"])
    session.event(32.0, "job", what="end", exit_status=status)
    told = [
        one["message"] for one in session.summary(window="job")["quality"] if one["code"] == "lost-counts"
    ]
    assert [message[: len(said or "")] for message in told] == ([said] if said else [])


def test_of_a_job_that_goes_on_nobody_has_said_a_last_word():
    session = Session()
    session.counter(steps(2.0, 32.0, 100, 40))
    session.event(2.0, "job", what="begin", pid=80)
    session.event(3.0, "clients", source="statsd", began=1, silent=1, pids=[80])
    session.event(32.0, "job", what="end", exit_status=None, attached=True, goes_on=True, because="ctrl-C")
    assert "lost-counts" not in codes(session.summary(window="job"), WARN)


def test_a_device_that_others_used_is_shared():
    session = run()
    session.event(
        30.0,
        "devices",
        ids=["NVIDIA-0-uuid"],
        because="x",
        guessed=False,
        shared={"NVIDIA-0-uuid": ["pid 9"]},
    )
    summary = session.summary(window="job")
    assert level_of(summary, "shared-device") == WARN
    assert "nvidia:0 was also used by pid 9" in message(summary, "shared-device")


def test_a_shared_device_outside_the_run_does_not_matter():
    session = run()
    session.board(every(1.0, 0.0, 34.0))
    session.event(
        30.0,
        "devices",
        ids=["NVIDIA-0-uuid"],
        because="x",
        guessed=False,
        shared={"NVIDIA-1-uuid": ["pid 9"]},
    )
    assert "shared-device" not in codes(session.summary(window="job"))


@pytest.mark.parametrize(
    ("bits", "found"),
    [(0x0, False), (0x1, False), (0x2, False), (0x10, False), (0x100, False)]
    + [(bit, True) for bit in (0x4, 0x8, 0x20, 0x40, 0x80, 0x41)],
)
def test_throttled_by_the_bits_that_cost_speed(bits, found):
    session = Session()
    session.busy_board(every(1.0, 0.0, 34.0), lambda t: 0.5, lambda t: bits if 12 <= t < 18 else 1)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert (level_of(summary, "throttled") == WARN) is found
    if found:
        assert "for 20 % of the window" in message(summary, "throttled")


@pytest.mark.parametrize(("last", "share"), [(1.0, "3.3 %"), (-20.0, None)])
def test_a_reading_stands_until_the_next_but_not_for_long(last, share):
    """Throttled before the window: the reading stands for 1 s of 30, or is too old to say anything."""
    session = Session()
    times = [last, *every(1.0, 3.0, 34.0)]
    session.busy_board(times, lambda t: 0.5, lambda t: 4 if t == last else 0)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    summary = session.summary(window="job")
    assert ("throttled" in codes(summary)) is (share is not None)
    if share:
        assert f"power cap for {share} of the window" in message(summary, "throttled")


@pytest.mark.parametrize(
    ("bits", "shares"),
    [
        (lambda t: 0x1, {}),
        (lambda t: 0x4 if t < 17 else 0x20, {"power": 0.5, "thermal": 0.5}),
        (lambda t: 0x4 if t < 26 else 0x24, {"power": 1.0, "thermal": 0.2}),
        (lambda t: 0x48 if t < 5 else 0x28 if t < 11 else 0, {"thermal": 0.3, "hardware": 0.2}),
        (lambda t: 0x88, {"power_brake": 1.0}),
        (lambda t: None, None),
    ],
)
def test_each_cause_of_reduced_clocks_has_its_share(bits, shares):
    session = Session()
    session.busy_board(every(1.0, 0.0, 34.0), lambda t: 0.5, bits)
    session.board(every(1.0, 0.0, 34.0))
    session.job(2.0, 32.0)
    told = session.summary(window="job")["energy"]["by_device"]
    assert told["nvidia:0"]["throttled"] == (None if shares is None else pytest.approx(shares))
    assert list(told["nvidia:0"]["throttled"] or ()) == list(shares or ())
    assert told["nvidia:1"]["throttled"] is None


def test_devices_are_guessed_where_nothing_told_them():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.job(2.0, 32.0)
    assert level_of(session.summary(), "devices-guessed") == WARN
    assert "devices-guessed" not in codes(session.summary(devices="nvidia:0"))


def test_devices_are_guessed_where_the_evidence_says_so():
    session = run()
    session.event(30.0, "devices", ids=["NVIDIA-0-uuid"], because="every accelerator", guessed=True)
    assert level_of(session.summary(window="job"), "devices-guessed") == WARN


def test_a_source_that_was_late_is_named():
    session = run()
    session.event(2.5, "late_source", collector="slowchip")
    said = message(session.summary(window="job"), "late-source")
    assert said == "slowchip told nothing of this run."
    session.board(every(1.0, 10.0, 32.0), collector="slowchip", id="S", index=1)
    assert message(session.summary(window="job"), "late-source").startswith(
        "slowchip began to tell only after"
    )


@pytest.mark.parametrize(
    ("cost", "found"),
    [
        ({"price_per_kwh": 0.1}, True),
        ({"rent_per_hour": 1.0}, False),
        ({"price_per_kwh": 0.1, "cost_scope": "energy"}, False),
    ],
)
def test_a_cost_that_leaves_something_out_says_what(cost, found):
    summary = run().summary(window="job", cost=CostInputs(**cost))
    assert (level_of(summary, "cost-partial") == INFO) is found


def test_a_nodes_meter_that_covers_other_accelerators_is_told():
    session = run()
    psys = {"index": "psys", "name": "Platform", "kind": DeviceKind.NODE, "scope": Scope.NODE}
    session.package(every(1.0, 0.0, 34.0), watts=300.0, **psys)
    assert "meter-wider-than-run" not in codes(session.summary(window="job"))
    session.board(every(1.0, 0.0, 34.0))
    assert level_of(session.summary(window="job"), "meter-wider-than-run") == INFO


@pytest.mark.parametrize(("watts", "found"), [(120.0, False), (140.0, True), (60.0, True)])
def test_a_device_that_departs_from_its_like_is_odd(watts, found):
    session = Session()
    for each in (100.0, 101.0, 99.0, watts):
        session.board(every(1.0, 0.0, 34.0), watts=each)
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    assert (level_of(session.summary(window="job"), "odd-device") == INFO) is found


def test_a_slow_start_is_told_with_the_warmup_that_leaves_it_out():
    session = Session()
    session.board(every(0.5, 0.0, 44.0))
    slow, fast = every(0.5, 2.0, 12.0), every(0.1, 12.1, 42.0)
    session.counter([(0.0, 0), *((t, index + 1) for index, t in enumerate([*slow, *fast]))])
    session.job(2.0, 42.0)
    told(session)
    assert "--warmup 10s" in message(session.summary(window="job"), "steady-from")
    cut = message(session.summary(window="job", warmup_s=4.0), "steady-from")
    assert "after the warm-up; --warmup 11.2s" in cut, "counted from the window's own begin"


def test_work_that_is_steady_from_the_start_is_no_finding():
    assert "steady-from" not in codes(run(duration_s=40.0).summary(window="job"))


def test_work_that_never_becomes_steady_is_no_finding():
    session = Session()
    session.board(every(0.5, 0.0, 44.0))
    session.counter([(0.0, 0), *((t, int(t * t)) for t in every(0.1, 2.0, 42.0))])
    session.job(2.0, 42.0)
    assert "steady-from" not in codes(session.summary(window="job"))


def test_a_source_may_say_a_code_itself():
    session = run()
    session.event(5.0, "note", code="completion-counted", text="tokens are counted when a query ends")
    session.event(6.0, "note", code="no such code", text="ignored")
    session.event(7.0, "note", text="ignored as well")
    summary = session.summary(window="job")
    assert codes(summary) == {"completion-counted"}
    assert message(summary, "completion-counted") == "tokens are counted when a query ends"


# the whole


def test_findings_stand_in_the_order_of_their_weight():
    session = Session()
    session.board(every(0.1, 0.0, 5.0))
    session.event(2.5, "late_source", collector="slowchip")
    session.job(2.0, 2.5)
    levels = [each["level"] for each in session.summary()["quality"]]
    assert levels == sorted(levels, key=[INSUFFICIENT, WARN, INFO].index)
    assert set(levels) == {INSUFFICIENT, WARN, INFO}


def test_every_code_is_of_the_table_and_every_message_is_a_sentence():
    session = Session()
    session.board(every(1.0, 0.0, 5.0), counter=False)
    session.device(metrics=())
    session.job(2.0, 9.0)
    for each in session.summary()["quality"]:
        assert each["code"] in CODES
        assert each["message"][0].isupper() or each["message"][0].isdigit() or ":" in each["message"]
        assert each["message"].endswith(".")


def test_a_recording_that_breaks_off_before_the_job_ended_says_so():
    session = Session()
    session.board(every(1.0, 0.0, 22.0))
    session.job(1.0, None)
    assert message(session.summary(), "gap") == (
        "The recording breaks off at 22.0 s, before the job's end; the figures end there."
    )


def test_a_recording_without_a_job_is_told_so_and_guesses_no_devices():
    session = Session()
    session.board(every(1.0, 0.0, 20.0))
    summary = session.summary()
    assert "there was no job; `perfwatch run -- COMMAND`" in message(summary, "no-work")
    assert "devices-guessed" not in codes(summary)
    assert summary["devices"] == {"ids": ["nvidia:0"], "because": "a recording takes all that there are"}
    assert summary["window"]["because"] == "no job was started"


def test_where_a_meter_was_asked_for_and_none_told_the_boards_are_not_called_silent():
    summary = run().summary(scope="wall")
    assert message(summary, "no-power").startswith("There is no energy of the wall: no meter told one")


def test_a_board_that_gave_texts_for_its_power_is_named():
    session = Session()
    number = session.device("chip", metrics=(POWER,))
    session.poll(number, every(1.0, 0.0, 20.0), lambda _: "42.5")
    session.job(1.0, 19.0)
    assert "chip:0 gave no number for power_watts" in message(session.summary(), "no-power")


def test_a_board_whose_collector_names_no_scope_is_told_from_a_silent_one():
    session = Session()
    session.poll(session.device("chip", metrics=(POWER,), scope=None), every(1.0, 0.0, 20.0), lambda _: 100.0)
    session.job(1.0, 19.0)
    said = message(session.summary(), "no-power")
    assert "chip:0 told power_watts without saying what that covers (the collector's `scope`)" in said


def test_boards_that_are_silent_for_one_reason_share_a_sentence():
    session = Session()
    for _ in range(6):
        session.device("chip", metrics=(POWER,))
    session.job(1.0, 19.0)
    said = message(session.summary(), "no-power")
    assert said.count("gave no number") == 1
    assert "chip:0, chip:1, chip:2 and 3 more gave no number for power_watts" in said


def test_a_session_that_ends_before_its_job_is_no_recording_without_one():
    session = Session(command=["sleep", "9"])
    session.board(every(1.0, 0.0, 5.0))
    summary = session.summary()
    assert "the session ends before its job began" in message(summary, "no-work")
    assert summary["window"]["because"] == "the session ends before its job began"
    assert summary["devices"]["because"] == "the session ends before its job began"


def silent_board(*statuses):
    """A run whose board is silent from 15 to 22 s, with what its collector said: (time, state, reason)."""
    session = Session()
    session.board([*every(1.0, 0.0, 15.0), *every(1.0, 22.0, 35.0)])
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    for t, state, reason in statuses:
        session.event(t, "status", collector="nvidia", state=state, reason=reason)
    return message(session.summary(window="job"), "stale-device")


def test_a_silent_device_names_the_failure_of_its_collector():
    assert silent_board((16.0, "failed", "RuntimeError: lost")) == (
        "nvidia:0 gave nothing for 7 s: nvidia failed: RuntimeError: lost."
    )


def test_a_silent_device_names_why_its_collector_tried_again():
    said = silent_board((15.5, "retrying", "the driver is busy"), (22.0, "ok", ""))
    assert said.endswith("7 s: nvidia could not read and tried again: the driver is busy.")


@pytest.mark.parametrize(
    "statuses",
    [
        [],
        [(5.0, "retrying", "busy"), (6.0, "ok", "")],
        [(25.0, "failed", "RuntimeError: later")],
    ],
)
def test_a_silent_device_does_not_name_a_failure_of_another_time(statuses):
    assert silent_board(*statuses) == "nvidia:0 gave nothing for 7 s."


def test_a_silent_device_names_why_it_left():
    session = Session()
    number = session.board(every(1.0, 0.0, 15.0))
    session.counter(steps(2.0, 32.0, 100, 40))
    session.job(2.0, 32.0)
    session.event(15.2, "gone", n=number, reason="lost: GPU is lost (NVML code 15)")
    said = message(session.summary(window="job"), "stale-device")
    assert said == "nvidia:0 gave nothing for 17 s: nvidia:0 left: lost: GPU is lost (NVML code 15)."


def test_a_counter_out_of_sight_for_longer_than_it_takes_to_wrap_says_so():
    session = Session()
    wrapping = replace(ENERGY.observed(update_s=0.01), wraps_at=1000.0)
    number = session.device(metrics=(wrapping,), power_limit_watts=300.0)
    session.poll(number, [1.0, 2.0, 32.0, 33.0], lambda t: (200.0 * t) % 1000.0)
    session.job(2.0, 32.0)
    assert "may have wrapped more than once" in message(session.summary(window="job"), "counter-reset")


def test_a_source_that_was_named_and_counts_nothing_is_given_with_its_reason():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    session.event(3.0, "note", source="page", text="the page http://a/metrics answers with status 500")
    session.job(2.0, 32.0)
    assert message(session.summary(), "no-work") == (
        "Nothing counted work: the page http://a/metrics answers with status 500."
    )
