"""Which device departs from its like, and which only seems to because all of them vary?"""

from __future__ import annotations

from perfwatch.derive.odd import Peer, odd_one


def peers(*clocks_hz: float) -> list[Peer]:
    return [Peer(f"chip:{n}", "Chip", clock, 300.0) for n, clock in enumerate(clocks_hz)]


def test_one_that_is_slower_than_seven_alike_is_named() -> None:
    found = odd_one(peers(1.9e9, 1.9e9, 1.91e9, 1.2e9, 1.9e9, 1.89e9, 1.9e9, 1.9e9))
    assert found is not None
    assert found.label == "chip:3"
    assert found.message == "runs at 1.2 GHz, its seven peers at 1.9 GHz"


def test_where_all_of_them_vary_none_is_odd() -> None:
    assert odd_one(peers(1.2e9, 1.05e9, 1.3e9, 0.944e9, 1.15e9, 1.25e9, 1.1e9, 1.35e9)) is None


def test_of_three_nobody_can_say_which_is_odd() -> None:
    assert odd_one(peers(1.9e9, 1.9e9, 1.2e9)) is None
