"""The command line: finds the subcommand, runs it, and turns our errors into one sentence and a status.

Nothing heavy is imported here: `--help` and `--version` answer at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from perfwatch import __version__
from perfwatch.cli import standard

if TYPE_CHECKING:
    from argparse import Namespace

COMMANDS: dict[str, str] = {
    "dashboard": "perfwatch.cli.dashboard",
    "run": "perfwatch.cli.run",
    "attach": "perfwatch.cli.attach",
    "demo": "perfwatch.cli.demo",
    "snapshot": "perfwatch.cli.snapshot",
    "doctor": "perfwatch.cli.doctor",
    "summary": "perfwatch.cli.summary",
    "replay": "perfwatch.cli.replay",
    "compare": "perfwatch.cli.compare",
    "cost": "perfwatch.cli.cost",
    "card": "perfwatch.cli.card",
    "import": "perfwatch.cli.import_",
    "yardstick": "perfwatch.cli.yardstick",
    "record": "perfwatch.cli.record",
    "export": "perfwatch.cli.export",
    "stream": "perfwatch.cli.stream",
    "mark": "perfwatch.cli.mark",
    "try": "perfwatch.cli.try_",
    "collectors": "perfwatch.cli.collectors",
    "client": "perfwatch.cli.client",
}

RUNS_PLUGINS = ("run", "attach", "demo", "record", "snapshot", "stream", "doctor", "collectors")
"""Commands in whose process strangers' code may print."""

HELP = """\
usage: perfwatch [-h] [--version] COMMAND ...

perfwatch measures runs: it watches accelerators beside a job and says what the work cost.

everyday:
  perfwatch                       the dashboard of this machine; without a terminal one reading, as a table
  perfwatch run [opts] -- CMD     start a job, watch it, summarise it; exits with the job's status
  perfwatch attach PID|URL        the same for a job that already runs; ctrl-C ends the watching only
  perfwatch demo                  simulated accelerators and benchmark: a story of one minute
  perfwatch summary [FILE]        the summary of a recorded run (default: last)
  perfwatch card [FILE]           a recorded run to be pasted: text, --to md or --to svg, with its hash
  perfwatch replay [FILE]         a recorded run on the dashboard: play, step, jump, go to a time
  perfwatch compare A B [C...]    what differs between runs, by how much, and whether that is shown
  perfwatch doctor                what is found, what is not, why, and what to do about it

files:
  perfwatch record [-o FILE]      record this machine until ctrl-C or --duration
  perfwatch export FILE --to csv  a recorded run as csv or jsonl
  perfwatch import mlperf DIR     sessions out of MLPerf's logs of results and power; mllog PATH: of training
  perfwatch cost FILE             a recorded run at other prices; --at 1000000/day projects it
  perfwatch yardstick [BENCHMARK] published results; `summary FILE --against mlperf` puts a run beside them

plumbing:
  perfwatch dashboard             what `perfwatch` alone shows; `perfwatch dashboard --help` for its options
  perfwatch snapshot (--once)     one reading, as a table or --json
  perfwatch stream                readings as they come, one JSON line each, on standard output
  perfwatch mark NAME [begin|end] put a mark into the run around this shell
  perfwatch try SPEC < FILE       show what a pattern finds in a job's output
  perfwatch collectors            the collectors there are, built in and installed
  perfwatch client --write DIR    lay the client beside a job whose environment has no perfwatch

FILE is a path, `-`, `last`, `last~1`, or a name or tag of a recorded run.
`perfwatch COMMAND --help` lists a command's options with their defaults.
exit status: 0 fine; 1 failed, or not measured what was required; 2 wrong use; 3 a --fail-on limit was
broken; `run` otherwise gives the job's own (128+N when a signal ended it).
On a terminal `run`, `attach` and `demo` show a dashboard too (--headless: none); `?` lists its keys, `q`
closes it and the job goes on; --theme, --refresh, --ascii and --no-color say how it looks.
perfwatch opens no connection that you did not name; the dashboard alone asks your own servers on this machine
whether they have a metrics page.
"""


def main(argv: list[str] | None = None) -> int:
    """Run perfwatch with these arguments (the process' own by default) and return the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    standard.hold()
    word = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    try:
        status = _dispatch(arguments)
        standard.out().flush()
    except BrokenPipeError:
        standard.let_go_of_stdout()
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last place: a person gets a sentence, no traceback
        _give_the_screen_back()
        standard.say_fault(word, error)
        return 1
    return status


def _give_the_screen_back() -> None:
    """What is to be said now must not be said on a screen that goes away."""
    glimpse = sys.modules.get("perfwatch.tui.glimpse")
    if glimpse is not None:
        glimpse.hide()


def _dispatch(arguments: list[str]) -> int:
    word = arguments[0] if arguments else _alone(arguments)
    if word in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if word == "--version":
        sys.stdout.write(f"perfwatch {__version__}\n")
        return 0
    if word == "--once":
        word = "snapshot"
    elif word.startswith("-") and word != "-":
        word = _alone(arguments)
        arguments = [word, *arguments]
    if word not in COMMANDS:
        return _unknown(word)
    return _run(word, arguments[1:])


def _alone(options: list[str]) -> str:
    """The command of `perfwatch` without one: on a terminal the dashboard, else one reading.

    Where no option can be wrong any more something is to be seen at once.
    """
    import os

    from perfwatch.tui import glimpse

    if "--json" in options or not glimpse.can_draw(sys.stdout, os.environ):
        return "snapshot"
    if not options:
        glimpse.show(sys.stdout)
    return "dashboard"


def _run(word: str, rest: list[str]) -> int:
    import importlib

    from perfwatch.cli.parser import Parser
    from perfwatch.errors import ConfigError, PerfwatchError

    module = importlib.import_module(COMMANDS[word])
    parser = Parser(word, module.HELP, takes_command=hasattr(module, "TAKES_COMMAND"))
    try:
        module.add_arguments(parser)
        args = parser.understand(rest)
        if any("://" in each for each in rest):
            _say_what_is_secret(args)
        if word in RUNS_PLUGINS:
            standard.keep_for_data()
        status: int = module.run(args)
    except (ConfigError, PerfwatchError) as error:
        from perfwatch.redact import without_users

        _give_the_screen_back()
        standard.say(f"perfwatch {word}: {without_users(str(error))}")
        return 2 if isinstance(error, ConfigError) else 1
    except SystemExit as leaving:  # argparse: its help, or what was wrong
        return leaving.code if isinstance(leaving.code, int) else 2
    return status


def _say_what_is_secret(args: Namespace) -> None:
    from perfwatch.cli import typed_secrets

    for sentence in typed_secrets.warnings(args):
        standard.say(f"perfwatch: {sentence}", quiet=bool(getattr(args, "quiet", False)))


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean `perfwatch {near[0]}`?" if near else "`perfwatch --help` lists them"
    standard.say(
        f"perfwatch: there is no command {word!r}; {hint} (to watch a program: perfwatch run -- {word})"
    )
    return 2
