"""What do `run` and `attach` say around a run: options, signals, the recording, who speaks meanwhile?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from perfwatch.cli import asking, results, watching
from perfwatch.text import from_system

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings
    from perfwatch.job.auto import ServersOfTheJob
    from perfwatch.job.evidence import Evidence
    from perfwatch.job.signals import SignalQueue
    from perfwatch.job.work_sources import WorkSources
    from perfwatch.job.workloads import Workload
    from perfwatch.sources.live import LiveSource
    from perfwatch.sources.recording import Recording

T = TypeVar("T")


def add_name_arguments(group: argparse._ArgumentGroup) -> None:
    """How the run is called and found again."""
    group.add_argument("--name", help="name of the run; `perfwatch summary NAME` finds it")
    group.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], help="a condition of the work; repeatable"
    )


def add_record_arguments(group: argparse._ArgumentGroup) -> None:
    """Where the session goes."""
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="session log, .jsonl or .jsonl.zst (default: in the user's state directory)",
    )
    group.add_argument("--no-record", action="store_true", help="keep no session log")
    group.add_argument("--force", action="store_true", help="overwrite files that exist")


def add_screen_arguments(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup, job: str) -> None:
    """Dashboard, lines or neither; `job` is what it stays open after."""
    group.add_argument(
        "--headless", action="store_true", help="no dashboard; the job keeps the terminal, its keyboard too"
    )
    group.add_argument("--stay", action="store_true", help=f"keep the dashboard open when {job} has ended")
    group.add_argument("--plain", action="store_true", help="one line a period on standard error")
    group.add_argument("--now", metavar="TIME", default="30s", help="span of the live figures of --plain")
    watching.add_arguments(parser)


def with_signals(wire: Callable[[SignalQueue], T]) -> T:
    """Take the signals over, then wire the moving parts; nothing runs yet."""
    from perfwatch.job.signals import SignalQueue

    signals = SignalQueue()
    signals.open()  # first: a thread that is older would take them
    try:
        return wire(signals)
    except BaseException:
        signals.close()
        raise


def record_evidence(evidence: Evidence, live: LiveSource) -> None:
    """What is found out about the job and its devices goes into the stream, so that a replay knows it too."""
    evidence.neighbour = live.tell_neighbour
    evidence.learnt = live.tell_conditions
    evidence.concluded = live.tell_devices


def servers_of_the_job(
    live: LiveSource, wanted: Sequence[Workload], sources: WorkSources
) -> ServersOfTheJob | None:
    """What looks for the job's servers by itself; None where `-w auto` was not said."""
    from perfwatch.job import workloads
    from perfwatch.job.auto import ServersOfTheJob
    from perfwatch.job.workers import servers_of
    from perfwatch.sources.live import Chosen

    if not any(one.kind == workloads.AUTO for one in wanted):
        return None
    pages = sources.pages
    return ServersOfTheJob(
        lambda collector: live.add(Chosen(collector, collector.period_s)),
        workloads.page_collector,
        lambda source, text: live.hub.event("note", {"source": source, "text": text}),
        [(server, page) for page in pages for server in servers_of([page.options.url.partition("#")[0]])],
        len(pages),
    )


def open_recording(args: argparse.Namespace, config: Config, session_id: str) -> Recording:
    """Where the session goes; what is wrong with that is said."""
    from perfwatch.sources.recording import Recording

    keep = not args.no_record and config.run.record is not False
    recording = Recording(session_id, output=args.output, keep=keep, force=args.force)
    if recording.warning:
        results.say(f"perfwatch: {recording.warning}")
    return recording


def close_recording(recording: Recording) -> None:
    """The run is over; what was not taken is said."""
    before = recording.warning
    recording.close()
    if recording.warning != before:
        results.say(f"perfwatch: {recording.warning}")


class Wanted(Protocol):
    """What the end of a run needs of what the command line asks for."""

    @property
    def config(self) -> Config: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def gates(self) -> results.Gates: ...


def conclude(
    args: argparse.Namespace,
    wanted: Wanted,
    recording: Recording,
    status: int,
    say_end: Callable[[], None],
    *,
    ours: str,
) -> int:
    """Summarise what was recorded, show it and judge it: the exit status. Its own failures never hide
    the job's.

    Args:
        status: the job's.
        say_end: says how it ended, below the summary.
        ours: the command that is said to fail, `run` or `attach`.
    """
    with results.told(ours) as summarised:
        summary = results.summarise(recording.tape(), wanted.settings, scatter=bool(args.summary_json))
    if summarised.failed:
        say_end()
        return status or 1
    with results.told(ours) as shown:
        results.show(args, wanted.config, summary, log_path=recording.path)
    say_end()
    return wanted.gates.judge(summary, otherwise=status or int(shown.failed))


def header(
    args: argparse.Namespace, command: Sequence[str], settings: Settings, tags: Mapping[str, str]
) -> dict[str, Any]:
    """What a run's session says about itself; without secrets."""
    from perfwatch.redact import redact_command
    from perfwatch.sources.conditions import conditions

    return {
        "name": asking.name(args),
        "tags": dict(tags),
        "command": [from_system(word) for word in redact_command(command)],
        "settings": settings.to_json(),
        "conditions": conditions(),
    }


def talking_sinks(
    args: argparse.Namespace,
    interval_s: float,
    now_s: float,
    *,
    say: Callable[[str], None] = results.say,
    notes: bool = True,
) -> list[Any]:
    """The sinks that talk while a run without a dashboard goes on; times in seconds.

    Args:
        say: prints a line of `--plain`.
        notes: whether what is worth knowing is said unasked.
    """
    sinks: list[Any] = []
    if args.verbose:
        from perfwatch.cli.verbose import Verbose

        sinks = [Verbose(results.say)]
    elif notes and not args.quiet:
        from perfwatch.cli.notes import Notes

        sinks = [Notes(results.say)]
    if not args.plain:
        return sinks
    from perfwatch.exporters.plain_lines import PlainLines

    return [*sinks, PlainLines(say, period_s=interval_s, now_s=now_s)]
