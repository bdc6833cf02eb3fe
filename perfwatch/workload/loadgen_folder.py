"""What have LoadGen's files in a directory been written by now?

The settings come when a run starts, the result in one piece when it ended; what is written in between is the
trace, where it is on, and in a run for accuracy the log of answers. What lies there at the first look is
another run's, unless somebody still writes it. Runs that follow each other may have directories of their own
(run_0, run_1, ...): they are taken in the order in which they were written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from perfwatch.clock import Clock
from perfwatch.errors import TryAgain, reason_of
from perfwatch.text import clean
from perfwatch.workload.loadgen_ends import EndedRuns, Logs
from perfwatch.workload.tail import Tail, arrival_ns

DETAIL, SUMMARY, TRACE, ANSWERS = "detail.txt", "summary.txt", "trace.json", "accuracy.json"
"""How the files end. Before that stands what the job asked for: `mlperf_log_`, or that and the time."""
_RUN = re.compile(r"run_\d+")
"""How a harness calls the directory of one of several runs."""
END_BYTES = 512 * 1024
"""So much of a log's beginning, and of its end, is read: errors without number may stand between."""

_State = tuple[int, int, int]


def usual_places(directory: Path) -> list[Path]:
    """Where the logs lie in a directory of results: there, in run_1 (or run_0, ...), or performance/run_1."""
    outer = [directory, directory / "performance"]
    runs = [place / name for place in outer for name in _names_in(place) if _RUN.fullmatch(name)]
    return [directory, *sorted(runs)]


def _names_in(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(directory)]
    except OSError:
        return []


def details_in(directory: Path) -> list[Path]:
    """The detail logs of `usual_places`, the one that was written last first."""
    found: dict[Path, int] = {}
    for place in usual_places(directory):
        try:
            entries = [entry for entry in os.scandir(place) if entry.name.endswith(DETAIL)]
            found |= {Path(entry.path): entry.stat().st_mtime_ns for entry in entries if entry.is_file()}
        except OSError:
            continue
    return sorted(found, key=lambda path: found[path], reverse=True)


def beside(detail: Path, ending: str) -> Path:
    """Another file of the same run."""
    return detail.with_name(detail.name.removesuffix(DETAIL) + ending)


class LoadgenFolder:
    """Follows the files of one directory, which may be missing so far.

    Args:
        path: the directory, or one above it (see `usual_places`).
        clock: tells the times.
    """

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = Path(path)
        self._clock = clock
        self._seen = {detail: _state(detail) for detail in details_in(self._path)}
        self._looked_ns = clock.monotonic_ns()
        self._detail: Path | None = None
        self._told: list[str] = []
        """The detail log that was handed over last."""
        self._ended = EndedRuns(lambda detail: self._logs(detail, clock.monotonic_ns()))
        self.trace: Tail | None = None
        self.answers: Tail | None = None

    @property
    def shown(self) -> str:
        """The path, safe to show."""
        return clean(self._path, 200)

    @property
    def is_missing(self) -> bool:
        """Whether there is no such directory."""
        return not self._path.is_dir()

    def going_on(self) -> Logs | None:
        """The logs of a run that some process still has open; None without one.

        What that run writes from now on is counted.
        """
        for detail in self._seen:
            if _is_open(detail):
                self._follow(detail)
                for tail in (self.trace, self.answers):
                    if tail is not None:
                        tail.begin()
                return self._logs(detail, self._looked_ns)
        return None

    def overwritten(self) -> list[Logs]:
        """The logs of runs that ended since the last look and were overwritten by the next one."""
        if self._detail is None:
            return []
        kept = [logs for logs in self._ended.take() if logs.detail != self._told]
        now = _ends(self._detail) if kept else []
        return [logs for logs in kept if logs.detail != now]

    def begin_anew(self) -> None:
        """Another run overwrites the files: they are followed from their beginning."""
        if self._detail is not None:
            self._follow(self._detail)

    def look(self) -> Iterator[Logs]:
        """The logs that have been written since the last look, the oldest first.

        From when they are handed over until the next are, `trace` and `answers` are those beside them.

        Raises:
            TryAgain: they cannot be read.
        """
        since_ns, self._looked_ns = self._looked_ns, self._clock.monotonic_ns()
        for detail in reversed(details_in(self._path)):
            state = _state(detail)
            if state is None or state == self._seen.get(detail):
                continue
            self._seen[detail] = state
            if detail != self._detail:
                self._follow(detail)
            self._ended.follow(detail)
            try:
                logs = self._logs(detail, arrival_ns(self._clock, state[2], since_ns))
            except OSError as error:
                reason = reason_of(error)
                raise TryAgain(f"cannot read LoadGen's logs in {self.shown}: {reason}", 1.0) from None
            self._told = logs.detail
            yield logs

    def close(self) -> None:
        """Give the files back."""
        self._ended.close()
        self._close_tails()

    @property
    def place(self) -> str:
        """In which directory below the one that is followed the logs lie that were read last."""
        return "" if self._detail is None else self._place_of(self._detail)

    def _place_of(self, detail: Path) -> str:
        place = clean(detail.parent.relative_to(self._path), 200)
        return "" if place == "." else place

    def _logs(self, detail: Path, written_ns: int) -> Logs:
        summary = _ends(beside(detail, SUMMARY))
        return Logs(_ends(detail), summary, written_ns, self._place_of(detail))

    def _close_tails(self) -> None:
        for tail in (self.trace, self.answers):
            if tail is not None:
                tail.close()

    def _follow(self, detail: Path) -> None:
        self._close_tails()
        self._detail = detail
        self.trace = Tail(str(beside(detail, TRACE)), self._clock)
        self.answers = Tail(str(beside(detail, ANSWERS)), self._clock)


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_open(path: Path) -> bool:
    """Whether a process that we may look at has a file open (Linux alone can tell)."""
    wanted = path.resolve()
    for place in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if place.readlink() == wanted:
                return True
        except OSError:
            continue
    return False


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
