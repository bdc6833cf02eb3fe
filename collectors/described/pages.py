"""Pages of devices in Prometheus' text format: series are gathered by their labels into devices.

Only the families that a description names are looked for: a page of half a megabyte is not parsed every
second. A field is a family, or one with labels, `hw_temperature_celsius{sensor="gpu"}`; in templates it is a
label.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from perfwatch_collectors.described.records import Record

from perfwatch.text import clean
from perfwatch.workload.exposition import Page, labels_of

LONGEST_AGE_S = 300.0
"""A value that is stamped so long ago is Prometheus' own limit as well: no more is known of it."""
KNOWN, KNOWN_BYTES = 2048, 4096
"""So many labels of series are kept, none of them longer than this."""
_FAMILY = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?\Z")


class Series(Record):
    """The series of one device: its labels, and its values by family."""

    def __init__(self) -> None:
        super().__init__({})
        self.series: dict[str, list[tuple[Mapping[str, str], Any]]] = {}
        self.stale: dict[str, float] = {}
        """Families of which a value was stamped so many seconds ago that it is not known any more."""
        self._told: Mapping[str, str] = {}
        self._first: dict[tuple[str, ...], list[Any]] = {}

    def add(self, family: str, labels: Mapping[str, str], value: Any) -> None:
        """Take a series; of labels that differ from one to the other the first is that of the device."""
        if labels is not self._told:  # most families have the same
            self.fields.update({name: text for name, text in labels.items() if name not in self.fields})
            self._told = labels
        self.series.setdefault(family, []).append((labels, value))

    def first(self, names: Sequence[str]) -> list[Any]:
        """It is asked for whether a device tells a metric, and for its value: it is looked for once."""
        key = tuple(names)
        found = self._first.get(key)
        if found is None:
            found = self._first[key] = super().first(names)
        return found

    def values(self, name: str) -> list[Any]:
        """The values of a family with such labels; of a label its text."""
        family, wanted = _field(name)
        told = self.series.get(family, ())
        if not wanted:
            found = [value for _, value in told]
        else:
            found = [value for labels, value in told if wanted.items() <= labels.items()]
        return found or ([self.fields[name]] if name in self.fields else [])


@lru_cache(1024)
def _field(name: str) -> tuple[str, Mapping[str, str]]:
    return family_of(name) if _FAMILY.match(name) else (name, {})


def family_of(name: str) -> tuple[str, Mapping[str, str]]:
    """A field as its family and the labels that it asks for.

    Raises:
        ValueError: it is none; says what to write, in a clause.
    """
    match = _FAMILY.match(name)
    if match is None:
        raise ValueError(
            f"{clean(name, 80)!r} names no family: write its name, or one with labels as in "
            'hw_temperature_celsius{sensor="gpu"}'
        )
    return match[1], labels_of((match[2] or "").encode())


def devices_of(
    body: bytes, each: Sequence[str], fields: Sequence[str], now_s: Callable[[], float] | None = None
) -> Iterator[Series]:
    """The devices of a page, in its order.

    Args:
        body: the page.
        each: the labels that tell devices apart; `gpu_uuid|uuid`: the first of them that a series has.
        fields: the families that are looked for.
        now_s: tells the time of day; what is stamped long before is not known any more; None: all is.
    """
    page = Page(body)
    found: dict[tuple[str, ...], Series] = {}
    for family in dict.fromkeys(family_of(field)[0] for field in fields):
        stamps = page.stamps(family) if now_s is not None else {}
        for raw, value in page.lines(family):
            known = _known if len(raw) <= KNOWN_BYTES else _taken_apart
            labels, key = known(raw, tuple(each))
            device = found.get(key)
            if device is None:
                device = found[key] = Series()
            old_s = now_s() - stamps[raw] if now_s is not None and raw in stamps else 0.0
            if old_s > LONGEST_AGE_S:
                device.stale[family] = old_s
            device.add(family, labels, value if old_s <= LONGEST_AGE_S else None)
    yield from found.values()


def _taken_apart(raw: bytes, each: tuple[str, ...]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The labels of a series, and which device they are of."""
    labels = labels_of(raw)
    return labels, tuple(_label(labels, names) for names in each)


_known = lru_cache(KNOWN)(_taken_apart)
"""The same for labels that were seen: those of a device are the same in each family and on each page."""


def _label(labels: Mapping[str, str], names: str) -> str:
    return next((labels[name] for name in names.split("|") if labels.get(name)), "")
