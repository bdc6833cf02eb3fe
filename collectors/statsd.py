"""What does a job tell in StatsD lines and through `perfwatch.client`?

A thread of its own receives and stamps, nothing more; `read` parses what came. The job is never made to
wait: what cannot be kept is dropped, counted, and said (`lost`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from perfwatch.clock import Clock, SystemClock
from perfwatch.collector import Collector
from perfwatch.errors import CollectorError
from perfwatch.model import Device, DeviceKind, Event, Reading
from perfwatch.objectives import NOBODY, Judge
from perfwatch.workload.address import parse_address
from perfwatch.workload.inlet import Inlet
from perfwatch.workload.ledger import Ledger
from perfwatch.workload.statsd import has_mark

QUEUE_BYTES = 64 * 2**20
"""So much waits for `read`, together; more is dropped and counted."""
OVERHEAD_BYTES = 150
"""What a queued datagram takes beside its content (measured: tuple, int, bytes object)."""
AT_ONCE = 4096
BUSY = 4
"""When a wake-up finds so many datagrams, the next ones are left to gather for PAUSE_S."""
PAUSE_S = 0.001
END_S = 1.0
"""So long `close` waits for the listening thread, which it woke."""


@dataclass(frozen=True)
class StatsdOptions:
    """Where to listen.

    Args:
        address: `udp://HOST:PORT` (port 0: the system chooses) or `unix:PATH`.
        index: the number among several listeners of one run.
    """

    address: str = "udp://127.0.0.1:0"
    index: int = 0


class StatsdCollector(Collector):
    """Listens for StatsD lines; one device of kind workload.

    `on_mark` is called at once, on the listening thread or in `read`, when a datagram with a mark comes in;
    whoever sets it must return at once (ask for readings, do not wait for them).
    """

    name = "statsd"
    about = "work that a job counts: StatsD lines and perfwatch.client; every `perfwatch run` listens"
    Options = StatsdOptions

    def __init__(self, options: StatsdOptions | None = None, *, clock: Clock | None = None) -> None:
        super().__init__(options)
        self._clock = clock or SystemClock()
        self._wanted = parse_address(self.options.address)
        self.on_mark: Callable[[], None] = lambda: None
        self.judge: Judge = NOBODY
        """Says which queries are good ones; set before `bind`."""
        self._inlet: Inlet | None = None
        self._ledger: Ledger | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._receiving = threading.Lock()
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued_bytes = 0
        self._overflowed = 0
        self._lost_said = self._bad_said = 0
        self._broken: BaseException | None = None

    @property
    def address(self) -> str:
        """Where it listens, such as `udp://127.0.0.1:41234`; before `bind`, where it is to listen."""
        return str(self._inlet.address if self._inlet is not None else self._wanted)

    def bind(self) -> None:
        """Begin to listen; a second call changes nothing. What is counted is counted from here on.

        Raises:
            Unavailable: the system refuses the address.
        """
        if self._inlet is not None:
            return
        self._inlet = Inlet(self._wanted, self._clock)
        self._ledger = Ledger(self._device(), self._clock.monotonic_ns(), self.judge)
        self._lost_said = self._bad_said = self._overflowed = 0
        self._ending.clear()
        self._thread = threading.Thread(
            target=self._receive, args=(self._inlet,), name="perfwatch-statsd-intake", daemon=True
        )
        self._thread.start()

    def open(self) -> Sequence[Device]:
        self.bind()
        assert self._ledger is not None
        return [self._ledger.tally.device]

    def read(self, devices: Sequence[Device]) -> Iterator[Reading]:
        """Everything that arrived before this call, the kernel's buffer included."""
        inlet, ledger = self._inlet, self._ledger
        if inlet is None or ledger is None:
            raise CollectorError("cannot read StatsD lines: the socket is not open")
        if self._broken is not None:
            raise CollectorError(f"cannot receive StatsD lines any more: {self._broken}") from self._broken
        now_ns = self._clock.monotonic_ns()
        self._drain(inlet, until_ns=now_ns)
        waiting = self._take_queue()
        lost = (inlet.dropped() or 0) + self._overflowed
        yield from ledger.readings(waiting, self._clock.monotonic_ns())
        if lost > self._lost_said:
            yield Event("lost", {"source": "statsd", "datagrams": lost - self._lost_said}, now_ns)
            self._lost_said = lost
        if ledger.bad > self._bad_said:
            yield Event("lost", {"source": "statsd", "lines": ledger.bad - self._bad_said}, now_ns)
            self._bad_said = ledger.bad
        lives = ledger.lives.news()
        if lives is not None:
            yield Event("clients", {"source": ledger.tally.device.id, **lives}, now_ns)

    def close(self) -> None:
        self._ending.set()
        if self._inlet is not None and self._thread is not None:
            self._inlet.wake()
            self._thread.join(END_S)
            self._thread = None
        if self._inlet is not None:
            with self._receiving:
                self._inlet.close()
                self._inlet = None

    def _device(self) -> Device:
        index = self.options.index
        return Device(
            id=f"statsd-{index}" if index else "statsd",
            name="StatsD",
            kind=DeviceKind.WORKLOAD,
            index=index,
            facts={"work": "statsd", "address": self.address},
        )

    def _receive(self, inlet: Inlet) -> None:
        """The listening thread: receive, stamp, queue."""
        try:
            while not self._ending.is_set():
                inlet.wait()
                if self._drain(inlet, most=AT_ONCE) >= BUSY and inlet.stamped:
                    # Under load a wake-up for each datagram would cost most; the kernel has their times.
                    time.sleep(PAUSE_S)
        except Exception as error:  # noqa: BLE001 - `read` raises it: an intake that ended must be seen
            if not self._ending.is_set():
                self._broken = error

    def _drain(self, inlet: Inlet, *, most: int | None = None, until_ns: int | None = None) -> int:
        """Move what arrived into the queue; how many datagrams that were."""
        moved, marked = 0, False
        with self._receiving:
            while not self._ending.is_set():
                taken = inlet.take(AT_ONCE)
                moved += len(taken)
                marked = self._put(taken) or marked
                if len(taken) < AT_ONCE or most is not None:
                    break
                if until_ns is not None and taken[-1][0] > until_ns:
                    break
        if marked:
            self.on_mark()
        return moved

    def _put(self, taken: Sequence[tuple[int, bytes]]) -> bool:
        """Queue datagrams; whether one of them may hold a mark."""
        marked = False
        for arrival in taken:
            size = len(arrival[1]) + OVERHEAD_BYTES
            if self._queued_bytes + size > QUEUE_BYTES:
                self._overflowed += 1
                continue
            self._queued_bytes += size
            self._queue.append(arrival)
            marked = marked or has_mark(arrival[1])
        return marked

    def _take_queue(self) -> deque[tuple[int, bytes]]:
        with self._receiving:
            waiting, self._queue = self._queue, deque()
            self._queued_bytes = 0
        return waiting
