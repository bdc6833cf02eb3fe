"""Power of a whole machine by its management controller, through Redfish: `-c redfish:url=https://BMC`.

DMTF DSP0268: a chassis tells power in EnvironmentMetrics (new) or Power (old), or its supplies do in
PowerSubsystem. Links are followed, no path is built. Of chassis within each other the machine counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from perfwatch_collectors.credentials import credentials
from perfwatch_collectors.redfish_controls import whole_of
from perfwatch_collectors.redfish_nesting import place_of
from perfwatch_collectors.redfish_session import Refused, Session

from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.metrics import ENERGY, POWER, TELL_ENERGY, TEMPERATURE, UNKNOWN_AGE_S
from perfwatch.model import Device, DeviceKind, Event, Metric, Reading, Sample
from perfwatch.text import clean
from perfwatch.units import parse_accuracy

ROOT = "/redfish/v1/"
MOST_CHASSIS = 64
KWH = 3.6e6
FINE_KWH = 1e-7
"""Digits behind this one are those of a float that stands for a thousandth."""


@dataclass(frozen=True)
class RedfishOptions:
    """Which controller, and who asks.

    Args:
        url: `https://HOST`.
        user, password: names of the environment variables that hold them.
        credentials: a file with `USER:PASSWORD` that nobody else may read, in place of both.
        keyring: `SERVICE/USER`: the password is in the desktop's keyring, in place of both.
        ca: a file of certificates that are trusted, its own or its authority's, in place of the usual ones.
        verify: false takes its certificate as it is.
        host: the machine that it is the controller of, where that is not this one.
        accuracy: of its power and energy, as the maker states it (`2%`), in place of what a sensor tells.
    """

    url: str = ""
    user: str = "REDFISH_USER"
    password: str = "REDFISH_PASSWORD"  # noqa: S105 - the name of a variable
    credentials: str = ""
    keyring: str = ""
    ca: str = ""
    verify: bool = True
    host: str = ""
    accuracy: str = ""


class _Documents(Protocol):
    """What gives documents: a session."""

    def get(self, path: str) -> dict[str, Any]: ...


class _Kept:
    """A session that is asked for no document twice: controllers are slow."""

    def __init__(self, session: _Documents) -> None:
        self._session = session
        self._documents: dict[str, dict[str, Any]] = {}

    def get(self, path: str) -> dict[str, Any]:
        if path not in self._documents:
            self._documents[path] = self._session.get(path)
        return self._documents[path]


class _Chassis(NamedTuple):
    """Where one chassis tells its power, by kind of document."""

    device: Device
    places: tuple[tuple[str, str], ...]
    doubt: str = ""
    """Why it is not sure that its power is that of the whole."""


class RedfishCollector(Collector):
    """A device for each chassis that tells power.

    Raises:
        ConfigError: the address is none.
    """

    name = "redfish"
    about = "power of whole machines by their management controllers (Redfish)"
    period_s = 5.0
    floor_s = 1.0
    Options = RedfishOptions

    def __init__(self, options: RedfishOptions | None = None) -> None:
        super().__init__(options)
        url = self.options.url
        if url and not url.startswith(("https://", "http://")):
            raise ConfigError(f"cannot read redfish at {clean(url, 100)!r}: write https://HOST")
        if "@" in url:
            raise ConfigError(
                "cannot use a password in the address of redfish: set REDFISH_USER and REDFISH_PASSWORD, or "
                "name a file with credentials=FILE, or keyring=SERVICE/USER"
            )
        self._gain_ratio = parse_accuracy(self.options.accuracy)
        self._session: Session | None = None
        self._chassis: dict[str, _Chassis] = {}
        self._refused: set[str] = set()
        """Devices that the controller did not tell of when they were read last: that is said once."""

    def open(self) -> Sequence[Device]:
        """Log in and find the chassis that tell power.

        Raises:
            Unavailable: no controller is named, or nobody who asks, or no chassis tells power.
            TryAgain: it does not answer, or refuses.
        """
        options = self.options
        if not options.url:
            raise Unavailable("no controller is named", "perfwatch run -c redfish:url=https://BMC -- CMD")
        who = credentials(options.user, options.password, options.credentials, options.keyring)
        self.close()
        self._session = session = Session(options.url, who, verify=options.verify, ca=options.ca)
        try:
            self._chassis = {one.device.id: one for one in _found(session, options.host)}
        except TryAgain:
            self.close()
            raise
        if not self._chassis:
            self.close()
            raise Unavailable(f"no chassis of {session.shown} tells its power")
        return [self._accurate(one.device) for one in self._chassis.values()]

    def _accurate(self, device: Device) -> Device:
        """As somebody states it, else as the sensor itself tells it."""
        stated = self._gain_ratio
        if stated is None:
            return device
        return replace(
            device,
            metrics=tuple(
                one.accurate_to(stated) if one.name in TELL_ENERGY else one for one in device.metrics
            ),
        )

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        session = self._session
        if session is None:
            raise TryAgain("the controller's session is not open")
        refused: Refused | None = None
        has_told = False
        yield from self._doubts()
        for device in devices:
            try:
                told = _told(session, self._chassis[device.id].places)
            except Refused as error:  # of this chassis: the others are read on
                refused = error
                if device.id not in self._refused:
                    self._refused.add(device.id)
                    yield Event(
                        "note", {"code": "late-source", "text": f"{self.name}:{device.index}: {error}."}
                    )
                continue
            has_told = True
            self._refused.discard(device.id)
            yield Sample(device.id, tuple(told.get(metric.name) for metric in device.metrics))
        if refused is not None and not has_told:
            raise refused

    def _doubts(self) -> Iterator[Event]:
        """What is not sure of the chassis; that is said once."""
        for key, one in self._chassis.items():
            if one.doubt:
                text = f"{self.name}:{one.device.index}: {one.doubt}."
                yield Event("note", {"code": "meter-wider-than-run", "text": text})
                self._chassis[key] = one._replace(doubt="")

    def close(self) -> None:
        """Delete the session."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _found(session: Session, host: str) -> Iterator[_Chassis]:
    """Each chassis that tells power; those within a machine belong to it."""
    members = _members(session, _link(session.get(ROOT), "Chassis"))
    documents = _given(session, members[:MOST_CHASSIS])
    kept = _Kept(session)
    telling = _telling(kept, documents)
    for index, (path, told) in enumerate(telling.items()):
        document, place = documents[path], place_of(path, documents, telling)
        places = tuple(_places(document))
        device = Device(
            id=f"{session.shown}{path}",
            name=clean(document.get("Model") or document.get("Name") or "chassis", 100),
            kind=DeviceKind.METER,
            index=index,
            metrics=tuple(_metrics(told, _gain_ratios(kept, places))),
            scope=place.scope,
            parent=f"{session.shown}{place.inside}" if place.inside else None,
            facts={**_facts(document), **({"host": host} if host else {})},
        )
        doubt = place.doubt or (_doubt(kept, places) if place.scope is not None else "")
        yield _Chassis(device, places, doubt)


def _telling(session: _Documents, documents: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """What each chassis tells that tells power, by its address; one that is refused costs no other."""
    telling: dict[str, dict[str, float]] = {}
    for path, document in documents.items():
        try:
            told = _told(session, tuple(_places(document)))
        except Refused:
            continue
        if POWER.name in told:
            telling[path] = told
    return telling


def _metrics(told: dict[str, float], gains: dict[str, float]) -> Iterator[Metric]:
    step_j = _step_j(told.get(ENERGY.name))
    counter = ENERGY.stepping_by(step_j) if step_j is not None else ENERGY
    for metric in (POWER, counter, TEMPERATURE):
        if metric.name in told:
            yield metric.accurate_to(gains.get(metric.name)).at_most_old(UNKNOWN_AGE_S)


def _given(session: Session, paths: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The documents of the chassis; one that is refused costs no other, unless it is all of them."""
    documents: dict[str, dict[str, Any]] = {}
    refused: Refused | None = None
    for path in paths:
        try:
            documents[path] = session.get(path)
        except Refused as error:
            refused = error
    if refused is not None and not documents:
        raise refused
    return documents


def _step_j(joules: float | None) -> float | None:
    """The step of a counter that is told in kWh: whole ones, thousandths; None where it has finer digits.

    Then what it is seen to move by tells.
    """
    kwh = 0.1 if joules is None else joules / KWH
    if kwh.is_integer():
        return KWH
    return KWH / 1000.0 if abs(kwh - round(kwh, 3)) < FINE_KWH else None


def _members(session: _Documents, path: str) -> list[str]:
    listed = session.get(path).get("Members") if path else None
    found = [_link({"it": one}, "it") for one in listed] if isinstance(listed, list) else []
    return [path for path in found if path]


def _link(document: Any, key: str) -> str:
    """Where a property leads; empty where it leads nowhere."""
    value = document.get(key) if isinstance(document, dict) else None
    place = value.get("@odata.id") if isinstance(value, dict) else None
    return place if isinstance(place, str) and place.startswith("/") else ""


def _places(chassis: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind in ("EnvironmentMetrics", "Power", "PowerSubsystem"):
        place = _link(chassis, kind)
        if place:
            yield kind, place


def _facts(chassis: dict[str, Any]) -> dict[str, str]:
    named = {"serial": "SerialNumber", "maker": "Manufacturer", "chassis": "Id"}
    return {
        name: clean(chassis[key], 100) for name, key in named.items() if isinstance(chassis.get(key), str)
    }


def _told(session: _Documents, places: Sequence[tuple[str, str]]) -> dict[str, float]:
    """What a chassis tells now, by metric; the first of its documents that has power."""
    told: dict[str, float] = {}
    for kind, place in places:
        found = _READERS[kind](session, place)
        told.update({name: value for name, value in found.items() if name not in told})
        if POWER.name in told:
            break
    return told


def _environment(session: _Documents, place: str) -> dict[str, float]:
    document = session.get(place)
    energy = document.get("EnergykWh")
    lifetime = energy.get("LifetimeReading") if isinstance(energy, dict) else None
    kwh = _number(lifetime) if _number(lifetime) is not None else _reading(energy)
    found = {
        POWER.name: _reading(document.get("PowerWatts")),
        ENERGY.name: None if kwh is None else kwh * KWH,
    }
    found[TEMPERATURE.name] = _reading(document.get("TemperatureCelsius"))
    return _known(found)


def _gain_ratios(session: _Documents, places: Sequence[tuple[str, str]]) -> dict[str, float]:
    """How accurate the sensors behind EnvironmentMetrics say that they are, by metric.

    What stands there is an excerpt of a sensor (DataSourceUri), whose `Accuracy` is its error in percent.
    """
    place = dict(places).get("EnvironmentMetrics")
    found: dict[str, float] = {}
    for name, key in ((POWER.name, "PowerWatts"), (ENERGY.name, "EnergykWh")):
        try:
            source = _source(session.get(place).get(key)) if place else ""
            percent = _number(session.get(source).get("Accuracy")) if source else None
        except Refused:  # then nobody has stated it
            continue
        if percent is not None and 0.0 < percent < 100.0:
            found[name] = percent / 100.0
    return found


def _source(excerpt: Any) -> str:
    """The sensor that an excerpt is of; empty where it does not say."""
    source = excerpt.get("DataSourceUri") if isinstance(excerpt, dict) else None
    return source if isinstance(source, str) and source.startswith("/") else ""


def _power(session: _Documents, place: str) -> dict[str, float]:
    """The old document: several members may overlap, one is the whole."""
    whole = whole_of(session.get(place).get("PowerControl"))
    return _known(
        {POWER.name: _number(whole.member.get("PowerConsumedWatts")) if whole is not None else None}
    )


def _doubt(session: _Documents, places: Sequence[tuple[str, str]]) -> str:
    """Why the power of a chassis may not be the whole; empty where there is no reason."""
    if any(POWER.name in _told(session, [place]) for place in places if place[0] == "EnvironmentMetrics"):
        return ""
    old = dict(places).get("Power")
    whole = whole_of(session.get(old).get("PowerControl")) if old else None
    return whole.doubt if whole is not None else ""


def _supplies(session: _Documents, place: str) -> dict[str, float]:
    """What all power supplies take in; unknown while one does not tell."""
    watts: list[float] = []
    for supply in _members(session, _link(session.get(place), "PowerSupplies")):
        document = session.get(supply)
        status = document.get("Status")
        if isinstance(status, dict) and status.get("State") == "Absent":
            continue
        metrics = session.get(_link(document, "Metrics")) if _link(document, "Metrics") else {}
        value = _reading(metrics.get("InputPowerWatts"))
        if value is None:
            return {}
        watts.append(value)
    return {POWER.name: math.fsum(watts)} if watts else {}


_READERS = {"EnvironmentMetrics": _environment, "Power": _power, "PowerSubsystem": _supplies}


def _known(found: dict[str, float | None]) -> dict[str, float]:
    """Without what is not known; a machine that is on draws something."""
    return {
        name: value
        for name, value in found.items()
        if value is not None and not (name == POWER.name and value <= 0)
    }


def _reading(value: Any) -> float | None:
    """A sensor's excerpt: an object with `Reading`, or the number itself."""
    return _number(value.get("Reading") if isinstance(value, dict) else value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
