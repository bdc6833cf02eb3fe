"""Whether a comparison passes a relative limit: `--fail-on 'efficiency.queries.per_joule < -3%'`.

A limit is broken only by a change that is past it and lies outside of what errors and chance explain: a gate
that breaks by chance is switched off soon. `strict` breaks it also where that cannot be told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perfwatch.derive.compare_change import CANNOT_TELL, NO_DIFFERENCE
from perfwatch.derive.compare_figures import LATENCIES
from perfwatch.derive.gates import (
    BROKEN,
    NOT_MEASURED,
    OPERATORS,
    PASSED,
    REQUIREMENTS,
    Gate,
    Verdict,
    keys_of,
    look_up,
    split_gate,
)
from perfwatch.errors import ConfigError
from perfwatch.text import clean
from perfwatch.units import format_percent

_EXAMPLE = "as in --fail-on 'efficiency.queries.per_joule < -3%'"
_COMPARED = (
    *("window.duration_s", "power.mean_watts", "energy.joules", "cost.total", "cost.energy"),
    *("work.NAME.rate_per_s", "efficiency.NAME.per_joule", "efficiency.NAME.joules_per", "cost.per.NAME"),
    *(f"latency.NAME.{key}" for key in LATENCIES),
)
"""What has an interval, and so can be limited."""
_PATTERNS = [re.compile(re.escape(path).replace("NAME", ".+")) for path in _COMPARED]


def parse_relative_gate(text: str) -> Gate:
    """A limit on a change out of its text; the limit of the gate is a ratio, -0.03 for -3 %.

    Raises:
        ConfigError: no comparison, a limit that is not relative, or a path that is not compared.
    """
    path, op, limit = split_gate(text, _EXAMPLE)
    keys = keys_of(path, text)
    if not any(pattern.fullmatch(path) for pattern in _PATTERNS):
        raise ConfigError(
            f"cannot judge --fail-on {clean(text)!r}: {clean(path)} is not compared; "
            f"these are: {', '.join(_COMPARED)}"
        )
    if op in ("==", "!="):
        raise ConfigError(
            f"cannot judge --fail-on {clean(text)!r}: a change is limited by < or >, {_EXAMPLE}"
        )
    return Gate(text.strip(), keys, op, _ratio(limit, text))


def _ratio(limit: str, text: str) -> float:
    if not limit.endswith("%"):
        raise ConfigError(
            f"cannot judge --fail-on {clean(text)!r} between runs: here a limit is a change in %, "
            f"{_EXAMPLE}; limits on the value itself are for `perfwatch run` and `perfwatch summary`"
        )
    try:
        percent = float(limit[:-1])
    except ValueError:
        percent = math.nan
    if not math.isfinite(percent):
        raise ConfigError(f"cannot read --fail-on {clean(text)!r}: {clean(limit)!r} is no number, {_EXAMPLE}")
    return percent / 100


def check_comparison(
    comparison: Mapping[str, Any],
    *,
    fail_on: Iterable[Gate] = (),
    require: Iterable[str] = (),
    strict: bool = False,
) -> list[Verdict]:
    """The verdicts of all requirements, on each run, and of all limits, on each group against the baseline.

    Args:
        comparison: the object that `perfwatch.derive.compare.compare` gives.

    Raises:
        ConfigError: a limit names something that the runs do not have, and have something like it.
    """
    verdicts = [
        verdict
        for group in comparison["groups"]
        for number in group["runs"]
        for verdict in _required(require, comparison["runs"][number], group["label"])
    ]
    for gate in fail_on:
        for summary in comparison["runs"]:
            look_up(gate, summary)
        verdicts += [_judge(gate, one, strict=strict) for one in comparison["comparisons"]]
    return verdicts


def _required(words: Iterable[str], summary: Mapping[str, Any], label: str) -> Sequence[Verdict]:
    reasons = [(word, REQUIREMENTS[word](summary)) for word in words]
    return [
        Verdict(NOT_MEASURED, f"--require {word}: not met by {label}, {why}") for word, why in reasons if why
    ]


def _judge(gate: Gate, comparison: Mapping[str, Any], *, strict: bool) -> Verdict:
    """What came of one limit for one group against the baseline."""
    begin = f"{gate.text}: {comparison['group']} against {comparison['against']}"
    figure = comparison["figures"].get(gate.path)
    if figure is None or figure["verdict"] == CANNOT_TELL:
        why = "it was not measured" if figure is None else str(figure["because"]).rstrip(".")
        return Verdict(BROKEN if strict else NOT_MEASURED, f"{begin} cannot be judged, {clean(why)}")
    shown = f"{gate.path} changed by {change_words(figure)}"
    if not OPERATORS[gate.op](figure["change"], gate.limit):
        return Verdict(PASSED, f"{begin}: not broken, {shown}")
    if figure["verdict"] != NO_DIFFERENCE:
        return Verdict(BROKEN, f"{begin}: broken, {shown}")
    if strict:
        return Verdict(BROKEN, f"{begin}: broken (--strict), {shown}, which may be chance")
    return Verdict(PASSED, f"{begin}: not broken, {shown}, which may be chance")


def change_words(figure: Mapping[str, Any]) -> str:
    """A change with its interval: `-4.1 % (-5.2 % to -3.0 %)`."""
    bounds = [format_percent(figure[key]) for key in ("low", "high")]
    high = bounds[1] if figure["high"] is not None else "no limit"
    return f"{format_percent(figure['change'])} ({bounds[0]} to {high})"
