"""Which samples were done, and when, by the trace that LoadGen writes while it runs?

`mlperf_log_trace.json` is no valid JSON, growing or finished: its texts have doubled quotes. It has a record
a line; the one that begins a sample tells all of it, and is written when the sample is done:

    {"name":"Sample","cat":"default","ph":"b","pid":7,"id":0,"ts":300906.901,"args":{"sample_seq":0,
     "query_seq":0,"sample_idx":95,"issue_start_ns":0,"complete_ns":80366469}},

`ts` is when it was due, in microseconds since the trace began, and `complete_ns` how long after that it was
done, which is LoadGen's latency. (Source: mlcommons/inference, loadgen/loadgen.cc, SampleComplete, and
loadgen/logging.h, TraceSample.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LINE_BYTES = 64 * 1024
"""No line of a trace is longer."""
_SAMPLE = re.compile(
    rb'"name": *"Sample",[^\n]*?"ph": *"b",[^\n]*?"ts": *(\d{1,15}(?:\.\d{1,9})?),[^\n]*?'
    rb'"query_seq": *(\d{1,18}),[^\n]*?"complete_ns": *(\d{1,18})(?!\d)'
)


class Done(NamedTuple):
    """One sample: when it was done, ns since the trace began; after how long, s; of which query."""

    done_ns: int
    latency_s: float
    query: int


class LoadgenTrace:
    """Finds the samples in the pieces in which the trace arrives."""

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> Iterator[Done]:
        """The samples whose lines a piece completes."""
        text = self._begun + data
        complete = text.rfind(b"\n") + 1
        rest = text[complete:]
        self._begun = rest if len(rest) <= LINE_BYTES else b""
        for due_us, query, after_ns in _SAMPLE.findall(text[:complete]):
            yield Done(round(float(due_us) * 1e3) + int(after_ns), int(after_ns) / 1e9, int(query))

    def end(self) -> None:
        """The file ends here: what was begun is not gone on with."""
        self._begun = b""
