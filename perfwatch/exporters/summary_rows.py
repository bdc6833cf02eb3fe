"""Which rows tell what a run did, what energy it used, and how fast it answered?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfwatch.exporters import summary_clients, summary_goodput, summary_mlperf, summary_servers, words
from perfwatch.exporters.layout import Row
from perfwatch.exporters.summary_costs import CostRows
from perfwatch.exporters.summary_parts import (
    Column,
    Json,
    Parts,
    count_shown,
    counted_in,
    glued,
    with_error,
    work_of,
)
from perfwatch.objectives import GOOD
from perfwatch.text import pad, width
from perfwatch.units import (
    format_count,
    format_duration,
    format_latency,
    format_percent,
    format_quantity,
    format_rate,
)

PERCENTILES = ("p50_s", "p90_s", "p99_s")
MOST_WORK_NAMES = 4
MUCH_OF_MEAN = 0.999
"""A largest reading below this share of the mean says nothing about the most power that was drawn."""
AGREES = 0.05
"""Two figures that are farther apart, as a share of the one, do not agree."""
FEW_TIMED = 100
"""Fewer timings than these have no 99th percentile; their number is shown."""
TELLS_OF_A_WINDOW = 0.9
"""Counter and integral that are compared over less of a window say nothing of its energy."""

_METHODS = {"counter": "counter", "integrated": "integral of power", "estimated": "estimate"}


class FigureRows:
    """The rows of one summary's table."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def rows(self) -> Iterator[Row]:
        """All of them, in the order in which they are shown."""
        yield self._parts.row("duration", lambda column: format_duration(column.window.get("duration_s")))
        yield from self._work_rows()
        if any(column.part("energy").get("joules") is not None for column in self._parts.windows):
            yield from self._energy_rows()
            yield from self._ratio_rows()
        yield from summary_mlperf.rows(self._parts)
        yield from self._other_scopes()
        yield from CostRows(self._parts).rows()
        yield from self._latency_rows()
        yield from summary_goodput.rows(self._parts)
        yield from summary_servers.rows(self._parts)
        yield from summary_clients.rows(self._parts)

    def _work_rows(self) -> Iterator[Row]:
        unit = self._parts.unit
        if unit is None or not any(counted_in(column, unit) is not None for column in self._parts.windows):
            others = self._other_work("")
            if others:
                yield Row("work", None, others)
            return
        label = words.spoken(unit)
        yield self._parts.row(label, lambda column: count_shown(column, unit), self._other_work(unit))
        yield self._parts.row("rate", lambda column: format_rate(work_of(column, unit).get("rate_per_s")))

    def _other_work(self, unit: str) -> str:
        """What else was counted: `300 queries, 0 failed`."""
        counts = []
        for name in self._parts.main.part("work"):
            shown = [
                count_shown(column, name)
                for column in self._parts.windows
                if counted_in(column, name) is not None
            ]
            if name in (unit, GOOD) or not shown:
                continue
            word = "failed" if name == "errors" else words.spoken(name)
            # One number where the columns agree, else one for each.
            counts.append(glued(f"{' / '.join(dict.fromkeys(shown))} {word}"))
        if len(counts) > MOST_WORK_NAMES:
            counts = [*counts[:MOST_WORK_NAMES], f"{len(counts) - MOST_WORK_NAMES} more"]
        return ", ".join(counts)

    def _energy_rows(self) -> Iterator[Row]:
        peak = self._parts.main.part("power").get("max_watts")
        means = [column.part("power").get("mean_watts") for column in self._parts.windows]
        if peak is not None and any(mean is not None and peak < mean * MUCH_OF_MEAN for mean in means):
            peak = None  # a counter saw a peak between the readings, or the other window has it
        yield self._parts.row(
            f"power, {self._parts.measured}",
            lambda column: format_quantity(column.part("power").get("mean_watts"), "W"),
            "" if peak is None else glued(f"at most {format_quantity(peak, 'W')}"),
        )
        yield self._parts.row(
            f"energy, {self._parts.measured}",
            lambda column: _joules_with_error(column.part("energy")),
            energy_method(self._parts.energy),
        )
        if self._parts.energy.get("net_joules") is not None:
            yield self._parts.row(
                self._parts.maybe_estimated("energy above idle"),
                lambda column: _net_with_error(column.part("energy")),
                self._idle(),
            )

    def _idle(self) -> str:
        """Idle power; and that it was none, where the devices drew more before the job than with it."""
        idle_w, mean_w = (
            self._parts.energy.get("idle_watts"),
            self._parts.main.part("power").get("mean_watts"),
        )
        told = glued(f"idle {format_quantity(idle_w, 'W')}")
        busy = idle_w is not None and mean_w is not None and idle_w > mean_w
        return f"{told}, more than in the run: it was not at rest" if busy else told

    def _ratio_rows(self) -> Iterator[Row]:
        unit = self._parts.unit
        if unit is None or not any(counted_in(column, unit) for column in self._parts.windows):
            return
        missing = ratio_of(self._parts.main, unit, "per_joule") is None
        note = self._why_not(unit) or self._all_tokens()
        yield self._parts.row(
            self._parts.maybe_estimated("efficiency"), lambda column: self._efficiency(column, unit), note
        )
        per = "queries" if counted_in(self._parts.main, "queries") else unit
        yield self._parts.row(
            self._parts.maybe_estimated(f"per {words.singular(per)}"),
            lambda column: format_quantity(ratio_of(column, per, "joules_per"), "J"),
            "" if missing or per == unit else _per_one(self._parts.main, unit),
        )

    def _why_not(self, unit: str) -> str:
        """Why a column has a dash for the ratio; the column is named where it is not the headline's."""
        reasons = []
        for column in self._parts.windows:
            if ratio_of(column, unit, "per_joule") is None and column.why_not:
                title = self._parts.title_of(column)
                reasons.append(column.why_not if column is self._parts.main else f"{title}: {column.why_not}")
        return "; ".join(dict.fromkeys(reasons))

    def _efficiency(self, column: Column, unit: str) -> str:
        error = ratio_of(column, unit, "per_joule_error") if column is self._parts.main else None
        return with_error(ratio_of(column, unit, "per_joule"), words.per_joule_unit(unit), error)

    def _all_tokens(self) -> str:
        """Prompt and generated tokens together: both are divided by the same joules."""
        both = [
            ratio_of(self._parts.main, name, "per_joule") for name in ("prompt_tokens", "generated_tokens")
        ]
        if self._parts.unit not in ("prompt_tokens", "generated_tokens") or None in both:
            return ""
        return glued(f"all tokens {format_quantity(sum(value or 0.0 for value in both), 'tok/J')}")

    def _other_scopes(self) -> Iterator[Row]:
        found = []
        for scope, figures in (self._parts.energy.get("by_scope") or {}).items():
            if scope == self._parts.energy.get("scope") or figures.get("joules") in (
                None,
                self._parts.energy.get("joules"),
            ):
                continue  # the headline itself, or all that it is made of
            notes = [*self._scope_estimate(scope), *_gain(figures), *(figures.get("notes") or [])]
            said = f"{words.scope_words(scope)} {_joules_with_error(figures)}"
            found.append(glued(said) + (f" ({'; '.join(notes)})" if notes else ""))
        if found:
            yield Row("also measured", None, ", ".join(found))

    def _scope_estimate(self, scope: str) -> list[str]:
        devices = (self._parts.energy.get("by_device") or {}).values()
        methods = {device.get("method") for device in devices if device.get("scope") == scope}
        if "estimated" not in methods:
            return []
        return [words.ESTIMATED if methods == {"estimated"} else words.PARTLY_ESTIMATED]

    def _latency_rows(self) -> Iterator[Row]:
        timings = {
            name: timing
            for name, timing in (self._parts.summary.get("latency") or {}).items()
            if timing.get("count")
        }
        named = len(timings) > 1 or "latency" not in timings
        table_of = [
            [*([words.timing(name)] if named else []), *_statistics(timing)]
            for name, timing in timings.items()
        ]
        rooms = [max(map(width, cells)) for cells in zip(*table_of, strict=True)]
        for at, (cells, timing) in enumerate(zip(table_of, timings.values(), strict=True)):
            texts = [glued(pad(cell, room) + " ") for cell, room in zip(cells, rooms, strict=True) if room]
            few = [glued(f"({format_count(timing['count'])} timed)")] if timing["count"] < FEW_TIMED else []
            yield Row("" if at else "latency", None, " ".join([*texts, *few]))


def energy_method(energy: Json) -> str:
    """How the energy was found: `counter; integral agrees to 0.4 %`."""
    devices = [device for device in (energy.get("by_device") or {}).values() if device.get("in_run")]
    method, coverage = energy.get("method"), energy.get("coverage")
    parts = []
    if method == "counter":
        tells = coverage is None or coverage >= TELLS_OF_A_WINDOW
        parts = ["counter", *(_agreement(devices) if tells else [])]
    elif method == "integrated":
        samples = [device["samples"] for device in devices if device.get("samples") is not None]
        parts = [", ".join(["integral of power", *([_readings(min(samples))] if samples else [])])]
    elif method == "mixed":
        parts = [
            " and ".join(sorted({_METHODS.get(str(device.get("method")), "unknown") for device in devices}))
        ]
    elif method == "estimated":
        parts = ["from a model, not a sensor"]
    if coverage is not None and coverage < 0.98:
        parts.append(glued(f"covers {100 * coverage:.3g} %"))
    return "; ".join(parts)


def _gain(figures: Json) -> list[str]:
    """The gain of a scope's sensor, which stands apart from its error as that of the headline does."""
    gain = figures.get("gain_ratio")
    return [] if gain is None else [glued(f"sensor gain about ±{format_percent(gain)}")]


def _per_one(column: Column, unit: str) -> str:
    joules = ratio_of(column, unit, "joules_per")
    return "" if joules is None else glued(f"{format_quantity(joules, 'J')}/{words.singular(unit)}")


def _readings(number: int) -> str:
    return glued(f"{format_count(number)} {'reading' if number == 1 else 'readings'}")


def _agreement(devices: Sequence[Json]) -> list[str]:
    """How far the integral is from the counter, over the devices that tell both for the same time."""
    both = [
        (device["counter_joules"], device["integral_off_ratio"])
        for device in devices
        if device.get("counter_joules") and device.get("integral_off_ratio") is not None
    ]
    if not both:
        return []
    apart = sum(joules * ratio for joules, ratio in both) / sum(joules for joules, _ in both)
    told = glued(format_percent(abs(apart)))
    if abs(apart) > AGREES:
        return [f"integral is {told} {'higher' if apart > 0 else 'lower'}"]
    return [f"integral agrees to {told}"]


def _statistics(timing: Json) -> list[str]:
    """Percentiles and the largest; of buckets, which know no largest, the mean, which is exact."""
    mean_s = timing.get("mean_s")
    mean = "" if mean_s is None or timing.get("max_s") is not None else f"mean {format_latency(mean_s)}"
    return [*(_percentile(timing, key) for key in PERCENTILES), mean or _percentile(timing, "max_s")]


def _percentile(timing: Json, key: str) -> str:
    told = percentile(timing, key)
    return told and f"{key.removesuffix('_s')} {told}"


def percentile(timing: Json, key: str) -> str:
    """A percentile as far as it is known: `4.98 s`, `≥ 10.0 s`, `250 ms to 500 ms`; empty where it is not."""
    value = timing.get(key)
    if value is None:
        return ""
    if key in (timing.get("lower_limits") or ()):
        return f"≥ {format_latency(value)}"
    lower, upper = (timing.get("buckets") or {}).get(key, (None, None))
    if upper is None:
        return format_latency(value)
    return (
        f"≤ {format_latency(upper)}" if not lower else f"{format_latency(lower)} to {format_latency(upper)}"
    )


def _joules_with_error(energy: Json) -> str:
    return with_error(energy.get("joules"), "J", energy.get("error_joules"))


def _net_with_error(energy: Json) -> str:
    """What a small difference of large amounts is, to the error of these: nothing, where it is far below."""
    net, error = energy.get("net_joules"), energy.get("net_error_joules")
    if net is None or not error:
        return format_quantity(net, "J")
    return format_quantity(
        net if abs(net) >= error / 10 else 0.0, "J", error if abs(net) < 100 * error else None
    )


def ratio_of(column: Column, name: str, key: str) -> float | None:
    """A figure of the efficiency in a unit of work: `per_joule`, `per_joule_error`, `joules_per`."""
    value: float | None = (column.part("efficiency").get(name) or {}).get(key)
    return value
