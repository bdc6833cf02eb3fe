"""Which of a board's power readings energy is integrated from, and what its sensor sees of time.

NVML has up to three power readings a board, and what each means depends on architecture and driver. The
periods here are those measured for "Part-time Power Measurements: nvidia-smi's Lack of Attention"
(arXiv 2312.02741, data in JimZeyuYang/GPU_Power_Benchmark, Overall_Results.xlsx): T is how often the
reading is renewed, W over which time it averages. W shorter than T means that the sensor looks away: a
load whose period is near a multiple of T is then read badly wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

USAGE = "usage"
"""nvmlDeviceGetPowerUsage, nvidia-smi's `power.draw`."""
INSTANT = "instant"
"""Field 186, nvidia-smi's `power.draw.instant`."""
AVERAGE = "average"
"""Field 185, nvidia-smi's `power.draw.average`."""

ARCHITECTURES = {
    2: "kepler", 3: "maxwell", 4: "pascal", 5: "volta", 6: "turing", 7: "ampere", 8: "ada", 9: "hopper",
    10: "blackwell", 13: "rubin",
}  # fmt: skip
"""nvmlDeviceArchitecture_t."""
GA100 = "ga100"
"""Ampere's data centre chip (A100, A30), which NVML does not tell from other Amperes, has another sensor."""

COUNTER_STEP_S = 0.1
"""The energy counter moves in steps of about this (ML.ENERGY, "Thermally Stable Profiling for Accurate
GPU Energy Measurement")."""


@dataclass(frozen=True)
class Timing:
    """How often a reading is renewed and over which time it averages, s; `None` is not known."""

    update_s: float | None = None
    window_s: float | None = None

    @property
    def sees_all(self) -> bool:
        """Whether no moment escapes the sensor."""
        return self.update_s is not None and self.window_s is not None and self.window_s >= self.update_s


UNKNOWN = Timing()
_QUARTER = Timing(0.1, 0.025)
_FULL = Timing(0.1, 0.1)
_SECOND = Timing(0.1, 1.0)
_HALF = Timing(0.02, 0.01)
_LOW_PASS = Timing(0.1, None)
# Newer than that data: nvml.h promises an average of one second, and no more is known.
_AS_DOCUMENTED = Timing(None, 1.0)

_AFTER_530 = {
    "kepler": {},
    "maxwell": {USAGE: _LOW_PASS, INSTANT: _LOW_PASS},
    "pascal": {USAGE: _HALF, INSTANT: _HALF},
    "volta": {USAGE: _HALF, INSTANT: _HALF},
    "turing": {USAGE: _FULL, INSTANT: _FULL},
    GA100: {USAGE: _QUARTER, INSTANT: _QUARTER},
    "ampere": {USAGE: _SECOND, INSTANT: _FULL, AVERAGE: _SECOND},
    "ada": {USAGE: _SECOND, INSTANT: _FULL, AVERAGE: _SECOND},
    "hopper": {USAGE: _SECOND, INSTANT: _QUARTER, AVERAGE: _SECOND},
}
_NEWER = {USAGE: _AS_DOCUMENTED, AVERAGE: _AS_DOCUMENTED}
_AT_530 = {"ampere": {USAGE: _FULL}, "ada": {USAGE: _FULL}}


def architecture(code: int | None, pci_device_id: int | None, name: str) -> str:
    """The architecture's name; `""` if it is not known.

    Args:
        code: nvmlDeviceArchitecture_t.
        pci_device_id: the PCI device id alone; GA100's are 0x20xx.
        name: the product name, which decides where there is no PCI id.
    """
    found = ARCHITECTURES.get(code, "") if code is not None else ""
    if found != "ampere":
        return found
    if pci_device_id:
        return GA100 if pci_device_id >> 8 == 0x20 else found
    return GA100 if re.search(r"(?<!RTX )\b(A100|A30|A800|CMP 170HX)\b", name) else found


def driver_branch(version: str) -> int | None:
    """The branch of a driver version, 550 of `550.54.15`."""
    match = re.match(r"\d+", version)
    return int(match.group()) if match else None


def timing(query: str, chip: str, branch: int | None) -> Timing:
    """What is known of a reading of this architecture under this driver branch (an unknown one is new)."""
    table = _AFTER_530.get(chip, _NEWER if chip else {})
    if branch == 530:
        return _AT_530.get(chip, {}).get(query) or table.get(query, UNKNOWN)
    return table.get(query, UNKNOWN)


def choose(readings: dict[str, Timing]) -> str | None:
    """The reading that energy is integrated from; `None` if there is none.

    One that sees all the time comes first, and of several the one that lags least (its window's middle is
    W/2 ago); then one that at least averages for long; then the one that sees the largest share.
    """
    if not readings:
        return None
    return min(readings, key=lambda query: (*_rank(readings[query]), _PREFERENCE.index(query)))


_PREFERENCE = (AVERAGE, USAGE, INSTANT)


def _rank(timing: Timing) -> tuple[int, float]:
    if timing.sees_all:
        return 0, timing.window_s or 0.0
    if timing.update_s is None and timing.window_s:
        return 1, -timing.window_s
    if timing.update_s and timing.window_s is not None:
        return 2, -timing.window_s / timing.update_s
    return 3, 0.0


def worth_reading(readings: dict[str, Timing], supported: Iterable[str]) -> dict[str, Timing]:
    """The readings that differ, out of those that the board supports.

    `usage` is left out where a field already tells the same physical reading: asking twice would cost
    twice and tell nothing more.
    """
    found = {query: readings[query] for query in supported}
    fields = [query for query in found if query != USAGE]
    if USAGE in found and fields and (found[USAGE] == UNKNOWN or found[USAGE] in (found[q] for q in fields)):
        del found[USAGE]
    return found
