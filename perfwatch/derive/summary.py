"""The summary of a session: everything that is known about a run, as one object (`perfwatch.summary/1`).

A pure function of the tape and the settings: the same session gives the same digits, live or read back.
docs/numbers.md says what each figure means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from perfwatch.derive import scopes
from perfwatch.derive.client_results import client_results
from perfwatch.derive.conditions import conditions
from perfwatch.derive.cost import CostDevice, carbon, cost
from perfwatch.derive.each_server import as_json, servers_in
from perfwatch.derive.efficiency import efficiency, work_of_ratios
from perfwatch.derive.energy import UNKNOWN_ENERGY, DeviceEnergy
from perfwatch.derive.evidence import Evidence
from perfwatch.derive.findings import Finding
from perfwatch.derive.gauges import level
from perfwatch.derive.goodput import as_json as goodput_object
from perfwatch.derive.goodput import goodput, limits_of
from perfwatch.derive.held_back import shares_in
from perfwatch.derive.job import job_of
from perfwatch.derive.latency import Latency, latencies
from perfwatch.derive.official import official
from perfwatch.derive.quality import findings_of, takes_ratios_away
from perfwatch.derive.scopes import Headline, RunDevices
from perfwatch.derive.settings import CostInputs, Settings
from perfwatch.derive.spans import Span
from perfwatch.derive.summary_objects import latency_object, work_object
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.tariff import priced, zero_s_of
from perfwatch.derive.totals import (
    Energies,
    EnergyTotal,
    energies_of,
    idle_watts,
    idle_watts_error,
    net_joules,
    total_of,
)
from perfwatch.derive.uncertainty import Error
from perfwatch.derive.windows import (
    IDLE_BASELINE,
    Window,
    Windows,
    choose_windows,
    emptiness,
    phase_spans,
)
from perfwatch.derive.work import Counted, Courses, count_work, courses_of, default_unit, split_unit
from perfwatch.metrics import CPU_UTILIZATION, UTILIZATION
from perfwatch.model import DeviceKind, Scope
from perfwatch.objectives import GOOD

SCHEMA = "perfwatch.summary/1"

_WIDE_COVERAGE = 0.95
_PERIODS_OF_A_WINDOW = 20


def summarise(tape: Tape, settings: Settings | None = None) -> dict[str, Any]:
    """The summary object of a session.

    Args:
        settings: what was asked for; by default what the session's header recorded.

    Raises:
        ConfigError: the settings name a device, meter or phase that is not in the session.
    """
    run = _Run.of(tape, Settings.from_json(tape.header.get("settings")) if settings is None else settings)
    headline = _column(run, run.windows.headline)
    other = _column(run, run.windows.other) if run.windows.other is not None else None
    return {
        "schema": SCHEMA,
        "session": _session(run),
        "conditions": _conditions(run, headline),
        "window": headline.figures["window"],
        "devices": {"ids": _ids(run), "because": run.devices.because},
        "work": headline.figures["work"],
        "unit": run.unit,
        "goodput": headline.figures["goodput"],
        "energy": headline.figures["energy"],
        "power": headline.figures["power"],
        "efficiency": headline.figures["efficiency"],
        "cost": headline.figures["cost"],
        "carbon": headline.figures["carbon"],
        "latency": {name: latency_object(found) for name, found in headline.latencies.items()},
        "by_server": headline.servers,
        "client_results": client_results(tape),
        "utilization": _utilization(run, headline.window),
        "observer": _observer(tape),
        "mlperf": official(tape),
        "against": None,  # `summary --against` puts it there (perfwatch.derive.against)
        "also": {} if other is None else {other.window.kind: _beside(other)},
        "quality": _quality(headline.findings),
    }


@dataclass(frozen=True)
class _Run:
    """What is the same for every window of a session."""

    tape: Tape
    settings: Settings
    courses: Courses
    judged: bool
    unit: str | None
    windows: Windows
    devices: RunDevices
    headline: Headline
    scopes: Mapping[str, tuple[DeviceTape, ...]]
    at_rest: Energies
    labels: Mapping[int, str]
    interval_s: float

    @classmethod
    def of(cls, tape: Tape, settings: Settings) -> _Run:
        courses = courses_of(tape)
        slo = Settings.from_json(tape.header.get("settings")).slo
        if slo and slo != settings.slo:  # those that were judged by other objectives
            courses = {name: kinds for name, kinds in courses.items() if name != GOOD}
        job = job_of(tape).span
        unit = split_unit(settings.unit)[0] or default_unit(courses, job)
        devices = scopes.devices_of_run(tape, settings)
        headline = scopes.choose_headline(tape, settings, devices)
        interval_s = tape.interval_s
        baseline = phase_spans(tape, IDLE_BASELINE, job.start)
        return cls(
            tape=tape,
            settings=settings,
            courses=courses,
            judged=bool(slo) and slo == settings.slo,
            unit=unit,
            windows=choose_windows(tape, settings, courses, unit),
            devices=devices,
            headline=headline,
            scopes=scopes.other_scopes(tape, devices, headline),
            at_rest=_at_rest(tape, baseline, job.start, interval_s),
            labels=scopes.labels_of(tape),
            interval_s=interval_s,
        )

    @property
    def job(self) -> Span:
        return self.windows.job.spans[0]


@dataclass(frozen=True)
class _Column:
    """One window's figures, as they stand in the summary, and what was found about them."""

    window: Window
    figures: dict[str, Any]
    work: Mapping[str, Counted]
    latencies: Mapping[str, Latency]
    findings: Sequence[Finding]
    servers: Sequence[Mapping[str, Any]]


def _column(run: _Run, window: Window) -> _Column:
    energies = energies_of(run.tape, window.spans, interval_s=run.interval_s, load_end=run.job.end)
    total = total_of(run.headline.devices, energies, window.spans)
    work = count_work(
        run.courses,
        window.spans,
        last_end=run.job.end,
        unit=run.settings.unit,
        derived=run.settings.units,
        cuts=window.cuts,
    )
    if emptiness(window) is not None:
        work = {name: replace(counted, count=None, others=()) for name, counted in work.items()}
    limits = limits_of(run.settings.slo)
    timings = latencies(run.tape, window.spans, last_end=run.job.end, limits=limits)
    good = goodput(run.settings.slo, timings, work, judged=run.judged)
    if good is not None:
        work[GOOD] = good.counted(work.get("queries"))
    rated = work_of_ratios(work, run.unit)
    prices = _priced(run, window)
    paid = _cost(run, window, prices, total, rated, ratios=True)
    evidence = Evidence(
        tape=run.tape,
        window=window,
        run=run.devices,
        headline=run.headline,
        scopes=run.scopes,
        energies=energies,
        total=total,
        courses=run.courses,
        work=work,
        unit=run.unit,
        latencies=timings,
        cost=paid,
        labels=run.labels,
        interval_s=run.interval_s,
    )
    findings = findings_of(evidence)
    ratios = not takes_ratios_away(findings)
    figures = {
        "window": _window(window),
        "work": {name: work_object(counted, window.duration_s) for name, counted in work.items()},
        "goodput": goodput_object(good),
        "energy": _energy(run, window, total, energies),
        "power": {"mean_watts": total.mean_watts, "max_watts": total.max_watts},
        "efficiency": efficiency(
            rated, joules=total.joules, error_joules=total.error_of_ratios, ratios=ratios
        ),
        "cost": paid if ratios else _cost(run, window, prices, total, rated, ratios=False),
        "carbon": _carbon(prices, total, rated, ratios=ratios),
    }
    servers = servers_in(evidence, run.settings, run.job.end)
    each = as_json(servers, run.labels, run.unit, window.spans, ratios=ratios)
    return _Column(window, figures, work, timings, findings, each)


def _beside(column: _Column) -> dict[str, Any]:
    """The other window, with its own findings: they say why a ratio of it is missing."""
    return {**column.figures, "quality": _quality(column.findings)}


def _session(run: _Run) -> dict[str, Any]:
    header = run.tape.header
    command = header.get("command")
    job = job_of(run.tape)
    return {
        "id": header.get("id"),
        "name": header.get("name"),
        "started": _started(header),
        "hosts": list(dict.fromkeys([run.tape.host, *(each.host for each in run.tape.devices.values())])),
        "command": list(command) if isinstance(command, (list, tuple)) else [],
        "exit_status": job.exit_status,
        "time_limit_s": job.time_limit_s,
        "attached": job.attached,
        "goes_on": job.goes_on,
        "because": job.because or None,
        "interval_s": run.interval_s,
        "perfwatch": header.get("perfwatch"),
        "streams": _streams(run.tape),
        "left_behind": _left_behind(run.tape),
    }


def _streams(tape: Tape) -> dict[str, str]:
    """Which of the job's output streams went through us, and as what: `pipe` or `terminal`."""
    for event in tape.of_kind("job"):
        streams = event.fields.get("streams")
        if event.fields.get("what") == "begin" and isinstance(streams, Mapping):
            return {str(name): str(way) for name, way in streams.items()}
    return {}


def _left_behind(tape: Tape) -> list[dict[str, Any]]:
    """The processes that the job left running."""
    listed = [event.fields.get("processes") for event in tape.of_kind("left_behind")]
    return [
        {"pid": process[0], "name": process[1]}
        for processes in listed
        if isinstance(processes, list)
        for process in processes
        if isinstance(process, list) and len(process) == 2
    ]


def _started(header: Mapping[str, Any]) -> str | None:
    """The begin of the session's clock as ISO 8601 in UTC, with microseconds."""
    clock = header.get("clock")
    time_ns = clock.get("time_ns") if isinstance(clock, Mapping) else None
    if not isinstance(time_ns, int):
        return None
    try:
        began = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None
    return began.isoformat(timespec="microseconds")


def _conditions(run: _Run, column: _Column) -> dict[str, Any]:
    whole = Span(column.window.start_s, column.window.end_s)
    return conditions(run.tape, _used(run), whole, column.work)


def _used(run: _Run) -> list[DeviceTape]:
    """The devices of the run; with the headline `components` its CPUs and memory as well.

    Where nothing is known to have done the work they are those that were measured for it.
    """
    devices = [*run.devices.accelerators, *run.devices.others]
    if run.headline.scope == scopes.COMPONENTS or not devices:
        devices += run.headline.devices
    return list({device.number: device for device in devices}.values())


def _ids(run: _Run) -> list[str]:
    return [run.labels[device.number] for device in _used(run)]


def _window(window: Window) -> dict[str, Any]:
    return {
        "kind": window.kind,
        "spans": [[span.start, span.end] for span in window.spans],
        "start_s": window.start_s,
        "end_s": window.end_s,
        "duration_s": window.duration_s,
        "phase": window.phase,
        "warmup_s": window.warmup_s,
        "because": window.because,
    }


def _energy(run: _Run, window: Window, total: EnergyTotal, energies: Energies) -> dict[str, Any]:
    net_j, net_error_j = net_joules(total, energies, run.at_rest, window.duration_s)
    return {
        "scope": run.headline.scope,
        "joules": total.joules,
        "error_joules": total.error_joules,
        "gain_ratio": total.gain_ratio,
        "method": total.method.value if total.method is not None else None,
        "net_joules": net_j,
        "net_error_joules": net_error_j,
        "idle_watts": idle_watts(total, run.at_rest),
        "idle_watts_error": idle_watts_error(total, run.at_rest),
        "coverage": total.coverage,
        "not_included": scopes.not_included(run.headline, run.labels),
        "by_device": {
            run.labels[number]: {
                **_device(device, energies.get(number, UNKNOWN_ENERGY), total),
                "board": _board(run, device),
                "throttled": shares_in(device, window.spans, run.interval_s),
            }
            for number, device in run.tape.devices.items()
            if number in energies or device.device.kind is DeviceKind.ACCELERATOR
        },
        "by_scope": {
            scope: _scope(run, devices, total_of(devices, energies, window.spans), window)
            for scope, devices in run.scopes.items()
        },
    }


def _device(device: DeviceTape, energy: DeviceEnergy, total: EnergyTotal) -> dict[str, Any]:
    return {
        "name": device.device.name,
        "uuid": device.device.id,
        "host": device.host,
        "scope": device.device.scope.value if device.device.scope is not None else None,
        "in_run": device.number in total.devices,
        "joules": energy.joules,
        "error_joules": _expanded(energy.error),
        "method": energy.method.value if energy.method is not None else None,
        "counter_joules": energy.counter_joules,
        "integrated_joules": energy.integrated_joules,
        "integral_off_ratio": energy.integral_off_ratio,
        "mean_watts": energy.mean_watts,
        "max_watts": energy.max_watts,
        "samples": energy.samples,
        "coverage": energy.coverage,
    }


def _board(run: _Run, device: DeviceTape) -> str | None:
    """The board that a partition is a part of; None of a device that is none."""
    (board,) = scopes.boards_of([device], run.tape)
    return None if board is device else run.labels[board.number]


def _expanded(error: Error | None) -> float | None:
    return error.expanded() if error is not None else None


def _scope(run: _Run, devices: Sequence[DeviceTape], total: EnergyTotal, window: Window) -> dict[str, Any]:
    """Another scope's energy; `notes` say what to hold against it."""
    notes = []
    if scopes.covers_more_than_the_run(run.tape, run.devices, devices):
        notes.append("covers accelerators that are not of the run")
    if total.coverage is not None and total.coverage < _WIDE_COVERAGE:
        notes.append(f"covers {100 * total.coverage:.3g} % of the window")
    slowest_s = max(device.period_s(run.interval_s) for device in devices)
    if slowest_s * _PERIODS_OF_A_WINDOW > window.duration_s:
        notes.append(f"read every {slowest_s:g} s only")
    return {
        "joules": total.joules,
        "error_joules": total.error_joules,
        "coverage": total.coverage,
        "notes": notes,
    }


def _cost(
    run: _Run,
    window: Window,
    prices: CostInputs,
    total: EnergyTotal,
    work: Mapping[str, Counted],
    *,
    ratios: bool,
) -> dict[str, Any] | None:
    return cost(
        prices,
        joules=total.joules,
        duration_s=None if emptiness(window) else window.duration_s,
        devices=_paid(run),
        work=_counts(work),
        working_s=run.windows.worked_s,
        job_s=run.windows.job.duration_s,
        hosts=len(_rented_hosts(run)),
        ratios=ratios,
        error_joules=total.error_of_ratios,
        count_errors=_count_errors(work),
    )


def _at_rest(
    tape: Tape, baseline: Sequence[Span], begin: float, interval_s: float
) -> dict[int, DeviceEnergy]:
    """What the devices drew in the baseline. What was read after the job began may be an average with it."""
    if not baseline:
        return {}
    until = max(begin, baseline[-1].end)
    return energies_of(tape, baseline, interval_s=interval_s, until=until)


def _priced(run: _Run, window: Window) -> CostInputs:
    """Prices and intensities as they were in the window, weighed by the energy used under each."""

    def joules(span: Span) -> float | None:
        energies = energies_of(run.tape, [span], interval_s=run.interval_s, load_end=run.job.end)
        return total_of(run.headline.devices, energies, [span]).joules

    return priced(run.settings.cost, window.spans, zero_s_of(run.tape.header), joules)


def _carbon(
    prices: CostInputs, total: EnergyTotal, work: Mapping[str, Counted], *, ratios: bool
) -> dict[str, Any] | None:
    return carbon(
        prices,
        joules=total.joules,
        work=_counts(work),
        ratios=ratios,
        error_joules=total.error_of_ratios,
        count_errors=_count_errors(work),
    )


def _counts(work: Mapping[str, Counted]) -> dict[str, float | None]:
    return {name: counted.count for name, counted in work.items()}


def _count_errors(work: Mapping[str, Counted]) -> dict[str, float]:
    return {name: counted.error for name, counted in work.items()}


def _rented_hosts(run: _Run) -> list[str]:
    """The hosts that a price per node is paid for; what is told by a rating alone, as a switch, is none."""
    hosts = scopes.hosts_of(run.tape, run.devices)
    real = {device.host for device in run.tape.devices.values() if not scopes.is_estimated(device)}
    return [host for host in hosts if host in real] or hosts


def _paid(run: _Run) -> list[CostDevice]:
    """What a price per device is paid for: the run's boards, or CPU packages where there are none."""
    devices: Sequence[DeviceTape] = scopes.boards_of(run.devices.accelerators, run.tape) or [
        device
        for device in run.headline.devices
        if device.device.kind is DeviceKind.CPU and device.device.scope is Scope.CPU
    ]
    return [CostDevice(run.labels[device.number], device.device.name) for device in devices]


def _utilization(run: _Run, window: Window) -> dict[str, dict[str, float | None]]:
    """Mean and maximum of how busy the run's accelerators and its hosts' CPUs were, ratios 0 to 1."""
    used = {device.number for device in run.devices.accelerators}
    hosts = scopes.hosts_of(run.tape, run.devices)
    found = {}
    for number, device in run.tape.devices.items():
        series = device.get(UTILIZATION.name) if number in used else None
        if series is None and device.host in hosts and device.device.kind is not DeviceKind.ACCELERATOR:
            series = device.get(CPU_UTILIZATION.name)
        if series is not None:
            longest_step_s = max(3 * device.period_s(run.interval_s), 3.0)
            busy = level(series, window.spans, longest_step_s=longest_step_s)
            found[run.labels[number]] = {"mean": busy.mean, "max": busy.max}
    return found


_OBSERVED = ("cpu_s", "cpu_ratio", "rss_bytes", "samples", "late_samples", "missed_ticks")


def _observer(tape: Tape) -> dict[str, Any]:
    """What watching cost: perfwatch's own CPU time, its share of a core, its memory, its punctuality."""
    events = tape.of_kind("observer")
    if not events:
        return dict.fromkeys(_OBSERVED)
    first, last = events[0], events[-1]
    observed = {key: _number(last.fields.get(key)) for key in _OBSERVED}
    elapsed_s = last.t - first.t
    before_s, after_s = _number(first.fields.get("cpu_s")), observed["cpu_s"]
    if elapsed_s > 0 and before_s is not None and after_s is not None:
        observed["cpu_ratio"] = (after_s - before_s) / elapsed_s
    return observed


def _number(value: Any) -> float | None:
    """A figure of the record; None for what is none."""
    return value if isinstance(value, (int, float)) and abs(value) < math.inf else None


def _quality(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [finding.to_json() for finding in findings]
