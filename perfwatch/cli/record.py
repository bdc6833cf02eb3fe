"""`perfwatch record`: record this machine until ctrl-C or --duration, then summarise it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from perfwatch.cli import asking, results
from perfwatch.errors import ConfigError

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.settings import Settings
    from perfwatch.sources.live import LiveSource
    from perfwatch.sources.recording import Recording

HELP = """Record the devices of this machine until ctrl-C or --duration, then print the summary. The session
goes to -o FILE, else into the user's state directory, where `last` finds it."""
END_READING_S = 2.0
"""The readings at the end are waited for at most this long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from perfwatch.sources import choose

    choose.add_arguments(parser)
    asking.add_summary_arguments(parser)
    asking.add_output_arguments(parser)
    group = parser.add_argument_group("the recording")
    group.add_argument("-o", "--output", metavar="FILE", help="session log (.jsonl or .jsonl.zst)")
    group.add_argument("--force", action="store_true", help="overwrite files that exist")
    group.add_argument("--duration", metavar="TIME", help="end after so long")
    group.add_argument("--name", help="name of the session; `perfwatch summary NAME` finds it")
    group.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], help="a condition of the work; repeatable"
    )
    group.add_argument("--plain", action="store_true", help="one line a period on standard error")
    group.add_argument("--now", metavar="TIME", default="30s", help="span of the live figures of --plain")


def run(args: argparse.Namespace) -> int:
    from perfwatch.config import load_config
    from perfwatch.sources.live import new_session_id
    from perfwatch.sources.recording import Recording

    config = load_config(args.config)
    for note in config.notes:
        results.say(f"perfwatch: {note}", quiet=args.quiet)
    settings = asking.settings(args, config.settings())
    gates = results.Gates.parse(args)
    results.check_summary_file(args)
    if args.json and args.output == "-":
        raise ConfigError("--json and -o - both write to standard output; name a file for one of them")
    recorder = _Recorder(args, config, settings)
    session_id = new_session_id()
    recording = Recording(session_id, output=args.output, keep=True, force=args.force)
    results.say(f"perfwatch: {recording.warning}" if recording.warning else "")
    try:
        status = recorder.record(session_id, recording)
        summary = results.summarise(recording.tape(), settings, scatter=bool(args.summary_json))
        results.show(args, config, summary, log_path=recording.path)
        return gates.judge(summary, otherwise=status)
    finally:
        recording.discard()


class _Recorder:
    """What to record and for how long: the command line, understood before anything is opened."""

    def __init__(self, args: argparse.Namespace, config: Config, settings: Settings) -> None:
        from perfwatch.cli.choosing import chosen_collectors
        from perfwatch.sources import choose

        self._chosen = chosen_collectors(args, config)
        self._interval_s = choose.interval(args, config)
        self._duration_s = asking.time_limit(args)
        self._now_s = asking.now_s(args)
        self._plain = args.plain
        self._quiet = args.quiet
        self._header = {
            "name": asking.name(args),
            "tags": asking.tags(args.tag),
            "settings": settings.to_json(),
        }

    def record(self, session_id: str, recording: Recording) -> int:
        """Record until it is over; returns the exit status."""
        from perfwatch.cli.until import status_of, wait_for_the_end
        from perfwatch.job.signals import SignalQueue

        signals = SignalQueue()
        signals.open()  # before any thread starts, so that none of them takes a signal
        try:
            live = self._source(session_id, recording)
            live.start()
            live.wait_open()
            self._say_how_to_end(recording)
            live.read_now(END_READING_S)
            ending = wait_for_the_end(signals, self._duration_s)
            live.read_now(END_READING_S)
            live.stop()
        finally:
            recording.close()
            signals.close()
        return status_of(ending)

    def _source(self, session_id: str, recording: Recording) -> LiveSource:
        from perfwatch.sources.conditions import conditions
        from perfwatch.sources.live import LiveSource

        return LiveSource(
            self._chosen,
            [recording, *self._plain_lines()],
            interval_s=self._interval_s,
            session_id=session_id,
            header={**self._header, "conditions": conditions()},
        )

    def _plain_lines(self) -> list[Any]:
        if not self._plain:
            return []
        from perfwatch.exporters.plain_lines import PlainLines

        return [PlainLines(results.say, period_s=self._interval_s, now_s=self._now_s)]

    def _say_how_to_end(self, recording: Recording) -> None:
        if self._duration_s is None:
            where = f" to {recording.path}" if recording.path else ""
            results.say(f"perfwatch: recording{where}; ctrl-C ends it", quiet=self._quiet)
