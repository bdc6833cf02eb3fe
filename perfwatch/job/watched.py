"""One watched run from beginning to end: readings, child, signals, readings, what it left behind.

The order is the promise of docs/numbers.md ("Energy is read at the ends"): collectors open, sources are
read, the child starts; its exit is seen, sources are read, pipes and sockets are drained.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from perfwatch.clock import NS
from perfwatch.job import auto, process
from perfwatch.job.evidence import Evidence
from perfwatch.job.ferry import Feed, Ferry, Miss
from perfwatch.job.opening import Opening
from perfwatch.job.process import Ending, Job
from perfwatch.job.signals import Arrival, SignalQueue
from perfwatch.job.watch import END_READING_S, START_READING_S, Watch
from perfwatch.job.workers import Server, Workers
from perfwatch.sources.live import LiveSource

DRAIN_S = 2.0
"""What a job wrote before its exit is on its way already; it takes long only where our reader is slow."""
FAREWELL_S = 3.0
"""How long a job may take to end after SIGTERM or SIGHUP before the summary is written without it."""
LOOK_AGAIN_S = 1.0
"""The job's end comes as a signal; a foreign library's thread may take that one away from us."""
STDERR_FD = 2


@dataclass(frozen=True)
class Plan:
    """What to run and how.

    Args:
        command: program and arguments.
        environment: additions to the child's environment.
        ferry: passes on the streams that are read along; None where all are inherited.
        feed: who reads along; `miss` is told how many pieces it did not get.
        to_stderr: the job's standard output goes to our standard error (`run --json`).
        idle_baseline_s: measure idle power so long first.
        duration_s: end the job with SIGTERM after so long.
        servers: those on this machine that count its work.
        user: run the job as this user.
        apart: in a group of its own and without input, because a dashboard has the terminal.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ferry: Ferry | None = None
    feed: Feed | None = None
    miss: Miss | None = None
    to_stderr: bool = False
    idle_baseline_s: float = 0.0
    duration_s: float | None = None
    servers: Sequence[Server] = ()
    user: str | None = None
    apart: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `ending` is None if the job goes on without us."""

    ending: Ending | None
    given_up_for: signal.Signals | None
    left_behind: tuple[tuple[int, str], ...]

    @property
    def status(self) -> int:
        """The exit status of `perfwatch run`: the job's, else 128 plus the signal we gave up for."""
        if self.ending is not None:
            return self.ending.status
        return 128 + (self.given_up_for or signal.SIGTERM)


class WatchedRun:
    """Runs a plan over a live source.

    Args:
        plan: what to run.
        live: this machine's collectors and hub, not started yet.
        evidence: gathers which devices the job uses.
        opening: looks before the start whether what was asked for is there.
        signals: open already, so that no other thread takes one.
        servers: looks for the job's servers; None where that was not asked for.
    """

    def __init__(
        self, plan: Plan, live: LiveSource, evidence: Evidence, opening: Opening, signals: SignalQueue,
        *, servers: auto.ServersOfTheJob | None = None,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._live = live
        self._evidence = evidence
        self._opening = opening
        self._signals = signals
        self._servers = servers
        self._watch = Watch(live, signals)
        self._passages = plan.ferry.passages if plan.ferry is not None else []
        self._interrupts = 0
        self._give_up_ns: int | None = None
        self._given_up_for: signal.Signals | None = None
        self._limit_reached = False
        self.job: Job | None = None

    def run(self) -> Outcome:
        """Watch the job from before its start until it is over (or we are told to end).

        Raises:
            CannotStart: the command cannot be started; nothing was run.
            ConfigError: a device or meter that was asked for is not there; nothing was run.
        """
        self._live.start()
        try:
            if self._servers is not None:
                self._servers.look_before()
            late = self._watch.wait_open()
            if late is None or not self._measure_idle() or not self._catch_steps():
                return Outcome(None, self._watch.told_by, ())
            self._begin(late)
            self._wait_for_exit()
            return self._end()
        finally:
            self._live.stop()

    # -- before ------------------------------------------------------------------------------------

    def _measure_idle(self) -> bool:
        """Measure idle power for as long as was asked; False if we are told to end meanwhile."""
        if not self._plan.idle_baseline_s:
            return True
        self._live.read_now(START_READING_S)
        self._mark_idle("begin")
        until_ns = self._watch.now_ns() + round(self._plan.idle_baseline_s * NS)
        while (remaining_ns := until_ns - self._watch.now_ns()) > 0:
            if self._watch.told_to_end(remaining_ns / NS):
                return False
        self._live.read_now(START_READING_S)
        self._mark_idle("end")
        return not self._watch.told_to_end(0.0)

    def _mark_idle(self, edge: str) -> None:
        self._live.hub.event("mark", {"name": "idle_baseline", "edge": edge, "origin": "perfwatch"})

    def _catch_steps(self) -> bool:
        """See the boards' counters step, as the last thing before the start; False if we are told to end."""
        self._watch.check(self._opening)
        self._live.catch_steps(2)
        return not self._watch.told_to_end(0.0)

    def _begin(self, late: list[str]) -> None:
        instants = self._live.read_now(START_READING_S)
        job = self._start_child()
        self.job = job
        belongs = self._belongs_to(job)
        self._evidence.begin(Workers([job.pid], belongs, self._plan.servers))
        if self._servers is not None:
            self._servers.begin(
                auto.Job([job.pid], belongs, self._evidence.serves, instants.last_ns, is_new=True)
            )
        self._live.hurry()
        self._live.hub.event("job", self._begin_fields(job), instants.last_ns)
        self._watch.tell_late({*late, *instants.late})

    def _belongs_to(self, job: Job) -> Callable[[int], bool]:
        return lambda pid: process.belongs_to(pid, job.pid, self._live.session_id)

    def _start_child(self) -> Job:
        plan = self._plan
        ends: dict[str, int | None] = {one.name: one.child_fd for one in self._passages}
        if plan.to_stderr:
            ends.setdefault("stdout", STDERR_FD)
        environment = {**os.environ, **plan.environment}
        if any(not one.is_terminal for one in self._passages):
            environment.setdefault("PYTHONUNBUFFERED", "1")
        try:
            job = Job.start(
                plan.command,
                environment=environment,
                stdout=ends.get("stdout"),
                stderr=ends.get("stderr"),
                user=plan.user,
                unblocked=self._signals.let_through(),
                apart=plan.apart,
            )
        finally:
            if plan.ferry is not None and plan.feed is not None and plan.miss is not None:
                plan.ferry.start(plan.feed, plan.miss)
        return job

    def _begin_fields(self, job: Job) -> dict[str, object]:
        streams = {one.name: "terminal" if one.is_terminal else "pipe" for one in self._passages}
        fields: dict[str, object] = {"what": "begin", "pid": job.pid}
        if streams:
            fields["streams"] = streams
        return fields

    # -- while it runs -----------------------------------------------------------------------------

    def _wait_for_exit(self) -> None:
        assert self.job is not None
        started_ns = self._watch.now_ns()
        end_ns = None if self._plan.duration_s is None else started_ns + round(self._plan.duration_s * NS)
        while self.job.poll() is None:
            now_ns = self._watch.now_ns()
            if end_ns is not None and now_ns >= end_ns:
                self.job.send(signal.SIGTERM)
                self._limit_reached = True
                end_ns = None
            if self._give_up_ns is not None and now_ns >= self._give_up_ns:
                return
            arrival = self._signals.wait(self._patience_s(now_ns, end_ns))
            if arrival is not None:
                self._take_signal(arrival)

    def _patience_s(self, now_ns: int, end_ns: int | None) -> float:
        limits = [(limit - now_ns) / NS for limit in (end_ns, self._give_up_ns) if limit is not None]
        return max(0.0, min([LOOK_AGAIN_S, *limits]))

    def _take_signal(self, arrival: Arrival) -> None:
        assert self.job is not None
        number = arrival.number
        if number is signal.SIGINT:
            self._interrupt(arrival)
        elif number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            self._pass_on(arrival)
            if number is not signal.SIGQUIT and self._give_up_ns is None:
                self._given_up_for = number
                self._give_up_ns = self._watch.now_ns() + round(FAREWELL_S * NS)
        elif number is signal.SIGTSTP:
            self._stop_with_the_job(arrival)

    def _interrupt(self, arrival: Arrival) -> None:
        """ctrl-C ends the job with SIGINT; a second one kills it at once."""
        assert self.job is not None
        self._interrupts += 1
        if self._interrupts > 1:
            self.job.send(signal.SIGKILL)
        else:
            self._pass_on(arrival)

    def _pass_on(self, arrival: Arrival) -> None:
        assert self.job is not None
        if not (arrival.from_terminal and self.job.hears_our_terminal()):
            self.job.send(arrival.number)

    def _stop_with_the_job(self, arrival: Arrival) -> None:
        """ctrl-Z: the job stops, and so do we; whoever continues us continues the job."""
        assert self.job is not None
        if self._plan.apart:  # alone in its session: the kernel stops it with SIGTSTP for nobody
            self.job.send(signal.SIGSTOP)
        else:
            self._pass_on(arrival)
        self._watch.stop_ourselves()
        if not (arrival.from_terminal and self.job.hears_our_terminal()):
            self.job.send(signal.SIGCONT)

    # -- after -------------------------------------------------------------------------------------

    def _end(self) -> Outcome:
        assert self.job is not None
        ending = self.job.ending
        began_ns = self._watch.now_ns()
        instants = self._live.read_now(END_READING_S)
        if self._servers is not None:
            self._servers.end()
        self._evidence.end()
        self._live.hub.event("job", self._end_fields(ending), instants.first_ns)
        self._live.catch_steps(2)
        if self._plan.ferry is not None:
            self._plan.ferry.drain(DRAIN_S)
        self._live.read_work(self._watch.rest_s(began_ns))
        left = tuple(process.left_behind(self._live.session_id)) if ending is not None else ()
        if left:
            self._live.hub.event("left_behind", {"processes": [list(one) for one in left]})
        conclusion = self._evidence.conclusion
        self._live.hub.event("devices", self._watch.answer(conclusion, otherwise=conclusion))
        return Outcome(ending, self._given_up_for, left)

    def _end_fields(self, ending: Ending | None) -> dict[str, object]:
        fields = _end_fields(ending, self._given_up_for)
        return {**fields, "time_limit_s": self._plan.duration_s} if self._limit_reached else fields


def _end_fields(ending: Ending | None, given_up_for: signal.Signals | None) -> dict[str, object]:
    if ending is None:
        return {
            "what": "end",
            "exit_status": None,
            "signal": None,
            "goes_on": True,
            "because": str(given_up_for),
        }
    return {
        "what": "end",
        "exit_status": ending.status,
        "signal": ending.signal,
        "cpu_s": ending.cpu_s,
    }
