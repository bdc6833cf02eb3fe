"""Service level objectives: which timing of a query may take how long? `--slo ttft=200ms,itl=50ms`.

A query that keeps to all of them is good; goodput is how much of such work is done (as `vllm bench serve
--goodput` and AIPerf have it).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from perfwatch.errors import ConfigError
from perfwatch.text import clean
from perfwatch.units import parse_duration

GOOD = "good_queries"
"""Work that kept to all objectives."""
JUDGED_GOOD, JUDGED = "slo_good_queries", "slo_judged_queries"
"""Under these names queries are counted that were judged as they were told: they are no work of their own."""
EXAMPLE = "--slo ttft=200ms,itl=50ms"
LONGEST_S = 86400.0
MOST = 16
"""So many objectives are taken."""

_TOLD_AS = {
    "latency": ("latency", "e2e_latency", "e2el", "e2e", "request_latency"),
    "time_to_first_token": ("time_to_first_token", "ttft"),
    "inter_token_latency": ("inter_token_latency", "itl"),
    "time_per_output_token": ("time_per_output_token", "tpot", "inter_token_latency", "itl"),
}
"""Objective -> the names under which timings of it are told, the one that is believed first in front. A time
per output token is the mean of one query; where nobody tells it, times between tokens stand in for it.
"""
_CANONICAL = {name: objective for objective, names in _TOLD_AS.items() for name in names[:2]} | {
    "e2el": "latency",
    "e2e": "latency",
    "request_latency": "latency",
}
_OF_A_TOKEN = frozenset({"inter_token_latency", "itl"})
"""Timings of which one query may have many."""

Slo = Mapping[str, float]
"""Objective -> the longest time that keeps to it, s."""
NO_OBJECTIVES: Slo = MappingProxyType({})


class Limit(NamedTuple):
    """One objective: the names of its timing, and the longest time that keeps to it."""

    names: tuple[str, ...]
    limit_s: float


def parse_slo(text: str, option: str = "--slo") -> dict[str, float]:
    """Objectives by their names out of `ttft=200ms,itl=50ms`, in seconds; an own timing keeps its name.

    Raises:
        ConfigError: no such list, a time without its unit, or the same objective twice.
    """
    found: dict[str, float] = {}
    parts = text.split(",") if isinstance(text, str) else [""]
    if any(part.strip()[:1].isdigit() and "=" not in part for part in parts[1:]):
        raise ConfigError(
            f"cannot read {option} {clean(text, 80)!r}: a comma parts objectives; write a time with a point"
        )
    for part in parts:
        name, equals, limit = (piece.strip() for piece in part.partition("="))
        if not equals or not name.replace("_", "").isalnum() or len(name) > 60:
            raise ConfigError(
                f"cannot read {option} {clean(text, 80)!r}: it takes timings and the longest time of each, "
                f"as in {EXAMPLE} or --slo latency=15ms"
            )
        _refuse_a_slip(name, option)
        objective = _CANONICAL.get(name.casefold(), name.removesuffix("_seconds"))
        if objective in found:
            raise ConfigError(f"cannot use {option} {clean(text, 80)!r}: it has {objective} twice")
        found[objective] = _limit(limit, name, option)
    if len(found) > MOST:
        raise ConfigError(f"cannot use {option}: it takes {MOST} timings at most")
    return found


def _refuse_a_slip(name: str, option: str) -> None:
    """An own timing may have any name, but one that is nearly that of a known one is hardly meant."""
    known = {each for names in _TOLD_AS.values() for each in names}
    near = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.75)
    if near and near[0] not in name.casefold() and not name.endswith("_seconds"):
        raise ConfigError(
            f"cannot read {option} {clean(name, 60)}: there is no such timing among the usual ones; "
            f"did you mean {near[0]}? (an own timing of this name is written {name}_seconds)"
        )


def _limit(text: str, name: str, option: str) -> float:
    if _is_bare(text):
        raise ConfigError(
            f"cannot read {option} {name}={clean(text, 40)}: say its unit, as in {name}={clean(text, 40)}ms"
        )
    try:
        limit_s = parse_duration(text)
    except ConfigError as error:
        raise ConfigError(f"{option}: {error}") from None
    if not 0.0 < limit_s <= LONGEST_S:
        raise ConfigError(
            f"cannot use {option} {name}={clean(text, 40)}: it takes more than 0 and up to a day"
        )
    return float(f"{limit_s:.12g}")  # 350 ms are 0.35 s: a limit may lie at the edge of a bucket


def _is_bare(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def told_as(objective: str) -> tuple[str, ...]:
    """The names of the timings that tell of an objective, the one that is believed first in front."""
    return _TOLD_AS.get(objective, (objective,))


def is_of_a_token(timing: str) -> bool:
    """Whether one query may have many of a timing."""
    return timing in _OF_A_TOKEN


class Judge:
    """Says of timings, as they are told, whether they keep to the objectives.

    Where there is one objective, of which a query has one timing, each timing is a query: `alone`. Otherwise
    a query can be judged only where one line tells all of its timings.
    """

    def __init__(self, slo: Slo) -> None:
        self._limits = [Limit(told_as(name), limit_s) for name, limit_s in slo.items()]
        self.alone: Limit | None = None
        if len(self._limits) == 1:
            names, limit_s = self._limits[0]
            self.alone = Limit(tuple(name for name in names if not is_of_a_token(name)), limit_s)

    def of_timing(self, name: str, seconds: float) -> bool | None:
        """Whether a timing is that of a good query; None where it alone does not tell."""
        if self.alone is None or name.removesuffix("_seconds") not in self.alone.names or not seconds >= 0.0:
            return None
        return seconds <= self.alone.limit_s

    def of_line(self, timings: Mapping[str, float]) -> bool | None:
        """Whether the query with these timings is good; None where one is not told, or was judged alone."""
        if not self._limits or any(self.of_timing(name, one) is not None for name, one in timings.items()):
            return None
        good = True
        for names, limit_s in self._limits:
            told = next((timings[name] for name in names if name in timings), None)
            if told is None or not told >= 0.0:
                return None
            good = good and told <= limit_s
        return good

    def to_environment(self) -> str:
        """For `perfwatch.client` (PERFWATCH_SLO): `latency,e2e=0.015;time_to_first_token,ttft=0.2`."""
        return ";".join(f"{','.join(names)}={limit_s!r}" for names, limit_s in self._limits)


NOBODY = Judge(NO_OBJECTIVES)
"""Judges nothing."""
