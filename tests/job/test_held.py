"""What a page said before it was known whose work it counts: kept, bounded, and given at its own times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from perfwatch.errors import TryAgain
from perfwatch.job.held import KEPT, Held
from perfwatch.metrics import QUERIES
from perfwatch.model import Appeared, Device, DeviceKind, Reading, Sample

DEVICE = Device("page", "page", DeviceKind.WORKLOAD, metrics=(QUERIES,))


class Page:
    """A collector that counts two more at each reading, at one a second."""

    def __init__(self, moves: bool = True) -> None:
        self.n = 0
        self.fails = False
        self._moves = moves

    def read(self, devices: Sequence[Any]) -> Iterator[Reading]:
        if self.fails:
            raise TryAgain("no page")
        self.n += 1
        if self.n == 1:
            yield Appeared(DEVICE)
        yield Sample("page", (2 * self.n if self._moves else 5,), self.n * 10)


def times_and_values(readings: Sequence[Reading]) -> list[tuple[int | None, Any]]:
    return [(one.at_ns, one.values[0]) for one in readings if isinstance(one, Sample)]


def test_nothing_is_told_until_it_is_let_go_and_then_everything() -> None:
    page = Page()
    held = Held(page)
    assert [list(page.read(())) for _ in range(3)] == [[], [], []]
    held.let_go(25)
    readings = list(page.read(()))
    assert readings[0] == Appeared(DEVICE)
    # As it stood at 20 it stood when the job began.
    assert times_and_values(readings) == [(10, 2), (20, 4), (25, 4), (30, 6), (40, 8)]
    assert times_and_values(list(page.read(()))) == [(50, 10)]


@pytest.mark.parametrize(
    ("began", "expected"),
    [
        (5, [(10, 2), (20, 4), (30, 6)]),
        (13, [(10, 2), (13, 2), (20, 4), (30, 6)]),
        (19, [(10, 2), (19, 4), (20, 4), (30, 6)]),
        (20, [(10, 2), (20, 4), (30, 6)]),
    ],
)
def test_at_the_begin_it_stood_at_what_was_read_nearest_to_it(began: int, expected: list[Any]) -> None:
    page = Page()
    held = Held(page)
    list(page.read(()))
    list(page.read(()))
    held.let_go(began)
    assert times_and_values(list(page.read(()))) == expected


def test_however_long_it_is_held_it_takes_little_and_keeps_its_first_and_last() -> None:
    page = Page()
    held = Held(page)
    for _ in range(20 * KEPT):
        assert list(page.read(())) == []
    held.let_go(0)
    readings = list(page.read(()))
    told = times_and_values(readings)
    assert len(told) <= KEPT + 1
    assert readings[0] == Appeared(DEVICE)
    assert told[0] == (10, 2)
    assert told[-1] == (10 * page.n, 2 * page.n)
    assert told == sorted(told)


def test_whether_it_works_is_seen() -> None:
    for moves in (True, False):
        page = Page(moves)
        held = Held(page)
        list(page.read(()))
        assert held.moves == 0
        list(page.read(()))
        assert held.moves == moves


def test_how_a_server_fares_that_nobody_named_is_not_told() -> None:
    page = Page()
    page.fails = True
    held = Held(page)
    assert list(page.read(())) == []
    held.let_go(0)
    with pytest.raises(TryAgain):
        list(page.read(()))
