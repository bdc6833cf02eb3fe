"""Where an output comes from: a command that is run, one that runs on and on, or a file.

A command is started without a shell, in a process group of its own, with a plain environment (no colours, the
C locale), and is bounded in time and in what it may print. Whatever happens, none is left running.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfwatch_collectors.described.stream_text import StreamText
from perfwatch_collectors.fetching import Fetcher, checked_url
from perfwatch_collectors.fetching import shown as shown_url

from perfwatch.errors import TryAgain, Unavailable, reason_of
from perfwatch.programs import places, program
from perfwatch.redact import redact_command
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.credentials import Credentials
    from perfwatch_collectors.described.description import Source
    from perfwatch_collectors.described.formats import Read

OUTPUT_BYTES = 4 * 2**20
"""More than this no tool has to say of its devices."""
ERROR_BYTES = 4096
STREAM_LINES = 4096
LINE_BYTES = 2**20
FIRST_S = 5.0
"""So long a stream's first line is waited for."""
PAUSE_S, MOST_PAUSE_S = 0.05, 0.5
"""After such a pause the first lines are all of a moment; a stream without pauses is cut after a while."""
END_S = 1.0
TOO_SLOW = (
    "a tool that hangs waits for its driver (sudo dmesg), one that is slow needs a longer timeout in its "
    "description"
)
"""What to do where no answer came."""
_PLAIN = {"LC_ALL": "C", "LANG": "C", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "250", "LINES": "50"}


_NOT_ALLOWED = ("permission denied", "not permitted", "access denied", "must be root", "as root", "eacces")


class Failed(TryAgain):
    """What is read is there, and told nothing now.

    Args:
        remedy: what to do about it; that it is to be installed is none.
    """

    def __init__(self, reason: str, remedy: str, after_s: float | None = None) -> None:
        super().__init__(reason, after_s)
        self.remedy = remedy


def _remedy_of(argv: Sequence[str], said: str) -> str:
    """What to do about a tool that failed with these words."""
    if any(words in said.casefold() for words in _NOT_ALLOWED):
        return f"{shown(argv)} needs rights that this user does not have: run perfwatch as one who has them"
    return f"run {shown(argv)} yourself to see what it says"


def find(source: Source, path: str | None = None) -> list[tuple[list[str], list[str]]]:
    """The commands that are there, their programs with whole paths; each with the one that tells more.

    Raises:
        Unavailable: none of them is.
    """
    where = places(path)
    if source.needs and program(source.needs, where) is None:
        raise Unavailable(f"{clean(source.needs, 60)} is not there", source.remedy)
    found = []
    for at, command in enumerate(source.commands):
        there = program(command[0], where)
        if there is not None:
            also = source.also[min(at, len(source.also) - 1)] if source.also else ()
            more = program(also[0], where) if also else None
            found.append(([there, *command[1:]], [more, *also[1:]] if more else []))
    if found:
        return found
    names = " or ".join(dict.fromkeys(clean(command[0], 60) for command in source.commands))
    raise Unavailable(f"{names} is not there", source.remedy)


class Command:
    """A command that is run for each reading.

    Args:
        argv: the program with its whole path, and its arguments.
        timeout_s: so long its answer is waited for.
        also: one that tells more of the same devices.
        once: it tells what does not change: what it said first is what it says.
        needs: the program that it is about, where that is not the first.
    """

    def __init__(
        self,
        argv: Sequence[str],
        timeout_s: float,
        also: Sequence[str] = (),
        *,
        once: bool = False,
        needs: str = "",
    ) -> None:
        self._argv = list(argv)
        self._timeout_s = timeout_s
        self.shown = clean(needs, 60) or shown(argv)
        self.also = Command(also, timeout_s, once=once) if also else None
        self._is_asked_once, self._said_once = once and not also, b""
        self.failure: Failed | None = None
        """How it failed last, though it printed something, which may still tell of devices."""

    def output(self) -> bytes:
        """What it prints.

        Raises:
            TryAgain: it failed, hung, or printed nothing or too much; says which.
        """
        output = self._said_once or self._run()
        self._said_once = output if self._is_asked_once else b""
        return output

    def _run(self) -> bytes:
        child = _start(self._argv, subprocess.PIPE)
        try:
            said = _collect(child, time.monotonic() + self._timeout_s)
        finally:
            _end(child)
        if len(said.output) > OUTPUT_BYTES:
            remedy = "ask it for less, by other arguments in its description"
            raise Failed(f"{self.shown} printed more than {OUTPUT_BYTES // 2**20} MB and was ended", remedy)
        if not said.is_whole:
            raise Failed(f"{self.shown} gave no answer within {self._timeout_s:g} s and was ended", TOO_SLOW)
        self.failure = None
        if child.returncode:
            words = _last_words(said.errors) or _last_words(said.output) or f"exit {child.returncode}"
            self.failure = Failed(f"{self.shown} failed: {words}", _remedy_of(self._argv, words))
        if self.failure is not None and not said.output.strip():
            raise self.failure
        return said.output

    def close(self) -> None:
        """Nothing runs between two readings."""


class Stream:
    """A command that is started once and prints on and on; a thread keeps its newest lines.

    One that ends is started again at the next reading.

    Args:
        argv: the program with its whole path, and its arguments.
        timeout_s: so long its next lines are waited for.
        how: what it prints is cut into records like that.
    """

    def __init__(self, argv: Sequence[str], timeout_s: float, how: Read) -> None:
        self._argv = list(argv)
        self._how = how
        self._text = StreamText(how)
        self._is_told = False
        self._timeout_s = max(timeout_s, FIRST_S)
        self.shown = shown(argv)
        self._lines: deque[bytes] = deque(maxlen=STREAM_LINES)
        self._fresh = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._has_ended = False

    def output(self) -> bytes:
        """The whole records that came since the last reading; for the first ones it waits.

        Raises:
            TryAgain: it ended, or says nothing; says which.
        """
        child = self._child or self._begin()
        told = self._whole(time.monotonic() + self._timeout_s) or self._text.rest()
        if told:
            return told
        if not self._has_ended:
            raise Failed(f"{self.shown} printed nothing for {self._timeout_s:g} s", TOO_SLOW)
        self.close()
        raise Failed(
            f"{self.shown} ended (exit {child.returncode}); it is started again",
            _remedy_of(self._argv, ""),
            1.0,
        )

    def _whole(self, until_s: float) -> bytes:
        """The next whole records; nothing where none comes up to a time."""
        while self._fresh.wait(max(0.0, until_s - time.monotonic())):
            if not self._is_told:
                self._let_it_finish()
            self._fresh.clear()
            taken = [self._lines.popleft() for _ in range(len(self._lines))]
            if not taken:
                break  # it has ended
            whole = self._text.whole(b"".join(taken))
            if whole:
                self._is_told = True
                return whole
        return b""

    def _let_it_finish(self) -> None:
        """The first lines tell which devices there are: one that came a moment later would be a late one."""
        until_s = time.monotonic() + MOST_PAUSE_S
        while not self._has_ended and time.monotonic() < until_s:
            self._fresh.clear()
            if not self._fresh.wait(PAUSE_S):
                return

    def close(self) -> None:
        """End it, and all that it started."""
        child, self._child = self._child, None
        if child is not None:
            _end(child)

    def _begin(self) -> subprocess.Popen[bytes]:
        self._lines.clear()
        self._text = StreamText(self._how)
        self._is_told = False
        self._fresh.clear()
        self._has_ended = False
        child = self._child = _start(self._argv, subprocess.DEVNULL)
        threading.Thread(target=self._listen, args=(child,), name="perfwatch-stream", daemon=True).start()
        return child

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        try:
            while line := child.stdout.readline(LINE_BYTES):
                self._lines.append(line)
                self._fresh.set()
        except ValueError:
            return  # it was closed meanwhile
        if self._child is child:
            self._has_ended = True
            self._fresh.set()


class WebPage:
    """A page that is fetched for each reading.

    Args:
        source: names the variable of the environment that holds a token.
        url: the address.
        who: who asks, where it is not the address that says so.
        of_metrics: whether it is one of metrics; else it is taken as it is.
    """

    def __init__(self, source: Source, url: str, *, who: Credentials | None, of_metrics: bool) -> None:
        self.shown = f"the page {shown_url(url)}"
        self._fetcher = Fetcher(
            checked_url(url, of_metrics=of_metrics),
            user=who,
            token=_secret(source.token),
            verify=source.verify,
            of_metrics=of_metrics,
            how_to_ask="name where user and password are: user=VARIABLE,password=VARIABLE, "
            "credentials=FILE or keyring=SERVICE/USER",
        )

    def output(self) -> bytes:
        """The page.

        Raises:
            TryAgain: it cannot be had now; says why.
        """
        return self._fetcher.fetch()

    def close(self) -> None:
        """Give the connection back."""
        self._fetcher.close()


def _secret(variable: str) -> str:
    """What a variable of the environment holds: no secret stands in a description or on a command line.

    Raises:
        Unavailable: it is not set.
    """
    if not variable:
        return ""
    value = os.environ.get(variable)
    if value is None:
        name = clean(variable, 80)
        raise Unavailable(f"the variable {name} of the environment is not set", f"export {name}=...")
    return value


class File:
    """A file that is read anew for each reading."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shown = clean(path)

    def output(self) -> bytes:
        """Its content.

        Raises:
            TryAgain: it cannot be read; says why.
        """
        try:
            with self._path.open("rb") as file:
                return file.read(OUTPUT_BYTES)
        except OSError as error:
            remedy = ""
            if isinstance(error, PermissionError):
                remedy = f"run perfwatch as a user who may read {self.shown}, such as root"
            raise Failed(f"{self.shown} cannot be read: {reason_of(error)}", remedy) from error

    def close(self) -> None:
        """Nothing is held."""


class _Said(NamedTuple):
    output: bytes
    errors: bytes
    is_whole: bool


def _collect(child: subprocess.Popen[bytes], until_s: float) -> _Said:
    """What a child prints up to its end, or up to a time. Both pipes are emptied: none of them blocks it."""
    assert child.stdout is not None
    assert child.stderr is not None
    found = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}
    output, errors = found.values()
    with selectors.DefaultSelector() as selector:
        for pipe in found:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and len(output) <= OUTPUT_BYTES:
            left_s = until_s - time.monotonic()
            if left_s <= 0.0:
                return _Said(bytes(output), bytes(errors), is_whole=False)
            for key, _ in selector.select(left_s):
                piece = os.read(key.fd, 65536)
                if piece:
                    found[key.fd] += piece if key.fd == child.stdout.fileno() else piece[-ERROR_BYTES:]
                else:
                    selector.unregister(key.fd)
    try:
        child.wait(max(0.0, until_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        return _Said(bytes(output), bytes(errors), is_whole=len(output) > OUTPUT_BYTES)
    return _Said(bytes(output), bytes(errors[-ERROR_BYTES:]), is_whole=True)


def shown(argv: Sequence[str]) -> str:
    """A command as it may be shown: by its name, without secrets."""
    return clean(" ".join(redact_command([Path(argv[0]).name, *argv[1:]])), 100)


def _start(argv: Sequence[str], errors: int) -> subprocess.Popen[bytes]:
    environment: Mapping[str, str] = {**os.environ, **_PLAIN}
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        remedy = f"see with ls -l who may run {clean(argv[0])}, and whether it is a program of this machine"
        raise Failed(f"{shown(argv)} cannot be started: {reason_of(error)}", remedy) from error
    _running.add(child)
    return child


_running: set[subprocess.Popen[bytes]] = set()
"""Children that were not ended yet: who leaves does not wait for the threads that would end them."""


@atexit.register
def _end_all() -> None:
    while _running:
        _end(_running.pop())


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and its group, and reap it."""
    _running.discard(child)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        return  # in a call of its driver that no signal ends; its thread goes on without it
    finally:
        for stream in (child.stdout, child.stderr):
            if stream is not None and child.returncode is not None:
                stream.close()


def _last_words(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return clean(lines[-1], 200) if lines else ""
