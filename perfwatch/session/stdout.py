"""Which descriptor is our standard output, while plugins and their libraries may print?

What a vendor's C library prints goes to descriptor 1, whatever Python thinks. So a command that runs plugins
moves its own standard output to a descriptor of which they do not know, and lets 1 be standard error. Our
data and the job go on using the true one. It stays so until the process ends: C writes what it holds at exit.
"""

from __future__ import annotations

import os

STDOUT_FD, STDERR_FD = 1, 2
_PATHS = ("/dev/stdout", f"/dev/fd/{STDOUT_FD}", f"/proc/self/fd/{STDOUT_FD}")
_true_fd = STDOUT_FD


def move_apart() -> int:
    """Move standard output to a descriptor of its own, which no child inherits, and return it.

    Raises:
        OSError: it is closed, or there is no descriptor left.
    """
    global _true_fd  # noqa: PLW0603 - a process has one standard output
    if _true_fd == STDOUT_FD:
        _true_fd = os.dup(STDOUT_FD)
        os.dup2(STDERR_FD, STDOUT_FD)
    return _true_fd


def true_fd() -> int:
    """The descriptor of our standard output."""
    return _true_fd


def for_a_child() -> int | None:
    """The standard output to give to a child; None where it inherits the true one by itself."""
    return None if _true_fd == STDOUT_FD else _true_fd


def true_path(path: str) -> str:
    """The path, except where it names our standard output: then that of the true one."""
    return f"/dev/fd/{_true_fd}" if path in _PATHS else path
