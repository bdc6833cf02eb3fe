"""What records of a training log add up to: epochs, blocks, steps and samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from perfwatch.workload.training_log import Figures, TrainingLog

Said = tuple[str, Any, Mapping[str, Any]]
DATA: Said = ("train_samples", 100_000, {})
BATCH: Said = ("global_batch_size", 64, {})


def fold(*said: Said) -> tuple[float | None, float | None, float | None]:
    """Samples, steps and epochs at the end of a run with these records, a second apart."""
    log = TrainingLog()
    last: Figures | None = None
    for at_s, (key, value, metadata) in enumerate([("run_start", None, {}), *said]):
        for told in log.take(
            {"key": key, "value": value, "time_ms": 1000 * (at_s + 1), "metadata": metadata}
        ):
            last = told if isinstance(told, Figures) else last
    return (None, None, None) if last is None else (last.samples, last.steps, last.epochs)


def spans(name: str, count: int, **metadata: Any) -> list[Said]:
    """So many phases one after another; `{}` in metadata is the number of the one that ends."""
    return [
        one
        for number in range(1, count + 1)
        for one in (
            (f"{name}_start", None, {key: each for key, each in metadata.items() if key == "epoch_count"}),
            (f"{name}_stop", None, {key: _at(each, number) for key, each in metadata.items()}),
        )
    ]


def _at(each: Any, number: int) -> Any:
    return each(number) if callable(each) else each


def test_a_block_of_steps_is_no_epoch_and_its_samples_are_steps_of_a_batch() -> None:
    told = fold(DATA, BATCH, *spans("block", 10, step_num=lambda number: 10 * number))
    assert told == (6400, 100, None)


def test_a_block_that_says_how_many_epochs_it_holds_counts_them() -> None:
    assert fold(DATA, BATCH, *spans("block", 4, epoch_count=2)) == (800_000, None, 8)
    assert fold(DATA, BATCH, *spans("block", 4, epoch_count=0)) == (None, None, None)


def test_samples_that_the_log_counts_are_taken_whatever_its_steps_say() -> None:
    blocks = spans("block", 10, samples_count=lambda number: 384 * number, step_num=lambda number: number)
    assert fold(DATA, ("global_batch_size", 1000, {}), *blocks) == (3840, 10, None)


@pytest.mark.parametrize("batch", [64, 96], ids=["that fits", "that is rounded up"])
def test_whole_epochs_tell_samples_before_steps_do(batch: int) -> None:
    epochs = spans("epoch", 3, step_num=lambda number: 2000 * number)
    assert fold(DATA, ("global_batch_size", batch, {}), *epochs) == (300_000, 6000, 3)


def test_without_a_batch_or_a_size_of_the_data_steps_alone_are_known() -> None:
    assert fold(*spans("block", 2, step_num=lambda number: number)) == (None, 2, None)
    assert fold(BATCH, *spans("epoch", 2, step_num=lambda number: 5 * number)) == (640, 10, 2)
