"""A summary on its way out: as text, as JSON, into a file, through the gates."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from perfwatch.cli import standard
from perfwatch.cli.placing import put_in_place
from perfwatch.errors import ConfigError, PerfwatchError, SessionError
from perfwatch.session.stdout import true_path
from perfwatch.session.writer import is_stream

if TYPE_CHECKING:
    from perfwatch.config import Config
    from perfwatch.derive.gates import Verdict
    from perfwatch.derive.settings import Settings
    from perfwatch.derive.tape import Tape
    from perfwatch.session.reader import Session

SCHEMA = "perfwatch.summary/"
say = standard.say


def load(file: str) -> tuple[Tape, str]:
    """A recorded session, and its path (`-` for standard input).

    Args:
        file: a path, `-`, `last`, `last~1`, or a name or tag of a run.

    Raises:
        SessionError: there is none, or it cannot be read.
    """
    from perfwatch.session.reader import open_session
    from perfwatch.session.shelf import resolve

    path = resolve(file)
    return tape_of(open_session(path)), path


def tape_of(session: Session) -> Tape:
    """What a session that is being read tells, to its end."""
    from perfwatch.derive.tape import Tape

    tape = Tape.of(session.header, session.records())
    tape.damaged += session.damaged
    return tape


def summarise(tape: Tape, settings: Settings | None, *, scatter: bool = False) -> dict[str, Any]:
    """The summary object of a tape.

    Args:
        scatter: with what a comparison asks of it, which takes longer than all the rest.
    """
    from perfwatch.derive.summary import summarise as derive

    summary = derive(tape, settings)
    if scatter:
        from perfwatch.derive.scatter import scatter_of

        summary["scatter"] = {path: one.to_json() for path, one in scatter_of(tape, settings).items()}
    return summary


def show(
    args: argparse.Namespace,
    config: Config,
    summary: dict[str, Any],
    *,
    log_path: str | None,
    called: str | None = None,
) -> None:
    """Print the summary as asked: JSON on standard output, the face for people where it belongs.

    Args:
        log_path: where the session is; None if it is not kept.
        called: what the person called it who asked for this summary, which then is what was asked for and
            goes to standard output. None after a run or a recording.
    """
    if args.summary_json:
        write_summary_file(args.summary_json, summary, force=args.force)
    if args.json:
        write_json(summary)
        return
    if args.quiet:
        return
    stream = sys.stderr if called is None else standard.out()
    from perfwatch.exporters.summary_text import render

    text = render(
        summary,
        **look(args, config, stream),
        log_path=log_path,
        next_steps=tuple(_next_steps(log_path, called)) if log_path else (),
    )
    if called is None:
        say(text)
    else:
        stream.write(text + "\n")


class Look(TypedDict):
    """How a text is to look, as the renderers take it."""

    width: int | None
    color: bool
    ascii: bool


def look(args: argparse.Namespace, config: Config, stream: Any) -> Look:
    """How a text looks on this stream."""
    return Look(
        width=_width(stream),
        color=_wants_color(args, config, stream),
        ascii=_wants_ascii(args, config, stream),
    )


def _next_steps(log_path: str, called: str | None) -> Iterator[str]:
    """Commands for this session, which `last` means only after a run that went to the usual place."""
    from perfwatch.session import shelf

    if called is None:
        usual = Path(log_path).parent == shelf.state_directory()
        name = "last" if usual else shlex.quote(log_path)
        yield f"perfwatch replay {name}"
        has_earlier = usual and len(shelf.recorded()) > 1
        yield "perfwatch compare last~1 last" if has_earlier else f"perfwatch summary {name}"
        yield f"perfwatch card {name}"
    elif called != "-":  # a pipe is read once
        name = shlex.quote(called)
        yield f"perfwatch replay {name}"
        yield f"perfwatch export {name} --to csv"


def write_json(summary: dict[str, Any]) -> None:
    """The summary as JSON on standard output: UTF-8, whatever the locale."""
    stream = standard.out()
    stream.flush()
    stream.buffer.write(to_json(summary).encode("utf-8", "replace"))
    stream.flush()


class Told:
    """Whether a step failed; its reason was said."""

    failed = False


@contextmanager
def told(word: str) -> Iterator[Told]:
    """Do a step of a command; what goes wrong in it is said, and the command goes on."""
    step = Told()
    try:
        yield step
    except PerfwatchError as error:
        step.failed = True
        say(f"perfwatch {word}: {error}")
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the job's status
        step.failed = True
        standard.say_fault(word, error)


def to_json(summary: dict[str, Any]) -> str:
    """The summary object as text, one key a line."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def check_summary_file(args: argparse.Namespace) -> None:
    """Refuse before the run what could not be written after it.

    Raises:
        ConfigError: the file exists and is no summary of ours, or its directory does not.
    """
    if not args.summary_json:
        return
    path = Path(args.summary_json)
    if is_stream(args.summary_json):
        return
    if path.is_symlink():
        raise ConfigError(f"--summary-json {path}: is a symbolic link, which perfwatch does not follow")
    if path.is_dir():
        raise ConfigError(f"--summary-json {path}: is a directory; name a file in it")
    if path.is_file() and not args.force and not _is_summary(path):
        raise ConfigError(
            f"--summary-json {path}: exists and is no perfwatch summary; name another or add --force"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"--summary-json {path}: there is no directory {path.parent}")


def write_summary_file(name: str, summary: dict[str, Any], *, force: bool) -> None:
    """Write the summary, replacing only an earlier summary.

    Raises:
        SessionError: it cannot be written.
    """
    path = Path(name)
    text = to_json(summary).encode("utf-8", "replace")
    try:
        if name == "-":
            write_json(summary)
            return
        if is_stream(name):
            with Path(true_path(name)).open("ab") as stream:
                stream.write(text)
            return
        if path.exists() and not force and not _is_summary(path):
            raise SessionError(f"{path} exists and is no perfwatch summary; name another file or add --force")
        put_in_place(path, text, 0o600)
    except OSError as error:
        raise SessionError(f"cannot write the summary to {path}: {error.strerror}") from error


def _is_summary(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            found = json.loads(stream.read(64 << 20))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and str(found.get("schema", "")).startswith(SCHEMA)


@dataclass(frozen=True)
class Gates:
    """`--require` and `--fail-on`, understood before the run and judged after it."""

    limits: tuple[Any, ...]
    required: tuple[str, ...]

    @classmethod
    def parse(cls, args: argparse.Namespace) -> Gates:
        """The gates of a command line.

        Raises:
            ConfigError: a limit or a required name is malformed.
        """
        from perfwatch.derive.gates import parse_gate, parse_requirements

        return cls(
            tuple(parse_gate(text) for text in args.fail_on),
            parse_requirements(args.require) if args.require is not None else (),
        )

    def judge(self, summary: dict[str, Any], *, otherwise: int) -> int:
        """The exit status: 3 if a limit is broken, 1 if what is required was not measured, else the other."""
        from perfwatch.derive.gates import check

        return told_status(check(summary, fail_on=self.limits, require=self.required)) or otherwise


def told_status(verdicts: Sequence[Verdict]) -> int:
    """The exit status of verdicts; those that were not passed are said."""
    from perfwatch.derive.gates import PASSED, exit_status

    for verdict in verdicts:
        if verdict.status != PASSED:
            say(f"perfwatch: {verdict.message}")
    return exit_status(verdicts)


def _width(stream: Any) -> int | None:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None
    return columns or None


def _wants_color(args: argparse.Namespace, config: Config, stream: Any) -> bool:
    if args.no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if config.ui.color is not None:
        return config.ui.color
    return bool(stream.isatty())


def _wants_ascii(args: argparse.Namespace, config: Config, stream: Any) -> bool:
    if args.ascii or config.ui.ascii:
        return True
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return not encoding.startswith("utf")
