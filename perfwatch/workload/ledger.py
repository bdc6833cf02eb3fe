"""What do drained StatsD datagrams add to the totals of a job?

Datagrams with the times of their arrival go in, readings in time order come out: samples of one device of
kind workload, marks, and a note where something could not be used. Pure: sockets and clocks are the
collector's.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from perfwatch.model import Device, Event, Histogram, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.redact import redact
from perfwatch.workload.cells import Arrival, Cells
from perfwatch.workload.histogram import add_buckets, bounds_of
from perfwatch.workload.lives import Lives
from perfwatch.workload.statsd import (
    BadLine,
    Gauge,
    GaugeMove,
    Increment,
    Life,
    Mark,
    Member,
    Size,
    Statement,
    Timing,
    TimingTotal,
    Total,
    has_mark,
    parse_line,
)
from perfwatch.workload.tally import LARGEST, NAMES, Number, Tally, clean_text

SOURCES = 65_536
"""So many running totals (a name of a process) are remembered; then the one longest silent is forgotten."""
MEMBERS = 100_000
"""So many members of a set are told apart."""
MEMBERS_IN_ALL = 1_000_000
"""The same of all sets together."""
MARKS = 10_000
"""So many marks are recorded; each costs a reading of every energy source."""
CACHED_LINES = 4096
CACHED_BYTES = 256
"""A line that is longer is parsed each time: one datagram can hold thousands of statements in one line."""
STRETCHES = 1000
"""So many lines of one process wait for a missing one."""
KNOWN_BUCKETS = 4_000_000
"""So many buckets and waiting lines are remembered of all processes together; then the one longest silent is
forgotten."""

_PLAIN_TIMING = re.compile(rb"([^:|\s]{1,256}):(\d{1,12}(?:\.\d{0,12})?)\|ms(?:\|#[^|\r]*)?\Z").match
"""The most frequent line whose every instance differs; parsing it in full costs eight times as much."""
_TOLD = re.compile(rb"\|t:(\d{1,19})(?=\||\s*$)")

Said = bytes | Mark


class Ledger:
    """Keeps one workload's totals, whoever tells them.

    Args:
        device: the workload, without metrics.
        opened_ns: when listening began.
        judge: says which queries are good ones.
    """

    def __init__(self, device: Device, opened_ns: int, judge: Judge = NOBODY) -> None:
        self.tally = Tally(device, opened_ns, judge)
        self.bad = 0
        """Lines that could not be read."""
        self.marks = 0
        self.lives = Lives()
        """The processes that count through the client."""
        self._opened_ns = opened_ns
        self._cells: Cells = Cells(opened_ns)
        self._cache: dict[bytes, tuple[Statement, ...]] = {}
        self._totals: OrderedDict[tuple[str, str], Number] = OrderedDict()
        self._timed: OrderedDict[tuple[str, str], TimedSource] = OrderedDict()
        self._gauges: dict[str, tuple[Number, int]] = {}
        self._known_buckets = 0
        self._members: dict[str, set[int]] = {}
        """Of each member its hash: they may be long."""
        self._members_in_all = 0
        self._notes: list[dict[str, str]] = []
        self._noted: set[str] = set()

    def readings(self, datagrams: Sequence[tuple[int, bytes]], now_ns: int) -> list[Reading]:
        """Everything that these datagrams say, in the order of its times.

        Args:
            datagrams: time of arrival (CLOCK_MONOTONIC, ns) and content, in order of arrival.
            now_ns: the time now; nothing is later.
        """
        readings: list[Reading] = []
        for cell in self._cells.join(self._arrivals(datagrams, now_ns)):
            if cell.is_mark:
                readings += self._mark(cell.said[0], cell.at_ns)
            else:
                self._add(b"\n".join(cell.said), cell.at_ns)
                readings += self.tally.sample(cell.at_ns)
        if self.tally.dropped:
            first = clean_text(redact(self.tally.dropped_first), 60)
            self._note(
                "names",
                f"More than {NAMES} names were told: what was counted under {first!r} and further ones is in "
                "no figure; put what differs (an id) into tags.",
                code="lost-counts",
            )
        if self.tally.reached_too_far:
            self._note("beyond", self.tally.reached_too_far)
        readings += [Event("note", {"source": "statsd", **note}, now_ns) for note in self._notes]
        self._notes.clear()
        return readings

    # -- times -------------------------------------------------------------------------------------

    def _arrivals(self, datagrams: Iterable[tuple[int, bytes]], now_ns: int) -> Iterator[Arrival]:
        for at_ns, data in datagrams:
            if b"|t:" in data or has_mark(data):
                yield from self._line_by_line(at_ns, data, now_ns)
            else:
                yield Arrival(at_ns, data)

    def _line_by_line(self, at_ns: int, data: bytes, now_ns: int) -> Iterator[Arrival]:
        plain: list[bytes] = []  # together: a datagram can have a line for each two of its bytes
        for line in data.split(b"\n"):
            told = _TOLD.search(line)
            told_ns = int(told[1]) if told else -1
            mark = self._read_mark(line) if has_mark(line) else None
            if mark is None and not self._opened_ns <= told_ns <= now_ns:
                plain.append(line)
                continue
            if plain:
                yield Arrival(at_ns, b"\n".join(plain))
                plain.clear()
            if mark is not None:
                yield Arrival(self._clamp(mark, at_ns, now_ns), mark, is_mark=True)
            else:
                yield Arrival(told_ns, line)
        if plain:
            yield Arrival(at_ns, b"\n".join(plain))

    def _read_mark(self, line: bytes) -> Mark | None:
        try:
            statements = parse_line(line)
        except BadLine:
            return None  # counted with the other lines that cannot be read
        return next((statement for statement in statements if isinstance(statement, Mark)), None)

    def _clamp(self, mark: Mark, at_ns: int, now_ns: int) -> int:
        if mark.told_ns is None:
            return at_ns
        # A time to come is no time: the mark came when it arrived.
        clamped_ns = max(mark.told_ns, self._opened_ns) if mark.told_ns <= now_ns else at_ns
        if clamped_ns != mark.told_ns:
            instead = "it counts when it came" if clamped_ns == at_ns else "it was moved to its begin"
            name = clean_text(mark.name, 40)
            self._note("clamped", f"mark {name!r} gives a time outside of the watched stretch; {instead}")
        return clamped_ns

    def _mark(self, mark: Said, at_ns: int) -> list[Reading]:
        assert isinstance(mark, Mark)
        self.marks += 1
        if self.marks > MARKS:
            self._note("marks", f"more than {MARKS} marks; further ones are dropped")
            return []
        fields = {"name": clean_text(mark.name), "edge": mark.edge, "origin": "job"}
        return [Event("mark", fields, at_ns)]

    # -- sums --------------------------------------------------------------------------------------

    def _add(self, data: bytes, at_ns: int) -> None:
        """Add the lines of one cell. Equal lines are parsed once; gauges alone depend on the order."""
        lines = data.split(b"\n")
        gauges: dict[bytes, tuple[Statement, ...]] = {}
        timed: dict[bytes, list[float]] = {}
        cached = self._cache
        for line, times in Counter(lines).items():
            statements = cached.get(line)
            if statements is None:
                plain = _PLAIN_TIMING(line)
                if plain is not None:
                    timed.setdefault(plain[1], []).extend([float(plain[2]) / 1e3] * times)
                    continue
                statements = self._parse(line, times)
            for statement in statements:
                kind = type(statement)
                if kind is Increment:
                    self.tally.count(statement.name, statement.amount * times)  # type: ignore[union-attr]
                elif kind is Timing:
                    self.tally.timing(statement.name, statement.seconds, statement.times * times)  # type: ignore[union-attr]
                elif kind is Gauge or kind is GaugeMove:
                    gauges[line] = statements
                else:
                    self._add_rare(statement, times)
        for name, seconds in timed.items():
            self.tally.many_timings(name.decode("utf-8", "replace"), seconds)
        if gauges:
            self._set_gauges(lines, gauges, at_ns)

    def _add_rare(self, statement: Statement, times: int) -> None:
        if isinstance(statement, Total):
            self._add_total(statement)
        elif isinstance(statement, TimingTotal):
            self._add_timing_total(statement)
        elif isinstance(statement, Size):
            self.tally.size(statement.name, statement.value, statement.times * times)
        elif isinstance(statement, Member):
            self._add_member(statement)
        elif isinstance(statement, Life):
            self.lives.take(statement)

    def _parse(self, line: bytes, times: int) -> tuple[Statement, ...]:
        try:
            statements = parse_line(line)
        except BadLine as error:
            self.bad += times
            shown = clean_text(redact(line[:80].decode("utf-8", "replace")))
            self._note("bad", f"cannot read the StatsD line {shown!r}: {error}; further ones are counted")
            return ()
        if len(self._cache) >= CACHED_LINES:
            self._cache.clear()
        if b"|t:" not in line and len(line) <= CACHED_BYTES:
            self._cache[line] = statements
        return statements

    def _add_total(self, said: Total) -> None:
        key = (said.source, said.name)
        before = self._totals.get(key, 0)
        if said.total > before:
            self.tally.count(said.name, said.total - before)
        elif before:
            return  # an older datagram that was overtaken
        else:
            self.tally.count(said.name, 0)
        self._totals[key] = said.total
        self._totals.move_to_end(key)
        if len(self._totals) > SOURCES:
            self._totals.popitem(last=False)
            self._note_forgetting()

    def _add_timing_total(self, said: TimingTotal) -> None:
        key = (said.source, said.name)
        timed = self._timed.get(key)
        if timed is None:
            timed = self._timed[key] = TimedSource()
        self._timed.move_to_end(key)
        before = timed.size
        observed = timed.take(said)
        self._known_buckets += timed.size - before
        while len(self._timed) > SOURCES or (self._known_buckets > KNOWN_BUCKETS and len(self._timed) > 1):
            self._known_buckets -= self._timed.popitem(last=False)[1].size
            self._note_forgetting()
        if observed is not None:
            self.tally.timings(said.name, observed)

    def _note_forgetting(self) -> None:
        self._note(
            "forgotten",
            "more processes count than are remembered, and those longest silent are forgotten; one that "
            "counts again after that is counted twice",
        )

    def _add_member(self, said: Member) -> None:
        name = clean_text(said.name)
        members = self._members.get(name, set())
        before = len(members)
        if before < MEMBERS and self._members_in_all < MEMBERS_IN_ALL:
            members.add(hash(said.member))
        if self.tally.gauge(name, len(members)):
            self._members[name] = members
            self._members_in_all += len(members) - before

    def _set_gauges(
        self, lines: Sequence[bytes], gauges: dict[bytes, tuple[Statement, ...]], at_ns: int
    ) -> None:
        for line in lines:
            for statement in gauges.get(line, ()):
                if isinstance(statement, Gauge):
                    # A time to come would hold the gauge for ever; one of another clock orders nothing.
                    told_ns = statement.told_ns or 0
                    believed = self._opened_ns <= told_ns <= at_ns
                    self._set_gauge(
                        clean_text(statement.name), statement.value, told_ns if believed else at_ns
                    )
                elif isinstance(statement, GaugeMove):
                    name = clean_text(statement.name)
                    before = self._gauges.get(name, (0, 0))[0]
                    self._set_gauge(name, before + statement.by, at_ns)

    def _set_gauge(self, name: str, value: Number, told_ns: int) -> None:
        if abs(value) > LARGEST:
            self.tally.beyond += 1
        elif told_ns >= self._gauges.get(name, (0, 0))[1] and self.tally.gauge(name, value):
            self._gauges[name] = (value, told_ns)

    def _note(self, about: str, text: str, **code: str) -> None:
        if about not in self._noted:
            self._noted.add(about)
            self._notes.append({"text": text, **code})


class TimedSource:
    """The running timing totals of one process, turned into increments.

    Nothing is handed on until the buckets told so far add up to the number of timings: after a lost
    datagram that is so again with the next complete list, which comes before every mark and at exit.
    """

    def __init__(self) -> None:
        self._given_n = 0
        self._given_sum = 0.0
        self._newest: TimingTotal | None = None
        self._known: dict[int, int] = {}
        self._zero = 0
        self._fresh: dict[int, int] = {}
        self._fresh_zero = 0
        self._stretches: dict[int, TimingTotal] = {}

    @property
    def size(self) -> int:
        """How much it remembers: buckets, and lines that wait."""
        return len(self._known) + len(self._stretches)

    def take(self, said: TimingTotal) -> Histogram | None:
        """What this line completes, or None if nothing is new or something is still missing."""
        self._take_buckets(said)
        if said.n > said.since and len(self._stretches) < STRETCHES:
            self._stretches[said.since] = said._replace(buckets={})
        if self._newest is None or said.n > self._newest.n:
            self._newest = said
        newest = self._newest
        gathered = self._given_n + sum(self._fresh.values()) + self._fresh_zero
        if newest.n == self._given_n or gathered != newest.n:
            return None
        low, high = self._extremes(newest)
        grown = max(0.0, newest.sum - self._given_sum)  # one that falls is a lie: no time is negative
        count = newest.n - self._given_n
        observed = Histogram(count, grown, min(low, high), max(low, high), self._fresh, self._fresh_zero)
        self._given_n, self._given_sum = newest.n, max(newest.sum, self._given_sum)
        self._fresh, self._fresh_zero = {}, 0
        self._stretches.clear()
        return observed

    def _take_buckets(self, said: TimingTotal) -> None:
        grown = {index: count - self._known.get(index, 0) for index, count in said.buckets.items()}
        grown = {index: more for index, more in grown.items() if more > 0}
        add_buckets(self._known, grown)
        add_buckets(self._fresh, grown)
        if said.zero > self._zero:
            self._fresh_zero += said.zero - self._zero
            self._zero = said.zero

    def _extremes(self, newest: TimingTotal) -> tuple[float, float]:
        """Smallest and largest of the new timings: as told, or from their buckets if a line was lost."""
        low, high, at = math.inf, -math.inf, self._given_n
        while at != newest.n and at in self._stretches:
            stretch = self._stretches[at]
            low, high, at = min(low, stretch.low), max(high, stretch.high), stretch.n
        if at == newest.n:
            return low, high
        low = bounds_of(min(self._fresh))[0] if self._fresh and not self._fresh_zero else newest.min
        high = bounds_of(max(self._fresh))[1] if self._fresh else newest.max
        return max(newest.min, low), min(newest.max, high)
