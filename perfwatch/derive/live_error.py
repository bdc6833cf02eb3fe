"""How wrong may the run's energy be so far? Of counters and of integrals of power, in bounded memory.

The same model as the summary's (perfwatch.derive.uncertainty). Of a counter it asks for the age of its first
and last reading, and the interpolation at the ends; integrals are in perfwatch.derive.live_integral.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from perfwatch.derive import uncertainty
from perfwatch.derive.counter_step import SeenStep, last_digit_of, step_error
from perfwatch.derive.live_integral import LiveIntegral
from perfwatch.derive.spans import gap_limit_s, period_of
from perfwatch.metrics import ENERGY, POWER
from perfwatch.model import Device, Metric
from perfwatch.session import format as fmt

LONGEST_REFRESH_S = 1.0
"""A counter that does not say how often it is renewed is taken to be so at least this often."""

NONE_CARRIED: Mapping[int, uncertainty.Error] = MappingProxyType({})
MOST = 1e30
"""No device draws so many watts or counts so many joules."""


class _Reading(NamedTuple):
    t: float
    joules: float
    watts: float | None


class LiveErrors:
    """Folds the records of a session."""

    def __init__(self) -> None:
        self._counters: dict[int, _Counter] = {}
        self._integrals: dict[int, LiveIntegral] = {}
        self._power_places: dict[int, int] = {}
        self._interval_s = 1.0
        self._began: float | None = None

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; what is malformed is passed over."""
        try:
            if "s" in record:
                for number, t, values in record["s"]:
                    self._take_sample(number, float(t), values)
            elif "device" in record:
                number, _, device = fmt.decode_device(record["device"])
                self._declare(number, device)
            elif record.get("event") == "job" and record.get("what") == "begin":
                self._began = float(record["t"])
                for counter in self._counters.values():
                    counter.begin(self._began)
                for power in self._integrals.values():
                    power.begin(self._began)
            elif "format" in record:
                self._interval_s = float(record["interval_s"])
        except (KeyError, IndexError, TypeError, ValueError):
            return

    def _declare(self, number: int, device: Device) -> None:
        places = {metric.name: place for place, metric in enumerate(device.metrics)}
        energy, power = places.get(ENERGY.name), places.get(POWER.name)
        if energy is not None and number in self._counters:
            self._counters[number].declare(device.metrics[energy])
        elif energy is not None:
            self._counters[number] = _Counter(energy, power, device.metrics[energy])
            if self._began is not None:
                self._counters[number].begin(self._began)
        if power is not None:
            self._power_places[number] = power
            if number not in self._integrals:
                period_s = period_of(device, self._interval_s)
                self._integrals[number] = LiveIntegral(device.metrics[power], gap_limit_s(period_s), period_s)

    def _take_sample(self, number: int, t: float, values: Sequence[Any]) -> None:
        counter = self._counters.get(number)
        if counter is not None:
            counter.take(t, values)
        place = self._power_places.get(number)
        if place is not None and _plausible(values[place]):
            self._integrals[number].take(t, values[place])

    def expanded_j(
        self,
        numbers: Iterable[int],
        end: float,
        integrated: Collection[int] = (),
        carried: Mapping[int, uncertainty.Error] = NONE_CARRIED,
    ) -> float | None:
        """The expanded uncertainty of the energy of these devices from the run's start to `end`, J.

        Args:
            integrated: those whose energy is their integral of power, not their counter.
            carried: errors of those whose counter was carried on to both ends of the job.

        `None` if that of any of them is not known.
        """
        sources: list[Mapping[int, _Counter | LiveIntegral]] = [self._counters, self._integrals]
        errors = []
        for number in numbers:
            source = sources[number in integrated].get(number)
            errors.append(carried.get(number) or (None if source is None else source.error(end)))
        known = [error for error in errors if error is not None]
        if not known or len(known) < len(errors):
            return None
        return uncertainty.combine(known).expanded()


class _Counter:
    """The readings around both ends of the run."""

    def __init__(self, energy: int, power: int | None, metric: Metric) -> None:
        self._energy, self._power = energy, power
        self._update_s = metric.update_s
        self._oldest_s = max(LONGEST_REFRESH_S, metric.oldest_s or 0.0)
        self._step = SeenStep(metric)
        self._joules: float | None = None
        self._changed_t: float | None = None
        self._refresh_s = 0.0
        self._start_t: float | None = None
        self._start: list[_Reading] = []
        self._newest: list[_Reading] = []

    def declare(self, metric: Metric) -> None:
        """It is declared anew, as with finer steps."""
        self._step.declare(metric)

    def begin(self, t: float) -> None:
        self._start_t, self._start = t, self._newest[-1:]

    def take(self, t: float, values: Sequence[Any]) -> None:
        joules = values[self._energy]
        watts = None if self._power is None else values[self._power]
        if not _plausible(joules):
            return
        self._note_change(t, joules)
        self._step.take(t, joules)
        reading = _Reading(t, joules, watts if _plausible(watts) else None)
        if len(self._start) < 2 and (not self._start or t > self._start[-1].t):
            self._start.append(reading)
        self._newest = [*self._newest[-1:], reading]

    def _note_change(self, t: float, joules: float) -> None:
        if joules != self._joules:
            if self._changed_t is not None:
                self._refresh_s = max(self._refresh_s, t - self._changed_t)
            self._changed_t, self._joules = t, joules

    def error(self, end: float) -> uncertainty.Error | None:
        """Of the difference between the run's start and `end`; `None` before there are two readings."""
        if len(self._start) < 2 or len(self._newest) < 2:
            return None
        update_s = self._update_s
        if update_s is None:
            update_s = min(self._refresh_s, self._oldest_s)
        whole = (self._start[0], self._newest[-1])
        first_w, last_w = (
            _watts(pair if _apart_s(pair) >= update_s else whole, place, told=pair[place].watts)
            for pair, place in ((self._start, 0), (self._newest, -1))
        )
        if first_w is None or last_w is None:
            return None
        start_t = self._start[0].t if self._start_t is None else self._start_t
        bridged = [_bridged(self._start, start_t), _bridged(self._newest, end)]
        late = uncertainty.counter_error(first_w, last_w, update_s, bridged)
        return max(late, self._stepped(), key=uncertainty.Error.expanded)

    def _stepped(self) -> uncertainty.Error:
        """What the steps that it moves in leave."""
        first_j, last_j = self._start[0].joules, self._newest[-1].joules
        return step_error(self._step.joules, last_j - first_j, last_digit_of((first_j, last_j)))


def _apart_s(readings: Sequence[_Reading]) -> float:
    return readings[1].t - readings[0].t


def _watts(readings: Sequence[_Reading], place: int, *, told: float | None = None) -> float | None:
    """Power at a reading: the sensor's, else the counter's slope; None where it fell.

    Over less than its update period a counter moves by all of one or not at all, which is no power.
    """
    told = readings[place].watts if told is None else told
    if told is not None:
        return told
    passed_s = _apart_s(readings)
    slope = (readings[1].joules - readings[0].joules) / passed_s if passed_s > 0.0 else -1.0
    return slope if slope >= 0.0 else None


def _bridged(readings: Sequence[_Reading], t: float) -> float:
    """The error of the counter interpolated at `t` between two readings; 0 at a reading."""
    if len(readings) < 2 or not readings[0].t < t < readings[1].t:
        return 0.0
    interval_s = readings[1].t - readings[0].t
    told = [_watts(readings, 0), _watts(readings, 1)]
    known = [watts for watts in told if watts is not None]
    step_w = max(known, default=0.0) - min(known, default=0.0)
    return uncertainty.bridge_error(step_w, interval_s, (t - readings[0].t) / interval_s)


def _plausible(value: object) -> bool:
    """Whether it is a number whose square is one too: a session may come from elsewhere."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < MOST
