"""What do the pages of one server, one after the other, add up to?

Metrics are declared as they are seen on a page. A family that a page has for the first time, when the page
before was there without it, began at zero then: servers show many counters only once they counted something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfwatch.model import Appeared, Device, Kind, Reading, Sample
from perfwatch.workload.exposition import Page
from perfwatch.workload.looked import Looked
from perfwatch.workload.quantities import STARTED, Quantity
from perfwatch.workload.servers import Server, quantities_of, recognised
from perfwatch.workload.tally import Number, clean_text

PARTS_SHOWN = 4
MANY_FALLS = 10
"""No server restarts so often in one run."""
CLOCKS_S = 1.0
"""Starts of processes are told in ticks since the boot, whose own time is known to a second."""


class PageTally:
    """The totals of one server's page.

    Args:
        device: the device without metrics.
        asked: what a person named; it comes before what is known of the server.
        since_ns: when all counts were zero, before the first page.
    """

    def __init__(
        self, device: Device, asked: Sequence[Quantity] = (), *, since_ns: int | None = None
    ) -> None:
        self.device = device
        self.servers: tuple[Server, ...] = ()
        """Those that were recognised."""
        self._asked = tuple(asked)
        self._looked_for = [Looked(quantity) for quantity in asked]
        self._families: frozenset[bytes] | None = None
        self._declared: dict[str, Looked] = {}
        self._started: Number | None = None
        self._last_ns = since_ns
        self._down: tuple[int, float] | None = None
        """When its server was not up yet: our time, and that since 1970."""

    def readings(self, page: Page, at_ns: int) -> list[Reading]:
        """What a page says, read at a time; nothing if it has none of what is looked for."""
        if self._families is None and self._down is not None and self._started_after(page, self._down[1]):
            self._last_ns = self._down[0]
        self._recognise(page)
        restarted = self._began_anew(page)
        values = {id(one): one.value(page, restarted=restarted) for one in self._looked_for}
        fresh = [one for one in self._looked_for if values[id(one)] is not None and self._is_new(one)]
        for one in fresh:
            self._declared.setdefault(one.metric.name, one)
        readings = self._declare(fresh) if fresh else []
        self._last_ns = at_ns
        if self._declared:
            row = tuple(values[id(one)] for one in self._declared.values())
            if any(value is not None for value in row):
                readings.append(Sample(self.device.id, row, at_ns))
        return readings

    def not_up(self, at_ns: int, wall_s: float) -> None:
        """Nobody listens there yet. If the server tells that it was started later, all was zero now.

        Args:
            at_ns: of CLOCK_MONOTONIC.
            wall_s: the same moment, seconds since 1970.
        """
        self._down = at_ns, wall_s

    def _started_after(self, page: Page, wall_s: float) -> bool:
        told = [line.value for line in page.lines(STARTED.series[0])]
        return bool(told) and all(value is not None and value >= wall_s - CLOCKS_S for value in told)

    def unknown(self, at_ns: int) -> list[Reading]:
        """The page cannot be read: nothing is known now; a family that comes with the next is no news."""
        if self._families is None:
            return []  # nothing was read yet
        was_known, self._last_ns = self._last_ns is not None, None
        if not self._declared or not was_known:
            return []
        return [Sample(self.device.id, (None,) * len(self._declared), at_ns)]

    def nothing_yet(self, at_ns: int) -> list[Reading]:
        """The page was read, and has none of what is looked for so far: what comes later began at zero."""
        return [] if self._declared else [Sample(self.device.id, (), at_ns)]

    def missing(self) -> list[str]:
        """The series that a person named and no page had so far."""
        return [
            one.quantity.series[0]
            for one in self._looked_for
            if one.quantity.asked and one not in self._declared.values()
        ]

    def no_counts(self) -> list[str]:
        """The series that the last page had, but with no value that is a count."""
        return [one.no_count for one in self._looked_for if one.no_count]

    def perhaps_twice(self) -> list[str]:
        """What is to be said of servers that count a query several times where their parts work together."""
        said = []
        for server in self.servers:
            label, parts = server.counts_twice or ("", "")
            queries = self._declared.get("queries_total")
            if not label or queries is None or queries.quantity not in server.quantities:
                continue
            names = queries.labelled(label)
            if len(names) > 1:
                shown = ", ".join(clean_text(name) for name in names[:PARTS_SHOWN])
                example = f'queries={queries.quantity.series[0]}{{{label}="{clean_text(names[0])}"}}'
                said.append(
                    f"{server.name} counts the queries of {len(names)} {parts} ({shown}): where one calls "
                    f"another, a query counts in both; pick one by naming it behind a #: {example}"
                )
        return said

    def restarts(self) -> tuple[str, str] | None:
        """A finding's code and sentence about counters that began anew; None where none did unseen."""
        counters = [one for one in self._declared.values() if one.metric.kind is Kind.COUNTER]
        falls = max((one.falls for one in counters), default=(0, 0))
        if falls[0] >= MANY_FALLS:
            return "work-disagrees", (
                f"its counters fell {MANY_FALLS} times: several processes seem to answer behind one address, "
                "each with counts of its own, and far too much is counted; name the page of each process"
            )
        if any(one.falls[1] for one in counters):
            return "counter-reset", (
                "one of several counters that add up here began anew; what it counted after the last reading "
                "before that is not known"
            )
        return None

    def _recognise(self, page: Page) -> None:
        """Look for the work of the servers whose names are on the page; some come only once they worked."""
        families = frozenset(page.families)
        if families and families == self._families:
            return
        self._families = families
        known_by_now = {server.name for server in self.servers}
        new = [server for server in recognised(page) if server.name not in known_by_now]
        if not new:
            return
        self.servers = (*self.servers, *new)
        names = {quantity.name for quantity in self._asked}
        known = {id(one.quantity): one for one in self._looked_for}
        wanted = [one for one in quantities_of(self.servers) if one.name not in names]
        self._looked_for = [known.get(id(one)) or Looked(one) for one in (*self._asked, *wanted)]
        self.device = replace(self.device, facts={**self.device.facts, **_facts(self.servers)})

    def _is_new(self, one: Looked) -> bool:
        return one.metric.name not in self._declared

    def _began_anew(self, page: Page) -> bool:
        told = [line.value for line in page.lines(STARTED.series[0])]
        if len(told) != 1 or told[0] is None:
            return False
        before, self._started = self._started, told[0]
        return before is not None and before != self._started

    def _declare(self, fresh: Sequence[Looked]) -> list[Reading]:
        found = tuple(one.metric for one in self._declared.values())
        self.device = replace(self.device, metrics=found)
        readings: list[Reading] = [Appeared(self.device)]
        zeros = tuple(one.zero() if one in fresh else None for one in self._declared.values())
        if self._last_ns is not None and any(zero is not None for zero in zeros):
            readings.append(Sample(self.device.id, zeros, self._last_ns))
        return readings


def _facts(servers: Sequence[Server]) -> dict[str, str]:
    """What is recorded of the servers: their names, and which work they count when a query ends."""
    facts = {"server": ", ".join(server.name for server in servers)}
    late = [name for server in servers for name in server.at_the_end]
    if late:
        facts["counted_at_the_end"] = ",".join(dict.fromkeys(late))
    return facts
