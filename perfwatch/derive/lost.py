"""What is in no count: dropped datagrams, lines that could not be read, what a killed process kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from perfwatch.derive.findings import WARN, Finding
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


def uncounted_in(tape: Tape, spans: Sequence[Span]) -> dict[str, str]:
    """The kinds of sources that did not count a part of a window, each with the sentence that says so."""
    notes = [event for event in tape.of_kind("note") if is_of_a_stretch(event)]
    return {
        str(event.fields.get("work")): str(event.fields.get("text"))
        for event in notes
        if any(_overlap(span, event.t - float(event.fields["uncounted_s"]), event.t) for span in spans)
    }


def without_uncounted(work: Mapping[str, Counted], tape: Tape, spans: Sequence[Span]) -> dict[str, Counted]:
    """The work that ratios may be made of: energy of a stretch belongs to no count that leaves it out."""
    lacking = uncounted_in(tape, spans)
    return {
        name: replace(counted, count=None) if counted.source in lacking else counted
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
