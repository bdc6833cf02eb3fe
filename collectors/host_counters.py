"""How much of a machine's CPU time, memory, disks and network is used?"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from perfwatch_collectors.sysfs import read_text

from perfwatch import metrics
from perfwatch.clock import Clock
from perfwatch.model import Kind, Metric, Unit, Value

_CORES_SHOWN = 256
_LEAST_STEP_S = 0.05
"""CPU time comes in ticks of 10 ms: over less than a few of them utilization is noise."""
_LOOPBACK = re.compile(r"lo\d*$")


class CpuUse:
    """Utilization of all CPUs and of each, from differences of CPU time.

    Until a little time has passed since the reading before there is no value; psutil's own functions say 0
    then.
    """

    def __init__(self, psutil: Any, clock: Clock) -> None:
        self._psutil = psutil
        self._clock = clock
        self._at_ns = clock.monotonic_ns()
        self._before = self._times()
        self.count = len(self._before)
        shown = min(self.count, _CORES_SHOWN)
        self.metrics = (metrics.CPU_UTILIZATION, *(_core_metric(number) for number in range(shown)))

    def read(self) -> Sequence[Value]:
        """The share of all CPU time in use, then of each CPU's own."""
        now_ns = self._clock.monotonic_ns()
        unknown: list[Value] = [None] * len(self.metrics)
        if now_ns - self._at_ns < _LEAST_STEP_S * 1e9:
            return unknown
        now, before = self._times(), self._before
        self._at_ns, self._before = now_ns, now
        if len(now) != len(before):  # CPUs went on- or offline in this step
            return unknown
        steps = [(busy - b, total - t) for (busy, total), (b, t) in zip(now, before, strict=True)]
        whole = _share(sum(busy for busy, _ in steps), sum(total for _, total in steps))
        if len(now) != self.count:  # which of them is which is not known any more
            return [whole, *unknown[1:]]
        return [whole, *(_share(*step) for step in steps[: len(self.metrics) - 1])]

    def _times(self) -> list[tuple[float, float]]:
        """Busy and whole time of each CPU since boot, s. A guest's time is in `user` already."""
        try:
            told = self._psutil.cpu_times(percpu=True)
        except (OSError, ValueError, AttributeError, NotImplementedError, IndexError):
            return []
        if not told:
            return []
        fields = told[0]._fields
        idle = [fields.index(name) for name in ("idle", "iowait") if name in fields]
        twice = [fields.index(name) for name in ("guest", "guest_nice") if name in fields]
        times = []
        for one in told:
            total = sum(one) - sum(one[place] for place in twice)
            times.append((total - sum(one[place] for place in idle), total))
        return times


def _core_metric(number: int) -> Metric:
    return Metric(
        f"cpu{number}_utilization_ratio",
        Unit.RATIO,
        Kind.GAUGE,
        f"Share of time in which CPU {number} was busy.",
    )


def _share(busy_s: float, total_s: float) -> float | None:
    """Busy over whole time. Waiting for disks may be counted back and forth: held within 0 and 1."""
    return min(1.0, max(0.0, busy_s / total_s)) if total_s > 0 else None


def load(root: Path) -> float | None:
    text = read_text(root / "proc/loadavg")
    if text:
        return float(text.split()[0])
    return os.getloadavg()[0] if str(root) == "/" else None


def memory(psutil: Any) -> Sequence[Value]:
    """Used is what is not available; psutil's own `used` changed its meaning between versions."""
    memory = psutil.virtual_memory()
    return memory.total - memory.available, memory.total


def swap(root: Path, psutil: Any) -> Sequence[Value]:
    """psutil reads a second file for this, and warns where it is missing."""
    text = read_text(root / "proc/meminfo")
    if text is None:
        swap = psutil.swap_memory()
        return swap.used, swap.total
    found = dict(re.findall(r"^(Swap\w+):\s+(\d+) kB", text, re.MULTILINE))
    total_bytes = int(found["SwapTotal"]) * 1024
    return total_bytes - int(found["SwapFree"]) * 1024, total_bytes


def disks(root: Path, psutil: Any) -> Sequence[Value]:
    """Disks that are hardware: what passes a RAID, a mapping or a loop is counted below it already."""
    if str(root) != "/" and not (root / "proc/diskstats").is_file():
        return None, None  # psutil would take this machine's own
    counters = psutil.disk_io_counters(perdisk=True, nowrap=False)
    hardware = _hardware(root / "sys/block", counters)
    if not hardware:
        return None, None
    return sum(one.read_bytes for one in hardware), sum(one.write_bytes for one in hardware)


def network(root: Path, psutil: Any) -> Sequence[Value]:
    """Network cards; where none is hardware (a container's), every interface but loopback.

    What passes a bridge, a bond or a tunnel passes a card as well, and would be counted twice.
    """
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    counters = {name: one for name, one in counters.items() if not _LOOPBACK.match(name)}
    counted = _hardware(root / "sys/class/net", counters) or list(counters.values())
    if not counted:
        return None, None
    return sum(one.bytes_recv for one in counted), sum(one.bytes_sent for one in counted)


def _hardware(directory: Path, counters: dict[str, Any]) -> list[Any]:
    """Those that have a device behind them in sysfs; all of them where there is no sysfs."""
    return [one for name, one in counters.items() if _is_hardware(directory, name)]


@lru_cache(maxsize=4096)
def _is_hardware(directory: Path, name: str) -> bool:
    """What a name stands for stays so while it is there; asking sysfs each second cost most of a poll."""
    return not directory.is_dir() or (directory / name.replace("/", "!") / "device").exists()
