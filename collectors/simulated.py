"""What would accelerators and a model server tell whose energy and work are known beforehand?

Nothing is measured: power, energy and work are closed functions of time, so that a figure which comes out
at the far end of perfwatch can be held against the truth. For demos, load tests and docs; only on request.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfwatch_collectors.simulated_devices import Chip, Server, SimulatedOptions

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, DeviceGone
from perfwatch.model import Device, Reading

if TYPE_CHECKING:
    from perfwatch_collectors.simulated_story import Story

__all__ = ["SimulatedCollector", "SimulatedOptions"]

_LONGEST_STORY_S = 86_400.0


class SimulatedCollector(Collector):
    """Simulated accelerators, and a simulated server that they work for.

    Raises:
        ConfigError: an option makes no sense.
    """

    name = "simulated"
    about = "simulated accelerators with a known energy and a simulated server"
    Options = SimulatedOptions

    def __init__(self, options: SimulatedOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        _check(self.options)
        self._clock = clock if clock is not None else SystemClock()
        self.opened_ns = 0
        """When every curve and the story began, on the monotonic clock."""
        self.story: Story | None = _story_of(self.options)
        """What is going to happen; None where nothing does."""
        self._sources: dict[str, Chip | Server] = {}

    def open(self) -> Sequence[Device]:
        """Declare the devices; time 0 of every curve is now."""
        sources = _sources_of(self.options) if self.story is None else self.story.sources()
        self._sources = {source.device.id: source for source in sources}
        self.opened_ns = self._clock.monotonic_ns()
        if self.story is not None:
            self.story.begin(self._clock.time_ns() * 1e-9)
        return [source.device for source in sources]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Each device at the moment of its own read, stamped with exactly that moment."""
        if self.story is not None:
            yield from self.story.happenings(self._seconds(self._clock.monotonic_ns()))
            devices = self.story.present(devices)
        for device in devices:
            source = self._sources.get(device.id)
            if source is None:
                raise DeviceGone(device.id, f"{device.id} is not simulated here")
            now_ns = self._clock.monotonic_ns()
            yield source.sample(self._seconds(now_ns))._replace(at_ns=now_ns)

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self.opened_ns) * 1e-9


def _sources_of(options: SimulatedOptions) -> list[Chip | Server]:
    chips = [Chip(options, number) for number in range(options.devices)]
    return [*chips, Server(options, chips)] if options.work else [*chips]


def _story_of(options: SimulatedOptions) -> Story | None:
    if not options.story_s:
        return None
    from perfwatch_collectors.simulated_story import Story

    return Story(options)


def _check(options: SimulatedOptions) -> None:
    if not 1 <= options.devices <= 4096:
        raise ConfigError(
            f"cannot simulate {options.devices} devices: type a number from 1 to 4096, "
            "as in -c simulated:devices=4"
        )
    if not 0 <= options.idle_w <= options.peak_w < math.inf:
        raise ConfigError(
            f"cannot simulate an idle power of {options.idle_w} W under a peak of {options.peak_w} W: "
            "type idle_w from 0 to peak_w, as in -c simulated:idle_w=90,peak_w=650"
        )
    if not 0 <= options.queries_per_s <= 100_000:
        raise ConfigError(
            f"cannot simulate {options.queries_per_s} queries a second: type a number from 0 to 100000, "
            "as in -c simulated:queries_per_s=6"
        )
    if not 0 <= options.story_s <= _LONGEST_STORY_S:
        raise ConfigError(
            f"cannot tell a story of {options.story_s} s: type a number from 0 (none) to 86400, "
            "as in -c simulated:story_s=60"
        )
