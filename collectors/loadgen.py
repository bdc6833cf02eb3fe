"""What do LoadGen's logs say of an MLPerf run: while it goes on its settings and samples, then its result?

While it runs, samples are counted by the trace, where that is on, and in a run for accuracy by the log of
answers; else they are known when the run ended. Then come the window in which power was to be measured
(`power_begin`, `power_end`, in UTC), the verdict and the metric. (Formats: perfwatch.workload.loadgen_result,
loadgen_trace.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from perfwatch.clock import NS, Clock, SystemClock, ahead_ns
from perfwatch.collector import Collector
from perfwatch.errors import ConfigError, TryAgain, Unavailable
from perfwatch.model import Appeared, Device, DeviceKind, Event, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.text import from_system
from perfwatch.workload import loadgen_result
from perfwatch.workload.cells import Arrival, Cells
from perfwatch.workload.followed import LOOK_S, SILENT_S, facts_of_place
from perfwatch.workload.loadgen_ends import Logs
from perfwatch.workload.loadgen_folder import LoadgenFolder
from perfwatch.workload.loadgen_result import ACCURACY_MODE, PERFORMANCE_MODE, Result
from perfwatch.workload.loadgen_trace import Done, LoadgenTrace
from perfwatch.workload.tail import Tail
from perfwatch.workload.tally import Tally, clean_text

LATE_S = 0.25
"""By so much the trace may tell a sample later than it was done."""
TOLERATED_S = 0.05
"""Logs tell milliseconds, and clocks are set a little."""
ROUNDED = 1e-5
"""LoadGen tells six digits of a rate: counts by it and by the trace may differ by such a share."""
OPEN_QUERIES = 100_000
"""So many queries are known that are not done; then the one that began first is forgotten."""
_OVERWRITTEN = (
    "The logs of a run of LoadGen were overwritten by the next before its end could be read: {} in no count; "
    "give each run a directory of its own."
)
_UNENDED = (
    "A run of LoadGen in {} has no result, and the next one began in another directory: was it killed? What "
    "no trace told of it is in no count."
)
_LAST_ALONE = (
    "LoadGen's logs of a {} tell the samples of the last of its {} runs alone: those of the others are not "
    "in the count of the whole job, which has no ratio by it therefore (a trace tells them: "
    "LogSettings.enable_trace)."
)
_ANSWER = b'"seq_id"'


@dataclass(frozen=True)
class LoadgenOptions:
    """`path`: LoadGen's output directory, which may be missing so far; `index`: the number among several."""

    path: str = ""
    index: int = 0

    @classmethod
    def of(cls, spec: str, index: int = 0) -> LoadgenOptions:
        """The options that `-w loadgen=DIR` means.

        Raises:
            ConfigError: a file is named.
        """
        if Path(spec).is_file():
            shown = clean_text(from_system(spec), 200)
            raise ConfigError(
                f"cannot follow {shown!r}: it is a file; name the directory that LoadGen writes to"
            )
        return cls(spec, index)


class _Span(NamedTuple):
    """A window, ns of CLOCK_MONOTONIC."""

    begin_ns: int
    end_ns: int


class _Offset(NamedTuple):
    """So much is added to the times of the logs, ns; it is known to so much."""

    shift_ns: int
    error_ns: int


class _Run:
    """One run of LoadGen as far as it is known. A job may start several, one after the other.

    `samples`, `queries`: counted so far. `windows`: how many were handed over. `is_told`:
    the session knows of it.
    """

    def __init__(self, result: Result, place: str, number: int, since_ns: int) -> None:
        self.result = result
        self.place = place
        """In which directory below the one that is followed."""
        self.number = number
        """It is the first, the second, ... of the job."""
        self.samples = self.queries = self.windows = 0
        self.is_told = self.is_over = self.has_trace = self.offset_told = False
        self.zero_ns: int | None = None
        """When the trace began, as far as its lines' arrivals tell: never too early."""
        self.since_ns = since_ns
        """It began after this."""
        self.offset: _Offset | None = None
        """Between its clock and ours, once it can be known."""
        self.open_queries: dict[int, tuple[int, float]] = {}
        """Of queries that are not done: how many samples are, and the longest latency of these."""


class LoadgenCollector(Collector):
    """Follows LoadGen's files in one directory; one device of kind workload."""

    name = "loadgen"
    about = "work, window and verdict of a run of MLPerf's LoadGen: -w loadgen=DIR"
    period_s = LOOK_S
    Options = LoadgenOptions

    def __init__(self, options: LoadgenOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._folder: LoadgenFolder | None = None
        self._run: _Run | None = None
        self._splits: list[int] = []
        self._left: set[tuple[str, str, float | None]] = set()
        """Runs that others followed: where its logs lie, when it started, and began to measure where its end
        was seen."""
        self._runs = 0
        """So many there were so far."""
        self._said: set[str] = set()
        self.on_mark: Callable[[], None] = lambda: None
        """Called when a run begins or ends: whoever sets it has energy read out of turn."""
        self.judge: Judge = NOBODY
        """Says which queries are good ones; set before `open`."""

    def open(self) -> Sequence[Device]:
        path, index = self.options.path, self.options.index
        if not path:
            raise Unavailable("no directory is named", "perfwatch run -w loadgen=DIR -- CMD")
        self.close()
        self._folder, self._run = LoadgenFolder(path, self._clock), None
        self._opened_ns = self._looked_ns = self._clock.monotonic_ns()
        name = clean_text(from_system(path), 200)
        device = Device(
            id=f"loadgen-{index}" if index else "loadgen",
            name=name,
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": "mlperf", **facts_of_place(path)},
        )
        self._tally, self._cells = Tally(device, self._opened_ns, self.judge), Cells(self._opened_ns)
        self._trace, self._answer_begun = LoadgenTrace(), b""
        open_logs = self._folder.going_on()
        goes_on = None if open_logs is None else loadgen_result.result(open_logs.detail, [])
        if open_logs is not None and goes_on is not None and not goes_on.is_over and not goes_on.windows:
            self._run = self._new_run(goes_on, open_logs.place, 0)
        return [device]

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        self._splits.append(at_ns)

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        folder = self._folder
        if folder is None:
            raise TryAgain("LoadGen's directory is not open")
        is_new = False
        for logs in folder.look():  # before the trace: then all of this belongs to what the logs tell
            is_new = True
            yield from self._take_logs(logs, folder)
        if not is_new:
            yield from self._take_logs(None, folder)

    def _take_logs(self, logs: Logs | None, folder: LoadgenFolder) -> Iterator[Reading]:
        """Take in the logs as they are now; None: nothing was written to them, but maybe to those beside."""
        for ended in folder.overwritten():  # after the look: then all that was overwritten before it is here
            yield from self._overwritten(ended, folder)
        result = None if logs is None else loadgen_result.result(logs.detail, logs.summary)
        yield from self._turn_to(self._run_of(result, "" if logs is None else logs.place), folder)
        self._looked_ns = self._clock.monotonic_ns()
        run = self._run
        if run is None:
            yield from self._silence(folder)
            return
        if not run.is_told:
            yield from self._begin(run)
        yield from self._count(run, folder)
        if logs is not None and result is not None:
            yield from self._end(run, logs.at_ns)

    def close(self) -> None:
        if self._folder is not None:
            self._folder.close()

    # -- a run begins ------------------------------------------------------------------------------

    def _new_run(self, result: Result, place: str, since_ns: int) -> _Run:
        self._runs += 1
        return _Run(result, place, self._runs, since_ns)

    def _turn_to(self, run: _Run | None, folder: LoadgenFolder) -> Iterator[Reading]:
        if run is not self._run:
            yield from self._leave(self._run, folder)
            self._run = run

    def _run_of(self, result: Result | None, place: str) -> _Run | None:
        """The run that the logs tell of: the known one, or the next."""
        known = self._run
        if result is None:
            return known
        if (
            known is None
            or known.place != place
            or known.result.started != result.started
            or len(result.windows) < len(known.result.windows)
        ):
            # The result of a run whose settings nobody saw says nothing of when these were written.
            return self._new_run(result, place, 0 if result.windows else self._looked_ns)
        known.result = result
        return known

    def _overwritten(self, logs: Logs, folder: LoadgenFolder) -> Iterator[Reading]:
        """A run ended, and another one has its files by now: of its trace there is what was read already."""
        result = loadgen_result.result(logs.detail, logs.summary)
        if result is None:
            return
        started = logs.place, result.started
        if {(*started, result.begin_s), (*started, None)} & self._left:
            return  # it is counted, or was said to be lost
        run = self._run_of(result, logs.place)
        assert run is not None
        yield from self._turn_to(run, folder)
        if not run.is_told:
            yield from self._begin(run)
        yield from self._end(run, logs.at_ns)

    def _leave(self, run: _Run | None, folder: LoadgenFolder) -> Iterator[Reading]:
        """Another run is there: the files are its own now."""
        if run is None:
            return
        self._left.add((run.place, run.result.started, run.result.begin_s if run.is_over else None))
        self._trace.end()
        folder.begin_anew()
        if run.is_told and not run.is_over:
            is_overwritten = folder.place == run.place
            text = _OVERWRITTEN.format(self._lacking(run)) if is_overwritten else _UNENDED.format(run.place)
            yield from self._say(text, code="lost-counts")

    def _lacking(self, run: _Run) -> str:
        """What no trace told of a run whose end nobody saw: at its pace, since the last sample."""
        if not run.samples or run.zero_ns is None or self._tally.last_ns <= run.zero_ns:
            return "what it did is"
        pace = run.samples / (self._tally.last_ns - run.zero_ns)
        missing = math.ceil(pace * (self._clock.monotonic_ns() - self._tally.last_ns))
        return f"up to about {missing} samples of it are"

    def _begin(self, run: _Run) -> Iterator[Reading]:
        """The settings are there."""
        run.is_told = True
        self.on_mark()
        result, now_ns = run.result, self._clock.monotonic_ns()
        name = clean_text(f"LoadGen {result.scenario} {self._tally.device.facts['reads']}", 200)
        self._tally.device = replace(self._tally.device, name=name)
        yield Appeared(self._tally.device)
        yield self._official(run)
        tags = {"scenario": result.scenario, **result.settings}
        told = {key: clean_text(value, 200) for key, value in tags.items()}
        yield Event("conditions", {"tags": told}, now_ns)

    # -- it goes on --------------------------------------------------------------------------------

    def _count(self, run: _Run, folder: LoadgenFolder) -> Iterator[Reading]:
        arrivals = [Arrival(done_ns, one) for done_ns, one in self._traced(run, folder.trace)]
        arrivals += self._answered(run, folder.answers)
        arrivals += [Arrival(at_ns, None, is_mark=True) for at_ns in self._splits]
        self._splits = []
        for cell in self._cells.join(arrivals):
            for one in () if cell.is_mark else cell.said:
                self._take(run, one)
            self._aim(run, cell.at_ns)
            yield from self._tally.sample(cell.at_ns)

    def _aim(self, run: _Run, at_ns: int) -> None:
        """How far the run will go, for whoever watches it. Of its begin only a trace tells."""
        began_ns = run.since_ns if run.zero_ns is None else run.zero_ns
        goal = run.result.aim.in_all(run.samples, (at_ns - began_ns) / NS)
        if goal and run.samples:
            self._tally.gauge("samples_goal", goal)

    def _traced(self, run: _Run, trace: Tail | None) -> Iterator[tuple[int, Done]]:
        for piece in trace.read() if trace is not None else ():
            if piece.ends:
                self._trace.end()
                run.zero_ns = None
            found = list(self._trace.feed(piece.data))
            if not found:
                continue
            run.has_trace = True
            zero_ns = piece.at_ns - max(one.done_ns for one in found)
            run.zero_ns = zero_ns if run.zero_ns is None else min(zero_ns, run.zero_ns)
            for one in found:
                yield run.zero_ns + one.done_ns, one

    def _answered(self, run: _Run, answers: Tail | None) -> list[Arrival]:
        """The samples of a run for accuracy. In others the log holds a part of them, or none."""
        counted: list[Arrival] = []
        if run.result.mode != ACCURACY_MODE or answers is None:
            return counted
        for piece in answers.read():
            text = self._answer_begun + piece.data
            counted += [Arrival(piece.at_ns, None)] * text.count(_ANSWER)
            self._answer_begun = text[1 - len(_ANSWER) :]
        return [] if run.has_trace else counted

    def _take(self, run: _Run, one: Done | None) -> None:
        run.samples += 1
        self._tally.count("samples", 1)
        per_query = run.result.samples_per_query
        if one is None or per_query is None or run.result.scenario == "Offline":
            return  # Offline is one query: the latencies of its samples are times since the start
        done, longest_s = run.open_queries.pop(one.query, (0, 0.0))
        done, longest_s = done + 1, max(longest_s, one.latency_s)
        if done < per_query:
            run.open_queries[one.query] = (done, longest_s)
            if len(run.open_queries) > OPEN_QUERIES:
                del run.open_queries[next(iter(run.open_queries))]
            return
        run.queries += 1
        self._tally.count("queries", 1)
        self._tally.timing("latency", longest_s)

    # -- it ends -----------------------------------------------------------------------------------

    def _end(self, run: _Run, at_ns: int) -> Iterator[Reading]:
        """Take in what the logs, written at a time, tell after the run, and again what they add to it."""
        result = run.result
        spans = self._spans(run, at_ns)
        if result.mode == ACCURACY_MODE:
            for span in spans[run.windows :]:
                yield from self._mark(run, span)
            run.is_over = bool(spans)
        elif result.is_over and not run.is_over:
            run.is_over = True
            if spans:
                yield from self._settle(run, spans[-1])
                if len(spans) > 1 and not run.has_trace:
                    yield self._last_alone(result, spans)
                yield from self._mark(run, spans[-1])
        run.windows = len(spans)
        if run.offset is not None and run.offset.error_ns and not run.offset_told:
            run.offset_told = True
            fields = {
                "source": self.name,
                "seconds": run.offset.shift_ns / NS,
                "error_s": run.offset.error_ns / NS,
            }
            yield Event("clock_offset", fields, self._clock.monotonic_ns())
        if run.is_over:
            yield self._official(run)

    def _last_alone(self, result: Result, spans: Sequence[_Span]) -> Event:
        """Nothing tells the work of the runs before the last: a ratio over these would be of other energy."""
        text = _LAST_ALONE.format(result.mode, len(spans))
        uncounted_s = (spans[-1].begin_ns - spans[0].begin_ns) / NS
        stretch = {"work": self._tally.device.facts["work"], "uncounted_s": uncounted_s}
        fields = {"source": self.name, "text": text, "code": "lost-counts", **stretch}
        return Event("note", fields, spans[-1].begin_ns)

    def _official(self, run: _Run) -> Event:
        """What LoadGen itself says of a run, and which run of the job it is."""
        which = {"source": self._tally.device.id, "run": run.number, "place": run.place}
        fields = {**run.result.official(), **which}
        return Event("mlperf", fields, self._clock.monotonic_ns())

    def _settle(self, run: _Run, span: _Span) -> Iterator[Reading]:
        """Bring the counts to what the result tells: without a trace all of it, at the window's end."""
        if span.begin_ns < self._opened_ns - LOOK_S * NS:
            if not run.has_trace:
                yield from self._say("LoadGen ran already when perfwatch came, and keeps no trace: no counts")
            return
        result = run.result
        queries = None if result.scenario == "Offline" else result.queries
        told = (("samples", result.samples, run.samples), ("queries", queries, run.queries))
        for name, total, counted in told:
            if total is None or abs(total - counted) <= ROUNDED * total:
                continue
            if counted < total:
                self._tally.count(name, total - counted)
            elif result.mode in ("", PERFORMANCE_MODE):  # in others the trace holds more than the result
                yield from self._say(f"LoadGen's result tells {total:.0f} {name}, its trace {counted}")
        if result.tokens is not None:
            self._tally.count("generated_tokens", result.tokens)
        yield from self._tally.sample(max(span.end_ns, self._tally.last_ns))

    def _mark(self, run: _Run, span: _Span) -> Iterator[Reading]:
        """The window; what the trace told a moment late is in it."""
        late_ns = self._tally.last_ns - span.end_ns
        end_ns = self._tally.last_ns if 0 < late_ns <= LATE_S * NS else span.end_ns
        for edge, at_ns in (("begin", max(span.begin_ns, self._opened_ns)), ("end", end_ns)):
            yield Event("mark", {"name": "measure", "edge": edge, "origin": "loadgen"}, at_ns)
        self.on_mark()

    def _spans(self, run: _Run, written_ns: int) -> list[_Span]:
        """The windows on our clock; where the logs have another one, set right as far as can be seen."""
        added_ns = ahead_ns(self._clock)
        told = [_Span(*(round(at_s * NS) + added_ns for at_s in window)) for window in run.result.windows]
        if told and run.offset is None:
            run.offset = self._offset(run, told[-1], written_ns)
        shift_ns = run.offset.shift_ns if run.offset is not None else 0
        return [_Span(begin_ns + shift_ns, end_ns + shift_ns) for begin_ns, end_ns in told]

    def _offset(self, run: _Run, told: _Span, written_ns: int) -> _Offset:
        """How far the clock of the logs is off ours.

        A run begins after its settings and ends before its result. Where it does not, the last sample of a
        whole trace, else the result is taken to have come at its end.
        """
        least_ns, most_ns = run.since_ns - told.begin_ns, written_ns - told.end_ns
        if run.has_trace and run.samples >= (run.result.samples or 0.0) * (1.0 - ROUNDED):
            shift_ns, error_ns = self._tally.last_ns - told.end_ns, round(LATE_S * NS)
            fits = abs(shift_ns) <= error_ns + TOLERATED_S * NS
        else:
            shift_ns, error_ns = most_ns, round(LOOK_S * NS)
            fits = least_ns <= TOLERATED_S * NS and most_ns >= -TOLERATED_S * NS
        return _Offset(min(most_ns, 0), 0) if fits else _Offset(shift_ns, error_ns)

    # -- what is worth saying ----------------------------------------------------------------------

    def _silence(self, folder: LoadgenFolder) -> Iterator[Reading]:
        if self._clock.monotonic_ns() < self._opened_ns + SILENT_S * NS:
            return
        if folder.is_missing:
            text = f"{folder.shown} is not there after {SILENT_S:.0f} s; it is waited for: is the path right?"
        else:
            text = f"LoadGen wrote no logs to {folder.shown} in {SILENT_S:.0f} s; is it the right directory?"
        yield from self._say(text)

    def _say(self, text: str, **code: str) -> Iterator[Event]:
        if text not in self._said:
            self._said.add(text)
            fields = {"source": "loadgen", "text": text, **code}
            yield Event("note", fields, self._clock.monotonic_ns())
