"""What have LoadGen's files in a directory been written by now?

The settings come when a run starts, the result in one piece when it ended; what is written in between is the
trace, where it is on, and in a run for accuracy the log of answers. What lies there at the first look is
another run's, unless it has no end yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from perfwatch.clock import Clock
from perfwatch.errors import TryAgain
from perfwatch.text import clean
from perfwatch.workload.tail import TICK_NS, Tail

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
TRACE, ANSWERS = "mlperf_log_trace.json", "mlperf_log_accuracy.json"
USUAL_PLACES = ("", "run_1", "performance/run_1")
"""Where the logs lie below a directory of results."""
END_BYTES = 512 * 1024
"""So much of a log's beginning, and of its end, is read: errors without number may stand between."""

_State = tuple[int, int, int]


class Logs(NamedTuple):
    """The lines of the detail log and of the summary, and when the former was written (CLOCK_MONOTONIC)."""

    detail: list[str]
    summary: list[str]
    at_ns: int


class LoadgenFolder:
    """Follows the files of one directory, which may be missing so far.

    Args:
        path: the directory, or one above it (see `USUAL_PLACES`).
        clock: tells the times.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = Path(path)
        self._clock = clock
        self._seen = {place: self._state(place) for place in USUAL_PLACES}
        self._looked_ns = clock.monotonic_ns()
        self.place: str | None = None
        """Below `path`, once a run was seen there."""
        self.trace: Tail | None = None
        self.answers: Tail | None = None

    @property
    def shown(self) -> str:
        """The path, safe to show."""
        return clean(self._path, 200)

    @property
    def where(self) -> Path:
        """The directory of the logs."""
        return self._path / (self.place or "")

    @property
    def is_missing(self) -> bool:
        """Whether there is no such directory."""
        return not self._path.is_dir()

    def present(self) -> list[str]:
        """The lines of the detail log that lies there at the first look."""
        return _ends(self._path / DETAIL)

    def adopt(self) -> None:
        """The run that lies there goes on: count what it writes from now."""
        self._begin_at("")
        for tail in (self.trace, self.answers):
            if tail is not None:
                tail.begin()

    def look(self) -> Logs | None:
        """The logs, if the detail log has been written since the last look.

        Raises:
            TryAgain: they cannot be read.
        """
        since_ns, self._looked_ns = self._looked_ns, self._clock.monotonic_ns()
        for place, before in self._seen.items():
            state = self._state(place)
            if state is None or state == before:
                continue
            self._seen[place] = state
            if place != self.place:
                self._begin_at(place)
            try:
                return Logs(
                    _ends(self.where / DETAIL),
                    _ends(self.where / SUMMARY),
                    self._written_ns(state[2], since_ns),
                )
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise TryAgain(f"cannot read LoadGen's logs in {self.shown}: {reason}", 1.0) from None
        return None

    def close(self) -> None:
        """Give the files back."""
        for tail in (self.trace, self.answers):
            if tail is not None:
                tail.close()

    def _begin_at(self, place: str) -> None:
        self.close()
        self.place = place
        self.trace = Tail(str(self.where / TRACE), self._clock)
        self.answers = Tail(str(self.where / ANSWERS), self._clock)

    def _written_ns(self, mtime_ns: int, since_ns: int) -> int:
        """A file's time on the monotonic clock, and never too early."""
        now_ns = self._clock.monotonic_ns()
        return min(now_ns, max(since_ns, now_ns - self._clock.time_ns() + mtime_ns + TICK_NS))

    def _state(self, place: str) -> _State | None:
        try:
            status = (self._path / place / DETAIL).stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def _ends(path: Path) -> list[str]:
    """The lines of a log; of a long one those of its beginning and of its end."""
    try:
        with path.open("rb") as file:
            content = file.read(END_BYTES)
            size = path.stat().st_size
            if size > END_BYTES:
                file.seek(max(END_BYTES, size - END_BYTES))
                content += b"\n" + file.read(END_BYTES)
    except FileNotFoundError:
        return []
    return content.decode("utf-8", "replace").splitlines()
