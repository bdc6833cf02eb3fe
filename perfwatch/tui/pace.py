"""When is it painted? After each whole period, so that what is late does not add up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

RATES_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
"""Paint periods that `+` and `-` go through, s."""


class Pace:
    """Calls `tick` once a period; Textual's own timers go through several queues.

    Args:
        period_s: how often, s.
        tick: called on the event loop.
        failed: takes what `tick` raises: it would be lost in the event loop.
    """

    def __init__(
        self, period_s: float, tick: Callable[[], None], failed: Callable[[Exception], None]
    ) -> None:
        self.period_s = period_s
        self._tick, self._failed = tick, failed
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin, or go on with another period."""
        self.stop()
        loop = asyncio.get_running_loop()
        due = (loop.time() // self.period_s + 1) * self.period_s
        self._timer = loop.call_at(due, self._on_time)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()

    def step(self, step: int) -> None:
        """The next of the usual periods, shorter for 1 and longer for -1."""
        place = min(range(len(RATES_S)), key=lambda at: abs(RATES_S[at] - self.period_s))
        self.period_s = RATES_S[max(0, min(len(RATES_S) - 1, place - step))]
        self.start()

    def _on_time(self) -> None:
        self.start()
        try:
            self._tick()
        except Exception as error:  # noqa: BLE001 - said as Textual says it
            self._failed(error)
