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
from bisect import bisect_left, bisect_right
from cmath import exp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from math import floor, fsum, inf, log, log10, pi, sqrt
from operator import mul, ne, sub
from typing import NamedTuple

from perfwatch.derive.integral import Sensor, Stretch
from perfwatch.derive.spans import Span

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


def over_spans(errors: Iterable[Error], in_step: float = 0.0) -> Error:
    """The error of a sum over separate spans of one device.

    Args:
        in_step: how far the spans' edges meet the source at the same place each time (see `in_step_with`):
            then their errors are one error, made again and again; else they have nothing in common.
    """
    known = list(errors)
    edges = [error.common_j for error in known]
    apart, together = fsum(edge**2 for edge in edges), fsum(edges) ** 2
    return Error(
        sqrt((1.0 - in_step) * apart + in_step * together),
        sqrt(fsum(error.independent_j**2 for error in known)),
    )


def in_step_with(spans: Sequence[Span], period_s: float) -> float:
    """How far the edges of spans are in step with a source that is renewed every so often, 0 to 1.

    The mean correlation of their phases: (n R^2 - 1) / (n - 1) with the mean resultant length R, 0 on average
    for phases by chance. (Source: Mardia and Jupp, Directional Statistics, 2000, on R.)
    """
    n = len(spans)
    if n < 2 or period_s <= 0.0:
        return 0.0
    found = 0.0
    for edges in ([span.start for span in spans], [span.end for span in spans]):
        resultant = abs(sum(exp(2j * pi * (edge / period_s)) for edge in edges)) / n
        found += max(0.0, (n * resultant**2 - 1.0) / (n - 1.0)) / 2.0
    return min(1.0, found)


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

SAFETY = 1.2
"""On every term: a jump is either in what was not seen or not, so errors have longer tails than normal ones.

With it about 97 % of the simulated truths are within twice the stated standard uncertainty, and the
stated error is two to three times the root mean square of the true one.
"""

LOOK_AT_STEPS = 64
"""So many readings are looked at to see in what steps they come."""
HIDDEN = 0.125
"""So large a share of power is assumed to come and go within an average, however even the averages are.

Chosen by benchmarks/energy_model.py: with less, loads of about the average's length are often outside of
what is stated; with more, quiet ones are stated too wide.
"""
LARGEST_STEP_W = 1.0
"""Sensors tell whole watts or finer; of coarser ones the steps are seen in their values."""
WANDERING_STEPS = 4.0
"""Power that moves over so many steps is told wrong by each value anew."""
ON_STEP = 1e-4
"""A multiple of a step, but for the last digits of a float."""
FINEST_STEP = 1e-6
"""Finer steps than this share of the reading are not looked for."""

LONGEST_PATTERN = 12
"""Readings in a pattern that is looked for. The longer it is, the less each of its changes weighs."""
LOOK_AT_PATTERN = 2000
"""So many readings are looked at for one."""
ALIKE = 0.25
"""So far readings of a pattern may differ, of the mean squared difference of readings."""
OPPOSITE = 1.5
"""From here on readings are opposite to each other, in the same measure (2 for a square wave)."""

AT_THE_END = 2.0
"""Steps at both ends of a window are two standard uncertainties: that is what one is prepared for."""
WHOLE_AVERAGE = 0.75
"""After so large a part of an average, read often, it tells nothing of what was before a step."""
SEES_ALL = 0.999
"""Of a period; less is a part of the time."""
UNEVEN = 3.0
"""Mean square of an interval's departure over its mean departure squared, about twice that of an even spread.

Chosen by benchmarks/energy_model.py, as `HIDDEN` is.
"""
LEAST_UNEVEN = 1e-4
"""Polls that are uneven by less than a hundredth of their interval are even."""

TELLING = 0.1
"""A change of so large a share of the usual jump says that there was a jump."""


class Wander(NamedTuple):
    """How power wanders: D(s) = `squared_w` * (s / `lag_s`)^`exponent`; see the module's first lines.

    `independence` is 1 for readings that tell nothing of each other, 0 for those that follow each other;
    `roughness` is 1 for jumps and falls to 0 for ramps, which the trapezoid follows exactly; `jump_w` is
    the usual size of a change.
    """

    squared_w: float
    lag_s: float
    exponent: float
    independence: float
    roughness: float
    jump_w: float

    def at(self, s: float) -> float:
        """Mean squared difference of power, in W^2, at two times `s` seconds apart."""
        if s <= 0.0 or self.lag_s <= 0.0:
            return 0.0
        return self.squared_w * float((s / self.lag_s) ** self.exponent)


STILL = Wander(0.0, 0.0, 1.0, 0.0, 1.0, 0.0)
"""Power that does not change, as far as can be seen."""


class Polling(NamedTuple):
    """How readings were taken: usually `spacing_s` apart, `jitter_s` off that in the mean."""

    spacing_s: float
    jitter_s: float


def polling_of(times: array[float], otherwise_s: float) -> Polling:
    """The median time between readings and the mean departure from it, of about a thousand intervals."""
    every = max(1, len(times) // 1000)
    waits = sorted(times[index + 1] - times[index] for index in range(0, len(times) - 1, every))
    if not waits:
        return Polling(otherwise_s, 0.0)
    usual = waits[len(waits) // 2]
    inner = waits[len(waits) // 20 : len(waits) - len(waits) // 20]
    return Polling(usual, fsum(abs(wait - usual) for wait in inner) / len(inner))


def wander_of(watts: array[float], sensor: Sensor, spacing_s: float) -> Wander:
    """How power wanders, from readings about `spacing_s` apart.

    Averaging over W hides what is shorter: of power that jumps now and then, D of the averages at a lag
    u >= W is c (u - W / 3) where that of power itself is c u.
    """
    if len(watts) < 2 or spacing_s <= 0.0:
        return STILL
    apart = max(1, round(max(sensor) / spacing_s))
    apart = min(apart, max(1, (len(watts) - 1) // 2))
    moved = list(map(sub, islice(watts, apart, None), watts))
    squared = fsum(map(mul, moved, moved))
    if squared <= 0.0:
        return STILL
    lag_s = apart * spacing_s
    hidden_s = min(sensor.window_s, lag_s) / 3.0
    twice = list(map(sub, islice(watts, 2 * apart, None), watts))
    far = fsum(map(mul, twice, twice)) + _at_the_ends(watts, 2 * apart)
    rho = far / (squared + _at_the_ends(watts, apart))
    jumps = (2.0 * lag_s - hidden_s) / (lag_s - hidden_s)
    return Wander(
        squared / len(moved),
        lag_s - hidden_s,
        max(0.0, min(2.0, log(max(rho, 1.0)) / log(jumps))),
        max(0.0, min(1.0, (jumps - rho) / (jumps - 1.0))),
        max(0.0, min(1.0, (4.0 - rho) / (4.0 - jumps))),
        squared / fsum(map(abs, moved)) * lag_s / (lag_s - hidden_s),
    )


def times_in_step(watts: Sequence[float], readings: int, sensor: Sensor, polling: Polling) -> float:
    """How often a pattern came again that was caught always at the same places; 1 without one.

    What the readings miss of it they miss each time, so the errors of its repetitions add up.

    Args:
        watts: readings in which a pattern is looked for.
        readings: how many there are in all.
    """
    if sensor.window_s >= max(sensor.refresh_s, polling.spacing_s):
        return 1.0  # nothing is missed
    length = _pattern(watts[:LOOK_AT_PATTERN])
    return max(1.0, min(readings, LOOK_AT_PATTERN) / length) if length else 1.0


def _pattern(watts: Sequence[float]) -> int:
    """After how many readings power comes again, in step with them; 0 where it does not.

    It is in step where it is still so half the readings later. (The difference function and its running mean
    are those of YIN: de Cheveigne and Kawahara, 2002.) A pattern whose second half is its first turned
    round, as a square wave's, is none: it is missed as much upwards as downwards.
    """
    usual = _differ(watts, 0)
    if usual <= 0.0:
        return 0
    apart = [0.0]
    for lag in range(1, min(LONGEST_PATTERN, len(watts) // 3) + 1):
        apart.append(_differ(watts, lag) / usual)
        if apart[lag] >= ALIKE * fsum(apart) / lag or max(apart) <= 0.5:
            continue
        in_step = _differ(watts, lag * (len(watts) // lag // 2)) <= ALIKE * usual
        turned = lag % 2 == 0 and apart[lag // 2] > OPPOSITE
        return lag if in_step and not turned else 0
    return 0


def _differ(watts: Sequence[float], lag: int) -> float:
    """Mean squared difference of readings so many apart; of any two (twice their variance) for 0."""
    if lag == 0:
        usual = fsum(watts) / max(1, len(watts))
        return 2.0 * fsum((value - usual) ** 2 for value in watts) / max(1, len(watts))
    moved = list(map(sub, islice(watts, lag, None), watts))
    return fsum(map(mul, moved, moved)) / max(1, len(moved))


class Terms(NamedTuple):
    """Variances of an integral, in J^2: of its two ends, of what was not seen in between, of slips of polls.

    The last two add up over the parts of a stretch.
    """

    edges: float
    unseen: float
    slips: float

    def error(self, sensor: Sensor, polling: Polling, rounding: float) -> Error:
        """The standard uncertainty of these and of rounded readings, by whether devices share the cause."""
        # Who looks only part of the time may look in step with the work, and misses its beginning on all
        # devices alike: they are polled together.
        part_time = sensor.window_s < max(sensor.refresh_s, SEES_ALL * polling.spacing_s)
        common = self.edges + self.unseen if part_time else self.edges
        independent = self.slips if part_time else self.unseen + self.slips
        return Error(SAFETY * sqrt(common), sqrt(SAFETY**2 * independent + rounding))


def integral_error(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> Error:
    """The error of the integral over one covered stretch, calibrated by simulation."""
    edges = edge_variance(stretch, sensor, wander, polling)
    unseen, slips = inner_variances(stretch, sensor, wander, polling)
    values = 1 + sum(map(ne, stretch.watts[1:], stretch.watts))
    # The first and the last are interpolated, and on no step.
    rounding = rounding_variance(stretch.watts[1:-1], stretch.span.duration_s, values)
    again = times_in_step(stretch.watts[1:-1], len(stretch.watts), sensor, polling)
    return Terms(edges, unseen * again, slips).error(sensor, polling, rounding)


def rounding_variance(watts: Sequence[float], duration_s: float, values: int) -> float:
    """What rounded readings may make the integral wrong by, squared, J^2.

    A reading rounded to steps of q is wrong by up to q / 2, evenly: q / sqrt(12) in the mean. Power that
    rests, or trembles by less than some steps, is told wrong always in the same way; power that wanders over
    many steps by each value anew.

    Args:
        watts: readings by which the steps are seen.
        values: how often the value changed in all, and one.
    """
    step_w = step_of(watts)
    wanders = len(watts) > 0 and max(watts) - min(watts) >= WANDERING_STEPS * step_w
    return step_w**2 / 12.0 * duration_s**2 / (max(1, values) if wanders else 1)


def step_of(watts: Sequence[float]) -> float:
    """The steps in which a sensor tells power, W: whole watts, tenths, ..., as the readings show it.

    The largest power of ten of which all readings are multiples, up to a watt; and up to a tenth of the usual
    reading, where values that differ by it were seen. A sensor that tells milliwatts is hardly ever on a
    whole watt, so even a single value says something.
    """
    every = max(1, len(watts) // LOOK_AT_STEPS)
    values = sorted(set(watts[::every]))
    largest = max(map(abs, values), default=0.0)
    if largest <= 0.0:
        return 0.0
    finest_w = largest * FINEST_STEP
    closest_w = min(map(sub, values[1:], values), default=inf)
    usual_w = fsum(values) / len(values)
    step_w = 10.0 ** floor(log10(usual_w / 10.0)) if usual_w > 0.0 else finest_w
    while step_w > finest_w:
        seen = step_w <= LARGEST_STEP_W or closest_w < 1.5 * step_w
        if seen and all(abs(value / step_w - round(value / step_w)) < ON_STEP for value in values):
            return step_w
        step_w /= 10.0
    return finest_w


def edge_variance(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> float:
    """What the two ends of a stretch may be wrong by, squared; readings near them are enough."""
    edges = _age(stretch, sensor, polling) + _cuts(stretch, sensor, wander, polling)
    return edges + _held(stretch, sensor, wander, polling) + _steps_at_ends(stretch, sensor, polling)


def inner_variances(
    stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling
) -> tuple[float, float]:
    """`unseen` (apart from `times_in_step`) and `slips` of a stretch or of a part of one."""
    return _unseen(stretch, sensor, wander, polling), _slips(stretch, sensor, wander, polling)


def _age(stretch: Stretch, sensor: Sensor, polling: Polling) -> float:
    """Variance from the age of the readings, which is T / 2 only on average.

    It shifts all readings alike, by up to half of T (of the spacing, where changes show when the sensor
    renewed its value), and so moves energy over one end in and over the other out.
    """
    loose_s = min(sensor.refresh_s, polling.spacing_s)
    return loose_s**2 / 12.0 * (stretch.watts[-1] - stretch.watts[0]) ** 2


def _cuts(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> float:
    """Variance from ends that cut an average in two: which part of it came before is not known.

    With D(s) = c s it is c W^3 / 320 for a running average seen at all times, and about c W^3 / 64 for one
    that is seen once in W. What wanders wholly within W is in no reading: some of it is assumed.
    """
    blur_s = max(sensor)
    if blur_s <= 0.0:
        return 0.0
    hidden_w = HIDDEN * max(abs(stretch.watts[0]), abs(stretch.watts[-1]))
    hidden = (hidden_w * sensor.window_s) ** 2 / 6.0
    step_s = max(polling.spacing_s, sensor.refresh_s)
    factor = 1.0 / 320.0 + min(1.0, step_s / blur_s) / 80.0
    ends = [_near_start(stretch, wander, blur_s)]
    if stretch.held_s <= 0.0:
        ends.append(_near_end(stretch, wander, blur_s))
    return max(factor * blur_s**2 * fsum(ends), hidden)


def _steps_at_ends(stretch: Stretch, sensor: Sensor, polling: Polling) -> float:
    """Variance from loads that begin and end where the window does, as those that it was made for do.

    A step at the very end of a window is interpolated, between a reading outside and one inside, or by an
    average that is cut in two there: the energy is wrong by half of the change that the inside shows, times
    as long as that takes, and all of it on one side.
    """
    interval_s = max(polling.spacing_s, sensor.refresh_s)
    unseen = 1.0 - min(1.0, sensor.window_s / interval_s) if interval_s > 0.0 else 0.0
    often = polling.spacing_s < sensor.window_s / 2.0
    average_s = (WHOLE_AVERAGE if often else 1.0) * sensor.window_s
    times, watts = stretch.times, stretch.watts
    last = len(times) - 1
    inside = (
        min(bisect_left(times, times[0] + average_s), last),
        max(bisect_right(times, times[last] - average_s) - 1, 0),
    )
    ends = (
        (watts[0], watts[1], times[1] - times[0], watts[inside[0]], stretch.before_w),
        (watts[last], watts[last - 1], times[last] - times[last - 1], watts[inside[1]], stretch.after_w),
    )
    bound = 0.0
    for at, next_w, apart_s, inside_w, outside_w in ends:
        polled = unseen * abs(next_w - at) * apart_s / 2.0
        # Where the power of the end is that of outside, the step is inside, and is seen as a whole.
        seen_w = abs(inside_w - at) if outside_w is None else min(abs(inside_w - at), abs(outside_w - at))
        averaged = seen_w * average_s / 2.0
        bound += max(polled, averaged)
    return (bound / AT_THE_END) ** 2


def _held(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> float:
    """Variance from the end that no reading covers.

    The last average ends at an age a of the last reading, after which nothing is known. For power that
    jumps, D(s) = c s, holding it is wrong by c a^3 / 3 + c W a^2 / 3 in the mean square; for a running
    average much longer than T, by c W^3 / 240 besides.
    """
    refresh_s, window_s = sensor
    if stretch.held_s <= 0.0:
        return 0.0
    age_s = _age_of_last(stretch, sensor, polling)
    squared_s, cubed_s = (refresh_s**2 / 3.0, refresh_s**3 / 4.0) if age_s is None else (age_s**2, age_s**3)
    later = wander.at(refresh_s) / refresh_s * cubed_s / 3.0 if refresh_s > 0.0 else 0.0
    near_end = _near_end(stretch, wander, window_s)
    within = near_end * squared_s / 3.0
    longer = near_end * window_s**2 / 240.0 if window_s > 2.0 * refresh_s else 0.0
    share = min(1.0, stretch.held_s / sensor.lag_s)
    return (later + within + longer) * share**2


def _age_of_last(stretch: Stretch, sensor: Sensor, polling: Polling) -> float | None:
    """How old the last reading is, if polls are dense enough to show when the sensor renews its value."""
    if polling.spacing_s > sensor.refresh_s / 2.0:
        return None
    watts, times = stretch.watts, stretch.times
    last = len(watts) - 2  # the last one is held from this one
    index = next((i for i in range(last, 0, -1) if watts[i] != watts[i - 1]), None)
    if index is None:
        return None
    renewed = (times[index] + times[index - 1]) / 2.0
    return (times[last] - renewed) % sensor.refresh_s


def _near_start(stretch: Stretch, wander: Wander, s: float) -> float:
    """D(s) at the beginning: half as everywhere, half by whether power is seen to change there."""
    index = min(bisect_left(stretch.times, stretch.times[0] + s), len(stretch.times) - 1)
    return _locally(wander, s, stretch.watts[index] - stretch.watts[0])


def _near_end(stretch: Stretch, wander: Wander, s: float) -> float:
    """D(s) at the last reading, in the same way."""
    last = stretch.times[-1] - stretch.held_s
    index = max(bisect_right(stretch.times, last - 1.01 * s) - 1, 0)
    return _locally(wander, s, stretch.watts[-1] - stretch.watts[index])


def _locally(wander: Wander, s: float, change_w: float) -> float:
    telling_w = TELLING * wander.jump_w
    if telling_w <= 0.0:
        return 0.0
    told = min(1.0, abs(change_w) / telling_w) * wander.jump_w**2
    return (wander.at(s) + told) / 2.0


def _unseen(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> float:
    """Variance from what happened between two averages, where the sensor did not look.

    With w the share of each interval h that is seen: a jump at an even chance in the interval is
    misplaced by up to (1 - w) h / 2, in the mean square D h^2 (1 - w)^2 / 12; of independent readings
    each stands for its interval with the mean square D h^2 (1 - w) / 2. Where intervals are uneven, by
    v^2 h^2 in the mean square, a part of each is seen twice or not at all, however long the averages are.
    """
    interval_s = max(polling.spacing_s, sensor.refresh_s)
    if interval_s <= 0.0:
        return 0.0
    unseen = 1.0 - min(1.0, sensor.window_s / interval_s)
    uneven = UNEVEN * (polling.jitter_s / interval_s) ** 2 if polling.spacing_s >= sensor.refresh_s else 0.0
    if unseen <= 0.0 and uneven <= LEAST_UNEVEN:
        return 0.0
    squared = stretch.span.duration_s * interval_s * wander.squared_w
    changes = _changes(stretch) if polling.spacing_s >= sensor.refresh_s else squared
    following = changes * (unseen**2 + uneven) / 12.0 * wander.roughness
    independent = squared * (unseen + uneven) / 2.0
    return (1.0 - wander.independence) * following + wander.independence * independent


def _slips(stretch: Stretch, sensor: Sensor, wander: Wander, polling: Polling) -> float:
    """Variance from polls that come now before, now after the sensor renews its value.

    Polls much denser than that place a change within one interval; as both run evenly, the errors
    largely cancel (a fifth remains). Else jitter j makes a poll take the neighbouring value
    now and then: the reading's place in time varies by j T / 8, and by T^2 / 12 at most.
    """
    refresh_s, spacing_s = sensor.refresh_s, polling.spacing_s
    if spacing_s < 0.7 * refresh_s:
        return _changes(stretch) / 60.0
    if refresh_s <= 0.0:
        return 0.0
    displaced = min(refresh_s**2 / 12.0, polling.jitter_s * refresh_s / 8.0)
    blur_s = max(sensor)
    return stretch.span.duration_s * spacing_s * wander.at(blur_s) * displaced / blur_s**2


def _changes(stretch: Stretch) -> float:
    """Sum of (interval * change of power)^2, in J^2."""
    steps = map(sub, stretch.times[1:], stretch.times)
    moved = list(map(mul, steps, map(sub, stretch.watts[1:], stretch.watts)))
    return fsum(map(mul, moved, moved))


def _at_the_ends(watts: array[float], apart: int) -> float:
    """Squared differences with the first and the last reading going on beyond the ends.

    Counted in, they let a jump weigh the same wherever it is, the first and last intervals included.
    """
    begin = fsum((value - watts[0]) ** 2 for value in watts[:apart])
    return begin + fsum((value - watts[-1]) ** 2 for value in watts[-apart:])
