"""CSV: every value of a session in its place, nothing invented, nothing that a terminal or sheet executes."""

from __future__ import annotations

import csv as reader
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from derive.build import Session, histogram

from perfwatch.exporters import csv
from perfwatch.metrics import ENERGY, LATENCY, POWER, QUERIES, UTILIZATION
from perfwatch.model import Buckets, Device, DeviceKind, Kind, Metric, Unit
from perfwatch.session import format as fmt

Json = dict[str, Any]


def written(session: Session, *, wide: bool = False) -> list[dict[str, str]]:
    """The export, read back by a CSV reader."""
    folded = csv.Folded(session.header, session.records)
    out = io.StringIO()
    columns = csv.Folded(session.header, session.records).columns() if wide else []
    csv.write(folded.wide(columns) if wide else folded.long(), out)
    assert folded.damaged == 0
    return list(reader.DictReader(io.StringIO(out.getvalue())))


def values(rows: Sequence[dict[str, str]], metric: str) -> list[str]:
    return [row["value"] for row in rows if row["metric"] == metric]


def board(session: Session, rows: Sequence[Sequence[Any]], *metrics: Metric, **device: Any) -> None:
    number = session.device(metrics=metrics, **device)
    for t, values in enumerate(rows):
        session.sample(number, float(t), *values)


def test_a_row_holds_one_value_with_its_time_device_and_unit() -> None:
    session = Session()
    board(session, [[212.4, 0.97]], POWER, UTILIZATION, name="Board X")
    assert written(session)[0] == {
        "t": "0.0",
        "time": "2023-11-14T22:13:20.123456+00:00",
        "host": "here",
        "device": "nvidia:0",
        "name": "Board X",
        "metric": "power_watts",
        "unit": "W",
        "value": "212.4",
    }


def test_numbers_keep_their_last_digit_and_whole_numbers_stay_whole() -> None:
    session = Session()
    board(session, [[0.1 + 0.2, 7]], POWER, QUERIES)
    assert [row["value"] for row in written(session)] == ["0.30000000000000004", "7"]


def test_what_was_not_read_has_no_row_and_no_zero() -> None:
    session = Session()
    board(session, [[None, 0.5]], POWER, UTILIZATION)
    assert [row["metric"] for row in written(session)] == ["utilization_ratio"]
    assert written(session, wide=True)[0]["power_watts"] == ""


def test_wide_has_a_row_a_sample_and_a_column_a_metric_of_any_device() -> None:
    session = Session()
    board(session, [[1.0, 0.1], [2.0, 0.2]], POWER, UTILIZATION)
    board(session, [[0.3]], UTILIZATION)
    rows = written(session, wide=True)
    assert [(row["t"], row["device"], row["power_watts"], row["utilization_ratio"]) for row in rows] == [
        ("0.0", "nvidia:0", "1.0", "0.1"),
        ("1.0", "nvidia:0", "2.0", "0.2"),
        ("0.0", "nvidia:1", "", "0.3"),
    ]


def test_power_is_derived_from_a_counter_where_a_device_tells_none() -> None:
    session = Session()
    board(session, [[10.0], [60.0], [5.0], [105.0]], ENERGY)
    rows = written(session)
    assert values(rows, "energy_joules_total") == ["10.0", "60.0", "5.0", "105.0"]
    # The counter restarted in between: for that second nothing is known.
    assert values(rows, csv.DERIVED_POWER) == ["50.0", "100.0"]


def test_derived_power_takes_a_declared_wrap_for_what_it_is() -> None:
    session = Session()
    board(session, [[90.0], [10.0]], ENERGY.wrapping_at(100.0))
    assert values(written(session), csv.DERIVED_POWER) == ["20.0"]


def test_no_power_is_derived_where_a_sensor_tells_it() -> None:
    session = Session()
    board(session, [[10.0, 48.0], [60.0, 52.0]], ENERGY, POWER)
    assert values(written(session), csv.DERIVED_POWER) == []


def test_histograms_become_cumulative_counts_and_sums() -> None:
    session = Session()
    board(session, [[histogram(0.5, 1.5)], [None], [histogram(1.0)]], LATENCY)
    rows = written(session)
    assert values(rows, "latency_seconds_count") == ["2", "3"]
    assert values(rows, "latency_seconds_sum") == ["2.0", "3.0"]


def test_a_pages_buckets_are_cumulative_already() -> None:
    session = Session()
    metric = Metric("latency_seconds", Unit.SECOND, Kind.HISTOGRAM, bounds=(0.1, 1.0))
    board(session, [[Buckets((1.0, 2.0, 2.0), 0.7)], [Buckets((1.0, 5.0, 6.0), 4.0)]], metric)
    rows = written(session)
    assert values(rows, "latency_seconds_count") == ["2.0", "6.0"]
    assert values(rows, "latency_seconds_sum") == ["0.7", "4.0"]


def test_a_device_that_declares_more_metrics_goes_on() -> None:
    session = Session()
    first = Device("D", "Job", DeviceKind.WORKLOAD, metrics=(LATENCY,))
    number = session.declare("statsd", first)
    session.sample(number, 1.0, histogram(2.0))
    session.declare("statsd", Device("D", "Job", DeviceKind.WORKLOAD, metrics=(QUERIES, LATENCY)))
    session.sample(number, 2.0, 9, histogram(3.0))
    assert values(written(session), "latency_seconds_sum") == ["2.0", "5.0"]
    assert list(written(session, wide=True)[1].values())[-3:] == ["2", "5.0", "9"]


def test_each_row_names_the_host_of_its_device() -> None:
    session = Session(host="here")
    board(session, [[1.0]], POWER, host="there")
    board(session, [[1.0]], POWER)
    assert [row["host"] for row in written(session)] == ["there", "here"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2JBoard\x07\n2", "Board? 2"),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+1", "'+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ('a,"b"', 'a,"b"'),
    ],
)
def test_a_name_from_outside_is_text_and_nothing_else(name: str, shown: str) -> None:
    session = Session()
    board(session, [["P0\x1b]0;x\x07"]], POWER, name=name)
    (row,) = written(session)
    assert row["name"] == shown
    assert row["value"] == "P0"


def test_a_damaged_record_is_left_out_and_counted() -> None:
    session = Session()
    board(session, [[1.0]], POWER)
    broken: list[Json] = [
        {"t": 2.0, "s": [[0, 2.0]]},
        {"t": 2.0, "s": [[8, 2.0, [1.0]]]},
        {"t": 2.0, "s": [[0, 1e999, [1.0]]]},
        {"t": 2.0, "s": [[0, 2.0, {}]]},
        {"t": 2.0, "device": {"n": 1}},
    ]
    folded = csv.Folded(session.header, [*session.records, *broken])
    assert len(list(folded.long())) == 2
    assert folded.damaged == len(broken)


def test_a_time_beyond_the_calendar_is_empty() -> None:
    session = Session()
    number = session.device(metrics=(POWER,))
    session.sample(number, 1e15, 1.0)
    assert [(row["t"], row["time"]) for row in written(session)] == [("1000000000000000.0", "")]


def test_memory_does_not_grow_with_the_session() -> None:
    def records(samples: int) -> Iterator[fmt.Record]:
        device = Device("D", "Board", DeviceKind.ACCELERATOR, metrics=(ENERGY, UTILIZATION))
        yield {"t": 0.0, "device": fmt.encode_device(0, "nvidia", device)}
        for t in count():
            if t == samples:
                return
            yield fmt.batch(float(t), "nvidia", 0.0, [[0, float(t), [100.0 * t, 0.5]]])

    def peak_after(samples: int) -> int:
        tracemalloc.start()
        for _ in csv.Folded(Session().header, records(samples)).long():
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_after(20_000) < peak_after(1000) + 50_000


def test_power_is_derived_from_a_counter_of_coarse_steps_when_it_moves() -> None:
    session = Session()
    board(session, [[3600.0], [3600.0], [3600.0], [7200.0]], ENERGY.stepping_by(3600.0))
    assert values(written(session), csv.DERIVED_POWER) == ["1200.0"]
