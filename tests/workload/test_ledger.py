from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwatch.model import Appeared, Device, DeviceKind, Event, Histogram, Reading, Sample
from perfwatch.workload.ledger import Ledger

MS = 1_000_000
OPENED = 1_000 * MS
NOW = 100_000 * MS


class Job:
    """A ledger with what came out of it, by metric name."""

    def __init__(self) -> None:
        self.ledger = Ledger(Device("statsd", "StatsD", DeviceKind.WORKLOAD), OPENED)
        self.readings: list[Reading] = []

    def told(self, *datagrams: tuple[float, str | bytes]) -> list[Reading]:
        """Take datagrams as (ms after the opening, content)."""
        taken = [
            (OPENED + round(at * MS), data.encode() if isinstance(data, str) else data)
            for at, data in datagrams
        ]
        readings = self.ledger.readings(taken, NOW)
        self.readings += readings
        return readings

    def series(self, metric: str) -> list[tuple[float, Any]]:
        """What a metric was, as (ms after the opening, value)."""
        names: list[str] = []
        values: list[tuple[float, Any]] = []
        for reading in self.readings:
            if isinstance(reading, Appeared):
                names = [each.name for each in reading.device.metrics]
            elif isinstance(reading, Sample) and metric in names:
                value = reading.values[names.index(metric)]
                assert reading.at_ns is not None
                if value is not None:
                    values.append(((reading.at_ns - OPENED) / MS, value))
        return values

    def last(self, metric: str) -> Any:
        return self.series(metric)[-1][1]

    def events(self, kind: str) -> list[Event]:
        return [one for one in self.readings if isinstance(one, Event) and one.kind == kind]


def test_counts_add_up_and_begin_at_zero_when_listening_began() -> None:
    job = Job()
    job.told((100, "queries:1|c"), (200, "queries:2|c\nqueries:2|c"))
    assert job.series("queries_total") == [(0, 0), (100, 1), (200, 5)]
    assert all(type(value) is int for _, value in job.series("queries_total"))


def test_series_that_differ_only_in_tags_are_added() -> None:
    job = Job()
    job.told((100, "queries:1|c|#model:a"), (200, "queries:1|c|#model:b\nqueries:1|c"))
    assert job.last("queries_total") == 3


def test_timings_are_kept_in_seconds() -> None:
    job = Job()
    job.told((100, "latency:10|ms\nlatency:30.5|ms\nlatency:20|ms|@0.5"))
    latency = job.last("latency_seconds")
    assert (latency.n, latency.min, latency.max) == (4, 0.01, 0.0305)
    assert latency.sum == pytest.approx(0.0805)


def test_observations_without_a_unit_keep_their_name() -> None:
    job = Job()
    job.told((100, "batch:32|h\nbatch:8|d"))
    assert (job.last("batch").n, job.last("batch").sum) == (2, 40.0)


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        ("running:3|g\nrunning:5|g\nrunning:3|g", 3),
        ("running:3|g\nrunning:+2|g\nrunning:-1|g", 4),
        ("running:+2|g", 2),
        ("running:+2|g\nrunning:+2|g", 4),
        ("running:-2|g|i:1.a|t:1500000000", -2),
    ],
)
def test_gauges_follow_the_order_of_their_lines(lines: str, value: int) -> None:
    job = Job()
    job.told((900, lines))
    assert job.last("running") == value


def test_of_two_processes_the_gauge_told_last_counts_whoever_arrives_first() -> None:
    job = Job()
    job.told((900, "running:7|g|i:1.a|t:1600000000"), (950, "running:3|g|i:2.b|t:1500000000"))
    assert job.last("running") == 7


def test_a_set_is_told_as_the_number_of_its_members() -> None:
    job = Job()
    job.told((100, "users:anna|s\nusers:bert|s\nusers:anna|s"))
    assert job.last("users") == 2


def test_running_totals_of_processes_add_up() -> None:
    job = Job()
    job.told((100, "queries:10|ct|i:1.a"), (200, "queries:4|ct|i:2.b"), (300, "queries:15|ct|i:1.a"))
    assert job.series("queries_total") == [(0, 0), (100, 10), (200, 14), (300, 19)]


def test_a_running_total_survives_lost_repeated_and_overtaken_datagrams() -> None:
    job = Job()
    told = ["queries:1|ct|i:1.a", "queries:50|ct|i:1.a", "queries:20|ct|i:1.a", "queries:50|ct|i:1.a"]
    job.told(*[(100.0 * place, line) for place, line in enumerate(told)])
    assert job.last("queries_total") == 50


def test_a_running_total_is_placed_by_its_own_time() -> None:
    job = Job()
    job.told((500, f"queries:5|ct|i:1.a|t:{OPENED + 400 * MS}"))
    assert job.series("queries_total") == [(0, 0), (400, 5)]


@pytest.mark.parametrize("own", [5, OPENED - 1, NOW + 1])
def test_a_time_outside_of_the_watched_stretch_is_not_believed_for_a_total(own: int) -> None:
    """Another machine's clock, or another time namespace."""
    job = Job()
    job.told((500, f"queries:5|ct|i:1.a|t:{own}"))
    assert job.series("queries_total") == [(0, 0), (500, 5)]


def timed(n: int, since: int, low: float, high: float, buckets: str, total: float = 1.0) -> str:
    return f"latency:{n},{total!r},0.1,0.9,0,{since},{low!r},{high!r};{buckets}|tt|i:1.a"


def test_timing_totals_become_increments_with_their_own_extremes() -> None:
    job = Job()
    job.told((100, timed(2, 0, 0.1, 0.9, "-426=1,-20=1", 1.0)), (200, timed(3, 2, 0.5, 0.5, "-128=1", 1.5)))
    (_, first), (_, second) = job.series("latency_seconds")
    assert first == Histogram(2, 1.0, 0.1, 0.9, {-426: 1, -20: 1}, 0)
    assert second == Histogram(1, 0.5, 0.5, 0.5, {-128: 1}, 0)


def test_after_a_lost_datagram_timings_wait_for_the_complete_list_and_lose_nothing() -> None:
    job = Job()
    job.told((100, timed(1, 0, 0.9, 0.9, "-20=1", 0.9)))
    # lost: n=2 since 1, bucket -426
    job.told((300, timed(3, 2, 0.5, 0.5, "-128=1", 1.5)))
    assert len(job.series("latency_seconds")) == 1
    job.told((400, timed(3, 3, 0.1, 0.9, "-426=1,-128=1,-20=1", 1.5)))
    late = job.last("latency_seconds")
    assert (late.n, late.sum, late.buckets) == (2, pytest.approx(0.6), {-426: 1, -128: 1})
    assert late.min == pytest.approx(0.1, rel=0.01)
    assert late.max == pytest.approx(0.5, rel=0.01)


def test_a_long_list_of_buckets_may_come_in_several_datagrams_in_any_order() -> None:
    job = Job()
    job.told((100, timed(3, 0, 0.1, 0.9, "-128=1,-20=1", 1.5)))
    assert job.series("latency_seconds") == []
    job.told((101, timed(3, 0, 0.1, 0.9, "-426=1", 1.5)))
    assert job.last("latency_seconds") == Histogram(3, 1.5, 0.1, 0.9, {-426: 1, -128: 1, -20: 1}, 0)


def test_timings_of_zero_are_counted_apart() -> None:
    job = Job()
    job.told((100, "latency:2,0.5,0.0,0.5,1,0,0.0,0.5;-128=1|tt|i:1.a"))
    assert job.last("latency_seconds") == Histogram(2, 0.5, 0.0, 0.5, {-128: 1}, 1)


def test_what_stands_before_a_mark_in_a_datagram_is_counted_before_it() -> None:
    job = Job()
    job.told((100, "queries:3|c\nmeasure:begin|mark\nqueries:4|c\nmeasure:end|mark\nqueries:5|c"))
    begin, end = job.events("mark")
    assert begin.fields == {"name": "measure", "edge": "begin", "origin": "job"}
    assert begin.at_ns is not None
    assert end.at_ns is not None
    counts = [(round(at * 1000), value) for at, value in job.series("queries_total")]

    def counted_at(at_ns: int) -> int:
        return max(value for at, value in counts if at <= round((at_ns - OPENED) / 1000))

    assert counted_at(end.at_ns) - counted_at(begin.at_ns) == 4
    assert job.last("queries_total") == 12


def test_a_mark_with_a_time_of_its_own_stands_there() -> None:
    job = Job()
    job.told((100, "queries:1|c"), (130, "queries:1|c"), (140, f"measure:begin|mark|t:{OPENED + 120 * MS}"))
    assert [event.at_ns for event in job.events("mark")] == [OPENED + 120 * MS]
    assert job.series("queries_total") == [(0, 0), (100, 1), (130, 2)]


@pytest.mark.parametrize(("own", "moved"), [(5, OPENED), (NOW + 5, OPENED + 100 * MS)])
def test_a_mark_outside_of_the_watched_stretch_is_moved_or_counts_when_it_came(own: int, moved: int) -> None:
    job = Job()
    job.told((100, f"measure:begin|mark|t:{own}"))
    assert [event.at_ns for event in job.events("mark")] == [moved]
    assert "outside" in job.events("note")[0].fields["text"]


def test_marks_have_clean_names_and_a_limit() -> None:
    job = Job()
    job.told((100, "a\x1b[0m:point|mark"), *[(200 + n / 1000, "m:point|mark") for n in range(10_005)])
    assert job.events("mark")[0].fields["name"] == "a_[0m"
    assert len(job.events("mark")) == 10_000
    assert "marks" in job.events("note")[0].fields["text"]


def test_lines_that_cannot_be_read_are_counted_and_the_first_is_shown() -> None:
    job = Job()
    job.told((100, b"\xff\xfe\nqueries:1|c\nqueries:nan|c"), (300, "queries:-1|c\nbad:mid|mark|t:x"))
    assert job.ledger.bad == 4
    (note,) = job.events("note")
    assert note.fields["source"] == "statsd"
    assert "cannot read" in note.fields["text"]
    assert job.last("queries_total") == 1


def test_more_names_than_are_kept_is_said_once() -> None:
    job = Job()
    job.told((100, "\n".join(f"n{number}:1|c" for number in range(1100))))
    job.told((300, "another:1|c"))
    job.told((400, "queries:5|c"))
    assert job.ledger.tally.dropped == 101
    (note,) = (one.fields for one in job.events("note"))
    assert note["code"] == "lost-counts"
    assert "More than 1000 names were told: what was counted under 'n1000'" in note["text"]
    assert job.last("queries_total") == 5


def test_a_flood_in_one_second_makes_few_samples_and_loses_nothing() -> None:
    job = Job()
    job.told(*[(place * 0.2, "queries:1|c\n" * 20) for place in range(5000)])
    assert job.last("queries_total") == 100_000
    assert len(job.series("queries_total")) <= 25
    assert job.series("queries_total")[-1][0] == pytest.approx(4999 * 0.2)


lines = st.sampled_from(
    [
        "queries:1|c",
        "queries:2|c|#a:b",
        "tokens:128|c",
        "latency:12.5|ms",
        "latency:0|ms",
        "errors:1|c|@0.5",
        "bad",
    ]
)


@given(st.lists(st.tuples(lines, st.booleans(), st.integers(0, 80)), max_size=60), st.integers(0, 60))
def test_any_split_into_datagrams_and_reads_gives_what_was_sent(
    told: list[tuple[str, bool, int]], cut: int
) -> None:
    """The boolean begins a new datagram, the number is the silence before it in ms."""
    datagrams: list[tuple[float, str]] = []
    at = 0
    for line, new, silence in told:
        if new or not datagrams:
            at += silence
            datagrams.append((at, line))
        else:
            datagrams[-1] = (at, f"{datagrams[-1][1]}\n{line}")
    job = Job()
    job.told(*datagrams[:cut])
    job.told(*datagrams[cut:])
    sent = [line for line, _, _ in told]
    expected = {
        "queries_total": sent.count("queries:1|c") + 2 * sent.count("queries:2|c|#a:b"),
        "tokens_total": 128 * sent.count("tokens:128|c"),
        "errors_total": 2 * sent.count("errors:1|c|@0.5"),
    }
    for metric, count in expected.items():
        series = job.series(metric)
        assert (series[-1][1] if series else 0) == count
        assert [value for _, value in series] == sorted(value for _, value in series)
    assert sum(each.n for _, each in job.series("latency_seconds")) == sent.count(
        "latency:12.5|ms"
    ) + sent.count("latency:0|ms")
    assert job.ledger.bad == sent.count("bad")


@given(st.permutations(range(12)), st.sets(st.integers(0, 10)))
def test_running_totals_come_out_right_in_any_order_with_any_loss_but_the_last(
    order: list[int], lost: set[int]
) -> None:
    job = Job()
    arriving = [number for number in order if number not in lost]
    job.told(*[(10.0 * place, f"queries:{7 * number}|ct|i:1.a") for place, number in enumerate(arriving)])
    assert job.last("queries_total") == 77
