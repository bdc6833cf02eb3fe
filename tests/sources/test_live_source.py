"""This machine, live: what waits for what, and what does not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from perfwatch.metrics import ENERGY, POWER, work_counter
from perfwatch.model import Device, DeviceKind, Reading, Sample, State
from perfwatch.runner import Runner
from perfwatch.sources.live import Chosen, LiveSource
from perfwatch.testing import StubCollector

METER = Device("M", "Meter", DeviceKind.METER, metrics=(POWER,))
SERVER = Device("W", "Server", DeviceKind.WORKLOAD, metrics=(work_counter("queries"),))


class Kept(list[Any]):
    def write(self, record: Any) -> None:
        self.append(record)

    def tick(self, now_ns: int) -> None:
        return None


class Waiting(StubCollector):
    """Opens, or reads, only when it is let."""

    name = "waiting"

    def __init__(self, device: Device, *, at: str) -> None:
        super().__init__([device], [[Sample(device.id, (1.0,))]])
        self._at = at
        self.let = threading.Event()

    def open(self) -> Sequence[Device]:
        if self._at == "open":
            self.let.wait(30.0)
        return super().open()

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:  # type: ignore[override]
        if self._at == "read":
            self.let.wait(30.0)
        return super().read(devices)


def live(*collectors: StubCollector, period_s: float = 60.0) -> tuple[LiveSource, Kept]:
    kept = Kept()
    source = LiveSource([Chosen(one, period_s) for one in collectors], [kept], interval_s=period_s)
    source.start()
    return source, kept


def test_a_start_does_not_wait_for_a_collector_that_opens_slowly() -> None:
    slow = Waiting(METER, at="open")
    source, _ = live(StubCollector([SERVER]), slow)
    assert source.wait_open(0.05) == ["waiting"]
    slow.let.set()
    assert source.wait_open(10.0) == []
    source.stop()


class Later(StubCollector):
    name = "later"


def started_later(first: StubCollector) -> tuple[LiveSource, Runner]:
    source = LiveSource([Chosen(first, 60.0), Chosen(Later([SERVER]), 60.0)], [Kept()], interval_s=60.0)
    source.start(later=("later",))
    return source, source.runners[1]


def test_what_may_begin_later_waits_until_the_others_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfwatch.sources.live.LATER_S", 60.0)
    source, later = started_later(StubCollector([METER]))
    assert source.runners[0].opened.wait(10.0)
    assert not later.opened.wait(0.1)
    source.shown.set()
    assert later.opened.wait(10.0)
    source.stop()


def test_what_may_begin_later_begins_at_once_where_the_others_find_nothing() -> None:
    source, later = started_later(StubCollector([]))
    assert later.opened.wait(10.0)
    assert not source.shown.is_set()
    source.stop()


def test_what_may_begin_later_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfwatch.sources.live.LATER_S", 0.05)
    source, later = started_later(Waiting(METER, at="open"))
    assert later.opened.wait(10.0)
    source.stop()


def test_what_has_not_begun_yet_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfwatch.sources.live.LATER_S", 60.0)
    source, later = started_later(StubCollector([METER]))
    source.stop()
    assert not later.opened.is_set()


def test_readings_out_of_turn_do_not_wait_for_a_call_that_is_out() -> None:
    slow = Waiting(METER, at="read")
    source, _ = live(slow)
    source.wait_open(10.0)
    assert source.read_now(0.05).late == ("waiting",)
    slow.let.set()
    source.stop()


def test_the_instants_are_those_of_energy_and_power() -> None:
    meter = StubCollector([METER], [[Sample("M", (5.0,))]])
    server = StubCollector([SERVER], [[Sample("W", (1,))]])
    source, kept = live(meter, server)
    source.wait_open(10.0)
    before = source.clock.monotonic_ns()
    instants = source.read_now(10.0)
    assert before <= instants.first_ns <= instants.last_ns <= source.clock.monotonic_ns()
    source.stop()
    rows = [row for record in kept if "s" in record for row in record["s"]]
    assert len(rows) == 2
    power = next(row for row in rows if row[2] == [5.0])
    assert power[1] == pytest.approx(source.hub.seconds(instants.first_ns), abs=1e-6)


def test_events_of_before_are_no_instants_of_a_reading() -> None:
    """A log that is read at the end tells when its lines were written: the job did not end then."""
    log = StubCollector([SERVER], [[Sample("W", (1,), 1)]])
    source, _ = live(log)
    source.wait_open(10.0)
    before = source.clock.monotonic_ns()
    instants = source.read_now(10.0)
    assert before <= instants.first_ns <= instants.last_ns <= source.clock.monotonic_ns()
    source.stop()


def test_what_is_not_there_is_known_by_its_reason() -> None:
    source, kept = live(StubCollector())
    source.wait_open(10.0)
    assert source.states()["stub"][:2] == (State.ABSENT, "the stub has no devices")
    assert source.read_now(5.0).late == ()
    source.stop()
    assert kept[-1]["event"] == "end"


def test_a_collector_that_is_added_while_others_run_is_read_and_stopped_like_them() -> None:
    source, kept = live(StubCollector([METER], [[Sample("M", (5.0,))]]))
    source.wait_open(10.0)
    added = StubCollector([SERVER], [[Sample("W", (3,))]])
    added.name = "added"
    source.add(Chosen(added, 60.0))
    assert source.wait_open(10.0) == []
    source.read_work(10.0)
    source.stop()
    assert "added" in [record["device"]["collector"] for record in kept if "device" in record]
    assert source.states()["added"][0] is State.OK


def stepping(update_s: float, *counts: float) -> StubCollector:
    """A board that counts joules, and tells these values one after the other."""
    board = Device("B", "Board", DeviceKind.ACCELERATOR, metrics=(ENERGY.observed(update_s=update_s),))
    return StubCollector([board], [[Sample("B", (count,))] for count in counts])


def test_steps_are_caught_by_reading_until_they_were_seen() -> None:
    """The first reading may tell a step that came long before it; two more are waited for."""
    counter = stepping(0.2, 10.0, 15.0, 15.0, 20.0, 20.0, 20.0, 25.0)
    source, _ = live(counter)
    source.wait_open(10.0)
    source.read_now(10.0)
    source.catch_steps(2)
    source.stop()
    assert counter.reads == 7


def test_a_counter_that_stands_still_is_not_waited_for_longer_than_its_steps_could_take() -> None:
    counter = stepping(0.02, 10.0)
    source, _ = live(counter)
    source.wait_open(10.0)
    source.catch_steps(2)
    source.stop()
    assert 1 < counter.reads <= 13


@pytest.mark.parametrize("update_s", [0.001, 1.0, None])
def test_counters_without_steps_worth_catching_are_not_read_out_of_turn(update_s: float | None) -> None:
    counter = stepping(update_s or 0.0, 10.0, 20.0)
    source, _ = live(counter, StubCollector([METER], [[Sample("M", (5.0,))]]))
    source.wait_open(10.0)
    source.catch_steps(2)
    source.stop()
    assert counter.reads == 0
