"""How does the run stand now? Work, watts and work per joule over the last seconds and over the run so far.

A fold over the records as they come, in constant memory. Both spans, *now* and *run*, are ratios of sums
over the same stretch of time: it ends where the slowest of the sources was read last, so that no joule and
no token is compared with what was not read yet. Amounts are interpolated between two readings.

Which devices make the headline, which source of work counts and what a unit is are the summary's rules
(perfwatch.derive.scopes, perfwatch.derive.work). What only a whole recording tells is left to the summary:
errors, verdicts, and whether an energy counter implies more power than there can be.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch.derive.conditions import declared_power_w
from perfwatch.derive.course import Course
from perfwatch.derive.device_names import labels_of
from perfwatch.derive.live_amounts import RunningEnergy, RunningWork
from perfwatch.derive.live_trace import Trace
from perfwatch.derive.named_meters import are_parts
from perfwatch.derive.owned import owned_by
from perfwatch.derive.plausible import most_w
from perfwatch.derive.scopes import (
    Headline,
    RunDevices,
    choose_headline,
    devices_of_run,
    is_estimated,
    outermost,
)
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import NOW_S, Span, gap_limit_s, period_of
from perfwatch.derive.standing import Figures, ServerStanding, Standing
from perfwatch.derive.tape import DeviceTape, Tape, took_s
from perfwatch.derive.tariff import changes_of, zero_s_of
from perfwatch.derive.uncertainty import Error, combine
from perfwatch.derive.update import update_of
from perfwatch.derive.work import (
    OWN_TIMES,
    bare_name,
    count_work,
    default_unit,
    in_turn,
    inherited_of,
    is_work,
    prints_total,
    rank_of,
    source_kind,
    split_unit,
)
from perfwatch.errors import ConfigError
from perfwatch.metrics import DOUBTED, ENERGY, POWER, POWER_LIMIT, UTILIZATION, WORK_UNITS
from perfwatch.model import Device, DeviceKind, Kind, Metric

_KEPT = ("note", "job")
"""Events that tell which devices are the run's, whatever is found out later."""


class LiveFigures:
    """Folds the records of a session; `standing` tells how things are.

    Args:
        now_s: the span of *now*.
    """

    def __init__(self, now_s: float = NOW_S) -> None:
        self._now_s = now_s
        self._settings = Settings()
        self._tape = Tape({})
        """Declarations, and the first values of each device: what the rules of the headline ask for."""
        self._interval_s = 1.0
        self._longest_gap_s = gap_limit_s(self._interval_s)
        self._energies: dict[int, RunningEnergy] = {}
        self._works: dict[int, dict[str, RunningWork]] = {}
        self._utilizations: dict[int, float | None] = {}
        self._rows: dict[int, _Row] = {}
        self._last_t: dict[int, float] = {}
        self._chosen: tuple[RunDevices, Headline, Mapping[int, str]] | None = None
        self._began: float | None = None
        self._ended: float | None = None
        self._changes: deque[float] = deque()
        """When prices will change; and when they did."""
        self._changed: list[float] = []

    def take(self, record: Mapping[str, Any]) -> None:
        """Add one record; one that is malformed is passed over."""
        try:
            if "s" in record:
                began, took = record["t"], took_s(record)
                for number, t, values in record["s"]:
                    is_of_it = began <= t <= began + took
                    self._take_sample(number, float(t), values, took if is_of_it else 0.0)
            elif "device" in record:
                self._chosen = None
                self._tape.take(record)
                self._declare(self._tape.devices[int(record["device"]["n"])])
            elif "event" in record:
                self._take_event(record)
            elif "format" in record:
                self._begin(record)
        except (KeyError, TypeError, ValueError):
            return

    # -- folding -----------------------------------------------------------------------------------

    def _begin(self, header: Mapping[str, Any]) -> None:
        self._tape, self._chosen = Tape(header), None
        self._settings = Settings.from_json(header.get("settings"))
        self._interval_s = float(header["interval_s"])
        self._longest_gap_s = gap_limit_s(self._interval_s)
        self._changes.extend(t for t in changes_of(self._settings.cost, zero_s_of(header)) if t > 0.0)

    def _take_event(self, record: Mapping[str, Any]) -> None:
        kind = record["event"]
        self._chosen = None
        if kind == "devices":
            self._tape.events = [event for event in self._tape.events if event.kind in _KEPT]
        if kind in ("devices", "gone", *_KEPT[1:]) or "unread" in record:
            self._tape.take(record)
        if kind == "job" and record.get("what") == "begin":
            self._began = float(record["t"])
            for energy in self._energies.values():
                energy.begin(self._began)
            for group in self._works.values():
                for running in group.values():
                    self._pin(running.trace)
        elif kind == "job" and record.get("what") == "end":
            self._ended = float(record["t"])
            for energy in self._energies.values():
                energy.end(self._ended)

    def _declare(self, device: DeviceTape) -> None:
        number = device.number
        declared = {metric.name: metric for metric in device.device.metrics}
        if device.device.kind is DeviceKind.WORKLOAD:
            self._declare_work(device)
        elif number in self._energies:
            self._energies[number].declare(declared.get(ENERGY.name))
        elif ENERGY.name in declared or POWER.name in declared:
            self._energies[number] = RunningEnergy(
                declared.get(ENERGY.name),
                declared_power_w(device.device),
                self._now_s,
                gap_limit_s(period_of(device.device, self._interval_s)),
                declared.get(POWER.name),
                most_w=most_w(device.device),
            )
            if self._began is not None:
                self._energies[number].begin(self._began)
        self._rows[number] = _Row.of(device.device)

    def _declare_work(self, device: DeviceTape) -> None:
        known = self._works.setdefault(device.number, {})
        for metric in device.device.metrics:
            if metric.kind is Kind.COUNTER and metric.name not in known:
                held = source_kind(device) in OWN_TIMES
                longest_s = gap_limit_s(period_of(device.device, self._interval_s))
                known[metric.name] = RunningWork(
                    self._now_s, longest_s, held=held, printed=prints_total(device, metric.name)
                )
                self._pin(known[metric.name].trace)
        for work in known.values():
            work.in_turn = in_turn(device)

    def _pin(self, one: Trace) -> None:
        if self._began is not None:
            one.pin(self._began)

    def _take_sample(self, number: int, t: float, values: Sequence[Any], took: float) -> None:
        row = self._rows[number]
        if not math.isfinite(t) or t < self._last_t.get(number, -math.inf) or self._is_over(t):
            return
        self._last_t[number] = t
        if self._changes and t >= self._changes[0]:
            self._change_prices()
        if row.unseen:
            self._look_at_first_values(number, t, values, row)
        if number in self._energies:
            energy = self._energies[number]
            energy.allow(row.number(POWER_LIMIT, values))
            energy.take(t, row.number(POWER, values), row.number(ENERGY, values))
        for name, running in self._works.get(number, {}).items():
            value = row.number_at(row.places.get(name), values)
            if value is not None:
                running.take(t, value, exact=isinstance(value, int), took_s=took)
        if UTILIZATION.name in row.places:
            self._utilizations[number] = row.number(UTILIZATION, values)

    def _change_prices(self) -> None:
        """Each price is weighed by the energy used under it: keep how much that was by then."""
        self._changed.append(self._changes.popleft())
        for energy in self._energies.values():
            energy.pin(self._changed[-1])

    def _is_over(self, t: float) -> bool:
        """Whether that is so long after the job that it tells nothing of it: the figures stand still then."""
        return self._ended is not None and t > self._ended + self._longest_gap_s

    def _look_at_first_values(self, number: int, t: float, values: Sequence[Any], row: _Row) -> None:
        """The rules of the headline ask which metrics of a device told anything at all."""
        found = {name for name in row.unseen if row.number_at(row.places[name], values) is not None}
        if found:
            row.unseen -= found
            self._chosen = None
            self._tape.devices[number].take(t, list(values))

    # -- telling -----------------------------------------------------------------------------------

    def carried_errors(self) -> dict[int, Error]:
        """Of the devices whose counter was carried on to both ends of the job, by their numbers."""
        found = {number: energy.carried() for number, energy in self._energies.items()}
        return {
            number: combine(one.error for one in ends) for number, ends in found.items() if ends is not None
        }

    def standing(self, *, brief: bool = False) -> Standing | None:
        """How the run stands; `None` until something was read twice.

        Args:
            brief: without what is of *now*, of the newest readings and of each server: what a course of the
                run needs, in half of the time.

        Raises:
            ConfigError: the settings name a device or meter that is not there.
        """
        run, headline, labels = self._choice()
        energies = {device.number: self._energies[device.number] for device in headline.devices}
        as_one = are_parts(headline.devices)
        span = self._span([energy.trace for energy in energies.values()])
        if span is None:
            return None
        courses = self._courses()
        unit = split_unit(self._settings.unit)[0] or default_unit(courses, span)
        so_far = self._figures(span, list(energies.values()), courses, as_one=as_one)
        lately = _last_of(span, self._now_s)
        now = so_far if brief else self._figures(lately, list(energies.values()), courses, as_one=as_one)
        return Standing(
            t=span.end,
            elapsed_s=span.duration_s,
            now=now,
            run=so_far,
            unit=unit,
            devices=tuple(labels[device.number] for device in headline.devices),
            scope=headline.scope,
            estimated=any(is_estimated(device) for device in headline.devices),
            utilization=None if brief else self._utilization(run),
            silent=tuple(
                labels[number] for number, energy in energies.items() if self._is_silent(energy.trace)
            ),
            update_s=max(map(self._update_s, energies), default=0.0),
            samples=min((one.samples for one in energies.values() if one.is_integrated), default=None),
            gap_s=max((energy.trace.head_s for energy in energies.values()), default=0.0),
            integrated=tuple(labels[number] for number, energy in energies.items() if energy.is_integrated),
            unread=run.unread,
            guessed=run.guessed,
            accelerators=tuple(labels[device.number] for device in run.accelerators),
            servers={} if brief else self._servers(span, run, headline),
            inherited=inherited_of(courses),
        )

    def _choice(self) -> tuple[RunDevices, Headline, Mapping[int, str]]:
        """Which devices are meant, and what they are called: until a record says otherwise."""
        if self._chosen is None:
            run = devices_of_run(self._tape, self._settings)
            self._chosen = run, choose_headline(self._tape, self._settings, run), labels_of(self._tape)
        return self._chosen

    def _servers(self, span: Span, run: RunDevices, headline: Headline) -> dict[int, ServerStanding]:
        """Each of several servers alone."""
        labels = labels_of(self._tape)
        found = {}
        for one in owned_by(self._tape, run):
            own = one.measured(self._tape, self._settings, run, headline)
            energies = [self._energies[device.number] for device in own.devices] if own is not None else []
            courses = self._courses(only=one.page.number)
            found[one.page.number] = ServerStanding(
                now=self._figures(_last_of(span, self._now_s), energies, courses),
                run=self._figures(span, energies, courses),
                devices=tuple(labels[device.number] for device in one.devices),
                shared={
                    labels[number]: tuple(other.device.name for other in others)
                    for number, others in one.shared.items()
                },
            )
        return found

    def _span(self, energies: Sequence[Trace]) -> Span | None:
        """From the run's start to the last instant that every source that still answers has told of."""
        works = [running for group in self._works.values() for running in group.values()]
        polled = [running.trace for running in works if not running.held]
        waited_for = [trace for trace in [*energies, *polled] if not self._is_silent(trace)]
        # Sources that tell each event's own time have nothing to wait for.
        sources = waited_for or [running.trace for running in works]
        ends = [trace.last_t for trace in sources if trace.last_t is not None]
        if not ends:
            return None
        start = self._start([trace for trace in energies if trace.first_t is not None] or sources)
        end = min(ends) if waited_for else max(ends)
        if self._ended is not None:
            end = min(end, self._ended)
        return Span(start, end) if end > start else None

    def _start(self, sources: Sequence[Trace]) -> float:
        """The job's start; without one when all sources that came together had been read once."""
        if self._began is not None:
            return self._began
        firsts = [trace.first_t for trace in sources if trace.first_t is not None]
        return max(first for first in firsts if first - min(firsts) <= self._longest_gap_s)

    def _is_silent(self, trace: Trace) -> bool:
        newest = max(self._last_t.values(), default=0.0)
        return trace.last_t is None or newest - trace.last_t > max(self._longest_gap_s, trace.head_s)

    def _courses(self, only: int | None = None) -> dict[str, dict[str, tuple[Course, ...]]]:
        """What was counted: standard units first, then the user's in order of appearance.

        Args:
            only: the workload with this number; all by default.
        """
        found: dict[str, dict[str, list[Course]]] = {}
        ranked = sorted(self._works, key=lambda number: rank_of(source_kind(self._tape.devices[number])))
        for number in ranked if only is None else [one for one in ranked if one == only]:
            kind = source_kind(self._tape.devices[number])
            for name, running in self._works[number].items():
                if running.trace.last_t is not None and is_work(bare_name(name)):
                    running.doubt_as(self._works[number].get(f"{bare_name(name)}{DOUBTED}_total"))
                    found.setdefault(bare_name(name), {}).setdefault(kind, []).append(running)
        names = sorted(
            found, key=lambda name: WORK_UNITS.index(name) if name in WORK_UNITS else len(WORK_UNITS)
        )
        return {name: {kind: tuple(group) for kind, group in found[name].items()} for name in names}

    def _figures(
        self,
        span: Span,
        energies: Sequence[RunningEnergy],
        courses: Mapping[str, Mapping[str, tuple[Course, ...]]],
        *,
        as_one: bool = False,
    ) -> Figures:
        """What was used and done in a span.

        Args:
            as_one: the energies are parts of one machine's: without one of them none is known.
        """
        whole_job = span == (self._began, self._ended)
        amounts = [energy.between(span, whole_job=whole_job) for energy in energies]
        seen = [amount for amount in amounts if amount.seen_s > 0.0]
        if as_one and len(seen) < len(amounts):
            seen = []
        below = any(map(RunningEnergy.is_below_a_step, energies, amounts))
        counted = count_work(
            courses, [span], last_end=math.inf, unit=self._settings.unit, derived=self._settings.units
        )
        return Figures(
            span=span,
            watts=math.fsum(one.amount / one.seen_s for one in seen) if seen and not below else None,
            joules=math.fsum(one.amount for one in seen) if seen else None,
            coverage=min((one.seen_s / span.duration_s for one in amounts), default=0.0),
            work={name: one.count for name, one in counted.items()},
            errors={name: one.error for name, one in counted.items()},
            parts=tuple(self._parts(span, energies)),
        )

    def _parts(self, span: Span, energies: Sequence[RunningEnergy]) -> Iterator[tuple[Span, float]]:
        """The span cut where prices changed, with the energy of each part."""
        inside = [t for t in self._changed if span.start < t < span.end]
        edges = [span.start, *inside, span.end] if inside else []
        for part in map(Span, edges, edges[1:]):
            yield part, math.fsum(energy.between(part).amount for energy in energies)

    def _update_s(self, number: int) -> float:
        device = self._tape.devices[number]
        period_s = period_of(device.device, self._interval_s)
        return update_of(device, period_s, integrated=self._energies[number].is_integrated).period_s

    def _utilization(self, run: RunDevices) -> float | None:
        chips = outermost(run.accelerators, self._tape)
        told = [self._utilizations.get(device.number) for device in chips]
        known = [value for value in told if value is not None]
        return math.fsum(known) / len(known) if known else None


def standing_or_none(figures: LiveFigures, *, brief: bool = False) -> Standing | None:
    """The same without an error: what the settings name may still appear."""
    try:
        return figures.standing(brief=brief)
    except ConfigError:
        return None


@dataclass
class _Row:
    """Where the values of a device stand in its samples. `unseen`: metrics that gave no value yet."""

    places: dict[str, int]
    unseen: set[str]

    @classmethod
    def of(cls, device: Device) -> _Row:
        places = {
            metric.name: place
            for place, metric in enumerate(device.metrics)
            if metric.kind is not Kind.HISTOGRAM
        }
        return cls(places, set(places))

    def number(self, metric: Metric, values: Sequence[Any]) -> float | None:
        return self.number_at(self.places.get(metric.name), values)

    def number_at(self, place: int | None, values: Sequence[Any]) -> float | None:
        """The value at a place if it is a finite number."""
        value = values[place] if place is not None and place < len(values) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return value if math.isfinite(value) else None


def _last_of(span: Span, seconds: float) -> Span:
    return Span(max(span.start, span.end - seconds), span.end)
