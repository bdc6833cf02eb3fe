"""What does a server's metrics page say about its work?

The names of the usual servers are known (`perfwatch.workload.servers`); any other series is named behind a
`#` of the address (`perfwatch.workload.quantities`). One collector reads one page.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from perfwatch_collectors.fetching import Fetcher, NoAnswer, NotThere, NotUp, places_of, shown

from perfwatch.clock import NS, Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.model import Device, DeviceKind, Event, Reading
from perfwatch.text import clean
from perfwatch.workload.exposition import Page
from perfwatch.workload.page import PageTally
from perfwatch.workload.quantities import parse_quantities

AT_ONCE_S, MOMENT_S = 0.25, 0.05
"""A refusal that came so quickly is met by another try so much later."""
SAID = 100
"""So many different reasons are told; a server that finds a new one each time is not heard for ever."""


@dataclass(frozen=True)
class PageOptions:
    """Which page.

    Args:
        url: `http://HOST:PORT/PATH`, and behind a `#` further series: `NAME=SERIES,...`.
        index: the number among several pages of one run.
        since_ns: when its server began to count, on the monotonic clock, if that is known: all counts were
            zero then.
    """

    url: str = ""
    index: int = 0
    since_ns: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> PageOptions:
        """The options that `-w prometheus=SPEC` means."""
        return cls(spec, index)


class Fetches(Protocol):
    """What fetches the page; `fetching.Fetcher`, or a test's."""

    def fetch(self) -> bytes: ...

    def close(self) -> None: ...


class PageCollector(Collector):
    """Reads one page in Prometheus' text format; one device of kind workload.

    Raises:
        ConfigError: the address, or what stands behind its `#`, cannot be read.
    """

    name = "page"
    about = "work that a server counts on its metrics page (Prometheus): -w prometheus=URL"
    floor_s = 0.2
    Options = PageOptions

    def __init__(
        self,
        options: PageOptions | None = None,
        *,
        clock: Clock | None = None,
        fetcher: Callable[[str], Fetches] = Fetcher,
    ) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._new_fetcher = fetcher
        self._fetcher: Fetches | None = None
        address, _, named = self.options.url.partition("#")
        self._places = places_of(address) if address else []
        self._at = 0
        self._quantities = parse_quantities(named)
        self._tally: PageTally | None = None
        self._said: set[str] = set()
        self._was_read = self._goes_well = False

    def open(self) -> Sequence[Device]:
        if not self._places:
            raise Unavailable("no page is named", "perfwatch run -w prometheus=URL -- CMD")
        self.close()
        self._fetcher = self._new_fetcher(self._url)
        index = self.options.index
        device = Device(
            id=f"page-{index}" if index else "page",
            name=shown(self._url),
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": "page", "url": shown(self._url)},
        )
        self._tally = PageTally(device, self._quantities, since_ns=self.options.since_ns or None)
        return [device]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        tally, fetcher = self._tally, self._fetcher
        if tally is None or fetcher is None:
            raise TryAgain(f"the page {shown(self._url)} is not open")
        before_ns = self._clock.monotonic_ns()
        try:
            page = self._page_at_second_try(fetcher)
        except TryAgain as trouble:
            now_ns = self._clock.monotonic_ns()
            if isinstance(trouble, NotUp):
                tally.not_up(now_ns, self._clock.time_ns() / NS)
            yield from tally.unknown(now_ns)
            if not (self._was_read and isinstance(trouble, NoAnswer)):
                yield from self._say(str(trouble), now_ns)  # a server that ends with its job is no news
            raise
        self._was_read = True
        now_ns = self._clock.monotonic_ns()
        at_ns = (before_ns + now_ns) // 2
        readings = tally.readings(page, at_ns, self._clock.time_ns() / NS)
        yield from readings
        no_counts = [self._is_no_count(name) for name in tally.no_counts()]
        for told in no_counts:
            yield from self._say(told, now_ns)
        for told in tally.perhaps_twice():
            yield from self._say(f"the page {shown(self._url)}: {told}", now_ns)
        began_anew = tally.restarts()
        if began_anew is not None:
            code, told = began_anew
            yield from self._say(f"The page {shown(self._url)}: {told}.", now_ns, code)
        for name in tally.no_percentiles():
            told = f"the histograms of {name} on the page {shown(self._url)} have no bound in common"
            yield from self._say(f"{told}: there are no percentiles, and its mean is exact", now_ns)
        missing = tally.missing()
        if missing or not readings:
            reason = no_counts[0] if no_counts and not missing else self._finds_nothing(page, missing)
            yield from self._say(reason, now_ns)
            if not readings:
                if page.has_metrics:
                    yield from tally.nothing_yet(at_ns)
                raise TryAgain(reason, 1.0)

    @property
    def _url(self) -> str:
        """Where the page is looked for now."""
        return self._places[self._at]

    def _page_at_second_try(self, fetcher: Fetches) -> Page:
        """The page; a server that went well until now and refuses at once is asked again a moment later.

        At the end of a run there is no other reading that could tell what it counted last.

        Raises:
            TryAgain: it cannot be had now; says why.
        """
        begun_ns, went_well = self._clock.monotonic_ns(), self._goes_well
        self._goes_well = False
        try:
            page = self._page(fetcher)
        except TryAgain as trouble:
            took_s = (self._clock.monotonic_ns() - begun_ns) / NS
            if not went_well or isinstance(trouble, NoAnswer) or took_s > AT_ONCE_S:
                raise
            time.sleep(MOMENT_S)
            page = self._page(fetcher)
        self._goes_well = True
        return page

    def _page(self, fetcher: Fetches) -> Page:
        """The page; until one was read, of a server of which no path was named, at its usual places.

        Raises:
            TryAgain: it cannot be had now; says why.
        """
        try:
            page, trouble = Page(fetcher.fetch()), None
        except NotThere as error:
            page, trouble = None, error
        if not self._was_read and (page is None or not page.has_metrics):
            page = self._page_elsewhere() or page
        if page is None:
            raise trouble or TryAgain(f"the page {shown(self._url)} is not there")
        return page

    def _page_elsewhere(self) -> Page | None:
        for at, place in enumerate(self._places[1:], 1):
            fetcher = self._new_fetcher(place)
            with contextlib.suppress(TryAgain):
                page = Page(fetcher.fetch())
                if page.has_metrics:
                    self._move(at, fetcher)
                    return page
            fetcher.close()
        return None

    def _move(self, at: int, fetcher: Fetches) -> None:
        """The page is at another place of the server."""
        self.close()
        self._fetcher, self._at = fetcher, at
        if self._tally is not None:
            device, url = self._tally.device, shown(self._url)
            self._tally.device = replace(device, name=url, facts={**device.facts, "url": url})

    def close(self) -> None:
        if self._fetcher is not None:
            self._fetcher.close()
            self._fetcher = None

    def _say(self, text: str, now_ns: int, code: str | None = None) -> Iterator[Reading]:
        """A sentence for people, once: what the state says is not read by everybody."""
        if text not in self._said and len(self._said) < SAID:
            self._said.add(text)
            finding = {} if code is None else {"code": code}
            yield Event("note", {"source": "page", **finding, "text": text}, now_ns)

    def _is_no_count(self, name: str) -> str:
        told = f"{clean(name, 80)} on the page {shown(self._url)} is no count (not a number, or below zero)"
        return f"{told}: it is unknown, not zero"

    def _finds_nothing(self, page: Page, missing: Sequence[str]) -> str:
        where = f"the page {shown(self._url)}"
        if not page.has_metrics:
            return f"{where} holds no metrics in Prometheus' text format{page.hint}"
        there = ", ".join(clean(name, 80) for name in page.names())
        has = f"; it has for example {there}" if there else ""
        if missing:
            return f"{where} has no {', '.join(clean(name, 80) for name in missing)}{has}"
        return (
            f"{where} has no counter that is known by name{has}; name one: -w 'prometheus=URL#queries=SERIES'"
        )
