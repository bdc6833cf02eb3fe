"""`perfwatch attach PID|URL`: a run over a job that already runs; it ends with the job, or with ctrl-C."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perfwatch.cli import around, asking, results, watching
from perfwatch.cli.feeds import ATTACHED
from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings
    from perfwatch.job.attached import AttachedRun, Outcome, Target
    from perfwatch.job.signals import SignalQueue
    from perfwatch.job.workloads import Workload
    from perfwatch.sources.live import Chosen, LiveSource
    from perfwatch.sources.recording import Recording

HELP = """Watch a job that already runs, by its process id or by the URL of its server's metrics page, and say
what its work cost. Ends with the job; ctrl-C and --duration end the watching, never the job. How a process
that perfwatch did not start has ended is told to its parent alone: its exit status is not known here.
Exits with 0 unless something failed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.job import workloads
    from perfwatch.sources import choose

    parser.add_argument("what", metavar="PID|URL", help="the process, or the metrics page of the server")
    choose.add_arguments(parser)
    workloads.add_argument(parser)
    asking.add_summary_arguments(parser)
    asking.add_output_arguments(parser)
    group = parser.add_argument_group("the run")
    group.add_argument("--duration", metavar="TIME", help="end the watching after so long; the job goes on")
    around.add_name_arguments(group)
    around.add_record_arguments(group)
    around.add_screen_arguments(parser, group, "the job")


def run(args: argparse.Namespace) -> int:
    wanted = _understand(args)
    watching.check(args, wanted.config)
    screen = watching.RunScreen(args, wanted.config, ATTACHED) if watching.wants_screen(args) else None
    session = _Session.begin(args, wanted, screen)
    try:
        return session.finish(args, wanted, session.watch(screen))
    finally:
        session.close()


@dataclass(frozen=True)
class _Wanted:
    """The command line, understood and checked before anything is watched."""

    target: Target
    config: Config
    settings: Settings
    chosen: list[Chosen]
    workloads: list[Workload]
    gates: results.Gates
    duration_s: float | None
    tags: dict[str, str]
    interval_s: float
    now_s: float


def _understand(args: argparse.Namespace) -> _Wanted:
    from perfwatch.cli.choosing import chosen_collectors
    from perfwatch.config import load_config
    from perfwatch.job.target import find_target
    from perfwatch.sources import choose

    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    wanted = _Wanted(
        config=config,
        settings=asking.settings(args, config.settings()),
        chosen=chosen_collectors(args, config),
        workloads=_workloads(args, config),
        gates=results.Gates.parse(args),
        duration_s=asking.time_limit(args),
        tags=asking.tags(args.tag),
        interval_s=choose.interval(args, config),
        now_s=asking.now_s(args),
        target=find_target(args.what),  # last: it asks the system
    )
    results.check_summary_file(args)
    if not wanted.target.processes and args.devices is None:
        results.say(
            f"perfwatch: which process answers at {wanted.target.url} cannot be seen from here "
            "(another user's, another machine's, or in a container); name its devices with --devices",
            quiet=args.quiet,
        )
    return wanted


def _workloads(args: argparse.Namespace, config: Config) -> list[Workload]:
    """Where work is counted, a server's own page first. What the job prints goes past us."""
    from perfwatch.job import workloads
    from perfwatch.job.target import is_url

    named = workloads.parse(args.workload)
    for one in named:
        if one.kind in workloads.STREAMS:
            raise ConfigError(
                f"-w {one.kind}=...: the output of a job that already runs cannot be read; "
                "give the file that it goes to: -w log=PATH:PATTERN"
            )
    usual = [one for one in workloads.parse(config.run.workload) if one.kind not in workloads.STREAMS]
    page = [workloads.Workload("prometheus", args.what)] if is_url(args.what) else []
    return workloads.distinct([*page, *usual, *named])


class _Session:
    """The moving parts of this one run, wired together."""

    def __init__(
        self, live: LiveSource, runner: AttachedRun, recording: Recording, signals: SignalQueue
    ) -> None:
        self._live = live
        self._runner = runner
        self._recording = recording
        self._signals = signals

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
        from perfwatch.job.attached import AttachedRun
        from perfwatch.job.evidence import Evidence
        from perfwatch.job.opening import Opening
        from perfwatch.job.work_sources import WorkSources
        from perfwatch.sources.live import LiveSource, new_session_id

        session_id = new_session_id()
        sources = WorkSources.of(wanted.workloads, wanted.settings.slo, tells_us=False)
        recording = around.open_recording(args, wanted.config, session_id)
        evidence = Evidence(
            wanted.target.environment, "the job" if wanted.target.url is None else "the server"
        )
        opening = Opening(wanted.settings)
        faces = (
            around.talking_sinks(args, wanted.interval_s, wanted.now_s) if screen is None else [screen.scene]
        )
        live = LiveSource(
            [*wanted.chosen, *sources.chosen()],
            [recording, evidence, opening, *faces],
            interval_s=wanted.interval_s,
            session_id=session_id,
            header=around.header(args, wanted.target.command, wanted.settings, wanted.tags),
        )
        around.record_evidence(evidence, live)
        sources.at_each_mark(live.request_readings)
        page = sources.first_polled if wanted.target.url is not None else None
        runner = AttachedRun(
            wanted.target, live, evidence, opening, signals, duration_s=wanted.duration_s, page=page,
            servers=around.servers_of_the_job(live, wanted.workloads, sources),
        )  # fmt: skip
        return cls(live, runner, recording, signals)

    def watch(self, screen: watching.RunScreen | None) -> Outcome:
        """Watch it until it is over, or the watching is."""
        run = self._runner.run
        try:
            outcome: Outcome = run() if screen is None else screen.show(self._live, run)
        except ConfigError:
            self._recording.close()
            self._recording.discard(everything=True)
            raise
        around.close_recording(self._recording)
        return outcome

    def finish(self, args: argparse.Namespace, wanted: _Wanted, outcome: Outcome) -> int:
        """Summarise what was recorded and judge it."""
        try:
            if not self._runner.began:
                results.say("perfwatch attach: ended before the watching began; nothing was measured")
                self._recording.discard(everything=True)
                return 128 + int(outcome.given_up_for or 0)
            said = partial(_say_how_it_ended, wanted.target, outcome, quiet=args.quiet)
            return around.conclude(args, wanted, self._recording, outcome.status, said, ours="attach")
        finally:
            self._recording.discard()

    def close(self) -> None:
        """Give the signals back."""
        self._signals.close()


def _say_how_it_ended(target: Target, outcome: Outcome, *, quiet: bool) -> None:
    if outcome.goes_on:
        text = f"{target.what} goes on; the watching was ended by {outcome.because}"
    else:
        text = (
            f"{target.what} is over: {outcome.because}; perfwatch did not start it, "
            "so its exit status is not known"
        )
    results.say(f"perfwatch: {text}", quiet=quiet)
