"""Whether the work of a window can be quoted: whether it was counted, by whom, how completely."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence

from perfwatch.derive.agreement import DISAGREEMENT, disagreeing
from perfwatch.derive.client_results import client_results, disagreements
from perfwatch.derive.counted_twice import counted_twice
from perfwatch.derive.course import Course
from perfwatch.derive.evidence import Evidence, listed, seconds
from perfwatch.derive.findings import INFO, INSUFFICIENT, LOW_COVERAGE, TOO_LOW_COVERAGE, WARN, Finding
from perfwatch.derive.job import job_of
from perfwatch.derive.lost import (
    Losing,
    counted_share,
    findings_of,
    lost_of,
    silent_finding,
    silent_processes,
    uncounted_in,
)
from perfwatch.derive.spans import GAP_PERIODS, LEAST_SILENCE_S, Span
from perfwatch.derive.steady import steady_from
from perfwatch.derive.tape import Tape
from perfwatch.derive.windows import emptiness
from perfwatch.derive.work import (
    ERRORS,
    changes_of,
    count_work,
    inherited_of,
    restarts_in,
    workloads,
)
from perfwatch.metrics import POWER
from perfwatch.units import format_count, format_percent

LARGE_COUNT_ERROR = 0.20
"""A count that is uncertain by more is hardly one."""
RENEWED_SELDOM_S = 30.0
"""In so long a window also those pages move that are renewed seldom (Ray Serve's: about every 10 s)."""
_TOKENS = ("generated_tokens", "prompt_tokens")
_MOVES_THAT_TELL = 5
"""So often tokens must have moved to tell that they move with queries alone."""
_NAMED_SOURCES = ("page", "log", "jsonl", "output", "mllog", "loadgen")
"""Sources of work that are there only if somebody names them."""


def _no_work(evidence: Evidence) -> Iterator[Finding]:
    counted = evidence.work.get(evidence.unit or "")
    if counted is not None and counted.count:
        return
    others = [name for name, each in evidence.work.items() if each.count and name != ERRORS]
    if emptiness(evidence.window) is not None:
        message = "Nothing counted work: the window is empty."
    elif elsewhere := _counted_elsewhere(evidence):
        message = elsewhere
    elif evidence.unit is not None and others:
        message = f"Nothing counted `{evidence.unit}` in the window; counted were {listed(others)} (--unit)."
    elif any(name != ERRORS for name in evidence.courses):
        names = listed([name for name in evidence.courses if name != ERRORS])
        message = f"No work was counted in the window: {names} did not move{_perhaps_later(evidence)}."
    elif evidence.tape.header.get("command") and not job_of(evidence.tape).found:
        message = f"Nothing counted work: {job_of(evidence.tape).missing}."
    elif evidence.tape.of_kind("mlperf"):
        message = "Nothing counted work: the logs tell no samples."
    elif not job_of(evidence.tape).found:
        message = "Nothing counted work: there was no job; `perfwatch run -- COMMAND` counts what one does."
    elif (said := _said_last(evidence.tape)) is not None:
        message = f"Nothing counted work: {said}"
    elif named := _named(evidence.tape):
        message = f"Nothing counted work: {listed(named)}; is it the right place?"
    elif job_of(evidence.tape).cut_off:
        message = "Nothing counted work before the recording broke off."
    else:
        message = (
            "Nothing counted work: say where it is counted with -w (such as -w 'stdout=step {steps}'), "
            "or count it in the job with perfwatch.client."
        )
    yield Finding("no-work", INSUFFICIENT, message)


def _perhaps_later(evidence: Evidence) -> str:
    """Why counters may stand still although work was done: pages of some servers are renewed seldom."""
    polled = not any(
        course.held for kinds in evidence.courses.values() for group in kinds.values() for course in group
    )
    if not polled or evidence.window.duration_s > RENEWED_SELDOM_S:
        return ""
    return (
        "; some servers renew their page only every ten seconds or so, or when a request ends: measure longer"
    )


def _counted_elsewhere(evidence: Evidence) -> str | None:
    """Who counted what the source that is used, or was asked for, did not."""
    for name, each in evidence.work.items():
        told = [f"{other.source} counted {format_count(other.count)}" for other in each.others if other.count]
        if not each.count and told and each.made_of is None and name != ERRORS:
            of_it = f"{name}@{each.others[0].source}"
            return f"{each.source} counted no {name} in the window; {listed(told)} (--unit {of_it})."
    return None


def _said_last(tape: Tape) -> str | None:
    """What a source of work that somebody named said of why it counts nothing, in its own words."""
    told = [event.fields for event in tape.of_kind("note") if event.fields.get("source") in _NAMED_SOURCES]
    text = str(told[-1].get("text", "")) if told else ""
    return (text if text.endswith((".", "?")) else f"{text}.") if text else None


def _named(tape: Tape) -> list[str]:
    """What was to be read for work, as it was named, and that it told nothing."""
    return [
        f"{device.collector} {device.device.facts['reads']} "
        + ("was not there when the job began, and " if device.device.facts.get("absent") else "")
        + ("told no count" if len(device.times) else "told nothing")
        + " while the job ran"
        for device in workloads(tape)
        if device.collector in _NAMED_SOURCES and device.device.facts.get("reads")
    ]


def _stale_workload(evidence: Evidence) -> Iterator[Finding]:
    tail = _last_third(evidence.window.spans)
    groups = [
        course
        for name, kinds in evidence.courses.items()
        if name != ERRORS
        for group in kinds.values()
        for course in group
    ]
    if _falls_silent(evidence, groups):
        return  # nothing was read any more, which is said otherwise
    moved = any(course.changes_in(span) for course in groups for span in evidence.window.spans)
    if moved and not any(course.changes_in(span) for course in groups for span in tail):
        yield Finding(
            "stale-workload",
            WARN,
            "No work counter moved in the last third of the window "
            f"({seconds(evidence.window.duration_s / 3)}): it was done earlier, or its counter stands still.",
        )


def _falls_silent(evidence: Evidence, courses: Sequence[Course]) -> bool:
    """Whether all that counts work is polled, and gave nothing any more before the window's end."""
    if not courses or any(course.held for course in courses):
        return False
    period_s = max(device.period_s(evidence.interval_s) for device in workloads(evidence.tape))
    last_t = max(course.times[-1] for course in courses)
    return evidence.window.end_s - last_t > max(GAP_PERIODS * period_s, LEAST_SILENCE_S)


def _last_third(spans: Sequence[Span]) -> list[Span]:
    """The spans of the last third of a window's own time."""
    left_s = sum(span.duration_s for span in spans) / 3
    found: list[Span] = []
    for span in reversed(spans):
        if left_s <= 0:
            break
        found.append(Span(max(span.start, span.end - left_s), span.end))
        left_s -= span.duration_s
    return found[::-1]


def _work_disagrees(evidence: Evidence) -> Iterator[Finding]:
    for name, counted in evidence.work.items():
        if counted.count is None or counted.made_of in evidence.work.keys() - {name}:
            continue  # what it is made of says so itself
        spans, job = evidence.window.spans, job_of(evidence.tape).span
        for source, count in disagreeing(name, counted, evidence.courses, spans, job):
            yield Finding(
                "work-disagrees",
                WARN,
                f"{counted.source} counted {format_count(counted.count)} {name} and {source} "
                f"{format_count(count)}; {counted.source} is used.",
            )


def _clients_disagree(evidence: Evidence) -> Iterator[Finding]:
    """What a client counted itself is compared with the whole job: it knows no window of ours."""
    results = client_results(evidence.tape)
    if results:
        job = job_of(evidence.tape).span
        counted = count_work(evidence.courses, [job], last_end=job.end)
        for message in disagreements(results, {name: one.count for name, one in counted.items()}):
            yield Finding("work-disagrees", WARN, message)


def _completion_counted(evidence: Evidence) -> Iterator[Finding]:
    """Tokens of a page that is known to count them late, or that move only together with its queries."""
    window = Span(evidence.window.start_s, evidence.window.end_s)
    for name in _TOKENS:
        counted, kinds = evidence.work.get(name), evidence.courses.get(name, {})
        if counted is None or counted.source != "page" or not counted.count:
            continue
        if _told_at_the_end(evidence, name):
            yield Finding("completion-counted", WARN, _COUNTED_LATE.format(name.replace("_", " ")))
            continue
        queries, tokens = evidence.courses.get("queries", {}).get("page", ()), kinds.get("page", ())
        ends, moves = (set(changes_of(courses, window)) for courses in (queries, tokens))
        stands_still = _polls(tokens, window) >= 2 * len(moves)
        if len(moves) >= _MOVES_THAT_TELL and ends >= moves and stands_still:
            yield Finding("completion-counted", WARN, _COUNTED_LATE.format(name.replace("_", " ")))


_COUNTED_LATE = (
    "The server counts {} when a query ends: those of queries in work at the ends of the window count late "
    "or not at all; measure much longer than a query takes."
)


def _told_at_the_end(evidence: Evidence, name: str) -> bool:
    """Whether a server is known to do so, whatever its readings show."""
    pages = (device for device in workloads(evidence.tape) if device.get(f"{name}_total") is not None)
    return any(name in str(device.device.facts.get("counted_at_the_end", "")).split(",") for device in pages)


def _polls(courses: Sequence[Course], window: Span) -> int:
    """How often the courses were read in a window, at most."""
    read = (bisect_right(one.times, window.end) - bisect_right(one.times, window.start) for one in courses)
    return max(read, default=0)


def _work_restarts(evidence: Evidence) -> Iterator[Finding]:
    for name, count in restarts_in(evidence.courses, evidence.window.spans).items():
        times = "once" if count == 1 else f"{count} times"
        yield Finding(
            "counter-reset",
            INFO,
            f"The counter of {name} restarted {times}; what it counted after the last reading before that is "
            "not known.",
        )


def _uncertain_count(evidence: Evidence) -> Iterator[Finding]:
    name = evidence.unit or ""
    counted = evidence.work.get(name)
    if counted is None or not counted.count or counted.error <= LARGE_COUNT_ERROR * counted.count:
        return
    share = format_percent(counted.error / counted.count)
    yield Finding(
        "large-error",
        WARN,
        f"The count of `{name}` is uncertain by {share}, and so is what is worked out of it: measure longer, "
        "or have the job count its work itself (perfwatch.client).",
    )


def _missed_at_begin(evidence: Evidence) -> Iterator[Finding]:
    """Servers that could not be read at first may have counted much before they could."""
    name = evidence.unit or ""
    counted, spans = evidence.work.get(name), evidence.window.spans
    if counted is None or not counted.count or not spans:
        return
    courses = evidence.courses.get(name, {}).get(counted.source or "", ())
    missed = sum(course.missed_at_begin(spans[0].start) for course in courses)
    if missed > DISAGREEMENT * counted.count:
        yield Finding(
            "gap",
            WARN,
            f"Up to {format_count(round(missed))} `{name}` may have been done before {counted.source} was "
            f"read first; counted are {format_count(round(counted.count))}.",
        )


def _begun_before(evidence: Evidence) -> Iterator[Finding]:
    """A job that goes on from a checkpoint prints the steps of earlier jobs as well, with its first line."""
    begin = job_of(evidence.tape).span.start
    for name, amount in inherited_of(evidence.courses).items():
        groups = evidence.courses[name].values()
        first = next(course for group in groups for course in group if course.inherited)
        yield Finding(
            "counter-reset",
            INFO,
            f"{format_count(amount)} of `{name}` were told at once, more than the "
            f"{seconds(first.changes[0] - begin)} before can hold at the pace since: taken for the work of "
            "earlier jobs (a checkpoint), and left out.",
        )


def _lost_counts(evidence: Evidence) -> Iterator[Finding]:
    lost: Counter[Losing] = Counter()
    for event in evidence.tape.of_kind("lost"):
        lost.update(lost_of(event.fields))
    yield from findings_of(lost)
    yield from silent_finding(silent_processes(evidence.tape))
    counted = evidence.work.get(evidence.unit or "")
    for kind, uncounted in uncounted_in(evidence.tape, evidence.window.spans).items():
        yield Finding("lost-counts", WARN, uncounted.text)
        share = counted_share(uncounted, evidence.window.spans)
        if counted is not None and counted.source == kind and share < LOW_COVERAGE:
            yield Finding(
                "low-coverage",
                INSUFFICIENT if share < TOO_LOW_COVERAGE else WARN,
                f"{evidence.unit} were counted in {format_percent(share)} of the window alone: what else was "
                "done is in its energy and in no count.",
            )


def _few_latencies(evidence: Evidence) -> Iterator[Finding]:
    for name, latency in evidence.latencies.items():
        if latency.share_no_bound:
            yield Finding(
                "few-latencies",
                INFO,
                f"{name} has no percentiles: the histograms that tell it (of several servers, or before and "
                "after a restart) have no bound of their buckets in common; its mean is exact.",
            )
        few = latency.few()
        if few:
            keys = listed([key.removesuffix("_s").replace("p999", "p99.9") for key in few])
            yield Finding(
                "few-latencies",
                INFO,
                f"{keys} of {name} {'rest' if len(few) > 1 else 'rests'} on fewer than ten of "
                f"{format_count(latency.count)} observations.",
            )


def _cost_partial(evidence: Evidence) -> Iterator[Finding]:
    if evidence.cost is None:
        return
    missing = evidence.cost["assumptions"].get("missing")
    if missing:
        yield Finding("cost-partial", INFO, f"The cost leaves out: {', '.join(missing)}.")


def _steady_from(evidence: Evidence) -> Iterator[Finding]:
    unit = evidence.unit or ""
    kinds = evidence.courses.get(unit, {})
    source = evidence.work[unit].source if unit in evidence.work else None
    powers = [series for device in evidence.measured if (series := device.get(POWER.name)) is not None]
    begins_s = steady_from(kinds.get(source or "", ()), powers, evidence.window.spans)
    if begins_s is not None:
        cut_s = evidence.window.warmup_s + begins_s  # what it takes from the uncut window
        typed = f"{cut_s:.3g}" if cut_s < 999.5 else f"{cut_s:.0f}"
        after = " after the warm-up" if evidence.window.warmup_s else ""
        yield Finding(
            "steady-from",
            INFO,
            f"Work and power are steady from {seconds(begins_s)} on{after}; --warmup {typed}s leaves out "
            "what comes before.",
        )


CHECKS = (
    _no_work,
    _stale_workload,
    _missed_at_begin,
    _begun_before,
    _lost_counts,
    _work_disagrees,
    counted_twice,
    _clients_disagree,
    _few_latencies,
    _work_restarts,
    _uncertain_count,
    _completion_counted,
    _cost_partial,
    _steady_from,
)
