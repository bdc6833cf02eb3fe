"""What a job may have done after its last lines."""

from __future__ import annotations

import pytest

from perfwatch.model import Device, DeviceKind
from perfwatch.workload.account import Account
from perfwatch.workload.patterns import compile_pattern
from perfwatch.workload.tally import Tally

S = 1_000_000_000


def account(pattern: str, *lines: tuple[float, str]) -> tuple[Account, Tally]:
    compiled = compile_pattern(pattern)
    tally = Tally(Device("job", "job", DeviceKind.WORKLOAD), 0)
    booked = Account(compiled, tally)
    for at_s, line in lines:
        match = compiled.search(line)
        assert match is not None, line
        booked.take(match, round(at_s * S))
    return booked, tally


def made(description: str, of: int, first: int = 0) -> str:
    return f"{description}:   0%|          | {first}/{of} [00:00<?, ?it/s]"


def drawn(description: str, done: int, of: int) -> str:
    return f"{description}:  50%|###       | {done}/{of} [00:03<00:01, 9.0it/s]"


def test_what_a_line_each_hundred_steps_leaves_untold_is_in_doubt_at_each_epoch_and_at_the_end() -> None:
    """138 steps an epoch, ten a second; the last line is four seconds old when the job ends."""
    epochs = [(20.0 * epoch + t, f"step {10 * t:.0f}") for epoch in range(3) for t in (5, 10)]
    booked, tally = account("step {steps}", *epochs)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (300, 2 * 49)
    booked.end(round(52.0 * S))
    assert tally.total("steps_doubted") == pytest.approx(2 * 49 + 2 * 20)


def test_lines_that_tell_each_step_leave_nothing() -> None:
    booked, tally = account("step {steps}", *((n / 10, f"step {1 + n % 50}") for n in range(200)))
    booked.end(30 * S)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (200, None)


def test_a_bar_that_is_made_at_a_value_begins_there() -> None:
    lines = [
        (0.0, made("train", 2000, 1000)),
        (1.0, drawn("train", 1500, 2000)),
        (2.0, drawn("train", 2000, 2000)),
    ]
    booked, tally = account("tqdm", *lines)
    booked.end(3 * S)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (1000, None)


def test_bars_of_one_kind_take_over_from_each_other() -> None:
    """Each is drawn at 60 of 68, and may have been whole when the next was made."""
    lines = [
        line
        for epoch in range(4)
        for line in (
            (10.0 * epoch, made(f"Epoch {epoch + 1}/4", 68)),
            (10.0 * epoch + 6, drawn(f"Epoch {epoch + 1}/4", 60, 68)),
        )
    ]
    booked, tally = account("tqdm", *lines)
    booked.end(round(36.4 * S))
    assert tally.total("steps") == 240
    assert tally.total("steps_doubted") == pytest.approx(3 * 8 + 2 * 0.4 * 10)


def test_bars_that_go_on_beside_each_other_are_in_no_doubt() -> None:
    lines = [(0.0, made(f"shard {who}", 100)) for who in range(3)]
    lines += [(1.0 + n, drawn(f"shard {who}", 20 * n, 100)) for n in range(1, 6) for who in range(3)]
    booked, tally = account("tqdm", *lines)
    booked.end(10 * S)
    assert (tally.total("steps"), tally.total("steps_doubted")) == (300, None)


def test_a_bar_that_was_gone_before_it_was_drawn_is_in_doubt() -> None:
    lines = [(0.2 * n, made("valid", 12)) for n in range(5)]
    assert account("tqdm", *lines)[1].total("steps_doubted") == 4 * 12


def test_a_bar_that_is_drawn_twice_when_it_is_made_is_one() -> None:
    lines = [(0.0, made("train", 12)), (0.001, made("train", 12)), (1.0, drawn("train", 12, 12))]
    assert account("tqdm", *lines)[1].total("steps_doubted") is None


def test_the_rounding_of_a_scaled_bar_is_in_doubt() -> None:
    booked, tally = account(
        "tqdm", (1.0, " 50%|#| 100k/200k [00:10<00:10, 10kit/s]"), (2.0, "99%|#| 123k/200k [00:12<0")
    )
    booked.end(2 * S)
    assert tally.total("steps") == 123_000
    assert tally.total("steps_doubted") == 500


def test_a_number_may_be_filled_with_blanks() -> None:
    assert account("Epoch: [{_}][{steps}/{_}]", (0.0, "Epoch: [0][  10/5005]"))[1].total("steps") == 10
