"""What does a file that grows tell about the work done, line by line?

Two kinds of files are followed, logs and JSON lines; they differ in what is found in a line. A line's time is
that of its arrival: the file's time of change at the look that found it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from perfwatch.clock import Clock
from perfwatch.errors import ConfigError, TryAgain
from perfwatch.model import Device, Event, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.redact import redact
from perfwatch.text import from_system
from perfwatch.workload.booking import Booking
from perfwatch.workload.lines import LINE_BYTES, Lines
from perfwatch.workload.patterns import Match, Pattern
from perfwatch.workload.tail import Tail
from perfwatch.workload.tally import clean_text

SILENT_S = 30.0
"""After so long without a match it is said, with the last line."""
LOOK_S = 0.25
"""How often a file is looked at."""

FOUND_AT_ONCE = 20_000
"""So much that was found is booked together: a look can find millions of lines."""

Search = Callable[[str], "Match | None"]
"""What a line tells; a ValueError says that it cannot be understood."""


class Followed:
    """One file at work.

    Args:
        path: the file.
        device: without metrics.
        search: what finds something in a line.
        what: what is looked for, for people.
        clock: the time.
        pattern: what `search` belongs to, where that is a pattern.
        line_bytes: the longest line.
        judge: says which queries are good ones.
    """

    def __init__(
        self,
        path: str,
        device: Device,
        search: Search,
        *,
        what: str,
        clock: Clock,
        pattern: Pattern | None = None,
        line_bytes: int = LINE_BYTES,
        judge: Judge = NOBODY,
    ) -> None:
        self._clock = clock
        self._search = search
        self._what = what
        self._line_bytes = line_bytes
        self._tail = Tail(path, clock)
        self._lines = Lines(line_bytes)
        opened_ns = clock.monotonic_ns()
        self._booking = Booking(device, opened_ns, pattern, judge)
        self._silent_until_ns: int | None = opened_ns + round(SILENT_S * 1e9)
        self._splits: list[int] = []
        self._last_line = ""
        self._said: set[str] = set()
        self._misread = False
        self._pattern = pattern
        self._unread: str | None = None
        """The first bar that could not be read, as a sentence."""
        self._begun = False

    @property
    def device(self) -> Device:
        """The device, with the metrics that it told so far."""
        return self._booking.tally.device

    def split(self, at_ns: int) -> None:
        """A mark was put at this time: no sample reaches over it."""
        self._splits.append(at_ns)

    def begin(self) -> None:
        """Take the first look: what is in the file now was done before. A file that cannot be read is tried
        again."""
        try:
            before = self._tail.begin()
        except TryAgain:
            return
        self._begun = True
        for match in filter(None, map(self._understood, self._texts(before))):
            self._booking.remember(match)

    def readings(self) -> Iterator[Reading]:
        """What came since the last look.

        Raises:
            TryAgain: the file cannot be read; that is said once as well.
        """
        if not self._begun:
            self.begin()
        trouble: TryAgain | None = None
        notes: list[str] = []
        told: list[tuple[int, Match]] = []
        found = False
        knew = self._unread
        try:
            for at_ns, line in self._new_lines(notes):
                match = self._understood(line, notes)
                if match is not None:
                    told.append((at_ns, match))
                    found = True
                elif self._unread is None and self._pattern is not None:
                    self._unread = self._pattern.unread(line)
                if len(told) >= FOUND_AT_ONCE:
                    yield from self._booking.readings(told, tuple(self._splits))
                    told.clear()
        except TryAgain as error:
            trouble = error
            notes.append(str(error))
        count = len(self._splits)
        splits, self._splits = self._splits[:count], self._splits[count:]
        yield from self._booking.readings(told, splits)
        if self._booking.tally.reached_too_far:
            notes.append(f"{self._tail.shown}: {self._booking.tally.reached_too_far}")
        if self._unread != knew:
            yield self._note(str(self._unread), code="lost-counts")
        yield from self._notes([*notes, *self._silence(found=found)])
        if trouble is not None:
            raise trouble

    def close(self) -> None:
        """Give the file back."""
        self._tail.close()

    def _texts(self, before: bytes) -> Iterator[str]:
        for _, text in Lines(self._line_bytes).feed(before, 0):
            yield text

    def _new_lines(self, notes: list[str]) -> Iterator[tuple[int, str]]:
        for piece in self._tail.read():
            if b"\0" in piece.data:
                notes.append(f"{self._tail.shown} holds binary data; only lines of text in it can tell work")
            yield from self._lines.feed(piece.data, piece.at_ns)
            if piece.ends:
                yield from self._lines.end()

    def _understood(self, line: str, notes: list[str] | None = None) -> Match | None:
        self._last_line = line
        try:
            return self._search(line)
        except ValueError as error:
            if notes is not None and not self._misread:
                self._misread = True
                notes.append(
                    f"{error} in {self._tail.shown} and was passed over: {clean_text(redact(line), 100)!r}"
                )
            return None

    def _silence(self, *, found: bool) -> Sequence[str]:
        """After a while without any match: what there was instead."""
        if found:
            self._silent_until_ns = None
        if self._silent_until_ns is None or self._clock.monotonic_ns() < self._silent_until_ns:
            return ()
        self._silent_until_ns = None
        path = self._tail.shown
        if self._tail.is_missing:
            return (f"{path} is not there after {SILENT_S:.0f} s; it is waited for: is the path right?",)
        if not self._last_line:
            return (f"nothing was written to {path} in {SILENT_S:.0f} s; is it the right file?",)
        last = clean_text(redact(self._last_line), 200)
        return (f"{self._what} found nothing in {path} in {SILENT_S:.0f} s; the last line is {last!r}",)

    def _notes(self, texts: Sequence[str]) -> Iterator[Reading]:
        for text in texts:
            if text not in self._said:
                self._said.add(text)
                yield self._note(text)

    def _note(self, text: str, **code: str) -> Event:
        source = str(self.device.facts.get("work", ""))
        return Event("note", {"source": source, "text": text, **code}, self._clock.monotonic_ns())


def facts_of_place(path: str) -> dict[str, Any]:
    """What a device says of the file or directory that it reads, as it is when the run begins."""
    reads = {"reads": clean_text(from_system(path), 500)}
    return reads if os.path.exists(path) else {**reads, "absent": True}  # noqa: PTH110 - raises nothing


def refuse_directory(path: str, instead: str) -> None:
    """A directory cannot be followed, and that is known before the job starts.

    Args:
        instead: what to do, as in `name the training log in it`.

    Raises:
        ConfigError: it is one.
    """
    if os.path.isdir(path):  # noqa: PTH112 - raises nothing, whatever the path holds
        raise ConfigError(
            f"cannot follow {clean_text(from_system(path), 200)!r}: it is a directory; {instead}"
        )


def split_path(spec: str) -> tuple[str, str]:
    """PATH and what stands behind its first colon; `\\:` is a colon of the path."""
    path, _, rest = spec.replace("\\:", "\0").partition(":")
    return path.replace("\0", ":"), rest.replace("\0", "\\:")
