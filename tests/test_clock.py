"""Two clocks compared by a thread that is made to wait in between."""

from __future__ import annotations

from perfwatch.clock import ahead_ns


class WaitingClock:
    """Wall time is 1,000 s ahead; the thread is held up for 90 ms between the first two questions."""

    def __init__(self) -> None:
        self._now_ns = 5_000_000_000
        self._asked = 0

    def _ask(self) -> int:
        self._asked += 1
        self._now_ns += 90_000_000 if self._asked == 2 else 100
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._ask()

    def time_ns(self) -> int:
        return self._ask() + 1_000_000_000_000

    def wait(self, wake: object, seconds: float) -> None: ...


def test_a_thread_that_waits_between_two_clocks_does_not_see_them_apart() -> None:
    assert abs(ahead_ns(WaitingClock()) + 1_000_000_000_000) < 1_000
