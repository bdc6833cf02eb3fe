"""The plugin contract: what a collector declares and does, and nothing more.

A collector reads. Threads, periods, retries, time stamps, states and logging are the runner's
(`perfwatch.runner`). docs/writing-a-collector.md walks through one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from perfwatch.model import Device, Reading


@dataclass(frozen=True)
class NoOptions:
    """A collector that has nothing to set up."""


class Collector(ABC):
    """Reads one family of devices or workloads.

    The constructor takes the options (an instance of `Options`) and, as keyword arguments with the real
    thing as default, whatever a test replaces (a vendor library, a function that runs a command).
    """

    name: ClassVar[str]
    """Also its name in the config and on the command line."""
    about: ClassVar[str] = ""
    """One line for `perfwatch collectors`: what it reads, through what."""
    period_s: ClassVar[float] = 1.0
    """Default sampling period; the user may ask for another."""
    floor_s: ClassVar[float] = 0.01
    """The shortest period that makes sense for this source; a shorter wish is raised to it."""
    idle_options: ClassVar[frozenset[str]] = frozenset()
    """Options that do nothing for this one of several that share them; they are not shown to people."""
    instead_of: ClassVar[tuple[str, ...]] = ()
    """Collectors of the same devices, which do not take part unasked where this one was asked for."""
    isolates: ClassVar[bool] = False
    """True: a call can block for one device alone (NVML, vendor libraries). `read` must then take its
    devices in order, hand over each device's reading as soon as it has it, and keep no state shared
    between devices, so that the runner can leave a hanging one behind."""
    waits_for: str = ""
    """What `open` waits for while it does, as a person would try it by hand: `hl-smi -Q name`."""
    tools_cpu_s: float = 0.0
    """CPU time that tools took so far which it started; they are part of perfwatch's own cost."""
    Options: ClassVar[type] = NoOptions
    """A frozen dataclass; the config reader checks and fills it."""

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def open(self) -> Sequence[Device]:
        """Find the devices.

        Raises:
            Unavailable: there is nothing to read here. Quick and quiet: no output, no side effect.
        """

    @abstractmethod
    def read(self, devices: Sequence[Device]) -> Iterable[Reading]:
        """One poll of the devices given; may block.

        Raises:
            TryAgain: nothing this time, perhaps the next.
            DeviceGone: a device left; the others are read again at the next poll.
        """

    def close(self) -> None:
        """Give back handles. May be called after a failure, and twice."""
        return
