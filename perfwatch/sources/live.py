"""This machine, live: collectors at work, the hub between them, the session that is being written."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perfwatch import __version__
from perfwatch.clock import NS, Clock, SystemClock, ahead_ns
from perfwatch.collector import Collector
from perfwatch.hub import TURN_S, Hub, Sink
from perfwatch.model import State
from perfwatch.runner import Runner
from perfwatch.session import format as fmt
from perfwatch.worker import Ticket

DENSE_S = 0.004
"""So far apart are readings that are to catch a counter's step."""
OPEN_WAIT_S = 3.0
"""A run's start waits for the collectors' `open()` at most this long."""

LATER_S = 0.5
"""So long, at most, do collectors wait that may begin later."""

LOOK_S = 0.1
"""How often somebody who waits for a reading looks whether the call hangs."""


@dataclass(frozen=True)
class Chosen:
    """A collector to run, the period wished for, and whether somebody named it (`-c`, `--only`)."""

    collector: Collector
    period_s: float
    asked: bool = False


QUICKEST_LOOK_S, LOOK_PERIODS = 0.25, 0.25
"""The hub looks for calls that are out four times a period, but no more often than this."""


class LiveSource:
    """Runs the chosen collectors and feeds their batches into the sinks.

    Args:
        chosen: what to run.
        sinks: where the records go.
        interval_s: the sampling period that was asked for, for the header.
        clock: time.
        header: further keys of the header (`command`, `name`, `tags`, `settings`, `conditions`).
        session_id: of the header; a new one by default.
        turn_s: how soon a reading reaches the sinks, at the latest.
        at_once: read as soon as devices are known: somebody looks at a screen.
    """

    def __init__(
        self,
        chosen: Sequence[Chosen],
        sinks: Sequence[Sink],
        *,
        interval_s: float,
        clock: Clock | None = None,
        session_id: str | None = None,
        header: dict[str, Any] | None = None,
        turn_s: float = TURN_S,
        at_once: bool = False,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.session_id = session_id or new_session_id()
        origin_ns = self.clock.monotonic_ns()
        self.hub = Hub(
            fmt.header(
                session_id=self.session_id,
                monotonic_ns=origin_ns,
                time_ns=origin_ns - ahead_ns(self.clock),
                host=socket.gethostname(),
                perfwatch=__version__,
                interval_s=interval_s,
                **(header or {}),
                **_asked(chosen),
            ),
            clock=self.clock,
            sinks=sinks,
            turn_s=turn_s,
            watch_s=max(QUICKEST_LOOK_S, LOOK_PERIODS * interval_s),
        )
        self._origin_ns = origin_ns
        self._at_once = at_once
        self.shown = threading.Event()
        """Set by whoever has put the first values on a screen."""
        self.runners = [self._runner(one, index) for index, one in enumerate(chosen)]
        for runner in self.runners:
            self.hub.watch_over(runner)

    def _runner(self, one: Chosen, index: int) -> Runner:
        return Runner(
            one.collector,
            period_s=one.period_s,
            clock=self.clock,
            post=self.hub.post,
            epoch_ns=self._origin_ns,
            seed=index,
            at_once=self._at_once,
        )

    def start(self, later: Collection[str] = ()) -> None:
        """Begin; returns at once.

        Args:
            later: collectors that begin when the others have been `shown`, or at once if those find nothing:
                what they import would take the processor from the screen that somebody waits for.
        """
        _spare_the_garbage_collector()
        self.hub.start()
        waiting = [runner for runner in self.runners if runner.name in later]
        first = [runner for runner in self.runners if runner not in waiting]
        for runner in first:
            runner.start()
        if waiting:
            threading.Thread(
                target=self._start_later, args=(first, waiting), name="perfwatch-later", daemon=True
            ).start()

    def _start_later(self, first: Sequence[Runner], waiting: Sequence[Runner]) -> None:
        until_ns = self.clock.monotonic_ns() + round(LATER_S * NS)
        for runner in first:
            runner.opened.wait(max(0.0, (until_ns - self.clock.monotonic_ns()) / NS))
        if any(runner.devices for runner in first):
            self.shown.wait(max(0.0, (until_ns - self.clock.monotonic_ns()) / NS))
        for runner in waiting:
            runner.start()

    def add(self, one: Chosen) -> None:
        """Take another collector in while the others are at work; may be called from any thread."""
        runner = self._runner(one, len(self.runners))
        self.hub.ask(lambda: self.hub.watch_over(runner))
        runner.start()
        self.runners = [*self.runners, runner]  # a new list: others may be going through the old one

    def wait_open(self, timeout_s: float = OPEN_WAIT_S) -> list[str]:
        """Wait until every collector has found its devices or none. Returns those that are not done yet."""
        until_ns = self.clock.monotonic_ns() + round(timeout_s * NS)
        return [
            runner.name
            for runner in self.runners
            if not runner.opened.wait(max(0.0, (until_ns - self.clock.monotonic_ns()) / NS))
        ]

    def read_now(self, timeout_s: float) -> Instants:
        """Read energy, power and work out of turn and wait for the answers, at most so long.

        A device whose call is out is not waited for. The instants are those of energy and power, or of
        the work where nothing tells energy.
        """
        asked_ns = self.clock.monotonic_ns()
        opened = [runner for runner in self.runners if runner.opened.is_set()]
        measuring = [(runner, runner.read_now()) for runner in opened if runner.measures]
        counting = [(runner, runner.read_now()) for runner in opened if _only_counts(runner)]
        self._wait_for([*measuring, *counting], timeout_s)
        meant = measuring or counting
        tickets = [(runner.name, ticket) for runner, ticket in meant]
        return Instants.of(tickets, asked_ns, self.clock.monotonic_ns())

    def catch_steps(self, number: int) -> None:
        """Read energy counters densely until each that moves in steps was seen to do so, so many times.

        So the age of what they tell is known at a job's begin and end. It takes `number` update periods and
        a third; what moves at each reading, or in no such steps, is not waited for.
        """
        stepping = [runner for runner in self.runners if runner.steps.longest_s and runner.opened.is_set()]
        if not stepping:
            return
        longest_s = max(runner.steps.longest_s for runner in stepping)
        until_ns = self.clock.monotonic_ns() + round((number + 0.3) * longest_s * NS)
        before: dict[int, dict[str, int]] = {}
        while stepping and (now_ns := self.clock.monotonic_ns()) < until_ns:
            self._wait_for([(runner, runner.read_now()) for runner in stepping], (until_ns - now_ns) / NS)
            for runner in stepping:  # a step that the first of these readings tells was not caught by it
                before.setdefault(id(runner), runner.steps.counts())
            stepping = [runner for runner in stepping if not _stepped(runner, before[id(runner)], number)]
            time.sleep(max(0.0, DENSE_S - (self.clock.monotonic_ns() - now_ns) / NS) if stepping else 0.0)

    def read_work(self, timeout_s: float) -> None:
        """Read what only counts work, and wait for it: everything that the job sent is in then."""
        opened = [runner for runner in self.runners if runner.opened.is_set()]
        self._wait_for([(runner, runner.read_now()) for runner in opened if _only_counts(runner)], timeout_s)

    def _wait_for(self, tickets: Sequence[tuple[Runner, Ticket]], timeout_s: float) -> None:
        """Wait for the answers, at most so long; not for a call that hangs."""
        until_ns = self.clock.monotonic_ns() + round(timeout_s * NS)
        for runner, ticket in tickets:
            while not ticket.done.is_set():
                now_ns = self.clock.monotonic_ns()
                runner.watch(now_ns)  # the hub may take longer to see that a call is slow
                if now_ns >= until_ns or runner.hangs(now_ns):
                    break
                ticket.done.wait(min(LOOK_S, (until_ns - now_ns) / NS))

    def tell_neighbour(self, fields: fmt.Record) -> None:
        """Record that a process of others is on a device."""
        self.hub.event("neighbour", fields)

    def tell_devices(self, fields: fmt.Record) -> None:
        """Record which devices the job uses, as far as is known by now."""
        self.hub.event("devices", fields)

    def tell_conditions(self, fields: fmt.Record) -> None:
        """Record conditions of the job that were found out while it runs."""
        self.hub.event("conditions", fields)

    def hurry(self) -> None:
        """A job begins: collectors that look at processes only now and then do so at once."""
        for runner in self.runners:
            hurry = getattr(runner.collector, "hurry", None)
            if hurry is not None:
                hurry()

    def request_readings(self) -> None:
        """Ask every source of energy and power for a reading now, and do not wait."""
        for runner in self.runners:
            if runner.opened.is_set() and runner.measures:
                runner.read_now()

    def request_reading_of(self, collector: Collector) -> None:
        """Ask one collector for a reading now, unless it was asked already, and do not wait."""
        for runner in self.runners:
            if runner.collector is collector and not runner.is_asked:
                runner.read_now()

    def stop(self, patience_s: float = 0.5) -> None:
        """End the collectors, then the hub; what was read is taken before.

        A call that hangs is left, after so long; for the hub ten times as much.
        """
        for runner in self.runners:
            runner.stop()
        until_ns = self.clock.monotonic_ns() + round(patience_s * NS)
        for runner in self.runners:
            runner.join(max(0.0, (until_ns - self.clock.monotonic_ns()) / NS))
        self.hub.stop(10 * patience_s)

    def states(self) -> dict[str, tuple[State, str, str]]:
        """How each collector is doing: state, reason, remedy."""
        return {runner.name: (runner.state, runner.reason, runner.remedy) for runner in self.runners}


@dataclass(frozen=True)
class Instants:
    """When readings out of turn were taken: the first and the last of them, and whose did not come."""

    first_ns: int
    last_ns: int
    late: tuple[str, ...]

    @classmethod
    def of(cls, tickets: Iterable[tuple[str, Ticket]], asked_ns: int, answered_ns: int) -> Instants:
        """Fold the tickets; without any reading they are when it was asked, and when waiting was over.

        What a source tells of events before that, with their own times, was not read then.
        """
        taken: list[int] = []
        late: list[str] = []
        for name, ticket in tickets:
            if not ticket.done.is_set():
                late.append(name)
            elif ticket.span_ns is not None:
                taken.extend(at_ns for at_ns in ticket.span_ns if at_ns >= asked_ns)
        return cls(min(taken, default=asked_ns), max(taken, default=answered_ns), tuple(late))


def _stepped(runner: Runner, before: Mapping[str, int], number: int) -> bool:
    """Whether each of its counters was seen to step so often since."""
    now = runner.steps.counts()
    return all(now[name] - before.get(name, 0) >= number for name in now)


def _only_counts(runner: Runner) -> bool:
    return runner.counts and not runner.measures


def _asked(chosen: Iterable[Chosen]) -> dict[str, Any]:
    """The key of the header for what was asked for: of that a summary says why it is silent."""
    names = [one.collector.name for one in chosen if one.asked]
    return {"asked": names} if names else {}


def new_session_id() -> str:
    """A random id, as 32 hexadecimal digits."""
    return os.urandom(16).hex()


def _spare_the_garbage_collector() -> None:
    """Readings hold no cycles: look for some seldom, and never again through all that is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
