from __future__ import annotations

import pytest

from perfwatch.model import Device, DeviceKind
from perfwatch.workload.account import Account
from perfwatch.workload.patterns import compile_pattern
from perfwatch.workload.tally import Tally

S = 1_000_000_000


def booked(pattern: str, *lines: tuple[float, str], numbered: bool = False) -> Tally:
    compiled = compile_pattern(pattern, numbered=numbered)
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
    # the first line's is taken to be as long as the time before it, and is in doubt
    assert tally.total("samples") == pytest.approx(1.0 * 100 + 2.0 * 10 + 0.5 * 200)
    assert tally.total("samples_doubted") == pytest.approx(100)


def test_a_rate_counts_no_pause_between_lines_that_come_evenly() -> None:
    """Twenty lines, 64 samples each, before and after an evaluation of four seconds."""
    times = [*(0.1 * n for n in range(1, 21)), *(6.0 + 0.1 * n for n in range(1, 21))]
    tally = booked("{samples__rate}/s", *((t, "640/s") for t in times))
    assert tally.total("samples") == pytest.approx(40 * 64)
    assert tally.total("samples_doubted") == pytest.approx(2 * 64)


def test_a_rate_that_is_told_now_and_then_is_integrated() -> None:
    times = (1.0, 1.3, 2.0, 4.0, 4.5, 9.5)
    tally = booked("{samples__rate}/s", *((t, "100/s") for t in times))
    assert tally.total("samples") == pytest.approx(100 * (8.5 + 0.3))


def test_a_rate_that_is_told_seldomer_from_now_on_is_integrated_again() -> None:
    times = [0.1 * n for n in range(1, 11)]
    times += [times[-1] + n for n in range(1, 11)]
    tally = booked("{samples__rate}/s", *((t, "100/s") for t in times))
    missing = 11 * 100 - tally.total("samples")  # type: ignore[operator]
    assert 0 < missing <= 200


def test_a_total_that_goes_on_from_a_little_below_is_in_doubt_by_what_it_fell() -> None:
    steps = [*range(10, 110, 10), *range(70, 170, 10)]
    tally = booked("step {steps}", *((0.0, f"step {step}") for step in steps))
    assert (tally.total("steps"), tally.total("steps_doubted")) == (160, 30)


def test_a_total_that_other_processes_tell_a_little_later_is_in_no_doubt() -> None:
    said = [value for step in range(100, 300, 10) for value in (step, step - 5, step - 8)]
    tally = booked("step {steps}", *((0.0, f"step {step}") for step in said))
    assert (tally.total("steps"), tally.total("steps_doubted")) == (290, None)


def test_a_rate_told_once_counts_nothing() -> None:
    assert booked("{samples__rate}/s", (1.0, "100/s")).total("samples") == 0


def test_two_rates_keep_their_own_time() -> None:
    tally = booked(
        r"(?P<a__rate>\d+) a/s|(?P<b__rate>\d+) b/s", (0, "1 a/s"), (1, "1 b/s"), (2, "1 a/s"), (4, "1 b/s")
    )
    assert (tally.total("a"), tally.total("b")) == (2.0, 3.0 + 1.0)


def test_what_cannot_be_negative_is_left_out() -> None:
    tally = booked("{n__inc} {l__s} {r__rate} {g__gauge}", (0, "-1 -2 -3 -4"), (1, "1 2 3 -4"))
    assert (tally.total("n"), tally.total("r")) == (1, 0)
    gauge, _, latency, _ = tally.sample(S)[-1].values  # type: ignore[union-attr]
    assert gauge == -4
    assert latency.n == 1  # type: ignore[union-attr]


def test_matching_lines_are_counted_as_lines() -> None:
    assert booked("^done", (0, "done 1"), (0, "not done"), (0, "done")).total("lines") == 2


RANKS = (
    "[rank{}]: ",
    "[default{}]:",
    "[1,{}]<stdout>: ",
    "[Rank {}] ",
    "rank {}: ",
    "[GPU{}] ",
    "worker-{}: ",
)


@pytest.mark.parametrize("prefix", RANKS)
def test_steps_of_several_ranks_count_once_and_what_each_did_adds_up(prefix: str) -> None:
    """A slow rank that prints what another printed before is no restart."""
    said = [(0, 10), (1, 10), (0, 20), (2, 10), (1, 20), (0, 30), (2, 20), (2, 30), (1, 30)]
    lines = [(0.0, f"{prefix.format(rank)}step {step} samples {4 * step}") for rank, step in said]
    tally = booked("step {steps} samples {samples}", *lines)
    assert tally.total("steps") == 30
    assert tally.total("samples") == 3 * 120


@pytest.mark.parametrize("prefix", ["{}: ", " {}: ", "[{}] "])
def test_a_number_in_front_is_a_rank_where_the_launcher_puts_it_there(prefix: str) -> None:
    said = [(0, 10), (1, 10), (0, 20), (11, 10), (1, 20), (0, 30), (11, 20), (11, 30), (1, 30)]
    lines = [(0.0, f"{prefix.format(rank)}step {step} samples {4 * step}") for rank, step in said]
    tally = booked("step {steps} samples {samples}", *lines, numbered=True)
    assert (tally.total("steps"), tally.total("samples")) == (30, 3 * 120)


@pytest.mark.parametrize("pattern", ["{rank}: samples {samples}", r"(?P<rank>\w+): samples (?P<samples>\d+)"])
def test_a_pattern_says_itself_where_the_rank_stands(pattern: str) -> None:
    lines = [(0.0, f"{rank}: samples {done}") for done in (10, 20, 30) for rank in (0, 1, 12)]
    assert booked(pattern, *lines).total("samples") == 3 * 30


def test_the_same_line_each_epoch_is_as_much_more_each_time() -> None:
    lines = [(float(epoch), "epoch done: samples=1000 loss=0.5") for epoch in range(5)]
    assert booked("samples={samples__inc}", *lines).total("samples") == 5000
    assert booked("samples={samples}", *lines).total("samples") == 1000


def test_each_ranks_rate_is_integrated_over_its_own_time() -> None:
    lines = [(t, f"[rank{rank}]: 100 samples/s") for t in (0.0, 1.0, 2.0) for rank in range(4)]
    assert booked("{samples__rate} samples/s", *lines).total("samples") == pytest.approx(800.0)


def test_one_ranks_new_beginning_is_not_that_of_the_others() -> None:
    bars = ["Epoch 1/2", "5/8 [====>", "8/8 [=====]"]
    lines = [(0.0, f"[rank{rank}]: {bar}") for bar in bars for rank in (0, 1)]
    tally = booked(r"re:(?P<samples>\d+)/8 \[", *lines)
    assert tally.total("samples") == 16


@pytest.mark.parametrize("line", ["12: step 5", "[3] step 5", "[Epoch 3]: step 5", "3: step 5"])
def test_a_number_in_front_may_be_anything(line: str) -> None:
    match = compile_pattern("step {steps}").search(line)
    assert match is not None
    assert match.rank == ""
