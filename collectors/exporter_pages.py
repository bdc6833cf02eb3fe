"""Whose page is it? The exporters that are known, by the names that they print.

What each exporter's names mean stands in the TOML files of the folder `exporters`. One with several sorts of
devices has a file for each: `kepler_exporter.toml`, `kepler_exporter-dram.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfwatch_collectors.exporter_dies import dies_on
from perfwatch_collectors.exporter_hwmon import sensors_on

from perfwatch.model import Device
from perfwatch.workload.exposition import Page

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

FOLDER = Path(__file__).with_name("exporters")
NODE_EXPORTER = "node_exporter"
"""The one that tells of sensors besides, which no description can name."""


REPEATING = {"rebellions_exporter": "", "all_smi_exporter": "RBLN-"}
"""Exporters that repeat the power of a card for each die of it -> how the names of such devices begin."""


class Exporter(NamedTuple):
    """An exporter's descriptions: of each sort of devices one."""

    name: str
    descriptions: tuple[Description, ...]
    has_sensors: bool = False

    def repeats_power_of(self, device: Device) -> bool:
        """Whether it may tell the power of a card for this die of it as well."""
        return self.name in REPEATING and device.name.startswith(REPEATING[self.name])


def recognised(page: Page) -> Exporter | None:
    """The exporter of which a page has most names, with what the page tells of; None where it has none.

    Names such as `memory_used` are others' as well: one that tells of a device goes before one that does not.
    """
    found: list[tuple[int, Exporter]] = []
    for name, known in _known().items():
        descriptions = [*known, *_of_this_page(page, known)]
        counts = [_told(page, of) for of in descriptions]
        sensors = sensors_on(page) if name == NODE_EXPORTER else 0
        there = tuple(of for of, count in zip(descriptions, counts, strict=True) if count)
        if there or sensors:
            found.append((sum(counts) + sensors, Exporter(name, there, has_sensors=sensors > 0)))
    ranked = [exporter for _, exporter in sorted(found, key=lambda each: -each[0])]
    return next((one for one in ranked if _tells_of_devices(page, one)), ranked[0] if ranked else None)


def _of_this_page(page: Page, known: Sequence[Description]) -> Iterator[Description]:
    """What no file can name: dies of packages have a family each."""
    for of in known:
        if of.read.families[0].endswith("_rapl_package_joules_total"):
            yield from dies_on(page, of)


def _tells_of_devices(page: Page, exporter: Exporter) -> bool:
    from perfwatch_collectors.described.devices import devices_in
    from perfwatch_collectors.described.formats import records

    return exporter.has_sensors or any(
        devices_in(records(page.body, of.read), of) for of in exporter.descriptions
    )


def _told(page: Page, of: Description) -> int:
    """How many of the families of a description a page has."""
    from perfwatch_collectors.described.pages import family_of

    families = {family_of(name)[0] for name in of.read.families}
    return sum(bool(page.texts(family)) for family in families)


@lru_cache(1)
def _known() -> dict[str, Sequence[Description]]:
    """The descriptions of each exporter, by its name."""
    from perfwatch_collectors.described.language import load

    found: dict[str, list[Description]] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        found.setdefault(file.stem.partition("-")[0], []).append(load(file))
    return dict(found)
