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

from perfwatch.model import Appeared, Device, Reading

if TYPE_CHECKING:
    from perfwatch_collectors.described.description import Description


class DescribedPart:
    """The devices of one description.

    Args:
        of: what stands where on the page.
        options: whose the devices are, and how accurate.
        where: the page, for messages.
    """

    def __init__(self, of: Description, options: DescribedOptions, where: str) -> None:
        self._page = _Fetched(where)
        self._collector = _OnPage(of, options, self._page)
        self._word = of.name.partition("-")[2]

    def open(self, body: bytes) -> list[Device]:
        """Its devices.

        Raises:
            CollectorError: the page tells of none.
        """
        self._page.body = body
        return [self._called(device) for device in self._collector.open()]

    def read(self, body: bytes) -> Iterator[Reading]:
        """What the page tells of them now.

        Raises:
            TryAgain: it tells of none.
        """
        self._page.body = body
        for reading in self._collector.read(()):
            yield Appeared(self._called(reading.device)) if isinstance(reading, Appeared) else reading

    def _called(self, device: Device) -> Device:
        """Numbers alone would be those of another sort of devices as well: `dram-0`."""
        if self._word and isinstance(device.index, int):
            return replace(device, index=f"{self._word}-{device.index}")
        return device


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
