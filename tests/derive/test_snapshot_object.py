"""The snapshot object: newest values, powers and rates from counters, and null for what is not known."""

from __future__ import annotations

import json
import math

import pytest
from derive.build import Session

from perfwatch.derive.snapshot import needs_two_readings, snapshot
from perfwatch.metrics import ENERGY, LATENCY, MEMORY_USED, POWER, QUERIES, UTILIZATION
from perfwatch.model import DeviceKind, Metric, Scope, State, Unit
from perfwatch.model import Kind as MetricKind


def test_the_newest_value_of_each_metric_is_told_and_missing_ones_are_null() -> None:
    session = Session()
    number = session.device(metrics=(POWER, UTILIZATION, QUERIES))
    session.sample(number, 1.0, 100.0, None, 7)
    session.sample(number, 1.3, 120.0, None, 8)
    device = snapshot(session.tape(), {})["devices"]["nvidia:0"]
    assert device["metrics"] == {"power_watts": 120.0, "utilization_ratio": None, "queries_total": 8}
    assert device["power"] == {"watts": 120.0, "source": "sensor"}
    assert device["rates"]["queries_total"] == pytest.approx(1 / 0.3)


def test_a_gauge_keeps_its_fraction_and_whole_numbers_stay_whole() -> None:
    session = Session()
    number = session.device(metrics=(POWER, UTILIZATION, MEMORY_USED))
    session.sample(number, 1.0, 99.5, 0.4, 61 << 30)
    told = snapshot(session.tape(), {})["devices"]["nvidia:0"]["metrics"]
    assert told == {"power_watts": 99.5, "utilization_ratio": 0.4, "memory_used_bytes": 61 << 30}
    assert isinstance(told["memory_used_bytes"], int)


def test_power_comes_from_the_counter_where_no_sensor_tells_it() -> None:
    session = Session()
    number = session.package([])
    session.sample(number, 1.0, 90.0)
    session.sample(number, 1.5, 110.0)
    assert snapshot(session.tape(), {})["devices"]["rapl:package-0"]["power"] == {
        "watts": 40.0,
        "source": "counter",
    }


def test_a_counter_read_once_or_restarted_tells_no_power() -> None:
    for readings in ([(1.0, 90.0)], [(1.0, 90.0), (2.0, 5.0)]):
        session = Session()
        number = session.package([])
        for t, joules in readings:
            session.sample(number, t, joules)
        assert snapshot(session.tape(), {})["devices"]["rapl:package-0"]["power"]["watts"] is None


def test_an_estimate_is_called_one() -> None:
    session = Session()
    power = Metric("power_watts", Unit.WATT, MetricKind.GAUGE, estimated=True)
    number = session.device("cpu_estimate", metrics=(power,), kind=DeviceKind.CPU, scope=Scope.CPU)
    session.sample(number, 1.0, 65.0)
    device = snapshot(session.tape(), {})["devices"]["cpu_estimate:0"]
    assert device["power"] == {"watts": 65.0, "source": "estimated"}


def test_a_device_that_gave_nothing_has_no_age_and_an_old_reading_tells_its_age() -> None:
    session = Session()
    session.board([], watts=100.0)
    session.board([1.0], watts=100.0)
    session.board([3.5], watts=100.0)
    devices = snapshot(session.tape(), {})["devices"]
    assert [devices[f"nvidia:{n}"]["age_s"] for n in range(3)] == [None, 2.5, 0.0]


def test_the_state_of_each_collector_is_told_with_its_remedy() -> None:
    found = snapshot(Session().tape(), {"rapl": (State.ABSENT, "no permission", "sudo ...")})
    assert found["collectors"] == {
        "rapl": {"state": "absent", "reason": "no permission", "remedy": "sudo ...", "asked": False}
    }
    assert found["schema"] == "perfwatch.snapshot/1"


def test_whatever_a_plugin_puts_into_its_facts_it_is_json() -> None:
    session = Session()
    session.device(metrics=(POWER, LATENCY), limit=math.inf, parts=("a", "b"), note="x", n=3, no=None)
    found = snapshot(session.tape(), {})["devices"]["nvidia:0"]
    assert found["facts"] == {"limit": None, "parts": "('a', 'b')", "note": "x", "n": 3, "no": None}
    assert json.loads(json.dumps(found, allow_nan=False))["metrics"] == {"power_watts": None}


def test_two_readings_are_needed_for_rates_alone() -> None:
    only_power, only_energy, work = Session(), Session(), Session()
    only_power.device(metrics=(POWER, ENERGY))
    only_energy.device(metrics=(ENERGY,))
    work.counter([])
    assert [needs_two_readings(one.tape()) for one in (only_power, only_energy, work)] == [False, True, True]
