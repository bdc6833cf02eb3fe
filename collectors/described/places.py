"""Where an output comes from: a command that is run, one that runs on and on, or a file.

A command is started without a shell, in a process group of its own, with a plain environment (no colours, the
C locale), and is bounded in time and in what it may print. Whatever happens, none is left running.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from perfwatch_collectors.credentials import HOW_TO_ASK
from perfwatch_collectors.described.children import Child, collected, read_of
from perfwatch_collectors.described.stream_period import StreamPeriod
from perfwatch_collectors.described.stream_text import StreamText
from perfwatch_collectors.fetching import HOW_TO_TRUST, Fetcher, checked_url
from perfwatch_collectors.fetching import shown as shown_url

from perfwatch.errors import TryAgain, Unavailable, reason_of
from perfwatch.programs import places, program
from perfwatch.redact import redact, redact_command
from perfwatch.text import clean

if TYPE_CHECKING:
    from perfwatch_collectors.credentials import Credentials
    from perfwatch_collectors.described.description import Source
    from perfwatch_collectors.described.formats import Read

OUTPUT_BYTES = 4 * 2**20
"""More than this no tool has to say of its devices."""
STREAM_LINES = 4096
LINE_BYTES = 2**20
FIRST_S = 5.0
"""So long a stream's first line is waited for."""
PAUSE_S, MOST_PAUSE_S = 0.05, 0.5
"""After such a pause the first lines are all of a moment; a stream without pauses is cut after a while."""
LOOK_AGAIN_S = 60.0
TOO_SLOW = (
    "a tool that hangs waits for its driver (sudo dmesg), one that is slow needs a longer timeout in its "
    "description"
)
"""What to do where no answer came."""
_PLAIN = {"LC_ALL": "C", "LANG": "C", "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "250", "LINES": "50"}


HOSTNAME = "@hostname"
_ASKED = re.compile(rf"\{{((?:\$[A-Z_][A-Z0-9_]*|{HOSTNAME})(?:\|(?:\$[A-Z_][A-Z0-9_]*|{HOSTNAME}))*)\}}")
"""Variables of the environment and the machine's name, in an argument of a command."""
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


def filled(argv: Sequence[str]) -> list[str]:
    """A command with what its arguments ask for: `{$SLURMD_NODENAME|@hostname}`, the first that is known.

    Shown is what the description says: a variable may hold a secret.
    """
    return [_ASKED.sub(lambda asked: _first_known(asked[1].split("|")), word) for word in argv]


def _first_known(names: Sequence[str]) -> str:
    known = (os.uname().nodename if one == HOSTNAME else os.environ.get(one[1:], "") for one in names)
    return next(filter(None, known), "")


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
        self._spent_s = 0.0
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
        child = _started(self._argv)
        try:
            said = collected(child, time.monotonic() + self._timeout_s, OUTPUT_BYTES)
        finally:
            child.end()
            child.close()
            self._spent_s += child.cpu_s
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

    @property
    def cpu_s(self) -> float:
        """CPU time that its runs took, s."""
        return self._spent_s + (0.0 if self.also is None else self.also.cpu_s)

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
        self.period = StreamPeriod()
        self._timeout_s = max(timeout_s, FIRST_S)
        self.shown = shown(argv)
        self._lines: deque[bytes] = deque(maxlen=STREAM_LINES)
        self._fresh = threading.Event()
        self._child: Child | None = None
        self._spent_s = 0.0
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
        while self._has_ended or self._fresh.wait(max(0.0, until_s - time.monotonic())):
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

    @property
    def cpu_s(self) -> float:
        """CPU time that it took, s."""
        child = self._child
        return self._spent_s + (0.0 if child is None else child.cpu_s)

    def close(self) -> None:
        """End it, and all that it started."""
        child, self._child = self._child, None
        if child is not None:
            child.end()
            self._spent_s += child.cpu_s

    def _begin(self) -> Child:
        self._lines.clear()
        self._text = StreamText(self._how)
        self._is_told = False
        self._fresh.clear()
        self._has_ended = False
        child = self._child = _started(self._argv, lasting=True)
        threading.Thread(target=self._listen, args=(child,), name="perfwatch-stream", daemon=True).start()
        return child

    def _listen(self, child: Child) -> None:
        begun = b""
        while (piece := _next_of(child)) is not None:
            self.period.arrived(time.monotonic())
            begun += piece
            lines = begun.splitlines(keepends=True)
            begun = b"" if begun.endswith(b"\n") or len(lines[-1]) > LINE_BYTES else lines.pop()
            if lines:
                self._lines.extend(lines)
                self._fresh.set()
        if begun:
            self._lines.append(begun)
        child.close()
        if self._child is child:
            self._has_ended = True
            self._fresh.set()


def _next_of(child: Child) -> bytes | None:
    """The next piece of what it prints; None at its end, and where it has ended and nothing is left."""
    while True:
        has_ended = child.has_ended()
        piece = read_of(child.stdout)
        if piece or has_ended or piece == b"":
            return piece or None
        child.wait([child.stdout], LOOK_AGAIN_S)


class Trusts(NamedTuple):
    """Which certificates a page may have: any, those in a file, or those of the usual authorities."""

    verify: bool
    ca: str


class WebPage:
    """A page that is fetched for each reading.

    Args:
        source: names the variable of the environment that holds a token.
        url: the address.
        who: who asks, where it is not the address that says so.
        of_metrics: whether it is one of metrics; else it is taken as it is.
        trusts: which certificates.
    """

    def __init__(
        self, source: Source, url: str, *, who: Credentials | None, of_metrics: bool, trusts: Trusts
    ) -> None:
        self.shown = f"the page {shown_url(url)}"
        self._fetcher = Fetcher(
            checked_url(url, of_metrics=of_metrics),
            user=who,
            token=_secret(source.token),
            verify=trusts.verify,
            ca=trusts.ca,
            of_metrics=of_metrics,
            timeout_s=source.timeout_s,
            how_to_trust=HOW_TO_TRUST,
            how_to_ask=HOW_TO_ASK,
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


def shown(argv: Sequence[str]) -> str:
    """A command as it may be shown: by its name, without secrets."""
    return clean(" ".join(redact_command([Path(argv[0]).name, *argv[1:]])), 100)


def _started(argv: Sequence[str], *, lasting: bool = False) -> Child:
    try:
        return Child(filled(argv), {**os.environ, **_PLAIN}, lasting=lasting)
    except OSError as error:
        remedy = f"see with ls -l who may run {clean(argv[0])}, and whether it is a program of this machine"
        raise Failed(f"{shown(argv)} cannot be started: {reason_of(error)}", remedy) from error


def _last_words(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return clean(redact(lines[-1]), 200) if lines else ""
