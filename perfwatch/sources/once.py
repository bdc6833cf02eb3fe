"""One reading of this machine: the chosen collectors are opened, read twice at most, and closed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from perfwatch.derive.snapshot import needs_two_readings
from perfwatch.derive.tape import Tape
from perfwatch.model import State
from perfwatch.runner import Runner
from perfwatch.sources.live import OPEN_WAIT_S, Chosen, LiveSource

PERIOD_S = 0.15
"""Short, so that a call that hangs is left behind within the patience below."""
PATIENCE_S = 1.5
"""How long a reading is waited for; a collector that is later has told nothing."""
APART_S = 0.3
"""Between the two readings that a rate needs."""


class Once(NamedTuple):
    """What was read, and how each collector is doing: state, reason, remedy."""

    tape: Tape
    states: dict[str, tuple[State, str, str]]


class _TapeSink:
    """Lays the records out as they come."""

    def __init__(self) -> None:
        self.tape = Tape({})

    def write(self, record: Mapping[str, Any]) -> None:
        if "format" in record:
            self.tape = Tape(record)
        else:
            self.tape.take(record)

    def tick(self, now_ns: int) -> None:
        """Nothing is due by the clock."""


def read_once(chosen: Sequence[Chosen], *, apart_s: float = APART_S) -> Once:
    """Open, read, close. A collector that hangs is left; what the others told is there."""
    sink = _TapeSink()
    live = LiveSource(
        [Chosen(one.collector, PERIOD_S, one.asked) for one in chosen], [sink], interval_s=PERIOD_S
    )
    live.start()
    try:
        live.wait_open(OPEN_WAIT_S)
        answering = _read([runner for runner in live.runners if runner.opened.is_set()])
        if live.hub.ask(lambda: needs_two_readings(sink.tape)).result(PATIENCE_S):
            time.sleep(apart_s)
            _read(answering)
        states = live.states()
    finally:
        live.stop()
    return Once(sink.tape, states)


def _read(runners: Sequence[Runner]) -> list[Runner]:
    """Read all of them and wait for their answers; returns those that answered."""
    tickets = [(runner, runner.read_now()) for runner in runners]
    until_s = time.monotonic() + PATIENCE_S
    return [runner for runner, ticket in tickets if ticket.done.wait(max(0.0, until_s - time.monotonic()))]
