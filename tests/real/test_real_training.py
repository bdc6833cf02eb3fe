"""Trainings: the bars that they draw, and the one-line callbacks, beside what the frameworks counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from real.places import PROGRAMS, Place, training
from real.running import Run, perfwatch, watched

if TYPE_CHECKING:
    from real.comparing import Comparison

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def torch() -> Place:
    return training()


@pytest.fixture
def beside(tmp_path: Path) -> Mapping[str, str]:
    """The client and the callbacks lie beside the job, whose environment has no perfwatch."""
    perfwatch("client", "--write", str(tmp_path), "--callbacks", home=tmp_path)
    return {"PYTHONPATH": str(tmp_path)}


def told(run: Run) -> dict[str, Any]:
    """What the training says last."""
    return dict(json.loads(run.printed.strip().splitlines()[-1]))


def compare(table: Comparison, theirs: Mapping[str, int], run: Run, *names: str) -> None:
    for name in names:
        table.equal(name, theirs[name], run.count(name))


def test_the_trainers_bar(torch: Place, tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    run = watched(
        *(torch.python, str(PROGRAMS / "train_hf.py"), str(tmp_path / "out")),
        home=tmp_path / "home",
        options=("-w", "output=hf"),
    )
    with compared(f"transformers {torch.version('transformers')}, -w output=hf") as table:
        compare(table, told(run), run, "steps")


def test_the_trainers_callback(
    torch: Place, tmp_path: Path, beside: Mapping[str, str], compared: Callable[[str], Comparison]
) -> None:
    run = watched(
        *(torch.python, str(PROGRAMS / "train_hf.py"), str(tmp_path / "out"), "--callback"),
        home=tmp_path / "home",
        extra=beside,
    )
    with compared(f"transformers {torch.version('transformers')}, callback") as table:
        compare(table, told(run), run, "steps", "samples", "tokens")


def test_lightnings_bar(torch: Place, tmp_path: Path, compared: Callable[[str], Comparison]) -> None:
    """Its bar counts batches, of which two make a step of the optimizer."""
    run = watched(
        *(torch.python, str(PROGRAMS / "train_lightning.py")),
        home=tmp_path / "home",
        options=("-w", "output=lightning"),
    )
    with compared(f"Lightning {torch.version('lightning')}, -w output=lightning") as table:
        table.equal("steps of its bar: batches", told(run)["batches"], run.count("steps"))


def test_lightnings_callback(
    torch: Place, tmp_path: Path, beside: Mapping[str, str], compared: Callable[[str], Comparison]
) -> None:
    run = watched(
        *(torch.python, str(PROGRAMS / "train_lightning.py"), "--callback"),
        home=tmp_path / "home",
        extra=beside,
    )
    with compared(f"Lightning {torch.version('lightning')}, callback") as table:
        compare(table, told(run), run, "steps", "samples")


def test_a_loop_of_ones_own(
    torch: Place, tmp_path: Path, beside: Mapping[str, str], compared: Callable[[str], Comparison]
) -> None:
    run = watched(torch.python, str(PROGRAMS / "train_torch.py"), home=tmp_path / "home", extra=beside)
    with compared(f"torch {torch.version('torch')}, count_steps") as table:
        compare(table, told(run), run, "steps")
