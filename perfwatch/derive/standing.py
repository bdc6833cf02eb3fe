"""How does a run stand? The figures of *now* and of *run*, as perfwatch.derive.live works them out.

Light to import: whoever draws the figures needs no more than these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from perfwatch.derive.spans import Span

LEAST_COVERAGE = 0.9
"""A ratio is not told where a device of the headline was seen for less of the span than this."""


@dataclass(frozen=True)
class Figures:
    """One span's figures; `None` is unknown.

    Args:
        span: what they are over.
        watts: mean power of the headline's devices in what was seen of the span.
        joules: their energy.
        coverage: the share of the span in which the device that was seen least was seen.
        work: how much of each unit was done.
        errors: the expanded uncertainty of each count.
        parts: the energy between the times at which prices change, where they change within the span.
    """

    span: Span
    watts: float | None
    joules: float | None
    coverage: float
    work: Mapping[str, float | None]
    errors: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[tuple[Span, float], ...] = ()

    def joules_in(self, span: Span) -> float | None:
        """The energy of a part of the span that ends and begins where prices change."""
        inside = [joules for part, joules in self.parts if span.start <= part.start and part.end <= span.end]
        return sum(inside) if inside else None

    def rate(self, unit: str | None) -> float | None:
        """Work per second."""
        count = self.work.get(unit or "")
        return None if count is None or self.span.duration_s <= 0.0 else count / self.span.duration_s

    def per_joule(self, unit: str | None) -> float | None:
        """Work per joule; `None` where the energy of a device was not seen for most of the span."""
        count = self.work.get(unit or "")
        if count is None or not self.joules or self.coverage < LEAST_COVERAGE:
            return None
        return count / self.joules


@dataclass(frozen=True)
class ServerStanding:
    """How one of several servers stands, alone.

    Args:
        now, run: its work, and the energy of the devices that are its own; unknown where there are none.
        devices: labels of the devices that its processes use; none where that is not seen.
        shared: those of them that other servers use too, by label, and the names of these servers.
    """

    now: Figures
    run: Figures
    devices: tuple[str, ...]
    shared: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Standing:
    """How the run stands.

    Args:
        t: seconds on the session's clock up to which the figures are.
        elapsed_s: how long the run has been going.
        unit: the unit of work to show; `None` while nothing was counted.
        devices: labels of the devices whose power is meant.
        scope: what their power covers, as in the summary.
        estimated: a model, not a sensor, told it.
        utilization: mean of the newest readings of the run's accelerators, 0 to 1.
        silent: labels of devices that gave nothing for three periods.
        integrated: labels of devices whose energy is the integral of their power.
        update_s: how often the slowest source of energy tells something new.
        samples: power readings of the run of that device whose energy is integrated from fewest; None where
            every energy is a counter's.
        accelerators: labels of the accelerators that did the work, whether or not they tell power.
        gap_s: readings of the slowest device that are further apart leave a gap.
        guessed: nothing tells yet which devices the job uses, and all are counted.
        unread: why devices that may be of the run as well cannot be read, by what people call them.
        servers: each of several servers, by the number of its page.
        inherited: how much of each work was told first and left out, as earlier jobs'.
    """

    t: float
    elapsed_s: float
    now: Figures
    run: Figures
    unit: str | None
    devices: tuple[str, ...]
    scope: str
    estimated: bool
    utilization: float | None
    silent: tuple[str, ...]
    integrated: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    gap_s: float = 0.0
    update_s: float = 0.0
    samples: int | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    guessed: bool = False
    servers: Mapping[int, ServerStanding] = field(default_factory=dict)
    inherited: Mapping[str, float] = field(default_factory=dict)
