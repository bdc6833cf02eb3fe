"""What had LoadGen written when a run ended, where the next run overwrites it at once?

A job that starts one run after another in one directory has each overwrite the logs of the one before, a
millisecond after these were whole. So a thread reads them as soon as the system says that they were written
to, and keeps the result until somebody looks.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from perfwatch.workload import loadgen_result
from perfwatch.workload.changes import Changes

TAIL_BYTES = 16 * 1024
ENDED = b"power_end"
"""It stands near the end of a log whose run is over."""
PAUSE_S = 0.001
"""So long after a change the next one is looked at: a log of errors changes without pause."""
END_S = 1.0
KEPT = 10_000


class Logs(NamedTuple):
    """The logs of a run as they are at a time.

    Args:
        detail, summary: their lines.
        at_ns: when the former was written (CLOCK_MONOTONIC).
        place: in which directory below the one that is followed; empty for that itself.
    """

    detail: list[str]
    summary: list[str]
    at_ns: int
    place: str = ""


class EndedRuns:
    """The logs of runs that are over.

    Args:
        read: reads the logs beside a detail log, as they are now; OSError where it cannot.
    """

    def __init__(self, read: Callable[[Path], Logs]) -> None:
        self._read = read
        self._changes = Changes()
        self._detail: Path | None = None
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, float | None], Logs] = {}
        """By place, and when a run started and began to measure: of what is written twice the last counts."""
        self._ear, self._bell = os.pipe()
        self._thread: threading.Thread | None = None

    def follow(self, detail: Path) -> None:
        """Keep the results of this log, which is there, from now on; called again after it was made anew."""
        if not self._changes.watch(detail):
            return
        self._detail = detail
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="perfwatch-loadgen-ends", daemon=True)
            self._thread.start()

    def take(self) -> list[Logs]:
        """What was kept since the last call, in order."""
        with self._lock:
            taken, self._kept = list(self._kept.values()), {}
        return taken

    def close(self) -> None:
        """Keep nothing any more; a second call changes nothing."""
        if self._bell < 0:
            return
        os.close(self._bell)
        self._bell = -1
        if self._thread is not None:
            self._thread.join(END_S)
        os.close(self._ear)
        self._changes.close()

    def _keep(self) -> None:
        ready = select.poll()
        ready.register(self._changes.fd, select.POLLIN)
        ready.register(self._ear, select.POLLIN)
        while self._ear not in [fd for fd, _ in ready.poll()]:
            self._changes.clear()
            with contextlib.suppress(OSError):
                self._look()
            time.sleep(PAUSE_S)

    def _look(self) -> None:
        detail = self._detail
        if detail is None or ENDED not in _tail(detail):
            return
        logs = self._read(detail)
        result = loadgen_result.result(logs.detail, logs.summary)
        if result is not None and result.windows and len(self._kept) < KEPT:
            with self._lock:
                self._kept[logs.place, result.started, result.begin_s] = logs


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        return file.read(TAIL_BYTES)
