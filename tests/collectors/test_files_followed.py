"""Logs and JSON lines, read from real files while somebody writes, rotates and breaks them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from perfwatch_collectors.jsonlines import JsonLinesCollector, JsonLinesOptions
from perfwatch_collectors.logfile import LogCollector, LogOptions

from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Appeared, Event, Reading, Sample
from perfwatch.testing import FakeClock, check_contract

S = 1_000_000_000


class Watched:
    """A collector that follows a file, on a clock that stands still, with what came out of it."""

    opened: ClassVar[list[LogCollector | JsonLinesCollector]] = []

    def __init__(self, kind: str, spec: str) -> None:
        self.clock = FakeClock(monotonic_ns=0)
        self.collector: LogCollector | JsonLinesCollector = (
            LogCollector(LogOptions.of(spec), clock=self.clock)
            if kind == "log"
            else JsonLinesCollector(JsonLinesOptions.of(spec), clock=self.clock)
        )
        self.opened.append(self.collector)
        self.devices = self.collector.open()
        self.names: list[str] = []
        self.rows: list[tuple[float, dict[str, Any]]] = []
        self.notes: list[str] = []

    def read(self, after_s: float = 1.0) -> dict[str, Any]:
        """One look; the values of the last sample so far by metric."""
        self.clock.advance(after_s)
        for reading in self.collector.read(self.devices):
            self._take(reading)
        return self.rows[-1][1] if self.rows else {}

    def _take(self, reading: Reading) -> None:
        if isinstance(reading, Appeared):
            self.names = [metric.name for metric in reading.device.metrics]
        elif isinstance(reading, Sample):
            assert reading.at_ns is not None
            self.rows.append((reading.at_ns / S, dict(zip(self.names, reading.values, strict=True))))
        elif isinstance(reading, Event):
            self.notes.append(reading.fields["text"])


@pytest.fixture(autouse=True)
def _close_what_was_opened() -> Iterator[None]:
    yield
    while Watched.opened:
        Watched.opened.pop().close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "server.log"


def write(file: Path, text: str | bytes) -> None:
    with file.open("ab") as out:
        out.write(text.encode() if isinstance(text, str) else text)


def steps_of(log: Path) -> Watched:
    return Watched("log", f"{log}:step {{steps}}")


# -- both --------------------------------------------------------------------------------------------


def test_they_keep_the_contract(log: Path) -> None:
    write(log, "step 1\n")
    assert check_contract(LogCollector(LogOptions(str(log), "step {steps}"))) == "ok"
    assert check_contract(JsonLinesCollector(JsonLinesOptions(str(log)))) == "ok"
    assert check_contract(LogCollector()) == "absent"
    assert check_contract(JsonLinesCollector()) == "absent"


def test_the_first_colon_ends_the_path_and_a_backslash_takes_it_in(tmp_path: Path) -> None:
    odd = tmp_path / "a:b.log"
    watched = Watched("log", f"{str(odd).replace(':', chr(92) + ':')}:re:n: (?P<steps>\\d+)")
    write(odd, "n: 5\n")
    assert watched.read() == {"steps_total": 5}


@pytest.mark.parametrize("spec", ["server.log", ":step {steps}", "server.log:"])
def test_a_log_without_path_or_pattern_gets_one_sentence(spec: str) -> None:
    with pytest.raises(ConfigError, match="log=PATH:PATTERN"):
        LogOptions.of(spec)


@pytest.mark.parametrize("keys", ["a", "a=", "=b", "a b=c", "a=b,", "n__msec=x"])
def test_a_mapping_that_means_nothing_gets_one_sentence(keys: str) -> None:
    with pytest.raises(ConfigError, match="jsonl="):
        JsonLinesCollector(JsonLinesOptions.of(f"x.jsonl:{keys}"))


def test_nothing_named_is_nothing_to_read() -> None:
    with pytest.raises(Unavailable):
        LogCollector().open()
    with pytest.raises(ConfigError):
        JsonLinesOptions.of("")


# -- what was there before ------------------------------------------------------------------------------


def test_a_log_is_read_from_its_present_end(log: Path) -> None:
    write(log, "done\n" * 500)
    watched = Watched("log", f"{log}:^done")
    write(log, "done\ndone\n")
    assert watched.read() == {"lines_total": 2}


def test_totals_that_were_told_before_are_no_work_of_this_run(log: Path) -> None:
    write(log, "step 990\nstep 1000\nother\n")
    watched = steps_of(log)
    write(log, "step 1010\n")
    assert watched.read() == {"steps_total": 10}


def test_a_job_that_appends_to_an_old_log_begins_anew(log: Path) -> None:
    write(log, "step 1000\n")
    watched = steps_of(log)
    write(log, "step 5\n")
    assert watched.read() == {"steps_total": 5}


def test_a_line_that_is_half_written_at_the_start_is_read_whole(log: Path) -> None:
    write(log, "step 1000\nstep 1")
    watched = steps_of(log)
    write(log, "010\nstep 1")
    assert watched.read() == {"steps_total": 10}
    write(log, "020\n")
    assert watched.read() == {"steps_total": 20}


def test_only_the_end_of_a_huge_log_is_looked_at(log: Path) -> None:
    with log.open("wb") as out:
        out.truncate(2 * 2**40)
    write(log, "\nstep 7\n")
    watched = steps_of(log)
    write(log, "step 9\n")
    assert watched.read() == {"steps_total": 2}


# -- rotation ------------------------------------------------------------------------------------------


def test_a_log_is_waited_for_and_read_from_its_beginning(log: Path) -> None:
    watched = steps_of(log)
    assert watched.read() == {}
    write(log, "step 3\n")
    assert watched.read() == {"steps_total": 3}


def test_a_log_that_is_renamed_and_made_anew_loses_no_line(log: Path) -> None:
    watched = Watched("log", f"{log}:^done")
    write(log, "done\n")
    watched.read()
    write(log, "done\ndone without an end of line")
    log.rename(log.with_suffix(".1"))
    write(log, "done\n" * 3)
    assert watched.read() == {"lines_total": 6}


def test_the_old_file_is_read_on_until_the_new_one_is_there(log: Path) -> None:
    watched = Watched("log", f"{log}:^done")
    write(log, "done\n")
    watched.read()
    old = log.with_suffix(".1")
    log.rename(old)
    write(old, "done\n")
    assert watched.read() == {"lines_total": 2}
    write(log, "done\n")
    assert watched.read() == {"lines_total": 3}


def test_a_log_that_is_cut_is_read_from_its_beginning(log: Path) -> None:
    watched = Watched("log", f"{log}:^done")
    write(log, "done\n" * 5)
    watched.read()
    os.truncate(log, 0)
    write(log, "done\n")
    assert watched.read() == {"lines_total": 6}


def test_a_log_that_is_deleted_is_waited_for(log: Path) -> None:
    watched = Watched("log", f"{log}:^done")
    write(log, "done\n")
    watched.read()
    log.unlink()
    watched.read()
    write(log, "done\n")
    assert watched.read() == {"lines_total": 2}


# -- times ---------------------------------------------------------------------------------------------


def test_lines_have_the_time_at_which_the_file_changed(log: Path) -> None:
    watched = steps_of(log)
    watched.read(1.0)
    write(log, "step 5\n")
    ago_ns = round(0.6 * S)
    changed_ns = watched.clock.time_ns() + S - ago_ns
    os.utime(log, ns=(changed_ns, changed_ns))
    watched.read(1.0)
    tick_s = 0.01  # file times are rounded down to the kernel's tick; a line is never put before its writing
    assert [(at_s, row["steps_total"]) for at_s, row in watched.rows] == [(0, 0), (1.4 + tick_s, 5)]


@pytest.mark.parametrize("off_s", [-1e6, 1e6])
def test_a_foreign_clock_on_the_file_puts_nothing_outside_of_the_last_look(log: Path, off_s: float) -> None:
    watched = steps_of(log)
    watched.read(1.0)
    write(log, "step 5\n")
    changed_ns = watched.clock.time_ns() + round(off_s * S)
    os.utime(log, ns=(changed_ns, changed_ns))
    watched.read(1.0)
    assert 1.0 <= watched.rows[-1][0] <= 2.0


def test_no_sample_reaches_over_a_mark(log: Path) -> None:
    watched = steps_of(log)
    write(log, "step 5\n")
    watched.read(1.0)
    watched.collector.split(2 * S)
    write(log, "step 8\n")
    watched.read(2.0)
    assert watched.rows[-1][0] > 2.0
    assert watched.rows[-1][1] == {"steps_total": 8}


# -- files that cannot be read ---------------------------------------------------------------------------


def trouble(watched: Watched) -> str:
    with pytest.raises(TryAgain) as caught:
        watched.read()
    return str(caught.value)


def test_a_directory_that_comes_is_one_sentence_and_a_file_in_its_place_is_read(log: Path) -> None:
    watched = steps_of(log)
    log.mkdir()
    assert "a directory" in trouble(watched)
    trouble(watched)
    assert len(watched.notes) == 1
    log.rmdir()
    assert watched.read() == {}
    write(log, "step 3\n")
    assert watched.read() == {"steps_total": 3}


def test_a_fifo_is_not_opened(log: Path) -> None:
    os.mkfifo(log)
    assert "a pipe (FIFO)" in trouble(steps_of(log))
    with pytest.raises(OSError, match="No such device or address"):
        os.open(log, os.O_WRONLY | os.O_NONBLOCK)  # nobody has it open for reading


def test_a_path_through_a_file_is_one_sentence(log: Path) -> None:
    write(log, "x\n")
    assert "not a directory" in trouble(Watched("log", f"{log}/deeper:x"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_sentence(log: Path) -> None:
    write(log, "x\n")
    log.chmod(0)
    assert "permission denied" in trouble(steps_of(log))


def test_a_line_of_10_mb_and_binary_data_disturb_nothing(log: Path) -> None:
    watched = steps_of(log)
    write(log, b"step 1\n" + b"x" * 10 * 2**20 + b" step 7\n" + bytes(range(256)) * 100 + b"\nstep 2\n")
    assert watched.read() == {"steps_total": 2}
    assert len(watched.notes) == 1
    assert "binary data" in watched.notes[0]


# -- silence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is not there after 30 s"),
        ("", "nothing was written"),
        ("epoch 3\n", "the last line is 'epoch 3'"),
    ],
)
def test_thirty_seconds_without_a_match_are_said_once(log: Path, text: str | None, says: str) -> None:
    watched = steps_of(log)
    if text is not None:
        write(log, text)
    watched.read(29.0)
    assert watched.notes == []
    watched.read(1.5)
    watched.read(60.0)
    assert len(watched.notes) == 1
    assert says in watched.notes[0]


def test_a_log_that_told_something_is_not_called_silent(log: Path) -> None:
    watched = steps_of(log)
    write(log, "step 1\n")
    watched.read(1.0)
    watched.read(60.0)
    assert watched.notes == []


# -- JSON lines ------------------------------------------------------------------------------------------


def test_numbers_named_like_standard_work_count_without_a_mapping(log: Path) -> None:
    watched = Watched("jsonl", str(log))
    write(log, json.dumps({"queries": 3, "generated_tokens_total": 50, "running": 2, "loss": 0.1}) + "\n")
    watched.read()
    write(log, json.dumps({"queries": 5, "steps": True, "samples": "7", "errors": None}) + "\n")
    assert watched.read() == {"queries_total": 5, "generated_tokens_total": 50, "running": 2}


def test_a_mapping_reaches_into_records_and_names_mean_what_they_mean_in_patterns(log: Path) -> None:
    watched = Watched("jsonl", f"{log}:queries=stats.done,tokens__inc=use.0.n,latency__ms=took.ms,a=b.c")
    for done in (1, 2):
        record = {"stats": {"done": done}, "use": [{"n": 10}], "took": {"ms": 20}, "b.c": done}
        write(log, json.dumps(record) + "\n")
    row = watched.read()
    assert (row["queries_total"], row["tokens_total"], row["a_total"]) == (2, 20, 2)
    assert (row["latency_seconds"].n, row["latency_seconds"].max) == (2, 0.02)


def test_a_half_written_record_waits_for_its_rest(log: Path) -> None:
    watched = Watched("jsonl", str(log))
    write(log, '{"queries": 1}\n{"quer')
    assert watched.read() == {"queries_total": 1}
    write(log, 'ies": 12}\n')
    assert watched.read() == {"queries_total": 12}
    assert watched.notes == []


def test_lines_that_are_no_objects_are_passed_over_and_said_once(log: Path) -> None:
    watched = Watched("jsonl", str(log))
    bad = ["[1]", "12", "oops", "{'queries': 1}", "[" * 100_000, '{"queries": 1e999}', '{"queries": NaN}']
    write(log, "\n".join([*bad, '{"queries": 3}', '{"queries": 1' + "0" * 400 + "}", ""]))
    assert watched.read() == {"queries_total": 3}
    assert len(watched.notes) == 1
    assert "a line is no JSON object" in watched.notes[0]


def test_a_record_of_half_a_megabyte_is_read(log: Path) -> None:
    watched = Watched("jsonl", str(log))
    write(log, json.dumps({"text": "x" * 2**19, "queries": 4}) + "\n")
    assert watched.read() == {"queries_total": 4}
