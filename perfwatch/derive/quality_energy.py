"""Whether the energy of a window can be quoted: its length, its readings, its error, its sources."""

from __future__ import annotations

from collections.abc import Iterator

from perfwatch.derive.asked import asked_for
from perfwatch.derive.counter_fault import COARSE
from perfwatch.derive.energy import TOO_FEW_SAMPLES
from perfwatch.derive.evidence import Evidence, listed, seconds
from perfwatch.derive.findings import INFO, INSUFFICIENT, LOW_COVERAGE, TOO_LOW_COVERAGE, WARN, Finding
from perfwatch.derive.job import job_of
from perfwatch.derive.official import energy_lacks
from perfwatch.derive.scopes import covers_more_than_the_run, how_to_meter, tells_energy
from perfwatch.derive.tape import DeviceTape
from perfwatch.derive.update import Update, update_of
from perfwatch.derive.windows import emptiness
from perfwatch.metrics import TELL_ENERGY
from perfwatch.model import State
from perfwatch.units import format_percent, format_quantity

SHORT_S = 10.0
TOO_SHORT_S = 1.0
LEAST_PERIODS = 10
FEW_SAMPLES = 20
LARGE_ERROR = 0.05
TOO_LARGE_ERROR = 0.20


def _short_window(evidence: Evidence) -> Iterator[Finding]:
    duration_s = evidence.window.duration_s
    if (empty := emptiness(evidence.window)) is not None:
        yield Finding("short-window", INSUFFICIENT, f"The window is empty: {empty}.")
        return
    updates = [(_update_of(evidence, device), device) for device in evidence.measured]
    slowest = max(updates, key=lambda pair: pair[0].period_s, default=None)
    least_s = max(TOO_SHORT_S, LEAST_PERIODS * slowest[0].period_s if slowest else 0.0)
    if duration_s < least_s:
        why = ""
        if slowest and least_s > TOO_SHORT_S:
            update, device = slowest
            why = f" (ten times the {update.period_s:g} s {update.what.format(evidence.label(device))})"
        yield Finding(
            "short-window",
            INSUFFICIENT,
            f"A window of {seconds(duration_s)} is too short for ratios; from {least_s:g} s on they are "
            f"shown{why}.",
        )
    elif duration_s < SHORT_S:
        yield Finding(
            "short-window",
            WARN,
            f"A window of {seconds(duration_s)} is short, its ends weigh much; measure {SHORT_S:g} s at "
            "least.",
        )


def _update_of(evidence: Evidence, device: DeviceTape) -> Update:
    energy = evidence.energies[device.number]
    counts = energy.joules is not None and energy.joules == energy.counter_joules
    period_s = device.period_s(evidence.interval_s)
    return update_of(device, period_s, integrated=not counts)


def _open_window(evidence: Evidence) -> Iterator[Finding]:
    if evidence.window.left_open:
        name = evidence.window.phase or "measure"
        end = "where the recording breaks off" if job_of(evidence.tape).cut_off else "with the job"
        yield Finding("open-window", INFO, f"The mark `{name}` has a begin without an end; it ends {end}.")


def _no_power(evidence: Evidence) -> Iterator[Finding]:
    if evidence.total.joules is not None:
        return
    if emptiness(evidence.window) is not None:
        message = "There is no energy: the window is empty."
    elif evidence.headline.trouble:
        message = f"There is no energy: {evidence.headline.trouble}."
    elif lacks := energy_lacks(evidence.tape):
        message = f"There is no energy: {lacks}."
    elif evidence.headline.devices:
        names = listed([evidence.label(device) for device in evidence.headline.devices])
        message = f"There is no energy: {names} told nothing that can be used in the window."
    elif evidence.headline.scope in ("node", "wall"):
        message = (
            f"There is no energy of the {evidence.headline.scope}: no meter told one; without --scope the "
            "headline is what the devices told themselves."
        )
    elif evidence.tape.of_kind("mlperf") and not evidence.tape.header.get("command"):
        message = "There is no energy: the logs were imported without a power log (perfwatch import --power)."
    else:
        metered = how_to_meter(evidence.tape, evidence.run, evidence.scopes)
        said = f"No device of the run told its power or energy{_reasons(evidence)}"
        message = f"{said}; {metered}." if metered else f"{said}; see `perfwatch doctor`."
    yield Finding("no-power", INSUFFICIENT, message)


def _reasons(evidence: Evidence) -> str:
    """Why collectors found nothing, as far as the session says."""
    asked = asked_for(evidence.tape.header)  # what these say has a finding of its own
    last: dict[str, tuple[str, str]] = {}
    for event in evidence.tape.of_kind("status"):
        collector = str(event.fields.get("collector"))
        if event.fields.get("device_id") is None and collector not in asked:
            last[collector] = (str(event.fields.get("state")), str(event.fields.get("reason", "")))
    absent = [
        f"{collector}: {reason}"
        for collector, (state, reason) in last.items()
        if state in (State.ABSENT.value, State.FAILED.value) and reason
    ]
    silent: dict[str, list[str]] = {}
    for device in evidence.run.accelerators:
        silent.setdefault(_why_unused(device), []).append(evidence.label(device))
    said = [f"{listed(labels)} {why}" for why, labels in silent.items() if why]
    return f" ({'; '.join([*said, *absent])})" if said or absent else ""


def _why_unused(device: DeviceTape) -> str:
    """What keeps the power or energy that a device declares from being used; empty if it declares none."""
    declared = [metric.name for metric in device.device.metrics if metric.name in TELL_ENERGY]
    if declared and device.device.scope is None and tells_energy(device):
        return f"told {listed(declared)} without saying what that covers (the collector's `scope`)"
    return f"gave no number for {listed(declared)}" if declared else ""


def _too_few_samples(evidence: Evidence) -> Iterator[Finding]:
    if emptiness(evidence.window) is not None:
        return  # it is not the readings that are missing
    integrated = [
        (evidence.energies[device.number].samples, device)
        for device in evidence.measured
        if evidence.energies[device.number].joules != evidence.energies[device.number].counter_joules
    ]
    if not integrated:
        return
    samples, device = min(integrated, key=lambda pair: pair[0])
    if samples < FEW_SAMPLES:
        too_few = samples < TOO_FEW_SAMPLES
        needed = f"from {TOO_FEW_SAMPLES} on it is shown" if too_few else f"from {FEW_SAMPLES} on it is good"
        yield Finding(
            "too-few-samples",
            INSUFFICIENT if too_few else WARN,
            f"The energy of {evidence.label(device)} rests on {samples} power reading{'s' * (samples != 1)}; "
            f"{needed}: measure longer, or more often (-i).",
        )


def _large_error(evidence: Evidence) -> Iterator[Finding]:
    joules, error = evidence.total.joules, evidence.total.error_joules
    if joules is None or error is None or error <= LARGE_ERROR * joules:
        return
    share = format_percent(error / joules) if joules > 0 else "all"
    too_large = error > TOO_LARGE_ERROR * joules
    limit = TOO_LARGE_ERROR if too_large else LARGE_ERROR
    yield Finding(
        "large-error",
        INSUFFICIENT if too_large else WARN,
        f"The energy is uncertain by {share}; up to {100 * limit:g} % it is "
        f"{'shown' if too_large else 'good'}{_because_of_steps(evidence, joules)}"
        f"{_because_of_age(evidence)}: measure longer.",
    )


def _because_of_steps(evidence: Evidence, joules: float) -> str:
    """Which counter moves in steps that are large beside the energy of the run, as a clause."""
    steps = [(evidence.energies[device.number].counter_step_j, device) for device in evidence.measured]
    step_j, device = max(steps, key=lambda pair: pair[0], default=(0.0, None))
    if device is None or step_j <= max(COARSE, LARGE_ERROR * joules):
        return ""
    return f" (the counter of {evidence.label(device)} moves in steps of {format_quantity(step_j, 'J')})"


def _because_of_age(evidence: Evidence) -> str:
    """Whose readings may be how old, as a clause."""
    ages = [(evidence.energies[device.number].age_s, device) for device in evidence.measured]
    age_s, device = max(ages, key=lambda pair: pair[0], default=(0.0, None))
    if device is None or age_s <= 0.0:
        return ""
    return f" (readings of {evidence.label(device)} may be {age_s:.3g} s old)"


def _low_coverage(evidence: Evidence) -> Iterator[Finding]:
    if emptiness(evidence.window) is not None:
        return
    shares = [
        (evidence.energies[device.number].coverage, device)
        for device in evidence.headline.devices
        if device.number in evidence.energies
    ]
    if evidence.total.joules is not None:
        if lacks := energy_lacks(evidence.tape):
            yield Finding("low-coverage", INSUFFICIENT, f"The energy is not that of the whole run: {lacks}.")
        metered = how_to_meter(evidence.tape, evidence.run, evidence.scopes)
        for device in evidence.headline.silent:
            yield Finding(
                "low-coverage",
                INSUFFICIENT,
                f"{evidence.label(device)} is of the run and tells no energy; choose the others with "
                f"--devices, or a scope that contains it with --scope{f' ({metered})' if metered else ''}.",
            )
        for label, reason in evidence.run.unread.items():
            yield Finding("low-coverage", INSUFFICIENT, unread_message(label, reason))
    if not shares:
        return
    coverage, device = min(shares, key=lambda pair: pair[0])
    if coverage < LOW_COVERAGE:
        too_low = coverage < TOO_LOW_COVERAGE
        needed = TOO_LOW_COVERAGE if too_low else LOW_COVERAGE
        yield Finding(
            "low-coverage",
            INSUFFICIENT if too_low else WARN,
            f"Readings of {evidence.label(device)} cover {100 * coverage:.3g} % of the window; "
            f"from {100 * needed:g} % on it is {'shown' if too_low else 'good'}.",
        )


def unread_message(label: str, reason: str) -> str:
    """What is said of a device that may be of the run and whose energy nobody tells."""
    return (
        f"{label} may be of the run, but it {reason}: what it drew is in no figure. "
        "If the job does not use it, name the others with --devices."
    )


def _of_devices(evidence: Evidence) -> Iterator[Finding]:
    """What the energy of each device found out (gaps, restarts, counters that disagree)."""
    for device in evidence.headline.devices:
        energy = evidence.energies.get(device.number)
        yield from energy.findings if energy is not None else ()


def _estimated(evidence: Evidence) -> Iterator[Finding]:
    shown = {
        device.number: device
        for group in (evidence.headline.devices, *evidence.scopes.values())
        for device in group
    }
    names = [
        evidence.label(device)
        for device in shown.values()
        if device.number in evidence.energies and evidence.energies[device.number].estimated
    ]
    if names:
        yield Finding(
            "estimated", INFO, f"The energy of {listed(names)} comes from a model, not from a sensor."
        )


def _meter_wider_than_run(evidence: Evidence) -> Iterator[Finding]:
    if evidence.headline.wider:
        names = listed([evidence.label(device) for device in evidence.headline.wider])
        yield Finding(
            "meter-wider-than-run",
            INFO,
            f"The energy of {names} is that of the whole chip, not of the part used.",
        )
    shown = [*evidence.headline.devices, *(device for group in evidence.scopes.values() for device in group)]
    if covers_more_than_the_run(evidence.tape, evidence.run, shown):
        yield Finding(
            "meter-wider-than-run",
            INFO,
            "The node's meter covers accelerators that are not of the run as well.",
        )


CHECKS = (
    _short_window,
    _too_few_samples,
    _large_error,
    _low_coverage,
    _no_power,
    _of_devices,
    _estimated,
    _open_window,
    _meter_wider_than_run,
)
