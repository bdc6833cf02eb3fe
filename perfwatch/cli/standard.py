"""What if our own standard streams are closed, full, or cannot spell what we say?"""

from __future__ import annotations

import errno
import os
import sys
from typing import TextIO

from perfwatch.errors import reason_of

TRACEBACK_VARIABLE = "PERFWATCH_TRACEBACK"
"""Set, a fault of ours shows its traceback."""
_CANNOT_WRITE = (errno.ENOSPC, errno.EBADF, errno.EIO, errno.EDQUOT, errno.EFBIG)
"""Errors that name no file come from standard output: every other place that writes says where."""


_GONE = (errno.EIO, errno.EPIPE)
"""Nobody will ever read there again."""


def hold() -> None:
    """Keep the numbers of standard streams that were closed, so that no file of ours gets one of them.

    What is written to such a stream fails as it should, and a job finds it closed: the stand-in is opened
    the wrong way round and is not inherited. Text that a stream cannot encode is escaped.
    """
    for fd, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if fd == 0 else os.O_RDONLY)
        if getattr(sys, name) is None:
            # What we say to people is simply lost then; data that cannot be written is an error.
            place = os.devnull if name == "stderr" else fd
            setattr(sys, name, open(place, mode, closefd=name == "stderr", encoding="utf-8"))  # noqa: SIM115
    escape = getattr(sys.stdout, "reconfigure", None)
    if escape is not None:
        escape(errors="backslashreplace")


_data: TextIO | None = None
"""Where our data goes; None: to `sys.stdout`."""


def keep_for_data() -> None:
    """From now on nothing but our data (`out`) reaches standard output; what plugins print is for people.

    Where somebody else put a stream of his own in the place of standard output, that one gets the data, and
    descriptors stay as they are.
    """
    global _data  # noqa: PLW0603 - a process has one standard output
    from perfwatch.session import stdout

    if _data is not None or not (sys.stdout is sys.__stdout__ or sys.__stdout__ is None):
        return
    _data = sys.stdout
    if sys.__stdout__ is not None:  # else it was closed, and there is nothing to keep clean
        sys.stdout.flush()
        _data = open(  # noqa: SIM115 - until the process ends
            stdout.move_apart(), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, closefd=False
        )
    sys.stdout = sys.stderr


def out() -> TextIO:
    """The stream for our data: standard output."""
    return sys.stdout if _data is None else _data


def say(text: str, *, quiet: bool = False) -> None:
    """A line for the person, on standard error; one that takes nothing is no reason to fail."""
    if quiet or not text:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in _GONE:
            _let_go_of_stderr()


def _let_go_of_stderr() -> None:
    """The terminal is gone: what waits in the stream must not fail again at exit, as status 120."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def say_fault(word: str, error: Exception) -> None:
    """One sentence about what was not foreseen; standard output that takes nothing is told apart."""
    name = f"perfwatch {word}".strip()
    if isinstance(error, BrokenPipeError):
        let_go_of_stdout()  # whoever read us has had enough
        return
    if isinstance(error, OSError) and error.filename is None and error.errno in _CANNOT_WRITE:
        let_go_of_stdout()
        reason = reason_of(error)
        say(f"{name}: cannot write to standard output: {reason}; send it where it can be written")
        return
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    say(
        f"{name}: a fault of perfwatch itself, {type(error).__name__}: {error} ({_place(error)}); please "
        f"report it with what {TRACEBACK_VARIABLE}=1 shows"
    )


def let_go_of_stdout() -> None:
    """Nothing more can be written there: keep Python from complaining about it at exit."""
    from perfwatch.session import stdout

    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.true_fd(), inheritable=stdout.true_fd() == 1)
    except OSError:
        return


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "nowhere"
    return f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"  # noqa: PTH119
