"""Over which spans of time the totals and ratios of a run are taken, and why those.

Three kinds: `job` (from the child's start to its exit), `marks` (what the job, its logs or a person marked
with `measure`) and `work` (from the first change of the work to the last). The default is `marks` where
the job or its logs put them, else `work` where a counter moved at least ten times, else `job`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from perfwatch.derive.job import Job, job_of
from perfwatch.derive.settings import Settings
from perfwatch.derive.spans import Span, total
from perfwatch.derive.tape import Event, Tape
from perfwatch.derive.work import ERRORS, Courses, changes_of, chosen_courses, split_unit
from perfwatch.errors import ConfigError
from perfwatch.text import clean
from perfwatch.units import parse_duration

MEASURE = "measure"
"""The name of the mark that is the measured window; every other name is a phase."""
IDLE_BASELINE = "idle_baseline"
PERSON = "person"
UNDO = "undo"
"""The edge of a mark that takes the last begin or end of its name and origin back."""
_WHOLE = "from the job's start to its exit"
MOVES_OF_A_WINDOW = 10
"""How often a counter must have moved for the default window to be `work`."""
MOVES_THAT_TELL = 2
"""How often it must have moved to tell when the job worked at all."""
AT_ONCE = 0.9
"""Changes within such a part of their mean distance are those of several processes at the same step."""

_ORIGINS = ("job", "loadgen", "mllog")
"""Whose `measure` marks are believed first; other origins come after these, a person last."""
_SAID_BY = {
    "job": "the job marked it with `measure`",
    "loadgen": "LoadGen's log says when its power measurement began and ended",
    "mllog": "the training log says when the run started and stopped",
    "result": "the result's logs say how long it took",
    PERSON: "a person marked it",
}


@dataclass(frozen=True)
class Window:
    """Spans in order, and why they were chosen.

    Args:
        kind: `job`, `marks`, `work`, or `span` for one that was told by its ends.
        because: the reason in words.
        phase: the name of the phase, where one was asked for.
        left_open: a mark began and never ended; the job's end took its place.
        warmup_s: so much of its front is left out.
        cuts: ends that a person told by a time, wherever the work stood then.
    """

    kind: str
    spans: tuple[Span, ...]
    because: str
    phase: str | None = None
    left_open: bool = False
    warmup_s: float = 0.0
    cuts: tuple[float, ...] = ()

    @property
    def start_s(self) -> float:
        return self.spans[0].start

    @property
    def end_s(self) -> float:
        return self.spans[-1].end

    @property
    def duration_s(self) -> float:
        return total(self.spans)


class Windows(NamedTuple):
    """The windows of a summary. `other` stands beside the headline, `working` tells when the job worked.

    `worked_s` is how long that was, the warm-up included; None where too few moves of a counter tell it: the
    first and the last of them are then rather those of the reading than of the work.
    """

    headline: Window
    other: Window | None
    working: Window | None
    job: Window
    worked_s: float | None


def choose_windows(tape: Tape, settings: Settings, courses: Courses, unit: str | None) -> Windows:
    """The headline window and the one beside it.

    Args:
        unit: the unit of work whose counter makes the `work` window; a counter that moved ten times takes
            its place where it did not.

    Raises:
        ConfigError: the settings name a phase that is not there.
    """
    job = job_of(tape)
    whole = Window("job", (job.span,), _WHOLE if job.found else job.missing)
    marked = _marked(tape, job.span, persons=False)
    often = _work_window(courses, job.span, settings, unit, MOVES_OF_A_WINDOW)
    working = marked or often or _work_window(courses, job.span, settings, unit, MOVES_THAT_TELL)
    if settings.since is not None or settings.until is not None:
        headline = _between(tape, settings, job.span)
    elif settings.phase is not None:
        headline = _phase(tape, settings.phase, job.span)
    elif settings.window is None:
        headline = marked or often or replace(whole, because=_why_job(tape, job, courses))
    else:
        headline = _asked(tape, settings, courses, unit, whole)
    if headline.kind in ("marks", "work") and headline.phase is None and settings.window is not None:
        working = headline
    is_told = working is not None and (working is headline or bool(marked or often))
    worked_s = working.duration_s if working is not None and is_told else None
    cut = _cut_front(headline, settings.warmup_s)
    working = cut if working is headline else working and _cut_front(working, settings.warmup_s)
    other = working if headline.kind == "job" else whole
    return Windows(cut, other, working, whole, worked_s)


def _why_job(tape: Tape, job: Job, courses: Courses) -> str:
    if not job.found:
        return job.missing
    told = any(_origin(mark) != PERSON for mark in _marks(tape, MEASURE))
    marked = "what was marked encloses no time of the job" if told else "nothing was marked"
    if any(name != ERRORS for name in courses):
        return f"{marked} and no work counter moved {MOVES_OF_A_WINDOW} times"
    return f"{marked} and nothing counted work"


def _asked(tape: Tape, settings: Settings, courses: Courses, unit: str | None, whole: Window) -> Window:
    """The window of `--window`; the whole job where there is none of that kind."""
    job = whole.spans[0]
    asked = f"--window {settings.window} was given"
    if settings.window == "job":
        return replace(whole, because=asked)
    if settings.window == "marks":
        found = _marked(tape, job, persons=True)
        missing = "there is no `measure` mark"
    else:
        found = _work_window(courses, job, settings, unit, MOVES_THAT_TELL)
        missing = "no work counter moved twice"
    if found is None:
        return replace(whole, because=f"{asked}, but {missing}")
    return replace(found, because=f"{asked}; {found.because}")


def _marked(tape: Tape, job: Span, *, persons: bool) -> Window | None:
    """The spans between `measure` marks of the first origin that put any, within the job."""
    marks = _marks(tape, MEASURE)
    for origin in _origins(marks, persons=persons):
        spans, left_open = _pairs((mark for mark in marks if _origin(mark) == origin), job.end)
        inside = _within(spans, job)
        if inside:
            because = _SAID_BY.get(origin, f"{origin} marked it with `measure`")
            if left_open and origin == "mllog":
                because = "the training log says when the run started, and never that it stopped"
            return Window("marks", inside, because, left_open=left_open)
    return None


def _phase(tape: Tape, name: str, job: Span) -> Window:
    spans, left_open = _pairs_of_one(_marks(tape, name), job.end)
    if not spans:
        raise ConfigError(
            f"cannot take phase {name!r} as the window: there is no such phase; {_phases_there_are(tape)}"
        )
    return Window("marks", spans, f"phase `{name}` was asked for", phase=name, left_open=left_open)


def _between(tape: Tape, settings: Settings, job: Span) -> Window:
    """From one moment to another; an end that is not told is that of the job."""
    begin = job.start if settings.since is None else _moment(tape, settings.since, "--from", "begin", job.end)
    end = job.end if settings.until is None else _moment(tape, settings.until, "--to", "end", job.end)
    span = Span(max(begin, 0.0), min(end, max(tape.last_t, job.end)))
    if span.end <= span.start:
        raise ConfigError(
            f"cannot take {begin:g} s to {end:g} s as the window: nothing lies between; the job lasts from "
            f"{job.start:.6g} s to {job.end:.6g} s of the session"
        )
    told = [f"--from {settings.since}"] if settings.since is not None else []
    told += [f"--to {settings.until}"] if settings.until is not None else []
    was = "was" if len(told) == 1 else "were"
    ends = ((settings.since, span.start), (settings.until, span.end))
    cuts = tuple(t for text, t in ends if text is not None and not _marks(tape, text))
    return Window("span", (span,), f"{' and '.join(told)} {was} given", cuts=cuts)


def _moment(tape: Tape, text: str, option: str, edge: str, job_end: float) -> float:
    """Seconds of the session: a time, or the moment of a mark (of a phase its begin, or its end)."""
    marks = _marks(tape, text)
    spans, _ = _pairs_of_one(marks, job_end)
    if spans:
        return spans[0].start if edge == "begin" else spans[-1].end
    if marks:
        return marks[0].t if edge == "begin" else marks[-1].t
    try:
        return parse_duration(text)
    except ConfigError:
        names = dict.fromkeys(str(event.fields.get("name")) for event in tape.of_kind("mark"))
        there = f"marks there are: {', '.join(names)}" if names else "nothing was marked"
        raise ConfigError(
            f"cannot use {option} {clean(text, 60)!r}: it takes seconds of the session, as in 12.5 or 2min, "
            f"or a mark's name; {there}"
        ) from None


def _phases_there_are(tape: Tape) -> str:
    names = dict.fromkeys(
        str(event.fields.get("name")) for event in tape.of_kind("mark") if event.fields.get("edge") == "begin"
    )
    return f"there is {', '.join(names)}" if names else "nothing was marked"


def phase_spans(tape: Tape, name: str, end: float) -> tuple[Span, ...]:
    """The spans of a phase, by whoever is believed first; one that was left open ends at `end`."""
    return _pairs_of_one(_marks(tape, name), end)[0]


def _marks(tape: Tape, name: str) -> list[Event]:
    """The marks of a name in the order of their times (a mark may be learnt after a later one)."""
    found = [event for event in tape.of_kind("mark") if event.fields.get("name") == name]
    return _not_undone(sorted(found, key=lambda event: event.t))


def _not_undone(marks: Iterable[Event]) -> list[Event]:
    """The marks that were not taken back. A recording only grows: an undo is a mark of its own."""
    kept: list[Event] = []
    for mark in marks:
        if mark.fields.get("edge") != UNDO:
            kept.append(mark)
            continue
        own = [at for at, one in enumerate(kept) if _origin(one) == _origin(mark) and _is_edge(one)]
        if own:
            del kept[own[-1]]
    return kept


def _is_edge(mark: Event) -> bool:
    return mark.fields.get("edge") in ("begin", "end")


def _origin(mark: Event) -> str:
    return str(mark.fields.get("origin", ""))


def _origins(marks: Sequence[Event], *, persons: bool) -> list[str]:
    present = list(dict.fromkeys(_origin(mark) for mark in marks))
    ranked = sorted(
        (origin for origin in present if origin != PERSON),
        key=lambda origin: _ORIGINS.index(origin) if origin in _ORIGINS else len(_ORIGINS),
    )
    return [*ranked, PERSON] if persons and PERSON in present else ranked


def _pairs_of_one(marks: Sequence[Event], open_end: float) -> tuple[tuple[Span, ...], bool]:
    """The spans of the first origin that put any: a job's and a person's do not make one together."""
    for origin in _origins(marks, persons=True):
        found = _pairs((mark for mark in marks if _origin(mark) == origin), open_end)
        if found[0]:
            return found
    return (), False


def _pairs(marks: Iterable[Event], open_end: float) -> tuple[tuple[Span, ...], bool]:
    """Spans between begin and end, and whether one was left open.

    Several processes may mark the same name (each rank of a job does): the span lasts from the first
    begin until every begin has its end. An end without a begin says nothing.
    """
    spans: list[Span] = []
    depth, began = 0, 0.0
    for mark in marks:
        edge = mark.fields.get("edge")
        if edge == "begin":
            began = mark.t if depth == 0 else began
            depth += 1
        elif edge == "end" and depth:
            depth -= 1
            if depth == 0:
                spans.append(Span(began, mark.t))
    if depth and open_end > began:
        spans.append(Span(began, open_end))
    return tuple(spans), depth > 0


def _within(spans: Iterable[Span], outer: Span) -> tuple[Span, ...]:
    """What of the spans lies within another; nothing of a span that has no length there."""
    cut = (Span(max(span.start, outer.start), min(span.end, outer.end)) for span in spans)
    return tuple(span for span in cut if span.end > span.start)


def _work_window(
    courses: Courses, job: Span, settings: Settings, unit: str | None, least_moves: int
) -> Window | None:
    """From the instant at which the first change of the work was seen to that of the last."""
    wanted, kind = split_unit(settings.unit)
    wanted = wanted or unit
    parts = list(settings.units.get(wanted or "", {})) if wanted not in courses else [wanted]
    candidates = [*parts, unit, *(name for name in courses if name != ERRORS)]
    for name in dict.fromkeys(candidate for candidate in candidates if candidate in courses):
        used = chosen_courses(courses, name, kind if name in parts else None)
        changes = changes_of(used, Span(job.start, float("inf")))
        if len(changes) < least_moves:
            continue
        begin = _behind_the_first(changes) if all(course.held for course in used) else changes[0]
        span = Span(begin, min(changes[-1], job.end))
        if span.end > span.start:
            return Window("work", (span,), f"from the first to the last change of `{name}`")
    return None


def _behind_the_first(changes: Sequence[float]) -> float:
    """Where the first change is over: processes that work in step tell theirs one just after the other, and
    what all of them tell first was done before.
    """
    mean_s = (changes[-1] - changes[0]) / max(len(changes) - 1, 1)
    return changes[bisect_right(changes, changes[0] + AT_ONCE * mean_s) - 1]


def _cut_front(window: Window, warmup_s: float) -> Window:
    """The window without the first seconds of its first span."""
    if warmup_s <= 0:
        return window
    first, *rest = window.spans
    kept = Span(min(first.start + warmup_s, first.end), first.end)
    cut_s = min(warmup_s, first.duration_s)
    spans = (kept, *rest) if kept.end > kept.start or not rest else tuple(rest)
    cuts = tuple(t for t in window.cuts if t > first.start)
    if kept.end > kept.start:
        cuts = (kept.start, *cuts)
    cut = replace(window, spans=spans, warmup_s=cut_s, cuts=cuts)
    left_out = emptiness(cut) or f"the first {cut_s:.6g} s are left out"
    return replace(cut, because=f"{window.because}; {left_out}")


def emptiness(window: Window) -> str | None:
    """Why nothing is left of a window; None where something is."""
    if window.duration_s > 0.0 or window.warmup_s <= 0.0:
        return None
    return f"all of its {window.warmup_s:.6g} s are warm-up, cut less with --warmup"
