"""How much do a run's rates, powers and ratios scatter over its time? A block bootstrap over slices of it.

The errors of a summary say how well the sensors saw this window. They do not say how much the next minute
would differ from this one: a job that runs fast and slow by turns has exact figures that no second run
repeats. So the window is cut into slices, and these are drawn anew many times (slices and not readings,
because those of one moment are alike: Carlstein 1986, Künsch 1989).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from perfwatch.derive.latency import latencies
from perfwatch.derive.numbers import integer, number
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span, cut
from perfwatch.derive.student import draws, factor
from perfwatch.derive.tape import Tape
from perfwatch.derive.totals import energies_of, total_of
from perfwatch.derive.whole_run import WholeRun
from perfwatch.derive.windows import emptiness
from perfwatch.derive.work import ERRORS, count_work

MOST_SLICES, FEWEST_SLICES = 20, 5
USUAL_SLICE_S, LEAST_SLICE_S = 10.0, 1.0
"""Slices take a twentieth of the window and 10 s at least; a fifth of it where that would leave too few."""
RESAMPLES = 1000
PAIRED_FREEDOM = 0.75
SEED = 20240229
LEAST_COVERAGE = 0.9
"""A slice that readings cover less is left out: its power is a guess."""
LARGEST_ERROR_RATIO = 0.2
"""Of slices whose energy is known worse than this the scatter would be that of the counter's steps."""
TIMINGS = ("mean_s", "p50_s", "p90_s", "p99_s")


@dataclass(frozen=True)
class Scatter:
    """How far chance may carry a figure by its own course over time.

    Args:
        standard_ratio: its standard uncertainty, as a share of it.
        slices: so many told it.
        freedom: the degrees of freedom of that.
    """

    standard_ratio: float
    slices: int
    freedom: float

    @property
    def expanded_ratio(self) -> float:
        """In 95 % it is no larger."""
        return factor(self.freedom) * self.standard_ratio

    def to_json(self) -> dict[str, float]:
        return {"standard_ratio": self.standard_ratio, "slices": self.slices, "freedom": self.freedom}

    @classmethod
    def from_json(cls, record: object) -> Scatter | None:
        """The scatter that a summary tells; None for anything else."""
        if not isinstance(record, Mapping):
            return None
        ratio, freedom = number(record.get("standard_ratio")), number(record.get("freedom"))
        if ratio is None or ratio < 0 or freedom is None or freedom <= 0:
            return None
        return cls(ratio, integer(record.get("slices")), freedom)


def scatter_of(tape: Tape, settings: Settings | None = None) -> dict[str, Scatter]:
    """The scatter of a session's figures within their window, by their path in the summary.

    What cannot be cut into slices is not in it: a window below 5 s, a counter that moves too seldom.
    """
    run = WholeRun.of(tape, Settings.from_json(tape.header.get("settings")) if settings is None else settings)
    window = run.windows.headline
    if emptiness(window) is not None:
        return {}
    told = [_told_in(run, slice_) for slice_ in slices_of(window.spans)]
    names = dict.fromkeys(name for one in told for name in one)
    found = {name: ratio_scatter([one[name] for one in told if name in one]) for name in names}
    return {name: scatter for name, scatter in found.items() if scatter is not None}


def slices_of(spans: Sequence[Span]) -> list[list[Span]]:
    """The window in slices of one length; one that goes over from a span into the next has parts of both.

    None where the window is too short for it.
    """
    duration_s = math.fsum(span.duration_s for span in spans)
    length_s = max(USUAL_SLICE_S, duration_s / MOST_SLICES)
    count = int(duration_s / length_s + 1e-9)
    if count < FEWEST_SLICES:
        count = FEWEST_SLICES if duration_s >= FEWEST_SLICES * LEAST_SLICE_S else 0
    ends = [duration_s * at / count for at in range(count)] + [math.inf]
    return [_stretch(spans, since_s, until_s) for since_s, until_s in pairwise(ends)] if count else []


def _stretch(spans: Sequence[Span], since_s: float, until_s: float) -> list[Span]:
    """The parts of the spans between two amounts of time spent in them."""
    parts: list[Span] = []
    passed_s = 0.0
    for span in spans:
        parts += cut([span], span.start + since_s - passed_s, span.start + until_s - passed_s)
        passed_s += span.duration_s
    return parts


Quotient = tuple[float, float]
"""What a slice gives to a figure: the share above the line and that below."""


def _told_in(run: WholeRun, spans: Sequence[Span]) -> dict[str, Quotient]:
    """The figures of a slice, by their paths."""
    told: dict[str, Quotient] = {}
    duration_s = math.fsum(span.duration_s for span in spans)
    if duration_s <= 0.0:
        return told
    settings = run.settings
    counted = count_work(run.courses, spans, last_end=run.job.end, unit=settings.unit, derived=settings.units)
    work = {name: one.count for name, one in counted.items() if one.count is not None}
    watts = _mean_watts(run, spans)
    if watts is not None:
        told["power.mean_watts"] = (watts * duration_s, duration_s)
    for name, count in work.items():
        told[f"work.{name}.rate_per_s"] = (count, duration_s)
        if watts is not None and (name != ERRORS or name == run.unit):
            told[f"efficiency.{name}.per_joule"] = (count, watts * duration_s)
    for name, timing in latencies(run.tape, spans, last_end=run.job.end).items():
        known = {"mean_s": timing.mean_s, **timing.percentiles}
        for key in TIMINGS:
            value = known.get(key)
            if value is not None:
                told[f"latency.{name}.{key}"] = (value * timing.count, timing.count)
    return told


def _mean_watts(run: WholeRun, spans: Sequence[Span]) -> float | None:
    """The power of the headline's devices in a slice, where it is known well enough."""
    energies = energies_of(run.tape, spans, interval_s=run.interval_s, load_end=run.job.end)
    total = total_of(run.headline.devices, energies, spans)
    if not total.joules or not total.mean_watts or (total.coverage or 0.0) < LEAST_COVERAGE:
        return None
    if total.error_joules is not None and total.error_joules > LARGEST_ERROR_RATIO * total.joules:
        return None
    return total.mean_watts


def ratio_scatter(told: Sequence[Quotient], *, seed: int = SEED) -> Scatter | None:
    """The scatter of a ratio of sums, by drawing its slices anew: their number, with repetition, each time.

    They are drawn one by one, and in pairs of neighbours (in a circle), and the wider is taken: what lasts
    longer than a slice, a drift or a slow swing, shows in the pairs alone. None where too few slices tell it.
    """
    below = math.fsum(part for _, part in told)
    whole = math.fsum(part for part, _ in told) / below if below > 0 else 0.0
    if len(told) < FEWEST_SLICES or whole <= 0:
        return None
    alone = _of_blocks(told, whole, together=1, seed=seed)
    paired = _of_blocks(told, whole, together=2, seed=seed)
    return max(alone, paired, key=lambda one: one.expanded_ratio)


def _of_blocks(told: Sequence[Quotient], whole: float, *, together: int, seed: int) -> Scatter:
    """The scatter by blocks of so many neighbours.

    The variance of the resampled ratios is too small by what the mean takes of it, which was made of the
    same slices, and by what an odd slice adds to a draw. Pairs overlap and so share what they tell: they have
    about three quarters as many degrees of freedom as there are slices.
    """
    count = len(told)
    circle = [*told, *told[: together - 1]]
    neighbours = [circle[at : at + together] for at in range(count)]
    blocks = [(math.fsum(a for a, _ in each), math.fsum(b for _, b in each)) for each in neighbours]
    drawn = -(-count // together)
    chosen = draws(seed, count)
    ratios = [_ratio([blocks[place] for place in islice(chosen, drawn)]) / whole for _ in range(RESAMPLES)]
    mean = math.fsum(ratios) / RESAMPLES
    variance = math.fsum((ratio - mean) ** 2 for ratio in ratios) / (RESAMPLES - 1)
    variance *= drawn * together / (count - together)
    freedom = count - 1.0 if together == 1 else count * PAIRED_FREEDOM - 1.0
    return Scatter(math.sqrt(variance), count, freedom)


def _ratio(parts: Sequence[Quotient]) -> float:
    above, below = math.fsum(part for part, _ in parts), math.fsum(part for _, part in parts)
    return above / below if below > 0 else 0.0
