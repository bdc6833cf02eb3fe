"""What does a StatsD line say?

The lines, one or several to a datagram, separated by newlines (UTF-8). Sources: the StatsD project's
docs/metric_types.md; Datadog's "Datagram format" page, versions 1.0 to 1.3.

    NAME:VALUE|c[|@RATE]             a counter grows by VALUE / RATE; VALUE is not negative
    NAME:VALUE|ms[|@RATE]            a timing in milliseconds, seen 1 / RATE times
    NAME:VALUE|h[|@RATE]   also |d   an observation without a unit, seen 1 / RATE times
    NAME:VALUE|g                     a gauge; with a sign VALUE is added to it
    NAME:MEMBER|s                    a set: its size becomes a gauge
    NAME:begin|mark                  a mark; also end, point; `|t:NANOSECONDS` gives its own time

`NAME:V1:V2:V3|TYPE` packs several values (all types but sets and marks). `|#TAGS`, `|c:CONTAINER`,
`|e:EXTERNAL` and `|T<SECONDS>` are read and not used: series that differ only in tags are added, and a
second is too coarse to place work by. DogStatsD's events (`_e{`) and service checks (`_sc|`) say nothing
about work and are passed over.

Running totals, as `perfwatch.client` sends them, so that a lost datagram loses no count. `|i:SOURCE` says
whose (process and fork: PID, a dot, a random word), `|t:NANOSECONDS` of CLOCK_MONOTONIC when it was so:

    NAME:TOTAL|ct|i:SOURCE|t:NS      so much was counted by the source since it began
    NAME:N,SUM,MIN,MAX,ZERO,SINCE,LOW,HIGH;INDEX=COUNT,...|tt|i:SOURCE|t:NS
                                     N timings since the source began: their sum, smallest and largest in
                                     seconds, how many were zero or below; of those after the first SINCE
                                     the smallest and largest are LOW and HIGH; then the totals of some
                                     buckets (`perfwatch.workload.histogram`), at least of all that changed
                                     after the first SINCE. A long list comes in several lines.
    NAME:VALUE|g|i:SOURCE|t:NS       a gauge as it is, sign included
    process:begin|life|i:SOURCE      the source begins to count
    process:end|life|i:SOURCE        its last word: everything that it counted was sent. A process that was
                                     killed while it counted never says it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.workload.histogram import PER_OCTAVE
from perfwatch.workload.tally import LARGEST, Number, believable, whole

EDGES = ("begin", "end", "point")
LONGEST_NUMBER = 64
LONGEST_NAME = 1024
"""What is named by more is nobody's count, and names are remembered."""
BUCKETS = range(-1074 * PER_OCTAVE - 1, 60 * PER_OCTAVE)
"""The buckets that a positive number up to the largest that is believed can be in."""


class Increment(NamedTuple):
    """A counter grew."""

    name: str
    amount: Number


class Timing(NamedTuple):
    """A timing was taken, in seconds."""

    name: str
    seconds: float
    times: int


class Size(NamedTuple):
    """Something without a unit was observed."""

    name: str
    value: float
    times: int


class Gauge(NamedTuple):
    """A gauge is at a value; with `told_ns` it was so at that time of CLOCK_MONOTONIC."""

    name: str
    value: Number
    told_ns: int | None


class GaugeMove(NamedTuple):
    """A gauge moved by so much."""

    name: str
    by: Number


class Member(NamedTuple):
    """Something belongs to a set."""

    name: str
    member: str


class Total(NamedTuple):
    """A source counted so much since it began."""

    name: str
    total: Number
    source: str
    told_ns: int | None


class TimingTotal(NamedTuple):
    """A source timed so much since it began; see `tt` above."""

    name: str
    n: int
    sum: float
    min: float
    max: float
    zero: int
    since: int
    low: float
    high: float
    buckets: Mapping[int, int]
    source: str
    told_ns: int | None


class Mark(NamedTuple):
    """An instant with a name: `begin`, `end` or `point`."""

    name: str
    edge: str
    told_ns: int | None


class Life(NamedTuple):
    """A source begins to count, or has told everything."""

    source: str
    edge: str


Statement = Increment | Timing | Size | Gauge | GaugeMove | Member | Total | TimingTotal | Mark | Life


class BadLine(ValueError):
    """A line that says nothing we understand; the message says why."""


def parse_line(line: bytes) -> tuple[Statement, ...]:
    """What a line says; nothing for an empty line, an event or a service check.

    Raises:
        BadLine: it is malformed, or a number in it is not finite, too large, or negative in a counter.
    """
    text = line.decode("utf-8", "replace").strip()
    if not text or text.startswith(("_e{", "_sc|")):
        return ()
    head, *rest = text.split("|")
    name, colon, value = head.partition(":")
    if not name or not colon or not rest:
        raise BadLine("it is not NAME:VALUE|TYPE")
    if len(name) > LONGEST_NAME:
        raise BadLine(f"its name has more than {LONGEST_NAME} characters")
    further = _further(rest[1:])
    kind = rest[0]
    if kind in _ONE_VALUE:
        return (_ONE_VALUE[kind](name, value, further),)
    if kind in _PACKED:
        return tuple(_PACKED[kind](name, one, further) for one in value.split(":"))
    raise BadLine(f"its type is {kind[:20]!r}, which is none of c, g, ms, h, d, s, mark")


def has_mark(datagram: bytes) -> bool:
    """Whether a datagram may hold a mark; cheap."""
    return b"|mark" in datagram


def mark_line(name: str, edge: str, at_ns: int) -> bytes:
    """The line of a mark.

    Raises:
        ConfigError: the name cannot stand in a line, or the edge is none of the three.
    """
    if not name or not name.isprintable() or any(letter in name for letter in ":|"):
        raise ConfigError(f"cannot mark {name!r}: a mark's name has no colon, bar or line break; use letters")
    if edge not in EDGES:
        raise ConfigError(f"cannot mark {name!r} with {edge!r}: say begin, end or point")
    return f"{name}:{edge}|mark|t:{at_ns}".encode()


def _further(parts: list[str]) -> dict[str, str]:
    """The parts behind the type by their first characters: `@`, `#`, `T`, `t:`, `i:`, ..."""
    found: dict[str, str] = {}
    for part in parts:
        if part[:1] in "@#T":
            found[part[:1]] = part[1:]
        elif part[1:2] == ":":
            found[part[:2]] = part[2:]
        else:
            raise BadLine(f"{part[:20]!r} behind the type is unknown")
    return found


def _increment(name: str, value: str, further: Mapping[str, str]) -> Increment:
    rate = _rate(further)
    amount = _count(value)
    return Increment(name, amount if rate == 1.0 else whole(amount / rate))


def _timing(name: str, value: str, further: Mapping[str, str]) -> Timing:
    milliseconds = _number(value)
    if milliseconds < 0:
        raise BadLine(f"a timing of {value[:20]} ms is none")
    return Timing(name, milliseconds / 1e3, _times(further))


def _size(name: str, value: str, further: Mapping[str, str]) -> Size:
    return Size(name, float(_number(value)), _times(further))


def _member(name: str, value: str, _further: Mapping[str, str]) -> Member:
    return Member(name, value)


def _total(name: str, value: str, further: Mapping[str, str]) -> Total:
    return Total(name, _count(value), _source(further), _told_ns(further))


def _gauge(name: str, value: str, further: Mapping[str, str]) -> Statement:
    number = _number(value)
    if value[:1] in "+-" and "i:" not in further:
        return GaugeMove(name, number)
    return Gauge(name, number, _told_ns(further))


def _mark(name: str, edge: str, further: Mapping[str, str]) -> Mark:
    if edge not in EDGES:
        raise BadLine(f"a mark is begin, end or point, not {edge[:20]!r}")
    return Mark(name, edge, _told_ns(further))


def _life(_name: str, edge: str, further: Mapping[str, str]) -> Life:
    if edge not in ("begin", "end"):
        raise BadLine(f"a life has a begin and an end, not {edge[:20]!r}")
    return Life(_source(further), edge)


def _timing_total(name: str, value: str, further: Mapping[str, str]) -> TimingTotal:
    figures, _, listed = value.partition(";")
    try:
        n, total, smallest, largest, zero, since, low, high = figures.split(",")
        pairs = [pair.split("=") for pair in listed.split(",")] if listed else []
        buckets = {int(index): int(count) for index, count in pairs}
        said = TimingTotal(
            name,
            int(n),
            float(total),
            float(smallest),
            float(largest),
            int(zero),
            int(since),
            float(low),
            float(high),
            buckets,
            _source(further),
            _told_ns(further),
        )
    except ValueError as error:
        raise BadLine("it is no list of timing totals") from error
    if not all(map(believable, (said.sum, said.min, said.max, said.low, said.high))):
        raise BadLine("a number in it is not finite or too large")
    totals = (said.n, said.zero, said.since, *buckets.values())
    if min(said.sum, said.min, said.low, *totals) < 0:
        raise BadLine("a number in it is negative")
    if max(totals) > LARGEST:  # of integers of any length, which no float may hold
        raise BadLine("a total in it is too large")
    if not all(index in BUCKETS for index in buckets):
        raise BadLine("a bucket in it holds no number")
    return said


def _count(text: str) -> Number:
    number = _number(text)
    if number < 0:
        raise BadLine("a counter cannot go back")
    return number


def _number(text: str) -> Number:
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    if len(text) > LONGEST_NUMBER or "_" in text:
        raise BadLine(f"{text[:20]!r} is no number")
    try:
        number = float(text)
    except ValueError:
        raise BadLine(f"{text[:20]!r} is no number") from None
    if not believable(number):
        raise BadLine(f"{text[:20]!r} is not finite or too large")
    return whole(number)


def _rate(further: Mapping[str, str]) -> float:
    text = further.get("@")
    if text is None:
        return 1.0
    rate = float(_number(text))
    if not 1e-9 <= rate <= 1.0:
        raise BadLine(f"a sampling rate is above 0 and at most 1, not {text[:20]!r}")
    return rate


def _times(further: Mapping[str, str]) -> int:
    return max(1, round(1 / _rate(further)))


def _told_ns(further: Mapping[str, str]) -> int | None:
    text = further.get("t:")
    if text is None:
        return None
    if not (text.isdecimal() and text.isascii() and len(text) <= 19):
        raise BadLine(f"{text[:20]!r} is no time in nanoseconds")
    return int(text)


def _source(further: Mapping[str, str]) -> str:
    source = further.get("i:", "")
    if not 0 < len(source) <= 64:
        raise BadLine("a running total needs |i:SOURCE")
    return source


_Reader = Callable[[str, str, Mapping[str, str]], Statement]
_ONE_VALUE: dict[str, _Reader] = {
    "mark": _mark,
    "s": _member,
    "ct": _total,
    "tt": _timing_total,
    "life": _life,
}
_PACKED: dict[str, _Reader] = {"c": _increment, "ms": _timing, "g": _gauge, "h": _size, "d": _size}
