"""What does a metrics page (Prometheus' text format) say about a few families?

A page can have some megabytes and is read every second, so it is not parsed: the families that it announces
are found, and only the lines of those that are wanted are read. Format: Prometheus' "Exposition formats",
text version 0.0.4; an exemplar or a time behind the value (OpenMetrics) is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, NamedTuple

from perfwatch.workload.tally import LARGEST, Number, believable, whole

SERIES = 20_000
"""So many series of one name are read; a page that has more is nobody's measurement."""
REMEMBERED = SERIES
"""So many lines of a page are known by their labels; beyond, all are looked at anew."""
REMEMBERED_BYTES = 1024
"""Labels that are longer are looked at each time: those that change with every page would fill the memory."""
NAMES_SHOWN = 5
_MUCH_BYTES = 2**20
"""A piece of a page that is longer can have many more series."""

_TEXT = rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_STAMP = rb"[ \t]+(-?\d{1,20}(?:\.\d{1,20})?)(?=[ \t]*(?:[\n#]|\Z))"
_MILLISECONDS = 1e11
"""As seconds this would be in the year 5138."""
_REST = rb'(?:\{([^"{}\n]*(?:' + _TEXT + rb'[^"{}\n]*)*)\})?[ \t]+(\S+)'
# A name is looked for where a word begins only: labels of some megabytes would else take minutes.
_LABEL = re.compile(rb'(?<![A-Za-z0-9_])([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)")
_FAMILY = re.compile(rb"\n# TYPE (\S+) +(\w+)")
_PARTS = (b"_total", b"_bucket", b"_sum", b"_count")
"""What stands behind the name of a family in the names of its series."""


class Line(NamedTuple):
    """One series of a page: its labels as they stand there, and its value; None is no believable number."""

    labels: bytes
    value: Number | None


def series_of(name: str, line: bytes) -> tuple[bytes, bytes] | None:
    """A line of exactly this name as what stands before its value, and the value; None for any other line.

    None as well where something stands behind the value: a time, an exemplar.
    """
    match = _line_of(name).fullmatch(b"\n" + line)
    return None if match is None else (line[: match.start(2) - 1], match[2])


@lru_cache(512)
def _line_of(name: str) -> re.Pattern[bytes]:
    """A line of exactly this name: its labels, which may be none, and its value."""
    return re.compile(b"\\n" + re.escape(name.encode()) + _REST)


@lru_cache(512)
def _stamped_line_of(name: str) -> re.Pattern[bytes]:
    """The same, with a time behind the value."""
    return re.compile(_line_of(name).pattern + _STAMP)


class Page:
    """One page, searched by name."""

    def __init__(self, body: bytes) -> None:
        body = _unquoted(body)
        # Only where it is needed: to replace what is not there takes longer than to look.
        self._body = b"\n" + (body.replace(b"\r\n", b"\n") if b"\r" in body else body)

    @cached_property
    def _announced(self) -> Mapping[bytes, list[tuple[int, int]]]:
        """Where the series of each announced family stand: behind its `# TYPE`, up to the next one."""
        found = [(match[1], match.end()) for match in _FAMILY.finditer(self._body)]
        places: dict[bytes, list[tuple[int, int]]] = {}
        end = len(self._body)
        for family, begin in reversed(found):
            places.setdefault(family, []).append((begin, end))
            end = begin
        for each in places.values():
            each.reverse()
        return places

    @property
    def families(self) -> Iterable[bytes]:
        """The names of the families that it announces."""
        return self._announced.keys()

    def lines(self, name: str, *, everywhere: bool = True) -> Iterator[Line]:
        """The series of exactly this name, in the order of the page.

        Args:
            everywhere: look through the whole page for what is not where it is announced, or not announced.
        """
        for labels, value in self.texts(name, everywhere=everywhere):
            yield Line(labels, number_of(value))

    def texts(self, name: str, *, everywhere: bool = True) -> list[tuple[bytes, bytes]]:
        """The same, with each value as it stands there: of thousands of lines few may be needed."""
        line = _line_of(name)
        found: list[tuple[bytes, bytes]] = []
        for begin, end in self._places(name.encode()):
            found += self._found(line, begin, end)
            if len(found) >= SERIES:
                break
        if not found and (everywhere or not self._announced) and self._has_lines_of(name):
            found = self._found(line, 0, len(self._body))
        return found[:SERIES]

    def stamps(self, name: str) -> dict[bytes, float]:
        """When the series of a name were measured, by their labels: Unix time, s; of most pages none says.

        Prometheus' format has milliseconds, OpenMetrics seconds.
        """
        line = _stamped_line_of(name)
        places = self._places(name.encode())
        if not places and self._has_lines_of(name):
            places = [(0, len(self._body))]
        found = (match for begin, end in places for match in line.finditer(self._body, begin, end))
        return {match[1] or b"": _seconds(float(match[3])) for match in islice(found, SERIES)}

    def _has_lines_of(self, name: str) -> bool:
        """Whether any line begins so: a plain search, in half of the time of one by a pattern."""
        return b"\n" + name.encode() in self._body

    def _found(self, line: re.Pattern[bytes], begin: int, end: int) -> list[tuple[bytes, bytes]]:
        if end - begin <= _MUCH_BYTES:
            return line.findall(self._body, begin, end)
        # Slower, but it ends with what is read: millions of lines would take hundreds of megabytes.
        found = islice(line.finditer(self._body, begin, end), SERIES)
        return [(labels, value) for labels, value in (match.groups(b"") for match in found)]

    @property
    def body(self) -> bytes:
        """The whole page."""
        return self._body[1:]

    def block(self, name: str) -> bytes | None:
        """What stands below the one announcement of a family; None where there is none, or several."""
        places = self._places(name.encode())
        if len(places) != 1:
            return None
        ((begin, end),) = places
        return self._body[begin:end]

    def declares(self, name: str) -> bool:
        """Whether the page announces the family, with or without series."""
        return bool(self._places(name.encode()))

    def created(self, name: str) -> list[bytes]:
        """The part of the page that tells when the series of a name were created, as it stands there.

        Python's client announces `X_created` after `X`; where it stands among the lines of X, so do these.
        """
        raw = _created_name(name)
        announced = self._announced.get(raw) or self._places(name.encode())
        line = b"\n" + raw
        if announced:
            return [
                self._body[at:end]
                for begin, end in announced
                if (at := self._body.find(line, begin - 1, end)) >= 0
            ]
        at = self._body.find(line)
        return [self._body[at:]] if at >= 0 else []

    def created_of(self, name: str) -> list[tuple[bytes, bytes]]:
        """The same, series by series: their labels, and when (Unix time, s) as it is written."""
        return self.texts(_created_name(name).decode())

    def _places(self, name: bytes) -> list[tuple[int, int]]:
        for part in (b"", *_PARTS):
            if name.endswith(part) and (family := name.removesuffix(part)) in self._announced:
                return self._announced[family]
        return []

    def begins(self, prefix: str) -> bool:
        """Whether any series or announced family has a name that begins so."""
        raw = prefix.encode()
        return any(family.startswith(raw) for family in self._announced) or self._has_lines_of(prefix)

    def names(self) -> list[str]:
        """Some counters and histograms of the page, to show a person what there is."""
        found = (
            match[1].decode("utf-8", "replace")
            for match in _FAMILY.finditer(self._body)
            if match[2] in (b"counter", b"histogram")
        )
        return [name for name, _ in zip(found, range(NAMES_SHOWN), strict=False)]

    @property
    def has_metrics(self) -> bool:
        """Whether any line looks like one of the format."""
        return bool(
            re.search(rb"^[A-Za-z_:][\w:]*(?:\{[^\n]*\})?[ \t]+[-+]?[\d.NI]", self._body, re.MULTILINE)
        )

    @property
    def hint(self) -> str:
        """Where the metrics may be instead, as far as the page shows."""
        if self._body.lstrip()[:1] in (b"[", b"{"):
            return "; it is JSON: TensorRT-LLM has its metrics at /prometheus/metrics"
        return ""


@lru_cache(512)
def _created_name(name: str) -> bytes:
    raw = name.encode()
    for part in _PARTS:
        raw = raw.removesuffix(part)
    return raw + b"_created"


def _unquoted(body: bytes) -> bytes:
    """Some builds of llama.cpp send the page as one JSON string (ggml-org/llama.cpp, issue 17384)."""
    if body[:1] != b'"':
        return body
    try:
        text = json.loads(body)
    except ValueError:
        return body
    # A half of a pair of surrogates, which JSON can tell, is no text.
    return text.encode("utf-8", "replace") if isinstance(text, str) else body


def _seconds(stamp: float) -> float:
    return stamp / 1000.0 if abs(stamp) > _MILLISECONDS else stamp


def labels_of(raw: bytes) -> Mapping[str, str]:
    """The labels of a series by name, escapes undone."""
    return {
        match[1].decode(): _ESCAPED.sub(_unescaped, match[2]).decode("utf-8", "replace")
        for match in _LABEL.finditer(raw)
    }


def sorted_labels(raw: bytes) -> bytes:
    """The labels in the order of their names: they are a set, and a server may write them in any order."""
    found = [(match[1], match[2]) for match in _LABEL.finditer(raw)]
    return b",".join(b'%s="%s"' % pair for pair in sorted(found)) if len(found) > 1 else raw


def without_label(raw: bytes, name: str) -> tuple[bytes, str | None]:
    """The labels as they stand, without one of them; and that one's value, which has no escapes in it."""
    wanted = name.encode() + b'="'
    at = raw.find(wanted)
    if raw.count(wanted) > 1:  # it can stand at the end of another label's name or value
        at = next((match.start() for match in _LABEL.finditer(raw) if match[1] == name.encode()), -1)
    elif at > 0 and raw[at - 1] not in b", ":
        at = -1
    if at < 0:
        return raw, None
    end = raw.find(b'"', at + len(wanted))
    value = raw[at + len(wanted) : end].decode("utf-8", "replace")
    before, after = raw[:at].rstrip(b", "), raw[end + 1 :].lstrip(b", ")
    return before + b"," + after if before and after else before or after, value


def remember(known: dict[bytes, Any], labels: bytes, what: Any) -> None:
    """Keep what was found of a line's labels, in bounded memory."""
    if len(labels) <= REMEMBERED_BYTES:
        if len(known) >= REMEMBERED:
            known.clear()
        known[labels] = what


def _unescaped(match: re.Match[bytes]) -> bytes:
    return b"\n" if match[1] == b"n" else match[1]


def count_of(text: bytes) -> float:
    """A count as it stands on a page; negative for what is none. Quicker than `number_of`."""
    try:
        value = float(text)
    except ValueError:
        return -1.0
    return value if 0.0 <= value <= LARGEST and b"_" not in text else -1.0


def number_of(text: bytes) -> Number | None:
    """A value as it stands on a page; None for what is no believable number: NaN and Inf are no counts."""
    try:
        value = float(text)
    except ValueError:
        return None
    return whole(value) if believable(value) and b"_" not in text else None
