"""The summary of a session: everything that is known about a run, as one object (`perfwatch.summary/1`).

A pure function of the tape and the settings: the same session gives the same digits, live or read back.
docs/numbers.md says what each figure means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfwatch.derive import scopes
from perfwatch.derive.client_results import client_results
from perfwatch.derive.conditions import conditions
from perfwatch.derive.each_server import as_json, servers_in
from perfwatch.derive.efficiency import efficiency, work_of_ratios
from perfwatch.derive.evidence import Evidence
from perfwatch.derive.findings import Finding
from perfwatch.derive.gauges import level
from perfwatch.derive.goodput import as_json as goodput_object
from perfwatch.derive.goodput import limits_of
from perfwatch.derive.goodput_of_run import goodput_in
from perfwatch.derive.latency import Latency, latencies
from perfwatch.derive.lost import without_uncounted
from perfwatch.derive.official import official
from perfwatch.derive.quality import findings_of, takes_ratios_away
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span
from perfwatch.derive.summary_energy import energy_object
from perfwatch.derive.summary_objects import latency_object, work_object
from perfwatch.derive.summary_paid import carbon_of, cost_of, prices_in
from perfwatch.derive.summary_session import session_object
from perfwatch.derive.tape import Tape
from perfwatch.derive.totals import energies_of, total_of
from perfwatch.derive.whole_run import WholeRun
from perfwatch.derive.windows import Window, emptiness
from perfwatch.derive.work import Counted, count_work
from perfwatch.metrics import CPU_UTILIZATION, UTILIZATION
from perfwatch.model import DeviceKind
from perfwatch.objectives import GOOD

SCHEMA = "perfwatch.summary/1"


def summarise(tape: Tape, settings: Settings | None = None) -> dict[str, Any]:
    """The summary object of a session.

    Args:
        settings: what was asked for; by default what the session's header recorded.

    Raises:
        ConfigError: the settings name a device, meter or phase that is not in the session.
    """
    run = WholeRun.of(tape, Settings.from_json(tape.header.get("settings")) if settings is None else settings)
    headline = _column(run, run.windows.headline)
    other = _column(run, run.windows.other) if run.windows.other is not None else None
    return {
        "schema": SCHEMA,
        "session": session_object(run),
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
        "scatter": None,  # `--summary-json` and `compare` put it there (perfwatch.derive.scatter)
        "also": {} if other is None else {other.window.kind: _beside(other)},
        "quality": _quality(headline.findings),
    }


@dataclass(frozen=True)
class _Column:
    """One window's figures, as they stand in the summary, and what was found about them."""

    window: Window
    figures: dict[str, Any]
    work: Mapping[str, Counted]
    latencies: Mapping[str, Latency]
    findings: Sequence[Finding]
    servers: Sequence[Mapping[str, Any]]


def _column(run: WholeRun, window: Window) -> _Column:
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
    good = goodput_in(run, window, timings, work)
    if good is not None:
        work[GOOD] = good.counted(work.get("queries"))
    rated = without_uncounted(work_of_ratios(work, run.unit), run.tape, window.spans)
    prices = prices_in(run, window)
    paid = cost_of(run, window, prices, total, rated, ratios=True)
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
        "energy": energy_object(run, window, total, energies),
        "power": {"mean_watts": total.mean_watts, "max_watts": total.max_watts},
        "efficiency": efficiency(
            rated, joules=total.joules, error_joules=total.error_of_ratios, ratios=ratios
        ),
        "cost": paid if ratios else cost_of(run, window, prices, total, rated, ratios=False),
        "carbon": carbon_of(prices, total, rated, ratios=ratios),
    }
    servers = servers_in(evidence, run.settings, run.job.end)
    each = as_json(servers, run.labels, run.unit, window.spans, ratios=ratios)
    return _Column(window, figures, work, timings, findings, each)


def _beside(column: _Column) -> dict[str, Any]:
    """The other window, with its own findings: they say why a ratio of it is missing."""
    return {**column.figures, "quality": _quality(column.findings)}


def _conditions(run: WholeRun, column: _Column) -> dict[str, Any]:
    whole = Span(column.window.start_s, column.window.end_s)
    return conditions(run.tape, run.used, whole, column.work)


def _ids(run: WholeRun) -> list[str]:
    return [run.labels[device.number] for device in run.used]


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


def _utilization(run: WholeRun, window: Window) -> dict[str, dict[str, float | None]]:
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
