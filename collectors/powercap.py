"""Which RAPL zones does this machine's powercap tree have, and what is in their files?

The tree is the kernel's: Documentation/power/powercap/powercap.rst and drivers/powercap/intel_rapl_common.c
(AMD's counters stand under the same names). A zone is told by its `name` file, never by its number.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from perfwatch_collectors.sysfs import entries, read_number, read_text

TREE = "sys/class/powercap"
UPDATE_S = 0.001
"""How often the counters advance: the default time unit of the hardware is 976 µs."""

_CONTROL_TYPES = ("intel-rapl", "intel-rapl-mmio")
"""The second one shows the package of the first again, through another door: one of them is taken, and the
first where there is one."""
_PACKAGE = re.compile(r"package-(\d+)(?:-die-(\d+))?$")
_PSYS = re.compile(r"psys(?:-\d+)?$")
_CONSTRAINTS = 4


@dataclass(frozen=True)
class Zone:
    """One zone.

    Args:
        number: the directory's name, `intel-rapl:0:1`: where it is, not what it is.
        role: `package`, `core`, `uncore`, `dram`, `psys`, or whatever the kernel calls it.
        index: a word that is unique in the tree: `package-0`, `core-0`, `dram-0-die-1`, `psys`.
        energy_file: the counter, in µJ.
        range_j: the value at which the counter starts again, J.
        package: the package it belongs to, as the kernel numbers it.
        inside: index of the zone that contains it in the tree, if one does.
        limit_w: its long-term power limit, while that is in force, W.
        peak_w: the highest of its limits in force; it may draw this for seconds to minutes, W.
        max_power_w: the highest limit that the maker allows for, W; on many parts the TDP.
    """

    number: str
    role: str
    index: str
    energy_file: Path
    range_j: float | None = None
    package: int | None = None
    inside: str | None = None
    limit_w: float | None = None
    peak_w: float | None = None
    max_power_w: float | None = None


@dataclass(frozen=True)
class Tree:
    """The zones in order, packages before what they contain; `broken` names directories without a zone."""

    zones: tuple[Zone, ...] = ()
    broken: tuple[str, ...] = ()


def find_zones(root: Path) -> Tree:
    """The RAPL zones under `root`/sys/class/powercap, whether the tree is flat, nested, or has holes.

    A zone with `enabled` 0 is a zone: that file speaks of its power limit, and the energy is counted all
    the same.
    """
    for control_type in _CONTROL_TYPES:
        directories = _zone_directories(root / TREE, control_type)
        if directories:
            return _understand(directories)
    return Tree()


def _zone_directories(top: Path, control_type: str) -> dict[str, Path]:
    """Every zone's directory by its number; each once, although a flat and a nested view may show it."""
    pattern = re.compile(re.escape(control_type) + r"(?::\d+)+$")
    found: dict[str, Path] = {}
    waiting = [top, top / control_type]
    while waiting:
        for entry in entries(waiting.pop(0)):
            if pattern.match(entry.name) and entry.name not in found:
                found[entry.name] = entry
                waiting.append(entry)
    return dict(sorted(found.items(), key=lambda item: _place(item[0])))


def _place(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split(":")[1:])


def _understand(directories: dict[str, Path]) -> Tree:
    zones: dict[str, Zone] = {}
    broken: list[str] = []
    for number, directory in directories.items():
        name = read_text(directory / "name")
        if not name:
            broken.append(number)
            continue
        zone = _zone(number, name, directory, zones.get(number.rpartition(":")[0]))
        if all(zone.index != known.index for known in zones.values()):
            zones[number] = zone
    return Tree(tuple(zones.values()), tuple(broken))


def _zone(number: str, name: str, directory: Path, above: Zone | None) -> Zone:
    package = _PACKAGE.match(name)
    if package is not None:
        role, index, package_number = "package", name, int(package.group(1))
    elif _PSYS.match(name):
        role, index, package_number = "psys", name, None
    else:
        role = name
        place = above.index.removeprefix("package-") if above is not None else _place(number)[-1]
        index, package_number = f"{name}-{place}", above.package if above is not None else None
    range_uj = read_number(directory / "max_energy_range_uj")
    return Zone(
        number=number,
        role=role,
        index=index,
        energy_file=directory / "energy_uj",
        range_j=range_uj * 1e-6 if range_uj else None,
        package=package_number,
        inside=above.index if above is not None else None,
        limit_w=_limit_w(directory),
        peak_w=_peak_w(directory),
        max_power_w=_watts(directory / "constraint_0_max_power_uw"),
    )


def _limit_w(directory: Path) -> float | None:
    """The long-term limit; `None` without one or while limiting is off (`enabled` 0)."""
    if read_number(directory / "enabled") == 0:
        return None
    for constraint in range(_CONSTRAINTS):
        if read_text(directory / f"constraint_{constraint}_name") == "long_term":
            return _watts(directory / f"constraint_{constraint}_power_limit_uw")
    return None


def _peak_w(directory: Path) -> float | None:
    """The highest limit of any term: a laptop's short-term limit is often four times its long-term one."""
    if read_number(directory / "enabled") == 0:
        return None
    limits = (_watts(directory / f"constraint_{number}_power_limit_uw") for number in range(_CONSTRAINTS))
    return max((limit for limit in limits if limit is not None), default=None)


def _watts(file: Path) -> float | None:
    """Microwatts in a file as watts; 0 is how firmware says that it knows none."""
    microwatts = read_number(file)
    return microwatts * 1e-6 if microwatts else None


class Counter:
    """An energy counter whose file is kept open, so that a reading is one system call.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor: int | None = os.open(file, os.O_RDONLY | os.O_CLOEXEC)

    def read_uj(self) -> int | None:
        """The counter now, µJ; `None` if the file holds no number.

        Raises:
            OSError: the zone is gone (ENODEV), or did not answer.
        """
        if self._descriptor is None:
            raise OSError("the counter's file was closed")
        text = os.pread(self._descriptor, 64, 0)
        return int(text) if text.strip().isdigit() else None

    def close(self) -> None:
        """Give the file back; twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
