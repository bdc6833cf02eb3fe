"""How does the job's output get through, whatever state perfwatch is in?

A stream that a pattern reads is passed on by a process of its own, forked before any thread exists. It
writes on what comes, at once and unchanged, and reports a copy, for which it never waits. So a perfwatch
that is stopped, busy or dead holds up no job, and a process that the job leaves behind can go on printing.
The ferry ends when the last writer has closed the streams.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import BinaryIO, NoReturn

from perfwatch.errors import SessionError
from perfwatch.job.streams import PIPE_BYTES, Passage, wide_pipe

Feed = Callable[[str, bytes, int], None]
"""Takes a stream's name, a piece of its output (empty at its end), and its CLOCK_MONOTONIC time in ns."""
Miss = Callable[[int], None]
"""Takes how many pieces of output were passed on and not reported."""
CHUNK_BYTES = 65536
WAITING_BYTES = 128 << 20
"""So much waits in the ferry for a perfwatch that is stopped or busy; more is passed on and not reported."""

_HEAD = struct.Struct("<Bqi")
"""Of a report: the stream's place, the time, and the length of the piece, or one of these:"""
_DRAINED, _CLOSED = 0, -1
"""The job's own output is through, though others hold the stream; the stream is closed."""
MOST_FDS = 1 << 20
_LOST = 255
"""In place of a stream: so many pieces (in place of the time) were not reported."""


class Ferry:
    """Passes streams on and reads along. To be made before any thread exists.

    Args:
        own_fds: our streams, by the name of the job's.
        size: columns and lines of the terminal that the job gets where ours are none.

    Raises:
        SessionError: the system lets us start no process.
    """

    def __init__(self, own_fds: Mapping[str, int], size: tuple[int, int] | None = None) -> None:
        self.passages = [Passage(name, fd, size) for name, fd in own_fds.items()]
        self._closed: set[str] = set()
        self._cpu_s: float | None = None
        self._memory_bytes = 0
        self._reports, report_fd = wide_pipe()
        wake_fd, self._wake_fd = os.pipe()
        self._pid = _forked()
        if self._pid == 0:
            _carry(self.passages, report_fd, wake_fd)
        for fd in (report_fd, wake_fd, *(passage.read_fd for passage in self.passages)):
            os.close(fd)
        self._thread: threading.Thread | None = None

    def start(self, feed: Feed, miss: Miss) -> None:
        """To be called when the child has its ends: close ours of them, and hand on what is reported."""
        for passage in self.passages:
            os.close(passage.child_fd)
        self.own_memory_bytes()  # of a short job there may be no later look
        self._thread = threading.Thread(
            target=self._listen, args=(feed, miss), name="perfwatch-output", daemon=True
        )
        self._thread.start()

    def drain(self, timeout_s: float) -> None:
        """The job is over: hand on what it had written; others may hold the streams open and go on."""
        self.own_memory_bytes()
        os.close(self._wake_fd)
        if self._thread is not None:
            self._thread.join(timeout_s)
        if len(self._closed) == len(self.passages):
            _, _, usage = os.wait4(self._pid, 0)
            self._cpu_s = usage.ru_utime + usage.ru_stime

    def cpu_s(self) -> float:
        """CPU time of the ferry so far, s."""
        return self._cpu_s if self._cpu_s is not None else _cpu_s_of(self._pid)

    def own_memory_bytes(self) -> int:
        """Memory of the ferry beside what it shares with us; the last known when it has ended."""
        if self._cpu_s is None:  # else it has ended, and its number may be another's
            self._memory_bytes = _own_memory_bytes_of(self._pid) or self._memory_bytes
        return self._memory_bytes

    def _listen(self, feed: Feed, miss: Miss) -> None:
        names = [passage.name for passage in self.passages]
        going_on = set(names)
        with os.fdopen(self._reports, "rb", buffering=CHUNK_BYTES) as stream:
            while (report := _next_report(stream)) is not None:
                place, at_ns, length, data = report
                if place == _LOST:
                    miss(at_ns)
                    continue
                feed(names[place], data, at_ns)
                if length == _CLOSED:
                    self._closed.add(names[place])
                if not data:
                    going_on.discard(names[place])
        for name in going_on:  # the ferry was killed
            feed(name, b"", time.monotonic_ns())


def _next_report(stream: BinaryIO) -> tuple[int, int, int, bytes] | None:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    place, at_ns, length = _HEAD.unpack(head)
    data = stream.read(max(0, length))
    return None if len(data) < length else (place, at_ns, length, data)


def _forked() -> int:
    try:
        return os.fork()
    except OSError as error:
        raise SessionError(
            f"cannot start the process that passes the job's output on: {error.strerror}; "
            "run it without -w stdout=, stderr= or output=, or let fewer processes run"
        ) from error


# -- in the ferry ----------------------------------------------------------------------------------


def _carry(passages: list[Passage], report_fd: int, wake_fd: int) -> NoReturn:
    """The life of the ferry. What perfwatch blocked (ctrl-C, ctrl-Z, a hangup) stays blocked here."""
    try:
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        _keep_only({report_fd, wake_fd, *(fd for one in passages for fd in (one.read_fd, one.own_fd))})
        reporter = _Reporter(report_fd, len(passages))
        carriers = [
            threading.Thread(target=_pass_on, args=(place, passage, reporter, wake_fd))
            for place, passage in enumerate(passages)
        ]
        for thread in (reporter, *carriers):
            thread.start()
        _follow_our_size(passages)
        for thread in (*carriers, reporter):
            thread.join()
    finally:
        os._exit(0)


def _keep_only(fds: set[int]) -> None:
    """Close everything else: whoever waits for its end must not wait for us."""
    first = 0
    for fd in sorted(fds):
        os.closerange(first, fd)
        first = fd + 1
    most = os.sysconf("SC_OPEN_MAX")  # -1: there is no limit
    os.closerange(first, min(most, MOST_FDS) if most > 0 else MOST_FDS)


def _follow_our_size(passages: list[Passage]) -> None:
    """The terminal tells us as well when it changes its size."""
    if not any(passage.is_terminal for passage in passages):
        return

    def resize(_number: int, _frame: object) -> None:
        for passage in passages:
            passage.resize()

    signal.signal(signal.SIGWINCH, resize)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGWINCH])
    for passage in passages:  # it may have changed before we listened
        passage.resize()


def _pass_on(place: int, passage: Passage, reporter: _Reporter, wake_fd: int) -> None:
    """Pass one stream on until its end; report until the job is over and what it wrote is through."""
    try:
        goes_on = _until_the_job_is_over(place, passage, reporter, wake_fd)
        while goes_on and _piece(place, passage, reporter):
            pass
    finally:
        # If nobody reads our stream, the job learns it as it would without us.
        os.close(passage.read_fd)
        reporter.end(place, _CLOSED)


def _until_the_job_is_over(place: int, passage: Passage, reporter: _Reporter, wake_fd: int) -> bool:
    """Pass on until perfwatch says so (or is dead), and then what the stream still held.

    Returns whether others hold the stream and may go on; False if it or its reader has ended.
    """
    while wake_fd not in _ready([passage.read_fd, wake_fd]):
        if not _piece(place, passage, reporter):
            return False
    # What comes now may be of a process that the job left behind and that never stops printing: what the
    # job wrote is no more than a pipe holds.
    left_bytes = PIPE_BYTES
    while left_bytes > 0 and _ready([passage.read_fd], wait=False):
        taken_bytes = _piece(place, passage, reporter)
        if not taken_bytes:
            return False
        left_bytes -= taken_bytes
    reporter.end(place, _DRAINED)
    return True


def _piece(place: int, passage: Passage, reporter: _Reporter) -> int:
    """Pass one piece on, waiting for it; returns its length, 0 at the end of the stream or of its reader."""
    data = _read(passage.read_fd)
    if data:
        reporter.tell(place, time.monotonic_ns(), data)
    return len(data) if data and _write_on(passage.own_fd, passage.kept(data)) else 0


def _ready(fds: list[int], *, wait: bool = True) -> list[int]:
    """Which of them have something to read, or have ended. Numbers may be of any size, unlike for select."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return [fd for fd, _ in poll.poll(None if wait else 0)]


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, CHUNK_BYTES)
    except OSError:  # a pseudo-terminal's other end is closed
        return b""


def _write_on(fd: int, data: bytes) -> bool:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
        except OSError:
            return False
    return True


class _Reporter(threading.Thread):
    """Sends reports; whoever tells it something never waits."""

    def __init__(self, fd: int, streams: int) -> None:
        super().__init__()
        self._fd = fd
        self._going_on = set(range(streams))
        self._condition = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._lost = 0

    def tell(self, place: int, at_ns: int, data: bytes) -> None:
        """Report a piece of a stream."""
        with self._condition:
            if place not in self._going_on:
                return
            if self._waiting_bytes + len(data) > WAITING_BYTES:
                self._lost += 1
                return
            self._put_lost()
            self._put(_HEAD.pack(place, at_ns, len(data)) + data)

    def end(self, place: int, how: int) -> None:
        """Report that a stream is over, once."""
        with self._condition:
            if place not in self._going_on:
                return
            self._going_on.discard(place)
            self._put_lost()
            self._put(_HEAD.pack(place, time.monotonic_ns(), how))

    def run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or not self._going_on)
                if not self._waiting:
                    break
                report = self._waiting.popleft()
                self._waiting_bytes -= len(report)
            if not _write_on(self._fd, report):  # perfwatch is dead
                break
        with self._condition:
            self._going_on.clear()
            self._waiting.clear()
        os.close(self._fd)

    def _put_lost(self) -> None:
        """What was not reported is told where it is missing, and not only at the end."""
        if self._lost:
            self._put(_HEAD.pack(_LOST, self._lost, 0))
            self._lost = 0

    def _put(self, report: bytes) -> None:
        self._waiting.append(report)
        self._waiting_bytes += len(report)
        self._condition.notify()


def _own_memory_bytes_of(pid: int) -> int:
    """Resident memory of a process that no other process shares (proc_pid_smaps(5), smaps_rollup).

    A forked process shares most of its pages with its parent, whose memory counts them already. 0 if the
    process is gone or the kernel does not tell.
    """
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            lines = [line.split() for line in file if line.startswith(("Private_Clean:", "Private_Dirty:"))]
        return sum(int(fields[1]) for fields in lines) * 1024
    except (OSError, ValueError, IndexError):
        return 0


def _cpu_s_of(pid: int) -> float:
    """User and system time of a process (proc_pid_stat(5), fields 14 and 15), s; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0
