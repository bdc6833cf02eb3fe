"""Lines of any content, printed or in files: no crash, no room without bound, and what is right counts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from perfwatch_collectors import loadgen as loadgen_module
from perfwatch_collectors import output as output_module
from perfwatch_collectors.jsonlines import JsonLinesCollector, JsonLinesOptions
from perfwatch_collectors.loadgen import LoadgenCollector, LoadgenOptions
from perfwatch_collectors.logfile import LogCollector, LogOptions
from perfwatch_collectors.mllog import MllogCollector, MllogOptions
from perfwatch_collectors.output import OutputCollector, OutputOptions
from promises import Kept, at_most

from perfwatch.collector import Collector
from perfwatch.model import Device, DeviceKind
from perfwatch.testing import FakeClock
from perfwatch.workload import account, followed, loadgen_result
from perfwatch.workload.account import Account
from perfwatch.workload.lines import LINE_BYTES, Lines
from perfwatch.workload.loadgen_trace import LoadgenTrace
from perfwatch.workload.mllog_lines import records
from perfwatch.workload.patterns import NUMBER, Finding, Match, Says, compile_pattern, parse_number
from perfwatch.workload.presets import PRESETS
from perfwatch.workload.tally import Tally
from perfwatch.workload.training_log import TrainingLog

S = 1_000_000_000
ALL = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Watched:
    """A collector on a clock that stands still, and what came out of it."""

    opened: ClassVar[list[Collector]] = []

    def __init__(self, build: Callable[[FakeClock], Any]) -> None:
        self.clock = FakeClock(monotonic_ns=S)
        self.collector = build(self.clock)
        self.opened.append(self.collector)
        self.devices = self.collector.open()
        self.kept = Kept(self.devices)

    def read(self) -> Kept:
        self.clock.advance(1.0)
        self.kept.now_ns = self.clock.monotonic_ns()
        return self.kept.take(self.collector.read(self.devices))

    def printed(self, data: bytes, stream: str = "stdout") -> None:
        self.collector.feed(stream, data, self.clock.monotonic_ns())


def output(*patterns: str) -> Watched:
    specs = tuple(("output", pattern) for pattern in patterns)
    return Watched(lambda clock: OutputCollector(OutputOptions(specs), clock=clock))


@pytest.fixture(autouse=True)
def _close_what_was_opened() -> Iterator[None]:
    yield
    while Watched.opened:
        Watched.opened.pop().close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as out:
        out.write(data)


# -- what may be printed -------------------------------------------------------------------------------

REAL = [
    b"step 5/10 loss 0.25 (best) 1,234.5 samples/s",
    b" 10%|#         | 10/100 [00:01<00:09, 10.0it/s]",
    b"Epoch 1:  17%|#7        | 17/100 [00:01<00:09, loss=0.5]",
    b"Epoch 1/3",
    b"32/100 [==>...........] - ETA: 1s - loss: 0.5",
    b"[Rank 0] step=10, skipped=0, lr=[0.1], mom=[0.9]",
    b"epoch=0/micro_step=10/global_step=10, RunningAvgSamplesPerSec=3, CurrSamplesPerSec=4.5, MemAllocated=1",
    b'[GIN] 2025/01/31 - 10:00:00 | 200 |  1.234567s |  127.0.0.1 | POST     "/api/chat"',
    b" iteration        5/      10 | consumed samples:           40 | lm loss: 6.1E+00 |",
    b"[rank0]: step 7/10 loss nan 3 samples/s",
    b"{'loss': 0.5, 'epoch': 1.0}",
]
ODD = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\x1b[31m", b"\x1b]0;title", b"\x1b[A\r", b"\x1bP", b"\0", b"\xff\xfe", b"\r\r", b"\xed\xa0\x80"]
    ),
    st.integers(1, 9000).map(lambda length: b"9" * length),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
PRINTED = st.lists(st.sampled_from(REAL) | ODD, max_size=6).map(b"".join)
TEXTS = st.lists(st.tuples(PRINTED, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=8).map(
    lambda told: b"".join(line + end for line, end in told)
)
STEP = "step {steps}/{steps_goal__gauge} loss {loss__gauge}"
SIZES = st.lists(st.integers(1, 60), max_size=40)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        if data[:size]:
            yield data[:size]
        data = data[size:]
    if data:
        yield data


@ALL
@given(TEXTS, SIZES, st.lists(st.integers(0, 10**6), max_size=5))
def test_whatever_is_printed_no_promise_is_broken_and_what_is_right_is_counted(
    data: bytes, sizes: list[int], counts: list[int]
) -> None:
    job = output("sure got {sure__inc} of it", STEP, *PRESETS, "mllog", "{samples__rate} samples/s", "re:.")
    for number, piece in enumerate(cut(data, sizes)):
        job.printed(piece, "stdout" if number % 3 else "stderr")
        if number % 7 == 0:
            job.read()
    for stream in ("stdout", "stderr"):
        job.printed(b"\n", stream)
        for count in counts:
            job.printed(b"sure got %d of it\n" % count, stream)
        job.printed(b"", stream)
    kept = job.read()
    assert kept.values.get("sure_total", 0) == 2 * sum(counts)


@ALL
@given(TEXTS, SIZES, st.booleans())
def test_in_any_pieces_the_same_is_found(data: bytes, sizes: list[int], thinned: bool) -> None:
    patterns = (STEP, *PRESETS)
    whole, pieces = output(*patterns), output(*patterns)
    whole.printed(data)
    much, output_module.MUCH_BYTES = output_module.MUCH_BYTES, 0 if thinned else output_module.MUCH_BYTES
    try:
        for piece in cut(data, sizes):
            pieces.printed(piece)
    finally:
        output_module.MUCH_BYTES = much
    for job in (whole, pieces):
        job.printed(b"\n")
        job.read()
    assert whole.kept.values == pieces.kept.values


@given(st.text(max_size=30) | st.from_regex(NUMBER, fullmatch=True))
def test_a_number_can_be_believed_or_is_none(text: str) -> None:
    value = parse_number(text)
    assert value is None or abs(value) <= 1e18


def test_a_number_at_which_a_long_line_is_cut_is_none() -> None:
    """The first half of a number is another number."""
    for length in (LINE_BYTES - 3, LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1):
        line = b"x" * (length - len(b"got 12345")) + b"got 12345"
        told = [text for _, text in Lines().feed(line + b"6\ngot 7\n", 0)]
        whole = "got 123456" in told[0]
        assert whole == (length + 1 <= LINE_BYTES)
        assert whole or told[0].endswith("got ")
        assert told[1] == "got 7"


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("ollama", "[GIN] | 200 | 1s | " * 430),
        ("{steps}/{total}", "1" * 8192),
        ("{a} {b} {c}", "1" * 8192),
        ("x {_}{a}", "x " + "1" * 8190),
        ("{a} of", "1" + ",111" * 2000),
        *(
            (preset, unit * (8192 // len(unit)))
            for preset in PRESETS
            for unit in ("1", "1%|", "{'loss': ", "Epoch 1: ")
        ),
    ],
)
def test_no_line_takes_seconds(pattern: str, line: str) -> None:
    """Ollama's took 11 s of such a line, a template 3 s of a line of digits."""
    compiled = compile_pattern(pattern)
    before_s = time.thread_time()
    compiled.search(line)
    assert time.thread_time() - before_s < 1.5


@pytest.mark.parametrize(
    ("pattern", "line", "number"),
    [
        ("{a} x", "10-20 x", -20),
        ("{a} x", "v1.5 x", 1.5),
        ("{a} x", "y12 x", 12),
        ("n {_}{a}", "n is 1,234", 1234),
    ],
)
def test_where_a_number_begins_is_found_as_before(pattern: str, line: str, number: float) -> None:
    found = compile_pattern(pattern).search(line)
    assert found is not None
    assert [finding.value for finding in found.findings] == [number]


def test_a_line_that_waited_for_its_end_takes_no_rate_back() -> None:
    """Its time is before that of a line of the other stream, which was booked already."""
    job = Watched(
        lambda clock: OutputCollector(OutputOptions((("output", "{samples__rate}/s"),)), clock=clock)
    )
    for stream, data, at_s in (("stdout", b"90/s\n", 1), ("stdout", b"100/s", 2), ("stderr", b"100/s\n", 9)):
        job.collector.feed(stream, data, at_s * S)
    job.clock.advance(10)
    job.read()
    job.collector.feed("stdout", b"\n", 11 * S)
    assert job.read().values["samples_total"] == 800


def test_of_more_counters_than_are_told_apart_each_still_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond were not remembered, and each of their lines counted the whole again."""
    monkeypatch.setattr(account, "SERIES", 10)
    tally = Tally(Device("output", "x", DeviceKind.WORKLOAD), 0)
    booked = Account(None, tally)
    for series in range(30):
        for steps in range(1, 6):
            booked.take(
                Match((Finding("steps", Says.TOTAL, steps), Finding("n", Says.RATE, 1.0)), str(series)), S
            )
    assert tally.total("steps") == 30 * 5
    assert (len(booked._totals), len(booked._rates)) == (10, 10)


def test_a_total_that_can_grow_no_further_is_said_once(file: Path) -> None:
    lines = b"step 999999999999999999\n" + b"step 5\nstep 7\n" * 5
    job = output("step {steps}")
    job.printed(lines)
    job.read()
    log = Watched(lambda clock: LogCollector(LogOptions(str(file), "step {steps}"), clock=clock))
    write(file, lines)
    log.read()
    for watched in (job, log):
        watched.read()
        (note,) = watched.kept.notes
        assert "a figure went beyond 1e+18; what would add to it is dropped" in note


def test_many_short_lines_are_not_kept_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of 128 MB that wait would take gigabytes, and what is found in them more."""
    monkeypatch.setattr(output_module, "LINES_AT_ONCE", 500)
    monkeypatch.setattr(followed, "FOUND_AT_ONCE", 500)
    count = 10_000
    job = output("y")
    log = Watched(lambda clock: LogCollector(LogOptions(str(file), "y"), clock=clock))
    job.printed(b"y\n" * count)
    write(file, b"y\n" * count)
    with at_most(2.5):
        assert job.read().values == {"lines_total": count}
        assert log.read().values == {"lines_total": count}


def test_letters_that_are_printed_one_by_one_do_not_wait_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_module, "QUEUE_BYTES", 100_000)
    job = output("y")
    for _ in range(1000):
        job.printed(b"x")
    assert len(job.collector._queue) < 700
    assert job.read().lost == 1000 - 100_000 // (1 + output_module.OVERHEAD_BYTES)


# -- files ---------------------------------------------------------------------------------------------


def test_a_line_of_200_mb_without_an_end_takes_no_room(file: Path) -> None:
    log = Watched(lambda clock: LogCollector(LogOptions(str(file), "step {steps}"), clock=clock))
    write(file, b"step 1\n")
    os.truncate(file, 200 * 2**20)
    with at_most(8):
        for _ in range(4):
            log.read()
    write(file, b"\nstep 3\n")
    assert log.read().values == {"steps_total": 3}
    assert len(log.kept.notes) == 1


DONE = st.sampled_from(["write", "write", "half", "garbage", "rename", "cut", "delete", "look"])


@ALL
@given(st.lists(DONE, max_size=25))
def test_whatever_happens_to_a_log_between_two_looks_each_line_counts_once(
    tmp_path_factory: pytest.TempPathFactory, course: list[str]
) -> None:
    file = tmp_path_factory.mktemp("log") / "log"
    log = Watched(
        lambda clock: LogCollector(LogOptions(str(file), r"re:^done (?P<n__inc>\d+)$"), clock=clock)
    )
    log.read()
    written = 0
    for number, what in enumerate(course, 1):
        if what in ("rename", "cut", "delete"):
            log.read()  # what was written and cut away again is not seen
        if what == "write":
            write(file, b"done %d\n" % number)
            written += number
        elif what == "half":
            write(file, b"do")
            log.read()
            write(file, b"ne %d\r\n" % number)
            written += number
        elif what == "garbage":
            write(file, b"\0\xff\x1b[31mdone\x1b]done 5\ndone 5 times\n")
        elif file.exists() and what == "rename":
            file.rename(file.with_suffix(f".{number}"))
        elif file.exists() and what == "cut":
            os.truncate(file, 0)
        elif file.exists() and what == "delete":
            file.unlink()
        else:
            log.read()
        if what == "cut":
            log.read()
    assert log.read().values.get("n_total", 0) == written


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(300, 5000).map(lambda digits: 10**digits)
    | st.floats()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def dumped(value: Any) -> str:
    """As JSON; Python itself refuses to write integers of more than 4300 digits, others do not."""
    if isinstance(value, int) and abs(value) >= 10**4000:
        return "1" + "0" * 5000
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {dumped(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumped, value)) + "]"
    return json.dumps(value)


RECORDS = st.dictionaries(
    st.sampled_from(["queries", "queries_total", "samples", "running", "a", "b"]) | st.text(max_size=4),
    JSON,
    max_size=4,
).map(lambda record: dumped(record).encode())


@ALL
@given(st.lists(RECORDS | JSON.map(dumped).map(str.encode) | st.binary(max_size=30), max_size=6))
@example([b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"\\" * 5000])
def test_json_lines_of_any_kind_cost_a_sentence_and_the_right_ones_count(
    tmp_path_factory: pytest.TempPathFactory, told: list[bytes]
) -> None:
    path = str(tmp_path_factory.mktemp("jsonl") / "file")
    keys = "sure__inc=sure,a=a.0,b__ms=b,c__gauge=a.b.c"
    mapped = Watched(lambda clock: JsonLinesCollector(JsonLinesOptions(path, keys), clock=clock))
    usual = Watched(lambda clock: JsonLinesCollector(JsonLinesOptions(path), clock=clock))
    for data in told:
        write(Path(path), data + b'\n{"sure": 2}\n')
    for watched in (mapped, usual):
        kept = watched.read()
        watched.read()
        assert len([note for note in kept.notes if "no JSON object" in note]) <= 1
    assert mapped.kept.values.get("sure_total", 0) == 2 * len(told)


# -- logs of MLPerf ------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        *(
            "run_start",
            "run_stop",
            "epoch_start",
            "epoch_stop",
            "block_start",
            "block_stop",
            "eval_accuracy",
            "seed",
        ),
        *("train_samples", "trained_samples", "max_steps", "target_accuracy", "submission_benchmark", "x"),
    ]
)
FIGURES = st.one_of(
    JSON, st.floats(0, 1e9), st.integers(-(10**6), 10**6), st.sampled_from([1e308, -1e308, 10**4000, -5.0])
)
TIMES = st.one_of(st.integers(1_700_000_000_000, 1_700_000_009_000), FIGURES)
METADATA = st.dictionaries(st.sampled_from(["samples_count", "step_num", "epoch_count", "status"]), FIGURES)


def mllog(key: str, value: Any, time_ms: Any, metadata: Any) -> bytes:
    told = {"key": key, "value": value, "time_ms": time_ms, "metadata": metadata}
    return b"0: :::MLLOG " + dumped(told).encode() + b"\n"


@ALL
@given(
    st.lists(st.builds(mllog, KEYS, FIGURES, TIMES, METADATA | JSON) | st.binary(max_size=30), max_size=12)
)
def test_training_logs_of_any_content_keep_what_is_promised(
    tmp_path_factory: pytest.TempPathFactory, told: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("mllog") / "file"
    log = Watched(lambda clock: MllogCollector(MllogOptions(str(path)), clock=clock))
    log.kept.begins_anew = True  # another run begins at zero
    printed = output("mllog")
    printed.kept.begins_anew = True
    for number, data in enumerate(told):
        write(path, data)
        printed.printed(data)
        if number % 3 == 0:
            log.read()
    log.read()
    printed.read()


@pytest.mark.parametrize(
    ("metadata", "value"),
    [
        ({"samples_count": 10**400}, None),
        ({"samples_count": 1e308}, None),
        ({"step_num": 10**400}, 10**400),
    ],
)
def test_a_count_that_nobody_can_have_made_is_passed_over(metadata: dict[str, Any], value: Any) -> None:
    log = TrainingLog()
    told = list(log.take({"key": "trained_samples", "value": value, "time_ms": 5, "metadata": metadata}))
    assert told == []
    assert list(log.take({"key": "x", "time_ms": 10**400})) == []


def test_epochs_only_grow_and_never_beyond_what_is_believed() -> None:
    log = TrainingLog()
    done: list[float] = []
    for count in (3, -(10**9), 1e18, 1e18, 2):
        for key in ("block_start", "block_stop"):
            metadata = {"epoch_count": count}
            for told in log.take({"key": key, "time_ms": 5, "metadata": metadata}):
                done += [value for value in [getattr(told, "epochs", None)] if value is not None]
    assert done == sorted(done)
    assert 3.0 in done
    assert done[-1] <= 1e18


def test_what_a_log_calls_its_run_moves_no_cursor() -> None:
    log = TrainingLog()
    list(log.take({"key": "seed", "value": "\x1b[2J\ud800 7", "time_ms": 5}))
    assert log.settings == {"seed": "_[2J_ 7"}


@pytest.mark.parametrize("depth", [600, 900, 960, 985, 995, 5000])
def test_a_record_that_is_nested_without_end_is_no_record(depth: int) -> None:
    """Python reads some that it cannot tell as text."""
    line = ':::MLLOG {"key": "seed", "time_ms": 5, "value": ' + "[" * depth + "]" * depth + "}"
    assert list(records([line])) == []


def test_no_time_of_a_log_is_before_it_was_followed(file: Path) -> None:
    log = Watched(lambda clock: MllogCollector(MllogOptions(str(file)), clock=clock))
    opened_ns = log.clock.monotonic_ns()
    write(file, mllog("run_start", None, 9e13, {}) + mllog("run_stop", None, 9e13 + 1, {"samples_count": 3}))
    write(file, mllog("run_start", None, 1_700_000_000_500, {}))
    log.clock.advance(1.0)
    marks = [reading.at_ns for reading in log.collector.read([]) if getattr(reading, "kind", "") == "mark"]
    assert len(marks) == 3
    assert min(marks) >= opened_ns


SETTINGS = st.sampled_from(
    [
        *(
            "effective_scenario",
            "effective_test_mode",
            "test_datetime",
            "loadgen_version",
            "sut_name",
            "num_errors",
        ),
        *(
            "effective_samples_per_query",
            "effective_min_query_count",
            "effective_min_duration_ms",
            "power_begin",
        ),
        *(
            "power_end",
            "result_validity",
            "result_query_count",
            "result_samples_per_second",
            "result_tokens_per_second",
        ),
        *("result_qps_with_loadgen_overhead", "generated_query_duration", "generated_samples_per_query"),
        *("effective_accuracy_sample_count", "early_stopping_latency_ss", "result_mean_latency_ns"),
    ]
)
SAID = st.one_of(
    FIGURES,
    st.sampled_from(
        ["SingleStream", "Offline", "Server", "MultiStream", "AccuracyOnly", "PerformanceOnly", "VALID"]
    ),
    st.sampled_from(
        ["11-14-2023 22:13:20.000", "11-14-2023 22:13:21.000", "01-01-0001 00:00:00", "1e308", "nan"]
    ),
)
TRACED = st.builds(
    lambda due, query, took: (
        b'{"name":"Sample","ph":"b","ts":%s,"query_seq":%s,"complete_ns":%s}\n' % (due, query, took)
    ),
    *[st.integers(0, 10**10).map(lambda n: b"%d" % n) | st.integers(1, 5000).map(lambda n: b"9" * n)] * 3,
)


@ALL
@given(
    st.lists(st.builds(lambda key, value: mllog(key, value, 1, {}), SETTINGS, SAID), max_size=14),
    st.sampled_from(["SingleStream", "Offline", "Server"]),
    st.lists(TRACED | st.binary(max_size=30), max_size=6),
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"Scenario : Server\n", b"Mode : x\n", b"a : 1e308\n"]),
        max_size=4,
    ),
)
def test_logs_of_loadgen_of_any_content_keep_what_is_promised(
    tmp_path_factory: pytest.TempPathFactory,
    detail: list[bytes],
    scenario: str,
    trace: list[bytes],
    summary: list[bytes],
) -> None:
    folder = tmp_path_factory.mktemp("loadgen")
    watched = Watched(lambda clock: LoadgenCollector(LoadgenOptions(str(folder)), clock=clock))
    write(folder / "mlperf_log_detail.txt", mllog("effective_scenario", scenario, 1, {}))
    for number in range(0, 14, 5):
        write(folder / "mlperf_log_trace.json", b"".join(trace))
        write(folder / "mlperf_log_summary.txt", b"".join(summary))
        write(folder / "mlperf_log_detail.txt", b"".join(detail[number : number + 5]) + b"\n")
        watched.read()


@pytest.mark.parametrize(
    "told",
    [
        {"result_samples_per_second": 1e308, "generated_query_duration": 1e300},
        {
            "result_samples_per_second": 5.0,
            "result_query_count": 5,
            "result_qps_with_loadgen_overhead": 1e-308,
        },
    ],
)
def test_a_result_of_loadgen_that_no_run_can_have_is_none(told: dict[str, Any]) -> None:
    lines = [
        mllog(key, value, 1, {}).decode()
        for key, value in {"effective_scenario": "Offline", "result_validity": "VALID", **told}.items()
    ]
    found = loadgen_result.result(lines, [])
    assert found is not None
    assert found.samples is None


def test_an_aim_that_is_too_far_or_behind_is_an_aim() -> None:
    assert loadgen_result.Aim(5, 1e305).in_all(10**6, 1e-3) == 10**15
    told = {
        "effective_scenario": "Server",
        "effective_min_duration_ms": -1e308,
        "effective_min_query_count": 7,
    }
    found = loadgen_result.result([mllog(key, value, 1, {}).decode() for key, value in told.items()], [])
    assert found is not None
    assert found.aim.in_all(10**6, 1e-3) == 7


def test_a_trace_of_enormous_numbers_and_repeated_keys_is_read_on() -> None:
    huge = b'"name":"Sample","ph":"b","ts":1,"query_seq":1,"complete_ns":%s\n' % (b"9" * 5000)
    one = b'"name":"Sample","ph":"b","ts":1.5,"query_seq":3,"complete_ns":2000\n'
    (done,) = LoadgenTrace().feed(huge + huge.replace(b'"ts":1', b'"ts":' + b"9" * 400) + one)
    assert done == (3500, 2e-6, 3)


def test_queries_that_never_end_are_not_all_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loadgen_module, "OPEN_QUERIES", 20)
    watched = Watched(lambda clock: LoadgenCollector(LoadgenOptions(str(tmp_path)), clock=clock))
    told = {"effective_scenario": "MultiStream", "effective_samples_per_query": 2}
    write(
        tmp_path / "mlperf_log_detail.txt", b"".join(mllog(key, value, 1, {}) for key, value in told.items())
    )
    line = b'{"name":"Sample","ph":"b","ts":%d,"query_seq":%d,"complete_ns":5}\n'
    write(tmp_path / "mlperf_log_trace.json", b"".join(line % (number, number) for number in range(100)))
    assert watched.read().values["samples_total"] == 100
    assert len(watched.collector._run.open_queries) == 20
