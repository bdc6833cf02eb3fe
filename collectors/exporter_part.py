"""What does one description tell of a page that several of them read together?

An exporter with several sorts of devices (kepler's GPUs, packages, memory) has a description for each. The
page is fetched once, and each takes from it what is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from perfwatch_collectors.described.collector import DescribedCollector, DescribedOptions, Place
from perfwatch_collectors.described.places import File
from perfwatch_collectors.exporter_plan import Plan, learnt

from perfwatch.metrics import ENERGY, POWER, UNKNOWN_AGE_S
from perfwatch.model import Appeared, Device, Gone, Metric, Reading, Sample

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description

    from perfwatch.workload.exposition import Page

LONGEST_PAUSE = 64
"""A page that looks different each time is looked at so seldom for an order in it."""


class DescribedPart:
    """The devices of one description.

    Args:
        of: what stands where on the page.
        options: whose the devices are, and how accurate.
        where: the page, for messages.
    """

    def __init__(self, of: Description, options: DescribedOptions, where: str) -> None:
        self._of = of
        self._fetched = _Fetched(where)
        self._collector = _OnPage(of, options, self._fetched)
        self._exporter, _, self._word = of.name.partition("-")
        self._devices: dict[str, Device] = {}
        self._plan: Plan | None = None
        self._has_held = False
        self._pause = self._waits = 0

    @property
    def has_plan(self) -> bool:
        """Whether it is known where the values stand."""
        return self._plan is not None

    def forget(self) -> None:
        """Read the next page by all that stands on it."""
        self._plan = None

    def open(self, page: Page) -> list[Device]:
        """Its devices.

        Raises:
            CollectorError: the page tells of none.
        """
        self._fetched.body = page.body
        devices = [self._called(device) for device in self._collector.open()]
        self._devices = {device.id: device for device in devices}
        self._plan = None
        return devices

    def read(self, page: Page) -> Iterator[Reading]:
        """What the page tells of them now.

        Raises:
            TryAgain: it tells of none.
        """
        samples = self._plan.samples(page) if self._plan is not None else None
        if samples is not None:
            self._has_held = True
            yield from samples
            return
        self._plan = None
        seen: set[str] = set()
        for reading in self._read_anew(page):
            if isinstance(reading, Sample):
                seen.add(reading.device_id)
            yield reading
        if seen == set(self._devices):
            self._learn(page)

    def _read_anew(self, page: Page) -> Iterator[Reading]:
        """The same, by all that stands on the page."""
        self._fetched.body = page.body
        for reading in self._collector.read(()):
            if isinstance(reading, Appeared):
                device = self._called(reading.device)
                self._devices[device.id] = device
                yield Appeared(device)
                continue
            if isinstance(reading, Gone):
                self._devices.pop(reading.device_id, None)
            yield reading

    def _learn(self, page: Page) -> None:
        """Keep where the values stand; more and more seldom on a page whose series change all the time."""
        if self._waits:
            self._waits -= 1
            return
        self._pause = 0 if self._has_held else min(LONGEST_PAUSE, max(1, 2 * self._pause))
        self._waits, self._has_held = self._pause, False
        self._plan = learnt(page, self._of, self._devices)

    def _called(self, device: Device) -> Device:
        """Numbers alone would be those of another sort of devices as well: `dram-0`."""
        metrics = tuple(map(_at_most_old, device.metrics))
        device = replace(device, metrics=metrics, facts={**device.facts, "page": self._exporter})
        if self._word and isinstance(device.index, int):
            return replace(device, index=f"{self._word}-{device.index}")
        return device


def _at_most_old(metric: Metric) -> Metric:
    """An exporter repeats what it read last; how often it reads is a default that may have been changed."""
    if metric.name not in (POWER.name, ENERGY.name):
        return metric
    oldest_s = metric.update_s if metric.update_s is not None else UNKNOWN_AGE_S
    return replace(metric, update_s=None).at_most_old(oldest_s)


class _Fetched(File):
    """The page as it was fetched last."""

    def __init__(self, where: str) -> None:
        super().__init__(Path(where))
        self.shown = where
        self.body = b""

    def output(self) -> bytes:
        return self.body


class _OnPage(DescribedCollector):
    """A description that fetches nothing itself."""

    def __init__(self, of: Description, options: DescribedOptions, page: _Fetched) -> None:
        self.description = of
        self._fetched = page
        super().__init__(options)

    def _places(self) -> list[Place]:
        return [self._fetched]
