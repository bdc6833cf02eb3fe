"""What does a job's own output say about its work?

The run command passes each piece of the streams to `feed`, which only queues; `read` puts lines together and
searches the patterns in them. `mllog` in the place of a pattern means the lines of an MLPerf training log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, Unavailable
from perfwatch.model import Device, DeviceKind, Event, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.redact import redact
from perfwatch.workload.booking import Booking
from perfwatch.workload.lines import LINE_BYTES, Lines
from perfwatch.workload.mllog_lines import MARKER
from perfwatch.workload.patterns import Match, Pattern, compile_pattern, totals_of
from perfwatch.workload.tally import clean_text
from perfwatch.workload.training_told import METRICS, MLLOG, TrainingTold

READS: dict[str, tuple[str, ...]] = {
    "stdout": ("stdout",),
    "stderr": ("stderr",),
    "output": ("stdout", "stderr"),
}
QUEUE_BYTES = 128 * 2**20
"""So much output waits for `read`; more is not searched, and said (`lost`)."""
OVERHEAD_BYTES = 150
"""What a queued piece takes beside its content: a job may print letter by letter."""
LINES_AT_ONCE = 20_000
"""So many lines are searched together: what waits can be millions of short ones."""
MUCH_BYTES = 4 * 2**20
"""When so much waits, lines that cannot match are left out at once, and a reading is asked for."""
_EDGES = (b"_start", b"_stop")
_NOT_PLAIN = (b"\x1b", b"\r")
"""An escape sequence may stand inside of a word that a pattern names; a CR ends a line as well."""
LOOK_S = 0.02
"""So exactly the arrival of a line is known."""
SILENT_S = 30.0
"""After so long without a match the last line is shown."""


@dataclass(frozen=True)
class OutputOptions:
    """What to read.

    Args:
        specs: pairs of a kind (`stdout`, `stderr`, `output`: both) and a pattern.
        numbered: a launcher puts the rank's number before each line.
    """

    specs: tuple[tuple[str, str], ...] = ()
    numbered: bool = False


class OutputCollector(Collector):
    """Reads what the job prints; one device of kind workload for each pattern.

    Raises:
        ConfigError: a pattern is malformed, or its kind is no stream.
    """

    name = "output"
    about = "work that a job prints, by patterns in its standard output and error: -w stdout=PATTERN"
    Options = OutputOptions

    def __init__(self, options: OutputOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._patterns = [
            (kind, _checked(kind, pattern, self.options.numbered)) for kind, pattern in self.options.specs
        ]
        self._reads_a_log = any(pattern is None for _, pattern in self._patterns)
        self._queue: list[tuple[str, bytes | None, int]] = []
        self._queued_bytes = 0
        self._unread = 0
        self._torn: set[str] = set()
        self._splits: list[int] = []
        self._lock = threading.Lock()
        self._streams = {"stdout": Lines(), "stderr": Lines()}
        self._ended: dict[str, int] = {}
        """When each stream ended that has."""
        self._readers: list[_Reader | _LogReader] = []
        self.on_mark: Callable[[], None] = lambda: None
        """Called when a log's mark is found: whoever sets it has energy read out of turn."""
        self.on_much: Callable[[], None] = lambda: None
        """Called when much waits for `read`: whoever sets it asks for a reading and does not wait."""
        self.judge: Judge = NOBODY
        """Says which queries are good ones; set before `open`."""

    def feed(self, stream: str, data: bytes, at_ns: int) -> None:
        """Take a piece of `stdout` or `stderr` that arrived at a time; nothing at all: the stream ended."""
        if self._reads_a_log and MARKER.encode() in data and any(edge in data for edge in _EDGES):
            self.on_mark()  # at once, and not first when the line is read
        if self._queued_bytes > MUCH_BYTES:
            data = self._thinned(stream, data)
            self.on_much()
        with self._lock:
            size = len(data) + OVERHEAD_BYTES
            if self._queued_bytes + size > QUEUE_BYTES:
                self._unread += 1
                self._torn.add(stream)
                return
            if stream in self._torn:
                self._torn.discard(stream)
                self._queue.append((stream, None, at_ns))
            self._queued_bytes += size
            self._queue.append((stream, data, at_ns))

    def miss(self, pieces: int) -> None:
        """So many pieces were passed on and are not fed; nobody knows of which stream."""
        with self._lock:
            self._unread += pieces
            self._torn.update(self._streams)

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        with self._lock:
            self._splits.append(at_ns)

    def _thinned(self, stream: str, data: bytes) -> bytes:
        """The piece without the lines that no pattern can match; what it begins and ends with may go on."""
        needles = [
            MARKER.encode() if pattern is None else pattern.needle
            for kind, pattern in self._patterns
            if stream in READS[kind]
        ]
        if not all(needles) or any(word in data for word in (*needles, *_NOT_PLAIN)):
            return data
        first, last = data.find(b"\n"), data.rfind(b"\n")
        if first < 0:
            return data[:LINE_BYTES]
        return data[: min(first, LINE_BYTES)] + b"\n" + data[last + 1 :][:LINE_BYTES]

    def open(self) -> Sequence[Device]:
        if not self._patterns:
            raise Unavailable(
                "no pattern says what to look for in the job's output",
                "perfwatch run -w stdout=PATTERN -- CMD",
            )
        opened_ns = self._clock.monotonic_ns()
        self._readers = [
            _LogReader(kind, index, self._clock)
            if pattern is None
            else _Reader(kind, pattern, index, opened_ns, self.judge)
            for index, (kind, pattern) in enumerate(self._patterns)
        ]
        return [reader.device for reader in self._readers]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        with self._lock:
            queue, self._queue = self._queue, []
            splits, self._splits = self._splits, []
            unread, self._unread = self._unread, 0
            self._queued_bytes = 0
        now_ns = self._clock.monotonic_ns()
        waiting = self._lines(queue)
        while lines := list(islice(waiting, LINES_AT_ONCE)):
            for reader in self._readers:
                yield from reader.readings(lines, splits)
        for reader in self._readers:
            yield from reader.said(now_ns, self._ended)
        if unread:
            yield Event("lost", {"source": "output", "datagrams": unread}, now_ns)

    def _lines(self, queue: Sequence[tuple[str, bytes | None, int]]) -> Iterator[tuple[str, int, str]]:
        for stream, data, at_ns in queue:
            lines = self._streams[stream]
            if data is None:  # pieces are missing here
                lines.tear()
                continue
            if not data:
                self._ended[stream] = at_ns
            for told_ns, text in lines.feed(data, at_ns) if data else lines.end():
                yield stream, told_ns, text


class _Reader:
    """One pattern at work."""

    def __init__(self, kind: str, pattern: Pattern, index: int, opened_ns: int, judge: Judge) -> None:
        self._pattern = pattern
        self._streams = READS[kind]
        device = Device(
            id=f"output-{index}" if index else "output",
            name=f"{kind} of the job",
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={
                "work": "output",
                "reads": kind,
                "pattern": clean_text(pattern.source, 500),
                "totals": totals_of(pattern.fields),
            },
        )
        self.device = device
        self._booking = Booking(device, opened_ns, pattern, judge)
        self._kind = kind
        self._silent_until_ns: int | None = opened_ns + round(SILENT_S * 1e9)
        self._last_line = ""
        self._unread: str | None = None
        """The first bar that could not be read, as a sentence."""
        self._is_beyond = self._has_ended = False

    def readings(self, lines: Sequence[tuple[str, int, str]], splits: Sequence[int]) -> Iterator[Reading]:
        """What these lines (stream, time, text) add."""
        knew = self._unread
        told = list(self._matches(lines))
        if told:
            self._silent_until_ns = None
        yield from self._booking.readings(told, splits)
        if self._unread != knew:
            note = {"source": "output", "text": self._unread, "code": "lost-counts"}
            yield Event("note", note, lines[-1][1])

    def said(self, now_ns: int, ended: Mapping[str, int]) -> Iterator[Reading]:
        """What is to be said once: nothing was found for a while, or nothing can be added any more.

        Args:
            ended: streams that bring no more, and since when.
        """
        if self._booking.tally.reached_too_far and not self._is_beyond:
            self._is_beyond = True
            text = f"{clean_text(self._pattern.source, 100)!r}: {self._booking.tally.reached_too_far}"
            yield Event("note", {"source": "output", "text": text}, now_ns)
        over = set(ended) >= set(self._streams)
        if over and not self._has_ended:
            self._has_ended = True
            yield from self._booking.end(max(ended[stream] for stream in self._streams))
        if self._silent_until_ns is None:
            return
        if over or now_ns >= self._silent_until_ns:
            self._silent_until_ns = None
            text = self._says_nothing("" if over else f" in {SILENT_S:.0f} s")
            yield Event("note", {"source": "output", "text": text}, now_ns)

    def _matches(self, lines: Sequence[tuple[str, int, str]]) -> Iterator[tuple[int, Match]]:
        for stream, at_ns, text in lines:
            if stream not in self._streams:
                continue
            self._last_line = text
            match = self._pattern.search(text)
            if match is not None:
                yield at_ns, match
            elif self._unread is None:
                self._unread = self._pattern.unread(text)

    def _says_nothing(self, until: str) -> str:
        pattern = clean_text(self._pattern.source, 100)
        if not self._last_line:
            return f"{pattern!r} found nothing: the job printed no line to its {self._kind}{until}"
        return (
            f"{pattern!r} matched no line of the job's {self._kind}{until}; the last line is "
            f"{clean_text(redact(self._last_line), 200)!r}; try it with: perfwatch try PATTERN < FILE"
        )


class _LogReader:
    """An MLPerf training log among the lines."""

    def __init__(self, kind: str, index: int, clock: Clock) -> None:
        self._streams = READS[kind]
        device_id = f"output-{index}" if index else "output"
        facts = {"work": "mlperf", "reads": kind, "pattern": MLLOG}
        self.device = Device(
            device_id, f"MLLOG lines on {kind}", DeviceKind.WORKLOAD, index, METRICS, facts=facts
        )
        self._told = TrainingTold(device_id, "output", clock, LOOK_S)

    def readings(self, lines: Sequence[tuple[str, int, str]], splits: Sequence[int]) -> Iterator[Reading]:
        """What these lines (stream, time, text) add; their own times keep to marks by themselves."""
        mine = [(at_ns, text) for stream, at_ns, text in lines if stream in self._streams]
        yield from self._told.readings(mine, lambda: None)  # energy was read when the line arrived

    def said(self, now_ns: int, ended: Mapping[str, int]) -> Iterator[Reading]:
        """A log tells nothing for as long as it likes."""
        return iter(())


def _checked(kind: str, pattern: str, numbered: bool) -> Pattern | None:
    """The pattern; None for a training log."""
    if kind not in READS:
        raise ConfigError(f"cannot read {clean_text(kind)!r} of a job: say stdout, stderr or output (both)")
    return None if pattern == MLLOG else compile_pattern(pattern, numbered=numbered)
