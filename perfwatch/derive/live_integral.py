"""How wrong may an integral of power be so far? The summary's model over a run that goes on.

In bounded memory: what was not seen between readings and what slipped adds up over the run, so it is settled
block by block as the readings come, and kept as a sum. What the two ends may be wrong by asks only for the
readings near them.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

from perfwatch.derive import integral, uncertainty
from perfwatch.derive.integral import Sensor
from perfwatch.derive.spans import Span
from perfwatch.derive.staleness import age_of, stale_error
from perfwatch.model import Metric

BLOCK = 128
"""So many readings make a block; how power wanders is learnt from the newest two."""
LEAST_READINGS = 8
"""Of fewer nothing can be said."""
AGAIN_S = 5.0
"""The error is worked out again at most so often: it does not change in a second."""


@dataclass
class Readings:
    """Readings of power in order, as the integral takes them."""

    metric: Metric
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.times)

    def add(self, t: float, watts: float) -> None:
        """Add a reading."""
        self.times.append(t)
        self.values.append(watts)

    def last(self, number: int) -> Readings:
        """The newest of them."""
        return Readings(self.metric, self.times[-number:], self.values[-number:])

    def and_later(self, others: Readings) -> Readings:
        """These, and those of the others that came after them."""
        later = [index for index, t in enumerate(others.times) if not len(self) or t > self.times[-1]]
        first = later[0] if later else len(others)
        return Readings(self.metric, self.times + others.times[first:], self.values + others.values[first:])


@dataclass
class _Model:
    """What the newest readings say of the sensor, of the load and of the polling."""

    sensor: Sensor
    wander: uncertainty.Wander
    polling: uncertainty.Polling

    def edges(self, readings: Readings, span: Span) -> float:
        return sum(
            uncertainty.edge_variance(stretch, self.sensor, self.wander, self.polling)
            for stretch in self._stretches(readings, span)
        )

    def inner(self, readings: Readings, span: Span) -> tuple[float, float]:
        unseen, slips = 0.0, 0.0
        for stretch in self._stretches(readings, span):
            unseen, slips = uncertainty.inner_variances(stretch, self.sensor, self.wander, self.polling)
        return unseen, slips

    def _stretches(self, readings: Readings, span: Span) -> list[integral.Stretch]:
        """One at most: gaps were dealt with as they came."""
        return integral.integrate(readings, span, self.sensor, longest_s=math.inf).stretches


class LiveIntegral:
    """The readings of one device.

    Args:
        metric: its power, with what is known of the sensor.
        longest_s: readings further apart leave a gap.
        interval_s: the sampling period.
    """

    def __init__(self, metric: Metric, longest_s: float, interval_s: float) -> None:
        self._longest_s, self._interval_s = longest_s, interval_s
        self._head, self._newest = Readings(metric), Readings(metric)
        self._start_t: float | None = None
        """Where the stretch without a gap begins; None before its first reading."""
        self._settled_t = 0.0
        """Up to here `_unseen` and `_sums` hold what was missed within the stretch."""
        self._unseen = 0.0
        """Of the stretch that goes on; its repetitions in step are counted at its end."""
        self._sums = uncertainty.Terms(0.0, 0.0, 0.0)
        self._values = 1
        self._told: tuple[float, uncertainty.Error] | None = None

    def begin(self, t: float) -> None:
        """The run starts: of what was before only the newest readings count, which lie around its start."""
        around = self._newest.last(2)
        self._head, self._newest = around, around.last(2)
        self._start_t = self._settled_t = t
        self._sums, self._values, self._told = uncertainty.Terms(0.0, 0.0, 0.0), 1, None
        self._unseen = 0.0

    def take(self, t: float, watts: float) -> None:
        """Add a reading."""
        if len(self._newest) and t - self._newest.times[-1] > self._longest_s:
            self._end_stretch()
        if self._start_t is None:
            self._start_t = self._settled_t = t
        self._values += len(self._newest) > 0 and watts != self._newest.values[-1]
        if len(self._head) < BLOCK:
            self._head.add(t, watts)
        self._newest.add(t, watts)
        if len(self._newest) >= 3 * BLOCK:
            self._settle(self._model(), self._newest.times[BLOCK])
            self._newest = self._newest.last(2 * BLOCK)

    def error(self, end: float) -> uncertainty.Error | None:
        """Of the energy from the run's start to `end`; `None` before there are readings enough."""
        if self._told is not None and end - self._told[0] < AGAIN_S:
            return self._told[1]
        if len(self._newest) < LEAST_READINGS or self._start_t is None:
            return None
        model = self._model()
        edges, unseen, slips = self._sums
        edges += model.edges(self._ends(), Span(self._start_t, end))
        more = model.inner(self._newest, Span(self._settled_t, end))
        unseen += (self._unseen + more[0]) * self._times_in_step(model, end)
        rounding = uncertainty.rounding_variance(self._newest.values, end - self._start_t, self._values)
        terms = uncertainty.Terms(edges, unseen, slips + more[1])
        found = terms.error(model.sensor, model.polling, rounding)
        around = self._ends()
        age_s = age_of(around, None, model.polling)
        found = uncertainty.over_spans([found, stale_error(around.values, age_s, end - self._start_t)])
        self._told = end, found
        return found

    def _model(self) -> _Model:
        recent = self._newest.last(2 * BLOCK)
        sensor = integral.sensor_of(recent)
        polling = uncertainty.polling_of(recent.times, self._interval_s)
        return _Model(sensor, uncertainty.wander_of(recent.values, sensor, polling.spacing_s), polling)

    def _ends(self) -> Readings:
        """The readings near both ends of the stretch."""
        return self._head.and_later(self._newest)

    def _settle(self, model: _Model, until: float) -> None:
        """Add what may have been missed up to a time to the sums."""
        unseen, slips = model.inner(self._newest, Span(self._settled_t, until))
        self._unseen += unseen
        self._sums = self._sums._replace(slips=self._sums.slips + slips)
        self._settled_t = until

    def _times_in_step(self, model: _Model, end: float) -> float:
        """How often the stretch repeated in step with its readings, by the newest of them."""
        assert self._start_t is not None
        readings = round((end - self._start_t) / model.polling.spacing_s)
        return uncertainty.times_in_step(self._newest.values, readings, model.sensor, model.polling)

    def _end_stretch(self) -> None:
        """Nothing was read for long: the stretch ends here, with ends of its own."""
        if self._start_t is not None and len(self._newest) >= LEAST_READINGS:
            model, end = self._model(), self._newest.times[-1]
            self._settle(model, end)
            edges = self._sums.edges + model.edges(self._ends(), Span(self._start_t, end))
            unseen = self._sums.unseen + self._unseen * self._times_in_step(model, end)
            self._sums = self._sums._replace(edges=edges, unseen=unseen)
            self._unseen = 0.0
        self._head, self._newest = Readings(self._head.metric), Readings(self._head.metric)
        self._start_t = None
