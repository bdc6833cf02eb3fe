"""Since when has a server given no answer? Told from the readings of its page; no more is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from perfwatch.clock import Clock
from perfwatch.errors import TryAgain


class Answers:
    """Stands before the `read` of the collector that reads a server's page.

    A server that answers with an error, or with something that is no page of metrics, answers. None is what
    failed underneath: no connection, no reply in time, broken off. The collector raises that from the
    network's own error, everything else from nothing.

    Args:
        page: the collector; its `read` is replaced.
        clock: time.
    """

    def __init__(self, page: Any, clock: Clock) -> None:
        self._read = page.read
        self._clock = clock
        self.silent_since_ns: int | None = None
        """Since when on the monotonic clock; None while it answers or was not asked yet."""
        self.answered = False
        """Whether it ever did."""
        page.read = self._listen

    def _listen(self, devices: Sequence[Any]) -> Iterator[Any]:
        asked_ns = self._clock.monotonic_ns()
        try:
            yield from self._read(devices)
        except TryAgain as trouble:
            if trouble.__cause__ is None:
                self._take_answer()
            elif self.silent_since_ns is None:
                self.silent_since_ns = asked_ns
            raise
        self._take_answer()

    def _take_answer(self) -> None:
        self.answered = True
        self.silent_since_ns = None
