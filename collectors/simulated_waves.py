"""Which curves have a known integral? Waves, and courses made of pieces of them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random


@dataclass(frozen=True)
class Wave:
    """A quantity `mean + sum(a * sin(w * t + p))` over time t in seconds, with its exact integral.

    Args:
        mean: the constant part.
        terms: amplitude a, angular frequency w in 1/s (not zero) and phase p of each sine.
    """

    mean: float
    terms: tuple[tuple[float, float, float], ...] = ()

    def at(self, t_s: float) -> float:
        """The value at a time."""
        return self.mean + sum(a * math.sin(w * t_s + p) for a, w, p in self.terms)

    def integral(self, t_s: float) -> float:
        """The integral from 0 to `t_s`: the antiderivative of each sine is -cos/w."""
        return self.mean * t_s + sum(a / w * (math.cos(p) - math.cos(w * t_s + p)) for a, w, p in self.terms)

    def scaled(self, factor: float, offset: float = 0.0) -> Wave:
        """`offset + factor * self`."""
        return Wave(offset + factor * self.mean, tuple((factor * a, w, p) for a, w, p in self.terms))

    def lagging(self, time_s: float) -> Wave:
        """What a first-order lag with this time constant makes of it, once settled.

        A sine of angular frequency w comes out sqrt(1 + (w T)^2) times smaller and atan(w T) later.
        """
        return Wave(
            self.mean,
            tuple((a / math.hypot(1.0, w * time_s), w, p - math.atan(w * time_s)) for a, w, p in self.terms),
        )


def load_of(seed: int, number: int) -> Wave:
    """The load of a device, always within 0.1 and 0.98: a slow swing, a batch's rhythm, and a ripple."""
    draw = Random(f"load {seed} {number}")  # noqa: S311 - a curve, no secret
    mean = draw.uniform(0.6, 0.66)
    amplitudes_and_periods = (
        (draw.uniform(0.12, 0.20), draw.uniform(25.0, 40.0)),
        (draw.uniform(0.05, 0.08), draw.uniform(4.0, 7.0)),
        (draw.uniform(0.01, 0.04), draw.uniform(0.7, 1.3)),
    )
    turn = 2 * math.pi
    return Wave(
        mean, tuple((a, turn / period, draw.uniform(0, turn)) for a, period in amplitudes_and_periods)
    )


class Course:
    """Pieces of waves one after the other, with the exact integral.

    Args:
        pieces: when each begins, in seconds, and what it is; the first begins at 0, the last does not end.
    """

    def __init__(self, pieces: Sequence[tuple[float, Wave]]) -> None:
        self._starts = [start_s for start_s, _ in pieces]
        self._waves = [wave for _, wave in pieces]
        self._before = [0.0]
        for (start_s, wave), (end_s, _) in pairwise(pieces):
            self._before.append(self._before[-1] + wave.integral(end_s) - wave.integral(start_s))

    def at(self, t_s: float) -> float:
        """The value at a time."""
        return self._waves[self._piece(t_s)].at(t_s)

    def integral(self, t_s: float) -> float:
        """The integral from 0 to `t_s`."""
        piece = self._piece(t_s)
        wave = self._waves[piece]
        return self._before[piece] + wave.integral(t_s) - wave.integral(self._starts[piece])

    def lagging(self, time_s: float, first: float) -> LaggingCourse:
        """What a first-order lag with this time constant makes of it that stood at `first` at time 0."""
        return LaggingCourse(self._starts, [wave.lagging(time_s) for wave in self._waves], time_s, first)

    def _piece(self, t_s: float) -> int:
        return max(0, bisect_right(self._starts, t_s) - 1)


class LaggingCourse:
    """The answer of a first-order lag: each piece's settled answer, and what is left of the step to it."""

    def __init__(
        self, starts_s: Sequence[float], settled: Sequence[Wave], time_s: float, first: float
    ) -> None:
        self._starts_s, self._settled, self._time_s = starts_s, settled, time_s
        self._steps = [first - settled[0].at(starts_s[0])]
        for piece in range(1, len(settled)):
            start_s = starts_s[piece]
            self._steps.append(self._value(piece - 1, start_s) - settled[piece].at(start_s))

    def at(self, t_s: float) -> float:
        """The value at a time."""
        return self._value(max(0, bisect_right(self._starts_s, t_s) - 1), t_s)

    def _value(self, piece: int, t_s: float) -> float:
        left = math.exp(-(t_s - self._starts_s[piece]) / self._time_s)
        return self._settled[piece].at(t_s) + self._steps[piece] * left
