"""What does the benchmark of the demo do, and what does it print? Marks and lines at the story's times.

The benchmark is simulated like its devices: no process is started. Its begin, its marks and its end are
recorded as those of a real job are, with readings taken at each of them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perfwatch.cli.until import status_of
from perfwatch.clock import NS
from perfwatch.job.signals import ENDING
from perfwatch.job.watch import HUB_S
from perfwatch.job.workers import Role, Server

if TYPE_CHECKING:
    from perfwatch.job.evidence import Evidence
    from perfwatch.job.signals import SignalQueue
    from perfwatch.sources.live import LiveSource

READING_S = 0.5
"""A mark waits for its readings at most so long."""
LOOK_S = 0.1
"""How often it is asked whether the screen was closed."""
PROGRESS_S = 5.0
"""The benchmark tells how far it is so often, in a story of a minute."""
_YELLOW, _RED, _GREEN, _PLAIN = "\x1b[33m", "\x1b[31m", "\x1b[32m", "\x1b[0m"

Say = Callable[[str, bytes, int], None]


@dataclass(frozen=True)
class Cue:
    """Something that the benchmark does at a time of the story: it puts a mark, or prints a line."""

    at_s: float
    text: str = ""
    mark: str = ""
    edge: str = ""
    color: str = ""


def cues_of(story: Any) -> list[Cue]:
    """Everything that the benchmark does, in order."""
    told = [*_phases(story), *_troubles(story), *_progress(story)]
    return sorted(told, key=lambda cue: cue.at_s)


def _phases(story: Any) -> Iterator[Cue]:
    warmup_s, measure_s, server = story.warmup_s, story.measure_s, story.server
    yield Cue(0.0, f"SIMULATED benchmark: {server.expected} queries on {len(story.chips)} workers")
    yield Cue(0.2 * warmup_s[0], "loading weights ...")
    yield Cue(warmup_s[0], mark="warmup", edge="begin")
    yield Cue(warmup_s[0], "warm-up")
    yield Cue(warmup_s[1], mark="warmup", edge="end")
    yield Cue(measure_s[0], mark="measure", edge="begin")
    yield Cue(measure_s[0], "measuring")
    yield Cue(measure_s[1], mark="measure", edge="end")
    measured = server.queries_by(measure_s[1]) - server.queries_by(measure_s[0])
    span_s = measure_s[1] - measure_s[0]
    yield Cue(measure_s[1], f"measured {measured} queries in {span_s:.1f} s", color=_GREEN)
    yield Cue(story.duration_s, "done")


def _troubles(story: Any) -> Iterator[Cue]:
    hot, lost, shared = story.hot, story.lost, story.shared
    later_s = story.duration_s / 30
    yield Cue(story.throttle_s[0] + later_s, f"worker {hot} is slower than the others", color=_YELLOW)
    yield Cue(story.loss_s[0], f"worker {lost} lost its device; the others take its queries", color=_RED)
    yield Cue(story.loss_s[1], f"worker {lost} is back", color=_GREEN)
    yield Cue(story.neighbour_s[0] + later_s, f"worker {shared} is slower than the others", color=_YELLOW)


def _progress(story: Any) -> Iterator[Cue]:
    step_s = story.duration_s * PROGRESS_S / 60.0
    at_s = step_s
    while at_s < story.measure_s[1]:
        done = story.server.queries_by(at_s)
        rate = (done - story.server.queries_by(at_s - step_s)) / step_s
        share = done / story.server.expected if story.server.expected else 0.0
        yield Cue(at_s, f"{share:4.0%}  {done:6d} queries  {rate:6.1f}/s")
        at_s += step_s


class StoryProcesses:
    """The processes of the story, which are in no /proc."""

    watches_a_server = knows_the_server = in_a_namespace = False

    def __init__(self, is_of_the_job: Callable[[int], bool]) -> None:
        self._is_of_the_job = is_of_the_job

    def look(self) -> None:
        """There is nothing to find out."""

    def watch(self, server: Server) -> None:
        """It has no servers."""

    def server_of(self, pid: int) -> None:
        """As above."""

    def environments_of(self, server: Server) -> Sequence[Mapping[str, str]]:
        """As above."""
        return ()

    def role_of(self, pid: int) -> Role:
        """What the story says."""
        return Role.WORKER if self._is_of_the_job(pid) else Role.STRANGER

    def environments(self) -> Sequence[Mapping[str, str]]:
        """There are none."""
        return ()

    def versions(self) -> Mapping[str, str]:
        """The story has none."""
        return {}

    def permitted(self) -> None:
        """The story knows no cgroups."""


class Performance:
    """Plays the benchmark over the simulated devices.

    Args:
        collector: the simulated collector with its story.
        live: runs it; not started yet.
        evidence: gathers which devices the benchmark uses.
        signals: open already, so that no other thread takes one.
        say: takes what the benchmark prints.
    """

    def __init__(
        self, collector: Any, live: LiveSource, evidence: Evidence, signals: SignalQueue, say: Say
    ) -> None:
        self._collector = collector
        self._live = live
        self._evidence = evidence
        self._signals = signals
        self._say = say
        self._told_to_end = threading.Event()
        self._ended_by: signal.Signals | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.done = threading.Event()
        """The benchmark has ended."""

    def start(self) -> None:
        """Play on a thread of its own, which then stays for signals until `end`."""
        self._thread = threading.Thread(target=self._perform_and_stay, name="perfwatch-demo", daemon=True)
        self._thread.start()

    def play(self) -> int:
        """Play here, to the end. Returns the exit status."""
        self._perform()
        return self.end()

    def end(self) -> int:
        """End now what is not over; returns the exit status. Raises what went wrong."""
        self._told_to_end.set()
        if self._thread is not None:
            self._thread.join()
        self._live.stop()
        if self._error is not None:
            raise self._error
        return status_of(self._ended_by)

    def close(self) -> None:
        """Give the signals back."""
        self._signals.close()

    @property
    def told_to_end(self) -> bool:
        """Whether a signal told us to end."""
        return self._ended_by is not None

    def _perform_and_stay(self) -> None:
        self._perform()
        while not self._told_to_end.is_set():
            self._take_signal(LOOK_S)

    def _perform(self) -> None:
        try:
            self._begin()
            for cue in cues_of(self._collector.story):
                if not self._reached(cue.at_s):
                    break
                self._do(cue)
            self._finish()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._error = error
        finally:
            self.done.set()

    def _begin(self) -> None:
        from perfwatch.sources.live import OPEN_WAIT_S

        self._live.start()
        self._live.wait_open(OPEN_WAIT_S)
        self._evidence.begin(StoryProcesses(self._collector.story.is_of_the_job))
        begun = self._live.read_now(READING_S)
        pid = self._collector.story.job_pid
        self._live.hub.event("job", {"what": "begin", "pid": pid, "simulated": True}, begun.last_ns)

    def _reached(self, at_s: float) -> bool:
        """Wait until a time of the story; False if it is to end before."""
        at_ns = self._collector.opened_ns + round(at_s * NS)
        while True:
            left_s = (at_ns - self._live.clock.monotonic_ns()) / NS
            self._take_signal(max(0.0, min(LOOK_S, left_s)))
            if self._ended_by is not None or self._told_to_end.is_set():
                return False
            if left_s <= 0.0:
                return True

    def _take_signal(self, timeout_s: float) -> None:
        arrival = self._signals.wait(timeout_s)
        if arrival is not None and arrival.number is signal.SIGTSTP:
            self._signals.stop_here()
        elif arrival is not None and arrival.number in ENDING:
            self._ended_by = arrival.number

    def _do(self, cue: Cue) -> None:
        if cue.mark:
            read = self._live.read_now(READING_S)
            self._live.hub.event("mark", {"name": cue.mark, "edge": cue.edge, "origin": "job"}, read.last_ns)
            return
        line = f"{cue.color}{cue.text}{_PLAIN}" if cue.color else cue.text
        self._say("stdout", f"{line}\n".encode(), self._live.clock.monotonic_ns())

    def _finish(self) -> None:
        read = self._live.read_now(READING_S)
        self._evidence.end()
        number = None if self._ended_by is None else int(self._ended_by)
        fields = {"what": "end", "exit_status": 0 if number is None else None, "signal": number}
        self._live.hub.event("job", fields, read.first_ns)
        conclusion = self._evidence.conclusion
        try:
            used = self._live.hub.ask(conclusion).result(HUB_S)
        except futures.TimeoutError:
            used = conclusion()
        self._live.hub.event("devices", used)
