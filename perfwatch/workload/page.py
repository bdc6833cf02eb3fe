"""What do the pages of one server, one after the other, add up to?

Metrics are declared as they are seen on a page. A family that a page has for the first time, when the page
before was there without it, began at zero then: servers show many counters only once they counted something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perfwatch.model import Appeared, Device, Kind, Reading, Sample, Value
from perfwatch.workload.exposition import Page
from perfwatch.workload.looked import Looked
from perfwatch.workload.processes import CLOCKS_S, KNOWN, Processes
from perfwatch.workload.quantities import STARTED, Quantity
from perfwatch.workload.restarts import all_began_anew
from perfwatch.workload.servers import Server, quantities_of, recognised
from perfwatch.workload.tally import Number, clean_text

PARTS_SHOWN = 4
MANY_FALLS = 10
"""No server restarts so often in one run."""


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
        self._processes = Processes()
        self._restarts = 0
        self._last_ns = since_ns
        self._sample_ns: int | None = None
        """When the last sample was told."""
        self._down: tuple[int, float] | None = None
        """When its server was not up yet: our time, and that since 1970."""

    def readings(self, page: Page, at_ns: int, wall_s: float | None = None) -> list[Reading]:
        """What a page says, read at a time; nothing if it has none of what is looked for.

        Args:
            wall_s: the same moment, seconds since 1970, where that is known.
        """
        if self._families is None and self._down is not None and self._started_after(page, self._down[1]):
            self._last_ns = self._down[0]
        self._recognise(page)
        values = self._values(page, wall_s)
        fresh = [one for one in self._looked_for if values[id(one)] is not None and self._is_new(one)]
        for one in fresh:
            self._declared.setdefault(one.metric.name, one)
        changed = any(one.recut for one in self._declared.values()) or self._answer_in_turn()
        readings = self._declare(fresh) if fresh or changed else []
        readings += self._begun_anew(at_ns)
        self._last_ns = self._sample_ns = at_ns
        if self._declared:
            row = tuple(values[id(one)] for one in self._declared.values())
            if any(value is not None for value in row):
                readings.append(Sample(self.device.id, row, at_ns))
        return readings

    def _values(self, page: Page, wall_s: float | None) -> dict[int, Value]:
        """What a page says of each quantity that is looked for."""
        turn = self._processes.look(page, self._names_on(page), wall_s)
        self._restarts += len(turn.restarted)
        for one in self._looked_for:
            one.look(page, self._processes)
        anew = self._begun_anew_as_a_whole()
        return {id(one): one.take(turn, anew, self._processes) for one in self._looked_for}

    def _names_on(self, page: Page) -> list[str]:
        """The names that may be on a page, as far as what it announces tells."""
        names = [name for one in self._looked_for for name in one.names]
        announced = [name for name in names if page.declares(name)]
        return announced or names

    def _begun_anew_as_a_whole(self) -> set[bytes]:
        """The labels of processes of which some series fell, and all of what they count began anew."""
        parts = [part for one in self._looked_for for part in one.fallen]
        groups: dict[bytes, int] = {}
        for _, _, fell in parts:
            for key in fell:
                if not self._processes.tells(key):
                    group = self._processes.group(key)
                    groups[group] = groups.get(group, 0) + 1
        if not groups:
            return set()
        stood: dict[bytes, list[tuple[Number, Number]]] = {group: [] for group in groups}
        for growing, rows, fell in parts:
            for key, moved in growing.stood(rows).items():
                if key not in fell and (group := self._processes.group(key)) in stood:
                    stood[group].append(moved)
        return {group for group, fell in groups.items() if all_began_anew(fell, stood[group])}

    def _answer_in_turn(self) -> bool:
        """Whether more processes were seen to answer in turn than was recorded."""
        told = {"processes": str(self._processes.several)} if self._processes.several else {}
        changed = not told.items() <= self.device.facts.items()
        if changed:
            self.device = replace(self.device, facts={**self.device.facts, **told})
        return changed

    def _begun_anew(self, at_ns: int) -> list[Reading]:
        """What is told as of the sample before, of what began anew and stands too high to show it."""
        firsts = tuple(one.first for one in self._declared.values())
        if not any(first is not None for first in firsts):
            return []
        return [Sample(self.device.id, firsts, at_ns if self._sample_ns is None else self._sample_ns)]

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
        self._sample_ns = at_ns
        return [Sample(self.device.id, (None,) * len(self._declared), at_ns)]

    def nothing_yet(self, at_ns: int) -> list[Reading]:
        """The page was read, and has none of what is looked for so far: what comes later began at zero."""
        return [] if self._declared else [Sample(self.device.id, (), at_ns)]

    def missing(self) -> list[str]:
        """The series that a person named and no page had so far."""
        return [
            one.quantity.series[0]
            for one in self._looked_for
            if one.quantity.asked and one not in self._declared.values() and not one.no_count
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

    def restarts(self) -> tuple[str | None, str] | None:
        """A finding's code and sentence about counters that began anew; None where none did."""
        counters = [one for one in self._declared.values() if one.metric.kind is Kind.COUNTER]
        if max((one.falls[0] for one in counters), default=0) >= MANY_FALLS:
            return "work-disagrees", (
                f"its counters fell {MANY_FALLS} times: several processes seem to answer behind one address, "
                "each with counts of its own, and what is counted is no more than a guess; name the page of "
                "each process"
            )
        if self._processes.too_many:
            return "work-disagrees", (
                f"more than {KNOWN} processes answer behind this address in turn: what some of them did is "
                "not counted; name the page of each process"
            )
        if self._processes.several:
            return None, (
                "several processes answer behind this address in turn; the counts of each are followed by "
                "themselves and added up, and what runs or waits is that of the one that answered last"
            )
        if self._restarts:
            return "counter-reset", (
                "its process began anew; what it counted after the last reading before that is not known"
            )
        if any(one.falls[1] for one in counters):
            return "counter-reset", (
                "one of several counters that add up here began anew; what it counted after the last reading "
                "before that is not known"
            )
        return None

    def no_percentiles(self) -> list[str]:
        """The timings whose percentiles cannot be told, as their histograms share no bound."""
        return [one.metric.name for one in self._declared.values() if one.lacks_bounds]

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
