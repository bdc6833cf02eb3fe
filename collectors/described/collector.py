"""The collector of a description: it finds the place, reads the output, and hands over what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch_collectors.described import description as language
from perfwatch_collectors.described.devices import Found, devices_in, readings
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.formats import Unreadable, records
from perfwatch_collectors.described.places import Command, File, Stream, WebPage, find

from perfwatch.collector import Collector
from perfwatch.errors import CollectorError, TryAgain, Unavailable
from perfwatch.model import Appeared, Device, Gone, Reading

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description
    from perfwatch_collectors.described.records import Record

GONE_AFTER = 3
"""A device that so many outputs do not tell of has left: one that was cut short tells of fewer."""


@dataclass(frozen=True)
class DescribedOptions:
    """Changes of a description.

    Args:
        root: stands before the paths of files and directories; another one reads a copied tree.
        url: another page than the description's.
        host: the machine that the devices are of, where that is not this one.
    """

    root: str = "/"
    url: str = ""
    host: str = ""


class DescribedCollector(Collector):
    """Reads what one description says. A subclass for each is made by `class_of`."""

    name = "described"
    about = "a family of devices that a TOML file describes: -c ./chip.toml"
    Options = DescribedOptions
    description: Description

    def __init__(self, options: DescribedOptions | None = None) -> None:
        super().__init__(options)
        self._place: Command | Stream | File | WebPage | Directories | None = None
        self._known: dict[str, Device] = {}
        self._unseen: dict[str, int] = {}
        self._first: list[Found] | None = None

    def open(self) -> Sequence[Device]:
        """Read once and see what is there.

        Raises:
            Unavailable: the tool or the file is not there, or it tells of no device.
        """
        self.close()
        source = self.description.source
        self._place = self._find()
        try:
            found = self._read()
        except CollectorError as error:
            may_come = isinstance(self._place, WebPage)
            self.close()
            if may_come:
                raise  # somebody named it: it is looked for again soon
            raise Unavailable(str(error), source.remedy) from error
        if not found:
            shown = self._place.shown
            self.close()
            raise Unavailable(f"{shown} tells of no device", source.remedy)
        self._known = {one.device.id: one.device for one in found}
        self._unseen = {}
        self._first = found
        return list(self._known.values())

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """The values of each device; news of those that came, tell more, or are gone."""
        found, self._first = self._first, None
        if found is None:
            found = self._read()
        yield from self._news(found)
        yield from readings(found, self._known)

    def close(self) -> None:
        """End what runs."""
        if self._place is not None:
            self._place.close()
        self._place, self._first = None, None

    def _find(self) -> Command | Stream | File | WebPage | Directories:
        source, root = self.description.source, Path(self.options.root)
        if source.commands:
            argv = find(source)
            return (Stream if source.stream else Command)(argv, source.timeout_s)
        if source.directory:
            return Directories(root, source.directory, source.remedy)
        if source.url:
            return WebPage(source, self.options.url or source.url)
        path = root / source.file.lstrip("/")
        if not path.exists():
            raise Unavailable(f"{source.file} is not there", source.remedy)
        return File(path)

    def _read(self) -> list[Found]:
        place = self._place
        if place is None:
            raise TryAgain(f"{self.name} is not open")
        if isinstance(place, Directories):
            return self._of_its_host(devices_in(place.records(), self.description))
        try:
            told: Sequence[Record] = records(place.output(), self.description.read)
        except Unreadable as error:
            raise TryAgain(f"{place.shown} printed what is not understood: {error}") from error
        return self._of_its_host(devices_in(told, self.description))

    def _of_its_host(self, found: list[Found]) -> list[Found]:
        host = self.options.host
        return [one.on(host) for one in found] if host else found

    def _news(self, found: Sequence[Found]) -> Iterator[Reading]:
        """A device that tells one metric more is declared anew; one that tells less keeps what it had."""
        seen = {one.device.id for one in found}
        for at, one in enumerate(found):
            known = self._known.get(one.device.id)
            if known is None or not set(one.device.metrics) <= set(known.metrics):
                self._known[one.device.id] = one.device
                yield Appeared(one.device)
            elif known != one.device:
                found[at : at + 1] = [_as_known(one, known, self.description)]  # type: ignore[index]
        for key in [key for key in self._known if key not in seen]:
            self._unseen[key] = self._unseen.get(key, 0) + 1
            if self._unseen[key] >= GONE_AFTER:
                del self._known[key]
                yield Gone(key, "the output does not tell of it any more")
        for key in seen:
            self._unseen.pop(key, None)


def _as_known(one: Found, known: Device, of: Description) -> Found:
    """What is told, in the order in which the device declared it."""
    told = {each.metric: each for each in of.metrics}
    return Found(known, tuple(told[metric] for metric in known.metrics), one.records)


def class_of(path: str) -> type[DescribedCollector]:
    """The collector of a description's file.

    Raises:
        ConfigError: the file says something that it cannot say.
    """
    return class_from(language.load(path))


def class_from(of: Description) -> type[DescribedCollector]:
    """The collector of a description."""
    values = {
        "name": of.name,
        "about": of.about or f"devices that {of.name} describes",
        "period_s": of.source.period_s,
        "floor_s": of.source.floor_s,
        "description": of,
    }
    return type(f"Described_{of.name}", (DescribedCollector,), values)
