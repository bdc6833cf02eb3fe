"""Any exporter's page of devices, recognised by the names on it: `-c exporter:url=http://HOST:9400/metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from perfwatch_collectors.credentials import HOW_TO_ASK, who_asks
from perfwatch_collectors.exporter_alike import Alike
from perfwatch_collectors.fetching import HOW_TO_TRUST, Fetcher, checked_url, shown
from perfwatch_collectors.hwmon_rails import scope_of

from perfwatch.collector import Collector
from perfwatch.errors import CollectorError, TryAgain, Unavailable
from perfwatch.model import Device, Reading
from perfwatch.units import parse_accuracy
from perfwatch.workload.exposition import Page

if TYPE_CHECKING:
    from perfwatch_collectors.exporter_pages import Exporter

LOOK_AGAIN_S = 30.0


@dataclass(frozen=True)
class ExporterOptions:
    """Which page, whose it is, and who asks.

    Args:
        url: `http://HOST:PORT/PATH`.
        host: the machine that the devices are of, where that is not this one.
        user, password: names of the environment variables that hold who asks.
        credentials: a file with `USER:PASSWORD` that nobody else may read, in place of both.
        keyring: `SERVICE/USER`: the password is in the desktop's keyring, in place of both.
        verify: false takes the page's certificate as it is.
        ca: a file with the certificates to trust, in place of the usual authorities.
        accuracy: of power and energy, as the maker states it: `1%`.
        rails: of a node's sensors those that are summed, as those of the collector hwmon.
        scope: what the rails cover together.
    """

    url: str = ""
    host: str = ""
    user: str = ""
    password: str = ""
    credentials: str = ""
    keyring: str = ""
    verify: bool = True
    ca: str = ""
    accuracy: str = ""
    rails: tuple[str, ...] = ()
    scope: str = ""


class Part(Protocol):
    """Devices of one sort on a page that others read as well."""

    def open(self, page: Page) -> list[Device]: ...

    def read(self, page: Page) -> Iterator[Reading]: ...


class ExporterCollector(Collector):
    """Reads one page as the exporter that it is.

    Raises:
        ConfigError: the address is none, or what is said of rails and accuracy.
    """

    name = "exporter"
    about = (
        "what an exporter's page tells of: dcgm-exporter, AMD's, Habana's, kepler, node_exporter and others"
    )
    Options = ExporterOptions

    def __init__(self, options: ExporterOptions | None = None) -> None:
        super().__init__(options)
        said = self.options
        self._url = checked_url(said.url) if said.url else ""
        self._scope = scope_of(said.rails, said.scope, self.name)
        self._gain_ratio = parse_accuracy(said.accuracy)
        self._fetcher: Fetcher | None = None
        self._parts: list[Part] = []
        self._alike = Alike(self.name)

    def open(self) -> Sequence[Device]:
        """Find out whose page it is.

        Raises:
            Unavailable: no page is named, or nobody who asks; a rail that was named is not there.
            TryAgain: it cannot be had now, or has no names that are known.
        """
        if not self._url:
            raise Unavailable(
                "no page is named", "perfwatch run -c exporter:url=http://HOST:9400/metrics -- CMD"
            )
        self.close()
        options = self.options
        self._fetcher = Fetcher(
            self._url,
            user=who_asks(options.user, options.password, options.credentials, options.keyring),
            how_to_ask=HOW_TO_ASK,
            how_to_trust=HOW_TO_TRUST,
            verify=options.verify,
            ca=options.ca,
        )
        try:
            return self._found(Page(self._fetcher.fetch()))
        except CollectorError:
            self.close()
            raise

    def _found(self, page: Page) -> list[Device]:
        from perfwatch_collectors.exporter_pages import recognised

        exporter = recognised(page)
        if exporter is None:
            raise TryAgain(
                f"the page {shown(self._url)} has no names of devices that are known; describe it in a TOML "
                "file (docs/describing-a-chip.md)",
                LOOK_AGAIN_S,
            )
        devices = self._devices(exporter, page)
        self._alike = Alike(self.name, [device for device in devices if exporter.repeats_power_of(device)])
        return devices

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._fetcher is None or not self._parts:
            raise TryAgain("the exporter's page is not open")
        page = Page(self._fetcher.fetch())
        failed: CollectorError | None = None
        has_told = False
        for part in self._parts:
            try:
                for reading in part.read(page):
                    self._alike.take(reading)
                    yield reading
                has_told = True
            except CollectorError as error:  # what the page does not tell of now costs nothing else
                failed = failed or error
        if failed is not None and not has_told:
            raise failed
        yield from self._alike.said()

    def close(self) -> None:
        if self._fetcher is not None:
            self._fetcher.close()
        self._fetcher, self._parts = None, []

    def _devices(self, exporter: Exporter, page: Page) -> list[Device]:
        """What each part tells of; a part of which the page tells nothing is none.

        Raises:
            CollectorError: none tells of a device; why the first does not.
        """
        found: list[Device] = []
        failed: CollectorError | None = None
        for part in self._parts_of(exporter):
            try:
                found += part.open(page)
            except CollectorError as error:
                if self.options.rails and exporter.has_sensors:
                    raise
                failed = failed or error
                continue
            self._parts.append(part)
        if not found and failed is not None:
            raise failed
        return found

    def _parts_of(self, exporter: Exporter) -> Iterator[Part]:
        from perfwatch_collectors.described.collector import DescribedOptions
        from perfwatch_collectors.exporter_hwmon import HwmonPart, Rails
        from perfwatch_collectors.exporter_part import DescribedPart

        said = self.options
        if said.rails and not exporter.has_sensors:
            raise Unavailable(
                f"the page {shown(self._url)} tells of no rails: {exporter.name} has no sensors"
            )
        options = DescribedOptions(host=said.host, accuracy=said.accuracy)
        for of in exporter.descriptions:
            yield DescribedPart(of, options, f"the page {shown(self._url)}")
        if exporter.has_sensors:
            yield HwmonPart(Rails(said.rails, self._scope), said.host, self._gain_ratio)
