"""`perfwatch run -- CMD`: start a job, watch it, summarise it; exits with the job's status."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perfwatch.cli import around, asking, results, watching
from perfwatch.errors import ConfigError
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings
    from perfwatch.job.ferry import Feed, Ferry
    from perfwatch.job.signals import SignalQueue
    from perfwatch.job.watched import Outcome, Plan, WatchedRun
    from perfwatch.job.work_sources import WorkSources
    from perfwatch.job.workloads import Workload
    from perfwatch.sources.live import Chosen, LiveSource
    from perfwatch.sources.recording import Recording

HELP = """Start a job, watch the devices of this machine while it works, and say what the work cost.
Exits with the job's own status (128+N when signal N ended it, 127 not found, 126 not executable)."""
TAKES_COMMAND = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.job import workloads
    from perfwatch.sources import choose

    choose.add_arguments(parser)
    workloads.add_argument(parser)
    asking.add_summary_arguments(parser)
    asking.add_output_arguments(parser)
    group = parser.add_argument_group("the run")
    group.add_argument("--idle-baseline", metavar="TIME", help="measure idle power for so long first")
    group.add_argument("--duration", metavar="TIME", help="end the job with SIGTERM after so long")
    around.add_name_arguments(group)
    group.add_argument(
        "--as", dest="user", metavar="USER", help="run the job as this user (under sudo: who called it)"
    )
    around.add_record_arguments(group)
    around.add_screen_arguments(parser, group, "the job")
    parser.add_argument("command", nargs="...", metavar="COMMAND", help="the job and its arguments")


def run(args: argparse.Namespace) -> int:
    wanted = _understand(args)
    watching.check(args, wanted.config)
    screen = watching.RunScreen(args, wanted.config) if watching.wants_screen(args) else None
    session = _Session.begin(args, wanted, screen)
    try:
        outcome = session.watch(screen)
        if outcome is None:
            return session.start_failure
        return session.finish(args, wanted, outcome)
    finally:
        session.close()


@dataclass(frozen=True)
class _Wanted:
    """The command line, understood and checked before anything is started."""

    command: list[str]
    config: Config
    settings: Settings
    chosen: list[Chosen]
    workloads: list[Workload]
    gates: results.Gates
    idle_baseline_s: float
    duration_s: float | None
    user: str | None
    tags: dict[str, str]
    interval_s: float
    now_s: float


def _understand(args: argparse.Namespace) -> _Wanted:
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.config import load_config
    from perfwatch.job import workloads
    from perfwatch.job.process import job_user
    from perfwatch.sources import choose

    if not args.command:
        raise ConfigError("there is no command to run; write it behind two dashes: perfwatch run -- COMMAND")
    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    idle = asking.duration(args.idle_baseline, "--idle-baseline")
    wanted = _Wanted(
        command=args.command,
        config=config,
        settings=asking.settings(args, config.settings()),
        chosen=chosen_collectors(args, config),
        workloads=workloads.parse([*config.run.workload, *args.workload]),
        gates=results.Gates.parse(args),
        idle_baseline_s=idle if idle is not None else config.run.idle_baseline_s or 0.0,
        duration_s=asking.time_limit(args),
        user=job_user(args.user),
        tags=asking.tags(args.tag),
        interval_s=choose.interval(args, config),
        now_s=asking.now_s(args),
    )
    results.check_summary_file(args)
    return wanted


class _Session:
    """The moving parts of this one run, wired together."""

    def __init__(
        self, live: LiveSource, runner: WatchedRun, recording: Recording, signals: SignalQueue
    ) -> None:
        self._live = live
        self._runner = runner
        self._recording = recording
        self._signals = signals
        self._screen: watching.RunScreen | None = None
        self.start_failure = 0

    @classmethod
    def begin(cls, args: argparse.Namespace, wanted: _Wanted, screen: watching.RunScreen | None) -> _Session:
        """Take the signals over, then open files and sockets; nothing runs yet."""
        return around.with_signals(lambda signals: cls._wired(args, wanted, signals, screen))

    @classmethod
    def _wired(
        cls,
        args: argparse.Namespace,
        wanted: _Wanted,
        signals: SignalQueue,
        screen: watching.RunScreen | None,
    ) -> _Session:
        from perfwatch.job.evidence import Evidence
        from perfwatch.job.opening import Opening
        from perfwatch.job.watched import WatchedRun
        from perfwatch.job.work_sources import WorkSources
        from perfwatch.sources.live import LiveSource, new_session_id

        session_id = new_session_id()
        recording = around.open_recording(args, wanted.config, session_id)
        ferry = _ferry(args, wanted.workloads, screen, recording.path)  # forks, therefore before any thread
        sources = WorkSources.of(wanted.workloads, wanted.settings.slo, command=wanted.command)
        plan = _plan(args, wanted, sources, ferry, session_id, screen=screen)
        evidence = Evidence({**os.environ, **plan.environment})
        opening = Opening(wanted.settings)
        faces = (
            around.talking_sinks(args, wanted.interval_s, wanted.now_s) if screen is None else [screen.scene]
        )
        live = LiveSource(
            [*wanted.chosen, *sources.chosen()],
            [recording, evidence, opening, *faces],
            interval_s=wanted.interval_s,
            session_id=session_id,
            header=around.header(args, wanted.command, wanted.settings, wanted.tags),
        )
        around.record_evidence(evidence, live)
        sources.at_each_mark(live.request_readings)
        sources.when_much_waits(live.request_reading_of)
        if ferry is not None:
            live.hub.more_cpu_s = ferry.cpu_s
            live.hub.more_rss_bytes = ferry.own_memory_bytes
        servers = around.servers_of_the_job(live, wanted.workloads, sources)
        runner = WatchedRun(plan, live, evidence, opening, signals, servers=servers)
        return cls(live, runner, recording, signals)

    def watch(self, screen: watching.RunScreen | None) -> Outcome | None:
        """Run it; None if the command cannot be started (the reason was said)."""
        from perfwatch.job.process import CannotStart

        run = self._runner.run
        self._screen = screen
        try:
            outcome: Outcome = run() if screen is None else screen.show(self._live, run)
        except CannotStart as error:
            results.say(f"perfwatch run: {error}")
            self.start_failure = error.status
            self._forget()
            return None
        except ConfigError:
            self._forget()
            raise
        around.close_recording(self._recording)
        return outcome

    def _forget(self) -> None:
        self._recording.close()
        self._recording.discard(everything=True)
        if self._screen is not None:
            self._screen.discard_output()

    def finish(self, args: argparse.Namespace, wanted: _Wanted, outcome: Outcome) -> int:
        """Summarise what was recorded and judge it; whatever goes wrong here, the job's status stands."""
        try:
            if self._runner.job is None:
                results.say("perfwatch run: ended before the job was started")
                self._forget()
                return outcome.status
            said = partial(_say_what_goes_on, outcome, quiet=args.quiet)
            return around.conclude(args, wanted, self._recording, outcome.status, said, ours="run")
        finally:
            self._recording.discard()

    def close(self) -> None:
        """Give the signals back."""
        self._signals.close()


def _ferry(
    args: argparse.Namespace,
    workloads: list[Workload],
    screen: watching.RunScreen | None,
    session_path: str | None,
) -> Ferry | None:
    """What passes the streams on that a pattern or the dashboard reads; None if none does."""
    from perfwatch.job.workloads import STREAMS

    kinds = {one.kind for one in workloads if one.kind in STREAMS}
    if not kinds and screen is None:
        return None
    from perfwatch.job.ferry import Ferry
    from perfwatch.session.stdout import STDERR_FD, true_fd

    if screen is not None:
        kept_fd = screen.open_output(session_path)
        return Ferry({"stdout": kept_fd, "stderr": kept_fd}, size=screen.size)
    names = ("stdout", "stderr") if "output" in kinds else sorted(kinds)
    own_fds = {"stdout": STDERR_FD if args.json else true_fd(), "stderr": STDERR_FD}
    return Ferry({name: own_fds[name] for name in names})


def _plan(
    args: argparse.Namespace,
    wanted: _Wanted,
    sources: WorkSources,
    ferry: Ferry | None,
    session_id: str,
    *,
    screen: watching.RunScreen | None,
) -> Plan:
    from perfwatch.job.process import RUN_VARIABLE
    from perfwatch.job.watched import Plan
    from perfwatch.job.workers import servers_of
    from perfwatch.job.workloads import pages

    return Plan(
        command=wanted.command,
        environment={**sources.environment, RUN_VARIABLE: session_id},
        ferry=ferry,
        feed=_feed(sources, screen),
        miss=sources.output.miss if sources.output is not None else lambda _pieces: None,
        to_stderr=args.json,
        idle_baseline_s=wanted.idle_baseline_s,
        duration_s=wanted.duration_s,
        servers=servers_of(pages(wanted.workloads)),
        user=wanted.user,
        apart=screen is not None,
    )


def _feed(sources: WorkSources, screen: watching.RunScreen | None) -> Feed | None:
    """Who reads the job's output along: the patterns, the dashboard, or both."""
    readers: list[Feed] = [sources.output.feed] if sources.output is not None else []
    if screen is not None:
        readers.append(screen.pane.feed)
    if len(readers) < 2:
        return readers[0] if readers else None

    def both(stream: str, data: bytes, at_ns: int) -> None:
        for reader in readers:
            reader(stream, data, at_ns)

    return both


def _say_what_goes_on(outcome: Outcome, *, quiet: bool) -> None:
    if outcome.ending is None:
        results.say("perfwatch: the job did not end and goes on without us", quiet=quiet)
    if outcome.left_behind:
        names = ", ".join(f"{clean(name)} ({pid})" for pid, name in outcome.left_behind[:8])
        more = len(outcome.left_behind) - 8
        results.say(
            f"perfwatch: the job left running: {names}{f' and {more} more' if more > 0 else ''}", quiet=quiet
        )
