"""Which processes that counted have said their last word, and which are silent since?

A process says that it begins to count, and at its regular end that everything was sent. One that was killed,
or left by os._exit, says nothing: what it counted last may be lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from perfwatch.workload.statsd import Life

SOURCES = 65_536
"""So many are remembered; then the one that began first is forgotten."""
NAMED = 1000


class Lives:
    """The processes of one listener."""

    def __init__(self) -> None:
        self._began = 0
        self._open: OrderedDict[str, None] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._told: Mapping[str, Any] = {"began": 0}

    def hear(self, source: str, edge: str = "begin") -> None:
        """A source counts, or said its last word (`end`)."""
        if source in self._ended:
            return
        if source not in self._open:
            self._began += 1
            self._open[source] = None
        if edge == "end":
            del self._open[source]
            self._ended[source] = None
        for known in (self._open, self._ended):
            if len(known) > SOURCES:
                known.popitem(last=False)

    def take(self, said: Life) -> None:
        """What a line says."""
        self.hear(said.source, said.edge)

    def news(self) -> Mapping[str, Any] | None:
        """The fields of an event `clients`, if anything changed since the last call.

        `began`: how many processes counted so far; `silent`: how many of them said no last word; `pids`:
        which, as they call themselves.
        """
        pids = [int(pid) for pid in (one.partition(".")[0] for one in self._open) if pid.isdecimal()]
        now = {"began": self._began, "silent": len(self._open), "pids": pids[:NAMED]}
        if not self._began or now == self._told:
            return None
        self._told = now
        return now
