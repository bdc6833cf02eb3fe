"""`perfwatch client --write DIR`: lay the client beside a job whose environment has no perfwatch."""

from __future__ import annotations

import argparse
from pathlib import Path

from perfwatch.cli.placing import put_in_place
from perfwatch.errors import SessionError

HELP = """Copy the client, one file that needs nothing but Python, beside a job whose environment has no
perfwatch. The job then says: import perfwatch_client as client."""
PREFIX = "perfwatch_"
"""Not `perfwatch.py`: that would hide an installed perfwatch from the job."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", metavar="DIR", required=True, help="the directory of the job")
    parser.add_argument(
        "--callbacks", action="store_true", help="also those for PyTorch, Hugging Face and Lightning"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a different file")


def run(args: argparse.Namespace) -> int:
    for module in ("client", "callbacks") if args.callbacks else ("client",):
        _lay(module, Path(args.write) / f"{PREFIX}{module}.py", force=args.force)
    return 0


def _lay(module: str, path: Path, *, force: bool) -> None:
    content = _source(f"perfwatch.{module}")
    before = _content(path)
    if before == content:
        print(f"{path} is there already and up to date")
        return
    if before is not None and not force:
        raise SessionError(
            f"{path} exists and differs from this perfwatch's {module}; add --force to replace it"
        )
    _write(path, content)
    print(f"wrote {path}; in the job: import {path.stem} as {module}")


def _source(module: str) -> bytes:
    """A carried archive has no file, but its loader has the text."""
    from importlib.util import find_spec

    spec = find_spec(module)
    source = spec.loader.get_source(module) if spec and spec.loader else None  # type: ignore[attr-defined]
    if source is None:
        raise SessionError(f"cannot find the source of {module}: install perfwatch anew")
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
