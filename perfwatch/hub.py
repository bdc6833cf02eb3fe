"""The only writer: takes what runners post, in order, and feeds the sinks on a thread of its own.

The hub turns postings into records of the session format (numbers for devices, seconds for times) and
hands each to every sink: recorder, history, live figures. Sampling and recording never wait for a screen:
whoever wants to look asks with `ask` and gets an answer computed on the hub's thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from perfwatch.clock import NS, Clock, Wake, ahead_ns
from perfwatch.model import Appeared, Batch, Declared, Device, Event, Gone, Reading, Sample, Status, Table
from perfwatch.runner import Runner
from perfwatch.session import format as fmt
from perfwatch.session.caps import (
    TABLE_ROWS,
    TEXT_CHARACTERS,
    TRACEBACK_CHARACTERS,
    capped,
    capped_row,
    capped_rows,
    capped_text,
)

TURN_S = 0.5
"""How often the hub takes what was posted, unless it is asked something: waking up for every batch would
cost more than the batch."""
WATCH_S = 0.25
"""How often the hub looks after sinks, clocks and its own cost, at most."""
CLOCK_S = 10.0
"""How often a pair of clocks and perfwatch's own cost are recorded."""
TABLE_S = 0.9
"""A table is recorded when it changed, and no more often than this."""

T = TypeVar("T")


class Sink(Protocol):
    """Takes every record of the session, in order, on the hub's thread."""

    def write(self, record: Mapping[str, Any]) -> None: ...

    def tick(self, now_ns: int) -> None: ...


def _told_host(device: Device) -> str | None:
    """The host that a device is of, where another one reads it: a meter of lab1 (`host=lab1`)."""
    host = device.facts.get("host")
    return host if isinstance(host, str) and host else None


class Hub:
    """Owns the stream of one session.

    Args:
        header: the session's header; times are counted from its `clock.monotonic_ns`.
        clock: time.
        sinks: where records go; the header is their first.
        turn_s: how often it takes what was posted.
        watch_s: how often it looks whether a runner's call is out, at least.
    """

    def __init__(
        self,
        header: fmt.Record,
        *,
        clock: Clock,
        sinks: Sequence[Sink],
        turn_s: float = TURN_S,
        watch_s: float = TURN_S,
    ) -> None:
        self.header = header
        self._origin_ns: int = header["clock"]["monotonic_ns"]
        self._clock = clock
        self._turn_s, self._watch_s = turn_s, min(watch_s, turn_s)
        self._sinks = list(sinks)
        self._posted: deque[Any] = deque()
        self._wake = Wake()
        self._stopping = False
        self.ended_ns: int | None = None
        """When the stream ended; questions are answered after that too, on the thread that asks."""
        self._runners: list[Runner] = []
        self.host_of: Callable[[Device], str | None] = _told_host
        """On which other machine a device is; None for this one."""
        self._numbers: dict[tuple[str, str], int] = {}
        self._tables: dict[tuple[str, int | None], tuple[int, Any]] = {}
        self._said: set[str] = set()
        self._watched_ns = 0
        self._clock_ns = 0
        self._thread = threading.Thread(target=self._run, name="perfwatch-hub", daemon=True)
        self._cpu_before_s = time.process_time()
        self.more_cpu_s: Callable[[], float] = lambda: 0.0
        """CPU time of processes that work for us, s; part of our own cost."""
        self.more_rss_bytes: Callable[[], int] = lambda: 0
        """Memory that those processes have beside what they share with us."""

    # -- from any thread ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin; the sinks get the header first."""
        for sink in self._sinks:
            sink.write(self.header)
        self._thread.start()

    def post(self, item: Declared | Batch | Status) -> None:
        """Take what a runner found. Never blocks, and wakes nobody: the hub looks in its own turn."""
        self._posted.append(item)

    def watch_over(self, runner: Runner) -> None:
        """Look after a runner from now on (hanging calls, its share of the observer's cost)."""
        self._runners.append(runner)

    def event(self, kind: str, fields: Mapping[str, Any], at_ns: int | None = None) -> None:
        """Record an event; at now unless a time is given."""
        self._posted.append(Event(kind, fields, self._clock.monotonic_ns() if at_ns is None else at_ns))

    def ask(self, question: Callable[[], T]) -> Future[T]:
        """Have a question answered on the hub's thread, after everything posted so far."""
        answer: Future[T] = Future()
        self._posted.append((question, answer))
        self._wake.set()
        if self.ended_ns is not None:
            self._take_all()
        return answer

    def stop(self, timeout_s: float = 5.0) -> None:
        """Take everything posted so far, record our own cost and the end, and stop."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_s)

    def seconds(self, at_ns: int) -> float:
        """A time of the monotonic clock as the session counts it."""
        return round((at_ns - self._origin_ns) / NS, 6)

    # -- the hub's thread --------------------------------------------------------------------------

    def _run(self) -> None:
        looks = max(1, round(self._turn_s / self._watch_s))
        while not self._stopping:
            for _ in range(looks - 1):  # these only look: to take what came costs more
                if self._wake.wait(self._watch_s):
                    break
                self._watch(self._clock.monotonic_ns())
            else:
                self._wake.wait(self._watch_s)
            self._take_all()
            self._look_after(self._clock.monotonic_ns())
        self._take_all()
        self._end()
        self.ended_ns = self._clock.monotonic_ns()
        self._take_all()  # what was asked since

    def _take_all(self) -> None:
        while True:
            try:
                item = self._posted.popleft()
            except IndexError:
                return
            if self.ended_ns is not None and isinstance(item, (Batch, Declared, Status, Event)):
                continue  # too late to be recorded
            try:
                self._take(item)
            except Exception as error:  # noqa: BLE001 - nonsense from a plugin must not end the recording
                self._leave_out(item, error)

    def _leave_out(self, item: Any, error: Exception) -> None:
        """What cannot be recorded is left out, and said once for each kind of trouble."""
        text = (
            f"{type(item).__name__} of {getattr(item, 'collector', 'perfwatch')} was left out: {error!r:.200}"
        )
        self._say_once("left-out", text)

    def _say_once(self, code: str, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.event("note", {"code": code, "text": text})

    def _take(self, item: Any) -> None:
        if isinstance(item, Batch):
            self._take_batch(item)
        elif isinstance(item, Declared):
            for device in item.devices:
                self._declare(item.collector, device, item.at_ns)
        elif isinstance(item, Status):
            self._take_status(item)
        elif isinstance(item, Event):
            self._take_event(item.at_ns or self._clock.monotonic_ns(), item)
        else:
            question, answer = item
            try:
                answer.set_result(question())
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.set_exception(error)

    def _take_batch(self, batch: Batch) -> None:
        rows: list[list[Any]] = []
        for at_ns, reading in batch.readings:
            if isinstance(reading, Sample):
                number = self._numbers.get((batch.collector, reading.device_id))
                if number is not None:
                    rows.append([number, self.seconds(at_ns), batch.rounded(reading)])
                continue
            self._write_rows(batch, rows)
            rows = []
            self._take_reading(batch.collector, at_ns, reading)
        self._write_rows(batch, rows)

    def _write_rows(self, batch: Batch, rows: list[list[Any]]) -> None:
        if rows:
            self._write(
                fmt.batch(self.seconds(batch.at_ns), batch.collector, round(batch.took_ns / NS, 6), rows)
            )

    def _take_reading(self, collector: str, at_ns: int, reading: Reading) -> None:
        if isinstance(reading, Event):
            self._take_event(at_ns, reading)
        elif isinstance(reading, Table):
            self._take_table(collector, at_ns, reading)
        elif isinstance(reading, Appeared):
            self._declare(collector, reading.device, at_ns)
        elif isinstance(reading, Gone):
            number = self._numbers.get((collector, reading.device_id))
            if number is not None:
                reason = capped(reading.reason)
                self._write(fmt.event(self.seconds(at_ns), "gone", {"n": number, "reason": reason}))

    def _take_event(self, at_ns: int, event: Event) -> None:
        self._write(fmt.event(self.seconds(at_ns), capped_text(event.kind), capped(event.fields)))

    def _take_table(self, collector: str, at_ns: int, table: Table) -> None:
        number = self._numbers.get((collector, table.device_id)) if table.device_id is not None else None
        key = (f"{collector}/{table.name}", number)
        rows, more = capped_rows(table.rows)
        before = self._tables.get(key)
        if before is not None and (before[1] == rows or at_ns - before[0] < TABLE_S * NS):
            return
        self._tables[key] = (at_ns, rows)
        name = capped_text(table.name)
        self._write(fmt.table(self.seconds(at_ns), name, capped_row(table.columns), rows, number))
        if more:
            self._say_once(
                "cut",
                f"The table {name} of {collector} has more than {TABLE_ROWS} rows: the first are recorded.",
            )

    def _take_status(self, status: Status) -> None:
        fields: dict[str, Any] = {"collector": status.collector, "state": status.state.value}
        if status.device_id is not None:
            fields["device_id"] = status.device_id
        if status.reason:
            fields["reason"] = capped_text(status.reason)
        for key, value in (status.details or {}).items():
            most = TRACEBACK_CHARACTERS if key == "traceback" else TEXT_CHARACTERS
            fields[key] = capped_text(str(value), most)
        self._write(fmt.event(self.seconds(status.at_ns), "status", fields))

    def _declare(self, collector: str, device: Device, at_ns: int) -> None:
        key = (collector, device.id)
        number = self._numbers.setdefault(key, len(self._numbers))
        period_s = max((one.period_s for one in self._runners if one.name == collector), default=0.0)
        if period_s > self.header["interval_s"]:
            device = replace(device, period_s=period_s)
        record = fmt.encode_device(number, collector, device)
        host = self.host_of(device)
        if host is not None:
            record["host"] = host
        self._write({"t": self.seconds(at_ns), "device": record})

    def _look_after(self, now_ns: int) -> None:
        self._watch(now_ns)
        if now_ns - self._watched_ns < WATCH_S * NS:
            return
        self._watched_ns = now_ns
        if now_ns - self._clock_ns >= CLOCK_S * NS:
            self._clock_ns = now_ns
            self._write_clock_and_cost(now_ns)
        for sink in tuple(self._sinks):
            try:
                sink.tick(now_ns)
            except Exception as error:  # noqa: BLE001 - as in _write
                self._dismiss(sink, error)

    def _watch(self, now_ns: int) -> None:
        for runner in self._runners:
            runner.watch(now_ns)

    def _write_clock_and_cost(self, now_ns: int) -> None:
        t = self.seconds(now_ns)
        self._write(fmt.event(t, "clock", {"time_ns": now_ns - ahead_ns(self._clock)}))
        self._write(fmt.event(t, "observer", self._own_cost()))

    def _own_cost(self) -> dict[str, Any]:
        own_s = time.process_time() - self._cpu_before_s
        tools_s = sum(runner.tools_cpu_s for runner in self._runners)
        return {
            "cpu_s": round(own_s + self.more_cpu_s() + tools_s, 6),
            "rss_bytes": _with(_resident_bytes(), self.more_rss_bytes),
            "samples": sum(runner.samples for runner in self._runners),
            "late_samples": sum(runner.late for runner in self._runners),
            "missed_ticks": sum(runner.missed for runner in self._runners),
            "rejected_values": sum(runner.rejected for runner in self._runners),
        }

    def _end(self) -> None:
        now_ns = self._clock.monotonic_ns()
        self._write_clock_and_cost(now_ns)
        self._write(fmt.event(self.seconds(now_ns), "end", {}))

    def _write(self, record: fmt.Record) -> None:
        for sink in tuple(self._sinks):
            try:
                sink.write(record)
            except Exception as error:  # noqa: BLE001 - a reader with a fault must not cost the recording
                self._dismiss(sink, error)

    def _dismiss(self, sink: Sink, error: Exception) -> None:
        """A sink that raised gets nothing more; the others are told."""
        self._sinks.remove(sink)
        text = f"{type(sink).__name__} was left out after {type(error).__name__}: {error}"
        self.event("note", {"code": "sink-failed", "text": text})


def _with(ours_bytes: int | None, more_bytes: Callable[[], int]) -> int | None:
    return None if ours_bytes is None else ours_bytes + more_bytes()


def _resident_bytes() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - every 10 s, beside a job
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    import os

    return pages * os.sysconf("SC_PAGE_SIZE")
