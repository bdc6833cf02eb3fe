"""When what a file holds was written, as `Tail` tells it."""

from __future__ import annotations

import os
from pathlib import Path

from perfwatch.workload.tail import Tail

WALL_NS = 1_900_000_000 * 1_000_000_000


class HeldUpClock:
    """Goes on by hand; the first question after `hold` is answered before somebody else writes for long."""

    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.meanwhile = lambda: None

    def monotonic_ns(self) -> int:
        told = self.now_ns
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return told

    def time_ns(self) -> int:
        return WALL_NS + self.now_ns

    def wait(self, wake: object, seconds: float) -> None: ...


def test_what_is_written_while_we_wait_to_read_arrives_after_it_was_written(tmp_path: Path) -> None:
    log, clock = tmp_path / "log", HeldUpClock()

    def write(text: str) -> None:
        with log.open("a") as file:
            file.write(text)
        os.utime(log, ns=(clock.time_ns(), clock.time_ns()))

    def held_up() -> None:
        clock.now_ns += 90_000_000
        write("second\n")

    write("first\n")
    tail = Tail(str(log), clock)  # type: ignore[arg-type]
    list(tail.read())
    clock.now_ns += 1_000_000_000
    clock.meanwhile = held_up
    (piece,) = tail.read()
    assert piece.data == b"second\n"
    assert piece.at_ns >= 6_090_000_000
    tail.close()
