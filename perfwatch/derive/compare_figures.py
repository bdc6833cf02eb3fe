"""Which figures of two summaries are compared, which way each is better, and how well each is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from perfwatch.derive.numbers import number
from perfwatch.derive.scatter import Scatter
from perfwatch.derive.settings import LARGEST, SMALLEST
from perfwatch.derive.uncertainty import COVERAGE_FACTOR
from perfwatch.derive.work import ERRORS

Json = Mapping[str, Any]

PERFORMANCE, POWER, ENERGY, EFFICIENCY, COST = "performance", "power", "energy", "efficiency", "cost"
TOPICS = (PERFORMANCE, POWER, ENERGY, EFFICIENCY, COST)
"""What a difference in conditions may take the verdict from."""
HIGHER, LOWER = "higher", "lower"


class Kind(NamedTuple):
    """What holds for all figures of one kind.

    Args:
        topic: what it is about.
        better: which way.
        of_equal_work: it says something only of runs that did the same amount of work.
    """

    topic: str
    better: str
    of_equal_work: bool = False


KINDS = {
    "rate": Kind(PERFORMANCE, HIGHER),
    "latency": Kind(PERFORMANCE, LOWER),
    "duration": Kind(PERFORMANCE, LOWER, of_equal_work=True),
    "power": Kind(POWER, LOWER),
    "energy": Kind(ENERGY, LOWER, of_equal_work=True),
    "work per energy": Kind(EFFICIENCY, HIGHER),
    "energy per work": Kind(EFFICIENCY, LOWER),
    "cost per work": Kind(COST, LOWER),
    "cost": Kind(COST, LOWER, of_equal_work=True),
}
"""Which direction is better, for every figure that is compared."""

LATENCIES = ("mean_s", "p50_s", "p90_s", "p99_s")
_SHARES = {"p50_s": 0.5, "p90_s": 0.9, "p95_s": 0.95, "p99_s": 0.99, "p999_s": 0.999}
BUCKET_RATIO = 0.005
"""Percentiles of timings that perfwatch takes itself are right to this."""


@dataclass(frozen=True)
class Figure:
    """One figure that runs are compared in.

    Args:
        keys: where it stands in a summary; `cost` alone stands for the amount that the summary divides.
        name: of the work or the timing that it is about, if it is about one.
    """

    keys: tuple[str, ...]
    kind: str
    name: str | None = None

    @property
    def path(self) -> str:
        return ".".join(self.keys)

    @property
    def topic(self) -> str:
        return KINDS[self.kind].topic

    @property
    def better(self) -> str:
        return KINDS[self.kind].better

    @property
    def of_equal_work(self) -> bool:
        return KINDS[self.kind].of_equal_work


@dataclass(frozen=True)
class Reading:
    """A figure as one run tells it.

    Args:
        error_ratio: its expanded uncertainty, as a share of it; None where nothing tells it.
        scatter: how it scatters within the run, where the session is there.
        bounds: between which it lies, of a guess within a bucket; the upper one is inf above the highest.
        sensed_ratio: the share of it that a sensor of energy tells, which its gain is in.
    """

    value: float | None
    error_ratio: float | None = None
    scatter: Scatter | None = None
    bounds: tuple[float, float] | None = None
    sensed_ratio: float = 0.0


def amount(value: object) -> float | None:
    """The number that it is, if one may measure it: then squares and quotients of such are numbers too."""
    found = number(value)
    if found is None or abs(found) > LARGEST:
        return None
    return float(found) if abs(found) >= SMALLEST else 0.0


@dataclass(frozen=True)
class Run:
    """A run that is compared, as its summary tells it."""

    summary: Json

    def scatter(self, path: str) -> Scatter | None:
        """How a figure scatters within the run, where the summary tells it."""
        return Scatter.from_json(self.part("scatter").get(path))

    def part(self, *keys: str) -> Json:
        """A mapping of the summary; empty where there is none."""
        found: Any = self.summary
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def number(self, *keys: str) -> float | None:
        """A number of the summary; None where there is none."""
        return amount(self.part(*keys[:-1]).get(keys[-1]))

    @property
    def unit(self) -> str | None:
        found = self.summary.get("unit")
        return found if isinstance(found, str) else None


def figures_of(runs: Sequence[Run]) -> list[Figure]:
    """All figures that any of the runs may tell, in the order in which people read them; those of the first
    run's unit before those of other work.
    """
    names = list(dict.fromkeys(name for run in runs for name in run.part("work")))
    names = [name for name in names if name != ERRORS or name == runs[0].unit]
    names.sort(key=lambda name: name != runs[0].unit)
    timings = list(dict.fromkeys(name for run in runs for name in run.part("latency")))
    found = [Figure(("window", "duration_s"), "duration")]
    found += [Figure(("work", name, "rate_per_s"), "rate", name) for name in names]
    found += [
        Figure(("latency", name, key), "latency", name)
        for name in timings
        for key in LATENCIES
        if any(run.number("latency", name, key) is not None for run in runs)
    ]
    found += [Figure(("power", "mean_watts"), "power"), Figure(("energy", "joules"), "energy")]
    for name in names:
        found.append(Figure(("efficiency", name, "per_joule"), "work per energy", name))
        found.append(Figure(("efficiency", name, "joules_per"), "energy per work", name))
    if any(run.part("cost") for run in runs):
        found += [Figure(("cost", "per", name), "cost per work", name) for name in names]
        found.append(Figure(("cost", _divided(runs[0])), "cost"))
    return found


def _divided(run: Run) -> str:
    """Which amount the cost per unit is made of: `total`, or `energy` while there is no total."""
    return "energy" if run.part("cost", "assumptions").get("basis") == "energy" else "total"


def read(figure: Figure, run: Run) -> Reading:
    """A figure of a run, and what is known about how well it is known."""
    value = run.number(*figure.keys)
    if value is None or value <= 0:
        return Reading(value)
    told: Reading = _READERS[figure.kind](figure, run, value)
    return told


def _rate(figure: Figure, run: Run, value: float) -> Reading:
    name = figure.name or ""
    scatter = run.scatter(figure.path)
    return Reading(value, _count_error_ratio(run, name, scattered=scatter is not None), scatter)


def _count_error_ratio(run: Run, name: str, *, scattered: bool) -> float | None:
    """The error of a count. Where nothing tells how it scatters, it is at least that of events by chance."""
    count, error = run.number("work", name, "count"), run.number("work", name, "error")
    if not count or count < 0:
        return None
    known = None if error is None else error / count
    if scattered:
        return known
    return max(known or 0.0, COVERAGE_FACTOR / math.sqrt(_events(run, count)))


def _events(run: Run, count: float) -> float:
    """How many events a count is of: tokens and samples come by the query, not one by one."""
    queries = run.number("work", "queries", "count")
    return min(count, queries) if queries and queries > 0 else count


def _duration(_: Figure, run: Run, value: float) -> Reading:
    """Of equal work the time scatters as the rate does, whose inverse it is."""
    name = run.unit or ""
    scatter = run.scatter(f"work.{name}.rate_per_s")
    return Reading(value, _count_error_ratio(run, name, scattered=scatter is not None), scatter)


def _latency(figure: Figure, run: Run, value: float) -> Reading:
    timing = run.part(*figure.keys[:-1])
    key = figure.keys[-1]
    bounds = _bounds(timing, key, value)
    own_ratio = BUCKET_RATIO if key != "mean_s" else 0.0
    chance = _chance_ratio(timing, key, value)
    error = None if chance is None else math.hypot(own_ratio, chance)
    return Reading(value, error, run.scatter(figure.path), bounds)


def _bounds(timing: Json, key: str, value: float) -> tuple[float, float] | None:
    limits = timing.get("lower_limits")
    if isinstance(limits, Sequence) and key in limits:
        return (value, math.inf)
    buckets = timing.get("buckets")
    told = buckets.get(key) if isinstance(buckets, Mapping) else None
    if not isinstance(told, Sequence) or len(told) != 2:
        return None
    lower, upper = (amount(one) for one in told)
    return (lower, upper) if lower is not None and upper is not None and lower <= upper else None


def _chance_ratio(timing: Json, key: str, value: float) -> float | None:
    """By how much a statistic of so many observations may differ by chance, expanded, as a share of it.

    Between the percentiles that are told the distribution is taken for a line. A percentile is then known to
    the ranks that chance may give it, the mean by the variance of that distribution.
    """
    count = amount(timing.get("count"))
    curve = _curve(timing)
    if not count or count < 2 or len(curve) < 2:
        return None
    if key == "mean_s":
        return COVERAGE_FACTOR * _deviation(curve) / math.sqrt(count) / value
    share = _SHARES[key]
    spread = COVERAGE_FACTOR * math.sqrt(share * (1 - share) / count)
    lower, upper = _at(curve, share - spread), _at(curve, share + spread)
    return max(upper - value, value - lower) / value


Curve = list[tuple[float, float]]
"""Shares of the observations and the time that so many do not exceed, rising."""


def _curve(timing: Json) -> Curve:
    points = [(share, amount(timing.get(key))) for key, share in _SHARES.items()]
    least, most = amount(timing.get("min_s")), amount(timing.get("max_s"))
    ends: Curve = [(0.0, least if least is not None else 0.0)]
    told = [*ends, *((share, value) for share, value in points if value is not None)]
    if most is not None:
        told.append((1.0, most))
    return sorted(told)


def _at(curve: Curve, share: float) -> float:
    """The time at a share; beyond the last that is told, the last."""
    (before, value) = curve[0]
    for after, end in curve[1:]:
        if share <= after:
            part = (max(share, before) - before) / (after - before) if after > before else 1.0
            return value + part * (end - value)
        before, value = after, end
    return value


def _deviation(curve: Curve) -> float:
    """The standard deviation of a distribution that is even between the points of its curve."""
    pieces = [
        (after - before, value, end) for (before, value), (after, end) in pairwise(curve) if after > before
    ]
    whole = math.fsum(share for share, _, _ in pieces)
    mean = math.fsum(share * (value + end) / 2 for share, value, end in pieces) / whole
    square = math.fsum(share * (value * value + value * end + end * end) / 3 for share, value, end in pieces)
    return math.sqrt(max(square / whole - mean * mean, 0.0))


def _power(_: Figure, run: Run, value: float) -> Reading:
    return Reading(value, _energy_error_ratio(run), run.scatter("power.mean_watts"), None, 1.0)


def _energy(_: Figure, run: Run, value: float) -> Reading:
    """Energy that was used for equal work scatters as the energy of one unit does."""
    scatter = run.scatter(f"efficiency.{run.unit}.per_joule") or run.scatter("power.mean_watts")
    return Reading(value, _energy_error_ratio(run), scatter, None, 1.0)


def _energy_error_ratio(run: Run) -> float | None:
    joules, error = run.number("energy", "joules"), run.number("energy", "error_joules")
    return error / joules if joules and joules > 0 and error is not None else None


def _efficiency(figure: Figure, run: Run, value: float) -> Reading:
    name = figure.name or ""
    scatter = run.scatter(f"efficiency.{name}.per_joule")
    energy = _energy_error_ratio(run)
    count = _count_error_ratio(run, name, scattered=scatter is not None)
    error = None if energy is None or count is None else math.hypot(energy, count)
    return Reading(value, error, scatter, None, 1.0)


def _cost_per(figure: Figure, run: Run, value: float) -> Reading:
    name = figure.name or ""
    return _cost_reading(run, value, run.number("cost", "per_error", name), name)


def _cost(_: Figure, run: Run, value: float) -> Reading:
    return _cost_reading(run, value, run.number("cost", "error"), run.unit or "")


def _cost_reading(run: Run, value: float, error: float | None, name: str) -> Reading:
    """A rent scatters as the rate of the work that shares it, electricity as the energy of that work."""
    sensed = _electricity_share(run)
    path = f"efficiency.{name}.per_joule" if sensed > 0 else f"work.{name}.rate_per_s"
    scatter = run.scatter(path)
    floor = _count_error_ratio(run, name, scattered=scatter is not None) or 0.0
    known = None if error is None else max(error / value, 0.0)
    if known is not None and scatter is None:
        known = math.hypot(known, floor)
    return Reading(value, known, scatter, None, sensed)


def _electricity_share(run: Run) -> float:
    """The share of the cost that the measured energy decides."""
    if _divided(run) == "energy" or "machine" not in (run.part("cost", "assumptions").get("contains") or ()):
        return 1.0
    if run.number("cost", "error") == 0:
        return 0.0  # a rent that contains electricity
    energy, total = run.number("cost", "energy"), run.number("cost", "total")
    return min(max(energy / total, 0.0), 1.0) if energy is not None and total else 1.0


_READERS = {
    "rate": _rate,
    "latency": _latency,
    "duration": _duration,
    "power": _power,
    "energy": _energy,
    "work per energy": _efficiency,
    "energy per work": _efficiency,
    "cost per work": _cost_per,
    "cost": _cost,
}
