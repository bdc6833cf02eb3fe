"""What becomes of the tools that run when perfwatch is killed? A shell that waits for that ends them.

It reads on a pipe which of them run. Where the pipe ends, perfwatch is gone, however that came; what is still
named then is ended with its process group, and on Linux with whatever else has its mark in its environment.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import secrets
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

MARK = "READ_BY_PERFWATCH"
"""The variable in the environment of a tool, and of all that it starts, that says whose it is."""
_SHELL = "/bin/sh"
_SCRIPT = f"""
running=
while read -r what pid; do
  case $what in
    +) running="$running $pid" ;;
    -) left=; for one in $running; do [ "$one" = "$pid" ] || left="$left $one"; done; running=$left ;;
  esac
done
[ -n "$running" ] || exit 0
for one in $running; do kill -s KILL -- "-$one" 2>/dev/null; done
[ -d /proc/self ] || exit 0
for file in $(grep -ls "{MARK}=$1" /proc/[0-9]*/environ 2>/dev/null); do
  pid=${{file#/proc/}}; kill -s KILL "${{pid%/environ}}" 2>/dev/null
done
"""


class Guard:
    """The shell, started with the first tool; without a shell there is none, and nothing depends on it."""

    def __init__(self) -> None:
        self.mark = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._lock = threading.Lock()
        self._pipe: int | None = None
        self._pid: int | None = None
        self._is_begun = False

    def watch(self, pid: int) -> None:
        """A tool runs, in a process group of its number."""
        with self._lock:
            if not self._is_begun:
                self._begin()
            self._say("+", pid)

    def forget(self, pid: int) -> None:
        """It was ended."""
        with self._lock:
            self._say("-", pid)

    def close(self) -> None:
        """perfwatch ends: so does the shell, which ends what is left."""
        with self._lock, contextlib.suppress(OSError):
            if self._pipe is not None and self._pid is not None:
                os.close(self._pipe)
                self._pipe = None
                os.waitpid(self._pid, 0)

    def _begin(self) -> None:
        self._is_begun = True
        reading, writing = os.pipe()
        null = os.open(os.devnull, os.O_WRONLY)
        outputs = ((reading, 0), (null, 1), (null, 2))
        try:
            self._pid = spawned([_SHELL, "-c", _SCRIPT, _SHELL, self.mark], dict(os.environ), outputs)
            self._pipe = writing
        except OSError:
            os.close(writing)
        finally:
            os.close(reading)
            os.close(null)

    def _say(self, what: str, pid: int) -> None:
        if self._pipe is not None:
            with contextlib.suppress(OSError):  # somebody ended it
                os.write(self._pipe, f"{what} {pid}\n".encode())


def spawned(argv: list[str], environment: dict[str, str], outputs: Sequence[tuple[int, int]]) -> int:
    """Start a program in a session of its own, in which no signal is blocked; returns its number.

    It is safe beside threads, which a function of ours between fork and exec is not.

    Args:
        argv: the program with its whole path, and its arguments.
        environment: its whole environment.
        outputs: descriptors of ours, and which they are there; it gets no others.

    Raises:
        OSError: it cannot be started.
    """
    closed = [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited() if _is_inherited(fd)]
    actions = [*((os.POSIX_SPAWN_DUP2, fd, to) for fd, to in outputs), *closed]
    defaults = [number for name in ("SIGPIPE", "SIGXFSZ") if (number := getattr(signal, name, None))]
    begin = functools.partial(
        os.posix_spawn, argv[0], argv, environment, file_actions=actions, setsigmask=[], setsigdef=defaults
    )
    try:
        return begin(setsid=True)
    except NotImplementedError:  # a system that cannot say that
        return begin(setpgroup=0)


@functools.cache
def _inherited() -> tuple[int, ...]:
    """Descriptors that perfwatch was started with besides the standard streams."""
    try:
        numbers = [int(place.name) for place in Path("/dev/fd").iterdir()]
    except OSError:
        return ()
    return tuple(fd for fd in numbers if fd > 2 and _is_inherited(fd))


def _is_inherited(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


guard = Guard()
atexit.register(guard.close)
