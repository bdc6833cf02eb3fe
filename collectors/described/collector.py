"""The collector of a description: it finds the place, reads the output, and hands over what it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch_collectors.credentials import Credentials, who_asks
from perfwatch_collectors.described.apart import said_twice
from perfwatch_collectors.described.devices import Boards, Found, Rates, devices_in, ids_in, readings
from perfwatch_collectors.described.directories import Directories
from perfwatch_collectors.described.formats import (
    PROMETHEUS,
    Unreadable,
    joined,
    records_and_rest,
    told_instead,
)
from perfwatch_collectors.described.language import load
from perfwatch_collectors.described.last_digits import LastDigits
from perfwatch_collectors.described.lost_rows import LostRows
from perfwatch_collectors.described.places import (
    FIRST_S,
    TOO_SLOW,
    Command,
    Failed,
    File,
    Stream,
    Trusts,
    WebPage,
    find,
)
from perfwatch_collectors.fetching import checked_url, shown

from perfwatch.collector import Collector
from perfwatch.errors import CollectorError, ConfigError, TryAgain, Unavailable
from perfwatch.metrics import UNKNOWN_AGE_S
from perfwatch.model import Appeared, Device, Gone, Reading
from perfwatch.units import parse_accuracy

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description
    from perfwatch_collectors.described.records import Record

Place = Command | Stream | File | WebPage | Directories
GONE_AFTER = 3
"""A device that so many outputs do not tell of has left: one that was cut short tells of fewer."""


@dataclass(frozen=True)
class DescribedOptions:
    """Changes of a description.

    Args:
        root: stands before the paths of files and directories; another one reads a copied tree.
        url: another page than the description's.
        host: the machine that the devices are of, where that is not this one.
        user, password: names of the environment variables that hold who asks for a page.
        credentials: a file with `USER:PASSWORD` that nobody else may read, in place of both.
        keyring: `SERVICE/USER`: the password is in the desktop's keyring, in place of both.
        verify: false takes a page's certificate as it is.
        ca: a file with the certificates to trust, in place of the usual authorities.
        accuracy: of its power and energy, as its maker states it: `1%`.
    """

    root: str = "/"
    url: str = ""
    host: str = ""
    user: str = ""
    password: str = ""
    credentials: str = ""
    keyring: str = ""
    verify: bool = True
    ca: str = ""
    accuracy: str = ""


_OF_A_PAGE = frozenset({"url", "user", "password", "credentials", "keyring", "verify", "ca"})
_OF_A_TREE = frozenset({"root"})


class DescribedCollector(Collector):
    """Reads what one description says. A subclass for each is made by `class_of`."""

    name = "described"
    about = "a family of devices that a TOML file describes: -c ./chip.toml"
    Options = DescribedOptions
    description: Description

    def __init__(self, options: DescribedOptions | None = None) -> None:
        super().__init__(options)
        url = self.options.url
        if url and not self.description.source.url:
            raise ConfigError(f"cannot set option url of collector {self.name}: it reads no page")
        if url:
            _check_url(url, self.name)
        self._gain_ratio = parse_accuracy(self.options.accuracy)
        self._place: Place | None = None
        self._spent_s = 0.0
        self._rates = Rates()
        self._boards = Boards()
        self._last_digits = LastDigits()
        self._lost_rows = LostRows(self.description)
        self._known: dict[str, Device] = {}
        self._unseen: dict[str, int] = {}
        self._first: list[Found] | None = None

    def open(self) -> Sequence[Device]:
        """Read once and see what is there.

        Raises:
            Unavailable: the tool or the file is not there, or it tells of no device.
        """
        self.close()
        self._boards = Boards()
        found = self._first_found(self._places())
        self.waits_for = ""
        self._known = {one.device.id: one.device for one in found}
        self._unseen = {}
        self._rates = Rates()
        has_rates = any(told.is_rate for told in self.description.metrics)
        self._first = None if has_rates else found  # a total is of the moment at which it was read
        return list(self._known.values())

    def _first_found(self, places: Sequence[Place]) -> list[Found]:
        """What the first place tells that tells of a device; else why the first of all does not."""
        failed: CollectorError | None = None
        for place in places:
            self._place, self.waits_for = place, place.shown
            try:
                return self._first_of(place)
            except CollectorError as error:
                failed = failed or error
            self.close()
        assert failed is not None, "there is at least one place"
        if isinstance(places[0], WebPage):
            raise failed  # somebody named it: it is looked for again soon
        raise Unavailable(str(failed), self._remedy_of(failed)) from failed

    def _first_of(self, place: Place) -> list[Found]:
        """What a place tells of devices; a stream, whose first lines may be of something else, gets its time.

        Raises:
            CollectorError: it tells of none, or nothing that was asked for; of a stream what was wrong first.
        """
        until_s = time.monotonic() + max(self.description.source.timeout_s, FIRST_S)
        failed: CollectorError | None = None
        while True:
            try:
                found = self._read()
                if not found and isinstance(place, Command) and place.failure is not None:
                    raise place.failure  # what it printed was why
                if not found:
                    raise Unavailable(f"{place.shown} tells of no device", self.description.source.if_failing)
                self._check(found, place)
                return found
            except CollectorError as error:
                failed = failed or error
                if not isinstance(place, Stream) or isinstance(error, Failed) or time.monotonic() > until_s:
                    raise failed from None

    def _remedy_of(self, failed: CollectorError) -> str:
        """What to do: nobody is told to install what is there."""
        if isinstance(failed, Unavailable):
            return failed.remedy
        own = failed.remedy if isinstance(failed, Failed) else ""
        return own if own == TOO_SLOW else self.description.source.if_failing or own

    def _check(self, found: Sequence[Found], place: Place) -> None:
        """Have devices that tell nothing said: what names their fields is wrong.

        Files of a driver may come when a device wakes, and a stream may begin with something else.

        Raises:
            Unavailable: no device tells any metric.
        """
        if isinstance(place, (Directories, Stream)) or any(one.device.metrics for one in found):
            return
        of = self.description
        names = of.metrics[0].sources
        there = told_instead([record for one in found for record in one.records], names, of.read)
        raise Unavailable(
            f"{place.shown} tells none of the metrics of {self.name}: no device has the field "
            f"{' or '.join(map(repr, names))}{there}"
        )

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """The values of each device; news of those that came, tell more, or are gone."""
        found, self._first = self._first, None
        if found is None:
            found = self._read()
        yield from self._lost_rows.notes()
        yield from self._news(found)
        yield from readings(found, self._known, self._rates)

    @property
    def tools_cpu_s(self) -> float:  # type: ignore[override]
        """CPU time of its tool, s."""
        place = self._place
        return self._spent_s + (0.0 if place is None else _cpu_s_of(place))

    def close(self) -> None:
        """End what runs."""
        if self._place is not None:
            self._place.close()
            self._spent_s += _cpu_s_of(self._place)
        self._place, self._first = None, None

    def _places(self) -> list[Place]:
        source, root = self.description.source, Path(self.options.root)
        if source.stream:
            return [Stream(argv, source.timeout_s, self.description.read) for argv, _ in find(source)]
        if source.commands:
            return [
                Command(argv, source.timeout_s, also, once=source.also_once, needs=source.needs)
                for argv, also in find(source)
            ]
        if source.directory:
            return [Directories(root, source.directory, source.remedy)]
        if source.url:
            of_metrics = self.description.read.format == PROMETHEUS
            url = self.options.url or source.url
            trusts = Trusts(source.verify and self.options.verify, self.options.ca)
            return [WebPage(source, url, who=self._who_asks(), of_metrics=of_metrics, trusts=trusts)]
        path = root / source.file.lstrip("/")
        if not _is_there(path):
            raise Unavailable(f"{source.file} is not there", source.remedy)
        return [File(path)]

    def _who_asks(self) -> Credentials | None:
        """Who asks for the page, where the person or the description says so."""
        said, of = self.options, self.description.source
        user, password = said.user or of.user, said.password or of.password
        return who_asks(user, password, said.credentials, said.keyring)

    def _read(self) -> list[Found]:
        told = self.records()
        self._check_ids(told)
        return self._as_told(devices_in(told, self.description, self._boards))

    def _check_ids(self, told: Sequence[Record]) -> None:
        """Tell of no device rather than of one for two.

        Raises:
            Failed: two records have one id.
        """
        if self._place is None or isinstance(self._place, Directories):
            return  # a driver may have a directory twice
        for said in said_twice(ids_in(told, self.description), self.description):
            raise Failed(f"{self._place.shown} does not tell its devices apart: {said}", "")

    @property
    def lost_rows(self) -> LostRows:
        """What looked like devices and could not be read."""
        return self._lost_rows

    def records(self) -> Sequence[Record]:
        """What its source tells now, before anything is made of it; it has to be open.

        Raises:
            CollectorError: it cannot be read.
        """
        place = self._place
        if place is None:
            raise TryAgain(f"{self.name} is not open")
        if isinstance(place, Directories):
            return place.records()
        told = self._told(place)
        if isinstance(place, Command) and place.also is not None and self.description.read.join:
            told = joined(told, self._more(place.also), self.description.read.join)
        return told

    def _told(self, place: Command | Stream | File | WebPage) -> Sequence[Record]:
        try:
            told, passed = records_and_rest(self._output(place), self.description.read, time.time)
        except Unreadable as error:
            if isinstance(place, Command) and place.failure is not None:
                raise place.failure from error
            raise TryAgain(f"{place.shown} printed what is not understood: {error}") from error
        self._lost_rows.take(passed)
        return told

    def _output(self, place: Command | Stream | File | WebPage) -> bytes:
        """What it prints, and below it what a second command does that is read as one text with it."""
        output = place.output()
        if self.description.read.join or not isinstance(place, Command) or place.also is None:
            return output
        return output + b"\n" + place.also.output()

    def _more(self, place: Command) -> Sequence[Record]:
        """What a second command tells besides; where it fails, what the first one tells remains."""
        try:
            return self._told(place)
        except CollectorError:
            return ()

    def _as_told(self, found: list[Found]) -> list[Found]:
        """With what the person says of the devices: whose they are, how accurate."""
        host, gain_ratio = self.options.host, self._gain_ratio
        found = self._last_digits.declared(found)
        period_s = self._place.period.seconds if isinstance(self._place, Stream) else None
        found = [one.renewed_every(period_s) for one in found] if period_s is not None else found
        found = [one.on(host) for one in found] if host else found
        if self.description.source.url:  # of a tool and a driver it is known that they look when asked
            found = [one.at_most_old(UNKNOWN_AGE_S) for one in found]
        return found if gain_ratio is None else [one.accurate_to(gain_ratio) for one in found]

    def _news(self, found: Sequence[Found]) -> Iterator[Reading]:
        """A device that tells more, or came under a meter, is declared anew; one that tells less keeps it."""
        seen = {one.device.id for one in found}
        for at, one in enumerate(found):
            known = self._known.get(one.device.id)
            if known is None or _tells_more(one.device, known) or one.device.parent != known.parent:
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


def _check_url(url: str, name: str) -> None:
    """Before it is opened: what is wrong then is a fault of the collector, this is one of the person."""
    try:
        checked_url(url)
    except ConfigError as error:
        raise ConfigError(
            f"cannot set option url of collector {name} to {shown(url)!r}: it takes http://HOST:PORT/PATH"
        ) from error


def _is_there(path: Path) -> bool:
    """Whether a file is there, as far as this user may see."""
    try:
        return path.exists()
    except OSError:  # a directory above it is another's, as debugfs is root's
        return True


def _tells_more(device: Device, known: Device) -> bool:
    """Whether it has a metric that it had not; almost always they are the same, which is quickly seen."""
    return device.metrics != known.metrics and not set(device.metrics) <= set(known.metrics)


def _as_known(one: Found, known: Device, of: Description) -> Found:
    """What is told, in the order in which the device declared it."""
    told = {each.metric.name: each for each in of.metrics}
    return replace(one, device=known, told=tuple(told[metric.name] for metric in known.metrics))


def class_of(path: str) -> type[DescribedCollector]:
    """The collector of a description's file.

    Raises:
        ConfigError: the file says something that it cannot say.
    """
    return class_from(load(path))


def class_from(of: Description) -> type[DescribedCollector]:
    """The collector of a description."""
    values = {
        "name": of.name,
        "about": of.about or f"devices that {of.name} describes",
        "period_s": of.source.period_s,
        "floor_s": of.source.floor_s,
        "instead_of": of.instead,
        "idle_options": _OF_A_PAGE if not of.source.url else _OF_A_TREE,
        "description": of,
    }
    return type(f"Described_{of.name}", (DescribedCollector,), values)


def _cpu_s_of(place: Place) -> float:
    return place.cpu_s if isinstance(place, (Command, Stream)) else 0.0
