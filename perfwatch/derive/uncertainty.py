"""How wrong an energy may be, apart from the sensor's gain. docs/numbers.md explains the model.

Standard uncertainties in joules throughout; `benchmarks/energy_model.py` prints how often the truth was
within twice of them, for simulated loads and sensors.

How power wanders is taken from the readings themselves. D(s) is the mean squared difference of power at
two times `s` apart; it is measured at a lag u where the sensor sees whole averages, and continued to
shorter lags as D(s) = D(u) * (s / u)^a, where `a` follows from rho = D(2 u) / D(u): 0 for readings that have
nothing to do with each other (rho 1), 1 for power that jumps now and then, 2 for ramps (rho 4).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import fsum, log, sqrt
from operator import mul, sub
from typing import NamedTuple

from perfwatch.derive.integral import Sensor, Stretch

COVERAGE_FACTOR = 2.0
"""Expanded over standard uncertainty: about 95 %."""


@dataclass(frozen=True)
class Error:
    """Standard uncertainty of an energy, in joules, by whether devices of a run share the cause.

    Edges of the window, lag and aliasing are common to devices that do the same work at the same time;
    sampling noise is each device's own.
    """

    common_j: float
    independent_j: float

    def expanded(self) -> float:
        """Twice the standard uncertainty: about 95 % of truths are within (`error_joules`)."""
        return COVERAGE_FACTOR * sqrt(self.common_j**2 + self.independent_j**2)


def combine(errors: Iterable[Error]) -> Error:
    """The error of a sum over devices: common parts add up, independent ones in quadrature."""
    known = list(errors)
    return Error(
        fsum(error.common_j for error in known), sqrt(fsum(error.independent_j**2 for error in known))
    )


def over_spans(errors: Iterable[Error]) -> Error:
    """The error of a sum over separate spans of one device, whose edges have nothing in common."""
    known = list(errors)
    return Error(
        sqrt(fsum(error.common_j**2 for error in known)),
        sqrt(fsum(error.independent_j**2 for error in known)),
    )


# Counter


def counter_error(
    first_w: float,
    last_w: float,
    update_s: float,
    bridged_j: Sequence[float] = (),
) -> Error:
    """The error of a counter's difference.

    Each of the two readings is up to one update period U old, evenly spread and apart from each other.
    The error is Pa * a - Pb * b with ages a, b: its mean square is (Pa^2 + Pb^2) U^2 / 3 - Pa Pb U^2 / 2,
    which is P^2 U^2 / 6 for even power (measurement D.6: 0.41 P U). `bridged_j` are the errors of ends
    that lie between two readings.
    """
    ages = (first_w**2 + last_w**2) * update_s**2 / 3.0 - first_w * last_w * update_s**2 / 2.0
    return Error(sqrt(max(0.0, ages) + fsum(error**2 for error in bridged_j)), 0.0)


def bridge_error(step_w: float, interval_s: float, share: float) -> float:
    """The error of a cumulative value interpolated at `share` of an interval.

    If power steps by S at an even chance anywhere in the interval h, the value at `share` u is wrong by
    S h (min(u, f) - u f), with f where it stepped; in the mean square S^2 h^2 u^2 (1 - u)^2 / 3.
    """
    return step_w * interval_s * share * (1.0 - share) / sqrt(3.0)


# Integral


class Wander(NamedTuple):
    """How power wanders: D(s) = `squared_w` * (s / `lag_s`)^`exponent`; see the module's first lines.

    `independence` is 1 for readings that tell nothing of each other, 0 for those that follow each other;
    `roughness` is 1 for jumps and falls to 0 for ramps, which the trapezoid follows exactly.
    """

    squared_w: float
    lag_s: float
    exponent: float
    independence: float
    roughness: float

    def at(self, s: float) -> float:
        """Mean squared difference of power, in W^2, at two times `s` seconds apart."""
        if s <= 0.0 or self.lag_s <= 0.0:
            return 0.0
        return self.squared_w * float((s / self.lag_s) ** self.exponent)


def integral_error(stretch: Stretch, sensor: Sensor, wander: Wander, spacing_s: float) -> Error:
    """The error of the integral over one covered stretch, calibrated by simulation."""
    refresh_s, window_s = sensor
    edges = _edges(stretch, sensor, wander, spacing_s)
    unseen = _unseen(stretch, sensor, wander, spacing_s)
    part_time = window_s < refresh_s
    common, independent = (edges + unseen, 0.0) if part_time else (edges, unseen)
    independent += _blurred_changes(stretch, sensor, spacing_s)
    return Error(sqrt(common), sqrt(independent))


def _edges(stretch: Stretch, sensor: Sensor, wander: Wander, spacing_s: float) -> float:
    """Variance from the two ends: the age of the readings, averages cut in two, the held tail."""
    refresh_s, window_s = sensor
    loose_s = min(refresh_s, spacing_s)
    shift = loose_s**2 / 12.0 * (stretch.watts[-1] - stretch.watts[0]) ** 2
    blur_s = max(refresh_s, window_s)
    cuts = 2.0 * wander.at(blur_s) * blur_s**2 / 90.0
    return shift + cuts + _held(stretch, sensor, wander)


def _held(stretch: Stretch, sensor: Sensor, wander: Wander) -> float:
    """Variance from the end that no reading covers.

    For power that jumps: the last average ends at an age a of 0 to T, after which nothing is known:
    c (a^3 / 3 + a^2 W / 3) in the mean, with D(s) = c s.
    """
    refresh_s, window_s = sensor
    if stretch.held_s <= 0.0 or sensor.lag_s <= 0.0:
        return 0.0
    share = min(1.0, stretch.held_s / sensor.lag_s)
    inner = wander.at(refresh_s) * refresh_s * (refresh_s / 12.0 + window_s / 9.0)
    outer = wander.at(window_s) * window_s**2 / 120.0
    return (inner + outer) * share**3


def _unseen(stretch: Stretch, sensor: Sensor, wander: Wander, spacing_s: float) -> float:
    """Variance from what happened between two averages, where the sensor did not look.

    With w the share of each interval h that is seen: a jump at an even chance in the interval is misplaced
    by up to (1 - w) h / 2, in the mean square D h^2 (1 - w)^2 / 12; of independent readings each
    stands for its interval with the mean square D / 2 h^2 (1 - w).
    """
    refresh_s, window_s = sensor
    interval_s = max(spacing_s, refresh_s)
    seen = min(1.0, window_s / interval_s) if interval_s > 0.0 else 1.0
    if seen >= 1.0:
        return 0.0
    duration_s = stretch.span.duration_s
    slow = _changes(stretch) if spacing_s >= refresh_s else duration_s * interval_s * wander.squared_w
    slow *= (1.0 - seen) ** 2 / 12.0 * wander.roughness
    independent = duration_s * interval_s * wander.squared_w * (1.0 - seen) / 2.0
    return (1.0 - wander.independence) * slow + wander.independence * independent


def _blurred_changes(stretch: Stretch, sensor: Sensor, spacing_s: float) -> float:
    """Variance from not knowing when, between two readings, the sensor renewed its value."""
    if spacing_s < 0.7 * sensor.refresh_s:
        return _changes(stretch) / 12.0
    return 0.0


def _changes(stretch: Stretch) -> float:
    """Sum of (interval * change of power)^2, in J^2."""
    steps = map(sub, stretch.times[1:], stretch.times)
    moved = list(map(mul, steps, map(sub, stretch.watts[1:], stretch.watts)))
    return fsum(map(mul, moved, moved))


def wander_of(watts: array[float], sensor: Sensor, spacing_s: float) -> Wander:
    """How power wanders, from readings about `spacing_s` apart."""
    refresh_s, window_s = sensor
    if len(watts) < 2 or spacing_s <= 0.0:
        return Wander(0.0, 0.0, 1.0, 0.0, 1.0)
    apart = max(1, round(max(refresh_s, window_s) / spacing_s))
    apart = min(apart, max(1, (len(watts) - 1) // 2))
    near = _mean_squared(watts, apart)
    far = _mean_squared(watts, 2 * apart) if len(watts) > 2 * apart else 2.0 * near
    lag_s = apart * spacing_s
    tau = max(lag_s - window_s / 3.0, lag_s / 3.0)
    if near <= 0.0:
        return Wander(0.0, tau, 1.0, 0.0, 1.0)
    rho = far / near
    jumps = (2.0 * lag_s - window_s / 3.0) / tau if lag_s >= window_s else 2.0
    exponent = max(0.0, min(2.0, log(max(rho, 1.0)) / log(jumps)))
    independence = max(0.0, min(1.0, (jumps - rho) / (jumps - 1.0)))
    roughness = max(0.0, min(1.0, (4.0 - rho) / (4.0 - jumps)))
    return Wander(near, tau, exponent, independence, roughness)


def spacing(times: array[float], otherwise: float) -> float:
    """The usual time between readings, in seconds: the median, of at most about a thousand intervals."""
    every = max(1, len(times) // 1000)
    waits = sorted(times[index + 1] - times[index] for index in range(0, len(times) - 1, every))
    return waits[len(waits) // 2] if waits else otherwise


def _mean_squared(watts: array[float], apart: int) -> float:
    """Mean squared difference of readings `apart` places from each other."""
    moved = list(map(sub, islice(watts, apart, None), watts))
    return fsum(map(mul, moved, moved)) / len(moved)
