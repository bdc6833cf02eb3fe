"""`perfwatch export FILE --to csv|jsonl`: a recorded session in another form."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from perfwatch.cli import results
from perfwatch.cli.placing import is_one_file
from perfwatch.errors import ConfigError, SessionError

if TYPE_CHECKING:
    from perfwatch.session.reader import Session

HELP = """Write a recorded session as CSV (a row a value, or --wide: a row a sample) or as JSON lines.
FILE: a path, `-`, last, last~1, or a name or tag of a run. Memory does not grow with the session."""
STDIN = "/dev/stdin"
COPY_BYTES = 1 << 18


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="last", metavar="FILE", help="the session")
    parser.add_argument(
        "--to", choices=("csv", "jsonl"), required=True, help="csv, or the records as they are"
    )
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="`-` is standard output")
    parser.add_argument("--wide", action="store_true", help="csv: one row a sample, a column a metric")
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists")


def run(args: argparse.Namespace) -> int:
    from perfwatch.session.shelf import resolve

    if args.wide and args.to != "csv":
        raise ConfigError("--wide lays out a csv; leave it out, or add --to csv")
    if args.output.endswith(".zst"):
        raise ConfigError(f"-o {args.output}: what is exported is not compressed; name a file without .zst")
    path = resolve(args.file)
    if path != "-" and args.output != "-" and is_one_file(path, args.output):
        raise ConfigError(f"-o {args.output}: is the session itself; name another file")
    with _input(path, twice=args.wide) as read:
        if args.to == "jsonl":
            _export_lines(path, read, args)
        else:
            _export_csv(path, read, args)
    return 0


Read = Callable[[], Iterator[bytes]]
"""Gives the text of the session from its beginning."""


@contextmanager
def _input(path: str, *, twice: bool) -> Iterator[Read]:
    """How to read a session; what comes through a pipe and is needed twice is put aside on disk."""
    from perfwatch.session.reader import raw_chunks

    source = STDIN if path == "-" else path
    if not twice or Path(source).is_file():
        yield lambda: raw_chunks(source)
        return
    with tempfile.TemporaryFile(prefix="perfwatch-") as aside:
        for chunk in raw_chunks(source):
            aside.write(chunk)
        yield lambda: _from_start(aside)


def _from_start(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(COPY_BYTES):
        yield chunk


def _export_lines(path: str, read: Read, args: argparse.Namespace) -> None:
    from perfwatch.exporters.jsonl import lines

    found = lines(_spoken(path), _readable(path, read))
    first = next(found)
    with _output(args) as out:
        out.write(first)
        out.writelines(found)


def _export_csv(path: str, read: Read, args: argparse.Namespace) -> None:
    import io

    from perfwatch.exporters import csv

    session = _session(path, read)
    columns: list[str] = []
    if args.wide:
        columns = csv.Folded(session.header, session.records()).columns()
        session = _session(path, read)
    folded = csv.Folded(session.header, session.records())
    with _output(args) as out:
        text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=False)
        csv.write(folded.wide(columns) if args.wide else folded.long(), text)
        text.flush()
        text.detach()
    left_out = session.damaged + folded.damaged
    if left_out:
        results.say(f"perfwatch export: {left_out} records of {_spoken(path)} are damaged and were left out")


def _session(path: str, read: Read) -> Session:
    from perfwatch.session.reader import session_of_chunks

    return session_of_chunks(_spoken(path), _readable(path, read))


def _readable(path: str, read: Read) -> Iterator[bytes]:
    """The session's text; a file that cannot be opened is said in a sentence."""
    try:
        yield from read()
    except OSError as error:
        raise SessionError(f"cannot read {_spoken(path)}: {error.strerror or error}") from error


def _spoken(path: str) -> str:
    return "standard input" if path == "-" else path


@contextmanager
def _output(args: argparse.Namespace) -> Iterator[BinaryIO]:
    """Where the export goes. A reader of our output that had enough is no error of ours to explain."""
    from perfwatch.session.writer import open_for_writing

    if args.output == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    fd = open_for_writing(args.output, force=args.force)
    try:
        with os.fdopen(fd, "wb") as out:
            yield out
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SessionError(
            f"cannot write all of the export to {args.output}: {error.strerror or error}"
        ) from error
