"""A session as it happens, to whoever reads our output: each record at once, and nobody waits for the reader.

Records go through a bounded queue to a thread of their own. When the reader is too slow for too long, whole
batches are left out, and a `missing` event says how many; declarations and events are never left out, so
that what follows stays readable.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from perfwatch.errors import SessionError
from perfwatch.session import format as fmt
from perfwatch.session.writer import Writer

MOST_WAITING = 1_000_000
"""So many values wait for a slow reader: a quarter of an hour of 8 devices at 10 Hz, some 50 MB."""


class Outlet:
    """A sink of the hub that writes records to a file descriptor, which it owns.

    Args:
        fd: where to, or what opens it: a named pipe without a reader keeps only our own thread waiting.
        compress: write zstd frames.
        most_waiting: so many values wait for a slow reader.

    `closed` is set when the reader is gone (or the descriptor takes nothing more for another reason,
    `trouble`).
    """

    def __init__(
        self, fd: int | Callable[[], int], *, compress: bool = False, most_waiting: int = MOST_WAITING
    ) -> None:
        self.closed = threading.Event()
        self.trouble = ""
        self._fd = fd
        self._compress = compress
        self._most_waiting = most_waiting
        self._condition = threading.Condition()
        self._waiting: deque[tuple[Mapping[str, Any], int]] = deque()
        self._values = 0
        self._left_out = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="perfwatch-outlet", daemon=True)
        self._started = False

    def write(self, record: Mapping[str, Any]) -> None:
        """Take one record; never blocks. The first one starts the thread."""
        if not self._started:
            self._started = True
            self._thread.start()
        values = _values_of(record)
        with self._condition:
            if values and self._values + values > self._most_waiting:
                self._left_out += 1
                return
            if self._left_out:
                self._put(_missing(record, self._left_out), 0)
                self._left_out = 0
            self._put(record, values)
            self._condition.notify()

    def tick(self, now_ns: int) -> None:
        """Nothing is due by the clock."""

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what waits, as far as the reader takes it in this time; what it did not take is `trouble`."""
        with self._condition:
            self._ending = True
            self._condition.notify()
        if self._started:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            self.trouble = self.trouble or "its reader did not take all of it"

    def _put(self, record: Mapping[str, Any], values: int) -> None:
        self._waiting.append((record, values))
        self._values += values

    def _run(self) -> None:
        try:
            fd = self._fd() if callable(self._fd) else self._fd
        except SessionError as error:
            self.trouble = str(error)
        else:
            self._write_on(Writer(fd, compress=self._compress, every_batch=True))
        self.closed.set()

    def _write_on(self, writer: Writer) -> None:
        while not writer.trouble:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    break
                record, values = self._waiting.popleft()
                self._values -= values
            writer.write(record)
        self.trouble = writer.trouble
        writer.close()


def _values_of(record: Mapping[str, Any]) -> int:
    """How many values a record holds that may be left out; 0 for one that may not."""
    if "s" in record:
        return sum(len(row[2]) + 1 for row in record["s"])
    if "table" in record:
        return sum(len(row) for row in record["rows"]) + 1
    return 0


def _missing(before: Mapping[str, Any], records: int) -> fmt.Record:
    reason = "the reader of this stream was too slow"
    return fmt.event(float(before.get("t", 0.0)), "missing", {"records": records, "reason": reason})
