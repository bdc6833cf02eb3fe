from __future__ import annotations

import pytest

from perfwatch.model import Device, DeviceKind
from perfwatch.workload.account import Account
from perfwatch.workload.patterns import compile_pattern
from perfwatch.workload.tally import Tally

S = 1_000_000_000


def booked(pattern: str, *lines: tuple[float, str]) -> Tally:
    compiled = compile_pattern(pattern)
    tally = Tally(Device("job", "job", DeviceKind.WORKLOAD), 0)
    account = Account(compiled, tally)
    for at_s, line in lines:
        match = compiled.search(line)
        if match is not None:
            account.take(match, round(at_s * S))
    return tally


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([1, 2, 3], 3),
        ([100], 100),
        ([10, 20, 5, 8], 28),
        ([10, 10, 10], 10),
        ([10, 0, 10], 20),
        ([5, -3, 7], 7),
    ],
)
def test_a_cumulative_number_counts_on_over_restarts(values: list[int], total: int) -> None:
    tally = booked("step {steps}", *[(0.0, f"step {value}") for value in values])
    assert tally.total("steps") == total
    assert type(tally.total("steps")) is int


def test_increments_add_up() -> None:
    assert booked("{queries__inc}", (0, "3"), (0, "4")).total("queries") == 7


def test_a_rate_holds_for_the_time_since_the_line_before() -> None:
    tally = booked("{samples__rate}/s", (1.0, "100/s"), (3.0, "10/s"), (3.5, "200/s"))
    assert tally.total("samples") == pytest.approx(2.0 * 10 + 0.5 * 200)


def test_a_rate_told_once_counts_nothing() -> None:
    assert booked("{samples__rate}/s", (1.0, "100/s")).total("samples") == 0


def test_two_rates_keep_their_own_time() -> None:
    tally = booked(
        r"(?P<a__rate>\d+) a/s|(?P<b__rate>\d+) b/s", (0, "1 a/s"), (1, "1 b/s"), (2, "1 a/s"), (4, "1 b/s")
    )
    assert (tally.total("a"), tally.total("b")) == (2.0, 3.0)


def test_what_cannot_be_negative_is_left_out() -> None:
    tally = booked("{n__inc} {l__s} {r__rate} {g__gauge}", (0, "-1 -2 -3 -4"), (1, "1 2 3 -4"))
    assert (tally.total("n"), tally.total("r")) == (1, 0)
    gauge, _, latency, _ = tally.sample(S)[-1].values  # type: ignore[union-attr]
    assert gauge == -4
    assert latency.n == 1  # type: ignore[union-attr]


def test_matching_lines_are_counted_as_lines() -> None:
    assert booked("^done", (0, "done 1"), (0, "not done"), (0, "done")).total("lines") == 2
