"""The command line: finds the subcommand, runs it, and turns our errors into one sentence and a status.

Nothing heavy is imported here: `--help` and `--version` answer at once.
"""

from __future__ import annotations

import os
import sys

from perfwatch import __version__

COMMANDS: dict[str, str] = {
    "run": "perfwatch.cli.run",
    "snapshot": "perfwatch.cli.snapshot",
    "doctor": "perfwatch.cli.doctor",
    "summary": "perfwatch.cli.summary",
    "record": "perfwatch.cli.record",
    "export": "perfwatch.cli.export",
    "stream": "perfwatch.cli.stream",
    "mark": "perfwatch.cli.mark",
    "try": "perfwatch.cli.try_",
    "collectors": "perfwatch.cli.collectors",
    "client": "perfwatch.cli.client",
}

TRACEBACK_VARIABLE = "PERFWATCH_TRACEBACK"
"""Set, a fault of ours shows its traceback."""

HELP = """\
usage: perfwatch [-h] [--version] COMMAND ...

perfwatch measures runs: it watches accelerators beside a job and says what the work cost.

everyday:
  perfwatch                       one reading of this machine, as a table
  perfwatch run [opts] -- CMD     start a job, watch it, summarise it; exits with the job's status
  perfwatch summary [FILE]        the summary of a recorded run (default: last)
  perfwatch doctor                what is found, what is not, why, and what to do about it

files:
  perfwatch record [-o FILE]      record this machine until ctrl-C or --duration
  perfwatch export FILE --to csv  a recorded run as csv or jsonl

plumbing:
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
perfwatch opens no connection that you did not name.
"""


def main(argv: list[str] | None = None) -> int:
    """Run perfwatch with these arguments (the process' own by default) and return the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    hold_standard_streams()
    word = arguments[0] if arguments and arguments[0] in COMMANDS else ""
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_stdout()
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last place: a person gets a sentence, no traceback
        return _say_fault(word, error)
    return status


def _dispatch(arguments: list[str]) -> int:
    word = arguments[0] if arguments else "snapshot"
    if word in ("-h", "--help", "help"):
        sys.stdout.write(HELP)
        return 0
    if word == "--version":
        sys.stdout.write(f"perfwatch {__version__}\n")
        return 0
    if word == "--once":
        word = "snapshot"
    elif word.startswith("-") and word != "-":
        arguments, word = ["snapshot", *arguments], "snapshot"
    if word not in COMMANDS:
        return _unknown(word)
    return _run(word, arguments[1:])


def _run(word: str, rest: list[str]) -> int:
    import importlib

    from perfwatch.cli.parser import Parser
    from perfwatch.errors import ConfigError, PerfwatchError

    module = importlib.import_module(COMMANDS[word])
    parser = Parser(word, module.HELP, takes_command=hasattr(module, "TAKES_COMMAND"))
    try:
        module.add_arguments(parser)
        status: int = module.run(parser.understand(rest))
    except ConfigError as error:
        _say(f"perfwatch {word}: {error}")
        return 2
    except PerfwatchError as error:
        _say(f"perfwatch {word}: {error}")
        return 1
    except SystemExit as leaving:  # argparse: its help, or what was wrong
        return leaving.code if isinstance(leaving.code, int) else 2
    return status


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean `perfwatch {near[0]}`?" if near else "`perfwatch --help` lists them"
    _say(f"perfwatch: there is no command {word!r}; {hint} (to watch a program: perfwatch run -- {word})")
    return 2


def _say_fault(word: str, error: Exception) -> int:
    """What was not foreseen, as one sentence; standard output that takes nothing is told apart."""
    reason = _stdout_refuses()
    name = f"perfwatch {word}".strip()
    if reason:
        _let_go_of_stdout()
        _say(f"{name}: cannot write to standard output: {reason}; send it where there is room")
        return 1
    if os.environ.get(TRACEBACK_VARIABLE):
        raise error
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f" at {frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    _say(
        f"{name}: a fault in perfwatch itself: {type(error).__name__}: {error}{where}; please report it "
        f"({TRACEBACK_VARIABLE}=1 shows all of it)"
    )
    return 1


def _say(text: str) -> None:
    """A line on standard error; one that takes nothing is no reason to fail."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def _stdout_refuses() -> str:
    """Why standard output takes nothing; empty if it does."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _let_go_of_stdout() -> None:
    """The reader of our output is gone: keep Python from complaining about it at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError:
        return


def hold_standard_streams() -> None:
    """Keep the numbers of standard streams that were closed, so that no file of ours gets one of them.

    What is written to such a stream fails as before, and a job finds it closed: the stand-in is opened for
    reading alone and is not inherited. Text that a stream cannot encode is escaped.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if fd == 0 else os.O_RDONLY)
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115, PTH123
    escape = getattr(sys.stdout, "reconfigure", None)
    if escape is not None:
        escape(errors="backslashreplace")
