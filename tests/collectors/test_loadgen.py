"""LoadGen's directory followed while it runs: its settings, its samples, its window and its verdict."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from cli.commandline import perfwatch
from perfwatch_collectors.loadgen import LoadgenCollector, LoadgenOptions
from still import WALL_S, StillClock

from perfwatch.errors import Unavailable
from perfwatch.model import Appeared, Device, Event, Reading, Sample
from perfwatch.workload.changes import Changes


def stamp(at_s: float) -> str:
    """A time of the monotonic clock as LoadGen writes it."""
    moment = datetime.fromtimestamp(WALL_S + at_s, tz=timezone.utc)
    return moment.strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]


def records(**values: Any) -> str:
    """Records of the detail log; `time_ms` counts from LoadGen's start, so it tells nothing."""
    return "".join(
        f":::MLLOG {json.dumps({'key': key.replace('__', '.'), 'value': value, 'time_ms': 3.25})}\n"
        for key, value in values.items()
    )


def settings(scenario: str, *, mode: str = "PerformanceOnly", started: str = "A", per_query: int = 1) -> str:
    return records(
        loadgen_version="6.0 @ abcdef",
        test_datetime=started,
        sut_name="sut",
        effective_scenario=scenario,
        effective_test_mode=mode,
        effective_samples_per_query=per_query,
        effective_target_qps=100,
    )


def window(begin_s: float, end_s: float) -> str:
    return records(power_begin=stamp(begin_s), power_end=stamp(end_s))


def samples(*done: tuple[float, float, int]) -> str:
    """Trace lines of samples: (done after so many s of the trace, latency in s, query), amid others."""
    lines = ['{"name":"LogDetail","ph":"X","pid":7,"tid":7,"ts":10.1,"dur":0.5,"args":{"key":""sut_name""}},']
    for number, (at_s, latency_s, query) in enumerate(done):
        due_us, latency_ns = (at_s - latency_s) * 1e6, round(latency_s * 1e9)
        args = f'"sample_seq":{number},"query_seq":{query},"issue_start_ns":0,"complete_ns":{latency_ns}'
        kind = '"name":"Sample","cat":"default"'
        lines += [
            f'{{{kind},"ph":"b","pid":7,"id":{number},"ts":{due_us:.3f},"args":{{{args}}}}},',
            f'{{{kind},"ph":"e", "pid":7,"id":{number},"ts":{at_s * 1e6:.3f}}},',
        ]
    return "\n".join(lines) + "\n"


class Followed:
    """A collector at a directory, and what it told."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, StillClock()
        self.written: set[Path] = set()
        self.collector = LoadgenCollector(LoadgenOptions.of(str(path)), clock=self.clock)  # type: ignore[arg-type]
        (self.device,) = self.collector.open()
        self.events: list[tuple[str, float, dict[str, Any]]] = []
        self.values: dict[str, list[tuple[float, Any]]] = {}

    def write(self, name: str, text: str, *, mode: str = "a") -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / f"mlperf_log_{name}").open(mode) as file:
            file.write(text)
        self.written.add(self.path / f"mlperf_log_{name}")

    def look(self, at_s: float) -> None:
        self.clock.s = at_s
        for path in self.written:  # just now, by the clock of the test
            os.utime(path, ns=(self.clock.time_ns(), self.clock.time_ns()))
        self.written.clear()
        for reading in self.collector.read([self.device]):
            self._take(reading)

    def _take(self, reading: Reading) -> None:
        if isinstance(reading, Event):
            assert reading.at_ns is not None
            self.events.append((reading.kind, reading.at_ns / 1e9, dict(reading.fields)))
        elif isinstance(reading, Appeared):
            self.device = reading.device
        elif isinstance(reading, Sample):
            assert reading.at_ns is not None
            for metric, value in zip(self.device.metrics, reading.values, strict=True):
                if value is not None:
                    self.values.setdefault(metric.name, []).append((reading.at_ns / 1e9, value))

    def marks(self) -> list[tuple[str, float]]:
        return [(fields["edge"], at_s) for kind, at_s, fields in self.events if kind == "mark"]

    def notes(self) -> list[str]:
        return [fields["text"] for kind, _, fields in self.events if kind == "note"]

    def official(self) -> dict[str, Any]:
        return [fields for kind, _, fields in self.events if kind == "mlperf"][-1]

    def last(self, name: str) -> Any:
        return self.values[name][-1][1]


@pytest.fixture
def followed(tmp_path: Path) -> Iterable[Followed]:
    one = Followed(tmp_path / "logs")
    yield one
    one.collector.close()


def test_without_a_trace_everything_is_told_at_the_end_within_the_window(followed: Followed) -> None:
    followed.look(501.0)
    assert followed.events == []
    followed.write("detail.txt", settings("Server"))
    followed.write("trace.json", "")
    followed.look(502.0)
    assert followed.device.name.startswith("LoadGen Server ")
    tags = next(fields["tags"] for kind, _, fields in followed.events if kind == "conditions")
    assert tags["scenario"] == "Server"
    assert tags["target_qps"] == "100"
    assert followed.official()["valid"] is None
    followed.look(560.0)
    assert followed.values == {}, "without a trace nothing is known of how far it is"
    told = {
        "result_validity": "INVALID",
        "result_query_count": 5931,
        "result_completed_samples_per_sec": 98.5,
    }
    followed.write("detail.txt", window(503.0, 563.25) + records(**told, num_errors=0))
    followed.look(564.0)
    assert followed.marks() == [("begin", pytest.approx(503.0)), ("end", pytest.approx(563.25))]
    assert followed.values["samples_total"] == [(500.0, 0), (pytest.approx(563.25), 5931)]
    assert followed.last("queries_total") == 5931
    assert followed.official()["valid"] is False
    assert followed.official()["metric"]["value"] == 98.5
    followed.look(565.0)
    assert len(followed.marks()) == 2


def test_a_trace_counts_samples_by_their_own_times_and_the_window_holds_all_of_them(
    followed: Followed,
) -> None:
    followed.write("detail.txt", settings("SingleStream"))
    followed.write("trace.json", samples((1.0, 0.2, 0), (2.0, 0.4, 1))[:-150])
    followed.look(502.0)
    assert followed.last("samples_total") == 1, "the second line is not whole yet"
    followed.write("trace.json", samples((1.0, 0.2, 0), (2.0, 0.4, 1))[-150:] + samples((4.0, 0.3, 2)))
    followed.look(504.0)
    told = {"result_validity": "VALID", "result_query_count": 3, "early_stopping_latency_ss": 400_000_000}
    followed.write("detail.txt", window(500.8, 503.9) + records(**told))
    followed.look(504.2)
    times = [at_s for at_s, _ in followed.values["samples_total"]]
    assert times == sorted(times)
    assert followed.last("samples_total") == followed.last("queries_total") == 3
    (_, begin_s), (_, end_s) = followed.marks()
    assert begin_s == pytest.approx(500.8)
    assert end_s == pytest.approx(max(times[-1], 503.9)), "what the trace told a moment late is in it"
    latencies = [one for _, one in followed.values["latency_seconds"]]
    assert sum(one.n for one in latencies) == 3
    assert sum(one.sum for one in latencies) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("scenario", "more", "goal"),
    [
        ("SingleStream", {"effective_min_query_count": 64, "effective_min_duration_ms": 0}, 64),
        ("SingleStream", {"effective_min_query_count": 1, "effective_min_duration_ms": 60_000}, 45),
        ("Server", {"effective_min_query_count": 100, "effective_min_duration_ms": 60_000}, 100),
        ("Offline", {"effective_samples_per_query": 880}, 880),
        ("SingleStream", {}, None),
    ],
)
def test_while_it_runs_it_is_told_how_far_it_will_go(
    followed: Followed, scenario: str, more: dict[str, int], goal: int | None
) -> None:
    """Three samples in four seconds."""
    followed.write("detail.txt", settings(scenario) + records(**more))
    followed.write("trace.json", samples((1.0, 0.2, 0), (2.0, 0.4, 1), (4.0, 0.3, 2)))
    followed.look(504.0)
    told = [round(value) for _, value in followed.values.get("samples_goal", [])]
    assert told[-1:] == ([] if goal is None else [goal])


def test_a_query_of_several_samples_is_done_with_the_last_of_them(followed: Followed) -> None:
    followed.write("detail.txt", settings("MultiStream", per_query=3))
    done = [(1.0, 0.1, 0), (1.1, 0.2, 0), (1.2, 0.3, 0), (1.3, 0.1, 1)]
    followed.write("trace.json", samples(*done))
    followed.look(502.0)
    assert (followed.last("samples_total"), followed.last("queries_total")) == (4, 1)
    assert [one.max for _, one in followed.values["latency_seconds"] if one.n] == [0.3]


def test_offline_is_one_query_whose_times_are_no_latencies(followed: Followed) -> None:
    followed.write("detail.txt", settings("Offline") + records(generated_samples_per_query=4))
    followed.write("trace.json", samples((1.0, 1.0, 0), (2.0, 2.0, 0)))
    followed.look(502.0)
    assert set(followed.values) == {"samples_total"}
    told = {"result_validity": "VALID", "result_query_count": 1, "result_samples_per_second": 1.33333}
    followed.write("detail.txt", window(500.2, 503.2) + records(**told))
    followed.look(503.5)
    assert followed.last("samples_total") == 4, "the result tells what the trace lacks"


def test_a_run_for_accuracy_is_counted_by_its_answers_and_has_no_verdict(followed: Followed) -> None:
    followed.write("detail.txt", settings("SingleStream", mode="AccuracyOnly"))
    answers = "".join(f'{{ "seq_id" : {n}, "qsl_idx" : {n}, "data" : "" }},\n' for n in range(10))
    followed.write("accuracy.json", "[\n" + answers[:102])
    followed.look(502.0)
    followed.write("accuracy.json", answers[102:])
    followed.write("detail.txt", window(501.0, 502.5))
    followed.look(503.0)
    assert followed.last("samples_total") == 10
    assert followed.official()["mode"] == "AccuracyOnly"
    followed.write("detail.txt", "\nNo errors encountered during test.\n")
    followed.look(503.5)
    assert [edge for edge, _ in followed.marks()] == ["begin", "end"]


def test_answers_that_a_measured_run_keeps_are_not_its_samples(followed: Followed) -> None:
    followed.write("detail.txt", settings("SingleStream"))
    followed.write("accuracy.json", '[\n{ "seq_id" : 0, "qsl_idx" : 1, "data" : "" },\n')
    followed.look(502.0)
    assert followed.values == {}


def test_a_run_that_was_cut_off_before_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "mlperf_log_detail.txt").write_text(settings("SingleStream"))
    followed = Followed(tmp_path)
    followed.look(501.0)
    assert followed.events == []


def test_files_that_carry_the_time_in_their_names_are_found_too(followed: Followed) -> None:
    for moment, scenario in (("2031-05-14T09-30-00Z_", "Server"), ("2031-05-14T10-30-00Z_", "Offline")):
        followed.write(f"{moment}detail.txt", settings(scenario, started=moment))
        followed.write(f"{moment}trace.json", samples((1.0, 0.1, 0)))
        followed.look(followed.clock.s + 1.0)
        assert followed.official()["scenario"] == scenario
    assert followed.last("samples_total") == 2


def test_what_lies_there_already_is_another_runs(tmp_path: Path) -> None:
    ended = settings("Server") + window(400.0, 460.0) + records(result_validity="VALID", result_query_count=9)
    (tmp_path / "mlperf_log_detail.txt").write_text(ended + records(result_completed_samples_per_sec=9.0))
    (tmp_path / "mlperf_log_trace.json").write_text(samples((1.0, 0.1, 0)))
    followed = Followed(tmp_path)
    followed.look(501.0)
    assert followed.events == []
    followed.write("trace.json", "", mode="w")
    followed.write("detail.txt", settings("Offline", started="B"), mode="w")
    followed.look(502.0)
    assert followed.official()["scenario"] == "Offline"
    assert followed.values == {}


def test_a_job_that_starts_it_twice_has_two_windows_and_their_sum(followed: Followed) -> None:
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    for started, begin_s in (("A", 501.0), ("B", 511.0)):
        followed.write("detail.txt", settings("SingleStream", started=started), mode="w")
        followed.look(begin_s)
        followed.write("detail.txt", window(begin_s, begin_s + 5.0) + records(**told))
        followed.look(begin_s + 5.5)
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([501.0, 506.0, 511.0, 516.0])
    assert [value for _, value in followed.values["queries_total"]] == [0, 10, 20]


def one_run(followed: Followed, place: str, begin_s: float, queries: int, *, verdict: str = "VALID") -> None:
    """A run of 0.3 s from begin to end in a directory of its own; LoadGen tells its start to the second."""
    told = {"result_validity": verdict, "result_query_count": queries, "early_stopping_latency_ss": 1000}
    text = settings("SingleStream", started="A") + window(begin_s, begin_s + 0.3) + records(**told)
    detail = followed.path / place / "mlperf_log_detail.txt"
    detail.parent.mkdir(parents=True)
    detail.write_text(text)
    at_ns = followed.clock.time_ns() + round((begin_s + 0.3 - followed.clock.s) * 1e9)
    os.utime(detail, ns=(at_ns, at_ns))


def test_runs_in_directories_of_their_own_are_added_up_in_order(followed: Followed) -> None:
    one_run(followed, "run_0", 501.0, 10)
    followed.look(501.4)
    for number in (1, 2, 10):
        one_run(followed, f"run_{number}", 501.5 + number / 2, 10 * number, verdict="INVALID")
    followed.look(507.0)
    followed.look(507.25)
    begins = [501.0, 502.0, 502.5, 506.5]
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([t + d for t in begins for d in (0, 0.3)])
    assert followed.last("queries_total") == 10 + 10 + 20 + 100
    told = [fields for kind, _, fields in followed.events if kind == "mlperf"]
    ended = {fields["place"]: (fields["run"], fields["valid"]) for fields in told}
    assert ended == {"run_0": (1, True), "run_1": (2, False), "run_2": (3, False), "run_10": (4, False)}
    assert followed.notes() == []


def test_a_run_that_is_killed_before_the_next_begins_in_another_directory_is_said(followed: Followed) -> None:
    killed = followed.path / "run_0" / "mlperf_log_detail.txt"
    killed.parent.mkdir(parents=True)
    killed.write_text(settings("SingleStream"))
    followed.look(501.0)
    one_run(followed, "run_1", 502.0, 10)
    followed.look(502.5)
    assert followed.last("queries_total") == 10
    (note,) = followed.notes()
    assert note.startswith("A run of LoadGen in run_0 has no result")


def test_of_a_submission_run_the_window_of_the_result_counts(followed: Followed) -> None:
    followed.write("detail.txt", settings("SingleStream", mode="SubmissionRun") + window(501.0, 502.0))
    followed.look(503.0)
    assert followed.marks() == []
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(503.0, 508.0) + records(**told))
    followed.look(508.5)
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([503.0, 508.0])


def overwritten_by_another(followed: Followed, *, trace: str = "") -> None:
    """A run ends at 504 s with ten queries, and the next one has its files before anybody looks."""
    followed.write("detail.txt", settings("SingleStream", started="A"))
    followed.write("trace.json", trace)
    followed.look(501.0)
    followed.clock.s = 504.0
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(501.0, 504.0) + records(**told, num_errors=0))


def the_next_run(followed: Followed) -> None:
    followed.write("trace.json", "", mode="w")
    followed.write("detail.txt", settings("SingleStream", started="B"), mode="w")
    followed.look(504.2)
    told = {"result_validity": "VALID", "result_query_count": 7, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(504.2, 508.0) + records(**told, num_errors=0))
    followed.look(508.2)


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells at once when a file is written")
@pytest.mark.parametrize(
    "trace", ["", samples((1.0, 0.1, 0), (2.0, 0.1, 1))], ids=["without", "with a trace"]
)
def test_a_run_whose_logs_the_next_one_overwrites_at_once_is_counted(followed: Followed, trace: str) -> None:
    overwritten_by_another(followed, trace=trace)
    folder = followed.collector._folder
    assert folder is not None
    until(lambda: bool(folder._ended._kept))
    the_next_run(followed)
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([501.0, 504.0, 504.2, 508.0])
    assert followed.last("samples_total") == followed.last("queries_total") == 17
    assert followed.notes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells at once when a file is written")
def test_a_run_that_began_and_ended_between_two_looks_is_counted_once(followed: Followed) -> None:
    overwritten_by_another(followed)
    folder = followed.collector._folder
    assert folder is not None
    until(lambda: len(folder._ended._kept) == 1)
    followed.clock.s = 504.1
    told = {"result_validity": "VALID", "result_query_count": 5, "early_stopping_latency_ss": 1000}
    between = settings("SingleStream", started="between") + window(504.0, 504.1) + records(**told)
    followed.write("detail.txt", between, mode="w")
    until(lambda: len(folder._ended._kept) == 2)
    again = dict(folder._ended._kept)
    the_next_run(followed)
    assert followed.last("samples_total") == 10 + 5 + 7
    assert len(followed.marks()) == 6
    with folder._ended._lock:
        folder._ended._kept.update(again)  # as if the thread had been late
    followed.look(508.4)
    assert followed.last("samples_total") == 10 + 5 + 7
    assert followed.notes() == []


def test_a_run_whose_end_nobody_saw_is_said(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Changes, "watch", lambda *_: False)
    overwritten_by_another(followed, trace=samples((1.0, 0.1, 0), (2.0, 0.1, 1)))
    the_next_run(followed)
    assert followed.last("samples_total") == 2 + 7, "what the trace told until the last look is held"
    (note,) = [fields for kind, _, fields in followed.events if kind == "note"]
    assert note["code"] == "lost-counts"
    assert "overwritten by the next before its end could be read: up to about 4 samples of it" in note["text"]


def until(seen: Callable[[], bool]) -> None:
    """Wait for another thread, ten seconds at most."""
    deadline_s = time.monotonic() + 10.0
    while not seen():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


def test_a_search_for_the_peak_says_that_its_last_run_alone_is_counted(followed: Followed) -> None:
    mode = settings("Server", mode="FindPeakPerformance")
    followed.write("detail.txt", mode + window(501.0, 502.0) + window(502.0, 503.0))
    followed.look(503.0)
    told = {
        "result_validity": "VALID",
        "result_query_count": 80,
        "result_completed_samples_per_sec": 80.0,
    }
    followed.write("detail.txt", window(503.0, 504.0) + records(**told))
    followed.look(504.2)
    assert followed.last("samples_total") == 80
    (note,) = [fields for kind, _, fields in followed.events if kind == "note"]
    assert note["code"] == "lost-counts"
    assert "the last of its 3 runs alone" in note["text"]
    at_s = next(at_s for kind, at_s, _ in followed.events if kind == "note")
    assert (at_s, note["uncounted_s"]) == (pytest.approx(503.0), pytest.approx(2.0))


def test_a_run_that_goes_on_when_perfwatch_comes_is_counted_from_then(tmp_path: Path) -> None:
    (tmp_path / "mlperf_log_detail.txt").write_text(settings("SingleStream"))
    (tmp_path / "mlperf_log_trace.json").write_text(samples((1.0, 0.1, 0)))
    with (tmp_path / "mlperf_log_detail.txt").open("a"):  # as LoadGen has it while it runs
        followed = Followed(tmp_path)
    followed.look(501.0)
    followed.write("trace.json", samples((2.0, 0.1, 1)))
    followed.look(502.0)
    told = {"result_validity": "VALID", "result_query_count": 900, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(400.0, 502.5) + records(**told))
    followed.look(503.0)
    assert followed.last("samples_total") == 1
    assert followed.marks() == [("begin", 500.0), ("end", pytest.approx(502.5))]


def test_without_a_trace_such_a_run_counts_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "mlperf_log_detail.txt").write_text(settings("SingleStream"))
    followed = Followed(tmp_path)
    told = {"result_validity": "VALID", "result_query_count": 900, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(400.0, 502.5) + records(**told))
    followed.look(503.0)
    assert followed.values == {}
    assert any("ran already" in note for note in followed.notes())


def test_logs_of_another_clock_end_when_their_result_comes(followed: Followed) -> None:
    followed.write("detail.txt", settings("SingleStream"))
    followed.look(501.0)
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(90_000.0, 90_005.0) + records(**told))
    followed.look(507.0)
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([502.0, 507.0])
    (offset,) = [fields for kind, _, fields in followed.events if kind == "clock_offset"]
    assert offset["seconds"] == pytest.approx(-89_498.0)


def test_logs_whose_clock_is_a_little_ahead_say_by_how_much(followed: Followed) -> None:
    followed.write("detail.txt", settings("SingleStream"))
    followed.look(501.0)
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(501.5, 507.4) + records(**told))
    followed.look(507.0)
    offsets = [fields for kind, _, fields in followed.events if kind == "clock_offset"]
    assert offsets == [{"source": "loadgen", "seconds": pytest.approx(-0.4), "error_s": 0.25}]
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([501.1, 507.0]), "its length is right"


@pytest.mark.parametrize("ahead_s", [-3.0, 3.0, 40.0])
def test_a_trace_tells_the_offset_of_the_clocks(followed: Followed, ahead_s: float) -> None:
    followed.write("detail.txt", settings("SingleStream"))
    followed.look(501.0)
    followed.write("trace.json", samples(*((0.1 * n, 0.1, n) for n in range(1, 41))))
    followed.look(505.0)
    told = {"result_validity": "VALID", "result_query_count": 40, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(501.0 + ahead_s, 505.0 + ahead_s) + records(**told))
    followed.look(505.5)
    assert [at_s for _, at_s in followed.marks()] == pytest.approx([501.0, 505.0], abs=0.3)
    (offset,) = [fields for kind, _, fields in followed.events if kind == "clock_offset"]
    assert offset["seconds"] == pytest.approx(-ahead_s, abs=0.3)
    assert followed.last("queries_total") == 40


def test_energy_is_read_when_a_run_begins_and_when_it_ends(followed: Followed) -> None:
    asked: list[float] = []
    followed.collector.on_mark = lambda: asked.append(followed.clock.s)
    followed.write("detail.txt", settings("SingleStream"))
    followed.look(501.0)
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", window(501.0, 505.0) + records(**told))
    followed.look(505.2)
    assert asked == [501.0, 505.2]


def test_it_is_looked_for_below_the_directory_too(followed: Followed) -> None:
    below = followed.path / "performance" / "run_1"
    below.mkdir(parents=True)
    (below / "mlperf_log_detail.txt").write_text(settings("Offline"))
    followed.look(501.0)
    assert followed.official()["scenario"] == "Offline"


def test_a_directory_that_stays_empty_or_away_is_told_once(followed: Followed) -> None:
    followed.look(531.0)
    followed.look(532.0)
    followed.path.mkdir()
    followed.look(533.0)
    followed.look(534.0)
    away, empty = followed.notes()
    assert "is the path right" in away
    assert "is it the right directory" in empty


def test_a_log_of_errors_without_number_is_read_at_its_ends(followed: Followed) -> None:
    noise = records(error_runtime="a sample was late") * 20_000
    told = {"result_validity": "VALID", "result_query_count": 10, "early_stopping_latency_ss": 1000}
    followed.write("detail.txt", settings("SingleStream") + noise + window(501.0, 505.0) + records(**told))
    followed.look(505.2)
    assert followed.last("queries_total") == 10


def test_without_a_directory_it_says_how_to_name_one() -> None:
    with pytest.raises(Unavailable, match="no directory"):
        LoadgenCollector().open()


def test_the_device_is_a_workload_of_mlperf(followed: Followed) -> None:
    device: Device = followed.device
    assert device.facts["work"] == "mlperf"


JOB = """
import json, sys, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
where = Path(sys.argv[1]); where.mkdir()
def say(**values):
    with open(where / "mlperf_log_detail.txt", "a") as file:
        for key, value in values.items():
            file.write(":::MLLOG " + json.dumps({"key": key, "value": value, "time_ms": 1.5}) + chr(10))
def stamp(at):
    return at.strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]
say(test_datetime="now", sut_name="example", effective_scenario="Offline", generated_samples_per_query=1200,
    effective_test_mode="PerformanceOnly")
time.sleep(0.4)
begin = datetime.now(timezone.utc)
time.sleep(1.5)
say(power_begin=stamp(begin), power_end=stamp(begin + timedelta(seconds=1.5)), result_validity="VALID",
    result_query_count=1, result_samples_per_second=800.0, num_errors=0)
time.sleep(0.3)
"""


def test_a_run_is_measured_from_power_begin_to_power_end(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    job = ["--", sys.executable, "-c", JOB, str(logs)]
    options = ["--tag", "benchmark=resnet50", "-w", f"loadgen={logs}"]
    done = perfwatch("run", "--only", "simulated", "--json", *options, *job, home=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["window"]["kind"] == "marks"
    assert "LoadGen" in found["window"]["because"]
    assert found["window"]["duration_s"] == pytest.approx(1.5, abs=0.002)
    assert found["work"]["samples"]["count"] == 1200
    assert found["work"]["samples"]["source"] == "mlperf"
    assert found["energy"]["error_joules"] > 0
    assert found["mlperf"]["valid"] is True
    assert found["mlperf"]["metric"] == {
        "name": "result_samples_per_second",
        "value": 800.0,
        "unit": "samples/s",
    }
    tags = found["conditions"]["tags"]
    assert (tags["benchmark"], tags["scenario"], tags["sut"]) == ("resnet50", "Offline", "example")
    text = perfwatch("summary", "last", home=tmp_path).stdout
    assert "MLPerf Offline" in text
    assert "VALID" in text
