"""Does writing to a terminal that takes nothing wait, pile up, or hold up the end?"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from perfwatch.tui.outlet import MOST_CHARACTERS, Outlet, write_at_once

LIMIT_S = 20.0
LINE = "x" * 4095 + "\n"


@pytest.fixture
def pty_ends() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    yield master, slave
    os.close(slave)
    os.close(master)


def taken(master: int, end: bytes) -> bytes:
    """What the terminal gets until the text that ends it."""
    data = b""
    until_s = time.monotonic() + LIMIT_S
    while not data.endswith(end):
        assert time.monotonic() < until_s, f"{len(data)} bytes came, not {end!r}"
        if select.select([master], [], [], 0.1)[0]:
            data += os.read(master, 65536)
    return data


def test_what_is_written_arrives_in_order(pty_ends: tuple[int, int]) -> None:
    master, slave = pty_ends
    outlet = Outlet(slave, "utf-8", lambda: None)
    for number in range(100):
        outlet.write(f"{number:04}⣿")
    outlet.write("end")
    expected = "".join(f"{number:04}⣿" for number in range(100)) + "end"
    assert taken(master, b"end").decode() == expected
    outlet.stop()
    assert not outlet.behind


def test_what_the_encoding_lacks_becomes_a_question_mark(pty_ends: tuple[int, int]) -> None:
    master, slave = pty_ends
    outlet = Outlet(slave, "ascii", lambda: None)
    outlet.write("5 °C end")
    assert taken(master, b"end") == b"5 ?C end"
    outlet.stop()


def test_a_terminal_that_takes_nothing_costs_bounded_memory_and_is_told_of(pty_ends: tuple[int, int]) -> None:
    _, slave = pty_ends
    outlet = Outlet(slave, "utf-8", lambda: None)
    for _ in range(3 * MOST_CHARACTERS // len(LINE)):
        outlet.write(LINE)
    assert outlet.lost
    assert outlet.behind
    assert sum(map(len, outlet._waiting)) <= MOST_CHARACTERS
    outlet.stop()


def test_the_farewell_gets_through_to_a_terminal_that_took_nothing(pty_ends: tuple[int, int]) -> None:
    master, slave = pty_ends
    outlet = Outlet(slave, "utf-8", lambda: None)
    for _ in range(100):
        outlet.write(LINE)
    outlet.drop()
    outlet.write("farewell")
    outlet.stop()
    assert taken(master, b"farewell").endswith(b"farewell")


def test_a_terminal_with_little_room_holds_up_neither_the_end_nor_the_last_words(
    pty_ends: tuple[int, int],
) -> None:
    """Where there is room for some bytes the kernel calls a terminal ready, and waits in a write of more."""
    master, slave = pty_ends
    _leave_little_room(master, slave)
    outlet = Outlet(slave, "utf-8", lambda: None)
    outlet.write(LINE * 100)

    def end() -> None:
        outlet.stop()
        write_at_once(slave, b"")
        write_at_once(slave, LINE.encode() * 100)

    ending = threading.Thread(target=end, daemon=True)
    ending.start()
    ending.join(LIMIT_S)
    assert not ending.is_alive()
    assert not outlet._thread.is_alive()


def _leave_little_room(master: int, slave: int) -> None:
    own = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(own, LINE.encode())
    while not select.select([], [own], [], 0)[1]:
        os.read(master, 1)
    os.close(own)


def test_who_waits_is_told_once_the_terminal_takes_again(pty_ends: tuple[int, int]) -> None:
    master, slave = pty_ends
    outlet = Outlet(slave, "utf-8", lambda: None)
    for _ in range(100):
        outlet.write(LINE)
    told = threading.Event()
    assert outlet.tell_when_taken(told.set)
    assert not told.is_set()
    outlet.write("end")
    taken(master, b"end")
    assert told.wait(LIMIT_S)
    outlet.stop()


def test_a_terminal_that_is_gone_is_told_of_once() -> None:
    master, slave = os.openpty()
    os.close(master)
    gone = threading.Event()
    outlet = Outlet(slave, "utf-8", gone.set)
    outlet.write("text")
    assert gone.wait(LIMIT_S)
    outlet.stop()
    os.close(slave)
