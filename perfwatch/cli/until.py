"""How long does a command that watches go on? Until a time is over, a signal comes, or nobody listens."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable

from perfwatch.job.signals import ENDING, SignalQueue

LOOK_S = 0.2
"""How often it is asked whether somebody still listens."""
LONG_S = 3600.0
"""One wait where nobody is asked."""


def wait_for_the_end(
    signals: SignalQueue, duration_s: float | None, nobody_listens: Callable[[], bool] | None = None
) -> signal.Signals | None:
    """Wait; returns the signal that ended it, None if it was something else. ctrl-Z stops us meanwhile.

    Args:
        signals: open already.
        duration_s: at most so long; None for ever.
        nobody_listens: ends the waiting when it turns true.
    """
    until_s = math.inf if duration_s is None else time.monotonic() + duration_s
    look_s = LONG_S if nobody_listens is None else LOOK_S
    while nobody_listens is None or not nobody_listens():
        left_s = until_s - time.monotonic()
        if left_s <= 0.0:
            return None
        arrival = signals.wait(min(left_s, look_s))
        if arrival is not None and arrival.number in ENDING:
            return arrival.number
        if arrival is not None and arrival.number is signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)
    return None


def status_of(ending: signal.Signals | None) -> int:
    """The exit status: 0, for ctrl-C as well, which is the normal end; 128+N for another signal."""
    return 0 if ending in (None, signal.SIGINT) else 128 + int(ending)
