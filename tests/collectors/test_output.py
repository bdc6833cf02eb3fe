from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perfwatch_collectors import output as module
from perfwatch_collectors.output import OutputCollector, OutputOptions

from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Appeared, Event, Reading, Sample
from perfwatch.testing import FakeClock, check_contract

S = 1_000_000_000


class Watched:
    """An output collector on a clock that stands still, with what came out of it."""

    def __init__(self, *specs: tuple[str, str]) -> None:
        self.clock = FakeClock(monotonic_ns=0)
        self.collector = OutputCollector(OutputOptions(specs), clock=self.clock)
        self.devices = self.collector.open()
        self.readings: list[Reading] = []

    def printed(self, at_s: float, data: str | bytes, stream: str = "stdout") -> None:
        raw = data.encode() if isinstance(data, str) else data
        self.collector.feed(stream, raw, round(at_s * S))

    def read(self, at_s: float) -> list[Reading]:
        self.clock.advance(at_s - self.clock.monotonic_ns() / S)
        readings = list(self.collector.read(self.devices))
        self.readings += readings
        return readings

    def series(self, metric: str, device: str = "output") -> list[tuple[float, Any]]:
        names: list[str] = []
        values: list[tuple[float, Any]] = []
        for reading in self.readings:
            if isinstance(reading, Appeared) and reading.device.id == device:
                names = [each.name for each in reading.device.metrics]
            elif isinstance(reading, Sample) and reading.device_id == device and metric in names:
                assert reading.at_ns is not None
                value = reading.values[names.index(metric)]
                if value is not None:
                    values.append((reading.at_ns / S, value))
        return values

    def notes(self) -> list[str]:
        return [one.fields["text"] for one in self.readings if isinstance(one, Event) and one.kind == "note"]


def test_it_keeps_the_contract() -> None:
    assert check_contract(OutputCollector(OutputOptions((("stdout", "step {steps}"),)))) == "ok"
    assert check_contract(OutputCollector()) == "absent"


def test_lines_become_samples_at_their_own_times() -> None:
    job = Watched(("stdout", "step {steps}"))
    job.printed(1.0, "step 10\n")
    job.printed(2.5, "noise\nstep 20\n")
    job.read(3.0)
    job.printed(4.0, "step 35\n")
    job.read(5.0)
    assert job.series("steps_total") == [(0, 0), (1.0, 10), (2.5, 20), (4.0, 35)]


def test_many_lines_a_second_are_joined_and_none_is_lost() -> None:
    job = Watched(("stdout", "done"))
    for number in range(1000):
        job.printed(1 + number / 1000, "done\n")
    job.read(3.0)
    series = job.series("lines_total")
    assert series[0] == (0, 0)
    assert series[1] == (1.0, 1)
    assert series[-1] == (1.999, 1000)
    assert len(series) < 30


def test_each_stream_is_read_by_those_who_asked_for_it() -> None:
    job = Watched(("stdout", "n {a}"), ("stderr", "n {b}"), ("output", "n {c__inc}"))
    job.printed(1.0, "n 1\n")
    job.printed(2.0, "n 5\n", "stderr")
    job.read(3.0)
    assert job.series("a_total")[-1] == (1.0, 1)
    assert job.series("b_total", "output-1")[-1] == (2.0, 5)
    assert job.series("c_total", "output-2")[-1] == (2.0, 6)
    assert [device.facts["reads"] for device in job.devices] == ["stdout", "stderr", "output"]
    assert [(device.id, device.index) for device in job.devices] == [
        ("output", 0),
        ("output-1", 1),
        ("output-2", 2),
    ]


def test_pieces_of_two_streams_are_not_mixed() -> None:
    job = Watched(("output", "n {a__inc}"))
    job.printed(1.0, "n ")
    job.printed(1.1, "n 7\n", "stderr")
    job.printed(1.2, "3\n")
    job.read(2.0)
    assert job.series("a_total")[-1][1] == 10


def test_a_bar_that_is_ended_by_the_next_one_has_its_own_time() -> None:
    job = Watched(("stderr", "tqdm"))
    job.printed(1.0, "\r 10%|#  | 10/100 [00:01<00:09, 10it/s]", "stderr")
    job.printed(2.0, "\r 20%|## | 20/100 [00:02<00:08, 10it/s]", "stderr")
    job.read(3.0)
    assert job.series("steps_total") == [(0, 0), (1.0, 10)]
    job.printed(4.0, b"", "stderr")
    job.read(5.0)
    assert job.series("steps_total")[1:3] == [(1.0, 10), (2.0, 20)]


def test_a_bar_that_cannot_be_read_is_said_once() -> None:
    job = Watched(("stderr", "tqdm"))
    job.printed(1.0, "  1%|#| 2/250\r  2%|#| 4/250\r  4%|#| 10/25\r  8%|#| 20/25\r", "stderr")
    job.read(2.0)
    job.printed(3.0, " 16%|#| 40/25\r", "stderr")
    job.read(4.0)
    assert job.series("steps_total")[-1] == (1.0, 4)
    (said,) = [one for one in job.readings if isinstance(one, Event)]
    assert said.fields["code"] == "lost-counts"
    assert "10/25" in said.fields["text"]


def test_a_last_line_without_end_counts_when_the_stream_ends() -> None:
    job = Watched(("stdout", "step {steps}"))
    job.printed(1.0, "step 1")
    assert job.read(2.0) == []
    job.printed(2.0, "2")
    job.printed(3.0, b"")
    job.read(4.0)
    assert job.series("steps_total") == [(0, 0), (2.0, 12)]


def test_a_rate_is_integrated_over_the_time_between_lines_also_within_a_cell() -> None:
    job = Watched(("stdout", "{samples__rate}/s"))
    for at_s in (1.0, 1.01, 1.03, 2.0):
        job.printed(at_s, "100/s\n")
    job.read(3.0)
    assert job.series("samples_total")[-1] == (2.0, pytest.approx(101.0))


def test_a_mark_splits_what_is_joined() -> None:
    job = Watched(("stdout", "done"))
    for number in range(10):
        job.printed(1 + number / 1000, "done\n")
    job.collector.split(round(1.0045 * S))
    job.read(2.0)
    assert (1.004, 5) in job.series("lines_total")


def test_a_pattern_that_finds_nothing_says_so_once_with_the_last_line() -> None:
    job = Watched(("stdout", "step {steps}"))
    job.printed(1.0, "epoch \x1b[1m7\x1b[0m\n")
    job.read(29.9)
    assert job.notes() == []
    job.read(30.0)
    job.read(99.0)
    (note,) = job.notes()
    assert "'epoch 7'" in note
    assert "perfwatch try" in note


def test_a_job_that_prints_nothing_is_told_from_one_that_does_not_match() -> None:
    job = Watched(("stderr", "step {steps}"))
    job.printed(1.0, "step 3\n", "stdout")
    job.read(31.0)
    assert "no line to its stderr" in job.notes()[0]


def test_a_stream_that_ended_without_a_match_is_told_at_once_with_its_last_line() -> None:
    job = Watched(("stdout", "step {steps}"), ("output", "step {steps}"))
    job.printed(1.0, "epoch 1\n")
    job.printed(1.0, b"")
    job.read(2.0)
    assert len(job.notes()) == 1
    assert "matched no line of the job's stdout; the last line is 'epoch 1'" in job.notes()[0]
    job.printed(3.0, b"", "stderr")
    job.read(4.0)
    assert len(job.notes()) == 2


def test_a_pattern_that_matched_stays_quiet() -> None:
    job = Watched(("stdout", "step {steps}"))
    job.printed(1.0, "step 3\n")
    job.read(31.0)
    assert job.notes() == []


def test_much_output_is_thinned_to_what_may_match_and_read_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MUCH_BYTES", 0)
    job = Watched(("stdout", "step {steps}"))
    asked: list[int] = []
    job.collector.on_much = lambda: asked.append(1)
    noise = "x" * 99 + "\n"
    job.printed(1.0, noise)
    for piece in (
        noise * 100 + "st",
        "ep 7" + "\n" + noise * 100,
        noise * 50 + "step 9\n",
        noise * 100 + "ste",
    ):
        job.printed(1.0, piece)
    job.printed(1.0, "\x1b[1mp 11\n")
    held = sum(len(data) for _, data, _ in job.collector._queue)
    job.read(2.0)
    assert job.series("steps_total")[-1][1] == 11
    assert len(asked) == 5
    assert held < 7_000


@pytest.mark.parametrize("pattern", ["{steps}", "re:x (?P<steps>.*)"])
def test_output_in_which_anything_may_match_is_not_thinned(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MUCH_BYTES", 0)
    job = Watched(("stdout", pattern))
    for n in range(5):
        job.printed(1.0, f"a\nx {n}\nb\n")
    job.read(2.0)
    assert job.series("steps_total")[-1][1] == 4


def test_output_that_could_not_wait_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 10 + module.OVERHEAD_BYTES)
    job = Watched(("stdout", "step {steps}"))
    for _ in range(3):
        job.printed(1.0, "step 12\n")
    lost = [one for one in job.read(2.0) if isinstance(one, Event)]
    assert [event.fields for event in lost] == [{"source": "output", "datagrams": 2}]


def test_two_halves_of_lines_around_a_loss_make_no_number() -> None:
    job = Watched(("stdout", "step {steps}"))
    job.printed(1.0, "step 12\nstep 1")
    job.collector.miss(1)
    job.printed(2.0, "99\nstep 20\n")
    job.read(3.0)
    assert job.series("steps_total") == [(0, 0), (1.0, 12), (2.0, 20)]


def test_the_rest_of_a_line_whose_beginning_was_lost_is_no_line() -> None:
    job = Watched(("output", "{steps} done"))
    job.printed(1.0, "7 done\n")
    job.collector.miss(2)
    job.printed(2.0, "34 do")
    job.printed(3.0, "ne\n35 done\n")
    job.printed(4.0, "99 done", "stderr")
    job.printed(5.0, "", "stderr")
    job.read(6.0)
    assert job.series("steps_total") == [(0, 0), (1.0, 7), (3.0, 35)]


def test_a_stream_that_was_read_whole_keeps_its_lines_while_the_other_overflows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 20 + 2 * module.OVERHEAD_BYTES)
    job = Watched(("output", "step {steps}"))
    job.printed(1.0, "step 1", "stderr")
    job.printed(1.0, "step 2")
    job.printed(1.0, " is a long line\nstep 7")
    job.read(2.0)
    job.printed(3.0, "5\n", "stderr")
    job.printed(4.0, "8\nstep 30\n")
    job.read(5.0)
    assert job.series("steps_total") == [(0, 0), (3.0, 15), (4.0, 30)]


@pytest.mark.parametrize(("kind", "pattern"), [("stdin", "x"), ("stdout", "(")])
def test_what_cannot_be_read_is_refused_when_it_is_set_up(kind: str, pattern: str) -> None:
    with pytest.raises(ConfigError):
        OutputCollector(OutputOptions(((kind, pattern),)))


def test_without_a_pattern_there_is_nothing_to_read() -> None:
    with pytest.raises(Unavailable, match="no pattern"):
        OutputCollector().open()


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.lists(st.integers(1, 20), max_size=60))
def test_totals_are_the_same_under_any_chunking(values: list[int], sizes: list[int]) -> None:
    data = "".join(f"got {value:,} tokens\n" for value in values).encode()
    job = Watched(("stdout", "got {generated_tokens__inc} tokens"))
    for at, size in enumerate(sizes):
        job.printed(1 + at / 100, data[:size] or b"\n")
        data = data[size:]
        if at % 7 == 0:
            job.read(2.0 + at / 10)
    job.printed(50.0, data or b"\n")
    job.read(60.0)
    assert job.series("generated_tokens_total")[-1][1] == sum(values)
