"""Simulated devices: known energy, known work, the same for everybody who asks for the same seed."""

from __future__ import annotations

import math
from random import Random

import pytest
from perfwatch_collectors.simulated import SimulatedCollector, SimulatedOptions
from perfwatch_collectors.simulated_devices import histogram
from perfwatch_collectors.simulated_waves import load_of

from perfwatch.errors import ConfigError, DeviceGone
from perfwatch.model import Device, DeviceKind, Histogram, Sample
from perfwatch.testing import FakeClock, check_contract


def opened(**options: object) -> tuple[SimulatedCollector, FakeClock, list[Device]]:
    clock = FakeClock()
    collector = SimulatedCollector(SimulatedOptions(**options), clock=clock)  # type: ignore[arg-type]
    return collector, clock, list(collector.open())


def values(collector: SimulatedCollector, device: Device) -> dict[str, object]:
    (sample,) = collector.read([device])
    assert isinstance(sample, Sample)
    return dict(zip([metric.name for metric in device.metrics], sample.values, strict=True))


def test_it_keeps_the_contract() -> None:
    assert check_contract(SimulatedCollector()) == "ok"


def test_the_energy_counter_is_the_integral_of_the_power() -> None:
    collector, clock, (device, *_) = opened(devices=1)
    step_s, joules, before = 0.01, 0.0, values(collector, device)
    for _ in range(3000):
        clock.advance(step_s)
        now = values(collector, device)
        joules += (before["power_watts"] + now["power_watts"]) / 2 * step_s  # type: ignore[operator]
        before = now
    assert before["energy_joules_total"] == pytest.approx(joules, rel=1e-5)


def test_energy_does_not_depend_on_how_often_it_is_read() -> None:
    often, often_clock, (device, *_) = opened(devices=1)
    seldom, seldom_clock, _ = opened(devices=1)
    for _ in range(250):
        often_clock.advance(0.1)
        values(often, device)
    seldom_clock.advance(25.0)
    assert values(often, device)["energy_joules_total"] == pytest.approx(
        values(seldom, device)["energy_joules_total"], rel=1e-9
    )


def test_the_same_seed_gives_the_same_values_and_another_seed_others() -> None:
    def look(seed: int) -> list[object]:
        collector, clock, devices = opened(seed=seed)
        clock.advance(12.5)
        return [reading.values for reading in collector.read(devices)]  # type: ignore[union-attr]

    assert look(3) == look(3)
    assert look(3) != look(4)


def test_the_load_stays_a_plausible_share() -> None:
    for seed in range(20):
        load = load_of(seed, 0)
        seen = [load.at(t / 10) for t in range(6000)]
        assert min(seen) > 0.1
        assert max(seen) < 0.99


def test_power_stays_between_idle_and_peak_and_temperature_follows_it() -> None:
    collector, clock, (device, *_) = opened(devices=1, idle_w=50.0, peak_w=150.0)
    for _ in range(500):
        clock.advance(0.37)
        now = values(collector, device)
        assert 50 < now["power_watts"] < 150  # type: ignore[operator]
        assert 30 + 0.07 * 50 < now["temperature_celsius"] < 30 + 0.07 * 150  # type: ignore[operator]


def test_work_is_the_same_however_often_somebody_looks() -> None:
    often, often_clock, devices = opened(devices=2)
    seldom, seldom_clock, _ = opened(devices=2)
    seen: list[Histogram] = []
    for _ in range(200):
        often_clock.advance(0.1)
        one = values(often, devices[-1])["latency_seconds"]
        if one is not None:
            seen.append(one)  # type: ignore[arg-type]
    seldom_clock.advance(20.0)
    last, all_at_once = values(often, devices[-1]), values(seldom, devices[-1])
    latency = all_at_once["latency_seconds"]
    assert isinstance(latency, Histogram)
    assert last["queries_total"] == all_at_once["queries_total"] == latency.n
    assert last["generated_tokens_total"] == all_at_once["generated_tokens_total"]
    assert sum(one.n for one in seen) == latency.n
    assert math.fsum(one.sum for one in seen) == pytest.approx(latency.sum)
    merged: dict[int, int] = {}
    for one in seen:
        for index, count in one.buckets.items():
            merged[index] = merged.get(index, 0) + count
    assert merged == latency.buckets


def test_queries_are_the_integral_of_the_load() -> None:
    collector, clock, devices = opened(devices=3, queries_per_s=10.0)
    clock.advance(60.0)
    expected = 10 * sum(load_of(1, number).integral(60.0) for number in range(3))
    assert values(collector, devices[-1])["queries_total"] == int(expected)


def test_the_server_is_a_workload_that_says_it_is_simulated() -> None:
    *chips, server = SimulatedCollector().open()
    assert [chip.id for chip in chips] == ["SIM-1-0", "SIM-1-1", "SIM-1-2", "SIM-1-3"]
    assert {chip.kind for chip in chips} == {DeviceKind.ACCELERATOR}
    assert (server.kind, server.facts["work"]) == (DeviceKind.WORKLOAD, "simulated")


def test_without_work_there_are_only_accelerators() -> None:
    devices = SimulatedCollector(SimulatedOptions(devices=2, work=False)).open()
    assert [device.kind for device in devices] == [DeviceKind.ACCELERATOR] * 2


def test_a_bucket_holds_the_values_between_its_bounds() -> None:
    draw = Random(5)
    for _ in range(500):
        value = draw.lognormvariate(0, 3)
        one = histogram([value])
        assert one is not None
        (index,) = one.buckets
        assert 2 ** (index / 128) < value * (1 + 1e-12)
        assert value <= 2 ** ((index + 1) / 128) * (1 + 1e-12)


def test_a_value_of_zero_is_counted_apart() -> None:
    assert histogram([0.0, 1.0]) == Histogram(2, 1.0, 0.0, 1.0, {-1: 1}, 1)


@pytest.mark.parametrize(
    "options", [{"devices": 0}, {"idle_w": 200.0, "peak_w": 100.0}, {"queries_per_s": -1.0}]
)
def test_an_option_without_sense_is_answered_with_what_to_type(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="-c simulated:"):
        SimulatedCollector(SimulatedOptions(**options)).open()  # type: ignore[arg-type]


def test_a_device_of_somebody_else_is_gone() -> None:
    collector, _, _ = opened()
    stranger = Device("SIM-99-0", "Simulated accelerator", DeviceKind.ACCELERATOR)
    with pytest.raises(DeviceGone):
        list(collector.read([stranger]))
