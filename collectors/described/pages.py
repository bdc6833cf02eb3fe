"""Pages of devices in Prometheus' text format: series are gathered by their labels into devices.

Only the families that a description names are looked for: a page of half a megabyte is not parsed every
second. A field is a family, or one with labels, `hw_temperature_celsius{sensor="gpu"}`; in templates it is a
label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from perfwatch_collectors.described.records import Record

from perfwatch.text import clean
from perfwatch.workload.exposition import Page, labels_of

_FAMILY = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?\Z")


class Series(Record):
    """The series of one device: its labels, and its values by family."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(dict(labels))
        self.series: list[tuple[str, Mapping[str, str], Any]] = []

    def values(self, name: str) -> list[Any]:
        """The values of a family with such labels; of a label its text."""
        family, wanted = family_of(name) if _FAMILY.match(name) else (name, {})
        found = [
            value
            for known, labels, value in self.series
            if known == family and all(labels.get(label) == text for label, text in wanted.items())
        ]
        return found or ([self.fields[name]] if name in self.fields else [])


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


def devices_of(body: bytes, each: Sequence[str], fields: Sequence[str]) -> Iterator[Series]:
    """The devices of a page, in its order.

    Args:
        body: the page.
        each: the labels that tell devices apart; `gpu_uuid|uuid`: the first of them that a series has.
        fields: the families that are looked for.
    """
    page = Page(body)
    found: dict[tuple[str, ...], Series] = {}
    for family in dict.fromkeys(family_of(field)[0] for field in fields):
        for raw, value in page.lines(family):
            labels = labels_of(raw)
            key = tuple(_label(labels, names) for names in each)
            device = found.setdefault(key, Series(labels))
            device.fields.update({name: text for name, text in labels.items() if name not in device.fields})
            device.series.append((family, labels, value))
    yield from found.values()


def _label(labels: Mapping[str, str], names: str) -> str:
    return next((labels[name] for name in names.split("|") if labels.get(name)), "")
