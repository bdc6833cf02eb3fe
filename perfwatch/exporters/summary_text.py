"""The summary for people: what a run did, used and cost, and whether it can be quoted.

Reads the summary object only, so that live, replayed and pasted summaries look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from perfwatch.exporters import words
from perfwatch.exporters.layout import BOLD, DIM, GREEN, RED, YELLOW, Paint, Row, hanging, table
from perfwatch.text import GLUE, pad, width, wrap
from perfwatch.units import (
    DASH,
    currency_sign,
    format_count,
    format_duration,
    format_latency,
    format_memory,
    format_money,
    format_percent,
    format_quantity,
    format_rate,
    significant,
)

DEFAULT_WIDTH, NARROWEST, WIDEST = 100, 40, 110
"""A line that is longer is hard to follow, however wide the terminal."""
PRICE_HINT = "no price given: add --price 0.12/kWh or --rent 2.5/h/device"
PERCENTILES = ("p50_s", "p90_s", "p99_s", "max_s")
MOST_WORK_NAMES = 4
BRIEF_S = 1.0
FEW_TIMED = 100
"""Fewer timings than these have no 99th percentile; their number is shown."""
LEAST_ERROR = 1e-12
"""An error of so small a share of its value would be behind more digits than anybody reads."""

_REASONS = {
    "short-window": "the window is too short",
    "too-few-samples": "too few power readings",
    "large-error": "the error is too large",
    "low-coverage": "readings are missing",
    "clock-offset": "the hosts' clocks differ",
    "no-power": "no power was told",
    "no-work": "no work was counted",
}
"""Why a ratio is not shown, beside its dash; the finding's own sentence stands below."""

Json = Mapping[str, Any]


def render(
    summary: Json,
    *,
    width: int | None = None,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word of the option --ascii
    log_path: str | None = None,
    next_steps: Sequence[str] = (),
) -> str:
    """The summary as text, without a line end at its end.

    Args:
        width: columns of the terminal; a default where there is none.
        log_path: where the session was recorded.
        next_steps: commands that do something with it.
    """
    columns = min(max(width or DEFAULT_WIDTH, NARROWEST), WIDEST)
    face = _Face(summary, columns, Paint(color=color, ascii_only=ascii))
    return "\n".join(line.rstrip() for line in face.lines(log_path, next_steps))


class _Column:
    """The figures of one window."""

    def __init__(self, figures: Json, quality: Sequence[Json]) -> None:
        self.figures = figures
        self.window: Json = figures.get("window") or {}
        self.quality = quality

    def part(self, name: str) -> Json:
        return self.figures.get(name) or {}

    @property
    def is_job(self) -> bool:
        return self.window.get("kind") == "job" and not self.window.get("phase")

    def title(self, *, has_job: bool) -> str:
        if self.window.get("phase"):
            return f"phase {words.spoken(str(self.window['phase']))}"
        if self.is_job:
            return "whole job" if has_job else "whole recording"
        return "while working"

    def heading(self, *, has_job: bool) -> str:
        """The title, with what a whole job is without: it would be whole no more."""
        title, cut_s = self.title(has_job=has_job), self.window.get("warmup_s")
        return f"{title}, without the first {cut_s:g} s" if cut_s and self.is_job else title

    @property
    def why_not(self) -> str:
        """Why this column's ratios are missing, in a few words."""
        for finding in self.quality:
            if finding.get("level") == "insufficient":
                return _REASONS.get(str(finding.get("code")), "")
        return ""


class _Face:
    """One summary being written."""

    def __init__(self, summary: Json, columns: int, paint: Paint) -> None:
        self.summary = summary
        self.columns = columns
        self.paint = paint
        self.session: Json = summary.get("session") or {}
        self.energy: Json = summary.get("energy") or {}
        self.unit: str | None = summary.get("unit")
        self.quality: Sequence[Json] = summary.get("quality") or []
        self.main = _Column(summary, self.quality)
        self.windows = self._windows()
        self.measured = words.what_is_measured(self.energy, (summary.get("devices") or {}).get("ids") or [])
        self.estimate = words.estimation(self.energy)

    def _windows(self) -> list[_Column]:
        """While working first, the whole job last."""
        others = [
            _Column(figures, figures.get("quality") or [])
            for figures in (self.summary.get("also") or {}).values()
        ]
        return sorted([self.main, *others], key=lambda column: column.is_job)

    def lines(self, log_path: str | None, next_steps: Sequence[str]) -> list[str]:
        return [
            *self._header(),
            *table(list(self._rows()), self._titles(), self.columns, self.paint),
            *self._verdict(),
            *self._provenance(),
            *self._observer(log_path),
            *self._next(next_steps),
        ]

    # The header

    def _header(self) -> Iterator[str]:
        command = " ".join(str(word) for word in self.session.get("command") or [])
        ending = words.ending(
            self.session.get("exit_status"),
            has_command=bool(command),
            time_limit_s=self.session.get("time_limit_s"),
        )
        machine = self.paint.line(self._machine())
        room = self.columns - len("perfwatch: ") - (width(ending) + 2 if ending else 0)
        subject = command or self.session.get("name") or "a recording"
        subject = self.paint.cut(str(subject), room)
        left = self.paint.style(f"perfwatch: {subject}", BOLD)
        taken = len("perfwatch: ") + width(subject)
        if ending:
            code = GREEN if self.session.get("exit_status") == 0 else RED
            left += "  " + self.paint.style(ending, code)
            taken += 2 + width(ending)
        if machine and taken + 3 + width(machine) <= self.columns:
            yield left + pad(machine, self.columns - taken, right=True)
        else:
            yield left
            yield from hanging(machine, self.columns, "  ", paint=self.paint) if machine else ()
        conditions = self._conditions()
        if conditions:
            yield from hanging(conditions, self.columns, "  ", paint=self.paint)

    def _machine(self) -> str:
        """The run's devices: `8 × NVIDIA H100 80GB HBM3, cap 700 W`."""
        models = (self.summary.get("conditions") or {}).get("devices") or {}
        return "; ".join(_model(model, facts) for model, facts in models.items())

    def _conditions(self) -> str:
        """The run's name and tags."""
        tags = (self.summary.get("conditions") or {}).get("tags") or {}
        name = self.session.get("name") if self.session.get("command") else None
        return "  ".join([*([str(name)] if name else []), *(f"{key}={value}" for key, value in tags.items())])

    # The table

    def _titles(self) -> list[str]:
        has_job = bool(self.session.get("command"))
        return [column.heading(has_job=has_job) for column in self.windows]

    def _rows(self) -> Iterator[Row]:
        yield self._row("duration", lambda column: format_duration(column.window.get("duration_s")))
        yield from self._work_rows()
        if any(column.part("energy").get("joules") is not None for column in self.windows):
            yield from self._energy_rows()
            yield from self._ratio_rows()
        yield from self._other_scopes()
        yield from self._cost_rows()
        yield from self._carbon_rows()
        yield from self._latency_rows()

    def _row(self, label: str, value: Callable[[_Column], str], note: str = "") -> Row:
        return Row(label, tuple(value(column) for column in self.windows), note)

    def _work_rows(self) -> Iterator[Row]:
        unit = self.unit
        if unit is None or not any(_counted(column, unit) is not None for column in self.windows):
            others = self._other_work("")
            if others:
                yield Row("work", None, others)
            return
        label = words.spoken(unit)
        yield self._row(label, lambda column: format_count(_counted(column, unit)), self._other_work(unit))
        yield self._row("rate", lambda column: format_rate(_work(column, unit).get("rate_per_s")))

    def _other_work(self, unit: str) -> str:
        """What else was counted: `300 queries, 0 failed`."""
        counts = []
        for name in self.main.part("work"):
            shown = [
                format_count(count)
                for column in self.windows
                if (count := _counted(column, name)) is not None
            ]
            if name == unit or not shown:
                continue
            word = "failed" if name == "errors" else words.spoken(name)
            # One number where the columns agree, else one for each.
            counts.append(_glued(f"{' / '.join(dict.fromkeys(shown))} {word}"))
        if len(counts) > MOST_WORK_NAMES:
            counts = [*counts[:MOST_WORK_NAMES], f"{len(counts) - MOST_WORK_NAMES} more"]
        return ", ".join(counts)

    def _energy_rows(self) -> Iterator[Row]:
        peak = self.main.part("power").get("max_watts")
        yield self._row(
            f"power, {self.measured}",
            lambda column: format_quantity(column.part("power").get("mean_watts"), "W"),
            "" if peak is None else _glued(f"at most {format_quantity(peak, 'W')}"),
        )
        yield self._row(
            f"energy, {self.measured}",
            lambda column: _joules(column.part("energy")),
            self._method(),
        )
        if self.energy.get("net_joules") is not None:
            yield self._row(
                self._maybe_estimated("energy above idle"),
                lambda column: format_quantity(column.part("energy").get("net_joules"), "J"),
                _glued(f"idle {format_quantity(self.energy.get('idle_watts'), 'W')}"),
            )

    def _maybe_estimated(self, label: str) -> str:
        return f"{label}, {self.estimate}" if self.estimate else label

    def _method(self) -> str:
        """How the energy was found: `counter; integral agrees to 0.4 %`."""
        devices = [device for device in (self.energy.get("by_device") or {}).values() if device.get("in_run")]
        method = self.energy.get("method")
        parts = []
        if method == "counter":
            parts = ["counter", *_agreement(devices)]
        elif method == "integrated":
            samples = [device["samples"] for device in devices if device.get("samples") is not None]
            parts = [
                "integral of power" + (_glued(f", {format_count(min(samples))} readings") if samples else "")
            ]
        elif method == "mixed":
            parts = [
                " and ".join(
                    sorted({_METHODS.get(str(device.get("method")), "unknown") for device in devices})
                )
            ]
        elif method == "estimated":
            parts = ["from a model, not a sensor"]
        coverage = self.energy.get("coverage")
        if coverage is not None and coverage < 0.98:
            parts.append(_glued(f"covers {format_percent(coverage)}"))
        return "; ".join(parts)

    def _ratio_rows(self) -> Iterator[Row]:
        unit = self.unit
        if unit is None or not any(_counted(column, unit) for column in self.windows):
            return
        missing = _ratio(self.main, unit, "per_joule") is None
        note = self._why_not(unit) or self._all_tokens()
        yield self._row(
            self._maybe_estimated("efficiency"), lambda column: self._efficiency(column, unit), note
        )
        per = "queries" if _counted(self.main, "queries") else unit
        yield self._row(
            self._maybe_estimated(f"per {words.one(per)}"),
            lambda column: format_quantity(_ratio(column, per, "joules_per"), "J"),
            "" if missing or per == unit else _per_one(self.main, unit),
        )

    def _why_not(self, unit: str) -> str:
        """Why a column has a dash for the ratio; the column is named where it is not the headline's."""
        reasons = []
        for column in self.windows:
            if _ratio(column, unit, "per_joule") is None and column.why_not:
                title = column.title(has_job=bool(self.session.get("command")))
                reasons.append(column.why_not if column is self.main else f"{title}: {column.why_not}")
        return "; ".join(dict.fromkeys(reasons))

    def _efficiency(self, column: _Column, unit: str) -> str:
        error = _ratio(column, unit, "per_joule_error") if column is self.main else None
        return _with_error(_ratio(column, unit, "per_joule"), words.per_joule_unit(unit), error)

    def _all_tokens(self) -> str:
        """Prompt and generated tokens together: both are divided by the same joules."""
        both = [_ratio(self.main, name, "per_joule") for name in ("prompt_tokens", "generated_tokens")]
        if self.unit not in ("prompt_tokens", "generated_tokens") or None in both:
            return ""
        return _glued(f"all tokens {format_quantity(sum(value or 0.0 for value in both), 'tok/J')}")

    def _other_scopes(self) -> Iterator[Row]:
        found = []
        for scope, figures in (self.energy.get("by_scope") or {}).items():
            if scope == self.energy.get("scope") or figures.get("joules") in (
                None,
                self.energy.get("joules"),
            ):
                continue  # the headline itself, or all that it is made of
            notes = [*self._scope_estimate(scope), *(figures.get("notes") or [])]
            said = f"{words.scope_words(scope)} {_joules(figures)}"
            found.append(_glued(said) + (f" ({'; '.join(notes)})" if notes else ""))
        if found:
            yield Row("also measured", None, ", ".join(found))

    def _scope_estimate(self, scope: str) -> list[str]:
        devices = (self.energy.get("by_device") or {}).values()
        methods = {device.get("method") for device in devices if device.get("scope") == scope}
        if "estimated" not in methods:
            return []
        return [words.ESTIMATED if methods == {"estimated"} else words.PARTLY_ESTIMATED]

    # Cost

    def _cost_rows(self) -> Iterator[Row]:
        cost = self.main.part("cost")
        if not cost:
            if self.energy.get("joules") is not None or _any_work(self.main):
                yield Row("cost", None, PRICE_HINT)
            return
        currency = cost.get("currency")
        yield self._row(
            self._cost_label(cost),
            lambda column: format_money(_amount(column.part("cost")), currency),
            "; ".join(part for part in (_tariff(cost), self._unit_costs(cost), _parts(cost)) if part),
        )
        yield from self._idle_row(currency)

    def _cost_label(self, cost: Json, label: str = "cost") -> str:
        rests_on_energy = cost.get("total") is None or cost["total"] != cost.get("machine")
        return self._maybe_estimated(label) if rests_on_energy and cost.get("energy") is not None else label

    def _unit_costs(self, cost: Json) -> str:
        """`2.85 $/M tokens, 0.0011 $/query`."""
        if self.main.why_not:
            return ""
        names = dict.fromkeys([*([self.unit] if self.unit else []), "queries"])
        return ", ".join(text for name in names if (text := _unit_cost(cost, name)))

    def _idle_row(self, currency: str | None) -> Iterator[Row]:
        """What the job cost beyond its work: an idle device draws less, so the costs are subtracted."""
        if len(self.windows) != 2 or not self.windows[1].is_job:
            return
        working, job = (_amount(column.part("cost")) for column in self.windows)
        share = self.windows[1].part("cost").get("idle_share")
        if not share or working is None or job is None or job < working:
            return
        yield Row(
            self._cost_label(self.main.part("cost"), "cost of idle time"),
            ("", format_money(job - working, currency)),
            _glued(f"{format_percent(share)} of the time"),
        )

    def _carbon_rows(self) -> Iterator[Row]:
        carbon = self.main.part("carbon")
        if carbon.get("grams") is None:
            return
        name = "queries" if (carbon.get("per") or {}).get("queries") is not None else self.unit
        per = (carbon.get("per") or {}).get(name) if name else None
        assumed = (carbon.get("assumptions") or {}).get("g_per_kwh")
        notes = [
            *([f"{format_quantity(per, 'g')}/{words.one(str(name))}"] if per is not None else []),
            *([f"{significant(assumed)} g/kWh"] if assumed is not None else []),
        ]
        yield self._row(
            self._maybe_estimated("carbon"),
            lambda column: format_quantity(column.part("carbon").get("grams"), "g"),
            ", ".join(_glued(note) for note in notes),
        )

    # Latency

    def _latency_rows(self) -> Iterator[Row]:
        timings = {
            name: timing
            for name, timing in (self.summary.get("latency") or {}).items()
            if timing.get("count")
        }
        named = len(timings) > 1 or "latency" not in timings
        table_of = [
            [*([words.timing(name)] if named else []), *(_percentile(timing, key) for key in PERCENTILES)]
            for name, timing in timings.items()
        ]
        rooms = [max(map(width, cells)) for cells in zip(*table_of, strict=True)]
        for at, (cells, timing) in enumerate(zip(table_of, timings.values(), strict=True)):
            texts = [_glued(pad(cell, room) + " ") for cell, room in zip(cells, rooms, strict=True) if room]
            few = [_glued(f"({format_count(timing['count'])} timed)")] if timing["count"] < FEW_TIMED else []
            yield Row("" if at else "latency", None, " ".join([*texts, *few]))

    # Below the table

    def _verdict(self) -> Iterator[str]:
        if self._nothing_measured():
            yield from self._findings("nothing to quote: neither work nor energy was measured", RED)
            return
        levels = {finding.get("level") for finding in self.quality}
        if "insufficient" in levels:
            yield from self._findings("quality: not to be quoted", RED)
        elif "warn" in levels:
            yield from self._findings("quality: quote it with what follows", YELLOW)
        else:
            estimate = " as an estimate" if self.estimate else ""
            yield from self._findings(f"quality: good to quote{estimate}", GREEN)

    def _nothing_measured(self) -> bool:
        return self.energy.get("joules") is None and not _any_work(self.main)

    def _findings(self, verdict: str, code: str) -> Iterator[str]:
        verdict = f"{verdict}."
        limits = self.paint.line(self._limits())
        if limits and width(f"{verdict} {limits}") <= self.columns:
            yield f"{self.paint.style(verdict, code)} {limits}"
        else:
            yield from (self.paint.style(line, code) for line in wrap(verdict, self.columns))
            yield from hanging(limits, self.columns, "  ", paint=self.paint) if limits else ()
        unsaid = [finding for finding in self.quality if not self._is_said_above(finding)]
        order = ("insufficient", "warn", "info")
        marks = {"insufficient": ("!", RED), "warn": ("*", YELLOW)}
        for finding in sorted(unsaid, key=lambda each: order.index(each["level"])):
            mark, mark_code = marks.get(finding["level"], ("-", DIM))
            yield from hanging(
                str(finding.get("message")), self.columns, f"  {mark} ", paint=self.paint, code=mark_code
            )

    def _is_said_above(self, finding: Json) -> bool:
        """Whether the table says it already, or shows none of the figures that it is about."""
        code = finding.get("code")
        if code == "estimated":
            return self.estimate == words.ESTIMATED
        if code == "cost-partial":
            return _only_electricity(self.main.part("cost")) and _missing(self.main.part("cost")) == [
                "machine"
            ]
        if code == "few-latencies":
            return not any(_rests_on_few(timing) for timing in (self.summary.get("latency") or {}).values())
        return False

    def _limits(self) -> str:
        """What the headline leaves out, and the sensor's gain."""
        if self.energy.get("joules") is None:
            return ""
        left_out = ", ".join(str(word) for word in self.energy.get("not_included") or [])
        gain = self.energy.get("gain_ratio")
        parts = [f"Not included: {left_out}"] if left_out else []
        if gain is not None:
            parts.append(_glued(f"sensor gain about ±{format_percent(gain)}"))
        return "; ".join(parts) + "." if parts else ""

    def _provenance(self) -> Iterator[str]:
        devices = self.summary.get("devices") or {}
        because = str(devices.get("because") or "").rstrip(".")
        ids = words.device_list(devices.get("ids") or [])
        if ids:
            reason = f", because {because}" if because else ""
            yield from hanging(f"{ids}{reason}.", self.columns, "devices: ", paint=self.paint)
        why = str(self.main.window.get("because") or "").rstrip(".")
        if why and not self._nothing_measured():
            title = self.main.title(has_job=bool(self.session.get("command")))
            yield from hanging(f"{title}; {why}.", self.columns, "window: ", paint=self.paint)
        yield from self._streams()

    def _streams(self) -> Iterator[str]:
        """A pipe changes how many programs print, which the reader should know."""
        streams = self.session.get("streams") or {}
        piped = " and ".join(f"standard {_STREAMS[name]}" for name in _STREAMS if streams.get(name) == "pipe")
        if piped:
            said = f"its {piped} went through a pipe, with PYTHONUNBUFFERED=1."
            yield from hanging(said, self.columns, "the job: ", paint=self.paint)

    def _observer(self, log_path: str | None) -> Iterator[str]:
        observer = self.summary.get("observer") or {}
        said = []
        if self._was_too_brief_for_a_share() and observer.get("cpu_s") is not None:
            said.append(f"{format_duration(observer['cpu_s'])} of CPU time")
        elif observer.get("cpu_ratio") is not None:
            said.append(f"{format_percent(observer['cpu_ratio'])} of a core")
        if observer.get("rss_bytes") is not None:
            said.append(format_memory(observer["rss_bytes"]))
        if observer.get("missed_ticks"):
            said.append(f"{format_count(observer['missed_ticks'])} ticks missed")
        if said:
            yield from hanging(
                ", ".join(map(_glued, said)) + ".", self.columns, "perfwatch itself: ", paint=self.paint
            )
        if log_path:
            # Not wrapped: it is there to be copied.
            yield f"log: {self.paint.line(log_path)}"

    def _was_too_brief_for_a_share(self) -> bool:
        """Start and end weigh so much in such a run that a share of a core would say nothing."""
        duration_s = self.windows[-1].window.get("duration_s")
        return duration_s is not None and duration_s < BRIEF_S

    def _next(self, next_steps: Sequence[str]) -> Iterator[str]:
        if next_steps:
            commands = " | ".join(map(_glued, next_steps))
            yield from hanging(commands, self.columns, "next:  ", paint=self.paint)


_STREAMS = {"stdout": "output", "stderr": "error"}
_METHODS = {"counter": "counter", "integrated": "integral of power", "estimated": "estimate"}


def _model(model: str, facts: Json) -> str:
    count = facts.get("count")
    said = f"{count} × {model}" if count and count > 1 else model
    limit = facts.get("power_limit_watts")
    if isinstance(limit, list):
        limits = sorted(value for value in limit if isinstance(value, (int, float)))
        return f"{said}, cap {limits[0]:g}–{limits[-1]:g} W" if limits else said
    return f"{said}, cap {limit:g} W" if isinstance(limit, (int, float)) else said


def _work(column: _Column, unit: str) -> Json:
    return column.part("work").get(unit) or {}


def _counted(column: _Column, unit: str) -> float | None:
    count: float | None = _work(column, unit).get("count")
    return count


def _any_work(column: _Column) -> bool:
    return any(counted.get("count") for name, counted in column.part("work").items() if name != "errors")


def _joules(energy: Json) -> str:
    return _with_error(energy.get("joules"), "J", energy.get("error_joules"))


def _with_error(value: float | None, unit: str, error: float | None) -> str:
    """A value with its error; without one too small to be written beside the value."""
    shown = error is not None and value is not None and error > LEAST_ERROR * abs(value)
    return format_quantity(value, unit, error if shown else None)


def _ratio(column: _Column, name: str, key: str) -> float | None:
    value: float | None = (column.part("efficiency").get(name) or {}).get(key)
    return value


def _per_one(column: _Column, unit: str) -> str:
    joules = _ratio(column, unit, "joules_per")
    return "" if joules is None else _glued(f"{format_quantity(joules, 'J')}/{words.one(unit)}")


def _agreement(devices: Sequence[Json]) -> list[str]:
    """How far the integral is from the counter, over the devices that tell both."""
    both = [
        (device["counter_joules"], device["integrated_joules"])
        for device in devices
        if device.get("counter_joules") and device.get("integrated_joules") is not None
    ]
    if not both:
        return []
    counters = sum(counter for counter, _ in both)
    apart = abs(sum(integral for _, integral in both) - counters) / counters
    return [f"integral agrees to {_glued(format_percent(apart))}"]


def _amount(cost: Json) -> float | None:
    """What the costs per unit divide: the total, or electricity while there is none."""
    amount: float | None = cost.get("total") if cost.get("total") is not None else cost.get("energy")
    return amount


def _only_electricity(cost: Json) -> bool:
    contains = (cost.get("assumptions") or {}).get("contains")
    return contains == ["electricity"]


def _tariff(cost: Json) -> str:
    """What the figure assumes: `rent 8 × 2.50 $/h`, `0.12 $/kWh × PUE 1.2`."""
    assumed = cost.get("assumptions") or {}
    sign = currency_sign(cost.get("currency"))
    parts = ["electricity only"] if _only_electricity(cost) else []
    if assumed.get("rent_per_hour") is not None and not _only_electricity(cost):
        rented = assumed.get("rented") or 0
        of_what = " per node" if assumed.get("rent_basis") == "node" else ""
        times = f"{rented} × " if rented > 1 else ""
        parts.append(
            _glued(f"rent {times}{_price(assumed['rent_per_hour'])} {sign}/h{of_what}".replace(" /", "/"))
        )
    parts += [
        _purchase(bought, sign) for bought in assumed.get("purchases") or [] if not _only_electricity(cost)
    ]
    if assumed.get("price_per_kwh") is not None:
        pue = assumed.get("pue") or 1.0
        times = f" × PUE {pue:g}" if pue != 1.0 else ""
        parts.append(_glued(f"{_price(assumed['price_per_kwh'])} {sign}/kWh{times}".replace(" /", "/")))
    return ", ".join(parts)


def _purchase(bought: Json, sign: str) -> str:
    times = f"{bought['devices']} × " if bought.get("devices", 1) > 1 else ""
    parts = [
        f"{times}{format_count(bought['price'])} {sign}".rstrip(),
        f"over {format_count(bought['lifetime_h'])} h",
    ]
    if bought.get("utilization", 1.0) != 1.0:
        parts.append(f"at {format_percent(bought['utilization'])} use")
    return " ".join(map(_glued, parts))


def _price(value: float) -> str:
    """A tariff as it was given; money with a fraction has two decimals at least."""
    if value.is_integer():
        return format_count(value)
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.6g}"


def _missing(cost: Json) -> list[str]:
    return [str(word) for word in (cost.get("assumptions") or {}).get("missing") or []]


def _parts(cost: Json) -> str:
    """What the total is made of, or what it lacks."""
    assumed = cost.get("assumptions") or {}
    currency, energy, machine = cost.get("currency"), cost.get("energy"), cost.get("machine")
    if cost.get("total") is None:
        return "; ".join(_lacking(assumed, None if machine is None else format_money(machine, currency)))
    if energy is None or machine is None or assumed.get("cost_scope") == "energy":
        return ""
    contained = " in the rent" if assumed.get("rent_contains_electricity") else ""
    return _glued(f"electricity{contained} {format_money(energy, currency)}")


def _lacking(assumed: Json, machine: str | None) -> Iterator[str]:
    """What there is no total without, and how to give it."""
    missing = _missing({"assumptions": assumed})
    if machine is not None:
        yield _glued(f"machine {machine}")
    if "electricity" in missing and assumed.get("price_per_kwh") is None:
        yield f"no price of electricity: add {_glued('--price 0.12/kWh')}"
    elif "electricity" in missing:
        yield "electricity is not known"
    models = [word for word in missing if word not in ("machine", "electricity")]
    if models:
        yield f"no price of the {', the '.join(models)}"


def _unit_cost(cost: Json, name: str) -> str:
    """A cost per unit, or per million where one costs too little to be read."""
    amount = (cost.get("per") or {}).get(name)
    if amount is None:
        return ""
    currency = cost.get("currency")
    small = amount < (1.0 if format_money(amount, currency).startswith("< 1") else 1e-4)
    if small or name.endswith("tokens"):
        million = (cost.get("per_million") or {}).get(name)
        plural = "tokens" if name == "generated_tokens" else words.spoken(name)
        return _glued(f"{format_money(million, currency)}/M {plural}")
    return _glued(f"{format_money(amount, currency)}/{words.one(name)}")


def _percentile(timing: Json, key: str) -> str:
    value = timing.get(key)
    if value is None:
        return ""
    at_least = "≥ " if key in (timing.get("lower_limits") or ()) else ""
    return f"{key.removesuffix('_s')} {at_least}{format_latency(value)}"


def _rests_on_few(timing: Json) -> bool:
    """Whether a percentile that is shown has fewer than ten observations beyond it."""
    count = timing.get("count") or 0
    return any(
        timing.get(f"p{percent}_s") is not None and count * (100 - percent) < 10 * 100
        for percent in (50, 90, 99)
    )


def _glued(text: str) -> str:
    """Words that stay on one line."""
    return text if text == DASH else text.replace(" ", GLUE)
