"""What is in no count: dropped datagrams, lines that could not be read, what a killed process kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from perfwatch.derive.findings import TOO_LOW_COVERAGE, WARN, Finding
from perfwatch.derive.job import Job, job_of
from perfwatch.derive.numbers import number
from perfwatch.derive.spans import Span
from perfwatch.derive.tape import Event, Tape
from perfwatch.derive.work import Counted

KINDS = ("datagrams", "lines")
LOG_S = 0.001
"""To so much the logs of others tell a time."""


class Losing(NamedTuple):
    """Who lost something, and what: one of `KINDS`."""

    source: str
    kind: str


def lost_of(fields: Mapping[str, Any]) -> dict[Losing, int]:
    """How much of what an event `lost` says is lost."""
    told = {Losing(str(fields.get("source")), kind): fields.get(kind) for kind in KINDS}
    return {what: amount for what, amount in told.items() if isinstance(amount, int) and amount > 0}


def findings_of(lost: Mapping[Losing, int]) -> Iterator[Finding]:
    """The finding `lost-counts`, once for each source and what it lost."""
    for what, amount in lost.items():
        yield Finding(
            "lost-counts", WARN, f"{_sentence(what, amount)}; the work may be more than was counted."
        )


def is_of_a_stretch(event: Event) -> bool:
    """Whether a note says that a kind of source did not count what was done for a while before it."""
    return number(event.fields.get("uncounted_s")) is not None


class Uncounted(NamedTuple):
    """A kind of source did not count for so many seconds of a window; the sentence that says so."""

    seconds: float
    text: str


def uncounted_in(tape: Tape, spans: Sequence[Span]) -> dict[str, Uncounted]:
    """The kinds of sources that did not count a part of a window."""
    found: dict[str, Uncounted] = {}
    for event in filter(is_of_a_stretch, tape.of_kind("note")):
        begin = event.t - float(event.fields["uncounted_s"])
        seconds = sum(
            min(span.end, event.t) - max(span.start, begin)
            for span in spans
            if _overlap(span, begin, event.t)
        )
        kind = str(event.fields.get("work"))
        before = found.get(kind, Uncounted(0.0, ""))
        if seconds:
            found[kind] = Uncounted(before.seconds + seconds, str(event.fields.get("text")))
    return found


def counted_share(uncounted: Uncounted, spans: Sequence[Span]) -> float:
    """For how much of a window there is a count, 0 to 1."""
    duration_s = sum(span.duration_s for span in spans)
    return max(0.0, 1.0 - uncounted.seconds / duration_s) if duration_s > 0.0 else 0.0


def without_uncounted(work: Mapping[str, Counted], tape: Tape, spans: Sequence[Span]) -> dict[str, Counted]:
    """The work that ratios may be made of: not of a source that did not count for much of the window, whose
    energy then belongs to no count.
    """
    shares = {kind: counted_share(one, spans) for kind, one in uncounted_in(tape, spans).items()}
    return {
        name: replace(counted, count=None)
        if shares.get(counted.source or "", 1.0) < TOO_LOW_COVERAGE
        else counted
        for name, counted in work.items()
    }


def _overlap(span: Span, begin: float, end: float) -> bool:
    return min(span.end, end) - max(span.start, begin) > LOG_S


def silent_processes(tape: Tape) -> int:
    """How many processes counted through the client, are gone, and said no last word.

    The job's own process is none of them where a signal ended it: the error of the count has that.
    """
    job = job_of(tape)
    if not job.found or job.cut_off or job.goes_on:
        return 0
    newest = {str(event.fields.get("source")): event.fields for event in tape.of_kind("clients")}
    spared = _spared(tape, job)
    return sum(max(0, _whole(told.get("silent")) - len(spared & _pids(told))) for told in newest.values())


def silent_finding(count: int) -> Iterator[Finding]:
    """The finding `lost-counts`, where processes ended without a last word."""
    if count:
        who = "1 process that counted" if count == 1 else f"{count} processes that counted"
        what = "what it counted in its" if count == 1 else "what each counted in its"
        yield Finding(
            "lost-counts",
            WARN,
            f"{who} ended without a last word (killed, left by os._exit, or by a pool that was not joined): "
            f"{what} last tenth of a second may be in no count.",
        )


def _spared(tape: Tape, job: Job) -> set[int]:
    """Processes whose silence means nothing, or is said otherwise."""
    spared = {pid for event in tape.of_kind("left_behind") for pid in _left(event.fields.get("processes"))}
    if job.was_killed:
        begins = [event for event in tape.of_kind("job") if event.fields.get("what") == "begin"]
        spared |= {_whole(event.fields.get("pid")) for event in begins}
    return spared


def _left(processes: object) -> set[int]:
    """Of `[pid, name]` the pids."""
    told = processes if isinstance(processes, (list, tuple)) else ()
    return {_whole(one[0]) for one in told if isinstance(one, (list, tuple)) and one}


def _pids(told: Mapping[str, Any]) -> set[int]:
    pids = told.get("pids")
    return {_whole(pid) for pid in pids} if isinstance(pids, (list, tuple)) else set()


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _sentence(what: Losing, number: int) -> str:
    if what.source == "output":
        return f"{number} pieces of the job's output came too fast to be searched"
    one = what.kind.removesuffix("s")
    amount = f"1 {one}" if number == 1 else f"{number} {what.kind}"
    if what.kind == "lines":
        return f"{amount} to {what.source} could not be read"
    return f"{amount} to {what.source} {'was' if number == 1 else 'were'} dropped"
