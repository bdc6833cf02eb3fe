"""A thread of a runner in its pass: which device it is in, since when, what it has read, who waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from perfwatch.clock import Clock
from perfwatch.model import Device, Reading, Sample


class Ticket:
    """A reading asked for out of turn.

    `done` is set when it was taken, or when it is known that it will not be; `span_ns` is then the time of
    its first and of its last sample, None without any.
    """

    def __init__(self) -> None:
        self.done = threading.Event()
        self.span_ns: tuple[int, int] | None = None

    def fulfil(self, span_ns: tuple[int, int] | None) -> None:
        self.span_ns = span_ns
        self.done.set()


class Worker:
    """One thread and the pass it is in: which device, since when, what it has read, who waits for it.

    `left_behind`: another thread reads the other devices now. `hung`: nobody waits for its answer any more.
    `rest`: what the thread in whose place this one came had still to read in its pass; None: begin with the
    next one. `aside`: it reads one device alone, which is slow.
    """

    def __init__(self, *, aside: bool = False) -> None:
        self.aside = self.left_behind = aside
        self.rest: list[Device] | None = None
        self.devices: list[Device] = []
        self.over = threading.Event()
        """What is read aside is read, and is in `given`."""
        self.given: Sequence[tuple[int, Reading]] = ()
        self.hung = False
        self.device: Device | None = None
        self.since_ns = 0
        self.began_ns = 0
        self.readings: list[tuple[int, Reading]] = []
        self.tickets: list[Ticket] = []


class Watched(list[Device]):
    """The devices of a pass; iterating tells the worker which device is being read."""

    def __init__(self, devices: Sequence[Device], worker: Worker, clock: Clock) -> None:
        super().__init__(devices)
        self._worker = worker
        self._clock = clock

    def __iter__(self) -> Iterator[Device]:
        worker, now_ns = self._worker, self._clock.monotonic_ns
        for device in super().__iter__():
            if worker.left_behind and not worker.aside:
                return
            worker.since_ns = now_ns()
            worker.device = device
            yield device


def fulfil_all(tickets: Sequence[Ticket], span_ns: tuple[int, int] | None) -> None:
    for ticket in tickets:
        ticket.fulfil(span_ns)


def stuck_ns(worker: Worker, now_ns: int) -> int:
    """For how long the call that the worker makes has been out; 0 while it makes none."""
    return now_ns - worker.since_ns if worker.device is not None else 0


def quick(workers: Sequence[Worker], seconds: float) -> list[tuple[int, Reading]]:
    """What is read aside within so long: a device that was slow may answer quickly again."""
    until_s = time.monotonic() + seconds
    came = [worker for worker in workers if worker.over.wait(max(0.0, until_s - time.monotonic()))]
    return [reading for worker in came for reading in worker.given]


def span_ns(readings: Sequence[tuple[int, Reading]]) -> tuple[int, int] | None:
    """When the first and the last sample were taken."""
    taken = [at_ns for at_ns, reading in readings if isinstance(reading, Sample)]
    return (min(taken), max(taken)) if taken else None
