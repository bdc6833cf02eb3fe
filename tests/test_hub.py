"""The hub: the only writer, in order, whatever a sink or a table does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perfwatch.clock import NS
from perfwatch.hub import Hub
from perfwatch.metrics import POWER
from perfwatch.model import (
    Appeared,
    Batch,
    Declared,
    Device,
    DeviceKind,
    Event,
    Gone,
    Reading,
    Sample,
    State,
    Status,
    Table,
)
from perfwatch.session import format as fmt
from perfwatch.testing import FakeClock

ORIGIN_NS = 10 * NS
DEVICE = Device("D-0", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER,))


class Kept(list[Any]):
    """A sink that keeps everything."""

    def write(self, record: Mapping[str, Any]) -> None:
        self.append(record)

    def tick(self, now_ns: int) -> None:
        return None

    def told(self) -> list[Any]:
        """Without the header and what the hub says of itself."""
        own = ("clock", "observer", "end")
        return [record for record in self[1:] if record.get("event") not in own]


class Faulty(Kept):
    """A sink that raises at every record."""

    def write(self, record: Mapping[str, Any]) -> None:
        super().write(record)
        if "format" not in record:
            raise ValueError("cannot")


def hub_with(*sinks: Any) -> Hub:
    header = fmt.header(
        session_id="s", monotonic_ns=ORIGIN_NS, time_ns=0, host="h", perfwatch="0", interval_s=1.0
    )
    hub = Hub(header, clock=FakeClock(monotonic_ns=ORIGIN_NS), sinks=sinks)
    hub.start()
    return hub


def batch(second: float, *readings: Reading) -> Batch:
    at_ns = ORIGIN_NS + round(second * NS)
    return Batch("stub", at_ns, 1000, [(at_ns, reading) for reading in readings], lambda s: list(s.values))


def test_devices_get_numbers_and_times_count_from_the_header() -> None:
    kept = Kept()
    hub = hub_with(kept)
    other = Device("D-1", "Stub", DeviceKind.ACCELERATOR, metrics=(POWER,))
    hub.post(Declared("stub", ORIGIN_NS, (DEVICE,)))
    hub.post(batch(1.5, Sample("D-0", [100.0]), Appeared(other), Sample("D-1", [5.0]), Gone("D-0", "lost")))
    hub.stop()
    told = kept.told()
    assert [record["device"]["n"] for record in told if "device" in record] == [0, 1]
    assert [record["s"] for record in told if "s" in record] == [[[0, 1.5, [100.0]]], [[1, 1.5, [5.0]]]]
    assert told[-1] == {"t": 1.5, "event": "gone", "n": 0, "reason": "lost"}
    assert kept[-1]["event"] == "end"


def test_a_sample_of_an_unknown_device_is_left_out() -> None:
    kept = Kept()
    hub = hub_with(kept)
    hub.post(batch(1.0, Sample("stranger", (1.0,))))
    hub.stop()
    assert kept.told() == []


def test_a_table_is_recorded_when_it_changed_and_at_most_each_second() -> None:
    kept = Kept()
    hub = hub_with(kept)
    for second, pid in [(0.0, 1), (0.5, 2), (1.0, 1), (2.1, 1), (3.2, 3)]:
        hub.post(batch(second, Table("processes", ("pid",), [(pid,)])))
    hub.stop()
    assert [(record["t"], record["rows"]) for record in kept.told()] == [(0.0, [[1]]), (3.2, [[3]])]


def test_a_state_is_an_event_with_its_reason_and_remedy() -> None:
    kept = Kept()
    hub = hub_with(kept)
    hub.post(Status("stub", State.ABSENT, ORIGIN_NS, "no library", None, {"remedy": "install it"}))
    hub.event("mark", {"name": "measure", "edge": "begin"}, ORIGIN_NS + NS)
    hub.post(batch(2.0, Event("note", {"text": "hello"})))
    hub.stop()
    assert kept.told() == [
        {"t": 0.0, "event": "status", "collector": "stub", "state": "absent", "reason": "no library",
         "remedy": "install it"},
        {"t": 1.0, "event": "mark", "name": "measure", "edge": "begin"},
        {"t": 2.0, "event": "note", "text": "hello"},
    ]  # fmt: skip


def test_a_sink_that_raises_costs_only_itself_and_is_told() -> None:
    faulty, kept = Faulty(), Kept()
    hub = hub_with(faulty, kept)
    for second in (1.0, 2.0, 3.0):
        hub.event("note", {"text": "x"}, ORIGIN_NS + round(second * NS))
    hub.ask(lambda: None).result(10.0)
    hub.stop()
    assert sum(1 for record in kept.told() if record.get("text") == "x") == 3
    assert any("Faulty was left out" in record.get("text", "") for record in kept.told())
    assert len(faulty) == 2


def test_a_question_is_answered_after_everything_posted_before_it() -> None:
    kept = Kept()
    hub = hub_with(kept)
    for n in range(100):
        hub.event("note", {"text": str(n)})
    answer = hub.ask(lambda: sum(1 for record in kept if record.get("event") == "note")).result(10.0)
    hub.stop()
    assert answer == 100


def test_a_reading_that_cannot_be_recorded_is_left_out_and_told_once() -> None:
    kept = Kept()
    hub = hub_with(kept)
    for second in (1.0, 2.0):
        hub.post(batch(second, Table("processes", ("pid",), [5])))  # type: ignore[list-item]  # a row is no row
    hub.event("note", {"text": "after"})
    hub.ask(lambda: None).result(10.0)
    hub.stop()
    texts = [str(record.get("text")) for record in kept.told() if record.get("event") == "note"]
    assert sorted(text.split(":")[0] for text in texts) == ["Batch of stub was left out", "after"]


def test_what_a_plugin_tells_at_length_is_cut() -> None:
    kept = Kept()
    hub = hub_with(kept)
    rows = [(n, "x" * 5000, {"deep": ["y" * 5000]}) for n in range(5000)]
    hub.post(batch(1.0, Table("t" * 5000, ("pid", "c" * 5000, "more"), rows)))
    hub.post(batch(2.0, Event("note", {"text": "e" * 5000, "list": list(range(5000)), "raw": b"r" * 5000})))
    hub.post(Status("stub", State.FAILED, ORIGIN_NS, "z" * 5000, None, {"traceback": "w" * 9000}))
    hub.ask(lambda: None).result(10.0)
    hub.stop()
    table, note, status, said = kept.told()
    cut = 999 * "x" + "…"
    assert table["table"] == cut.replace("x", "t")
    assert table["columns"] == ["pid", cut.replace("x", "c"), "more"]
    assert len(table["rows"]) == 4096
    assert table["rows"][5] == [5, cut, {"deep": [cut.replace("x", "y")]}]
    assert note["text"] == cut.replace("x", "e")
    assert note["list"] == list(range(4096))
    assert len(note["raw"]) == 1000
    assert (len(status["reason"]), len(status["traceback"])) == (1000, 4000)
    assert said["code"] == "cut"


def test_what_is_within_its_bounds_is_recorded_as_it_is() -> None:
    kept = Kept()
    hub = hub_with(kept)
    row = [1, 2.5, None, True, "x" * 1000, ["a"], State.OK]
    hub.post(batch(1.0, Table("processes", tuple("abcdefg"), [row] * 4096)))
    hub.stop()
    (table,) = kept.told()
    assert table["rows"] == [[1, 2.5, None, True, "x" * 1000, ["a"], "ok"]] * 4096


def test_memory_of_processes_that_work_for_us_is_part_of_our_cost() -> None:
    alone, together = Kept(), Kept()
    for kept, more_bytes in ((alone, 0), (together, 1 << 40)):
        hub = hub_with(kept)
        hub.more_rss_bytes = lambda more_bytes=more_bytes: more_bytes
        hub.stop()
    last = [
        [one for one in kept if one.get("event") == "observer"][-1]["rss_bytes"] for kept in (alone, together)
    ]
    assert last[0] < 1 << 40 < last[1]


def test_questions_are_answered_after_the_end_and_nothing_else_is_taken() -> None:
    sink = Kept()
    hub = hub_with(sink)
    hub.stop()
    taken = len(sink)
    hub.event("note", {"text": "too late"})
    assert hub.ask(lambda: 42).result(5.0) == 42
    assert len(sink) == taken
    assert hub.ended_ns is not None
