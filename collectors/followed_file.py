"""What do the collectors that follow a file share? Its opening, its marks, its readings and its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import TryAgain
from perfwatch.model import Device, DeviceKind, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.text import from_system
from perfwatch.workload.followed import LOOK_S, Followed, facts_of_place
from perfwatch.workload.tally import clean_text


class FileFollower(Collector):
    """Follows one file. A subclass says what is found in its lines, and calls `_follow` in `open`."""

    period_s = LOOK_S
    file: ClassVar[str]
    """What the file is called when it is not open: `the log`."""

    def __init__(self, options: object = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._followed: Followed | None = None
        self.judge: Judge = NOBODY
        """Says which queries are good ones; set before `open`."""

    def _device(self, name: str, *, work: str, **facts: str) -> Device:
        """The workload that the file tells of, without metrics.

        Args:
            name: what the collector is called; several of one run have their numbers.
            work: the kind of source that it is.
        """
        index, path = self.options.index, from_system(self.options.path)
        return Device(
            id=f"{name}-{index}" if index else name,
            name=clean_text(path, 200),
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": work, **facts_of_place(self.options.path), **facts},
        )

    def _follow(self, followed: Followed, device: Device) -> Sequence[Device]:
        self._followed = followed
        followed.begin()
        return [device]

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        if self._followed is not None:
            self._followed.split(at_ns)

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        if self._followed is None:
            raise TryAgain(f"{self.file} is not open")
        yield from self._followed.readings()

    def close(self) -> None:
        if self._followed is not None:
            self._followed.close()
