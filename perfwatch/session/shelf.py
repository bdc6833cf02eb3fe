"""Where runs are kept (the user's state directory), and what people call one: `last`, a name, a path."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from perfwatch.errors import SessionError
from perfwatch.text import clean, from_system

SUFFIX = ".jsonl.zst"
_LAST = re.compile(r"last(?:~(\d+))?\Z")


def state_directory() -> Path:
    """The directory of recorded runs, which need not exist yet."""
    try:
        import platformdirs
    except ImportError:  # a carried copy on a machine with nothing installed
        named = os.environ.get("XDG_STATE_HOME", "").strip()
        base = Path(named) if named else Path(os.path.expanduser("~/.local/state"))  # noqa: PTH111 - leaves what has no answer
        return base / "perfwatch" / "sessions"
    return Path(platformdirs.user_state_dir("perfwatch", appauthor=False)) / "sessions"


def new_path(session_id: str, now_s: float | None = None) -> Path:
    """A path for a new run, in a directory that exists and that nobody else may read.

    Raises:
        OSError: the directory cannot be made or written.
    """
    directory = state_directory()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(13, "Permission denied", str(directory))
    moment_s = time.time() if now_s is None else now_s
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(moment_s))
    milliseconds = int(moment_s % 1 * 1000)  # names are what `last` goes by, and a run may take less than 1 s
    return directory / f"{stamp}{milliseconds:03d}-{session_id[:8]}{SUFFIX}"


def private_path(session_id: str) -> Path:
    """A path in a private temporary directory, for a run that is not kept; the caller removes it."""
    return Path(tempfile.mkdtemp(prefix="perfwatch-")) / f"{session_id[:8]}{SUFFIX}"


def stem(path: str) -> str:
    """A session file's path or name without what says that it is one; other files are named after it."""
    return path.removesuffix(".zst").removesuffix(".jsonl")


def recorded() -> list[Path]:
    """The kept runs, oldest first."""
    try:
        return sorted(path for path in state_directory().iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []


def resolve(word: str) -> str:
    """The path that a word means: `-`, a path, `last`, `last~1`, a name or `key=value` tag of a run.

    Raises:
        SessionError: nothing is called that.
    """
    return _named_otherwise(word) or next(_called(word))


def resolve_all(word: str) -> list[str]:
    """The paths that a word means, of a name or a tag those of all runs that have it, oldest first.

    Raises:
        SessionError: nothing is called that.
    """
    path = _named_otherwise(word)
    return [path] if path is not None else list(_called(word))[::-1]


def _named_otherwise(word: str) -> str | None:
    """The path of what is no name and no tag."""
    if word == "-" or Path(word).exists():
        return word
    match = _LAST.match(word)
    if match is not None:
        return str(_counted_back(int(match.group(1) or 0), word))
    if word.startswith("last~"):
        raise SessionError(f"{clean(word)} counts back from the newest run: last, last~1, last~2, ...")
    if "/" in word or word.endswith((".jsonl", ".zst")):
        raise SessionError(f"there is no file {word}; name a session file, or `last` for the last run")
    return None


def _called(word: str) -> Iterator[str]:
    """The runs of a name or a tag, newest first; one at least."""
    called = from_system(word)
    found = False
    for path in reversed(recorded()):
        if _is_called(path, called):
            found = True
            yield str(path)
    if not found:
        raise SessionError(
            f"there is no file and no recorded run called {clean(word)!r}; "
            f"recorded runs are in {state_directory()}"
        )


def _counted_back(steps: int, word: str) -> Path:
    paths = recorded()
    if not paths:
        raise SessionError(f"{word}: no run was recorded yet; `perfwatch run -- COMMAND` records one")
    if steps >= len(paths):
        raise SessionError(f"{word}: only {len(paths)} runs are recorded in {state_directory()}")
    return paths[-1 - steps]


def _is_called(path: Path, word: str) -> bool:
    from perfwatch.session.reader import open_session  # late: who only asks for the directory reads nothing

    try:
        session = open_session(str(path))
    except SessionError:
        return False
    session.close()
    header = session.header
    tags = header.get("tags")
    return header.get("name") == word or (
        isinstance(tags, dict) and word in (f"{key}={value}" for key, value in tags.items())
    )
