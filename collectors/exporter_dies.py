"""Packages of several dies on an exporter's page of RAPL zones, of which each die is a zone of its own.

prometheus/procfs (sysfs/class_powercap.go) takes a number off a zone's name only where nothing else stands
behind it: `package-0` is the family `node_rapl_package_joules_total` with the index 0, and `package-0-die-1`
a family of its own, `node_rapl_package_0_die_1_joules_total`, with the index 0. Where the exporter was
started with --collector.rapl.enable-zone-label all zones are one family, and `rapl_zone` has that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from perfwatch_collectors.rapl_mirrors import Pair

from perfwatch.workload.exposition import labels_of

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

    from perfwatch.workload.exposition import Page

MOST_DIES = 64
"""More are no machine's."""
_FAMILY = re.compile(r"(\w+)_rapl_package_(\d+)_die_(\d+)_joules(?:_total)?\Z")
_ZONE = re.compile(r"package-(\d+)-die-(\d+)\Z")
_LABEL = "rapl_zone"


class _Die(NamedTuple):
    """One die, the field that tells its energy, and the value of its label, where it has one."""

    package: int
    die: int
    field: str
    zone: str = ""

    @property
    def word(self) -> str:
        """As the kernel and the collector `rapl` call it."""
        return f"package-{self.package}-die-{self.die}"


def dies_on(page: Page, package: Description) -> Iterator[Description]:
    """A description for each die that a page tells of.

    Two dies that show one counter, as some of AMD's are listed, are known by their totals: the second one is
    shown and not summed.

    Args:
        package: the description of packages without dies, which says all else.
    """
    exporter = package.read.families[0].partition("_rapl_")[0]
    dies = sorted({*_by_family(page, exporter), *_by_label(page, exporter)})[:MOST_DIES]
    firsts: dict[int, float] = {}
    for die in dies:
        joules = _joules(page, die)
        is_first = die.package not in firsts
        first_j = firsts.setdefault(die.package, joules)
        yield _described(die, package, is_mirror=not is_first and _is_one(first_j, joules))


def _by_family(page: Page, exporter: str) -> Iterator[_Die]:
    for family in page.families:
        match = _FAMILY.match(family.decode("ascii", "replace"))
        if match is not None and match[1] == exporter:
            field = f"{match[0].removesuffix('_total')}_total"
            yield _Die(int(match[2]), int(match[3]), field)


def _by_label(page: Page, exporter: str) -> Iterator[_Die]:
    family = f"{exporter}_rapl_joules_total"
    for line in page.lines(family, everywhere=False):
        zone = labels_of(line.labels).get(_LABEL, "")
        match = _ZONE.match(zone)
        if match is not None:
            yield _Die(int(match[1]), int(match[2]), f'{family}{{{_LABEL}="{zone}"}}', zone)


def _joules(page: Page, die: _Die) -> float:
    """What its counter stands at; 0 where that is not known."""
    lines = page.lines(die.field.partition("{")[0])
    told = (line.value for line in lines if labels_of(line.labels).get(_LABEL, "") == die.zone)
    return float(next(told, None) or 0.0)


def _is_one(first_j: float, second_j: float) -> bool:
    pair = Pair("", "")
    pair.compare_totals(first_j, second_j, first_j)
    return pair.mirrored


def _described(die: _Die, package: Description, *, is_mirror: bool) -> Description:
    of = package.device
    device = replace(
        of,
        id=f"rapl-{die.word}",
        index=die.word,
        scope=None if is_mirror else of.scope,
        only={_LABEL: (die.zone,)} if die.zone else {},
        skip={name: texts for name, texts in of.skip.items() if name != _LABEL},
    )
    sources = (die.field,)
    return replace(
        package,
        name=f"{package.name}-die-{die.package}-{die.die}",
        device=device,
        read=replace(package.read, families=sources),
        metrics=tuple(replace(told, sources=sources) for told in package.metrics),
    )
