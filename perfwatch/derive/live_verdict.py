"""Can the run be quoted as it stands? The findings that can be known while it goes on.

The limits are the summary's (perfwatch.derive.quality); what only a whole recording tells (whether counter
and integral agree, which devices the job used, restarts of counters) is left to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perfwatch.derive.energy import TOO_FEW_SAMPLES
from perfwatch.derive.evidence import listed, seconds
from perfwatch.derive.findings import (
    CODES,
    INFO,
    INSUFFICIENT,
    LEVELS,
    LOW_COVERAGE,
    TOO_LOW_COVERAGE,
    WARN,
    Finding,
    level_of,
)
from perfwatch.derive.held_back import said_of
from perfwatch.derive.live_watch import RunWatch
from perfwatch.derive.lost import findings_of
from perfwatch.derive.quality_energy import (
    FEW_SAMPLES,
    LARGE_ERROR,
    LEAST_PERIODS,
    SHORT_S,
    TOO_LARGE_ERROR,
    TOO_SHORT_S,
    unread_message,
)
from perfwatch.derive.quality_watch import LATE_SHARE
from perfwatch.derive.spans import Span
from perfwatch.derive.standing import Standing
from perfwatch.units import format_count


def live_findings(
    standing: Standing,
    watch: RunWatch,
    *,
    labels: Mapping[int, str],
    gaps: Sequence[Span] = (),
    error_j: float | None = None,
) -> tuple[Finding, ...]:
    """Findings of the run so far, insufficient ones first.

    Args:
        labels: the devices of the headline, by number.
        gaps: when nothing told energy.
        error_j: expanded uncertainty of the energy so far, J.
    """
    found = [
        *_length(standing),
        *_samples(standing),
        *_energy(standing, error_j),
        *_work(standing),
        *_begun_before(standing),
        *_readings(standing, watch, labels, gaps),
        *_throttled(standing, watch, labels),
        *_shared(watch, labels),
        *_guessed(standing),
        *_said(watch),
    ]
    codes = list(CODES)
    return tuple(sorted(found, key=lambda one: (LEVELS.index(one.level), codes.index(one.code))))


def _length(standing: Standing) -> Iterator[Finding]:
    duration_s = standing.run.span.duration_s
    least_s = max(TOO_SHORT_S, LEAST_PERIODS * standing.update_s)
    if duration_s < least_s:
        yield Finding(
            "short-window",
            INSUFFICIENT,
            f"{seconds(duration_s)} are too short; from {least_s:g} s on ratios are shown",
        )
    elif duration_s < SHORT_S:
        yield Finding(
            "short-window",
            WARN,
            f"{seconds(duration_s)} are short: measure {SHORT_S:g} s at least",
        )


def _energy(standing: Standing, error_j: float | None) -> Iterator[Finding]:
    run = standing.run
    if run.joules is None:
        yield Finding("no-power", INSUFFICIENT, "no device told power or energy: see `perfwatch doctor`")
        return
    for label, reason in standing.unread.items():
        yield Finding("low-coverage", INSUFFICIENT, unread_message(label, reason))
    if run.coverage < LOW_COVERAGE:
        too_low = run.coverage < TOO_LOW_COVERAGE
        needed = TOO_LOW_COVERAGE if too_low else LOW_COVERAGE
        yield Finding(
            "low-coverage",
            INSUFFICIENT if too_low else WARN,
            f"readings cover {100 * run.coverage:.3g} % of the run{_whose(standing)}; "
            f"from {100 * needed:g} % on it is {'shown' if too_low else 'good'}",
        )
    if error_j is not None and error_j > LARGE_ERROR * run.joules:
        too_large = error_j > TOO_LARGE_ERROR * run.joules
        limit = TOO_LARGE_ERROR if too_large else LARGE_ERROR
        share = f"{100 * error_j / run.joules:.2g} %" if run.joules else "all"
        yield Finding(
            "large-error",
            INSUFFICIENT if too_large else WARN,
            f"the energy is uncertain by {share}; up to {100 * limit:g} % it is "
            f"{'shown' if too_large else 'good'}: measure longer",
        )
    if standing.estimated:
        yield Finding("estimated", INFO, "the energy comes from a model, not from a sensor")


def _samples(standing: Standing) -> Iterator[Finding]:
    if standing.samples is None or standing.samples >= FEW_SAMPLES:
        return
    too_few = standing.samples < TOO_FEW_SAMPLES
    needed = f"{TOO_FEW_SAMPLES} on it is shown" if too_few else f"{FEW_SAMPLES} on it is good"
    yield Finding(
        "too-few-samples",
        INSUFFICIENT if too_few else WARN,
        f"the energy rests on {standing.samples} power readings; from {needed}",
    )


def _whose(standing: Standing) -> str:
    return f" ({listed(standing.silent)} gives nothing)" if standing.silent else ""


def _work(standing: Standing) -> Iterator[Finding]:
    if standing.unit is None or standing.run.work.get(standing.unit) is None:
        yield Finding("no-work", INSUFFICIENT, "nothing counts work")
        return
    now_s, run_s = standing.now.span.duration_s, standing.run.span.duration_s
    if standing.run.work[standing.unit] and not standing.now.work.get(standing.unit) and now_s * 3 <= run_s:
        yield Finding("stale-workload", WARN, f"no work was counted in the last {seconds(now_s)}")


def _begun_before(standing: Standing) -> Iterator[Finding]:
    for name, amount in standing.inherited.items():
        yield Finding(
            "counter-reset",
            INFO,
            f"{format_count(amount)} of `{name}` were told at once: taken for earlier jobs' (a checkpoint) "
            "and left out",
        )


def _readings(
    standing: Standing, watch: RunWatch, labels: Mapping[int, str], gaps: Sequence[Span]
) -> Iterator[Finding]:
    if standing.silent and standing.run.coverage >= LOW_COVERAGE:  # else it is told with the coverage
        yield Finding("stale-device", WARN, f"{listed(standing.silent)} gave nothing for three periods")
    elif not standing.silent:
        silent = {
            label: silence_s
            for number, label in labels.items()
            if (silence_s := watch.longest_silence_s(number)) > 0.0
        }
        if silent and not (gaps and len(silent) == len(labels)):  # all of them is told as a gap
            yield Finding(
                "stale-device",
                WARN,
                f"{listed(list(silent))} gave nothing for {seconds(max(silent.values()))}",
            )
    if gaps:
        missing_s = sum(gap.duration_s for gap in gaps)
        yield Finding("gap", WARN, f"readings are missing for {seconds(missing_s)}")
    if watch.missing:
        yield Finding("gap", WARN, f"the recording could not take everything ({watch.missing})")
    late = watch.late + watch.missed
    if late > LATE_SHARE * (watch.polls + watch.missed):
        yield Finding(
            "late-samples",
            WARN,
            f"{late} of {watch.polls + watch.missed} readings came late or not at all: the machine is busy, "
            "or the period (-i) too short",
        )


def _throttled(standing: Standing, watch: RunWatch, labels: Mapping[int, str]) -> Iterator[Finding]:
    held = {number: shares for number in labels if (shares := watch.held_back(number, standing.t))}
    if not held:
        return
    most = {
        cause: max(each.get(cause, 0.0) for each in held.values()) for each in held.values() for cause in each
    }
    ordered = dict(sorted(most.items(), key=lambda each: -each[1]))
    yield Finding(
        "throttled",
        WARN,
        f"{listed([labels[number] for number in held])} ran with reduced clocks: {said_of(ordered)} of the "
        f"run{', each at most' if len(held) > 1 else ''}",
    )


def _shared(watch: RunWatch, labels: Mapping[int, str]) -> Iterator[Finding]:
    for number, label in labels.items():
        pids = watch.neighbours.get(number)
        if pids:
            yield Finding(
                "shared-device",
                WARN,
                f"{label} is used by pid {listed([str(pid) for pid in pids])} too: its energy is not the "
                "job's alone",
            )


def _guessed(standing: Standing) -> Iterator[Finding]:
    if standing.guessed:
        yield Finding(
            "devices-guessed",
            WARN,
            "which devices the job uses is not seen yet, so every accelerator is counted",
        )


def _said(watch: RunWatch) -> Iterator[Finding]:
    yield from findings_of(watch.lost)
    for code, text in watch.notes.items():
        yield Finding(code, level_of(code), text or CODES[code])
