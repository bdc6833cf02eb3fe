"""`perfwatch client --write DIR`: lay the one file beside a job whose environment has no perfwatch."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfwatch.cli.placing import put_in_place
from perfwatch.errors import SessionError

HELP = """Copy the client, one file that needs nothing but Python, beside a job whose environment has no
perfwatch. The job then says: import perfwatch_client as client."""
FILE_NAME = "perfwatch_client.py"
"""Not `perfwatch.py`: that would hide an installed perfwatch from the job."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", metavar="DIR", required=True, help="the directory of the job")
    parser.add_argument("--force", action="store_true", help="overwrite a different file")


def run(args: argparse.Namespace) -> int:
    path = Path(args.write) / FILE_NAME
    content = _client()
    before = _content(path)
    if before == content:
        print(f"{path} is there already and up to date")
        return 0
    if before is not None and not args.force:
        raise SessionError(
            f"{path} exists and differs from this perfwatch's client; add --force to replace it"
        )
    _write(path, content)
    print(f"wrote {path}; in the job: import {path.stem} as client")
    return 0


def _client() -> bytes:
    """The client's own source. A carried archive has no file, but its loader has the text."""
    from importlib.util import find_spec

    spec = find_spec("perfwatch.client")
    source = spec.loader.get_source("perfwatch.client") if spec and spec.loader else None  # type: ignore[attr-defined]
    if source is None:
        raise SessionError("cannot find the source of perfwatch.client: install perfwatch anew")
    return str(source).encode()


def _content(path: Path) -> bytes | None:
    try:
        if path.is_symlink():
            raise SessionError(f"{path} is a symbolic link, which perfwatch does not follow; remove it first")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SessionError(f"cannot read {path}: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        # Code for others to import, unlike a session: readable as the person's umask has it.
        put_in_place(path, content, 0o666)
    except OSError as error:
        raise SessionError(
            f"cannot write {path}: {error.strerror}; name a directory that you may write to"
        ) from error
