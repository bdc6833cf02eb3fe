"""The story of the demo: what happens when, and that all of it stays known exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from perfwatch_collectors.simulated import SimulatedCollector, SimulatedOptions
from perfwatch_collectors.simulated_story import MEASURE, Story
from perfwatch_collectors.simulated_waves import Course, Wave

from perfwatch.derive.settings import Settings
from perfwatch.derive.summary import summarise
from perfwatch.derive.tape import Tape
from perfwatch.errors import ConfigError
from perfwatch.hub import Hub
from perfwatch.model import Appeared, Batch, Declared, Device, Gone, Histogram, Reading, Sample, Table
from perfwatch.rounding import Rounding
from perfwatch.session import format as fmt
from perfwatch.testing import FakeClock, check_contract


class Told:
    """A story told on a clock moved by hand; `devices` are those that a runner would read."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.collector = SimulatedCollector(
            SimulatedOptions(**{"devices": 8, "story_s": 60.0, **options}), clock=self.clock
        )
        self.devices: list[Device] = list(self.collector.open())
        self.all = list(self.devices)
        assert self.collector.story is not None
        self.story: Story = self.collector.story
        self.t_s = 0.0

    def go_to(self, t_s: float) -> None:
        self.clock.advance(t_s - self.t_s)
        self.t_s = t_s

    def read(self, t_s: float) -> list[Reading]:
        """Every reading at a time, with the list of devices kept as the runner keeps it."""
        self.go_to(t_s)
        readings = list(self.collector.read(self.devices))
        for reading in readings:
            if isinstance(reading, Gone):
                self.devices = [one for one in self.devices if one.id != reading.device_id]
            elif isinstance(reading, Appeared):
                self.devices.append(reading.device)
        return readings

    def values(self, t_s: float, number: int) -> Mapping[str, Any]:
        """What a device (or behind the devices the server) tells at a time."""
        device = self.all[number]
        (found,) = (one for one in self.read(t_s) if isinstance(one, Sample) and one.device_id == device.id)
        return dict(zip([metric.name for metric in device.metrics], found.values, strict=True))


def test_it_keeps_the_contract() -> None:
    assert check_contract(SimulatedCollector(SimulatedOptions(story_s=60.0))) == "ok"


def test_the_energy_counter_is_the_integral_of_the_power_through_everything_that_happens() -> None:
    told = Told()
    chips, step_s = told.story.chips, 0.002
    for chip in (chips[told.story.hot], chips[told.story.lost], chips[told.story.shared]):
        times = [step * step_s for step in range(30_001)]
        watts = [chip.sample(t_s).values[0] for t_s in times]
        joules = math.fsum((a + b) / 2 * step_s for a, b in pairwise(watts))  # type: ignore[operator]
        assert chip.energy_j(60.0) == pytest.approx(joules, rel=1e-4)


def test_a_course_adds_up_its_pieces() -> None:
    course = Course([(0.0, Wave(1.0)), (2.0, Wave(3.0, ((0.5, 2.0, 0.1),))), (5.0, Wave(0.0))])
    assert (course.at(1.9), course.at(5.0)) == (1.0, 0.0)
    middle = Wave(3.0, ((0.5, 2.0, 0.1),))
    assert course.integral(7.0) == pytest.approx(2.0 + middle.integral(5.0) - middle.integral(2.0))


def test_a_lag_follows_a_step_without_a_jump() -> None:
    lagging = Course([(0.0, Wave(10.0)), (5.0, Wave(20.0))]).lagging(2.0, 10.0)
    assert lagging.at(4.999) == pytest.approx(10.0)
    assert lagging.at(5.0) == pytest.approx(10.0)
    assert lagging.at(7.0) == pytest.approx(20.0 - 10.0 * math.exp(-1.0))


def test_a_hot_device_slows_down_and_says_why() -> None:
    told = Told()
    before, during = told.values(24.0, told.story.hot), told.values(32.0, told.story.hot)
    peer = told.values(32.0, 0)
    assert (before["throttle_reasons"], during["throttle_reasons"], peer["throttle_reasons"]) == (0, 0x20, 0)
    assert before["temperature_celsius"] > peer["temperature_celsius"] + 10
    assert during["sm_clock_hertz"] < 0.7 * peer["sm_clock_hertz"]
    assert during["power_watts"] < 0.8 * peer["power_watts"]


def test_a_device_is_lost_with_a_reason_and_comes_back() -> None:
    told = Told()
    lost = told.all[told.story.lost].id
    assert not [one for one in told.read(39.9) if isinstance(one, Gone)]
    (gone,) = (one for one in told.read(40.1) if isinstance(one, Gone))
    assert (gone.device_id, "bus" in gone.reason) == (lost, True)
    assert lost not in {one.device_id for one in told.read(42.0) if isinstance(one, Sample)}
    assert not [one for one in told.read(43.0) if isinstance(one, Gone)]
    (back,) = (one for one in told.read(45.1) if isinstance(one, Appeared))
    assert back.device.id == lost
    assert lost in {one.device_id for one in told.read(46.0) if isinstance(one, Sample)}


def test_a_neighbour_appears_on_one_device_and_on_the_host() -> None:
    def strangers(readings: list[Reading]) -> dict[str | None, set[int]]:
        found: dict[str | None, set[int]] = {}
        for one in readings:
            if isinstance(one, Table):
                pids = {int(row[0]) for row in one.rows}
                found[one.device_id] = {pid for pid in pids if not told.story.is_of_the_job(pid)}
        return {key: pids for key, pids in found.items() if pids}

    told = Told()
    assert strangers(told.read(47.0)) == {}
    seen = strangers(told.read(50.0))
    assert set(seen) == {None, told.all[told.story.shared].id}
    assert strangers(told.read(56.5)) == {}


def test_the_server_slows_down_with_its_devices() -> None:
    told = Told()
    server = len(told.all) - 1
    told.values(15.0, server)
    calm, slow = told.values(24.0, server)["latency_seconds"], told.values(32.9, server)["latency_seconds"]
    assert isinstance(calm, Histogram)
    assert isinstance(slow, Histogram)
    assert slow.n / 8.9 < 0.97 * calm.n / 9.0
    assert slow.sum / slow.n > calm.sum / calm.n


def test_the_number_of_queries_is_known_beforehand() -> None:
    told = Told()
    server = len(told.all) - 1
    first = told.values(0.5, server)["queries_expected"]
    last = told.values(60.0, server)
    assert first == last["queries_total"] == last["queries_expected"]
    assert last["generated_tokens_total"] == pytest.approx(last["generated_tokens_expected"], rel=0.05)


def test_work_is_the_same_however_often_somebody_looks() -> None:
    often, seldom = Told(), Told()
    server = len(often.all) - 1
    seen: list[Histogram] = []
    for step in range(1, 121):
        one = often.values(step * 0.5, server)["time_to_first_token_seconds"]
        if one is not None:
            seen.append(one)
    at_once = seldom.values(60.0, server)["time_to_first_token_seconds"]
    assert sum(one.n for one in seen) == at_once.n
    assert math.fsum(one.sum for one in seen) == pytest.approx(at_once.sum)


@pytest.mark.parametrize(("devices", "story_s"), [(1, 60.0), (3, 3.0), (64, 600.0)])
def test_any_number_of_devices_gets_a_whole_story_of_any_length(devices: int, story_s: float) -> None:
    told = Told(devices=devices, story_s=story_s)
    gone = back = throttled = 0
    for step in range(241):
        for one in told.read(step * story_s / 240):
            gone += isinstance(one, Gone)
            back += isinstance(one, Appeared)
            if isinstance(one, Sample) and one.device_id == told.all[told.story.hot].id:
                throttled += one.values[-1] == 0x20
    assert (gone, back) == (1, 1)
    assert throttled > 20


def test_two_stories_of_one_seed_are_the_same_and_another_seed_tells_another() -> None:
    def telling(seed: int) -> list[Any]:
        told = Told(seed=seed)
        return [one.values for t in (5.0, 26.0, 49.0) for one in told.read(t) if isinstance(one, Sample)]

    assert telling(4) == telling(4)
    assert telling(4) != telling(5)


def test_a_story_of_no_sensible_length_is_answered_with_what_to_type() -> None:
    with pytest.raises(ConfigError, match="story_s=60"):
        SimulatedCollector(SimulatedOptions(story_s=-1.0))


# -- the far end of perfwatch against the truth --------------------------------------------------------


class Kept:
    """A sink that keeps every record."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def write(self, record: Any) -> None:
        self.records.append(record)

    def tick(self, now_ns: int) -> None:
        return None


def recorded(told: Told, period_s: float) -> Tape:
    """The story as the hub records it, with marks at the times that it names."""
    kept, now_ns = Kept(), told.clock.monotonic_ns
    origin_ns = now_ns()
    header = fmt.header(
        session_id="0" * 32,
        monotonic_ns=origin_ns,
        time_ns=told.clock.time_ns(),
        host="here",
        perfwatch="0",
        interval_s=period_s,
    )
    hub = Hub(header, clock=told.clock, sinks=[kept])
    hub.start()
    hub.post(Declared("simulated", origin_ns, tuple(told.all)))
    hub.event("job", {"what": "begin", "pid": told.story.job_pid})
    rounding = Rounding()
    events = {MEASURE[0]: "begin", MEASURE[1]: "end"}
    for step in range(round(60.0 / period_s) + 1):
        t_s = step * period_s
        readings = [(getattr(one, "at_ns", None) or now_ns(), one) for one in told.read(t_s)]
        hub.post(Batch("simulated", now_ns(), 0, readings, rounding.values))
        if t_s in events:
            hub.event("mark", {"name": "measure", "edge": events[t_s], "origin": "job"})
        hub.ask(lambda: None).result(10.0)
    hub.event("job", {"what": "end", "exit_status": 0, "signal": None})
    hub.stop()
    tape = Tape(kept.records[0])
    for record in kept.records[1:]:
        tape.take(record)
    return tape


def test_the_summary_gives_the_simulated_truth() -> None:
    """Energy and work of the measured window through a throttle, a lost device and a neighbour."""
    told = Told()
    summary = summarise(recorded(told, 0.5), Settings())
    truth_j = math.fsum(chip.energy_j(MEASURE[1]) - chip.energy_j(MEASURE[0]) for chip in told.story.chips)
    server = told.story.server
    queries = server.queries_by(MEASURE[1]) - server.queries_by(MEASURE[0])
    assert summary["window"]["kind"] == "marks"
    assert summary["energy"]["joules"] == pytest.approx(truth_j, rel=1e-6)
    assert summary["work"]["queries"]["count"] == queries
    assert summary["conditions"]["devices"]["SIMULATED accelerator"]["simulated"] is True
