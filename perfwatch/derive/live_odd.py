"""Which devices depart from their like while the run goes on? Their slices as a fold, in bounded memory.

What is told at a time is what the summary of the run up to it tells (perfwatch.derive.odd).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perfwatch.derive.alike import QUANTITIES
from perfwatch.derive.conditions import declared_power_w
from perfwatch.derive.numbers import number as finite
from perfwatch.derive.odd import Board, Odd, Slicing, odd_ones
from perfwatch.derive.sliced import Slices, least_width_s, whole_slices, width_for
from perfwatch.derive.spans import period_of
from perfwatch.derive.tape import LARGEST
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, DeviceKind
from perfwatch.session import format as fmt

JUDGED_EVERY, JUDGED_PART, JUDGED_AT_ONCE = 5, 24, 8
"""To compare devices goes through all slices of all of them: 20 ms for eight of them at most. So it is done
again after so many slices, or when there are more by this part; of more than eight devices less often.
"""


class OddWatch:
    """Folds the records of a session. Times are seconds on the session's clock."""

    def __init__(self) -> None:
        self._interval_s = 1.0
        self._start: float | None = None
        self._end = math.inf
        self._devices: dict[int, _Sliced] = {}
        self._known: tuple[object, tuple[Odd, ...]] | None = None

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; what is malformed is passed over."""
        try:
            if "s" in record:
                for number, t, values in record["s"]:
                    self._take_sample(number, float(t), values)
            elif "device" in record:
                number, _, declared = fmt.decode_device(record["device"])
                if declared.kind is not DeviceKind.WORKLOAD:
                    self._devices.setdefault(number, _Sliced()).declare(declared, self._interval_s)
            elif record.get("event") == "job":
                self._take_job(float(record["t"]), record.get("what"))
            elif "format" in record:
                self._interval_s = float(record["interval_s"])
        except (KeyError, IndexError, TypeError, ValueError):
            return

    def _take_job(self, t: float, what: object) -> None:
        if what == "begin":
            self._start = t
            for device in self._devices.values():
                device.begin(t)
        elif what == "end":
            self._end = t

    def _take_sample(self, number: int, t: float, values: Sequence[Any]) -> None:
        if not math.isfinite(t) or t > self._end:
            return
        if self._start is None:  # without a job the run is all that is recorded
            self._start = t
        if number in self._devices:
            self._devices[number].take(self._start, t, values)

    def odd(self, labels: Mapping[int, str], until: float) -> tuple[Odd, ...]:
        """The odd ones among some devices, by what was read until then.

        Args:
            labels: what each device is called, by its number.
        """
        if self._start is None or until <= self._start:
            return ()
        compared = {
            label: self._devices[number] for number, label in labels.items() if number in self._devices
        }
        groups: dict[float, dict[str, _Sliced]] = {}
        for label, device in compared.items():
            groups.setdefault(device.least_width_s, {})[label] = device
        duration_s = until - self._start
        widths = {least_s: _width_s(duration_s, group.values()) for least_s, group in groups.items()}
        counts = {
            least_s: self._count(whole_slices(duration_s, width_s), len(groups[least_s]))
            for least_s, width_s in widths.items()
        }
        about = tuple(labels.items()), counts
        if self._known is None or self._known[0] != about:
            found = [
                _odd_in(group, Slicing(self._start, widths[least_s]), counts[least_s])
                for least_s, group in groups.items()
            ]
            self._known = about, tuple(odd for each in found for odd in each)
        return self._known[1]

    def _count(self, slices: int, devices: int) -> int:
        """How many slices are judged: the newest few wait for each other, until the run is over."""
        if self._end < math.inf:
            return slices
        step = max(JUDGED_EVERY, slices // JUDGED_PART) * max(1, devices // JUDGED_AT_ONCE)
        return slices - slices % step


def _width_s(duration_s: float, group: Iterable[_Sliced]) -> float:
    """How wide the slices of devices must be: one of them may have been read after the others."""
    return max(device.width_s(duration_s) for device in group)


def _odd_in(group: Mapping[str, _Sliced], slicing: Slicing, count: int) -> list[Odd]:
    return odd_ones([device.board(label, slicing.width_s, count) for label, device in group.items()], slicing)


class _Sliced:
    """One device: each quantity that it tells, in slices."""

    def __init__(self) -> None:
        self._model = ""
        self._limit_w: float | None = None
        self.least_width_s = 1.0
        """Only devices of one width are compared."""
        self._places: dict[str, int] = {}
        self._by_counter = False
        self._counted: tuple[float, float] | None = None
        self._newest: tuple[float, Sequence[Any]] | None = None
        self._slices: dict[str, Slices] = {}

    def declare(self, device: Device, interval_s: float) -> None:
        """What it tells from now on."""
        declared = {metric.name: place for place, metric in reversed(list(enumerate(device.metrics)))}
        self._model, self._limit_w = device.name, declared_power_w(device)
        self.least_width_s = least_width_s(period_of(device, interval_s))
        self._by_counter = POWER.name not in declared and ENERGY.name in declared
        if self._by_counter:
            declared[POWER.name] = declared[ENERGY.name]
        told = (quantity.metric for quantity in QUANTITIES)
        self._places = {metric: declared[metric] for metric in told if metric in declared}

    def begin(self, t: float) -> None:
        """The run begins: of what was before, only a reading of that instant is of it."""
        self._slices, self._counted = {}, None
        if self._newest is not None and self._newest[0] >= t:
            self.take(t, *self._newest)

    def take(self, start: float, t: float, values: Sequence[Any]) -> None:
        """Add a sample of a run that began at `start`."""
        self._newest = t, values
        for metric, place in self._places.items():
            value = finite(values[place]) if place < len(values) else None
            if value is not None and self._by_counter and metric == POWER.name:
                value = self._rate(t, value)
            if value is None or abs(value) > LARGEST or (metric == POWER.name and value < 0.0):
                continue
            if metric not in self._slices:
                self._slices[metric] = Slices(start, self.least_width_s)
            self._slices[metric].take(t, value)

    def _rate(self, t: float, joules: float) -> float | None:
        """What the counter tells of power, W."""
        before, self._counted = self._counted, (t, joules)
        return (joules - before[1]) / (t - before[0]) if before is not None and t > before[0] else None

    def width_s(self, duration_s: float) -> float:
        """How wide its slices are, or must become."""
        widest = max((slices.width_s for slices in self._slices.values()), default=0.0)
        return max(width_for(duration_s, self.least_width_s), widest)

    def board(self, label: str, width_s: float, count: int) -> Board:
        """The device, with so many slices of a width."""
        means = {metric: slices.means(width_s, count) for metric, slices in self._slices.items()}
        return Board(label, self._model, means, self._limit_w)
