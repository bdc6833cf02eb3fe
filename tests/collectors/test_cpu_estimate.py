"""CPU power estimated from TDP and load: the formula, its label, and what it asks for."""

from __future__ import annotations

import math
from collections import namedtuple

import pytest
from perfwatch_collectors.cpu_estimate import CpuEstimateCollector, CpuEstimateOptions

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Sample, Scope
from perfwatch.testing import FakeClock, check_contract

Times = namedtuple("Times", "user nice system idle iowait irq softirq steal guest guest_nice")


class FakePsutil:
    """A machine of four CPUs whose CPU seconds a test sets."""

    def __init__(self) -> None:
        self.user_s = 1000.0
        self.guest_s = 0.0
        self.broken = False

    def cpu_count(self) -> int:
        return 4

    def cpu_times(self) -> Times:
        if self.broken:
            raise PermissionError("/proc/stat")
        return Times(self.user_s, 0.0, 5.0, 90_000.0, 10.0, 0.0, 0.0, 7.0, self.guest_s, 0.0)


class Estimate:
    """A collector on a fake machine, read step by step."""

    def __init__(self, tdp: float = 100.0, idle: float = 0.3) -> None:
        self.machine = FakePsutil()
        self.clock = FakeClock()
        options = CpuEstimateOptions(tdp, idle)
        self.collector = CpuEstimateCollector(options, psutil=self.machine, clock=self.clock)
        self.devices = self.collector.open()

    def after(self, seconds: float, worked_s: float) -> tuple[float, float]:
        self.clock.advance(seconds)
        self.machine.user_s += worked_s
        (sample,) = self.collector.read(self.devices)
        assert isinstance(sample, Sample)
        return sample.values  # type: ignore[return-value]


def test_it_keeps_the_contract() -> None:
    assert check_contract(CpuEstimateCollector(CpuEstimateOptions(tdp=65.0))) == "ok"


@pytest.mark.parametrize(
    ("worked_s", "watts"),
    [(0.0, 30.0), (40.0, 100.0), (20.0, 65.0)],
    ids=["idle draws its share", "full load draws the TDP", "half load lies half way"],
)
def test_power_is_linear_in_load(worked_s: float, watts: float) -> None:
    joules, power = Estimate().after(10.0, worked_s)
    assert power == pytest.approx(watts)
    assert joules == pytest.approx(10 * watts)


def test_energy_adds_up_over_the_steps() -> None:
    estimate = Estimate()
    estimate.after(1.0, 4.0)
    joules, power = estimate.after(2.0, 0.0)
    assert joules == pytest.approx(100.0 + 2 * 30.0)
    assert power == pytest.approx(30.0)


def test_a_late_tick_is_made_up_for_in_the_next_step() -> None:
    """CPU time comes in grains: 0.38 s, then 0.42 s of the 0.40 s that four busy CPUs have in 0.1 s."""
    estimate = Estimate()
    estimate.after(0.1, 0.38)
    joules, power = estimate.after(0.1, 0.42)
    assert joules == pytest.approx(0.2 * 100.0)
    assert power == 100.0, "and no step draws more than full load"


def test_more_cpu_time_than_there_is_counts_as_full_load() -> None:
    joules, _ = Estimate().after(1.0, 9.0)
    assert joules == pytest.approx(100.0)


def test_cpu_time_that_steps_back_never_lowers_the_counter() -> None:
    estimate = Estimate()
    before, _ = estimate.after(1.0, 4.0)
    after, _ = estimate.after(0.01, -3.0)
    assert after == before


def test_without_time_between_two_reads_there_is_no_power() -> None:
    _, power = Estimate().after(0.0, 0.0)
    assert power is None


def test_guests_are_contained_in_user_time_and_not_counted_again() -> None:
    estimate = Estimate()
    estimate.machine.guest_s += 4.0
    _, power = estimate.after(1.0, 4.0)
    assert power == pytest.approx(100.0)


def test_every_value_is_labelled_an_estimate_of_the_cpu() -> None:
    (device,) = Estimate().devices
    assert [metric.estimated for metric in device.metrics] == [True, True]
    assert device.scope is Scope.CPU


def test_without_a_tdp_it_says_what_to_type() -> None:
    with pytest.raises(ConfigError, match="-c cpu_estimate:tdp=65"):
        CpuEstimateCollector(psutil=FakePsutil()).open()


@pytest.mark.parametrize(("tdp", "idle"), [(0.0, 0.3), (-5.0, 0.3), (math.nan, 0.3), (65.0, 1.5)])
def test_an_option_without_sense_is_answered_with_what_to_type(tdp: float, idle: float) -> None:
    with pytest.raises(ConfigError, match="-c cpu_estimate:tdp=65"):
        CpuEstimateCollector(CpuEstimateOptions(tdp, idle), psutil=FakePsutil()).open()


def test_cpu_times_that_cannot_be_read_are_said_and_not_taken_for_idle() -> None:
    estimate = Estimate()
    estimate.machine.broken = True
    with pytest.raises(TryAgain, match="/proc/stat"):
        estimate.after(1.0, 1.0)
    with pytest.raises(Unavailable, match="/proc/stat"):
        estimate.collector.open()
