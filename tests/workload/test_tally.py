from __future__ import annotations

from perfwatch.model import Appeared, Device, DeviceKind, Histogram, Kind, Reading, Sample, Unit
from perfwatch.workload.tally import LARGEST, NAMES, Tally, clean_text

OPENED = 5_000


def tally() -> Tally:
    return Tally(Device("job", "a job", DeviceKind.WORKLOAD), OPENED)


def names(readings: list[Reading]) -> list[str]:
    return [metric.name for one in readings if isinstance(one, Appeared) for metric in one.device.metrics]


def test_a_counter_is_declared_then_stands_at_zero_at_the_opening_then_at_its_value() -> None:
    job = tally()
    job.count("queries", 3)
    appeared, zero, sample = job.sample(9_000)
    assert isinstance(appeared, Appeared)
    assert names([appeared]) == ["queries_total"]
    assert zero == Sample("job", (0,), OPENED)
    assert sample == Sample("job", (3,), 9_000)


def test_a_later_counter_stands_at_zero_at_the_sample_before_and_tells_nothing_else_there() -> None:
    job = tally()
    job.count("queries", 3)
    job.gauge("running", 2)
    job.sample(9_000)
    job.count("errors", 1)
    _, zero, sample = job.sample(12_000)
    assert zero == Sample("job", (None, None, 0), 9_000)
    assert sample == Sample("job", (3, 2, 1), 12_000)


def test_a_gauge_alone_has_no_past() -> None:
    job = tally()
    job.gauge("running", 2)
    appeared, sample = job.sample(9_000)
    assert names([appeared]) == ["running"]
    assert sample == Sample("job", (2,), 9_000)


def test_nothing_told_gives_no_sample() -> None:
    job = tally()
    assert job.sample(6_000) == []
    job.count("queries", 1)
    job.sample(7_000)
    assert job.sample(8_000) == []


def test_timings_are_increments_since_the_sample_before() -> None:
    job = tally()
    job.timing("latency", 0.5, 2)
    first = job.sample(6_000)[-1]
    assert isinstance(first, Sample)
    assert isinstance(first.values[0], Histogram)
    assert (first.values[0].n, first.values[0].sum) == (2, 1.0)
    job.count("queries", 1)
    later = job.sample(7_000)[-1]
    assert isinstance(later, Sample)
    assert later.values[0] is None


def test_counts_are_whole_numbers_until_a_fraction_comes() -> None:
    job = tally()
    job.count("queries", 1)
    assert type(job.total("queries")) is int
    job.count("queries", 0.5)
    assert job.total("queries") == 1.5
    assert job.total("nothing") is None


def test_standard_names_take_the_catalogue_and_own_names_are_accepted_as_they_are() -> None:
    job = tally()
    for name in ("queries", "chats", "my.app/頁"):
        job.count(name, 1)
    job.timing("latency", 1.0)
    job.gauge("running", 1)
    declared = job.sample(6_000)[0]
    assert isinstance(declared, Appeared)
    assert {metric.name: metric.unit for metric in declared.device.metrics} == {
        "queries_total": Unit.COUNT,
        "chats_total": Unit.COUNT,
        "my.app/頁_total": Unit.COUNT,
        "latency_seconds": Unit.SECOND,
        "running": Unit.COUNT,
    }


def test_a_name_that_carries_its_suffix_is_the_same_counter() -> None:
    job = tally()
    job.count("queries", 1)
    job.count("queries_total", 2)
    job.timing("latency_seconds", 1.0)
    job.timing("latency", 1.0)
    readings = job.sample(6_000)
    assert names(readings) == ["queries_total", "latency_seconds"]
    assert job.total("queries") == 3


def test_one_name_told_in_two_ways_gives_two_metrics() -> None:
    job = tally()
    job.count("x", 1)
    job.gauge("x_total", 7)
    job.gauge("steps_total", 7)
    declared = job.sample(6_000)[0]
    assert isinstance(declared, Appeared)
    kinds = {metric.name: metric.kind for metric in declared.device.metrics}
    assert kinds == {"x_total": Kind.COUNTER, "x_total_gauge": Kind.GAUGE, "steps_total_gauge": Kind.GAUGE}


def test_names_from_outside_are_cleaned_and_shortened() -> None:
    assert clean_text("a\x1b[31mb\nc") == "a_[31mb_c"
    job = tally()
    job.count("a\nb", 1)
    job.count("x" * 500, 1)
    assert names(job.sample(6_000)) == ["a_b_total", "x" * 128 + "_total"]


def test_beyond_so_many_names_what_is_told_is_dropped_and_counted() -> None:
    job = tally()
    for number in range(NAMES + 5):
        job.count(f"n{number}", 1)
    assert (job.dropped, job.dropped_first) == (5, f"n{NAMES}")
    assert len(names(job.sample(6_000))) == NAMES


def test_for_standard_names_there_is_always_room() -> None:
    job = tally()
    for number in range(NAMES + 5):
        job.count(f"n{number}", 1)
    job.count("queries", 3)
    job.timing("latency", 0.5)
    job.gauge("running", 2)
    found = names(job.sample(6_000))
    assert found[NAMES:] == ["queries_total", "latency_seconds", "running"]
    assert job.total("queries") == 3


def test_a_total_that_nobody_believes_stays_where_it_was() -> None:
    job = tally()
    job.count("queries", 1)
    job.count("queries", int(LARGEST))
    assert job.total("queries") == 1
    assert (job.beyond, job.dropped) == (1, 0)
