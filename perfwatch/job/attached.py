"""One watched stretch of a job that somebody else started: readings, its end or ours, readings.

Nothing is sent to the job, and it does not notice whether it is watched. How it ended cannot be known: the
system tells that to its parent alone.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perfwatch.clock import NS
from perfwatch.job import auto
from perfwatch.job.answering import Answers
from perfwatch.job.evidence import Evidence
from perfwatch.job.foreign import ForeignProcess, Tree
from perfwatch.job.opening import Opening
from perfwatch.job.signals import ENDING, SignalQueue
from perfwatch.job.watch import END_READING_S, START_READING_S, Watch
from perfwatch.job.workers import Workers, servers_of
from perfwatch.sources.live import LiveSource

SILENCE_S = 10.0
"""A server that gave no answer for so long is gone, unless its process is seen to live and to listen."""
LOOK_TOLD_S = 1.0
"""How often we look where the end of every process is told at once."""
LOOK_S = 0.1
"""How often we look where it is not: without pidfds, and at a server whose process is not seen."""


@dataclass(frozen=True)
class Target:
    """What is watched.

    Args:
        what: as a sentence calls it: `process 4711 (python)`.
        command: the command line of its first process, or its address.
        environment: of its first process.
        processes: the roots of its tree; none where they cannot be seen.
        url: of a server, without secrets; None for a process.
        listens: whether somebody still listens on the server's port.
    """

    what: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: Sequence[ForeignProcess] = ()
    url: str | None = None
    listens: Callable[[], bool] = lambda: False

    def told_fields(self) -> dict[str, object]:
        """What the event of the begin says about it."""
        found: dict[str, object] = {"attached": True}
        if self.processes:
            found["pid"] = self.processes[0].pid
        return found if self.url is None else {**found, "url": self.url}


@dataclass(frozen=True)
class Outcome:
    """How the watching ended.

    Args:
        because: why, as the end of a sentence.
        goes_on: the job does, without us.
        given_up_for: the signal that ended the watching.
    """

    because: str
    goes_on: bool
    given_up_for: signal.Signals | None = None

    @property
    def status(self) -> int:
        """The exit status of `perfwatch attach`: 0, for ctrl-C as well, which is a normal end of it."""
        if self.given_up_for in (None, signal.SIGINT):
            return 0
        return 128 + int(self.given_up_for)


class AttachedRun:
    """Watches a target over a live source.

    Args:
        target: what to watch.
        live: this machine's collectors and hub, not started yet.
        evidence: gathers which devices the job uses.
        opening: looks before the begin whether what was asked for is there.
        signals: open already, so that no other thread takes one.
        duration_s: end the watching after so long.
        page: the collector that reads the server's page.
        servers: looks for the job's servers; None where that was not asked for.
    """

    def __init__(
        self, target: Target, live: LiveSource, evidence: Evidence, opening: Opening, signals: SignalQueue,
        *, duration_s: float | None = None, page: Any = None, servers: auto.ServersOfTheJob | None = None,
    ) -> None:  # fmt: skip
        self._target = target
        self._live = live
        self._evidence = evidence
        self._opening = opening
        self._signals = signals
        self._watch = Watch(live, signals)
        self._roots = [process.pid for process in target.processes]
        self._belongs = Tree(self._roots).holds
        self._duration_s = duration_s
        self._servers = servers
        self._answers = None if page is None else Answers(page, live.clock)
        self.began = False

    def run(self) -> Outcome:
        """Watch until the job is over or the watching is ended.

        Raises:
            ConfigError: a device or meter that was asked for is not there; nothing was watched.
        """
        # First: the devices' processes are told at their opening.
        roots = self._roots
        servers = [] if roots or self._target.url is None else servers_of([self._target.url])
        self._evidence.begin(Workers(roots, self._belongs, servers))
        self._live.start()
        try:
            if self._servers is not None:
                self._servers.look_before()
            late = self._watch.wait_open()
            if late is None:
                return Outcome("a signal came before it began", True, self._watch.told_by)
            self._begin(late)
            outcome, at_ns = self._wait_for_the_end()
            self._end(outcome, at_ns)
        finally:
            self._live.stop()
        return outcome

    def _begin(self, late: list[str]) -> None:
        self._watch.check(self._opening)
        self._live.catch_steps(2)
        instants = self._live.read_now(START_READING_S)
        for process in self._target.processes:
            process.when_over(_wake_the_waiting)
        self._live.hub.event("job", {"what": "begin", **self._target.told_fields()}, instants.last_ns)
        if self._servers is not None:
            self._servers.begin(
                auto.Job(self._roots, self._belongs, self._evidence.serves, instants.last_ns, is_new=False)
            )
        self.began = True
        self._watch.tell_late({*late, *instants.late})

    def _wait_for_the_end(self) -> tuple[Outcome, int | None]:
        """How it ended and, where that was before now, when."""
        end_ns = None if self._duration_s is None else self._watch.now_ns() + round(self._duration_s * NS)
        while True:
            over = self._over()
            if over is not None:
                return over
            now_ns = self._watch.now_ns()
            if end_ns is not None and now_ns >= end_ns:
                return Outcome(f"the time limit of {self._duration_s:g} s", True), None
            look_s = self._look_s()
            arrival = self._signals.wait(look_s if end_ns is None else min(look_s, (end_ns - now_ns) / NS))
            if arrival is not None and arrival.number in ENDING:
                return Outcome(_word(arrival.number), True, arrival.number), None
            if arrival is not None and arrival.number is signal.SIGTSTP:
                self._watch.stop_ourselves()

    def _look_s(self) -> float:
        told = self._target.processes and all(process.wakes for process in self._target.processes)
        return LOOK_TOLD_S if told else LOOK_S

    def _over(self) -> tuple[Outcome, int | None] | None:
        """Whether the job is over, and since when."""
        processes = self._target.processes
        if processes and all(process.has_ended() for process in processes):
            return Outcome("its process ended" if self._target.url else "it ended", False), None
        since_ns = None if self._answers is None else self._answers.silent_since_ns
        if since_ns is None or self._watch.now_ns() - since_ns < SILENCE_S * NS:
            return None
        if processes and self._target.listens():
            return None  # it is busy, not gone
        return Outcome(f"it gave no answer for {SILENCE_S:g} s", False), since_ns

    def _end(self, outcome: Outcome, at_ns: int | None) -> None:
        began_ns = self._watch.now_ns()
        instants = self._live.read_now(END_READING_S)
        if self._servers is not None:
            self._servers.end()
        self._evidence.end()
        fields: dict[str, object] = {"what": "end", "exit_status": None, "signal": None, "attached": True}
        if outcome.goes_on:
            fields["goes_on"] = True
        self._live.hub.event(
            "job", {**fields, "because": outcome.because}, instants.first_ns if at_ns is None else at_ns
        )
        self._live.catch_steps(2)
        self._live.read_work(self._watch.rest_s(began_ns))
        conclusion = self._evidence.conclusion
        self._live.hub.event("devices", self._watch.answer(conclusion, otherwise=conclusion))


def _wake_the_waiting() -> None:
    """The thread that waits for signals waits for this one too."""
    os.kill(os.getpid(), signal.SIGCHLD)


def _word(number: signal.Signals) -> str:
    return "ctrl-C" if number is signal.SIGINT else number.name
