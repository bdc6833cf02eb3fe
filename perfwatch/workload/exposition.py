"""What does a metrics page (Prometheus' text format) say about a few families?

A page can have half a megabyte and is read every second, so it is not parsed: the names that are wanted are
looked for, and only their lines are read. Format: Prometheus' "Exposition formats", text version 0.0.4; an
exemplar or a time behind the value (OpenMetrics) is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from perfwatch.workload.tally import Number, believable, whole

SERIES = 20_000
"""So many series of one name are read; a page that has more is nobody's measurement."""
NAMES_SHOWN = 5

_REST = re.compile(rb'(?:\{((?:[^"{}\n]|"(?:[^"\\\n]|\\.)*")*)\})?[ \t]+(\S+)')
_VALUE = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LABEL = re.compile(rb'([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\(.)")
_FAMILY = re.compile(rb"^# TYPE (\S+) (?:counter|histogram)", re.MULTILINE)


class Line(NamedTuple):
    """One series of a page: its labels as they stand there, and its value; None is no believable number."""

    labels: bytes
    value: Number | None


class Page:
    """One page, searched by name."""

    def __init__(self, body: bytes) -> None:
        self._body = b"\n" + body.replace(b"\r\n", b"\n")

    def lines(self, name: str) -> Iterator[Line]:
        """The series of exactly this name, in the order of the page."""
        body, wanted = self._body, b"\n" + name.encode()
        at = body.find(wanted)
        for _ in range(SERIES):
            if at < 0:
                return
            found = _REST.match(body, at + len(wanted))
            if found is not None:
                yield Line(found[1] or b"", _number(found[2]))
            at = body.find(wanted, at + len(wanted))

    def declares(self, name: str) -> bool:
        """Whether the page announces the family, with or without series."""
        families = {name, name.removesuffix("_total")}
        return any(b"\n# TYPE " + family.encode() + b" " in self._body for family in families)

    def names(self) -> list[str]:
        """Some counters and histograms of the page, to show a person what there is."""
        found = (match[1].decode("utf-8", "replace") for match in _FAMILY.finditer(self._body))
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


def labels_of(raw: bytes) -> Mapping[str, str]:
    """The labels of a series by name, escapes undone."""
    return {
        match[1].decode(): _ESCAPED.sub(_unescaped, match[2]).decode("utf-8", "replace")
        for match in _LABEL.finditer(raw)
    }


def without_label(raw: bytes, name: str) -> tuple[bytes, str | None]:
    """The labels as they stand, without one of them; and that one's value."""
    for match in _LABEL.finditer(raw):
        if match[1] == name.encode():
            rest = raw[: match.start()].rstrip(b", ") + b"," + raw[match.end() :].lstrip(b", ")
            return rest.strip(b","), match[2].decode("utf-8", "replace")
    return raw, None


def _unescaped(match: re.Match[bytes]) -> bytes:
    return b"\n" if match[1] == b"n" else match[1]


def _number(text: bytes) -> Number | None:
    if not _VALUE.fullmatch(text):
        return None  # NaN and Inf are no counts
    value = float(text)
    return whole(value) if believable(value) else None
