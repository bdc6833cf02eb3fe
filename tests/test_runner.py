"""The runner: deadlines, states, readings out of turn, numbers checked once, devices that block."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from perfwatch.clock import NS, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import DeviceGone, TryAgain, Unavailable
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Batch, Declared, Device, DeviceKind, Gone, Reading, Sample, State, Status
from perfwatch.runner import Runner
from perfwatch.testing import FakeClock, StubCollector

DEVICE = Device("D-0", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER, ENERGY))


class Posts(list[Any]):
    """What a runner posted, with a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._came = threading.Condition()

    def take(self, item: Any) -> None:
        with self._came:
            self.append(item)
            self._came.notify_all()

    def wait_for(self, wanted: Callable[[Posts], bool]) -> None:
        with self._came:
            assert self._came.wait_for(lambda: wanted(self), 20.0), f"it never came; there is {list(self)}"

    @property
    def batches(self) -> list[Batch]:
        return [item for item in self if isinstance(item, Batch)]

    @property
    def states(self) -> list[State]:
        return [item.state for item in self if isinstance(item, Status)]


def start(collector: Collector, clock: Any, period_s: float = 1.0) -> tuple[Runner, Posts]:
    posts = Posts()
    runner = Runner(collector, period_s=period_s, clock=clock, post=posts.take, epoch_ns=clock.monotonic_ns())
    runner.start()
    return runner, posts


def end(runner: Runner) -> None:
    runner.stop()
    runner.join(10.0)


def test_ten_seconds_give_ten_polls_at_the_deadlines() -> None:
    clock = FakeClock(monotonic_ns=5 * NS)
    runner, posts = start(StubCollector([DEVICE], [[Sample("D-0", (100.0, 5.0))]]), clock)
    clock.run(10.0)
    end(runner)
    assert [batch.at_ns for batch in posts.batches] == [(5 + k) * NS for k in range(1, 11)]
    assert isinstance(posts[0], Declared)
    assert (runner.late, runner.missed) == (0, 0)


def test_a_poll_that_overruns_loses_its_ticks_and_counts_them() -> None:
    clock = FakeClock()

    class Slow(StubCollector):
        def read(self, devices: Sequence[Device]) -> Sequence[Reading]:
            if self.reads == 2:
                clock._move(round(3.2 * NS))
            return super().read(devices)

    runner, posts = start(Slow([DEVICE], [[Sample("D-0", (1.0, 2.0))]]), clock)
    clock.run(10.0)
    end(runner)
    assert runner.missed == 3
    assert len(posts.batches) == 7


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf, 1e30])
def test_what_is_no_believable_number_becomes_unknown_and_is_counted(nonsense: float) -> None:
    clock = FakeClock()
    runner, posts = start(StubCollector([DEVICE], [[Sample("D-0", (nonsense, 88_312.912_345_67))]]), clock)
    clock.run(1.0)
    end(runner)
    batch = posts.batches[0]
    sample = batch.readings[0][1]
    assert isinstance(sample, Sample)
    assert batch.rounded(sample) == [None, 88_312.912_346]
    assert runner.rejected == 1


def test_nothing_to_read_is_absent_and_looked_for_again() -> None:
    clock = FakeClock()

    class Late(StubCollector):
        opened = 0

        def open(self) -> Sequence[Device]:
            self.opened += 1
            if self.opened < 3:
                raise Unavailable("no library", remedy="install it")
            return super().open()

    runner, posts = start(Late([DEVICE], [[]]), clock)
    assert runner.opened.wait(10.0)
    assert (runner.state, runner.reason, runner.remedy) == (State.ABSENT, "no library", "install it")
    clock.run(65.0)
    end(runner)
    assert posts.states == [State.ABSENT, State.OK]


def test_try_again_pauses_longer_each_time_and_recovers() -> None:
    clock = FakeClock()
    again = TryAgain("busy")
    runner, posts = start(StubCollector([DEVICE], [again, again, [Sample("D-0", (1.0, 1.0))]]), clock)
    clock.run(8.0)
    end(runner)
    reasons = [item.reason for item in posts if isinstance(item, Status) and item.state is State.RETRYING]
    assert reasons == ["busy; next try in 1 s", "busy; next try in 2 s"]
    assert posts.states[-1] is State.OK
    assert posts.batches


def test_the_next_try_comes_when_it_is_said_to_come_and_not_with_the_next_tick() -> None:
    clock = FakeClock()
    collector = StubCollector([DEVICE], [TryAgain("not up", 0.25), [Sample("D-0", (1.0, 1.0))]])
    runner, posts = start(collector, clock, period_s=10.0)
    clock.run(10.5)
    end(runner)
    (again,) = [item for item in posts if isinstance(item, Status) and item.state is State.RETRYING]
    first = posts.batches[0]
    assert first.at_ns - again.at_ns == pytest.approx(0.25 * NS, abs=0.01 * NS)


def test_a_reading_asked_for_in_a_pause_after_try_again_is_tried_at_once() -> None:
    clock = SystemClock()
    collector = StubCollector([DEVICE], [TryAgain("not yet", 60.0), [Sample("D-0", (1.0, 1.0))]])
    runner, posts = start(collector, clock, period_s=0.01)
    posts.wait_for(lambda posts: State.RETRYING in posts.states)
    ticket = runner.read_now()
    assert ticket.done.wait(10.0)
    assert ticket.span_ns is not None
    assert posts.states[-1] is State.OK
    end(runner)


def test_tries_that_were_asked_for_make_no_pause_longer() -> None:
    clock = SystemClock()
    runner, posts = start(StubCollector([DEVICE], [TryAgain("busy")]), clock, period_s=0.01)
    posts.wait_for(lambda posts: State.RETRYING in posts.states)
    for _ in range(5):
        ticket = runner.read_now()
        assert ticket.done.wait(10.0)
        assert ticket.span_ns is None
    end(runner)
    assert {item.reason for item in posts if isinstance(item, Status) and item.reason} == {
        "busy; next try in 1 s"
    }


def test_what_took_long_to_fail_is_not_waited_for_in_its_pause() -> None:
    clock = SystemClock()

    class Dead(StubCollector):
        def read(self, devices: Sequence[Device]) -> Sequence[Reading]:
            self.reads += 1
            time.sleep(0.3)
            raise TryAgain("gave no answer", 60.0)

    collector = Dead([DEVICE])
    runner, posts = start(collector, clock, period_s=0.01)
    posts.wait_for(lambda posts: State.RETRYING in posts.states)
    ticket = runner.read_now()
    assert ticket.done.wait(10.0)
    assert (ticket.span_ns, collector.reads) == (None, 1)
    end(runner)


def test_a_bug_in_a_collector_is_told_once_with_its_traceback() -> None:
    clock = FakeClock()
    runner, posts = start(StubCollector([DEVICE], [ZeroDivisionError("oops")]), clock)
    posts.wait_for(lambda posts: bool(posts.states)) or clock
    clock._horizon_ns += 5 * NS
    posts.wait_for(lambda posts: State.FAILED in posts.states)
    end(runner)
    failures = [item for item in posts if isinstance(item, Status) and item.state is State.FAILED]
    assert len(failures) == 1
    assert failures[0].reason == "ZeroDivisionError: oops"
    assert "Traceback" in (failures[0].details or {})["traceback"]
    assert runner.read_now().done.is_set(), "nobody waits for a collector that failed"


def test_a_device_that_left_is_gone_and_the_others_are_read_on() -> None:
    clock = FakeClock()
    other = Device("D-1", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER,))
    seen: list[list[str]] = []

    class Losing(StubCollector):
        def read(self, devices: Sequence[Device]) -> Iterable[Reading]:  # type: ignore[override]
            seen.append([device.id for device in devices])
            if len(seen) == 2:
                raise DeviceGone("D-0", "fell off the bus")
            for device in devices:
                yield Sample(device.id, [1.0] * len(device.metrics))

    runner, posts = start(Losing([DEVICE, other]), clock)
    clock.run(3.0)
    end(runner)
    assert seen == [["D-0", "D-1"], ["D-0", "D-1"], ["D-1"]]
    gone = [reading for batch in posts.batches for _, reading in batch.readings if isinstance(reading, Gone)]
    assert gone == [Gone("D-0", "fell off the bus")]


def test_a_reading_out_of_turn_comes_at_once_and_tells_its_instant() -> None:
    clock = SystemClock()
    runner, posts = start(StubCollector([DEVICE], [[Sample("D-0", (1.0, 1.0))]]), clock, period_s=60.0)
    assert runner.opened.wait(10.0)
    before = clock.monotonic_ns()
    ticket = runner.read_now()
    assert ticket.done.wait(10.0)
    assert ticket.span_ns is not None
    assert before <= ticket.span_ns[0] <= ticket.span_ns[1] <= clock.monotonic_ns()
    assert len(posts.batches) == 1
    end(runner)


class Blocking(StubCollector):
    """A collector with three devices of which one can be made to hang."""

    isolates = True

    def __init__(self) -> None:
        super().__init__(
            [Device(f"D-{n}", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER,)) for n in range(3)]
        )
        self.hang = threading.Event()
        self.release = threading.Event()
        self.inside = threading.Event()

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:  # type: ignore[override]
        for device in devices:
            if device.id == "D-1" and self.hang.is_set():
                self.inside.set()
                self.release.wait(30.0)
            yield Sample(device.id, (100.0,))


def devices_of(batch: Batch) -> list[str]:
    return [reading.device_id for _, reading in batch.readings if isinstance(reading, Sample)]


def test_a_device_that_hangs_is_left_behind_and_joins_again_when_its_call_returns() -> None:
    collector, clock = Blocking(), SystemClock()
    runner, posts = start(collector, clock, period_s=0.01)
    posts.wait_for(lambda posts: len(posts.batches) > 1)
    collector.hang.set()
    assert collector.inside.wait(10.0)
    runner.watch(clock.monotonic_ns() + NS)
    posts.wait_for(lambda posts: bool(posts.batches) and devices_of(posts.batches[-1]) == ["D-0", "D-2"])
    stale = [item for item in posts if isinstance(item, Status) and item.state is State.STALE]
    assert [item.device_id for item in stale] == ["D-1"]
    ticket = runner.read_now()
    assert ticket.done.wait(10.0), "a reading out of turn does not wait for the device that hangs"
    collector.hang.clear()
    collector.release.set()
    posts.wait_for(lambda posts: devices_of(posts.batches[-1]) == ["D-0", "D-1", "D-2"])
    end(runner)
    assert collector.closed == 1


def test_a_slow_device_holds_up_no_other_and_its_answer_counts() -> None:
    collector, clock = Blocking(), SystemClock()
    runner, posts = start(collector, clock, period_s=3600.0)
    collector.hang.set()
    waiting = runner.read_now()
    assert collector.inside.wait(10.0)
    runner.watch(clock.monotonic_ns() + NS)
    assert waiting.done.wait(10.0), "who waits for a reading gets one of the others"
    assert [devices_of(batch) for batch in posts.batches] == [["D-0"], ["D-2"]]
    collector.hang.clear()
    collector.release.set()
    posts.wait_for(lambda posts: devices_of(posts.batches[-1]) == ["D-1"])
    before = len(posts.batches)
    again = runner.read_now()
    assert again.done.wait(10.0)
    read = {one for batch in posts.batches[before:] for one in devices_of(batch)}
    assert read == {"D-0", "D-1", "D-2"}, "one that answers quickly again is waited for"
    assert State.STALE not in posts.states, "half a second is no hang where a poll comes once an hour"
    end(runner)
    assert collector.closed == 1


def test_several_slow_devices_are_read_beside_the_others_and_join_them_again_later() -> None:
    """D-0 and D-1 take half a period each; D-2 answers at once and misses nothing."""

    class Slow(Blocking):
        slow = True

        def read(self, devices: Sequence[Device]) -> Iterable[Reading]:  # type: ignore[override]
            for device in devices:
                if device.id != "D-2" and self.slow:
                    time.sleep(0.15)
                yield Sample(device.id, (100.0,))

    collector, clock = Slow(), SystemClock()
    runner, posts = start(collector, clock, period_s=0.2)
    began, counted = time.monotonic(), Counter[str]()
    while time.monotonic() < began + 3.0:
        runner.watch(clock.monotonic_ns())
        time.sleep(0.01)
    for batch in list(posts.batches):
        counted.update(devices_of(batch))
    assert counted["D-2"] >= 13, "of 15"
    assert min(counted["D-0"], counted["D-1"]) >= 10
    for device_id in ("D-0", "D-1", "D-2"):
        times = [t for batch in posts.batches for t, one in batch.readings if one.device_id == device_id]
        assert times == sorted(times)
    collector.slow = False
    posts.wait_for(lambda posts: devices_of(posts.batches[-1]) == ["D-0", "D-1", "D-2"])
    end(runner)


def test_what_a_slow_device_says_last_is_that_it_is_gone() -> None:
    class Leaving(Blocking):
        def read(self, devices: Sequence[Device]) -> Iterable[Reading]:  # type: ignore[override]
            for device in devices:
                if device.id == "D-1":
                    self.inside.set()
                    self.release.wait(30.0)
                    yield Gone(device.id, "fell off the bus")
                else:
                    yield Sample(device.id, (100.0,))

    collector, clock = Leaving(), SystemClock()
    runner, posts = start(collector, clock, period_s=0.01)
    assert collector.inside.wait(10.0)
    runner.watch(clock.monotonic_ns() + NS // 4)
    collector.release.set()
    posts.wait_for(
        lambda posts: any(isinstance(each, Gone) for batch in posts.batches for _, each in batch.readings)
    )
    assert [device.id for device in runner.devices] == ["D-0", "D-2"]
    end(runner)


def test_a_collector_is_not_closed_while_a_call_is_out() -> None:
    collector, clock = Blocking(), SystemClock()
    runner, _ = start(collector, clock, period_s=0.01)
    collector.hang.set()
    assert collector.inside.wait(10.0)
    runner.watch(clock.monotonic_ns() + NS)
    end(runner)
    assert collector.closed == 0
    collector.release.set()


def test_polling_of_a_sensor_that_sees_part_of_the_time_is_spread() -> None:
    part_time = Device(
        "D-0", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER.observed(update_s=0.1, window_s=0.025),)
    )
    clock = FakeClock(monotonic_ns=0)
    runner, posts = start(StubCollector([part_time], [[Sample("D-0", (1.0,))]]), clock, period_s=0.1)
    clock.run(2.0)
    end(runner)
    offsets = [batch.at_ns % (NS // 10) for batch in posts.batches]
    assert all(0 <= offset <= NS // 40 for offset in offsets)
    assert len(set(offsets)) > 10


def test_power_that_stands_alone_is_read_at_any_time_of_the_period_and_once_in_each() -> None:
    alone = Device(
        "D-0", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER.observed(update_s=0.1, window_s=0.1),)
    )
    counted = Device("D-1", "Stub", DeviceKind.ACCELERATOR, metrics=(*alone.metrics, ENERGY))
    offsets = {}
    for device in (alone, counted):
        clock = FakeClock(monotonic_ns=0)
        values = (1.0,) * len(device.metrics)
        runner, posts = start(StubCollector([device], [[Sample(device.id, values)]]), clock, period_s=1.0)
        clock.run(60.0)
        end(runner)
        assert runner.missed == 0
        ticks = [batch.at_ns // NS for batch in posts.batches]
        assert len(ticks) == len(set(ticks)) >= 58
        offsets[device.id] = [batch.at_ns % NS / NS for batch in posts.batches]
    assert max(offsets["D-1"]) <= 0.25
    assert max(offsets["D-0"]) > 0.9
    assert min(offsets["D-0"]) < 0.1


def test_polling_of_long_averages_is_even_though_a_neighbour_sees_part_of_the_time() -> None:
    part_time, long = (
        Device(
            f"D-{n}",
            "Stub",
            DeviceKind.ACCELERATOR,
            metrics=(POWER.observed(update_s=0.1, window_s=window_s), ENERGY),
        )
        for n, window_s in enumerate((0.1, 1.0))
    )
    clock = FakeClock(monotonic_ns=0)
    collector = StubCollector([part_time, long], [[Sample(one.id, (1.0, 1.0)) for one in (part_time, long)]])
    runner, posts = start(collector, clock, period_s=1.0)
    clock.run(10.0)
    end(runner)
    assert {batch.at_ns % NS for batch in posts.batches} == {0}


class Faulty(Collector):
    """Raises what no plugin should, or declares what is no device."""

    name = "faulty"

    def __init__(self, fault: Any) -> None:
        super().__init__()
        self._fault = fault

    def open(self) -> Sequence[Device]:
        return [DEVICE] if isinstance(self._fault, BaseException) else self._fault

    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:
        raise self._fault


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (5, "TypeError"),
        (["x"], "it declared 'x', which is no Device"),
        ([replace(DEVICE, id="")], "an empty id"),
        ([replace(DEVICE, scope="gpu")], "scope 'gpu'"),
        ([replace(DEVICE, index=None)], "index None"),
        ([replace(DEVICE, metrics=("power",))], "metric 'power'"),
        ([replace(DEVICE, metrics=None)], "metrics None"),
    ],
)
def test_whatever_a_plugin_does_it_fails_alone_and_says_why(fault: Any, reason: str) -> None:
    runner, posts = start(Faulty(fault), FakeClock())
    asked = runner.read_now()
    posts.wait_for(lambda posts: State.FAILED in posts.states)
    end(runner)
    assert reason in runner.reason
    assert asked.done.is_set(), "nobody waits for it"
    assert runner.read_now().done.is_set(), "nor asks in vain"


def test_a_call_that_is_long_out_is_told_to_whoever_would_wait() -> None:
    answer = threading.Event()

    class Hanging(StubCollector):
        def read(self, devices: Sequence[Device]) -> Sequence[Reading]:
            answer.wait()
            return []

    runner, posts = start(Hanging([DEVICE]), SystemClock(), period_s=0.01)
    posts.wait_for(lambda posts: State.OK in posts.states)
    ticket = runner.read_now()
    now_ns = SystemClock().monotonic_ns()
    while not runner.hangs(now_ns + 10 * NS):
        assert not ticket.done.wait(0.01)
    assert not runner.hangs(now_ns)
    answer.set()
    assert ticket.done.wait(10.0)
    end(runner)
