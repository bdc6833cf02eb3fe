"""The summary object as a whole: its keys, its digits, its oracles."""

from __future__ import annotations

import json
import math

import pytest
from derive.build import Session, codes, every, histogram, steps
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.derive.settings import CostInputs, Purchase, Settings
from perfwatch.derive.summary import summarise
from perfwatch.derive.tape import Tape
from perfwatch.metrics import ENERGY, LATENCY, POWER, POWER_LIMIT, QUERIES, SM_CLOCK, UTILIZATION
from perfwatch.model import DeviceKind, Scope

TOP = (
    "schema session conditions window devices work unit goodput energy power efficiency cost carbon latency "
    "by_server client_results utilization observer mlperf against scatter also quality"
)
KEYS = {
    "session": (
        "id name started hosts command exit_status time_limit_s attached goes_on because interval_s "
        "perfwatch streams left_behind"
    ),
    "conditions": "tags os devices versions git_commit per_query",
    "window": "kind spans start_s end_s duration_s phase warmup_s because",
    "devices": "ids because",
    "energy": "scope joules error_joules gain_ratio method net_joules net_error_joules idle_watts "
    "idle_watts_error coverage not_included by_device by_scope",
    "power": "mean_watts max_watts",
    "observer": "cpu_s cpu_ratio rss_bytes samples late_samples missed_ticks",
}
BESIDE = "window work goodput energy power efficiency cost carbon quality"
DEVICE_KEYS = (
    "name uuid host scope in_run joules error_joules method counter_joules integrated_joules "
    "integral_off_ratio mean_watts max_watts samples coverage board throttled"
)


def full_run(**header: object) -> Session:
    """A job from 2 to 38 s on two boards that does 100 queries of 4 tokens from 4 to 34 s."""
    session = Session(**header)
    session.board(every(1.0, 0.0, 40.0), name="Chip X", driver="1.2", power_limit_watts=300.0)
    session.board(every(1.0, 0.0, 40.0), watts=300.0, name="Chip X", driver="1.2", power_limit_watts=300.0)
    session.package(every(1.0, 0.0, 40.0))
    session.counter(steps(4.0, 34.0, 100, 100))
    session.counter(steps(4.0, 34.0, 400, 100), name="generated_tokens")
    session.workload("statsd", [LATENCY], [(t, (histogram(0.1, 0.2),)) for t in every(1.0, 5.0, 33.0)])
    session.event(1.0, "devices", ids=["NVIDIA-0-uuid", "NVIDIA-1-uuid"], because="pid 9", guessed=False)
    session.event(0.5, "observer", cpu_s=0.2, rss_bytes=1, samples=0, late_samples=0, missed_ticks=0)
    session.job(2.0, 38.0)
    session.event(40.5, "observer", cpu_s=0.6, rss_bytes=9, samples=80, late_samples=1, missed_ticks=0)
    return session


@pytest.mark.parametrize("session", [full_run(), Session()], ids=["full", "empty"])
def test_every_key_is_always_there(session):
    summary = session.summary()
    assert list(summary) == TOP.split()
    for name, keys in KEYS.items():
        assert list(summary[name]) == keys.split(), name
    for device in summary["energy"]["by_device"].values():
        assert list(device) == DEVICE_KEYS.split()
    for beside in summary["also"].values():
        assert list(beside) == [
            "window",
            "work",
            "goodput",
            "energy",
            "power",
            "efficiency",
            "cost",
            "carbon",
            "quality",
        ]
    json.dumps(summary, allow_nan=False)


def test_a_run_is_summed_up():
    summary = full_run(command=["serve", "x"], name="first", tags={"model": "m"}).summary()
    assert summary["schema"] == "perfwatch.summary/1"
    assert summary["session"] == {
        "id": "a1",
        "name": "first",
        "started": "2023-11-14T22:13:20.123456+00:00",
        "hosts": ["here"],
        "command": ["serve", "x"],
        "exit_status": 0,
        "time_limit_s": None,
        "attached": False,
        "goes_on": False,
        "because": None,
        "interval_s": 1.0,
        "perfwatch": "0.1.0",
        "streams": {},
        "left_behind": [],
    }
    assert summary["conditions"]["tags"] == {"model": "m"}
    unknown = {"power_limit_watts": None, "sm_clock_hertz": None, "memory_clock_hertz": None}
    assert summary["conditions"]["devices"] == {
        "Chip X": {
            "count": 2,
            "driver": "1.2",
            "firmware": None,
            "power_limit_watts": 300.0,
            "at_start": unknown,
            "at_end": unknown,
        }
    }
    assert summary["conditions"]["per_query"] == {
        "prompt_tokens": None,
        "generated_tokens": pytest.approx(4.0),
    }
    assert summary["window"]["kind"] == "work"
    assert summary["unit"] == "generated_tokens"
    assert summary["energy"]["joules"] == pytest.approx(12_000.0)
    assert summary["energy"]["method"] == "counter"
    assert summary["energy"]["gain_ratio"] == 0.05
    assert summary["power"] == {"mean_watts": pytest.approx(400.0), "max_watts": 400.0}
    tokens = summary["efficiency"]["generated_tokens"]
    assert tokens["per_joule"] == pytest.approx(396 / 12_000)
    assert tokens["joules_per"] == pytest.approx(12_000 / 396)
    relative = summary["energy"]["error_joules"] / summary["energy"]["joules"]
    assert tokens["per_joule_error"] == pytest.approx(tokens["per_joule"] * relative)
    assert summary["latency"]["latency"]["mean_s"] == pytest.approx(0.15)
    assert summary["also"]["job"]["energy"]["joules"] == pytest.approx(14_400.0)
    assert summary["also"]["job"]["work"]["queries"]["count"] == 100
    assert summary["observer"]["cpu_ratio"] == pytest.approx(0.01)
    assert summary["observer"]["rss_bytes"] == 9
    assert summary["cost"] is None
    assert summary["carbon"] is None


def test_efficiency_is_the_ratio_of_the_sums():
    """Measurement D.5: 1000 tokens with 100 J, then 100 tokens with 900 J, are 1.1 tok/J and not 5.06."""
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.001),))
    session.poll(number, every(1.0, 0.0, 44.0), lambda t: 5.0 * min(t, 22.0) + 45.0 * max(t - 22.0, 0.0))
    session.counter(
        [(0.0, 0), (10.0, 500), (22.0, 1000), (30.0, 1050), (42.0, 1100)], name="generated_tokens"
    )
    session.mark("measure", 2.0, 22.0)
    session.mark("measure", 22.0, 42.0)
    session.job(1.0, 43.0)
    summary = session.summary()
    assert summary["energy"]["joules"] == pytest.approx(1000.0)
    assert summary["efficiency"]["generated_tokens"]["per_joule"] == pytest.approx(1.1)


def test_a_session_that_was_read_back_gives_the_same_digits():
    session = full_run(
        settings=Settings(cost=CostInputs(price_per_kwh=0.3, carbon_g_per_kwh=400.0)).to_json()
    )
    live = summarise(session.tape())
    header = json.loads(json.dumps(session.header))
    records = [json.loads(json.dumps(record)) for record in session.records]
    again = summarise(Tape.of(header, records))
    assert json.dumps(again) == json.dumps(live)


def test_the_summary_changes_nothing_on_the_tape():
    tape = full_run().tape()
    assert json.dumps(summarise(tape)) == json.dumps(summarise(tape))


def test_settings_of_the_header_are_used_unless_others_are_given():
    session = full_run(settings=Settings(unit="queries", window="job").to_json())
    assert summarise(session.tape())["unit"] == "queries"
    assert summarise(session.tape())["window"]["kind"] == "job"
    assert summarise(session.tape(), Settings())["unit"] == "generated_tokens"


def test_cost_is_that_of_the_window_with_the_idle_share_of_the_job():
    inputs = CostInputs(
        price_per_kwh=0.36, rent_per_hour=3.0, pue=1.5, currency="EUR", carbon_g_per_kwh=100.0
    )
    summary = full_run().summary(cost=inputs)
    cost = summary["cost"]
    assert cost["energy"] == pytest.approx(12_000 / 3.6e6 * 1.5 * 0.36)
    assert cost["machine"] == pytest.approx(2 * 3.0 * 30 / 3600)
    assert cost["total"] == cost["machine"]
    assert cost["idle_share"] == pytest.approx(1 - 30 / 36)
    assert cost["per"]["queries"] == pytest.approx(cost["total"] / 99)
    assert cost["per_million"]["generated_tokens"] == pytest.approx(cost["total"] / 396 * 1e6)
    assert summary["carbon"]["grams"] == pytest.approx(12_000 / 3.6e6 * 1.5 * 100)
    assert summary["also"]["job"]["cost"]["machine"] == pytest.approx(2 * 3.0 * 36 / 3600)


def test_a_warm_up_is_no_idle_time():
    warmed = full_run().summary(cost=CostInputs(rent_per_hour=3.0), warmup_s=10.0)
    assert warmed["window"]["duration_s"] == pytest.approx(20.0)
    assert warmed["cost"]["idle_share"] == pytest.approx(1 - 30 / 36)


def test_without_anything_that_tells_when_it_worked_the_idle_share_is_unknown():
    session = Session()
    session.board(every(1.0, 0.0, 40.0))
    session.job(2.0, 38.0)
    assert session.summary(cost=CostInputs(rent_per_hour=1.0))["cost"]["idle_share"] is None


def test_a_few_polls_of_a_counter_do_not_tell_how_long_it_stood_idle():
    """A page that is read four times in a job of four seconds seems idle before the second reading."""
    session = Session()
    session.board(every(1.0, 0.0, 8.0))
    session.counter([(t, 40 * t) for t in every(1.0, 0.5, 7.5)], work="page")
    session.job(2.0, 6.0)
    assert session.summary(cost=CostInputs(rent_per_hour=1.0))["cost"]["idle_share"] is None


def test_a_machine_without_accelerators_is_paid_by_its_packages():
    session = Session()
    session.package(every(1.0, 0.0, 40.0))
    session.counter(steps(3.0, 37.0, 100, 40))
    session.job(2.0, 38.0)
    bought = CostInputs(purchases=(Purchase("CPU*", 3600.0, 1000.0),))
    cost = session.summary(window="job", cost=bought)["cost"]
    assert cost["machine"] == pytest.approx(3600.0 / 1000.0 * 36 / 3600)


def test_an_average_that_reaches_into_the_job_is_no_idle_power():
    """70 W at rest and 700 W in the job; the sensor averages over a second, and there is no counter."""
    session = Session()
    session.mark("idle_baseline", 0.0, 5.0, origin="perfwatch")
    session.job(5.01, 65.0)
    number = session.device(metrics=(POWER.observed(update_s=0.1, window_s=1.0),))
    times = [*every(1.0, 0.0, 5.0), 5.01, *every(1.0, 6.0, 66.0)]
    session.poll(number, times, lambda t: 70.0 if t <= 5.01 else 700.0)
    session.counter(steps(5.01, 65.0, 1000, 100))
    energy = session.summary(window="job")["energy"]
    assert energy["idle_watts"] == pytest.approx(70.0)
    assert energy["net_joules"] == pytest.approx(energy["joules"] - 70.0 * 59.99, rel=1e-6)


def test_the_idle_baseline_gives_idle_watts_and_net_joules():
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.001),))
    session.poll(number, every(1.0, 0.0, 50.0), lambda t: 40.0 * min(t, 10.0) + 100.0 * max(t - 10.0, 0.0))
    session.mark("idle_baseline", 0.0, 10.0, origin="perfwatch")
    session.counter(steps(15.0, 45.0, 100, 40))
    session.job(12.0, 48.0)
    energy = session.summary(window="job")["energy"]
    assert energy["idle_watts"] == pytest.approx(40.0)
    assert energy["net_joules"] == pytest.approx(36 * (100.0 - 40.0))


def test_the_error_of_net_energy_is_that_of_the_baseline_too():
    """10 s at rest by a counter of 0.1 s: their error, times ten, and that of the energy."""
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.1),))
    session.poll(number, every(1.0, 0.0, 130.0), lambda t: 40.0 * min(t, 10.0) + 100.0 * max(t - 10.0, 0.0))
    session.mark("idle_baseline", 0.0, 10.0, origin="perfwatch")
    session.job(12.0, 112.0)
    energy = session.summary(window="job")["energy"]
    rest = 2 * 0.1 * math.sqrt((40.0**2 + 100.0**2) / 3 - 40.0 * 100.0 / 2)  # power near its two ends
    at_even = 2 * 0.1 * 40.0 / math.sqrt(6)
    low, high = (math.hypot(energy["error_joules"], 10.0 * one) for one in (at_even, rest))
    assert low * 0.99 <= energy["net_error_joules"] <= high * 1.01
    assert at_even / 10.0 * 0.99 <= energy["idle_watts_error"] <= rest / 10.0 * 1.01


def test_without_a_baseline_of_every_device_there_is_no_net():
    session = full_run()
    late = session.device(metrics=(ENERGY.observed(update_s=0.001),))
    session.poll(late, every(1.0, 2.0, 40.0), lambda t: 10.0 * t)
    session.mark("idle_baseline", 0.0, 1.0, origin="perfwatch")
    energy = session.summary(window="job", devices="nvidia:0-2")["energy"]
    assert energy["joules"] is not None
    assert energy["idle_watts"] is None
    assert energy["idle_watts_error"] is None
    assert energy["net_joules"] is None
    assert energy["net_error_joules"] is None


def test_utilization_is_weighted_by_time():
    session = Session()
    times = [*every(1.0, 0.0, 20.0), *every(0.1, 20.1, 40.0)]
    session.busy_board(times, lambda t: 1.0 if t > 20 else 0.0, lambda t: 0)
    session.job(10.0, 30.0)
    assert session.summary()["utilization"] == {
        "nvidia:0": {"mean": pytest.approx(0.5, abs=0.01), "max": 1.0}
    }


def test_models_list_the_facts_in_which_their_devices_differ():
    session = Session()
    for watts in (300.0, 250.0):
        session.board(every(1.0, 0.0, 12.0), name="Chip", power_limit_watts=watts, driver="9", slot=watts)
    session.job(1.0, 11.0)
    found = session.summary()["conditions"]["devices"]["Chip"]
    assert (found["count"], found["driver"], found["power_limit_watts"]) == (2, "9", [300.0, 250.0])
    assert "slot" not in found


def test_a_power_limit_that_was_read_goes_before_the_declared_one():
    session = Session()
    number = session.device(metrics=(ENERGY, POWER_LIMIT), power_limit_watts=700.0)
    session.poll(number, every(1.0, 0.0, 12.0), lambda t: 100.0 * t, lambda t: 500.0 if t > 5 else 700.0)
    session.job(1.0, 11.0)
    assert session.summary()["conditions"]["devices"]["Board"]["power_limit_watts"] == 500.0


def test_caps_and_clocks_are_told_as_they_were_at_both_ends():
    session = Session()
    for clock in (1.2e9, 1.4e9):
        number = session.device(metrics=(ENERGY, POWER_LIMIT, SM_CLOCK))
        session.poll(
            number,
            every(1.0, 0.0, 12.0),
            lambda t: 100.0 * t,
            lambda t: 200.0 if t > 5 else 400.0,
            lambda t, clock=clock: clock if t > 5 else 1.7e9,
        )
    session.job(1.0, 11.0)
    found = session.summary()["conditions"]["devices"]["Board"]
    assert found["at_start"] == {
        "power_limit_watts": 400.0,
        "sm_clock_hertz": 1.7e9,
        "memory_clock_hertz": None,
    }
    assert found["at_end"]["power_limit_watts"] == found["power_limit_watts"] == 200.0
    assert found["at_end"]["sm_clock_hertz"] == [1.2e9, 1.4e9]


def test_a_scope_beside_the_headline_says_what_to_hold_against_it():
    session = Session()
    session.board(every(1.0, 0.0, 34.0))
    slow = {"index": "psys", "name": "Platform", "kind": DeviceKind.NODE, "scope": Scope.NODE}
    session.package(every(3.0, 0.0, 27.0), **slow)
    session.job(2.0, 32.0)
    node = session.summary(devices="nvidia:0")["energy"]["by_scope"]["node"]
    assert node["coverage"] == pytest.approx(25 / 30)
    assert node["notes"] == ["covers 83.3 % of the window", "read every 3 s only"]


def test_names_from_outside_are_only_data():
    session = Session(name="\x1b[31mred", tags={"\n": "[bold]"}, command=["a\x00b"])
    session.board(every(1.0, 0.0, 12.0), name="Chip\x1b[2J")
    session.counter(steps(2.0, 10.0, 10, 5), name="a b\x1b")
    session.job(1.0, 11.0)
    summary = session.summary()
    assert summary["session"]["name"] == "\x1b[31mred"
    assert "a b\x1b" in summary["work"]


@pytest.mark.parametrize("field", ["conditions", "tags", "command", "settings", "interval_s"])
def test_a_header_with_something_odd_in_it_still_gives_a_summary(field):
    session = full_run()
    session.header[field] = 17 if field != "interval_s" else "often"
    assert session.summary()["energy"]["joules"] is not None


def test_odd_events_still_give_a_summary():
    session = full_run()
    for kind in ("devices", "mark", "status", "observer", "lost", "late_source", "note", "clock", "missing"):
        session.event(30.0, kind, ids=None, shared=3, datagrams="x", time_ns="now", cpu_s="much", what=None)
    session.event(30.0, "job", what=None)
    assert session.summary()["work"]["queries"]["count"] == 99


odd_values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 60), st.floats(0, 60), st.text(max_size=3), st.lists(st.none())
)
odd_fields = st.dictionaries(
    st.sampled_from(
        [
            "what",
            "metric",
            "queries",
            "valid",
            "pid",
            "exit_status",
            "signal",
            "name",
            "edge",
            "origin",
            "ids",
            "because",
            "guessed",
            "shared",
            "collector",
            "state",
            "reason",
            "device",
            "cpu_s",
            "samples",
            "late_samples",
            "missed_ticks",
            "source",
            "datagrams",
            "code",
            "text",
            "time_ns",
            "records",
        ]
    ),
    st.one_of(odd_values, st.sampled_from(["begin", "end", "measure", "job", "idle_baseline", "gap"])),
    max_size=5,
)
odd_kinds = st.sampled_from(
    [
        "job",
        "mark",
        "devices",
        "status",
        "observer",
        "lost",
        "late_source",
        "note",
        "clock",
        "missing",
        "mlperf",
    ]
)


@given(st.lists(st.tuples(st.floats(0, 60), odd_kinds, odd_fields), max_size=12))
def test_no_event_of_a_session_from_elsewhere_breaks_the_summary(events):
    session = full_run()
    for t, kind, fields in events:
        session.event(t, kind, **fields)
    summary = session.summary()
    assert list(summary) == TOP.split()
    json.dumps(summary, allow_nan=False)


def test_a_workload_may_tell_counters_and_gauges_in_one_row():
    session = Session()
    session.board(every(1.0, 0.0, 12.0))
    rows = [(float(t), (t, histogram(0.5) if t else None)) for t in range(12)]
    session.workload("statsd", [QUERIES, LATENCY], rows)
    session.job(1.0, 11.0)
    summary = session.summary(window="job")
    assert summary["work"]["queries"]["count"] == 10
    assert summary["latency"]["latency"]["count"] == 10


def test_an_absurd_counter_is_left_also_where_nothing_else_tells_the_energy():
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.1),), power_limit_watts=300.0)
    session.poll(number, every(1.0, 0.0, 22.0), lambda t: 200.0 * t + (5000.0 if t > 10.0 else 0.0))
    session.job(1.0, 21.0)
    summary = session.summary()
    assert summary["energy"]["joules"] is None
    assert summary["energy"]["by_device"]["nvidia:0"]["counter_joules"] == pytest.approx(9000.0)
    assert {"no-power", "counter-disagrees"} <= codes(summary)


def test_a_limit_that_was_lowered_in_the_run_does_not_make_its_counter_absurd():
    session = Session()
    number = session.device(metrics=(ENERGY.observed(update_s=0.1), POWER_LIMIT), power_limit_watts=700.0)
    session.poll(number, every(1.0, 0.0, 22.0), lambda t: 600.0 * t, lambda t: 700.0 if t < 20.0 else 200.0)
    session.job(1.0, 21.0)
    assert session.summary()["energy"]["joules"] == pytest.approx(12_000.0)


def test_a_wrap_while_a_package_draws_its_short_term_limit_is_a_wrap():
    session = Session()
    wrapping = ENERGY.observed(update_s=0.001).wrapping_at(1000.0)
    number = session.device(
        collector="rapl",
        metrics=(wrapping,),
        kind=DeviceKind.CPU,
        scope=Scope.CPU,
        power_limit_watts=15.0,
        peak_power_watts=64.0,
    )
    session.poll(number, every(1.0, 0.0, 22.0), lambda t: (60.0 * t + 700.0) % 1000.0)
    session.job(1.0, 21.0)
    summary = session.summary()
    assert summary["energy"]["joules"] == pytest.approx(1200.0)
    assert summary["energy"]["coverage"] == 1.0


def test_an_accelerator_that_tells_no_energy_stands_in_by_device_all_the_same():
    session = Session()
    session.board(every(1.0, 0.0, 22.0))
    session.device(metrics=(UTILIZATION,))
    session.job(1.0, 21.0)
    silent = session.summary()["energy"]["by_device"]["nvidia:1"]
    assert (silent["in_run"], silent["joules"], silent["mean_watts"]) == (False, None, None)
    assert silent["coverage"] == 0.0


def test_work_that_was_not_done_in_the_window_has_its_ratios_as_null():
    session = Session()
    session.board(every(1.0, 0.0, 22.0))
    session.counter(steps(2.0, 20.0, 190, 19))
    session.counter([(0.0, 0), (1.5, 7)], name="samples")
    session.counter([(0.0, 0), (3.0, 7)], name="errors")
    session.job(1.0, 21.0)
    summary = session.summary(unit="queries")
    assert summary["efficiency"]["queries"]["per_joule"] == pytest.approx(0.1)
    assert set(summary["efficiency"]["samples"].values()) == {None}
    assert "errors" not in summary["efficiency"]


def test_a_meter_that_was_asked_for_is_a_device_of_a_run_without_accelerators():
    session = Session()
    session.package(every(1.0, 0.0, 22.0), index="psys", kind=DeviceKind.NODE, scope=Scope.NODE, watts=90.0)
    session.job(1.0, 21.0)
    assert session.summary(scope="node")["devices"]["ids"] == ["rapl:psys"]


def test_the_time_limit_that_ended_the_job_is_in_the_summary():
    session = full_run()
    assert session.summary()["session"]["time_limit_s"] is None
    limited = Session()
    limited.board(every(1.0, 0.0, 40.0))
    limited.job(2.0, 38.0, 143, time_limit_s=36.0)
    assert limited.summary()["session"]["time_limit_s"] == 36.0
