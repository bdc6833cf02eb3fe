"""Which six figures stand on a card? One table; of each line the first choice that the run tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfwatch.exporters import words
from perfwatch.exporters.card.model import Figure
from perfwatch.exporters.summary_costs import PRICE_HINT, amount_of, tariff, unit_cost
from perfwatch.exporters.summary_parts import LEAST_ERROR, Parts, count_shown, counted_in, with_error, work_of
from perfwatch.exporters.summary_rows import percentile, ratio_of
from perfwatch.text import GLUE
from perfwatch.units import (
    DASH,
    format_count,
    format_duration,
    format_money,
    format_percent,
    format_quantity,
    significant,
)

LEAST_PER_JOULE = 0.1
"""Below so much work per joule the joules of one read better: 112 J/query, not 0.0089 queries/J."""
ENOUGH_BEYOND = 10
"""So many observations beyond a percentile make it one; with fewer the median is told."""
NO_WORK, NO_POWER = "no work was counted", "no power was told"
NOT_TOLD = "nothing told it"


def figures_of(parts: Parts) -> tuple[Figure, ...]:
    """The six figures of a summary."""
    return tuple(_first(parts, choices) for choices in _SIX)


def _first(parts: Parts, choices: tuple[_Choice, ...]) -> Figure:
    """The first that the run tells. The last choice of a line always answers, if need be with a dash."""
    return next(figure for choice in choices if (figure := choice(parts)) is not None)


def _rate(parts: Parts) -> Figure:
    unit = parts.unit or "work"
    work = work_of(parts.main, unit)
    rate, count, error = work.get("rate_per_s"), work.get("count"), work.get("error")
    rate_error = rate * error / count if rate and count and error else None
    per_second = words.per_joule_unit(unit).removesuffix("J") + "s"
    return Figure(
        "rate",
        "rate",
        with_error(rate, per_second, rate_error),
        rate,
        f"{unit}/s",
        rate_error,
        "" if count is None else f"{count_shown(parts.main, unit)} {words.spoken(unit)}",
        "" if rate is not None else NO_WORK,
    )


def _power(parts: Parts) -> Figure:
    power = parts.main.part("power")
    mean, peak = power.get("mean_watts"), power.get("max_watts")
    tells_peak = mean is not None and peak is not None and peak >= mean
    return Figure(
        "power",
        parts.maybe_estimated("mean power"),
        format_quantity(mean, "W"),
        mean,
        "W",
        note=f"at most {format_quantity(peak, 'W')}" if tells_peak else "",
        because="" if mean is not None else NO_POWER,
    )


def _energy(parts: Parts) -> Figure:
    joules, error = parts.energy.get("joules"), parts.energy.get("error_joules")
    text = with_error(joules, "J", error)
    net = parts.energy.get("net_joules")
    above_idle = "" if net is None else f"{format_quantity(net, 'J')} above idle"
    return Figure(
        "energy",
        parts.maybe_estimated("energy"),
        text,
        joules,
        "J",
        error,
        _joined(_buried(text, joules, error), above_idle),
        "" if joules is not None else NO_POWER,
    )


def _per_joule(parts: Parts) -> Figure:
    """Work per joule, or the joules of one where these read better; their relative error is the same."""
    unit = parts.unit or "work"
    value, one = ratio_of(parts.main, unit, "per_joule"), ratio_of(parts.main, unit, "joules_per")
    error = ratio_of(parts.main, unit, "per_joule_error")
    if value is None or one is None or value >= LEAST_PER_JOULE:
        text = with_error(value, words.per_joule_unit(unit), error)
        other = "" if one is None else f"{format_quantity(one, 'J')}/{words.singular(unit)}"
        label = parts.maybe_estimated("work per joule")
        note = _joined(_buried(text, value, error), other)
        return Figure("per_joule", label, text, value, f"{unit}/J", error, note, _why_no_ratio(parts, value))
    one_error = None if error is None else one * error / value
    text = with_error(one, "J", one_error)
    return Figure(
        "joules_per",
        parts.maybe_estimated(f"energy per {words.singular(unit)}"),
        f"{text}/{words.singular(unit)}",
        one,
        f"J/{unit}",
        one_error,
        _joined(_buried(text, one, one_error), f"{significant(value)} {words.per_joule_unit(unit)}"),
    )


def _why_no_ratio(parts: Parts, value: float | None) -> str:
    """The gravest reason first: what is missing altogether, then what was found."""
    if value is not None:
        return ""
    if parts.unit is None or not counted_in(parts.main, parts.unit):
        return NO_WORK
    return NO_POWER if parts.energy.get("joules") is None else parts.main.why_not or NOT_TOLD


def _latency(parts: Parts) -> Figure | None:
    """The 99th percentile where enough lies beyond it, else the median."""
    timings = {
        name: timing for name, timing in (parts.summary.get("latency") or {}).items() if timing.get("count")
    }
    for name in ("latency", *timings):
        timing = timings.get(name)
        key = None if timing is None else _percentile_to_tell(timing)
        if timing is None or key is None:
            continue
        called = "latency" if name == "latency" else f"{words.timing(name)} latency"
        others = [one for one in ("p50_s", "p99_s") if one != key and percentile(timing, one)]
        beside = [f"{one.removesuffix('_s')} {percentile(timing, one)}" for one in others if key == "p99_s"]
        note = _joined(*beside, f"{format_count(timing['count'])} timed")
        label = f"{called}, {key.removesuffix('_s')}"
        return Figure("latency", label, percentile(timing, key), timing[key], "s", note=note)
    return None


def _percentile_to_tell(timing: Any) -> str | None:
    keys = ("p99_s", "p50_s") if timing["count"] >= 100 * ENOUGH_BEYOND else ("p50_s",)
    return next((key for key in keys if timing.get(key) is not None), None)


def _duration(parts: Parts) -> Figure:
    duration_s = parts.main.window.get("duration_s")
    because = "" if duration_s is not None else "the window is empty"
    return Figure("duration", "duration", format_duration(duration_s), duration_s, "s", because=because)


def _cost(parts: Parts) -> Figure | None:
    """What one costs, or a million; the whole run where no work was counted."""
    cost = parts.main.part("cost")
    amount = amount_of(cost)
    if amount is None:
        return None
    currency = cost.get("currency")
    unit = parts.unit if parts.unit and counted_in(parts.main, parts.unit) else None
    label = parts.maybe_estimated("cost") if cost.get("energy") is not None else "cost"
    if unit is None:
        note = _joined(tariff(cost), "of the whole run")
        return Figure(
            "cost", label, format_money(amount, currency), amount, currency or "", cost.get("error"), note
        )
    text = "" if parts.main.why_not else unit_cost(cost, unit)
    value = (cost.get("per") or {}).get(unit) if text else None
    error = (cost.get("per_error") or {}).get(unit) if text else None
    return Figure(
        "cost",
        label,
        _plain(text) or DASH,
        value,
        f"{currency or ''}/{unit}",
        error,
        _joined(_relative(value, error), tariff(cost)),
        "" if text else parts.main.why_not or NOT_TOLD,
    )


def _carbon(parts: Parts) -> Figure | None:
    carbon = parts.main.part("carbon")
    grams = carbon.get("grams")
    if grams is None:
        return None
    assumed = (carbon.get("assumptions") or {}).get("g_per_kwh")
    note = "" if assumed is None else f"{significant(assumed)} g/kWh"
    label = parts.maybe_estimated("carbon")
    per = None if parts.unit is None else (carbon.get("per") or {}).get(parts.unit)
    if per is None or parts.unit is None:
        text = with_error(grams, "g", carbon.get("error"))
        return Figure(
            "carbon", label, text, grams, "g", carbon.get("error"), _joined(note, "of the whole run")
        )
    error = (carbon.get("per_error") or {}).get(parts.unit)
    text = f"{with_error(per, 'g', error)}/{words.singular(parts.unit)}"
    return Figure("carbon", label, text, per, f"g/{parts.unit}", error, note)


def _utilization(parts: Parts) -> Figure:
    told = [
        used["mean"]
        for used in (parts.summary.get("utilization") or {}).values()
        if used.get("mean") is not None
    ]
    mean = sum(told) / len(told) if told else None
    if mean is None and not parts.main.part("cost"):
        because = f"{PRICE_HINT}; no utilization was told either"
    else:
        because = "" if told else "no utilization was told"
    note = f"mean of {len(told)}" if len(told) > 1 else ""
    return Figure("utilization", "utilization", format_percent(mean), mean, "1", note=note, because=because)


def _buried(text: str, value: float | None, error: float | None) -> str:
    """An error that is too small to be written beside the value, as a share of it."""
    return "" if "±" in text else _relative(value, error)


def _relative(value: float | None, error: float | None) -> str:
    if not value or not error or error <= LEAST_ERROR * abs(value):
        return ""
    return f"± {format_percent(error / abs(value))}"


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, map(_plain, notes)))


def _plain(text: str) -> str:
    """What is glued for one line of the summary has its own line here."""
    return text.replace(GLUE, " ")


_Choice = Callable[[Parts], Figure | None]
_SIX: tuple[tuple[_Choice, ...], ...] = (
    (_rate,),
    (_power,),
    (_energy,),
    (_per_joule,),
    (_latency, _duration),
    (_cost, _carbon, _utilization),
)
