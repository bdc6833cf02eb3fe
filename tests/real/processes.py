"""Servers as processes of a group of their own, on free ports of the loopback, ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

START_S = 180
END_S = 20
LOOK_S = 0.2
LAST_LINES = 20


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on; all are held until the last is found, so that none comes twice."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Look until it holds.

    Raises:
        TimeoutError: it did not within so many seconds; `what` says what was waited for.
    """
    until_s = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until_s:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(LOOK_S)


def fetched(url: str) -> str | None:
    """The page at an address; None while it does not answer with one."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())
    except (OSError, urllib.error.HTTPError):
        return None


def answering(url: str) -> Callable[[], bool]:
    """Does this address answer yet?"""
    return lambda: fetched(url) is not None


@contextlib.contextmanager
def server(
    *command: str,
    ready: Callable[[], bool],
    log: Path,
    extra: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that runs while the block does.

    Args:
        ready: is it up (`answering`)? log: a file for what it prints.
        extra: variables of its environment. directory: where it works.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["nice", "-n", "10", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(extra or {})},
            cwd=directory,
            start_new_session=True,
        )
    try:
        _wait_for_it(process, ready, log)
        yield process
    finally:
        end_group(process)


def _wait_for_it(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    try:
        wait_until(lambda: process.poll() is not None or ready(), START_S, "the server")
    except TimeoutError as error:
        raise AssertionError(f"{error}; it printed:\n{_tail(log)}") from None
    assert process.poll() is None, f"the server ended while it started:\n{_tail(log)}"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def end_group(process: subprocess.Popen[Any]) -> None:
    """End the process and all that it started: asked first, then killed."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_S)
    with contextlib.suppress(ProcessLookupError):  # its children outlive it here and there
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
