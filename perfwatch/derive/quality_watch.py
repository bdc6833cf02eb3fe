"""What happened while the run was watched: silence, lateness, lost records, throttles, other users."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from operator import sub
from typing import Any

from perfwatch.derive.asked import asked_for, devices_of, reason_in, why_silent
from perfwatch.derive.conditions import power_limit_w
from perfwatch.derive.evidence import Evidence, listed, percent, seconds
from perfwatch.derive.findings import CODES, INFO, INSUFFICIENT, WARN, Finding, level_of
from perfwatch.derive.held_back import Shares, said_of, shares_in
from perfwatch.derive.job import job_of
from perfwatch.derive.lost import is_of_a_stretch
from perfwatch.derive.numbers import integer, number
from perfwatch.derive.scopes import tells_energy
from perfwatch.derive.spans import LEAST_SILENCE_S, Span
from perfwatch.derive.tape import DeviceTape, Tape
from perfwatch.derive.throttles import POWER
from perfwatch.derive.work import OWN_TIMES, source_kind, workloads
from perfwatch.metrics import ENERGY
from perfwatch.metrics import POWER as WATTS
from perfwatch.model import DeviceKind, Kind, State

_TELL_ENERGY = (WATTS.name, ENERGY.name)
LATE_SHARE = 0.05
CLOCK_JUMP_S = 5.0
"""Wall time that runs ahead of the monotonic clock by more than this between two records is told."""

CLOCK_OFFSET, TOO_LARGE_OFFSET = 0.01, 0.10


def _stale_device(evidence: Evidence) -> Iterator[Finding]:
    for device in evidence.headline.devices:
        allowed_s = max(3 * device.period_s(evidence.interval_s), LEAST_SILENCE_S)
        silences = [_longest_silence(device, span) for span in evidence.window.spans]
        longest = max(silences, key=lambda silence: silence.duration_s)
        if longest.duration_s > allowed_s:
            why = _trouble(evidence.tape, device, longest)
            yield Finding(
                "stale-device",
                WARN,
                f"{evidence.label(device)} gave nothing for {seconds(longest.duration_s)}"
                f"{f': {why}' if why else ''}.",
            )


def _longest_silence(device: DeviceTape, span: Span) -> Span:
    first, last = bisect_right(device.times, span.start), bisect_left(device.times, span.end)
    inside = [span.start, *device.times[first:last], span.end]
    waits = list(map(sub, inside[1:], inside))
    longest = waits.index(max(waits))
    return Span(inside[longest], inside[longest + 1])


_IN_TROUBLE = {
    State.FAILED.value: "failed",
    State.RETRYING.value: "could not read and tried again",
    State.ABSENT.value: "was not there",
}
"""States of a collector, or of a device, that explain its silence."""


def _trouble(tape: Tape, device: DeviceTape, silence: Span) -> str:
    """What the device or its collector said last of why it is silent: `nvidia failed: RuntimeError: ...`."""
    told = ""
    for event in tape.events:
        if event.kind not in ("status", "gone") or event.t >= silence.end:
            continue
        if event.kind == "gone":
            told = _why_it_left(event.fields, device) or told
            continue
        of_device = event.fields.get("device_id")
        if event.fields.get("collector") != device.collector or of_device not in (None, device.device.id):
            continue
        word = _IN_TROUBLE.get(str(event.fields.get("state")))
        who = device.collector if of_device is None else device.label
        reason = reason_in(event.fields)
        if word is not None:
            told = f"{who} {word}{f': {reason}' if reason else ''}"
        elif event.t <= silence.start:
            told = ""  # it was well again before the silence began
    return told


def _why_it_left(fields: Mapping[str, Any], device: DeviceTape) -> str:
    reason = str(fields.get("reason") or "").rstrip(".")
    return f"{device.label} left{f': {reason}' if reason else ''}" if fields.get("n") == device.number else ""


def _late_samples(evidence: Evidence) -> Iterator[Finding]:
    observed = evidence.tape.of_kind("observer")
    fields = observed[-1].fields if observed else {}
    late = integer(fields.get("late_samples")) + integer(fields.get("missed_ticks"))
    ticks = _ticks(evidence.tape) + integer(fields.get("missed_ticks"))
    if ticks and late > LATE_SHARE * ticks:
        yield Finding(
            "late-samples",
            WARN,
            f"{late} of {ticks} readings came late by over half a period or not at all: the machine is busy, "
            "or the period (-i) is too short for its sensors.",
        )


def _ticks(tape: Tape) -> int:
    """How many polls were made: per collector those of its device that was read most."""
    polls: dict[tuple[str, str], int] = {}
    for device in tape.devices.values():
        if device.device.kind is DeviceKind.WORKLOAD and source_kind(device) in OWN_TIMES:
            continue
        key = (device.host, device.collector)
        polls[key] = max(polls.get(key, 0), len(device.times))
    return sum(polls.values())


def _throttled(evidence: Evidence) -> Iterator[Finding]:
    for device in evidence.devices:
        shares = shares_in(device, evidence.window.spans, evidence.interval_s)
        if shares:
            cap = _cap(device, shares, evidence.window.spans)
            yield Finding(
                "throttled",
                WARN,
                f"{evidence.label(device)} ran with reduced clocks: {said_of(shares, cap)} of the window.",
            )


def _cap(device: DeviceTape, shares: Shares, spans: Sequence[Span]) -> str:
    limit_w = power_limit_w(device, spans[-1])
    return f" {limit_w:g} W" if list(shares) == [POWER] and limit_w is not None else ""


def _shared_device(evidence: Evidence) -> Iterator[Finding]:
    for device in evidence.devices:
        names = evidence.run.shared.get(device.number)
        if names:
            yield Finding(
                "shared-device",
                WARN,
                f"{evidence.label(device)} was also used by {listed(names)}: its energy is not the job's "
                "alone.",
            )


def _devices_guessed(evidence: Evidence) -> Iterator[Finding]:
    if evidence.run.guessed:
        yield Finding(
            "devices-guessed",
            WARN,
            "Which devices the job used could not be seen"
            f"{f' ({evidence.run.hindered})' if evidence.run.hindered else ''}, so every accelerator "
            "that can be read is counted; say which with --devices.",
        )


def _late_source(evidence: Evidence) -> Iterator[Finding]:
    tape = evidence.tape
    late = [str(event.fields.get("collector")) for event in tape.of_kind("late_source")]
    asked = [name for name in asked_for(tape.header) if name not in late and not _reads_workloads(tape, name)]
    for collector in dict.fromkeys([*late, *asked]):
        told = any(one.collector == collector and len(one.times) for one in tape.devices.values())
        if told and collector in late:
            yield Finding("late-source", INFO, f"{collector} began to tell only after the job had started.")
        elif not told:
            why = why_silent(tape, collector)
            said = f"{collector} told nothing of this run{f': {why}' if why else ''}"
            yield Finding("late-source", INFO, said if said.endswith("?") else f"{said}.")


def _reads_workloads(tape: Tape, collector: str) -> bool:
    return any(one.collector == collector for one in workloads(tape))


def _silent_meter(evidence: Evidence) -> Iterator[Finding]:
    """A meter that was asked for and is not of the headline, which fell silent or tells no number."""
    in_headline = {device.number for device in evidence.headline.devices}
    if not evidence.window.spans:
        return
    end = evidence.window.spans[-1].end
    for collector in asked_for(evidence.tape.header):
        for device in devices_of(evidence.tape, collector):
            declared = [metric.name for metric in device.device.metrics if metric.name in _TELL_ENERGY]
            if device.number in in_headline or not declared or not len(device.times):
                continue
            if not tells_energy(device):
                said = f"gave no number for {listed(declared)}"
                yield Finding("late-source", INFO, f"{evidence.label(device)} {said}.")
                continue
            allowed_s = max(3 * device.period_s(evidence.interval_s), LEAST_SILENCE_S)
            silence = max(
                (_longest_silence(device, span) for span in evidence.window.spans),
                key=lambda one: one.duration_s,
            )
            if silence.duration_s > allowed_s:
                why = _trouble(evidence.tape, device, silence)
                last = "in the last" if silence.end == end else "for"
                said = f"{evidence.label(device)} gave nothing {last} {seconds(silence.duration_s)}"
                yield Finding("late-source", INFO, f"{said}{f': {why}' if why else ''}.")


def _late_page(evidence: Evidence) -> Iterator[Finding]:
    """A source that is polled and told nothing at the beginning, or nothing any more at the end."""
    window = evidence.window.spans
    if not window:
        return
    begin, end = window[0].start, window[-1].end
    for device in workloads(evidence.tape):
        told = _told_between(device)
        if told is None or source_kind(device) in OWN_TIMES:
            continue
        name = str(device.device.facts.get("url") or evidence.label(device))  # as a person named it
        allowed_s = max(3 * device.period_s(evidence.interval_s), LEAST_SILENCE_S)
        if begin + allowed_s < told.start < end:
            why = _trouble(evidence.tape, device, Span(begin, told.start))
            yield Finding(
                "late-source",
                INFO,
                f"{name} told its work only from {seconds(told.start - begin)} of the "
                f"window on{f' ({why})' if why else ''}: what it counted before is in no figure.",
            )
        if begin < told.end < end - allowed_s:
            why = _trouble(evidence.tape, device, Span(told.end, end))
            yield Finding(
                "stale-workload",
                WARN,
                f"{name} told nothing in the last {seconds(end - told.end)} of the window"
                f"{f': {why}' if why else ''}; what it counted then is in no figure.",
            )


def _told_between(device: DeviceTape) -> Span | None:
    """From the first to the last reading of a workload's counters.

    A page that could be read and had no counter yet told that there was no work: its counters begin at zero.
    """
    counters = [m.name for m in device.device.metrics if m.kind is Kind.COUNTER]
    told = [series for name in counters if (series := device.get(name)) is not None]
    if not told:
        return None
    first = min(told, key=lambda series: series.times[0])
    begin = device.times[0] if first.values[0] == 0 else first.times[0]
    return Span(begin, max(series.times[-1] for series in told))


def _missing_records(evidence: Evidence) -> Iterator[Finding]:
    for event in evidence.tape.of_kind("missing"):
        reason, records = event.fields.get("reason"), integer(event.fields.get("records"))
        lacking = _lacking(records, integer(event.fields.get("lost", records)))
        yield Finding("gap", WARN, f"The recording could not take everything ({reason}): {lacking}.")
    if job_of(evidence.tape).cut_off:
        yield Finding(
            "gap",
            WARN,
            f"The recording breaks off at {evidence.tape.last_t:.1f} s, before the job's end; "
            "the figures end there.",
        )
    if evidence.tape.damaged:
        yield Finding(
            "gap",
            WARN,
            f"{_of_records(evidence.tape.damaged)} of the session could not be read: the rest is counted.",
        )


def _lacking(records: int, lost: int) -> str:
    if not records:
        return "its end may be missing"
    if not lost:
        return f"it lacks {_of_records(records)}, which these figures have from memory"
    return f"it lacks {_of_records(records)}, and these figures {_of_records(lost)}"


def _of_records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"


def _clock_jumps(evidence: Evidence) -> Iterator[Finding]:
    """A suspended machine stops the monotonic clock; the wall clock then has run ahead of it."""
    clock = evidence.tape.header.get("clock")
    previous = (0.0, clock.get("time_ns") if isinstance(clock, Mapping) else None)
    for event in evidence.tape.of_kind("clock"):
        t, wall_ns = event.t, event.fields.get("time_ns")
        if isinstance(wall_ns, int) and isinstance(previous[1], int):
            ahead_s = (wall_ns - previous[1]) / 1e9 - (t - previous[0])
            touches = any(span.start < t and span.end > previous[0] for span in evidence.window.spans)
            if ahead_s > CLOCK_JUMP_S and touches:
                yield Finding(
                    "gap",
                    WARN,
                    f"The wall clock ran {seconds(ahead_s)} ahead: the machine slept, or its clock was set.",
                )
        previous = (t, wall_ns)


def _clock_offset(evidence: Evidence) -> Iterator[Finding]:
    """Somebody whose times enter the figures has another clock; what is not known of it counts."""
    told = []
    for event in evidence.tape.of_kind("clock_offset"):
        offset_s, error_s = (number(event.fields.get(key)) for key in ("seconds", "error_s"))
        unknown_s = offset_s if error_s is None else error_s
        if unknown_s is not None and offset_s is not None:
            who = str(event.fields.get("source") or event.fields.get("host"))
            told.append((abs(unknown_s), abs(offset_s), who))
    if not told:
        return
    unknown_s, offset_s, who = max(told)
    share = unknown_s / evidence.window.duration_s if evidence.window.duration_s > 0.0 else 1.0
    if share > CLOCK_OFFSET:
        too_large = share > TOO_LARGE_OFFSET
        yield Finding(
            "clock-offset",
            INSUFFICIENT if too_large else WARN,
            f"The clock of {who} and this machine's differ by {seconds(offset_s)}, known to "
            f"{seconds(unknown_s)}, {percent(share)} of the window; up to "
            f"{100 * (TOO_LARGE_OFFSET if too_large else CLOCK_OFFSET):g} % it is "
            f"{'shown' if too_large else 'good'}: set the clocks, or measure longer.",
        )


def _notes(evidence: Evidence) -> Iterator[Finding]:
    """What a source itself said under one of the codes."""
    for event in evidence.tape.of_kind("note"):
        code = event.fields.get("code")
        if isinstance(code, str) and code in CODES and not is_of_a_stretch(event):
            yield Finding(code, level_of(code), str(event.fields.get("text", CODES[code])))


CHECKS = (
    _missing_records,
    _clock_jumps,
    _clock_offset,
    _late_samples,
    _stale_device,
    _shared_device,
    _throttled,
    _devices_guessed,
    _late_source,
    _silent_meter,
    _late_page,
    _notes,
)
