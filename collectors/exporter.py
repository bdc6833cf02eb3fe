"""Any exporter's page of devices, recognised by the names on it: `-c exporter:url=http://HOST:9400/metrics`.

What each exporter's names mean stands in the TOML files of the folder `exporters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch_collectors.fetching import Fetcher, checked_url, shown

from perfwatch.collector import Collector
from perfwatch.errors import TryAgain, Unavailable
from perfwatch.model import Device, Reading
from perfwatch.workload.exposition import Page

if TYPE_CHECKING:
    from perfwatch_collectors.described.collector import DescribedCollector
    from perfwatch_collectors.described.description import Description

FOLDER = Path(__file__).with_name("exporters")


@dataclass(frozen=True)
class ExporterOptions:
    """Which page: `url`, `http://HOST:PORT/PATH`."""

    url: str = ""


class ExporterCollector(Collector):
    """Reads one page as the exporter that it is."""

    name = "exporter"
    about = (
        "accelerators that an exporter's page tells of: dcgm-exporter, AMD's, Intel's, Habana's and others"
    )
    Options = ExporterOptions

    def __init__(self, options: ExporterOptions | None = None) -> None:
        super().__init__(options)
        self._url = checked_url(self.options.url) if self.options.url else ""
        self._one: DescribedCollector | None = None

    def open(self) -> Sequence[Device]:
        """Find out whose page it is.

        Raises:
            Unavailable: no page is named.
            TryAgain: it cannot be had now, or has no names that are known.
        """
        from perfwatch_collectors.described.collector import DescribedOptions, class_from

        if not self._url:
            raise Unavailable(
                "no page is named", "perfwatch run -c exporter:url=http://HOST:9400/metrics -- CMD"
            )
        self.close()
        of = recognised(Page(self._fetched()))
        if of is None:
            raise TryAgain(
                f"the page {shown(self._url)} has no names of devices that are known; describe it in a TOML "
                "file (docs/describing-a-chip.md)",
                30.0,
            )
        self._one = class_from(of)(DescribedOptions(url=self._url))
        return self._one.open()

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._one is None:
            raise TryAgain("the exporter's page is not open")
        yield from self._one.read(devices)

    def close(self) -> None:
        if self._one is not None:
            self._one.close()
            self._one = None

    def _fetched(self) -> bytes:
        fetcher = Fetcher(self._url)
        try:
            return fetcher.fetch()
        finally:
            fetcher.close()


def recognised(page: Page) -> Description | None:
    """The exporter of which a page has most names; None where it has none of any."""
    from perfwatch_collectors.described.language import load
    from perfwatch_collectors.described.pages import family_of

    best: Description | None = None
    most = 0
    for file in sorted(FOLDER.glob("*.toml")):
        of = load(file)
        families = {family_of(name)[0] for name in of.read.families}
        told = sum(any(True for _ in page.lines(family)) for family in families)
        if told > most:
            best, most = of, told
    return best
