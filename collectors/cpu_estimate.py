"""How much power do the CPUs probably draw, where no sensor tells?

The model is linear in load: `P = tdp * (idle + (1 - idle) * load)`. That power grows about linearly with
CPU utilization between idle and full load is the finding of Fan, Weber and Barroso, "Power Provisioning for
a Warehouse-sized Computer" (ISCA 2007); that full load draws the TDP and idle a fixed share of it are
assumptions. Clocks, vector units, turbo and sleep states are not seen: expect the estimate to be wrong by a
third, and by a factor of two at low load. Every value is declared `estimated`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfwatch_collectors.psutil_door import import_psutil

from perfwatch import metrics
from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Device, DeviceKind, Reading, Sample, Scope

_TICK_S = 0.01
"""The kernel counts CPU time in ticks of 1/100 s."""
_ID = "cpu-estimate"
_METRICS = (
    replace(
        metrics.ENERGY,
        estimated=True,
        update_s=_TICK_S,
        help="Energy of the CPUs, estimated from TDP and load.",
    ),
    replace(metrics.POWER, estimated=True, help="Power of the CPUs, estimated from TDP and load."),
)


@dataclass(frozen=True)
class CpuEstimateOptions:
    """What the estimate rests on.

    Args:
        tdp: thermal design power of all CPU sockets together, W. There is no default.
        idle: share of it that is drawn without load, 0 to 1.
    """

    tdp: float | None = None
    idle: float = 0.3


class CpuEstimateCollector(Collector):
    """One device for all CPUs of the machine; energy accumulates from differences of CPU time."""

    name = "cpu_estimate"
    about = "CPU power estimated from TDP and load, by a model: -c cpu_estimate:tdp=WATTS"
    floor_s = 0.1
    Options = CpuEstimateOptions

    def __init__(
        self,
        options: CpuEstimateOptions | None = None,
        *,
        psutil: Any = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(options)
        self._psutil = psutil
        self._clock = clock if clock is not None else SystemClock()
        self._tdp_w = 0.0
        self._cpus = 1
        self._opened_ns = 0
        self._busy_at_open_s = 0.0
        self._at_ns = 0
        self._energy_j = 0.0

    def open(self) -> Sequence[Device]:
        """Check the options and take the first CPU times.

        Raises:
            ConfigError: no TDP was given, or an option makes no sense.
            Unavailable: CPU times cannot be read here.
        """
        self._tdp_w = _checked_tdp_w(self.options)
        self._psutil = self._psutil or import_psutil("cannot estimate CPU power")
        self._cpus = self._psutil.cpu_count() or 1
        self._energy_j = 0.0
        try:
            self._opened_ns, self._busy_at_open_s = self._now()
        except OSError as error:
            raise Unavailable(f"cannot estimate CPU power: CPU times are not readable ({error})") from error
        self._at_ns = self._opened_ns
        facts = {"tdp_watts": self._tdp_w, "idle_ratio": self.options.idle, "logical_cpus": self._cpus}
        return [
            Device(_ID, "CPU (estimated)", DeviceKind.CPU, 0, _METRICS, scope=Scope.CPU, facts=facts),
        ]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Energy since `open`, and mean power since the read before (`None` if no time has passed).

        Raises:
            TryAgain: CPU times cannot be read at this moment.
        """
        try:
            at_ns, busy_s = self._now()
        except OSError as error:
            raise TryAgain(f"cannot estimate CPU power: CPU times are not readable ({error})") from error
        energy_j = max(self._energy_j, self._energy_by(at_ns, busy_s))
        step_s = (at_ns - self._at_ns) * 1e-9
        # A tick that makes up for an earlier one belongs into the energy, not into more than full load.
        power_w = min((energy_j - self._energy_j) / step_s, self._tdp_w) if step_s > 0 else None
        self._at_ns, self._energy_j = at_ns, energy_j
        for device in devices:
            yield Sample(device.id, (energy_j, power_w), at_ns)

    def _energy_by(self, at_ns: int, busy_s: float) -> float:
        """The formula over all the time since `open`, J: a tick that is late in one step is in the next.

        `busy_s`: CPU seconds that all CPUs together have worked since boot.
        """
        time_s = (at_ns - self._opened_ns) * 1e-9
        worked_s = min(busy_s - self._busy_at_open_s, time_s * self._cpus)
        idle: float = self.options.idle
        return self._tdp_w * (idle * time_s + (1 - idle) * worked_s / self._cpus)

    def _now(self) -> tuple[int, float]:
        """The time, and the CPU seconds worked since boot (guests are contained in `user`)."""
        times = self._psutil.cpu_times()
        at_ns = self._clock.monotonic_ns()
        names = ("user", "nice", "system", "irq", "softirq")
        return at_ns, sum(getattr(times, name, 0.0) for name in names)


def _checked_tdp_w(options: CpuEstimateOptions) -> float:
    if options.tdp is None:
        raise ConfigError(
            "cannot estimate CPU power without the CPUs' TDP: type its watts (all sockets together; "
            "the maker's data sheet has it), as in -c cpu_estimate:tdp=65"
        )
    if not (math.isfinite(options.tdp) and options.tdp > 0):
        raise ConfigError(
            f"cannot estimate CPU power from a TDP of {options.tdp} W: type a number above 0, "
            "as in -c cpu_estimate:tdp=65"
        )
    if not 0 <= options.idle <= 1:
        raise ConfigError(
            f"cannot estimate CPU power with an idle share of {options.idle}: type a number from 0 to 1, "
            "as in -c cpu_estimate:tdp=65,idle=0.3"
        )
    return float(options.tdp)
